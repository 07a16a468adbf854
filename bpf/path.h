/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path.h - names of files, sent once.  Part of worktrace.h, which see. */
#ifndef WT_PATH_H
#define WT_PATH_H

#define WT_PATH_PARTS 8
#define WT_PATH_PART 48
/* The id of every file beyond the number that is kept. */
#define WT_PATH_OTHER 1ULL

#define WT_PATH_DELETED 1		/* it has no name any more; the one it had is given */
#define WT_PATH_CUT 2			/* there are more directories above */
#define WT_PATH_ARGUMENT 4		/* as the program wrote it, in one piece: part[0] on */

/* Which argument of a system call leads to the file, or to where it sends: cfg_path_arg */
enum wt_path_arg {
	WT_PATH_NONE = 0,
	WT_PATH_ARG0 = 1,		/* the path is argument 0 */
	WT_PATH_ARG1 = 2,
	WT_PATH_FD0 = 3,		/* argument 0 is a descriptor */
	WT_PATH_SENDTO = 4,		/* argument 4 is the address */
	WT_PATH_SENDMSG = 5,		/* argument 1 is a structure that begins with the address's */
};

struct wt_ev_path {
	struct wt_event h;
	__u64 id;
	__u8 flags;			/* WT_PATH_* */
	__u8 n;				/* parts, innermost first */
	__u8 zero[6];
	char part[WT_PATH_PARTS][WT_PATH_PART];
};
_Static_assert(sizeof(struct wt_ev_path) == 32 + WT_PATH_PARTS * WT_PATH_PART, "wt_ev_path is on the wire");

#endif /* WT_PATH_H */
