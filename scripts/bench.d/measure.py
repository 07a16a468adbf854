# SPDX-License-Identifier: GPL-2.0-or-later
"""The measurement: what is run in which order.  Raw values only; no arithmetic."""

import os
import shutil
import sys
import time

import bpfprogs
from procs import BenchError, steal_s
from tools import Session

NOTHING = "(nothing)"       # a traced run without a tool: the untraced workload against itself


def say(text):
    print(text, file=sys.stderr, flush=True)


class Case:
    """One row: a tool, aimed at a workload's processes ("pid") or at all ("all")."""

    def __init__(self, tool, mode):
        self.tool, self.mode = tool, mode
        self.name = tool.name if tool else NOTHING
        self.runs, self.failures = [], []
        self.windows, self.window_failures = [], []

    def as_json(self):
        return {"tool": self.name, "mode": self.mode, "runs": self.runs,
                "failures": self.failures, "windows": self.windows,
                "window_failures": self.window_failures}


def cases(workload, tools):
    """The rows of one workload."""
    rows = [Case(None, None)]
    for tool in tools:
        if not set(tool.kinds) & set(workload.kinds) or not tool.program:
            continue
        if workload.traced_by_pid or tool.follows_forks:
            rows.append(Case(tool, "pid"))
        rows.append(Case(tool, "all"))
    return rows


class Bench:
    def __init__(self, base, bpftool, seconds, window_s, rng):
        self.base, self.bpftool, self.rng = base, bpftool, rng
        self.seconds, self.window_s = seconds, window_s
        self.serial = 0

    def directory(self):
        self.serial += 1
        return os.path.join(self.base, "run.%d" % self.serial)

    def session(self, case, workload):
        return Session(case.tool, workload.pids if case.mode == "pid" else [], self.directory())

    def untraced(self, workload):
        ns = workload.measure(self.seconds)
        return {"ns": ns, "load1": os.getloadavg()[0]}

    def traced(self, case, workload):
        """One timed run under the tool of case: its ns per operation and the tool's own figures."""
        if not case.tool:
            return {"ns": workload.measure(self.seconds)}
        session = self.session(case, workload)
        try:
            session.wait_attached()
            ns = workload.measure(self.seconds)
            return dict(session.stop(), ns=ns)
        finally:
            session.close()
            shutil.rmtree(session.dir, ignore_errors=True)

    def timed_round(self, workload, rows, baselines):
        """baseline, tool, baseline, tool … in random order: every traced run lies
        between two untraced ones, and is compared with their mean."""
        order = [c for c in rows if not c.failures]
        self.rng.shuffle(order)
        before = self.untraced(workload)
        baselines.append(before)
        for case in order:
            steal = steal_s()
            try:
                run = self.traced(case, workload)
            except BenchError as e:
                case.failures.append(str(e))
                say("  %s %s failed: %s" % (case.name, case.mode, e))
                run = None
            after = self.untraced(workload)
            baselines.append(after)
            if run:
                run.update(before_ns=before["ns"], after_ns=after["ns"],
                           steal_s=steal_s() - steal)
                case.runs.append(run)
            before = after

    def window_round(self, workload, rows):
        """Program times of every BPF tool, in random order; nothing is timed meanwhile."""
        order = [c for c in rows if c.tool and c.tool.bpf and not c.failures and not c.window_failures]
        self.rng.shuffle(order)
        for case in order:
            try:
                case.windows.append(self.window(case, workload))
            except BenchError as e:
                case.window_failures.append(str(e))
                say("  %s %s failed: %s" % (case.name, case.mode, e))

    def window(self, case, workload):
        session = self.session(case, workload)
        try:
            session.wait_attached()
            workload.begin(self.window_s + 1.5)
            started = time.monotonic()
            time.sleep(0.4)
            programs = bpfprogs.window(self.bpftool, session.ids, self.window_s)
            needed = time.monotonic() - started
            ns = workload.finish()
            if time.monotonic() - started < needed + 0.05:
                raise BenchError("the workload ended before the window did")
            session.stop()
            if not any(p["runs"] for p in programs):
                raise BenchError("none of its programs ran")
            return {"programs": programs, "ns": ns}
        finally:
            session.close()
            shutil.rmtree(session.dir, ignore_errors=True)
