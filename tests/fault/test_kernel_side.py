# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel side does when something it relies on fails (--fault).

Whatever fails, the account balances (lib.record checks that) and a counter says so.
"""
import os
import subprocess
import time

import lib


def pingpong(fault, *options):
    return lib.record([f"--fault={fault}", "-d", 4, *options], [lib.workload("wl_pingpong"), "3"])


# side by side
def test_missed_switches_are_repaired():
    """One switch in 64 is not seen: it is found, and the time goes where the kernel's books say."""
    r = pingpong("missed-switch")
    lib.at_least(r.loss["missed_switch"], 100, "loss.missed_switch")
    lib.at_most(r.state("other"), r.ledger["wall_ns"] * 0.05, "other")


# side by side
def test_last_switches_are_repaired():
    """A thread whose last switch is not seen is in the account when the kernel frees it."""
    r = lib.record(["--fault=missed-switch"], ["sh", "-c", f"{lib.workload('wl_spawn')} row 1000; sleep 1"])
    lib.at_least(r.loss["missed_switch"], 10, "loss.missed_switch")
    # the shell, wl_spawn and its children, the shell's sleep; some may end unseen at the very end
    lib.at_least(r.ledger["threads"], 1001, "threads")


# side by side
def test_last_switches_at_the_end_are_repaired():
    """The kernel may free such a thread when the last lines of the account have been read."""
    p = lib.spawn(["sh", "-c", f"while :; do {lib.workload('wl_spawn')} row 1000; done"])
    for _ in range(8):
        r = lib.record(["--fault=missed-switch", "-d", 0.2, "-p", p.pid])
        lib.at_least(r.loss["missed_switch"], 3, "loss.missed_switch")
        lib.equal(r.ledger["unattributed_ns"], 0, "time whose lines were not read")


# side by side
def test_threads_without_storage():
    r = lib.record(["--fault=threads"], [lib.workload("wl_spawn"), "row", 400])
    lib.at_least(r.loss["threads"], 10, "loss.threads")
    # those outside are named, and those inside are all there
    lib.equal(r.ledger["threads"] + r.loss["threads"], 401, "threads and loss.threads")


# side by side
def test_clock_that_runs_back():
    r = pingpong("clock")
    lib.at_least(r.loss["clock_backwards"], 1, "loss.clock_backwards")


# side by side
def test_kernel_stacks_that_fail():
    r = pingpong("kernel-stack", "--no-remember")
    lib.at_least(r.loss["kernel_stack_failed"], 1, "loss.kernel_stack_failed")


# side by side
def test_kernel_stacks_misremembered():
    """A wrong memory is found out by the checks, and what it named shows as lost."""
    r = pingpong("recall")
    lib.at_least(r.loss["kernel_stack_misremembered"], 1, "loss.kernel_stack_misremembered")


# side by side
def test_user_stacks_misremembered():
    """--unwind-check compares every one; without it such a stack would be lost, never another's."""
    r = pingpong("recall", "--unwind-check")
    lib.at_least(r.loss["user_stack_misremembered"], 1, "loss.user_stack_misremembered")


def hidden(target, processes):
    """A recording whose task iterator shows leaders only; how many threads that hides."""
    threads = sum(len(os.listdir(f"/proc/{p}/task")) - 1 for p in processes)
    r = lib.record(["--fault=hidden", "-d", 1] + target)
    lib.equal(r.loss["hidden_threads"], threads, "loss.hidden_threads")
    lib.equal(r.ledger["threads"], len(processes), "threads in the account")
    lib.contains(r.err, f"does not show {threads} of the target's threads", "standard error")


def threaded(count, **kw):
    p = lib.spawn([lib.workload("wl_threads"), str(count), "1", "60000"], **kw)
    lib.until(lambda: len(os.listdir(f"/proc/{p.pid}/task")) == count + 1, what="threads")
    return p.pid


def test_hidden_threads_of_processes():
    a, b = threaded(11), threaded(6)
    hidden(["-p", f"{a},{b}"], [a, b])


def test_hidden_threads_of_descendants():
    p = lib.spawn(["sh", "-c", f"{lib.workload('wl_threads')} 9 1 60000; true"])
    (child,) = lib.until(lambda: lib.descendants(p.pid), what="the child")
    lib.until(lambda: len(os.listdir(f"/proc/{child}/task")) == 10, what="threads")
    hidden(["-p", p.pid], [p.pid, child])


def test_hidden_threads_of_a_group():
    for group in (lib.v1_cgroup("cpu"), lib.v2_cgroup()):
        inner = os.path.join(group, "inner")
        os.mkdir(inner)
        lib.cleanup(lib.remove_cgroup, inner)
        pids = [threaded(5, preexec_fn=lib.enter(group)), threaded(8, preexec_fn=lib.enter(inner))]
        hidden(["-g", group], pids)


def test_none_hidden_that_come_and_go():
    """Threads and processes that are born and end while one looks are not hidden ones."""
    churn = lib.spawn(["sh", "-c", f"while :; do {lib.workload('wl_threads')} 40 1 1; done"],
                      stdout=subprocess.DEVNULL)
    time.sleep(0.3)
    for _ in range(8):
        r = lib.record(["-p", churn.pid, "-d", 0.2])
        lib.equal(r.loss["hidden_threads"], 0, "loss.hidden_threads")


# side by side
def test_booked_before_it_was_woken():
    """Waits that the kernel's books cannot be compared for are left out of the audit, and counted."""
    r = pingpong("booked")
    lib.at_least(r.loss["audit_waits"], 100, "loss.audit_waits")
    lib.at_most(abs(r.summary["audit"]["runq_residual_ppm"]), 1000, "the audit of the others")


def test_programs_skipped():
    """A program within itself is not run by the kernel; that is found in the kernel's count."""
    command = [lib.workload("wl_states"), "--dir", lib.TMP, "pipe=300", "cpu_sys=300", "disk=100"]
    r = lib.record(["--fault=skipped"], command)
    lib.at_least(r.loss["program_skipped"], 1, "loss.program_skipped")
    lib.contains(r.err, f"{r.loss['program_skipped']} runs of worktrace's programs", "standard error")
    lib.equal(lib.record([], command).loss["program_skipped"], 0, "without the fault")
