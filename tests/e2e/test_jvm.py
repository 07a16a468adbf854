# SPDX-License-Identifier: GPL-2.0-or-later
"""Java programs under HotSpot, without an option of theirs: whole stacks, named methods.

The program (tests/workloads/WlJava.java) takes its methods' CPU time from its own clock;
their shares in the samples must be within 3 points, and 4 standard errors more for
the few samples of a short run.
"""
import glob
import http.client
import json
import math
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lib

METHODS = ["arithmetic", "strings", "recursion", "arrays"]
HZ = 399


def java_home():
    """Of the newest JDK that is here, or $WT_JAVA_HOME."""
    if os.environ.get("WT_JAVA_HOME"):
        return os.environ["WT_JAVA_HOME"]
    javac = lib.need("javac")
    return os.path.dirname(os.path.dirname(os.path.realpath(javac)))


def compiled():
    out = lib.tmp("classes")
    if not os.path.isdir(out):
        subprocess.run([lib.need("javac"), "-d", out,
                        os.path.join(lib.ROOT, "tests", "workloads", "WlJava.java")], check=True)
    return out


def run(options=(), seconds=6, args=()):
    """WlJava from its start to its end; (recording, its truth)."""
    java = os.path.join(java_home(), "bin", "java")
    r = lib.record(["-F", str(HZ), *args],
                   [java, *options, "-cp", compiled(), "WlJava", str(seconds)])
    return r, json.loads(r.out.strip().splitlines()[-1])


def whole(r):
    """
    At least 99 % of the stacks reach their thread's root.  Counted apart: those that came
    before the tables of the libraries were there, for no rule failed for them, and the
    waits of threads that are at their end, which have no stack any more ("unreadable").
    """
    for s in (r.summary["stacks"], r.summary["stacks"]["offcpu_waits"]):
        failed = {k: n for k, n in s["incomplete"].items()
                  if n and k not in ("no_table_yet", "unreadable")}
        walked = s["complete"] + sum(failed.values())
        lib.at_least(walked, 100, "stacks")
        assert s["complete"] >= 0.99 * walked, f"{s['complete']} of {walked} whole, not: {failed}"
    lib.equal(r.loss["user_stack_misremembered"], 0, "misremembered")


def split(r, truth, suffix):
    """Shares of the methods in cpu.folded against the program's own."""
    own = dict.fromkeys(METHODS, 0)
    for frames, us in r.folded("cpu"):
        for m in METHODS:
            if any(re.fullmatch(rf"WlJava\.{m}{suffix}", f) for f in frames):
                own[m] += us
                break
    total, cpu = sum(own.values()), sum(truth[m] for m in METHODS)
    lib.at_least(total / 1e6, 0.8 * cpu, "seconds in stacks that name the methods")
    for m in METHODS:
        want, got = truth[m] / cpu, own[m] / total
        tolerance = 0.03 + 4 * math.sqrt(want * (1 - want) / (cpu * HZ))
        assert abs(want - got) <= tolerance, \
            f"{m}: {got:.1%} of the samples, {want:.1%} of the program's own clock"


def java_stacks_begin_at_main(r):
    """The main thread's: nothing lacks between the VM and the method."""
    for frames, _ in r.folded("cpu"):
        if any(f.startswith("WlJava.") and not f.startswith("WlJava$$") for f in frames):
            at = next(i for i, f in enumerate(frames)
                      if f.startswith("WlJava.") or f.startswith("java.lang.Thread.run"))
            lib.contains(frames[at], r"^(WlJava\.main|java\.lang\.Thread\.run)(_\[j\])?$",
                         f"the first Java frame of {frames}")


# side by side
def test_default_flags():
    r, truth = run()
    whole(r)
    split(r, truth, r"(_\[j\])?")
    java_stacks_begin_at_main(r)
    # all tiers are named: what was compiled, and main, which is interpreted or replaced on stack
    text = "\n".join(";".join(f) for f, _ in r.folded("cpu"))
    lib.contains(text, r"WlJava\.main")
    lib.contains(text, r"WlJava\.arrays_\[j\];java\.util\.Arrays\.sort_\[j\]|"
                       r"java\.util\.DualPivotQuicksort\.\w+_\[j\]")
    # lambdas' classes have no address in their names
    assert not re.search(r"WlJava\$\$Lambda[^;]*[/+]0x", text), text


# side by side
def test_interpreted_only():
    r, truth = run(["-Xint"])
    whole(r)
    split(r, truth, "")
    java_stacks_begin_at_main(r)
    recursion = [f for f, _ in r.folded("cpu") if f.count("WlJava.descend") >= 30]
    lib.at_least(len(recursion), 1, "stacks with 30 interpreted frames of WlJava.descend")


# side by side
def test_first_compiler_only():
    r, truth = run(["-XX:TieredStopAtLevel=1"])
    whole(r)
    split(r, truth, r"(_\[j\])?")
    java_stacks_begin_at_main(r)


# side by side
def test_walked_in_copies():
    """The tables of libraries come late: what was walked in copies until then lacks no frame, either."""
    p = lib.spawn([os.path.join(java_home(), "bin", "java"), "-XX:TieredStopAtLevel=1", "-cp", compiled(),
                   "WlJava", "60"], stdout=subprocess.PIPE, text=True)
    lib.equal(p.stdout.readline().strip(), "ready", "WlJava")
    r = lib.record(["-p", p.pid, "-d", 1.5, "-F", 199, "--fault", "late-tables"])
    lib.at_least(r.summary["stacks"]["raw"], 20, "stacks walked in copies")
    java_stacks_begin_at_main(r)
    methods = [f for f, _ in r.folded("wall") if any(x.startswith("WlJava.") for x in f)]
    lib.at_least(len(methods), 10, "stacks with a method")
    lib.equal([f for f in methods if "Interpreter_[j]" in f], [], "interpreted methods without a name")


def waiting(r, least_us):
    """Each waiting thread's time is under the method that waits."""
    waits = {"w-park": "WlJava.park", "w-sleep": "WlJava.sleep", "w-read": "WlJava.read",
             "w-write": "WlJava.write",
             "w-lock": "WlJava.contend", "w-wait": "WlJava.waitForNotify"}
    for thread, method in waits.items():
        stacks = [(f, us) for f, us in r.folded("wall") if thread in f[:2]]
        total = sum(us for _, us in stacks)
        named = sum(us for f, us in stacks if any(x in (method, method + "_[j]") for x in f))
        lib.at_least(total, least_us, f"µs of thread {thread}")
        assert named >= 0.95 * total, f"{thread}: {named} of {total} µs under {method}"
        run_frames = [us for f, us in stacks if "java.lang.Thread.run" in f]
        lib.at_least(sum(run_frames), 0.95 * total, f"µs of {thread} from Thread.run on")
    net = [f for f, _ in r.folded("wall") if "w-read" in f[:2] and "[net" in f[-1]]
    lib.at_least(len(net), 1, "stacks of w-read that wait on the net")


# side by side
def test_blocked_threads():
    r, _ = run(seconds=3)		# they begin after a second
    waiting(r, 2_000_000)


# side by side
def test_blocked_since_before():
    """Threads that slept as the recording began, and sleep on: user space walks their stacks."""
    p = lib.spawn([os.path.join(java_home(), "bin", "java"), "-cp", compiled(), "WlJava", "60"],
                  stdout=subprocess.PIPE, text=True)
    lib.equal(p.stdout.readline().strip(), "ready", "WlJava")
    time.sleep(0.3)		# all have come to where they wait; one of them looks again after half a second
    r = lib.record(["-p", p.pid, "-d", 1])
    waiting(r, 950_000)
    # those of the VM that nothing wakes
    for thread in ("Finalizer", "Signal Dispatch"):
        stacks = [f for f, _ in r.folded("wall") if thread in f[:2]]
        assert stacks and all("start_thread" in f for f in stacks), f"{thread}: {stacks}"


# side by side
def test_blocks_before_the_start():
    """Threads that block between the attaching and the start, and for all of a short recording."""
    p = lib.spawn([os.path.join(java_home(), "bin", "java"), "-cp", compiled(), "WlTurns"],
                  stdout=subprocess.PIPE, text=True)
    lib.equal(p.stdout.readline().strip(), "ready", "WlTurns")
    r = lib.record(["-p", p.pid, "-d", 0.7])
    stacks = [(f, us) for f, us in r.folded("wall") if "turn" in f[:2]]
    total = sum(us for _, us in stacks)
    lib.at_least(total, 20_000_000, "µs asleep")
    lib.at_least(sum(us for f, us in stacks if "WlTurns.nap" in f and "java.lang.Thread.run" in f),
                 0.99 * total, "µs of them under the method that sleeps")


# side by side
def test_blocks_before_the_tables():
    """The VM's own threads block in its first tenth of a second, and for ever: copies know no methods."""
    java = os.path.join(java_home(), "bin", "java")
    for _ in range(2):
        r = lib.record([], ["timeout", "1.5", java, "-cp", compiled(), "WlTurns"])
        stacks = [(f, us) for f, us in r.folded("wall") if f[1] in ("Reference Handl", "Finalizer")]
        total = sum(us for _, us in stacks)
        lib.at_least(total, 1_500_000, "µs of threads of the VM")
        unnamed = sum(us for f, us in stacks if "Interpreter_[j]" in f)
        lib.at_most(unnamed, 0.1 * total, "µs of them in methods without a name")


# side by side
def test_remembered_stacks_are_right():
    """What was remembered is unwound, too, and must be the same (--unwind-check)."""
    r, _ = run(seconds=3, args=["--unwind-check"])
    whole(r)
    lib.equal(r.loss["user_stack_misremembered"], 0, "stacks that were misremembered")


# side by side
def test_other_jdks():
    """Every other JDK here; WT_JAVA_HOMES may name more, separated by colons."""
    homes = {os.path.realpath(h) for h in
             os.environ.get("WT_JAVA_HOMES", "").split(":") + glob.glob("/usr/lib/jvm/*") if h}
    homes = [h for h in sorted(homes) if os.path.exists(os.path.join(h, "bin", "java"))]
    if len(homes) < 2:
        raise lib.Skip("only one JDK is installed")
    for home in homes:
        os.environ["WT_JAVA_HOME"] = home
        r, truth = run(seconds=4)
        whole(r)
        split(r, truth, r"(_\[j\])?")


def named(r):
    """Less than 0.1 % of the frames, by time, are addresses."""
    total = unnamed = 0
    for which in ("cpu", "wall"):
        for frames, us in r.folded(which):
            total += us * len(frames)
            unnamed += us * sum(bool(re.match(r"\[(?:jit:|anon|unmapped|unknown|java )", f)) for f in frames)
    lib.at_most(unnamed, 0.001 * total, f"frames without a name, µs of {total}")


# side by side
def test_javac():
    """A program that is gone after a second or two, from its start: the tables are made meanwhile."""
    source = lib.tmp("Much.java")
    with open(source, "w") as f:
        f.write("public class Much {\n" + "".join(
            f"  static int f{i}(int a, String s) {{ int r = 0; for (int k = 0; k < a; k++) {{ r += s.length() * k + {i}; "
            f"r ^= java.util.List.of(k, r).stream().map(x -> x + {i}).reduce(0, Integer::sum); }} return r; }}\n"
            for i in range(300)) + "}\n")
    r = lib.record(["-F", str(HZ)], [lib.need("javac"), "-d", lib.tmp("much"), source])
    whole(r)
    named(r)
    lib.at_most(r.summary["stacks"]["incomplete"]["no_table_yet"],
                0.05 * r.summary["stacks"]["oncpu_samples"], "samples before the tables")


SERVER = """
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.TreeMap;
import java.util.concurrent.Executors;
public class Server {
	public static void main(String[] args) throws Exception {
		HttpServer s = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 64);
		s.createContext("/", x -> {
			TreeMap<String, Integer> m = new TreeMap<>();
			for (int i = 0; i < 3000; i++)
				m.merge("k" + (i * 7919 % 101), i, Integer::sum);
			byte[] r = m.toString().getBytes();
			x.sendResponseHeaders(200, r.length);
			x.getResponseBody().write(r);
			x.close();
		});
		s.setExecutor(Executors.newFixedThreadPool(4));
		s.start();
		System.out.println(s.getAddress().getPort());
	}
}
"""


def ask_for(port, end):
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while time.monotonic() < end:
        connection.request("GET", "/")
        assert connection.getresponse().read(), "no answer"


# side by side
def test_server_under_load():
    source = lib.tmp("Server.java")
    with open(source, "w") as f:
        f.write(SERVER)
    subprocess.run([lib.need("javac"), "-d", lib.tmp("server"), source], check=True)
    p = lib.spawn([os.path.join(java_home(), "bin", "java"), "-cp", lib.tmp("server"), "Server"],
                  stdout=subprocess.PIPE, text=True)
    port = int(p.stdout.readline())
    clients = [threading.Thread(target=ask_for, args=(port, time.monotonic() + 6)) for _ in range(4)]
    for c in clients:
        c.start()
    time.sleep(1)
    r = lib.record(["-p", p.pid, "-F", 997, "-d", 4])
    for c in clients:
        c.join()
    # it compares strings, within which C2 pushes, and its VM still compiles
    whole(r)
    named(r)
    lib.at_most(r.summary["stacks"]["incomplete"]["no_table_yet"],
                0.01 * r.summary["stacks"]["oncpu_samples"], "samples before the tables")


BRIEF = """
public class Brief {
	static long sink;
	static void spin() {
		for (long end = System.nanoTime() + 2000000; System.nanoTime() < end;)
			sink++;
	}
%s
	public static void main(String[] args) {
%s
		Runtime.getRuntime().halt(0);
	}
}
"""


def stopped_while_it_ends(command):
    """A recording of a command that says "on", and goes on while nobody can read what it does."""
    p = lib.Running(["-F", "997", "--", *command]).attached()
    lib.equal(p.p.stdout.readline(), "on\n", "what it says")
    os.kill(p.pid, signal.SIGSTOP)
    lib.cleanup(lambda: p.p.poll() is None and os.kill(p.pid, signal.SIGCONT))
    child = lib.descendants(p.pid)[0]
    lib.until(lambda: not lib.alive(child), 30, "the end of the program")
    os.kill(p.pid, signal.SIGCONT)
    return p.finish()


# side by side
def test_methods_gone():
    """A process that is gone before its last methods' names were read: said so, and counted."""
    n = 500
    source = lib.tmp("Brief.java")
    with open(source, "w") as f:
        f.write(BRIEF % ("\n".join(f"\tstatic void m{i}() {{ spin(); }}" for i in range(n)),
                         "\t\tfor (int k = Integer.parseInt(args[0]); k > 0; k--) {\n" +
                         "\n".join(f"\t\t\tm{i}();" for i in range(200)) +
                         "\n\t\t}\n\t\tSystem.out.println(\"on\");\n" +
                         "\n".join(f"\t\tm{i}();" for i in range(200, n))))
    subprocess.run([lib.need("javac"), "-d", lib.tmp("brief"), source], check=True)
    # until it is known for a Java program it has no Java frames: later on a busy machine
    for turns in (1, 5, 15):
        r = stopped_while_it_ends([os.path.join(java_home(), "bin", "java"), "-cp", lib.tmp("brief"),
                                   "Brief", str(turns)])
        if r.loss["jvm_method_gone"]:
            break
    lib.at_least(r.loss["jvm_method_gone"], 1, "methods without a name")
    # each of them is a frame of that name, and the others have theirs: one m… at most in a stack
    named, gone = set(), 0
    for frames, _ in r.folded("cpu"):
        gone += "[java method gone]" in frames
        ours = [f for f in frames if re.fullmatch(r"Brief\.m\d+_\[j\]|Brief\.m\d+", f)]
        lib.at_most(len(ours), 1, f"methods that call each other in {frames}")
        named.update(ours)
    lib.at_least(gone, 1, "stacks with a method that is gone")
    lib.at_least(len(named), 20, "methods with their names")


# ---- --jvm-perfmap: a VM that cannot be read from outside is asked ------------------------

def contained(seconds):
    """WlJava in pid and mount namespaces and a /tmp of its own, as another user; its pid here."""
    java = os.path.join(java_home(), "bin", "java")
    p = lib.spawn(["unshare", "--pid", "--mount", "--fork", "--mount-proc", "sh", "-ec",
                   f"mount -t tmpfs none /mnt; cp -r {compiled()} /mnt/classes; mount --bind /mnt /tmp; "
                   "exec setpriv --reuid 65534 --regid 65534 --clear-groups "
                   f"{java} -cp /tmp/classes WlJava {seconds}"],
                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lib.until(lambda: any(lib.comm_of(c) == "java" for c in lib.descendants(p.pid)), 20, "the VM")
    return next(c for c in lib.descendants(p.pid) if lib.comm_of(c) == "java")


def catches_quit(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"SigCgt:\s*(\w+)", f.read())[1], 16) >> signal.SIGQUIT - 1 & 1


def tmp_of(pid):
    return set(os.listdir(f"/proc/{pid}/root/tmp"))


# side by side
def test_perfmap_of_a_vm_that_cannot_be_read():
    lib.need_root()
    lib.need("unshare", "setpriv")
    pid = contained(60)
    lib.until(lambda: catches_quit(pid), 20, "the VM's start")
    run = lib.Running(["-p", pid, "-F", HZ, "-d", 5, "--jvm-perfmap", "--fault", "jvm-tables"])
    run.attached()
    lib.until(lambda: "perf-1.map" in tmp_of(pid), 20, "its map, by its own number")
    assert ".attach_pid1" not in tmp_of(pid), "the file by which it was asked"
    r = run.finish()
    text = "\n".join(";".join(f) for f, _ in r.folded("cpu"))
    for m in METHODS[:2]:
        lib.contains(text, rf"WlJava\.{m}\(int\)_\[j\]", "compiled methods that the map names")
    assert "no perf map" not in r.err, r.err
    # what we had it write is gone, what is its own is there
    assert not {"perf-1.map", ".attach_pid1"} & tmp_of(pid), tmp_of(pid)
    # it printed no stacks, and runs
    lib.equal(lib.alive(pid), True, "the VM lives")


# side by side
def test_perfmap_of_a_vm_that_never_answers():
    """Somebody else's ears: nothing is waited for, and the recording is whole."""
    java = os.path.join(java_home(), "bin", "java")
    p = lib.spawn([java, "-cp", compiled(), "WlJava", "60"], stdout=subprocess.DEVNULL)
    lib.until(lambda: catches_quit(p.pid), 20, "the VM's start")
    time.sleep(0.5)             # it removes an old socket then
    ear = socket.socket(socket.AF_UNIX)
    path = f"/tmp/.java_pid{p.pid}"
    ear.bind(path)
    lib.cleanup(lambda: os.unlink(path))
    ear.listen(4)
    r = lib.record(["-p", p.pid, "-d", 4, "--jvm-perfmap", "--fault", "jvm-tables"])
    lib.contains(r.err, rf"process {p.pid}: no perf map \(--jvm-perfmap\): it did not answer in time")
    lib.at_most(r.summary["duration_ns"], 4.5 * lib.S, "ns")
    # without the option it is asked nothing
    r = lib.record(["-p", p.pid, "-d", 0.5, "--fault", "jvm-tables"])
    assert "perf map" not in r.err, r.err
    assert not os.path.exists(f"/tmp/perf-{p.pid}.map"), "a map"
