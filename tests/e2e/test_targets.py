# SPDX-License-Identifier: GPL-2.0-or-later
"""Each kind of target reaches what it should, and nothing else."""
# side by side
import os
import pwd
import signal
import subprocess
import time

import lib
from lib import S

# a parent that keeps forking: one child from before, others later
FAMILY = "sleep 100 & while :; do sleep 0.05; true; done"


def family():
    p = lib.spawn(["sh", "-c", FAMILY], start_new_session=True)
    lib.cleanup(lambda: os.killpg(p.pid, signal.SIGKILL))
    lib.until(lambda: lib.descendants(p.pid), 5, "a child")
    time.sleep(0.1)
    return p


def pids_of(r):
    return {t["pid"] for t in r.threads()}


def test_pid_and_descendants():
    p, stranger = family(), family()
    before = set(lib.descendants(p.pid))
    r = lib.record(["-p", p.pid, "-d", 1.5])
    pids = pids_of(r)
    assert p.pid in pids, "the process itself"
    sleeper = [t for t in r.threads(comm="sleep") if t["pid"] in before and
               t["thread_ns"] == r.duration]
    assert sleeper, "its child from before the start is not there for all the time"
    lib.at_least(len(pids), 10, "its later children")
    assert stranger.pid not in pids, "another process was recorded"
    assert not set(lib.descendants(stranger.pid)) & pids, "another's child was recorded"
    lib.equal(r.summary["end_reason"] != "", True)


def test_several_pids():
    a, b = family(), family()
    r = lib.record(["-p", f"{a.pid},{b.pid}", "-d", 1])
    assert {a.pid, b.pid} <= pids_of(r)


def test_name():
    """Processes of that name, also later ones, and no others."""
    name = "wlnamed"
    program = lib.tmp(name)
    os.symlink(lib.workload("wl_states"), program)
    first = lib.spawn([program, "sleep=60000"], stderr=subprocess.DEVNULL)
    lib.until(lambda: lib.comm_of(first.pid) == name, 5, "its name")
    p = lib.Running(["-n", name, "-d", 2.5]).attached()
    later = lib.spawn([program, "cpu_user=400", "child=200"], stderr=subprocess.DEVNULL)
    lib.spawn(["sleep", "0.1"])
    r = p.finish()
    pids = pids_of(r)
    assert {first.pid, later.pid} <= pids, f"{first.pid}, {later.pid} are not both in {pids}"
    lib.at_least(r.thread_states(later.pid)["cpu"], 0.39 * S, "CPU time of the later one")
    assert r.threads(comm="wl-child"), "the child of the later one"
    assert not r.threads(comm="sleep"), "a process of another name"


def test_name_wait():
    p = lib.Running(["-n", "wlnotyet", "--wait", "-d", 2]).attached()
    program = lib.tmp("wlnotyet")
    os.symlink(lib.workload("wl_states"), program)
    subprocess.run([program, "cpu_user=100", "sleep=100"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    r = p.finish()
    lib.equal({t["comm"] for t in r.threads()}, {"wlnotyet"}, "names")
    lib.at_least(r.state("cpu"), 0.1 * S, "cpu")


def in_cgroup(cgroup, name):
    inside = lib.spawn([lib.workload("wl_states"), "sleep=60000"], preexec_fn=lib.enter(cgroup),
                       stderr=subprocess.DEVNULL)
    outside = lib.spawn([lib.workload("wl_states"), "sleep=60000"], stderr=subprocess.DEVNULL)
    p = lib.Running(["-g", name or cgroup, "-d", 2]).attached()
    # one that is put into it, and one that is started in it
    joiner = lib.spawn(["sh", "-c", f"echo 0 > {cgroup}/cgroup.procs; exec sleep 60"])
    born = lib.spawn([lib.workload("wl_states"), "cpu_user=200"], preexec_fn=lib.enter(cgroup),
                     stderr=subprocess.DEVNULL)
    r = p.finish()
    pids = pids_of(r)
    assert {inside.pid, joiner.pid, born.pid} <= pids, \
        f"in the group: {inside.pid} (before), {joiner.pid} (moved), {born.pid}: found {pids}"
    assert outside.pid not in pids, "a process that is not in the group was recorded"
    lib.equal(r.thread_states(inside.pid)["sleep"], r.duration, "the one from before the start")


def test_cgroup_v1():
    in_cgroup(lib.v1_cgroup("cpu"), None)


def test_cgroup_v1_memory():
    in_cgroup(lib.v1_cgroup("memory"), None)


def test_cgroup_v2():
    in_cgroup(lib.v2_cgroup(), None)


def test_cgroup_by_name():
    cgroup = lib.v2_cgroup()
    in_cgroup(cgroup, os.path.basename(cgroup))


def test_cgroup_below():
    """Groups below the named one belong to it."""
    cgroup = lib.v2_cgroup()
    below = os.path.join(cgroup, "below")
    os.mkdir(below)
    lib.cleanup(lib.remove_cgroup, below)
    p = lib.spawn(["sleep", "60"], preexec_fn=lib.enter(below))
    time.sleep(0.1)
    r = lib.record(["-g", cgroup, "-d", 1])
    lib.equal(pids_of(r), {p.pid}, "processes")


def test_everything():
    """All tasks, kernel threads and worktrace's own threads apart."""
    p = lib.spawn([lib.workload("wl_states"), "sleep=60000"], stderr=subprocess.DEVNULL)
    running = lib.Running(["-a", "-d", 2]).attached()
    tasks = sum(len(os.listdir(f"/proc/{d}/task")) for d in os.listdir("/proc") if d.isdigit())
    r = running.finish()
    pids = pids_of(r)
    assert {2, p.pid} <= pids, "kthreadd and a program of ours"
    # a container's kernel may keep a few processes of its own from its task iterator
    lib.at_least(r.ledger["threads"], tasks * 0.8, "threads")
    kthreads = [t for t in r.threads() if t["comm"].startswith("kworker/")]
    assert kthreads, "no kernel worker"
    assert r.waits(state="idle", reason="kernel thread"), "sleeping kernel threads have no name"
    own = [t for t in r.threads() if t["pid"] == running.pid]
    assert own, "worktrace's own threads"
    roots = {f[0] for f, _ in r.folded("wall")}
    assert any("worktrace" in f for f in roots), f"worktrace is not shown apart: {sorted(roots)}"
    assert not any(f.startswith("swapper") for f in roots), "the idle task is in the account"
    lib.at_most(r.state("other"), r.ledger["wall_ns"] / 100,
                f"other: {[w for w in r.waits(state='other')][:8]}")


def test_command():
    """From its first instruction to its last: exec included."""
    r = lib.record([], ["sh", "-c", "sleep 0.3; exit 7"])
    lib.equal(r.summary["exit"]["status"], 7, "status of the command")
    lib.equal(r.summary["exit"]["signal"], None, "signal of the command")
    lib.equal(r.ledger["processes"], 2, "processes")
    assert r.threads(comm="sh") and r.threads(comm="sleep"), r.threads()
    (sh,) = r.threads(comm="sh")
    lib.near(sh["child_ns"], 0.3 * S, 0.05 * S, "sh waits for sleep")
    assert r.waits(state="child", reason="child: sleep"), r.waits()


def test_command_killed():
    r = lib.record([], ["sh", "-c", "kill -9 $$"])
    lib.equal(r.summary["exit"]["signal"], 9, "signal of the command")


def test_command_without_dashes():
    r = lib.record(["sh", "-c", "sleep 0.1"])
    lib.equal(r.ledger["processes"], 2, "processes")


def test_command_outlives_nobody():
    """A daemon that the command leaves behind belongs to it; -d ends the recording."""
    r = lib.record(["-d", 2], ["sh", "-c", "sleep 30 & exec sleep 0.2"], stdout=subprocess.DEVNULL)
    lib.at_most(r.duration, 3 * S, "duration")
    sleeps = r.threads(comm="sleep")
    lib.equal(len(sleeps), 2, "processes named sleep")
    for t in sleeps:
        if lib.alive(t["pid"]) and lib.comm_of(t["pid"]) == "sleep":
            os.kill(t["pid"], signal.SIGKILL)


def test_command_io():
    """Its standard input and output are its own; its arguments arrive unchanged."""
    with open(lib.tmp("in"), "w") as f:
        f.write("hello\n")
    with open(lib.tmp("in")) as f:
        p = lib.worktrace(["record", "-o", lib.tmp("io"), "-q", "--", "sh", "-c",
                           'cat; printf "%s|" "$@"; echo err >&2', "sh", "a b", "", "--", "-d"],
                          stdin=f)
    lib.equal((p.returncode, p.stdout, p.stderr), (0, "hello\na b||--|-d|", "err\n"), "output")


def test_user():
    user = pwd.getpwnam("nobody")
    r = lib.record(["-u", "nobody"], ["sh", "-c", "id -u; id -g; id -G; echo $USER $HOME"])
    lines = r.out.split("\n")
    lib.equal(lines[:2], [str(user.pw_uid), str(user.pw_gid)], "ids")
    assert "0" not in lines[2].split(), f"root's groups stayed: {lines[2]}"
    lib.equal(lines[3].split()[0], "nobody", "USER")
