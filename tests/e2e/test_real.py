# SPDX-License-Identifier: GPL-2.0-or-later
"""Real programs: every wait has a name, and idle does not drown the rest."""
import http.client
import os
import pwd
import re
import shutil
import socket
import subprocess
import time

import lib
import oracle
from lib import S


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_port(port, p):
    def open_port():
        assert p.poll() is None, f"the server ended with status {p.returncode}"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    lib.until(open_port, 20, f"port {port}")


def named(r):
    other = r.waits(state="other")
    lib.at_most(r.state("other"), r.ledger["wall_ns"] / 100,
                f"other, ns of {r.ledger['wall_ns']}: {other[:6]}")
    witness = r.summary["audit"]["witness_disagreements"]
    waits = sum(w["count"] for w in r.waits())
    print(f"wall {r.ledger['wall_ns'] / S:.1f} s, other {r.state('other')} ns, {witness} of "
          f"{waits} waits disputed, loss { {k: v for k, v in r.loss.items() if v} }")
    lib.at_most(witness, waits / 20 + 5, "waits that the kernel's own function contradicts")


def test_ffmpeg():
    ffmpeg = lib.need("ffmpeg")
    clip = lib.tmp("clip.mkv")
    base = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run(base + ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=6", "-f",
                           "lavfi", "-i", "sine=duration=6", "-c:v", "mpeg4", "-q:v", "3", clip],
                   check=True, stdin=subprocess.DEVNULL)
    r = lib.record([], base + ["-i", clip, "-c:v", "libx264", "-preset", "medium",
                               lib.tmp("out.mp4")])
    lib.equal(r.summary["exit"]["status"], 0, "status of ffmpeg")
    named(r)
    lib.at_least(r.ledger["threads"], 3, "threads")
    assert r.waits(state="lock", reason="futex"), "its threads wait for each other"
    frames = {f for stack, _ in r.folded("cpu") for f in stack}
    assert any("x264" in f for f in frames), "no frame of libx264"


def test_python_batch():
    script = os.path.join(lib.ROOT, "scripts/demo/batch.py")
    port_file = lib.tmp("port")
    server = lib.spawn([lib.PYTHON, script, "--serve", port_file])
    port = lib.until(lambda: os.path.exists(port_file) and open(port_file).read(), 10, "server")
    r = lib.record([], [lib.PYTHON, script, "--assets", "120", "--dir", lib.TMP, port])
    lib.equal(r.summary["exit"]["status"], 0, "status of the batch")
    lib.contains(r.out, r"\[PERF\] 120/120", "its output")
    assert lib.alive(server.pid)
    named(r)
    # the server answers after 10 ms
    net = r.waited(state="net", reason=f"127.0.0.1:{port}")
    lib.at_least(net, 120 * 0.010 * S, "wait for the server")
    (wait,) = r.waits(state="net", reason=f"127.0.0.1:{port}")
    lib.at_least(wait["p50_ns"], 0.0085 * S, "p50 of a request")
    lib.at_least(r.state("disk"), 1, "disk")
    assert r.waits(state="disk", reason=re.compile(r"^fsync|^fdatasync")), "no fsync"


def test_redis():
    server, bench = lib.need("redis-server", "redis-benchmark")
    port = free_port()
    p = lib.spawn([server, "--port", str(port), "--save", "", "--appendonly", "no", "--dir",
                   lib.TMP, "--daemonize", "no"])
    wait_port(port, p)
    load = lib.spawn([bench, "-p", str(port), "-n", "10000000", "-t", "get,set", "-q"])
    r = lib.record(["-p", p.pid, "-d", 3])
    lib.stop(load)
    named(r)
    assert r.waits(state="idle", reason="epoll"), r.waits()
    lib.at_least(r.state("cpu"), 0.2 * S, "cpu")
    # when nobody in it does anything that is idle, and offcpu leaves it out
    off = sum(us for _, us in r.folded("offcpu")) * 1000
    lib.at_least(r.state("idle"), 1, "idle")
    assert not any(f[-1].startswith("[idle") for f, _ in r.folded("offcpu")), "idle in offcpu"
    lib.at_most(off, r.ledger["wall_ns"] - r.state("idle"), "offcpu")


def test_nginx():
    nginx = lib.need("nginx")
    port = free_port()
    os.mkdir(lib.tmp("www"))
    with open(lib.tmp("www/index.html"), "w") as f:
        f.write("x" * 20000)
    with open(lib.tmp("nginx.conf"), "w") as f:
        f.write(f"""worker_processes 2; daemon off; pid {lib.TMP}/nginx.pid; user root;
error_log {lib.TMP}/error.log;
events {{ worker_connections 64; }}
http {{ access_log {lib.TMP}/access.log; server {{ listen 127.0.0.1:{port}; root {lib.TMP}/www;
  keepalive_requests 1000000; }}
  client_body_temp_path {lib.TMP}/b; proxy_temp_path {lib.TMP}/p; fastcgi_temp_path {lib.TMP}/f;
  uwsgi_temp_path {lib.TMP}/u; scgi_temp_path {lib.TMP}/s; }}
""")
    p = lib.spawn([nginx, "-c", lib.tmp("nginx.conf"), "-p", lib.TMP], stderr=subprocess.DEVNULL)
    wait_port(port, p)
    running = lib.Running(["-p", p.pid, "-d", 3]).attached()
    end = time.monotonic() + 2
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while time.monotonic() < end:
        connection.request("GET", "/index.html")
        assert connection.getresponse().read(), "no answer"
    r = running.finish()
    named(r)
    lib.at_least(r.ledger["processes"], 3, "master and workers")
    assert r.waits(state="idle", reason="epoll"), r.waits()
    assert r.waits(state="idle", reason="signal"), "the master waits for signals"


def postgres_bin():
    for root in ("/usr/lib/postgresql",):
        if os.path.isdir(root):
            for version in sorted(os.listdir(root), key=lambda v: -float(v)):
                path = os.path.join(root, version, "bin")
                if os.path.exists(path + "/initdb") and os.path.exists(path + "/pgbench"):
                    return path
    raise lib.Skip("PostgreSQL is not installed")


def start_postgres():
    """(directory of its programs, port, keywords for subprocess as its user, the server)"""
    lib.need_root()
    bin_dir = postgres_bin()
    try:
        user = pwd.getpwnam("postgres")
    except KeyError:
        raise lib.Skip("there is no user postgres")
    # its own directory: the tests' may be closed to other users
    base = subprocess.check_output(["mktemp", "-d", "/var/tmp/wt-pg.XXXXXX"], text=True).strip()
    lib.cleanup(lambda: shutil.rmtree(base, ignore_errors=True))
    os.chown(base, user.pw_uid, user.pw_gid)
    port, be = free_port(), lib.as_user("postgres")
    env = dict(os.environ, HOME=base, LC_ALL="C")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": env, "cwd": base,
             "stdin": subprocess.DEVNULL, "preexec_fn": be}
    subprocess.run([bin_dir + "/initdb", "-D", base + "/data", "-A", "trust", "-N"], check=True, **quiet)
    p = lib.spawn([bin_dir + "/postgres", "-D", base + "/data", "-p", str(port), "-k", base,
                   "-c", "listen_addresses=127.0.0.1"], **quiet)
    wait_port(port, p)
    return bin_dir, port, quiet, p


def test_postgres():
    bin_dir, port, quiet, p = start_postgres()
    pgbench = [bin_dir + "/pgbench", "-h", "127.0.0.1", "-p", str(port)]
    lib.until(lambda: subprocess.run(pgbench + ["-i", "-s", "1", "postgres"],
                                     **quiet).returncode == 0, 20, "pgbench -i")
    load = lib.spawn(pgbench + ["-c", "3", "-T", "30", "postgres"],
                     **{k: v for k, v in quiet.items() if k != "stdout"})
    time.sleep(0.3)
    # long enough for the samples that are counted below, however busy the machine is
    for seconds in (3, 12):
        r = lib.record(["-p", p.pid, "-d", seconds])
        if r.summary["stacks"]["oncpu_samples"] >= 100:
            break
    lib.stop(load)
    named(r)
    assert r.waits(state="disk", reason=re.compile("^f(data)?sync")), "no commit was synced"
    oracle.complete(r, 0.99, 0.99)
    # a backend waits for its client, a latch and the postmaster together
    assert r.waits(state="idle", reason="epoll"), "no backend waited for its client"
    assert r.waits(state="lock"), "no backend waited for another's row"
    lib.stop(p, 2)


def test_make():
    """A compile: make, cc1, as, ld; the waits are for children and pipes."""
    make, gcc = lib.need("make", "gcc")
    for i in range(8):
        with open(lib.tmp(f"f{i}.c"), "w") as f:
            f.write("#include <stdio.h>\n#include <stdlib.h>\n" + "".join(
                f"int g{i}_{k}(int x) {{ return printf(\"%d\", x * {k}) + abs(x); }}\n"
                for k in range(400)))
    with open(lib.tmp("Makefile"), "w") as f:
        f.write(f"CC = {gcc}\nall: " + " ".join(f"f{i}.o" for i in range(8)) + "\n")
    r = lib.record([], [make, "-s", "-j2", "-C", lib.TMP])
    lib.equal(r.summary["exit"]["status"], 0, "status of make")
    named(r)
    lib.at_least(r.ledger["processes"], 1 + 8 * 3, "processes")
    assert r.waits(state="child", reason="child: cc1"), \
        [w for w in r.waits(state="child")]
    assert r.waits(state="child", comm="make"), "make waits for its children"
    lib.equal(r.loss["object_gone"], 0, "objects that could not be opened")


def test_java():
    java, javac = lib.need("java", "javac")
    with open(lib.tmp("T.java"), "w") as f:
        f.write("""
public class T {
  static double x;
  public static void main(String[] a) throws Exception {
    Object lock = new Object();
    for (int t = 0; t < 3; t++) new Thread(() -> {
      for (int i = 0; i < 40; i++) {
        synchronized (lock) { for (int k = 0; k < 500000; k++) x += Math.sqrt(k); }
        try { Thread.sleep(10); } catch (Exception e) { }
      }
    }).start();
  }
}
""")
    subprocess.run([javac, "-d", lib.TMP, lib.tmp("T.java")], check=True, timeout=60)
    r = lib.record([], [java, "-cp", lib.TMP, "T"])
    lib.equal(r.summary["exit"]["status"], 0, "status of java")
    named(r)
    lib.at_least(r.ledger["threads"], 8, "threads")
    assert r.waits(state="lock", reason="futex"), r.waits()
