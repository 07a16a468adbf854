// SPDX-License-Identifier: GPL-2.0-or-later
/* sample.bpf.c - on-CPU stacks, by a timer on each CPU. */
#include "epoch.bpf.h"
#include "record.bpf.h"

/*
 * What was interrupted is the kernel's: else there is no kernel stack to ask for.  The
 * context begins with the interrupted registers; kernel addresses are the upper half.
 */
static __always_inline bool wt_in_kernel(void *ctx)
{
#if defined(__TARGET_ARCH_x86)
	return (__s64)((volatile __u64 *)ctx)[16] < 0;	/* ip in struct pt_regs */
#else
	return true;
#endif
}

SEC("perf_event")
int wt_sample(struct bpf_perf_event_data *ctx)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wt_detail_key *k;
	struct wt_scratch *s;
	struct wt_task *w;
	__u64 now;
	long bytes = 0;

	if (!t->pid)
		return 0;
	w = wt_task_of(t);
	if (!w || w->done)
		return 0;
	now = bpf_ktime_get_ns();
	if (!wt_recording(now))
		return 0;
	s = wt_scratch(WT_SCRATCH_SAMPLE);
	if (!s)
		return 0;
	s->sampling = 1;
	s->unsent = 0;
	if (w->forgot != run_forgot)
		wt_forget_stacks(w);
	k = &s->sample_key;
	__builtin_memset(k, 0, sizeof(*k));
	k->state = WT_CPU;
	k->reason = WT_K_USER;
	if (wt_in_kernel(ctx))
		bytes = bpf_get_stack(ctx, s->ip, WT_MAX_KFRAMES * 8, 0);
	if (bytes > 0) {
		k->kstack = wt_kernel_stack_id(s, bytes / 8);
		k->reason = WT_K_KERNEL;
	} else if (t->flags & PF_KTHREAD) {
		wt_lost(WT_LOSS_KSTACK);
		k->reason = WT_K_KERNEL;
	}
	if (!(t->flags & (PF_KTHREAD | PF_IO_WORKER))) {
		wt_uregs_of((void *)bpf_task_pt_regs(t), &s->walk);
		k->ustack = wt_user_stack(s, w, 0);
	}
	k->thread = w->exec_ns && w->exec_serial ? w->exec_serial : w->serial;
	k->epoch = wt_epoch_of(w, t);
	k->span = w->span;
	w->samples++;
	wt_counted(WT_CNT_SAMPLE);
	if (!s->unsent || wt_send_sample(s, w->tgid))
		wt_detail_add(k, 0, 0);
	return 0;
}
