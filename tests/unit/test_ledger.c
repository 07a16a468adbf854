/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ledger.c - the account balances, whatever comes in and in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/internal.h"
#include "ledger/hist.h"

#if defined(__SANITIZE_ADDRESS__)
/* gcc ships the runtime without its headers in some distributions */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define SEC 1000000000ULL
#define MANY_THREADS 1000000

static const char *frame_name(void *ctx, __u32 frame)
{
	static char buf[32];

	(void)ctx;
	snprintf(buf, sizeof(buf), "f%u", frame);
	return buf;
}

/* Frames 9000 and up are these kernel functions. */
static const char *const kernel_functions[] = {
	"__schedule", "schedule", "futex_wait_queue", "do_wait.isra.0", "tcp_recvmsg", "nobody",
};

static const char *kernel_name(void *ctx, __u32 frame)
{
	(void)ctx;
	return frame >= 9000 && frame < 9006 ? kernel_functions[frame - 9000] : "";
}

static bool is_root(void *ctx, __u32 frame)
{
	(void)ctx;
	return frame == 1;
}

static const struct ledger_frames frames = { NULL, frame_name, kernel_name, is_root };

static struct ledger *new_ledger(struct ledger_opts opts)
{
	struct ledger *l;

	assert_int_equal(ledger__new(&l, &opts), 0);
	return l;
}

static struct ledger_totals settle(struct ledger *l)
{
	struct ledger_totals t;

	assert_int_equal(ledger__settle(l, &frames, &t), 0);
	return t;
}

/* A thread that lived as long as its states say. */
static struct wt_thread_rec thread(__u32 serial, __u32 tid, __u32 tgid, const __u64 *st_ns)
{
	struct wt_thread_rec rec = {
		.birth_ns = 10 * SEC + serial, .serial = serial, .task = serial, .tid = tid,
		.tgid = tgid, .image = tgid, .why = WT_REC_EXIT,
		.flags = tid == tgid ? WT_F_LEADER : 0, .comm = "worker", .pcomm = "app",
	};

	rec.end_ns = rec.birth_ns;
	for (unsigned s = 0; s < WT_STATES; s++) {
		rec.st_ns[s] = st_ns[s];
		rec.end_ns += st_ns[s];
	}
	return rec;
}

static void put_line(struct ledger *l, __u32 serial, __u8 state, __u64 reason, __u64 ns,
		     __u64 count)
{
	struct wt_detail_key k = { .thread = serial, .state = state, .reason = reason };
	struct wt_detail_val v = { .ns = ns, .count = count, .max_ns = count ? ns / count : 0 };

	k.bucket = state == WT_CPU ? 0 : hist__bucket(v.max_ns);
	assert_int_equal(ledger__put_detail(l, &k, &v), 0);
}

struct sums {
	__u64 ns[WT_STATES], unattributed_ns, unsampled_ns, open_ns, lines, samples, count;
};

static int sum_line(void *arg, const struct ledger_line *line)
{
	struct sums *s = arg;

	s->lines++;
	s->ns[line->state] += line->ns;
	if (line->unattributed)
		s->unattributed_ns += line->ns;
	if (line->unsampled)
		s->unsampled_ns += line->ns;
	if (line->open)
		s->open_ns += line->ns;
	if (line->state == WT_CPU)
		s->samples += line->count;
	else
		s->count += line->count;
	return 0;
}

static struct sums sum_lines(struct ledger *l)
{
	struct sums s = { 0 };

	assert_int_equal(ledger__each_line(l, sum_line, &s), 0);
	return s;
}

static int sum_row(void *arg, const struct ledger_thread *t)
{
	struct sums *s = arg;
	__u64 ns = 0;

	s->lines++;
	s->count += t->count;
	for (unsigned i = 0; i < WT_STATES; i++) {
		ns += t->st_ns[i];
		s->ns[i] += t->st_ns[i];
	}
	assert_int_equal(ns, t->thread_ns);
	assert_int_equal(t->user_ns + t->sys_ns, t->st_ns[WT_CPU]);
	return 0;
}

static struct sums sum_rows(struct ledger *l)
{
	struct sums s = { 0 };

	assert_int_equal(ledger__each_thread(l, sum_row, &s), 0);
	return s;
}

static void assert_balanced(struct ledger *l, const struct ledger_totals *t)
{
	struct sums lines = sum_lines(l), rows = sum_rows(l);
	__u64 unattributed = 0;

	assert_int_equal(t->residual_ns, 0);
	assert_int_equal(t->user_ns + t->sys_ns, t->st_ns[WT_CPU]);
	for (unsigned s = 0; s < WT_STATES; s++) {
		assert_int_equal(lines.ns[s], t->st_ns[s]);
		assert_int_equal(rows.ns[s], t->st_ns[s]);
		unattributed += t->unattributed_st_ns[s];
	}
	assert_int_equal(lines.unattributed_ns, t->unattributed_ns);
	assert_int_equal(unattributed, t->unattributed_ns);
	assert_int_equal(rows.count, t->threads);
}

static __u64 rnd_state = 88172645463325252ULL;

static __u64 rnd(__u64 below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return below ? rnd_state % below : 0;
}

/* Fills a thread's states with lines that cover some part of them. */
static void random_lines(struct ledger *l, const struct wt_thread_rec *rec)
{
	struct wt_detail_key k = { .thread = rec->serial };

	for (unsigned s = 0; s < WT_STATES; s++) {
		__u64 left = rec->st_ns[s];

		if (rec->open_state == s)
			left -= rec->open_ns;
		if (s == WT_RUNQ)
			left -= rec->open_runq_ns;
		for (unsigned i = rnd(6); i; i--) {
			struct wt_detail_val v = { .count = 1 + rnd(9) };

			v.ns = s == WT_CPU ? 0 : rnd(left + 1);
			v.max_ns = v.ns;
			left -= v.ns;
			k.state = s;
			k.reason = rnd(4);
			k.bucket = s == WT_CPU ? 0 : hist__bucket(v.max_ns);
			k.ustack = rnd(50);
			k.kstack = rnd(50);
			k.epoch = rnd(3);
			assert_int_equal(ledger__put_detail(l, &k, &v), 0);
		}
	}
}

static void test_random_balance(void **state)
{
	__u32 fr[WT_MAX_FRAMES];

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		struct ledger *l = new_ledger((struct ledger_opts){
			.max_exited = 1 + rnd(40), .max_stacks = 5 + rnd(60),
			.max_lines = 20 + rnd(3000), .period_ns = rnd(3) * 10000000 });
		struct ledger_totals t;
		__u64 wall = 0;

		for (__u32 serial = 1; serial <= 150; serial++) {
			__u64 st[WT_STATES];
			struct wt_thread_rec rec;
			bool early = rnd(2);

			for (unsigned s = 0; s < WT_STATES; s++)
				st[s] = rnd(3) ? rnd(1ULL << rnd(40)) : 0;
			rec = thread(serial, 1000 + serial, 1000 + serial / 3 * 3, st);
			rec.utime_ns = rnd(1000);
			rec.stime_ns = rnd(1000);
			rec.comm[0] = 'a' + rnd(5);
			rec.open_state = rnd(WT_STATES);
			rec.open_ns = rnd(rec.st_ns[rec.open_state] + 1);
			if (rec.open_state >= WT_DISK)
				rec.open_runq_ns = rnd(rec.st_ns[WT_RUNQ] + 1);
			rec.open_ustack = rnd(50);
			rec.why = rnd(3) ? WT_REC_EXIT : WT_REC_END;
			wall += rec.end_ns - rec.birth_ns;
			if (early)
				assert_int_equal(ledger__put_thread(l, &rec), 0);
			random_lines(l, &rec);
			if (!early)
				assert_int_equal(ledger__put_thread(l, &rec), 0);
			for (unsigned i = 0; i < WT_MAX_FRAMES; i++)
				fr[i] = 1 + rnd(20);
			ledger__put_stack(l, 1 + rnd(49), fr, rnd(WT_MAX_FRAMES), rnd(2), rnd(WT_ENDS));
			if (!rnd(10))
				assert_int_equal(ledger__generation(l, 0), 0);
			if (!rnd(40))
				settle(l);
		}
		t = settle(l);
		assert_int_equal(t.wall_ns, wall);
		assert_int_equal(t.overattributed_ns, 0);
		assert_int_equal(t.threads, 150);
		assert_balanced(l, &t);
		/* settling again changes nothing */
		t = settle(l);
		assert_balanced(l, &t);
		ledger__free(l);
	}
}

static int keep_scaled(void *arg, const struct ledger_line *line)
{
	__u64 *ns = arg;

	if (line->unsampled)
		ns[9] += line->ns;
	else if (line->state == WT_CPU)
		ns[line->reason >> 8] += line->ns;
	return 0;
}

static void test_samples_scale_exactly(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { 1000 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	__u64 ns[10] = { 0 };

	(void)state;
	for (__u64 i = 0; i < 3; i++)
		put_line(l, 1, WT_CPU, WT_K_USER | i << 8, 0, i + 1);
	ledger__put_thread(l, &rec);
	settle(l);
	ledger__each_line(l, keep_scaled, ns);
	/* 1000 in shares of 1, 2 and 3 sixths: 166.67, 333.33, 500 */
	assert_int_equal(ns[0], 167);
	assert_int_equal(ns[1], 333);
	assert_int_equal(ns[2], 500);
	assert_int_equal(ns[9], 0);
	ledger__free(l);
}

/* One sample is worth two nominal periods at most. */
static void test_sample_worth_is_bounded(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .period_ns = 10000000 });
	const __u64 hit_once[WT_STATES] = { SEC }, twice[WT_STATES] = { 35000000 };
	const __u64 never[WT_STATES] = { 7 };
	struct wt_thread_rec rec;
	__u64 ns[10] = { 0 };

	(void)state;
	rec = thread(1, 5, 5, hit_once);
	put_line(l, 1, WT_CPU, WT_K_USER, 0, 1);
	ledger__put_thread(l, &rec);
	rec = thread(2, 6, 5, twice);
	put_line(l, 2, WT_CPU, WT_K_USER | 1 << 8, 0, 2);
	ledger__put_thread(l, &rec);
	rec = thread(3, 7, 5, never);
	ledger__put_thread(l, &rec);
	settle(l);
	ledger__each_line(l, keep_scaled, ns);
	assert_int_equal(ns[0], 20000000);
	assert_int_equal(ns[1], 35000000);
	assert_int_equal(ns[9], SEC - 20000000 + 7);
	ledger__free(l);
}

static void test_user_split(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { 1200 };
	struct ledger_totals t;
	struct wt_thread_rec rec = thread(1, 5, 5, st);

	(void)state;
	/* twelve samples: they decide, the ticks do not */
	put_line(l, 1, WT_CPU, WT_K_USER, 0, 9);
	put_line(l, 1, WT_CPU, WT_K_KERNEL, 0, 3);
	rec.stime_ns = 99;
	ledger__put_thread(l, &rec);
	t = settle(l);
	assert_int_equal(t.user_ns, 900);
	assert_int_equal(t.sys_ns, 300);
	/* one sample: the ticks decide; no tick either: all user */
	rec = thread(2, 6, 5, st);
	put_line(l, 2, WT_CPU, WT_K_USER, 0, 1);
	rec.utime_ns = 100;
	rec.stime_ns = 300;
	ledger__put_thread(l, &rec);
	rec = thread(3, 7, 5, st);
	ledger__put_thread(l, &rec);
	t = settle(l);
	assert_int_equal(t.user_ns, 900 + 300 + 1200);
	assert_int_equal(t.sys_ns, 300 + 900);
	ledger__free(l);
}

static void test_open_interval_is_a_line(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_LOCK] = 500, [WT_NET] = 100 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct ledger_totals t;
	struct sums s;

	(void)state;
	rec.why = WT_REC_END;
	rec.open_state = WT_LOCK;
	rec.open_ns = 300;
	put_line(l, 1, WT_LOCK, WT_K_FUTEX, 200, 2);
	put_line(l, 1, WT_NET, WT_K_SOCKET, 60, 1);
	ledger__put_thread(l, &rec);
	t = settle(l);
	s = sum_lines(l);
	assert_int_equal(s.open_ns, 300);
	assert_int_equal(s.count, 4);
	assert_int_equal(t.unattributed_ns, 40);
	assert_int_equal(t.unattributed_st_ns[WT_NET], 40);
	assert_balanced(l, &t);
	ledger__free(l);
}

/* A thread that has been woken and still waits for its CPU has two of them. */
static void test_open_wait_for_a_cpu_is_a_line(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_LOCK] = 500, [WT_RUNQ] = 70 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct ledger_totals t;
	struct sums s;

	(void)state;
	rec.why = WT_REC_END;
	rec.open_state = WT_LOCK;
	rec.open_ns = 500;
	rec.open_runq_ns = 70;
	ledger__put_thread(l, &rec);
	t = settle(l);
	s = sum_lines(l);
	assert_int_equal(s.open_ns, 570);
	assert_int_equal(s.count, 2);
	assert_int_equal(t.unattributed_ns, 0);
	assert_balanced(l, &t);
	ledger__free(l);
}

/* Lines drained after a snapshot exceed it; they are cut, and fit again later. */
static void test_snapshot_is_replaced(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 early[WT_STATES] = { [WT_LOCK] = 100 }, late[WT_STATES] = { [WT_LOCK] = 400 };
	struct wt_thread_rec rec = thread(1, 5, 5, early);
	struct ledger_totals t;

	(void)state;
	rec.why = WT_REC_SNAPSHOT;
	ledger__put_thread(l, &rec);
	put_line(l, 1, WT_LOCK, WT_K_FUTEX, 200, 2);
	put_line(l, 1, WT_LOCK, WT_K_FLOCK, 100, 1);
	put_line(l, 2, WT_LOCK, WT_K_FLOCK, 50, 1);
	t = settle(l);
	/* 200 of thread 1, and 50 of a thread that the snapshot does not know */
	assert_int_equal(t.overattributed_ns, 250);
	assert_balanced(l, &t);
	rec = thread(1, 5, 5, late);
	ledger__put_thread(l, &rec);
	rec = thread(2, 6, 5, early);
	ledger__put_thread(l, &rec);
	/* an older word does not undo a final one */
	rec = thread(1, 5, 5, early);
	rec.why = WT_REC_SNAPSHOT;
	ledger__put_thread(l, &rec);
	t = settle(l);
	assert_int_equal(t.overattributed_ns, 0);
	assert_int_equal(t.wall_ns, 500);
	assert_int_equal(t.unattributed_ns, 150);
	assert_balanced(l, &t);
	ledger__free(l);
}

struct names {
	char row[64], lines[256];
};

static int note_row(void *arg, const struct ledger_thread *t)
{
	struct names *n = arg;

	snprintf(n->row, sizeof(n->row), "%s/%s %u/%u %llu-%llu", t->pcomm, t->comm, t->tgid,
		 t->tid, t->start_ns - 10 * SEC, t->end_ns - 10 * SEC);
	return 0;
}

static int note_line(void *arg, const struct ledger_line *line)
{
	struct names *n = arg;
	size_t len = strlen(n->lines);

	snprintf(n->lines + len, sizeof(n->lines) - len, "%s/%s %s %llu;", line->thread->pcomm,
		 line->thread->comm, ledger__state_name(line->state), line->ns);
	return 0;
}

/* sh forks and execs make: one row, one process, but lines under both names. */
static void test_exec_is_one_row(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_DISK] = 30 };
	struct wt_thread_rec a = thread(1, 5, 5, st), b = thread(2, 5, 5, st);
	struct names n = { "", "" };
	struct ledger_totals t;

	(void)state;
	a.why = WT_REC_EXEC;
	strcpy(a.comm, "sh");
	strcpy(a.pcomm, "sh");
	b.task = 1;
	b.birth_ns = a.end_ns;
	b.end_ns = b.birth_ns + 30;
	b.image = 6;
	strcpy(b.comm, "make");
	strcpy(b.pcomm, "make");
	put_line(l, 2, WT_DISK, WT_K_FS, 30, 1);
	put_line(l, 1, WT_DISK, WT_K_FS, 30, 1);
	ledger__put_thread(l, &b);
	ledger__put_thread(l, &a);
	t = settle(l);
	ledger__each_thread(l, note_row, &n);
	ledger__each_line(l, note_line, &n);
	assert_string_equal(n.row, "make/make 5/5 1-61");
	assert_string_equal(n.lines, "make/make disk 30;sh/sh disk 30;");
	assert_int_equal(t.threads, 1);
	assert_int_equal(t.processes, 1);
	assert_balanced(l, &t);
	ledger__free(l);
}

/* A pid used again is another process; an exec by a thread is the same one. */
static void test_processes(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_DISK] = 30 };
	struct wt_thread_rec rec;

	(void)state;
	/* process 5: leader and a thread; the thread calls exec and becomes 5 */
	rec = thread(1, 5, 5, st);
	ledger__put_thread(l, &rec);
	rec = thread(2, 6, 5, st);
	rec.why = WT_REC_EXEC;
	ledger__put_thread(l, &rec);
	rec = thread(3, 5, 5, st);
	rec.task = 2;
	rec.image = 77;
	ledger__put_thread(l, &rec);
	rec = thread(4, 8, 5, st);
	rec.image = 77;
	ledger__put_thread(l, &rec);
	assert_int_equal(settle(l).processes, 1);
	/* later another process has pid 5 */
	rec = thread(5, 5, 5, st);
	rec.image = 78;
	ledger__put_thread(l, &rec);
	assert_int_equal(settle(l).processes, 2);
	assert_int_equal(settle(l).threads, 4);
	ledger__free(l);
}

static void test_lost_exit_records(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	struct wt_stats stats = { .lost_threads = 2, .lost_wall_ns = 1000 };
	const __u64 st[WT_STATES] = { [WT_DISK] = 30 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct names n = { "", "" };
	struct ledger_totals t;

	(void)state;
	stats.lost_st_ns[WT_CPU] = 400;
	stats.lost_st_ns[WT_NET] = 600;
	ledger__put_thread(l, &rec);
	put_line(l, 8, WT_NET, WT_K_SOCKET, 450, 3);
	put_line(l, 9, WT_CPU, WT_K_USER, 0, 3);
	put_line(l, 9, WT_NET, WT_K_SOCKET, 450, 3);
	ledger__put_lost_exits(l, &stats);
	t = settle(l);
	assert_int_equal(t.threads, 3);
	assert_int_equal(t.wall_ns, 1030);
	assert_int_equal(t.overattributed_ns, 300);
	assert_balanced(l, &t);
	ledger__each_line(l, note_line, &n);
	assert_non_null(strstr(n.lines, "[lost exit record]/[lost exit record] net 300;"));
	assert_non_null(strstr(n.lines, "[lost exit record]/[lost exit record] cpu 400;"));
	ledger__free(l);
}

/* What a thread did before its exec is lost, what it did after that is not: no thread is lost. */
static void test_lost_exec(void **state)
{
	const struct wt_stats stats = { .lost_wall_ns = 1000, .lost_st_ns = { [WT_CPU] = 1000 } };
	const __u64 st[WT_STATES] = { [WT_DISK] = 30 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	struct ledger_totals t;

	(void)state;
	ledger__put_thread(l, &rec);
	ledger__put_lost_exits(l, &stats);
	t = settle(l);
	assert_int_equal(t.threads, 1);
	assert_int_equal(t.wall_ns, 1030);
	assert_balanced(l, &t);
	ledger__free(l);
}

static int count_cut(void *arg, const struct ledger_line *line)
{
	unsigned *cut = arg;

	if (!line->unattributed && !line->unsampled)
		cut[line->cut]++;
	return 0;
}

static void test_stacks(void **state)
{
	static const __u32 whole[] = { 3, 2, 1 }, ends_early[] = { 3, 2 };
	struct ledger *l = new_ledger((struct ledger_opts){ .max_stacks = 5 });
	const __u64 st[WT_STATES] = { [WT_CPU] = 300, [WT_LOCK] = 100 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct wt_detail_key k = { .thread = 1, .state = WT_CPU, .reason = WT_K_USER };
	struct wt_detail_val v = { .count = 1 };
	unsigned cut[LEDGER_CUTS] = { 0 };
	struct ledger_totals t;

	(void)state;
	ledger__put_thread(l, &rec);
	for (__u64 id = 100; id < 109; id++) {
		k.ustack = id;
		ledger__put_detail(l, &k, &v);
	}
	k.ustack = 0;
	ledger__put_detail(l, &k, &v);
	ledger__put_stack(l, 100, whole, 3, true, WT_END_FP);
	ledger__put_stack(l, 101, whole, 3, true, WT_END_FP);	/* another process: shared */
	ledger__put_stack(l, 102, ends_early, 2, true, WT_END_FP);
	ledger__put_stack(l, 103, whole, 3, true, WT_END_DEEP);
	/* no memory any more, and no name for the address either */
	ledger__put_stack(l, 107, whole, 0, true, WT_END_EXITING);
	ledger__put_stack(l, 108, whole, 0, true, WT_END_EXECING);
	ledger__put_stack(l, 104, whole, 1, true, WT_END_FP);	/* the sixth: folded */
	ledger__put_stack(l, 105, whole, 2, true, WT_END_FP);	/* the same as 102 */
	assert_true(ledger__has_stack(l, 100));
	assert_false(ledger__has_stack(l, 106));
	t = settle(l);
	ledger__each_line(l, count_cut, cut);
	assert_int_equal(cut[LEDGER_EXITING], 1);
	assert_int_equal(cut[LEDGER_EXECING], 1);
	/* the kernel's stack is the whole of these */
	assert_int_equal(t.cut[LEDGER_COMPLETE], cut[LEDGER_COMPLETE] + 2);
	for (int c = LEDGER_COMPLETE + 1; c < LEDGER_CUTS; c++)
		assert_int_equal(cut[c], t.cut[c]);
	assert_int_equal(cut[LEDGER_COMPLETE], 2);
	assert_int_equal(cut[LEDGER_NO_ROOT], 2);
	assert_int_equal(cut[LEDGER_TOO_DEEP], 1);
	assert_int_equal(cut[LEDGER_FOLDED], 1);
	assert_int_equal(cut[LEDGER_LOST], 1);
	assert_int_equal(cut[LEDGER_NO_STACK], 1);
	assert_int_equal(t.oncpu_samples, 10);
	assert_balanced(l, &t);
	ledger__free(l);
}

static int by_stack(void *arg, const struct ledger_line *line)
{
	__u64 *ns = arg;

	ns[line->n_ustack ? line->ustack[0] : 0] += line->ns;
	return 0;
}

/*
 * Waits whose stacks were shed: those that were taken stand for them, each for as
 * many as it was unlikely to be taken; but only where the reason is the same.
 */
static void test_shed_stacks(void **state)
{
	static const __u32 one[] = { 1 }, two[] = { 2 };
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_NET] = 1000, [WT_LOCK] = 500 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	const struct {
		__u8 state;
		__u64 reason, stack, ns, weighted_ns;
	} lines[] = {
		{ WT_NET, WT_K_SOCKET, 100, 100, 300 },
		{ WT_NET, WT_K_SOCKET, 101, 100, 100 },
		{ WT_NET, WT_K_SOCKET, WT_STACK_SHED, 600, 0 },
		{ WT_NET, WT_K_CONNECT, 101, 200, 200 },
		{ WT_LOCK, WT_K_FUTEX, WT_STACK_SHED, 500, 0 },	/* nobody to stand for it */
	};
	__u64 ns[3] = { 0 };
	struct ledger_totals t;

	(void)state;
	ledger__put_thread(l, &rec);
	ledger__put_stack(l, 100, one, 1, true, WT_END_ROOT);
	ledger__put_stack(l, 101, two, 1, true, WT_END_ROOT);
	for (unsigned i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct wt_detail_key k = { .thread = 1, .state = lines[i].state,
					   .reason = lines[i].reason, .ustack = lines[i].stack };
		struct wt_detail_val v = { .ns = lines[i].ns, .weighted_ns = lines[i].weighted_ns,
					   .count = 1 };

		ledger__put_detail(l, &k, &v);
	}
	for (int twice = 0; twice < 2; twice++) {
		t = settle(l);
		assert_int_equal(t.shed_ns, 1100);
		assert_int_equal(t.offcpu_stacks[LEDGER_SHED], 2);
		memset(ns, 0, sizeof(ns));
		ledger__each_line(l, by_stack, ns);
		assert_int_equal(ns[1], 600);		/* 3 to 1 of 800 */
		assert_int_equal(ns[2], 200 + 200);
		assert_int_equal(ns[0], 500);
		assert_balanced(l, &t);
	}
	ledger__free(l);
}

static void test_witness_counts_waits(void **state)
{
	static const __u32 futex[] = { 9000, 9001, 9005, 9002 }, tcp[] = { 9000, 9004 };
	static const __u32 silent[] = { 9000, 9005 };
	struct ledger *l = new_ledger((struct ledger_opts){ 0 });
	const __u64 st[WT_STATES] = { [WT_LOCK] = 300, [WT_RUNQ] = 9 };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct wt_detail_key k = { .thread = 1, .state = WT_LOCK, .reason = WT_K_FUTEX };
	struct wt_detail_val v = { .ns = 10 };
	struct ledger_totals t;

	(void)state;
	ledger__put_thread(l, &rec);
	ledger__put_stack(l, 1, futex, 4, false, WT_END_KERNEL);
	ledger__put_stack(l, 2, tcp, 2, false, WT_END_KERNEL);
	ledger__put_stack(l, 3, silent, 2, false, WT_END_KERNEL);
	for (k.kstack = 1; k.kstack <= 3; k.kstack++) {
		v.count = 10 * k.kstack;
		ledger__put_detail(l, &k, &v);
	}
	/* a wait for a CPU has no object: nobody can disagree about it */
	k.kstack = 2;
	k.state = WT_RUNQ;
	v.ns = 1;
	ledger__put_detail(l, &k, &v);
	t = settle(l);
	assert_int_equal(t.witness_waits, 30);
	assert_int_equal(t.witness_disagreements, 20);
	ledger__free(l);
}

static size_t bytes_in_use(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#endif
}

/* Short threads by the million, with their own processes, stacks and peers. */
static void put_short_thread(struct ledger *l, __u32 serial)
{
	const __u64 st[WT_STATES] = { [WT_CPU] = 500, [WT_NET] = 1000 + serial % 100 };
	struct wt_thread_rec rec = thread(serial, serial, serial, st);
	struct wt_detail_key k = { .thread = serial, .state = WT_NET };
	struct wt_detail_val v = { .ns = 900, .max_ns = 900, .count = 1 };
	struct wt_reason r = { .state = WT_NET, .kind = WT_K_SOCKET, .port = serial, .family = 2 };
	__u32 fr[4] = { 1 + serial % 3, 2, 3, 1 };
	const __u64 *ids;

	memcpy(r.addr, &serial, sizeof(serial));
	k.reason = WT_REASON_INTERNED | serial;
	k.kstack = u64_mix(serial);
	ledger__put_detail(l, &k, &v);
	ledger__put_reason(l, k.reason, &r);
	ledger__put_stack(l, k.kstack, fr, 4, true, WT_END_FP);
	ledger__put_thread(l, &rec);
	if (serial % 500 == 0) {
		assert_int_equal(ledger__generation(l, serial / 500 * SEC), 0);
		ledger__forgotten(l, &ids);
	}
}

static void test_a_million_threads(void **state)
{
	/* with so small limits the bounds are reached in the first tenth */
	struct ledger *l = new_ledger((struct ledger_opts){
		.max_exited = 1000, .max_stacks = 1000, .max_lines = 10000 });
	struct ledger_totals t;
	size_t early = 0, late;
	__u32 serial;

	(void)state;
	for (serial = 1; serial <= MANY_THREADS; serial++) {
		put_short_thread(l, serial);
		if (serial == MANY_THREADS / 10)
			early = bytes_in_use();
	}
	late = bytes_in_use();
	print_message("# %zu bytes after %u threads, %zu after %u\n", early, MANY_THREADS / 10, late,
		      MANY_THREADS);
	assert_in_range(late, 1, early + early / 50);
	t = settle(l);
	assert_int_equal(t.threads, MANY_THREADS);
	assert_int_equal(t.processes, MANY_THREADS);
	assert_in_range(t.folded_threads, MANY_THREADS - 2001, MANY_THREADS - 1000);
	assert_int_equal(t.overattributed_ns, 0);
	assert_balanced(l, &t);
	ledger__free(l);
}

/* A folded thread's last lines come one generation after its record. */
static void test_fold_waits_for_lines(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_exited = 1 });
	const __u64 st[WT_STATES] = { [WT_NET] = 100 };
	struct ledger_totals t;

	(void)state;
	for (__u32 serial = 1; serial <= 5; serial++) {
		struct wt_thread_rec rec = thread(serial, 5 + serial, 5, st);

		ledger__put_thread(l, &rec);
	}
	ledger__generation(l, 0);
	assert_int_equal(settle(l).folded_threads, 0);
	for (__u32 serial = 1; serial <= 5; serial++)
		put_line(l, serial, WT_NET, WT_K_SOCKET, 100, 1);
	ledger__generation(l, 0);
	t = settle(l);
	assert_int_equal(t.folded_threads, 4);
	assert_int_equal(t.unattributed_ns, 0);
	assert_int_equal(t.threads, 5);
	assert_balanced(l, &t);
	ledger__free(l);
}

/* What is there of one state, with and without its stacks. */
struct kept {
	__u8 state;
	__u64 with_ns, without_ns, samples_with, samples_without;
};

static int sum_kept(void *arg, const struct ledger_line *line)
{
	struct kept *k = arg;

	if (line->state != k->state)
		return 0;
	if (line->n_ustack) {
		k->with_ns += line->ns;
		k->samples_with += line->count;
	} else {
		k->without_ns += line->ns;
		k->samples_without += line->count;
	}
	return 0;
}

static struct kept kept(struct ledger *l, __u8 state)
{
	struct kept k = { .state = state };

	ledger__each_line(l, sum_kept, &k);
	return k;
}

/* The one thread whose lines these are ends; nothing is missing. */
static void end_whole(struct ledger *l, const __u64 *st)
{
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	struct ledger_totals t;

	assert_int_equal(ledger__put_thread(l, &rec), 0);
	t = settle(l);
	assert_balanced(l, &t);
	assert_int_equal(t.unattributed_ns, 0);
}

/* A line whose stack nobody else has: of one frame. */
static void put_in_epoch(struct ledger *l, __u32 epoch, __u8 state, __u32 frame, __u64 ns)
{
	struct wt_detail_key k = { .thread = 1, .epoch = epoch, .state = state, .ustack = u64_mix(frame + 1),
				   .reason = state == WT_CPU ? WT_K_USER : WT_K_FUTEX,
				   .bucket = state == WT_CPU ? 0 : hist__bucket(ns) };
	struct wt_detail_val v = { .ns = state == WT_CPU ? 0 : ns, .count = 1, .max_ns = ns };

	assert_int_equal(ledger__put_detail(l, &k, &v), 0);
	if (!ledger__has_stack(l, k.ustack))
		assert_int_equal(ledger__put_stack(l, k.ustack, &frame, 1, true, WT_END_ROOT), 0);
}

static void put_with_stack(struct ledger *l, __u8 state, __u32 frame, __u64 ns)
{
	put_in_epoch(l, 0, state, frame, ns);
}

/* Many short waits for a CPU, each somewhere else, take no stacks from what comes after them. */
static void light_lines_give_way(__u32 epoch)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_lines = 2000, .period_ns = 10000000 });
	__u64 st[WT_STATES] = { 0 };
	struct kept k;
	__u32 frame = 1;

	for (unsigned gen = 0; gen < 100; gen++) {
		for (unsigned i = 0; i < 400; i++, st[WT_RUNQ] += 1000)
			put_in_epoch(l, epoch, WT_RUNQ, frame++, 1000);
		for (unsigned i = 0; i < 4; i++, st[WT_LOCK] += 5000000)
			put_in_epoch(l, epoch, WT_LOCK, frame++, 5000000);
		for (unsigned i = 0; i < 4; i++, st[WT_CPU] += 10000000)
			put_in_epoch(l, epoch, WT_CPU, frame++, 10000000);
		assert_int_equal(ledger__generation(l, gen * SEC), 0);
		assert_in_range(l->lines.n, 1, 2000);
	}
	end_whole(l, st);
	k = kept(l, WT_LOCK);
	assert_int_equal(k.with_ns, st[WT_LOCK]);
	assert_int_equal(k.without_ns, 0);
	k = kept(l, WT_CPU);
	assert_int_equal(k.samples_with, 400);
	assert_int_equal(k.samples_without, 0);
	/* and nothing of what gave way is lost */
	k = kept(l, WT_RUNQ);
	assert_int_equal(k.with_ns + k.without_ns, st[WT_RUNQ]);
	assert_int_equal(k.samples_with + k.samples_without, 40000);
	ledger__free(l);
}

static void test_light_lines_give_way(void **state)
{
	(void)state;
	light_lines_give_way(0);
	light_lines_give_way(7);
}

struct peers {
	__u64 heavy_ns, with_ns, without_ns;
};

static int sum_peers(void *arg, const struct ledger_line *line)
{
	struct peers *p = arg;

	if (line->state != WT_NET)
		return 0;
	p->heavy_ns += line->reason == (WT_REASON_INTERNED | 1) ? line->ns : 0;
	*(line->reason & WT_REASON_INTERNED ? &p->with_ns : &p->without_ns) += line->ns;
	if (!(line->reason & WT_REASON_INTERNED))
		assert_int_equal(WT_REASON_KIND(line->reason), WT_K_SOCKET);
	return 0;
}

/* Peers that come once give way to one that comes again and again; what they are stays known. */
static void test_light_objects_give_way(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_lines = 1000 });
	struct wt_reason r = { .state = WT_NET, .kind = WT_K_SOCKET, .family = 2 };
	__u64 st[WT_STATES] = { 0 };
	struct peers p = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 20000; i++) {
		bool heavy = i % 10 == 1;
		__u64 id = WT_REASON_INTERNED | (heavy ? 1 : i), ns = heavy ? 1000000 : 1000;

		r.port = i;
		ledger__put_reason(l, id, &r);
		put_line(l, 1, WT_NET, id, ns, 1);
		st[WT_NET] += ns;
		if (i % 500 == 0)
			assert_int_equal(ledger__generation(l, i * SEC / 500), 0);
	}
	assert_in_range(l->lines.n, 1, 1000);
	end_whole(l, st);
	ledger__each_line(l, sum_peers, &p);
	assert_int_equal(p.heavy_ns, 2000 * 1000000ULL);
	assert_in_range(p.without_ns, 1, 18000 * 1000);
	assert_int_equal(p.with_ns + p.without_ns, st[WT_NET]);
	ledger__free(l);
}

/* Of more samples and waits than there is room for, those of most time keep their stacks. */
static void test_heavy_lines_stay(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_lines = 1000, .period_ns = 10000000 });
	__u64 st[WT_STATES] = { 0 };
	struct kept k;

	(void)state;
	for (unsigned gen = 0; gen < 50; gen++) {
		/* some that come again and again, and others that come once */
		for (unsigned i = 0; i < 20; i++, st[WT_CPU] += 10000000)
			put_with_stack(l, WT_CPU, 1 + i % 10, 10000000);
		for (unsigned i = 0; i < 20; i++, st[WT_CPU] += 10000000)
			put_with_stack(l, WT_CPU, 1000 + 20 * gen + i, 10000000);
		for (unsigned i = 0; i < 20; i++, st[WT_NET] += 1000000)
			put_with_stack(l, WT_NET, 100 + i % 10, 1000000);
		for (unsigned i = 0; i < 20; i++, st[WT_NET] += 1000)
			put_with_stack(l, WT_NET, 5000 + 20 * gen + i, 1000);
		assert_int_equal(ledger__generation(l, gen * SEC), 0);
	}
	end_whole(l, st);
	k = kept(l, WT_CPU);
	assert_int_equal(k.samples_with + k.samples_without, 2000);
	assert_in_range(k.samples_with, 1000, 1999);
	k = kept(l, WT_NET);
	assert_int_equal(k.with_ns + k.without_ns, st[WT_NET]);
	assert_in_range(k.with_ns, st[WT_NET] / 1001 * 1000, st[WT_NET]);
	ledger__free(l);
}

/* Stacks that no line has any more give room to new ones, and may come again. */
static void test_stacks_are_forgotten(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_stacks = 100, .period_ns = 10000000 });
	__u64 st[WT_STATES] = { [WT_CPU] = 160 * 10000000ULL };
	struct wt_thread_rec rec = thread(1, 5, 5, st);
	const __u64 *ids;
	__u32 frame;
	struct kept k;

	(void)state;
	/* a wait that is open since then, and one whose frames nobody needs */
	rec.open_state = WT_CPU;
	rec.open_ustack = u64_mix(1);
	for (frame = 0; frame < 60; frame++)
		assert_int_equal(ledger__put_stack(l, u64_mix(frame + 1), &frame, 1, true, WT_END_ROOT), 0);
	assert_int_equal(ledger__put_thread(l, &rec), 0);
	assert_int_equal(ledger__generation(l, 100 * SEC), 0);
	for (frame = 1000; frame < 1020; frame++)
		put_with_stack(l, WT_CPU, frame, 10000000);
	/* they are many, but have been seen just now */
	assert_int_equal(ledger__generation(l, 101 * SEC), 0);
	assert_int_equal(ledger__forgotten(l, &ids), 0);
	assert_int_equal(ledger__generation(l, 200 * SEC), 0);
	assert_int_equal(ledger__forgotten(l, &ids), 59);
	assert_true(ledger__has_stack(l, u64_mix(1)));
	assert_false(ledger__has_stack(l, u64_mix(2)));
	/* what lines have stays, whether its id is known or not; and there is room for more */
	for (frame = 1010; frame < 1060; frame++)
		put_with_stack(l, WT_CPU, frame, 10000000);
	settle(l);
	k = kept(l, WT_CPU);
	assert_int_equal(k.samples_with, 70);
	assert_int_equal(k.samples_without, 0);
	ledger__free(l);
}

/* Where all room is taken by what was seen a moment ago, what comes next has some all the same. */
static void test_full_of_recent_stacks(void **state)
{
	struct ledger *l = new_ledger((struct ledger_opts){ .max_stacks = 100, .period_ns = 10000000 });
	__u64 st[WT_STATES] = { [WT_CPU] = 10 * 10000000ULL };
	struct kept k;

	(void)state;
	assert_int_equal(ledger__generation(l, 100 * SEC), 0);
	for (__u32 frame = 0; frame < 150; frame++)
		assert_int_equal(ledger__put_stack(l, u64_mix(frame + 1), &frame, 1, true, WT_END_ROOT), 0);
	assert_int_equal(ledger__generation(l, 102 * SEC), 0);
	for (__u32 frame = 1000; frame < 1010; frame++)
		put_with_stack(l, WT_CPU, frame, 10000000);
	end_whole(l, st);
	k = kept(l, WT_CPU);
	assert_int_equal(k.samples_with, 10);
	ledger__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_balance),
		cmocka_unit_test(test_samples_scale_exactly),
		cmocka_unit_test(test_sample_worth_is_bounded),
		cmocka_unit_test(test_user_split),
		cmocka_unit_test(test_open_interval_is_a_line),
		cmocka_unit_test(test_open_wait_for_a_cpu_is_a_line),
		cmocka_unit_test(test_snapshot_is_replaced),
		cmocka_unit_test(test_exec_is_one_row),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_lost_exit_records),
		cmocka_unit_test(test_lost_exec),
		cmocka_unit_test(test_stacks),
		cmocka_unit_test(test_shed_stacks),
		cmocka_unit_test(test_witness_counts_waits),
		cmocka_unit_test(test_fold_waits_for_lines),
		cmocka_unit_test(test_light_lines_give_way),
		cmocka_unit_test(test_light_objects_give_way),
		cmocka_unit_test(test_heavy_lines_stay),
		cmocka_unit_test(test_stacks_are_forgotten),
		cmocka_unit_test(test_full_of_recent_stacks),
		cmocka_unit_test(test_a_million_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
