#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A batch over N assets, as many are: fetch, parse, classify, commit, write.

    batch.py --serve PORTFILE             the asset server, on a free loopback port
    batch.py [--assets N] --dir DIR PORT  the batch

Standard library only.  The server answers after a delay, so the batch waits for
the network; matching is regular expressions; each row is committed; each sidecar
file is written and synced.
"""
import argparse
import hashlib
import http.client
import http.server
import json
import os
import re
import sqlite3
import sys
import time

DELAY_S = 0.010
WORD = re.compile(r"(?:(beach|city|forest|snow)[-_ ]?)+(\d{1,4})?", re.IGNORECASE)


class Asset(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def do_GET(self):
        number = int(self.path.rsplit("/", 1)[-1])
        time.sleep(DELAY_S)
        words = [("beach", "City_12", "forest", "snow-7", "cat")[(number + k) % 5] for k in range(60)]
        body = json.dumps({"id": number, "name": f"IMG_{number:06d}.jpg", "words": words}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(port_file):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asset)
    server.daemon_threads = True
    with open(port_file + ".new", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


def fetch(connection, number):
    connection.request("GET", f"/assets/{number}")
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        sys.exit(f"batch: asset {number}: HTTP {response.status}")
    return json.loads(body)


def classify(asset):
    digest = hashlib.sha256()
    for k in range(12):
        for word in asset["words"]:
            match = WORD.search(word * (k % 3 + 1))
            if match:
                digest.update(match.group(0).encode())
    return digest.hexdigest()


def store(db, asset, digest):
    db.execute("INSERT INTO tags VALUES (?, ?)", (asset["id"], digest))
    db.commit()


def write_sidecar(directory, asset, digest):
    with open(os.path.join(directory, f"{asset['id'] % 64:02d}.json"), "w") as f:
        json.dump({"id": asset["id"], "name": asset["name"], "digest": digest}, f)
        f.flush()
        os.fsync(f.fileno())


def batch(port, count, directory):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    db = sqlite3.connect(os.path.join(directory, "tags.sqlite"))
    db.execute("CREATE TABLE IF NOT EXISTS tags (id INTEGER, digest TEXT)")
    began = shown = time.monotonic()
    for number in range(1, count + 1):
        asset = fetch(connection, number)
        digest = classify(asset)
        store(db, asset, digest)
        write_sidecar(directory, asset, digest)
        now = time.monotonic()
        if now - shown >= 1 or number == count:
            shown, each = now, (now - began) / number
            print(f"[PERF] {number}/{count} ({100 * number / count:.1f}%) Avg: {each:.3f} s. "
                  f"Est. remaining: {each * (count - number):.1f} s", flush=True)
    db.close()


def main():
    p = argparse.ArgumentParser(description="a demonstration batch")
    p.add_argument("--serve", metavar="PORTFILE")
    p.add_argument("--assets", type=int, default=200)
    p.add_argument("--dir", default=".")
    p.add_argument("port", type=int, nargs="?")
    o = p.parse_args()
    if o.serve:
        serve(o.serve)
    elif o.port:
        batch(o.port, o.assets, o.dir)
    else:
        p.error("a port, or --serve PORTFILE")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
