// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exec.bpf.c - programs that are units of work from exec to exit.
 *
 * What must not be lost is kept in a map until user space has read it; the command
 * line, which only names the unit, goes through the ring.
 */
#include "calls.bpf.h"
#include "block.bpf.h"

#define WT_SIGNAL_GROUP_EXIT 4		/* include/linux/sched/signal.h */

/* The running programs of one machine that are units: user space takes ended ones out. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, struct wt_exec);
} exec_units SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_EXEC_NAMES);
	__type(key, struct wt_exec_name);
	__type(value, __u8);
} exec_names SEC(".maps");

const volatile __u8 cfg_execs = 0;	/* there are names to look for */

volatile __u32 run_execs = 0;		/* times that exec_units was added to, or an entry ended */

static __always_inline bool wt_named(struct wt_exec_name *name)
{
	return bpf_map_lookup_elem(&exec_names, name) != NULL;
}

/* Adds what the current thread has moved so far, once its program is over for it. */
static __always_inline void wt_add_io(struct wt_exec *x, struct task_struct *t, bool minus)
{
	struct task_io_accounting *io = &t->ioac;
	__u64 sign = minus ? -1ULL : 1;

	if (bpf_core_field_exists(io->rchar)) {
		__sync_fetch_and_add(&x->rchar, sign * BPF_CORE_READ(t, ioac.rchar));
		__sync_fetch_and_add(&x->wchar, sign * BPF_CORE_READ(t, ioac.wchar));
	}
	if (bpf_core_field_exists(io->read_bytes)) {
		__sync_fetch_and_add(&x->read_bytes, sign * BPF_CORE_READ(t, ioac.read_bytes));
		__sync_fetch_and_add(&x->write_bytes, sign * BPF_CORE_READ(t, ioac.write_bytes));
	}
}

/*
 * The most memory it had.  From 6.17 on the address space still is there when a
 * process ends.  Before, the kernel's own maximum is left, which an exec starts
 * at what the process had before (a fork of a large program, a vfork): it tells only
 * when it has grown.
 */
static __always_inline __u64 wt_rss_pages(struct wt_exec *x, struct task_struct *t)
{
	struct mm_struct___counters *c = (void *)BPF_CORE_READ(t, mm);
	struct mm_struct *mm = (void *)c;
	__u64 peak, now = 0, most;

	if (mm && bpf_core_field_exists(c->rss_stat[0].count)) {
		__s64 file = BPF_CORE_READ(c, rss_stat[0].count);
		__s64 anon = BPF_CORE_READ(c, rss_stat[1].count);
		__s64 shmem = BPF_CORE_READ(c, rss_stat[3].count);

		now = (file > 0 ? file : 0) + (anon > 0 ? anon : 0) + (shmem > 0 ? shmem : 0);
		peak = BPF_CORE_READ(mm, hiwater_rss);
		return peak > now ? peak : now;
	}
	most = BPF_CORE_READ(t, signal, maxrss);
	return most > x->rss_before ? most : 0;
}

static __always_inline __s32 wt_process_status(struct task_struct *t)
{
	if (BPF_CORE_READ(t, signal, flags) & WT_SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(t, signal, group_exit_code);
	return BPF_CORE_READ(t, group_leader, exit_code);
}

static __always_inline void wt_exec_over(struct wt_exec *x, __u32 how)
{
	x->end_ns = bpf_ktime_get_ns();
	__sync_fetch_and_add(&run_execs, 1);
	/* last: who reads it from another CPU then has the rest */
	__sync_fetch_and_or(&x->flags, how);
}

/* The program that this thread ran until now, if that was a unit, is over. */
static __always_inline void wt_replaced(struct wt_task *w, struct task_struct *t)
{
	__u64 image = w->image;
	struct wt_exec *x = bpf_map_lookup_elem(&exec_units, &image);

	if (!x || x->flags & (WT_X_ENDED | WT_X_REPLACED))
		return;
	wt_add_io(x, t, false);
	wt_exec_over(x, WT_X_REPLACED);
}

static __always_inline void wt_fill_unit(struct wt_exec *x, struct wt_task *w,
					 struct task_struct *t)
{
	x->image = w->exec_ns ? w->exec_image : w->image;
	x->serial = w->exec_ns ? w->exec_serial : w->serial;
	x->job = w->exec_ns ? w->exec_job : w->job;
	x->cgroup = w->cgroup;
	x->start_ns = w->exec_ns ? w->exec_ns : w->birth_ns;
	x->rss_before = BPF_CORE_READ(t, signal, maxrss);
	x->task = w->task;
	x->parent = w->parent;
	x->tgid = BPF_CORE_READ(t, tgid);
	x->ppid = BPF_CORE_READ(t, real_parent, tgid);
	x->epoch = w->proc_epoch;
	wt_add_io(x, t, true);
}

/* The command line lies at the top of the fresh stack, which has just been written. */
static __always_inline void wt_send_args(struct wt_exec *x, struct task_struct *t,
					 const char *path)
{
	__u64 start = BPF_CORE_READ(t, mm, arg_start), len = BPF_CORE_READ(t, mm, arg_end) - start;
	struct wt_ev_exec *e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	__u32 n = len < WT_EXEC_ARGS ? len : WT_EXEC_ARGS;

	if (!e) {
		wt_lost(WT_LOSS_EXEC_ARGS);
		return;
	}
	e->h.type = WT_EV_EXEC;
	e->h.zero = 0;
	e->h.ts_ns = x->start_ns;
	e->x = *x;
	e->args_len = len;
	e->zero = 0;
	if (bpf_probe_read_kernel_str(e->path, sizeof(e->path), path) < 0)
		e->path[0] = 0;
	if (len > WT_EXEC_ARGS)
		n = WT_EXEC_ARGS - WT_EXEC_TAIL;
	/* again, where the verifier can see it */
	barrier_var(n);
	if (n > WT_EXEC_ARGS || bpf_probe_read_user(e->args, n, (void *)start))
		e->args_len = 0;
	else if (len > WT_EXEC_ARGS &&
		 bpf_probe_read_user(e->args + WT_EXEC_ARGS - WT_EXEC_TAIL, WT_EXEC_TAIL,
				     (void *)(start + len - WT_EXEC_TAIL)))
		e->args_len = n;
	bpf_ringbuf_submit(e, 0);
}

int wt_exec(struct wt_task *w, __u64 address)
{
	struct task_struct *t = (void *)bpf_get_current_task();
	struct linux_binprm *b = (void *)address;
	struct wt_exec x = {};
	const char *path;

	if (!w || !cfg_execs)
		return 0;
	w->stage = 0;
	w->stage_now = 0;
	if (w->exec_ns)
		wt_replaced(w, t);
	path = BPF_CORE_READ(b, filename);
	if (BPF_CORE_READ(b, interp) != path)
		x.flags |= WT_X_SCRIPT;
	/* the kernel has just named the thread by the last part of the path */
	bpf_core_read_str(x.name.name, sizeof(x.name.name), &t->comm);
	if (!wt_named(&x.name)) {
		if (!(x.flags & WT_X_SCRIPT))
			return 0;
		__builtin_memset(&x.name, 0, sizeof(x.name));
		bpf_probe_read_kernel_str(x.name.name, sizeof(x.name.name),
					  BPF_CORE_READ(b, file, f_path.dentry, d_name.name));
		if (!wt_named(&x.name))
			return 0;
	}
	wt_fill_unit(&x, w, t);
	if (wt_fault(WT_FAULT_UNITS, 1) ||
	    bpf_map_update_elem(&exec_units, &x.image, &x, BPF_NOEXIST))
		wt_lost(WT_LOSS_EXEC_UNIT);
	__sync_fetch_and_add(&run_execs, 1);
	wt_send_args(&x, t, path);
	return 0;
}

int wt_exec_lost(struct wt_scratch *s)
{
	struct wt_exec *x;
	__u64 image;

	if (!s || !cfg_execs)
		return 0;
	image = s->rec.image;
	x = bpf_map_lookup_elem(&exec_units, &image);
	if (!x)
		return 0;
	for (int i = 0; i < WT_STATES; i++)
		__sync_fetch_and_add(&x->lost_st_ns[i], s->rec.st_ns[i]);
	__sync_fetch_and_add(&x->lost_utime_ns, s->rec.utime_ns);
	__sync_fetch_and_add(&x->lost_stime_ns, s->rec.stime_ns);
	__sync_fetch_and_add(&x->lost_threads, 1);
	if (x->lost_end_ns < s->rec.end_ns)
		x->lost_end_ns = s->rec.end_ns;
	return 0;
}

int wt_exec_request(__u64 image, __u32 op, __u64 bytes, __u64 ns)
{
	struct wt_exec *x;

	if (!cfg_execs || !run_execs)
		return 0;
	x = bpf_map_lookup_elem(&exec_units, &image);
	if (!x)
		return 0;
	__sync_fetch_and_add(&x->requests_ns, ns);
	/* by the disk they are lines of the details */
	switch (wt_blk_exact(op)) {
	case WT_EXACT_READS:
		__sync_fetch_and_add(&x->reads, 1);
		__sync_fetch_and_add(&x->blk_read_bytes, bytes);
		break;
	case WT_EXACT_WRITES:
		__sync_fetch_and_add(&x->writes, 1);
		__sync_fetch_and_add(&x->blk_write_bytes, bytes);
		break;
	default:
		__sync_fetch_and_add(&x->requests, 1);
	}
	return 1;
}

/* A thread is on its way out; with the last one the program is over. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(wt_process_exit, struct task_struct *t)
{
	struct wt_task *w = wt_task_of(t);
	struct wt_exec *x;
	__u64 image;

	if (!w)
		return 0;
	w->exit_ns = bpf_ktime_get_ns();
	image = w->exec_ns ? w->exec_image : w->image;
	x = bpf_map_lookup_elem(&exec_units, &image);
	if (!x)
		return 0;
	wt_add_io(x, t, false);
	wt_stage_over(w);
	if (BPF_CORE_READ(t, signal, live.counter) > 0)
		return 0;
	x->exit_code = wt_process_status(t);
	x->rss_pages = wt_rss_pages(x, t);
	wt_exec_over(x, WT_X_ENDED);
	return 0;
}
