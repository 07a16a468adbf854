# SPDX-License-Identifier: GPL-2.0-or-later
"""Names for what real machines run: made code, containers, files that are gone."""
# side by side
import json
import os
import re
import subprocess

import lib
import oracle

# nearly all of the work is hot's; then it waits 250 times
JS = """
function hot(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sqrt(i) * i % 7; return s; }
function warm(n) { return hot(n) + 1; }
// by its CPU time: on a busy machine its start would be most of what it does
const ms = () => process.cpuUsage().user / 1000, end = ms() + 2000;
let x = 0;
while (ms() < end) for (let i = 0; i < 5; i++) x += warm(20000);
let turns = 250;
const timer = setInterval(() => { warm(200); if (!--turns) clearInterval(timer); }, 1);
"""


def share(r, pattern, which="cpu"):
    """The share of the time in stacks that have a frame like pattern."""
    total = sum(us for _, us in r.folded(which))
    found = sum(us for frames, us in r.folded(which) if any(re.search(pattern, f) for f in frames))
    return found / total


def check_names_of_node(r):
    print(f"hot {share(r, '^hot ')}, warm {share(r, '^warm ')}, without a name "
          f"{share(r, '^.jit:node.')}; {r.summary['stacks']}")
    lib.at_least(share(r, r"^hot \(\[eval\]:2\)_\[j\]$"), 0.7, "share of the hot function")
    lib.at_most(share(r, r"^\[(jit:node|anon)\+"), 0.02, "share of made code without a name")
    oracle.complete(r, 0.98, 0.98)


def node_script(*options):
    # V8 has no _[i]: what it inlines is its caller's
    return [lib.need("node"), "--perf-basic-prof", "--no-turbo-inlining", *options, "-e", JS]


def test_node_with_a_perf_map():
    check_names_of_node(lib.record(["-F", "499"], node_script()))


def test_node_in_namespaces_of_its_own():
    """Its /tmp is its own, and there its map has another number."""
    script = 'mount -t tmpfs own /tmp && "$@"; ls /tmp/perf-*.map'
    r = lib.record(["-F", "499"], [lib.need("unshare"), "--mount", "--pid", "--fork", "sh", "-c",
                                   script, "sh"] + node_script())
    lib.contains(r.out, r"/tmp/perf-\d\.map", "the map in its namespace")
    check_names_of_node(r)


def test_node_without_a_perf_map():
    """What has no name says at least what made it."""
    r = lib.record(["-F", "499"], [lib.need("node"), "-e", JS])
    lib.at_least(share(r, r"^\[jit:node\+0x[0-9a-f]+000\]$"), 0.5, "share of node's made code")
    oracle.complete(r, 0.98, 0.98)
    lib.equal(share(r, r"^\[anon\+"), 0, "share of made code that nobody made")


def named_share(r):
    """Of the sleep of the brief programs, the part whose frames all have names."""
    named = nameless = 0
    for frames, us in r.folded("wall"):
        # nobody else sleeps there; a program without a path is called by its descriptor's number
        if not any(f.startswith("[sleep") for f in frames):
            continue
        if "brief_sleep" in frames and not any(re.match(r"\[.*\+0x", f) for f in frames):
            named += us
        else:
            nameless += us
    lib.at_least(named + nameless, 1, "sleep of the brief programs")
    return named / (named + nameless)


def test_brief_lives_in_a_box():
    """1,000 programs of 20 ms, in a chroot with mounts of its own, their file deleted."""
    os.mkdir(lib.tmp("box"))
    r = lib.record([], [lib.workload("wl_spawn"), "boxed", "1000", "8", lib.tmp("box")])
    lib.equal(r.truth_output()["count"], 1000)
    share_named = named_share(r)
    print(f"{100 * share_named:.2f} % of the sleep has its functions' names; "
          f"object_gone {r.loss['object_gone']}")
    lib.at_least(share_named, 0.99, "share with names")


def test_inlined_functions():
    """A loop in a function in a function: both have a frame, where they are asked for."""
    source, program = lib.tmp("in.c"), lib.tmp("in")
    with open(source, "w") as f:
        f.write("""
#include <time.h>
static inline __attribute__((always_inline)) double inner(long n)
{
	double s = 0;
	for (long i = 0; i < n; i++)
		s += (double)i * i / (s + 1);
	return s;
}
static inline __attribute__((always_inline)) double middle(long n)
{
	return inner(n) + 1;
}
static double __attribute__((noinline)) outer(long n)
{
	return middle(n) + 2;
}
int main(void)
{
	volatile double s = 0;
	for (time_t end = time(0) + 3; time(0) < end; )
		s += outer(2000000);
	return 0;
}
""")
    subprocess.run([lib.need("gcc"), "-O2", "-g", "-o", program, source], check=True)
    r = lib.record(["-F", "499", "--inlines"], [program])
    total = sum(us for _, us in r.folded("cpu"))
    chain = sum(us for frames, us in r.folded("cpu")
                if re.search(r"outer[^;]*;middle_\[i\];inner_\[i\]", ";".join(frames)))
    lib.at_least(chain / total, 0.9, "share of the inlined loop")
    r = lib.record(["-F", "499", "-d", "1"], [program])
    lib.equal(share(r, r"_\[i\]$"), 0, "inlined frames that nobody asked for")


def test_stripped_functions_group():
    """A stripped program's hot function is one frame, by where it starts."""
    source = lib.tmp("hot.c")
    with open(source, "w") as f:
        f.write("""
#include <time.h>
static double __attribute__((noinline)) hot(long n)
{
	double s = 0;
	for (long i = 0; i < n; i++)
		s += (double)i * i / (s + 1);
	return s;
}
int main(void)
{
	volatile double s = 0;
	for (time_t end = time(0) + 3; time(0) < end; )
		s += hot(2000000);
	return 0;
}
""")
    program = lib.tmp("hot")
    subprocess.run([lib.need("gcc"), "-O1", "-o", program, source], check=True)
    (line,) = [l for l in subprocess.run([lib.need("nm"), program], check=True, text=True,
                                         stdout=subprocess.PIPE).stdout.split("\n")
               if l.endswith(" hot")]
    subprocess.run([lib.need("strip"), "-s", program], check=True)
    r = lib.record(["-F", "499"], [program])
    frame = f"[hot+0x{int(line.split()[0], 16):x}]"
    leaves = {}
    for frames, us in r.folded("cpu"):
        user = [f for f in frames if not f.endswith("_[k]")]
        leaves[user[-1]] = leaves.get(user[-1], 0) + us
    total = sum(leaves.values())
    lib.at_least(leaves.get(frame, 0) / total, 0.9, f"share of {frame} in {leaves}")


def doctor(pid):
    p = lib.worktrace(["doctor", "--json", "--pid", str(pid)])
    lib.equal((p.returncode, p.stderr), (0, ""), p.stdout)
    d = json.loads(p.stdout)
    lib.equal((d["schema"], d["pid"]), ("worktrace-doctor-pid-1", pid))
    return d, {os.path.basename(b["path"]): b for b in d["binaries"]}


def test_doctor_of_node():
    """What the doctor says of a process is what a recording of it then shows."""
    lib.need_root()
    plain = lib.spawn([lib.need("node"), "-e", JS.replace("2500", "20000")])
    mapped = lib.spawn([lib.need("node"), "--perf-basic-prof", "-e", JS.replace("2500", "20000")])
    lib.until(lambda: doctor(mapped.pid)[1].get("[anon]", {}).get("names") == "perf-map",
              what="the perf map")
    lib.until(lambda: "[anon]" in doctor(plain.pid)[1], what="made code")
    d, binaries = doctor(plain.pid)
    lib.equal(d["runtime"], "node")
    lib.equal(binaries["[anon]"]["names"], "none")
    lib.contains(binaries["[anon]"]["remedy"], "--perf-basic-prof")
    lib.equal(binaries["node"]["unwind"], "tables")
    assert binaries["node"]["named"] or binaries["node"]["unnamed"], binaries["node"]
    p = lib.worktrace(["doctor", "-p", str(plain.pid)])
    lib.equal((p.returncode, p.stderr), (0, ""), p.stdout)
    lib.contains(p.stdout, r"(?m)^lacking  \[anon\]", "text")
    lib.contains(p.stdout, r"(?m)^ok       \[vdso\]", "text")


def test_doctor_of_a_stripped_program():
    lib.need_root()
    source, program = lib.tmp("idle.c"), lib.tmp("idle")
    with open(source, "w") as f:
        f.write("#include <unistd.h>\n"
                "static int __attribute__((noinline)) work(int n) { return pause() + n; }\n"
                "int main(void) { return work(1); }\n")
    subprocess.run([lib.need("gcc"), "-O1", "-o", program, source], check=True)
    whole = lib.spawn([program])
    lib.equal(lib.until(lambda: doctor(whole.pid)[1].get("idle"))["names"], "symtab")
    bare_program = lib.tmp("bare")
    subprocess.run([lib.need("strip"), "-s", "-o", bare_program, program], check=True)
    bare = lib.spawn([bare_program])
    found = lib.until(lambda: doctor(bare.pid)[1].get("bare"))
    lib.equal((found["names"], found["unwind"]), ("function-starts", "tables"))
    lib.contains(found["remedy"], found["build_id"][2:] + r"\.debug", "remedy")
    # the debug file that it asks for, and it asks no more
    lib.need("unshare")
    where = f"/usr/lib/debug/.build-id/{found['build_id'][:2]}"
    script = (f'mount -t tmpfs d /usr/lib/debug && mkdir -p {where} && objcopy --only-keep-debug '
              f'{program} {where}/{found["build_id"][2:]}.debug && exec "$@"')
    p = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", lib.WORKTRACE, "doctor",
                        "--json", "-p", str(bare.pid)], capture_output=True, text=True, timeout=60)
    if "mount:" in p.stderr:
        raise lib.Skip(f"nothing can be mounted here: {p.stderr.strip()}")
    (now,) = [b for b in json.loads(p.stdout)["binaries"] if b["path"] == bare_program]
    lib.equal(now["names"], "debug-file")
    assert "lacking" not in now, now


def test_doctor_of_nothing():
    lib.need_root()
    lib.sentence(["doctor", "--pid", "4194303"], "no process 4194303")
    lib.sentence(["doctor", "--pid", "2"], "kernel thread")
    lib.sentence(["doctor", "--pid", "x"], "process id", status=2)
    lib.sentence(["doctor", "--pid", "0"], "process id", status=2)
    lib.sentence(["doctor", "--pid"], "lacks its argument", status=2)
