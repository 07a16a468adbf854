/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_events.c - records of threads, lines, reasons and stacks in any order and
 * state into a ledger, which must balance all the same.
 */
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"
#include "ledger/text.h"

/* Longer than any recording; sums of some stay within 64 bits. */
#define MAX_NS ((1ULL << 50) - 1)
#define MAX_RECORDS 256

static const char *frame_name(void *ctx, __u32 frame)
{
	static char name[32];

	(void)ctx;
	snprintf(name, sizeof(name), "f%u", frame);
	return name;
}

static bool is_root(void *ctx, __u32 frame)
{
	(void)ctx;
	return frame % 16 == 0;
}

/* Whose record each program's first one said it was; a later one may contradict it. */
static struct {
	__u32 serial, task;
} owner[MAX_RECORDS];
static unsigned n_owners;
static bool contradicted;

static void note_owner(__u32 serial, __u32 task)
{
	for (unsigned i = 0; i < n_owners; i++)
		if (owner[i].serial == serial) {
			contradicted |= owner[i].task != task;
			return;
		}
	owner[n_owners].serial = serial;
	owner[n_owners++].task = task;
}

/* What the kernel side promises: the states add up to the thread's time. */
static void put_thread(struct ledger *l, struct input *in)
{
	struct wt_thread_rec r;
	__u64 sum = 0;

	input__copy(in, &r, sizeof(r));
	for (unsigned s = 0; s < WT_STATES; s++) {
		r.st_ns[s] &= MAX_NS;
		sum += r.st_ns[s];
	}
	r.open_ns &= MAX_NS;
	r.open_runq_ns &= MAX_NS;
	r.birth_ns &= MAX_NS;
	r.end_ns = r.birth_ns + sum;
	note_owner(r.serial, r.task);
	REQUIRE(!ledger__put_thread(l, &r));
}

static void put_detail(struct ledger *l, struct input *in)
{
	struct wt_detail_key k;
	struct wt_detail_val v;

	input__copy(in, &k, sizeof(k));
	input__copy(in, &v, sizeof(v));
	v.ns &= MAX_NS;
	v.max_ns &= MAX_NS;
	v.weighted_ns &= MAX_NS;
	v.count &= 0xffffffff;
	REQUIRE(!ledger__put_detail(l, &k, &v));
}

static void put_reason(struct ledger *l, struct input *in)
{
	__u64 id = input__number(in, 1) | WT_REASON_INTERNED;
	struct wt_reason r;

	input__copy(in, &r, sizeof(r));
	REQUIRE(!ledger__put_reason(l, id, &r));
}

static void put_stack(struct ledger *l, struct input *in)
{
	__u32 frames[WT_MAX_FRAMES];
	unsigned n = input__number(in, 1) % (WT_MAX_FRAMES + 1), bits = input__number(in, 1);
	__u64 id = input__number(in, 1);

	for (unsigned i = 0; i < n; i++)
		frames[i] = input__number(in, 1) + 1;
	REQUIRE(!ledger__put_stack(l, id, frames, n, bits & 1, bits >> 1));
}

struct seen {
	struct ledger *l;
	__u64 ns;
};

static int see_line(void *arg, const struct ledger_line *line)
{
	struct seen *seen = arg;
	char text[128], clean[128];

	seen->ns += line->ns;
	ledger__reason_text(seen->l, line->state, line->reason, text, sizeof(text));
	REQUIRE(memchr(text, 0, sizeof(text)));
	ledger__leaf_text(seen->l, line->state, line->reason, text, sizeof(text));
	REQUIRE(memchr(text, 0, sizeof(text)));
	/* as the sinks do: other processes' names are in it */
	text__clean(clean, sizeof(clean), text, sizeof(text), true);
	REQUIRE(text__is_clean(clean, true) && !strpbrk(clean, ";\n"));
	ledger__leaf_text(seen->l, line->state, line->reason, text, 8);
	return 0;
}

static int see_thread(void *arg, const struct ledger_thread *t)
{
	__u64 sum = 0;

	(void)arg;
	for (unsigned s = 0; s < WT_STATES; s++)
		sum += t->st_ns[s];
	REQUIRE(sum == t->thread_ns);
	return 0;
}

struct accounts {
	__u64 ns, threads;
};

static int see_account(void *arg, const struct ledger_account *a)
{
	struct accounts *seen = arg;
	__u64 sum = 0;

	for (unsigned s = 0; s < WT_STATES; s++)
		sum += a->st_ns[s];
	REQUIRE(sum == a->thread_ns);
	REQUIRE(a->processes <= a->threads);
	seen->ns += sum;
	seen->threads += a->threads;
	return 0;
}

static void settle(struct ledger *l)
{
	const struct ledger_frames f = { NULL, frame_name, frame_name, is_root };
	struct accounts accounts = { 0 };
	struct seen seen = { l, 0 };
	struct ledger_totals t;

	REQUIRE(!ledger__settle(l, &f, &t));
	REQUIRE(t.residual_ns == 0);
	REQUIRE(!ledger__each_line(l, see_line, &seen));
	REQUIRE(seen.ns == t.accounted_ns);
	REQUIRE(!ledger__each_thread(l, see_thread, NULL));
	REQUIRE(!ledger__each_account(l, see_account, &accounts));
	REQUIRE(accounts.ns == t.wall_ns);
	REQUIRE(contradicted || accounts.threads <= t.threads);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ledger_opts opts = { 4, 16, 32, 10000000 };
	struct input in = { data, size };
	struct ledger *l;

	n_owners = 0;
	contradicted = false;
	REQUIRE(!ledger__new(&l, &opts));
	for (unsigned i = 0; i < MAX_RECORDS && in.n; i++) {
		switch (input__number(&in, 1) % 6) {
		case 0: put_thread(l, &in); break;
		case 1: put_detail(l, &in); break;
		case 2: put_reason(l, &in); break;
		case 3: put_stack(l, &in); break;
		case 4: REQUIRE(!ledger__generation(l, 0)); break;
		case 5: settle(l); break;
		}
	}
	settle(l);
	ledger__free(l);
	return 0;
}
