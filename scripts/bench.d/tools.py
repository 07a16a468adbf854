# SPDX-License-Identifier: GPL-2.0-or-later
"""The tools: how each is started, when it is attached, and whether it really traced."""

import json
import os
import re
import signal
import struct
import subprocess
import time

from procs import BenchError, bpf_handles, cpu_s, rss_peak_bytes, spawn, tree_bytes

ATTACH_S = 60.0         # bpftrace compiles first
STOP_S = 60.0           # symbols and writing
QUIET_S = 0.5           # attached: nothing has changed for so long
SAFETY_S = 900          # worktrace's -d, should nobody stop it

BPFTRACE_OFFCPU = """
tracepoint:sched:sched_switch {
	if (%(out)s) { @at[tid] = nsecs; @k[tid] = kstack; @u[tid] = ustack; }
	$next = args.next_pid;
	if (@at[$next] != 0) {
		@offcpu[@k[$next], @u[$next], args.next_comm] = sum(nsecs - @at[$next]);
		delete(@at, $next);
	}
}
END { clear(@at); clear(@k); clear(@u); }
"""
BPFTRACE_PROFILE = "profile:hz:99 /%s/ { @oncpu[kstack, ustack, comm] = count(); }\n"


class Tool:
    """name; binaries: names it is installed under; kinds: what it measures;
    stacks: what it takes where a thread leaves the CPU or is sampled."""
    name = stacks = None
    binaries = ()
    kinds = ()
    follows_forks = False
    bpf = True                      # has BPF programs: without, perf events are looked for
    switch = None                   # regular expression: its program on sched_switch

    def __init__(self, peers, build):
        self.build = build
        self.program = self.locate(peers)

    def locate(self, peers):
        return peers.find(*self.binaries)

    def command(self, pids, d):
        """pids: [] for everything; d: a directory of this run's own."""
        raise NotImplementedError

    def output(self, d):
        return os.path.join(d, "stdout")

    def verify(self, d):
        """None when its output shows that it traced, else what is wrong."""
        raise NotImplementedError

    def losses(self, d):
        """What it says it lost, in its own words or counters; "" when nothing."""
        with open(os.path.join(d, "stderr"), errors="replace") as f:
            said = [line.strip() for line in f
                    if re.search(r"\blost\b|could not be displayed", line, re.I)]
        return said[-1][:100] if said else ""


class Worktrace(Tool):
    name, kinds = "worktrace", ("offcpu", "cpu", "block", "net")
    stacks = "user + kernel, reasons, CPU samples"
    follows_forks, switch = True, r"switch"

    def locate(self, peers):
        from peers import Program
        path = os.path.abspath(os.path.join(self.build, "worktrace"))
        return Program([path], lambda p: p) if os.access(path, os.X_OK) else None

    budget = ["--budget", "off"]    # every stack of every wait is taken: what that costs is measured

    def command(self, pids, d):
        aim = ["-p", ",".join(map(str, pids))] if pids else ["-a"]
        return ["record"] + aim + self.budget + ["-d", str(SAFETY_S), "-o", os.path.join(d, "rec")]

    def output(self, d):
        return os.path.join(d, "rec")

    def verify(self, d):
        try:
            with open(os.path.join(d, "rec", "summary.json")) as f:
                ledger = json.load(f)["ledger"]
        except (OSError, ValueError, KeyError) as e:
            return "no summary.json: %s" % e
        if not ledger.get("threads") or not ledger.get("accounted_ns"):
            return "an empty ledger"
        return None

    def losses(self, d):
        with open(os.path.join(d, "rec", "summary.json")) as f:
            loss = json.load(f).get("loss", {})
        return ", ".join("%s %d" % i for i in sorted(loss.items()) if i[1])


class WorktraceBudget(Worktrace):
    """As it is by default: what stacks cost is limited, the line says what share was shed."""
    name, stacks = "worktrace-budget", "as many as 1 % of the machine pays for"
    budget = []

    def losses(self, d):
        with open(os.path.join(d, "rec", "summary.json")) as f:
            off = json.load(f)["stacks"]["offcpu_waits"]
        waits = off["complete"] + off["shed"] + sum(off["incomplete"].values())
        shed = "stacks of %.0f %% of waits shed" % (100 * off["shed"] / max(waits, 1))
        return ", ".join(filter(None, [shed, super().losses(d)]))


class WorktraceNoConnections(WorktraceBudget):
    """The same without following TCP connections: what that costs is the difference."""
    name = "worktrace-no-connections"
    budget = ["--no-connections"]


class Offcputime(Tool):
    name, binaries = "offcputime", ("offcputime-libbpf", "offcputime")
    kinds, stacks, switch = ("offcpu",), "user + kernel", r"^sched_switch"

    def command(self, pids, d):
        return ["-p", ",".join(map(str, pids))] if pids else []

    def verify(self, d):
        with open(os.path.join(d, "stdout"), errors="replace") as f:
            return None if re.search(r"^\s+\d+$", f.read(), re.M) else "printed no stack"


class Biolatency(Offcputime):
    """Latencies of requests of disks, nothing else; it cannot aim at a process."""
    name, binaries = "biolatency", ("biolatency-libbpf", "biolatency")
    kinds, stacks, switch = ("block",), "none: a histogram of disks' requests", None

    def command(self, pids, d):
        return []

    def verify(self, d):
        with open(os.path.join(d, "stdout"), errors="replace") as f:
            return None if re.search(r"^\s+\d+ -> \d+\s+: [1-9]", f.read(), re.M) else "printed no request"


class Tcplife(Offcputime):
    """A line for each TCP connection that ended, nothing else."""
    name, binaries = "tcplife", ("tcplife-libbpf", "tcplife")
    kinds, stacks, switch = ("net",), "none: a line for each connection", None

    def verify(self, d):
        with open(os.path.join(d, "stdout"), errors="replace") as f:
            return None if re.search(r"^\d+\s+\S+\s+\S+\s+\d+", f.read(), re.M) else "printed no connection"


class Profile(Offcputime):
    name, binaries = "profile", ("profile-libbpf", "profile")
    kinds, stacks, switch = ("cpu",), "user + kernel, 99 Hz", None

    def command(self, pids, d):
        return ["-F", "99"] + super().command(pids, d)


class BpftraceOffcpu(Tool):
    name, binaries = "bpftrace-offcpu", ("bpftrace",)
    kinds, stacks, switch = ("offcpu",), "user + kernel", r"sched_switch"

    def script(self, pids):
        return BPFTRACE_OFFCPU % {
            "out": " || ".join("pid == %d" % p for p in pids) or "tid != 0"}

    def command(self, pids, d):
        path = os.path.join(d, "script.bt")
        with open(path, "w") as f:
            f.write(self.script(pids))
        return [path]

    def verify(self, d):
        with open(os.path.join(d, "stdout"), errors="replace") as f:
            return None if re.search(r"\]: \d+", f.read()) else "printed no stack"


class BpftraceProfile(BpftraceOffcpu):
    name, kinds, stacks, switch = "bpftrace-profile", ("cpu",), "user + kernel, 99 Hz", None

    def script(self, pids):
        return BPFTRACE_PROFILE % (" || ".join("pid == %d" % p for p in pids) or "pid != 0")


def has_sample(path):
    """Whether a perf.data holds a PERF_RECORD_SAMPLE (newer perf does not print how many).

    Format: tools/perf/Documentation/perf.data-file-format.txt of the kernel."""
    with open(path, "rb") as f:
        header = f.read(64)
        if header[:8] != b"PERFILE2":
            raise OSError("no perf.data")
        at, size = struct.unpack_from("=QQ", header, 40)
        end = at + size
        while at + 8 <= end:
            f.seek(at)
            kind, _misc, length = struct.unpack("=IHH", f.read(8))
            if kind == 9:
                return True
            if length < 8:
                raise OSError("a damaged record")
            at += length
    return False


class PerfSched(Tool):
    name, binaries, bpf = "perf-sched", ("perf",), False
    kinds, stacks = ("offcpu",), "none, every switch is written"
    sub = ["sched", "record"]

    def command(self, pids, d):
        aim = ["-p", ",".join(map(str, pids))] if pids else ["-a"]
        return self.sub + aim + ["-o", os.path.join(d, "perf.data")]

    def output(self, d):
        return os.path.join(d, "perf.data")

    def verify(self, d):
        try:
            return None if has_sample(os.path.join(d, "perf.data")) else "captured no sample"
        except (OSError, struct.error) as e:
            return "perf.data cannot be read: %s" % e


class PerfRecord(PerfSched):
    name, kinds, stacks = "perf-record", ("cpu",), "user + kernel by frame pointer, 99 Hz"
    sub = ["record", "-e", "cpu-clock", "-F", "99", "-g"]


ALL = [Worktrace, WorktraceBudget, WorktraceNoConnections, Offcputime, BpftraceOffcpu, PerfSched, Biolatency, Tcplife, Profile, BpftraceProfile, PerfRecord]


class Session:
    """One traced run: attach, look, stop, judge."""

    def __init__(self, tool, pids, d):
        self.tool, self.dir, self.proc = tool, d, None
        os.mkdir(d)
        run = tool.program
        here = tool.command(pids, d)
        cmd = run.argv + [run.path(a) for a in here]
        self.out = open(os.path.join(d, "stdout"), "wb")
        self.err = open(os.path.join(d, "stderr"), "wb")
        self.start = time.monotonic()
        self.proc = spawn(cmd, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err)
        self.at = {}

    def handles(self):
        ids, events = bpf_handles(self.proc.pid)
        return ids if self.tool.bpf else set(range(events))

    def wait_attached(self):
        """Until it holds attached programs (or events) and their set is at rest."""
        seen, since = set(), self.start
        while True:
            now = time.monotonic()
            if self.reap():
                raise BenchError("it ended while attaching: " + self.last_words())
            held = self.handles()
            if held != seen:
                seen, since = held, now
            elif seen and now - since > QUIET_S:
                break
            elif now - self.start > ATTACH_S:
                raise BenchError("not attached after %g s" % ATTACH_S)
            time.sleep(0.02)
        self.ids = seen if self.tool.bpf else set()
        self.at["attach_s"] = since - self.start
        self.cpu_at_start = cpu_s(self.proc.pid)
        self.traced_from = time.monotonic()

    def stop(self):
        """Ends the tool; returns its figures.  BenchError when it did not trace."""
        if self.reap() or not self.handles():
            raise BenchError("it was no longer attached at the end: " + self.last_words())
        pid, traced_s = self.proc.pid, time.monotonic() - self.traced_from
        cpu_traced = cpu_s(pid) - self.cpu_at_start
        rss = rss_peak_bytes(pid)
        asked = time.monotonic()
        self.proc.send_signal(signal.SIGINT)
        while not self.reap():
            rss = max(rss, rss_peak_bytes(pid))
            if time.monotonic() - asked > STOP_S:
                raise BenchError("did not end %g s after Ctrl-C" % STOP_S)
            time.sleep(0.02)
        wrong = self.tool.verify(self.dir)
        if self.proc.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
            wrong = "exit status %d: %s" % (self.proc.returncode, self.last_words())
        if wrong:
            raise BenchError(wrong)
        return dict(self.at, traced_s=traced_s, own_cpu_traced_s=cpu_traced,
                    own_cpu_total_s=self.rusage.ru_utime + self.rusage.ru_stime,
                    finish_s=time.monotonic() - asked, rss_peak_bytes=rss,
                    lost=self.tool.losses(self.dir),
                    output_bytes=tree_bytes(self.tool.output(self.dir)))

    def reap(self):
        """True once the tool has ended; keeps its resource usage."""
        if self.proc.returncode is not None:
            return True
        pid, status, usage = os.wait4(self.proc.pid, os.WNOHANG)
        if pid:
            self.proc.returncode = os.waitstatus_to_exitcode(status)
            self.rusage = usage
        return bool(pid)

    def last_words(self):
        with open(os.path.join(self.dir, "stderr"), errors="replace") as f:
            lines = [line.strip() for line in f if line.strip()]
        return lines[-1][:200] if lines else "no message"

    def close(self):
        if self.proc and not self.reap():
            self.proc.send_signal(signal.SIGTERM)
            end = time.monotonic() + 5
            while not self.reap():
                if time.monotonic() > end:
                    self.proc.kill()
                time.sleep(0.02)
        self.out.close()
        self.err.close()
