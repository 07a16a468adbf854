/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/object_sums.h"
#include "jobs/jobs.h"
#include "units/execs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct collector {
	struct object_sums *s;
	const struct recording *r;
};

static int add(struct collector *c, const struct object_owner *owner, const struct ledger_line *line)
{
	char text[128], key[192];
	struct object_sum *x;
	int n;

	ledger__object_text(c->r->ledger, line->state, line->reason, text, sizeof(text));
	n = snprintf(key, sizeof(key), "%llx %u %u %u %s", owner->image, owner->job, owner->span, line->state, text);
	x = rowmap__get(&c->s->map, key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1);
	if (!x)
		return -ENOMEM;
	if (!x->text[0]) {
		memcpy(x->text, text, sizeof(text));
		x->owner = *owner;
		x->reason = line->reason;
		x->state = line->state;
	}
	x->ns += line->ns;
	x->count += line->count;
	return 0;
}

static int add_line(void *arg, const struct ledger_line *line)
{
	struct object_owner owner = { 0 };
	struct collector *c = arg;
	int err = 0;

	if (line->state == WT_CPU || line->unattributed || !line->ns)
		return 0;
	owner.image = c->r->execs ? ledger__image_of(c->r->ledger, line->serial) : 0;
	if (owner.image && execs__knows(c->r->execs, owner.image))
		err = add(c, &owner, line);
	if (err || !line->span || line->span > c->r->n_spans || !c->r->jobs)
		return err;
	owner = (struct object_owner){ .span = line->span,
		.job = jobs__of(c->r->jobs, line->job, line->cgroup, line->thread->flags)->index };
	return add(c, &owner, line);
}

static int by_owner(const struct object_owner *x, const struct object_owner *y)
{
	if (x->image != y->image)
		return x->image < y->image ? -1 : 1;
	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return x->span < y->span ? -1 : x->span > y->span;
}

static int in_order(const void *a, const void *b)
{
	const struct object_sum *x = *(struct object_sum *const *)a, *y = *(struct object_sum *const *)b;
	int c = by_owner(&x->owner, &y->owner);

	if (c)
		return c;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return x->state != y->state ? (x->state < y->state ? -1 : 1) : strcmp(x->text, y->text);
}

int object_sums__collect(struct object_sums *s, const struct recording *r)
{
	struct collector c = { s, r };
	int err = 0;

	*s = (struct object_sums){ .map.size = sizeof(struct object_sum) };
	if (r->execs || r->n_spans)
		err = ledger__each_line(r->ledger, add_line, &c);
	if (err)
		return err;
	s->v = rowmap__sorted(&s->map, in_order);
	if (!s->v)
		return -ENOMEM;
	s->n = s->map.n;
	return 0;
}

void object_sums__free(struct object_sums *s)
{
	free(s->v);
	rowmap__free(&s->map);
}

struct object_sum *const *object_sums__of(const struct object_sums *s, const struct object_owner *o, unsigned *n)
{
	unsigned low = 0, high = s->n, first;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (by_owner(&s->v[mid]->owner, o) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	first = low;
	while (low < s->n && !by_owner(&s->v[low]->owner, o))
		low++;
	*n = low - first;
	return s->v + first;
}
