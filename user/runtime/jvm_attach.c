/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm_attach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "symbols/procmaps.h"
#include "symbols/regular.h"
#include "util/clock.h"

#define LOOK_MS 20		/* between two looks for the socket */
#define SLACK_NS NSEC_PER_SEC	/* clocks of files and of processes differ by a tick */
#define ANSWER_MAX 4096		/* what it says beyond is not read */

/* What /proc says of the process, all of it read while pidfd's process lived. */
struct vm {
	int pidfd, tmp_fd;
	uid_t euid;
	gid_t egid;
	__u32 ns_tgid;
	__u64 start_ns;
	bool catches_quit, disabled;
};

static int failed(int err, char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s", what);
	return err;
}

static bool lives(const struct vm *v)
{
	struct pollfd p = { .fd = v->pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static void read_status(struct vm *v, __u32 tgid)
{
	char path[64], line[512];
	unsigned long long caught;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/status", tgid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "Uid:", 4))
			sscanf(line, "Uid: %*u %u", &v->euid);
		else if (!strncmp(line, "Gid:", 4))
			sscanf(line, "Gid: %*u %u", &v->egid);
		else if (!strncmp(line, "NSpid:", 6) && last)
			v->ns_tgid = strtoul(last, NULL, 10);
		else if (sscanf(line, "SigCgt: %llx", &caught) == 1)
			v->catches_quit = caught >> (SIGQUIT - 1) & 1;
	}
	if (f)
		fclose(f);
}

/* With this flag a SIGQUIT would have it print its threads' stacks instead. */
static bool is_disabled(__u32 tgid)
{
	static const char flag[] = "-XX:+DisableAttachMechanism";
	char path[64], *word = NULL;
	bool found = false;
	size_t room = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/cmdline", tgid);
	f = fopen(path, "re");
	while (f && !found && getdelim(&word, &room, 0, f) > 0)
		found = !strcmp(word, flag);
	free(word);
	if (f)
		fclose(f);
	return found;
}

static int open_tmp(__u32 tgid)
{
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int root = regular__root_of(tgid), fd;

	fd = root < 0 ? -1 : syscall(SYS_openat2, root, "tmp", &how, sizeof(how));
	if (root >= 0)
		close(root);
	return fd;
}

/* Is it still the VM that was seen: started before, its library where it was? */
static bool is_same(const struct jvm_attach *a, __u64 start_ns)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/%u/map_files/%llx-%llx", a->tgid, a->start, a->end);
	return start_ns <= a->seen_ns + SLACK_NS && !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int open_vm(const struct jvm_attach *a, struct vm *v, char *why, size_t size)
{
	__s64 start_ns = 0;
	bool same;

	v->pidfd = syscall(SYS_pidfd_open, a->tgid, 0);
	if (v->pidfd < 0 || procmaps__start(a->tgid, &start_ns))
		return failed(-ESRCH, why, size, "it has ended");
	v->start_ns = start_ns > 0 ? start_ns : 0;
	v->ns_tgid = a->tgid;
	read_status(v, a->tgid);
	v->disabled = is_disabled(a->tgid);
	v->tmp_fd = open_tmp(a->tgid);
	same = is_same(a, v->start_ns);
	if (!lives(v) || !same)
		return failed(-ESRCH, why, size, "it has ended, or is another program by now");
	if (v->tmp_fd < 0)
		return failed(-ENOENT, why, size, "it has no directory /tmp");
	return 0;
}

static bool is_theirs(const struct vm *v, const struct stat *st)
{
	return st->st_uid == v->euid || !st->st_uid;
}

/* The VM would write over what is there, whatever a link leads to: so look before. */
static int check_map(const struct vm *v, const struct jvm_map_file *ours, const char *name, char *why,
		     size_t size)
{
	__s64 to_real = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC), mtime_ns;
	struct stat st;

	if (fstatat(v->tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT ? 0 : failed(-errno, why, size, "its /tmp cannot be looked at");
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || !is_theirs(v, &st))
		return failed(-EPERM, why, size, "a file of that name is there that is not its own");
	if (ours->tmp_fd >= 0 && ours->dev == st.st_dev && ours->ino == st.st_ino)
		return 0;
	mtime_ns = st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec;
	return mtime_ns >= (__s64)v->start_ns + to_real ? -EEXIST : 0;
}

static int wait_for(const struct jvm_attach *a, struct pollfd *p, __u64 until_ns)
{
	struct pollfd both[2] = { { .fd = a->cancel_fd, .events = POLLIN } };
	__u64 now = now_ns();
	int ms = now < until_ns ? (until_ns - now) / NSEC_PER_MSEC + 1 : 0;

	both[1] = p ? *p : (struct pollfd){ .fd = -1 };
	if (!p && ms > LOOK_MS)
		ms = LOOK_MS;
	if (poll(both, 2, ms) < 0 && errno != EINTR)
		return -errno;
	if (both[0].revents)
		return -ECANCELED;
	if (p)
		p->revents = both[1].revents;
	return now_ns() >= until_ns && !both[1].revents ? -ETIMEDOUT : 0;
}

static bool has_socket(const struct vm *v, const char *name)
{
	struct stat st;

	return !fstatat(v->tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISSOCK(st.st_mode);
}

/* The file by which a VM tells this SIGQUIT from one that wants its threads' stacks. */
static int put_trigger(const struct vm *v, const char *name, bool *made, char *why, size_t size)
{
	struct stat st;
	int fd = openat(v->tmp_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	*made = fd >= 0;
	if (*made) {
		/* the namespace's root is not ours: it must be the VM's own user, as for jcmd */
		if (fchown(fd, v->euid, v->egid) && v->euid) {
			close(fd);
			return failed(-EPERM, why, size, "its trigger file cannot be given to its user");
		}
		close(fd);
		return 0;
	}
	if (errno != EEXIST)
		return failed(-errno, why, size, "no file can be made in its /tmp");
	if (fstatat(v->tmp_fd, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
	    !is_theirs(v, &st))
		return failed(-EPERM, why, size, "its trigger file is there and is not its own");
	return 0;
}

/* Has the VM open its socket, unless it has. */
static int make_listen(const struct jvm_attach *a, const struct vm *v, const char *socket_name, char *why,
		       size_t size)
{
	__u64 until_ns = now_ns() + a->listen_ms * NSEC_PER_MSEC;
	char trigger[32];
	bool made = false;
	int err;

	if (has_socket(v, socket_name))
		return 0;
	if (v->disabled || !v->catches_quit)
		return failed(-EPERM, why, size, v->disabled ?
			      "it was started with -XX:+DisableAttachMechanism" :
			      "it does not catch SIGQUIT (-Xrs, or not set up yet)");
	snprintf(trigger, sizeof(trigger), ".attach_pid%u", v->ns_tgid);
	err = put_trigger(v, trigger, &made, why, size);
	if (!err && syscall(SYS_pidfd_send_signal, v->pidfd, SIGQUIT, NULL, 0))
		err = failed(-errno, why, size, "it cannot be signalled");
	while (!err && !has_socket(v, socket_name)) {
		err = lives(v) ? wait_for(a, NULL, until_ns) : -ESRCH;
		if (err == -ESRCH)
			failed(err, why, size, "it has ended");
		else if (err == -ETIMEDOUT)
			failed(err, why, size, "it did not open its socket in time");
	}
	if (made)
		unlinkat(v->tmp_fd, trigger, 0);
	return err;
}

/* The VM looks at who connects: its user, or root of its own namespace. */
static int connect_as(const struct vm *v, int fd, const struct sockaddr_un *to)
{
	bool change = geteuid() == 0 && (v->euid || v->egid);
	int err;

	/* by system call, for this thread alone */
	if (change && (syscall(SYS_setresgid, -1, v->egid, -1) || syscall(SYS_setresuid, -1, v->euid, -1))) {
		err = -errno;
		syscall(SYS_setresgid, -1, 0, -1);
		return err;
	}
	err = connect(fd, (const struct sockaddr *)to, sizeof(*to)) ? -errno : 0;
	if (change && (syscall(SYS_setresuid, -1, 0, -1) || syscall(SYS_setresgid, -1, 0, -1)))
		return -errno;
	return err;
}

/* A descriptor, or a negative errno. */
static int open_socket(const struct jvm_attach *a, const struct vm *v, const char *name, char *why,
		       size_t size)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int at = openat(v->tmp_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd, err;
	__u64 until_ns = now_ns() + a->answer_ms * NSEC_PER_MSEC;
	struct stat st;

	if (at < 0 || fstat(at, &st) || !S_ISSOCK(st.st_mode) || !is_theirs(v, &st)) {
		if (at >= 0)
			close(at);
		return failed(-EPERM, why, size, "its socket is not its own");
	}
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", at);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	err = fd < 0 ? -errno : connect_as(v, fd, &to);
	/* its queue of those who wait is full */
	while (err == -EAGAIN && !wait_for(a, NULL, until_ns))
		err = connect_as(v, fd, &to);
	close(at);
	if (err && fd >= 0)
		close(fd);
	return err ? failed(err, why, size, "its socket cannot be connected to") : fd;
}

/* The answer up to its end, or as much as there is room for. */
static ssize_t read_answer(const struct jvm_attach *a, int fd, char *buf, size_t size)
{
	__u64 until_ns = now_ns() + a->answer_ms * NSEC_PER_MSEC;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;
	ssize_t got;
	int err;

	while (n < size) {
		err = wait_for(a, &p, until_ns);
		if (err)
			return err;
		got = read(fd, buf + n, size - n);
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (!got)
			break;
		n += got > 0 ? got : 0;
	}
	return n;
}

/* "0\n", or another number and what went wrong in the next line. */
static int judge(char *answer, ssize_t n, char *why, size_t size)
{
	char *text, *end;

	if (n == -ETIMEDOUT)
		return failed(n, why, size, "it did not answer in time");
	if (n <= 0)
		return n == -ECANCELED ? (int)n : failed(-EPROTO, why, size, "it closed its socket unasked");
	answer[n < ANSWER_MAX ? n : ANSWER_MAX - 1] = 0;
	if (!strtol(answer, &end, 10) && end != answer && (*end == '\n' || !*end))
		return 0;
	if (end == answer || *end != '\n')
		return failed(-EPROTO, why, size, "its answer makes no sense");
	text = end + 1;
	text[strcspn(text, "\n")] = 0;
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 32 || (unsigned char)*p > 126)
			*p = '?';
	snprintf(why, size, "it says \"%.100s\"", text);
	return -EOPNOTSUPP;
}

static int ask(const struct jvm_attach *a, const struct vm *v, char *why, size_t size)
{
	/* version, command, its three arguments */
	static const char request[] = "1\0jcmd\0Compiler.perfmap\0\0";
	char name[32], answer[ANSWER_MAX];
	ssize_t n;
	int fd, err;

	snprintf(name, sizeof(name), ".java_pid%u", v->ns_tgid);
	err = make_listen(a, v, name, why, size);
	if (err)
		return err;
	fd = open_socket(a, v, name, why, size);
	if (fd < 0)
		return fd;
	/* so little always fits; no signal where the other end is closed */
	if (send(fd, request, sizeof(request), MSG_NOSIGNAL) != (ssize_t)sizeof(request))
		err = failed(-EPIPE, why, size, "it closed its socket unasked");
	if (!err) {
		n = read_answer(a, fd, answer, sizeof(answer));
		err = judge(answer, n, why, size);
	}
	close(fd);
	return err;
}

int jvm_attach__perfmap(const struct jvm_attach *a, struct jvm_map_file *out, char *why, size_t size)
{
	struct vm v = { .pidfd = -1, .tmp_fd = -1 };
	struct jvm_map_file f = { .tmp_fd = -1 };
	struct stat st;
	int err;

	err = open_vm(a, &v, why, size);
	if (!err) {
		snprintf(f.name, sizeof(f.name), "perf-%u.map", v.ns_tgid);
		err = check_map(&v, out, f.name, why, size);
	}
	if (!err)
		err = ask(a, &v, why, size);
	if (!err && (fstatat(v.tmp_fd, f.name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode) ||
		     !is_theirs(&v, &st)))
		err = failed(-ENOENT, why, size, "it said that it wrote one, but there is none");
	if (!err) {
		if (out->tmp_fd >= 0)
			close(out->tmp_fd);
		f.dev = st.st_dev;
		f.ino = st.st_ino;
		f.tmp_fd = v.tmp_fd;
		v.tmp_fd = -1;
		*out = f;
	}
	if (v.tmp_fd >= 0)
		close(v.tmp_fd);
	if (v.pidfd >= 0)
		close(v.pidfd);
	return err;
}

int jvm_attach__remove(struct jvm_map_file *f)
{
	struct stat st;
	int err = 0;

	if (f->tmp_fd < 0)
		return -ENOENT;
	if (fstatat(f->tmp_fd, f->name, &st, AT_SYMLINK_NOFOLLOW) || st.st_dev != f->dev ||
	    st.st_ino != f->ino)
		err = -ENOENT;
	else if (unlinkat(f->tmp_fd, f->name, 0))
		err = -errno;
	close(f->tmp_fd);
	f->tmp_fd = -1;
	return err;
}
