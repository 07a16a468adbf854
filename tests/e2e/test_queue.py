# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs that queue at one server: what each waited for most has the server's name, and the
share that the job's own clocks give it."""
import csv
import json
import os
import subprocess

import lib
from lib import S

from test_jobs import jenkins
import test_real

POINTS = 0.02

# answers one request at a time, each after 10 ms
SERVER = """
import socket, sys, threading, time
slot = threading.Lock()
def serve(c):
    while c.recv(100):
        with slot: time.sleep(0.01)
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
l = socket.create_server(("127.0.0.1", 0))
print(l.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(l.accept()[0],), daemon=True).start()
"""

# what a thread has not spent on a CPU, nor waiting for one: the clock, and the two sums that the
# kernel keeps of it, read at one instant.  Of a thread of the usual class that is moved in its sleep
# the kernel may book the sleep as waiting for a CPU; of the driver's it does not.
CLOCK = """
import time
def delay():
    with open("/proc/thread-self/schedstat") as f: return int(f.read().split()[1])
def blocked():
    while True:
        d = delay()
        t = time.monotonic_ns() - time.thread_time_ns()
        if delay() == d: return t - d
"""

# asset by asset: fetch, some work, a sidecar; its truth on standard output, in the last line
BATCH = CLOCK + """
import hashlib, json, os, socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
fetch, total, began = 0, int(sys.argv[2]), time.monotonic_ns()
for n in range(total):
    b = blocked()
    s.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n"); s.recv(1000)
    fetch += blocked() - b
    h = b"x"
    for _ in range(1000): h = hashlib.sha256(h).digest()
    with open(f"{sys.argv[3]}.{n % 8}", "wb") as f:
        f.write(h); f.flush(); os.fsync(f.fileno())
    print(f"[PERF] {n + 1}/{total} Elapsed: {(time.monotonic_ns() - began) / 1e9:.1f} s", flush=True)
print(json.dumps({"fetch_ns": fetch, "loop_ns": time.monotonic_ns() - began}))
"""

# statement by statement over a connection of its own; its truth on standard output
SESSION = CLOCK + """
import json, socket, struct, sys
def get(n):
    b = b""
    while len(b) < n:
        part = s.recv(n - len(b))
        assert part, "the server is gone"
        b += part
    return b
def until_ready():
    while True:
        kind, n = struct.unpack("!ci", get(5))
        body = get(n - 4)
        assert kind != b"E", body
        if kind == b"Z": return
def message(body, kind=b""): s.sendall(kind + struct.pack("!i", len(body) + 4) + body)
def timed(ask, *args):
    global waited
    b = blocked()
    ask(*args)
    until_ready()
    waited += blocked() - b
def connect():		# on a busy machine it takes the server a while to make a process for it
    global s
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    message(struct.pack("!i", 196608) + b"user\\0postgres\\0database\\0postgres\\0\\0")
waited = 0
timed(connect)
began = time.monotonic_ns()
for _ in range(int(sys.argv[2])):
    for statement in sys.argv[3:]:
        timed(message, statement.encode() + b"\\0", b"Q")
print(json.dumps({"waited_ns": waited, "loop_ns": time.monotonic_ns() - began}))
"""

# runs the commands of a file, each as a build, side by side; how long each was there, to which a wait of
# the driver's own for a CPU must not add
DRIVER = """
import json, os, subprocess, sys, threading, time
os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
jobs, truth = json.load(open(sys.argv[1])), {}
def one(name, argv, env):
    began = time.monotonic_ns()
    p = subprocess.run(argv, env=env, capture_output=True, text=True)
    truth[name] = {"wall_ns": time.monotonic_ns() - began, "out": p.stdout, "rc": p.returncode}
v = [threading.Thread(target=one, args=j) for j in jobs]
for t in v: t.start()
for t in v: t.join()
print(json.dumps(truth))
"""


def builds(jobs, *options):
    """Records commands, {name: argv}, as builds: (the recording, the driver's truth by name)."""
    with open(lib.tmp("jobs"), "w") as f:
        json.dump([[name, argv, jenkins(name, 7, LC_ALL="C")] for name, argv in jobs.items()], f)
    r = lib.record(list(options), [lib.PYTHON, "-c", DRIVER, lib.tmp("jobs")])
    truth = r.truth_output()
    assert all(t["rc"] == 0 for t in truth.values()), truth
    return r, truth


def judge(r, name, server, port, blocked_ns, wall_ns):
    """The job's top wait is for the server, with the share that the driver knows."""
    (job,) = [j for j in r.summary["jobs"] if j.get("name") == name]
    top, truth = job["top_wait"], blocked_ns / wall_ns
    lib.equal(top["wait"], f"net {server.name} 127.0.0.1:{port}", "what it waited for most")
    share = top["total_ns"] / top["of_ns"]
    print(f"{name}: {share:.4f} of its work; the driver: {truth:.4f}")
    lib.at_most(abs(share - truth), POINTS, f"share {share} against {truth} of {name}")
    lib.contains(r.err, rf"\n  {name}#7 .*\n    most for net {server.name} 127\.0\.0\.1:{port}: ",
                 "the closing table")
    with open(os.path.join(r.path, "peers.csv"), newline="") as f:
        (peer,) = [p for p in csv.DictReader(f)
                   if p["peer"] == f"127.0.0.1:{port}" and p["job"] == f"{name}#7"]
    lib.equal((peer["server"], int(peer["server_pid"])), (server.name, server.pid), "peers.csv")
    lib.equal(int(peer["wait_ns"]), top["total_ns"], "peers.csv against the job's wait")


def judge_units(r, name, blocked_ns, loop_ns):
    """The same of its units: the program's start is in neither."""
    (job,) = [j for j in r.summary["jobs"] if j.get("name") == name]
    mine, truth = job["top_wait"]["in_units"], blocked_ns / loop_ns
    share = mine["total_ns"] / mine["of_ns"]
    print(f"{name}: {share:.4f} of its units; the driver: {truth:.4f}")
    lib.at_most(abs(share - truth), POINTS, f"share {share} of units against {truth} of {name}")
    lib.contains(r.err, rf"\n      in its units, without the start: {share * 100:.1f} %, .* each, of {mine['n']}\n",
                 "the closing table")


class Name:
    def __init__(self, p):
        self.pid, self.name = p.pid, lib.comm_of(p.pid)


def test_http():
    """Two builds that queue at one HTTP server, which nobody traces."""
    p = lib.spawn([lib.PYTHON, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    r, truth = builds({n: [lib.PYTHON, "-c", BATCH, str(port), "120", lib.tmp(n)] for n in ("A", "B")},
                      "--unit-preset", "auto")
    own = {name: json.loads(t["out"].splitlines()[-1]) for name, t in truth.items()}
    for name, t in truth.items():
        judge(r, name, Name(p), port, own[name]["fetch_ns"], t["wall_ns"])
        judge_units(r, name, own[name]["fetch_ns"], own[name]["loop_ns"])
    # each of them waited for the other's requests, too
    lib.at_least(min(t["fetch_ns"] for t in own.values()), 120 * 15e6, "queueing")
    # and no line of the table says that the time went into waiting for one's own children
    table = r.err[r.err.index("WHAT IT WAITED FOR"):].splitlines()
    lib.contains(table[2], rf"^  net {Name(p).name} 127", "the first line")


def test_row_lock():
    """A session that holds a row for 20 ms at a time, and one that wants it."""
    _, port, quiet, p = test_real.start_postgres()
    psql = [lib.need("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-d", "postgres"]
    lib.until(lambda: subprocess.run(psql + ["-c", "CREATE TABLE t (id int PRIMARY KEY, n int); "
                                             "INSERT INTO t VALUES (1, 0)"],
                                     **quiet).returncode == 0, 20, "the table")
    update = "UPDATE t SET n = n + 1 WHERE id = 1"
    sessions = {"holder": ["BEGIN", update, "SELECT pg_sleep(0.02)", "COMMIT"], "waiter": [update]}
    r, truth = builds({n: [lib.PYTHON, "-c", SESSION, str(port), "60"] + v for n, v in sessions.items()})
    for name, t in truth.items():
        judge(r, name, Name(p), port, json.loads(t["out"])["waited_ns"], t["wall_ns"])
    lib.at_least(r.waited(state="net"), 1.5 * S, "waits for the row and for the server's sleep")
    lib.stop(p, 2)
