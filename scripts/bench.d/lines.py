# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs a worker that its lines are looked at: 50,000 of 80 bytes a second, by its own CPU clock."""

import json
import os
import shutil
import subprocess

from procs import BenchError

HEAD = ["<lines looked at", "runs", "a line, ns of CPU", "least … most", "more", "lines", "lost", "own CPU of a line, ns"]


def once(argv):
    return json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def watched(build, argv, base):
    """The recording runs the program; it must have seen every line, or have counted it as lost."""
    rec = os.path.join(base, "lines")
    shutil.rmtree(rec, ignore_errors=True)
    result = once([os.path.join(build, "worktrace"), "record", "-q", "-o", rec, "--unit-preset", "auto", "--", *argv])
    with open(os.path.join(rec, "summary.json")) as f:
        s = json.load(f)
    result["lost"] = s["loss"]["lines"]
    result["own_ns"] = s["self"]["cpu_ns"] / result["lines"]
    if not result["lost"] and s["units"]["matched"] != result["lines"]:
        raise BenchError("worktrace matched %d lines of %d" % (s["units"]["matched"], result["lines"]))
    return result


def measure(build, rounds, seconds, base, say):
    """[(untraced, traced, untraced), …]; None: the program is not built."""
    program = os.path.abspath(os.path.join(build, "tests/workloads/bench_lines"))
    if not os.access(program, os.X_OK):
        return None
    work = min(once([program])["rounds"] for _ in range(3))
    argv = [program, str(seconds), str(work), os.path.join(base, "lines.log")]
    bare = [once(argv)]
    found = []
    for n in range(rounds):
        say("lines: round %d of %d" % (n + 1, rounds))
        traced = watched(build, argv, base)
        bare.append(once(argv))
        found.append((bare[-2], traced, bare[-1]))
    return found


def middle(values):
    return sorted(values)[len(values) // 2]


def rows_of_table(found):
    """Untraced and traced; more: the median of what a run took above its neighbours' mean."""
    bare = [r[2]["cpu_ns"] for r in found]
    traced = [r[1]["cpu_ns"] for r in found]
    more = [r[1]["cpu_ns"] / ((r[0]["cpu_ns"] + r[2]["cpu_ns"]) / 2) - 1 for r in found]
    return [["no", len(bare), "%.0f" % middle(bare), "%.0f … %.0f" % (min(bare), max(bare)), "", "", "", ""],
            ["yes", len(traced), "%.0f" % middle(traced), "%.0f … %.0f" % (min(traced), max(traced)),
             "%+.1f %% (%+.1f … %+.1f)" % (100 * middle(more), 100 * min(more), 100 * max(more)),
             sum(r[1]["lines"] for r in found), sum(r[1]["lost"] for r in found),
             "%.0f" % middle([r[1]["own_ns"] for r in found])]]
