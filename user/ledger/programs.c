/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * programs.c - the account of single programs (one address space from exec to exit)
 * over all their threads, for those that somebody wants to know of.  Threads that
 * were folded have left their share.
 */
#include "ledger/internal.h"

#include <errno.h>

struct watched {
	__u32 pad;				/* see pool.h */
	struct ledger_program folded, now;	/* now: as of the last settle */
};

static void add(struct ledger_program *to, const struct prog *p)
{
	const struct wt_thread_rec *rec = &p->rec;

	if (!to->threads || to->start_ns > rec->birth_ns)
		to->start_ns = rec->birth_ns;
	if (to->end_ns < rec->end_ns)
		to->end_ns = rec->end_ns;
	to->threads++;
	to->alive += rec->why != WT_REC_EXIT && rec->why != WT_REC_EXEC;
	if (rec->why == WT_REC_EXIT && rec->flags & WT_F_LEADER) {
		to->leader_ended = true;
		to->exit_code = rec->exit_code;
		to->leader_cpu_ns = rec->st_ns[WT_CPU];
	}
	to->thread_ns += rec->end_ns - rec->birth_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		to->st_ns[s] += rec->st_ns[s];
	if (rec->stage < WT_STAGE_CODEC + WT_STAGE_CODECS)
		to->stage_cpu_ns[rec->stage] += rec->st_ns[WT_CPU];
	taken__add_rec(&to->taken, rec);
	to->user_ns += p->settled.user_ns;
	to->sys_ns += p->settled.sys_ns;
}

static struct watched *find(const struct ledger *l, __u64 image)
{
	struct u64map_slot *slot = u64map__find(&l->by_image, image);

	return slot ? pool__at(&l->watched, slot->value) : NULL;
}

int ledger__watch_program(struct ledger *l, __u64 image)
{
	__u32 i;

	if (u64map__find(&l->by_image, image))
		return 0;
	i = pool__get(&l->watched);
	if (!i)
		return -ENOMEM;
	if (!u64map__put(&l->by_image, image, i)) {
		pool__put(&l->watched, i);
		return -ENOMEM;
	}
	return 0;
}

void programs__fold(struct ledger *l, const struct prog *p)
{
	struct watched *w = l->by_image.n ? find(l, p->rec.image) : NULL;

	if (w)
		add(&w->folded, p);
}

void ledger__settle_programs(struct ledger *l)
{
	if (!l->by_image.n)
		return;
	for (__u32 i = 1; i < l->watched.end; i++) {
		struct watched *w = pool__at(&l->watched, i);

		w->now = w->folded;
	}
	for (__u32 i = 1; i < l->progs.end; i++) {
		const struct prog *p = pool__at(&l->progs, i);
		struct watched *w = p->used && p->has_rec ? find(l, p->rec.image) : NULL;

		if (w)
			add(&w->now, p);
	}
}

const struct ledger_program *ledger__program(const struct ledger *l, __u64 image)
{
	const struct watched *w = find(l, image);

	return w ? &w->now : NULL;
}

__u64 ledger__image_of(const struct ledger *l, __u32 serial)
{
	struct u64map_slot *slot = serial ? u64map__find(&l->by_serial, serial) : NULL;
	const struct prog *p = slot ? pool__at(&l->progs, slot->value) : NULL;

	return p && p->has_rec ? p->rec.image : 0;
}

void programs__init(struct ledger *l)
{
	pool__init(&l->watched, sizeof(struct watched));
}
