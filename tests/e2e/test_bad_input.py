# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input: one clear sentence, status 1 or 2 (125 with --exit-status), nothing left."""
# side by side
import os
import re
import subprocess

import lib

O = lib.tmp("out")


def bad(args, pattern, status=1, **kw):
    return lib.sentence(["record", "-o", O] + [str(a) for a in args], pattern, status, **kw)


def test_usage():
    for args, pattern in (
            ([], r"target|command|-p"),
            (["-p", "1", "-a"], r"target|one"),
            (["-a", "--", "true"], r"target|one|command"),
            (["-d", "0", "-a"], r"duration|-d"), (["-d", "abc", "-a"], r"abc"),
            (["-d", "-1", "-a"], r"-1"), (["-d", "", "-a"], r"duration|-d"),
            (["-d", "1e400", "-a"], r"1e400"), (["-d", "nan", "-a"], r"nan"),
            (["-d", "1s", "-a"], r"1s"),
            (["-F", "1e9", "-a"], r"1e9"), (["-F", "-5", "-a"], r"-5"),
            (["-F", "1000000", "-a"], r"1000000"), (["-F", "x", "-a"], r"x"),
            (["-p", "12,,x"], r"12,,x"), (["-p", ""], r"pid|-p"), (["-p", "0"], r"0"),
            (["-p", "99999999999999999999"], r"99999"), (["-p", "-4"], r"-4"),
            (["-n", ""], r"name|-n"), (["-g", ""], r"cgroup|-g"),
            (["--folded=nope", "-a"], r"nope"), (["--event", "nope", "-a"], r"nope"),
            (["--detail-entries", "0", "-a"], r"detail-entries"),
            (["--ring-kb", "3", "-a"], r"ring-kb"), (["--drain-ms", "x", "-a"], r"drain-ms"),
            (["--checkpoint", "-1", "-a"], r"checkpoint"), (["--nonsense", "-a"], r"nonsense"),
            (["-u", "nobody", "-a"], r"user|-u|command"),
            (["--wait", "-a"], r"wait")):
        bad(args, pattern, 2)
    # its own errors are 125 from the moment that it has been asked for
    bad(["--exit-status", "-a"], r"exit-status|command", 125)
    bad(["--exit-status", "-d", "x", "--", "true"], r"x", 125)


def test_commands():
    lib.sentence(["nonsense"], "nonsense", 2)
    lib.sentence(["doctor", "--nonsense"], "nonsense", 2)
    p = lib.worktrace([])
    lib.equal(p.returncode, 2, "without a command")
    assert p.stderr, "no words"


def test_empty_output_name():
    lib.sentence(["record", "-o", "", "-a"], r"output|-o", 2)


def test_no_root():
    try:
        subprocess.run([lib.WORKTRACE, "--version"], preexec_fn=lib.as_user("nobody"),
                       stdout=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.SubprocessError):
        raise lib.Skip("nobody may not run the program where it was built")
    lib.need_root()
    os.mkdir(lib.tmp("theirs"))
    os.chmod(lib.tmp("theirs"), 0o777)
    lib.sentence(["record", "-d", "1", "-a", "-o", lib.tmp("theirs/x")], r"root|privilege|capabilit",
                 preexec_fn=lib.as_user("nobody"))
    lib.equal(os.listdir(lib.tmp("theirs")), [], "left behind")
    lib.sentence(["record", "-o", lib.tmp("theirs/x"), "--", "true"], r"root|privilege|capabilit",
                 preexec_fn=lib.as_user("nobody"))


def test_root_without_capabilities():
    lib.need_root()
    setpriv = lib.need("setpriv")
    before = sorted(os.listdir(lib.TMP))
    p = subprocess.run([setpriv, "--bounding-set", "-all", "--inh-caps", "-all", lib.WORKTRACE,
                        "record", "-d", "1", "-a", "-o", O], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=30)
    lib.equal(p.returncode, 1, f"exit status ({p.stderr})")
    lib.equal(p.stderr.count("\n"), 1, f"sentences: {p.stderr}")
    lib.contains(p.stderr, r"(?i)root|privilege|CAP_|capabilit", "the sentence")
    lib.equal(sorted(os.listdir(lib.TMP)), before, "left behind")


def test_no_btf():
    lib.need_root()
    unshare = lib.need("unshare")
    before = sorted(os.listdir(lib.TMP))
    p = subprocess.run([unshare, "-m", "sh", "-c", "mount -t tmpfs none /sys/kernel/btf && exec "
                        f"{lib.WORKTRACE} record -d 1 -a -o {O}"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=30)
    if "mount:" in p.stderr:
        raise lib.Skip(f"nothing can be mounted here: {p.stderr.strip()}")
    lib.equal(p.returncode, 1, f"exit status ({p.stderr})")
    lib.equal(p.stderr.count("\n"), 1, f"sentences: {p.stderr}")
    lib.contains(p.stderr, "BTF", "the sentence")
    lib.equal(sorted(os.listdir(lib.TMP)), before, "left behind")


def test_no_such_pid():
    lib.need_root()
    dead = subprocess.Popen(["true"])
    dead.wait()
    bad(["-p", dead.pid, "-d", 1], str(dead.pid))
    bad(["-p", f"{os.getpid()},{dead.pid}", "-d", 1], str(dead.pid))


def test_thread_id():
    lib.need_root()
    p = lib.spawn([lib.workload("wl_threads"), "2", "100", "60000"])
    lib.until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) == 3, 10, "threads")
    tid = max(map(int, os.listdir(f"/proc/{p.pid}/task")))
    bad(["-p", tid, "-d", 1], f"{p.pid}")


def test_zombie():
    lib.need_root()
    p = lib.spawn(["true"])
    lib.until(lambda: lib.state_of(p.pid) == "Z", 5, "a zombie")
    bad(["-p", p.pid, "-d", 1], str(p.pid))


def test_pid_dies_during_attach():
    """Whenever it goes: a sentence and nothing, or a whole recording."""
    lib.need_root()
    for delay in (0.0, 0.01, 0.02, 0.04, 0.06, 0.08, 0.12, 0.2):
        target = lib.spawn(["sleep", str(delay + 0.005)])
        path = lib.tmp(f"dies{delay}")
        p = lib.worktrace(["record", "-q", "-o", path, "-p", target.pid])
        target.wait()
        if p.returncode == 0:
            lib.check(lib.Recording(path))
        else:
            lib.equal(p.returncode, 1, f"exit status after {delay} s")
            lib.equal(p.stderr.count("\n"), 1, f"sentences: {p.stderr!r}")
            assert not os.path.exists(path), "left behind"


def test_command_not_found():
    lib.need_root()
    bad(["--", "no-such-command-here"], "no-such-command-here")
    bad(["--", "/no/such/command"], "/no/such/command")
    bad(["--exit-status", "--", "no-such-command-here"], "no-such-command-here", 125)


def test_command_not_executable():
    lib.need_root()
    with open(lib.tmp("text"), "w") as f:
        f.write("hello")
    bad(["--", lib.tmp("text")], "text")
    bad(["--", lib.TMP], os.path.basename(lib.TMP))


def test_command_bad_interpreter():
    lib.need_root()
    with open(lib.tmp("script"), "w") as f:
        f.write("#!/no/such/interpreter\n")
    os.chmod(lib.tmp("script"), 0o755)
    bad(["--", lib.tmp("script")], "script")


def test_no_such_user():
    lib.need_root()
    bad(["-u", "nosuchuser", "--", "true"], "nosuchuser")


def test_nobody_of_that_name():
    lib.need_root()
    line = bad(["-n", "wlnobodyhere", "-d", 1], "wlnobodyhere")
    lib.contains(line, "--wait", "the hint")


def test_cgroups():
    lib.need_root()
    bad(["-g", "/no/such/cgroup", "-d", 1], "/no/such/cgroup")
    bad(["-g", "nosuchgroup", "-d", 1], "nosuchgroup")
    bad(["-g", "/tmp", "-d", 1], "/tmp")


def test_empty_cgroup():
    lib.need_root()
    cgroup = lib.v2_cgroup()
    bad(["-g", cgroup, "-d", 1], r"empty|no process")


def test_output_directory():
    lib.need_root()
    lib.sentence(["record", "-o", lib.tmp("no/such/parent"), "--", "true"], r"no/such")
    with open(lib.tmp("file"), "w"):
        pass
    lib.sentence(["record", "-o", lib.tmp("file"), "--", "true"], "file")
    lib.sentence(["record", "-o", lib.tmp("file/below"), "--", "true"], "file")
    os.mkdir(lib.tmp("there"))
    with open(lib.tmp("there/x"), "w"):
        pass
    lib.sentence(["record", "-o", lib.tmp("there"), "--", "true"], "there")
    lib.sentence(["record", "-o", "/proc/x", "--", "true"], "/proc")
    lib.sentence(["record", "-o", lib.tmp("l" * 300), "--", "true"], "long")


def mounted(options):
    """A small file system of its own; skips where nothing can be mounted."""
    lib.need_root()
    where = lib.tmp("mnt")
    os.mkdir(where)
    p = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", where],
                       capture_output=True, text=True)
    if p.returncode:
        raise lib.Skip(f"nothing can be mounted here: {p.stderr.strip()}")
    lib.cleanup(subprocess.run, ["umount", where])
    return where


def test_read_only_directory():
    where = mounted("ro")
    lib.sentence(["record", "-o", where + "/x", "--", "true"], r"(?i)read-only")


def test_command_does_not_run_in_vain():
    """The output is checked before the command is started."""
    lib.need_root()
    lib.sentence(["record", "-o", lib.tmp("no/parent"), "--", "touch", lib.tmp("ran")], "no/parent")


def fill(where):
    with open(where + "/ballast", "wb", buffering=0) as f:
        try:
            while f.write(b"x" * 4096):
                pass
        except OSError:
            pass


def test_full_disk():
    """Full when it is written: a sentence, and not half a recording."""
    where = mounted("size=64k")
    fill(where)
    p = lib.worktrace(["record", "-q", "-o", where + "/x", "--", "sleep", "0.2"])
    lib.equal(p.returncode, 1, f"exit status ({p.stderr})")
    lib.contains(p.stderr, r"(?i)space", "the sentence")
    lib.equal(os.listdir(where), ["ballast"], "left behind")


def test_full_disk_keeps_the_old():
    where = mounted("size=256k")
    p = lib.worktrace(["record", "-q", "-o", where + "/x", "--", "sleep", "0.1"])
    lib.equal(p.returncode, 0, p.stderr)
    first = lib.Recording(where + "/x").summary["start_utc"]
    fill(where)
    p = lib.worktrace(["record", "-q", "--force", "-o", where + "/x", "--", "sleep", "0.1"])
    lib.equal(p.returncode, 1, f"exit status ({p.stderr})")
    lib.equal(sorted(os.listdir(where)), ["ballast", "x"], "left behind")
    lib.equal(lib.Recording(where + "/x").summary["start_utc"], first, "the old recording")


def test_closed_standard_files():
    """Without standard input, output and error it still records."""
    lib.need_root()
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        path = lib.tmp("closed" + closed.replace(" ", "").replace("&", "").replace(">", "o")
                       .replace("<", "i"))
        p = subprocess.run(["sh", "-c", f"exec {lib.WORKTRACE} record -q -o {path} -- sleep 0.1 "
                            + closed], capture_output=True, timeout=30)
        lib.equal(p.returncode, 0, f"exit status with {closed}")
        lib.check(lib.Recording(path))


def test_no_locale_no_home():
    lib.need_root()
    p = lib.worktrace(["record", "-q", "-o", lib.tmp("env"), "--", "sleep", "0.1"],
                      env={"PATH": "/usr/bin:/bin"})
    lib.equal((p.returncode, p.stderr), (0, ""))


def test_own_pid():
    """worktrace asked to record its own parent shell, or itself: it works or says so."""
    lib.need_root()
    r = lib.record(["-p", os.getpid(), "-d", 1])
    assert os.getpid() in {t["pid"] for t in r.threads()}


def few_descriptors(limit):
    return subprocess.run(["sh", "-c", f"ulimit -n {limit}; exec {lib.WORKTRACE} record -q -o {O} -- true"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)


def test_few_descriptors():
    """One sentence, whether there are next to none or nearly enough; and what it says is enough."""
    lib.need_root()
    before = sorted(os.listdir(lib.TMP))
    for limit in (12, 250):
        p = few_descriptors(limit)
        lib.equal(p.returncode, 1, f"exit status ({p.stderr})")
        lib.equal(p.stderr.count("\n"), 1, f"sentences: {p.stderr}")
        lib.contains(p.stderr, r"(?i)open files|descriptor", "the sentence")
        lib.equal(sorted(os.listdir(lib.TMP)), before, "left behind")
    p = few_descriptors(int(re.search(r"at least (\d+) are needed", p.stderr).group(1)))
    lib.equal((p.returncode, p.stderr), (0, ""), "with as many as it wants")
