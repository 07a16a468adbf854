# SPDX-License-Identifier: GPL-2.0-or-later
"""CPython: names and lines are the program's own, whatever calls what."""
# side by side
import glob
import json
import os
import re
import shutil
import subprocess

import lib
from lib import S

SCRIPT = os.path.join(lib.ROOT, "tests/workloads/py_truth.py")
STEPS = os.path.join(lib.ROOT, "tests/workloads/py_steps.py")
NO_TABLE = "[no unwind table yet]"	# above what was found of a stack
PY_FRAME = re.compile(r".+ \(.+:\d+\)")
# _Py_InitCleanup and the entry shims, which no source file has
INTERNAL = re.compile(r".+ \((?:__init__|<(?:shim|interpreter trampoline)>):\d+\)|"
                      r"<(?:shim|interpreter trampoline)> .*")


def suite(name, version):
    """argv prefix of Debian's Python of another suite, in a chroot of its own."""
    p = subprocess.run([os.path.join(lib.ROOT, "tests/e2e/pythons.sh"), name, version],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=400)
    where = p.stdout.strip().split("\n")[-1]
    if p.returncode:
        raise lib.Skip(f"Debian {name}'s Python {version}: {where}")
    for script in (SCRIPT, STEPS):
        shutil.copy(script, os.path.join(where, "tmp"))
    return ["chroot", where, f"/usr/bin/python{version}", "-X", "utf8", "/tmp/py_truth.py"]


def debian(version="3.11"):
    return [lib.need(f"python{version}"), "-X", "utf8", SCRIPT]


def built(version):
    """A build with a shared libpython and symbols, by pyenv."""
    found = sorted(glob.glob(os.path.expanduser(f"~/.pyenv/versions/{version}.*/bin/python{version}")))
    if not found:
        raise lib.Skip(f"no Python {version} under ~/.pyenv/versions")
    return [found[-1], "-X", "utf8", SCRIPT]


def python_frames(stack):
    return [f for f in stack if PY_FRAME.fullmatch(f)]


def clean(frame):
    return frame.replace(";", ":")


def sound(r):
    """Nothing was torn, unnamed or without its line."""
    lib.equal(r.loss["python_inconsistent"], 0, "python_inconsistent")
    for which in ("wall", "cpu"):
        for stack, _ in r.folded(which):
            assert not any(f.startswith("[python]") or "(?:" in f for f in stack), \
                f"{which}.folded: a frame without a name: {stack}"
            assert not any(INTERNAL.fullmatch(f) for f in stack), \
                f"{which}.folded: a frame of the interpreter's own: {stack}"


def check_naps(r, slack=0.5):
    """Each of the program's chains of frames is there, exactly, for as long as it slept."""
    truth = r.truth_output()
    seen = {}
    for stack, us in r.folded("wall"):
        if stack[-1].startswith("[") and not stack[-1].startswith("[runq"):
            key = tuple(python_frames(stack))
            seen[key] = seen.get(key, 0) + us
    for nap in truth["naps"]:
        chain = tuple(clean(f) for f in nap["frames"])
        got = seen.get(chain, 0)
        near = sorted((k for k in seen if k and k[-1] == chain[-1]), key=lambda k: -len(set(k) & set(chain)))
        assert got * 1000 >= truth["nap_s"] * slack * S, \
            f"{nap['what']}: {got} us in {chain}, there is {near[:2]}"
    return truth, seen


def between(r, caller, callee, native):
    """A native frame that matches stands between those two functions, wherever they meet."""
    n = 0
    for stack, _ in r.folded("wall"):
        if NO_TABLE in stack:
            continue
        at = [i for i, f in enumerate(stack) if f.startswith(callee + " (")]
        for i in at:
            up = i - 1
            while up >= 0 and not PY_FRAME.fullmatch(stack[up]):
                up -= 1
            if up < 0 or not stack[up].startswith(caller + " ("):
                continue
            n += 1
            assert any(re.search(native, f) for f in stack[up + 1:i]), \
                f"no {native} between {caller} and {callee}: {stack}"
    assert n, f"{callee} was never called by {caller}"


def naps(argv):
    r = lib.record([], argv + ["naps"])
    truth, _ = check_naps(r)
    lib.at_least(len(truth["naps"]), 25, "naps")
    sound(r)
    # C calls back: the frames of list.sort and qsort stay where they belong
    between(r, "sort_key", "with_key", r"sort|\[.*python")
    between(r, "c_callback", "compare", r"qsort|msort|\[libc")
    return r


def cpu(argv):
    r = lib.record(["-F", "997"], argv + ["cpu", "3"])
    truth = r.truth_output()["cpu_s"]
    total = sum(truth.values())
    spent = dict.fromkeys(truth, 0)
    for stack, us in r.folded("cpu"):
        for f in spent:
            if any(x.startswith(f + " (py_truth.py:") for x in stack):
                spent[f] += us
    for f, s in truth.items():
        share, is_share = spent[f] / 1e6 / total, s / total
        assert abs(share - is_share) <= 0.03, \
            f"{f}: {share * 100:.1f} % of the program's CPU time, it says {is_share * 100:.1f} %"
    sound(r)
    check_order(r)
    return r


CALLERS = {"alpha": {"spend"}, "beta": {"spend"}, "calls": {"spend"}, "sorting": {"spend"},
           "stepping": {"spend"}, "leaf": {"calls", "key"}, "key": {"sorting"},
           "counting": {"stepping"}, "spend": {"cpu", "cpu.<locals>.<dictcomp>", "<dictcomp>"},
           }


def check_order(r):
    """No stack has a function below one that does not call it: prologues and epilogues, too."""
    n = 0
    for stack, us in r.folded("cpu"):
        py = [f.split(" (")[0] for f in stack if " (py_truth.py:" in f]
        for caller, callee in zip(py, py[1:]):
            if callee in CALLERS:
                n += 1
                assert caller in CALLERS[callee], f"{caller} does not call {callee}: {stack}"
        # once inside the program's own functions the loop is always one of its frames
        if py and py[-1] in CALLERS and "key" in py:
            i = max(i for i, f in enumerate(stack) if f.startswith("key ("))
            assert not PY_FRAME.fullmatch(stack[i - 1]), f"nothing of list.sort above key: {stack}"
    lib.at_least(n, 20, "calls looked at")


# of py_steps.py: who calls a function
STEPPED = {"leaf": {"inline", "by_c", "by_sort", "__lt__", "prop", "ready", "keywords"},
           "numbers": {"iterate", "delegating"}, "delegating": {"iterate_c"}, "patient": {"throw"},
           "fails": {"handle"}, "__init__": {"things"}, "__lt__": {"things"},
           "prop": {"things"}, "ready": {"waits"}, "waits": {"coroutine"},
           "keywords": {"call_keywords"}, "main": {"<module>"}}
LOOP = "_PyEval_EvalFrameDefault"


def check_stepped(stack, parts):
    """From the first function to the innermost: whichever instruction it is."""
    py = [f.split(" (")[0].split(".")[-1] for f in stack if PY_FRAME.fullmatch(f)]
    lib.equal(py[:2], ["<module>", "main"], f"the outermost functions of {stack}")
    for caller, callee in zip(py[1:], py[2:]):
        callers = {"main"} if callee in parts else STEPPED[callee]
        assert caller in callers, f"{caller} does not call {callee}: {stack}"
    last = max(i for i, f in enumerate(stack) if PY_FRAME.fullmatch(f))
    assert LOOP not in stack[:last], f"a loop that runs {stack[last]} is another's: {stack}"


def steps(argv, rounds, parts):
    """The stack of every instruction of what enters and leaves the loop, one after the other."""
    argv = argv[:-1] + [os.path.join(os.path.dirname(argv[-1]), "py_steps.py")]
    r = lib.record(["-F", "0", "--budget", "off", "--max-stacks", "200000"],
                   [lib.workload("wl_step")] + argv + [str(rounds)] + parts)
    n = r.truth_output()["steps"]
    lib.at_least(n, 4000, "instructions")
    lib.at_least(sum(w["count"] for w in r.waits(state="stopped", reason="ptrace")), n, "stops")
    sound(r)
    whole = [stack for stack, _ in r.folded("wall") if stack[-1] == "[stopped ptrace]" and
             any("(py_steps.py:" in f for f in stack) and NO_TABLE not in stack]
    # of the program, and of wl_step
    lib.at_least(r.summary["stacks"]["offcpu_waits"]["complete"], 1.7 * n, "whole stacks")
    lib.at_least(len(whole), 150, "different ones, by function and line")
    for stack in whole:
        check_stepped(stack, parts)
    for f in parts:
        assert any(x.startswith(f + " (") for stack in whole for x in stack), f"{f} is in no stack"


def deep(argv):
    r = lib.record([], argv + ["deep"])
    chain = [clean(f) for f in r.truth_output()["naps"][0]["frames"]]
    best = max((stack for stack, _ in r.folded("wall") if any("down (" in f for f in stack)), key=len)
    py = python_frames(best)
    # the innermost are there, in order; the outermost are cut, and nothing stands for them
    lib.at_least(len(py), 30, "Python frames")
    lib.equal(py, chain[-len(py):], "the innermost frames")
    assert len(py) < len(chain), "500 calls fit"
    assert not any(f.startswith("_start") or f.startswith("<module>") for f in best), best
    return r


def gil(argv):
    r = lib.record([], argv + ["gil", "2"])
    waited = r.waited(state="lock", reason=re.compile("^gil"))
    # one of the two waits at any time, for the GIL or for a CPU
    runq = r.state("runq")
    lib.at_least(waited + runq, 1.4 * S, f"wait for the GIL {waited} and run queue {runq}")
    lib.at_least(waited, 0.15 * S, "wait for the GIL")
    holders = {w["reason"] for w in r.waits(state="lock", reason=re.compile("^gil held by"))}
    assert {"gil held by grind", "gil held by chew"} <= holders, holders
    named = r.waited(state="lock", reason=re.compile("^gil held by"))
    lib.at_least(named, 0.8 * waited, "wait for a GIL whose holder is named")
    # whoever waits for one function is in the other
    for stack, us in r.folded("offcpu"):
        for me, other in (("grind", "chew"), ("chew", "grind")):
            if stack[-1] == f"[lock gil held by {me}]":
                assert not any(f.startswith(me + " (") for f in stack), f"{me} holds it: {stack}"
    # the main thread's join is no wait for the GIL
    lib.at_least(r.waited(state="lock", reason="futex"), 1.0 * S, "join")
    return r


def threads(argv):
    r = lib.record([], argv + ["threads", "0.6"])
    truth, _ = check_naps(r)
    lib.equal(len(truth["naps"]), 6, "threads")
    sound(r)
    return r


# -- Debian's own ----------------------------------------------------------------

def test_naps_3_11():
    naps(debian())


def test_cpu_3_11():
    cpu(debian())


def test_steps_3_11():
    steps(debian(), 0, ["iterate_c", "throw", "handle"])
    steps(debian(), 20, ["inline", "things", "coroutine", "call_keywords"])


def test_deep_3_11():
    deep(debian())


def test_gil_3_11():
    gil(debian())


def test_threads_3_11():
    threads(debian())


# -- other suites, in a chroot: stripped, static, split by a profile ----------------

# limit: 500
def test_debian_3_9():
    argv = suite("bullseye", "3.9")
    naps(argv)
    cpu(argv)
    gil(argv)


# limit: 500
def test_debian_3_13():
    argv = suite("trixie", "3.13")
    naps(argv)
    cpu(argv)
    steps(argv, 20, ["iterate_c", "throw", "handle", "things"])
    gil(argv)
    threads(argv)


# limit: 500
def test_debian_3_14():
    argv = suite("sid", "3.14")
    naps(argv)
    cpu(argv)
    steps(argv, 20, ["iterate_c", "throw", "handle", "things"])
    deep(argv)
    gil(argv)
    threads(argv)


# -- a shared libpython -------------------------------------------------------------

def test_built_3_8():
    naps(built("3.8"))
    cpu(built("3.8"))


def test_built_3_9():
    naps(built("3.9"))
    deep(built("3.9"))


def test_built_3_10():
    naps(built("3.10"))
    cpu(built("3.10"))
    steps(built("3.10"), 0, ["iterate_c", "throw", "handle"])
    gil(built("3.10"))


def test_built_3_11():
    naps(built("3.11"))
    cpu(built("3.11"))


def test_built_3_12():
    naps(built("3.12"))
    cpu(built("3.12"))
    steps(built("3.12"), 0, ["inline", "things", "coroutine", "call_keywords"])
    steps(built("3.12"), 20, ["things", "call_keywords"])
    gil(built("3.12"))


def test_built_3_13():
    naps(built("3.13"))
    threads(built("3.13"))


# -- processes ----------------------------------------------------------------------

FORKS = """
import os, sys, time
def work(n):
    time.sleep(0.05)
def child(n):
    work(n)
time.sleep(1)       # the interpreter itself is known by then
for n in range(20):
    pid = os.fork()
    if not pid:
        child(n)
        os._exit(0)
    os.waitpid(pid, 0)
"""


def test_forked_children():
    """A child is known from its first wait on, and its names survive it."""
    script = lib.tmp("forks.py")
    with open(script, "w") as f:
        f.write(FORKS)
    r = lib.record([], [lib.need("python3.11"), script])
    us = sum(us for stack, us in r.folded("wall")
             if stack[-1].startswith("[sleep") and "work (forks.py:4)" in stack and
             "child (forks.py:6)" in stack)
    # but for the script itself, and what found the interpreter before
    script = max(r.threads(), key=lambda t: t["child_ns"])
    children = [t for t in r.threads() if t["sleep_ns"] and t["tid"] != script["tid"]]
    lib.equal(len(children), 20, "children")
    # who is preempted on the way into the kernel sleeps as much less: until the same time
    for t in children:
        lib.at_least(t["sleep_ns"] + t["runq_ns"] + t["cpu_ns"], 0.05 * S, f"a child's time: {t}")
    lib.at_least(us, sum(t["sleep_ns"] for t in children) / 1000 - 20, "sleep of the children: each of them, whole")


def test_venv():
    """A virtual environment's interpreter is a link to the real one."""
    where = lib.tmp("venv")
    p = subprocess.run([lib.need("python3.11"), "-m", "venv", "--without-pip", where],
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode:
        raise lib.Skip(f"python3.11 -m venv fails: {p.stdout.decode()[-100:]}")
    threads([os.path.join(where, "bin/python3"), "-X", "utf8", SCRIPT])


ASLEEP = """
import functools, os, threading, time
def inner(n):
    return inner(n - 1) if n else time.sleep(1000)
def compare(a, b):
    os.read(os.pipe()[0], 1)
def through_c(): sorted([2, 1], key=functools.cmp_to_key(compare))
def generator():
    time.sleep(1000)
    yield
def through_generator(): list(generator())
lock = threading.Lock()
def locked(): lock.acquire()
lock.acquire()
for f in (lambda: inner(20), through_c, through_generator, locked):
    threading.Thread(target=f, daemon=True).start()
print("ready", flush=True)
threading.Event().wait()
"""


TURNS = """
import threading, time
def nap():
    while True:
        time.sleep(1)
for i in range(200):
    threading.Thread(target=nap, daemon=True).start()
    time.sleep(1 / 200)
print("ready", flush=True)
threading.Event().wait()
"""


def test_blocks_before_the_start():
    """Threads that block between the attaching and the start, and for all of a short recording."""
    p = lib.spawn([lib.need("python3.11"), "-c", TURNS], stdout=subprocess.PIPE, text=True)
    lib.equal(p.stdout.readline().strip(), "ready", "the script")
    r = lib.record(["-p", p.pid, "-d", 0.7])
    stacks = [(f, us) for f, us in r.folded("wall") if "[sleep" in f[-1]]
    total = sum(us for _, us in stacks)
    lib.at_least(total, 130_000_000, "µs asleep")
    lib.at_least(sum(us for f, us in stacks if "nap (<string>:5)" in f), 0.997 * total,
                 "µs of them under the line that sleeps")


def test_asleep_since_before():
    """Nothing of the program runs while it is recorded: its stacks are whole, with names and lines."""
    script = lib.tmp("asleep.py")
    with open(script, "w") as f:
        f.write(ASLEEP)
    p = lib.spawn([lib.need("python3.11"), script], stdout=subprocess.PIPE, text=True)
    lib.equal(p.stdout.readline().strip(), "ready", "the script")
    lib.until(lambda: all(open(f"/proc/{p.pid}/task/{t}/stat").read().rsplit(")", 1)[1].split()[0] == "S"
                          for t in os.listdir(f"/proc/{p.pid}/task")), 5, "all threads asleep")
    r = lib.record(["-p", p.pid, "-d", 1])
    sound(r)
    waits = r.summary["stacks"]["offcpu_waits"]
    lib.equal((waits["complete"], sum(waits["incomplete"].values())), (5, 0), "whole stacks, others")
    line = {t.strip(): n for n, t in enumerate(ASLEEP.split("\n"), 1)}
    of = {n: line[t] for n, t in {
        "inner": "return inner(n - 1) if n else time.sleep(1000)", "generator": "time.sleep(1000)",
        "compare": "os.read(os.pipe()[0], 1)",
        "through_c": "def through_c(): sorted([2, 1], key=functools.cmp_to_key(compare))",
        "through_generator": "def through_generator(): list(generator())",
        "locked": "def locked(): lock.acquire()"}.items()}
    lam = f"<lambda> (asleep.py:{line['for f in (lambda: inner(20), through_c, through_generator, locked):']})"
    def named(*names): return tuple(f"{n} (asleep.py:{of[n]})" for n in names)
    want = {(lam,) + named(*["inner"] * 21), named("through_c", "compare"),
            named("through_generator", "generator"), named("locked")}
    stacks = [f for f, us in r.folded("wall") if us > 950_000]
    lib.equal(len(stacks), 5, "stacks")
    got = {tuple(f for f in s if "(asleep.py" in f) for s in stacks}
    assert want <= got, f"{want - got} not among {got}"
    assert all("start_thread" in s or "_start" in s for s in stacks), stacks
