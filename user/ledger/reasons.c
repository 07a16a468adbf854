/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reasons.c - reasons with an object, by the hash that the kernel side gave them. */
#include "ledger/internal.h"

#include <errno.h>

/* Every peer's ephemeral port makes one; those beyond are unnamed. */
#define MAX_REASONS 65536

int ledger__put_reason(struct ledger *l, __u64 id, const struct wt_reason *r)
{
	struct reason_slot *slot;
	__u32 i;

	if (u64map__find(&l->by_reason, id) || l->reasons.n >= MAX_REASONS)
		return 0;
	i = pool__get(&l->reasons);
	if (!i)
		return -ENOMEM;
	if (!u64map__put(&l->by_reason, id, i)) {
		pool__put(&l->reasons, i);
		return -ENOMEM;
	}
	slot = pool__at(&l->reasons, i);
	slot->used = true;
	slot->r = *r;
	slot->r.name[WT_NAME_LEN - 1] = 0;
	return 0;
}

const struct wt_reason *reasons__get(const struct ledger *l, __u64 id)
{
	const struct u64map_slot *slot = u64map__find(&l->by_reason, id);

	return slot ? &((const struct reason_slot *)pool__at(&l->reasons, slot->value))->r : NULL;
}

const struct wt_reason *ledger__reason(const struct ledger *l, __u64 reason)
{
	return reason & WT_REASON_INTERNED ? reasons__get(l, reason) : NULL;
}
