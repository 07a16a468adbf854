# SPDX-License-Identifier: GPL-2.0-or-later
"""What BPF programs cost, as the kernel accounts it.

The accounting itself costs two readings of the clock per run of every program,
so it is on only inside a Window, and no workload is timed meanwhile.  It is asked for by
BPF_ENABLE_STATS (the switch behind kernel.bpf_stats_enabled): that ends with the
descriptor, even when we are killed."""

import ctypes
import json
import os
import platform
import subprocess
import time

from procs import BenchError

BPF_ENABLE_STATS = 32
BPF_STATS_RUN_TIME = 0
SYS_BPF = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}


def _enable_stats():
    nr = SYS_BPF.get(platform.machine())
    if nr is None:
        raise BenchError("the number of bpf() on %s is not known here" % platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    attr = ctypes.create_string_buffer(128)
    ctypes.memmove(attr, ctypes.byref(ctypes.c_uint32(BPF_STATS_RUN_TIME)), 4)
    fd = libc.syscall(nr, BPF_ENABLE_STATS, attr, len(attr))
    if fd < 0:
        raise BenchError("cannot switch the run time statistics of BPF programs on: %s"
                         % os.strerror(ctypes.get_errno()))
    return fd


def programs(bpftool):
    """{id: (name, run_time_ns, run_cnt)} of every loaded program."""
    run = subprocess.run(bpftool.argv + ["prog", "show", "-j"],
                         capture_output=True, text=True, timeout=60)
    try:
        shown = json.loads(run.stdout)
    except ValueError:
        raise BenchError("bpftool prog show -j: %s" % (run.stderr.strip() or "no JSON")) from None
    return {p["id"]: (p.get("name", "?"), p.get("run_time_ns", 0), p.get("run_cnt", 0))
            for p in shown if isinstance(p, dict) and "id" in p}


def window(bpftool, ids, seconds):
    """Runs of the programs ids within a window: [{name, id, ns, runs, window_s}]."""
    fd = _enable_stats()
    try:
        before, start = programs(bpftool), time.monotonic()
        time.sleep(seconds)
        after, end = programs(bpftool), time.monotonic()
    finally:
        os.close(fd)
    rows = []
    for i in sorted(ids):
        if i in before and i in after:
            rows.append({"name": after[i][0], "id": i,
                         "ns": after[i][1] - before[i][1],
                         "runs": after[i][2] - before[i][2],
                         "window_s": end - start})
    return rows
