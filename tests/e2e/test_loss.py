# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way of losing data is counted: each counter moves when it is provoked.

Whatever is lost, the totals stay exact: lib.check() runs for each recording.
"""
# side by side
import os
import re
import signal
import subprocess
import time

import lib


def busy():
    """A program with many reasons and stacks."""
    phases = subprocess.check_output([lib.workload("wl_states"), "--list"], text=True).split()
    return [lib.workload("wl_states"), "--dir", lib.TMP] + \
        [f"{p}=15" for p in phases if p not in ("connect", "uring")]


def moved(r, *names):
    for name in names:
        lib.at_least(r.loss[name], 1, f"loss.{name} (all: { {k: v for k, v in r.loss.items() if v} })")


def test_detail():
    r = lib.record(["--detail-entries", 16, "--drain-ms", 5000], busy())
    moved(r, "detail_full")
    lib.at_least(r.ledger["unattributed_ns"], 1, "unattributed")


def test_sample():
    """Samples whose line found the map full."""
    r = lib.record(["--detail-entries", 4, "--drain-ms", 5000, "-F", 2000],
                   [lib.workload("wl_states"), "--dir", lib.TMP, "disk=200", "tcp4=50", "tcp6=50",
                    "cpu_sys=500", "cpu_user=500", "majfault=100"])
    moved(r, "sample_full")
    lib.at_least(r.state("cpu"), 1, "cpu")


def stalled(args, command, stall_s=2.5):
    """A recording whose reader stands still while the command runs."""
    p = lib.Running(args + ["--"] + command).attached()
    p.p.send_signal(signal.SIGSTOP)
    time.sleep(stall_s)
    p.p.send_signal(signal.SIGCONT)
    return p.finish()


def later(*argv):
    """After half a second, when worktrace has attached and stands still."""
    return ["sh", "-c", 'sleep 0.9; exec "$@"', "sh"] + [str(a) for a in argv]


def test_stack_and_reason():
    """A ring that nobody reads: stacks and reasons do not fit."""
    r = stalled(["--ring-kb", "4"], later(*busy()))
    moved(r, "stack_ring_full", "reason_ring_full")


def test_exit():
    """Exit records that do not fit: their totals are in the account all the same."""
    r = stalled(["--ring-kb", "4"], later(lib.workload("wl_spawn"), "row", 2000))
    moved(r, "exit_ring_full")
    lib.equal(r.ledger["threads"], 2002, "threads: the shell's sleep, the parent, its children")
    lib.equal(r.ledger["processes"], 2002, "processes")


def test_sideband():
    """Mappings that do not fit into perf's ring."""
    r = stalled(["--sideband-pages", "1"], later(lib.workload("wl_spawn"), "brief", 300, 16))
    moved(r, "sideband")


def test_object_gone():
    """The binary is gone before it could be opened: its frames are named by offset."""
    objcopy = lib.need("objcopy")
    gone = lib.tmp("wl-gone")
    # without a build id: another copy of the file is no help
    subprocess.run([objcopy, "--remove-section=.note.gnu.build-id", lib.workload("wl_spawn"),
                    gone], check=True)
    r = stalled([], ["sh", "-c", f"sleep 0.9; {gone} brief 20 8; rm {gone}"])
    moved(r, "object_gone")
    frames = {f for stack, _ in r.folded("wall") for f in stack if "brief" in stack[0]
              or "wl-gone" in stack[0] or stack[0] == "exe"}
    assert any(f.startswith("[") and "+0x" in f for f in frames), f"no [module+0xoffset]: {frames}"


def test_missed_switch():
    """Switches that the kernel did not trace are found; not every kernel has them."""
    r = lib.record(["-a", "-d", 6])
    if not r.loss["missed_switch"]:
        raise lib.Skip("this kernel traced every switch in 6 s")


def test_hidden_threads():
    """What /proc shows and the kernel's iterator does not is counted; most kernels hide nothing."""
    r = lib.record(["-a", "-d", 1])
    if not r.loss["hidden_threads"]:
        raise lib.Skip("this kernel shows every thread")
    lib.contains(r.err, "does not show [0-9]+ of the target's threads", "standard error")
    # nothing is both hidden and in the account
    first = int(re.search(r"thread ([0-9]+) is the first", r.err).group(1))
    lib.equal(r.threads(tid=first), [], "rows of the first hidden thread")


def test_user_stack():
    """A frame pointer that leads nowhere: the stack is counted as unreadable."""
    gcc = lib.need("gcc")
    with open(lib.tmp("nofp.c"), "w") as f:
        f.write(NO_FRAME)
    if os.uname().machine != "x86_64":
        raise lib.Skip("written for x86-64 only")
    # the red zone would be overwritten by the push
    subprocess.run([gcc, "-O1", "-mno-red-zone", "-o", lib.tmp("nofp"), lib.tmp("nofp.c")],
                   check=True)
    # by tables it is walked all the same
    r = lib.record(["--frame-pointers"], [lib.tmp("nofp")])
    moved(r, "user_stack_unreadable")


# sleeps with a frame pointer that points beyond the top of the stack
NO_FRAME = r"""
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int main(void)
{
	struct timespec t = { 0, 20000000 };

	for (int i = 0; i < 20; i++) {
#ifdef __x86_64__
		long r;

		__asm__ volatile("push %%rbp; lea 0x400000(%%rsp), %%rbp; and $-16, %%rbp;"
				 "syscall; pop %%rbp"
				 : "=a"(r) : "a"(SYS_nanosleep), "D"(&t), "S"(0)
				 : "rcx", "r11", "memory");
#endif
	}
	return 0;
}
"""


def test_stacks_are_folded():
    """Beyond --max-stacks time goes to one stack and is counted as incomplete."""
    r = lib.record(["--max-stacks", 4, "-F", 999], busy() + ["cpu_sys=200", "cpu_user=200"])
    lib.at_least(r.summary["stacks"]["incomplete"].get("folded", 0), 1,
                 f"folded stacks: {r.summary['stacks']}")


# side by side
def test_stacks_are_forgotten():
    """Beyond --max-stacks what is hot late has its stacks as what was hot early, and what comes back has them."""
    r = lib.record(["--max-stacks", 48, "--fault", "forget", "--drain-ms", 100, "-F", 199], [lib.workload("wl_phases")])
    share = {}
    for f, (cpu, naps) in r.truth_output().items():
        share[f] = 1000 * sum(us for frames, us in r.folded("cpu") if f in frames) / cpu
        asleep = 1000 * sum(us for frames, us in r.folded("offcpu") if f in frames and "clock_nanosleep" in "".join(frames))
        lib.at_least(asleep, 0.5 * naps, f"time asleep in {f}, or woken from there")
    lib.at_least(min(share.values()), 0.5 * max(share.values()), f"the CPU time in each of them: {share}")
    stacks = r.summary["stacks"]
    folded = stacks["incomplete"]["folded"] + stacks["offcpu_waits"]["incomplete"]["folded"] + stacks["folded_ns"]
    lib.at_least(folded, 1, "what has no stack: there were too many")
    lib.equal(stacks["incomplete"]["lost"], 0, "samples whose stacks are gone")
    lib.equal(stacks["offcpu_waits"]["incomplete"]["lost"], 0, "waits whose stacks are gone")


def test_losses_are_shown():
    """What was lost is said on standard error, in words."""
    p = lib.worktrace(["record", "--detail-entries", 16, "--drain-ms", 5000, "-o", lib.tmp("l"),
                       "--"] + busy())
    lib.equal(p.returncode, 0, p.stderr)
    r = lib.Recording(lib.tmp("l"))
    moved(r, "detail_full")
    lib.contains(p.stderr, str(r.loss["detail_full"]), "standard error")


def test_stalled_reader_loses_nothing_of_the_total():
    """Stopped for seconds, with default sizes: the account is whole."""
    r = stalled([], later(*busy()), 2)
    lib.equal(r.ledger["residual_ns"], 0)
    lib.at_least(r.ledger["threads"], 20, "threads")


def test_splits():
    """Intervals of other threads that reach over units' boundaries, and nobody reads of them."""
    code = ("import threading, time\n"
            "def nap():\n"
            "    for i in range(30): time.sleep(0.07)\n"
            "for i in range(4): threading.Thread(target=nap).start()\n"
            "time.sleep(0.3)\n"
            "for i in range(1, 101):\n"
            "    time.sleep(0.02)\n"
            "    print(f'[{i}/100] asset', flush=True)\n")
    r = stalled(["--ring-kb", "4", "--unit-preset", "auto"], [lib.PYTHON, "-c", code])
    moved(r, "split_ring_full")


def test_names_of_files():
    """Files that are waited for while nobody reads their names."""
    where = lib.tmp("synced")
    os.mkdir(where)
    code = ("import os, sys, time\n"
            "time.sleep(0.5)\n"
            "for i in range(300):\n"
            "    with open(f'{sys.argv[1]}/{i}', 'w') as f:\n"
            "        f.write('x')\n"
            "        f.flush()\n"
            "        os.fsync(f.fileno())\n")
    r = stalled(["--ring-kb", "4"], [lib.PYTHON, "-c", code, where])
    moved(r, "file_ring_full")


def test_python_that_does_not_hold_together():
    """A frame whose caller is nonsense: the stack ends there, and that is counted."""
    code = ("import ctypes, sys, time\n"
            "def torn():\n"
            "    frame = ctypes.c_void_p.from_address(id(sys._getframe()) + 24).value\n"
            "    previous = ctypes.c_void_p.from_address(frame + 48)\n"
            "    was = previous.value\n"
            "    previous.value = 0x7f0000000018\n"
            "    time.sleep(0.05)\n"
            "    previous.value = was\n"
            "time.sleep(1)\n"
            "for i in range(20): torn()\n")
    r = lib.record([], [lib.need("python3.11"), "-c", code])
    moved(r, "python_inconsistent")


def test_requests_for_mappings():
    """Nobody reads the ring: programs that start then cannot ask for their unwind tables."""
    r = stalled(["--ring-kb", "4"], later("sh", "-c", "for i in $(seq 300); do /bin/true; done"))
    lib.at_least(r.loss["space_ring_full"], 1, "loss.space_ring_full")


def test_python_code():
    """… nor can code objects that are met then be told of."""
    code = "import json, re, time\nfor i in range(300): json.loads(json.dumps(list(range(2000)))); time.sleep(0.001)"
    r = stalled(["--ring-kb", "4"], ["sh", "-c", f"exec {lib.PYTHON} -c '{code}'"], 1)
    lib.at_least(r.loss["python_code_ring_full"], 1, "loss.python_code_ring_full")
