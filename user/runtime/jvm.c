/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/jvm_code.h"
#include "runtime/jvm_elf.h"
#include "runtime/jvm_layout.h"
#include "runtime/jvm_mem.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/u64map.h"

#define MAX_FILES 16
#define RETRY_NS (20 * NSEC_PER_MSEC)
#define LOADING_NS NSEC_PER_SEC			/* what makes no sense by then never will */
#define PATIENCE_NS (20 * NSEC_PER_SEC)		/* a VM that has not begun by then never will */
#define LINGER_NS (10 * NSEC_PER_SEC)		/* stacks of an ended process may still be under way */
#define MAX_NAMES 100000			/* of one process, then they are read anew */
#define NAME_SIZE 1024

struct file {
	__u64 dev, ino;
	__s64 mtime_ns;
	bool is_jvm;
	struct jvm_elf elf;
};

enum state {
	WAITING,	/* its VM has not set itself up */
	READY,
	REFUSED,
	LEFT,		/* the process is gone */
};

struct proc {
	__u32 tgid;
	enum state state;
	bool announced;			/* jvm__due() has named it since it became ready */
	bool refused_said;		/* … jvm__next_refused() since it was refused */
	bool has_layout;
	__u64 start, end, bias;		/* libjvm's mapping */
	__u64 first_ns, next_ns, left_ns;
	struct jvm_elf elf;
	struct jvm_layout layout;
	struct wt_jvm vm;
	struct u64map names;		/* word → frame */
};

struct jvm {
	int procs_fd;
	struct file file[MAX_FILES];
	unsigned n_file, next_file;
	struct u64map by_tgid;		/* → index in proc */
	struct proc **proc;
	__u32 n_proc, cap_proc;
	__u32 n_waiting;
	__u32 n_refused;		/* that nobody was told of */
	bool refuse_all;
	struct jvm_stats stats;
	struct jvm_mem mem;
};

int jvm__new(struct jvm **out, int procs_fd)
{
	struct jvm *j = calloc(1, sizeof(*j));

	*out = j;
	if (!j)
		return -ENOMEM;
	j->procs_fd = procs_fd;
	return 0;
}

static void free_proc(struct proc *p)
{
	u64map__free(&p->names);
	free(p);
}

void jvm__free(struct jvm *j)
{
	if (!j)
		return;
	for (__u32 i = 0; i < j->n_proc; i++)
		free_proc(j->proc[i]);
	free(j->proc);
	u64map__free(&j->by_tgid);
	free(j);
}

static struct proc *find(const struct jvm *j, __u32 tgid)
{
	struct u64map_slot *slot = u64map__find(&j->by_tgid, tgid);

	return slot ? j->proc[slot->value] : NULL;
}

static void set_state(struct jvm *j, struct proc *p, enum state state)
{
	j->n_waiting += (state == WAITING) - (p->state == WAITING);
	if (state == REFUSED)
		p->refused_said = false;
	if (!p->refused_said)
		j->n_refused += (state == REFUSED) - (p->state == REFUSED);
	p->state = state;
}

static void forget(struct jvm *j, __u32 i)
{
	struct proc *p = j->proc[i];

	set_state(j, p, LEFT);
	u64map__delete(&j->by_tgid, p->tgid);
	free_proc(p);
	j->proc[i] = j->proc[--j->n_proc];
	if (i < j->n_proc)
		u64map__put(&j->by_tgid, j->proc[i]->tgid, i);
}

static void expire(struct jvm *j, __u64 now)
{
	for (__u32 i = 0; i < j->n_proc;) {
		if (j->proc[i]->state == LEFT && j->proc[i]->left_ns + LINGER_NS <= now)
			forget(j, i);
		else
			i++;
	}
}

static struct proc *add(struct jvm *j, __u32 tgid, __u64 now)
{
	struct proc *p;

	expire(j, now);
	if (j->n_proc == j->cap_proc) {
		__u32 cap = j->cap_proc ? j->cap_proc * 2 : 16;
		struct proc **grown = reallocarray(j->proc, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		j->proc = grown;
		j->cap_proc = cap;
	}
	p = calloc(1, sizeof(*p));
	if (!p || !u64map__put(&j->by_tgid, tgid, j->n_proc)) {
		free(p);
		return NULL;
	}
	p->tgid = tgid;
	p->state = WAITING;
	j->n_waiting++;
	j->proc[j->n_proc++] = p;
	return p;
}

/* What the file is, by its symbols; most are seen by their name to be something else. */
static const struct jvm_elf *look_up(struct jvm *j, int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct file *f;
	struct stat st;
	__s64 mtime_ns;

	if (fd < 0 || !strstr(slash ? slash : path, "libjvm") || fstat(fd, &st))
		return NULL;
	mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	for (unsigned i = 0; i < j->n_file; i++) {
		f = &j->file[i];
		if (f->dev == st.st_dev && f->ino == st.st_ino && f->mtime_ns == mtime_ns)
			return f->is_jvm ? &f->elf : NULL;
	}
	f = &j->file[j->next_file];
	j->next_file = (j->next_file + 1) % MAX_FILES;
	if (j->n_file < MAX_FILES)
		j->n_file++;
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	f->mtime_ns = mtime_ns;
	f->is_jvm = jvm_elf__open(fd, &f->elf);
	return f->is_jvm ? &f->elf : NULL;
}

static void refuse(struct jvm *j, struct proc *p, const char *why)
{
	set_state(j, p, REFUSED);
	j->stats.refused++;
	wt_warn("process %u: no Java frames: %s", p->tgid, why);
}

/* Reads what the VM has set up by now. */
static void try(struct jvm *j, struct proc *p, __u64 now)
{
	char why[160] = "";
	int err = 0;

	if (j->refuse_all) {
		refuse(j, p, "its tables are said to be of no use (--fault jvm-tables)");
		return;
	}
	p->next_ns = now + RETRY_NS;
	jvm_mem__open(&j->mem, p->tgid);
	if (!p->has_layout) {
		err = jvm_layout__read(&p->layout, &j->mem, &p->elf, p->bias, why, sizeof(why));
		p->has_layout = !err;
	}
	if (!err)
		err = jvm_layout__heaps(&p->layout, &j->mem, &p->vm, why, sizeof(why));
	/*
	 * While its library is being loaded, its data is not where it will be: the loader
	 * maps the whole file first, then the parts over it.
	 */
	if (err == -EPROTO && now - p->first_ns < LOADING_NS) {
		wt_debug("process %u: its VM cannot be read yet: %s", p->tgid, why);
		p->has_layout = false;
		return;
	}
	if (err == -EPROTO) {
		refuse(j, p, why);
		return;
	}
	if (err && now - p->first_ns > PATIENCE_NS) {
		refuse(j, p, "its VM was not ready in time, or its memory cannot be read");
		return;
	}
	if (err) {
		wt_debug("process %u: its VM cannot be read yet (%d)", p->tgid, err);
		return;
	}
	p->vm.library = p->start;
	p->vm.library_end = p->end;
	if (j->procs_fd >= 0 && bpf_map_update_elem(j->procs_fd, &p->tgid, &p->vm, BPF_ANY)) {
		refuse(j, p, "more Java processes than the kernel side has room for");
		return;
	}
	set_state(j, p, READY);
	j->stats.processes++;
	wt_debug("process %u: its VM is known", p->tgid);
}

/* Another program under that number, or the VM was mapped elsewhere: all begins anew. */
static void begin(struct jvm *j, struct proc *p, const struct jvm_elf *e, __u64 start, __u64 end,
		  __u64 bias, __u64 now)
{
	set_state(j, p, WAITING);
	p->announced = false;
	p->has_layout = false;
	p->start = start;
	p->end = end;
	p->bias = bias;
	p->elf = *e;
	p->first_ns = now;
	u64map__free(&p->names);
	p->names = (struct u64map){ 0 };
}

bool jvm__enter(struct jvm *j, __u32 tgid, int fd, const char *path, __u64 start, __u64 end,
		__u64 pgoff)
{
	const struct jvm_elf *e = look_up(j, fd, path);
	__u64 now, bias;
	struct proc *p;

	if (!e)
		return false;
	now = now_ns();
	bias = jvm_elf__bias(e, start, pgoff);
	p = find(j, tgid);
	if (!p)
		p = add(j, tgid, now);
	if (!p)
		return true;
	if (p->state == LEFT || p->start != start || p->bias != bias)
		begin(j, p, e, start, end, bias, now);
	if (p->state == WAITING)
		try(j, p, now);
	return true;
}

static bool in_heap(const struct wt_jvm *vm, const struct wt_mapping *m, unsigned *heap)
{
	if (!(m->flags & WT_MAP_ANON))
		return false;
	for (unsigned i = 0; i < WT_JVM_HEAPS; i++) {
		*heap = i;
		/* two heaps side by side may be one mapping */
		if (m->start < vm->heap[i].high && m->end > vm->heap[i].low)
			return true;
	}
	return false;
}

/* Mappings that cover the heaps, which may touch each other; the kernel side tells them apart. */
__u32 jvm__mark(struct jvm *j, __u32 tgid, struct wt_mapping *m, unsigned *n)
{
	struct proc *p = find(j, tgid);
	unsigned kept = 0, heap;

	if (!p || p->state != READY)
		return 0;
	p->announced = true;
	for (unsigned i = 0; i < *n; i++) {
		struct wt_mapping *last = kept ? &m[kept - 1] : NULL;

		if (in_heap(&p->vm, &m[i], &heap)) {
			const struct wt_jvm_heap *h = &p->vm.heap[heap];

			m[i].flags |= WT_MAP_JVM;
			m[i].start = h->low < m[i].start ? h->low : m[i].start;
			m[i].end = h->high > m[i].end ? h->high : m[i].end;
			if (last && m[i].start < last->end)
				m[i].start = last->end;
			if (last && (last->flags & WT_MAP_JVM) && last->end == m[i].start) {
				last->end = m[i].end;
				continue;
			}
		}
		if (last && (last->flags & WT_MAP_JVM) && last->end > m[i].start)
			last->end = m[i].start;
		m[kept++] = m[i];
	}
	*n = kept;
	return WT_SPACE_JVM;
}

__u32 jvm__due(struct jvm *j, __u64 now_ns)
{
	if (!j->n_waiting)
		return 0;
	for (__u32 i = 0; i < j->n_proc; i++) {
		struct proc *p = j->proc[i];

		if (p->state != WAITING || p->next_ns > now_ns)
			continue;
		try(j, p, now_ns);
		if (p->state == READY && !p->announced) {
			p->announced = true;
			return p->tgid;
		}
	}
	return 0;
}

bool jvm__has(const struct jvm *j, __u32 tgid)
{
	const struct proc *p = j->n_proc ? find(j, tgid) : NULL;

	return p && (p->state == WAITING || p->state == READY);
}

void jvm__refuse_all(struct jvm *j)
{
	j->refuse_all = true;
}

__u32 jvm__next_refused(struct jvm *j, __u64 *start, __u64 *end)
{
	for (__u32 i = 0; j->n_refused && i < j->n_proc; i++) {
		struct proc *p = j->proc[i];

		if (p->state != REFUSED || p->refused_said)
			continue;
		p->refused_said = true;
		j->n_refused--;
		*start = p->start;
		*end = p->end;
		return p->tgid;
	}
	return 0;
}

void jvm__fork(struct jvm *j, __u32 tgid, __u32 ptgid)
{
	struct proc *parent = find(j, ptgid), *p;
	__u64 now = now_ns();

	if (!parent || parent->state != READY)
		return;
	p = find(j, tgid);
	if (!p)
		p = add(j, tgid, now);
	if (!p)
		return;
	begin(j, p, &parent->elf, parent->start, parent->end, parent->bias, now);
	p->layout = parent->layout;
	p->has_layout = true;
	p->vm = parent->vm;
	p->announced = true;
	set_state(j, p, READY);
	/* the kernel side has copied its entry (wt_jvm_fork), if it knew the parent then */
	if (j->procs_fd >= 0)
		bpf_map_update_elem(j->procs_fd, &tgid, &p->vm, BPF_ANY);
}

void jvm__leave(struct jvm *j, __u32 tgid)
{
	struct proc *p = find(j, tgid);

	if (!p || p->state == LEFT)
		return;
	set_state(j, p, LEFT);
	p->left_ns = now_ns();
	if (j->procs_fd >= 0)
		bpf_map_delete_elem(j->procs_fd, &tgid);
}

static const char *gone(struct jvm *j, __u32 kind)
{
	j->stats.gone++;
	return kind == WT_JVM_BLOB ? "[java code gone]" : "[java method gone]";
}

bool jvm__name(struct jvm *j, __u32 tgid, __u64 word, char *buf, size_t size)
{
	struct proc *p = find(j, tgid);
	__u32 kind = WT_FRAME_JVM_KIND(word);
	__u64 at = WT_FRAME_METHOD(word);
	char name[NAME_SIZE];
	int err = -ESRCH;

	if (p && p->state == READY && kind == WT_JVM_BLOB && at == p->vm.interpreter) {
		snprintf(buf, size, "Interpreter_[j]");
		return true;
	}
	if (p && p->state == READY) {
		jvm_mem__open(&j->mem, tgid);
		err = kind == WT_JVM_BLOB ?
			      jvm_layout__blob(&p->layout, &j->mem, at, name, sizeof(name)) :
			      jvm_layout__method(&p->layout, &j->mem, at, name, sizeof(name));
	}
	if (err) {
		snprintf(buf, size, "%s", gone(j, kind));
		return false;
	}
	j->stats.methods++;
	snprintf(buf, size, "%s%s", name, kind == WT_JVM_INTERPRETED ? "" : "_[j]");
	return true;
}

/* A number that belongs to the name (FNV-1a, mixed). */
static __u64 key_of(const char *name)
{
	__u64 h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ULL;
	return u64_mix(h);
}

__u32 jvm__frame(struct jvm *j, struct symbols *s, __u32 tgid, __u64 word)
{
	struct proc *p = find(j, tgid);
	struct u64map_slot *slot = p ? u64map__find(&p->names, word) : NULL;
	char name[NAME_SIZE + 8];
	__u32 frame;
	bool known;

	if (slot)
		return slot->value;
	known = jvm__name(j, tgid, word, name, sizeof(name));
	frame = symbols__runtime_frame(s, key_of(name), name);
	if (p && known) {
		if (p->names.n >= MAX_NAMES) {
			u64map__free(&p->names);
			p->names = (struct u64map){ 0 };
		}
		u64map__put(&p->names, word, frame);
	}
	return frame;
}

__u64 jvm__word_at(struct jvm *j, __u32 tgid, __u64 address)
{
	struct proc *p = j->n_proc ? find(j, tgid) : NULL;

	if (!p || p->state != READY)
		return 0;
	jvm_mem__open(&j->mem, tgid);
	return jvm_code__word(&p->vm, &j->mem, address);
}

void jvm__stats(const struct jvm *j, struct jvm_stats *out)
{
	*out = j->stats;
}
