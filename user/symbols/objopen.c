/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * objopen.c - opens the file behind a mapping of a process that may be gone in a
 * moment, that may be deleted, and whose paths may mean something else here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "symbols/objects.h"
#include "symbols/procmaps.h"
#include "symbols/regular.h"
#include "symbols/symbols.h"

#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif

#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/*
 * Device and inode as maps and perf give them.  Over overlayfs and btrfs the
 * device that stat(2) gives is another one, so there the inode has to do.
 */
static bool same_inode(int fd, const struct stat *st, const struct symbols_mmap *m)
{
	struct statfs fs;

	if (st->st_ino != m->ino)
		return false;
	if (major(st->st_dev) == m->maj && minor(st->st_dev) == m->min)
		return true;
	return !fstatfs(fd, &fs) && (fs.f_type == OVERLAYFS_SUPER_MAGIC ||
				     (__u32)fs.f_type == BTRFS_SUPER_MAGIC);
}

/* Is it what was mapped?  Closes it when it is not. */
static int verified(int fd, const struct symbols_mmap *m, __u8 id[BUILD_ID_MAX], unsigned *id_len,
		    bool *elf)
{
	const struct elfimg img = { .fd = fd };
	struct stat st;
	bool ok;

	*id_len = 0;
	ok = fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode);
	if (ok && !m->build_id_len && m->ino)
		ok = same_inode(fd, &st, m);
	if (ok) {
		*elf = elfimg__is_elf(&img);
		*id_len = *elf ? elfimg__file_build_id(fd, id) : 0;
	}
	if (ok && m->build_id_len)
		ok = *id_len == m->build_id_len && !memcmp(id, m->build_id, *id_len);
	if (ok)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_map_file(__u32 tgid, __u64 start, __u64 end)
{
	char buf[96];

	snprintf(buf, sizeof(buf), "/proc/%u/map_files/%llx-%llx", tgid, start, end);
	return open(buf, READ_FLAGS);
}

struct vma {
	__u64 addr, start, end;
};

static void find_vma(void *ctx, const struct symbols_mmap *m)
{
	struct vma *v = ctx;

	if (v->addr < m->start || v->addr - m->start >= m->len)
		return;
	v->start = m->start;
	v->end = m->start + m->len;
}

/*
 * The file itself, whatever its name is by now and in whatever namespace.  A
 * loader first maps all of a file with its first segment's rights and cuts that
 * down afterwards: where that segment is executable, the mapping that was
 * announced is longer than the one that is there.
 */
static int open_mapped(const struct symbols_mmap *m)
{
	struct vma v = { .addr = m->start };
	int fd = open_map_file(m->tgid, m->start, m->start + m->len);

	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (procmaps__each(m->tgid, find_vma, &v) || !v.end) {
		errno = ENOENT;
		return -1;
	}
	return open_map_file(m->tgid, v.start, v.end);
}

int objopen(const struct symbols_mmap *m, __u8 id[BUILD_ID_MAX], unsigned *id_len, bool *elf)
{
	char buf[PATH_MAX], *deleted;
	int fd, root;

	fd = verified(open_mapped(m), m, id, id_len, elf);
	/* without an identity to verify, a path alone would be a guess */
	if (fd >= 0 || !m->path || m->path[0] != '/' || (!m->build_id_len && !m->ino))
		return fd;

	root = regular__root_of(m->tgid);
	snprintf(buf, sizeof(buf), "%s", m->path);
	deleted = strstr(buf, " (deleted)");
	if (deleted && !deleted[10])
		*deleted = '\0';
	if (root >= 0) {
		fd = verified(regular__open(root, buf), m, id, id_len, elf);
		close(root);
	}
	return fd >= 0 ? fd : verified(regular__open(-1, buf), m, id, id_len, elf);
}
