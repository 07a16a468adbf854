# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes: started so that none outlives the benchmark, and what /proc says of them."""

import ctypes
import os
import signal
import subprocess
import time

TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """One clear sentence for the user."""


def spawn(cmd, cpus=None, **kw):
    """Popen in a session of its own (Ctrl-C reaches only us) that dies with us."""

    def in_child():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if cpus:
            os.sched_setaffinity(0, cpus)

    return subprocess.Popen(cmd, start_new_session=True, preexec_fn=in_child, **kw)


def stop(proc, sig=signal.SIGTERM, timeout_s=10.0):
    """Ends a process that we started; kills it when it does not listen."""
    if proc.poll() is None:
        proc.send_signal(sig)
        try:
            proc.wait(timeout_s)
        except subprocess.TimeoutExpired:
            proc.kill()
            proc.wait()
    for stream in (proc.stdin, proc.stdout, proc.stderr):
        if stream:
            try:
                stream.close()
            except OSError:
                pass


def capture(cmd, timeout_s=120.0, **kw):
    """Standard output of a command that must succeed."""
    proc = spawn(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw)
    try:
        out, err = proc.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise BenchError("%s did not end within %g s" % (cmd[0], timeout_s)) from None
    finally:
        stop(proc)
    if proc.returncode:
        last = (err.strip() or out.strip() or "no message").splitlines()[-1]
        raise BenchError("%s failed: %s" % (cmd[0], last))
    return out


def cpu_s(pid):
    """User and system time of a live process, all its threads; None when it is gone."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) * TICK_S


def rss_peak_bytes(pid):
    """VmHWM: the peak of this program only (rusage would count what forked it)."""
    try:
        with open("/proc/%d/status" % pid) as f:
            for line in f:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def bpf_handles(pid):
    """(ids of the BPF programs a process holds attached, number of its perf events)."""
    attached, events = set(), 0
    try:
        fds = os.listdir("/proc/%d/fd" % pid)
    except OSError:
        return attached, events
    for fd in fds:
        try:
            kind = os.readlink("/proc/%d/fd/%s" % (pid, fd))
            if kind == "anon_inode:[perf_event]":
                events += 1
            if kind != "anon_inode:bpf_link":
                continue
            with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
                for line in f:
                    if line.startswith("prog_id:"):
                        attached.add(int(line.split()[1]))
        except OSError:
            continue
    return attached, events


def tree_bytes(path):
    """Size of a file, or of the files below a directory."""
    if not os.path.isdir(path):
        return os.path.getsize(path) if os.path.exists(path) else 0
    return sum(os.path.getsize(os.path.join(d, f))
               for d, _, files in os.walk(path) for f in files)


def steal_s():
    """CPU time the hypervisor gave to others, all CPUs, since boot."""
    with open("/proc/stat") as f:
        return int(f.readline().split()[8]) * TICK_S


def wait_for(condition, timeout_s, what, every_s=0.05):
    """Polls until condition() is true; BenchError after timeout_s."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise BenchError("%s: nothing after %g s" % (what, timeout_s))
        time.sleep(every_s)
