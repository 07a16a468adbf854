# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs that know where their time went: the recording must say the same.

The tolerance is 1 % of the recording's wall time for each state, and for each wait
by name the same.
"""
import json
import os
import re
import signal
import subprocess
import time

import lib
from lib import MS, S, Skip, near


def run_states(phases, ms=300, rounds=3, args=()):
    """wl_states through these phases; (recording, its own ledger)."""
    command = [lib.workload("wl_states"), "--dir", lib.TMP]
    r = lib.record(list(args), command + [f"{p}={ms}" for p in phases] * rounds)
    return r, r.truth_output()


def main_thread(r, pid):
    rows = r.threads(pid=pid, tid=pid)
    lib.equal(len(rows), 1, f"rows of the main thread {pid}")
    return rows[0]


def expected_states(truth):
    expected = dict.fromkeys(lib.STATES, 0)
    for p in truth["phases"]:
        expected["cpu"] += p["cpu_ns"]
        expected["runq"] += p["runq_ns"]
        if p["state"] not in ("cpu", "runq"):
            expected[p["state"]] += p["wait_ns"]
        if p["second_state"]:
            expected[p["second_state"]] += p["second_ns"]
    return expected


def between(value, low, high, what):
    assert low <= value <= high, f"{what}: {value / MS:.3f} ms is not between {low / MS:.3f} " \
        f"and {high / MS:.3f} ms"


def compare(r, truth, names=True):
    """States of the main thread, and the reasons that name the waits.

    The program knows nothing of its time outside of the phases (its start, most of
    all); that may be in any state.  And the kernel's clock, by which it knows CPU time
    and run-queue wait, is not the ledger's: the recording says how far they differ.
    """
    row = main_thread(r, truth["pid"])
    tolerance = r.duration / 100
    outside = row["thread_ns"] - sum(p["wall_ns"] for p in truth["phases"])
    lib.at_least(outside, 0, "time outside of the phases")
    expected = expected_states(truth)
    for state in lib.STATES:
        slack = tolerance + lib.clock_slack(r, state)
        between(row[state + "_ns"], expected[state] - slack, expected[state] + slack + outside,
                f"{state} of the main thread ({outside / MS:.0f} ms outside, truth "
                f"{ {k: v for k, v in expected.items() if v} }, row "
                f"{ {k: v for k, v in row.items() if v} })")
    queued = expected["cpu"] + expected["runq"]
    slack = tolerance + lib.clock_slack(r, "cpu", "runq")
    between(row["cpu_ns"] + row["runq_ns"], queued - slack, queued + slack + outside, "cpu and runq together")
    if not names:
        return
    by_reason = {}
    for p in truth["phases"]:
        if p["reason"] and p["state"] not in ("cpu", "runq"):
            key = (p["state"], p["reason"])
            ns, waits = by_reason.get(key, (0, 0))
            by_reason[key] = (ns + p["wait_ns"], waits + p["waits"])
    for (state, reason), (ns, waits) in by_reason.items():
        rows = r.waits(state=state, reason=reason, pid=truth["pid"])
        assert rows, f"no wait `{state} {reason}` in {sorted_waits(r, truth['pid'])}"
        near(sum(w["total_ns"] for w in rows), ns, tolerance, f"{state} {reason}")
        lib.at_least(sum(w["count"] for w in rows), waits, f"number of waits: {state} {reason}")
        leaf = f"[{reason}]" if state == "child" else f"[{state} {reason}]"
        us = sum(v for frames, v in r.folded("wall") if frames[-1] == leaf)
        lib.at_least(us * 1000, ns - tolerance, f"wall.folded: {leaf}")


def sorted_waits(r, pid):
    return [(w["state"], w["reason"], w["total_ns"] // 1000) for w in r.waits(pid=pid)]


# side by side
def test_cpu():
    r, truth = run_states(["cpu_user", "cpu_sys"])
    compare(r, truth)
    row = main_thread(r, truth["pid"])
    # the split is an estimate by samples: 2 × 900 ms at 99 Hz
    user = sum(p["cpu_ns"] for p in truth["phases"] if p["phase"] == "cpu_user")
    cpu = r.ledger["states"]["cpu"]
    near(cpu["user_ns"], user, 0.15 * row["cpu_ns"], "user part of the CPU time")
    burn = sum(v for f, v in r.folded("cpu") if any(x.startswith("wl_burn") for x in f)) * 1000
    near(burn, user, 0.15 * row["cpu_ns"], "samples in wl_burn")


def test_runq():
    r, truth = run_states(["runq"], 400, 2)
    compare(r, truth)
    preempted = sum(w["total_ns"] for w in r.waits(state="runq", pid=truth["pid"])
                    if w["reason"].startswith("preempt"))
    lib.at_least(preempted, 0.8 * main_thread(r, truth["pid"])["runq_ns"], "runq after preemption")


# side by side
def test_disk():
    r, truth = run_states(["disk", "majfault"], 400, 2)
    compare(r, truth)
    reasons = {w["reason"].split()[0] for w in r.waits(state="disk", pid=truth["pid"])}
    assert reasons & {"pwrite64", "write", "fsync", "iowait", "read"}, f"disk reasons: {reasons}"
    lib.contains(" ".join(w["reason"] for w in r.waits(state="disk", pid=truth["pid"])),
                 r"fsync \w+", "an fsync with its device")
    faults = sum(p["waits"] for p in truth["phases"] if p["phase"] == "majfault")
    seen = sum(w["count"] for w in r.waits(state="disk", reason=re.compile("^major fault"), pid=truth["pid"]))
    # one that another's read has just served does not wait
    between(seen * MS, 0.9 * faults * MS, 1.1 * faults * MS, "number of major faults (as ms)")


# side by side
def test_net():
    r, truth = run_states(["tcp4", "tcp6", "udp", "polltcp"], 300, 2)
    compare(r, truth)


# side by side
def test_connect():
    r, truth = run_states(["connect"], 0, 1)
    compare(r, truth)


# side by side
def test_ipc():
    r, truth = run_states(["pipe", "pipewrite", "unix", "eventfd", "mq", "msg"])
    compare(r, truth)


# side by side
def test_high_fd():
    r, truth = run_states(["highfd"])
    compare(r, truth)


# side by side
def test_lock():
    r, truth = run_states(["futex", "flock", "fcntl", "sem"])
    compare(r, truth)


# side by side
def test_mutexes():
    """Who fights for a mutex, and with whom; idle threads on a condition are none of that."""
    for how in ("normal", "pi", "robust", "stack", "musl"):
        r = lib.record([], [lib.workload("wl_locks"), how])
        truth = {name: int(ns) for name, ns in (line.split() for line in r.out.splitlines()[:3])}
        queued = sum(t["runq_ns"] for t in r.threads() if t["comm"] in truth)
        mutex = r.waited(state="lock", reason=re.compile("^mutex"))
        lib.at_most(mutex, sum(truth.values()), f"{how}: waits for the mutex")
        lib.at_least(mutex, (sum(truth.values()) - queued) * 0.97, f"{how}: waits for the mutex")
        lib.at_least(sum(r.waited(state="lock", reason=f"mutex held by {name}") for name in truth),
                     mutex * 0.75, f"{how}: waits whose holder is known: {r.waits(state='lock')}")
        # the first is the slowest by far: the others wait for it, or for each other, who wait for it
        lib.at_least(truth["fighter1"], 3 * truth["fighter0"], f"{how}: the program's own clocks")
        idle = [t for t in r.threads() if t["comm"] not in truth]
        lib.equal(len(idle), 4, "threads of the pool")
        lib.at_least(r.waited(state="lock", reason="futex"), sum(t["lock_ns"] for t in idle) * 0.99, f"{how}: the pool")
        lib.contains(r.err, r"held +\d.*contention\n +signalled +\d", "the terminal")


# side by side
def test_futexes():
    """What is a lock, and whose, of the futexes that are no mutex; what stands apart from contention."""
    def check(how, *reasons):
        r = lib.record([], [lib.workload("wl_rw"), how])
        for reason, ns in zip(reasons, r.out.split()):
            near(r.waited(state="lock", reason=reason), int(ns), 20 * MS, f"{how}: {r.waits(state='lock')}")
        return r
    r = check("rwlock", "rwlock", "rwlock held by main")
    lib.contains(r.err, r"\n  lock rwlock held by main +4[0-9][0-9] ms", "the terminal")
    r = check("shared", "futex")
    lib.contains(r.err, r"\n  lock futex +4[0-9][0-9] ms", "another process is to tell")
    r = check("join", "futex")
    assert "lock futex" not in r.err, r.err
    lib.contains(r.err, r"own threads to tell, or idle: futex 4[0-9][0-9] ms", "the terminal")
    # a name from before its exec is nobody's
    r = lib.record([], [lib.workload("wl_rw"), "exec"])
    near(r.waited(state="lock", reason="mutex", comm="main"), int(r.out), 20 * MS, f"exec: {r.waits(state='lock')}")


# side by side
def test_asleep_in_locks():
    """A process that hangs: who waits for whose lock, of threads that never run."""
    p = lib.spawn([lib.workload("wl_rw"), "asleep"])
    lib.until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) == 3, what="its threads")
    time.sleep(0.2)
    r = lib.record(["-p", p.pid, "-d", 1])
    got = {(w["comm"], w["reason"]): w["total_ns"] for w in r.waits(state="lock")}
    lib.equal(sorted(x for _, x in got), ["mutex held by holder", "rwlock held by wanter"], "locks")
    lib.equal(sum(got.values()), 2 * r.duration, "time")


# side by side
def test_child():
    r, truth = run_states(["child", "waitid", "childofthread", "vfork"])
    compare(r, truth)


# side by side
def test_in_a_pid_namespace():
    """Numbers of threads and children are those of their namespace."""
    unshare = lib.need("unshare")
    script = f"""
import os, subprocess, sys, time
others = [subprocess.Popen(["cat"], stdin=subprocess.PIPE) for _ in range(2)]
p = subprocess.Popen([{lib.need("sleep")!r}, "0.3"])
last = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
os.waitpid(p.pid, 0)
for o in others + [last]:
    o.stdin.close()
    o.wait()
subprocess.run([{lib.workload("wl_locks")!r}, "normal"])
"""
    r = lib.record([], [unshare, "--pid", "--fork", lib.PYTHON, "-c", script])
    near(r.waited(state="child", reason="child: sleep"), 300 * MS, 60 * MS, f"{r.waits(state='child')}")
    mutex = r.waited(state="lock", reason=re.compile("^mutex"))
    lib.at_least(r.waited(state="lock", reason=re.compile("^mutex held by fighter")), max(mutex * 0.75, 1),
                 f"waits whose holder is known: {r.waits(state='lock')}")


# side by side
def test_sleep():
    r, truth = run_states(["sleep", "timerfd", "polltimeout"])
    compare(r, truth)


# side by side
def test_restarted():
    r, truth = run_states(["restarted"], 600, 2)
    compare(r, truth)


# side by side
def test_idle():
    r, truth = run_states(["epoll", "poll3", "accept", "signal", "tty", "inotify"])
    compare(r, truth)


# side by side
def test_uring():
    with subprocess.Popen([lib.workload("wl_states"), "uring=1"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True) as p:
        _, err = p.communicate(timeout=10)
    if p.returncode:
        raise Skip(f"this kernel has no io_uring for us: {err.strip()}")
    r, truth = run_states(["uring"])
    compare(r, truth)


# side by side
def test_stopped():
    r, truth = run_states(["stop", "ptrace"])
    compare(r, truth)


# side by side
def test_everything_in_turn():
    """All states in one recording, without stacks: names need none."""
    names = subprocess.check_output([lib.workload("wl_states"), "--list"], text=True).split()
    names = [n for n in names if n not in ("connect", "uring")]
    r, truth = run_states(names, 100, 1, ["--no-user-stacks", "--no-kernel-stacks", "-F", 0])
    compare(r, truth)


def throttle(cgroup, v2, percent):
    quota, period = percent * 1000, 100000
    # and much weight: the quota is spent, whoever else wants the CPUs
    with open(cgroup + ("/cpu.weight" if v2 else "/cpu.shares"), "w") as f:
        f.write("10000" if v2 else "100000")
    if v2:
        with open(cgroup + "/cpu.max", "w") as f:
            f.write(f"{quota} {period}")
    else:
        with open(cgroup + "/cpu.cfs_period_us", "w") as f:
            f.write(str(period))
        with open(cgroup + "/cpu.cfs_quota_us", "w") as f:
            f.write(str(quota))


def throttled_ns(cgroup, v2):
    stat = lib.read_keys(cgroup + "/cpu.stat")
    return stat["throttled_usec"] * 1000 if v2 else stat["throttled_time"]


def throttled(percent, commands, cpu_ms):
    """Commands at a quota, each one thread that only computes: throttled is what cpu.stat
    says, within 3 %.  Another attempt is made where others so took the CPUs that the
    quota was hardly spent."""
    for attempt in range(4):
        cgroup, v2 = lib.cpu_cgroup()
        throttle(cgroup, v2, percent)
        outs = [lib.tmp(f"throttled.{attempt}.{i}") for i in range(len(commands))]
        # nothing else is in the group: two that wait on one CPU are throttled twice the time
        r = lib.record([], ["sh", "-c", "".join(
            f"{c} sh -c 'echo 0 > {cgroup}/cgroup.procs; exec {lib.workload('wl_states')} cpu_user={cpu_ms}' > {o} &\n"
            for c, o in zip(commands, outs)) + "wait"])
        stat = throttled_ns(cgroup, v2)
        truths = [json.load(open(o)) for o in outs]
        if stat < 0.15 * S:
            continue
        mine = [r.thread_states(t["pid"]) for t in truths]
        ours = sum(t["throttled_ns"] for t in r.threads())
        named = f"quota of {os.path.basename(cgroup)}: {percent} % of a CPU"[:40 + len(f"quota of : {percent} % of a CPU")]
        print(f"throttled {ours / MS:.1f} ms, cpu.stat {stat / MS:.1f} ms, "
              f"run_delay {sum(t['runq_ns'] for t in truths) / MS:.1f} ms")
        lib.near(ours, stat, 0.03 * stat, "throttled against cpu.stat")
        lib.equal(r.waited(state="throttled", reason=named), ours, f"waits named {named}")
        for truth, states in zip(truths, mine):
            outside = r.duration - truth["wall_ns"]
            # a switch that the kernel did not trace leaves a wait without its reason: `other`
            between(states["throttled"] + states["runq"],
                    truth["runq_ns"] - r.duration / 100 - states["other"],
                    truth["runq_ns"] + r.duration / 100 + outside,
                    "throttled and runq against run_delay")
        return
    raise AssertionError("the quota was not spent")


def test_throttled():
    """One runnable thread per CPU."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    throttled(30, [f"taskset -c {c}" for c in cpus], 200)


def test_throttled_moved():
    """A thread that the balancer may move while it waits, for there are others: what the
    quota took and what they took stay apart."""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("needs two CPUs")
    for _ in os.sched_getaffinity(0):
        lib.spawn(["sh", "-c", "while :; do :; done"])
    throttled(5, ["env"], 40)


def test_throttled_not_without_quota():
    r, truth = run_states(["runq"], 300, 1)
    lib.equal(r.thread_states(truth["pid"])["throttled"], 0, "throttled without a quota")


# side by side
def test_compat32():
    """A 32-bit program: its system calls have other numbers."""
    gcc = lib.need("gcc")
    program = lib.tmp("compat32")
    built = subprocess.run([gcc, "-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic",
                            "-fno-stack-protector", "-O1", "-o", program,
                            lib.ROOT + "/tests/e2e/data/compat32.c"],
                           capture_output=True, text=True)
    if built.returncode:
        raise Skip("no 32-bit programs can be built here")
    try:
        subprocess.run([program], stdout=subprocess.DEVNULL, check=True, timeout=20)
    except (OSError, subprocess.CalledProcessError) as e:
        raise Skip(f"no 32-bit programs can run here: {e}")
    r = lib.record([], [program])
    truth = {k: v * 1000 for k, v in json.loads(r.out).items()}
    rows = [t for t in r.threads(comm="compat32") if t["child_ns"]]
    lib.equal(len(rows), 1, "threads that wait for a child")
    row, tolerance = rows[0], r.duration / 100
    near(row["sleep_ns"], truth["sleep"] + truth["poll"], tolerance, "sleep")
    near(row["ipc_ns"], truth["pipe"], tolerance, "pipe")
    near(row["child_ns"], truth["child"], tolerance, "child")
    near(row["lock_ns"], truth["futex"], tolerance, "futex")
    near(row["net_ns"], truth["udp"], tolerance, "udp")
    near(row["other_ns"], 0, tolerance, "other")
    assert r.waits(state="sleep", reason="nanosleep", pid=row["pid"]), sorted_waits(r, row["pid"])
    assert r.waits(state="child", reason="child: compat32", pid=row["pid"])
    assert r.waits(state="net", reason=re.compile(r"^udp "), pid=row["pid"])


# side by side
def test_renamed():
    """A name is the last one; a thread has its own."""
    r = lib.record([], [lib.workload("wl_spawn"), "rename"])
    names = {t["comm"] for t in r.threads()}
    assert {"wl-renamed", "wl-thread-new"} <= names, f"names: {names}"
    assert any("wl-renamed" in f[:2] for f, _ in r.folded("wall")), "no wl-renamed in wall.folded"


# side by side
def test_asleep_since_before():
    """A thread that never runs during the recording is charged all of it."""
    p = lib.spawn(["sleep", "1000"])
    time.sleep(0.2)
    r = lib.record(["-p", p.pid, "-d", 1])
    row = main_thread(r, p.pid)
    lib.equal(row["thread_ns"], r.duration, "time of the sleeper")
    lib.equal(row["sleep_ns"], r.duration, "sleep")
    lib.equal(r.ledger["unattributed_ns"], 0, "unattributed")
    (w,) = r.waits(pid=p.pid)
    lib.equal((w["state"], w["reason"], w["total_ns"]), ("sleep", "clock_nanosleep", r.duration))
    frames = [f for f, _ in r.folded("wall")]
    assert any(x.endswith("_[k]") for x in frames[0]), f"no kernel stack at the seed: {frames}"


# side by side
def test_asleep_each_state():
    """The same in every state that can be asleep before the start."""
    phases = {"pipe": "ipc", "unix": "ipc", "udp": "net", "futex": "lock",
              "flock": "lock", "sem": "lock", "child": "child", "timerfd": "sleep",
              "epoll": "idle", "poll3": "idle", "accept": "idle", "signal": "idle",
              "stop": "stopped", "tty": "idle", "eventfd": "ipc"}
    pids = {}
    for phase in phases:
        p = lib.spawn([lib.workload("wl_states"), "--dir", lib.TMP, f"{phase}=60000"],
                      stderr=subprocess.DEVNULL)
        pids[phase] = p.pid
    time.sleep(0.7)
    r = lib.record(["-p", ",".join(map(str, pids.values())), "-d", 1])
    for phase, state in phases.items():
        row = main_thread(r, pids[phase])
        near(row[state + "_ns"], r.duration, r.duration / 100,
             f"{phase}: {sorted_waits(r, pids[phase])}")


# side by side
def test_asleep_in_poll_of_one_socket():
    """Its set lies in the memory of a thread that is not running: read all the same."""
    p = lib.spawn([lib.workload("wl_states"), "polltcp=60000"], stderr=subprocess.DEVNULL)
    time.sleep(0.4)
    r = lib.record(["-p", p.pid, "-d", 1])
    row = main_thread(r, p.pid)
    near(row["net_ns"], r.duration, r.duration / 100, f"net: {sorted_waits(r, p.pid)}")
    assert r.waits(state="net", reason=re.compile(r"^127\.0\.0\.1:\d+$"), pid=p.pid), \
        f"the peer: {sorted_waits(r, p.pid)}"


SELECT = """if True:
    import select, socket, sys
    pairs = [socket.socketpair() for _ in range(40)]    # for descriptors beyond the first word
    listener, client = socket.create_server(("127.0.0.1", 0)), socket.socket()
    client.connect(listener.getsockname())
    print(client.getpeername()[1], flush=True)
    more = [x for x, _ in pairs[-2:]] if sys.argv[1] == "3" else []
    select.select([client] + more, [], [])
    """


# side by side
def test_asleep_in_select():
    """The same for select: one descriptor is named, of several the number."""
    one, three = (lib.spawn([lib.PYTHON, "-c", SELECT, n], stdout=subprocess.PIPE, text=True)
                  for n in ("1", "3"))
    port = int(one.stdout.readline())
    three.stdout.readline()
    time.sleep(0.3)
    r = lib.record(["-p", f"{one.pid},{three.pid}", "-d", 1])
    lib.equal([(w["state"], w["reason"]) for w in r.waits(pid=one.pid)],
              [("net", f"127.0.0.1:{port}")], "select on one socket")
    lib.equal([(w["state"], w["reason"]) for w in r.waits(pid=three.pid)],
              [("idle", "poll(3)")], "select on three sockets")


def test_running_all_the_time():
    p = lib.spawn([lib.workload("wl_states"), "cpu_user=60000"], stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    r = lib.record(["-p", p.pid, "-d", 1.5])
    row = main_thread(r, p.pid)
    lib.equal(row["thread_ns"], r.duration, "time of the burner")
    near(row["cpu_ns"] + row["runq_ns"], r.duration, r.duration / 100, "cpu and runq")


def frozen_state(group, v2, frozen):
    """Freezes or thaws a group; ns before it was asked for and after it was done."""
    before = time.monotonic_ns()
    if v2:
        with open(group + "/cgroup.freeze", "w") as f:
            f.write("1" if frozen else "0")
        lib.until(lambda: lib.read_keys(group + "/cgroup.events")["frozen"] == frozen, 5, "frozen")
    else:
        with open(group + "/freezer.state", "w") as f:
            f.write("FROZEN" if frozen else "THAWED")
        want = "FROZEN" if frozen else "THAWED"

        def reached():
            with open(group + "/freezer.state") as f:
                return f.read().strip() == want
        lib.until(reached, 5, want)
    return before, time.monotonic_ns()


def freeze(argv, state, v2, before_s, script):
    """A program is frozen for known times: the rest of its time is in `state`.

    script: seconds thawed, frozen, thawed …; before_s: frozen already for so long when the
    recording begins.
    """
    group = lib.v2_cgroup() if v2 else lib.v1_cgroup("freezer")
    p = lib.spawn(argv, preexec_fn=lib.enter(group), stderr=subprocess.DEVNULL)
    lib.cleanup(frozen_state, group, v2, False)
    time.sleep(0.4)
    frozen = before_s > 0
    since = frozen_state(group, v2, True) if frozen else None
    time.sleep(before_s)
    running = lib.Running(["-p", p.pid]).attached()
    truth = []
    for seconds in script:
        time.sleep(seconds)
        at = frozen_state(group, v2, not frozen)
        if frozen:
            truth.append((since, at))
        frozen, since = not frozen, at
    r = running.finish(sig=signal.SIGINT)
    start, end = r.summary["start_ns"], r.summary["start_ns"] + r.duration
    if frozen:
        truth.append((since, (end, end)))
    row = main_thread(r, p.pid)
    # it stopped at some moment between the two, and went on at another
    least = sum(min(b[0], end) - max(a[1], start) for a, b in truth)
    most = sum(min(b[1], end) - max(a[0], start) for a, b in truth)
    between(row["stopped_ns"], least - r.duration / 100, most + r.duration / 100,
            f"stopped: {sorted_waits(r, p.pid)}")
    # it runs for a moment on its way into the freezer of version 2 and out of it, and waits for a CPU to
    near(row[state + "_ns"] + row["runq_ns"], r.duration - row["stopped_ns"], r.duration / 100,
         f"{state}: {row}")
    near(r.waited(state="stopped", reason="frozen", pid=p.pid), row["stopped_ns"], 0, "frozen")
    return r


SLEEPER = ["sleep", "1000"]


def test_frozen_in_its_sleep_v1():
    """The freezer of version 1 stops a sleeper without a switch, and lets it sleep on."""
    r = freeze(SLEEPER, "sleep", False, 0, [0.5, 1, 0.5])
    (w,) = r.waits(state="sleep", comm="sleep")
    lib.equal((w["reason"], w["count"]), ("clock_nanosleep", 1), "the one sleep")
    assert any(f[-1] == "[stopped frozen]" and any(x.endswith("_[k]") for x in f)
               for f, _ in r.folded("wall")), "the place where it was frozen"


def test_frozen_twice_in_its_sleep_v1():
    freeze(SLEEPER, "sleep", False, 0, [0.3, 0.4, 0.3, 0.5, 0.2])


def test_frozen_in_its_sleep_at_both_ends_v1():
    freeze(SLEEPER, "sleep", False, 0.3, [0.6, 0.5, 0.4])


def test_frozen_until_woken_v1():
    """Its sleep is over while it lies frozen: it is stopped until the thaw, and awake then."""
    group = lib.v1_cgroup("freezer")
    lib.cleanup(frozen_state, group, False, False)
    for _ in range(4):
        p = lib.spawn(["sh", "-c", "sleep 2.5; kill -STOP $$"], preexec_fn=lib.enter(group))
        (sleeper,) = lib.until(lambda: lib.descendants(p.pid), what="the sleep")
        r = lib.Running(["-p", p.pid]).attached()
        a = frozen_state(group, False, True)
        if os.path.exists(f"/proc/{sleeper}"):
            break
        # a busy machine took longer to attach than it slept
        frozen_state(group, False, False)
        r.finish(sig=signal.SIGINT)
    time.sleep(3)
    b = frozen_state(group, False, False)
    time.sleep(0.3)
    r = r.finish(sig=signal.SIGINT)
    slack = r.duration / 100
    # each came at some moment while it was asked for
    least, most = b[0] - a[1] - slack, b[1] - a[0] + slack
    slept = r.thread_states(sleeper)
    between(slept["stopped"], least, most, "stopped of the sleep")
    near(slept["stopped"] + slept["sleep"] + slept["runq"], r.threads(pid=sleeper)[0]["thread_ns"], slack, f"the sleep: {slept}")
    shell = r.thread_states(p.pid)
    # in its wait for the child, then by its own signal; both wait for a CPU to, as long as others want it
    near(shell["stopped"] + shell["child"] + shell["runq"], r.duration, slack, f"the shell: {shell}")
    between(r.waited(state="stopped", reason="frozen", pid=p.pid), least, most, "frozen of the shell")


def test_frozen_at_work_v1():
    """One that runs goes into the freezer by itself."""
    freeze([lib.workload("wl_states"), "cpu_user=60000"], "cpu", False, 0, [0.5, 1, 0.5])


def test_frozen_in_its_sleep_v2():
    freeze(SLEEPER, "sleep", True, 0, [0.5, 1, 0.5])


def test_frozen_at_both_ends_v2():
    freeze(SLEEPER, "sleep", True, 0.3, [0.6, 0.5, 0.4])


def test_frozen_at_work_v2():
    freeze([lib.workload("wl_states"), "cpu_user=60000"], "cpu", True, 0, [0.5, 1, 0.5])


def test_out_of_memory():
    """A memory cgroup whose OOM killer is off lets a thread wait until the limit is raised."""
    group = lib.v1_cgroup("memory")
    try:
        with open(group + "/memory.oom_control", "w") as f:
            f.write("1")
    except OSError as e:
        raise Skip(f"the OOM killer of a memory cgroup cannot be switched off here: {e}")

    def limit(mib):
        with open(group + "/memory.limit_in_bytes", "w") as f:
            f.write(str(mib << 20))
    limit(16)

    def under_oom():
        with open(group + "/memory.oom_control") as f:
            return "under_oom 1" in f.read()
    running = lib.Running(["--", "sh", "-c", f'echo 0 > {group}/cgroup.procs; exec "$@"', "sh",
                           lib.workload("wl_mem"), "48"])
    lib.until(under_oom, 10, "out of memory")
    time.sleep(1)
    limit(128)
    r = running.finish()
    truth = r.truth_output()
    row = main_thread(r, truth["pid"])
    waited = truth["wall_ns"] - truth["cpu_ns"] - truth["runq_ns"]
    lib.at_least(waited, S, "wait for memory")
    near(row["mem_ns"], waited, r.duration / 100, f"mem: {sorted_waits(r, truth['pid'])}")
    lib.at_least(r.waited(state="mem", reason="oom", pid=truth["pid"]), S, "mem oom")
    lib.equal(r.summary["audit"]["witness_disagreements"], 0, "disagreements of the witness")
