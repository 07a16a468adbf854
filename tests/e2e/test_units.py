# SPDX-License-Identifier: GPL-2.0-or-later
"""Units of work from the lines that programs write: which, when, and what each took."""
import csv
import datetime
import json
import os
import time

import lib

# Each asset burns and sleeps for a known while; the truth of each goes to a file.  Its CPU time is
# that of its own work: a wakeup does not have an idle CPU's clock read again before it schedules, so
# the kernel books (and thread_time tells) as CPU time what passes from there to the switch.
BATCH = r"""
import json, os, sys, time
n, burn, nap, form = int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
truth = []
print("starting", flush=True)
for i in range(1, n + 1):
    begin, cpu = time.time_ns(), time.thread_time_ns()
    while time.thread_time_ns() - cpu < burn * 1e9:
        pass
    slept, booked = time.monotonic_ns(), time.thread_time_ns()
    time.sleep(nap)
    slept, booked = time.monotonic_ns() - slept, time.thread_time_ns() - booked
    before = time.time_ns()
    if form == "counter":
        sys.stdout.write(f"[PERF] {i}/{n} ({100 * i / n:.1f}%) Avg: 0.018 s. Est. remaining: {n - i} s\n")
        sys.stdout.flush()
    elif form == "bar":
        sys.stdout.write(f"\r{100 * i // n:3d}%|{'#' * (10 * i // n):10s}| {i}/{n} [00:01<00:02, 3.80it/s]")
        sys.stdout.flush()
    else:
        sys.stdout.write(f"2026-11-27 22:14:01,123 INFO worker: finished item {i}/{n}\n")
    truth.append([begin, before, time.time_ns(), time.thread_time_ns() - cpu - booked, slept])
sys.stdout.flush()
with open(sys.argv[1], "w") as f:
    json.dump(truth, f)
"""


def units(r, kind="line"):
    """Rows of units.csv, numbers as int, instants as ns since 1970."""
    rows = []
    with open(os.path.join(r.path, "units.csv"), newline="") as f:
        for row in csv.DictReader(f):
            for k, v in row.items():
                if k.endswith("_ns") or k in ("pid", "seq", "batched") or (k in ("done", "total") and v):
                    row[k] = int(v)
                elif k.endswith("_utc"):
                    whole, part = v.rstrip("Z").split(".")
                    at = datetime.datetime.fromisoformat(whole + "+00:00")
                    row[k] = int(at.timestamp()) * lib.S + int(part)
            lib.equal(sum(row[s + "_ns"] for s in lib.STATES), row["thread_ns"], f"states of {row['unit']}")
            lib.at_least(row["end_utc"], row["start_utc"], f"end of {row['unit']}")
            if row["kind"].startswith(kind):
                rows.append(row)
    return rows


def batch(n, burn, nap, form, options=("--unit-preset", "auto"), stdout=None):
    path = lib.tmp("truth.json")
    r = lib.record(options, ["env", "-u", "PYTHONUNBUFFERED", lib.PYTHON, "-c", BATCH, path,
                             str(n), str(burn), str(nap), form],
                   **({"stdout": stdout} if stdout else {}))
    with open(path) as f:
        return r, json.load(f)


def within(value, low, high, what):
    """An instant lies between two that the program read, give or take 2 ms."""
    lib.at_least(value, low - 2 * lib.MS, what)
    lib.at_most(value, high + 2 * lib.MS, what)


def compare_unbuffered(rows, truth, first=1):
    """Boundaries where the program wrote, states within what these may be off."""
    lib.equal([u["done"] for u in rows], list(range(first, len(truth) + 1)), "counters")
    for u, t, last in list(zip(rows, truth[first - 1:], truth[first - 2:]))[1:]:
        _, before, after, cpu, slept = t
        what = f"unit {u['unit']}"
        within(u["end_utc"], before, after, what + " ends")
        within(u["start_utc"], last[1], last[2], what + " begins")
        lib.near(u["elapsed_ns"], u["end_utc"] - u["start_utc"], 1000, what + " elapsed")
        lib.near(u["thread_ns"], u["elapsed_ns"], 2, what + ": one thread")
        lib.near(u["cpu_ns"], cpu, 2 * lib.MS, what + ": cpu")
        # woken after it had slept, it waited for a CPU
        lib.at_most(u["sleep_ns"], slept + lib.MS // 10, what + ": sleep")
        lib.at_least(u["sleep_ns"] + u["runq_ns"], slept - lib.MS, what + ": sleep and the wait for a CPU")
        lib.equal(u["batched"], 1, what + " by itself")


def test_lines():
    """One line at a time, flushed: to a pipe."""
    r, truth = batch(30, 0.01, 0.01, "counter")
    rows = units(r)
    compare_unbuffered(rows, truth)
    lib.equal({u["kind"] for u in rows}, {"line:perf-counter"}, "kind")
    lib.equal({u["total"] for u in rows}, {30}, "total")
    lib.equal(r.loss["lines"], 0, "lines lost")


def test_pattern():
    """A pattern of one's own, with names for the units."""
    r, truth = batch(10, 0.002, 0.005, "counter", ["--unit-line", r"\] (?<done>\d+)/(?<total>\d+) \("])
    compare_unbuffered(units(r), truth)


def test_counts_down():
    """So many are left: the only number that some programs tell."""
    code = "import time\nfor i in range(20, -1, -1):\n    time.sleep(0.01)\n    print(f'{i} assets left', flush=True)\n"
    rows = units(lib.record(["--unit-line", r"(?<left>\d+) assets left"], [lib.PYTHON, "-c", code]))
    lib.equal([(u["done"], u["total"]) for u in rows], [(i, 20) for i in range(1, 21)], "counters")
    for u in rows:
        lib.at_least(u["sleep_ns"] + u["runq_ns"], 10 * lib.MS - 200_000, f"unit {u['unit']}: sleep")


def test_bar():
    """Carriage returns, no newline."""
    r, truth = batch(20, 0.002, 0.01, "bar")
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, 21)), "counters")
    # a bar's state is complete when it is drawn
    for u, (_, before, after, _, _) in zip(rows, truth):
        within(u["end_utc"], before, after, f"unit {u['unit']} ends")


def test_buffered_pipe():
    """What is written 8 KiB at a time comes as batches that share their time evenly."""
    n = 400
    r, truth = batch(n, 0.001, 0.001, "log")
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, n + 1)), "counters")
    lib.at_least(max(u["batched"] for u in rows), 100, "units of one write")
    lib.at_most(len({u["batched"] for u in rows}), 4, "writes")
    total = sum(u["thread_ns"] for u in rows)
    lib.near(total, truth[-1][2] - truth[0][0], 0.05 * total + 20 * lib.MS, "time of all units")
    cpu = sum(t[3] for t in truth)
    lib.near(sum(u["cpu_ns"] for u in rows), cpu, 0.1 * cpu + 20 * lib.MS, "cpu of all units")


def test_terminal():
    """A program that writes to a terminal."""
    lib.need("script")
    path = lib.tmp("truth.json")
    with open(lib.tmp("batch.py"), "w") as f:
        f.write(BATCH)
    r = lib.record(["--unit-preset", "auto"],
                   ["script", "-qec", f"{lib.PYTHON} {lib.tmp('batch.py')} {path} 15 0.001 0.01 counter",
                    "/dev/null"])
    with open(path) as f:
        truth = json.load(f)
    # script(1) writes what it read from the terminal once more: those are not more units
    compare_unbuffered(units(r), truth)


ROTATE = r"""
import logging, logging.handlers, sys, time
handler = logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=2000, backupCount=20)
logging.basicConfig(level=logging.INFO, handlers=[handler], format="%(asctime)s %(levelname)s %(message)s")
for i in range(1, 101):
    time.sleep(0.003)
    logging.info("processed %d of 100 (%d%%)", i, i)
"""


def test_rotated_log():
    """A log file that becomes another one every few lines."""
    r = lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", ROTATE, lib.tmp("worker.log")])
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, 101)), "counters")
    lib.equal(r.loss["lines"], 0, "lines lost")


def test_tee_is_no_second_worker():
    """tee writes every line again; and what it does belongs to no unit of its own."""
    path = lib.tmp("truth.json")
    with open(lib.tmp("batch.py"), "w") as f:
        f.write(BATCH)
    r = lib.record(["--unit-preset", "auto"],
                   ["sh", "-c", f"{lib.PYTHON} {lib.tmp('batch.py')} {path} 20 0.001 0.005 counter | "
                    f"tee {lib.tmp('out.log')}"])
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, 21)), "counters")
    lib.equal(len({u["pid"] for u in rows}), 1, "writers of units")


CHILDREN = r"""
import subprocess, sys, time
for i in range(1, 11):
    subprocess.run([sys.executable, "-S", "-c", "import time; t = time.thread_time()\nwhile time.thread_time() - t < 0.02: pass\nprint('child is done')"])
    print(f"[{i}/10] asset {i}", flush=True)
"""


def test_children_count_for_their_parents_unit():
    r = lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", CHILDREN])
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, 11)), "counters")
    for u in rows[1:]:
        # its own 20 ms, the interpreter's start, and the parent's
        lib.at_least(u["cpu_ns"], 20 * lib.MS, f"cpu of unit {u['unit']}")
        lib.at_least(u["child_ns"], 15 * lib.MS, f"unit {u['unit']} waits for its child")
        lib.at_most(u["elapsed_ns"], u["thread_ns"], f"unit {u['unit']}: parent and child")


MESSAGES = r"""
import os, pickle, socket, threading, time
waker, waiter = socket.socketpair()	# as asyncio has one: a zero wakes whoever waits there
r, w = os.pipe()
os.set_blocking(w, False)
def reader():
    while os.read(r, 65536): time.sleep(0.0005)
threading.Thread(target=reader).start()
message = pickle.dumps("a task's payload " * 60000, 4)
for i in range(1, 11):
    for rest in memoryview(message), memoryview(pickle.dumps((i, os.urandom(300000)), 4)):
        while rest:
            try: rest = rest[os.write(w, rest):]
            except BlockingIOError: time.sleep(0.001)
    for _ in range(500):
        waker.send(b"\0")
        waiter.recv(1)
    print(f"processed {i} of 10 ({10 * i}%)", flush=True)
os.close(w)
"""


def test_messages_are_no_text():
    """A pickled message, and the rest of it that a pipe had no room for, and a zero: none has lines."""
    r = lib.record(["--unit-preset", "auto", "--write-kb", "256"], [lib.PYTHON, "-c", MESSAGES])
    lib.equal([u["done"] for u in units(r)], list(range(1, 11)), "counters")
    lib.equal(r.loss["lines"], 0, "lines lost")
    lib.equal(r.summary["units"]["lines"], 10, "lines")
    lib.equal(r.summary["units"]["lines_cut"], 0, "lines cut")


FLOOD = r"""
import os, sys, time
n = int(sys.argv[1])
begin = time.monotonic()
for i in range(1, n + 1):
    os.write(1, b"processed %d of %d (%d%%) and more text to make a line of the usual length\n" % (i, n, 100 * i // n))
sys.stderr.write(f"{n / (time.monotonic() - begin):.0f} lines a second\n")
"""


def test_flood_is_counted():
    """A flood of lines into a small ring: each line is a unit or in a counter."""
    n = 30000
    with open(lib.tmp("flood.log"), "a") as out:
        r = lib.record(["--unit-preset", "auto", "--write-kb", "64"], [lib.PYTHON, "-c", FLOOD, n], stdout=out)
    u = r.summary["units"]
    lib.at_least(r.loss["lines"], 1, "writes lost with a ring of 64 KiB")
    # and the line about its speed
    lib.equal(u["lines"] + r.loss["lines"] + r.loss["lines_dropped"], n + 1, "lines seen and lines lost")
    # a counter that skips what was lost still tells how many units there were
    rows = units(r)
    lib.equal(len(rows), rows[-1]["done"], "units up to the last line that was seen")


def test_epochs_of_others_are_split():
    """A second thread that sleeps and burns on its own belongs to the units of its process."""
    code = r"""
import threading, time
over = False
def other():
    while not over:
        time.sleep(0.05)
        t = time.thread_time()
        while time.thread_time() - t < 0.01: pass
threading.Thread(target=other).start()
for i in range(1, 31):
    time.sleep(0.02)
    print(f"[{i}/30] asset", flush=True)
over = True
"""
    r = lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", code])
    rows = units(r)
    lib.equal([u["done"] for u in rows], list(range(1, 31)), "counters")
    # all of the process's time between the first and the last line is in the units
    for u in rows[3:]:
        lib.near(u["thread_ns"], 2 * u["elapsed_ns"], 0.03 * u["elapsed_ns"] + 100_000,
                 f"unit {u['unit']}: two threads")
    lib.equal(r.loss["split_ring_full"], 0, "splits lost")


THREADS = r"""
import json, os, subprocess, sys, threading, time
truth = {}
def work(k):
    time.sleep(0.03 * k)
    for i in range(4):
        name = f"t{k}-{i}"
        before = time.time_ns()
        os.write(1, f"begin {name}\n".encode())
        begin, cpu = time.time_ns(), time.thread_time_ns()
        while time.thread_time_ns() - cpu < (k + 1) * 10e6:
            pass
        if k == 2:
            subprocess.run(["sh", "-c", "i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done"])
        slept = time.monotonic_ns()
        time.sleep(0.1)
        slept = time.monotonic_ns() - slept
        cpu = time.thread_time_ns() - cpu
        end = time.time_ns()
        os.write(1, f"end {name}\n".encode())
        truth[name] = [before, begin, end, time.time_ns(), cpu, slept]
        time.sleep(0.02)
threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
for t in threads: t.start()
for t in threads: t.join()
json.dump(truth, open(sys.argv[1], "w"))
"""


def test_threads_at_once():
    """Units of three threads overlap: each has what its thread did, and the child that it ran."""
    path = lib.tmp("truth.json")
    r = lib.record(["--unit-line", r"^begin (?<unit>\S+)(?<begin>)", "--unit-line", r"^end (?<unit>\S+)(?<end>)"],
                   [lib.PYTHON, "-c", THREADS, path])
    with open(path) as f:
        truth = json.load(f)
    rows = {u["unit"]: u for u in units(r)}
    lib.equal(set(rows), set(truth), "units")
    lib.equal(len(units(r)), len(truth), "rows")
    for name, (before, begin, end, after, cpu, slept) in truth.items():
        u = rows[name]
        within(u["start_utc"], before, begin, name + " begins")
        within(u["end_utc"], end, after, name + " ends")
        # what it measured has the waits for a CPU, before and after, and for the interpreter in it
        lib.at_least(u["sleep_ns"] + u["runq_ns"], 99 * lib.MS, name + ": sleep")
        lib.at_most(u["sleep_ns"], slept + 2 * lib.MS, name + ": sleep")
        if name[1] == "2":
            lib.at_least(u["cpu_ns"], cpu + 10 * lib.MS, name + ": cpu, with the child's")
            lib.at_least(u["child_ns"], 10 * lib.MS, name + ": waiting for the child")
        else:
            lib.near(u["cpu_ns"], cpu, 3 * lib.MS, name + ": cpu")
            # besides its thread: the main thread, where no other unit is at work; after t0-0 it waits for a lock
            slack = 0.02 * u["elapsed_ns"] + 2 * lib.MS
            lib.at_least(u["thread_ns"], u["elapsed_ns"] - slack, name + ": one thread")
            if name != "t0-0":
                lib.at_most(u["thread_ns"] - u["lock_ns"], u["elapsed_ns"] + slack, name + ": one thread")


# four coroutines at a time of one thread, then four workers that move one counter on
TOGETHER = """
import asyncio, multiprocessing, time
def burn(ms):
    end = time.thread_time_ns() + ms * 1_000_000
    while time.thread_time_ns() < end: pass
async def tag(slots, n):
    async with slots:
        print(f"start asset a{n}", flush=True); burn(5); await asyncio.sleep(0.05); burn(5)
        print(f"finished asset a{n}", flush=True)
async def batch():
    slots = asyncio.Semaphore(4)
    await asyncio.gather(*[tag(slots, n) for n in range(12)])
def work(done):
    for _ in range(10):
        time.sleep(0.02)
        with done.get_lock():
            done.value += 1
            print(f"[PERF] {done.value}/40 assets", flush=True)
asyncio.run(batch())
done = multiprocessing.get_context("fork").Value("i", 0)
workers = [multiprocessing.get_context("fork").Process(target=work, args=(done,)) for _ in range(4)]
for w in workers: w.start()
for w in workers: w.join()
"""


def test_at_once_in_one_thread_and_in_a_pool():
    """Coroutines are each there once, their time too, and marked; what a pool counts is counted once."""
    r = lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", TOGETHER])
    rows = units(r)
    tags, counted = ([u for u in rows if u["kind"] == "line:" + k] for k in ("finished", "perf-counter"))
    lib.equal(sorted(u["unit"] for u in tags), sorted(f"a{n}" for n in range(12)), "coroutines")
    lib.at_least(min(u["batched"] for u in tags), 2, "coroutines are marked")
    main = [t for t in r.threads() if t["pid"] == tags[0]["pid"]]
    lib.at_most(sum(u["thread_ns"] for u in tags), sum(t["thread_ns"] for t in main), "time of all")
    lib.at_least(sum(u["cpu_ns"] for u in tags), 12 * 10 * lib.MS, "cpu of all")
    (u,) = [u for j in r.summary["jobs"] for u in j.get("units", []) if u["kind"] == "line:finished"]
    lib.equal(u["overlapped"], 12, "coroutines whose own time is an estimate")
    lib.contains(r.out + r.err, r"12 units overlapped others", "closing table")
    # 5 ms behind its begin, and 5 ms before the ends that come next, its own or not
    lib.at_least(min(u["cpu_ns"] for u in tags), 5 * lib.MS, "cpu of one")
    lib.at_most(max(u["cpu_ns"] for u in tags), 19 * lib.MS, "cpu of one")
    lib.equal(sorted(u["done"] for u in counted), list(range(1, 41)), "what the pool counted")
    lib.equal(sorted(len([u for u in counted if u["pid"] == p]) for p in {u["pid"] for u in counted}), [10] * 4, "each worker's")
    (u,) = [u for j in r.summary["jobs"] for u in j.get("units", []) if u["kind"] == "line:perf-counter"]
    lib.equal((u["backlog"]["done"], u["backlog"]["total"]), (40, 40), "the counter")


# a pool counts on where an earlier run left off, and costs more and more; then threads, and processes, each with a counter
POOL = """
import multiprocessing, os, threading, time
fork = multiprocessing.get_context("fork")
def work(i):
    end = time.thread_time_ns() + 4_000_000 + i * 200_000
    while time.thread_time_ns() < end: pass
def own(who):
    for i in range(8):
        time.sleep(0.02)
        os.write(1, f"{who}: {i + 1} of 8 photos done\\n".encode())
with fork.Pool(2) as p:
    for k, _ in enumerate(p.imap_unordered(work, range(60))):
        print(f"[PERF] {5001 + k}/5060 assets", flush=True)
for kind in fork.Process, threading.Thread:
    some = [kind(target=own, args=(f"{kind.__name__} {n}",)) for n in range(3)]
    for s in some: s.start()
    for s in some: s.join()
"""


def test_a_pool_that_takes_up_again_and_counters_of_its_own():
    """What forked workers do is in the units of the process that tells of them; each worker's and thread's own counter counts."""
    r = lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", POOL])
    rows = units(r)
    pool, own = ([u for u in rows if u["total"] == n] for n in (5060, 8))
    lib.equal([u["done"] for u in pool], list(range(5001, 5061)), "the pool's counter")
    # 4 to 15.8 ms each, whichever worker's; between two results of a worker its time counts evenly
    cpu = [u["cpu_ns"] for u in pool]
    lib.at_least(sum(cpu[1:]), 0.95 * (60 * 9.9 - 16) * lib.MS, "cpu of all but the first")
    lib.at_most(sum(cpu[1:]), (60 * 9.9 + 60 * 3) * lib.MS, "cpu of all but the first")
    lib.at_least(sum(cpu[40:]), 1.5 * sum(cpu[1:20]), "cpu of the last third, which is 2.35 times the first's")
    lib.equal(len(own), 6 * 8, "units of own counters")
    for u in own:
        # that threads have counters of their own is known after three numbers
        if u["pid"] == pool[0]["pid"] and u["done"] <= 4:
            continue
        # two threads' lines within half a millisecond have one boundary
        lib.at_least(u["sleep_ns"] + u["runq_ns"], 19 * lib.MS, f"{u['pid']} unit {u['done']}: sleep")
    lib.equal(len({u["pid"] for u in own}), 4, "three workers, and the threads' process")
    (u,) = [u for j in r.summary["jobs"] for u in j.get("units", []) if u["n"] == len(own)]
    lib.equal((u["backlog"]["done"], u["backlog"]["total"]), (48, 48), "all of their counters")


RUNNING_POOL = """
import multiprocessing, time
def work(i):
    time.sleep(0.01)
    end = time.thread_time_ns() + 10_000_000
    while time.thread_time_ns() < end: pass
with multiprocessing.get_context("fork").Pool(2) as p:
    for k, _ in enumerate(p.imap_unordered(work, range(2000))):
        print(f"[{k + 1}/2000] asset", flush=True)
"""


def test_a_pool_that_runs_already():
    """Workers that were forked long ago serve their parent's units, too."""
    log = lib.tmp("pool.out")
    with open(log, "w") as f:
        p = lib.spawn([lib.PYTHON, "-c", RUNNING_POOL], stdout=f, stderr=f)
    lib.until(lambda: os.path.getsize(log) > 100, what="the pool works")
    rows = units(lib.record(["-p", p.pid, "-d", 1.5, "--unit-preset", "auto"]))[3:]
    lib.at_least(len(rows), 20, "units")
    cpu = sum(u["cpu_ns"] for u in rows) / len(rows)
    lib.at_least(cpu, 9 * lib.MS, "cpu of a unit")
    lib.at_most(cpu, 14 * lib.MS, "cpu of a unit")


SYSLOG = r"""
import logging, logging.handlers, os, socket, sys, threading, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
def drain():
    while True: s.recv(4096)
threading.Thread(target=drain, daemon=True).start()
log = logging.getLogger()
log.setLevel(logging.INFO)
log.addHandler(logging.handlers.SysLogHandler(sys.argv[1]))
for i in range(12):
    time.sleep(0.01)
    log.info("tagger: asset %d/12 done", i + 1)
"""


def test_syslog():
    """A message to a local socket is a line, though no newline ends it."""
    rows = units(lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", SYSLOG, lib.tmp("log")]))
    lib.equal([u["done"] for u in rows], list(range(1, 13)), "counters")
    lib.at_least(min(u["elapsed_ns"] for u in rows[1:]), 9.9 * lib.MS, "elapsed")


# how Go's and other programs write: a time of the day under "time", and times with and without a unit
GO = """
import json, sys, time
stamps = []
for form in "clock", "9.5ms", "bare":
    for i in range(8):
        before = time.monotonic_ns()
        time.sleep(0.01)
        took = time.monotonic_ns() - before
        line = {"time": "2026-11-28T15:04:05.123Z", "level": "INFO", "msg": "asset processed", "asset": f"{form}{i}.jpg"}
        if form != "clock":
            line["duration"] = took / 1e6 if form == "bare" else f"{took / 1e6:.4f}ms"
        text, wrote = json.dumps(line), time.monotonic_ns()
        print(text, flush=True)
        stamps.append((took, wrote, time.monotonic_ns()))
json.dump(stamps, open(sys.argv[1], "w"))
"""


def test_times_in_lines():
    """None of them is what it is not: a unit takes what the program's own clock says of it."""
    path = lib.tmp("stamps.json")
    rows = units(lib.record(["--unit-preset", "auto"], [lib.PYTHON, "-c", GO, path]))
    lib.equal([u["unit"] for u in rows], [f"{form}{i}.jpg" for form in ("clock", "9.5ms", "bare") for i in range(8)], "units")
    with open(path) as f:
        stamps = json.load(f)
    for (_, before, _), u, (took, _, after) in zip(stamps, rows[1:], stamps[1:]):
        # on a busy machine a sleep of ten milliseconds may take fifty
        lib.at_least(u["elapsed_ns"], max(took, 9.9 * lib.MS) - 1000, u["unit"])
        lib.at_most(u["elapsed_ns"], after - before, u["unit"])


def test_units_running_already():
    """Attached in the middle: the unit at work then is not counted, the others are whole."""
    attach_to_a_batch("150", "0.002", "0.03")


def test_lines_before_the_account():
    """Lines while worktrace attaches itself bound nothing: units begin with the account."""
    attach_to_a_batch("1000", "0.0005", "0.003")


def attach_to_a_batch(n, work_s, sleep_s):
    path = lib.tmp("truth.json")
    out = open(lib.tmp("out.log"), "a")
    p = lib.spawn([lib.PYTHON, "-c", BATCH, path, n, work_s, sleep_s, "counter"], stdout=out)
    time.sleep(0.5)
    run = lib.Running(["-p", p.pid, "--unit-preset", "auto"])
    p.wait()
    r = run.finish()
    with open(path) as f:
        truth = json.load(f)
    rows = units(r)
    lib.at_least(len(rows), 20, "units after the attach")
    compare_unbuffered(rows, truth, rows[0]["done"])


NAMED = r"""
import time
for i in range(400):
    time.sleep(0.002)
    print(f"asset IMG_{i:04d}.jpg done", flush=True)
"""


def test_line_behind_a_missed_switch():
    """A thread whose switch-in the kernel did not trace writes a line like any other."""
    r = lib.record(["--fault=missed-switch", "--unit-preset", "auto"], [lib.PYTHON, "-c", NAMED])
    lib.at_least(r.loss["missed_switch"], 2, "missed switches")
    there = [u["label"] for u in units(r)]
    lib.equal([i for i in range(400) if f"IMG_{i:04d}.jpg" not in there], [], "units that are missing")
    lib.equal(len(there), 400, "units")


def test_bad_patterns():
    for pattern, says in ((r"(?<done>\d+", r"\S"), (r"(?<done>(a+)+)$", r"\S"), (r"\d+/\d+", r"group")):
        p = lib.worktrace(["record", "-o", lib.tmp("bad"), "--unit-line", pattern, "--", "true"])
        lib.equal(p.returncode, 2, f"exit status for {pattern}")
        lib.equal(len(p.stderr.strip().split("\n")), 1, f"sentences: {p.stderr}")
        lib.contains(p.stderr, says, pattern)
        assert not os.path.exists(lib.tmp("bad")), "something was left behind"
    p = lib.worktrace(["record", "-o", lib.tmp("bad"), "--unit-preset", "nosuch", "--", "true"])
    lib.equal(p.returncode, 2, "exit status for an unknown preset")
    lib.contains(p.stderr, "celery", "the presets there are")


def test_secrets_in_lines():
    """What a label is made of is cleaned first."""
    code = ("import time\nfor i in range(1, 6):\n time.sleep(0.01)\n"
            "\nprint('done https://bob:hunter2@example.org/a?token=s3cr3tt0ken user bob@example.org', flush=True)\n")
    code = code.replace("\n\nprint", "\n print")
    r = lib.record(["--unit-line", r"^done (?<unit>.*)$"], [lib.PYTHON, "-c", code])
    rows = units(r)
    lib.equal(len(rows), 5, "units")
    for name in os.listdir(r.path):
        with open(os.path.join(r.path, name), errors="replace") as f:
            text = f.read()
        if name == "summary.json":		# the command itself is looked at elsewhere
            text = json.dumps({k: v for k, v in json.loads(text).items() if k != "target"})
        for secret in ("hunter2", "s3cr3tt0ken", "bob@example"):
            assert secret not in text, f"{secret} is in {name}"
