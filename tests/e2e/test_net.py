# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections and peers against witnesses: servers' own counts, ss, /proc/net."""
# side by side
import array
import csv
import os
import re
import resource
import socket
import struct
import subprocess
import threading
import time

import lib
from lib import MS, S

NUMBERS = {"pid", "connect_ns", "bytes_sent", "bytes_received", "srtt_us", "retransmits", "resets",
           "wait_ns", "waits", "wait_max_ns", "connections", "connect_p50_ns", "connect_p95_ns",
           "connect_max_ns", "failed_connects", "srtt_us_mean", "srtt_us_max", "resets_sent",
           "resets_received", "wait_p95_ns"}


def rows(r, name, **match):
    with open(os.path.join(r.path, name), newline="") as f:
        found = [{k: int(v) if k in NUMBERS else v for k, v in row.items()}
                 for row in csv.DictReader(f)]
    return [row for row in found if all(row[k] == v for k, v in match.items())]


def conns(r, **match):
    return rows(r, "connections.csv", **match)


def peers(r, **match):
    return rows(r, "peers.csv", **match)


def consistent(r):
    """Rows of connections add up to their peers where none was folded; waits have their peers."""
    nameless = r.waited(state="net", reason=re.compile(r"^(unnamed|unconnected|\[unattributed\])$"))
    lib.at_most(nameless, r.state("net") * 0.02, "waits without a peer")
    if r.summary["network"]["connections_folded"]:
        return
    for key in ("bytes_sent", "bytes_received", "retransmits"):
        lib.equal(sum(c[key] for c in conns(r)), sum(p[key] for p in peers(r)), key)
    lib.equal(len([c for c in conns(r) if c["state_at_end"] != "SYN_SENT"]),
              sum(p["connections"] for p in peers(r)), "connections")


class Server:
    """Answers each request of `ask` bytes by `reply` bytes after delay_s; keeps count."""

    def __init__(self, family=socket.AF_INET, ask=100, reply=1000, delay_s=0.0, address=None):
        self.ask, self.reply, self.delay_s = ask, reply, delay_s
        host = address or ("127.0.0.1" if family == socket.AF_INET else "::1")
        self.socket = socket.create_server((host, 0), family=family)
        self.port = self.socket.getsockname()[1]
        self.accepted = self.received = self.sent = 0
        self.clients = []
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()
        lib.cleanup(self.socket.close)

    def accept(self):
        while True:
            try:
                c, where = self.socket.accept()
            except OSError:
                return
            with self.lock:
                self.accepted += 1
                self.clients.append(where[1])
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        while True:
            got = b""
            while len(got) < self.ask:
                try:
                    part = c.recv(self.ask - len(got))
                except OSError:
                    part = b""
                if not part:
                    c.close()
                    return
                got += part
                with self.lock:
                    self.received += len(part)
            if self.delay_s:
                time.sleep(self.delay_s)
            with self.lock:
                self.sent += self.reply
            c.sendall(b"r" * self.reply)


CLIENT = """
import socket, sys, time
host, port, connections, requests, ask, reply = sys.argv[1], *map(int, sys.argv[2:7])
for _ in range(connections):
    s = socket.create_connection((host, port))
    for _ in range(requests):
        s.sendall(b"a" * ask)
        n = 0
        while n < reply:
            n += len(s.recv(reply - n))
    s.close()
"""


def client(*args):
    return [lib.PYTHON, "-c", CLIENT] + [str(a) for a in args]


def one_peer(family, host, text):
    server = Server(family, delay_s=0.004)
    r = lib.record([], client(host, server.port, 6, 10, 100, 1000))
    lib.equal(r.summary["exit"]["status"], 0, "status of the client")
    consistent(r)
    mine = conns(r, peer=f"{text}:{server.port}", direction="out")
    lib.equal(len(mine), server.accepted, "connections against the server's count")
    lib.equal(sorted(int(c["local"].rsplit(":", 1)[1]) for c in mine), sorted(server.clients),
              "local ports against those the server saw")
    (peer,) = peers(r, peer=f"{text}:{server.port}")
    lib.equal(peer["bytes_sent"], server.received, "bytes sent")
    lib.equal(peer["bytes_received"], server.sent, "bytes received")
    for c in mine:
        lib.equal((c["bytes_sent"], c["bytes_received"], c["seen"], c["end_reason"]),
                  (1000, 10000, "whole", "closed here"), "a connection")
        assert 0 < c["connect_ns"] < S, c
        assert c["start_utc"] < c["end_utc"], c
    # the ledger's waits, by peer and by connection: all of them were for these
    net = r.waited(state="net", reason=f"{text}:{server.port}")
    lib.at_least(net, 60 * 4 * MS, "wait for the peer")
    lib.equal(peer["wait_ns"], net, "peers.csv against waits.csv")
    lib.equal(sum(c["wait_ns"] for c in mine), net, "connections.csv against waits.csv")
    assert 3.5 * MS <= peer["wait_p95_ns"] <= peer["wait_max_ns"], peer


def test_ipv4():
    one_peer(socket.AF_INET, "127.0.0.1", "127.0.0.1")


def test_ipv6():
    one_peer(socket.AF_INET6, "::1", "[::1]")


def test_server_side():
    """What is accepted: by client and port, with the process that served it."""
    script = f"""
import os, socket, sys
s = socket.create_server(("127.0.0.1", 0))
with open({lib.tmp('ready~')!r}, "w") as f: f.write(str(s.getsockname()[1]))
os.rename({lib.tmp('ready~')!r}, {lib.tmp('ready')!r})
if not os.fork():          # the child serves, the parent listened
    for _ in range(5):
        c, _ = s.accept()
        while True:
            d = c.recv(1000)
            if not d: break
            c.sendall(d * 3)
        c.close()
    os._exit(0)
s.close()
os.wait()
"""
    p = lib.Running(["--", lib.PYTHON, "-c", script]).attached()
    port = int(lib.until(lambda: os.path.exists(lib.tmp("ready")) and open(lib.tmp("ready")).read(),
                         10, "server"))
    for i in range(5):
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"x" * 100)
            n = 0
            while n < 300:
                n += len(s.recv(1000))
    r = p.finish()
    consistent(r)
    served = conns(r, local=f"127.0.0.1:{port}", direction="in")
    lib.equal(len(served), 5, f"accepted connections {conns(r)}")
    child = {c["pid"] for c in served}
    lib.equal(len(child), 1, "who served")
    assert child != {r.threads()[0]["pid"]}, "the parent did not serve"
    for c in served:
        lib.equal((c["bytes_sent"], c["bytes_received"], c["owner"], c["end_reason"]),
                  (300, 100, "user", "closed by peer"), "an accepted connection")
    (peer,) = peers(r, peer=f"client 127.0.0.1 of :{port}")
    lib.equal(peer["connections"], 5)
    (listener,) = [x for x in r.summary["network"]["listeners"] if x["local"].endswith(f":{port}")]
    lib.equal(listener["accepted"], 5, "the listener's count")


def test_open_before():
    """Connections that were there before the start, and are there at the end: what changed
    in between, as ss has it."""
    server = Server()
    script = f"""
import socket, sys, time
v = [socket.create_connection(("127.0.0.1", {server.port})) for _ in range(4)]
def ask(s):
    s.sendall(b"a" * 100)
    n = 0
    while n < 1000: n += len(s.recv(1000))
for s in v: ask(s)
sys.stdout.write("ready\\n"); sys.stdout.flush()
sys.stdin.readline()
for s in v[:3]:
    for _ in range(5): ask(s)
v[0].close()
sys.stdout.write("done\\n"); sys.stdout.flush()
time.sleep(60)
"""
    p = lib.spawn([lib.PYTHON, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lib.equal(p.stdout.readline(), b"ready\n")
    running = lib.Running(["-p", p.pid]).attached()
    time.sleep(0.3)
    p.stdin.write(b"\n")
    p.stdin.flush()
    lib.equal(p.stdout.readline(), b"done\n")
    seen = subprocess.run(["ss", "-tinH", f"dport = :{server.port}"], capture_output=True,
                          text=True).stdout if lib.need("ss") else ""
    running.p.send_signal(2)
    r = running.finish()
    mine = conns(r, peer=f"127.0.0.1:{server.port}")
    lib.equal(len(mine), 4, "connections")
    lib.equal(sorted((c["bytes_sent"], c["bytes_received"], c["end_reason"]) for c in mine),
              sorted([(500, 5000, "closed here"), (500, 5000, "open"), (500, 5000, "open"),
                      (0, 0, "open")]), "what they carried since")
    lib.equal({(c["seen"], c["start_utc"], c["pid"], c["direction"]) for c in mine},
              {("open", "", p.pid, "out")}, "all of them were open before")
    # the round trip is the socket's own, as ss shows it
    for line, info in zip(seen.splitlines()[::2], seen.splitlines()[1::2]):
        local = line.split()[3]
        (c,) = [c for c in mine if c["local"] == local]
        rtt = float(re.search(r" rtt:([0-9.]+)/", info).group(1))
        lib.at_most(abs(c["srtt_us"] / 1000 - rtt), 0.002, f"srtt of {c} against {info}")


def test_refused_reset():
    """Connections that end otherwise, each with its reason; the port of a failed one, too."""
    resetter = socket.create_server(("127.0.0.1", 0))
    lib.cleanup(resetter.close)
    port = resetter.getsockname()[1]

    def serve():
        while True:
            try:
                c, _ = resetter.accept()
            except OSError:
                return
            try:
                c.recv(10)
            except ConnectionResetError:
                continue
            time.sleep(0.05)	# the client waits when the reset comes
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            c.close()

    threading.Thread(target=serve, daemon=True).start()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = s.getsockname()[1]
    script = f"""
import socket, struct
for _ in range(3):
    s = socket.create_connection(("127.0.0.1", {port}))
    s.sendall(b"hello")
    try: s.recv(10); print("no reset")
    except ConnectionResetError: pass
    s.close()
for _ in range(2):
    try: socket.create_connection(("127.0.0.1", {closed})); print("not refused")
    except ConnectionRefusedError: pass
s = socket.create_connection(("127.0.0.1", {port}))
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
"""
    r = lib.record([], [lib.PYTHON, "-c", script])
    lib.equal(r.out, "", "the client's word")
    ends = [c["end_reason"] for c in conns(r, peer=f"127.0.0.1:{port}")]
    lib.equal(sorted(ends), ["reset by peer"] * 3 + ["reset here"], "ends")
    (peer,) = peers(r, peer=f"127.0.0.1:{port}")
    lib.equal((peer["connections"], peer["resets_received"], peer["resets_sent"]), (4, 3, 1), peer)
    # a reset that ends a wait loses none of it
    lib.equal(sum(c["wait_ns"] for c in conns(r)), r.waited(state="net"), "waits")
    lib.at_least(r.waited(state="net"), 3 * 45 * MS, "waits for a reset")
    refused = conns(r, peer=f"127.0.0.1:{closed}")
    lib.equal([(c["end_reason"], c["state_at_end"]) for c in refused],
              [("refused", "SYN_SENT")] * 2, "refused ones")
    assert all(not c["local"].endswith(":0") for c in refused), refused
    (peer,) = peers(r, peer=f"127.0.0.1:{closed}")
    lib.equal((peer["connections"], peer["failed_connects"]), (0, 2), peer)


def test_idle_peer():
    """Reading from a named peer is idle; sending, connecting and other peers are not."""
    queue, other = Server(delay_s=0.02), Server(delay_s=0.02)
    script = CLIENT + f"""
s = socket.create_connection(("127.0.0.1", {other.port}))
for _ in range(10):
    s.sendall(b"a" * 100)
    n = 0
    while n < 1000: n += len(s.recv(1000))
"""
    r = lib.record([f"--idle-peer=127.0.0.1:{queue.port}"],
                   [lib.PYTHON, "-c", script, "127.0.0.1", str(queue.port), "1", "10", "100", "1000"])
    lib.at_least(r.waited(state="idle", reason=f"127.0.0.1:{queue.port}"), 0.19 * S, "idle")
    lib.equal(r.waited(state="net", reason=f"127.0.0.1:{queue.port}"), 0, "net for the queue")
    lib.at_least(r.waited(state="net", reason=f"127.0.0.1:{other.port}"), 0.19 * S, "net")
    lib.equal(r.summary["audit"]["witness_disagreements"], 0, "disputed waits")
    lib.sentence(["record", "--idle-peer", "10.0.0:80", "--", "true"], "idle-peer", 2)


def test_unix_peer():
    """The process at the other end of a unix socket."""
    path = lib.tmp("u.sock")
    script = f"""
import socket, time
s = socket.socket(socket.AF_UNIX); s.bind({path!r}); s.listen()
c, _ = s.accept()
while c.recv(10): time.sleep(0.02); c.sendall(b"x")
"""
    p = lib.spawn([lib.PYTHON, "-c", script])
    lib.until(lambda: os.path.exists(path), 10, "socket")
    time.sleep(0.1)
    r = lib.record([], [lib.PYTHON, "-c", f"""
import socket
s = socket.socket(socket.AF_UNIX); s.connect({path!r})
for _ in range(10): s.sendall(b"a"); s.recv(10)
"""])
    lib.at_least(r.waited(state="ipc", reason=f"unix {path[:39]} (python3 {p.pid})"), 0.19 * S,
                 f"{r.waits(state='ipc')}")


def test_replaced_while_blocked():
    """A call that blocks again waits for what it began with, though its descriptor is another's now, or none."""
    work = """
import ctypes, os, socket, sys, threading, time
libc = ctypes.CDLL(None)
first, second = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
print(first.getsockname()[1], second.getsockname()[1])
other = socket.create_connection(second.getsockname()); second.accept()[0].detach()
for replaced in (True, False):
    c = socket.create_connection(first.getsockname())
    s, _ = first.accept()
    fd = os.dup(c.fileno())
    t = threading.Thread(target=lambda: libc.recv(fd, ctypes.create_string_buffer(100), 100, socket.MSG_WAITALL))
    t.start()
    time.sleep(0.1)
    os.dup2(other.fileno(), fd) if replaced else os.close(fd)
    time.sleep(0.1); s.send(b"x" * 10)		# it wakes, and blocks again
    time.sleep(0.3); s.send(b"x" * 90)
    t.join()
"""
    r = lib.record([], [lib.PYTHON, "-c", work])
    one, other = r.out.split()
    lib.near(r.waited(state="net", reason=f"127.0.0.1:{one}"), 1000 * MS, 100 * MS, f"{r.waits(state='net')}")
    lib.equal(r.waited(reason=f"127.0.0.1:{other}"), 0, "the connection that took its place")
    lib.equal(r.waited(state="other", reason="recvfrom"), 0, "without an object")
    # the next call is for whatever is there now
    work = """
import os, socket
l = socket.create_server(("127.0.0.1", 0))
for i in range(4):
    peers = [socket.create_server(("127.0.0.1", 0)) for _ in range(1)]
    c = socket.create_connection(peers[0].getsockname())
    print(peers[0].getsockname()[1])
    os.dup2(c.fileno(), 100)
    s, _ = peers[0].accept()
    if os.fork() == 0:
        import time
        time.sleep(0.1); s.send(b"x"); os._exit(0)
    socket.socket(fileno=os.dup2(100, 101)).detach()
    d = socket.socket(fileno=101); d.recv(1); d.detach()
    os.wait()
"""
    r = lib.record([], [lib.PYTHON, "-c", work])
    for port in r.out.split():
        lib.near(r.waited(state="net", reason=f"127.0.0.1:{port}"), 100 * MS, 50 * MS, f"{r.waits(state='net')}")


def test_unix_sender():
    """A datagram socket that is joined with nobody waits for room where it sends to."""
    path = "log.sock"		# what a reason keeps of a name is shorter than the way to here may be
    work = f"""
import os, socket, threading, time
os.chdir({lib.TMP!r})
def receive(s):
    time.sleep(0.2)
    s.settimeout(0.3)
    try:
        while True: s.recv(100)
    except OSError: pass
for i, (name, send) in enumerate((({path!r}, lambda s, to: s.sendto(b"x", to)),
                                  ("\\0wt-" + str(os.getpid()), lambda s, to: s.sendmsg([b"x"], [], 0, to)))):
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(name)
    t = threading.Thread(target=receive, args=(server,))
    t.start()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for _ in range(40): send(client, name)
    t.join()
"""
    r = lib.record([], [lib.PYTHON, "-c", work])
    sent = {w["reason"]: w["total_ns"] for w in r.waits(state="ipc") if w["total_ns"] > 100 * MS}
    named = [ns for reason, ns in sent.items() if reason == f"unix {path}"]
    abstract = [ns for reason, ns in sent.items() if reason.startswith("unix @wt-")]
    assert len(named) == 1 and len(abstract) == 1 and len(sent) == 2, sent


def test_full():
    """More connections than the kernel side follows at a time, and than have rows."""
    server = Server()
    script = f"""
import socket
v = [socket.create_connection(("127.0.0.1", {server.port})) for _ in range(100)]
for s in v: s.shutdown(socket.SHUT_WR)
for s in v: s.recv(1)		# all have ended before the account does
"""
    r = lib.record(["--conn-entries", 40], [lib.PYTHON, "-c", script])
    lib.equal(r.loss["connections_full"], 60, "connections_full")
    lib.equal(len(conns(r)), 40, "rows")
    r = lib.record(["--max-conns", 30], [lib.PYTHON, "-c", script])
    lib.equal(r.loss["connections_folded"], 70, "connections_folded")
    lib.equal(len(conns(r)), 30, "rows")
    (peer,) = peers(r, peer=f"127.0.0.1:{server.port}")
    lib.equal(peer["connections"], 100, "the peer has them all")


def test_full_at_both_ends():
    """Those that found no room count once each, though walks meet them again; no client's port is a peer."""
    script = """
import socket, sys, threading, time
l = socket.create_server(("127.0.0.1", 0), backlog=128)
print(l.getsockname()[1], flush=True)
sys.stdin.readline()
v = []
for i in range(60):
    s = socket.create_connection(l.getsockname()); v += [s, l.accept()[0]]
for i in range(50, 60):		# a wait for each of these is one for a connection that is not followed
    t = threading.Thread(target=v[2 * i + 1].recv, args=(1,)); t.start()
    time.sleep(0.03); v[2 * i].sendall(b"a"); t.join()
print("done", flush=True)
time.sleep(60)
"""
    p = lib.spawn([lib.PYTHON, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    running = lib.Running(["--conn-entries", 40, "-p", p.pid]).attached()
    p.stdin.write("\n")
    p.stdin.flush()
    lib.equal(p.stdout.readline(), "done\n")
    r = running.finish(sig=2)
    lib.equal(r.loss["connections_full"], 80, "ends that found no room")
    lib.equal(sorted((x["peer"], x["connections"]) for x in peers(r)),
              [(f"127.0.0.1:{port}", 20), (f"client 127.0.0.1 of :{port}", 20)], "peers")
    lib.at_least(r.waited(state="net", reason=f"client 127.0.0.1 of :{port}"), 250 * MS, "waits for clients")


def test_resolve():
    """Names of hosts, only when asked for."""
    try:
        name = socket.gethostbyaddr("127.0.0.1")[0]
    except OSError:
        raise lib.Skip("127.0.0.1 has no name here")
    server = Server()
    command = client("127.0.0.1", server.port, 1, 1, 100, 1000)
    for args, host in (([], ""), (["--resolve"], name)):
        r = lib.record(args, command)
        (peer,) = peers(r, peer=f"127.0.0.1:{server.port}")
        lib.equal(peer["host"], host, f"host with {args}")


def test_not_followed():
    """--no-connections: no rows, but the waits have their peers."""
    server = Server(delay_s=0.01)
    r = lib.record(["--no-connections"], client("127.0.0.1", server.port, 2, 10, 100, 1000))
    lib.equal(conns(r), [], "connections")
    (peer,) = peers(r, peer=f"127.0.0.1:{server.port}")
    lib.at_least(peer["wait_ns"], 0.19 * S, "waits")
    lib.equal(peer["connections"], 0, "connections of the peer")


def test_ring_full():
    server = Server()
    script = f"""
import socket, time
time.sleep(0.9)
for _ in range(500): socket.create_connection(("127.0.0.1", {server.port})).close()
"""
    p = lib.Running(["--ring-kb", "4", "--", lib.PYTHON, "-c", script]).attached()
    p.p.send_signal(19)
    time.sleep(2.5)
    p.p.send_signal(18)
    r = p.finish()
    lib.at_least(r.loss["connection_ring_full"], 1, "connection_ring_full")
    lib.equal(len(conns(r)) + r.loss["connection_ring_full"], 500, "rows and losses")


def test_end_missed():
    """An end that the kernel side did not see: found when the socket is no longer there."""
    server = Server()
    r = lib.record(["--fault", "close"], client("127.0.0.1", server.port, 200, 0, 100, 1000))
    lib.equal(r.summary["network"]["connections"], 200, "connections")
    lib.equal(len(conns(r)), 200, "rows")
    # what was missed is that the socket went: its state had said that it is over
    lib.equal({c["end_reason"] for c in conns(r)}, {"closed here"}, "ends")
    lib.equal(r.loss["connection_end_missed"], 0, "connection_end_missed")
    r = lib.record(["--fault", "close", "--fault", "conn-state"],
                   client("127.0.0.1", server.port, 200, 0, 100, 1000))
    lib.equal(len(conns(r)), 200, "rows, when their state was not seen to change, either")
    lib.at_least(r.loss["connection_end_missed"], 10, "connection_end_missed: one in four of 200")


def test_ends_as_the_account_closes():
    """What is closed between the end of the account and the detaching is told of once, and as it was then."""
    script = """
import socket, time
l = socket.create_server(("127.0.0.1", 0), backlog=1024)
v = []
print("ready", flush=True)
while True:
    while len(v) < 2000:
        v.append((socket.create_connection(l.getsockname()), l.accept()[0]))
    for s in v.pop(0):
        s.close()
    time.sleep(0.0001)
"""
    p = lib.spawn([lib.PYTHON, "-c", script], stdout=subprocess.PIPE)
    lib.equal(p.stdout.readline(), b"ready\n")
    time.sleep(0.3)		# until there are 2000
    r = lib.record(["-d", "0.4", "-p", p.pid])
    all_ = conns(r)
    closed = [c for c in all_ if c["end_utc"]]
    lib.at_least(len(closed), 200, "connections that ended")
    lib.equal(len({(c["local"], c["peer"]) for c in all_}), len(all_), "rows, each of another connection")
    lib.equal([c for c in closed if c["end_utc"] > r.summary["end_utc"]], [], "ended after the recording")
    lib.equal(r.summary["network"]["connections_open"], len([c for c in all_ if c["end_reason"] == "open"]),
              "open ones")


def test_let_go():
    """Who has closed his end has let go of it, though the kernel has bytes for the peer yet; by half he has not."""
    server = socket.create_server(("127.0.0.1", 0), backlog=8)		# which reads nothing
    lib.cleanup(server.close)
    script = f"""
import socket, sys, time
full, half, kept = (socket.create_connection(("127.0.0.1", {server.getsockname()[1]})) for _ in range(3))
print(*(s.getsockname()[1] for s in (full, half, kept)), flush=True)
sys.stdin.readline()
full.setblocking(False)
try:
    while True:
        full.send(b"x" * 65536)
except BlockingIOError:
    pass
full.close()
half.shutdown(socket.SHUT_WR)
print("done", flush=True)
time.sleep(60)
"""
    p = lib.spawn([lib.PYTHON, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    ports = p.stdout.readline().split()
    running = lib.Running(["-p", p.pid]).attached()
    p.stdin.write("\n")
    p.stdin.flush()
    lib.equal(p.stdout.readline(), "done\n")
    time.sleep(0.3)		# the peer's kernel acknowledges what it has room for
    running.p.send_signal(2)
    r = running.finish()
    lib.equal([(c["end_reason"], c["state_at_end"], c["end_utc"]) for port in ports
               for c in conns(r, local=f"127.0.0.1:{port}")],
              [("closed here", "FIN_WAIT1", ""), ("open", "FIN_WAIT2", ""), ("open", "ESTABLISHED", "")],
              "closed, by half, not at all")
    lib.equal(r.summary["network"]["connections_open"], 2, "open ones")


# ---- a network of the test's own -------------------------------------------------

def netns():
    """A network namespace with loopback up; a prefix of commands that run in it."""
    lib.need_root()
    ip = lib.need("ip")
    name = f"wt-test-{os.getpid()}"
    if subprocess.run([ip, "netns", "add", name], capture_output=True).returncode:
        raise lib.Skip("no network namespace can be made")
    lib.cleanup(subprocess.run, [ip, "netns", "del", name])
    subprocess.run([ip, "-n", name, "link", "set", "lo", "up"], check=True)
    return [ip, "netns", "exec", name]


def lossy(within, percent):
    """Drops so many of the packets on loopback; by netem, or where it is lacking by nftables."""
    tc, nft = lib.shutil.which("tc"), lib.shutil.which("nft")
    if tc and not subprocess.run(within + [tc, "qdisc", "add", "dev", "lo", "root", "netem", "loss",
                                           f"{percent}%"], capture_output=True).returncode:
        return "netem"
    rules = (f"add table ip t; add chain ip t c {{ type filter hook input priority 0; }}; "
             f"add rule ip t c numgen random mod 100 < {percent} drop")
    if nft and not subprocess.run(within + [nft, rules], capture_output=True).returncode:
        return "nft"
    ipt = lib.shutil.which("iptables")
    if ipt and not subprocess.run(within + [ipt, "-A", "INPUT", "-m", "statistic", "--mode", "random",
                                            "--probability", str(percent / 100), "-j", "DROP"],
                                  capture_output=True).returncode:
        return "iptables"
    raise lib.Skip("neither netem nor nftables nor iptables can drop packets with this kernel")


LOSSY = """
import socket, sys, threading
TEXT = b"x" * 20000
def serve(l):
    while True:
        c, _ = l.accept()
        threading.Thread(target=one, args=(c,), daemon=True).start()
def one(c):
    n = 0
    while n < len(TEXT):
        d = c.recv(65536)
        if not d: return
        n += len(d)
    c.sendall(TEXT)
    c.recv(1)
    c.close()
l = socket.create_server(("127.0.0.1", 7001))
threading.Thread(target=serve, args=(l,), daemon=True).start()
for _ in range(40):
    s = socket.create_connection(("127.0.0.1", 7001))
    s.sendall(TEXT)
    n = 0
    while n < len(TEXT): n += len(s.recv(65536))
    s.close()
def retrans():
    with open("/proc/net/snmp") as f:
        names, values = [x.split() for x in f if x.startswith("Tcp:")]
    return int(values[names.index("RetransSegs")])
import time
time.sleep(1)
print(retrans())
"""


def test_retransmits():
    """Lost packets: retransmits as /proc/net/snmp of the namespace counts them, bytes without."""
    within = netns()
    how = lossy(within, 4)
    p = lib.Running(["--"] + within + [lib.PYTHON, "-c", LOSSY])
    r = p.finish()
    out = int(r.out.strip())
    print(f"{how}: {out} segments sent again")
    lib.at_least(out, 1, "retransmits in the namespace's own count")
    consistent(r)
    rows = conns(r)
    # SYN-ACKs that were sent again belong to no socket yet; the kernel adds them to it later
    seen = sum(c["retransmits"] for c in rows)
    lib.at_most(abs(seen - out), max(2, out * 0.02), f"retransmits {seen} of {out}")
    for c in rows:
        if c["direction"] == "out":
            lib.equal((c["bytes_sent"], c["bytes_received"]), (20000, 20000), f"bytes of {c}")
    (peer,) = peers(r, peer="127.0.0.1:7001")
    lib.equal(peer["retransmits"], sum(c["retransmits"] for c in rows if c["direction"] == "out"))


def test_accept_queue():
    """A listener whose queue is full: how full it was, and who found no room."""
    script = """
import socket, time
l = socket.socket(); l.bind(("127.0.0.1", 0)); l.listen(2)
v = []
for _ in range(10):
    s = socket.socket(); s.setblocking(False)
    try: s.connect(l.getsockname())
    except BlockingIOError: pass
    v.append(s)
time.sleep(0.3)
with open("/proc/net/netstat") as f:
    names, values = [x.split() for x in f if x.startswith("TcpExt:")]
print(l.getsockname()[1], values[names.index("ListenOverflows")])
"""
    within = netns()
    r = lib.record([], within + [lib.PYTHON, "-c", script])
    port, overflows = map(int, r.out.split())
    lib.at_least(overflows, 1, "the namespace's own count")
    (listener,) = r.summary["network"]["listeners"]
    lib.equal(listener["local"], f"127.0.0.1:{port}")
    lib.equal(listener["accepted"], 3, f"{listener}")
    # the queue of a listener takes one more than it was asked for
    lib.equal((listener["backlog_peak"], listener["backlog_limit"]), (3, 2), f"{listener}")
    lib.at_least(listener["drops"], overflows, f"{listener}")


def test_passed_between_processes():
    """A socket of a process that is not traced, handed over by SCM_RIGHTS: marked as late."""
    server = Server(delay_s=0.01)
    path = lib.tmp("rights.sock")
    giver = socket.socket(socket.AF_UNIX)
    giver.bind(path)
    giver.listen()
    taker = f"""
import array, socket, sys
u = socket.socket(socket.AF_UNIX); u.connect({path!r})
_, anc, _, _ = u.recvmsg(1, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
s = socket.socket(fileno=fd)
for _ in range(150):
    s.sendall(b"a" * 100)
    n = 0
    while n < 1000: n += len(s.recv(1000))
"""

    def give():
        u, _ = giver.accept()
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            u.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [s.fileno()]))])

    threading.Thread(target=give, daemon=True).start()
    r = lib.record([], [lib.PYTHON, "-c", taker])
    (c,) = conns(r, peer=f"127.0.0.1:{server.port}")
    lib.equal((c["seen"], c["start_utc"], c["end_reason"]), ("late", "", "closed here"), f"{c}")
    assert 0 < c["bytes_received"] < server.sent, f"what came since it was found: {c}"
    # the ledger knew the peer all the time
    lib.at_least(r.waited(state="net", reason=f"127.0.0.1:{server.port}"), 1.4 * S, "waits")


def test_closed_and_reused():
    """A descriptor that is closed, and taken by another socket, while a thread waits in it."""
    first, second = Server(ask=1), Server(ask=1, delay_s=0.05)
    script = f"""
import os, socket, threading, time
a = socket.create_connection(("127.0.0.1", {first.port}))
fd = a.detach()
t = threading.Thread(target=lambda: os.read(fd, 10)); t.start()
time.sleep(0.2)
os.close(fd)
b = socket.create_connection(("127.0.0.1", {second.port}))
assert b.fileno() == fd
b.sendall(b"a"); b.recv(10)
time.sleep(0.2)
os._exit(0)
"""
    r = lib.record([], [lib.PYTHON, "-c", script])
    (a,) = conns(r, peer=f"127.0.0.1:{first.port}")
    (b,) = conns(r, peer=f"127.0.0.1:{second.port}")
    # the thread waited for the first to its end, whatever its descriptor leads to since
    lib.at_least(a["wait_ns"], 0.42 * S, "wait for the first")
    lib.at_least(b["wait_ns"], 45 * MS, "wait for the second")
    for c, server in ((a, first), (b, second)):
        lib.equal(c["wait_ns"], r.waited(state="net", reason=f"127.0.0.1:{server.port}"), "net")


def test_many():
    """Ten thousand open at once, in bounded memory."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 10100:
        raise lib.Skip(f"only {hard} descriptors may be open")
    script = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (10100, 10100))
l = socket.create_server(("127.0.0.1", 0), backlog=4096)
v = []
for i in range(5000):
    s = socket.create_connection(l.getsockname()); v += [s, l.accept()[0]]
for i in range(4000):
    s = socket.create_connection(l.getsockname()); c = l.accept()[0]; s.close(); c.close()
"""
    r = lib.record([], [lib.PYTHON, "-c", script], timeout_s=60)
    lib.equal(r.loss["connections_full"] + r.loss["connection_ring_full"], 0, "losses")
    lib.equal(r.summary["network"]["connections"], 18000, "connections")
    lib.equal(r.loss["connections_folded"] + len(conns(r)), 18000, "rows and folded ones")
    lib.equal(sum(p["connections"] for p in peers(r)), 18000, "in the sums of the peers")
    lib.at_most(r.summary["self"]["rss_peak_bytes"], 96 << 20, "resident")
    lib.at_most(r.summary["self"]["bpf_map_bytes"], lib.MAPS_LIMIT, "maps")


def test_udp_clients():
    """Whose answer a socket waited for that is connected to nobody; a server's has its own port."""
    def answer(s):
        while True:
            try:
                _, whom = s.recvfrom(100)
            except OSError:
                return
            time.sleep(0.02)
            s.sendto(b"a", whom)

    ports = []
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
        s = socket.socket(family, socket.SOCK_DGRAM)
        lib.cleanup(s.close)
        s.bind((host, 0))
        ports.append(s.getsockname()[1])
        threading.Thread(target=answer, args=(s,), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        free = s.getsockname()[1]
    r = lib.record([], [lib.PYTHON, "-c", f"""
import select, socket, time
def wait(s, whom, waits):
    t = time.monotonic_ns()
    for _ in range(5):
        s.sendto(b"q", whom)
        waits()
        s.recv(10)
    print(time.monotonic_ns() - t)
four, six, both, own = [socket.socket(f, socket.SOCK_DGRAM) for f in (2, 10, 10, 2)]
wait(four, ("127.0.0.1", {ports[0]}), lambda: None)
wait(six, ("::1", {ports[1]}), lambda: None)
p = select.poll()
p.register(both, select.POLLIN)
wait(both, ("::ffff:127.0.0.1", {ports[2]}), p.poll)
own.bind(("127.0.0.1", {free}))			# a port that the program chose
wait(own, ("127.0.0.1", {ports[0]}), lambda: None)
four.settimeout(0.05)
try:
    four.recv(1)				# nobody answers
except TimeoutError:
    pass
"""])
    names = [f"udp 127.0.0.1:{ports[0]}", f"udp [::1]:{ports[1]}", f"udp 127.0.0.1:{ports[2]}", f"udp 127.0.0.1:{free}"]
    for name, took in zip(names, map(int, r.out.split())):
        lib.at_most(r.waited(state="net", reason=name), took, name)
        lib.at_least(r.waited(state="net", reason=name), 95 * MS, name)
    (silent,) = [w for w in r.waits(state="net") if w["reason"] not in names]
    lib.equal(silent["count"], 1, f"the wait that nobody ended: {silent}")


def test_waits_by_unit():
    """Whom each unit waited for, and how long."""
    slow, quick = Server(ask=10, reply=10, delay_s=0.012), Server(ask=10, reply=10, delay_s=0.004)
    script = f"""
import os, socket, sys, time
v = [socket.create_connection(("127.0.0.1", port)) for port in ({slow.port}, {quick.port})]
books = open("/proc/self/schedstat")
def spent():
    books.seek(0)
    # on a CPU (the books themselves are as of the last switch or tick), and waiting for one
    return time.thread_time_ns() + int(books.read().split()[1])
for unit in range(1, 13):
    took, busy = [0, 0], [0, 0]
    for i in range(unit):
        which = (unit + i) % 2
        t, b = time.monotonic_ns(), spent()
        v[which].sendall(b"q" * 10); v[which].recv(10)
        busy[which] += spent() - b
        took[which] += time.monotonic_ns() - t
    print(f"unit {{unit}} of 12 took {{took[0]}} {{took[1]}} busy {{busy[0]}} {{busy[1]}}", flush=True)
"""
    r = lib.record(["--unit-line", r"unit (?<done>\d+) of (?<total>\d+)"], [lib.PYTHON, "-c", script])
    units = r.units()
    lib.equal([u["done"] for u in units], list(range(1, 13)), "units")
    for u, line in list(zip(units, r.out.splitlines()))[1:]:	# the first one also starts python
        mine = r.unit_objects(seq=u["seq"], state="net")
        lib.equal(sum(o["total_ns"] for o in mine), u["net_ns"], "net of a unit by whom it was for")
        words = line.split()
        for server, truth, busy in zip((slow, quick), map(int, words[5:7]), map(int, words[8:10])):
            (o,) = [o for o in mine if o["object"] == f"127.0.0.1:{server.port}"] or [None]
            if not truth:
                lib.equal(o, None, "nobody it did not ask")
                continue
            lib.equal(o["server"], lib.comm_of(os.getpid()), "who listens there")
            lib.at_most(o["total_ns"], truth, f"waits of unit {u['done']}")
            lib.at_least(o["total_ns"], (truth - busy) * 0.95, f"waits of unit {u['done']}")


def test_polls_beside_a_wakeup():
    """poll(2) on a connection and on what the program wakes itself by, as libcurl does: for the connection."""
    server = Server(ask=10, reply=10, delay_s=0.15)
    r = lib.record([], [lib.PYTHON, "-c", f"""
import os, select, socket
s = socket.create_connection(("127.0.0.1", {server.port}))
def ask(*others):
    p = select.poll()
    for x in (*others, s): p.register(x, select.POLLIN)
    s.sendall(b"a" * 10)
    p.poll()
    s.recv(10)
pair, pipe = socket.socketpair(), os.pipe()
for i in range(2):
    ask(os.eventfd(0))
    ask(pair[0], os.eventfd(0))
ask(pipe[0])			# that may be work, too
"""])
    peer = f"127.0.0.1:{server.port}"
    lib.near(r.waited(state="net", reason=peer), 600 * MS, 100 * MS, f"waits for the connection: {r.waits()}")
    lib.near(r.waited(state="idle", reason="poll(2)"), 150 * MS, 60 * MS, "waits for either")
    (p,) = peers(r, peer=peer)
    lib.equal(p["server_pid"], str(os.getpid()), "who serves there")
    lib.equal([x for x in peers(r) if x["sends"] != "0" or x["receives"] != "0"], [], "without --datagrams")
    # who serves is told of connections that nobody waited for, too
    (p,) = peers(lib.record([], [lib.PYTHON, "-c", f"""
import socket, time
s = socket.create_connection(("127.0.0.1", {server.port}))
s.close()
time.sleep(0.3)
"""]), peer=peer)
    lib.equal((p["waits"], p["server_pid"]), (0, str(os.getpid())), "who serves there, no wait")


DATAGRAMS = """
import os, socket, sys
def udp(family, host):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((host, 0))
    return s
server, client = udp(socket.AF_INET, "127.0.0.1"), udp(socket.AF_INET, "127.0.0.1")
six, other = udp(socket.AF_INET6, "::1"), udp(socket.AF_INET6, "::1")
print(server.getsockname()[1], client.getsockname()[1], six.getsockname()[1], flush=True)
for i in range(40):				# to whom is said with each datagram
    client.sendto(b"q" * 100, server.getsockname())
    server.recvfrom(2000, socket.MSG_PEEK)	# not received yet
    data, back = server.recvfrom(2000)
    server.sendmsg([data, data], [], 0, back)
    client.recv(2000)
    other.sendto(b"six", six.getsockname())
client.connect(server.getsockname())		# … or once
for i in range(30):
    client.send(b"q" * 50)
    server.sendto(b"r" * 10, server.recvfrom(2000)[1])
    client.recv(2000)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
pid = os.fork()
if not pid:
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    for i in range(25):
        s.send(b"u" * 1000)
        s.recv(100)
    os._exit(0)
s = listener.accept()[0]
got = 0
while data := s.recv(4096):
    got += len(data)
    while got >= 1000:
        s.send(b"ok")
        got -= 1000
os.waitpid(pid, 0)
"""


def test_datagrams():
    """Bytes over UDP and unix sockets by peer: as the program itself counts them."""
    path = lib.tmp("u.sock")
    out = lib.tmp("ports")
    command = ["/bin/sh", "-c", f"exec {lib.PYTHON} -c '{DATAGRAMS}' {path} > {out}"]
    r = lib.record(["--datagrams"], command)
    with open(out) as f:
        server, client, six = f.read().split()
    rows = {p["peer"]: p for p in peers(r)}
    figures = lambda peer: tuple(int(rows[peer][k]) for k in ("sends", "bytes_sent", "receives", "bytes_received"))
    # from whom an unconnected socket receives is not known: only at which of our ports
    lib.equal(figures(f"udp 127.0.0.1:{server}"), (70, 5500, 30, 300), "to the server")
    lib.equal(figures(f"udp 127.0.0.1:{client}"), (70, 8300, 0, 0), "to the client")
    lib.equal(figures(f"udp *:{server}"), (0, 0, 70, 5500), "at the server's port")
    lib.equal(figures(f"udp *:{client}"), (0, 0, 40, 8000), "at the client's port")
    lib.equal(figures(f"udp [::1]:{six}"), (40, 120, 0, 0), "IPv6")
    # a unix connection: both ends have the listener's path
    unix = [p for p in peers(r) if p["peer"].startswith(f"unix {path[:20]}")]
    for key in ("bytes_sent", "bytes_received"):
        lib.equal(sum(p[key] for p in unix), 25050, f"{key} of the unix connection: {unix}")
    lib.equal({p["server"] for p in unix}, {"python3"}, "the process at the other end")
    lib.at_least(sum(p["waits"] for p in unix), 1, "waits for it")
    r = lib.record(["--datagrams"], [lib.PYTHON, "-c", """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for port in range(20000, 24500): s.sendto(b"x", ("127.0.0.1", port))
"""])
    lib.equal(r.loss["datagram_peers_full"] + sum(int(p["sends"]) for p in peers(r)), 4500, "datagrams, lost ones too")
    lib.at_least(r.loss["datagram_peers_full"], 1, "peers beyond the number")
