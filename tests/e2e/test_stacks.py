# SPDX-License-Identifier: GPL-2.0-or-later
"""Stacks: whole, and never one that is not there.

Three sorts of witness: a workload whose call chains are known to the frame, perf at
the same time, and real programs, of which nearly every stack must reach its root.
"""
import os
import re
import shutil
import signal
import subprocess
import time

import lib
import oracle
import test_real
from oracle import complete

DATA = os.path.join(lib.ROOT, "tests/e2e/data")
NO_TABLE = "[no unwind table yet]"


# ---- completeness ------------------------------------------------------------

def data(name):
    return os.path.join(DATA, name)


# side by side
def test_complete_ffmpeg():
    """More than half of its samples lie in assembly that no table knows."""
    ffmpeg = lib.need("ffmpeg")
    p = lib.spawn([ffmpeg, "-nostdin", "-loglevel", "quiet", "-y", "-f", "lavfi", "-i",
                   "testsrc2=s=1280x720:r=25", "-t", "600", "-c:v", "libx264", "-f", "null", "-"])
    time.sleep(0.5)
    r = lib.record(["-p", p.pid, "-F", 499, "-d", 6, "--unwind-check"])
    lib.stop(p)
    complete(r, 0.95, 0.97)
    s = r.summary["stacks"]
    lib.at_least(s["guessed"], 1, "frames found by scanning")
    lib.at_most(s["guessed"], s["oncpu_samples"] * 0.9, "guessed")


# side by side
def test_complete_python():
    r = lib.record(["-F", 499, "-d", 5, "--unwind-check"], [lib.PYTHON, data("busy.py"), "6"])
    complete(r, 0.99, 0.99, late=0.01)
    frames = {f for stack, _ in r.folded("wall") for f in stack}
    assert any(f.startswith("work (") and "busy.py:" in f for f in frames), "no Python frame"


def test_complete_from_the_first_stack():
    """What runs already has its tables before the account begins: none of its stacks comes too early."""
    p = lib.spawn([lib.PYTHON, data("busy.py"), "20"], stdout=subprocess.DEVNULL)
    time.sleep(1)
    r = lib.record(["-p", p.pid, "-F", 499, "-d", 3])
    complete(r, 0.99, 0.99, late=0.01)
    waits = r.summary["stacks"]["offcpu_waits"]
    lib.at_most(waits["incomplete"]["no_table_yet"], 0.01 * waits["complete"], "waits before the tables")


# side by side
def test_complete_redis():
    server, bench = lib.need("redis-server", "redis-benchmark")
    port = test_real.free_port()
    p = lib.spawn([server, "--port", str(port), "--save", "", "--appendonly", "no", "--dir",
                   lib.TMP, "--daemonize", "no"])
    test_real.wait_port(port, p)
    load = lib.spawn([bench, "-p", str(port), "-n", "100000000", "-t", "get,set,zadd", "-q"])
    r = lib.record(["-p", p.pid, "-d", 5, "-F", 499, "--unwind-check"])
    lib.stop(load)
    complete(r, 0.99, 0.99)


def compiled(argv, out):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True, timeout=80, cwd=lib.TMP,
                       env=dict(os.environ, GOCACHE=lib.tmp("gocache"), GOFLAGS="-mod=mod",
                                HOME=os.environ.get("HOME", lib.TMP)))
    lib.equal(p.returncode, 0, f"{argv[0]}: {p.stdout}")
    return out


def go_stacks(r):
    complete(r, 0.99, 0.99)
    # what the runtime does on a thread's own stack belongs to the goroutine that asked for it
    switched = 0
    for frames, us in r.folded("cpu"):
        if "runtime.systemstack" in (f.removesuffix(".abi0") for f in frames) and frames[1] != NO_TABLE:
            switched += us
            assert re.match(r"runtime\.(goexit|rt0_go|mcall|morestack)", frames[1]), frames
    lib.at_least(switched, 1, "µs on the threads' own stacks")
    clocks = [(f, us) for f, us in r.folded("cpu") if "__vdso_clock_gettime" in f]
    total = sum(us for _, us in clocks)
    lib.at_least(total, 100_000, "µs in the vdso")
    lib.at_least(sum(us for f, us in clocks if "main.clocks" in f and f[1].startswith("runtime.goexit")),
                 0.95 * total, f"µs of {total} of them under who asked for the time")


# side by side
def test_complete_go():
    """Its runtime changes stacks; signals interrupt goroutines to preempt them."""
    go = lib.need("go")
    out = compiled([go, "build", "-o", lib.tmp("busy_go"), data("busy.go")], lib.tmp("busy_go"))
    go_stacks(lib.record(["-F", 499, "-d", 4], [out, "5"]))


# side by side
def test_complete_stripped_go():
    """No symbols, no call frame information: all that there is is what its own tracebacks need."""
    go = lib.need("go")
    out = compiled([go, "build", "-ldflags", "-s -w", "-o", lib.tmp("busy_go"), data("busy.go")],
                   lib.tmp("busy_go"))
    go_stacks(lib.record(["-F", 499, "-d", 4], [out, "5"]))


# side by side
def test_complete_rust():
    rustc = shutil.which("rustc") or shutil.which("rustc", path="/root/.cargo/bin")
    if not rustc:
        raise lib.Skip("rustc is not installed")
    out = compiled([rustc, "-O", "-o", lib.tmp("busy_rs"), data("busy.rs")], lib.tmp("busy_rs"))
    complete(lib.record(["-F", 499, "-d", 4], [out, "5"]), 0.99, 0.99)


# side by side
def test_complete_cc1():
    gcc = lib.need("gcc")
    with open(lib.tmp("big.c"), "w") as f:
        f.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n" + "".join(
            f"int g{k}(int x, char *s) {{ int r = 0; for (int i = 0; i < x; i++) {{ switch ((i * {k}) % 7) "
            f"{{ case 0: r += s[i]; break; case 1: r ^= strlen(s + i); break; case 2: r += printf(\"%d\", r);"
            f" break; default: r *= abs(i - {k}); }} }} return r; }}\n" for k in range(120)))
    one = f"{gcc} -O2 -c {lib.tmp('big.c')} -o {lib.tmp('big.o')}"
    r = lib.record(["-F", 499], ["sh", "-c", f"{one}; {one}; {one}; {one}"], timeout_s=80)
    lib.equal(r.summary["exit"]["status"], 0, "status of gcc")
    # the few waits it has are those of any start: execve(), pages of the program
    complete(r, 0.99, 0.8, waits_needed=10, late=0.01)
    # each gives back its memory for a while, and has no stack then
    gone = [f for f, _ in r.folded("cpu") if f[1] == "[exiting]"]
    assert any("exit_mmap_[k]" in f for f in gone), gone
    s = r.summary["stacks"]
    lib.at_least(s["exiting"], 1, "samples of its ends")
    lib.at_most(s["exiting"] + s["in_execve"], 0.05 * s["oncpu_samples"], "samples without memory")


# ---- another unwinder at the same time --------------------------------------------

def busy_cc():
    gxx = lib.need("g++")
    return compiled([gxx, "-O2", "-pthread", "-o", lib.tmp("busy_cc"), data("busy.cc")], lib.tmp("busy_cc"))


def beside_perf(out, seconds, hz, dwarf):
    """A recording, complete, and perf's samples of the same process over the same time."""
    lib.need_root()
    lib.need("perf")
    p = lib.spawn([out, str(seconds + 6)])
    time.sleep(0.3)
    running = lib.Running(["-p", p.pid, "-F", 499])
    running.attached()
    time.sleep(0.7)             # the tables
    perf = oracle.Perf(p.pid, seconds, hz, dwarf)
    samples = perf.samples()
    r = running.finish(2)
    complete(r, 0.99, 0.99)
    lib.at_least(len(samples), 100, "perf's samples")
    return r, samples


def test_self_shares():
    r, samples = beside_perf(busy_cc(), 5, 499, False)
    counts = oracle.Counter("[kernel]" if s[0][1] == "[kernel]" else s[0][0] for s in samples)
    theirs = oracle.shares(counts)
    ours = oracle.self_shares(r, lambda f: f)
    # perf says [unknown] where we say which part of which library
    names = [k for k in oracle.hottest(ours, theirs) if k != oracle.UNKNOWN and not k.startswith("[")]
    lib.at_least(len(names), 10, "functions to compare")
    oracle.agree(ours, theirs, r.summary["stacks"]["oncpu_samples"], len(samples), names, "self")


def test_inclusive_shares():
    r, samples = beside_perf(busy_cc(), 4, 199, True)
    counts, whole = oracle.Counter(), 0
    for s in samples:
        user = {f for f, dso in s if dso != "[kernel]"}
        # perf's own unwinding fails here and there
        if not user & {"_start", "clone3", "__clone3", "start_thread"}:
            continue
        whole += 1
        counts.update(user)
    lib.at_least(whole, 0.9 * len(samples), "samples that perf's unwinder followed to their root")
    theirs = {k: v / whole for k, v in counts.items()}
    ours = oracle.inclusive_shares(r)
    names = [k for k in oracle.hottest(ours, theirs, n=40) if not k.startswith("[") and not k.endswith("_[k]")]
    lib.at_least(len(names), 10, "functions to compare")
    oracle.agree(ours, theirs, r.summary["stacks"]["oncpu_samples"], whole, names, "inclusive")


# ---- known chains, exactly -----------------------------------------------------------

ROOT = r"_start;(?:[^;]*;){1,2}?main"
LIBC = r"(?:\[(?:libc|ld)[^;]*\]|[\w.@]+)"          # a function of the C library, named or not
# its first call of nanosleep is looked up by the dynamic loader
END = r"end(?:;burn|;nap(?:;nanosleep@plt|;_dl_runtime_resolve_\w+(?:;_dl_\w+)*|;(?:__)?nanosleep|;(?:__)?nanosleep;clock_nanosleep(?:@\S+)?)?)?"
SIGNAL = r"(?:\[libc[^;]*\]|__restore_rt)"
VDSO = r"(?:;__vdso_clock_gettime|;\[vdso\][^;]*|;\[linux-vdso[^;]*)?"
CHAINS = {
    "calls": rf"{ROOT};c_calls(?:(?:;down){{0,21}}|(?:;down){{21}};{END})",
    "tall": rf"{ROOT};c_tall(?:(?:;down){{0,201}}|(?:;down){{201}};{END})",
    "alloca": rf"{ROOT};c_alloca(?:;with_alloca(?:;{END})?)?",
    "realigned": rf"{ROOT};c_realigned(?:;realigned(?:;{END})?)?",
    "signal": rf"{ROOT};c_signal(?:;interrupted(?:;{LIBC}){{0,3}}|;interrupted;syscall;{SIGNAL}(?:;handler(?:;{END})?)?)?",
    "sigaltstack": rf"{ROOT};c_sigaltstack(?:;{LIBC}|;interrupted(?:;{LIBC}){{0,3}}|;interrupted;syscall;{SIGNAL}(?:;handler(?:;{END})?)?)?",
    "context": rf"(?:{ROOT};c_context(?:;{LIBC})*|(?:\[libc[^;]*\]|__start_context);co_body(?:;{END}|;{LIBC})?)",
    "longjmp": rf"{ROOT};c_longjmp(?:;{END}|(?:;jumper){{1,6}}(?:;{LIBC})*|;{LIBC})?",
    "qsort": rf"{ROOT};c_qsort(?:;{LIBC})*?(?:;compare(?:;{END})?)?",
    "plt": rf"{ROOT};c_plt(?:;rand_r(?:@plt)?)?",
    "vdso": rf"{ROOT};c_vdso(?:;clock_gettime(?:@plt)?{VDSO})?",
    "dlopen": rf"{ROOT};c_dlopen(?:;[^;]*)*",
    "nocfi": rf"{ROOT};c_nocfi(?:;nocfi(?:;{END})?)?",
    "byrbx": rf"{ROOT};c_byrbx(?:;byrbx(?:;(?:saves_rbx|{END}|saves_rbx;{END}))?)?",
    "edge": rf"{ROOT};c_edge(?:(?:;edge_down){{0,2}}|(?:;edge_down){{2}};{END})?",
    "far": rf"{ROOT};c_far(?:;far_[ab](?:;far_down){{0,3}}|;far_[ab](?:;far_down){{3}};{END})?",
    # code that nobody describes: what it called, and no word about its caller
    "jit": rf"(?:{ROOT};c_jit(?:;{LIBC})?|(?:\[anon[^;]*\];)?{END}|\[anon[^;]*\])",
}
OURS = re.compile(r"c_\w+|end|burn|nap|down|with_alloca|realigned|handler|interrupted|co_body|jumper|compare|nocfi|byrbx|saves_rbx|far_\w+|edge_down")


def user_part(frames):
    """Without the process's name, the kernel's frames and the wait."""
    return [f for f in frames[1:] if not f.endswith("_[k]")
            and not re.match(r"\[(?:" + "|".join(lib.STATES) + r")[ \]]", f)]


# what a stack that was cut may lack: the first of a process are unwound from copies of its two ends
LACKS = ["_start;_;main;", "_start;_;main;c_NAME;", "_start;_;main;c_NAME;interrupted;",
         "_start;_;main;c_NAME;interrupted;syscall;"]


def chain_of(name, r, allowed):
    """Every stack of a run of that chain alone is one that there is: µs of whole and of cut ones."""
    whole = cut = 0
    for frames, us in r.folded("wall"):
        stack = user_part(frames)
        text = ";".join(stack)
        if not any(OURS.fullmatch(f) for f in stack) or stack[0] == NO_TABLE:
            continue
        if re.fullmatch(allowed, text):
            whole += us
            continue
        assert any(re.fullmatch(allowed, p.replace("NAME", name) + text) for p in LACKS), \
            f"{name}: this stack does not exist: {text} ({us} µs)"
        cut += us
    return whole, cut


# limit: 240
# side by side
def test_chains():
    program = lib.workload("wl_chain")
    for name, allowed in CHAINS.items():
        r = lib.record(["-F", 499], [program, "0.5", name])
        turns = r.truth_output()[name]
        us, cut = chain_of(name, r, allowed)
        s = r.summary["stacks"]
        lib.at_least(us, 100_000, f"{name}: µs in known stacks, of {turns} turns")
        lib.at_most(cut, us / 10, f"{name}: µs in stacks that were cut")
        if name in ("jit", "nocfi"):
            continue
        lost = {k: v for k, v in s["offcpu_waits"]["incomplete"].items() if v and k != "no_table_yet"}
        lost_cpu = {k: v for k, v in s["incomplete"].items() if v and k != "no_table_yet"}
        # within execve() there is no stack to speak of, and no mapping that is known already
        lib.at_most(lost.pop("unreadable", 0), 12, f"{name}: unreadable stacks of waits")
        lib.at_most(lost.pop("unmapped", 0), 2, f"{name}: stacks of waits at unknown addresses")
        lib.equal(lost, {}, f"{name}: incomplete waits")
        # a start or two in code that is not the program's: .init, the tail of the linker's
        lib.at_most(sum(lost_cpu.values()), 2, f"{name}: incomplete samples {lost_cpu}")


# side by side
def test_far_apart():
    """Waits below large arrays: their stacks are verified, too, and not mistaken for each other."""
    for chain in ("far", "edge"):
        r = lib.record(["--unwind-check", "--budget", "off"], [lib.workload("wl_chain"), "1", chain])
        turns = r.truth_output()[chain]
        lib.equal(r.loss["user_stack_misremembered"], 0, "stacks that a check found to be others")
        lib.at_least(r.summary["stacks"]["offcpu_waits"]["remembered"], turns * 0.8, f"{chain}: remembered, of {turns}")
        if chain == "far":
            # who waits for a CPU how long depends on others
            naps = {c: sum(us for frames, us in r.folded("offcpu") if c in frames and frames[-1].startswith("[sleep"))
                    for c in ("far_a", "far_b")}
            lib.at_least(min(naps.values()), max(naps.values()) * 0.8, f"sleep below each: {naps}")


def test_deep_recursion():
    """401 frames and more: cut, and said so."""
    r = lib.record(["-F", 499], [lib.workload("wl_chain"), "1.5", "deep"])
    deep = 0
    for frames, us in r.folded("wall"):
        stack = user_part(frames)
        if stack and stack[0] == "down":
            lib.equal(len(stack), 255, "frames of a stack that was cut")
            assert re.fullmatch(rf"(?:down;)+(?:down|{END})", ";".join(stack)), stack
            deep += us
    lib.at_least(deep, 300_000, "µs in deep stacks")
    s = r.summary["stacks"]
    lib.at_least(s["incomplete"]["too_deep"], 1, "samples too deep")
    lib.at_least(s["offcpu_waits"]["incomplete"]["too_deep"], 50, "waits too deep")


def test_generated_code_is_counted():
    """It keeps no frame pointer and has no table: no root, a cause, and no name."""
    r = lib.record(["-F", 499], [lib.workload("wl_chain"), "1.5", "jit"])
    s = r.summary["stacks"]
    lost = s["offcpu_waits"]["incomplete"]
    lib.at_least(lost["no_unwind_info"] + lost["unmapped"], 50, f"counted waits {lost}")
    assert any(f.startswith("[anon+") for frames, _ in r.folded("wall") for f in frames), "no such frame"


def test_assembly_is_guessed_and_counted():
    r = lib.record(["-F", 499], [lib.workload("wl_chain"), "1.5", "nocfi"])
    lib.at_least(r.summary["stacks"]["guessed"], 1, "samples found by a scan")
    whole = sum(us for f, us in r.folded("wall") if "c_nocfi" in f and "nocfi" in f and f[-1] != NO_TABLE)
    lib.at_least(whole, 500_000, "µs in whole stacks through assembly")


# ---- the same stack is the same ---------------------------------------------------------

def test_forks_share_stacks():
    """200 processes of one program, each at addresses of its own, sleep at one place."""
    command = "i=0; while [ $i -lt 200 ]; do sleep 0.002; i=$((i + 1)); done"
    r = lib.record(["-F", 499], ["sh", "-c", command])
    stacks = {}
    for frames, us in r.folded("wall"):
        if frames[0] == "sleep" and frames[-1].startswith("[sleep "):  # no CPU sample in [sleep+0x…]
            key = ";".join(user_part(frames))
            stacks[key] = stacks.get(key, 0) + us
    lib.at_least(sum(stacks.values()), 200 * 2000, "µs of sleep")
    whole = {k: v for k, v in stacks.items() if k.startswith("_start;")}
    lib.equal(len(whole), 1, f"different whole stacks of sleep: {sorted(whole)}")
    # those of the first, before the table of its program was there
    lib.at_most(len(stacks), 4, f"different stacks of sleep: {stacks}")
    lib.at_least(max(whole.values()), 0.8 * sum(stacks.values()), "µs in the one stack")


def test_program_that_began_while_worktrace_could_not_run():
    """
    Its fork, its exec and the question for its mappings are read in one go; none may undo
    another, for the kernel side asks only once.
    """
    burn = "import time; end = time.monotonic() + 4\nwhile time.monotonic() < end: pass"
    shell = lib.spawn(["sh", "-c", f"read x; {lib.PYTHON} -c '{burn}' & wait"], stdin=subprocess.PIPE)
    run = lib.Running(["-p", shell.pid, "-F", 499]).attached()
    os.kill(run.pid, signal.SIGSTOP)
    lib.until(lambda: lib.state_of(run.pid) == "T", what="worktrace stopped")
    shell.stdin.write(b"\n")
    shell.stdin.flush()
    time.sleep(1)
    os.kill(run.pid, signal.SIGCONT)
    r = run.finish()
    s = r.summary["stacks"]
    # a second of four without worktrace, and a moment for the tables
    lib.at_least(s["complete"], 0.5 * s["oncpu_samples"], f"whole stacks ({s['incomplete']})")
