# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds are told apart by their environment, what has none by its control group."""
import collections
import os
import re
import shutil
import signal
import subprocess
import time

import lib
from lib import S

# a step of a build: N children, every tenth executed without its variables, and a shell without any
STEP = """
[ -z "$WAIT" ] || while [ ! -e "$WAIT" ]; do sleep 0.02; done
i=0
while [ $i -lt $N ]; do
    i=$((i + 1))
    case $i in
    *5) (unset JOB_NAME BUILD_NUMBER BUILD_TAG; exec "$KID") ;;
    *0) env -i "$KID" ;;
    *) "$KID" ;;
    esac
done
env -i sh -c "$KID; $KID; exec $KID"
"""
EXTRA = 3		# children of STEP besides N


def jenkins(name, number, **more):
    env = {"JENKINS_URL": "http://ci/", "SECRET_TOKEN": "hunter2-in-the-environment",
           "JOB_NAME": name, "BUILD_NUMBER": str(number), "BUILD_TAG": f"jenkins-{name}-{number}",
           "NODE_NAME": "batch-node-1", "EXECUTOR_NUMBER": str(number % 7),
           "GIT_BRANCH": "origin/main", "GIT_COMMIT": f"{number:040x}", "PATH": os.environ["PATH"]}
    env.update(more)
    return env


def run(argv, env, **kw):
    return lib.spawn(argv, env=env, start_new_session=True, stderr=subprocess.DEVNULL, **kw)


def build(name, number, kid, n, wait="", **more):
    """A build whose children are programs named `kid`."""
    path = lib.tmp(kid)
    if not os.path.exists(path):
        shutil.copy(shutil.which("true"), path)
    return run(["sh", "-c", STEP], jenkins(name, number, KID=path, N=str(n), WAIT=wait, **more))


# builds that fork as soon as they are executed, before they leave the CPU for the first time
QUICK = """
i=0
while [ $i -lt 200 ]; do
    i=$((i + 1))
    JOB_NAME=quick BUILD_NUMBER=3 sh -c 'unset JOB_NAME BUILD_NUMBER; "$KID"; :'
done
"""


def kids(r, kid):
    """How many threads of that name each job has, folded ones among them."""
    found = collections.Counter()
    for t in r.threads(comm=re.compile(rf"^{kid}( \[folded|$)")):
        folded = re.search(r"\[folded (\d+)\]$", t["comm"])
        found[t["job"]] += int(folded.group(1)) if folded else 1
    return dict(found)


def files_of(r):
    for name in os.listdir(r.path):
        with open(os.path.join(r.path, name), "rb") as f:
            yield name, f.read()


def test_concurrent_builds():
    """Thousands of short-lived children, each in its own build, none in another."""
    go = lib.tmp("go")
    early = build("early", 7, "kid-early", 300, wait=go)
    orphan = run(["sh", "-c", "env -i sleep 60 & wait"], jenkins("early", 7))
    time.sleep(0.3)
    p = lib.Running(["-a", "--fold=job,comm", "-F", "0"]).attached()
    a = build("team/batch-A", 1041, "kid-a", 1100)
    b = build("batch-B", 517, "kid-b", 900)
    shutil.copy(shutil.which("true"), lib.tmp("kid-q"))
    quick = run(["sh", "-c", QUICK], {"PATH": os.environ["PATH"], "KID": lib.tmp("kid-q")})
    open(go, "w").close()
    for child in (early, a, b, quick):
        lib.equal(child.wait(60), 0, "the build's own status")
    r = p.finish(signal.SIGINT)
    lib.equal(kids(r, "kid-a"), {"team/batch-A#1041": 1100 + EXTRA}, "children of A")
    lib.equal(kids(r, "kid-b"), {"batch-B#517": 900 + EXTRA}, "children of B")
    lib.equal(kids(r, "kid-early"), {"early#7": 300 + EXTRA}, "children of the one from before")
    lib.equal(kids(r, "kid-q"), {"quick#3": 200}, "children of builds that have just been executed")
    job = r.job("team/batch-A#1041")
    lib.equal([job[k] for k in ("kind", "name", "build", "tag", "node", "executor", "branch", "commit")],
              ["jenkins", "team/batch-A", "1041", "jenkins-team/batch-A-1041", "batch-node-1", "5",
               "origin/main", f"{1041:040x}"], "fields of A")
    # the shell and its children; the fork of each belongs to them from its birth on
    lib.at_least(job["processes"], 1100 + EXTRA + 1, "processes of A")
    # somebody else's builds may run here, too
    lib.equal(r.summary["builds"]["count"], len([j for j in r.jobs() if j["kind"] == "jenkins"]), "builds")
    lib.at_least(r.summary["builds"]["at_once"], 3, "builds at once")
    sleeper = [t for t in r.threads(comm="sleep") if t["thread_ns"] == r.duration and t["job"] == "early#7"]
    lib.equal(len(sleeper), 1, "the process without an environment, from before, of the same build")
    sums = collections.Counter()
    for frames, us in r.folded("wall"):
        sums[frames[0]] += us
    for name in ("team/batch-A#1041", "batch-B#517", "early#7"):
        lib.near(sums[name] * 1000, r.job(name)["thread_ns"], 3000, f"wall.folded of {name}")
    with open(os.path.join(r.path, "notes.md")) as f:
        lib.contains(f.read(), r"team/batch-A\\#1041.*batch-node-1", "notes.md")
    for name, data in files_of(r):
        assert b"hunter2" not in data, f"a secret of the environment is in {name}"
    orphan.kill()


def sleeper(env):
    return run(["sleep", "30"], {"PATH": os.environ["PATH"], **env})


def test_presets():
    """Each build server's variables, given ones, and what is no build."""
    github = {"GITHUB_REPOSITORY": "owner/app", "GITHUB_WORKFLOW": "CI", "GITHUB_JOB": "test",
              "GITHUB_RUN_ID": "987", "GITHUB_RUN_NUMBER": "12", "GITHUB_SHA": "cafe"}
    buildkite = {"BUILDKITE_PIPELINE_SLUG": "pipe", "BUILDKITE_BUILD_NUMBER": "9"}
    expect = [
        ({"CI_PROJECT_PATH": "group/app", "CI_JOB_NAME": "test", "CI_JOB_ID": "4711",
          "CI_PIPELINE_ID": "33", "CI_RUNNER_ID": "runner 5"}, ("gitlab", "group/app/test#4711")),
        (dict(github, RUNNER_NAME="r1"), ("github", "owner/app/CI/test#12")),
        (dict(buildkite, BUILDKITE_JOB_ID="x1"), ("buildkite", "pipe#9")),
        ({"MY_PIPE": "nightly", "MY_NO": "17", "JOB_NAME": "hidden", "BUILD_NUMBER": "1"},
         ("env", "nightly#17")),
        ({"JOB_NAME": "by-tag", "BUILD_TAG": "tag-5"}, ("jenkins", "by-tag#tag-5")),
    ]
    found = {sleeper(env).pid: want for env, want in expect}
    # two more of names that are there already
    twins = [sleeper(dict(github, RUNNER_NAME="r2")), sleeper(dict(buildkite, BUILDKITE_JOB_ID="x2"))]
    others = [sleeper(env) for env in ({"JOB_NAME": "alone"}, {"BUILD_NUMBER": "5"},
                                       {"JOB_NAME": "", "BUILD_NUMBER": "5"}, {"XJOB_NAME": "n", "BUILD_NUMBER": "5"},
                                       {"JOB_NAMES": "n", "BUILD_NUMBER": "5"})]
    # a build that starts another one
    nested = run(["sh", "-c", "BUILD_NUMBER=2 sleep 30 & wait"], jenkins("outer", 1))
    time.sleep(0.3)
    r = lib.record(["-a", "-d", 1, "--job-env", "MY_PIPE,MY_NO"])
    of = {t["pid"]: t["job"] for t in r.threads()}
    for pid, (kind, name) in found.items():
        # of twins, which one has the plain name is a matter of order
        assert of[pid].split(" ~")[0] == name, f"{name} is called {of[pid]}"
        lib.equal(r.job(of[pid])["kind"], kind, f"kind of {name}")
    for twin in twins:
        assert of[twin.pid].split(" ~")[0] in ("owner/app/CI/test#12", "pipe#9"), of[twin.pid]
        lib.equal(sum(v == of[twin.pid] for v in of.values()), 1, f"processes of {of[twin.pid]}")
    builds = {j["job"] for j in r.jobs() if j["kind"] in ("jenkins", "env")}
    missing = {"nightly#17", "by-tag#tag-5", "outer#1", "outer#2"} - builds
    assert not missing, f"{missing} are not among {builds}"
    assert "hidden#1" not in builds, "given names come first"
    for other in others:
        assert r.job(of[other.pid])["kind"] not in ("jenkins", "env"), of[other.pid]
    lib.equal(of[nested.pid], "outer#1", "the outer build")
    plain = lib.record(["-a", "-d", 0.5, "--no-job-env"])
    lib.equal(plain.summary["builds"], {"count": 0, "at_once": 0}, "builds without environments")


PIECE = 319		# bytes of a long string that are looked at at once

SPAWN = """
import os, subprocess, sys
for name, env in eval(sys.argv[1]):
    subprocess.run([name, "0.02"], env=env)
"""


def jobs_of(environments, *options):
    """The recording of sleeps executed with these environments (bytes), and the job of each."""
    names = [f"hostile-{i}" for i in range(len(environments))]
    for name in names:
        os.symlink(shutil.which("sleep"), lib.tmp(name))
    spawn = [(lib.tmp(n), {b"PATH": b"/bin", **e}) for n, e in zip(names, environments)]
    r = lib.record(["-F", "0"] + list(options), [lib.PYTHON, "-c", SPAWN, repr(spawn)])
    rows = [r.threads(comm=n) for n in names]
    lib.equal([len(x) for x in rows], [1] * len(names), "threads of each")
    return r, [x[0]["job"] for x in rows]


def test_hostile_environments():
    ids = {b"JOB_NAME": b"n", b"BUILD_NUMBER": b"5"}
    short = {b"V%d" % i: b"v" for i in range(1500)}
    cases = [
        # found behind one string of 100 KiB, and behind 900 short ones
        ({b"LONG": b"x" * 100000, **ids}, "n#5"),
        ({**{k: short[k] for k in list(short)[:900]}, **ids}, "n#5"),
        # the rest of a long string is no variable, wherever its pieces begin
        ({b"A": b"x" * (PIECE - 2) + b"JOB_NAME=evil", **ids}, "n#5"),
        ({b"A": b"x" * (PIECE * 2 - 2) + b"JOB_NAME=evil", **ids}, "n#5"),
        ({b"A": b"x" * (PIECE - 2) + b"BUILD_NUMBER=n6666n", **ids}, "n#5"),
        # names that break lines, columns and frames
        ({b"JOB_NAME": "a;b\nc,\"d\" \u00fc\u65e5\x1b[31m".encode() + b"\xff|",
          b"BUILD_NUMBER": b"5 token=abcdef0123456789"}, "a;b c,\"d\" \u00fc\u65e5?[31m?|#5 token=[secret]"),
        # the longest value that is whole
        ({b"JOB_NAME": b"y" * 255, b"BUILD_NUMBER": b"5"}, "y" * 255 + "#5"),
    ]
    r, jobs = jobs_of([c[0] for c in cases], "--fold=job,comm")
    for (_, want), job in zip(cases, jobs):
        lib.equal(job, want, "job")
    lib.equal((r.loss["env_cut"], r.loss["env_unreadable"]), (0, 0), "losses")
    for name, data in files_of(r):
        # in summary.json: the command that made them, as it was given
        assert name == "summary.json" or not re.search(b"evil|n6666n|abcdef0123", data), f"a tail is in {name}"
    assert any(frames[0].startswith("a:b c") for frames, _ in r.folded("wall")), "the job's frame"


def test_environments_too_long():
    """What is beyond the bounds is counted; the job is then the inherited one."""
    r, jobs = jobs_of([{**{b"W%d" % i: b"v" for i in range(1500)}, b"JOB_NAME": b"n", b"BUILD_NUMBER": b"5"},
                       {b"JOB_NAME": b"z" * 256, b"BUILD_NUMBER": b"5"}])
    lib.equal(jobs, ["python3", "z" * 255 + "#5"], "jobs")
    lib.equal(r.loss["env_cut"], 2, "env_cut")


def test_one_build():
    """-J: what runs, what comes later, children without environment; nobody else."""
    go = lib.tmp("go")
    wanted = build("batch", 5, "kid-w", 200, wait=go)
    loose = run(["sh", "-c", "env -i sh -c 'sleep 60; true' & wait"], jenkins("batch", 5))
    build("batch", 6, "kid-o", 100, wait=go)
    build("other", 5, "kid-o", 100, wait=go)
    lib.until(lambda: len(lib.descendants(loose.pid)) >= 2, 5, "a child")
    time.sleep(0.2)
    p = lib.Running(["-J", "batch#5", "--fold=job"]).attached()
    open(go, "w").close()
    wanted.wait(30)
    later = build("batch", 5, "kid-l", 300)
    build("batch", 7, "kid-o", 100)
    later.wait(30)
    r = p.finish(signal.SIGINT)
    lib.equal({j["job"] for j in r.jobs()}, {"batch#5"}, "jobs")
    lib.equal(kids(r, "kid-w"), {"batch#5": 200 + EXTRA}, "children of what ran")
    lib.equal(kids(r, "kid-l"), {"batch#5": 300 + EXTRA}, "children of what came later")
    lib.equal(kids(r, "kid-o"), {}, "children of others")
    lib.equal(len([t for t in r.threads(comm="sleep") if t["thread_ns"] == r.duration]), 1,
              "the grandchild without an environment")
    lib.equal(r.summary["target"], {"type": "job", "job": "batch", "build": "5"}, "target")
    lib.equal({frames[0] for frames, _ in r.folded("wall")}, {"batch#5"}, "roots of the stacks")


def test_builds_of_a_job():
    """-J without a number, --wait, the name of the recording, and its end."""
    where = lib.tmp("where")
    os.mkdir(where)
    lib.sentence(["record", "-J", "wt-nightly", "-o", lib.tmp("none")],
                 'no process belongs to the build "wt-nightly" now; --wait waits', timeout_s=20)
    p = lib.spawn([lib.WORKTRACE, "record", "-q", "-J", "folder/wt-nightly", "--wait"], cwd=where)
    waiting = lib.Running(["-J", "folder/wt-nightly", "--wait"]).attached()
    builds = [build("folder/wt-nightly", n, "kid-n", 150) for n in (1, 2)]
    for b in builds:
        b.wait(30)
    r = waiting.finish()
    lib.equal(r.summary["end_reason"], "target gone", "end")
    lib.equal(kids(r, "kid-n"), {f"folder/wt-nightly#{n}": 150 + EXTRA for n in (1, 2)}, "children")
    lib.equal(p.wait(20), 0, "the other recording's status")
    lib.contains(" ".join(os.listdir(where)), r"^wt-nightly_\d{8}T\d{6}Z_", "the default name")


def test_losses():
    """An environment that cannot be read, and names that find the ring full, are counted."""
    r = lib.record(["--fault=environ"], ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do /bin/true; done"])
    lib.at_least(r.loss["env_unreadable"], 1, "env_unreadable")
    many = "sleep 1; i=0; while [ $i -lt 400 ]; do i=$((i + 1)); JOB_NAME=n BUILD_NUMBER=$i /bin/true; done"
    p = lib.Running(["--ring-kb=4", "--drain-ms=60000"] + ["--", "sh", "-c", many]).attached()
    # while it is stopped nobody reads the ring
    os.kill(p.pid, signal.SIGSTOP)
    time.sleep(2)
    os.kill(p.pid, signal.SIGCONT)
    r = p.finish()
    lib.at_least(r.loss["job_ring_full"], 1, "job_ring_full")
    lost = [j for j in r.jobs() if j["job"].startswith("[build ")]
    assert lost or r.loss["exit_ring_full"], f"no job without a name: {[j['job'] for j in r.jobs()][:9]}"


WORK = """
import time
for i in range(1, 6):
    time.sleep(0.02 * i)
    print(f"processed {i} of 5", flush=True)
"""


def test_folded_by_unit():
    """--fold job,unit: each stack begins with the build and the unit whose time it is."""
    env = {**os.environ, "JOB_NAME": "folded", "BUILD_NUMBER": "2"}
    r = lib.record(["--unit-line", r"processed (?<done>\d+) of (?<total>\d+)", "--fold=job,unit,comm"],
                   [lib.PYTHON, "-c", WORK], env=env)
    sleep = collections.Counter()
    for frames, us in r.folded("wall"):
        lib.equal(frames[0], "folded#2", "the job's frame")
        if frames[-1].startswith("[sleep"):
            lib.equal(frames[2], "python3", f"the process's frame of {frames}")
            sleep[frames[1]] += us * 1000
    units = r.units()
    lib.equal([u["unit"] for u in units], ["1", "2", "3", "4", "5"], "units")
    for u in units:
        lib.at_least(u["sleep_ns"], 0.02 * S * u["seq"], f"sleep of unit {u['unit']}")
        lib.near(sleep[u["unit"]], u["sleep_ns"], 100000, f"wall.folded of unit {u['unit']}")


ID = "3f2a91bc44de0f1e2d3c4b5a69788796a5b4c3d2e1f0aabbccddeeff00112233"


def old_unit():
    """A process in a unit deep in a hierarchy of version 1, if there is one."""
    try:
        path = lib.v1_cgroup("cpu")
    except lib.Skip:
        return None
    for name in ("a.slice", "b.slice", "wt-old.service"):
        path = os.path.join(path, name)
        os.mkdir(path)
        lib.cleanup(lib.remove_cgroup, path)
    return lib.spawn(["sleep", "60"], preexec_fn=lib.enter(path))


def test_groups():
    """Containers and units: short-lived ones, threads that move, builds within them."""
    root = lib.v2_cgroup()

    def group(name):
        path = os.path.join(root, name)
        os.mkdir(path)
        lib.cleanup(lib.remove_cgroup, path)
        return path
    unit = group("wt-celery@1.service")
    runs = lib.spawn(["sleep", "60"], preexec_fn=lib.enter(unit))
    mover = lib.spawn([lib.PYTHON, "-c", "import threading, time\n"
                       "for i in range(3): threading.Thread(target=time.sleep, args=(60,)).start()\n"])
    old = old_unit()
    time.sleep(0.4)
    p = lib.Running(["-a", "-F", "0"]).attached()
    # a container that is there for a moment only
    container = group(f"docker-{ID}.scope")
    gone = lib.spawn(["sh", "-c", "sleep 0.1; /bin/true"], preexec_fn=lib.enter(container))
    gone.wait()
    lib.until(lambda: not lib.remove_cgroup(container) and not os.path.exists(container), 5, "its end")
    moved = group("wt-moved")
    with open(os.path.join(moved, "cgroup.procs"), "w") as f:
        f.write(str(mover.pid))
    inside = run(["sleep", "30"], jenkins("inside", 3), preexec_fn=lib.enter(unit))
    time.sleep(0.5)
    r = p.finish(signal.SIGINT)
    of = collections.defaultdict(set)
    for t in r.threads():
        of[t["pid"]].add(t["job"])
    lib.equal(of[runs.pid], {"wt-celery@1.service"}, "in a unit from the start")
    lib.equal(r.job("wt-celery@1.service")["kind"], "unit", "kind")
    lib.equal(of[gone.pid], {"docker:3f2a91bc44de"}, "in a container that is gone")
    lib.at_least(r.job("docker:3f2a91bc44de")["processes"], 3, "processes of the container")
    lib.equal(of[mover.pid], {f"/{os.path.basename(root)}/wt-moved"}, "threads that were moved")
    lib.equal(of[inside.pid], {"inside#3"}, "a build in a unit")
    if old:
        lib.equal(of[old.pid], {"wt-old.service"}, "in a unit of a version 1 hierarchy")
    assert r.jobs(kind="kernel") and r.jobs(kind="self"), "kernel threads and worktrace apart"
