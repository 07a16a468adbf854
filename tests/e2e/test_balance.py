# SPDX-License-Identifier: GPL-2.0-or-later
"""The account balances: in every mode, with maps too small, against the kernel's books.

lib.check() has the invariants; it runs for each recording.
"""
import os
import subprocess
import time

import lib
from lib import S

MIX = ["cpu_user=60", "runq=60", "disk=60", "tcp4=60", "pipe=60", "futex=60", "child=60",
       "sleep=60", "epoll=60", "stop=60"]


def mix():
    return [lib.workload("wl_states"), "--dir", lib.TMP] + MIX


# side by side
def test_with_each_option():
    for args in (["--no-user-stacks"], ["--no-kernel-stacks"],
                 ["--no-user-stacks", "--no-kernel-stacks"], ["--no-remember"], ["-F", 0],
                 ["-F", 999], ["--drain-ms", 50], ["--drain-ms", 10000], ["--checkpoint", 0],
                 ["--checkpoint", 0.2], ["--max-exited", 1], ["--max-stacks", 8]):
        r = lib.record(args, mix())
        lib.equal(r.summary["exit"]["status"], 0, f"status of the command with {args}")
        lib.at_least(r.duration, S / 2, f"duration with {args}")
        if "-F" in args:
            samples = r.summary["stacks"]["oncpu_samples"]
            assert (samples == 0) == (args[1] == 0), f"{samples} samples with {args}"


def test_no_losses():
    """With default sizes nothing of a small workload is lost."""
    r = lib.record([], mix())
    for k in ("detail_full", "sample_full", "stack_ring_full", "reason_ring_full", "exit_ring_full",
              "threads", "sideband"):
        lib.equal(r.loss[k], 0, f"loss.{k}")
    lib.at_most(r.ledger["unattributed_ns"], r.duration / 1000, "unattributed")
    lib.at_most(r.summary["self"]["rss_peak_bytes"], lib.RSS_LIMIT, "resident memory")
    lib.at_most(r.summary["self"]["bpf_map_bytes"], lib.MAPS_LIMIT, "BPF maps")


def test_tiny_maps():
    """Detail that does not fit is unattributed and counted; the totals stay exact."""
    r = lib.record(["--detail-entries", 16, "--ring-kb", 4, "--seen-entries", 16,
                    "--drain-ms", 3000, "-F", 999], mix())
    lib.at_least(r.ledger["unattributed_ns"], 1, "unattributed")
    lib.at_least(r.loss["detail_full"], 1, "loss.detail_full")
    assert r.waits(reason="[unattributed]"), "waits.csv does not show what is unattributed"
    assert any("unattributed]" in f[-1] for f, _ in r.folded("wall")), \
        "wall.folded does not show what is unattributed"


def test_tiny_maps_many_processes():
    r = lib.record(["--detail-entries", 16, "--ring-kb", 4, "--seen-entries", 16,
                    "--drain-ms", 3000, "--max-exited", 10],
                   [lib.workload("wl_spawn"), "row", "1000"])
    lib.equal(r.ledger["threads"], 1001, "threads")
    lib.equal(r.ledger["processes"], 1001, "processes")


def test_rows_are_folded():
    """Exited threads beyond --max-exited become one row by name."""
    r = lib.record(["--max-exited", 100, "--drain-ms", 100],
                   [lib.workload("wl_spawn"), "row", "2000"])
    lib.equal(r.ledger["processes"], 2001, "processes")
    folded = [t for t in r.threads() if "[folded " in t["comm"]]
    assert folded, "no folded row"
    lib.equal(sum(t["pid"] for t in folded), 0, "pid of folded rows")
    lib.at_most(len(r.threads()), 1000, "rows of threads.csv")


def test_audit():
    """Some of everything for 6 s."""
    burners = ["cpu_user=2500", "runq=700"] + MIX * 3
    r = lib.record(["-d", 6.5], ["sh", "-c", '"$@" >/dev/null & exec "$@"', "sh",
                               lib.workload("wl_states"), "--dir", lib.TMP] + burners)
    lib.check_audit(r)


def test_audit_of_everything():
    lib.spawn([lib.workload("wl_states"), "--dir", lib.TMP] + MIX * 20, stderr=subprocess.DEVNULL)
    lib.check_audit(lib.record(["-a", "-d", 6]))


def test_audit_at_full_switch_rate():
    """Two threads on one CPU switch as often as it can."""
    r = lib.record([], [lib.workload("wl_pingpong"), "6"])
    truth = r.truth_output()
    lib.check_audit(r)
    lib.near(r.summary["audit"]["switches"], truth["switches"],
             truth["switches"] / 100 + 50, "switches (as ms)")
    states = r.thread_states(truth["pid"])
    lib.near(states["cpu"] + states["runq"], truth["cpu_ns"] + truth["runq_ns"],
             0.01 * 2 * r.duration + lib.clock_slack(r, "cpu", "runq"), "cpu and runq of both threads")
    lib.near(r.summary["audit"]["cpu_ours_ns"], truth["cpu_ns"], 0.01 * r.duration,
             "CPU time on the kernel's clock")


def test_full_switch_rate_in_tiny_maps():
    r = lib.record(["--detail-entries", 16, "--ring-kb", 4, "--drain-ms", 50],
                   [lib.workload("wl_pingpong"), "2"])
    lib.equal(r.ledger["residual_ns"], 0)


def test_several_at_once():
    """Three recordings of one program at the same time agree."""
    p = lib.spawn([lib.workload("wl_states"), "--dir", lib.TMP] + MIX * 20,
                  stderr=subprocess.DEVNULL)
    time.sleep(0.2)
    running = [lib.Running(["-p", p.pid, "-d", 2]) for _ in range(3)]
    for r in [x.finish() for x in running]:
        row = [t for t in r.threads(pid=p.pid, tid=p.pid)]
        lib.equal(len(row), 1, "rows of the program")
        lib.equal(row[0]["thread_ns"], r.duration, "time of the program")
        lib.at_most(row[0]["other_ns"], r.duration / 100, "other")


def test_seeded_many():
    """Threads that were there before, all asleep, are in the account from its start."""
    p = lib.spawn([lib.workload("wl_threads"), "300", "100", "60000"])
    lib.until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) == 301, 10, "threads")
    time.sleep(0.3)
    r = lib.record(["-p", p.pid, "-d", 1])
    lib.equal(r.ledger["threads"], 301, "threads")
    lib.equal(r.ledger["wall_ns"], 301 * r.duration, "wall")
    lib.at_least(r.state("sleep"), 300 * r.duration, "sleep")
