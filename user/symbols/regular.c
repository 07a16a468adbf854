/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/regular.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

/* It is looked at before it is opened for reading. */
static int open_flags(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | flags,
		.resolve = root >= 0 ? RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS : 0,
	};
	int fd = syscall(SYS_openat2, root >= 0 ? root : AT_FDCWD, path, &how, sizeof(how)), ret;
	char self[64];
	struct stat st;

	if (fd < 0)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	ret = !fstat(fd, &st) && S_ISREG(st.st_mode) ? open(self, READ_FLAGS) : -1;
	close(fd);
	return ret;
}

int regular__open(int root, const char *path)
{
	return open_flags(root, path, 0);
}

int regular__open_nofollow(int root, const char *path)
{
	return open_flags(root, path, O_NOFOLLOW);
}

int regular__root_of(__u32 tgid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root", tgid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

bool regular__is_our_root(int root)
{
	struct stat theirs, ours;

	return !fstat(root, &theirs) && !stat("/", &ours) && theirs.st_dev == ours.st_dev &&
	       theirs.st_ino == ours.st_ino;
}
