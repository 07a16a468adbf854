/* SPDX-License-Identifier: GPL-2.0-or-later */
/* raw_tables.c - the tables as user space's own walk reads them: bpf/rows.bpf.c once more. */
#include <errno.h>

#include "unwind/tables_impl.h"

/* The rule that holds at off: that of the last row at or before it, 0 in front of the first. */
static __u32 search(struct tables *t, const struct entry *e, __u32 off)
{
	__u32 lo = e->row0, hi = e->row0 + e->rows;
	const struct wt_row *chunk;

	while (lo < hi) {
		__u32 mid = lo + (hi - lo) / 2;

		chunk = t->maps.chunk(t->maps.ctx, mid / WT_CHUNK_ROWS);
		if (chunk[mid % WT_CHUNK_ROWS].off > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == e->row0)
		return 0;
	chunk = t->maps.chunk(t->maps.ctx, (lo - 1) / WT_CHUNK_ROWS);
	return chunk[(lo - 1) % WT_CHUNK_ROWS].rule;
}

int tables__rule(struct tables *t, __u32 object, __u64 off, struct wt_rule *rule)
{
	const struct entry *e;
	int err = -ENOENT;

	if (object >= WT_MAX_OBJECTS)
		return -ENOENT;
	pthread_mutex_lock(&t->lock);
	e = &t->entry[object];
	if (e->state == READY) {
		*rule = t->maps.rules[search(t, e, off)];
		err = 0;
	} else if (e->state == QUEUED) {
		err = -EAGAIN;
	}
	pthread_mutex_unlock(&t->lock);
	return err;
}

bool tables__coming(struct tables *t, __u32 object)
{
	bool ret;

	if (object >= WT_MAX_OBJECTS)
		return false;
	pthread_mutex_lock(&t->lock);
	ret = t->entry[object].state == QUEUED;
	pthread_mutex_unlock(&t->lock);
	return ret;
}
