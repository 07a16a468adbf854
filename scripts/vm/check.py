#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""check.py LABEL OUT: verdicts on what cases.sh left in OUT.

Prints `ok LABEL NAME`, `not ok LABEL NAME` with indented diagnostics, or
`skip LABEL NAME: reason`; exit status 1 if any case failed.  Times are checked
loosely: under emulation they say little.  Sums are checked exactly.
"""
import csv
import json
import os
import re
import sys

STATES = ("cpu runq throttled disk net ipc lock child mem sleep idle stopped other").split()
MS = 1_000_000
LIMIT_S = 240  # as in cases.sh; its timeout(1) may hide that it struck


class Failed(Exception):
    pass


def need(cond, text):
    if not cond:
        raise Failed(text)


def text(*path):
    try:
        with open(os.path.join(*path), errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


class Recording:
    def __init__(self, path):
        need(os.path.isdir(path), "no recording was written")
        self.path = path
        try:
            self.summary = json.loads(text(path, "summary.json"))
        except ValueError as e:
            raise Failed(f"summary.json: {e}")
        self.ledger = self.summary["ledger"]
        self.states = {s: self.ledger["states"][s]["ns"] for s in STATES}
        with open(os.path.join(path, "threads.csv"), newline="") as f:
            self.threads = list(csv.DictReader(f))
        self.folded = {n: text(path, n + ".folded") for n in ("wall", "cpu", "offcpu")}
        with open(os.path.join(path, "waits.csv"), newline="") as f:
            self.waits = list(csv.DictReader(f))

    def balance(self):
        led = self.ledger
        off = [" ".join(f"{k}={v}" for k, v in r.items())
               for r in self.threads if sum(int(r[s + "_ns"]) for s in STATES) != int(r["thread_ns"])]
        need(led["residual_ns"] == 0, "\n    ".join([f"residual_ns is {led['residual_ns']}"] + off))
        need(led["wall_ns"] > 0, "wall_ns is 0")
        need(led["wall_ns"] == led["accounted_ns"],
             f"wall_ns {led['wall_ns']} != accounted_ns {led['accounted_ns']}")
        total = sum(self.states.values())
        need(total == led["wall_ns"], f"the states' sum {total} != wall_ns {led['wall_ns']}")
        need(self.threads, "threads.csv is empty")
        for row in self.threads:
            got = sum(int(row[s + "_ns"]) for s in STATES)
            need(got == int(row["thread_ns"]),
                 f"thread {row['tid']} ({row['comm']}): states {got} != thread_ns {row['thread_ns']}")
        rows = sum(int(row["thread_ns"]) for row in self.threads)
        need(rows == led["wall_ns"], f"threads.csv adds up to {rows}, wall_ns is {led['wall_ns']}")

    def folded_valid(self):
        for name, body in self.folded.items():
            for line in body.splitlines():
                m = re.fullmatch(r"(.*) (\d+)", line)
                need(m and all(m.group(1).split(";")), f"{name}.folded: bad line {line!r}")
        wall = sum(int(line.rsplit(" ", 1)[1]) for line in self.folded["wall"].splitlines())
        need(abs(wall * 1000 - self.ledger["wall_ns"]) <= 1000 * 1000,
             f"wall.folded holds {wall} us, the ledger {self.ledger['wall_ns']} ns")

    def witness(self, frame, which="offcpu"):
        """Lines of a folded file that hold a frame."""
        return [x for x in self.folded[which].splitlines() if re.search(frame, x)]


def close(name, got, want, share, slack_ns):
    need(abs(got - want) <= want * share + slack_ns,
         f"{name}: {got / MS:.1f} ms, the program says {want / MS:.1f} ms")


def check_truth(rec, out):
    pid, truth = None, {}
    for line in out.splitlines():
        words = line.split()
        if words[:1] == ["pid"]:
            pid = words[1]
        elif words[:1] == ["truth"]:
            truth[words[1]] = int(words[2])
    need(pid and "total_cpu" in truth, "the program of known truth did not finish")
    rows = [r for r in rec.threads if r["tid"] == pid]
    need(rows, f"threads.csv does not have the program's main thread {pid}")
    ours = {s: sum(int(r[s + "_ns"]) for r in rows) for s in STATES}
    truth["cpu"] = truth.pop("total_cpu")
    # A wait ends in the run queue; the program's figure has that, ours has not.
    for state, want in truth.items():
        more = want - (ours["runq"] if state != "cpu" else 0)
        close(state, ours[state], min(max(ours[state], more), want), 0.15, 30 * MS)
    need(ours["other"] <= 0.02 * sum(ours.values()) + 5 * MS,
         f"other is {ours['other'] / MS:.1f} ms of {sum(ours.values()) / MS:.1f} ms")
    kinds = {(w["state"], w["reason"]) for w in rec.waits}
    need(any(s == "net" and "127.0.0.1" in r for s, r in kinds), "no net wait names 127.0.0.1")
    need(any(s == "child" and "known-child" in r for s, r in kinds),
         "no child wait names known-child")
    check_disks(rec, kinds)


def check_spans(path, out):
    with open(os.path.join(path, "spans.csv"), newline="") as f:
        rows = {r["span"]: r for r in csv.DictReader(f)}
    for name, row in rows.items():
        got = sum(int(row[s + "_ns"]) for s in STATES)
        need(got == int(row["total_ns"]), f"span {name}: states {got} != total_ns {row['total_ns']}")
    need(rows["sleep"]["count"] == "1", f"{rows['sleep']['count']} spans of a function called once")
    need(rows["lap"]["count"] == "3", f"{rows['lap']['count']} laps of a function called 3 times")
    need(rows["lap"]["abandoned"] == "1", "the last lap did not end with the program")
    want = int(re.search(r"truth sleep (\d+)", out).group(1))
    close("the sleep in the span", int(rows["sleep"]["sleep_ns"]), want, 0.3, 30 * MS)
    method = json.loads(text(path, "summary.json"))["spans"][0]["method"]
    need(method == "exits", f"method {method}")


def check_disks(rec, kinds):
    """The program writes past the page cache and syncs."""
    busy = [d for d in rec.summary["devices"] if d["ours"]["write"]["requests"]]
    need(busy, f"no disk was written to: {rec.summary['devices']}")
    for d in busy:
        for group in ("read", "write", "flush"):
            ours, kernel = d["ours"][group]["requests"], d["kernel"][group]["requests"]
            # before 6.5 a write of nothing, which asks for a flush, is the kernel's only
            slack = d["kernel"]["flush"]["requests"] if group == "write" else 0
            need(abs(ours - kernel) <= 10 + kernel // 20 + slack,
                 f"{d['device']}: {ours} {group} requests, the kernel counts {kernel}")
    device = busy[0]["device"]
    need(any(s == "disk" and re.match(rf"(pwrite64|write|fsync) {device}\d*(p\d+)? /.", r) for s, r in kinds),
         f"no disk wait names {device} and a file: {[r for s, r in kinds if s == 'disk']}")
    with open(rec.path + "/devices.csv", newline="") as f:
        rows = [r for r in csv.DictReader(f) if r["operation"] == "write"]
    need(any(int(r["service_p50_ns"]) > 0 and int(r["requests"]) > 3 for r in rows),
         "devices.csv has no writes of the program")


def connections(path):
    with open(os.path.join(path, "connections.csv"), newline="") as f:
        return list(csv.DictReader(f))


def check_net(path):
    rows = connections(path)
    made = [r for r in rows if r["state_at_end"] != "SYN_SENT"]
    need(sorted(r["direction"] for r in made) == ["in", "out"], f"connections: {rows}")
    (out,), (back,) = ([r for r in made if r["direction"] == d] for d in ("out", "in"))
    need(out["peer"] == back["local"] and out["local"] == back["peer"], f"its two ends: {made}")
    need((out["bytes_received"], back["bytes_sent"]) == ("1", "1"), f"one byte went: {made}")
    need(0 < int(out["connect_ns"]) < 10**9, f"connect_ns: {out}")
    need(int(out["wait_ns"]) > 150 * MS, f"wait_ns: {out}")
    need(out["seen"] == "whole" and int(out["srtt_us"]) > 0, f"srtt_us: {out}")
    failed = [r["end_reason"] for r in rows if r["state_at_end"] == "SYN_SENT"]
    need(failed == ["refused"], f"ends of failed connects: {failed}")
    (listener,) = json.loads(text(path, "summary.json"))["network"]["listeners"]
    need(listener["accepted"] == 1, f"{listener}")


def check_net_open(path):
    (row,) = connections(path)
    need((row["seen"], row["direction"], row["end_reason"], row["peer"]) ==
         ("open", "out", "open", "127.0.0.1:9555"), f"{row}")
    need(int(row["bytes_received"]) > 0, f"bytes since then: {row}")


def check_throttled(rec, stat):
    figures = dict(line.split() for line in stat.splitlines())
    want = int(figures.get("throttled_time", 0))
    need(want > 0, "the kernel did not throttle the group")
    close("throttled", rec.states["throttled"], want, 0.4, 100 * MS)


def check_frozen(rec, out):
    spans = [line.split()[1:] for line in out.splitlines() if line.startswith("frozen ")]
    need(len(spans) == 2, "the group was not frozen twice")
    # the clock of the guest's shell has a resolution of 10 ms
    want = sum(float(b) - float(a) for a, b in spans) * 1000 * MS
    close("stopped", rec.states["stopped"], want, 0.02, 40 * MS)
    need(("stopped", "frozen") in {(w["state"], w["reason"]) for w in rec.waits},
         "no wait named frozen")


def jobs_of(rec, *comms):
    return {r["job"] for r in rec.threads if r["comm"] in comms}


def check_job(rec):
    need({r["job"] for r in rec.threads} == {"vm-job#5"}, "jobs: " +
         ", ".join(sorted({r["job"] for r in rec.threads})))
    need([r for r in rec.threads if r["comm"] == "sleep" and
          int(r["thread_ns"]) == rec.summary["duration_ns"]], "the process without an environment is missing")
    need(jobs_of(rec, "job-kid5") == {"vm-job#5"}, "no child without an environment of what was started later")
    need(not jobs_of(rec, "job-kid6"), "a child of another build")


def check_jobs(rec):
    need(jobs_of(rec, "job-kid5") == {"vm-job#5"}, f"children of build 5: {jobs_of(rec, 'job-kid5')}")
    need(jobs_of(rec, "job-kid6") == {"vm-job#6"}, f"children of build 6: {jobs_of(rec, 'job-kid6')}")
    need("docker:0123456789ab" in jobs_of(rec, "sleep"), "the container is missing")
    need(rec.summary["builds"]["at_once"] >= 2, f"builds: {rec.summary['builds']}")


def check_recording(path, name, wants):
    rec = Recording(os.path.join(path, name + ".rec"))
    rec.balance()
    rec.folded_valid()
    led, stacks = rec.ledger, rec.summary["stacks"]
    if "active" in wants:
        need(rec.states["cpu"] > 0, "no CPU time was charged")
        need(led["wall_ns"] > rec.states["cpu"], "no waiting was charged")
    if "lost" in wants:
        need(led["unattributed_ns"] > 0, "tiny maps, yet nothing is unattributed")
        need(any(rec.summary["loss"].values()), "tiny maps, yet no loss counter moved")
    if "nosamples" in wants:
        need(stacks["oncpu_samples"] == 0, f"-F 0, yet {stacks['oncpu_samples']} samples")
    elif "truth" in wants:
        need(stacks["oncpu_samples"] > 0, "no CPU sample was taken")
        need(rec.witness(r"spend_cpu\b", "cpu"), "no sample names spend_cpu")
    if "kstacks" in wants:
        need(rec.witness(r"_\[k\];\["), "no kernel frame before a wait")
    if "nokstacks" in wants:
        need(not rec.witness(r"_\[k\];\["), "--no-kernel-stacks, yet kernel frames before a wait")
    if "ustacks" in wants:
        need(rec.witness(r"\bspend(_sleep|_ipc)?\b"), "no user frame of the program where it waits")
    if "noustacks" in wants:
        need(not rec.witness(r"\bspend"), "--no-user-stacks, yet user frames where it waits")
    if "truth" in wants:
        check_truth(rec, text(path, name + ".out"))
    if "job" in wants:
        check_job(rec)
    if "jobs" in wants:
        check_jobs(rec)
    if "spans" in wants:
        check_spans(os.path.join(path, name + ".rec"), text(path, name + ".out"))
    if "net" in wants:
        check_net(os.path.join(path, name + ".rec"))
    if "net-open" in wants:
        check_net_open(os.path.join(path, name + ".rec"))
    if "throttled" in wants:
        check_throttled(rec, text(path, name + ".stat"))
    if "frozen" in wants:
        check_frozen(rec, text(path, name + ".out"))


def check(path, name, wants):
    rc, err, out = (text(path, f"{name}.{x}") for x in ("rc", "err", "out"))
    need(rc.strip() != "", "did not run to its end")
    start, end = map(float, text(path, name + ".time").split())
    need(end - start < LIMIT_S, f"took {end - start:.0f} s and was ended (exit status {int(rc)})")
    need(int(rc) == 0, f"exit status {int(rc)}")
    if wants[0] == "recording":
        check_recording(path, name, wants[1:])
    elif wants[0] == "json":
        try:
            json.loads(out)
        except ValueError as e:
            raise Failed(f"not JSON: {e}")
    elif wants[0] == "empty":
        left = [p.get("name", "?") for p in json.loads(out)]
        need(not left, f"programs left in the kernel: {', '.join(left)}")
    else:
        need(out.strip() or err.strip(), "said nothing")


def main():
    label, path = sys.argv[1:3]
    bad = 0
    for name in text(path, "order").split():
        wants = text(path, name + ".want").split()
        if wants[0] == "skip":
            print(f"skip {label} {name}: {' '.join(wants[1:])}")
            continue
        try:
            check(path, name, wants)
            print(f"ok {label} {name}")
        except (Failed, KeyError, ValueError, OSError) as e:
            bad += 1
            what = e if isinstance(e, Failed) else f"{type(e).__name__}: {e}"
            print(f"not ok {label} {name}")
            tail = text(path, name + ".err").splitlines()[-25:]
            print("\n".join("    " + x for x in [str(what)] + tail))
    if not os.path.exists(os.path.join(path, "done")):
        bad += 1
        print(f"not ok {label} finished\n    the cases did not run to their end")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
