// SPDX-License-Identifier: GPL-2.0-or-later
/* features.c - what this kernel, these privileges and this machine allow. */
#include "loader/features.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "symbols/procmaps.h"
#include "target/cgroup.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

/* --- BTF ----------------------------------------------------------------- */

/*
 * What is looked for.  Of each name there may be several types (a tracepoint's
 * is a typedef, its iterator a function), so the kind counts.
 */
struct wanted {
	const char *name;
	__u16 kind;		/* BTF_KIND_* */
	const char *member;	/* of a structure or an enumeration; NULL: the type itself */
	size_t field;		/* offset in struct features */
};

#define TP(n) { "btf_trace_" #n, BTF_KIND_TYPEDEF, NULL, offsetof(struct features, tp.n) }
#define MEMBER(s, m, f) { #s, BTF_KIND_STRUCT, #m, offsetof(struct features, f) }

static const struct wanted wanted[] = {
	TP(sched_switch), TP(sched_wakeup), TP(sched_wakeup_new),
	TP(sched_process_fork), TP(sched_process_exec), TP(sched_process_exit),
	TP(task_rename), TP(cgroup_attach_task),
	TP(inet_sock_set_state), TP(tcp_destroy_sock), TP(tcp_send_reset), TP(tcp_receive_reset),
	TP(sock_send_length), TP(sock_recv_length),
	TP(softirq_entry), TP(irq_handler_entry), TP(local_timer_entry), TP(reschedule_entry),
	TP(call_function_entry), TP(call_function_single_entry), TP(irq_work_entry),
	TP(mm_filemap_fault), TP(block_io_start), TP(block_rq_insert), TP(block_rq_issue), TP(block_rq_complete),
	MEMBER(request_queue, disk, field.queue_disk),
	MEMBER(task_struct, __state, field.task_state),
	MEMBER(task_struct, in_memstall, field.in_memstall),
	MEMBER(task_struct, frozen, field.frozen),
	MEMBER(sched_entity, sched_delayed, field.sched_delayed),
	MEMBER(cfs_rq, throttle_count, field.throttle_count),
	MEMBER(rq, prev_steal_time, field.prev_steal_time),
	MEMBER(rq, clock_task, field.clock_task),
	{ "bpf_iter_task", BTF_KIND_FUNC, NULL, offsetof(struct features, iter_task) },
	{ "bpf_iter_task_file", BTF_KIND_FUNC, NULL, offsetof(struct features, iter_task_file) },
	{ "bpf_iter_bpf_map_elem", BTF_KIND_FUNC, NULL, offsetof(struct features, iter_map_elem) },
	{ "bpf_func_id", BTF_KIND_ENUM, "BPF_FUNC_task_pt_regs",
	  offsetof(struct features, helper_task_pt_regs) },
	{ "bpf_func_id", BTF_KIND_ENUM, "BPF_FUNC_loop", offsetof(struct features, helper_loop) },
	{ "bpf_attach_type", BTF_KIND_ENUM, "BPF_TRACE_UPROBE_MULTI",
	  offsetof(struct features, uprobe_multi) },
};

#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))

/* Parameters of the tracepoint's prototype but the first, which is its private data. */
static int tracepoint_args(const struct btf *btf, const struct btf_type *t)
{
	t = btf__type_by_id(btf, t->type);
	if (t && btf_is_ptr(t))
		t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? btf_vlen(t) - 1 : -1;
}

/* Members of anonymous structures and unions inside are members, too. */
static bool has_member(const struct btf *btf, const struct btf_type *t, const char *name, int depth)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *n = btf__name_by_offset(btf, m->name_off);
		const struct btf_type *inner;

		if (n && !strcmp(n, name))
			return true;
		if ((n && *n) || depth == 4)
			continue;
		inner = btf__type_by_id(btf, m->type);
		if (inner && btf_is_composite(inner) && has_member(btf, inner, name, depth + 1))
			return true;
	}
	return false;
}

static bool has_enumerator(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_enum *e = btf_enum(t);

	for (int i = 0; i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, e[i].name_off), name))
			return true;
	return false;
}

static void read_subsys(struct features *f, const struct btf *btf, const struct btf_type *t)
{
	static const char suffix[] = "_cgrp_id";
	const struct btf_enum *e = btf_enum(t);

	f->n_subsys = 0;
	for (int i = 0; i < btf_vlen(t) && f->n_subsys < FEATURES_SUBSYS_MAX; i++) {
		const char *name = btf__name_by_offset(btf, e[i].name_off);
		size_t len = strlen(name), end = sizeof(suffix) - 1;

		/* the last one is CGROUP_SUBSYS_COUNT */
		if (len <= end || strcmp(name + len - end, suffix))
			continue;
		snprintf(f->subsys[f->n_subsys].name, sizeof(f->subsys[0].name), "%.*s",
			 (int)(len - end), name);
		f->subsys[f->n_subsys++].index = e[i].val;
	}
}

static void match(struct features *f, const struct btf *btf, const struct btf_type *t,
		  const struct wanted *w)
{
	void *field = (char *)f + w->field;

	if (w->kind == BTF_KIND_TYPEDEF)
		*(int *)field = tracepoint_args(btf, t);
	else if (w->kind == BTF_KIND_FUNC)
		*(bool *)field = true;
	else if (w->kind == BTF_KIND_STRUCT)
		*(bool *)field |= has_member(btf, t, w->member, 0);
	else
		*(bool *)field |= has_enumerator(btf, t, w->member);
}

/* One pass over some 100,000 types: btf__find_by_name would make one for each name. */
static struct btf *detect_btf(struct features *f)
{
	struct stat st;
	struct btf *btf;
	__u32 n;

	f->btf_err = stat(BTF_PATH, &st) ? -errno : 0;
	if (f->btf_err)
		return NULL;
	f->btf_bytes = st.st_size;
	btf = btf__parse_raw(BTF_PATH);
	if (!btf) {
		f->btf_err = -errno;
		return NULL;
	}
	n = btf__type_cnt(btf);
	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		__u16 kind = btf_kind(t);
		const char *name;

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_STRUCT &&
		    kind != BTF_KIND_FUNC && kind != BTF_KIND_ENUM)
			continue;
		name = btf__name_by_offset(btf, t->name_off);
		for (size_t i = 0; i < N_WANTED; i++)
			if (kind == wanted[i].kind && !strcmp(name, wanted[i].name))
				match(f, btf, t, &wanted[i]);
		if (kind == BTF_KIND_ENUM && !strcmp(name, "cgroup_subsys_id"))
			read_subsys(f, btf, t);
		if (kind == BTF_KIND_STRUCT && !strcmp(name, "timespec64"))
			f->word_type = id;
		if (kind == BTF_KIND_FUNC && !strcmp(name, "bpf_rdonly_cast"))
			f->rdonly_cast = id;
	}
	return btf;
}

bool features__follows_tcp(const struct features *f)
{
	return f->tp.inet_sock_set_state >= 0 && f->tp.tcp_destroy_sock >= 0 &&
	       f->tp.tcp_send_reset >= 0 && f->tp.tcp_receive_reset >= 0 &&
	       f->iter_task_file && f->iter_map_elem;
}

bool features__block(const struct features *f)
{
	return f->tp.block_rq_issue == 1 && f->tp.block_rq_complete == 3 && f->field.queue_disk;
}

int features__subsys_index(const struct features *f, const char *controller)
{
	/* the one whose name in v1 differs from its name in the sources */
	if (!strcmp(controller, "blkio"))
		controller = "io";
	for (unsigned i = 0; i < f->n_subsys; i++)
		if (!strcmp(f->subsys[i].name, controller))
			return f->subsys[i].index;
	return -1;
}

/* The file's first bytes, NUL-terminated; their number or a negative errno. */
static ssize_t read_head(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	buf[0] = 0;
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	n = n < 0 ? -errno : n;
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

/* --- by trial ------------------------------------------------------------ */

static int try_ring_buffer(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "wt_trial", 0, 0, getpagesize(), NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/*
 * The smallest program that reads kernel memory.  libbpf_probe_bpf_helper will
 * not do: it takes every refusal it has no words for as consent.
 */
static int try_read_kernel(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ST | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_10, .off = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_10 },
		{ .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = -8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 8 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_probe_read_kernel },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_RAW_TRACEPOINT, "wt_trial", "GPL", insns,
			       sizeof(insns) / sizeof(insns[0]), NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static int yes_or_errno(int answer)
{
	if (answer == 1)
		return 0;
	return answer ? answer : -EOPNOTSUPP;
}

static int try_perf(__u32 type, __u64 config, bool sample)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = type,
		.config = config,
		.disabled = 1,
		.freq = sample,
		.sample_freq = sample ? 99 : 0,
	};
	int cpu = sched_getcpu();
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu < 0 ? 0 : cpu, -1,
			 PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* Where the probe of the trial stands. */
static void __attribute__((noinline)) probe_me(void)
{
	__asm__ volatile("");
}

static void find_probe_me(void *ctx, const struct symbols_mmap *m)
{
	__u64 at = (uintptr_t)probe_me;

	if (at >= m->start && at - m->start < m->len)
		*(__u64 *)ctx = at - m->start + m->pgoff;
}

#define UPROBE_DEVICE "/sys/bus/event_source/devices/uprobe"

/* Whether the kernel has them; 0 and the number of the kind of event, or -ENOENT. */
static int read_uprobe_type(bool *semaphore, __u32 *type)
{
	char buf[32];

	*semaphore = read_head(UPROBE_DEVICE "/format/ref_ctr_offset", buf, sizeof(buf)) > 0;
	if (read_head(UPROBE_DEVICE "/type", buf, sizeof(buf)) <= 0)
		return -ENOENT;
	*type = atoi(buf);
	return 0;
}

void features__try_uprobe(struct features *f)
{
	struct perf_event_attr attr = { .size = sizeof(attr) };
	__u64 off = 0, hits = 0;
	int fd;

	f->uprobe_err = read_uprobe_type(&f->uprobe_semaphore, &attr.type);
	if (f->uprobe_err)
		return;
	procmaps__each(getpid(), find_probe_me, &off);
	attr.config1 = (uintptr_t)"/proc/self/exe";
	attr.config2 = off;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	f->uprobe_err = fd < 0 ? -errno : 0;
	if (fd < 0)
		return;
	probe_me();
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits) || hits != 1)
		f->uprobe_err = -EIO;
	close(fd);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return 0;
}

static void detect_by_trial(struct features *f)
{
	/* a trial that fails is an answer, not an error */
	libbpf_print_fn_t before = libbpf_set_print(quiet);
	__u32 type;

	f->ring_buffer_err = try_ring_buffer();
	f->task_storage_err = yes_or_errno(
		libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL));
	f->read_kernel_err = try_read_kernel();
	f->cpu_clock_err = try_perf(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, true);
	f->hw_cycles_err = try_perf(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, false);
	f->uprobe_err = read_uprobe_type(&f->uprobe_semaphore, &type);
	f->possible_cpus = libbpf_num_possible_cpus();
	libbpf_set_print(before);
}

/* --- privileges and settings --------------------------------------------- */

static int read_setting(const char *name)
{
	char path[128], buf[32];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	return read_head(path, buf, sizeof(buf)) > 0 ? atoi(buf) : FEATURES_ABSENT;
}

static void detect_privileges(struct features *f)
{
	char buf[4096], *p, *end;

	if (read_head("/proc/self/status", buf, sizeof(buf)) > 0 &&
	    (p = strstr(buf, "\nCapEff:")))
		f->caps = strtoull(p + sizeof("\nCapEff:") - 1, NULL, 16);
#define CAP(c) (f->caps >> (c) & 1)
	f->cap_bpf = CAP(CAP_BPF);
	f->cap_perfmon = CAP(CAP_PERFMON);
	f->cap_sys_admin = CAP(CAP_SYS_ADMIN);
	f->cap_sys_resource = CAP(CAP_SYS_RESOURCE);
	f->cap_sys_ptrace = CAP(CAP_SYS_PTRACE);
	f->cap_syslog = CAP(CAP_SYSLOG);
	f->cap_checkpoint_restore = CAP(CAP_CHECKPOINT_RESTORE);
#undef CAP
	/* "none [integrity] confidentiality" */
	if (read_head("/sys/kernel/security/lockdown", buf, sizeof(buf)) > 0 &&
	    (p = strchr(buf, '[')) && (end = strchr(p, ']')))
		snprintf(f->lockdown, sizeof(f->lockdown), "%.*s", (int)(end - p - 1), p + 1);
}

/*
 * An address of zeros is one we may not see.  The first symbols may lie at zero
 * truly, so that the first page of the file is asked, not the first line.
 */
static bool can_see_kallsyms(void)
{
	char buf[4096];

	if (read_head("/proc/kallsyms", buf, sizeof(buf)) <= 0)
		return false;
	for (char *line = buf; *line;) {
		char *nl = strchr(line, '\n');

		if (strtoull(line, NULL, 16))
			return true;
		if (!nl)
			break;
		line = nl + 1;
	}
	return false;
}

static void detect_cgroups(struct features *f)
{
	struct cgroup_mounts m;
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");

	if (!mountinfo)
		return;
	if (!cgroup_mounts__read(&m, mountinfo)) {
		for (unsigned i = 0; i < m.n; i++) {
			f->cgroup_v2 |= m.v[i].v2;
			f->cgroup_v1 |= !m.v[i].v2 && m.v[i].controllers[0];
		}
		cgroup_mounts__free(&m);
	}
	fclose(mountinfo);
}

static void detect_settings(struct features *f)
{
	char buf[64];
	struct rlimit lim;

	f->perf_event_paranoid = read_setting("perf_event_paranoid");
	f->perf_event_max_sample_rate = read_setting("perf_event_max_sample_rate");
	f->kptr_restrict = read_setting("kptr_restrict");
	f->unprivileged_bpf_disabled = read_setting("unprivileged_bpf_disabled");
	f->kallsyms = can_see_kallsyms();
	/* only the first network namespace has that file */
	f->no_jit = read_head("/proc/sys/net/core/bpf_jit_enable", buf, sizeof(buf)) > 0 && *buf == '0';
	/* built in but switched off, the file is there and cannot be opened */
	f->psi = read_head("/proc/pressure/memory", buf, sizeof(buf)) > 0;
	if (!getrlimit(RLIMIT_MEMLOCK, &lim))
		f->memlock_bytes = lim.rlim_cur == RLIM_INFINITY ? ~0ULL : lim.rlim_cur;
	detect_cgroups(f);
}

struct btf *features__detect(struct features *f)
{
	struct utsname uts;
	struct btf *btf;

	/* to the last byte, so that two of them can be compared */
	memset(f, 0, sizeof(*f));
	f->tp.sched_switch = f->tp.sched_wakeup = f->tp.sched_wakeup_new = -1;
	f->tp.sched_process_fork = f->tp.sched_process_exec = f->tp.sched_process_exit = -1;
	f->tp.task_rename = f->tp.cgroup_attach_task = -1;
	f->tp.inet_sock_set_state = f->tp.tcp_destroy_sock = -1;
	f->tp.tcp_send_reset = f->tp.tcp_receive_reset = -1;
	f->tp.mm_filemap_fault = f->tp.block_io_start = f->tp.block_rq_insert = -1;
	f->tp.sock_send_length = f->tp.sock_recv_length = -1;
	f->tp.softirq_entry = f->tp.irq_handler_entry = f->tp.local_timer_entry = -1;
	f->tp.reschedule_entry = f->tp.call_function_entry = -1;
	f->tp.call_function_single_entry = f->tp.irq_work_entry = -1;
	f->tp.block_rq_issue = f->tp.block_rq_complete = -1;
	if (!uname(&uts)) {
		snprintf(f->release, sizeof(f->release), "%s", uts.release);
		snprintf(f->machine, sizeof(f->machine), "%s", uts.machine);
	}
	snprintf(f->libbpf, sizeof(f->libbpf), "%s", libbpf_version_string());
	btf = detect_btf(f);
	detect_privileges(f);
	detect_settings(f);
	detect_by_trial(f);
	return btf;
}
