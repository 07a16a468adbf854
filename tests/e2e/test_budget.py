# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks cost no more than they may: fewer are taken, the ledger stays exact, and
those that were taken speak for the others."""
import math

import lib
from lib import S

SITES = {"site_short": "short_ns", "site_long": "long_ns", "site_deep": "deep_ns"}


def run_sites(*args, seconds=4):
    r = lib.record(list(args), [lib.workload("wl_sites"), str(seconds)])
    return r, r.truth_output()


def shares(r):
    """What each place has of the time off the CPU below all of them."""
    found = dict.fromkeys(SITES, 0)
    for frames, us in r.folded("offcpu"):
        for site in SITES:
            if site in frames:
                found[site] += us
    whole = sum(found.values())
    lib.at_least(whole, 1, "microseconds off the CPU with a stack")
    return {site: us / whole for site, us in found.items()}


def test_every_stack_is_taken_within_the_budget():
    r, _ = run_sites("--budget", "50", seconds=1)
    lib.equal(r.summary["stacks"]["shed_ns"], 0, "time of stacks that were shed")


def test_shedding_is_without_bias():
    """The same program at the same time, with few stacks and with all."""
    pids = ",".join(str(lib.spawn([lib.workload("wl_sites"), "30"]).pid) for _ in range(4))
    few = lib.Running(["-p", pids, "-d", 6, "--budget", "0.01"])
    whole = lib.Running(["-p", pids, "-d", 6, "--budget", "off"]).finish()
    few = few.finish()
    stacks = few.summary["stacks"]
    lib.at_least(stacks["shed_ns"], few.duration // 10, "time of stacks that were shed")
    lib.at_least(stacks["offcpu_waits"]["shed"], stacks["offcpu_waits"]["complete"],
                 "waits without a stack")
    lib.equal(whole.summary["stacks"]["shed_ns"], 0, "time of stacks that were shed")
    truth = shares(whole)
    taken = stacks["offcpu_waits"]["complete"]
    lib.at_least(taken, 100, "stacks taken")
    for site, share in shares(few).items():
        # four standard deviations of a share among so many; that their weights differ, up to
        # 64-fold, makes them worth about a sixth of their number
        deviation = 2.5 * math.sqrt(truth[site] * (1 - truth[site]) / taken)
        assert abs(share - truth[site]) < 4 * deviation, f"{site}: {share:.3f} of the time, " \
            f"with all stacks {truth[site]:.3f}, deviation {deviation:.3f}"


def test_shedding_leaves_the_ledger_alone():
    r, truth = run_sites("--budget", "0.01", seconds=2)
    row = [t for t in r.threads() if t["comm"] == "wl_sites"][0]
    slept = sum(truth[k] for k in SITES.values())
    # asleep until woken; then it waits for a CPU, which the program counts as sleep
    lib.at_least(row["sleep_ns"] + row["runq_ns"] + lib.clock_slack(r, "sleep", "runq"), slept - r.duration // 100)
    lib.at_most(row["sleep_ns"], slept + r.duration // 100 + lib.clock_slack(r, "sleep"))
    counted = [w for w in r.waits() if w["state"] == "sleep" and w["comm"] == "wl_sites"]
    # a timer may be over before the thread has left the CPU
    lib.at_least(sum(w["count"] for w in counted), truth["sleeps"] * 0.99, "sleeps in waits.csv")


def test_budget_off_sheds_nothing():
    r = lib.record(["--budget", "off"], [lib.workload("wl_pingpong"), "1"])
    lib.equal(r.summary["stacks"]["shed_ns"], 0, "time of stacks that were shed")
    lib.equal(r.summary["options"]["budget_percent"], 0)


def test_remembered_user_stacks_are_right():
    """Unwinds all the same, and compares: not one of a great many may differ."""
    r = lib.record(["--unwind-check", "--budget", "off"], [lib.workload("wl_pingpong"), "3"])
    lib.equal(r.summary["loss"]["user_stack_misremembered"], 0)
    r, truth = run_sites("--unwind-check", "--budget", "off", seconds=2)
    lib.equal(r.summary["loss"]["user_stack_misremembered"], 0)
