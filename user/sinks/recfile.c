/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/recfile.h"
#include "util/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * stdio forgets why an earlier write failed, and then says so with whatever
 * errno is left: here the first error is kept.
 */
static ssize_t cookie_write(void *cookie, const char *buf, size_t n)
{
	struct recfile *rf = cookie;
	size_t done = 0;

	while (done < n) {
		ssize_t w = write(rf->fd, buf + done, n - done);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			if (!rf->err)
				rf->err = w < 0 ? -errno : -EIO;
			/* what fopencookie(3) wants for an error */
			return 0;
		}
		done += w;
	}
	return n;
}

int recfile__open(struct recfile *rf, int dirfd, const char *name, uid_t uid, gid_t gid)
{
	static const cookie_io_functions_t io = { .write = cookie_write };
	int err;

	rf->err = 0;
	rf->f = NULL;
	rf->fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (rf->fd < 0)
		return -errno;
	/* the mode last: a change of owner may clear bits, and the umask is not ours */
	if (((uid != (uid_t)-1 || gid != (gid_t)-1) && fchown(rf->fd, uid, gid)) ||
	    fchmod(rf->fd, 0600)) {
		err = -errno;
		goto fail;
	}
	rf->f = fopencookie(rf, "w", io);
	if (rf->f)
		return 0;
	err = -ENOMEM;
fail:
	close(rf->fd);
	rf->fd = -1;
	return err;
}

int recfile__close(struct recfile *rf, int err)
{
	if (fclose(rf->f) && !err)
		err = rf->err ? rf->err : -errno;
	if (rf->err)
		err = rf->err;
	if (!err && fsync(rf->fd))
		err = -errno;
	if (close(rf->fd) && !err)
		err = -errno;
	rf->f = NULL;
	rf->fd = -1;
	return err;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

static DIR *open_dir(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d;

	if (fd < 0)
		return NULL;
	d = fdopendir(fd);
	if (!d)
		close(fd);
	return d;
}

int remove_tree(int parent, const char *name)
{
	struct dirent *e;
	int err = 0;
	DIR *d;

	/* an empty one needs no reading, which can fail */
	if (!unlinkat(parent, name, AT_REMOVEDIR))
		return 0;
	d = open_dir(parent, name);
	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		if (is_dots(e->d_name) || !unlinkat(dirfd(d), e->d_name, 0))
			continue;
		if (errno == EISDIR || errno == EPERM)
			err = remove_tree(dirfd(d), e->d_name);
		else
			err = -errno;
		if (err)
			break;
	}
	closedir(d);
	if (!err && unlinkat(parent, name, AT_REMOVEDIR))
		err = -errno;
	return err;
}

bool is_recording(int parent, const char *name)
{
	DIR *d = open_dir(parent, name);
	bool empty = true, found = false;
	struct dirent *e;

	if (!d)
		return false;
	while ((e = readdir(d))) {
		empty &= is_dots(e->d_name);
		found |= !strcmp(e->d_name, "summary.json");
	}
	closedir(d);
	return empty || found;
}

static int find_user(const char *name, uid_t *uid, gid_t *gid)
{
	struct passwd *pw = getpwnam(name);
	char *end;
	unsigned long n;

	if (!pw && *name >= '0' && *name <= '9') {
		errno = 0;
		n = strtoul(name, &end, 10);
		if (errno || *end || n >= (uid_t)-1)
			return wt_error(WT_EUSAGE, "--owner: there is no user \"%s\"", name);
		*uid = n;
		pw = getpwuid(n);
	} else if (!pw) {
		return wt_error(WT_EUSAGE, "--owner: there is no user \"%s\"", name);
	}
	if (pw) {
		*uid = pw->pw_uid;
		*gid = pw->pw_gid;
	}
	return 0;
}

static int find_group(const char *name, gid_t *gid)
{
	struct group *gr = getgrnam(name);
	char *end;
	unsigned long n;

	if (gr) {
		*gid = gr->gr_gid;
		return 0;
	}
	errno = 0;
	n = strtoul(name, &end, 10);
	if (errno || *end || *name < '0' || *name > '9' || n >= (gid_t)-1)
		return wt_error(WT_EUSAGE, "--owner: there is no group \"%s\"", name);
	*gid = n;
	return 0;
}

int parse_owner(const char *owner, uid_t *uid, gid_t *gid)
{
	const char *colon = owner ? strchr(owner, ':') : NULL;
	char *user;
	int err = 0;

	*uid = -1;
	*gid = -1;
	if (!owner)
		return 0;
	if (!*owner || !strcmp(owner, ":"))
		return wt_error(WT_EUSAGE, "--owner wants USER, USER:GROUP or :GROUP, not \"%s\"", owner);
	user = strndup(owner, colon ? (size_t)(colon - owner) : strlen(owner));
	if (!user)
		return wt_error(-ENOMEM, "cannot read --owner");
	if (*user)
		err = find_user(user, uid, gid);
	free(user);
	if (!err && colon && colon[1])
		err = find_group(colon + 1, gid);
	return err;
}
