# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing escapes: short lives, many threads, CPU time against the kernel's books."""
import os
import subprocess
import time

import lib
from lib import MS, S


def spawn(*args):
    return [lib.workload("wl_spawn")] + [str(a) for a in args]


def test_ten_thousand_processes():
    r = lib.record([], spawn("row", 10000))
    truth = r.truth_output()
    lib.equal(r.ledger["processes"], 10001, "processes")
    lib.equal(r.ledger["threads"], 10001, "threads")
    # rusage misses the tail of each exit: ours may be more, never less than 99 %
    cpu = truth["cpu_ns"] + truth["children_cpu_ns"]
    lib.at_least(r.state("cpu") + lib.clock_slack(r, "cpu"), 0.99 * cpu, "CPU time")


def test_two_thousand_threads():
    r = lib.record([], [lib.workload("wl_threads"), "2000", "200", "300"])
    truth = r.truth_output()
    lib.equal(r.ledger["threads"], 2001, "threads")
    lib.equal(r.ledger["processes"], 1, "processes")
    lib.at_least(r.state("cpu"), 0.99 * truth["process_cpu_ns"], "CPU time")
    lib.at_least(r.state("sleep"), 2000 * 300 * MS, "sleep")


def test_pids_wrap():
    """More processes than the machine has pids, each counted once."""
    with open("/proc/sys/kernel/pid_max") as f:
        pid_max = int(f.read())
    if pid_max > 40000:
        raise lib.Skip("pid_max is too large for its numbers to come round in a test")
    count = pid_max + 2000
    r = lib.record([], spawn("row", count))
    lib.equal(r.ledger["processes"], count + 1, "processes")


def usage_ns(cgroups):
    if "cpuacct" in cgroups:
        with open(cgroups["cpuacct"] + "/cpuacct.usage") as f:
            return int(f.read())
    return lib.read_keys(cgroups["v2"] + "/cpu.stat")["usage_usec"] * 1000


def test_cpu_of_a_cgroup():
    """Total CPU time within 1 % of what the cgroup was charged."""
    v1, _ = lib.cgroup_mounts()
    cgroups = {"cpuacct": lib.v1_cgroup("cpuacct")} if "cpuacct" in v1 else {"v2": lib.v2_cgroup()}
    (cgroup,) = cgroups.values()
    script = (f'echo 0 > {cgroup}/cgroup.procs; {lib.workload("wl_spawn")} row 1500 & '
              f'{lib.workload("wl_states")} cpu_user=700 cpu_sys=500 pipe=100 & '
              f'{lib.workload("wl_threads")} 200 1000 50; wait')
    r = lib.record([], ["sh", "-c", script], stdout=subprocess.DEVNULL)
    used = usage_ns(cgroups)
    # the shell itself runs for a millisecond or two before it is in the group
    lib.at_least(used, S, "CPU time of the group")
    lib.near(r.state("cpu"), used + r.ledger["states"]["cpu"]["steal_ns"],
             0.01 * used + 3 * MS + lib.clock_slack(r, "cpu"), "cpu against the cgroup's")


def named_share(r, what):
    """The share of stacks of the brief programs in which their function has a name."""
    named = nameless = 0
    for frames, us in r.folded("wall"):
        if frames[0] != "wl-brief" and not any("brief" in f or "wl_inside" in f for f in frames):
            continue
        if any(f.startswith("[sleep") for f in frames):
            if any(f in ("brief_sleep", "brief_work") for f in frames):
                named += us
            else:
                nameless += us
    assert named + nameless, f"{what}: no stack of the brief programs"
    return named, nameless


def brief(mode, count, *more):
    r = lib.record([], spawn(mode, count, 8, *more))
    lib.equal(r.truth_output()["count"], count)
    lib.at_least(r.ledger["processes"], count, "processes")
    named, nameless = named_share(r, mode)
    share = named / (named + nameless)
    print(f"{mode}: {100 * share:.2f} % of the time has a name; loss {r.loss}")
    lib.at_least(share, 0.99, f"{mode}: share of the sleep that has its function's name "
                 f"(loss.object_gone {r.loss['object_gone']})")


def test_brief_lives_have_names():
    brief("brief", 1000)


def test_brief_lives_of_a_deleted_binary():
    brief("deleted", 400)


def test_brief_lives_in_a_chroot():
    os.mkdir(lib.tmp("root"))
    brief("chroot", 400, lib.tmp("root"))


def test_exec_chain():
    """One process, fifty programs in turn: one row, each program's time."""
    r = lib.record([], spawn("exec", 50))
    truth = r.truth_output()
    lib.equal((r.ledger["processes"], r.ledger["threads"]), (1, 1), "processes and threads")
    (row,) = r.threads(pid=truth["pid"])
    lib.equal(row["thread_ns"], row["end_ns"] - row["start_ns"])
    lib.at_least(row["cpu_ns"], 50 * MS, "cpu")


def test_exec_of_another_name():
    """The time before an exec stays with the old name in the stacks."""
    r = lib.record([], ["sh", "-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; "
                        "exec sleep 0.3"])
    lib.equal((r.ledger["processes"], r.ledger["threads"]), (1, 1), "processes and threads")
    cpu, sleep = {}, {}
    for frames, us in r.folded("wall"):
        into = sleep if frames[-1].startswith("[sleep") else cpu
        into[frames[0]] = into.get(frames[0], 0) + us
    lib.at_least(sleep.get("sleep", 0), 290000, f"sleep's sleep: {sleep}")
    assert "sh" in cpu, f"the shell's CPU time has its name: {cpu}"
    lib.equal(sleep.get("sh", 0), 0, "sh never slept")


def test_exec_by_another_thread():
    """Its tid becomes the leader's; nothing is counted twice."""
    r = lib.record([], spawn("leader"))
    truth = r.truth_output()
    rows = r.threads(pid=truth["pid"])
    lib.equal(r.ledger["processes"], 1, "processes")
    lib.equal(r.ledger["threads"], 2, "threads")
    lib.at_least(sum(t["cpu_ns"] for t in rows), 40 * MS, "cpu")
    leader = [t for t in rows if t["tid"] == truth["pid"]]
    assert leader, f"no row of the leader: {rows}"
    (survivor,) = [t for t in rows if t["thread_ns"] == max(x["thread_ns"] for x in rows)]
    lib.equal(survivor["tid"], truth["pid"], "tid of the thread that goes on")
    lib.at_least(survivor["sleep_ns"], 50 * MS, "sleep after the exec")


def test_vfork_and_make():
    """A shell that starts many programs: each is there."""
    r = lib.record([], ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; /bin/echo; done"],
                   stdout=subprocess.DEVNULL)
    lib.equal(r.ledger["processes"], 21, "processes")
    lib.equal(len(r.threads(comm="true")), 10, "processes named true")
    lib.equal(len(r.threads(comm="echo")), 10, "processes named echo")


def test_processes_started_while_seeding():
    """A target that forks as fast as it can while worktrace attaches."""
    p = lib.spawn(spawn("row", 1000000))
    time.sleep(0.3)
    r = lib.record(["-p", p.pid, "-d", 2])
    (parent,) = r.threads(pid=p.pid)
    lib.equal(parent["thread_ns"], r.duration, "time of the parent")
    lib.at_least(r.ledger["processes"], 100, "processes")
    # each child lives inside the parent's wait or its fork: none may outlast it
    for t in r.threads():
        assert t["tid"] == p.pid or t["thread_ns"] < S, f"a child that never ended: {t}"
