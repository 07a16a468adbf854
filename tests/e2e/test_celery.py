# SPDX-License-Identifier: GPL-2.0-or-later
"""Celery tasks by the worker's own log: which, how long, who ran them."""
import json
import os
import subprocess
import time

import lib
import test_real
import test_units

TASKS = r"""
import json, os, time
from celery import Celery, signals
app = Celery("t", broker=os.environ["WT_BROKER"])
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True

@signals.worker_ready.connect
def ready(**kw):
    open(os.environ["WT_TRUTH"] + ".ready", "w")

@app.task(name="photos.tag")
def tag(n, nap):
    begin, cpu = time.time_ns(), time.thread_time_ns()
    while time.thread_time_ns() - cpu < 30_000_000:
        pass
    time.sleep(nap / 2)
    cpu = time.thread_time_ns()
    while time.thread_time_ns() - cpu < int(os.environ.get("WT_MORE", 0)):
        pass
    time.sleep(nap / 2)
    with open(os.environ["WT_TRUTH"], "a") as f:
        f.write(json.dumps([tag.request.id, os.getpid(), begin, time.time_ns(), n]) + "\n")
    if n in (3, 4, 5):
        raise ValueError("no such photo")
"""


FAILING = (3, 4, 5)


def compare(u, begin, end, what):
    took = end - begin
    # celery takes a moment before and after what the task itself sees, and may wait for a CPU
    slack = 15 * lib.MS + u["runq_ns"]
    lib.near(u["elapsed_ns"], took, 0.01 * took + slack, what + ": elapsed")
    test_units.within(u["start_utc"], begin - slack, begin, what + " begins")
    lib.at_least(u["cpu_ns"], 29 * lib.MS, what + ": cpu")
    lib.at_least(u["sleep_ns"], 299 * lib.MS, what + ": sleep")
    # waiting for the next task is in none
    lib.near(u["thread_ns"], u["elapsed_ns"], 0.02 * u["elapsed_ns"] + 2 * lib.MS, what + ": one thread")


def need_celery():
    p = subprocess.run([lib.PYTHON, "-c", "import celery, redis"], stderr=subprocess.DEVNULL)
    if p.returncode:
        raise lib.Skip("python3-celery and python3-redis are not installed")


def run_tasks(*args, level="INFO", preset="auto"):
    """A worker with two at once and eight tasks: the recording, the truth by task, rows by task."""
    lib.need_root()
    need_celery()
    server = lib.need("redis-server")
    port = test_real.free_port()
    p = lib.spawn([server, "--port", str(port), "--save", "", "--appendonly", "no", "--dir", lib.TMP])
    test_real.wait_port(port, p)
    with open(lib.tmp("tasks.py"), "w") as f:
        f.write(TASKS)
    env = dict(os.environ, WT_BROKER=f"redis://127.0.0.1:{port}/0", WT_TRUTH=lib.tmp("truth"),
               PYTHONPATH=lib.TMP, PYTHONDONTWRITEBYTECODE="1")
    log = open(lib.tmp("worker.log"), "a")
    worker = lib.spawn([lib.PYTHON, "-m", "celery", "-A", "tasks", "worker", "--concurrency=2",
                        f"--loglevel={level}", "--without-gossip", "--without-mingle",
                        "--without-heartbeat", "-n", f"wt@{os.getpid()}", *args],
                       cwd=lib.TMP, env=env, stdout=log, stderr=log)
    lib.until(lambda: os.path.exists(env["WT_TRUTH"] + ".ready"), 40, "the worker's start")
    run = lib.Running(["-p", worker.pid, "--unit-preset", preset]).attached()
    links = 0
    while preset == "celery-frames" and links != run.links():     # one for each watchpoint
        links = run.links()
        time.sleep(0.3)
    subprocess.run([lib.PYTHON, "-c", "import tasks, time\n"
                    "for n in range(8): tasks.tag.delay(n, 0.3)\n"], cwd=lib.TMP, env=env, check=True)
    lib.until(lambda: os.path.exists(env["WT_TRUTH"]) and
              len(open(env["WT_TRUTH"]).readlines()) == 8, 40, "eight tasks")
    time.sleep(1)
    r = run.finish(sig=2)
    truth = {t[0]: t for t in map(json.loads, open(env["WT_TRUTH"]))}
    rows = {u["label"][u["label"].index("[") + 1:-1]: u for u in test_units.units(r)}
    lib.equal(set(rows), set(truth), "tasks")
    return r, truth, rows


# limit: 120
def test_worker():
    r, truth, rows = run_tasks()
    wrong = []
    for task, pid, begin, end, n in truth.values():
        u = rows[task]
        lib.equal(u["pid"], pid, f"task {n}: the process that ran it")
        lib.equal(u["exit_status"] != "", n in FAILING, f"task {n}: failed")
        try:
            compare(u, begin, end, f"task {n}")
        except AssertionError as e:
            # where a failed one began is seen at a write, which an untraced switch can hide
            if n not in FAILING:
                raise
            wrong.append(str(e))
    lib.at_most(len(wrong), 1, f"failed tasks with another begin ({wrong})")
    job = [j for j in r.summary["jobs"] if j.get("units")]
    lib.equal(len(job), 1, "jobs with units")
    # tasks done by the time from the first's start to the last's end, two workers that pause
    u = job[0]["units"][0]
    rate = 60e9 * len(truth) / (max(t[3] for t in truth.values()) - min(t[2] for t in truth.values()))
    lib.near(u["throughput_per_min"], rate, 0.01 * rate + 1, "tasks a minute")
    lib.near(u["concurrency"] * 60, u["throughput_per_min"] * u["service_s"]["mean"], 0.1, "Little's law")
    lib.equal(u["between_units_s"]["n"], len(truth) - 2, "times between two tasks of a process")


# limit: 120
def test_thread_pool():
    """Two threads of one process: tasks overlap, each has its own thread's time."""
    # it takes in all of them: one by one, such a worker waits 5 s for each next one
    _, truth, rows = run_tasks("--pool=threads", "--prefetch-multiplier=8")
    for task, _, begin, end, n in truth.values():
        u, took = rows[task], end - begin
        what = f"task {n}"
        lib.equal(u["exit_status"] != "", n in FAILING, what + ": failed")
        # the interpreter is shared, too
        slack = 15 * lib.MS + u["runq_ns"] + u["lock_ns"]
        lib.near(u["elapsed_ns"], took, 0.01 * took + slack, what + ": elapsed")
        # of the thread that waits beside it both take nothing: 0.3 s, not 0.6
        # (nothing is written where one begins: what lies in that epoch is shared out by time)
        lib.at_least(u["sleep_ns"] + u["runq_ns"], 270 * lib.MS, what + ": sleep")
        lib.at_most(u["sleep_ns"], 310 * lib.MS, what + ": sleep")
        lib.at_least(u["cpu_ns"], 24 * lib.MS, what + ": cpu")
        lib.at_most(u["cpu_ns"], 60 * lib.MS, what + ": cpu")


# limit: 120
def test_frames():
    """A worker that logs nothing of its tasks but errors: they are told by the interpreter's frames."""
    r, truth, rows = run_tasks(level="ERROR", preset="celery-frames")
    for task, pid, begin, end, n in truth.values():
        u, took, what = rows[task], end - begin, f"task {n}"
        lib.equal(u["label"], f"photos.tag[{task}]", what)
        lib.equal(u["pid"], pid, what + ": the process that ran it")
        lib.equal(u["exit_status"] != "", n in FAILING, what + ": failed")
        # what celery does around the task itself is in it, a failed one's log as well
        slack = 8 * lib.MS + u["runq_ns"] + u["ipc_ns"] + u["net_ns"]
        lib.near(u["elapsed_ns"], took, 0.01 * took + slack, what + ": elapsed")
        test_units.within(u["start_utc"], begin - slack, begin, what + " begins")
        lib.near(u["thread_ns"], u["elapsed_ns"], 1000, what + ": one thread")
        lib.at_least(u["cpu_ns"], 29 * lib.MS, what + ": cpu")
        lib.at_least(u["sleep_ns"], 299 * lib.MS, what + ": sleep")


# limit: 120
def test_greenlets():
    """Four tasks at once in one thread: each has its own CPU time, in two parts."""
    if subprocess.run([lib.PYTHON, "-c", "import gevent"], stderr=subprocess.DEVNULL).returncode:
        raise lib.Skip("python3-gevent is not installed")
    os.environ["WT_MORE"] = str(20 * lib.MS)
    _, truth, rows = run_tasks("--pool=gevent", "--concurrency=4", "--prefetch-multiplier=8",
                               level="ERROR", preset="celery-frames")
    overlap = 0
    for task, pid, begin, end, n in truth.values():
        u, what = rows[task], f"task {n}"
        slack = 12 * lib.MS + u["runq_ns"]
        lib.near(u["elapsed_ns"], end - begin, 0.01 * (end - begin) + slack, what + ": elapsed")
        lib.equal(u["batched"], 1, what + ": it is known which was at work")
        lib.equal(u["exit_status"] != "", n in FAILING, what + ": failed")
        # 30 and 20 ms of its own, what Celery does around it, and none of the other three's
        lib.at_least(u["cpu_ns"], 49 * lib.MS, what + ": cpu")
        lib.at_most(u["cpu_ns"], (60 if n in FAILING else 56) * lib.MS, what + ": cpu")
        # it sleeps in the hub, which is nobody's
        lib.at_most(u["sleep_ns"] + u["idle_ns"], 5 * lib.MS, what + ": waiting in the hub")
        overlap += any(b < begin < e for _, _, b, e, _ in truth.values())
    lib.at_least(overlap, 6, "tasks that began beside another")
