# SPDX-License-Identifier: GPL-2.0-or-later
"""How complete stacks are, and perf as a second witness of them.

Only -e cpu-clock: sampling by hardware cycles has frozen CPUs of virtual machines.
A sample is a list of (function, object), innermost first; kernel frames have the
object "[kernel]".
"""
import math
import os
import re
import subprocess
from collections import Counter

import lib

UNKNOWN = "[unknown]"


def complete(r, cpu, off, waits_needed=100, late=0.15):
    """
    Shares of samples and waits whose stack reaches a root.  What came before the tables
    were compiled is counted by itself, so is not held against the walk, but bounded.
    """
    s = r.summary["stacks"]
    n, early = s["oncpu_samples"], s["incomplete"]["no_table_yet"]
    waits = s["offcpu_waits"]
    m = waits["complete"] + sum(waits["incomplete"].values())
    early_off = waits["incomplete"]["no_table_yet"]
    share = s["complete"] / max(n - early, 1)
    share_off = waits["complete"] / max(m - early_off, 1)
    print(f"cpu {n} samples, {100 * share:.2f} % complete, {s['guessed']} guessed, {early} before the "
          f"tables; off {m} waits, {100 * share_off:.2f} %, {early_off} before; "
          f"cpu { {k: v for k, v in s['incomplete'].items() if v} } "
          f"off { {k: v for k, v in waits['incomplete'].items() if v} }")
    lib.at_least(n - early, 60, "samples")
    lib.at_least(m - early_off, waits_needed, "waits")
    lib.at_least(share, cpu, "share of complete samples")
    lib.at_least(share_off, off, "share of complete waits")
    lib.at_most(early / n, late, "share of samples before the tables were there")
    lib.equal(r.loss["user_stack_misremembered"], 0, "stacks that were remembered wrong")


class Perf:
    """perf record of a process's threads, started; samples() waits for its end."""

    def __init__(self, pid, seconds, hz=499, dwarf=False):
        self.path = lib.tmp("perf.data")
        argv = [lib.need("perf"), "record", "-q", "-e", "cpu-clock", "-F", str(hz), "-p", str(pid),
                "-o", self.path]
        if dwarf:
            argv += ["-m", "16M", "--call-graph", "dwarf,65528"]
        self.p = lib.spawn(argv + ["--", "sleep", str(seconds)], stderr=subprocess.DEVNULL)
        self.dwarf = dwarf

    def samples(self):
        self.p.wait(30)
        out = subprocess.run(["perf", "script", "-i", self.path, "--no-inline", "-F",
                              "ip,sym,dso"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                             errors="replace", timeout=60).stdout
        os.unlink(self.path)
        return [frames for frames in map(parse, blocks(out, self.dwarf)) if frames]


def blocks(text, dwarf):
    """Samples with stacks are separated by empty lines, others have a line each."""
    return text.split("\n\n") if dwarf else text.split("\n")


def parse(block):
    frames = []
    for line in block.split("\n"):
        m = re.match(r"\s*[0-9a-f]+ (.*) \(([^()]*|\[[^\]]*\])\)$", line)
        if m:
            dso = "[kernel]" if "kernel" in m[2] or m[2].endswith(".ko") else os.path.basename(m[2])
            frames.append((m[1], dso))
    return frames


def leaf(frames):
    """What of a folded stack ran: the innermost frame without the kernel's; None: the kernel."""
    return None if frames[-1].endswith("_[k]") else frames[-1]


def shares(counts):
    total = sum(counts.values())
    return {k: v / total for k, v in counts.items()} if total else {}


def self_shares(r, rename=lambda f: f):
    counts = Counter()
    for frames, us in r.folded("cpu"):
        counts[rename(leaf(frames)) if leaf(frames) else "[kernel]"] += us
    return shares(counts)


def inclusive_shares(r):
    counts, total = Counter(), 0
    for frames, us in r.folded("cpu"):
        total += us
        for f in set(frames[1:]):
            counts[f] += us
    return {k: v / total for k, v in counts.items()}


def tolerance(p, n, m):
    """3 points, and what two samplings of n and m differ by chance: 3 standard deviations."""
    return 0.03 + 3 * math.sqrt(max(p, 0.01) * (1 - min(p, 0.99)) * (1 / n + 1 / m))


def agree(ours, theirs, n, m, names, what):
    """Shares of those names agree; prints the largest difference."""
    worst = max(names, key=lambda k: abs(ours.get(k, 0) - theirs.get(k, 0)), default=None)
    assert worst is not None, f"{what}: nothing to compare"
    for k in names:
        a, b = ours.get(k, 0), theirs.get(k, 0)
        allowed = tolerance(max(a, b), n, m)
        assert abs(a - b) <= allowed, \
            f"{what}: {k}: {100 * a:.1f} % against perf's {100 * b:.1f} %, allowed {100 * allowed:.1f} " \
            f"({n} and {m} samples)"
    print(f"{what}: {len(names)} compared, {n} and {m} samples; largest difference {worst}: "
          f"{100 * ours.get(worst, 0):.1f} % against {100 * theirs.get(worst, 0):.1f} %")


def hottest(*tables, n=20):
    return sorted(set().union(*tables), key=lambda k: -max(t.get(k, 0) for t in tables))[:n]
