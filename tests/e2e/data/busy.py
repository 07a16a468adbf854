# SPDX-License-Identifier: GPL-2.0-or-later
"""Python that is busy for as many seconds as it is told, much of it in C extensions that call back."""
import hashlib
import json
import re
import sqlite3
import sys
import threading
import time
import zlib


def work(db, i):
    d = {f"k{j % 97}": [j, str(j)] for j in range(500)}
    text = json.dumps(d)
    json.loads(text)
    zlib.compress(text.encode())
    hashlib.sha256(text.encode() * 20).hexdigest()
    re.sub(r"k(\d+)", lambda m: m.group(1), text)
    sorted(d, key=lambda k: d[k][0])
    db.execute("insert into t values(?, ?)", (i, text[:50]))
    db.execute("select count(*) from t where a % 7 = 3").fetchone()


def run(end):
    db = sqlite3.connect(":memory:")
    db.execute("create table t(a, b)")
    i = 0
    while time.monotonic() < end:
        work(db, i)
        i += 1
        if i % 20 == 0:
            time.sleep(0.001)
        if i % 1000 == 0:
            db.execute("delete from t")


end = time.monotonic() + float(sys.argv[1])
threads = [threading.Thread(target=run, args=(end,)) for _ in range(2)]
for t in threads:
    t.start()
for t in threads:
    t.join()
