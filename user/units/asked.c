/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/asked.h"

#include <errno.h>

#include "util/errors.h"

#define MAX_ITEMS 50000

void asked__init(struct asked *a)
{
	*a = (struct asked){};
	pool__init(&a->items, sizeof(struct asked_item));
}

void asked__destroy(struct asked *a)
{
	pool__destroy(&a->items);
	u64map__free(&a->by_key);
}

static __u64 key_of(const struct asked_item *x)
{
	return u64_mix(u64_mix((__u64)x->epoch << 32 | x->thread) ^ ((__u64)x->dev << 8 | x->what));
}

int asked__put(struct asked *a, const struct asked_item *x)
{
	struct u64map_slot *slot = u64map__find(&a->by_key, key_of(x));
	struct asked_item *it;
	__u32 i;

	if (!slot && a->items.n >= MAX_ITEMS) {
		a->left_out += x->count;
		return 0;
	}
	if (!slot) {
		i = pool__get(&a->items);
		if (!i)
			return -ENOMEM;
		if (!u64map__put(&a->by_key, key_of(x), i)) {
			pool__put(&a->items, i);
			return -ENOMEM;
		}
		*(struct asked_item *)pool__at(&a->items, i) = *x;
		return 0;
	}
	it = pool__at(&a->items, slot->value);
	it->ns += x->ns;
	it->bytes += x->bytes;
	it->count += x->count;
	return 0;
}

/* What was told with an error is told: a part of it may have been taken. */
int asked__settle(struct asked *a, int (*tell)(void *ctx, const struct asked_item *x), void *ctx)
{
	int err = 0;

	for (__u32 i = 1; i < a->items.end; i++) {
		struct asked_item *it = pool__at(&a->items, i);
		int done = it->thread ? tell(ctx, it) : 0;

		err = first_error(err, done < 0 ? done : 0);
		if (!done)
			continue;
		u64map__delete(&a->by_key, key_of(it));
		pool__put(&a->items, i);
	}
	return err;
}
