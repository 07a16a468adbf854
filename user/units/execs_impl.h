/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs_impl.h - what the files of execs.h share. */
#ifndef WT_EXECS_IMPL_H
#define WT_EXECS_IMPL_H

#include "units/execs.h"
#include "units/units.h"
#include "util/u64map.h"

struct exec_io {
	__u64 read_bytes, write_bytes, rchar, wchar;
};

struct exec_entry {
	struct wt_exec x;
	enum exec_kind kind;
	bool ignored;			/* its name is another one that begins alike */
	char *name, *command, *input, *output;
	char *parent_unit;		/* label of the unit it was run for; NULL: none is known */
	struct unit_request *asked;	/* of disks, by the disk and the operation */
	unsigned n_asked;
	struct wt_stages *stages;	/* NULL: no probe has seen it */
	bool by_stack;			/* no probe has seen it: by what its stacks say */
	__u64 stack_ns[WT_STAGES];	/* … of its CPU time as of the last settle; [0]: of the dynamic loader */
	__u64 probed_ns;		/* since when its libraries have probes; 0: not known */
	bool told;			/* it is a unit of the units' */
	unsigned calls_ended;		/* of execs__tell() since its end */
	/* of its threads that live, at the last look; only while it runs */
	bool sampled;
	struct exec_io io;
	__u64 rss_pages;
	bool has_progress;		/* of an ffmpeg: */
	double progress;		/* 0 to 1, by the bytes of its inputs … */
	__u64 progress_ns;		/* … when */
};

struct execs {
	struct ledger *ledger;
	char *names;
	struct exec_entry **all;
	unsigned n, size, max, n_ignored, first_unprobed;
	struct u64map by_image;		/* → index in all; ~0: dropped */
	__u64 dropped;
};

/* The name of --unit-exec that this file's is (a copy), or NULL; cut: file may be cut to 15 bytes. */
char *execs__match(const struct execs *e, const char *file, bool cut);
/* args: n bytes, words that end with a zero byte.  0 or -ENOMEM. */
int execs__set_args(struct exec_entry *t, const char *args, size_t n);

/* What is known of it, as of the ledger's last look at its programs. */
void execs__view(const struct execs *e, const struct exec_entry *t, struct exec_unit *u);

#endif /* WT_EXECS_IMPL_H */
