# SPDX-License-Identifier: GPL-2.0-or-later
"""From raw values to the table."""

import re

import lines
import spans
import unwind_tables
from figures import interval, median, smallest_difference
from measure import NOTHING

SWITCH_TARGETS = {"pipe": 0.25, "pgbench-tpcb": 0.6, "pgbench-select": 0.6}    # × offcputime's program
LOSS_TARGET = 0.02          # of a server's rate, upper end of the interval
REFERENCE = "offcputime"


def ratios(case):
    return [r["ns"] / ((r["before_ns"] + r["after_ns"]) / 2) for r in case["runs"]]


def percent(ratio):
    return "-" if ratio is None else "%+.1f %%" % ((ratio - 1) * 100)


def amount(n):
    for unit in ("B", "KB", "MB", "GB"):
        if n < 1000 or unit == "GB":
            return ("%.0f %s" if unit == "B" or n >= 100 else "%.1f %s") % (n, unit)
        n /= 1000.0


def table(head, rows):
    """Lines of a table; the first columns named with a leading '<' are flush left."""
    left = [h.startswith("<") for h in head]
    head = [h.lstrip("<") for h in head]
    wide = [max(len(str(r[i])) for r in [head] + rows) for i in range(len(head))]
    return ["  " + "  ".join(str(c).ljust(w) if flush else str(c).rjust(w)
                             for c, w, flush in zip(r, wide, left)).rstrip()
            for r in [head] + rows]


def med(case, key):
    return median([r[key] for r in case["runs"] if key in r])


def timed_row(case):
    row = [case["tool"], case["mode"] or ""]
    if case["failures"] or not case["runs"]:
        why = case["failures"][0] if case["failures"] else "not measured"
        return row + ["failed" if case["failures"] else "-", "", "", "", "", "", "", why]
    mid, low, high = interval(ratios(case))
    row += [percent(mid), "%s … %s" % (percent(low), percent(high)) if low else "-"]
    if case["tool"] == NOTHING:
        return row + ["", "", "", "", "", ""]
    busy = median([r["own_cpu_traced_s"] / r["traced_s"] * 100 for r in case["runs"]])
    return row + ["%.2f s" % med(case, "attach_s"), "%.1f %%" % busy,
                  "%.2f s" % med(case, "own_cpu_total_s"),
                  "%.1f MB" % (med(case, "rss_peak_bytes") / 1e6),
                  "%s/s" % amount(median([r["output_bytes"] / r["traced_s"]
                                          for r in case["runs"]])),
                  next(("lost: " + r["lost"] for r in reversed(case["runs"]) if r["lost"]), "")]


def timed_table(w):
    head = ["<tool", "<target", "slowdown", "95 % interval", "attached", "own CPU", "CPU total",
            "RSS peak", "output", "<"]
    base = median([b["ns"] for b in w["baselines"]])
    null = next((c for c in w["cases"] if c["tool"] == NOTHING), None)
    seen = smallest_difference(ratios(null)) if null else None
    out = ["%s: %s" % (w["name"], w["what"]),
           "  untraced: %.0f ns per %s; smallest difference this run could see: %s; rounds: %d"
           % (base, w["unit"], "unknown (too few rounds)" if seen is None else
              "%.1f %%" % (seen * 100), len(null["runs"]) if null else 0)] if base else [w["name"]]
    return out + table(head, [timed_row(c) for c in w["cases"]])


def switch_program(programs, pattern):
    """The tool's busiest program on sched_switch, or None."""
    fit = [p for p in programs if p["runs"] and re.search(pattern, p["name"])]
    return max(fit, key=lambda p: p["runs"]) if fit else None


def switch_ns(case):
    """Mean ns of the sched_switch program, one value per window (None: did not run)."""
    out = []
    for window in case["windows"]:
        p = switch_program(window["programs"], case["switch"]) if case["switch"] else None
        out.append(p["ns"] / p["runs"] if p else None)
    return out


def switch_ratios(w, case):
    """Ratios to the reference of the same round, same target."""
    ref = next((c for c in w["cases"] if c["tool"] == REFERENCE and c["mode"] == case["mode"]), None)
    if not ref or ref is case:
        return []
    return [a / b for a, b in zip(switch_ns(case), switch_ns(ref)) if a and b]


def program_rows(case):
    """Every program of a tool over its windows: [name, ns/run, runs/s, ms/s]."""
    sums = {}
    for window in case["windows"]:
        for p in window["programs"]:
            s = sums.setdefault(p["name"], [0, 0, 0.0])
            s[0] += p["ns"]
            s[1] += p["runs"]
            s[2] += p["window_s"] if p["id"] == min(
                q["id"] for q in window["programs"] if q["name"] == p["name"]) else 0
    return [[name, "%.0f" % (ns / runs) if runs else "-", "%.0f" % (runs / sec),
             "%.2f" % (ns / sec / 1e6)]
            for name, (ns, runs, sec) in sorted(sums.items(), key=lambda i: -i[1][0])]


def case_program_rows(w, case):
    """The rows of one tool in the table of programs."""
    who = [case["tool"], case["mode"]]
    if case["window_failures"]:
        return [who + ["failed: " + case["window_failures"][0], "", "", "", "", ""]]
    if not case["windows"]:
        return []
    switch = None
    if case["switch"]:
        switch = switch_program(case["windows"][0]["programs"], case["switch"])
    shown, rows = program_rows(case), []
    for r in shown:
        extra = ["", ""]
        if switch and r[0] == switch["name"]:
            mid, low, high = interval(switch_ratios(w, case))
            if mid:
                extra = ["%.2f" % mid, "%.2f … %.2f" % (low, high) if low else "-"]
        rows.append(who + r + extra)
    if len(shown) > 1:
        total_ms = sum(float(r[3]) for r in shown)
        switches = next((float(r[2]) for r in shown if switch and r[0] == switch["name"]), 0)
        rows.append(who + ["(all, per run of the switch program)",
                           "%.0f" % (total_ms * 1e6 / switches) if switches else "", "",
                           "%.2f" % total_ms, "", ""])
    return rows


def program_table(w):
    head = ["<tool", "<target", "<program", "ns/run", "runs/s", "ms/s", "× " + REFERENCE, "95 % interval"]
    rows = [r for case in w["cases"] for r in case_program_rows(w, case)]
    if not rows:
        return []
    return ["  BPF programs on %s, as the kernel accounts them (separate runs)" % w["name"]] + \
        table(head, rows)


def verdict(low, high, aim, sees=True):
    """met or not met only where the interval and the noise of the run allow to say so."""
    if high is None or not sees:
        return "this run cannot tell"
    return "met" if high <= aim else "not met" if low > aim else "this run cannot tell"


def switch_verdict(w, case):
    mid, low, high = interval(switch_ratios(w, case))
    aim = SWITCH_TARGETS[w["name"]]
    return mid and "sched_switch program on %s, target %s: %.2f × %s (aim: at most %.2f): %s" % (
        w["name"], case["mode"], mid, REFERENCE, aim, verdict(low, high, aim))


def loss_verdict(w, case):
    """A rate falls by 1 - 1/ratio when the time per operation grows by ratio."""
    null = next((c for c in w["cases"] if c["tool"] == NOTHING), None)
    seen = smallest_difference(ratios(null)) if null else None
    mid, low, high = interval(ratios(case))
    if seen is None or high is None:
        return None
    mid, low, high = 1 - 1 / mid, 1 - 1 / low, 1 - 1 / high
    return "%s, %s, target %s: loses %.1f %% of its rate, at most %.1f %% (aim: at most %.0f %%): %s" % (
        w["name"], case["tool"], case["mode"], mid * 100, high * 100, LOSS_TARGET * 100,
        verdict(low, high, LOSS_TARGET, seen <= LOSS_TARGET or low > seen))


def verdicts(result):
    """What worktrace aims at, and whether this run shows it.  Reported, never an exit status."""
    out = []
    for w in result["workloads"]:
        for case in w["cases"]:
            if not case["tool"].startswith("worktrace") or case["failures"]:
                continue
            if w["name"] in SWITCH_TARGETS and case["tool"] == "worktrace":
                out.append(switch_verdict(w, case))
            if w["name"].startswith(("redis", "pgbench")):
                out.append(loss_verdict(w, case))
    return [v for v in out if v]


def text(result):
    out = ["", "%(kernel)s, %(cpu)s, %(cpus)d CPUs, %(date)s" % result["host"],
           "load at the start %.2f, at the end %.2f; stolen by the hypervisor: %.2f s of %.0f s" % (
               result["host"]["load1_start"], result["host"]["load1_end"],
               result["host"]["steal_s"], result["host"]["elapsed_s"])]
    for t in result["tools"]:
        out.append("  %-17s %s" % (t["name"], t["version"] if t["present"] else "ABSENT"))
    for w in result["workloads"]:
        out.append("")
        if w.get("absent"):
            out.append("%s: ABSENT: %s" % (w["name"], w["absent"]))
            continue
        if w.get("failed"):
            out.append("%s: FAILED: %s" % (w["name"], w["failed"]))
        if w["cases"] and w["baselines"]:
            out += timed_table(w)
            programs = program_table(w)
            out += [""] + programs if programs else []
    if result.get("unwind_tables"):
        out += ["", "unwind tables: CPU time of compiling them, once for each file"]
        out += table(unwind_tables.HEAD, unwind_tables.rows_of_table(result["unwind_tables"]))
    if result.get("spans"):
        out += ["", "spans: a function called 10,000 times a second, entry to return; by the program's own clock"]
        out += table(spans.HEAD, spans.rows_of_table(result["spans"]))
    if result.get("lines"):
        out += ["", "lines: a worker that writes 50,000 of 80 bytes a second to its log; by its own CPU clock"]
        out += table(lines.HEAD, lines.rows_of_table(result["lines"]))
    aims = verdicts(result)
    if aims:
        out += ["", "Aims"] + ["  " + a for a in aims]
    return "\n".join(out)
