/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/jit.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/jitname.h"
#include "symbols/perfmap.h"
#include "symbols/procmaps.h"
#include "symbols/regular.h"
#include "util/clock.h"

#define REFRESH_NS (250 * NSEC_PER_MSEC)
/*
 * A refresh may take one part in so many of the time until the next; more when an
 * address is not there but the file has grown: a stack is named only once.
 */
#define REFRESH_SHARE 20
#define MISSED_SHARE 4
/* Clocks of files and of processes differ by a tick; a file that is older by more is another's. */
#define AGE_SLACK_NS NSEC_PER_SEC
#define RAW_MAX 1024

struct jit_process {
	__u32 tgid;
	__u64 start_ns;			/* of its program */
	struct perfmap *map;		/* NULL: none found yet */
	__u64 looked_ns, took_ns;	/* when it was looked at last, and what that cost */
	__u64 used;
};

/* What /proc says of a process that lives; its number in its own namespace is ns_tgid. */
struct identity {
	__u32 euid, ns_tgid;
	__u64 start_ns;
	int root;
};

/* -ESRCH: it is gone, or its number is another's by now. */
static int identify(__u32 tgid, __u64 time_ns, struct identity *id)
{
	char path[64], line[512];
	__s64 start_ns;
	FILE *f;

	if (procmaps__start(tgid, &start_ns) || start_ns > (__s64)(time_ns + AGE_SLACK_NS))
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%u/status", tgid);
	f = fopen(path, "re");
	if (!f)
		return -ESRCH;
	id->ns_tgid = tgid;
	id->euid = 0;
	while (fgets(line, sizeof(line), f)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "Uid:", 4))
			sscanf(line, "Uid: %*u %u", &id->euid);
		else if (!strncmp(line, "NSpid:", 6) && last)
			id->ns_tgid = strtoul(last, NULL, 10);
	}
	fclose(f);
	id->start_ns = start_ns > 0 ? start_ns : 0;
	id->root = regular__root_of(tgid);
	return id->root >= 0 ? 0 : -ESRCH;
}

static bool acceptable(int fd, __u64 since_ns, const __u32 *euid)
{
	struct stat st;
	__s64 to_real, mtime_ns;

	if (fstat(fd, &st) || st.st_nlink != 1)
		return false;
	if (euid && st.st_uid != *euid && st.st_uid)
		return false;
	to_real = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	mtime_ns = st.st_mtim.tv_sec * NSEC_PER_SEC + st.st_mtim.tv_nsec;
	return mtime_ns + (__s64)AGE_SLACK_NS >= (__s64)since_ns + to_real;
}

/* The map of a process as it is now, or -1. */
static int open_map(const struct jit *j, const struct jit_process *p, __u64 time_ns)
{
	const char *tmp = j->tmp ? j->tmp : "/tmp";
	struct identity id;
	char path[256];
	bool lives;
	int fd;

	lives = !identify(p->tgid, time_ns, &id);
	snprintf(path, sizeof(path), "%s/perf-%u.map", tmp, lives ? id.ns_tgid : p->tgid);
	fd = regular__open_nofollow(lives ? id.root : -1, path);
	if (lives)
		close(id.root);
	if (fd < 0)
		return -1;
	/* without a start there is no telling whose file it is */
	if (lives ? acceptable(fd, id.start_ns, &id.euid) :
		    p->start_ns && acceptable(fd, p->start_ns, NULL))
		return fd;
	close(fd);
	return -1;
}

static void drop(struct jit *j, unsigned i)
{
	perfmap__free(j->p[i]->map);
	free(j->p[i]);
	j->p[i] = j->p[--j->n];
}

/* The one that was not asked for longest, but for keep; -1: there is no other. */
static int oldest(const struct jit *j, const struct jit_process *keep, bool with_map)
{
	int best = -1;

	for (unsigned i = 0; i < j->n; i++)
		if (j->p[i] != keep && (!with_map || j->p[i]->map) &&
		    (best < 0 || j->p[i]->used < j->p[best]->used))
			best = i;
	return best;
}

static void shrink(struct jit *j, const struct jit_process *keep)
{
	size_t bytes = 0;
	int i;

	for (unsigned k = 0; k < j->n; k++)
		bytes += j->p[k]->map ? perfmap__bytes(j->p[k]->map) : 0;
	while (bytes > JIT_MAX_BYTES && (i = oldest(j, keep, true)) >= 0) {
		bytes -= perfmap__bytes(j->p[i]->map);
		drop(j, i);
	}
}

static struct jit_process *get(struct jit *j, __u32 tgid, __u64 start_ns)
{
	struct jit_process *p;

	for (unsigned i = 0; i < j->n; i++)
		if (j->p[i]->tgid == tgid && j->p[i]->start_ns == start_ns)
			return j->p[i];
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	if (j->n == JIT_MAX_PROCESSES)
		drop(j, oldest(j, NULL, false));
	p->tgid = tgid;
	p->start_ns = start_ns;
	j->p[j->n++] = p;
	return p;
}

/* Looks at the file again. */
static void refresh(struct jit *j, struct jit_process *p, __u64 time_ns)
{
	__u64 began = now_ns();
	int fd = open_map(j, p, time_ns);

	if (!p->map && fd >= 0) {
		p->map = perfmap__new(fd);
		fd = -1;
	}
	/* a file that has lost its name is still read to its end */
	if (p->map)
		perfmap__refresh(p->map, fd);
	p->looked_ns = began;
	p->took_ns = now_ns() - began;
	shrink(j, p);
}

static bool is_due(const struct jit_process *p)
{
	__u64 age = now_ns() - p->looked_ns;

	return !p->looked_ns || (age >= REFRESH_NS && age >= p->took_ns * REFRESH_SHARE);
}

static bool find(struct jit *j, struct jit_process *p, __u64 time_ns, __u64 addr, char *raw,
		 size_t sz)
{
	if (is_due(p))
		refresh(j, p, time_ns);
	if (!p->map)
		return false;
	if (perfmap__find(p->map, addr, raw, sz))
		return true;
	if (!perfmap__has_grown(p->map) || now_ns() - p->looked_ns < p->took_ns * MISSED_SHARE)
		return false;
	refresh(j, p, time_ns);
	return perfmap__find(p->map, addr, raw, sz);
}

bool jit__name(struct jit *j, __u32 tgid, __u64 start_ns, __u64 time_ns, __u64 addr, char *buf,
	       size_t sz)
{
	struct jit_process *p = get(j, tgid, start_ns);
	char raw[RAW_MAX];

	if (!p)
		return false;
	p->used = ++j->clock;
	if (!find(j, p, time_ns, addr, raw, sizeof(raw)))
		return false;
	jitname__clean(raw, buf, sz);
	return true;
}

int jit__lines(struct jit *j, __u32 tgid, __u64 time_ns)
{
	struct jit_process *p = get(j, tgid, 0);

	if (p)
		refresh(j, p, time_ns);
	return p && p->map ? (int)perfmap__count(p->map) : -1;
}

void jit__clear(struct jit *j)
{
	while (j->n)
		drop(j, j->n - 1);
}

static const struct {
	const char *start, *name;
} runtimes[] = {
	{ "libjvm.so", "java" }, { "libcoreclr.so", "dotnet" }, { "libmono", "mono" },
	{ "libnode.so", "node" }, { "node", "node" }, { "bun", "bun" }, { "deno", "deno" },
	{ "beam.smp", "erlang" }, { "luajit", "luajit" }, { "libluajit", "luajit" },
	{ "ruby", "ruby" }, { "libruby", "ruby" }, { "pypy", "pypy" }, { "libpypy", "pypy" },
	{ "php", "php" }, { "libphp", "php" }, { "julia", "julia" }, { "libjulia", "julia" },
	{ "wasmtime", "wasm" }, { "libwasmtime", "wasm" }, { "qemu-", "qemu" },
	{ "chrome", "v8" }, { "chromium", "v8" }, { "firefox", "firefox" },
	{ "libxul.so", "firefox" }, { "llvmjit.so", "llvm" },
	{ "libLLVM", "llvm" }, { "python", "python" }, { "libpython", "python" },
};

#define N_RUNTIMES ((int)(sizeof(runtimes) / sizeof(runtimes[0])))

/* "node20" and "python3.11" are node and python, "nodemon" and "node-gyp" are not. */
static bool starts_with_word(const char *module, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(module, word, n))
		return false;
	return !strncmp(word, "lib", 3) || word[n - 1] == '-' ||
	       (!isalpha((unsigned char)module[n]) && module[n] != '-' && module[n] != '_');
}

int jit__runtime(const char *module)
{
	for (int i = 0; i < N_RUNTIMES; i++)
		if (starts_with_word(module, runtimes[i].start))
			return i;
	return -1;
}

const char *jit__runtime_name(int runtime)
{
	return runtimes[runtime].name;
}
