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
    lib.at_most(row["thread_ns"], cost, "thread time against threads.csv")
    lib.near(row["thread_ns"], cost, 500 * MS, "thread time against threads.csv")
    lib.equal(row["threads"], len(r.threads(pid=row["pid"])), "threads")
    lib.at_least(row["threads"], 3, "threads of a default transcode")
    lib.near(row["elapsed_ns"], r.duration, 1 * S, "elapsed")
    lib.contains(row["start_utc"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
    began = time.mktime(time.strptime(row["start_utc"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    assert before - 2 < began < time.time() + 2, f"start_utc {row['start_utc']}"
    lib.at_least(row["max_rss_bytes"], 20 << 20, "memory")
    lib.at_most(row["max_rss_bytes"], 1 << 30, "memory")
    lib.at_least(row["read_call_bytes"], os.path.getsize(source), "bytes read")
    lib.at_least(row["write_call_bytes"], os.path.getsize(out), "bytes written")
    lib.contains(r.err, r"\nTRANSCODES  1 ffmpeg\n  elapsed time of one: .*; [\d.]+ s of film a second, 100 frames\n")
    lib.equal((r.summary["transcodes"]["frames_out"], r.summary["transcodes"]["media_ns"]),
              (100, row["media_ns"]), "frames and media time in summary.json")


STAGES = ["demux", "decode", "filter", "encode", "mux"]


def counted(path):
    """Packets of the video streams of a file, as ffprobe counts them."""
    out = subprocess.check_output(["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v",
                                   "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", path],
                                  text=True)
    return sum(int(n) for n in out.replace(",", " ").split())


def seconds(path):
    return float(subprocess.check_output(["ffprobe", "-v", "error", "-show_entries", "format=duration",
                                          "-of", "csv=p=0", path], text=True))


def check_stages(row, out, frames_in):
    """Frames as ffprobe counts them; every ns of CPU time in one stage or in the rest."""
    lib.equal((row["stage_source"], row["stages_from_utc"]), ("uprobes", ""), "source of the stages")
    lib.equal((row["frames_in"], row["frames_out"]), (frames_in, counted(out)), "frames")
    lib.near(row["media_ns"], seconds(out) * S, 60 * MS, "media time")
    cpu = {s: row[s + "_ns"] for s in STAGES}
    lib.equal(sum(cpu.values()) + row["rest_ns"], row["cpu_ns"], f"CPU time of the stages {cpu}")
    # nothing is in no stage but loading and unloading the program, which does not grow with the film
    lib.at_least(sum(cpu.values()) + row["start_ns"] + row["end_ns"], 0.98 * row["cpu_ns"], f"stages, start and end: {row}")
    lib.at_least(row["start_ns"], 5 * MS, "CPU time to load the program")
    for s in STAGES:
        assert (cpu[s] > 0) == (row[s + "_elapsed_ns"] > 0), f"{s}: {row}"
    if row["frames_out"]:
        assert abs(row["fps"] - row["frames_out"] / row["elapsed_ns"] * S) < 0.01, f"fps: {row}"
        lib.equal(row["cpu_ns_per_frame"], row["cpu_ns"] // row["frames_out"], "CPU time of a frame")
    assert abs(row["speed"] - row["media_ns"] / row["elapsed_ns"]) < 0.01, f"speed: {row}"
    return cpu


def test_stages_h264():
    """Decoded, encoded by x264 with its own threads: those count as encoding."""
    source, out = make_input(), lib.tmp("out.mp4")
    for threads in ([], ["-threads", 1]):
        r = lib.record([], ffmpeg(*threads, "-i", source, "-vf", "scale=480:360", "-c:v", "libx264", *threads,
                                  "-preset", "fast", "-c:a", "copy", out))
        row = one(r)
        cpu = check_stages(row, out, 100)
        lib.at_least(cpu["encode"], row["cpu_ns"] / 3, "encode, of all CPU time")
        lib.at_least(cpu["filter"], 1 * MS, "filter")
        # what is none of these is the start: it does not grow with the film
        lib.at_most(row["rest_ns"], 300 * MS, "rest")


def test_stages_others():
    """mpeg4, audio only, no codec at all."""
    source = make_input()
    out = lib.tmp("out.avi")
    cpu = check_stages(one(lib.record([], ffmpeg("-i", source, "-c:v", "mpeg4", "-an", out))), out, 100)
    lib.at_least(cpu["decode"], 1, "decode")
    out = lib.tmp("out.opus")
    row = one(lib.record([], ffmpeg("-i", source, "-vn", "-c:a", "libopus", out)))
    check_stages(row, out, 0)
    lib.equal((row["fps"], row["cpu_ns_per_frame"]), (None, None), "of no frames")
    out = lib.tmp("out.mkv")
    cpu = check_stages(one(lib.record([], ffmpeg("-i", source, "-c", "copy", out))), out, 0)
    lib.equal((cpu["decode"], cpu["encode"], cpu["filter"]), (0, 0, 0), "stages of a copy")


def test_stages_vp9():
    source, out = make_input(seconds=1), lib.tmp("out.webm")
    r = lib.record([], ffmpeg("-i", source, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8,
                              "-row-mt", 1, "-an", out))
    check_stages(one(r), out, 25)


def test_stacks():
    """Without probes the stages are those of the stacks, and frames are not known."""
    source, out = make_input(), lib.tmp("out.mp4")
    row = one(lib.record(["--no-stages", "-F", 999], ffmpeg("-i", source, "-vf", "scale=640:480", "-c:v", "libx264",
                                                            "-preset", "fast", "-an", out)))
    lib.equal([row[k] for k in ("frames_in", "frames_out", "media_ns", "speed", "stage_source")],
              [None] * 4 + ["stacks"], "what is not known")
    cpu = {s: row[s + "_ns"] for s in STAGES}
    lib.equal(sum(cpu.values()) + row["rest_ns"], row["cpu_ns"], f"CPU time of the stages {cpu}")
    lib.at_least(cpu["encode"], row["cpu_ns"] / 3, "encode, of all CPU time")
    lib.at_least(cpu["filter"], 1 * MS, "filter")
    # it had two hundred libraries to load
    lib.at_least(row["start_ns"], 5 * MS, "the dynamic loader")
    lib.at_most(row["start_ns"], row["rest_ns"], "the dynamic loader")


# side by side
def test_static():
    """One that is linked statically has its stages and frames by its own functions; without names it says so."""
    program = lib.tmp("ffmpeg")
    subprocess.run([lib.need("gcc"), "-O2", "-static", "-pthread", "-o", program,
                    os.path.join(lib.ROOT, "tests/e2e/data/ffmpeg_static.c")], check=True)
    r = lib.record([], [program, "-i", "in.mp4", "out.mp4"])
    row, truth = one(r), r.truth_output()
    lib.equal((row["stage_source"], row["stages_from_utc"]), ("uprobes", ""), "source of the stages")
    lib.equal((row["frames_in"], row["frames_out"], row["media_ns"]), (60, 60, 60 * S // 25), "frames")
    for stage, ns in truth.items():
        lib.near(row[stage + "_ns"], ns, 0.02 * ns + 1 * MS, stage)
    lib.equal(sum(row[s + "_ns"] for s in STAGES) + row["rest_ns"], row["cpu_ns"], "stages and rest")
    lib.near(row["start_ns"], 20 * MS, 5 * MS, "before the first call")
    lib.near(row["end_ns"], 10 * MS, 4 * MS, "behind the last one")
    lib.at_most(row["rest_ns"] - row["start_ns"] - row["end_ns"], 0.02 * row["cpu_ns"], "in no stage")
    subprocess.run([lib.need("strip"), program], check=True)
    row = one(lib.record([], [program]))
    lib.equal([row[k] for k in ("stage_source", "frames_out", "encode_ns")], ["none", None, None], "stripped")


# side by side
def test_endings():
    """Failing at once, killed in the middle, alive at the end; ffprobe is no transcode."""
    source = make_input(seconds=2)
    slow = ffmpeg("-re", "-stream_loop", -1, "-i", source, "-c", "copy", "-f", "mpegts")
    begun = 'until [ "$(stat -c %s {0} 2>/dev/null || echo 0)" -gt 20000 ]; do sleep 0.05; done'
    killed, term, on = (lib.tmp(f) for f in ("killed.ts", "term.ts", "on.ts"))
    script = f'''read go
        {" ".join(ffmpeg("-i", lib.tmp("nothing.mp4"), lib.tmp("x.mp4")))}
        {" ".join(slow)} {killed} & {begun.format(killed)}; kill -KILL $!; wait $!
        {" ".join(slow)} {term} & {begun.format(term)}; kill -TERM $!; wait $!
        ffprobe -v error {source}
        exec {" ".join(slow)} {on}'''
    shell = lib.spawn(["sh", "-c", script], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    p = lib.Running(["-p", shell.pid]).attached()
    shell.stdin.write(b"go\n")
    shell.stdin.flush()
    lib.until(lambda: os.path.exists(on) and os.path.getsize(on) > 20000, 60, "the last one's output")
    r = p.finish(signal.SIGINT)
    status = {os.path.basename(row["output"]): row["exit_status"] for row in r.transcodes()}
    lib.equal(status, {"x.mp4": "1", "killed.ts": "SIGKILL", "term.ts": "255", "on.ts": ""}, "exit status")
    killed, on = one(r, output=killed), one(r, output=on)
    lib.equal(on["end_utc"], "", "end of the one that runs")
    lib.at_least(on["read_call_bytes"], 1000, "bytes of the one that runs")
    for row in (killed, on):
        # -re: as much as has passed, or less on a machine that is busy
        lib.at_most(row["media_ns"], row["elapsed_ns"] + 1 * S, "media time")
        lib.at_least(row["media_ns"], 0.2 * S, "media time")
        lib.at_least(row["frames_out"], 5, "frames so far")
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
    lib.near(row["elapsed_ns"], elapsed * S, 500 * MS, "elapsed")
    lib.at_most(row["thread_ns"], row["threads"] * r.duration, "thread time")
    assert row["stages_from_utc"] > row["start_utc"], "the stages before are not known"
    lib.near(row["media_ns"], 0.5 * S, 500 * MS, "media time since then")


# side by side
def test_progress():
    """How far a running one is, with no probe and no hook: by its input file."""
    source = make_input(seconds=40)
    p = lib.spawn(ffmpeg("-re", "-i", source, "-c", "copy", "-f", "mpegts", lib.tmp("out.ts")))
    began = time.monotonic()
    time.sleep(3)
    r = lib.record(["-p", p.pid, "-d", 1, "--no-stages"])
    with open(f"/proc/{p.pid}/fdinfo/3") as f:
        pos = int(f.readline().split()[1])
    elapsed = time.monotonic() - began
    row = one(r)
    percent = 100 * pos / os.path.getsize(source)
    assert 0 < row["progress_percent"] <= percent + 1, f"{row['progress_percent']}, now at {percent}"
    left = elapsed * (100 - row["progress_percent"]) / row["progress_percent"]
    assert abs(row["eta_s"] - left) < 0.5 * left, f"eta {row['eta_s']}, {left} by now"
    lib.equal([x["pid"] for x in r.summary["transcodes"]["progress"]], [p.pid], "progress in summary.json")
    p.kill()
    p.wait()


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


def test_of_units():
    """An ffmpeg counts for the asset that its parent worked at, by time and by name."""
    source = make_input(seconds=1)
    copy = " ".join(ffmpeg("-i", source, "-c", "copy"))
    r = lib.record(["--unit-preset", "auto"],
                   ["sh", "-c", f'for i in 1 2 3; do {copy} {lib.tmp("o$i.mp4")}; echo "[$i/3] done"; done'])
    rows = r.transcodes()
    lib.equal([row["unit"] for row in rows], ["1", "2", "3"], "units of the transcodes")
    assets = [u for u in r.units() if u["kind"].startswith("line")]
    lib.equal([u["unit"] for u in assets], ["1", "2", "3"], "units")
    for asset, row in zip(assets, rows):
        lib.near(asset["transcode_ns"], row["elapsed_ns"], 1 * MS, "transcode_ns")
        lib.at_least(asset["thread_ns"], row["thread_ns"], "the asset's thread time has its ffmpeg's")
    # … which comes when the asset has long ended
    of_one = [u for j in r.summary["jobs"] for u in j.get("units", []) if u["kind"].startswith("line")][0]
    lib.near(of_one["thread_ns_per_unit"], sum(u["thread_ns"] for u in assets) / 3, 2, "thread time of an asset")
    lib.near(of_one["cpu_ns_per_unit"], sum(u["cpu_ns"] for u in assets) / 3, 2, "CPU time of an asset")


def test_losses():
    """A ring without room, a map without room, too many rows: counted, and no row is lost but those."""
    source = make_input(seconds=1)
    copy = " ".join(ffmpeg("-i", source, "-c", "copy"))
    command = ["sh", "-c", f'for i in $(seq 6); do {copy} {lib.tmp("o$i.mp4")}; done']
    r = lib.record(["--ring-kb", 4], command)
    lib.at_least(r.loss["exec_ring_full"], 6, "exec_ring_full")
    lib.equal([row["exit_status"] for row in r.transcodes()], ["0"] * 6, "exit status without command lines")
    r = lib.record(["--fault", "units"], command)
    lib.equal(r.loss["exec_units_full"], 6, "exec_units_full")
    lib.equal([row["exit_status"] for row in r.transcodes()], ["0"] * 6, "exit status without entries")
    r = lib.record(["--max-units", 2], command)
    lib.equal((r.loss["exec_rows_full"], len(r.transcodes())), (4, 2), "rows beyond --max-units")
