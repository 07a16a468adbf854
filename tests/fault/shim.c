// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shim.c - makes the n-th call of one kind fail; for LD_PRELOAD.
 *
 *     WT_FAULT=KIND:N[+]     N counts from 1; + : that call and all after it
 *     WT_FAULT_ARM=mkdir     count only from the first directory that is made on:
 *                            that is when a recording begins to be written
 *     WT_FAULT_LOG=FILE      created when the fault has happened
 *
 * Kinds: malloc (calloc and realloc too), open (fopen, fdopen), write, close
 * (fclose), flush, sync, mkdir, rename, and by the bpf and perf_event_open system
 * calls: prog, map, link, perf.  The error is the one that a real lack would give.
 *
 * Children of the process are left alone: the variables are taken away at once.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static char kind[16];
static long at;
static bool onwards, armed = true;
static atomic_long calls;
static char log_path[4096];
static pid_t owner;

__attribute__((constructor)) static void configure(void)
{
	const char *fault = getenv("WT_FAULT"), *log = getenv("WT_FAULT_LOG");
	const char *colon = fault ? strchr(fault, ':') : NULL;

	if (!colon || (size_t)(colon - fault) >= sizeof(kind))
		return;
	memcpy(kind, fault, colon - fault);
	at = atol(colon + 1);
	onwards = strchr(colon, '+') != NULL;
	armed = !getenv("WT_FAULT_ARM");
	if (log && strlen(log) < sizeof(log_path))
		strcpy(log_path, log);
	owner = getpid();
	unsetenv("WT_FAULT");
	unsetenv("WT_FAULT_ARM");
	unsetenv("WT_FAULT_LOG");
	unsetenv("LD_PRELOAD");
}

/* Is this call the one?  Says so in the log; allocates nothing. */
static bool strikes(const char *which)
{
	long n;
	int fd;

	if (!armed || !at || strcmp(which, kind) || getpid() != owner)
		return false;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (n != at && !(onwards && n > at))
		return false;
	if (log_path[0]) {
		/* creat() is none of the calls in here; its descriptor stays open */
		fd = creat(log_path, 0600);
		if (fd >= 0)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
		log_path[0] = 0;
	}
	return true;
}

#define REAL(name) \
	static __typeof__(name) *real; \
	if (!real) \
		real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

/* glibc's own names: dlsym() allocates, so it cannot be used to find malloc */
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t n)
{
	return strikes("malloc") ? no_memory() : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return strikes("malloc") ? no_memory() : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return strikes("malloc") ? no_memory() : __libc_realloc(p, n);
}

static mode_t mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define FAIL(which, error, value) \
	do { \
		if (strikes(which)) { \
			errno = error; \
			return value; \
		} \
	} while (0)

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list ap; \
		mode_t mode; \
		REAL(name); \
		va_start(ap, flags); \
		mode = mode_of(flags, ap); \
		va_end(ap); \
		FAIL("open", EMFILE, -1); \
		return real(path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		va_list ap; \
		mode_t mode; \
		REAL(name); \
		va_start(ap, flags); \
		mode = mode_of(flags, ap); \
		va_end(ap); \
		FAIL("open", EMFILE, -1); \
		return real(dir, path, flags, mode); \
	}
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
	FILE *name(const char *path, const char *mode) \
	{ \
		REAL(name); \
		FAIL("open", EMFILE, NULL); \
		return real(path, mode); \
	}
FOPEN(fopen)
FOPEN(fopen64)

FILE *fdopen(int fd, const char *mode)
{
	REAL(fdopen);
	FAIL("open", ENOMEM, NULL);
	return real(fd, mode);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	REAL(write);
	FAIL("write", ENOSPC, -1);
	return real(fd, buf, n);
}

/* A stream remembers that it failed: glibc's flag, as ferror() reads it. */
#define STREAM_FAILED 0x20

size_t fwrite(const void *p, size_t size, size_t n, FILE *f)
{
	REAL(fwrite);
	if (strikes("write")) {
		f->_flags |= STREAM_FAILED;
		errno = ENOSPC;
		return 0;
	}
	return real(p, size, n, f);
}

/* The descriptor is gone all the same, as with a real failure. */
int close(int fd)
{
	REAL(close);
	if (strikes("close")) {
		real(fd);
		errno = EIO;
		return -1;
	}
	return real(fd);
}

int fclose(FILE *f)
{
	REAL(fclose);
	if (strikes("close")) {
		real(f);
		errno = ENOSPC;
		return EOF;
	}
	return real(f);
}

int fflush(FILE *f)
{
	REAL(fflush);
	if (f && strikes("flush")) {
		f->_flags |= STREAM_FAILED;
		errno = ENOSPC;
		return EOF;
	}
	return real(f);
}

int fsync(int fd)
{
	REAL(fsync);
	FAIL("sync", EIO, -1);
	return real(fd);
}

int fdatasync(int fd)
{
	REAL(fdatasync);
	FAIL("sync", EIO, -1);
	return real(fd);
}

int mkdir(const char *path, mode_t mode)
{
	REAL(mkdir);
	armed = true;
	FAIL("mkdir", ENOSPC, -1);
	return real(path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	REAL(mkdirat);
	armed = true;
	FAIL("mkdir", ENOSPC, -1);
	return real(dir, path, mode);
}

char *mkdtemp(char *path)
{
	REAL(mkdtemp);
	armed = true;
	FAIL("mkdir", ENOSPC, NULL);
	return real(path);
}

int rename(const char *from, const char *to)
{
	REAL(rename);
	FAIL("rename", EIO, -1);
	return real(from, to);
}

int renameat(int fd, const char *from, int fd2, const char *to)
{
	REAL(renameat);
	FAIL("rename", EIO, -1);
	return real(fd, from, fd2, to);
}

int renameat2(int fd, const char *from, int fd2, const char *to, unsigned flags)
{
	REAL(renameat2);
	FAIL("rename", EIO, -1);
	return real(fd, from, fd2, to, flags);
}

static const char *bpf_kind(long command)
{
	switch (command) {
	case BPF_PROG_LOAD:
		return "prog";
	case BPF_MAP_CREATE:
		return "map";
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		return "link";
	}
	return "";
}

/* libbpf reaches the kernel through syscall() */
long syscall(long nr, ...)
{
	va_list ap;
	long a[6];
	REAL(syscall);

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (nr == SYS_bpf && owner)
		FAIL(bpf_kind(a[0]), a[0] == BPF_MAP_CREATE ? ENOMEM : EINVAL, -1);
	if (nr == SYS_perf_event_open && owner)
		FAIL("perf", EMFILE, -1);
	return real(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}
