# SPDX-License-Identifier: GPL-2.0-or-later
"""The workloads: programs that are slowed down, and say by how much.

Each is set up once and then run again and again:
    setup()             starts what stays (a server, a program that waits for orders)
    begin(seconds)      starts a run of about that long, by the calibrated rate
    finish()            waits for it and returns nanoseconds per operation
    pids                what a tool aims at with -p
    close()             takes everything away"""

import csv
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from procs import BenchError, capture, spawn, stop, wait_for


def cpus():
    return sorted(os.sched_getaffinity(0))


class Workload:
    name = unit = what = None
    traced_by_pid = True        # tools that do not follow forks can aim at it by pid
    per_s = None                # operations a second, once calibrated

    def __init__(self, build, base):
        self.build, self.base = build, base
        self.pids = []

    def missing(self):
        """What is not installed, or None."""
        return None

    def calibrate(self):
        """Finds the rate, and warms the workload up."""
        self.per_s = 1e9 / self.measure_ops(self.first_ops)
        self.per_s = 1e9 / self.measure_ops(int(self.per_s * 0.5) + 1)

    def measure_ops(self, ops):
        self.begin_ops(ops)
        return self.finish()

    def begin(self, seconds):
        self.begin_ops(max(1, int(self.per_s * seconds)))

    def measure(self, seconds):
        self.begin(seconds)
        return self.finish()


class Program(Workload):
    """One of tests/workloads/bench_*: answers "N" with "N NS"."""
    program = None
    first_ops = 20000

    def setup(self):
        path = os.path.join(self.build, "tests/workloads", self.program)
        self.proc = spawn([path, str(cpus()[-1])], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True)
        ready = self.proc.stdout.readline().split()
        if ready[:1] != ["ready"]:
            raise BenchError("%s did not start" % path)
        self.pids = [int(p) for p in ready[1:]]

    def missing(self):
        path = os.path.join(self.build, "tests/workloads", self.program)
        return None if os.access(path, os.X_OK) else path + " (make workloads)"

    def begin_ops(self, ops):
        self.proc.stdin.write("%d\n" % ops)
        self.proc.stdin.flush()

    def finish(self):
        answer = self.proc.stdout.readline().split()
        if len(answer) != 2:
            raise BenchError("%s ended early" % self.program)
        return int(answer[1]) / int(answer[0])

    def close(self):
        if not getattr(self, "proc", None):
            return
        try:
            self.proc.stdin.close()     # it ends by itself, and takes its child with it
            self.proc.wait(1)
        except (OSError, subprocess.TimeoutExpired):
            pass                        # in the middle of a run
        stop(self.proc)


class Pipe(Program):
    name, program = "pipe", "bench_pipe"
    unit = "round trip (two context switches)"
    what = "two processes pinned to one CPU pass a byte to and fro"
    kinds = ("offcpu",)


class Spin(Program):
    name, program = "spin", "bench_spin"
    unit = "round of computing"
    what = "one process computes, pinned to one CPU"
    kinds = ("cpu",)
    first_ops = 2000


class Client(Workload):
    """A workload measured by a client of its own that runs to its end."""
    def start_client(self, cmd, **kw):
        self.out = tempfile.TemporaryFile("w+")
        self.client = spawn(cmd, stdout=self.out, stderr=subprocess.STDOUT, **kw)

    def client_output(self):
        self.client.wait(300)
        self.out.seek(0)
        text = self.out.read()
        self.out.close()
        if self.client.returncode:
            raise BenchError("%s failed: %s" % (self.name, text.strip()[-200:]))
        return text


class Redis(Client):
    name, depth, kinds = "redis", 1, ("offcpu", "net")
    unit = "GET"
    what = "redis-benchmark, 50 connections on loopback; server and client each on a CPU"
    first_ops = 20000

    def missing(self):
        absent = [p for p in ("redis-server", "redis-benchmark") if not shutil.which(p)]
        return ", ".join(absent) or None

    def setup(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        d = tempfile.mkdtemp(prefix="redis.", dir=self.base)
        self.log = open(os.path.join(d, "log"), "w")
        self.proc = spawn(["redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
                           "--save", "", "--appendonly", "no", "--dir", d],
                          cpus={cpus()[-1]}, stdout=self.log, stderr=self.log)
        self.pids = [self.proc.pid]
        wait_for(self.answers, 10, "redis-server")

    def answers(self):
        if self.proc.poll() is not None:
            raise BenchError("redis-server did not start: see what it says by itself")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def begin_ops(self, ops):
        self.start_client(["redis-benchmark", "-p", str(self.port), "-t", "get", "--csv",
                           "-c", "50", "-P", str(self.depth), "-n", str(ops)],
                          cpus={cpus()[0]})

    def finish(self):
        for row in csv.reader(self.client_output().splitlines()):
            if row and row[0].startswith("GET"):
                return 1e9 / float(row[1])
        raise BenchError("redis-benchmark printed no rate")

    def close(self):
        for name in ("client", "proc"):
            if getattr(self, name, None):
                stop(getattr(self, name))
        if getattr(self, "log", None):
            self.log.close()


class RedisPipelined(Redis):
    name, depth = "redis-pipelined", 16
    what = "the same with 16 requests in flight on each connection"


class Pgbench(Client):
    """A PostgreSQL cluster of its own.  Backends are children of the postmaster
    that come with their client, so only a tool that follows forks can aim by pid."""
    name, unit, kinds, traced_by_pid = "pgbench-select", "transaction", ("offcpu",), False
    what = "pgbench -S, 4 clients on a unix socket; backends and client each on a CPU"
    script, scale = ["-S"], 10

    def missing(self):
        self.bin = self.bindir()
        absent = [] if self.bin else ["PostgreSQL (initdb, postgres)"]
        if not shutil.which("pgbench") and not (
                self.bin and os.access(self.bin + "/pgbench", os.X_OK)):
            absent.append("pgbench")
        try:
            import pwd
            pwd.getpwnam("postgres")
        except KeyError:
            absent.append("the user postgres")
        return ", ".join(absent) or None

    @staticmethod
    def bindir():
        found = []
        base = "/usr/lib/postgresql"
        if os.path.isdir(base):
            found = [os.path.join(base, v, "bin")
                     for v in sorted(os.listdir(base), key=lambda v: -int(v) if v.isdigit() else 0)]
        path = shutil.which("initdb")
        if path:
            found.append(os.path.dirname(os.path.realpath(path)))
        for d in found:
            if all(os.access(os.path.join(d, p), os.X_OK) for p in ("initdb", "postgres")):
                return d
        return None

    def setup(self):
        self.dir = tempfile.mkdtemp(prefix="pg.", dir=self.base)
        shutil.chown(self.dir, "postgres", "postgres")
        data = os.path.join(self.dir, "data")
        who = {"user": "postgres", "group": "postgres", "extra_groups": [], "cwd": self.dir}
        capture([self.bin + "/initdb", "-A", "trust", "-U", "postgres", "-D", data,
                 "--no-sync", "-E", "UTF8", "--locale=C"], **who)
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.proc = spawn([self.bin + "/postgres", "-D", data, "-k", self.dir, "-h", "",
                           "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB",
                           "-c", "checkpoint_timeout=1h", "-c", "autovacuum=off"],
                          cpus={cpus()[-1]}, stdout=self.log, stderr=self.log, **who)
        self.pids = [self.proc.pid]
        self.pgbench = shutil.which("pgbench") or self.bin + "/pgbench"
        self.to = ["-h", self.dir, "-U", "postgres", "postgres"]
        wait_for(self.answers, 20, "postgres")
        capture([self.pgbench, "-i", "-q", "-s", str(self.scale)] + self.to)

    def answers(self):
        if self.proc.poll() is not None:
            self.log.seek(0)
            raise BenchError("postgres did not start: " + self.log.read().strip()[-200:])
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(os.path.join(self.dir, ".s.PGSQL.5432"))
            self.log.flush()
            with open(os.path.join(self.dir, "log")) as f:
                return "ready to accept connections" in f.read()
        except OSError:
            return False

    def calibrate(self):
        self.per_s = 1e9 / self.measure(2)

    def begin(self, seconds):
        self.start_client([self.pgbench, "-n", "-M", "prepared", "-c", "4", "-j", "1",
                           "-T", str(max(1, round(seconds)))] + self.script + self.to,
                          cpus={cpus()[0]})

    def finish(self):
        found = re.search(r"^tps = ([0-9.]+)", self.client_output(), re.M)
        if not found or float(found[1]) <= 0:
            raise BenchError("pgbench printed no rate")
        return 1e9 / float(found[1])

    def close(self):
        if getattr(self, "client", None):
            stop(self.client)
        if getattr(self, "proc", None):
            stop(self.proc, signal.SIGINT, 30)
        if getattr(self, "log", None):
            self.log.close()


class PgbenchTpcb(Pgbench):
    name, script = "pgbench-tpcb", []
    what = "pgbench's TPC-B-like transactions, 4 clients, every commit on disk"


class Ffmpeg(Workload):
    """One encoder that never ends and says so often how many frames it has done."""
    name, unit, kinds = "ffmpeg", "frame", ("cpu",)
    what = "ffmpeg encodes with libx264, on every CPU: deep stacks, most of them from assembly"
    first_ops = 20

    def missing(self):
        return None if shutil.which("ffmpeg") else "ffmpeg"

    def setup(self):
        self.proc = spawn(["ffmpeg", "-nostdin", "-loglevel", "quiet", "-stats_period", "0.02",
                           "-progress", "pipe:1", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25",
                           "-c:v", "libx264", "-f", "null", "/dev/null"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.pids = [self.proc.pid]
        self.frame()

    def frame(self):
        """Waits for its next word: (frames done, now)."""
        for line in self.proc.stdout:
            if line.startswith("frame="):
                return int(line[6:]), time.monotonic_ns()
        raise BenchError("ffmpeg ended early")

    def begin_ops(self, ops):
        os.set_blocking(self.proc.stdout.fileno(), False)
        try:                        # what it said while nobody listened
            while self.proc.stdout.read(65536):
                pass
        except TypeError:           # nothing there: how a text stream puts it
            pass
        os.set_blocking(self.proc.stdout.fileno(), True)
        self.start, self.ops = self.frame(), ops

    def finish(self):
        now = self.frame()
        while now[0] - self.start[0] < self.ops:
            now = self.frame()
        return (now[1] - self.start[1]) / (now[0] - self.start[0])

    def close(self):
        if getattr(self, "proc", None):
            stop(self.proc)


# Runs one fio for each line that it reads, and says how long a request took: the process to aim
# at stays the same from run to run.
FIO_RUNNER = """
import json, signal, subprocess, sys
p = None
def over(*_):
    if p: p.kill()
    sys.exit()
signal.signal(signal.SIGTERM, over)
for line in sys.stdin:
    p = subprocess.Popen(sys.argv[1:] + ["--number_ios=" + line.strip(), "--output-format=json"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = p.communicate()[0]
    try:
        job = json.loads(said[said.index("{"):])["jobs"][0]["read"]
        print(job["total_ios"], 1e9 / job["iops"], flush=True)
    except (ValueError, KeyError, IndexError, ZeroDivisionError):
        print("failed:", " ".join(said.split())[-200:], flush=True)
"""


class Fio(Workload):
    name, unit, kinds, traced_by_pid = "fio", "read of 4 KiB", ("block",), False
    what = "fio reads 4 KiB at random past the page cache, one at a time, pinned to one CPU"
    first_ops = 5000
    size = 256 << 20

    def missing(self):
        return None if shutil.which("fio") else "fio"

    def setup(self):
        self.file = tempfile.NamedTemporaryFile(prefix="worktrace-bench-fio.", dir=self.place())
        block = os.urandom(1 << 20)
        for _ in range(self.size >> 20):
            self.file.write(block)
        self.file.flush()
        os.fsync(self.file.fileno())
        self.proc = spawn(["/usr/bin/python3", "-c", FIO_RUNNER, "fio", "--name=bench",
                           "--filename=" + self.file.name, "--size=%d" % self.size, "--rw=randread",
                           "--bs=4k", "--direct=1", "--ioengine=psync", "--norandommap", "--io_size=1t",
                           "--cpus_allowed=%d" % cpus()[-1]],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pids = [self.proc.pid]

    def place(self):
        """A directory on a disk: the temporary one may be in memory."""
        for d in (self.build, "/var/tmp", self.base):
            with open("/proc/self/mountinfo") as f:
                dev = "%d:%d" % (os.major(os.stat(d).st_dev), os.minor(os.stat(d).st_dev))
                if any(line.split()[2] == dev for line in f) and not dev.startswith("0:"):
                    return d
        raise BenchError("no directory lies on a disk")

    def begin_ops(self, ops):
        self.proc.stdin.write("%d\n" % ops)
        self.proc.stdin.flush()

    def finish(self):
        answer = self.proc.stdout.readline().split()
        if len(answer) != 2 or answer[0] == "failed:":
            raise BenchError("fio: %s" % " ".join(answer))
        return float(answer[1])

    def close(self):
        if getattr(self, "proc", None):
            stop(self.proc)
        if getattr(self, "file", None):
            self.file.close()


ALL = [Pipe, Redis, RedisPipelined, Fio, Pgbench, PgbenchTpcb, Spin, Ffmpeg]
