/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ruleset.h - all rules that the kernel side knows, each distinct one once.  They
 * are few (3,200 for all objects of a ffmpeg) and never change their number.
 */
#ifndef WT_RULESET_H
#define WT_RULESET_H

#include <linux/types.h>
#include "worktrace.h"

struct ruleset {
	struct wt_rule *rules;	/* WT_MAX_RULES, shared with the kernel side */
	__u32 n, max;
	__u16 *slot;		/* number + 1; 0: free */
};

/* rules is borrowed; rule 0 becomes WT_CFA_NONE.  0 or -ENOMEM. */
int ruleset__init(struct ruleset *s, struct wt_rule *rules);
void ruleset__clear(struct ruleset *s);
/* The rule's number, or -ENOSPC. */
int ruleset__number(struct ruleset *s, const struct wt_rule *r);

#endif /* WT_RULESET_H */
