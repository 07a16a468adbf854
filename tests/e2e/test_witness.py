# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections against the books that servers keep themselves: redis' INFO, nginx' log."""
# side by side
import collections
import os
import re
import socket
import subprocess

import lib
from lib import MS

from test_net import conns, consistent, peers
from test_real import free_port, wait_port


def redis_stats(s):
    """INFO stats, over a connection that is counted itself: what it says, bytes of the answer."""
    s.sendall(b"INFO stats\r\n")
    text = b""
    while not re.match(rb"\$(\d+)\r\n", text) or len(text) < int(text[1:text.index(b"\r")]) + text.index(b"\n") + 3:
        text += s.recv(65536)
    return {k: int(v) for k, v in re.findall(r"^(\w+):(\d+)\r$", text.decode(), re.M)}, len(text)


def test_redis():
    """Every connection and byte of redis-benchmark, as the server counts them."""
    server, bench = lib.need("redis-server", "redis-benchmark")
    port = free_port()
    p = lib.spawn([server, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", lib.TMP])
    wait_port(port, p)
    with socket.create_connection(("127.0.0.1", port)) as s:
        before, answer = redis_stats(s)
        r = lib.record([], [bench, "-p", str(port), "-c", "7", "-n", "3000", "-t", "set,get", "-d", "300",
                            "-P", "3", "-q"])
        after, _ = redis_stats(s)
    consistent(r)
    grew = {k: after[k] - before[k] for k in before}
    (peer,) = peers(r, peer=f"127.0.0.1:{port}")
    lib.equal((peer["server"], int(peer["server_pid"])), (lib.comm_of(p.pid), p.pid), "who the peer is")
    lib.equal(peer["connections"], grew["total_connections_received"], "connections")
    # our own question is read before the figures are given, the answer is sent after
    lib.equal(peer["bytes_sent"], grew["total_net_input_bytes"] - len("INFO stats\r\n"), "bytes that redis read")
    lib.equal(peer["bytes_received"], grew["total_net_output_bytes"] - answer, "bytes that redis sent")
    lib.equal(r.loss["connections_full"] + r.loss["connection_end_missed"], 0, "connections lost")


# over connections that stay, each closed after its last request; the client's own time of each
CLIENT = """
import http.client, json, sys, time
took = []
for _ in range(4):
    c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    for n in range(15):
        w, t = time.monotonic_ns(), time.thread_time_ns()
        c.request("GET", f"/{n % 3}.txt"); c.getresponse().read()
        took.append(time.monotonic_ns() - w)
    c.close()
print(json.dumps({"took_ns": sum(took)}))
"""


def test_nginx():
    """Bytes of each connection as nginx logs them, and how long it held each answer back."""
    nginx = lib.need("nginx")
    port = free_port()
    os.mkdir(lib.tmp("www"))
    for n in range(3):
        with open(lib.tmp(f"www/{n}.txt"), "w") as f:
            f.write("x" * 6000 * (n + 1))
    with open(lib.tmp("nginx.conf"), "w") as f:
        # beyond the first 4000 bytes at 400 kB/s: the server's own delay, which it logs
        f.write(f"""worker_processes 1; daemon off; pid {lib.TMP}/nginx.pid; user root; error_log {lib.TMP}/error.log;
events {{ worker_connections 64; }}
http {{ log_format own '$remote_port $request_length $bytes_sent $request_time';
  access_log {lib.TMP}/access.log own;
  server {{ listen 127.0.0.1:{port}; root {lib.TMP}/www; limit_rate_after 4000; limit_rate 400000; sendfile_max_chunk 4000; }}
  client_body_temp_path {lib.TMP}/b; proxy_temp_path {lib.TMP}/p; fastcgi_temp_path {lib.TMP}/f;
  uwsgi_temp_path {lib.TMP}/u; scgi_temp_path {lib.TMP}/s; }}
""")
    p = lib.spawn([nginx, "-c", lib.tmp("nginx.conf"), "-p", lib.TMP], stderr=subprocess.DEVNULL)
    wait_port(port, p)
    r = lib.record([], [lib.PYTHON, "-c", CLIENT, str(port)])
    lib.stop(p, 3)		# SIGQUIT: the log is whole
    consistent(r)
    asked, got, held = collections.Counter(), collections.Counter(), 0
    with open(lib.tmp("access.log")) as f:
        for line in f:
            client, length, sent, seconds = line.split()
            asked[client] += int(length)
            got[client] += int(sent)
            held += int(float(seconds) * 1e9)
    mine = {c["local"].rsplit(":", 1)[1]: c for c in conns(r, peer=f"127.0.0.1:{port}", direction="out")}
    asked.pop(next((c for c in asked if c not in mine), None), None)
    lib.equal({k: c["bytes_sent"] for k, c in mine.items()}, dict(asked), "bytes that nginx read")
    lib.equal({k: c["bytes_received"] for k, c in mine.items()}, {k: got[k] for k in mine}, "bytes that nginx sent")
    net = r.waited(state="net", reason=f"127.0.0.1:{port}")
    took = r.truth_output()["took_ns"]
    print(f"waited {net / MS:.1f} ms; nginx {held / MS:.1f} ms, the client {took / MS:.1f} ms")
    lib.at_most(net, took, "waits for nginx against the client's own time")
    # nginx' clock has milliseconds, and is read once a turn of its loop
    lib.at_least(net, held - 60 * 2 * MS, "waits for nginx against the time that it logs")
