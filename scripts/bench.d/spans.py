# SPDX-License-Identifier: GPL-2.0-or-later
"""What a span costs the program: a function called 10,000 times a second, by its own clock."""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from procs import BenchError

NOTHING, WORKTRACE, RETURN, BPFTRACE = "nothing", "worktrace", "worktrace-return-probe", "bpftrace"
SCRIPT = ("uprobe:%s:bench_span { @start[tid] = nsecs; } uretprobe:%s:bench_span /@start[tid]/ "
          "{ @took = hist(nsecs - @start[tid]); @total = sum(nsecs - @start[tid]); @n = count(); "
          "delete(@start[tid]); }")


def program_of(build):
    return os.path.abspath(os.path.join(build, "tests/workloads/bench_span"))


def once(argv):
    return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def with_worktrace(build, program, seconds, base, *options):
    """The recording runs the program; its count must be the program's."""
    rec = os.path.join(base, "spans")
    shutil.rmtree(rec, ignore_errors=True)
    argv = [os.path.join(build, "worktrace"), "record", "-q", "-o", rec, "--span-limit", "0", *options,
            "--span", "s=%s:bench_span" % program, "--", program, str(seconds)]
    result = once(argv)
    with open(os.path.join(rec, "spans.csv"), newline="") as f:
        counted = int(next(csv.DictReader(f))["count"])
    if counted != result["calls"]:
        raise BenchError("worktrace counted %d spans of %d" % (counted, result["calls"]))
    return result


def with_bpftrace(program, seconds):
    p = subprocess.Popen(["bpftrace", "-e", SCRIPT % (program, program)], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    try:
        line = p.stdout.readline()
        if "Attaching" not in line:
            raise BenchError("bpftrace: %s" % line.strip())
        time.sleep(1)
        result = once([program, str(seconds)])
    finally:
        p.send_signal(signal.SIGINT)
        try:
            out, _ = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            p.kill()
            out, _ = p.communicate()
    found = re.search(r"@n: (\d+)", out)
    if not found or int(found.group(1)) != result["calls"]:
        raise BenchError("bpftrace counted %s spans of %d" % (found and found.group(1), result["calls"]))
    return result


def measure(build, rounds, seconds, base, rng, say):
    """{case: [{calls, median_ns, mean_ns}, …]}; None for what is not installed."""
    program = program_of(build)
    if not os.access(program, os.X_OK):
        return None
    cases = {NOTHING: lambda: once([program, str(seconds)]),
             WORKTRACE: lambda: with_worktrace(build, program, seconds, base),
             RETURN: lambda: with_worktrace(build, program, seconds, base, "--span-return-probe")}
    if shutil.which("bpftrace"):
        cases[BPFTRACE] = lambda: with_bpftrace(program, seconds)
    else:
        say("bpftrace: absent")
    found = {name: [] for name in cases}
    for n in range(rounds):
        say("spans: round %d of %d" % (n + 1, rounds))
        for name in rng.sample(sorted(cases), len(cases)):
            found[name].append(cases[name]())
    return found


def rows_of_table(found):
    """One row a case: median over the rounds of a call's median, and what a span adds to it."""
    middle = {name: sorted(r["median_ns"] for r in runs) for name, runs in found.items()}
    bare = middle[NOTHING][len(middle[NOTHING]) // 2]
    rows = []
    for name, values in middle.items():
        mid = values[len(values) // 2]
        rows.append([name, len(values), mid, "%d … %d" % (values[0], values[-1]),
                     "" if name == NOTHING else "%.2f" % ((mid - bare) / 1000)])
    return rows


HEAD = ["<tracer", "rounds", "a call, ns", "least … most", "a span, µs"]
