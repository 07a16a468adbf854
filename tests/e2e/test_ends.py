# SPDX-License-Identifier: GPL-2.0-or-later
"""How recordings end: each way writes a whole one, or says why not."""
# side by side
import calendar
import json
import os
import signal
import subprocess
import time

import lib
from lib import S


def sleeper():
    return lib.spawn(["sleep", "1000"])


def test_duration():
    r = lib.record(["-p", sleeper().pid, "-d", 1])
    lib.near(r.duration, S, 0.2 * S, "duration")
    at = time.strptime(r.summary["start_utc"][:19], "%Y-%m-%dT%H:%M:%S")
    lib.at_most(abs(time.time() - calendar.timegm(at)), 60, "start_utc against now")


def by_signal(sig):
    target = sleeper()
    p = lib.Running(["-p", target.pid]).attached()
    time.sleep(0.3)
    r = p.finish(sig)
    lib.equal(r.thread_states(target.pid)["sleep"], r.duration, "sleep")
    assert lib.alive(target.pid), "the traced program was harmed"


def test_sigint():
    by_signal(signal.SIGINT)


def test_sigterm():
    by_signal(signal.SIGTERM)


def test_sighup():
    by_signal(signal.SIGHUP)


def test_pid_gone():
    target = sleeper()
    p = lib.Running(["-p", target.pid]).attached()
    lib.stop(target)
    r = p.finish()
    lib.equal(len(r.threads()), 1, "threads")
    lib.at_most(r.threads()[0]["thread_ns"], r.duration, "time of the one that ended")


def test_pid_gone_children_stay():
    """The recording goes on while a descendant lives."""
    target = lib.spawn(["sh", "-c", "sleep 1000 & sleep 1000; true"])
    first, last = lib.until(lambda: len(lib.descendants(target.pid)) == 2 and
                            lib.descendants(target.pid), 5, "two children")
    p = lib.Running(["-p", target.pid]).attached()
    os.kill(first, signal.SIGKILL)
    os.kill(target.pid, signal.SIGKILL)
    time.sleep(1)
    assert p.p.poll() is None, f"it ended although {last} lives: {p.stderr()}"
    os.kill(last, signal.SIGKILL)
    r = p.finish()
    (row,) = r.threads(pid=last)
    lib.at_least(row["thread_ns"], S, "time of the child that stays")


def test_name_gone():
    program = lib.tmp("wlgone")
    os.symlink(lib.workload("wl_states"), program)
    target = lib.spawn([program, "sleep=1000000"], stderr=subprocess.DEVNULL)
    lib.until(lambda: lib.comm_of(target.pid) == "wlgone", 5, "its name")
    p = lib.Running(["-n", "wlgone"]).attached()
    lib.stop(target)
    r = p.finish()
    lib.equal(len(r.threads()), 1, "threads")


def test_command_by_sigint():
    """Ctrl-C reaches the command too (the terminal sends it to both)."""
    p = lib.Running(["--", lib.workload("wl_states"), "sleep=60000"],
                    start_new_session=True).attached()
    time.sleep(0.3)
    os.killpg(p.pid, signal.SIGINT)
    r = p.finish()
    lib.equal(r.summary["exit"]["signal"], signal.SIGINT, "signal of the command")


def test_command_after_sigterm():
    """worktrace alone is asked to end: the command is not its to kill."""
    p = lib.Running(["--", lib.workload("wl_states"), "sleep=3000"]).attached()
    children = lib.descendants(p.pid)
    r = p.finish(signal.SIGTERM)
    lib.at_most(r.duration, 2.9 * S, "duration")
    lib.at_least(len(children), 1, "the command")
    for c in children:
        if lib.alive(c):
            os.kill(c, signal.SIGKILL)


def test_two_sigints():
    """A second Ctrl-C while it writes still leaves a whole recording, or none."""
    p = lib.Running(["-a"]).attached()
    time.sleep(0.5)
    p.p.send_signal(signal.SIGINT)
    time.sleep(0.02)
    if p.p.poll() is None:
        p.p.send_signal(signal.SIGINT)
    p.p.wait(30)
    whole_or_none(p)


def whole_or_none(p):
    """What an interrupted recording may leave: all or nothing."""
    if os.path.exists(p.path):
        lib.check(lib.Recording(p.path))
    left = [f for f in os.listdir(lib.TMP) if f.startswith("." + os.path.basename(p.path))]
    lib.equal(left, [], "temporary directories")


def test_sigint_during_start():
    """At any moment of the start: status 0 and a recording, or 1 and nothing."""
    target = sleeper()
    for delay in (0, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3):
        p = lib.Running(["-p", target.pid])
        time.sleep(delay)
        p.p.send_signal(signal.SIGINT)
        status = p.p.wait(20)
        # before its handlers are in place the signal's own effect is fine
        assert status in (0, 1, -signal.SIGINT), f"status {status} after {delay} s: {p.stderr()}"
        lib.equal(os.path.exists(p.path), status == 0, f"a recording after {delay} s, {status}")
        whole_or_none(p)


def test_sigint_during_start_with_command():
    for delay in (0, 0.01, 0.03, 0.06, 0.1, 0.2):
        p = lib.Running(["--", "sleep", "777"], start_new_session=True)
        time.sleep(delay)
        os.killpg(p.pid, signal.SIGINT)
        status = p.p.wait(20)
        assert status in (0, 1, -signal.SIGINT), f"status {status} after {delay} s: {p.stderr()}"
        whole_or_none(p)
    left = [d for d in os.listdir("/proc") if d.isdigit() and cmdline(d) == ["sleep", "777"]]
    lib.equal(left, [], "commands left behind")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline") as f:
            return f.read().split("\0")[:-1]
    except OSError:
        return None


def test_checkpoint():
    """While it runs, what was recorded so far is on disk and balances."""
    target = lib.spawn([lib.workload("wl_states"), "--dir", lib.TMP] + ["pipe=50", "cpu_user=50"]
                       * 200, stderr=subprocess.DEVNULL)
    p = lib.Running(["-p", target.pid, "--checkpoint", 0.5]).attached()
    summary = os.path.join(p.path, "summary.json")
    lib.until(lambda: os.path.exists(summary), 10, "a checkpoint")
    r = lib.Recording(p.path)
    lib.check_ledger(r.summary, r.ledger)
    lib.equal(r.summary["complete"], False, "complete")
    first = r.duration
    lib.until(lambda: json_duration(summary) > first, 10, "a later checkpoint")
    r = p.finish(signal.SIGINT)
    lib.equal(r.summary["complete"], True, "complete")


def json_duration(path):
    try:
        with open(path) as f:
            return json.load(f)["duration_ns"]
    except FileNotFoundError:
        return 0


def test_killed():
    """kill -9: the last checkpoint is on disk, no probe stays, the program lives."""
    bpftool = lib.need("bpftool")
    target = lib.spawn([lib.workload("wl_states"), "--dir", lib.TMP] + ["pipe=50", "cpu_user=50"]
                       * 400, stderr=subprocess.DEVNULL)
    p = lib.Running(["-p", target.pid, "--checkpoint", 0.5]).attached()
    programs, maps = p.programs(), p.maps()
    lib.at_least(len(programs), 3, "BPF programs")
    lib.until(lambda: os.path.exists(os.path.join(p.path, "summary.json")), 10, "a checkpoint")
    time.sleep(0.7)
    p.p.kill()
    p.p.wait(10)

    def gone():
        live = {x["id"] for x in json.loads(subprocess.check_output([bpftool, "-j", "prog"]))}
        live_maps = {x["id"] for x in json.loads(subprocess.check_output([bpftool, "-j", "map"]))}
        return not live & set(programs) and not live_maps & set(maps)
    lib.until(gone, 15, "the end of its BPF programs and maps")
    r = lib.Recording(p.path)
    lib.check_ledger(r.summary, r.ledger)
    lib.check_threads(r)
    lib.check_folded(r)
    lib.equal(r.summary["complete"], False, "complete")
    assert lib.alive(target.pid), "the traced program was harmed"


def test_killed_with_command():
    """worktrace is killed: its command goes on as if nothing had been."""
    marker = lib.tmp("done")
    p = lib.Running(["--", "sh", "-c", f"sleep 1.5; echo yes > {marker}"]).attached()
    p.p.kill()
    p.p.wait(10)
    lib.until(lambda: os.path.exists(marker), 10, "the end of the command")


def test_nothing_left_in_the_kernel():
    bpftool = lib.need("bpftool")
    p = lib.Running(["-p", sleeper().pid, "-d", 1]).attached()
    programs = p.programs()
    p.finish()
    lib.until(lambda: not {x["id"] for x in json.loads(subprocess.check_output(
        [bpftool, "-j", "prog"]))} & set(programs), 15, "the end of its BPF programs")


def test_program_is_unharmed():
    """Output, status and environment of a command are as without worktrace."""
    script = 'echo out; echo err >&2; env | grep -v "^_=" | sort; ls -l /proc/self/fd | wc -l; exit 3'
    bare = subprocess.run(["sh", "-c", script], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True)
    p = lib.worktrace(["record", "-q", "--exit-status", "-o", lib.tmp("u"), "--", "sh", "-c",
                       script])
    lib.equal((p.returncode, p.stdout, p.stderr), (3, bare.stdout, bare.stderr))


def test_priority():
    """worktrace goes before what it traces, not the command; a priority that the user gave stays."""
    both = "cut -d' ' -f19 /proc/$$/stat /proc/$PPID/stat"
    lib.equal(lib.record([], ["sh", "-c", both]).out.split(), ["0", "-10"], "nice values")
    text = lib.worktrace(["record", "-q", "-o", lib.tmp("nice"), "--", "sh", "-c", both],
                         preexec_fn=lambda: os.nice(5)).stdout
    lib.equal(text.split(), ["5", "5"], "nice values of a polite one")
