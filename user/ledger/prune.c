/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prune.c - bounded memory without a bias against what comes late: when lines or stacks
 * near their limit, the lines of least time give up their stacks, and what no line holds
 * any more is forgotten.
 */
#include "ledger/internal.h"
#include "ledger/hist.h"

/* Above this share of a limit there is something to be done … */
#define IS_NEAR(n, max) ((n) > (max) - (max) / 4)
/* … which is not tried again before so much more has come, or so much time, or there is no room at all. */
#define AGAIN(max) ((max) / 16)
#define AGAIN_DS 20
#define AGAIN_FULL_DS(idle) ((idle) / 60)
/* Ids of the kernel's for so many stacks: each process has its own. */
#define MAX_IDS(stacks) (4 * (stacks) + 4096)

/*
 * What the lines of least time give up, in this order as long as there are too many: their
 * stacks, or whom or what was waited for.  Each kind keeps a share of the lines that others do
 * not take from it: where code was when it lost its CPU says less than where it went to
 * sleep, and there are many more such places; samples are few, and say what is hot.
 */
static const struct level {
	bool cpu, queued;		/* of lines of CPU time; of waits for a CPU; else of other waits */
	bool objects;			/* else stacks */
	unsigned share;			/* of max_lines, one in so many */
} levels[] = {
	{ .queued = true, .share = 16 },
	{ .queued = true, .objects = true, .share = 8 },
	{ .share = 4 },
	{ .objects = true, .share = 8 },
	{ .cpu = true, .share = 4 },
};
#define LEVELS (sizeof(levels) / sizeof(levels[0]))

/* The time it stands for, ns; that of samples until they are settled. */
static __u64 weight(const struct ledger *l, const struct line *line)
{
	if (line->state == WT_CPU && !(line->flags & LINE_GROUP))
		return line->count * l->opts.period_ns;
	return line->ns;
}

/* Lines of epochs, which wait to be a unit's, and those that last: each kind has its own limits. */
static bool may_go(const struct line *line, const struct level *v, bool epochs)
{
	bool stacks = line->ustack > STACK_SHED || line->kstack > STACK_SHED;
	bool queued = line->state == WT_RUNQ || line->state == WT_THROTTLED;

	if (!line->used || !line->epoch == epochs || v->cpu != (line->state == WT_CPU) || v->queued != queued)
		return false;
	return v->objects ? !stacks && line->reason & WT_REASON_INTERNED : stacks;
}

/* Lines whose weight is in a bucket below this one go: where there are more than `most`, so many stay. */
static unsigned threshold(const struct ledger *l, const struct level *v, bool epochs, __u32 most)
{
	__u32 lines[WT_BUCKETS] = {}, n = 0, may = 0;
	unsigned b = WT_BUCKETS;

	for (__u32 i = 1; i < l->lines.end; i++) {
		const struct line *line = pool__at(&l->lines, i);

		if (may_go(line, v, epochs)) {
			lines[hist__bucket(weight(l, line))]++;
			may++;
		}
	}
	if (may <= most)
		return 0;
	while (b && n + lines[b - 1] <= most)
		n += lines[--b];
	return b;
}

static void give_up(const struct ledger *l, struct line *line, const struct level *v)
{
	const struct wt_reason *r;

	if (!v->objects) {
		line->ustack = line->ustack > STACK_SHED ? STACK_FOLDED : line->ustack;
		line->kstack = line->kstack > STACK_SHED ? STACK_FOLDED : line->kstack;
		return;
	}
	r = reasons__get(l, line->reason);
	line->reason = r ? r->kind | (__u64)r->nr << 8 : WT_K_NONE;
}

/* Of one owner's lines, the light ones merge by what they do not give up. */
static void prune_list(struct ledger *l, __u32 *head, const struct level *v, bool epochs,
		       unsigned below)
{
	__u32 *at = head, light = 0;

	while (*at) {
		__u32 i = *at;
		struct line *line = pool__at(&l->lines, i);

		if (!may_go(line, v, epochs) || hist__bucket(weight(l, line)) >= below) {
			at = &line->next;
			continue;
		}
		*at = line->next;
		line->next = light;
		light = i;
	}
	while (light) {
		__u32 i = light;
		struct line merged = *(struct line *)pool__at(&l->lines, i);

		light = merged.next;
		lines__free_one(l, i);
		give_up(l, &merged, v);
		/* there is room for it, as it was freed */
		lines__add(l, merged.owner, merged.flags, &merged);
	}
}

static void prune_lines(struct ledger *l, const struct level *v, bool epochs, __u32 most)
{
	unsigned below = threshold(l, v, epochs, most);

	if (!below)
		return;
	for (__u32 i = 1; i < l->progs.end; i++) {
		struct prog *p = pool__at(&l->progs, i);

		if (p->used)
			prune_list(l, &p->lines, v, epochs, below);
	}
	for (__u32 i = 1; i < l->groups.end; i++) {
		struct group *g = pool__at(&l->groups, i);

		if (g->used)
			prune_list(l, &g->lines, v, epochs, below);
	}
}

/*
 * All but those that lines hold, *by_lines, the waits that were open when the records were
 * read last, and those whose ids were seen lately.
 */
static void forget_stacks(struct ledger *l, __u32 *by_lines)
{
	__u32 ref;

	*by_lines = 0;
	ledger__sweep_pending(l);
	for (__u32 i = 1; i < l->lines.end; i++) {
		const struct line *line = pool__at(&l->lines, i);

		if (!line->used)
			continue;
		*by_lines += stacks__hold(&l->stacks, line->ustack);
		*by_lines += stacks__hold(&l->stacks, line->kstack);
	}
	for (__u32 i = 1; i < l->progs.end; i++) {
		const struct prog *p = pool__at(&l->progs, i);

		if (!p->used || !p->has_rec)
			continue;
		/* seen now, as it were */
		stacks__ref(&l->stacks, p->rec.open_ustack, l->now_ds, &ref);
		stacks__ref(&l->stacks, p->rec.open_kstack, l->now_ds, &ref);
	}
	/* where there is no room, what is seen now has more right to it than what a light line had */
	stacks__forget(&l->stacks, l->now_ds, l->stacks.pool.n >= l->opts.max_stacks ? 0 : l->opts.idle_ds,
		       l->stacks.ids.n > MAX_IDS(l->opts.max_stacks));
}

static __u32 number(const struct ledger *l, bool epochs)
{
	return epochs ? l->n_epoch_lines : l->lines.n - l->n_epoch_lines;
}

static bool too_many(const struct ledger *l, __u32 n, __u32 max, __u32 before)
{
	return IS_NEAR(n, max) && (n >= before + AGAIN(max) || l->now_ds >= l->pruned_ds + AGAIN_DS ||
				   (n >= max && l->now_ds > l->pruned_ds + AGAIN_FULL_DS(l->opts.idle_ds)));
}

/* of: what the shares are of; stacks: there are too many of these, whatever the lines. */
static void prune_kind(struct ledger *l, bool epochs, __u32 of, bool stacks)
{
	__u32 max = l->opts.max_lines;

	for (unsigned i = 0; i < LEVELS; i++)
		if ((stacks && !levels[i].objects) || IS_NEAR(number(l, epochs), max))
			prune_lines(l, &levels[i], epochs, of / levels[i].share);
	l->pruned_lines[epochs] = number(l, epochs);
}

void ledger__prune(struct ledger *l)
{
	__u32 max = l->opts.max_lines, stacks = l->opts.max_stacks, by_lines = 0;
	bool many[] = { too_many(l, number(l, false), max, l->pruned_lines[false]),
			too_many(l, number(l, true), max, l->pruned_lines[true]) };
	bool many_stacks = too_many(l, l->stacks.pool.n, stacks, l->pruned_stacks);
	bool many_ids = l->stacks.ids.n > MAX_IDS(stacks) && l->now_ds >= l->pruned_ds + AGAIN_DS;

	if (!many[false] && !many[true] && !many_stacks && !many_ids)
		return;
	if (many_stacks || many_ids)
		forget_stacks(l, &by_lines);
	/* of one or two stacks each; the shares leave room for that */
	many_stacks = by_lines > stacks / 2;
	for (unsigned epochs = 0; epochs < 2; epochs++)
		if (many[epochs] || many_stacks)
			prune_kind(l, epochs, many_stacks && stacks < max ? stacks : max, many_stacks);
	if (many_stacks)
		forget_stacks(l, &by_lines);
	l->pruned_stacks = l->stacks.pool.n;
	l->pruned_ds = l->now_ds;
}
