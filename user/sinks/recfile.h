/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recfile.h - directories and files of a recording: made, checked, removed. */
#ifndef WT_RECFILE_H
#define WT_RECFILE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* A file being written that remembers its first error. */
struct recfile {
	FILE *f;
	int fd;
	int err;	/* negative errno of the first write that failed, 0: none */
};

/* Makes NAME in dirfd, mode 0600, owned by uid:gid (−1: as it is).  0 or -errno. */
int recfile__open(struct recfile *rf, int dirfd, const char *name, uid_t uid, gid_t gid);
/* Flushes, syncs and closes; err is the writer's own verdict.  The first error. */
int recfile__close(struct recfile *rf, int err);

/* Removes a directory and what is in it, following no links.  0 or -errno. */
int remove_tree(int parent, const char *name);
/* Whether name in parent is a directory with a summary.json, or an empty one. */
bool is_recording(int parent, const char *name);
/* USER, USER:GROUP, USER:, :GROUP, by name or number.  0 or a printed error. */
int parse_owner(const char *owner, uid_t *uid, gid_t *gid);

#endif /* WT_RECFILE_H */
