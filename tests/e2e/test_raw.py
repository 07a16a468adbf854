# SPDX-License-Identifier: GPL-2.0-or-later
"""The first stacks of a new process, met before there are unwind tables of it.

The kernel side sends copies of them, and user space walks those when it can.
"""
import subprocess

import lib

DEPTH = 20

# works and waits at the end of a recursion of known depth, half and half, for about 50 ms
SHORT = r"""
#include <time.h>
#include <unistd.h>
static volatile unsigned sink;
static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}
__attribute__((noinline)) int deeper(int n)
{
	volatile char room[64];
	int r;

	if (!n) {
		for (double end = now() + 25; now() < end;)
			for (int i = 0; i < 1000; i++)
				sink += i * 7;
		for (int i = 0; i < 5; i++)
			usleep(5000);
		return 1;
	}
	room[n] = n;
	r = deeper(n - 1);
	sink += r + room[n];
	return r + 1;
}
int main(void)
{
	return deeper(%d) == %d ? 0 : 1;
}
""" % (DEPTH, DEPTH + 1)


# the same below a frame with a large array, as compilers have them, not far from either end of its stack
LARGE = SHORT.replace("int main(void)", """__attribute__((noinline)) int large(int n)
{
	volatile char room[420000];

	room[n] = n;
	return deeper(n) + room[n] - n;
}
__attribute__((noinline)) int above(int n)
{
	volatile char room[30000];

	room[n] = n;
	return large(n) + room[n] - n;
}
int main(void)""").replace("return deeper(%d) ==" % DEPTH, "return above(%d) ==" % DEPTH)


def short(name="short-lived", text=SHORT):
    """That program, without frame pointers."""
    gcc = lib.need("gcc")
    path = lib.tmp(name)
    with open(path + ".c", "w") as f:
        f.write(text)
    subprocess.run([gcc, "-O1", "-fomit-frame-pointer", "-fno-optimize-sibling-calls",
                    "-o", path, path + ".c"], check=True)
    return path


def runs(path, n):
    return ["sh", "-c", f"i=0; while [ $i -lt {n} ]; do {path}; i=$((i+1)); done"]


def no_table(r):
    """(samples, waits) that ended for want of tables, and how many there were."""
    s = r.summary["stacks"]
    off = s["offcpu_waits"]
    waits = off["complete"] + sum(off["incomplete"].values())
    return (s["incomplete"]["no_table_yet"], s["oncpu_samples"],
            off["incomplete"]["no_table_yet"], waits)


# side by side
def test_short_lived():
    """Hundreds of processes of 50 ms: nearly all samples and waits have whole stacks."""
    r = lib.record([], runs(short(), 200), timeout_s=120)
    missing, samples, missing_waits, waits = no_table(r)
    lib.at_least(r.summary["stacks"]["raw"], 100, "stacks walked in user space")
    lib.at_least(samples, 100, "samples")
    lib.at_least(waits, 1000, "waits")
    lib.at_most(missing, samples * 0.01, f"samples without a table, of {samples}")
    lib.at_most(missing_waits, waits * 0.01, f"waits without a table, of {waits}")
    depths = {}
    for frames, us in r.folded("wall"):
        n = frames.count("deeper")
        if frames[0] == "short-lived" and "_start" in frames and n:
            depths[n] = depths.get(n, 0) + us
    whole = depths.get(DEPTH + 1, 0)
    # it spends its time at the end of the recursion: that deep, no more and no less
    lib.at_least(whole, 0.98 * sum(depths.values()), f"time at depth {DEPTH + 1}: {depths}")
    lib.at_least(whole, 200 * 40_000, "µs at the end of the recursion")


# side by side
def test_same_stacks():
    """A stack that was walked in user space is the stack that the kernel side found."""
    r = lib.record([], runs(short(), 40))
    lib.at_least(r.summary["stacks"]["raw"], 20, "stacks walked in user space")
    sleeps = {tuple(x for x in f if not x.endswith("_[k]")) for f, _ in r.folded("offcpu")
              if f[0] == "short-lived" and f[-1].startswith("[sleep") and "deeper" in f}
    # many processes slept five times each, some known and some not: still one stack
    lib.equal(len(sleeps), 1, f"stacks of one sleep: {sleeps}")


# side by side
def test_first_wait():
    """A command waits for the recording to begin before it is itself: it has no stack of its own then."""
    r = lib.record([], ["sh", "-c", "sleep 0.2; sleep 0.2"])
    waits = r.summary["stacks"]["offcpu_waits"]
    lib.equal(sum(waits["incomplete"].values()), 0, f"waits without a whole stack: {waits}")
    lib.at_least(waits["in_execve"], 1, "waits before an exec")


# side by side
def test_large_frame():
    """A stack of half a megabyte: what is not copied is the middle of it."""
    r = lib.record([], runs(short("large-frame", LARGE), 40))
    missing, samples, missing_waits, waits = no_table(r)
    lib.at_least(r.summary["stacks"]["raw"], 20, "stacks walked in user space")
    lib.at_least(samples + waits, 200, "samples and waits")
    lib.at_most(missing + missing_waits, 0.01 * (samples + waits),
                f"samples and waits without a table, of {samples} and {waits}")
    total = sum(us for f, us in r.folded("wall") if f[0] == "large-frame" and "deeper" in f)
    whole = sum(us for f, us in r.folded("wall") if f[0] == "large-frame" and
                f.count("deeper") == DEPTH + 1 and "large" in f and "above" in f and "_start" in f)
    lib.at_least(total, 40 * 40_000, "µs at the end of the recursion")
    lib.at_least(whole, 0.98 * total, f"µs of {total} in whole stacks")


# side by side
def test_ffmpeg():
    """An encoder, from its first instant on."""
    ffmpeg = lib.need("ffmpeg")
    # on a machine that does much else tables may be late once: three tries
    for _ in range(3):
        r = lib.record([], ["timeout", "3", ffmpeg, "-v", "error", "-f", "lavfi", "-i",
                            "testsrc=size=1280x720:rate=30", "-c:v", "libx264", "-preset", "medium",
                            "-f", "null", "-"])
        missing, samples, missing_waits, waits = no_table(r)
        if samples >= 50 and missing <= max(3, samples * 0.01) and \
                missing_waits <= max(3, waits * 0.01):
            break
    lib.at_least(samples, 50, "samples")
    lib.at_least(r.summary["stacks"]["raw"], 20, "stacks walked in user space")
    lib.at_most(missing, max(3, samples * 0.01), f"samples without a table, of {samples}")
    lib.at_most(missing_waits, max(3, waits * 0.01), f"waits without a table, of {waits}")


def test_budget():
    """Copies take no more than a part of the ring: what is over that is counted."""
    r = lib.record(["--ring-kb", "4"], runs(short(), 10))
    lib.at_least(r.loss["raw_stack_budget"], 1, "loss.raw_stack_budget")
    lib.equal(r.summary["stacks"]["raw"], 0, "stacks walked in user space")
    missing, _, missing_waits, _ = no_table(r)
    lib.at_least(missing + missing_waits, 1, "stacks that ended for want of tables")


def test_frame_pointers():
    """Without tables there is nothing to wait for."""
    r = lib.record(["--frame-pointers"], runs(short(), 5))
    lib.equal(r.summary["stacks"]["raw"], 0, "stacks walked in user space")
    lib.equal(r.loss["raw_stack_budget"], 0, "loss.raw_stack_budget")
