/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/execs_impl.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "ledger/text.h"
#include "units/ffargs.h"
#include "units/redact.h"

#define DEFAULT_MAX 20000
#define MAX_WORDS 1024

int execs__new(struct execs **out, const char *names, struct ledger *l, unsigned max)
{
	struct execs *e = calloc(1, sizeof(*e));

	*out = NULL;
	if (!e)
		return -ENOMEM;
	e->ledger = l;
	e->max = max ? max : DEFAULT_MAX;
	e->names = strdup(names);
	if (!e->names) {
		free(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

static void free_texts(struct exec_entry *t)
{
	free(t->name);
	free(t->asked);
	free(t->command);
	free(t->input);
	free(t->output);
	free(t->parent_unit);
	free(t->stages);
}

void execs__free(struct execs *e)
{
	if (!e)
		return;
	for (unsigned i = 0; i < e->n; i++) {
		free_texts(e->all[i]);
		free(e->all[i]);
	}
	free(e->all);
	free(e->names);
	u64map__free(&e->by_image);
	free(e);
}

static struct exec_entry *find(const struct execs *e, __u64 image)
{
	struct u64map_slot *slot = e && image ? u64map__find(&e->by_image, image) : NULL;

	return slot && slot->value < e->n ? e->all[slot->value] : NULL;
}

bool execs__knows(const struct execs *e, __u64 image)
{
	const struct exec_entry *t = find(e, image);

	return t && !t->ignored;
}

int execs__on_detail(struct execs *e, const struct wt_detail_key *k, const struct wt_detail_val *v)
{
	struct exec_entry *t = k->state == WT_CPU && WT_REASON_KIND(k->reason) == WT_K_EXACT ? find(e, k->ustack) : NULL;
	unsigned exact = WT_REASON_NR(k->reason), i = 0;
	struct unit_request *x;

	if (!t || (exact != WT_EXACT_READS && exact != WT_EXACT_WRITES && exact != WT_EXACT_REQUESTS))
		return 0;
	exact = exact == WT_EXACT_READS ? OBJECT_READS : exact == WT_EXACT_WRITES ? OBJECT_WRITES : OBJECT_REQUESTS;
	while (i < t->n_asked && (t->asked[i].dev != WT_REASON_N(k->reason) || t->asked[i].what != exact))
		i++;
	if (i == t->n_asked) {
		x = reallocarray(t->asked, i + 1, sizeof(*x));
		if (!x)
			return -ENOMEM;
		t->asked = x;
		t->asked[t->n_asked++] = (struct unit_request){ .what = exact, .dev = WT_REASON_N(k->reason) };
	}
	x = &t->asked[i];
	x->ns += v->ns;
	x->bytes += v->weighted_ns;
	x->count += v->count;
	return 0;
}

unsigned execs__count(const struct execs *e)
{
	return e ? e->n - e->n_ignored : 0;
}

bool execs__has(const struct execs *e, enum exec_kind kind)
{
	for (unsigned i = 0; e && i < e->n; i++)
		if (e->all[i]->kind == kind && !e->all[i]->ignored)
			return true;
	return false;
}

__u64 execs__dropped(const struct execs *e)
{
	return e ? e->dropped : 0;
}

/* The name that this file's is, or NULL; cut: file may be cut to 15 bytes. */
static char *match(const struct execs *e, const char *file, bool cut)
{
	size_t len = strlen(file);

	for (const char *p = e->names;; p++) {
		size_t n = strcspn(p, ",");

		if ((n == len || (cut && len == WT_COMM_LEN - 1 && n > len)) && !memcmp(p, file, len))
			return strndup(p, n);
		p += n;
		if (!*p)
			return NULL;
	}
}

char *execs__match(const struct execs *e, const char *file, bool cut)
{
	return match(e, file, cut);
}

static enum exec_kind kind_of(const char *name, __u32 flags)
{
	/* a script of that name will run the program itself */
	if (flags & WT_X_SCRIPT)
		return EXEC_OTHER;
	if (!strncmp(name, "ffmpeg", 6))
		return EXEC_FFMPEG;
	return strncmp(name, "ffprobe", 7) ? EXEC_OTHER : EXEC_FFPROBE;
}

static int add(struct execs *e, struct exec_entry *t)
{
	if (e->n == e->size) {
		unsigned size = e->size ? e->size * 2 : 64;
		struct exec_entry **all = reallocarray(e->all, size, sizeof(*all));

		if (!all)
			return -ENOMEM;
		e->all = all;
		e->size = size;
	}
	if (!u64map__put(&e->by_image, t->x.image, e->n))
		return -ENOMEM;
	e->all[e->n++] = t;
	return 0;
}

/* NULL with *err 0: there are too many. */
static struct exec_entry *get(struct execs *e, const struct wt_exec *x, int *err)
{
	struct u64map_slot *slot = u64map__find(&e->by_image, x->image);
	char name[WT_COMM_LEN + 1];
	struct exec_entry *t;

	*err = 0;
	if (slot)
		return slot->value < e->n ? e->all[slot->value] : NULL;
	if (e->n >= e->max) {
		/* noted, so that it is counted once */
		if (!u64map__put(&e->by_image, x->image, ~0U))
			*err = -ENOMEM;
		e->dropped++;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	*err = -ENOMEM;
	if (!t)
		return NULL;
	t->x = *x;
	memcpy(name, x->name.name, WT_COMM_LEN);
	name[WT_COMM_LEN] = 0;
	t->name = match(e, name, true);
	if (!t->name)
		t->name = strdup(name);
	if (t->name)
		*err = ledger__watch_program(e->ledger, x->image);
	if (!*err)
		*err = add(e, t);
	if (*err) {
		free_texts(t);
		free(t);
		return NULL;
	}
	t->kind = kind_of(t->name, x->flags);
	return t;
}

int execs__put(struct execs *e, const struct wt_exec *x)
{
	struct exec_entry *t;
	int err;

	t = get(e, x, &err);
	if (t)
		t->x = *x;
	return err;
}

int execs__put_stages(struct execs *e, const struct wt_stages *st)
{
	struct u64map_slot *slot = u64map__find(&e->by_image, st->image);
	struct exec_entry *t = slot && slot->value < e->n ? e->all[slot->value] : NULL;

	if (!t)
		return 0;
	if (!t->stages)
		t->stages = malloc(sizeof(*t->stages));
	if (!t->stages)
		return -ENOMEM;
	*t->stages = *st;
	return 0;
}

void execs__look_for_libraries(struct execs *e, execs_libraries_fn fn, void *arg)
{
	for (unsigned i = e->first_unprobed; i < e->n; i++) {
		struct exec_entry *t = e->all[i];

		if (t->kind == EXEC_FFMPEG && !t->ignored && !t->probed_ns &&
		    !(t->x.flags & (WT_X_ENDED | WT_X_REPLACED)))
			t->probed_ns = fn(arg, t->x.tgid);
		else if (i == e->first_unprobed)
			e->first_unprobed++;
	}
}

/* The words of n bytes, behind which there is one more zero byte. */
static unsigned split(const char *args, size_t n, const char **words)
{
	unsigned count = 0;

	for (size_t at = 0; at < n && count < MAX_WORDS; at += strlen(args + at) + 1)
		words[count++] = args + at;
	return count;
}

/* Words with a blank between them, fit to print. */
static char *join(const char *const *words, unsigned n)
{
	char *text = NULL, *clean;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? " " : "", words[i]);
	clean = fclose(f) ? NULL : malloc(size + 1);
	if (clean)
		text__clean(clean, size + 1, text, size, false);
	free(text);
	return clean;
}

/* What is private goes first: nothing else of us ever has it. */
int execs__set_args(struct exec_entry *t, const char *args, size_t n)
{
	size_t cap = 2 * n + 256;
	const char *words[MAX_WORDS];
	struct ffargs files;
	unsigned count;
	char *clean;

	if (!n || t->command)
		return 0;
	clean = malloc(cap);
	if (!clean)
		return -ENOMEM;
	n = redact__argv(clean, cap, args, n);
	count = split(clean, n, words);
	t->command = join(words, count);
	if (t->kind != EXEC_OTHER) {
		ffargs__parse(&files, words, count, t->kind == EXEC_FFPROBE);
		t->input = join(files.input, files.n_inputs);
		t->output = join(files.output, files.n_outputs);
	}
	free(clean);
	return t->command && (t->kind == EXEC_OTHER || (t->input && t->output)) ? 0 : -ENOMEM;
}

/*
 * The kernel side compared the first 15 bytes of the name: a longer one is told
 * apart from its like here.
 */
static void check_name(struct execs *e, struct exec_entry *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *name;

	if (!*path || strlen(t->name) < WT_COMM_LEN)
		return;
	name = match(e, slash ? slash + 1 : path, false);
	if (name) {
		free(t->name);
		t->name = name;
	} else if (!(t->x.flags & WT_X_SCRIPT) && !t->ignored) {
		t->ignored = true;
		e->n_ignored++;
	}
}

int execs__on_event(struct execs *e, const struct wt_ev_exec *ev, size_t size)
{
	char args[WT_EXEC_ARGS], path[WT_EXEC_PATH];
	struct exec_entry *t;
	size_t n;
	int err;

	if (size < sizeof(*ev))
		return 0;
	t = get(e, &ev->x, &err);
	if (!t)
		return err;
	memcpy(path, ev->path, sizeof(path));
	path[sizeof(path) - 1] = 0;
	check_name(e, t, path);
	n = ev->args_len < WT_EXEC_ARGS ? ev->args_len : WT_EXEC_ARGS;
	memcpy(args, ev->args, n);
	/* the middle is missing: the words there end where we cut */
	if (ev->args_len > WT_EXEC_ARGS)
		args[WT_EXEC_ARGS - WT_EXEC_TAIL - 1] = 0;
	return execs__set_args(t, args, n);
}

static void set_status(struct exec_unit *u, int status)
{
	const char *name;

	u->wait_status = status;
	if (WIFEXITED(status)) {
		snprintf(u->status, sizeof(u->status), "%d", WEXITSTATUS(status));
		return;
	}
	name = sigabbrev_np(WTERMSIG(status));
	if (name)
		snprintf(u->status, sizeof(u->status), "SIG%s", name);
	else
		snprintf(u->status, sizeof(u->status), "SIG%d", WTERMSIG(status));
}

/* How it ended; where the kernel side could not note it, its leader's record says it. */
static void set_end(struct exec_unit *u, const struct ledger_program *p)
{
	if (u->x.flags & WT_X_REPLACED) {
		u->end_ns = u->x.end_ns;
	} else if (u->x.flags & WT_X_ENDED) {
		/* the last thread still has its memory to give back: that takes time */
		u->end_ns = u->x.end_ns;
		if (p && p->threads && !p->alive && p->end_ns > u->end_ns)
			u->end_ns = p->end_ns;
		if (u->x.lost_end_ns > u->end_ns)
			u->end_ns = u->x.lost_end_ns;
		set_status(u, u->x.exit_code);
	} else if (p && p->threads && !p->alive) {
		u->end_ns = p->end_ns;
		if (p->leader_ended)
			set_status(u, p->exit_code);
	}
}

static void set_cost(struct exec_unit *u, const struct ledger_program *p)
{
	__u64 lost = u->x.lost_st_ns[WT_CPU], user = u->x.lost_utime_ns;
	__u64 ticks = user + u->x.lost_stime_ns;

	if (p) {
		u->threads = p->threads;
		u->thread_ns = p->thread_ns;
		u->user_ns = p->user_ns;
		u->sys_ns = p->sys_ns;
		u->taken = p->taken;
	}
	u->threads += u->x.lost_threads;
	for (unsigned s = 0; s < WT_STATES; s++) {
		u->st_ns[s] = (p ? p->st_ns[s] : 0) + u->x.lost_st_ns[s];
		u->thread_ns += u->x.lost_st_ns[s];
	}
	user = ticks ? (__u64)((double)lost * ((double)user / (double)ticks)) : lost;
	u->user_ns += user;
	u->sys_ns += lost - user;
}

static void set_stages(struct exec_unit *u, const struct exec_entry *t,
		       const struct ledger_program *p)
{
	static const __u64 none[WT_STAGE_CODEC + WT_STAGE_CODECS];

	if (!t->stages) {
		u->by_stack = t->by_stack;
		u->sums.cpu_ns[WT_STAGE_NONE] = u->st_ns[WT_CPU];
		for (unsigned s = WT_STAGE_DEMUX; s < WT_STAGES && t->by_stack; s++) {
			u->sums.cpu_ns[s] = t->stack_ns[s];
			u->sums.cpu_ns[WT_STAGE_NONE] -= t->stack_ns[s];
		}
		u->sums.start_ns = t->by_stack ? t->stack_ns[WT_STAGE_NONE] : 0;
		return;
	}
	u->staged = true;
	if (t->probed_ns > u->start_ns)
		u->staged_from_ns = t->probed_ns;
	ffmpeg_sums__make(&u->sums, t->stages, p ? p->stage_cpu_ns : none, u->st_ns[WT_CPU],
			  p ? p->leader_cpu_ns : 0);
}

void execs__view(const struct execs *e, const struct exec_entry *t, struct exec_unit *u)
{
	const struct ledger_program *p = ledger__program(e->ledger, t->x.image);

	*u = (struct exec_unit){
		.x = t->x,
		.kind = t->kind,
		.name = t->name,
		.command = t->command,
		.unit = t->parent_unit,
		.input = t->input,
		.output = t->output,
		.start_ns = t->x.start_ns,
		.bytes_known = t->x.flags & (WT_X_ENDED | WT_X_REPLACED),
	};
	set_end(u, p);
	set_cost(u, p);
	set_stages(u, t, p);
	if (u->end_ns || !t->sampled)
		return;
	u->has_progress = t->has_progress;
	u->progress = t->progress;
	u->left_s = exec_left_s(u->start_ns, t->progress_ns, t->progress);
	u->x.read_bytes += t->io.read_bytes;
	u->x.write_bytes += t->io.write_bytes;
	u->x.rchar += t->io.rchar;
	u->x.wchar += t->io.wchar;
	u->x.rss_pages = t->rss_pages;
	u->bytes_known = true;
}

static int by_start(const void *a, const void *b)
{
	const struct exec_entry *x = *(struct exec_entry *const *)a;
	const struct exec_entry *y = *(struct exec_entry *const *)b;

	if (x->x.start_ns != y->x.start_ns)
		return x->x.start_ns < y->x.start_ns ? -1 : 1;
	return x->x.serial < y->x.serial ? -1 : x->x.serial > y->x.serial;
}

int execs__each(const struct execs *e, exec_unit_fn fn, void *arg)
{
	struct exec_entry **v;
	int err = 0;

	if (!e || !e->n)
		return 0;
	v = calloc(e->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v, e->all, e->n * sizeof(*v));
	qsort(v, e->n, sizeof(*v), by_start);
	for (unsigned i = 0; i < e->n && !err; i++) {
		struct exec_unit u;

		if (v[i]->ignored)
			continue;
		execs__view(e, v[i], &u);
		err = fn(arg, &u);
	}
	free(v);
	return err;
}
