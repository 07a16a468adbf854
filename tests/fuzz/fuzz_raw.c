/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_raw.c - copies of stacks, as a process that wants to fool us could have them,
 * walked by any rules over any mappings, tables late or never there.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/raw.h"

#define MAX_EVENTS 24
#define MAX_MAPS 6
#define OBJECTS 4	/* numbers 1 … 4 */
#define RULES 16	/* of each, one for each 256 bytes, over and over */
#define MAX_BYTES (64 << 10)

struct world {
	struct wt_mapping map[MAX_MAPS];
	unsigned n_map;
	struct wt_rule rule[OBJECTS][RULES];
	__u8 state[OBJECTS];	/* 0: rules are there, 1: they come, 2: never */
	__u32 flags[OBJECTS];
	__u8 code[64];
	unsigned given, done;
};

static int rule_at(void *ctx, __u32 object, __u64 off, struct wt_rule *rule)
{
	struct world *w = ctx;

	if (!object || object > OBJECTS || w->state[object - 1] == 2)
		return -ENOENT;
	if (w->state[object - 1])
		return -EAGAIN;
	*rule = w->rule[object - 1][off >> 8 & (RULES - 1)];
	return 0;
}

static __u32 flags_of(void *ctx, __u32 object)
{
	return object && object <= OBJECTS ? ((struct world *)ctx)->flags[object - 1] : 0;
}

static bool code_at(void *ctx, __u32 object, __u64 off, __u8 bytes[8])
{
	struct world *w = ctx;

	if (object & 8)
		return false;
	memcpy(bytes, w->code + off % (sizeof(w->code) - 8), 8);
	return true;
}

static int mappings_of(void *ctx, __u32 tgid, __u64 time_ns, struct wt_mapping *map, unsigned max)
{
	struct world *w = ctx;

	(void)time_ns;
	if (tgid % 5 == 4)
		return -ESRCH;
	REQUIRE(max >= w->n_map);
	memcpy(map, w->map, w->n_map * sizeof(*map));
	return w->n_map;
}

static bool coming(void *ctx, __u32 object)
{
	return object && object <= OBJECTS && ((struct world *)ctx)->state[object - 1] == 1;
}

static int done(void *ctx, const struct wt_ev_stack *e, size_t size)
{
	struct world *w = ctx;

	REQUIRE(size == sizeof(*e) + e->n * sizeof(e->ip[0]));
	REQUIRE(e->n <= WT_MAX_FRAMES && e->end < WT_ENDS && e->user);
	for (unsigned i = 0; i < e->n; i++)
		REQUIRE(WT_FRAME_TAG(e->ip[i]) == WT_FRAME_ADDR || WT_FRAME_TAG(e->ip[i]) == WT_FRAME_OBJ ||
			/* of those that came with it */
			(WT_FRAME_TAG(e->ip[i]) == WT_FRAME_PY && WT_FRAME_LASTI(e->ip[i]) % 3 == 0));
	w->done++;
	return 0;
}

/* Sorted and apart, as the kernel has them; of files, of nothing, of a JVM. */
static void read_maps(struct world *w, struct input *in)
{
	__u64 at = 0x10000;

	w->n_map = input__number(in, 1) % (MAX_MAPS + 1);
	for (unsigned i = 0; i < w->n_map; i++) {
		struct wt_mapping *m = &w->map[i];

		at += input__number(in, 1) << 12;
		m->start = at;
		at += (1 + input__number(in, 1)) << 12;
		m->end = at;
		m->pgoff = input__number(in, 1) << 12;
		m->object = input__number(in, 1) % (OBJECTS + 2);
		m->flags = input__number(in, 1) & 7;
	}
}

static void read_world(struct world *w, struct input *in)
{
	read_maps(w, in);
	for (unsigned o = 0; o < OBJECTS; o++) {
		w->state[o] = input__number(in, 1) % 3;
		w->flags[o] = input__number(in, 1) & 7;
		for (unsigned i = 0; i < RULES; i++) {
			struct wt_rule *r = &w->rule[o][i];

			r->cfa = input__number(in, 1) % (WT_CFA_BX + 1);
			r->fp = input__number(in, 1) & 3;
			r->ra = input__number(in, 1) & 1;
			r->cfa_add = input__number(in, 1);
			r->cfa_off = (__s16)input__number(in, 2);
			r->fp_off = (__s16)input__number(in, 2);
			r->bx_off = (__s16)input__number(in, 2);
		}
	}
	input__copy(in, w->code, sizeof(w->code));
}

/* All of one object is Python's loop. */
static void python_of(void *ctx, __u32 tgid, struct wt_py *py)
{
	(void)ctx;
	py->object = tgid % 4 + 1;
	py->range[0].end = ~0U;
}

/* The head of an event as it comes, lengths and all; a stack whose words may be addresses of its own. */
static void put(struct raw *r, struct world *w, struct input *in)
{
	union {
		struct wt_ev_raw e;
		__u64 word[(sizeof(struct wt_ev_raw) + WT_RAW_STACK) / 8];
	} ev = { 0 };
	size_t size = input__number(in, 2) % (sizeof(ev) + 1);
	unsigned words = input__number(in, 1);

	ev.e.h.type = WT_EV_RAWSTACK;
	ev.e.ip = input__number(in, 3);
	ev.e.sp = 0x7f000000 + (input__number(in, 1) << 3);
	ev.e.fp = ev.e.sp + (__s16)input__number(in, 2);
	ev.e.bx = ev.e.sp + (__s16)input__number(in, 2);
	ev.e.image = input__number(in, 1);
	ev.e.tgid = input__number(in, 1);
	ev.e.id = ++w->given;
	ev.e.size = input__number(in, 2);
	ev.e.low = input__number(in, 2);
	ev.e.upper = ev.e.sp + (__s32)input__number(in, 3);
	for (unsigned i = 0; i < words; i++) {
		__u64 v = input__number(in, 3);

		ev.e.stack[i] = v & 1 ? ev.e.sp + (v >> 1 & 0xffff) : v >> 1;
	}
	if (words & 1) {	/* a walk that is gone on with */
		ev.e.n = input__number(in, 2);
		ev.e.flags = input__number(in, 1);
		ev.e.head = input__number(in, 1);
		ev.e.ends[0] = input__number(in, 3);
		ev.e.ends[1] = input__number(in, 3);
		for (unsigned i = 0; i < WT_MAX_FRAMES; i += 3)
			ev.e.frame[i] = WT_FRAME_MAKE(WT_FRAME_PY) | i;
	}
	if (words & 2) {	/* more of it, as it comes */
		union {
			struct wt_ev_rawmore m;
			__u64 word[64];
		} more = { .m = { .id = w->given + (words >> 7 & 1), .at = ev.e.sp + (__s16)input__number(in, 2),
				  .size = input__number(in, 2) % 600 } };

		for (unsigned i = sizeof(more.m) / 8; i < 64; i++)
			more.word[i] = i & 1 ? ev.e.sp + 8 * i : ev.e.ip + i;
		REQUIRE(!raw__put_more(r, &more.m, sizeof(more)));
	}
	REQUIRE(!raw__put(r, &ev.e, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct world w;
	struct raw_stats stats;
	struct raw *r;

	memset(&w, 0, sizeof(w));
	read_world(&w, &in);
	const struct raw_ops ops = {
		.walk = { .ctx = &w, .rule = rule_at, .flags = flags_of, .code = code_at },
		.mappings = mappings_of, .coming = coming, .python = python_of, .ctx = &w,
	};
	REQUIRE(!raw__new(&r, &ops, MAX_BYTES));
	for (unsigned i = 0; i < MAX_EVENTS && in.n; i++) {
		unsigned what = input__number(&in, 1);

		if (what & 3)
			put(r, &w, &in);
		else if (what & 4)
			w.state[what >> 3 & (OBJECTS - 1)] = what >> 5 & 1 ? 2 : 0;
		else
			REQUIRE(!raw__work(r, false, done, &w));
		raw__stats(r, &stats);
		REQUIRE(stats.bytes <= MAX_BYTES + sizeof(struct wt_ev_raw) + WT_RAW_STACK + 4096);
	}
	/* whatever came of them: each whole one ends once, and none is left */
	REQUIRE(!raw__work(r, true, done, &w));
	raw__stats(r, &stats);
	REQUIRE(!stats.waiting && w.done <= w.given && w.done == stats.walked);
	raw__free(r);
	return 0;
}
