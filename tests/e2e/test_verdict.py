# SPDX-License-Identifier: GPL-2.0-or-later
"""What units cost and whether it gets worse, against a batch that knows its own truth."""
import json
import os
import subprocess

import lib
from lib import S

SCRIPT = os.path.join(lib.ROOT, "tests", "e2e", "data", "assets.py")
PRESET = ["--unit-preset", "perf-counter"]


def server(delay_ms):
    p = lib.spawn([lib.PYTHON, SCRIPT, "serve", str(delay_ms)], stdout=subprocess.PIPE)
    return int(p.stdout.readline())


def units_of(r, job=None):
    """The one object of jobs[].units[] in summary.json."""
    found = [(j["job"], u) for j in r.summary["jobs"] for u in j.get("units", [])
             if job in (None, j["job"])]
    lib.equal(len(found), 1, f"kinds of units of {job} in {[j for j, _ in found]}")
    return found[0][1]


def check_truth(u, truth):
    """Counts, times and states against the program's own."""
    lib.equal(u["n"], truth["units"], "units")
    lib.equal(u["backlog"]["done"], truth["units"], "done")
    lib.equal(u["backlog"]["total"], truth["units"], "total")
    wall = truth["wall_s"]
    lib.near(u["service_s"]["mean"] * u["n"] * S, wall * S, 0.01 * wall * S + 20 * lib.MS, "wall")
    lib.near(sum(u["states_ns_per_unit"].values()), u["thread_ns_per_unit"], 13, "states")
    assert 0.97 < u["concurrency"] <= 1.001, u["concurrency"]
    lib.equal(u["loss"]["orphan_details"], 0, "orphans")


def function(u, name):
    found = [f for f in u["functions"] if f["name"].startswith(name)]
    lib.equal(len(found), 1, f"{name} in {[f['name'] for f in u['functions']]}")
    return found[0]


# the script, ahead of all that wants a CPU at an ordinary priority
URGENT = """
import os, runpy, sys
os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_growing_function():
    """A list that is searched ever longer: the function is named, and its own estimates are too short."""
    # two seconds give some hundred samples at the default rate: too few to be sure each time; and on a
    # busy machine it would wait for a CPU ever longer, too
    r = lib.record([*PRESET, "-F", "499"], [lib.PYTHON, "-c", URGENT, SCRIPT, "batch", str(server(4)), "240", "80", "4"])
    truth = json.loads(r.out.splitlines()[-1])
    u = units_of(r)
    check_truth(u, truth)
    lib.equal(u["records"], 60, "records")
    v = u["verdict"]
    lib.equal((v["kind"], v["cause"]), ("degrading", "function"), f"verdict {v}")
    f = function(u, "match_albums")
    lib.equal(f["growth"]["way"], "up", "its growth")
    cpu = truth["match_cpu_s"] / truth["units"] * S
    lib.near(f["ns_per_unit"], cpu, 0.25 * cpu, "CPU of match_albums per unit")
    assert v["subject"].startswith("match_albums (assets.py:"), v
    lib.at_least(v["share"], 0.6, "its share of the growth")
    lib.contains(v["text"][0], r"^(degrading by \d+ % per 1000 units \(\d+ … \d+|slower since unit \d+)", "words")
    own = u["own_estimate"]
    assert own["finished"] and own["error_pct"] < -5, own
    lib.contains(r.err, r"\nUNITS\n(.*\n){2}  python3, line:perf-counter\n +240 ", "the terminal")
    lib.contains(r.err, r"\n +match_albums \(assets.py:\d+\) +[-\d]", "the terminal")
    lib.contains(r.err, "its own estimates of what is left were", "the terminal")


def test_steady():
    """The same without growth: nothing is said to grow."""
    r = lib.record(PRESET, [lib.PYTHON, SCRIPT, "batch", str(server(4)), "240", "0", "4"])
    u = units_of(r)
    check_truth(u, json.loads(r.out.splitlines()[-1]))
    v = u["verdict"]
    # on a machine that is busy with other things time does change, but not the program's
    assert v["kind"] == "steady" or os.getloadavg()[0] > 1.5, v
    assert v["cause"] not in ("function", "cpu"), v


def test_two_builds_one_server():
    """Two builds that wait for one server: told apart, and each is named in the other's verdict."""
    port = server(8)
    step = (f"env JENKINS_URL=http://ci/ JOB_NAME=$0 BUILD_NUMBER=$1 {lib.PYTHON} {SCRIPT} "
            f"batch {port} 150 0 3")
    r = lib.record(PRESET, ["sh", "-c", f"sh -c '{step}' one 1 & sh -c '{step}' two 2; wait"])
    for job, other in (("one#1", "two#2"), ("two#2", "one#1")):
        u = units_of(r, job)
        lib.equal(u["n"], 150, f"units of {job}")
        v = u["verdict"]
        said = [t for t in v["text"] if "interference" in t and other in t]
        assert said, f"{job}: {v}"
        lib.contains(said[0], rf"net \S+:{port}|starved of CPU", f"of {job}")
        waited = sum(w["ns_per_unit"] for w in u["waits"]
                     if w["name"].startswith("net ") and w["name"].endswith(f":{port}"))
        lib.at_least(waited, 8 * lib.MS, f"waiting for the server, {job}")


def test_too_few():
    """Nothing is said of five units."""
    r = lib.record(PRESET, [lib.PYTHON, SCRIPT, "batch", str(server(1)), "5", "80", "1"])
    u = units_of(r)
    lib.equal(u["n"], 5, "units")
    lib.equal(u["verdict"]["kind"], "too_few", "verdict")
    lib.equal(u["trend"]["pct_per_1000"], None, "trend")
