# SPDX-License-Identifier: GPL-2.0-or-later
"""What the end-to-end tests share: running worktrace, reading a recording.

    lib.py FILE FUNCTION        runs one test function (scripts/run-tests does)

A test is a function that returns, raises (it failed) or raises Skip.  record()
checks every invariant of a recording (check() below), so each test that makes one
tests the balance as well.  Times are ns.
"""
import csv
import grp
import importlib.util
import itertools
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("WT_BUILD", os.path.join(ROOT, "build")))
WORKTRACE = os.path.join(BUILD, "worktrace")
WORKLOADS = os.path.join(BUILD, "tests", "workloads")
PYTHON = "/usr/bin/python3"
TMP = os.environ.get("TMPDIR") or tempfile.mkdtemp(prefix="wt-test.")
os.environ["TMPDIR"] = TMP
os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/local/sbin:/usr/sbin:/sbin"

STATES = ["cpu", "runq", "throttled", "disk", "net", "ipc", "lock", "child", "mem", "sleep",
          "idle", "stopped", "other"]
MS = 1_000_000
S = 1_000_000_000
FILES = {"wall.folded", "cpu.folded", "offcpu.folded", "waits.csv", "threads.csv", "jobs.csv",
         "peers.csv", "connections.csv", "notes.md", "system.txt", "summary.json"}
# only where there is something to say
MORE_FILES = {"devices.csv", "transcodes.csv", "units.csv", "unit_objects.csv", "spans.csv"}
LOSSES = ["detail_full", "sample_full", "stack_ring_full", "reason_ring_full", "exit_ring_full",
          "threads", "missed_switch", "user_stack_unreadable", "kernel_stack_failed",
          "space_ring_full", "python_inconsistent", "python_code_ring_full", "raw_stack_budget",
          "lines", "split_ring_full", "env_cut", "env_unreadable", "job_ring_full",
          "exec_units_full", "exec_ring_full", "span_events", "span_depth", "connections_full",
          "connection_ring_full", "disk_requests", "disk_rows_full", "disk_requests_unit", "datagram_peers_full",
          "files_folded",
          "file_ring_full", "clock_backwards", "connections_folded", "connection_end_missed",
          "kernel_stack_misremembered", "user_stack_misremembered", "audit_waits",
          "hidden_threads", "program_skipped", "sideband", "object_gone", "jvm_method_gone",
          "frames_folded", "frames_unmapped", "exec_rows_full", "unit_details", "lines_dropped",
          "match_limit", "epochs_given_up", "unit_late_ns", "unit_shared_ns",
          "unit_objects_full", "unit_names_full", "units_folded", "exit_no_memory", "no_memory"]
# losses after which lines of detail lack: only then may time be unattributed
EXIT_LOSSES = ["exit_ring_full", "exit_no_memory"]
DETAIL_LOSSES = ["detail_full", "sample_full", *EXIT_LOSSES, "clock_backwards", "no_memory"]
RSS_LIMIT = MAPS_LIMIT = 64 << 20

_serial = itertools.count(1)
_cleanups = []


class Skip(Exception):
    pass


def cleanup(function, *args):
    """Runs function(*args) when the test ends, in reverse order."""
    _cleanups.append((function, args))


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def need(*programs):
    """Paths of programs; skips when one is not installed."""
    paths = []
    for p in programs:
        found = shutil.which(p)
        if not found:
            raise Skip(f"{p} is not installed")
        paths.append(found)
    return paths if len(paths) > 1 else paths[0]


def tmp(name):
    return os.path.join(TMP, name)


def workload(name):
    path = os.path.join(WORKLOADS, name)
    if not os.path.exists(path):
        raise AssertionError(f"{path} is not built: run make workloads")
    return path


# ---- assertions --------------------------------------------------------------

def equal(a, b, what=""):
    assert a == b, f"{what}: {a!r} is not {b!r}"


def near(value, truth, tolerance, what=""):
    """value is within tolerance (absolute) of the truth."""
    assert abs(value - truth) <= tolerance, \
        f"{what}: {value / MS:.3f} ms is not within {tolerance / MS:.3f} ms of {truth / MS:.3f} ms"


def at_least(value, bound, what=""):
    assert value >= bound, f"{what}: {value} is less than {bound}"


def at_most(value, bound, what=""):
    assert value <= bound, f"{what}: {value} is more than {bound}"


def contains(text, pattern, what=""):
    assert re.search(pattern, text), f"{what or 'text'}: no {pattern!r} in {text!r}"


# ---- processes -----------------------------------------------------------------

def spawn(argv, **kw):
    """A process that is killed when the test ends."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.DEVNULL)
    p = subprocess.Popen(argv, **kw)
    cleanup(stop, p)
    return p


def stop(p, sig=signal.SIGKILL):
    if p.poll() is None:
        try:
            p.send_signal(signal.SIGCONT)
            p.send_signal(sig)
        except OSError:
            pass
        try:
            p.wait(10)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()


def until(condition, timeout_s=10, what="condition"):
    """Waits until condition() is true and returns its value."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not come within {timeout_s} s"
        time.sleep(0.01)


def state_of(pid):
    """The letter of a process's state; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


def alive(pid):
    return state_of(pid) not in (None, "Z", "X")


def comm_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as f:
            return f.read().strip("\n")
    except OSError:
        return None


def descendants(pid):
    found = []
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in f.read().split():
                    found += [int(child)] + descendants(int(child))
        except OSError:
            pass
    return found


# ---- cgroups ---------------------------------------------------------------------

def cgroup_mounts():
    """(controllers' mount point of v1 by name, mount point of v2 or None)."""
    v1, v2 = {}, None
    with open("/proc/mounts") as f:
        for line in f:
            _, where, kind, options = line.split()[:4]
            if kind == "cgroup2":
                v2 = v2 or where
            elif kind == "cgroup":
                for o in options.split(","):
                    v1.setdefault(o, where)
    return v1, v2


def remove_cgroup(path):
    for _ in range(200):
        try:
            os.rmdir(path)
            return
        except FileNotFoundError:
            return
        except OSError:
            try:
                with open(os.path.join(path, "cgroup.procs")) as f:
                    for pid in f.read().split():
                        os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass
            time.sleep(0.02)


def make_cgroup(mount):
    path = os.path.join(mount, f"wt-test-{os.getpid()}-{next(_serial)}")
    os.mkdir(path)
    cleanup(remove_cgroup, path)
    return path


def v1_cgroup(controller):
    v1, _ = cgroup_mounts()
    if controller not in v1:
        raise Skip(f"the v1 {controller} controller is not mounted")
    return make_cgroup(v1[controller])


def v2_cgroup(controller=None):
    _, v2 = cgroup_mounts()
    if not v2:
        raise Skip("cgroup v2 is not mounted")
    if controller:
        with open(os.path.join(v2, "cgroup.controllers")) as f:
            if controller not in f.read().split():
                raise Skip(f"cgroup v2 has no {controller} controller here")
        with open(os.path.join(v2, "cgroup.subtree_control"), "r+") as f:
            if controller not in f.read().split():
                f.write(f"+{controller}")
    return make_cgroup(v2)


def cpu_cgroup():
    """A cgroup with the CPU controller, v1 or v2: (path, is_v2)."""
    try:
        return v1_cgroup("cpu"), False
    except Skip:
        return v2_cgroup("cpu"), True


def enter(*cgroups):
    """A preexec_fn that joins these cgroups."""
    def join():
        for c in cgroups:
            with open(os.path.join(c, "cgroup.procs"), "w") as f:
                f.write("0")
    return join


def read_keys(path):
    with open(path) as f:
        return {k: int(v) for k, v in (line.split() for line in f)}


# ---- worktrace ---------------------------------------------------------------------

def worktrace(args, timeout_s=60, **kw):
    """Runs worktrace to its end: a CompletedProcess with text output."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    # not subprocess.run: a timeout must not leave a recording behind
    p = subprocess.Popen([WORKTRACE] + [str(a) for a in args], text=True,
                         errors="replace", **kw)
    cleanup(stop, p)
    try:
        out, err = p.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        p.send_signal(signal.SIGINT)
        try:
            out, err = p.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
        raise AssertionError(f"worktrace {' '.join(map(str, args))} took more than {timeout_s} s\n"
                             f"stdout: {out}\nstderr: {err}")
    return subprocess.CompletedProcess(p.args, p.returncode, out, err)


class Running:
    """A recording under way."""

    def __init__(self, args, output=None, cwd=None, **kw):
        need_root()
        self.path = output or tmp(f"rec{next(_serial)}")
        self.args = ["record", "-o", self.path] + [str(a) for a in args]
        self.err_path = tmp(f"err{next(_serial)}")
        kw.setdefault("stdout", subprocess.PIPE)
        with open(self.err_path, "w") as err:
            self.p = spawn([WORKTRACE] + self.args, stderr=err, text=True, cwd=cwd, **kw)
        self.pid = self.p.pid

    def links(self):
        """How many BPF links it holds: those are what traces."""
        n = 0
        try:
            for fd in os.listdir(f"/proc/{self.pid}/fd"):
                try:
                    n += "bpf" in os.readlink(f"/proc/{self.pid}/fd/{fd}") and \
                        "link" in os.readlink(f"/proc/{self.pid}/fd/{fd}")
                except OSError:
                    pass
        except OSError:
            pass
        return n

    def programs(self):
        """Ids of the BPF programs that it holds."""
        return fd_ids(self.pid, "bpf-prog", "prog_id")

    def maps(self):
        return fd_ids(self.pid, "bpf-map", "map_id")

    def attached(self):
        """Waits until it traces; returns self."""
        last = [0, 0.0]

        def settled():
            assert self.p.poll() is None, f"worktrace ended: {self.p.returncode}: {self.stderr()}"
            n = self.links()
            if n != last[0]:
                last[:] = [n, time.monotonic()]
            return n >= 3 and time.monotonic() - last[1] > 0.3
        until(settled, 20, "attached")
        return self

    def stderr(self):
        with open(self.err_path, errors="replace") as f:
            return f.read()

    def finish(self, sig=None, status=0, timeout_s=30, checked=True):
        """Ends it (by a signal) and reads the recording."""
        if sig:
            self.p.send_signal(sig)
        try:
            out, _ = self.p.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"worktrace did not end within {timeout_s} s: {self.stderr()}")
        equal(self.p.returncode, status, f"exit status ({self.stderr().strip()})")
        r = Recording(self.path)
        r.out, r.err, r.status = out, self.stderr(), self.p.returncode
        if checked:
            check(r)
        return r


def fd_ids(pid, kind, key):
    ids = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if kind in os.readlink(f"/proc/{pid}/fd/{fd}"):
                with open(f"/proc/{pid}/fdinfo/{fd}") as f:
                    m = re.search(rf"^{key}:\s*(\d+)", f.read(), re.M)
                    if m:
                        ids.append(int(m.group(1)))
        except OSError:
            pass
    return sorted(set(ids))


def record(args, command=None, status=0, timeout_s=60, checked=True, **kw):
    """One recording from start to end: `worktrace record ARGS -o DIR [-- COMMAND]`."""
    need_root()
    args = list(args) + (["--"] + list(command) if command else [])
    return Running(args, **kw).finish(status=status, timeout_s=timeout_s, checked=checked)


class Recording:
    def __init__(self, path):
        self.path = path
        self.out = self.err = ""
        with open(os.path.join(path, "summary.json")) as f:
            self.summary = json.load(f)
        self.ledger = self.summary["ledger"]
        self.loss = self.summary["loss"]
        self.duration = self.summary["duration_ns"]

    def state(self, name):
        return self.ledger["states"][name]["ns"]

    def truth_output(self):
        """The JSON that the traced command printed."""
        return json.loads(self.out)

    def threads(self, **match):
        """Rows of threads.csv: numbers as int; match: pid=…, tid=…, comm=…"""
        return self._rows("threads.csv", ("comm", "job"), match)

    def jobs(self, **match):
        """Rows of jobs.csv."""
        return self._rows("jobs.csv", ("job", "kind", "name", "build", "tag", "node", "executor",
                                       "branch", "commit", "start_utc", "end_utc"), match)

    def job(self, name):
        rows = self.jobs(job=name)
        equal(len(rows), 1, f"rows of {name} in jobs.csv ({[j['job'] for j in self.jobs()]})")
        return rows[0]

    def waits(self, **match):
        """Rows of waits.csv; a match that is a compiled pattern is searched for."""
        return self._rows("waits.csv", ("state", "reason", "comm"), match)

    def devices(self, **match):
        """Rows of devices.csv."""
        return self._rows("devices.csv", ("device", "operation", "job", "process", "inflight_mean"), match)

    def _rows(self, name, texts, match):
        rows = []
        with open(os.path.join(self.path, name), newline="") as f:
            for row in csv.DictReader(f):
                row = {k: v if k in texts else int(v) for k, v in row.items()}
                if all(v.search(row[k]) if isinstance(v, re.Pattern) else row[k] == v
                       for k, v in match.items()):
                    rows.append(row)
        return rows

    def transcodes(self, **match):
        """Rows of transcodes.csv: numbers as int or float, None where there is none."""
        def value(key, text):
            if key in ("job", "unit", "exit_status", "input", "output", "start_utc", "end_utc",
                       "stage_source", "stages_from_utc"):
                return text
            return None if text == "" else float(text) if "." in text else int(text)
        with open(os.path.join(self.path, "transcodes.csv"), newline="") as f:
            rows = [{k: value(k, v) for k, v in row.items()} for row in csv.DictReader(f)]
        return [row for row in rows if all(row[k] == v for k, v in match.items())]

    def unit_objects(self, **match):
        """Rows of unit_objects.csv."""
        return self._rows("unit_objects.csv", {"job", "unit", "kind", "state", "object", "server", "operation"}, match)

    def units(self, **match):
        """Rows of units.csv: numbers as int, None where there is none."""
        texts = ("job", "unit", "kind", "start_utc", "end_utc", "exit_status", "label")
        with open(os.path.join(self.path, "units.csv"), newline="") as f:
            rows = [{k: v if k in texts else int(v) if v else None for k, v in row.items()}
                    for row in csv.DictReader(f)]
        return [row for row in rows if all(row[k] == v for k, v in match.items())]

    def waited(self, **match):
        return sum(w["total_ns"] for w in self.waits(**match))

    def folded(self, which):
        """[(frames, µs)] of WHICH.folded."""
        with open(os.path.join(self.path, which + ".folded")) as f:
            return parse_folded(f.read(), which)

    def thread_states(self, pid):
        """States of the threads of one process, summed."""
        rows = self.threads(pid=pid)
        assert rows, f"no row of process {pid} in threads.csv"
        return {s: sum(r[s + "_ns"] for r in rows) for s in STATES}


def parse_folded(text, what):
    out = []
    for n, line in enumerate(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"), 1):
        if not line and not text:
            continue
        m = re.fullmatch(r"(.+) (\d+)", line)
        assert m, f"{what}:{n}: not `frames integer`: {line!r}"
        frames = m.group(1).split(";")
        assert all(f.strip() for f in frames), f"{what}:{n}: an empty frame: {line!r}"
        out.append((frames, int(m.group(2))))
    assert not text or text.endswith("\n"), f"{what}: no newline at the end"
    return out


# ---- what holds for every recording ----------------------------------------------------

def check(r):
    s, ledger = r.summary, r.ledger
    files = set(os.listdir(r.path))
    equal(files - MORE_FILES, FILES, "files of the recording")
    equal(os.stat(r.path).st_mode & 0o777, 0o700, "mode of the directory")
    for name in files:
        equal(os.stat(os.path.join(r.path, name)).st_mode & 0o777, 0o600, f"mode of {name}")
    check_keys(s)
    check_ledger(s, ledger)
    check_threads(r)
    check_jobs(r)
    check_waits(r)
    check_folded(r)
    check_unit_objects(r)
    if "transcodes.csv" in files:
        check_transcodes(r)
    lost = sum(r.loss[k] for k in DETAIL_LOSSES)
    if ledger["unattributed_ns"]:
        assert lost, f"{ledger['unattributed_ns']} ns are unattributed, but no loss says why: {r.loss}"
    at_least(s["self"]["rss_peak_bytes"], 1, "rss_peak_bytes")
    at_least(s["self"]["bpf_map_bytes"], 1, "bpf_map_bytes")
    siblings = [f for f in os.listdir(os.path.dirname(r.path))
                if f.startswith("." + os.path.basename(r.path))]
    equal(siblings, [], "temporary directories left beside the recording")


def check_keys(s):
    for path in ("schema", "tool", "host", "start_utc", "end_utc", "duration_ns", "target",
                 "options", "exit.status", "exit.signal", "ledger.threads", "ledger.processes",
                 "ledger.states.cpu.user_ns", "ledger.states.cpu.sys_ns",
                 "ledger.states.cpu.steal_ns", "ledger.states.runq.wakeup_ns",
                 "ledger.states.runq.preempt_ns", "audit.cpu_kernel_ns", "audit.cpu_ours_ns",
                 "audit.cpu_residual_ppm", "audit.runq_kernel_ns", "audit.runq_ours_ns",
                 "audit.runq_residual_ppm", "audit.switches", "audit.clock_ns_per_switch",
                 "audit.clock_runq_ns_per_switch",
                 "audit.witness_disagreements", "stacks.oncpu_samples", "stacks.complete",
                 "stacks.incomplete", "self.cpu_ns", "self.bpf_ns", "self.rss_peak_bytes",
                 "self.bpf_map_bytes", "self.startup_ns"):
        at = s
        for key in path.split("."):
            assert key in at, f"summary.json has no {path}"
            at = at[key]
    for k in LOSSES:
        assert isinstance(s["loss"].get(k), int) and s["loss"][k] >= 0, \
            f"summary.json: loss.{k} is {s['loss'].get(k)!r}"
    for key in ("start_utc", "end_utc"):
        contains(s[key], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$", key)
    stacks = s["stacks"]
    equal(stacks["complete"] + sum(stacks["incomplete"].values()), stacks["oncpu_samples"],
          "stacks: complete and incomplete against samples")


def check_ledger(s, ledger):
    states = ledger["states"]
    equal(list(states), STATES, "states")
    equal(ledger["residual_ns"], 0, "residual_ns")
    equal(ledger["wall_ns"], ledger["accounted_ns"], "wall and accounted")
    equal(sum(v["ns"] for v in states.values()), ledger["accounted_ns"], "sum of the states")
    equal(states["cpu"]["user_ns"] + states["cpu"]["sys_ns"], states["cpu"]["ns"], "user and sys")
    equal(states["runq"]["wakeup_ns"] + states["runq"]["preempt_ns"], states["runq"]["ns"],
          "run-queue wait after wakeups and preemptions")
    at_most(states["cpu"]["steal_ns"], states["cpu"]["ns"], "steal")
    at_most(ledger["unattributed_ns"], ledger["accounted_ns"], "unattributed")
    if s["complete"]:
        equal(ledger["overattributed_ns"], 0, "detail beyond the threads' records")
    at_most(ledger["processes"], ledger["threads"], "processes against threads")
    at_most(ledger["wall_ns"], ledger["threads"] * s["duration_ns"], "wall against threads")


def check_threads(r):
    rows = r.threads()
    wall = count = 0
    start = end = None
    for row in rows:
        equal(sum(row[s + "_ns"] for s in STATES), row["thread_ns"], f"states of {row}")
        folded = re.search(r" \[folded (\d+)\]$", row["comm"])
        count += int(folded.group(1)) if folded else 1
        if not folded and row["pid"]:
            equal(row["end_ns"] - row["start_ns"], row["thread_ns"], f"thread_ns of {row}")
        wall += row["thread_ns"]
        start = row["start_ns"] if start is None else min(start, row["start_ns"])
        end = row["end_ns"] if end is None else max(end, row["end_ns"])
    equal(wall, r.ledger["wall_ns"], "threads.csv against wall_ns")
    if not any(r.loss[k] for k in EXIT_LOSSES):
        equal(count, r.ledger["threads"], "threads.csv against the number of threads")
    if rows:
        at_most(end - start, r.duration, "span of the threads against the recording")
    for s in STATES:
        equal(sum(row[s + "_ns"] for row in rows), r.state(s), f"threads.csv: {s}")


def check_jobs(r):
    rows = r.jobs()
    names = [row["job"] for row in rows]
    equal(len(names), len(set(names)), f"distinct jobs in {names}")
    for row in rows:
        equal(sum(row[s + "_ns"] for s in STATES), row["thread_ns"], f"states of {row}")
        at_most(row["processes"], row["threads"], f"processes of {row}")
        at_most(row["elapsed_ns"], r.duration, f"elapsed_ns of {row}")
    for s in STATES:
        equal(sum(row[s + "_ns"] for row in rows), r.state(s), f"jobs.csv: {s}")
    equal(sum(row["threads"] for row in rows), r.ledger["threads"], "jobs.csv: threads")
    missing = {t["job"] for t in r.threads()} - set(names)
    assert not missing, f"jobs of threads.csv that jobs.csv lacks: {missing}"
    in_summary = {j["job"]: (j["thread_ns"], j["threads"]) for j in r.summary["jobs"]}
    if any(r.loss[k] for k in EXIT_LOSSES):    # a job may have units whose threads' records are all lost
        in_summary = {k: v for k, v in in_summary.items() if k in names or v != (0, 0)}
    equal(in_summary, {row["job"]: (row["thread_ns"], row["threads"]) for row in rows},
          "jobs of summary.json and jobs.csv")
    builds = r.summary["builds"]
    at_most(builds["at_once"], builds["count"], "builds at once")


def check_waits(r):
    sums = dict.fromkeys(STATES, 0)
    last = None
    for w in r.waits():
        assert w["state"] in STATES and w["state"] != "cpu", f"state of {w}"
        assert w["reason"], f"no reason: {w}"
        sums[w["state"]] += w["total_ns"]
        if w["reason"] != "[unattributed]":
            at_least(w["count"], 1, f"count of {w}")
            assert w["p50_ns"] <= w["p95_ns"] <= w["p99_ns"] <= w["max_ns"] <= w["total_ns"], \
                f"percentiles of {w}"
        assert last is None or w["total_ns"] <= last, "waits.csv is not sorted"
        last = w["total_ns"]
    for s in STATES[1:]:
        equal(sums[s], r.state(s), f"waits.csv: {s}")


def check_transcodes(r):
    rows = r.transcodes()
    stats = r.summary["transcodes"]
    assert rows, "transcodes.csv has no row"
    equal(stats["count"], len(rows), "transcodes: count")
    equal(stats["ended"], sum(1 for row in rows if row["end_utc"]), "transcodes: ended")
    for row in rows:
        equal(sum(row[s + "_ns"] for s in STATES), row["thread_ns"], f"states of {row}")
        equal(row["user_ns"] + row["sys_ns"], row["cpu_ns"], f"user and sys of {row}")
        if not row["seeded"]:
            at_most(row["thread_ns"], row["threads"] * row["elapsed_ns"], f"thread time of {row}")
        if not row["end_utc"]:
            equal(row["exit_status"], "", f"exit status of one that runs: {row}")


def check_unit_objects(r):
    """What programs and spans waited for, and what programs asked of disks, are the columns of units.csv."""
    if not os.path.exists(os.path.join(r.path, "unit_objects.csv")) or r.loss["unit_objects_full"]:
        return
    requests = {"read": ("disk_reads", "disk_read_bytes"), "write": ("disk_writes", "disk_write_bytes"),
                "other": ("disk_others", None)}
    wants, gots = {}, {}
    def add(to, key, ns, n=0, size=0):
        if ns or n:
            was = to.get(key, (0, 0, 0))
            to[key] = (was[0] + ns, was[1] + n, was[2] + size)
    for u in r.units():
        exec_unit = u["kind"].startswith("exec")
        if u["label"] == "[folded]" or not (exec_unit or u["kind"].startswith("span")):
            continue
        who = (u["job"], u["kind"]) + ((u["unit"], u["pid"]) if exec_unit else ())
        for state in STATES[1:]:
            add(wants, who + (state,), u[state + "_ns"])
        for op, (n, size) in requests.items() if exec_unit else ():
            add(wants, who + ("request", op), 0, u[n] or 0, u[size] or 0 if size else 0)
        if exec_unit:
            add(wants, who + ("requests",), u["disk_requests_ns"] or 0)
    for o in r.unit_objects():
        exec_unit = o["kind"].startswith("exec")
        if o["unit"] == "[folded]" or not (exec_unit or o["kind"].startswith("span")):
            continue
        who = (o["job"], o["kind"]) + ((o["unit"], o["pid"]) if exec_unit else ())
        if o["state"] == "request":
            add(gots, who + ("request", o["operation"]), 0, o["count"], o["bytes"])
            add(gots, who + ("requests",), o["total_ns"])
        else:
            add(gots, who + (o["state"],), o["total_ns"])
    equal(gots, wants, "objects of programs and spans")


def check_folded(r):
    total = sum(us for _, us in r.folded("wall"))
    at_most(abs(total * 1000 - r.ledger["accounted_ns"]), 1000, "wall.folded against the ledger")
    total = sum(us for _, us in r.folded("cpu"))
    at_most(abs(total * 1000 - r.state("cpu")), 1000, "cpu.folded against the ledger")
    total = sum(us for _, us in r.folded("offcpu"))
    off = r.ledger["accounted_ns"] - sum(r.state(s) for s in ("cpu", "idle", "stopped"))
    at_most(abs(total * 1000 - off), 1000, "offcpu.folded against the ledger")
    for which in ("wall", "cpu", "offcpu"):
        seen = set()
        for frames, us in r.folded(which):
            key = ";".join(frames)
            assert key not in seen, f"{which}.folded has a stack twice: {key}"
            seen.add(key)
            assert "[unknown]" not in frames, f"{which}.folded: a bare [unknown]: {key}"
            at_least(us, 1, f"{which}.folded: value of {key}")


def clock_slack(r, *states):
    """How far these states together may be from what the kernel's own clock says of them.

    Both are right: the kernel's books end where a switch begins to be prepared, the
    ledger's interval where it is made; and the kernel's wait for a CPU begins where a
    thread is queued, the ledger's where it is woken.  The recording measures the difference
    for CPU time and for run-queue wait; what both have more, the blocked states have less.
    """
    audit = r.summary["audit"]
    cpu, runq = audit["clock_ns_per_switch"], audit["clock_runq_ns_per_switch"]
    blocked = any(s not in ("cpu", "runq", "throttled") for s in states)
    diff = cpu * ("cpu" in states) + runq * ("runq" in states) - (cpu + runq) * blocked
    return (abs(diff) + 300) * audit["switches"]


def check_audit(r):
    """The kernel's books agree with ours: for recordings of 5 s and more."""
    at_least(r.duration, 5 * S, "an audit needs")
    at_least(r.summary["audit"]["switches"], 1, "switches")
    for k in ("cpu", "runq"):
        ppm = r.summary["audit"][f"{k}_residual_ppm"]
        assert abs(ppm) <= 1000, f"audit: {k}_residual_ppm is {ppm}: {r.summary['audit']} {r.loss}"


# ---- one failing command line -------------------------------------------------------------

def sentence(args, pattern, status=1, timeout_s=30, output=None, **kw):
    """worktrace ARGS fails with one clear sentence and leaves nothing behind."""
    before = sorted(os.listdir(TMP))
    p = worktrace(args, timeout_s=timeout_s, **kw)
    lines = p.stderr.rstrip("\n").split("\n")
    equal(p.returncode, status, f"exit status of {args} ({p.stderr.strip()})")
    assert len(lines) == 1 and lines[0].startswith("worktrace: "), \
        f"{args}: not one sentence on standard error: {p.stderr!r}"
    at_most(len(lines[0]), 400, "length of the sentence")
    contains(lines[0], pattern, f"the sentence of {args}")
    equal(p.stdout, "", f"standard output of {args}")
    equal(sorted(os.listdir(TMP)), before, f"files after {args}")
    return lines[0]


# ---- one test -------------------------------------------------------------------------------

def as_user(name):
    """A preexec_fn that becomes this user."""
    user = pwd.getpwnam(name)

    def change():
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
    return change


def group_of(gid):
    return grp.getgrgid(gid).gr_name


def run_cleanups():
    while _cleanups:
        function, args = _cleanups.pop()
        try:
            function(*args)
        except Exception:
            traceback.print_exc()


def main():
    path, name = sys.argv[1:3]
    # the tests import this module: it must be this very instance
    sys.modules["lib"] = sys.modules["__main__"]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location("test", path)
    module = importlib.util.module_from_spec(spec)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    os.makedirs(TMP, exist_ok=True)
    os.chdir(TMP)
    try:
        spec.loader.exec_module(module)
        if not os.path.exists(WORKTRACE):
            raise AssertionError(f"{WORKTRACE} is not built")
        getattr(module, name)()
    except Skip as s:
        print(f"{s}")
        return 77
    except AssertionError as e:
        frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == path]
        for f in frames:
            print(f"{os.path.relpath(path, ROOT)}: {f.name}: {f.line}")
        print(e if str(e) else "assertion failed")
        return 1
    except Exception:
        traceback.print_exc(file=sys.stdout)
        return 1
    finally:
        run_cleanups()
    return 0


if __name__ == "__main__":
    sys.exit(main())
