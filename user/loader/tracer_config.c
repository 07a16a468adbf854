/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracer_config.c - what the options and this kernel make of the programs and their maps. */
#include "loader/tracer_impl.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "jobs/presets.h"
#include "util/log.h"

#define MAX_DGRAMS 4096		/* peers over UDP and unix sockets */

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

/* Without handlers of devices and soft interrupts there is nothing to tell. */
static bool traces_irqs(const struct features *f)
{
	return f->tp.softirq_entry >= 0 && f->tp.irq_handler_entry >= 0;
}

int tracer__configure(struct worktrace_bpf *skel, const struct options *o, const struct target *t,
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
		{ skel->maps.dgrams, o->datagrams ? MAX_DGRAMS : 1 },
		{ skel->maps.paths, o->max_files },
		{ skel->maps.blk_requests, o->disk_requests },
		{ skel->maps.targets, t->n_pids > 4096 ? t->n_pids * 2 : 4096 },
	};
	__u32 opts = 0;
	int err;

	err = check_cgroup(t, f);
	if (err)
		return err;
	if (o->irqs && !traces_irqs(f))
		return wt_error(WT_ESAID, "--irqs: this kernel does not trace interrupts");
	if (o->datagrams && (f->tp.sock_send_length < 0 || f->tp.sock_recv_length < 0))
		return wt_error(WT_ESAID, "--datagrams: this kernel does not trace what sockets send (Linux 6.3 and later do)");
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
	if (o->thread_names || o->n_spans)
		opts |= WT_OPT_SPANS;
	if (!o->no_connections && features__follows_tcp(f))
		opts |= WT_OPT_CONNS;
	skel->rodata->cfg_n_idle_peers = o->n_idle_peers;
	memcpy((void *)skel->rodata->cfg_idle_peers, o->idle_peers, sizeof(o->idle_peers));
	if (!o->no_files)
		opts |= WT_OPT_PATHS;
	skel->rodata->cfg_opts = opts;
	skel->rodata->cfg_fault = o->fault;
	skel->rodata->cfg_word = f->rdonly_cast ? f->word_type : 0;
	skel->rodata->cfg_self_tgid = getpid();
	syscall_classes((void *)skel->rodata->cfg_class, false);
	syscall_classes((void *)skel->rodata->cfg_class_compat, true);
	syscall_path_args((void *)skel->rodata->cfg_path_arg);
	configure_target(skel, t, f);
	skel->rodata->cfg_blk_notes = o->disk_requests / 4 * 3;
	skel->rodata->cfg_execs = strcmp(o->unit_exec, "none") != 0;
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].n);
		if (err)
			return wt_error(err, "cannot size the map %s", bpf_map__name(sizes[i].map));
	}
	return 0;
}

static void choose_disks(struct worktrace_bpf *skel, const struct options *o,
			    const struct features *f)
{
	bool on = !o->no_disks && features__block(f), start = f->tp.block_io_start == 1;

	bpf_program__set_autoload(skel->progs.wt_block_start, on && start);
	bpf_program__set_autoload(skel->progs.wt_filemap_fault,
				  !o->no_files && f->tp.mm_filemap_fault == 2);
	bpf_program__set_autoload(skel->progs.wt_block_insert,
				  on && !start && f->tp.block_rq_insert == 1);
	bpf_program__set_autoload(skel->progs.wt_block_issue, on);
	bpf_program__set_autoload(skel->progs.wt_block_complete, on);
}

/* --irqs: what of it this kernel traces. */
static void choose_irqs(struct worktrace_bpf *skel, const struct options *o, const struct features *f)
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

	for (unsigned i = 0; o->irqs && i < sizeof(progs) / sizeof(*progs); i++) {
		bpf_program__set_autoload(progs[i].entry, progs[i].args >= 0);
		bpf_program__set_autoload(progs[i].exit, progs[i].args >= 0);
	}
}

void tracer__choose(struct worktrace_bpf *skel, const struct options *o, const struct features *f)
{
	choose_disks(skel, o, f);
	choose_irqs(skel, o, f);
	bpf_program__set_autoload(skel->progs.wt_sock_sent, o->datagrams);
	bpf_program__set_autoload(skel->progs.wt_sock_received, o->datagrams);
	tracer__choose_net(skel, !o->no_connections && features__follows_tcp(f));
	bpf_program__set_autoload(skel->progs.wt_task_rename, f->tp.task_rename >= 0);
	bpf_program__set_autoload(skel->progs.wt_cgroup_attach, f->tp.cgroup_attach_task >= 0);
	bpf_program__set_autoload(skel->progs.wt_sample, o->freq > 0);
	bpf_program__set_autoload(skel->progs.wt_sys_exit, options__units(o));
	bpf_program__set_autoload(skel->progs.wt_told_hit, options__told(o));
	bpf_program__set_autoload(skel->progs.wt_told_exit, options__told(o));
	bpf_program__set_autoload(skel->progs.wt_process_exit, strcmp(o->unit_exec, "none") != 0);
	bpf_program__set_autoload(skel->progs.wt_stage_probe, options__stages(o));
	if (f->uprobe_multi)
		bpf_program__set_expected_attach_type(skel->progs.wt_stage_probe, TRACER_UPROBE_MULTI);
	bpf_program__set_autoload(skel->progs.wt_span, o->n_spans > 0);
	if (f->uprobe_multi)
		bpf_program__set_expected_attach_type(skel->progs.wt_span, TRACER_UPROBE_MULTI);
	bpf_program__set_autoload(skel->progs.wt_fault_skipped, o->fault & WT_FAULT_SKIPPED);
}
