/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * span.h - part of worktrace.h: spans, from where a function is entered to where
 * it returns, or from one place to another, of one thread.
 */
#ifndef WT_SPAN_H
#define WT_SPAN_H

#define WT_MAX_SPANS 64		/* numbers 1 … 64; 0 stands for the names of threads */
#define WT_SPAN_DEPTH 8		/* spans that a thread may have open at a time */

/*
 * What it means that a place was reached: bits 16-23 of the cookie of its probe;
 * bits 0-15 are the number of the span.
 */
enum wt_span_at {
	WT_SPAN_ENTRY = 1,	/* a function is entered: the return address lies at sp */
	WT_SPAN_RET = 2,	/* it is about to leave, its return address at sp again */
	WT_SPAN_RETURN = 3,	/* it has returned, by way of the kernel's return probe */
	WT_SPAN_BEGIN = 4,	/* … from here */
	WT_SPAN_END = 5,	/* … to here, wherever the stack is */
	WT_SPAN_LAP = 6,	/* one ends, the next one begins */
	WT_SPAN_FOLLOW = 7,	/* like RET, in a function that this one may end with a jump to */
};
#define WT_SPAN_HIJACKED (1 << 24)	/* with ENTRY: the kernel puts another address in place of the return address */
#define WT_SPAN_COOKIE(span, at) ((__u64)(span) | (__u64)(at) << 16)

#define WT_SPAN_F_ABANDONED 1	/* left by longjmp or an exception: noticed at end_ns */
#define WT_SPAN_F_EXIT 2	/* its thread ended inside */
#define WT_SPAN_F_EXEC 4	/* … called exec inside */
#define WT_SPAN_F_OPEN 8	/* it lasted when the recording ended */
#define WT_SPAN_F_RECURSED 16	/* the function was entered again inside */
#define WT_SPAN_F_NAME 32	/* a thread had this name that long; span is 0 */

/* A span is over.  The states sum to end_ns - start_ns. */
struct wt_ev_span {
	struct wt_event h;
	__u64 start_ns, end_ns;
	__u64 st_ns[WT_STATES];
	__u64 job, cgroup;		/* see wt_thread_rec, as all of these */
	__u32 serial, epoch;		/* epoch: when it began */
	__u32 tid, tgid;
	__u16 span;
	__u8 flags;			/* WT_SPAN_F_* */
	__u8 zero[5];
	char name[WT_COMM_LEN];		/* with WT_SPAN_F_NAME */
};
_Static_assert(sizeof(struct wt_ev_span) == 192, "wt_ev_span is on the wire");

/* What is known of a span without its events, per CPU; nothing but counters and max_ns. */
struct wt_span_total {
	__u64 max_ns;
	__u64 hits;			/* of its probes, by any process */
	__u64 count;			/* closed, however */
	__u64 recursive;		/* entries while it was open in that thread */
	__u64 abandoned;		/* of count: WT_SPAN_F_ABANDONED, _EXIT or _EXEC */
	__u64 unmatched;		/* ends without a beginning */
	__u64 deep;			/* entries beyond WT_SPAN_DEPTH, or without memory */
	__u64 total_ns;			/* of count */
	__u64 st_ns[WT_STATES];
	__u64 bucket[WT_BUCKETS];
};
_Static_assert(sizeof(struct wt_span_total) == 8 * (8 + WT_STATES + WT_BUCKETS),
	       "wt_span_total is on the wire");

#endif /* WT_SPAN_H */
