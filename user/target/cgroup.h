/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.h - finding a control group by path or name, and saying it in the
 * kernel's terms.  Mounts are read from /proc/self/mountinfo (proc(5)).
 */
#ifndef WT_CGROUP_H
#define WT_CGROUP_H

#include <stdbool.h>
#include <stdio.h>
#include <limits.h>
#include <linux/types.h>

struct cgroup {
	bool v2;
	char controller[32];	/* v1: one of the hierarchy's controllers, as in /proc/cgroups */
	__u64 id;		/* of its kernfs node: the directory's inode number */
	int level;		/* depth below the hierarchy's root, which is 0 */
	char path[PATH_MAX];	/* where it was found */
};

/* One mounted hierarchy. */
struct cgroup_mount {
	bool v2;
	char controllers[128];	/* v1: separated by commas; "" for a named hierarchy without any */
	char name[64];		/* v1: of a named hierarchy, or "" */
	char *root;		/* the group that is mounted: "/" outside containers; owned */
	char *point;		/* where; owned */
};

struct cgroup_mounts {
	struct cgroup_mount *v;
	unsigned n;
};

/* Reads text in the format of mountinfo; other file systems are left out.  0 or -ENOMEM. */
int cgroup_mounts__read(struct cgroup_mounts *m, FILE *mountinfo);
void cgroup_mounts__free(struct cgroup_mounts *m);

/*
 * what: a path below a cgroup mount; or a name, looked up in the v2 tree and
 * then in each v1 hierarchy (cpu first), each time also below system.slice; or
 * a path as /proc/PID/cgroup shows it.  0 or a negative errno or WT_ESAID, printed.
 */
int cgroup__resolve(struct cgroup *out, const char *what);
/* The same with given mounts; what it says of level and id is only as true as they are. */
int cgroup__resolve_in(struct cgroup *out, const char *what, const struct cgroup_mounts *m);
/* Is there a process in it or below it?  false as well when it is gone. */
bool cgroup__populated(const struct cgroup *c);

#endif /* WT_CGROUP_H */
