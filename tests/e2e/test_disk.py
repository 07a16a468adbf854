# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests of disks against fio's own figures and the kernel's, and whose they are."""
import csv
import json
import os
import re
import subprocess

import lib
from lib import MS, at_least, at_most, contains, equal, near, need, record, tmp


def disk_of(path):
    """The whole disk that a file lies on; skips where that cannot be told."""
    dev = os.stat(path).st_dev
    try:
        real = os.path.realpath(f"/sys/dev/block/{os.major(dev)}:{os.minor(dev)}")
        if os.path.exists(os.path.join(real, "partition")):
            real = os.path.dirname(real)
    except OSError:
        raise lib.Skip("the file system has no block device")
    if not os.path.exists(os.path.join(real, "queue", "scheduler")):
        raise lib.Skip(f"{real} has no queue of requests")
    return os.path.basename(real)


def drop_cache(path):
    fd = os.open(path, os.O_RDWR)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def make_file(name, size):
    path = tmp(name)
    with open(path, "wb") as f:
        f.write(os.urandom(1 << 20) * (size >> 20))
    drop_cache(path)
    return path


def total(rows, key):
    return sum(r[key] for r in rows)


def check_devices(r):
    """What holds for every devices.csv."""
    for row in r.devices():
        for kind in ("queue", "service"):
            p = [row[f"{kind}_{q}_ns"] for q in ("p50", "p95", "p99", "max")]
            equal(p, sorted(p), f"percentiles of {row}")
            at_most(p[3], max(row[f"{kind}_ns"], 0), f"longest of {row}")
        at_most(row["sequential"], row["requests"], f"sequential of {row}")
        at_most(row["errors"], row["requests"], f"errors of {row}")
        at_least(row["requests"] + row["wait_ns"], 1, f"row of nothing: {row}")


def check_audit(r, device):
    """The disk's totals against /proc/diskstats, which is read just outside of the recording."""
    d = [d for d in r.summary["devices"] if d["device"] == device][0]
    for group in ("read", "write", "discard", "flush"):
        ours, kernel = d["ours"][group], d["kernel"][group]
        slack = 20 + kernel["requests"] // 100
        at_most(abs(ours["requests"] - kernel["requests"]), slack, f"{group} requests: {d}")
        if group != "flush":
            at_most(abs(ours["bytes"] - kernel["bytes"]), (4 << 20) + kernel["bytes"] // 100,
                    f"{group} bytes: {d}")
            # ours runs from where a request was made; the kernel's may begin with a plug
            at_least(kernel["ns"] * 1.05 + 20 * MS + ours["requests"] * MS, ours["ns"],
                     f"{group} time: {d}")
    return d


def test_fio_reads():
    fio = need("fio")
    path = make_file("fio.data", 64 << 20)
    device = disk_of(path)
    out = tmp("fio.json")
    r = record([], [fio, "--name=read", f"--filename={path}", "--rw=randread", "--bs=4k",
                    "--size=64m", "--io_size=16m", "--direct=1", "--ioengine=psync",
                    "--output-format=json", f"--output={out}"])
    check_devices(r)
    check_audit(r, device)
    with open(out) as f:
        truth = json.load(f)["jobs"][0]["read"]
    rows = r.devices(device=device, operation="read", process="fio")
    equal(len(rows), 1, "rows of fio's reads")
    row = rows[0]
    # fio also reads itself and its libraries; their pages are readahead, directories are not
    at_least(row["requests"], truth["total_ios"], "requests against fio's count")
    at_most(row["requests"], truth["total_ios"] + 150, "requests against fio's count")
    at_least(row["bytes"], truth["io_bytes"], "bytes against fio's")
    at_most(row["bytes"], truth["io_bytes"] + (2 << 20), "bytes against fio's")
    at_most(row["sequential"], row["requests"] // 10, "a random read is not sequential")
    d = [d for d in r.summary["devices"] if d["device"] == device][0]
    at_most(row["inflight_max"], 1 + d["untimed"], "one request at a time")
    # a request is within fio's completion latency, and most of it where the CPUs are not taken
    p50 = truth["clat_ns"]["percentile"]["50.000000"]
    ours = row["service_p50_ns"] + row["queue_p50_ns"]
    at_most(ours, p50 * 1.25, "median time of a request against fio's")
    at_least(ours, p50 * 0.25, "median time of a request against fio's")
    # the threads waited for these requests, and for nothing on this disk much longer
    at_most(row["service_ns"] * 0.7, row["wait_ns"] + r.state("runq"), "the ledger's waits")


def test_fio_writes_and_fsync():
    fio = need("fio")
    path = tmp("fio.log")
    open(path, "w").close()
    device = disk_of(path)
    out = tmp("fio.json")
    r = record([], [fio, "--name=log", f"--filename={path}", "--rw=write", "--bs=64k", "--size=8m",
                    "--fsync=8", "--ioengine=psync", "--output-format=json", f"--output={out}"])
    check_devices(r)
    check_audit(r, device)
    with open(out) as f:
        truth = json.load(f)["jobs"][0]
    wrote = r.devices(device=device, operation="write", process="fio")
    # fsync's caller writes what the flusher of the kernel has not written before
    at_least(total(wrote, "bytes"), truth["write"]["io_bytes"] // 2, "bytes written by fsync's caller")
    at_most(total(wrote, "bytes"), truth["write"]["io_bytes"] * 1.2 + (1 << 20), "bytes written")
    synced = r.devices(device=device, operation="flush", process="fio")
    at_least(total(synced, "wait_ns"), 1, "waits in fsync")
    equal(total(synced, "wait_ns"), r.waited(state="disk", reason=re.compile(r"^f(data)?sync \w")),
          "waits in fsync, in both files")
    # a flush is charged to whoever asked last; fsync may leave it to the journal's thread
    flushes = [d for d in r.summary["devices"] if d["device"] == device][0]["ours"]["flush"]["requests"]
    at_least(flushes, 1 if truth["sync"]["total_ios"] else 0, "flushes")


def test_two_jobs_on_one_disk():
    dd = need("dd")
    paths = [make_file(f"job{i}", 8 << 20) for i in range(2)]
    device = disk_of(paths[0])
    counts = (1500, 700)
    script = "".join(
        f"JOB_NAME=disk-{i} BUILD_NUMBER={i + 1} JENKINS_URL=http://x/ {dd} if={p} of=/dev/null bs=4k count={n} "
        f"iflag=direct 2>/dev/null & " for i, (p, n) in enumerate(zip(paths, counts))) + "wait"
    r = record([], ["/bin/sh", "-c", script])
    check_devices(r)
    jobs = {}
    for row in r.devices(device=device, operation="read", process="dd"):
        assert row["job"] not in jobs, f"two rows of one job: {row}"
        jobs[row["job"]] = row
    for i, n in enumerate(counts):
        row = jobs.get(f"disk-{i}#{i + 1}")
        assert row, f"no row of job {i}: {list(jobs)}"
        at_least(row["requests"], n, f"requests of job {i}")
        at_most(row["requests"], n + 30, f"requests of job {i}")
        at_least(row["sequential"], n - 30, f"sequential requests of job {i}")
        at_least(row["wait_ns"], 1, f"waits of job {i}")


def test_requests_by_unit():
    """Each unit has the requests that it made, by their number and bytes, and what befell its thread."""
    path = make_file("unit.data", 16 << 20)
    device = disk_of(path)
    work = f"""
import mmap, os, time
fd = os.open({path!r}, os.O_RDWR | os.O_DIRECT)
buf = mmap.mmap(-1, 16384)
cpus, at = sorted(os.sched_getaffinity(0)), 0
for unit in range(1, 21):
    time.sleep(0.002)		# units as short as half a millisecond share an epoch
    for i in range(unit):
        os.preadv(fd, [memoryview(buf)[:4096]], (unit * 37 + i * 11) % 4000 * 4096)
        os.pwritev(fd, [memoryview(buf)[:16384]], (unit * 41 + i * 13) % 900 * 16384)
    for i in range(unit if len(cpus) > 1 else 0):
        at = (at + 1) % len(cpus)
        os.sched_setaffinity(0, [cpus[at]])
    print(f'[PERF] {{unit}}/20 done', flush=True)
"""
    r = record(["--irqs", "--unit-line", r"(?<done>\d+)/(?<total>\d+) done"], [lib.PYTHON, "-c", work])
    with open(os.path.join(r.path, "units.csv")) as f:
        units = list(csv.DictReader(f))
    equal([u["done"] for u in units], [str(i) for i in range(1, 21)], "units")
    for i, u in enumerate(units[1:], 2):		# the first one also starts python
        equal((int(u["disk_reads"]), int(u["disk_read_bytes"])), (i, i * 4096), f"reads of unit {i}")
        at_least(int(u["disk_writes"]), i, f"writes of unit {i}")	# … and a file system's own
        near(int(u["disk_write_bytes"]), i * 16384, 64 << 10, f"bytes written by unit {i}")
        at_least(int(u["disk_requests_ns"]), i * 1000, f"time of its requests, unit {i}")
        at_least(int(u["cpu_ns"]), int(u["steal_ns"]) + int(u["irq_ns"]) + int(u["softirq_ns"]), f"taken, unit {i}")
        # the same by the disk, and the waits by what was waited for
        mine = r.unit_objects(seq=int(u["seq"]))
        asked = {(o["object"], o["operation"]): o for o in mine if o["state"] == "request"}
        for op, column in (("read", "disk_read"), ("write", "disk_write")):
            o = asked[device, op]
            equal((o["count"], o["bytes"]), (int(u[column + "s"]), int(u[column + "_bytes"])), f"{op}s of unit {i}")
        equal(sum(o["total_ns"] for o in asked.values()), int(u["disk_requests_ns"]), f"time of unit {i}'s requests")
        equal(sum(o["total_ns"] for o in mine if o["state"] == "disk"), int(u["disk_ns"]), f"disk of unit {i}")
        at_least(sum(o["total_ns"] for o in mine if o["object"] in (f"read {device}", f"write {device}")),
                 int(u["disk_ns"]) * 0.9, f"waits of unit {i} for {device}")
        if os.cpu_count() > 1:
            at_least(int(u["migrations"]), i - 1, f"moves of unit {i}")
            at_most(int(u["migrations"]), i + 4, f"moves of unit {i}")
    (thread,) = [t for t in r.threads() if t["comm"] == "python3"]
    for key in ("steal_ns", "irq_ns", "softirq_ns", "migrations"):
        # what comes before the first unit ends, and after the last line, is the rest
        at_most(sum(int(u[key]) for u in units), thread[key], f"{key} of units against the thread's")
    at_least(sum(int(u["softirq_ns"]) + int(u["irq_ns"]) for u in units), 1, "interrupts of units")
    (kind,) = r.summary["jobs"][0]["units"]
    near(kind["per_unit"]["disk_reads"] * 20, sum(int(u["disk_reads"]) for u in units), 0.01, "mean of reads")
    (disk,) = [d for d in kind["disks"] if d["device"] == device]
    near(disk["reads"], kind["per_unit"]["disk_reads"], 0.01, "mean of reads of that disk")
    near(disk["requests_ns"], kind["per_unit"]["disk_requests_ns"], 1000, "mean time of its requests")
    contains(r.err, r"asks of disks, a unit: \d", "the terminal")
    r = record(["--detail-entries=16", "--unit-line", r"(?<done>\d+)/(?<total>\d+) done"], [lib.PYTHON, "-c", work])
    at_least(r.loss["disk_requests_unit"], 1, "requests that found the details full")


def test_requests_of_programs():
    """Programs that are units have their requests by the disk, and their waits by what they waited for."""
    path = make_file("program.data", 8 << 20)
    device = disk_of(path)
    work = f"for i in 1 2 3; do dd if={path} of=/dev/null bs=4k count=$((i * 50)) iflag=direct; done; " \
           f"dd if=/dev/zero of={path} bs=64k count=20 oflag=direct,sync conv=notrunc"
    r = record(["--unit-exec", "dd"], ["sh", "-c", work])
    units = [u for u in r.units() if u["kind"] == "exec:dd"]
    for i, u in enumerate(units[:3], 1):	# a file system's own may be among them
        at_least(u["disk_reads"], i * 50, "reads")
        at_most(u["disk_reads"], i * 50 + 10, "reads")
    reads, read_bytes = (sum(u[k] for u in units) for k in ("disk_reads", "disk_read_bytes"))
    at_least(units[3]["disk_writes"], 20, "writes")
    for u in units:
        mine = r.unit_objects(kind="exec:dd", pid=u["pid"])
        asked = {(o["object"], o["operation"]): o["count"] for o in mine if o["state"] == "request"}
        op, column = ("read", "disk_reads") if u is not units[3] else ("write", "disk_writes")
        equal(asked[device, op], u[column], f"{op}s of {u['label']}")
        waited = sum(o["total_ns"] for o in mine if o["state"] == "disk" and f" {device}" in o["object"])
        at_least(waited, u["disk_ns"] * 0.98, f"waits of {u['label']} with a disk")
    (kind,) = [k for k in r.summary["jobs"][0]["units"] if k["kind"] == "exec:dd"]
    (disk,) = [d for d in kind["disks"] if d["device"] == device]
    near(disk["reads"] * 4, reads, 0.01, "mean of reads")
    near(disk["read_bytes"] * 4, read_bytes, 4, "mean of bytes read")


def without_disk(r, device):
    """The share of the time in `disk` whose reason has no device."""
    rows = r.waits(state="disk")
    total = sum(w["total_ns"] for w in rows)
    at_least(total, MS, "waits on disks")
    return sum(w["total_ns"] for w in rows if not re.search(rf" {device}\w*( |$)", w["reason"])) / total


def test_objects_of_waits():
    """Requests that other calls wait for, and files that are sent: all waits have their disk."""
    fio = need("fio")
    path = make_file("fio.data", 16 << 20)
    device = disk_of(path)
    for engine, reason in (("libaio", "io_getevents"), ("io_uring", "io_uring")):
        r = record([], [fio, "--name=read", f"--filename={path}", "--rw=randread", "--bs=4k", "--size=16m",
                        "--io_size=8m", "--direct=1", f"--ioengine={engine}", "--iodepth=4",
                        "--output=" + os.path.join(lib.TMP, engine)])
        if r.summary["exit"]["status"]:
            with open(os.path.join(lib.TMP, engine)) as f:
                print(f"fio cannot use {engine} here: {f.read()}")
            continue
        share = without_disk(r, device)
        print(f"{engine}: {share:.4f} of the time without a disk")
        at_most(share, 0.02, f"waits without a disk, {engine}")
        assert r.waits(state="disk", reason=f"{reason} {device}"), r.waits(state="disk")
        # completions may be of either: no read is said to have been waited for
        (row,) = [d for d in r.devices(device=device, operation="other") if d["process"] == "fio"]
        at_least(row["wait_ns"], r.waited(state="disk", reason=f"{reason} {device}"), "waits for completions")
    r = record([], [lib.PYTHON, "-c", f"""
import os, socket
a, b = socket.socketpair()
if not os.fork():
    a.close()
    while b.recv(1 << 20): pass
    os._exit(0)
b.close()
fd = os.open({path!r}, os.O_RDONLY)
for _ in range(5):
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    at = 0
    while at < 4 << 20: at += os.sendfile(a.fileno(), fd, at, 1 << 20)
"""])
    at_most(without_disk(r, device), 0.02, "waits without a disk, sendfile")
    assert r.waits(state="disk", reason=re.compile(rf"^sendfile {device}\w* .*fio\.data$")), r.waits(state="disk")


def test_below_a_file_system_without_a_disk():
    """On overlayfs, as in a container, the disk below is named, of reads, writes and fsync."""
    lib.need("losetup", "mkfs.ext4", "mount")
    image, top = make_file("lower.img", 64 << 20), lib.tmp("merged")
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    loop = subprocess.run(["losetup", "-f", "--show", image], stdout=subprocess.PIPE, text=True)
    if loop.returncode:
        raise lib.Skip("no loop device")
    loop = loop.stdout.strip()
    lib.cleanup(subprocess.run, ["losetup", "-d", loop])
    below = lib.tmp("below")
    for d in (below, top):
        os.mkdir(d)
    subprocess.run(["mount", loop, below], check=True)
    lib.cleanup(subprocess.run, ["umount", below])
    for d in ("lower", "upper", "work"):
        os.mkdir(os.path.join(below, d))
    with open(os.path.join(below, "lower", "f"), "wb") as f:
        f.write(os.urandom(8 << 20))
    os.sync()
    if subprocess.run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={below}/lower,upperdir={below}/upper,"
                       f"workdir={below}/work", top], stderr=subprocess.DEVNULL).returncode:
        raise lib.Skip("no overlayfs")
    lib.cleanup(subprocess.run, ["umount", top])
    drop_cache(os.path.join(below, "lower", "f"))
    work = f"""
import os
fd = os.open({top!r} + "/f", os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
for i in range(60): os.pread(fd, 4096, i * 33 * 4096)
fd = os.open({top!r} + "/g", os.O_WRONLY | os.O_CREAT | os.O_SYNC)
for i in range(20): os.write(fd, b"x" * 4096)
fd = os.open({top!r} + "/h", os.O_WRONLY | os.O_CREAT)
for i in range(20): os.write(fd, b"x" * 4096); os.fsync(fd)
"""
    r = record([], [lib.PYTHON, "-c", work])
    device = os.path.basename(loop)
    # of a long path the innermost names are there
    rows = [w for w in r.waits(state="disk") if "/merged/" in w["reason"]]
    for call, name in (("read", "f"), ("write", "g"), ("fsync", "h")):
        at_least(sum(w["count"] for w in rows if w["reason"].startswith(f"{call} {device} ") and
                     w["reason"].endswith(f"/merged/{name}")), 15, f"{call}: {rows}")
    at_most(sum(w["total_ns"] for w in rows if f" {device} " not in w["reason"]),
            sum(w["total_ns"] for w in rows) * 0.02, f"waits without the disk: {rows}")


# a file system that has nothing, and takes 0.2 s to find that out
FUSE = """
import ctypes, os, struct, sys, time
fd = os.open("/dev/fuse", os.O_RDWR)
if ctypes.CDLL(None, use_errno=True).mount(b"none", sys.argv[1].encode(), b"fuse", 0,
        b"fd=%d,rootmode=40000,user_id=0,group_id=0" % fd):
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
while True:
    try: request = os.read(fd, 1 << 18)
    except OSError: break
    _, op, unique = struct.unpack_from("IIQ", request)
    error, answer = -38, b""			# ENOSYS
    if op == 26:				# INIT
        error, answer = 0, struct.pack("IIIIHHIIHHI", 7, 31, 1 << 16, 0, 8, 6, 1 << 16, 1, 16, 0, 0) + b"\\0" * 28
    elif op == 3:				# GETATTR
        error, answer = 0, struct.pack("QII6Q10I", 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0o40755, 2, 0, 0, 0, 4096, 0)
    elif op == 1:				# LOOKUP
        time.sleep(0.2)
        error = -2
    if op not in (2, 42):			# FORGET, BATCH_FORGET
        os.write(fd, struct.pack("IiQ", 16 + len(answer), error, unique) + answer)
"""


def test_file_system_in_user_space():
    """Who asks one waits for a file, and not for a pipe; close(2) waits for nobody knows what."""
    top = lib.tmp("fuse")
    os.mkdir(top)
    p = lib.spawn([lib.PYTHON, "-c", FUSE, top], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if p.stdout.readline() != "mounted\n":
        raise lib.Skip(f"no FUSE: {p.stderr.read()}")
    lib.cleanup(subprocess.run, ["umount", "-l", top])
    work = f"""
import os, socket, struct, threading
for i in range(3): os.path.exists({top!r} + f"/{{i}}")
os.mkfifo({top!r} + "-fifo")
threading.Timer(0.2, lambda: open({top!r} + "-fifo", "w").close()).start()
open({top!r} + "-fifo").read()
l = socket.create_server(("127.0.0.1", 0))
s = socket.create_connection(l.getsockname())
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 1))
s.setblocking(False)
try:
    while True: s.send(b"x" * 65536)
except BlockingIOError: pass
s.setblocking(True)
s.close()
"""
    r = record([], [lib.PYTHON, "-c", work])
    asked = [w for w in r.waits(state="disk") if top + "/" in w["reason"]]
    equal(sorted(w["reason"] for w in asked), [f"newfstatat fuse {top}/{i}" for i in range(3)], "files asked for")
    near(sum(w["total_ns"] for w in asked), 600 * MS, 100 * MS, "time of asking")
    near(r.waited(state="ipc", reason="pipe read"), 200 * MS, 80 * MS, "opening a FIFO")
    near(r.waited(state="other", reason="close"), 1000 * MS, 100 * MS, "a close that lingers")


def test_sync():
    """sync(2) is for all disks: it is named by the one that was written to meanwhile, if it was one."""
    path = make_file("synced.data", 4096)
    device = disk_of(path)
    r = record([], [lib.PYTHON, "-c", f"""
import os
fd = os.open({path!r}, os.O_RDWR)
for i in range(5):
    os.pwrite(fd, os.urandom(8 << 20), 0)
    os.sync()
"""])
    waits = r.waits(state="disk", reason=re.compile("^sync "))
    equal({w["reason"] for w in waits} - {f"sync {device}", "sync of all disks"}, set(), "what sync waited for")
    at_least(r.waited(state="disk", reason=f"sync {device}"), max(sum(w["total_ns"] for w in waits) / 2, 1),
             f"sync's disk: {waits}")


def test_objects_of_mappings():
    """What is waited for through a mapping has its file: msync, madvise, a buffer that a call reads from."""
    fio = need("fio")
    path = make_file("mapped.data", 16 << 20)
    device = disk_of(path)
    r = record([], [lib.PYTHON, "-c", f"""
import ctypes, mmap, os
libc = ctypes.CDLL(None)
fd = os.open({path!r}, os.O_RDWR)
m = mmap.mmap(fd, 16 << 20)
m.madvise(mmap.MADV_RANDOM)
a, b = os.pipe()
at = ctypes.addressof(ctypes.c_char.from_buffer(m))
def drop():
    os.fsync(fd)
    m.madvise(mmap.MADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
for i in range(60):
    m[i * 40960] = i
    m.flush()
for i in range(300):			# write(2) to a pipe, out of the mapping
    if not i % 100: drop()
    libc.write(b, ctypes.c_void_p(at + i * 8192), 16)
    os.read(a, 16)
drop()
libc.madvise(ctypes.c_void_p(at), 8 << 20, 22)	# MADV_POPULATE_READ
os.ftruncate(fd, 12 << 20)
os.fsync(fd)
"""])
    at_most(without_disk(r, device), 0.02, "waits without a disk, mappings")
    for call in ("msync", r"iowait \(write\)", r"iowait \(madvise\)"):
        at_least(r.waited(state="disk", reason=re.compile(rf"^{call} {device}\w* .*mapped\.data$")), 1, f"{call}: {r.waits(state='disk')}")
    synced = [d for d in r.devices(device=device, operation="flush") if d["process"] == "python3"]
    at_least(total(synced, "wait_ns"), r.waited(state="disk", reason=re.compile("^msync ")), "msync is a sync")
    r = record([], [fio, "--name=m", f"--filename={path}", "--rw=randrw", "--bs=4k", "--size=12m", "--io_size=4m",
                    "--ioengine=mmap", "--fsync=32", "--output=/dev/null"])
    share = without_disk(r, device)
    print(f"fio, mmap: {share:.4f} of the time without a disk")
    at_most(share, 0.02, "waits without a disk, fio's mmap engine")


def test_swap_in():
    """Memory that has to come back from swap: swap by its name, with the disk, and no file's page."""
    need("mkswap", "swapon", "swapoff")
    group = lib.v1_cgroup("memory") if "memory" in lib.cgroup_mounts()[0] else lib.v2_cgroup("memory")
    limit = os.path.join(group, "memory.limit_in_bytes")
    with open(limit if os.path.exists(limit) else os.path.join(group, "memory.max"), "w") as f:
        f.write(str(32 << 20))
    path = make_file("swap", 64 << 20)
    device = disk_of(path)
    os.chmod(path, 0o600)
    subprocess.run(["mkswap", path], check=True, stdout=subprocess.DEVNULL)
    if subprocess.run(["swapon", path]).returncode:
        raise lib.Skip("no swapping here")
    lib.cleanup(subprocess.run, ["swapoff", path])
    touch = "m = bytearray(48 << 20)\nfor r in range(3):\n for i in range(0, len(m), 4096): m[i] = r"
    r = record([], ["/bin/sh", "-c", f"echo $$ > {group}/cgroup.procs; exec {lib.PYTHON} -c '{touch}'"])
    swapped = r.waited(state="disk", reason=f"swap in {device}")
    at_least(swapped, 10 * MS, f"waits for swap: {r.waits(state='disk')}")
    faults = r.waited(state="disk", comm="python3", reason=re.compile("^(major fault|swap in)"))
    at_least(swapped, faults * 0.8, f"faults that are of swap: {r.waits(state='disk')}")
    at_most(without_disk(r, device), 0.02, "waits without a disk")


def test_losses_of_disks():
    fio = need("fio")
    path = make_file("fio.data", 16 << 20)
    device = disk_of(path)
    r = record(["--disk-rows=1", "--disk-requests=1"],
               [fio, "--name=read", f"--filename={path}", "--rw=randread", "--bs=4k", "--size=16m",
                "--io_size=4m", "--direct=1", "--ioengine=libaio", "--iodepth=16",
                "--output=/dev/null"])
    at_least(r.loss["disk_requests"], 1, "requests that found their map full")
    contains(r.err, "requests of disks were too many at once", "the terminal")
    r = record(["--disk-rows=1"],
               ["/bin/sh", "-c", f"dd if={path} of=/dev/null bs=4k count=50 iflag=direct; "
                f"dd if={path} of={path}.2 bs=4k count=50 oflag=direct conv=fsync"])
    at_least(r.loss["disk_rows_full"], 1, "requests whose row found the map full")
    at_most(len([x for x in r.devices() if x["requests"]]), 1, "rows of requests")
    check_audit(r, device)
    r = record(["--no-disks"], ["/bin/true"])
    equal(r.summary["devices"], [], "--no-disks")
    assert not os.path.exists(os.path.join(r.path, "devices.csv")), "--no-disks makes no devices.csv"


def test_system_txt():
    r = record([], ["/bin/sh", "-c", "for i in 1 2 3; do /bin/true; done; sleep 2.5"])
    with open(os.path.join(r.path, "system.txt")) as f:
        text = f.read()
    for head in ("HOST", "LOAD (uptime)", "PROCESSORS", "STEAL OVER TIME", "BUSIEST PROCESSES", "KERNEL (vmstat)",
                 "MEMORY, MiB (free)", "PRESSURE", "DISKS", "NETWORK", "INTERRUPTS", "SOFT INTERRUPTS"):
        contains(text, rf"(?m)^{re.escape(head)}", "system.txt")
    s = r.summary["system"]
    equal(s["cpus"], os.cpu_count(), "processors")
    with open("/proc/meminfo") as f:
        kib = int(re.search(r"MemTotal:\s+(\d+)", f.read()).group(1))
    equal(s["memory_bytes"], kib * 1024, "memory")
    at_least(s["forks"], 3, "forks: three programs; the shell may become the last itself")
    # the time of all CPUs is what passed on each: ticks are coarse, the two ends are not one instant
    passed = sum(s["cpu"].values())
    at_least(passed, r.duration * s["cpus"] * 0.8, "time of all CPUs")
    at_most(passed, r.duration * s["cpus"] * 1.3 + 500 * MS, "time of all CPUs")
    if os.path.exists("/proc/pressure/cpu"):
        for what in ("cpu", "memory", "io"):
            p = s["pressure"][what]
            at_most(p["full_ns"], p["some_ns"] + 10 * MS, f"pressure of {what}")
            at_most(p["some_ns"], r.duration * 1.3 + 500 * MS, f"pressure of {what}")
    at_least(s["busy"]["max"], s["busy"]["mean"], "busy")
    # free(1) reads the same counters
    total_mib = subprocess.run(["free", "-m"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[1].split()[1]
    contains(text, rf"(?m)^  end +({total_mib}|{int(total_mib) + 1}) ", "the total that free prints")


FILES_PY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data", "files.py")


def by_file(r, call):
    """{file's last component and what follows it: time} of waits in a call of python3."""
    out = {}
    for w in r.waits(state="disk", comm="python3"):
        m = re.fullmatch(rf"{call} \S+ (\S*?)/([^/]+)", w["reason"])
        if m:
            out[m.group(2)] = out.get(m.group(2), 0) + w["total_ns"]
    return out


def nameless(r):
    """The share of disk waits that have neither a device nor a file."""
    bare = re.compile(r"^(major fault|swap in|iowait( \(\w+\))?|\w+)$")
    disk = r.state("disk")
    return r.waited(state="disk", reason=bare) / disk if disk else 0


def test_names_of_files():
    where = tmp("files")
    os.mkdir(where)
    device = disk_of(where)
    r = record([], [lib.PYTHON, FILES_PY, where])
    reads = by_file(r, "read")
    for name in ("plain", "gone (deleted)", "old", "new"):
        assert reads.get(name), f"no wait for {name}: {r.waits(state='disk')}"
    # the same descriptor under two names: each has its half
    at_least(reads["new"] * 4, reads["old"], "waits for the renamed file")
    at_least(reads["old"] * 4, reads["new"], "waits for the file before it was renamed")
    assert "gone" not in reads, f"a deleted file under a name that it has no more: {reads}"
    faults = by_file(r, "major fault")
    assert faults.get("mapped"), f"no major fault of the mapped file: {r.waits(state='disk')}"
    at_most(sum(faults.values()) - faults["mapped"], sum(faults.values()) * 0.5 + 20 * MS, "other faults")
    at_least(by_file(r, "fsync").get("synced", 0), 1, "fsync of the file")
    full = [w["reason"] for w in r.waits(state="disk", comm="python3") if w["reason"].endswith("/plain")]
    # long names keep their end
    assert all(x.endswith(where[-30:] + "/plain") and f" {device}" in x for x in full), full
    at_most(nameless(r), 0.02, "disk waits without an object")
    contains(r.err, r"(?m)^  disk read .*\n    file .* \(\d+(\.\d)? %\) and \d+ more$", "the terminal's lines")
    # the folded stacks have the device only: a flame graph does not fall apart into files
    leaves = {f[-1] for f, _ in r.folded("offcpu") if f[-1].startswith("[disk read")}
    assert leaves and not [x for x in leaves if "/" in x], leaves


def test_files_beyond_the_number():
    where = tmp("files")
    os.mkdir(where)
    disk_of(where)
    r = record(["--max-files=2"], [lib.PYTHON, FILES_PY, where])
    at_least(r.loss["files_folded"], 1, "files that were folded")
    at_least(r.waited(state="disk", reason=re.compile(r" \[other files\]$")), 1, "waits for other files")
    names = {w["reason"].split()[-1] for w in r.waits(state="disk", reason=re.compile("/"))}
    at_most(len(names), 2, f"named files: {names}")
    r = record(["--no-files"], [lib.PYTHON, FILES_PY, where])
    assert not r.waits(state="disk", reason=re.compile(r"/|other files")), "--no-files names files"


def test_names_in_a_chroot():
    busybox = need("busybox")
    root = tmp("root")
    os.makedirs(os.path.join(root, "data"))
    if b"dynamic" in subprocess.run(["file", "-L", busybox], stdout=subprocess.PIPE).stdout:
        raise lib.Skip("busybox is not static")
    with open(busybox, "rb") as src, open(os.path.join(root, "busybox"), "wb") as dst:
        dst.write(src.read())
    os.chmod(os.path.join(root, "busybox"), 0o755)
    path = make_file("root/data/x.bin", 8 << 20)
    device = disk_of(path)
    drop_cache(path)
    r = record([], ["/usr/sbin/chroot", root, "/busybox", "dd", "if=/data/x.bin", "of=/data/y.bin", "bs=64k"])
    rows = r.waits(state="disk", reason=f"read {device} /data/x.bin")
    assert rows, f"no wait for /data/x.bin: {r.waits(state='disk')}"
