/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_golden.c - replays events written as text into a ledger and writes the
 * sinks' files.  tests/golden/run compares them with what is expected; without
 * arguments the replay tests itself.
 *
 *     test_golden --replay EVENTS DIRECTORY
 *
 * A line is a verb and KEY=VALUE words; '#' begins a comment; a value has no
 * spaces, "\xNN" is a byte and "\_" a space.
 *
 *     opts max_exited=N max_stacks=N max_lines=N period_ns=N
 *     recording host=… kernel=… version=… start_ns=N end_ns=N utc_offset_ns=N
 *               end_reason=… exit_status=N exit_signal=N incomplete=1
 *     thread serial=N task=N tid=N tgid=N image=N comm=… pcomm=… birth_ns=N
 *            end_ns=N why=exit|exec|snapshot|end flags=leader,kthread,self
 *            STATE=ns… preempt_ns=N open=STATE open_ns=N open_reason=… job=N cgroup=N …
 *     detail thread=N state=STATE reason=… ustack=N kstack=N ns=N max_ns=N count=N
 *     reason id=N kind=N nr=N family=N addr=HEX port=N proto=N write=N n=N name=…
 *     stack id=N user=1 cut=1 frames=innermost,…,outermost
 *     job id=N system=N name=… build=… tag=… node=… executor=… branch=… commit=… project=… workflow=…
 *     cgroup id=N path=outermost/…/innermost
 *     fold frames=N,N…   (enum fold_frame)
 *     generation
 *     lost threads=N wall_ns=N STATE=ns…
 *     loss name=… n=N what=… benign=1
 *
 * A reason is KIND, KIND/NR, KIND/NR/N or rID, the kind a number of worktrace.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/jobs.h"
#include "ledger/hist.h"
#include "sinks/recording.h"

#define MAX_WORDS 64
#define MAX_NAMES 256
#define MAX_LOSSES 16

struct replay {
	struct ledger *ledger;
	struct ledger_opts opts;
	struct recording r;
	struct recording_loss loss[MAX_LOSSES];
	char *names[MAX_NAMES];		/* frame i is names[i - 1] */
	unsigned n_names;
	/* the line at hand */
	char *keys[MAX_WORDS], *values[MAX_WORDS];
	bool used[MAX_WORDS];
	unsigned n_words;
};

static const char *frame_name(void *ctx, __u32 frame)
{
	return ((struct replay *)ctx)->names[frame - 1];
}

static const char *kernel_name(void *ctx, __u32 frame)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s", frame_name(ctx, frame));
	if (strstr(name, "_[k]"))
		*strstr(name, "_[k]") = 0;
	return name;
}

static bool is_root(void *ctx, __u32 frame)
{
	return !strcmp(frame_name(ctx, frame), "_start");
}

/* Turns "\xNN" into a byte and "\_" into a space, in place. */
static char *unescape(char *text)
{
	char *in = text, *out = text;
	unsigned byte;

	while (*in) {
		if (in[0] == '\\' && in[1] == '_') {
			*out++ = ' ';
			in += 2;
		} else if (in[0] == '\\' && sscanf(in, "\\x%2x", &byte) == 1) {
			*out++ = byte;
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = 0;
	return text;
}

static const char *word(struct replay *rp, const char *key)
{
	for (unsigned i = 0; i < rp->n_words; i++) {
		if (strcmp(rp->keys[i], key))
			continue;
		rp->used[i] = true;
		return rp->values[i];
	}
	return NULL;
}

static __u64 number(struct replay *rp, const char *key)
{
	const char *text = word(rp, key);

	return text ? strtoull(text, NULL, 0) : 0;
}

static void copy_word(struct replay *rp, const char *key, char *dst, size_t sz)
{
	const char *text = word(rp, key);

	if (text)
		memcpy(dst, text, strlen(text) < sz ? strlen(text) : sz);
}

static char *keep_word(struct replay *rp, const char *key)
{
	const char *text = word(rp, key);

	return text ? strdup(text) : NULL;
}

static unsigned state_word(struct replay *rp, const char *key)
{
	const char *text = word(rp, key);

	for (unsigned s = 0; text && s < WT_STATES; s++)
		if (!strcmp(text, ledger__state_name(s)))
			return s;
	return WT_CPU;
}

static void states_words(struct replay *rp, __u64 *st_ns)
{
	for (unsigned s = 0; s < WT_STATES; s++)
		st_ns[s] = number(rp, ledger__state_name(s));
}

static __u64 reason_word(struct replay *rp, const char *key)
{
	const char *text = word(rp, key);
	unsigned kind = 0, nr = 0, n = 0;

	if (text && *text == 'r')
		return WT_REASON_INTERNED | strtoull(text + 1, NULL, 0);
	if (text)
		sscanf(text, "%u/%u/%u", &kind, &nr, &n);
	return kind | (__u64)nr << 8 | (__u64)n << 32;
}

static int do_thread(struct replay *rp)
{
	static const char *const whys[] = { "snapshot", "exit", "exec", "end" };
	struct wt_thread_rec rec = { .serial = number(rp, "serial"), .task = number(rp, "task") };
	const char *why = word(rp, "why"), *flags = word(rp, "flags");

	rec.why = WT_REC_EXIT;
	for (unsigned i = 0; why && i < 4; i++)
		if (!strcmp(why, whys[i]))
			rec.why = i;
	if (!rec.task)
		rec.task = rec.serial;
	rec.tid = number(rp, "tid");
	rec.tgid = number(rp, "tgid");
	rec.image = number(rp, "image");
	rec.birth_ns = number(rp, "birth_ns");
	rec.end_ns = number(rp, "end_ns");
	rec.preempt_ns = number(rp, "preempt_ns");
	rec.utime_ns = number(rp, "utime_ns");
	rec.stime_ns = number(rp, "stime_ns");
	rec.switches = number(rp, "switches");
	rec.job = number(rp, "job");
	rec.cgroup = number(rp, "cgroup");
	rec.open_state = state_word(rp, "open");
	rec.open_ns = number(rp, "open_ns");
	rec.open_reason = reason_word(rp, "open_reason");
	rec.open_ustack = number(rp, "open_ustack");
	rec.open_kstack = number(rp, "open_kstack");
	rec.audit_cpu_ours_ns = number(rp, "cpu_ours_ns");
	rec.audit_cpu_kernel_ns = number(rp, "cpu_kernel_ns");
	rec.audit_ledger_runq_ns = number(rp, "ledger_runq_ns");
	states_words(rp, rec.st_ns);
	copy_word(rp, "comm", rec.comm, sizeof(rec.comm));
	copy_word(rp, "pcomm", rec.pcomm, sizeof(rec.pcomm));
	if (flags && strstr(flags, "leader"))
		rec.flags |= WT_F_LEADER;
	if (flags && strstr(flags, "kthread"))
		rec.flags |= WT_F_KTHREAD;
	if (flags && strstr(flags, "self"))
		rec.flags |= WT_F_SELF;
	return ledger__put_thread(rp->ledger, &rec);
}

static int do_detail(struct replay *rp)
{
	struct wt_detail_val v = { .ns = number(rp, "ns"), .max_ns = number(rp, "max_ns"),
				   .count = number(rp, "count") };
	struct wt_detail_key k = { .thread = number(rp, "thread"), .epoch = number(rp, "epoch"),
				   .ustack = number(rp, "ustack"), .kstack = number(rp, "kstack"),
				   .reason = reason_word(rp, "reason") };

	k.state = state_word(rp, "state");
	if (!v.count)
		v.count = 1;
	if (!v.max_ns)
		v.max_ns = v.ns / v.count;
	k.bucket = k.state == WT_CPU ? 0 : hist__bucket(v.ns / v.count);
	return ledger__put_detail(rp->ledger, &k, &v);
}

static int do_reason(struct replay *rp)
{
	struct wt_reason r = { .kind = number(rp, "kind"), .nr = number(rp, "nr"),
			       .write = number(rp, "write"), .family = number(rp, "family"),
			       .port = number(rp, "port"), .proto = number(rp, "proto"),
			       .n = number(rp, "n") };
	const char *addr = word(rp, "addr");
	unsigned byte;

	for (unsigned i = 0; addr && i < 16 && sscanf(addr + 2 * i, "%2x", &byte) == 1; i++) {
		r.addr[i] = byte;
		if (!addr[2 * i + 1] || !addr[2 * i + 2])
			break;
	}
	copy_word(rp, "name", r.name, sizeof(r.name));
	return ledger__put_reason(rp->ledger, WT_REASON_INTERNED | number(rp, "id"), &r);
}

static int do_stack(struct replay *rp)
{
	__u32 frames[WT_MAX_FRAMES], n = 0;
	char *text = keep_word(rp, "frames"), *save = NULL;

	for (char *f = text ? strtok_r(text, ",", &save) : NULL; f; f = strtok_r(NULL, ",", &save)) {
		unsigned i;

		for (i = 0; i < rp->n_names && strcmp(rp->names[i], f); i++)
			;
		if (i == MAX_NAMES || n == WT_MAX_FRAMES)
			break;
		if (i == rp->n_names)
			rp->names[rp->n_names++] = strdup(f);
		frames[n++] = i + 1;
	}
	free(text);
	return ledger__put_stack(rp->ledger, number(rp, "id"), frames, n, number(rp, "user"),
				 number(rp, "cut") ? WT_END_DEEP :
				 number(rp, "user") ? WT_END_FP : WT_END_KERNEL);
}

static int do_job(struct replay *rp)
{
	static const char *const keys[WT_JOB_ROLES] = { "name", "build", "tag", "node", "executor",
							"branch", "commit", "project", "workflow" };
	struct wt_ev_job e = { .job = number(rp, "id"), .system = number(rp, "system") };

	for (int i = 0; i < WT_JOB_ROLES; i++) {
		e.have |= !!word(rp, keys[i]) << i;
		copy_word(rp, keys[i], e.value[i], WT_JOB_VALUE);
	}
	return jobs__put_build(rp->r.jobs, &e);
}

static int do_cgroup(struct replay *rp)
{
	struct wt_ev_cgroup e = { .cgroup = number(rp, "id") };
	char *path = keep_word(rp, "path"), *slash;

	while (path && e.levels < WT_CGROUP_LEVELS) {
		slash = strrchr(path, '/');
		memccpy(e.name[e.levels++], slash ? slash + 1 : path, 0, WT_CGROUP_NAME - 1);
		if (!slash)
			break;
		*slash = 0;
	}
	free(path);
	return jobs__put_cgroup(rp->r.jobs, &e);
}

static int do_fold(struct replay *rp)
{
	const char *text = word(rp, "frames");

	for (unsigned i = 0; text && *text && i < FOLD_FRAMES; text += strcspn(text, ",") + 1) {
		rp->r.fold[i++] = strtoul(text, NULL, 0);
		if (!strchr(text, ','))
			break;
	}
	return 0;
}

static int do_opts(struct replay *rp)
{
	rp->opts.max_exited = number(rp, "max_exited");
	rp->opts.max_stacks = number(rp, "max_stacks");
	rp->opts.max_lines = number(rp, "max_lines");
	rp->opts.period_ns = number(rp, "period_ns");
	ledger__free(rp->ledger);
	return ledger__new(&rp->ledger, &rp->opts);
}

static int do_recording(struct replay *rp)
{
	struct recording *r = &rp->r;

	r->host = keep_word(rp, "host");
	r->kernel = keep_word(rp, "kernel");
	r->version = keep_word(rp, "version");
	r->end_reason = keep_word(rp, "end_reason");
	r->start_ns = number(rp, "start_ns");
	r->end_ns = number(rp, "end_ns");
	r->utc_offset_ns = number(rp, "utc_offset_ns");
	r->has_exit = word(rp, "exit_status") || word(rp, "exit_signal");
	r->exit_status = number(rp, "exit_status");
	r->exit_signal = number(rp, "exit_signal");
	r->complete = !number(rp, "incomplete");
	return 0;
}

static int do_generation(struct replay *rp)
{
	return ledger__generation(rp->ledger, 0);
}

static int do_lost(struct replay *rp)
{
	struct wt_stats stats = { .lost_threads = number(rp, "threads"),
				  .lost_wall_ns = number(rp, "wall_ns") };

	states_words(rp, stats.lost_st_ns);
	ledger__put_lost_exits(rp->ledger, &stats);
	return 0;
}

static int do_loss(struct replay *rp)
{
	if (rp->r.n_loss == MAX_LOSSES)
		return -E2BIG;
	rp->loss[rp->r.n_loss++] = (struct recording_loss){
		.name = keep_word(rp, "name"), .what = keep_word(rp, "what"),
		.n = number(rp, "n"), .benign = number(rp, "benign"),
	};
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(struct replay *rp);
} verbs[] = {
	{ "opts", do_opts }, { "recording", do_recording }, { "thread", do_thread },
	{ "detail", do_detail }, { "reason", do_reason }, { "stack", do_stack },
	{ "job", do_job }, { "cgroup", do_cgroup }, { "fold", do_fold },
	{ "generation", do_generation }, { "lost", do_lost }, { "loss", do_loss },
};

/* 0; -EINVAL for a verb or a key that nobody knows. */
static int run_line(struct replay *rp, char *line)
{
	char *save = NULL, *verb, *w;
	int err = -EINVAL;

	line[strcspn(line, "#\n")] = 0;
	verb = strtok_r(line, " \t", &save);
	if (!verb)
		return 0;
	memset(rp->used, 0, sizeof(rp->used));
	for (rp->n_words = 0; (w = strtok_r(NULL, " \t", &save)); rp->n_words++) {
		char *eq = strchr(w, '=');

		if (!eq || rp->n_words == MAX_WORDS)
			return -EINVAL;
		*eq = 0;
		rp->keys[rp->n_words] = w;
		rp->values[rp->n_words] = unescape(eq + 1);
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verb, verbs[i].verb))
			err = verbs[i].run(rp);
	for (unsigned i = 0; i < rp->n_words && !err; i++)
		if (!rp->used[i])
			err = -EINVAL;
	return err;
}

static struct replay *replay_new(void)
{
	struct replay *rp = calloc(1, sizeof(*rp));

	if (!rp || ledger__new(&rp->ledger, &rp->opts) || jobs__new(&rp->r.jobs, NULL, NULL))
		exit(1);
	rp->r.loss = rp->loss;
	rp->r.complete = true;
	rp->r.frames = (struct ledger_frames){ rp, frame_name, kernel_name, is_root };
	return rp;
}

static void replay_free(struct replay *rp)
{
	for (unsigned i = 0; i < rp->n_names; i++)
		free(rp->names[i]);
	for (unsigned i = 0; i < rp->r.n_loss; i++) {
		free((char *)rp->loss[i].name);
		free((char *)rp->loss[i].what);
	}
	free((char *)rp->r.host);
	free((char *)rp->r.kernel);
	free((char *)rp->r.version);
	free((char *)rp->r.end_reason);
	ledger__free(rp->ledger);
	jobs__free(rp->r.jobs);
	free(rp);
}

static int write_terminal(struct replay *rp, const char *dir)
{
	char path[512];
	FILE *f;
	int err;

	snprintf(path, sizeof(path), "%s/terminal.txt", dir);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	err = sink_terminal(&rp->r, f, false);
	return fclose(f) ? -errno : err;
}

static int replay(const char *events, const char *dir)
{
	struct recdir_opts opts = { .path = dir };
	struct replay *rp = replay_new();
	struct recdir *d = NULL;
	char line[4096];
	unsigned nr = 0;
	FILE *f = fopen(events, "r");
	int err = f ? 0 : -errno;

	while (!err && fgets(line, sizeof(line), f)) {
		nr++;
		err = run_line(rp, line);
	}
	if (err)
		fprintf(stderr, "%s:%u: %s\n", events, nr, strerror(-err));
	if (f)
		fclose(f);
	if (!err)
		err = ledger__settle(rp->ledger, &rp->r.frames, &rp->r.totals);
	rp->r.ledger = rp->ledger;
	if (!err)
		err = recdir__open(&d, &opts);
	if (!err)
		err = recdir__write(d, &rp->r);
	if (!err)
		err = write_terminal(rp, dir);
	recdir__close(d);
	replay_free(rp);
	return err ? 1 : 0;
}

static int run_text(struct replay *rp, const char *text)
{
	char line[256];

	snprintf(line, sizeof(line), "%s", text);
	return run_line(rp, line);
}

static void test_unknown_words_are_refused(void **state)
{
	struct replay *rp = replay_new();

	(void)state;
	assert_int_equal(run_text(rp, "# nothing"), 0);
	assert_int_equal(run_text(rp, "thread serial=1 tid=1 tgid=1 cpu=5 end_ns=5"), 0);
	assert_int_equal(run_text(rp, "thraed serial=1"), -EINVAL);
	assert_int_equal(run_text(rp, "thread serail=1"), -EINVAL);
	assert_int_equal(run_text(rp, "thread serial"), -EINVAL);
	replay_free(rp);
}

static void test_escapes(void **state)
{
	char text[] = "a\\_b\\x0ac\\xff\\";

	(void)state;
	assert_string_equal(unescape(text), "a b\nc\xff\\");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown_words_are_refused),
		cmocka_unit_test(test_escapes),
	};

	if (argc == 4 && !strcmp(argv[1], "--replay"))
		return replay(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
