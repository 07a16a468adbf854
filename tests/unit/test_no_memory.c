/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_no_memory.c - whichever allocation fails, every sum stays right, and what is lost is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ledger/hist.h"
#include "ledger/internal.h"
#include "no_memory.h"

#define SEC 1000000000ULL
#define TASKS 420
#define IMAGES 7
#define KEPT 40			/* ended threads that have a row; the others are folded */
#define WATCHED 3		/* the program whose account is kept apart */

static const char *frame_name(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return "f";
}

static bool is_root(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return true;
}

static const struct ledger_frames frames = { NULL, frame_name, frame_name, is_root };

/* What the threads really did. */
struct truth {
	__u64 wall_ns, st_ns[WT_STATES], watched_ns;
	unsigned threads;
};

/* Nothing but for lack of memory. */
static void may_fail(int err)
{
	assert_true(err == 0 || err == -ENOMEM);
}

static void put_line(struct ledger *l, __u32 serial, __u8 state, __u64 ns, __u32 epoch)
{
	struct wt_detail_key k = { .thread = serial, .state = state, .epoch = epoch, .reason = serial % 5,
				   .ustack = 1 + serial % 301, .kstack = serial % 3 };
	struct wt_detail_val v = { .ns = ns, .count = 1, .max_ns = ns };

	k.bucket = state == WT_CPU ? 0 : hist__bucket(ns);
	may_fail(ledger__put_detail(l, &k, &v));
}

/* A program of a task: its lines, which make up all of it, and its record. */
static void put_prog(struct ledger *l, __u32 serial, __u32 task, __u8 why, struct truth *truth)
{
	struct wt_thread_rec rec = {
		.serial = serial, .task = task, .tid = task, .tgid = task, .why = why,
		.image = why == WT_REC_EXEC ? 1000000 + serial : serial % IMAGES,
		.birth_ns = SEC + serial * 10, .flags = WT_F_LEADER,
		.utime_ns = 3, .stime_ns = 1,
	};

	snprintf(rec.comm, sizeof(rec.comm), "t%u", task % 11);
	snprintf(rec.pcomm, sizeof(rec.pcomm), "p%u", task % 3);
	rec.st_ns[WT_CPU] = 100 + serial;
	rec.st_ns[WT_NET] = 50 + serial % 7;
	rec.st_ns[WT_RUNQ] = 9;
	rec.open_state = WT_DISK;
	rec.open_ns = rec.st_ns[WT_DISK] = serial % 4 ? 0 : 20;
	rec.open_ustack = rec.open_ns ? 5000 + serial : 0;
	rec.end_ns = rec.birth_ns;
	for (unsigned s = 0; s < WT_STATES; s++) {
		rec.end_ns += rec.st_ns[s];
		truth->st_ns[s] += rec.st_ns[s];
	}
	truth->wall_ns += rec.end_ns - rec.birth_ns;
	truth->watched_ns += rec.image == WATCHED ? rec.end_ns - rec.birth_ns : 0;
	truth->threads += why != WT_REC_EXEC;
	put_line(l, serial, WT_NET, rec.st_ns[WT_NET], serial / 8);
	if (serial % 5 == 0) {	/* a checkpoint has seen it */
		struct wt_thread_rec early = rec;

		early.why = WT_REC_SNAPSHOT;
		early.end_ns -= 4;
		early.st_ns[WT_NET] -= 4;
		may_fail(ledger__put_thread(l, &early));
	}
	put_line(l, serial, WT_RUNQ, rec.st_ns[WT_RUNQ], serial / 8);
	put_line(l, serial, WT_CPU, 0, serial / 8);
	may_fail(ledger__put_thread(l, &rec));
}

static __u32 unit_of(void *ctx, __u32 epoch, __u32 thread)
{
	(void)ctx;
	(void)thread;
	return epoch % 4 ? epoch / 4 : 0;
}

static int on_detail(void *ctx, __u32 unit, const struct ledger_line *line)
{
	void *p = unit % 40 == 3 ? malloc(line->count) : ctx;

	free(unit % 40 == 3 ? p : NULL);
	return p ? 0 : -ENOMEM;
}

static void play(struct ledger *l, struct truth *truth)
{
	const struct ledger_retire retire = { .ctx = l, .unit = unit_of, .detail = on_detail, .keep = true };
	static const __u32 stack[] = { 7, 6, 5, 4, 3 };
	__u32 serial = 0;

	*truth = (struct truth){};
	for (__u32 task = 1; task <= TASKS; task++) {
		const struct wt_reason r = { .kind = WT_K_SOCKET, .state = WT_NET };

		if (task % 3 == 0)
			put_prog(l, ++serial, task, WT_REC_EXEC, truth);
		put_prog(l, ++serial, task, WT_REC_EXIT, truth);
		may_fail(ledger__put_reason(l, WT_REASON_INTERNED | task, &r));
		if (task % 50 == 0)
			may_fail(ledger__put_path(l, task, "a/file"));
		may_fail(ledger__put_stack(l, 1 + task % 301, stack, task % 5, true, WT_END_ROOT));
		if (task % 60)
			continue;
		may_fail(ledger__retire(l, &retire));
		may_fail(ledger__generation(l, 0));
	}
	may_fail(ledger__generation(l, 0));
}

struct sums {
	__u64 ns, st_ns[WT_STATES], unattributed_ns, count;
};

static int add_line(void *arg, const struct ledger_line *line)
{
	struct sums *s = arg;

	s->st_ns[line->state] += line->ns;
	s->unattributed_ns += line->unattributed ? line->ns : 0;
	return 0;
}

static int add_row(void *arg, const struct ledger_thread *t)
{
	struct sums *s = arg;

	s->ns += t->thread_ns;
	s->count += t->count;
	for (unsigned i = 0; i < WT_STATES; i++)
		s->st_ns[i] += t->st_ns[i];
	assert_int_equal(t->user_ns + t->sys_ns, t->st_ns[WT_CPU]);
	return 0;
}

static int add_account(void *arg, const struct ledger_account *a)
{
	struct sums *s = arg;

	s->ns += a->thread_ns;
	s->count += a->threads;
	for (unsigned i = 0; i < WT_STATES; i++)
		s->st_ns[i] += a->st_ns[i];
	return 0;
}

/* All sums, which no failure may change.  Returns the time that is in no line. */
static __u64 check(struct ledger *l, const struct truth *truth)
{
	struct sums lines = {}, rows = {}, accounts = {};
	const struct ledger_program *p;
	struct ledger_totals t;

	/* the failure may be here; then it is over */
	if (ledger__settle(l, &frames, &t))
		assert_int_equal(ledger__settle(l, &frames, &t), 0);
	no_memory_from(0, 0);
	assert_int_equal(ledger__each_line(l, add_line, &lines), 0);
	assert_int_equal(ledger__each_thread(l, add_row, &rows), 0);
	assert_int_equal(ledger__each_account(l, add_account, &accounts), 0);
	assert_int_equal(t.wall_ns, truth->wall_ns);
	assert_int_equal(t.residual_ns, 0);
	assert_int_equal(t.overattributed_ns, 0);
	assert_int_equal(t.user_ns + t.sys_ns, t.st_ns[WT_CPU]);
	assert_int_equal(t.threads, truth->threads);
	assert_int_equal(t.processes, truth->threads);
	assert_int_equal(rows.ns, truth->wall_ns);
	assert_int_equal(rows.count, truth->threads);
	assert_int_equal(accounts.ns, truth->wall_ns);
	assert_int_equal(accounts.count, truth->threads);
	for (unsigned s = 0; s < WT_STATES; s++) {
		assert_int_equal(t.st_ns[s], truth->st_ns[s]);
		assert_int_equal(lines.st_ns[s], truth->st_ns[s]);
		assert_int_equal(rows.st_ns[s], truth->st_ns[s]);
		assert_int_equal(accounts.st_ns[s], truth->st_ns[s]);
	}
	assert_int_equal(lines.unattributed_ns, t.unattributed_ns);
	p = ledger__program(l, WATCHED);
	assert_int_equal(p->thread_ns, truth->watched_ns);
	return t.unattributed_ns;
}

/* n allocations in a row fail, at every one of them.  What they lost, at most. */
static void ledger_survives(unsigned long n, unsigned step, struct ledger_no_memory *most)
{
	const struct ledger_opts opts = { .max_exited = KEPT };
	unsigned long first = 1;
	bool struck = true;

	for (; struck; first += step) {
		struct ledger_no_memory lost;
		struct truth truth;
		struct ledger *l;
		__u64 unattributed;

		assert_int_equal(ledger__new(&l, &opts), 0);
		assert_int_equal(ledger__watch_program(l, WATCHED), 0);
		no_memory_from(first, n);
		play(l, &truth);
		struck = no_memory_calls >= first;
		if (n > 1)		/* there is memory again to write what there is */
			no_memory_from(0, 0);
		unattributed = check(l, &truth);
		ledger__no_memory(l, &lost);
		assert_true(struck || (!unattributed && !lost.records && !lost.lines));
		most->records = most->records > lost.records ? most->records : lost.records;
		most->lines = most->lines > lost.lines ? most->lines : lost.lines;
		ledger__free(l);
	}
	/* there were some */
	assert_true(first > 40);
}

static void test_ledger_one(void **state)
{
	struct ledger_no_memory most = {};

	(void)state;
	ledger_survives(1, 1, &most);
	assert_int_equal(most.records, 1);
}

static void test_ledger_many(void **state)
{
	struct ledger_no_memory most = {};

	(void)state;
	ledger_survives(3, 3, &most);
	ledger_survives(40, 7, &most);
	ledger_survives(~0UL, 7, &most);
	assert_true(most.records > TASKS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger_one),
		cmocka_unit_test(test_ledger_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
