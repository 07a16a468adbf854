// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/ruleset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (WT_MAX_RULES * 2)
_Static_assert(WT_MAX_RULES < 65536 && !(WT_MAX_RULES & (WT_MAX_RULES - 1)), "slots are 16 bits wide");

static __u32 hash(const struct wt_rule *r)
{
	__u64 h = (__u64)(__u32)r->cfa_off << 32 | ((__u32)r->fp_off ^ (__u32)r->bx_off << 16);

	h ^= (__u64)(r->cfa | r->fp << 8 | r->ra << 16 | (__u32)r->cfa_add << 24) * 0xff51afd7ed558ccdULL;
	h *= 0x9e3779b97f4a7c15ULL;
	return h >> 40;
}

int ruleset__init(struct ruleset *s, struct wt_rule *rules)
{
	static const struct wt_rule none = { .cfa = WT_CFA_NONE };

	memset(s, 0, sizeof(*s));
	s->rules = rules;
	s->max = WT_MAX_RULES;
	s->slot = calloc(SLOTS, sizeof(*s->slot));
	if (!s->slot)
		return -ENOMEM;
	return ruleset__number(s, &none);
}

void ruleset__clear(struct ruleset *s)
{
	free(s->slot);
	memset(s, 0, sizeof(*s));
}

int ruleset__number(struct ruleset *s, const struct wt_rule *r)
{
	__u16 *slot;

	for (__u32 i = hash(r);; i++) {
		slot = &s->slot[i & (SLOTS - 1)];
		if (!*slot)
			break;
		if (!memcmp(&s->rules[*slot - 1], r, sizeof(*r)))
			return *slot - 1;
	}
	if (s->n == s->max)
		return -ENOSPC;
	s->rules[s->n++] = *r;
	*slot = s->n;
	return s->n - 1;
}
