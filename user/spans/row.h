/* SPDX-License-Identifier: GPL-2.0-or-later */
/* row.h - what a recording says of one --span, for those who write it down. */
#ifndef WT_SPAN_ROW_H
#define WT_SPAN_ROW_H

#include <linux/types.h>
#include <stdbool.h>

#include "worktrace.h"

/* How the end of a span is seen. */
enum span_method {
	SPAN_BY_EXITS = 0,	/* probes at a function's ret instructions: nothing of the program is changed */
	SPAN_BY_RETURN = 1,	/* the kernel's return probe, which replaces the return address */
	SPAN_BY_POINTS = 2,	/* BEGIN,END and USDT: two places */
	SPAN_BY_NAME = 3,	/* the names of threads */
};

struct span_row {
	const char *name, *what;	/* what: function or first point, as people read it; NULL: nothing */
	enum span_method method;
	__u64 count;			/* closed */
	__u64 recursive;		/* calls inside of another one of the same thread, which are no spans */
	__u64 abandoned;		/* of count: left by longjmp or an exception, or with their thread */
	__u64 unmatched;		/* ends without a beginning */
	__u64 open;			/* they lasted when the recording ended; not in count */
	__u64 total_ns, max_ns, p50_ns, p95_ns, p99_ns;
	__u64 st_ns[WT_STATES];		/* they sum to total_ns */
	__u64 hits;			/* of the probes, by any process */
	unsigned probes, files;		/* files: that have them */
	bool rate_limited;
};

#endif /* WT_SPAN_ROW_H */
