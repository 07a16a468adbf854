# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls that fail while a recording is made and written.

Whatever fails: no crash, one sentence, and a whole recording or none.  A fault may
also be harmless (a read of something optional): then the recording is whole.
"""
# side by side
import os
import resource
import signal
import subprocess

import lib

HERE = os.path.dirname(os.path.abspath(__file__))
COMMAND = ["-q", "--checkpoint", "0", "--", "sh", "-c", "sleep 0.05; /bin/true"]


def shim():
    gcc = lib.need("gcc")
    lib.need_root()
    path = lib.tmp("shim.so")
    if not os.path.exists(path):
        subprocess.run([gcc, "-std=gnu11", "-O1", "-fPIC", "-shared", "-fno-builtin", "-o", path,
                        os.path.join(HERE, "shim.c"), "-ldl"], check=True)
    return path


def verdict(p, what, path, old=None):
    """What is there after a fault must be whole, or nothing, or the old recording."""
    text = f"{what}: status {p.returncode}: {p.stderr.strip()[-300:]!r}"
    assert p.returncode in (0, 1), f"it crashed or exited oddly: {text}"
    base, name = os.path.split(path)
    left = [f for f in os.listdir(base) if f.startswith("." + name)]
    lib.equal(left, [], f"left behind: {text}")
    if p.returncode == 0:
        lib.check(lib.Recording(path))
        return True
    assert "worktrace: " in p.stderr, f"no sentence: {text}"
    assert p.stderr.count("refuses worktrace's programs") <= 1, f"said twice: {text}"
    if os.path.exists(path):
        # whole: it failed afterwards, in telling about it
        r = lib.Recording(path)
        lib.check(r)
        assert old or r.summary["complete"], f"half a recording: {text}"
    else:
        assert not old, f"the old recording is gone: {text}"
    return False


def strike(kind, n, armed, old=None, path=None):
    """One run with one fault: None when it had no such call any more."""
    log = lib.tmp("struck")
    if os.path.exists(log):
        os.unlink(log)
    path = path or lib.tmp("rec")
    env = dict(os.environ, LD_PRELOAD=shim(), WT_FAULT=f"{kind}:{n}", WT_FAULT_LOG=log)
    if armed:
        env["WT_FAULT_ARM"] = "mkdir"
    p = lib.worktrace(["record"] + (["--force"] if old else []) + ["-o", path] + COMMAND, env=env,
                      timeout_s=15)
    ok = verdict(p, f"{kind} {n}{' while writing' if armed else ''}", path, old)
    if not old:
        subprocess.run(["rm", "-rf", path], check=True)
    return ok if os.path.exists(log) else None


def sweep(kind, armed, numbers):
    """Faults at these call numbers, until a run has fewer calls."""
    struck = refused = 0
    wrong = []
    for n in numbers:
        try:
            result = strike(kind, n, armed)
        except AssertionError as e:
            wrong.append(str(e))
            tidy()
            result = False
        if result is None:
            break
        struck += 1
        refused += not result
    print(f"{kind}: {struck} faults, {refused} of them ended the recording")
    assert not wrong, "\n".join(wrong)
    lib.at_least(struck, 1, f"faults of {kind}")
    return struck, refused


def tidy():
    """Takes away what a failed run left, so that the next one is judged by itself."""
    for name in os.listdir(lib.TMP):
        if name.startswith((".rec", "rec")):
            subprocess.run(["rm", "-rf", lib.tmp(name)], check=True)


def spread(first, factor, last):
    """first, then ever further apart."""
    n, out = first, []
    while n <= last:
        out.append(int(n))
        n = max(n + 1, n * factor)
    return out


# limit: 200
def test_malloc_while_writing():
    sweep("malloc", True, spread(1, 1.25, 20000))


# limit: 200
def test_malloc_anywhere():
    sweep("malloc", False, spread(1, 1.5, 2000000))


# limit: 120
def test_open_while_writing():
    sweep("open", True, range(1, 30))


# limit: 120
def test_open_anywhere():
    sweep("open", False, spread(1, 1.4, 1000))


# limit: 120
def test_write_while_writing():
    sweep("write", True, spread(1, 1.4, 100000))


# limit: 120
def test_close_while_writing():
    sweep("close", True, range(1, 40))


def test_flush():
    for kind in ("flush", "sync"):
        try:
            struck, refused = sweep(kind, True, range(1, 20))
        except AssertionError as e:
            if "faults of" not in str(e):
                raise
            continue
        # the directory above is synced after the move: then all is in place
        lib.at_least(refused, struck - (kind == "sync"),
                     f"{kind}: a failure was overlooked in some of {struck} runs")


def test_mkdir():
    struck, refused = sweep("mkdir", True, range(1, 6))
    lib.equal(refused, struck, "mkdir failed unnoticed")


def test_rename():
    struck, refused = sweep("rename", True, range(1, 6))
    lib.equal(refused, struck, "rename failed unnoticed")


def test_old_recording_stays():
    """--force: whatever fails, the old one is there until the new one is whole."""
    path = lib.tmp("old")
    p = lib.worktrace(["record", "-o", path] + COMMAND)
    lib.equal(p.returncode, 0, p.stderr)
    for kind, n in (("mkdir", 1), ("open", 2), ("open", 6), ("write", 3), ("close", 2), ("sync", 1),
                    ("rename", 1), ("malloc", 50), ("malloc", 500)):
        old = lib.Recording(path).summary["start_utc"]
        strike(kind, n, True, old, path)


def test_file_size_limit():
    """Real short writes: at most so many bytes in a file."""
    def limit(n):
        def set_limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (n, n))
        return set_limit
    lib.need_root()
    refused = 0
    for n in (0, 1, 50, 100, 200, 400, 800, 1500, 3000):
        path = lib.tmp(f"fsize{n}")
        p = lib.worktrace(["record", "-o", path] + COMMAND, preexec_fn=limit(n))
        refused += not verdict(p, f"at most {n} bytes in a file", path)
    lib.at_least(refused, 5, "limits that ended the recording")


# limit: 200
def test_kernel_refuses():
    """A program, map, link or perf event that the kernel refuses: once, or always."""
    # those that are tried first are taken, and then none: both parts are refused
    assert strike("prog", "12+", False) is False, "no program is taken, yet it records"
    for kind in ("prog", "map", "link", "perf"):
        sweep(kind, False, spread(1, 1.3, 200))
        assert strike(kind, "1+", False) is False or kind == "perf", f"no {kind} at all, yet it records"
