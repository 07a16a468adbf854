/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python_codes.h - the code objects that the kernel side has numbered: what they
 * are called and where their lines are.
 *
 * Numbers grow and never come again, so what is kept must be bounded: two
 * generations, the older of which is dropped when the newer is full.  Processes
 * that run the same files (forked workers) share what they have in common.
 */
#ifndef WT_PYTHON_CODES_H
#define WT_PYTHON_CODES_H

#include "runtime/python.h"
#include "util/u64map.h"

/* Of one generation. */
#define PY_MAX_CONTENTS 32768
#define PY_MAX_BYTES (8U << 20)
#define PY_MAX_NUMBERS (128U << 10)

struct python_content {
	__u64 hash;		/* of all that follows */
	char *name;		/* UTF-8, one allocation for all: name, file, table */
	const char *file;	/* its last part */
	const __u8 *table;
	__u32 table_len;
	__u32 firstlineno;
	__u8 minor;
	__u8 cut;		/* the table is not all there */
};

struct python_generation {
	struct u64map by_number, by_hash;	/* → index in content */
	struct python_content *content;
	__u32 n, cap;
	size_t bytes;
};

struct python_codes {
	struct python_generation gen[2];	/* the newer first */
	__u64 received, flushes;
};

void python_codes__clear(struct python_codes *c);
/*
 * 0, or -ENOMEM; *flushed is set when an old generation went: what the kernel side
 * knows as sent must be sent again.
 */
int python_codes__add(struct python_codes *c, const struct wt_ev_pycode *e, size_t size,
		      bool *flushed);
/* NULL when that number is not known. */
const struct python_content *python_codes__find(const struct python_codes *c, __u64 number);

#endif /* WT_PYTHON_CODES_H */
