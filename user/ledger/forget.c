/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forget.c - stacks that no line holds any more, and the ids that stood for them.
 *
 * An id may come again: the kernel's side is told which ones are forgotten, and sends their
 * frames anew.  What a wait that is still open refers to is held by its thread's record, which
 * is read with each checkpoint.
 */
#include "ledger/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool stacks__hold(struct stacks *s, __u32 ref)
{
	struct stack *st = stacks__get(s, ref);
	bool first = st && !st->held;

	if (first)
		st->held = true;
	return first;
}

struct pass {
	struct stacks *s;
	__u32 oldest, now;		/* stamps: those up to oldest are old */
	bool drop;			/* ids of stacks that are held, too: there are too many */
};

static bool hold_recent(struct u64map_slot *slot, void *arg)
{
	const struct pass *p = arg;

	if (slot->used > p->oldest)
		stacks__hold(p->s, slot->value);
	return true;
}

static bool add_forgotten(struct stacks *s, __u64 id)
{
	if (s->n_forgotten == s->max_forgotten) {
		unsigned max = s->max_forgotten ? 2 * s->max_forgotten : 1024;
		__u64 *v = reallocarray(s->forgotten, max, sizeof(*v));

		if (!v)
			return false;
		s->forgotten = v;
		s->max_forgotten = max;
	}
	s->forgotten[s->n_forgotten++] = id;
	return true;
}

/*
 * An id whose stack goes stands for the folded one until it is sent anew, or for so long again:
 * lines with it may be on their way.  One for which there was no room has another try.
 */
static bool keep_id(struct u64map_slot *slot, void *arg)
{
	const struct pass *p = arg;
	struct stack *st;

	if (slot->value & STACK_PENDING)
		return true;
	st = pool__at(&p->s->pool, slot->value);
	if (slot->used > p->oldest) {
		if (slot->value == STACK_FOLDED)
			add_forgotten(p->s, slot->key);
		return true;
	}
	/* it may have been sent again meanwhile, and found no room again */
	if (slot->value == STACK_FOLDED || (st->held && p->drop))
		return !add_forgotten(p->s, slot->key);
	if (st->held)
		return true;
	if (add_forgotten(p->s, slot->key)) {
		slot->value = STACK_FOLDED;
		slot->used = p->now;
	} else {
		st->held = true;
	}
	return true;
}

static bool keep_content(struct u64map_slot *slot, void *arg)
{
	const struct pass *p = arg;

	return ((const struct stack *)pool__at(&p->s->pool, slot->value))->held;
}

/* False: they are not freed any more, rather than that frames in use are. */
static bool keep_chunks(struct stacks *s, __u32 **old, unsigned n_old)
{
	__u32 **all = reallocarray(s->arena, s->n_arena + n_old, sizeof(*all));

	if (!all)
		return false;
	memcpy(all + s->n_arena, old, n_old * sizeof(*all));
	s->arena = all;
	s->n_arena += n_old;
	return true;
}

/* The frames that are left move together; without the memory for that they stay where they are. */
static void move_frames(struct stacks *s)
{
	__u32 **old = s->arena;
	unsigned n_old = s->n_arena;
	bool moved = true;

	s->arena = NULL;
	s->n_arena = s->arena_left = 0;
	s->arena_next = NULL;
	for (__u32 i = STACK_SHED + 1; i < s->pool.end && moved; i++) {
		struct stack *st = pool__at(&s->pool, i);
		const __u32 *copy = st->used ? stacks__copy(s, st->frames, st->n) : NULL;

		if (copy)
			st->frames = copy;
		moved = copy || !st->used;
	}
	for (unsigned i = 0; i < n_old && moved; i++)
		free(old[i]);
	if (!moved && !keep_chunks(s, old, n_old))
		return;
	free(old);
}

void stacks__forget(struct stacks *s, __u32 now_ds, __u32 idle_ds, bool drop)
{
	struct pass p = { .s = s, .oldest = now_ds > idle_ds ? now_ds - idle_ds : 0, .now = now_ds + 1, .drop = drop };

	u64map__filter(&s->ids, hold_recent, &p);
	u64map__filter(&s->ids, keep_id, &p);
	u64map__filter(&s->content, keep_content, &p);
	for (__u32 i = STACK_SHED + 1; i < s->pool.end; i++) {
		struct stack *st = pool__at(&s->pool, i);

		if (st->used && !st->held)
			pool__put(&s->pool, i);
		else
			st->held = false;
	}
	move_frames(s);
}

unsigned ledger__forgotten(struct ledger *l, const __u64 **ids)
{
	unsigned n = l->stacks.n_forgotten;

	*ids = l->stacks.forgotten;
	l->stacks.n_forgotten = 0;
	return n;
}
