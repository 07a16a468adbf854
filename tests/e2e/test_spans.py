# SPDX-License-Identifier: GPL-2.0-or-later
"""Spans: counts are exact, times are the program's own, and no program is harmed by them."""
# side by side
import csv
import json
import os
import subprocess

import lib
import test_real
from lib import MS

DATA = os.path.join(lib.ROOT, "tests", "e2e", "data")


def build(source, *flags, name=None, compiler="gcc"):
    path = lib.tmp(name or os.path.splitext(source)[0])
    subprocess.run([lib.need(compiler), "-O2", "-g0", *flags, "-o", path,
                    os.path.join(DATA, source)], check=True)
    return path


def rows(r):
    with open(os.path.join(r.path, "spans.csv"), newline="") as f:
        out = {}
        for row in csv.DictReader(f):
            row = {k: v if k == "span" else int(v) for k, v in row.items()}
            lib.equal(sum(row[s + "_ns"] for s in lib.STATES), row["total_ns"], f"states of {row}")
            assert row["p50_ns"] <= row["p95_ns"] <= row["p99_ns"] <= row["max_ns"], row
            out[row["span"]] = row
    summary = {s["name"]: s for s in r.summary["spans"]}
    lib.equal(set(out), set(summary), "spans of summary.json")
    for name, row in out.items():
        for key in ("count", "recursive", "abandoned", "total_ns", "max_ns", "open", "unmatched"):
            lib.equal(summary[name][key], row[key], f"{key} of {name} in summary.json")
    units = spans_of_units(r)
    if not r.loss["span_events"]:
        for name, row in out.items():
            mine = [u for u in units if u["kind"] == f"span:{name}"]
            if name != "[thread names]":
                lib.equal(len(mine), row["count"], f"units of {name}")
                lib.equal(sum(int(u["thread_ns"]) for u in mine), row["total_ns"], f"time of {name}")
    return out


def spans_of_units(r):
    with open(os.path.join(r.path, "units.csv"), newline="") as f:
        return list(csv.DictReader(f))


def run(program, phases, *spans, args=()):
    options = [w for s in spans for w in ("--span", s)]
    r = lib.record(list(args) + options, [program] + phases)
    return rows(r), r


def close(value, truth, share, what, slack_ns=0):
    lib.near(value, truth, truth * share + slack_ns, what)


def test_function():
    """Entry to return: the count is exact, the time within 1 % of the program's own clock."""
    program = build("spans.c", "-pthread")
    got, r = run(program, ["mixed"], f"m={program}:mixed", f"n={os.path.basename(program)}:nap",
                 args=["--fold", "span,comm"])
    truth = r.truth_output()["mixed"]
    lib.equal(got["m"]["count"], truth["count"], "calls")
    lib.equal(got["m"]["abandoned"] + got["m"]["recursive"] + got["m"]["open"], 0, "odd ends")
    close(got["m"]["total_ns"], truth["ns"], 0.01, "time")
    # every second call sleeps for 1 ms, and all of them compute for 1 ms
    lib.at_least(got["m"]["sleep_ns"], 100 * MS, "sleep")
    lib.at_least(got["m"]["cpu_ns"] + got["m"]["runq_ns"], 200 * MS, "cpu")
    lib.at_least(got["m"]["p50_ns"], 0.87 * MS, "p50")
    lib.equal(r.summary["exit"]["status"], 0, "status")
    lib.contains(r.err, r"(?m)^SPANS$", "terminal")
    # the innermost span comes first in a folded stack
    asleep = sum(us for frames, us in r.folded("wall") if frames[:2] == ["n", "spans"]
                 and frames[-1].startswith("[sleep"))
    # a switch that the kernel did not trace may have come between a probe and its repair
    close(asleep * 1000, got["n"]["sleep_ns"], 0.2 if r.loss["missed_switch"] else 0.001,
          "sleep of stacks in the span", 1000)
    assert any(frames[:2] == ["m", "spans"] for frames, _ in r.folded("cpu")), "no CPU time in a span"


def test_ways_out():
    """Recursion, longjmp, threads that end inside, fork, signal handlers on another stack."""
    program = build("spans.c", "-pthread")
    got, r = run(program, ["recursive", "jumps", "leaves", "nested", "tail", "altstack", "forks"],
                 *[f"{f}={program}:{f}" for f in ("recursive", "jumps", "leaves", "outer", "inner", "tail",
                                                  "interrupted", "handler_work", "forks", "quick")])
    truth = r.truth_output()
    lib.equal(r.summary["exit"]["status"], 0, "status")
    lib.equal((got["recursive"]["count"], got["recursive"]["recursive"]), (50, 250), "recursion")
    close(got["recursive"]["total_ns"], truth["recursive"]["ns"], 0.03, "time of the recursion")
    # the last one jumped out of is noticed at the next span of the thread
    lib.equal((got["jumps"]["count"], got["jumps"]["abandoned"]), (100, 50), "longjmp")
    lib.equal((got["leaves"]["count"], got["leaves"]["abandoned"]), (5, 5), "threads that end inside")
    lib.at_least(got["leaves"]["sleep_ns"], 10 * MS, "their sleep")
    for f, n in (("outer", 50), ("inner", 100), ("tail", 50), ("interrupted", 50), ("handler_work", 50),
                 ("forks", 10), ("quick", 10)):
        lib.equal((got[f]["count"], got[f]["abandoned"], got[f]["unmatched"]), (n, 0, 0), f)
    lib.at_least(got["outer"]["sleep_ns"], 50 * MS, "what outer called counts for it")
    # it ends with a jump to another function and lasts until that returns
    lib.at_least(got["tail"]["sleep_ns"], 50 * MS, "what tail jumped to counts for it")
    lib.at_least(got["forks"]["child_ns"], 1, "wait for the child")


def test_return_probe():
    """Where only the kernel's return probe helps: stacks that go through its trampoline are whole."""
    program = build("spans.c", "-pthread")
    got, r = run(program, ["indirect"], f"i={program}:indirect")
    lib.equal(r.summary["spans"][0]["method"], "return-probe")
    truth = r.truth_output()["indirect"]
    lib.equal((got["i"]["count"], got["i"]["abandoned"]), (truth["count"], 0))
    close(got["i"]["total_ns"], truth["ns"], 0.03, "time")
    # it can be had where it is not needed; what it would break does not get it
    got2, r2 = run(program, ["mixed"], f"m={program}:mixed", args=["--span-return-probe"])
    lib.equal(r2.summary["spans"][0]["method"], "return-probe")
    lib.equal(got2["m"]["count"], r2.truth_output()["mixed"]["count"])
    cxx = build("spans.cc", compiler="g++", name="spans-cxx")
    _, r2 = run(cxx, [], f"run={cxx}:app::Work::run(int)", args=["--span-return-probe"])
    lib.equal((r2.summary["spans"][0]["method"], r2.summary["exit"]["status"]), ("exits", 0))
    chain = ["main", "run", "indirect", "inner", "nap"]
    asleep = whole = 0
    for frames, us in r.folded("wall"):
        if "nap" in frames:
            asleep += us
            whole += us if [f for f in frames if f in chain] == chain else 0
    lib.at_least(asleep, 50000, "sleep, us")
    lib.at_least(whole / asleep, 0.95, "share of the sleep with its whole stack")


def test_points():
    """BEGIN,END; too many open at a time are counted; an exec ends what is open."""
    program = build("spans.c", "-pthread")
    got, r = run(program, ["points", "levels", "exec"], f"p={program}:begins,ends", f"lap={program}:begins,begins",
                 f"exec={program}:execs", *[f"l{i}={program}:level{i}" for i in range(10)])
    truth = r.truth_output() if r.out.strip().endswith("}") else None
    lib.equal(got["p"]["count"], 50, "from begins to ends")
    lib.at_least(got["p"]["sleep_ns"], 50 * MS, "sleep")
    lib.equal(got["lap"]["count"], 50, "laps: the last one ends with the program")
    lib.equal((got["exec"]["count"], got["exec"]["abandoned"]), (1, 1), "an exec inside")
    # the lap is open all the time: there is room for seven more
    lib.equal([got[f"l{i}"]["count"] for i in range(10)], [10] * 7 + [0] * 3, "levels")
    lib.equal(r.loss["span_depth"], 30, "loss.span_depth")
    assert truth, r.out


def test_hot():
    """A function that is called all the time: its probes are taken away, the program goes on."""
    program = build("spans.c", "-pthread")
    # far below what it does, as a busy machine may leave it little of a CPU
    got, r = run(program, ["hot"], f"q={program}:quick", f"b={program}:burn", args=["--span-limit", "2000"])
    lib.equal(got["q"]["rate_limited"], 1)
    lib.equal(got["b"]["rate_limited"], 0)
    truth = r.truth_output()["hot"]
    lib.at_least(truth["count"], 10 * got["q"]["count"], "calls after the probes were gone")
    lib.at_least(got["q"]["count"], 100, "calls before")
    # it is not stalled: what it lost, by its own clock, is the time of the window
    lib.at_most(truth["ns"], 600 * MS, "CPU time of calls while there were probes")
    lib.contains(r.err, r"span q: \d+ hits a second on one CPU are more than --span-limit 2000")
    got, r = run(program, ["hot"], f"q={program}:quick", args=["--span-limit", "0"])
    lib.equal(got["q"]["rate_limited"], 0)
    lib.equal(got["q"]["count"], r.truth_output()["hot"]["count"], "every call, without a limit")


def test_ring():
    """Spans that the ring cannot take are in the totals all the same."""
    program = build("spans.c", "-pthread")
    got, r = run(program, ["steady"], f"q={program}:quick", args=["--ring-kb", "4", "--span-limit", "0"])
    lib.equal(got["q"]["count"], 20000, "count")
    lib.at_least(r.loss["span_events"], 1, "loss.span_events")


def test_thread_names():
    program = build("spans.c", "-pthread")
    r = lib.record(["--unit-thread-name"], [program, "names"])
    got = rows(r)["[thread names]"]
    units = [u for u in spans_of_units(r) if u["kind"] == "thread-name"]
    lib.equal([u["label"] for u in units], [f"asset-{i}" for i in range(5)] + ["idle"], "units")
    for u in units[:5]:
        lib.at_least(int(u["sleep_ns"]), 5 * MS, f"sleep of {u['label']}")
    lib.equal(got["count"], 6, "names")
    lib.at_least(got["sleep_ns"], 25 * MS, "sleep")


def test_open():
    """What lasts when the recording ends is told of, and in no sum."""
    program = build("spans.c", "-pthread")
    running = lib.Running(["--span", f"i={program}:inner", "--span", f"n={program}:nap", "-d", "1",
                           "--", program, "open"])
    r = running.finish()
    got = rows(r)
    lib.equal((got["n"]["count"], got["n"]["open"]), (2, 1), "nap")


def test_bad_input():
    program = build("spans.c", "-pthread")
    lib.need_root()

    def bad(span, pattern, status=1):
        lib.sentence(["record", "-o", lib.tmp("bad"), "--span", span, "--", program], pattern, status=status)
    bad("mixed", "NAME=BINARY:FUNCTION", 2)
    bad(f"m={program}", "NAME=BINARY:FUNCTION", 2)
    bad(f"m={program}:a,b,c", "more than two places", 2)
    bad(f"m={program}:f(int", "bracket is not closed", 2)
    bad(f"a b={program}:mixed", "letters, digits", 2)
    bad(f"m={program}:12", "neither a name nor an address", 2)
    bad(f"m={program}:mixed+0x1", "BEGIN,END", 2)
    bad(f"m={program}:mixde", "did you mean mixed")
    bad(f"m={program}:zzzzzzzz", "nor a name like it")
    bad(f"m={program}:raise", "only calls raise, which another library defines")
    bad(f"m={program}:sink", "is data, not a function")
    bad(f"m={program}:0x1", "is no code")
    bad(f"m={program}:begins,mixed+0x1", "no instruction")
    bad(f"m={program}:no:probe", "has no USDT probes")
    bad(f"m={program}.no:mixed", "there is no file")
    bad("m=nosuch:mixed", "no library of this system and no program in PATH")
    bad("m=/etc/passwd:mixed", "no 64-bit program or library")
    bare = lib.tmp("bare")
    subprocess.run([lib.need("strip"), "-s", "-o", bare, program], check=True)
    bad(f"m={bare}:mixed", "has no symbols .*0x1234")
    lib.sentence(["record", "-o", lib.tmp("bad"), "--span", f"m={program}:mixed", "--span",
                  f"m={program}:nap", "--", program], "two spans m", status=2)
    many = [w for i in range(65) for w in ("--span", f"s{i}={program}:mixed")]
    lib.sentence(["record", "-o", lib.tmp("bad"), *many, "--", program], "at most 64", status=2)


def test_address():
    """A stripped program: its functions by address, told from what is no function's start."""
    program = build("spans.c", "-pthread")
    nm = subprocess.run([lib.need("nm"), program], check=True, capture_output=True, text=True).stdout
    address = {line.split()[2]: int(line.split()[0], 16) for line in nm.split("\n") if " t " in line.lower()}
    bare = lib.tmp("bare")
    subprocess.run([lib.need("strip"), "-s", "-o", bare, program], check=True)
    got, r = run(bare, ["mixed"], f"m={bare}:0x{address['mixed']:x}")
    lib.equal(got["m"]["count"], r.truth_output()["mixed"]["count"])
    lib.sentence(["record", "-o", lib.tmp("bad"), "--span", f"m={bare}:0x{address['mixed'] + 1:x}", "--", bare],
                 "no function .* begins at")


def test_cxx():
    """Methods, overloads, operators, templates; exceptions pass, and the program lives."""
    program = build("spans.cc", compiler="g++")
    work = f"{program}:app::Work"
    got, r = run(program, [], f"run={work}::run(int)", f"text={work}::run(std::string const&, double)",
                 f"call={work}::operator()(int)", f"less={work}::operator<", f"new={work}::Work",
                 f"int={work}::convert<int>", f"double={work}::convert<double>(double)",
                 f"laps={work}::operator<,{work.split(':', 1)[1]}::operator<")
    truth = r.truth_output()
    lib.equal((r.summary["exit"]["status"], truth["thrown"]), (0, 100), "status, exceptions")
    lib.equal((got["run"]["count"], got["run"]["abandoned"]), (300, 100), "run")
    lib.equal((got["call"]["count"], got["call"]["abandoned"]), (150, 50), "operator()")
    for name in ("text", "less", "new", "int", "double"):
        lib.equal((got[name]["count"], got[name]["abandoned"]), (300, 0), name)
    lib.equal(got["laps"]["count"], 300, "laps")
    for s in r.summary["spans"]:
        assert s["method"] in ("exits", "points"), s
    # 200 of them returned; those that threw count until that is noticed
    lib.at_least(got["run"]["total_ns"], truth["ns"], "time")

    def bad(span, pattern):
        lib.sentence(["record", "-o", lib.tmp("bad"), "--span", f"x={program}:{span}", "--", program], pattern)
    bad("app::Work::run", r"2 functions .*run\(int\), app::Work::run\(std::string const&, double\)")
    bad("app::Work::rum", r"did you mean app::Work::run")
    bad("app::Work::run(long)", r"did you mean app::Work::run\(int\)")


def test_rust():
    program = build_rust()
    got, r = run(program, [], f"run={program}:spans::app::Work::run", f"generic={program}:spans::app::generic")
    truth = r.truth_output()
    lib.equal((r.summary["exit"]["status"], truth["panics"]), (0, 30), "status, panics")
    lib.equal((got["run"]["count"], got["run"]["abandoned"]), (90, 30), "run")
    lib.at_least(got["run"]["total_ns"], truth["ns"], "time")
    # both instances are the one function
    lib.equal((got["generic"]["count"], got["generic"]["abandoned"]), (180, 0), "generic")


def build_rust():
    path = lib.tmp("spans_rs")
    subprocess.run([lib.need("rustc"), "-O", "--crate-name", "spans", "-o", path,
                    os.path.join(DATA, "spans.rs")], check=True)
    return path


def test_usdt():
    program = build("spans_usdt.c")
    lib.equal(json.loads(subprocess.check_output([program]))["enabled"], 0, "semaphores without us")
    got, r = run(program, [], f"request={program}:shop:request__start,shop:request__done",
                 f"lap={program}:shop:request__start")
    truth = r.truth_output()
    lib.equal(got["request"]["count"], 50, "requests")
    close(got["request"]["total_ns"], truth["ns"], 0.03, "time")
    # both probes of each of the 50; two spans at one place are one probe to the kernel
    lib.equal(truth["enabled"], 100, "semaphores")
    lib.equal((got["lap"]["count"], got["lap"]["abandoned"]), (50, 1), "laps")
    lib.sentence(["record", "-o", lib.tmp("bad"), "--span", f"x={program}:shop:request", "--", program],
                 "no probe shop:request; it has shop:request__start, shop:request__done")


def test_libpq():
    """libpq by its name, in a program that is linked with it."""
    library = "/usr/lib/x86_64-linux-gnu/libpq.so.5"
    if not os.path.exists(library):
        raise lib.Skip("libpq is not installed")
    bin_dir, port, quiet, p = test_real.start_postgres()
    program = lib.tmp("spans_pq")
    subprocess.run([lib.need("gcc"), "-O2", "-o", program, os.path.join(DATA, "spans_pq.c"), library], check=True)
    got, r = run(program, [f"host=127.0.0.1 port={port} user=postgres dbname=postgres", "200"], "q=libpq:PQexec")
    truth = r.truth_output()
    lib.equal((truth["failed"], got["q"]["count"]), (0, truth["count"]), "queries")
    close(got["q"]["total_ns"], truth["ns"], 0.01, "time")
    # the server answers after 2 ms
    lib.at_least(got["q"]["net_ns"], 0.8 * 200 * 2 * MS, "net")
    lib.stop(p, 2)


def test_box():
    """A program in a mount namespace and root of its own, found by what it has mapped."""
    lib.need_root()
    lib.need("unshare", "chroot")
    program = build("spans.c", "-pthread", "-static", name="boxed-spans")
    box = lib.tmp("box")
    os.mkdir(box)
    script = f'mount -t tmpfs box {box} && mkdir {box}/opt && cp {program} {box}/opt && rm {program} && ' \
             f'exec chroot {box} /opt/boxed-spans wait mixed'
    p = lib.spawn(["unshare", "-m", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
    lib.until(lambda: lib.comm_of(p.pid) == "boxed-spans", what="the program in the box")
    # by the path that it has there, and by the name of the file
    running = lib.Running(["-p", p.pid, "--span", "path=/opt/boxed-spans:mixed", "--span",
                           "name=boxed-spans:mixed"]).attached()
    with open(f"/proc/{p.pid}/root/go", "w"):
        pass
    truth = json.loads(p.communicate(timeout=30)[0])["mixed"]
    got = rows(running.finish())
    for name in ("path", "name"):
        lib.equal(got[name]["count"], truth["count"], name)
        close(got[name]["total_ns"], truth["ns"], 0.02, f"time of {name}")


def test_late():
    """A library that only the program knows, renamed as a wheel's, and loaded later."""
    source, library = lib.tmp("late.c"), lib.tmp("liblate-0a1b2c3d.so.1.2")
    with open(source, "w") as f:
        f.write("#include <unistd.h>\nint late(int n) { usleep(1000); return n + 1; }\n")
    subprocess.run([lib.need("gcc"), "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    code = f"import ctypes, time; time.sleep(0.3); l = ctypes.CDLL('{library}'); time.sleep(1); " \
           "[l.late(i) for i in range(50)]"
    got, r = run(lib.PYTHON, ["-c", code], "late=liblate:late", "never=libnever:late")
    lib.equal(got["late"]["count"], 50, "calls")
    lib.at_least(got["late"]["sleep_ns"], 50 * MS, "sleep")
    lib.equal(got["never"]["count"], 0)
    lib.contains(r.err, "span never: libnever is no library of this system; the span begins when")
    lib.contains(r.err, "nobody has mapped its library")
