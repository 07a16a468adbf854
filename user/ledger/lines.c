/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - detail lines: found by their key, chained to their owner. */
#include "ledger/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static __u64 line_key(const struct line *a)
{
	__u64 h = u64_mix(a->reason + 0x9e3779b97f4a7c15ULL);

	h = u64_mix(h ^ ((__u64)a->ustack << 32 | a->kstack));
	h = u64_mix(h ^ ((__u64)a->owner << 32 | (a->epoch + 0x9e3779b9u * a->unit)));
	return u64_mix(h ^ (a->state | a->bucket << 8 | a->flags << 16 | (__u64)a->span << 32));
}

static bool same_key(const struct line *a, const struct line *b)
{
	return a->owner == b->owner && a->reason == b->reason && a->ustack == b->ustack &&
	       a->kstack == b->kstack && a->epoch == b->epoch && a->state == b->state &&
	       a->bucket == b->bucket && a->flags == b->flags && a->span == b->span &&
	       a->unit == b->unit;
}

static int grow_hash(struct ledger *l)
{
	__u32 size = l->line_hash ? (l->line_hash_mask + 1) * 2 : 1024;
	__u32 *hash = calloc(size, sizeof(*hash));

	if (!hash)
		return -ENOMEM;
	free(l->line_hash);
	l->line_hash = hash;
	l->line_hash_mask = size - 1;
	for (__u32 i = 1; i < l->lines.end; i++) {
		struct line *line = pool__at(&l->lines, i);
		__u32 h;

		if (!line->used)
			continue;
		h = line_key(line) & l->line_hash_mask;
		line->hnext = hash[h];
		hash[h] = i;
	}
	return 0;
}

static struct line *find(struct ledger *l, const struct line *key)
{
	__u32 i;

	if (!l->line_hash)
		return NULL;
	for (i = l->line_hash[line_key(key) & l->line_hash_mask]; i; ) {
		struct line *line = pool__at(&l->lines, i);

		if (same_key(line, key))
			return line;
		i = line->hnext;
	}
	return NULL;
}

/* Of how many lines it would be one. */
static __u32 number(const struct ledger *l, const struct line *key)
{
	return key->epoch ? l->n_epoch_lines : l->lines.n - l->n_epoch_lines;
}

/*
 * What a new line gives up when there are too many: beyond max_lines its
 * stacks, beyond twice that the object of its reason and its epoch.  Beyond
 * three times that there is no room: its time will be unattributed.  Lines of epochs
 * count by themselves.  prune.c keeps it from coming to that where time is short of lines.
 */
static bool degrade(const struct ledger *l, struct line *key)
{
	__u32 max = l->opts.max_lines, n = number(l, key);

	if (n < max)
		return true;
	key->ustack = key->ustack ? STACK_FOLDED : 0;
	key->kstack = key->kstack ? STACK_FOLDED : 0;
	if (n < 2 * max)
		return true;
	if (key->reason & WT_REASON_INTERNED) {
		const struct wt_reason *r = reasons__get(l, key->reason);

		key->reason = r ? r->kind | (__u64)r->nr << 8 : WT_K_NONE;
	}
	key->epoch = 0;
	key->unit = 0;
	key->span = 0;
	return n < 3 * max;
}

static void accumulate(struct line *line, const struct line *add)
{
	line->ns += add->ns;
	line->weighted_ns += add->weighted_ns;
	line->count += add->count;
	if (line->max_ns < add->max_ns)
		line->max_ns = add->max_ns;
}

static __u32 *head_of(struct ledger *l, const struct line *key)
{
	if (key->flags & LINE_GROUP)
		return &((struct group *)pool__at(&l->groups, key->owner))->lines;
	return &((struct prog *)pool__at(&l->progs, key->owner))->lines;
}

/* Adds the values of add to the owner's line of the same key. */
int lines__add(struct ledger *l, __u32 owner, __u8 flags, const struct line *add)
{
	struct line key = *add, *line;
	__u32 i, h, *head;

	key.owner = owner;
	key.flags = flags;
	line = find(l, &key);
	if (!line && number(l, &key) >= l->opts.max_lines) {
		bool room = degrade(l, &key);

		line = find(l, &key);
		if (!line && !room) {
			l->dropped_ns += add->ns;
			return 0;
		}
	}
	if (line) {
		accumulate(line, add);
		return 0;
	}
	/* without memory chains grow instead */
	if ((!l->line_hash || l->lines.n > l->line_hash_mask) && grow_hash(l) && !l->line_hash)
		return -ENOMEM;
	i = pool__get(&l->lines);
	if (!i)
		return -ENOMEM;
	line = pool__at(&l->lines, i);
	*line = key;
	line->used = true;
	l->n_group_lines += !!(flags & LINE_GROUP);
	l->n_epoch_lines += line->epoch != 0;
	line->settled_ns = 0;
	h = line_key(line) & l->line_hash_mask;
	line->hnext = l->line_hash[h];
	l->line_hash[h] = i;
	head = head_of(l, line);
	line->next = *head;
	*head = i;
	return 0;
}

static void unhash(struct ledger *l, __u32 i)
{
	struct line *line = pool__at(&l->lines, i);
	__u32 *p = &l->line_hash[line_key(line) & l->line_hash_mask];

	while (*p != i)
		p = &((struct line *)pool__at(&l->lines, *p))->hnext;
	*p = line->hnext;
}

void lines__resolve(struct ledger *l, __u32 i)
{
	struct line *line = pool__at(&l->lines, i);
	__u32 h;

	unhash(l, i);
	line->ustack = stacks__resolve(&l->stacks, line->ustack);
	line->kstack = stacks__resolve(&l->stacks, line->kstack);
	h = line_key(line) & l->line_hash_mask;
	line->hnext = l->line_hash[h];
	l->line_hash[h] = i;
}

void lines__free_one(struct ledger *l, __u32 i)
{
	const struct line *line = pool__at(&l->lines, i);

	unhash(l, i);
	l->n_epoch_lines -= line->epoch != 0;
	l->n_group_lines -= !!(line->flags & LINE_GROUP);
	pool__put(&l->lines, i);
}

bool lines__take(struct ledger *l, __u32 *head, struct line *out)
{
	__u32 i = *head;

	if (!i)
		return false;
	*out = *(struct line *)pool__at(&l->lines, i);
	*head = out->next;
	lines__free_one(l, i);
	return true;
}

/*
 * Lines of one program whose epochs belong to a unit by now, or to none.  A line is freed before
 * it is put back: there is room for it.  What cannot be shown is not, the line stays all the same.
 */
static int retire_prog(struct ledger *l, struct prog *p, const struct ledger_retire *r)
{
	__u32 *at = &p->lines, retired = 0;
	int err = 0;

	while (*at) {
		__u32 i = *at, unit;
		struct line *line = pool__at(&l->lines, i);

		unit = line->epoch ? r->unit(r->ctx, line->epoch, p->serial) : LEDGER_EPOCH_OPEN;
		if (unit == LEDGER_EPOCH_OPEN) {
			at = &line->next;
			continue;
		}
		*at = line->next;
		line->next = retired;
		retired = i;
		line->unit = unit;
	}
	while (retired) {
		__u32 i = retired;
		struct line *line = pool__at(&l->lines, i), merged = *line;

		retired = line->next;
		line->unit = 0;		/* as it was hashed */
		if (merged.unit && r->detail)
			err = first_error(err, ledger__line_detail(l, p, &merged, r));
		lines__free_one(l, i);
		merged.epoch = 0;
		merged.unit = r->keep ? merged.unit : 0;
		err = first_error(err, lines__add(l, merged.owner, merged.flags, &merged));
	}
	return err;
}

int ledger__retire(struct ledger *l, const struct ledger_retire *r)
{
	int err = 0;

	if (!l->n_epoch_lines)
		return 0;
	for (__u32 i = 1; i < l->progs.end; i++) {
		struct prog *p = pool__at(&l->progs, i);

		if (p->used)
			err = first_error(err, retire_prog(l, p, r));
		ledger__prune(l);
	}
	return err;
}
