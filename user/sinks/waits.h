/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waits.h - waits summed by what they waited for, with percentiles: the rows of
 * waits.csv and the top of the terminal's table.
 */
#ifndef WT_WAITS_H
#define WT_WAITS_H

#include "sinks/recording.h"
#include "sinks/rowmap.h"

struct wait_row {
	struct rowkey key;
	char reason[192];
	/* by name: the file that most of it was for, and how many there were */
	const char *file;		/* the ledger's; "": none */
	unsigned files;
	__u64 file_ns;
	char comm[WT_COMM_LEN + 8];	/* the process's name */
	__u64 object;			/* a reason of those that read so: ledger__reason() */
	__u8 state;
	bool told;			/* ledger__is_told(); by process they are in one row with other futexes */
	__u32 tgid;			/* 0: threads folded by name, or all of that name */
	unsigned job;			/* by job: struct job's index */
	__u64 count, total_ns, p50_ns, p95_ns, p99_ns, max_ns;
};

struct waits {
	struct rowmap map;
	struct wait_row **rows;		/* by total, largest first */
	unsigned n;
};

enum waits_by {
	WAITS_BY_NAME,		/* processes of one name, all kernel threads and worktrace's own are one each */
	WAITS_BY_PROCESS,
	WAITS_BY_JOB,		/* comm is empty */
};

/* Every state but cpu.  0 or -ENOMEM; waits__free() in both cases. */
int waits__collect(struct waits *w, const struct recording *r, enum waits_by by);
/*
 * What a job waited for most, of a collection by job, leaving out what is no work, children
 * and what its own threads were to tell: their time is the job's, too.  NULL: nothing.
 */
const struct wait_row *waits__top(const struct waits *w, unsigned job);
/*
 * A row's object in words, with its state and with who is known to be behind it:
 * "net postgres 127.0.0.1:5432", "child: make".  net: what is known of the peer of a
 * socket; returns whether anything is.
 */
bool waits__text(const struct recording *r, const struct wait_row *row, char *buf, size_t sz,
		 struct peer *net);
/* The process's name, or one for all kernel threads, or for worktrace's own. */
const char *waits__who(const struct ledger_thread *t);
void waits__free(struct waits *w);

#endif /* WT_WAITS_H */
