/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/tracer_impl.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "jobs/presets.h"
#include "loader/sampler.h"
#include "loader/walk.h"
#include "util/clock.h"
#include "util/log.h"

static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	/* what libbpf warns of, our own sentence says; the details are for --verbose */
	if (!wt_verbose || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, fmt, ap);
}

/* The names that the programs look for. */
static int allow_names(struct tracer *t)
{
	struct job_env names[WT_ENV_NAMES];
	unsigned n = job_presets(names, t->o->job_env, t->o->n_job_env);

	for (unsigned i = 0; i < n; i++) {
		struct wt_env_role role = { names[i].system, names[i].role, { 0 } };
		char key[WT_ENV_NAME] = "";

		snprintf(key, sizeof(key), "%s", names[i].name);
		if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.env_names), key, &role, BPF_ANY))
			return wt_error(-errno, "cannot note the variable %s", names[i].name);
	}
	return 0;
}

/* The names of --unit-exec, as the kernel cuts them. */
static int note_names(struct tracer *t)
{
	int fd = bpf_map__fd(t->skel->maps.exec_names);
	__u8 one = 1;

	if (!t->skel->rodata->cfg_execs)
		return 0;
	for (const char *p = t->o->unit_exec;; p++) {
		size_t len = strcspn(p, ",");
		struct wt_exec_name key = { "" };

		memcpy(key.name, p, len < sizeof(key.name) ? len : sizeof(key.name) - 1);
		if (bpf_map_update_elem(fd, &key, &one, BPF_ANY))
			return wt_error(-errno, "cannot note the names of --unit-exec");
		p += len;
		if (!*p)
			return 0;
	}
}

int tracer__open(struct tracer **out, const struct options *o, const struct target *target,
		 const struct features *f, struct btf **kernel)
{
	struct tracer *t = calloc(1, sizeof(*t));
	int err;

	*out = NULL;
	if (!t)
		return wt_error(-ENOMEM, "cannot start");
	t->o = o;
	t->stats_fd = -1;
	pthread_mutex_init(&t->iter_lock, NULL);
	t->follows = !o->no_connections && features__follows_tcp(f);
	libbpf_set_print(print_libbpf);
	err = libbpf_num_possible_cpus();
	if (err < 0) {
		wt_error(err, "cannot count the CPUs");
		goto fail;
	}
	t->n_cpus = err;
	t->per_cpu = calloc(t->n_cpus, sizeof(*t->per_cpu));
	err = t->per_cpu ? 0 : wt_error(-ENOMEM, "cannot start");
	if (err)
		goto fail;
	err = tracer__load(t, target, f, kernel);
	if (err)
		goto fail;
	if (!t->skel->bss || !t->skel->data) {
		err = wt_error(WT_ESAID, "the kernel refuses memory that programs and worktrace share");
		goto fail;
	}
	err = tracer__add_pids(t, target->pids, target->n_pids);
	if (!err)
		err = allow_names(t);
	if (!err)
		err = note_names(t);
	if (err)
		goto fail;
	*out = t;
	return 0;
fail:
	tracer__close(t);
	return err;
}

void tracer__close(struct tracer *t)
{
	if (!t)
		return;
	tracer__cost_end(t);
	sampler__close(t->sampler);
	ring_buffer__free(t->ring);
	tracer__unload(t);
	pthread_mutex_destroy(&t->iter_lock);
	free(t->per_cpu);
	free(t);
}

void tracer__shed(struct tracer *t, __u64 ns)
{
	t->skel->bss->run_shed_ns = ns;
}

/*
 * In this order: a thread that looks at run_forgot first would take up again what it has just
 * given up, as long as `seen` says that user space knows it.
 */
void tracer__forget(struct tracer *t, const __u64 *ids, unsigned n)
{
	struct bpf_map *lately = t->skel->maps.lately;
	__u32 zero = 0;
	void *none = calloc(t->n_cpus, bpf_map__value_size(lately));

	for (unsigned i = 0; i < n; i++)
		bpf_map_delete_elem(bpf_map__fd(t->skel->maps.seen), &ids[i]);
	if (none)
		bpf_map_update_elem(bpf_map__fd(lately), &zero, none, BPF_ANY);
	free(none);
	__atomic_fetch_add(&t->skel->bss->run_forgot, 1, __ATOMIC_SEQ_CST);
}

void tracer__unwind_fds(const struct tracer *t, struct tracer_unwind_fds *out)
{
	*out = (struct tracer_unwind_fds){
		.rules = bpf_map__fd(t->skel->maps.cfi_rules),
		.objects = bpf_map__fd(t->skel->maps.cfi_objects),
		.wanted = bpf_map__fd(t->skel->maps.cfi_wanted),
		.rows = bpf_map__fd(t->skel->maps.cfi_rows),
		.pool = bpf_map__fd(t->skel->maps.map_pool),
		.spaces = bpf_map__fd(t->skel->maps.spaces),
		.py_procs = bpf_map__fd(t->skel->maps.py_procs),
		.py_code = bpf_map__fd(t->skel->maps.py_code),
		.jvm_procs = bpf_map__fd(t->skel->maps.jvm_procs),
		.space_changes = (__u64 *)&t->skel->bss->run_space_changes,
	};
}

void tracer__spans(const struct tracer *t, struct tracer_spans *out)
{
	*out = (struct tracer_spans){
		.probe = TRACER_PROG(t, wt_span),
		.multi = bpf_program__expected_attach_type(TRACER_PROG(t, wt_span)) == TRACER_UPROBE_MULTI,
		.totals_fd = bpf_map__fd(t->skel->maps.span_totals),
		.n_cpus = t->n_cpus,
	};
}

bool tracer__has(const struct tracer *t, pid_t pid)
{
	void *value = malloc(bpf_map__value_size(t->skel->maps.tasks));
	int fd = syscall(SYS_pidfd_open, pid, 0);
	bool has;

	/* a task storage takes a descriptor of the process for a key */
	has = value && fd >= 0 &&
	      !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.tasks), &fd, value);
	free(value);
	if (fd >= 0)
		close(fd);
	return has;
}

void tracer__disk_fds(const struct tracer *t, struct tracer_disk_fds *out)
{
	*out = (struct tracer_disk_fds){
		.on = bpf_program__fd(t->part[TRACER_EVENTS]->progs.wt_block_issue) >= 0,
		.disks = bpf_map__fd(t->skel->maps.blk_disks),
		.rows = bpf_map__fd(t->skel->maps.blk_rows),
	};
}

int tracer__add_pids(struct tracer *t, const pid_t *pids, unsigned n)
{
	int fd = bpf_map__fd(t->skel->maps.targets);
	__u8 one = 1;

	for (unsigned i = 0; i < n; i++) {
		__u32 pid = pids[i];

		if (bpf_map_update_elem(fd, &pid, &one, BPF_ANY))
			return wt_error(-errno, "cannot note process %u as a target", pid);
	}
	return 0;
}

int tracer__attach(struct tracer *t)
{
	int err = tracer__attach_parts(t);

	if (err)
		return wt_error(err, "cannot attach to the kernel's scheduler tracepoints");
	err = tracer__attach_net(t);
	if (err)
		return err;
	if (!t->o->freq)
		return 0;
	return sampler__open(&t->sampler, TRACER_PROG(t, wt_sample), t->o->event, t->o->freq);
}

void tracer__detach(struct tracer *t)
{
	sampler__close(t->sampler);
	t->sampler = NULL;
	tracer__detach_parts(t);
}

/* All programs that ran before this call have ended when it returns (see grace in core.bpf.c). */
static int wait_grace(struct tracer *t)
{
	int fd = bpf_map__fd(t->skel->maps.grace_inner);
	__u32 zero = 0;

	if (bpf_map_update_elem(bpf_map__fd(t->skel->maps.grace), &zero, &fd, BPF_ANY))
		return wt_error(-errno, "cannot wait for the programs at work");
	return 0;
}

struct to_record {
	tracer_record_fn fn;
	void *arg;
};

static int put_record(void *arg, void *rec)
{
	const struct to_record *x = arg;

	return x->fn ? x->fn(x->arg, rec) : 0;
}

/* Runs the task iterator; each record it writes goes to fn. */
static int run_iter(struct tracer *t, enum wt_iter what, tracer_record_fn fn, void *arg)
{
	struct to_record x = { fn, arg };
	int err;

	pthread_mutex_lock(&t->iter_lock);
	t->skel->bss->run_iter = what;
	err = walk__run(bpf_link__fd(TRACER_LINK(t, wt_iter_task)), sizeof(struct wt_thread_rec),
			"the kernel's tasks", put_record, &x);
	pthread_mutex_unlock(&t->iter_lock);
	return err;
}

/*
 * Twice: a process may be met before its parent, whose job it inherits, or by which it
 * is of the target.
 */
int tracer__seed(struct tracer *t)
{
	int err = run_iter(t, WT_ITER_SEED, NULL, NULL);

	if (!err && !t->o->no_job_env)
		err = run_iter(t, WT_ITER_SEED, NULL, NULL);
	return err;
}

int tracer__job_pids(const struct tracer *t, pid_t **out, unsigned *n)
{
	int fd = bpf_map__fd(t->skel->maps.targets);
	__u32 pid, *at = NULL;
	unsigned max = 0;

	*out = NULL;
	*n = 0;
	while (!bpf_map_get_next_key(fd, at, &pid)) {
		if (*n == max) {
			pid_t *v = reallocarray(*out, max ? 2 * max : 64, sizeof(*v));

			if (!v) {
				free(*out);
				*out = NULL;
				return -ENOMEM;
			}
			*out = v;
			max = max ? 2 * max : 64;
		}
		(*out)[(*n)++] = pid;
		at = &pid;
	}
	return 0;
}

int tracer__mark_frozen(struct tracer *t)
{
	return run_iter(t, WT_ITER_FREEZER, NULL, NULL);
}

int tracer__records(struct tracer *t, bool last, tracer_record_fn fn, void *arg)
{
	return run_iter(t, last ? WT_ITER_END : WT_ITER_SNAPSHOT, fn, arg);
}

int tracer__list(struct tracer *t, tracer_record_fn fn, void *arg)
{
	return run_iter(t, WT_ITER_LIST, fn, arg);
}

int tracer__wanted(struct tracer *t, tracer_record_fn fn, void *arg)
{
	/* the others follow with tracer__attach(), which leaves this one as it is */
	if (!TRACER_LINK(t, wt_iter_task))
		TRACER_LINK(t, wt_iter_task) = bpf_program__attach(TRACER_PROG(t, wt_iter_task));
	if (!TRACER_LINK(t, wt_iter_task))
		return wt_error(-errno, "cannot attach to the kernel's task iterator");
	return run_iter(t, WT_ITER_WANTED, fn, arg);
}

__u64 tracer__start(struct tracer *t)
{
	__u64 now = now_ns();

	__atomic_store_n(&t->skel->data->run_start_ns, now, __ATOMIC_SEQ_CST);
	return now;
}

/*
 * The end lies a little ahead, so that every program knows it when it comes: one
 * that charged time past an end it had not heard of would upset the balance.
 */
#define END_AHEAD_NS NSEC_PER_MSEC

__u64 tracer__stop(struct tracer *t)
{
	__u64 ahead = END_AHEAD_NS, end;

	for (;; ahead *= 2) {
		end = now_ns() + ahead;
		__atomic_store_n(&t->skel->data->run_end_ns, end, __ATOMIC_SEQ_CST);
		if (now_ns() < end)
			break;
	}
	while (now_ns() <= end)
		usleep(100);
	wait_grace(t);
	return end;
}

unsigned tracer__live(const struct tracer *t)
{
	return __atomic_load_n(&t->skel->bss->run_live, __ATOMIC_RELAXED);
}

#define DETAIL_BATCH 1024

/* Hands out and deletes all lines of a map that nobody writes to. */
static int empty_details(int fd, tracer_detail_fn fn, void *arg)
{
	static struct wt_detail_key keys[DETAIL_BATCH];
	static struct wt_detail_val vals[DETAIL_BATCH];
	__u32 cursor_in[8], cursor_out[8], n;
	void *in = NULL;
	int err, ret;

	for (;;) {
		n = DETAIL_BATCH;
		ret = bpf_map_lookup_and_delete_batch(fd, in, cursor_out, keys, vals, &n, NULL);
		err = ret ? -errno : 0;
		if (err && err != -ENOENT && err != -ENOSPC)
			return wt_error(err, "cannot drain the detail map");
		for (__u32 i = 0; i < n && err != -ENOSPC; i++) {
			ret = fn(arg, &keys[i], &vals[i]);
			if (ret)
				return ret;
		}
		if (err == -ENOENT)
			return 0;
		if (err == -ENOSPC)
			return wt_error(err, "a bucket of the detail map holds more than %d lines",
					DETAIL_BATCH);
		memcpy(cursor_in, cursor_out, sizeof(cursor_in));
		in = cursor_in;
	}
}

int tracer__swap_details(struct tracer *t, tracer_detail_fn fn, void *arg)
{
	__u32 gen = t->skel->bss->run_generation;
	struct bpf_map *full = gen & 1 ? t->skel->maps.detail_b : t->skel->maps.detail_a;
	struct wt_stats st;
	int err;

	__atomic_store_n(&t->skel->bss->run_generation, gen + 1, __ATOMIC_SEQ_CST);
	if (!tracer__stats(t, &st))
		t->details_before = st.count[WT_CNT_DETAIL];
	err = wait_grace(t);
	if (err)
		return err;
	return empty_details(bpf_map__fd(full), fn, arg);
}

double tracer__detail_fill(const struct tracer *t)
{
	struct wt_stats st;

	if (tracer__stats(t, &st))
		return 0;
	return (double)(st.count[WT_CNT_DETAIL] - t->details_before) / t->o->detail_entries;
}

struct bpf_program *tracer__stage_probe(const struct tracer *t)
{
	return options__stages(t->o) ? TRACER_PROG(t, wt_stage_probe) : NULL;
}

void tracer__told(const struct tracer *t, struct tracer_told *out)
{
	out->hit = options__told(t->o) ? TRACER_PROG(t, wt_told_hit) : NULL;
	out->codes_fd = bpf_map__fd(t->skel->maps.told_codes);
}

bool tracer__stage_multi(const struct tracer *t)
{
	return bpf_program__expected_attach_type(TRACER_PROG(t, wt_stage_probe)) == TRACER_UPROBE_MULTI;
}

bool tracer__stages_of(const struct tracer *t, __u64 image, struct wt_stages *out)
{
	return options__stages(t->o) &&
	       !bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stages), &image, out) && out->image;
}

int tracer__add_exec(struct tracer *t, const struct wt_exec *x)
{
	int fd = bpf_map__fd(t->skel->maps.exec_units);

	return bpf_map_update_elem(fd, &x->image, x, BPF_NOEXIST) ? -errno : 0;
}

/* Programs that were seen to have ended so long ago have nothing more to say. */
#define EXEC_LINGER_NS NSEC_PER_SEC

int tracer__execs(struct tracer *t, bool all, tracer_exec_fn fn, void *arg)
{
	int fd = bpf_map__fd(t->skel->maps.exec_units), err = 0;
	__u32 changes = __atomic_load_n(&t->skel->bss->run_execs, __ATOMIC_ACQUIRE);
	__u64 now = now_ns(), *old, key;
	size_t n_old = 0;

	if (!t->skel->rodata->cfg_execs || (!all && changes == t->execs_seen && !t->execs_ended))
		return 0;
	t->execs_seen = changes;
	t->execs_ended = 0;
	old = calloc(bpf_map__max_entries(t->skel->maps.exec_units), sizeof(*old));
	if (!old)
		return wt_error(-ENOMEM, "cannot read the units of work");
	for (void *at = NULL; !err && !bpf_map_get_next_key(fd, at, &key); at = &key) {
		struct wt_exec x;

		if (bpf_map_lookup_elem(fd, &key, &x))
			continue;
		err = fn(arg, &x);
		if (!(x.flags & (WT_X_ENDED | WT_X_REPLACED)))
			continue;
		if (x.end_ns + EXEC_LINGER_NS < now)
			old[n_old++] = key;
		else
			t->execs_ended++;
	}
	for (size_t i = 0; i < n_old; i++)
		bpf_map_delete_elem(fd, &old[i]);
	free(old);
	return err;
}

int tracer__on_event(struct tracer *t, tracer_event_fn fn, void *arg)
{
	t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.ring),
				   (ring_buffer_sample_fn)fn, arg, NULL);
	return t->ring ? 0 : wt_error(-errno, "cannot map the ring buffer");
}

int tracer__on_write(struct tracer *t, tracer_event_fn fn, void *arg)
{
	int err = ring_buffer__add(t->ring, bpf_map__fd(t->skel->maps.writes),
				   (ring_buffer_sample_fn)fn, arg);

	return err ? wt_error(err, "cannot map the ring buffer of writes") : 0;
}

int tracer__ring_fd(const struct tracer *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

int tracer__consume(struct tracer *t)
{
	int n = ring_buffer__consume(t->ring);

	return n < 0 ? wt_error(n, "cannot read the ring buffer") : 0;
}

int tracer__stats(const struct tracer *t, struct wt_stats *out)
{
	__u32 zero = 0;

	memset(out, 0, sizeof(*out));
	if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stats), &zero, t->per_cpu))
		return -errno;
	/* nothing but 64-bit counters: add them all */
	for (unsigned c = 0; c < t->n_cpus; c++)
		for (size_t i = 0; i < sizeof(*out) / 8; i++)
			((__u64 *)out)[i] += ((__u64 *)&t->per_cpu[c])[i];
	return 0;
}

/* Adds up one field over the programs; cost: the time they took. */
static __u64 sum_programs(const struct tracer *t, bool cost)
{
	struct bpf_program *p;
	__u64 sum = 0;

	for (unsigned i = 0; i < TRACER_PARTS; i++) {
		bpf_object__for_each_program(p, t->part[i]->obj) {
			struct bpf_prog_info info = {};
			__u32 len = sizeof(info);
			int fd = bpf_program__fd(p);

			if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
				sum += cost ? info.run_time_ns : info.recursion_misses;
		}
	}
	return sum;
}

__u64 tracer__skipped(const struct tracer *t)
{
	return sum_programs(t, false);
}

__u64 tracer__map_bytes(const struct tracer *t)
{
	struct bpf_map *m;
	__u64 sum = 0;

	bpf_object__for_each_map(m, t->skel->obj) {
		unsigned long long v;
		char path[64], line[128];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(m));
		f = fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "memlock: %llu", &v) == 1)
				sum += v;
		if (f)
			fclose(f);
	}
	return sum;
}

void tracer__cost_begin(struct tracer *t)
{
	if (t->stats_fd >= 0)
		return;
	t->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	t->window_start = now_ns();
	t->window_before = sum_programs(t, true);
}

void tracer__cost_end(struct tracer *t)
{
	if (t->stats_fd < 0)
		return;
	t->window_cost += sum_programs(t, true) - t->window_before;
	t->window_ns += now_ns() - t->window_start;
	close(t->stats_fd);
	t->stats_fd = -1;
}

__u64 tracer__cost_ns(const struct tracer *t, __u64 duration_ns)
{
	if (!t->window_ns)
		return 0;
	return (__u64)((double)t->window_cost * ((double)duration_ns / (double)t->window_ns));
}
