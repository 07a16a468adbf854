# SPDX-License-Identifier: GPL-2.0-or-later
"""A wait for a CPU names who had it."""
import os
import re

import lib

BURN = """
import os, sys, time
with open("/proc/self/comm", "w") as f:
    f.write(sys.argv[1])
end = time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    pass
"""


def rivals(r, comm):
    """{name of who ran: ns} of the run-queue wait of the processes of that name, '' where it has none."""
    out = {}
    for w in r.waits(state="runq", comm=comm):
        m = re.fullmatch(r"(wakeup|preempt)(?:: (.*?))?(?: \((.*)\))?", w["reason"])
        assert m, w["reason"]
        out[m.group(2) or ""] = out.get(m.group(2) or "", 0) + w["total_ns"]
    return out


def attempt(cpu):
    burner = lib.spawn(["taskset", "-c", cpu, lib.PYTHON, "-c", BURN, "wl-burner", "6"])
    shell = " & ".join(f"{lib.PYTHON} -c '{BURN}' {name} 3" for name in ("wl-job-a", "wl-job-b"))
    r = lib.record([], ["taskset", "-c", cpu, "sh", "-c", shell + " & wait"])
    burner.kill()
    unnamed = 0
    for own, other in (("wl-job-a", "wl-job-b"), ("wl-job-b", "wl-job-a")):
        names = rivals(r, own)
        total = sum(t["runq_ns"] for t in r.threads(comm=own))
        lib.near(sum(names.values()), total, 0.01 * total + lib.MS, f"who had {own}'s CPU, in all")
        unnamed = max(unnamed, (names.get("", 0) + names.get(own, 0)) / total)
        lib.at_least(names.get("wl-burner", 0), 0.05 * total, f"{own} waited for the burner")
        # whenever the other one runs, this one waits: but for the moments at both ends
        cpu_ns = sum(t["cpu_ns"] for t in r.threads(comm=other))
        lib.at_most(names.get(other, 0), 1.1 * cpu_ns + 50 * lib.MS, f"{own} waited for {other}")
        lib.at_least(names.get(other, 0), (0.9 - unnamed) * cpu_ns - 50 * lib.MS, f"{own} waited for {other}")
    return unnamed


def test_two_jobs_and_a_burner_on_one_cpu():
    """
    All three want the same CPU all the time: each waits for the two others.  Where something else
    switches there thousands of times a second, 512 stays do not reach back far enough.
    """
    lib.need_root()
    cpus = sorted(os.sched_getaffinity(0))
    unnamed = [attempt(str(cpus[-1]))]
    while min(unnamed) > 0.05 and len(unnamed) < 4:
        unnamed.append(attempt(str(cpus[-1 - len(unnamed) % len(cpus)])))
    lib.at_most(min(unnamed), 0.05, f"share of the wait that names nobody, or itself ({unnamed})")


def test_without():
    lib.need_root()
    r = lib.record(["--no-rivals"], [lib.PYTHON, "-c", "import time; time.sleep(0.2)"])
    assert not [w for w in r.waits(state="runq") if ":" in w["reason"]], "a rival was named"


def test_migrations_are_counted():
    """A thread that moves itself from CPU to CPU."""
    lib.need_root()
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise lib.Skip("one CPU only")
    code = ("import os, time\nfor i in range(100):\n"
            f" os.sched_setaffinity(0, [{cpus[0]} if i % 2 else {cpus[1]}])\n time.sleep(0.001)\n")
    r = lib.record([], [lib.PYTHON, "-S", "-c", code])
    lib.at_least(r.ledger["migrations"], 99, "migrations")
    # itself, a few of the start, and none for each of the 100 sleeps
    lib.at_most(r.ledger["migrations"], 130, "migrations")


FLOOD = """
import os, socket, sys, time
os.sched_setaffinity(0, {int(sys.argv[1])})
r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
r.bind(("127.0.0.1", 0))
r.setblocking(False)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect(r.getsockname())
def ticks():
    with open("/proc/stat") as f:
        for line in f:
            if line.startswith(f"cpu{sys.argv[1]} "):
                return int(line.split()[7])
before, end = ticks(), time.monotonic() + 3
while time.monotonic() < end:
    for _ in range(100):
        s.send(b"x" * 100)
    try:
        while True: r.recv(200)
    except BlockingIOError:
        pass
print((ticks() - before) * 1000000000 // os.sysconf("SC_CLK_TCK"))
"""


def test_interrupts():
    """Packets over loopback arrive in the sender's soft interrupts: against the kernel's ticks."""
    lib.need_root()
    cpu = str(max(os.sched_getaffinity(0)))
    r = lib.record(["--irqs"], [lib.PYTHON, "-c", FLOOD, cpu])
    truth = int(r.out)
    cpu_state = r.ledger["states"]["cpu"]
    soft, hard = cpu_state["softirq_ns"], cpu_state["irq_ns"]
    print(f"soft {soft / lib.MS:.0f} ms, the kernel's ticks {truth / lib.MS:.0f} ms; hard {hard / lib.MS:.1f} ms")
    # the ticks count what lies around the handlers, too, and what others do on this CPU
    lib.near(soft, truth, 0.3 * truth + 60 * lib.MS, "soft interrupts against /proc/stat")
    lib.at_least(soft, 0.05 * cpu_state["ns"], "soft interrupts")
    # the timer's
    lib.at_least(hard, 1, "hard interrupts")
    lib.at_most(hard + soft, cpu_state["ns"], "interrupts are a part of cpu")
    for column in ("softirq_ns", "irq_ns", "steal_ns"):
        lib.equal(sum(t[column] for t in r.threads()), cpu_state[column], f"{column} of threads.csv")
        lib.equal(sum(j[column] for j in r.jobs()), cpu_state[column], f"{column} of jobs.csv")
    # nobody looks unless asked to
    r = lib.record([], [lib.PYTHON, "-c", "pass"])
    lib.equal((r.ledger["states"]["cpu"]["softirq_ns"], r.ledger["states"]["cpu"]["irq_ns"]), (0, 0))
