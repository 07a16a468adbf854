# SPDX-License-Identifier: GPL-2.0-or-later
"""Transcodes: each ffmpeg is a unit with its row, however it ends."""
import os
import signal
import subprocess
import time

import lib
from lib import MS, S

SECRET = "h0rseBattery9staple"


def make_input(name="in.mp4", seconds=4, rate=25, size="320x240"):
    """A film with sound, made once for each test."""
    lib.need("ffmpeg", "ffprobe")
    path = lib.tmp(name)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-nostdin",
                    "-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}",
                    "-f", "lavfi", "-i", f"sine=d={seconds}", "-c:v", "libx264",
                    "-preset", "ultrafast", "-g", "25", "-c:a", "aac", path], check=True)
    return path


def ffmpeg(*args):
    return ["ffmpeg", "-v", "error", "-y", "-nostdin", *[str(a) for a in args]]


def one(r, **match):
    rows = r.transcodes(**match)
    lib.equal(len(rows), 1, f"rows of {match} in {r.transcodes()}")
    return rows[0]


def test_rows():
    """What it was, how it ended, what it cost; in the ledger's own figures."""
    source, out = make_input(), lib.tmp("out.mp4")
    before = time.time()
    r = lib.record([], ffmpeg("-i", source, "-c:v", "libx264", "-preset", "veryfast",
                              "-c:a", "copy", out))
    row = one(r)
    lib.equal((row["exit_status"], row["input"], row["output"]), ("0", source, out), "row")
    lib.equal(row["pid"], r.threads(comm="ffmpeg")[0]["pid"], "pid")
    # worktrace's child becomes ffmpeg: all it did after that exec is the transcode's
    cost = sum(t["thread_ns"] for t in r.threads(pid=row["pid"]))
    lib.near(row["thread_ns"], cost, 20 * MS, "thread time against threads.csv")
    lib.equal(row["threads"], len(r.threads(pid=row["pid"])), "threads")
    lib.at_least(row["threads"], 3, "threads of a default transcode")
    lib.near(row["elapsed_ns"], r.duration, 150 * MS, "elapsed")
    lib.contains(row["start_utc"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
    began = time.mktime(time.strptime(row["start_utc"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert before - 2 < began < time.time() + 2, f"start_utc {row['start_utc']}"
    lib.at_least(row["max_rss_bytes"], 20 << 20, "memory")
    lib.at_most(row["max_rss_bytes"], 1 << 30, "memory")
    lib.at_least(row["read_call_bytes"], os.path.getsize(source), "bytes read")
    lib.at_least(row["write_call_bytes"], os.path.getsize(out), "bytes written")
    lib.contains(r.err, r"\nTRANSCODES  1 ffmpeg\n")


def test_endings():
    """Failing at once, killed in the middle, alive at the end; ffprobe is no transcode."""
    source = make_input(seconds=2)
    slow = ffmpeg("-re", "-stream_loop", -1, "-i", source, "-c", "copy", "-f", "mpegts")
    script = f'''{" ".join(ffmpeg("-i", lib.tmp("nothing.mp4"), lib.tmp("x.mp4")))}
        {" ".join(slow)} {lib.tmp("killed.ts")} & sleep 0.7; kill -KILL $!; wait $!
        {" ".join(slow)} {lib.tmp("term.ts")} & sleep 0.7; kill -TERM $!; wait $!
        ffprobe -v error {source}
        exec {" ".join(slow)} {lib.tmp("on.ts")} > /dev/null'''
    p = lib.Running(["-d", 4, "--", "sh", "-c", script], stdout=subprocess.DEVNULL)
    r = p.finish()
    lib.cleanup(os.kill, one(r, output=lib.tmp("on.ts"))["pid"], signal.SIGKILL)
    status = {os.path.basename(row["output"]): row["exit_status"] for row in r.transcodes()}
    lib.equal(status, {"x.mp4": "1", "killed.ts": "SIGKILL", "term.ts": "255", "on.ts": ""}, "exit status")
    killed, on = (one(r, output=lib.tmp(f)) for f in ("killed.ts", "on.ts"))
    lib.near(killed["elapsed_ns"], 700 * MS, 400 * MS, "elapsed of the killed one")
    lib.equal(on["end_utc"], "", "end of the one that runs")
    lib.at_least(on["read_call_bytes"], 1000, "bytes of the one that runs")
    lib.equal((r.summary["transcodes"]["failed"], r.summary["transcodes"]["running"]), (3, 1))
    lib.contains(r.err, r"TRANSCODES  4 ffmpegs, .* 3 failed, 1 still runs")


def test_attached():
    """One that ran before: its whole elapsed time, but only the recording's cost."""
    source = make_input(seconds=2)
    p = lib.spawn(ffmpeg("-re", "-stream_loop", -1, "-i", source, "-c", "copy", "-f", "mpegts",
                         lib.tmp("out.ts")))
    began = time.monotonic()
    time.sleep(1)
    running = lib.Running(["-p", p.pid]).attached()
    time.sleep(0.5)
    p.send_signal(signal.SIGKILL)
    p.wait()
    elapsed = time.monotonic() - began
    r = running.finish()
    row = one(r, pid=p.pid)
    lib.equal((row["exit_status"], row["input"], row["seeded"]), ("SIGKILL", source, 1), "row")
    lib.near(row["elapsed_ns"], elapsed * S, 100 * MS, "elapsed")
    lib.at_most(row["thread_ns"], row["threads"] * r.duration, "thread time")


def test_many():
    """Twenty short ones at once: every one has its row."""
    source = make_input(seconds=1)
    copy = " ".join(ffmpeg("-i", source, "-c", "copy"))
    r = lib.record([], ["sh", "-c", f'for i in $(seq 20); do {copy} {lib.tmp("o$i.mp4")} & done; wait'])
    rows = r.transcodes(exit_status="0")
    lib.equal({row["output"] for row in rows}, {lib.tmp(f"o{i}.mp4") for i in range(1, 21)}, "outputs")
    lib.equal(len({row["pid"] for row in rows}), 20, "pids")


def test_secrets():
    """A password in a URL or an option reaches no file."""
    lib.need("ffmpeg")
    p = lib.Running(["-d", 8, "--", *ffmpeg("-headers", f"Authorization: Bearer {SECRET}\r\n",
                                            "-i", f"http://bob:{SECRET}@127.0.0.1:1/in.mp4?token={SECRET}",
                                            "-metadata", f"password={SECRET}", lib.tmp("out.mp4"))])
    r = p.finish()
    row = one(r)
    lib.equal(row["exit_status"], "1", "exit status")
    lib.contains(row["input"], "127.0.0.1:1/in.mp4", "input")
    for name in os.listdir(r.path):
        with open(os.path.join(r.path, name), "rb") as f:
            text = f.read()
        # the command that worktrace itself was given is in summary.json as it was given
        if name == "summary.json":
            text = text.replace(b"\\r\\n", b"")
            assert text.count(SECRET.encode()) <= 4, "more than the command itself"
        else:
            assert SECRET.encode() not in text, f"the password is in {name}"


def test_names():
    """Other programs as units, scripts among them; and none at all."""
    script = lib.tmp("convert-asset")
    with open(script, "w") as f:
        f.write("#!/bin/sh\nsleep 0.2\n")
    os.chmod(script, 0o755)
    source = make_input(seconds=1)
    command = ["sh", "-c", f"{script}; {' '.join(ffmpeg('-i', source, '-c', 'copy', lib.tmp('o.mp4')))}"]
    r = lib.record(["--unit-exec", "convert-asset,ffmpeg"], command)
    units = r.units()
    lib.equal([u["kind"] for u in units], ["exec:convert-asset", "exec:ffmpeg"], "kinds")
    for u in units:
        lib.equal(u["exit_status"], "0", f"exit status of {u}")
        lib.equal(sum(u[s + "_ns"] for s in lib.STATES), u["thread_ns"], f"states of {u}")
    script, transcode = units
    lib.near(script["elapsed_ns"], 200 * MS, 150 * MS, "elapsed of the script")
    lib.contains(script["label"], "convert-asset", "its command line")
    lib.equal(script["transcode_ns"], 0, "transcode_ns of what is none")
    row = one(r)
    lib.equal([transcode[k] for k in ("elapsed_ns", "thread_ns", "pid", "transcode_ns")],
              [row[k] for k in ("elapsed_ns", "thread_ns", "pid", "elapsed_ns")], "the same unit twice")
    r = lib.record(["--unit-exec", "none"], command)
    assert not os.path.exists(os.path.join(r.path, "transcodes.csv")), "an ffmpeg nobody asked for"


def test_losses():
    """A ring without room, a map without room, too many rows: counted, and no row is lost but those."""
    source = make_input(seconds=1)
    copy = " ".join(ffmpeg("-i", source, "-c", "copy"))
    command = ["sh", "-c", f'for i in $(seq 6); do {copy} {lib.tmp("o$i.mp4")}; done']
    r = lib.record(["--ring-kb", 4], command)
    lib.at_least(r.loss["exec_ring_full"], 6, "exec_ring_full")
    lib.equal([row["exit_status"] for row in r.transcodes()], ["0"] * 6, "exit status without command lines")
    r = lib.record(["--fault", "units"], command)
    lib.at_least(r.loss["exec_units_full"], 1, "exec_units_full")
    lib.equal([row["exit_status"] for row in r.transcodes()], ["0"] * 6, "exit status without entries")
    r = lib.record(["--max-units", 2], command)
    lib.equal((r.loss["exec_rows_full"], len(r.transcodes())), (4, 2), "rows beyond --max-units")
