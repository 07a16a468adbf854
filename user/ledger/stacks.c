/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stacks.c - the kernel's stack ids and the frames behind them.
 *
 * An id is the kernel's hash over one process's addresses; the frames are
 * position-independent, so that forks and restarts of a program share one stack.
 */
#include "ledger/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_FRAMES 65536
#define MAX_PENDING 65536
#define LOST_FOR_GOOD (1 | STACK_PENDING)	/* more ids than that are waited for */

int stacks__init(struct stacks *s, unsigned max)
{
	struct stack *folded;

	memset(s, 0, sizeof(*s));
	s->max = max;
	pool__init(&s->pool, sizeof(struct stack));
	pool__init(&s->pending, sizeof(struct pending));
	if (pool__get(&s->pool) != STACK_FOLDED || pool__get(&s->pool) != STACK_SHED ||
	    (pool__get(&s->pending) | STACK_PENDING) != LOST_FOR_GOOD)
		return -ENOMEM;
	folded = pool__at(&s->pool, STACK_FOLDED);
	folded->judged = folded->used = true;
	folded = pool__at(&s->pool, STACK_SHED);
	folded->judged = folded->used = true;
	return 0;
}

void stacks__destroy(struct stacks *s)
{
	for (unsigned i = 0; i < s->n_arena; i++)
		free(s->arena[i]);
	free(s->arena);
	free(s->forgotten);
	pool__destroy(&s->pool);
	pool__destroy(&s->pending);
	u64map__free(&s->ids);
	u64map__free(&s->content);
}

static __u64 content_hash(const __u32 *frames, unsigned n, bool user, unsigned end)
{
	__u64 h = u64_mix((__u64)n << 9 | user << 8 | end);

	for (unsigned i = 0; i < n; i++)
		h = u64_mix(h ^ (frames[i] + 0x9e3779b97f4a7c15ULL * (i + 1)));
	return h;
}

const __u32 *stacks__copy(struct stacks *s, const __u32 *frames, unsigned n)
{
	__u32 *copy;

	/* one without frames has a place, too: NULL is no memory */
	if (n > s->arena_left || !s->arena_next) {
		__u32 **arena = realloc(s->arena, (s->n_arena + 1) * sizeof(*arena));

		if (!arena)
			return NULL;
		s->arena = arena;
		s->arena_next = malloc(ARENA_FRAMES * sizeof(__u32));
		s->arena_left = s->arena_next ? ARENA_FRAMES : 0;
		if (!s->arena_next)
			return NULL;
		arena[s->n_arena++] = s->arena_next;
	}
	copy = s->arena_next;
	s->arena_next += n;
	s->arena_left -= n;
	if (n)
		memcpy(copy, frames, n * sizeof(*frames));
	return copy;
}

static bool same(const struct stack *st, const __u32 *frames, unsigned n, bool user, unsigned end)
{
	return st->n == n && st->user == user &&
	       (st->end | (st->guessed ? LEDGER_GUESSED : 0)) == end &&
	       (!n || !memcmp(st->frames, frames, n * sizeof(*frames)));
}

/* The stack of these frames, made if it is new; 0 when memory is out. */
static __u32 intern(struct stacks *s, const __u32 *frames, unsigned n, bool user, unsigned end)
{
	__u64 h = content_hash(frames, n, user, end);
	struct u64map_slot *slot;
	struct stack *st;
	__u32 i;

	/* different frames of equal hash: try the next hash */
	while ((slot = u64map__find(&s->content, h))) {
		if (same(pool__at(&s->pool, slot->value), frames, n, user, end))
			return slot->value;
		h++;
	}
	if (s->pool.n > s->max + 1)
		return STACK_FOLDED;
	i = pool__get(&s->pool);
	if (!i)
		return 0;
	st = pool__at(&s->pool, i);
	st->frames = stacks__copy(s, frames, n);
	if (!st->frames || !u64map__put(&s->content, h, i)) {
		pool__put(&s->pool, i);
		return 0;
	}
	st->used = true;
	st->n = n;
	st->user = user;
	st->end = end & ~LEDGER_GUESSED;
	st->guessed = end & LEDGER_GUESSED;
	return i;
}

int stacks__put(struct stacks *s, __u64 id, const __u32 *frames, unsigned n, bool user,
		unsigned end, __u32 now_ds)
{
	struct u64map_slot *slot = u64map__find(&s->ids, id);
	__u32 i;

	if (slot && !(slot->value & STACK_PENDING) && slot->value != STACK_FOLDED)
		return 0;
	i = intern(s, frames, n < WT_MAX_FRAMES ? n : WT_MAX_FRAMES, user, end);
	if (!i)
		return -ENOMEM;
	if (slot && slot->value & STACK_PENDING) {
		struct pending *p = pool__at(&s->pending, slot->value & ~STACK_PENDING);

		p->stack = i;
		slot->value = i;
	} else {
		/* new, or there was no room for it */
		slot = u64map__put(&s->ids, id, i);
		if (!slot)
			return -ENOMEM;
	}
	slot->used = now_ds + 1;
	return 0;
}

int stacks__ref(struct stacks *s, __u64 id, __u32 now_ds, __u32 *ref)
{
	struct u64map_slot *slot;
	struct pending *p;
	__u32 i;

	*ref = STACK_NONE;
	if (!id)
		return 0;
	if (id == WT_STACK_SHED) {
		*ref = STACK_SHED;
		return 0;
	}
	slot = u64map__find(&s->ids, id);
	if (!slot) {
		*ref = LOST_FOR_GOOD;
		if (s->pending.n >= MAX_PENDING)
			return 0;
		i = pool__get(&s->pending);
		if (!i)
			return -ENOMEM;
		p = pool__at(&s->pending, i);
		p->id = id;
		slot = u64map__put(&s->ids, id, i | STACK_PENDING);
		if (!slot) {
			pool__put(&s->pending, i);
			return -ENOMEM;
		}
	}
	slot->used = now_ds + 1;
	*ref = slot->value;
	return 0;
}

__u32 stacks__resolve(const struct stacks *s, __u32 ref)
{
	const struct pending *p;

	if (!(ref & STACK_PENDING))
		return ref;
	p = pool__at(&s->pending, ref & ~STACK_PENDING);
	return p->stack ? p->stack : ref;
}

struct stack *stacks__get(const struct stacks *s, __u32 ref)
{
	ref = stacks__resolve(s, ref);
	if (!ref || ref & STACK_PENDING)
		return NULL;
	return pool__at(&s->pool, ref);
}

void stacks__free_resolved(struct stacks *s)
{
	for (__u32 i = 1; i < s->pending.end; i++) {
		const struct pending *p = pool__at(&s->pending, i);

		if (p->stack)
			pool__put(&s->pending, i);
	}
}

static const char *const cut_names[LEDGER_CUTS] = {
	[LEDGER_COMPLETE] = "complete",
	[LEDGER_NO_ROOT] = "no_frame_pointer",
	[LEDGER_TOO_DEEP] = "too_deep",
	[LEDGER_NO_STACK] = "unreadable",
	[LEDGER_LOST] = "lost",
	[LEDGER_FOLDED] = "folded",
	[LEDGER_NO_TABLE] = "no_table_yet",
	[LEDGER_UNMAPPED] = "unmapped",
	[LEDGER_NO_RULE] = "no_unwind_info",
	[LEDGER_BAD_RULE] = "unsupported_rule",
	[LEDGER_BROKEN] = "broken_chain",
	[LEDGER_RUNTIME] = "runtime",
	[LEDGER_COMPAT] = "32_bit",
	[LEDGER_SHED] = "shed",
	[LEDGER_EXITING] = "exiting",
	[LEDGER_EXECING] = "in_execve",
};

const char *ledger__cut_name(enum ledger_cut c)
{
	return (unsigned)c < LEDGER_CUTS ? cut_names[c] : "unknown";
}

void stack__judge(struct stack *st, const struct ledger_frames *f)
{
	if (st->judged)
		return;
	st->judged = true;
	if (!st->n)
		return;
	if (st->user) {
		st->root = f->is_root(f->ctx, st->frames[st->n - 1]);
		return;
	}
	for (unsigned i = 0; i < st->n && !st->witness; i++)
		st->witness = witness__states(f->kernel_name(f->ctx, st->frames[i]));
}

static const __u8 cut_by_end[WT_ENDS] = {
	[WT_END_ROOT] = LEDGER_COMPLETE,
	[WT_END_KERNEL] = LEDGER_COMPLETE,
	[WT_END_DEEP] = LEDGER_TOO_DEEP,
	[WT_END_NO_SPACE] = LEDGER_NO_TABLE,
	[WT_END_NO_TABLE] = LEDGER_NO_TABLE,
	[WT_END_UNMAPPED] = LEDGER_UNMAPPED,
	[WT_END_NO_RULE] = LEDGER_NO_RULE,
	[WT_END_BAD_RULE] = LEDGER_BAD_RULE,
	[WT_END_READ] = LEDGER_NO_STACK,
	[WT_END_BACK] = LEDGER_BROKEN,
	[WT_END_RUNTIME] = LEDGER_RUNTIME,
	[WT_END_FP] = LEDGER_NO_ROOT,
	[WT_END_COMPAT] = LEDGER_COMPAT,
	[WT_END_EXITING] = LEDGER_EXITING,
	[WT_END_EXECING] = LEDGER_EXECING,
};

static enum ledger_cut cut_of(const struct stacks *s, __u32 ref)
{
	const struct stack *st = stacks__get(s, ref);

	if (stacks__resolve(s, ref) == STACK_SHED)
		return LEDGER_SHED;
	if (st && (st->end == WT_END_EXITING || st->end == WT_END_EXECING))
		return cut_by_end[st->end];
	if (!ref || (st && !st->n && stacks__resolve(s, ref) != STACK_FOLDED))
		return LEDGER_NO_STACK;
	if (!st)
		return LEDGER_LOST;
	if (stacks__resolve(s, ref) == STACK_FOLDED)
		return LEDGER_FOLDED;
	if (st->end == WT_END_FP)
		return st->root ? LEDGER_COMPLETE : LEDGER_NO_ROOT;
	return st->end < WT_ENDS ? cut_by_end[st->end] : LEDGER_BROKEN;
}

enum ledger_cut stacks__cut(const struct stacks *s, __u32 ustack, __u32 kstack, bool kthread)
{
	enum ledger_cut k = cut_of(s, kstack);
	enum ledger_cut u;

	/* a kernel thread has nothing but its kernel stack */
	if (kthread)
		return k;
	u = cut_of(s, ustack);
	/* user code that was interrupted has no kernel stack: only a bad one counts */
	if ((u == LEDGER_COMPLETE || u == LEDGER_EXITING || u == LEDGER_EXECING) &&
	    k != LEDGER_COMPLETE && k != LEDGER_NO_STACK)
		return k;
	return u;
}

bool ledger__has_stack(const struct ledger *l, __u64 id)
{
	const struct u64map_slot *slot = u64map__find(&l->stacks.ids, id);

	return slot && !(slot->value & STACK_PENDING) && slot->value != STACK_FOLDED;
}

int ledger__put_stack(struct ledger *l, __u64 id, const __u32 *frames, unsigned n,
		      bool user, unsigned end)
{
	return id ? stacks__put(&l->stacks, id, frames, n, user, end, l->now_ds) : 0;
}
