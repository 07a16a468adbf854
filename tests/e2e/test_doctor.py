# SPDX-License-Identifier: GPL-2.0-or-later
"""worktrace doctor says what this machine allows, and record agrees with it."""
# side by side
import json
import subprocess

import lib


def test_words():
    lib.need_root()
    p = lib.worktrace(["doctor"])
    lib.equal((p.returncode, p.stderr), (0, ""), p.stdout)
    lib.at_least(len(p.stdout.split("\n")), 5, "lines")
    lib.contains(p.stdout, "(?i)btf", "output")
    r = lib.record([], ["sleep", "0.1"])
    assert r.duration, "record does not work where doctor says that it can"


def test_json():
    lib.need_root()
    p = lib.worktrace(["doctor", "--json"])
    lib.equal((p.returncode, p.stderr), (0, ""))
    d = json.loads(p.stdout)
    assert isinstance(d, dict) and d, "no object"


def test_without_btf():
    lib.need_root()
    unshare = lib.need("unshare")
    p = subprocess.run([unshare, "-m", "sh", "-c", "mount -t tmpfs none /sys/kernel/btf && exec "
                        f"{lib.WORKTRACE} doctor"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=30)
    if "mount:" in p.stderr:
        raise lib.Skip(f"nothing can be mounted here: {p.stderr.strip()}")
    lib.equal(p.returncode, 1, p.stdout)
    lib.contains(p.stdout, "(?i)btf", "output")


def test_without_root():
    try:
        p = subprocess.run([lib.WORKTRACE, "doctor"], preexec_fn=lib.as_user("nobody"),
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        raise lib.Skip("nobody may not run the program where it was built")
    lib.equal(p.returncode, 1, p.stdout + p.stderr)
    lib.contains(p.stdout, r"(?i)root|CAP_|privilege", "output")
