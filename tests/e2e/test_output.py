# SPDX-License-Identifier: GPL-2.0-or-later
"""Where recordings go, who owns them, what standard output gets."""
# side by side
import os
import pty
import pwd
import re
import select
import subprocess
import time

import lib
from lib import S

SHORT = [os.path.join(lib.WORKLOADS, "wl_states"), "cpu_user=80", "sleep=80"]


def test_named_directory():
    lib.record([], SHORT)


def test_trailing_slash():
    lib.need_root()
    p = lib.worktrace(["record", "-q", "-o", lib.tmp("slash") + "/", "--", "true"])
    lib.equal(p.returncode, 0, p.stderr)
    lib.check(lib.Recording(lib.tmp("slash")))


def test_default_name():
    lib.need_root()
    os.mkdir(lib.tmp("cwd"))
    p = lib.worktrace(["record", "-q", "--", "sleep", "0.1"], cwd=lib.tmp("cwd"))
    lib.equal(p.returncode, 0, p.stderr)
    (name,) = os.listdir(lib.tmp("cwd"))
    host = re.escape(os.uname().nodename)
    lib.contains(name, rf"^sleep_\d{{8}}T\d{{6}}Z_{host}$", "default name")
    lib.check(lib.Recording(lib.tmp("cwd/" + name)))


def test_existing_is_refused_and_forced():
    r = lib.record([], SHORT)
    first = r.summary["start_utc"]
    os.rename(r.path, lib.tmp("here"))
    lib.sentence(["record", "-o", lib.tmp("here"), "--", "true"], r"here.*(exist|--force)")
    lib.equal(lib.Recording(lib.tmp("here")).summary["start_utc"], first, "the old recording")
    r = lib.record(["--force"], SHORT, output=lib.tmp("here"))
    assert r.summary["start_utc"] > first, "it was not replaced"


def test_force_spares_what_is_no_recording():
    lib.need_root()
    os.mkdir(lib.tmp("precious"))
    with open(lib.tmp("precious/file"), "w") as f:
        f.write("mine")
    lib.sentence(["record", "--force", "-o", lib.tmp("precious"), "--", "true"], "precious")
    with open(lib.tmp("precious/file")) as f:
        lib.equal(f.read(), "mine", "a file that is not ours")


def test_force_keeps_the_old_on_failure():
    """What replaces a recording is whole, or the old one stays."""
    r = lib.record([], SHORT)
    first = r.summary["start_utc"]
    p = lib.Running(["--force", "-p", str(os.getpid()), "--checkpoint", 0], output=r.path)
    p.attached().p.kill()
    p.p.wait(10)
    lib.equal(lib.Recording(r.path).summary["start_utc"], first, "the old recording")


def test_owner():
    lib.need_root()
    user = pwd.getpwnam("nobody")
    for owner in ("nobody", f"nobody:{lib.group_of(user.pw_gid)}"):
        path = lib.tmp("owned-" + owner.replace(":", "-"))
        p = lib.worktrace(["record", "-q", "--owner", owner, "-o", path, "--", "true"])
        lib.equal(p.returncode, 0, p.stderr)
        for name in ["."] + os.listdir(path):
            st = os.stat(os.path.join(path, name))
            lib.equal((st.st_uid, st.st_gid), (user.pw_uid, user.pw_gid), f"owner of {name}")
    lib.sentence(["record", "--owner", "nosuchuser", "-o", lib.tmp("x"), "--", "true"],
                 "nosuchuser", status=2)


def test_exit_status():
    lib.need_root()
    for script, status in (("exit 0", 0), ("exit 41", 41), ("kill -TERM $$", 128 + 15)):
        p = lib.worktrace(["record", "-q", "--exit-status", "-o", lib.tmp("s%d" % status), "--",
                           "sh", "-c", script])
        lib.equal(p.returncode, status, f"status of {script}")
    p = lib.worktrace(["record", "-q", "-o", lib.tmp("plain"), "--", "sh", "-c", "exit 41"])
    lib.equal(p.returncode, 0, "without --exit-status")
    p = lib.worktrace(["record", "--exit-status", "-o", lib.tmp("plain"), "--", "true"])
    lib.equal(p.returncode, 125, "own failure with --exit-status")


def test_folded_to_stdout():
    """--folded prints exactly the file; what the command prints goes elsewhere."""
    for which in ("wall", "cpu", "offcpu"):
        p = lib.worktrace(["record", f"--folded={which}", "-q", "-o", lib.tmp(which), "--"] + SHORT)
        lib.equal(p.returncode, 0, p.stderr)
        with open(lib.tmp(f"{which}/{which}.folded")) as f:
            lib.equal(p.stdout, f.read(), f"--folded={which}")
        assert lib.parse_folded(p.stdout, which), f"{which} is empty"


def test_folded_to_closed_pipe():
    lib.need_root()
    r, w = os.pipe()
    os.close(r)
    p = lib.worktrace(["record", "--folded=wall", "-o", lib.tmp("c"), "--"] + SHORT, stdout=w)
    os.close(w)
    lib.equal(p.returncode, 1, "exit status")
    lines = [x for x in p.stderr.split("\n") if x.startswith("worktrace:")]
    assert lines, f"no sentence: {p.stderr!r}"
    lib.contains(lines[-1], r"(?i)standard output|pipe", "the sentence")


def test_folded_to_full_device():
    lib.need_root()
    with open("/dev/full", "w") as full:
        p = lib.worktrace(["record", "--folded=wall", "-q", "-o", lib.tmp("f"), "--"] + SHORT,
                          stdout=full)
    lib.equal(p.returncode, 1, "exit status")
    lib.contains(p.stderr, r"worktrace: .*(space|output)", "the sentence")


def test_stack_order():
    """Root first: process, frames, kernel frames, then what it waited for."""
    r = lib.record([], [lib.workload("wl_spawn"), "brief", "5", "5"])
    lines = [f for f, _ in r.folded("wall") if f[0] == "wl-brief" or "brief_sleep" in f]
    waits = [f for f in lines if f[-1].startswith("[sleep ")]
    assert waits, f"no sleeping stack: {lines}"
    for f in waits:
        if "brief_sleep" in f:
            at = [f.index(x) for x in ("main", "brief_work", "brief_sleep")]
            assert at == sorted(at), f"order: {f}"
            kernel = [i for i, x in enumerate(f) if x.endswith("_[k]")]
            assert kernel and min(kernel) > at[-1] and max(kernel) == len(f) - 2, f"order: {f}"
            break
    else:
        raise AssertionError(f"no stack with main;brief_work;brief_sleep: {waits[:3]}")


def test_thread_names_in_folded():
    r = lib.record([], [lib.workload("wl_pingpong"), "0.5"])
    roots = {tuple(f[:2]) for f, _ in r.folded("wall")}
    assert ("wl_pingpong", "wl-pong") in roots, f"process;thread: {roots}"


def test_names_are_cleaned():
    """A ';' or a newline in a name becomes ':' or a blank."""
    program = lib.tmp("a;b\nc d")
    os.symlink("/bin/sleep", program)
    r = lib.record([], [program, "0.3"])
    roots = {f[0] for f, _ in r.folded("wall")}
    assert "a:b c d" in roots, f"roots: {roots}"
    with open(os.path.join(r.path, "threads.csv")) as f:
        lib.contains(f.read(), r"a;b|a:b", "threads.csv")


def on_terminal(args):
    """Runs worktrace on a terminal of its own: (status, what it showed)."""
    lib.need_root()
    master, slave = pty.openpty()
    subprocess.run(["stty", "cols", "100", "rows", "40"], stdin=slave, check=False)
    p = lib.spawn([lib.WORKTRACE] + args, stdin=slave, stdout=slave, stderr=slave,
                  start_new_session=True)
    os.close(slave)
    shown = b""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        elif p.poll() is not None:
            break
    os.close(master)
    return p.wait(5), shown.decode("utf-8", "replace")


def test_terminal():
    """Progress while it runs, at the end where the time went."""
    # what it prints when it is done would come into the table on a busy machine
    quiet = f"exec {lib.workload('wl_states')} cpu_user=1200 sleep=1500 > /dev/null"
    status, shown = on_terminal(["record", "-d", "3", "-o", lib.tmp("t"), "--", "sh", "-c", quiet])
    lib.equal(status, 0, shown)
    lib.at_least(shown.count("\r"), 2, "progress")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    for word in (r"\bcpu\b", r"\bsleep\b", "wl_states", r"%", r"(?i)balance"):
        lib.contains(plain, word, "the table")
    table = plain[plain.index("WHERE THE TIME WENT"):].replace("\r", "\n").split("\n")
    wide = [x for x in table if len(x) > 100 and not x.startswith("recording:")]
    lib.equal(wide, [], "lines of more than 100 columns")


def test_quiet():
    lib.need_root()
    p = lib.worktrace(["record", "-q", "-o", lib.tmp("q"), "--", "sleep", "0.2"])
    lib.equal((p.returncode, p.stdout, p.stderr), (0, "", ""), "output with -q")


def test_no_terminal_no_escapes():
    lib.need_root()
    p = lib.worktrace(["record", "-o", lib.tmp("n"), "--", "sleep", "0.2"])
    lib.equal((p.returncode, p.stdout), (0, ""), p.stderr)
    assert "\x1b" not in p.stderr and "\r" not in p.stderr, f"escapes: {p.stderr!r}"


def test_clock():
    """Instants are CLOCK_MONOTONIC; start_utc is the same instant."""
    before = time.monotonic_ns()
    r = lib.record([], SHORT)
    after = time.monotonic_ns()
    for t in r.threads():
        assert before <= t["start_ns"] <= t["end_ns"] <= after, t
    lib.at_most(r.duration, after - before, "duration")
    lib.at_least(r.duration, 0.15 * S, "duration")
    lib.at_least(after - before, r.summary["self"]["startup_ns"], "startup")


def test_help_and_version():
    for args in (["--help"], ["record", "--help"], ["--version"]):
        p = lib.worktrace(args)
        lib.equal((p.returncode, p.stderr), (0, ""), f"{args}")
        lib.at_least(len(p.stdout), 10, f"output of {args}")
    r, w = os.pipe()
    os.close(r)
    p = lib.worktrace(["record", "--help"], stdout=w)
    os.close(w)
    lib.equal(p.returncode, 1, "--help to a closed pipe")
