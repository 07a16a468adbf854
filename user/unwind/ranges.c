// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/ranges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int insert(struct range_list *l, __u32 i, struct range r)
{
	if (l->n == l->cap) {
		__u32 cap = l->cap ? l->cap * 2 : 16;
		struct range *grown = reallocarray(l->r, cap, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		l->r = grown;
		l->cap = cap;
	}
	memmove(&l->r[i + 1], &l->r[i], (l->n - i) * sizeof(*l->r));
	l->r[i] = r;
	l->n++;
	return 0;
}

static void delete(struct range_list *l, __u32 i)
{
	l->n--;
	memmove(&l->r[i], &l->r[i + 1], (l->n - i) * sizeof(*l->r));
}

/* Into the sorted list, joined with what touches it. */
static int join(struct range_list *l, __u32 start, __u32 n)
{
	__u32 i = 0;

	while (i < l->n && l->r[i].start < start)
		i++;
	if (i && l->r[i - 1].start + l->r[i - 1].n == start) {
		l->r[i - 1].n += n;
		if (i < l->n && start + n == l->r[i].start) {
			l->r[i - 1].n += l->r[i].n;
			delete(l, i);
		}
		return 0;
	}
	if (i < l->n && start + n == l->r[i].start) {
		l->r[i].start = start;
		l->r[i].n += n;
		return 0;
	}
	return insert(l, i, (struct range){ .start = start, .n = n });
}

/* Those that have rested long enough.  What there is no memory for rests on. */
static void wake(struct ranges *r, __u64 now)
{
	while (r->resting.n && r->resting.r[0].at <= now &&
	       !join(&r->free, r->resting.r[0].start, r->resting.r[0].n))
		delete(&r->resting, 0);
}

static int first_fit(const struct range_list *l, __u32 n)
{
	for (__u32 i = 0; i < l->n; i++)
		if (l->r[i].n >= n)
			return i;
	return -1;
}

int ranges__init(struct ranges *r, __u32 n)
{
	memset(r, 0, sizeof(*r));
	r->left = n;
	return n ? join(&r->free, 0, n) : 0;
}

void ranges__clear(struct ranges *r)
{
	free(r->free.r);
	free(r->resting.r);
	memset(r, 0, sizeof(*r));
}

int ranges__take(struct ranges *r, __u32 n, __u64 now, __u32 *start)
{
	int i;

	wake(r, now);
	i = first_fit(&r->free, n);
	if (i < 0)
		return -ENOSPC;
	*start = r->free.r[i].start;
	r->free.r[i].start += n;
	r->free.r[i].n -= n;
	if (!r->free.r[i].n)
		delete(&r->free, i);
	r->left -= n;
	return 0;
}

int ranges__give(struct ranges *r, __u32 start, __u32 n, __u64 at)
{
	__u32 i = r->resting.n;
	int err;

	if (!n)
		return 0;
	while (i && r->resting.r[i - 1].at > at)
		i--;
	err = insert(&r->resting, i, (struct range){ start, n, at });
	if (!err)
		r->left += n;
	return err;
}

int ranges__will_fit(struct ranges *r, __u32 n)
{
	struct range_list all = { 0 };
	int i = 0;

	if (n > r->left)
		return 0;
	for (__u32 k = 0; k < r->free.n && !i; k++)
		i = join(&all, r->free.r[k].start, r->free.r[k].n);
	for (__u32 k = 0; k < r->resting.n && !i; k++)
		i = join(&all, r->resting.r[k].start, r->resting.r[k].n);
	i = i ? -1 : first_fit(&all, n);
	free(all.r);
	return i >= 0;
}

__u64 ranges__next(const struct ranges *r)
{
	return r->resting.n ? r->resting.r[0].at : 0;
}
