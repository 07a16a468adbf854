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

static void configure_target(struct worktrace_bpf *skel, const struct target *t,
			     const struct features *f)
{
	skel->rodata->cfg_target = t->type;
	if (t->type == WT_TARGET_JOB) {
		skel->rodata->cfg_job_name = wt_job_value_hash(t->job);
		skel->rodata->cfg_job_build = t->build[0] ? wt_job_value_hash(t->build) : 0;
	}
	memcpy((void *)skel->rodata->cfg_comm, t->comm, WT_COMM_LEN);
	if (t->type != WT_TARGET_CGROUP)
		return;
	skel->rodata->cfg_cgroup_id = t->cgroup.id;
	skel->rodata->cfg_cgroup_level = t->cgroup.level;
	skel->rodata->cfg_cgroup_subsys =
		t->cgroup.v2 ? -1 : features__subsys_index(f, t->cgroup.controller);
}

static void configure_jobs(struct worktrace_bpf *skel, const struct options *o)
{
	struct job_env names[WT_ENV_NAMES];
	unsigned n = job_presets(names, o->job_env, o->n_job_env);

	job_rules((void *)skel->rodata->cfg_job_rules, o->n_job_env);
	for (unsigned i = 0; i < n; i++)
		((__u8 *)skel->rodata->cfg_env_first)[(__u8)names[i].name[0]] = 1;
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

/* A cgroup level deeper than the programs can follow, or a controller the kernel lacks. */
static int check_cgroup(const struct target *t, const struct features *f)
{
	if (t->type != WT_TARGET_CGROUP)
		return 0;
	if (!t->cgroup.v2 && features__subsys_index(f, t->cgroup.controller) < 0)
		return wt_error(WT_ESAID, "the kernel does not know the cgroup controller \"%s\"",
				t->cgroup.controller);
	if (t->cgroup.level > 63)
		return wt_error(WT_ESAID, "%s is %d levels deep, 63 can be followed",
				t->cgroup.path, t->cgroup.level);
	return 0;
}

static void configure_disks(struct worktrace_bpf *skel, const struct options *o,
			    const struct features *f)
{
	bool on = !o->no_disks && features__block(f), start = f->tp.block_io_start == 1;

	skel->rodata->cfg_blk_notes = o->disk_requests / 4 * 3;
	bpf_program__set_autoload(skel->progs.wt_block_start, on && start);
	bpf_program__set_autoload(skel->progs.wt_filemap_fault,
				  !o->no_files && f->tp.mm_filemap_fault == 2);
	bpf_program__set_autoload(skel->progs.wt_block_insert,
				  on && !start && f->tp.block_rq_insert == 1);
	bpf_program__set_autoload(skel->progs.wt_block_issue, on);
	bpf_program__set_autoload(skel->progs.wt_block_complete, on);
}

/* --irqs: what of it this kernel traces; without handlers of devices and soft ones there is none. */
static int configure_irqs(struct worktrace_bpf *skel, const struct options *o, const struct features *f)
{
	const struct { struct bpf_program *entry, *exit; int args; } progs[] = {
		{ skel->progs.wt_softirq_entry, skel->progs.wt_softirq_exit, f->tp.softirq_entry },
		{ skel->progs.wt_irq_handler_entry, skel->progs.wt_irq_handler_exit,
		  f->tp.irq_handler_entry },
		{ skel->progs.wt_local_timer_entry, skel->progs.wt_local_timer_exit,
		  f->tp.local_timer_entry },
		{ skel->progs.wt_reschedule_entry, skel->progs.wt_reschedule_exit,
		  f->tp.reschedule_entry },
		{ skel->progs.wt_call_function_entry, skel->progs.wt_call_function_exit,
		  f->tp.call_function_entry },
		{ skel->progs.wt_call_function_single_entry,
		  skel->progs.wt_call_function_single_exit, f->tp.call_function_single_entry },
		{ skel->progs.wt_irq_work_entry, skel->progs.wt_irq_work_exit, f->tp.irq_work_entry },
	};

	if (!o->irqs)
		return 0;
	if (f->tp.softirq_entry < 0 || f->tp.irq_handler_entry < 0)
		return wt_error(WT_ESAID, "--irqs: this kernel does not trace interrupts");
	for (unsigned i = 0; i < sizeof(progs) / sizeof(*progs); i++) {
		bpf_program__set_autoload(progs[i].entry, progs[i].args >= 0);
		bpf_program__set_autoload(progs[i].exit, progs[i].args >= 0);
	}
	return 0;
}

static int configure(struct worktrace_bpf *skel, const struct options *o, const struct target *t,
		     const struct features *f)
{
	struct { struct bpf_map *map; unsigned n; } sizes[] = {
		{ skel->maps.detail_a, o->detail_entries },
		{ skel->maps.detail_b, o->detail_entries },
		{ skel->maps.seen, o->seen_entries },
		{ skel->maps.ring, o->ring_kb * 1024 },
		{ skel->maps.writes, options__units(o) ? o->write_kb * 1024 : sysconf(_SC_PAGESIZE) },
		{ skel->maps.span_totals, o->n_spans + 1 },
		{ skel->maps.conns, o->conn_entries },
		{ skel->maps.blk_rows, o->disk_rows },
		{ skel->maps.paths, o->max_files },
		{ skel->maps.blk_requests, o->disk_requests },
		{ skel->maps.targets, t->n_pids > 4096 ? t->n_pids * 2 : 4096 },
	};
	__u32 opts = 0;
	int err;

	err = check_cgroup(t, f);
	if (!err)
		err = configure_irqs(skel, o, f);
	if (err)
		return err;
	if (!o->no_user_stacks)
		opts |= WT_OPT_USTACK;
	if (!o->no_kernel_stacks)
		opts |= WT_OPT_KSTACK;
	if (o->no_remember)
		opts |= WT_OPT_NOREMEMBER;
	if (o->frame_pointers)
		opts |= WT_OPT_FP;
	if (o->unwind_check)
		opts |= WT_OPT_CHECK;
	if (!o->no_rivals)
		opts |= WT_OPT_RIVALS;
	if (options__units(o))
		opts |= WT_OPT_EPOCHS | WT_OPT_BINARY;
	if (!o->no_job_env)
		opts |= WT_OPT_JOBS;
	configure_jobs(skel, o);
	if (o->thread_names)
		opts |= WT_OPT_NAMES;
	if (!o->no_connections && features__follows_tcp(f))
		opts |= WT_OPT_CONNS;
	tracer__configure_net(skel, o, opts & WT_OPT_CONNS);
	if (!o->no_files)
		opts |= WT_OPT_PATHS;
	skel->rodata->cfg_opts = opts;
	skel->rodata->cfg_fault = o->fault;
	skel->rodata->cfg_self_tgid = getpid();
	syscall_classes((void *)skel->rodata->cfg_class, false);
	syscall_classes((void *)skel->rodata->cfg_class_compat, true);
	syscall_path_args((void *)skel->rodata->cfg_path_arg);
	configure_target(skel, t, f);
	configure_disks(skel, o, f);
	bpf_program__set_autoload(skel->progs.wt_task_rename, f->tp.task_rename >= 0);
	bpf_program__set_autoload(skel->progs.wt_cgroup_attach, f->tp.cgroup_attach_task >= 0);
	bpf_program__set_autoload(skel->progs.wt_sample, o->freq > 0);
	bpf_program__set_autoload(skel->progs.wt_sys_exit, options__units(o));
	skel->rodata->cfg_execs = strcmp(o->unit_exec, "none") != 0;
	bpf_program__set_autoload(skel->progs.wt_process_exit, skel->rodata->cfg_execs);
	bpf_program__set_autoload(skel->progs.wt_stage_probe, options__stages(o));
	if (f->uprobe_multi)
		bpf_program__set_expected_attach_type(skel->progs.wt_stage_probe, TRACER_UPROBE_MULTI);
	bpf_program__set_autoload(skel->progs.wt_span, o->n_spans > 0);
	if (f->uprobe_multi)
		bpf_program__set_expected_attach_type(skel->progs.wt_span, TRACER_UPROBE_MULTI);
	bpf_program__set_autoload(skel->progs.wt_fault_skipped, o->fault & WT_FAULT_SKIPPED);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].n);
		if (err)
			return wt_error(err, "cannot size the map %s", bpf_map__name(sizes[i].map));
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
		 const struct features *f)
{
	struct tracer *t = calloc(1, sizeof(*t));
	__u32 zero = 0;
	int err, fd;

	*out = NULL;
	if (!t)
		return wt_error(-ENOMEM, "cannot start");
	t->o = o;
	t->stats_fd = -1;
	t->follows = !o->no_connections && features__follows_tcp(f);
	libbpf_set_print(print_libbpf);
	err = libbpf_num_possible_cpus();
	if (err < 0) {
		wt_error(err, "cannot count the CPUs");
		goto fail;
	}
	t->n_cpus = err;
	t->skel = worktrace_bpf__open();
	if (!t->skel) {
		err = wt_error(-errno, "cannot open the BPF object");
		goto fail;
	}
	err = configure(t->skel, o, target, f);
	if (err)
		goto fail;
	err = worktrace_bpf__load(t->skel);
	if (err) {
		wt_error(err, "the kernel %s refuses worktrace's programs "
			 "(worktrace doctor says what it lacks, --verbose shows why)", f->release);
		goto fail;
	}
	if (!t->skel->bss || !t->skel->data) {
		err = wt_error(WT_ESAID, "the kernel refuses memory that programs and worktrace share");
		goto fail;
	}
	/* the first grace period needs something to replace */
	fd = bpf_map__fd(t->skel->maps.grace_inner);
	err = bpf_map_update_elem(bpf_map__fd(t->skel->maps.grace), &zero, &fd, BPF_ANY);
	if (err) {
		wt_error(err, "cannot set up the map of grace periods");
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
	worktrace_bpf__destroy(t->skel);
	free(t);
}

void tracer__shed(struct tracer *t, __u64 ns)
{
	t->skel->bss->run_shed_ns = ns;
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
	};
}

void tracer__spans(const struct tracer *t, struct tracer_spans *out)
{
	*out = (struct tracer_spans){
		.probe = t->skel->progs.wt_span,
		.multi = bpf_program__expected_attach_type(t->skel->progs.wt_span) == TRACER_UPROBE_MULTI,
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
		.on = bpf_program__fd(t->skel->progs.wt_block_issue) >= 0,
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
	int err = worktrace_bpf__attach(t->skel);

	if (err)
		return wt_error(err, "cannot attach to the kernel's scheduler tracepoints");
	err = tracer__attach_net(t);
	if (err)
		return err;
	if (!t->o->freq)
		return 0;
	return sampler__open(&t->sampler, t->skel->progs.wt_sample, t->o->event, t->o->freq);
}

void tracer__detach(struct tracer *t)
{
	sampler__close(t->sampler);
	t->sampler = NULL;
	worktrace_bpf__detach(t->skel);
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

	t->skel->bss->run_iter = what;
	return walk__run(bpf_link__fd(t->skel->links.wt_iter_task), sizeof(struct wt_thread_rec),
			 "the kernel's tasks", put_record, &x);
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
	return options__stages(t->o) ? t->skel->progs.wt_stage_probe : NULL;
}

bool tracer__stage_multi(const struct tracer *t)
{
	return bpf_program__expected_attach_type(t->skel->progs.wt_stage_probe) == TRACER_UPROBE_MULTI;
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
	struct wt_stats *per_cpu = calloc(t->n_cpus, sizeof(*per_cpu));
	__u32 zero = 0;
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (!per_cpu)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.stats), &zero, per_cpu)) {
		err = -errno;
	} else {
		/* nothing but 64-bit counters: add them all */
		for (unsigned c = 0; c < t->n_cpus; c++)
			for (size_t i = 0; i < sizeof(*out) / 8; i++)
				((__u64 *)out)[i] += ((__u64 *)&per_cpu[c])[i];
	}
	free(per_cpu);
	return err;
}

/* Adds up one field over the programs; cost: the time they took. */
static __u64 sum_programs(const struct tracer *t, bool cost)
{
	struct bpf_program *p;
	__u64 sum = 0;

	bpf_object__for_each_program(p, t->skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(p);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			sum += cost ? info.run_time_ns : info.recursion_misses;
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
