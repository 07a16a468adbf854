/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 200		/* bytes of a label that are kept */

void rows__init(struct rows *r, unsigned max)
{
	memset(r, 0, sizeof(*r));
	pool__init(&r->items, sizeof(struct unit_item));
	r->max = max;
	r->oldest = 1;
}

static void drop_item(struct unit_item *it)
{
	free(it->text);
	free(it->row.objects.v);
}

void rows__destroy(struct rows *r)
{
	for (__u32 i = 1; i < r->items.end; i++)
		drop_item(pool__at(&r->items, i));
	pool__destroy(&r->items);
	u64map__free(&r->by_number);
	u64map__free(&r->folds);
}

struct unit_item *rows__at(const struct rows *r, __u32 row)
{
	struct u64map_slot *slot = row ? u64map__find(&r->by_number, row) : NULL;

	return slot ? pool__at(&r->items, slot->value) : NULL;
}

__u32 rows__add(struct rows *r, const struct unit_row *row)
{
	size_t label = strnlen(row->label, LABEL_MAX), pattern = strlen(row->pattern);
	char *text = malloc(label + pattern + 2);
	struct unit_item *it;
	__u32 i = text ? pool__get(&r->items) : 0;

	if (!i || !u64map__put(&r->by_number, r->last + 1, i)) {
		if (i)
			pool__put(&r->items, i);
		free(text);
		return 0;
	}
	memcpy(text, row->label, label);
	text[label] = 0;
	memcpy(text + label + 1, row->pattern, pattern + 1);
	it = pool__at(&r->items, i);
	it->used = true;
	it->number = ++r->last;
	it->text = text;
	it->row = *row;
	it->row.label = text;
	it->row.pattern = text + label + 1;
	return it->number;
}

void rows__charge(struct rows *r, __u32 row, const struct account *a)
{
	struct unit_item *it = rows__at(r, row);

	if (!it)
		return;
	for (unsigned s = 0; s < WT_STATES; s++)
		it->row.st_ns[s] += a->ns[s];
	it->row.transcode_ns += a->ns[ACCOUNT_TRANSCODE];
	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		it->row.extra[k] += a->ns[ACCOUNT_EXTRA + k];
}

static __u64 fold_key(const struct unit_row *row)
{
	__u64 h = u64_mix(row->job + 1) ^ row->cgroup;

	for (const char *p = row->pattern; *p; p++)
		h = u64_mix(h ^ (unsigned char)*p);
	return u64_mix(h ^ (__u64)row->kind << 32 ^ row->failed);
}

/* The row's objects go over. */
static int add_folded(struct rows *r, struct unit_row *row)
{
	__u64 key = fold_key(row);
	struct u64map_slot *slot = u64map__find(&r->folds, key);
	struct unit_row first = *row, *to;
	__u32 i;

	if (!slot) {
		first.label = UNIT_FOLDED;
		first.image = 0;	/* it is several programs' */
		/* its place before its row: no row may stay that would count what is tried again */
		slot = u64map__put(&r->folds, key, 0);
		i = slot ? rows__add(r, &first) : 0;
		if (!i) {
			u64map__delete(&r->folds, key);
			return -ENOMEM;
		}
		u64map__find(&r->folds, key)->value = i;
		rows__at(r, i)->folded = true;
		row->objects = (struct unit_objects){};
		return 0;
	}
	to = &rows__at(r, slot->value)->row;
	to->n += row->n;
	to->batched = 1;
	to->done = row->done;
	to->total = row->total;
	if (to->start_ns > row->start_ns)
		to->start_ns = row->start_ns;
	if (to->end_ns < row->end_ns)
		to->end_ns = row->end_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		to->st_ns[s] += row->st_ns[s];
	to->transcode_ns += row->transcode_ns;
	to->has_extra |= row->has_extra;
	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		to->extra[k] += row->extra[k];
	/* what of its objects finds no memory is counted there */
	if (r->objects)
		objects__merge(r->objects, &to->objects, &row->objects);
	return 0;
}

static int fold_oldest(struct rows *r)
{
	for (; r->oldest <= r->last; r->oldest++) {
		struct u64map_slot *slot = u64map__find(&r->by_number, r->oldest);
		struct unit_item *it = slot ? pool__at(&r->items, slot->value) : NULL;
		__u32 i = slot ? slot->value : 0;
		int err;

		if (!it || it->folded)
			continue;
		if (!it->final)
			return 0;
		err = add_folded(r, &it->row);
		if (err)
			return err;
		r->folded += it->row.n;
		free(it->text);
		u64map__delete(&r->by_number, r->oldest++);
		pool__put(&r->items, i);
		return 1;
	}
	return 0;
}

int rows__final(struct rows *r, __u32 row)
{
	struct unit_item *it = rows__at(r, row);
	int ret = 1;

	if (it)
		it->final = true;
	while (r->items.n > r->max && ret > 0)
		ret = fold_oldest(r);
	return ret < 0 ? ret : 0;
}

static int by_end(const void *a, const void *b)
{
	const struct unit_row *x = *(const struct unit_row *const *)a;
	const struct unit_row *y = *(const struct unit_row *const *)b;

	if (x->end_ns != y->end_ns)
		return x->end_ns < y->end_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

int rows__each(const struct rows *r, unit_row_fn fn, void *arg)
{
	const struct unit_row **v = calloc(r->items.n + 1, sizeof(*v));
	size_t n = 0;
	int err = 0;

	if (!v)
		return -ENOMEM;
	for (__u32 i = 1; i < r->items.end; i++) {
		const struct unit_item *it = pool__at(&r->items, i);

		if (it->used)
			v[n++] = &it->row;
	}
	if (n)
		qsort(v, n, sizeof(*v), by_end);
	for (size_t i = 0; i < n && !err; i++)
		err = fn(arg, v[i]);
	free(v);
	return err;
}
