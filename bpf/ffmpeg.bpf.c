// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ffmpeg.bpf.c - the stages of a transcode: probes on the entries and exits of the
 * functions by which ffmpeg calls its libraries.
 *
 * A thread is in the stage of the last such function that it called, until it calls the
 * next: few of them need a probe at their exit, too, and what the probes themselves
 * cost is in the stages.  CPU time is that of the thread's own account, so stages and
 * rest sum to it.  A thread that is born inside such a
 * function (a codec's workers, a filter's) belongs to that stage for good: its whole
 * record counts there, and what it calls is not looked at.
 */
#include "charge.bpf.h"

#define WT_CALLS 8			/* functions inside one another */

struct wt_stage_call_frame {
	__u64 sp;			/* where its return address lies */
	__u64 arg;			/* what its exit must know */
	__u16 stage, call;
	__u32 slot;			/* of a stream or codec, WT_NO_SLOT: none */
};
#define WT_NO_SLOT 0xffffffff

struct wt_stage_thread {
	__u32 serial;			/* the program that it is of */
	__u32 n;			/* of call[]: those with an exit */
	__u32 stage, zero;		/* what it works at */
	__u64 at_ns, cpu_ns;		/* when its stage last changed, and its CPU time then */
	__s64 pts, duration;		/* of the packet that is being written */
	struct wt_stage_call_frame call[WT_CALLS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wt_stage_thread);
} stage_threads SEC(".maps");

/* By image; user space takes them out.  LRU: what nobody takes out must not fill it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, struct wt_stages);
} stages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_stages);
} stages_empty SEC(".maps");

static __always_inline __u32 wt_now_serial(struct wt_task *w)
{
	return w->exec_ns && w->exec_serial ? w->exec_serial : w->serial;
}

/* The CPU time of the current thread's program until now. */
static __always_inline __u64 wt_cpu_now(struct wt_task *w, __u64 now)
{
	volatile struct wt_task *v = w;
	__u64 since = v->since;

	/* an exec that no switch-out has split yet */
	if (v->exec_ns && v->exec_serial)
		return now - (since > v->exec_ns ? since : v->exec_ns);
	return v->st_ns[WT_CPU] + (v->state == WT_CPU && now > since ? now - since : 0);
}

static __always_inline struct wt_stages *wt_stages_of(struct wt_task *w, bool create)
{
	__u64 image = w->exec_ns ? w->exec_image : w->image;
	struct wt_stages *st = bpf_map_lookup_elem(&stages, &image), *fresh;
	__u32 zero = 0;

	if (st || !create)
		return st;
	fresh = bpf_map_lookup_elem(&stages_empty, &zero);
	if (!fresh)
		return NULL;
	bpf_map_update_elem(&stages, &image, fresh, BPF_NOEXIST);
	st = bpf_map_lookup_elem(&stages, &image);
	if (st && !st->image) {
		st->image = image;
		st->since_ns = bpf_ktime_get_ns();
	}
	return st;
}

/* What a thread in that frame works at. */
static __always_inline __u32 wt_frame_stage(struct wt_stage_call_frame *f)
{
	if (f->call == WT_CALL_OPEN && f->slot < WT_STAGE_CODECS)
		return WT_STAGE_CODEC + f->slot;
	return f->stage;
}

/* Charges the time since the last change to the stage that the thread is in. */
static __always_inline void wt_stage_charge(struct wt_task *w, struct wt_stages *st,
					    struct wt_stage_thread *k, __u64 now)
{
	__u64 cpu = wt_cpu_now(w, now);
	__u64 ran = (__s64)(cpu - k->cpu_ns) > 0 ? cpu - k->cpu_ns : 0;
	__u64 passed = (__s64)(now - k->at_ns) > 0 ? now - k->at_ns : 0;
	__u32 stage = k->stage;

	if (stage >= WT_STAGE_CODEC) {
		struct wt_stage_codec *c = &st->codec[(stage - WT_STAGE_CODEC) & (WT_STAGE_CODECS - 1)];

		__sync_fetch_and_add(&c->cpu_ns, ran);
		__sync_fetch_and_add(&c->elapsed_ns, passed);
	} else if (stage < WT_STAGES) {
		__sync_fetch_and_add(&st->cpu_ns[stage], ran);
		if (stage)
			__sync_fetch_and_add(&st->elapsed_ns[stage], passed);
	}
	k->at_ns = now;
	k->cpu_ns = cpu;
}

/* Global, as what follows, and so proved once for each program and not at each call. */
__noinline __u32 wt_codec_slot(struct wt_stages *st, __u64 context)
{
	if (!st)
		return WT_NO_SLOT;
	for (__u32 i = 0; i < WT_STAGE_CODECS; i++) {
		__u64 c = st->codec[i].context;

		if (!c)
			c = __sync_val_compare_and_swap(&st->codec[i].context, 0, context);
		if (!c || c == context)
			return i;
	}
	return WT_NO_SLOT;
}

/* The context was given back and its memory is another's now: the stage is the new one's. */
static __always_inline void wt_codec_reopen(struct wt_stages *st, __u32 slot)
{
	if (slot < WT_STAGE_CODECS)
		st->codec[slot].stage = 0;
}

static __always_inline __s32 wt_codec_type(__u64 context)
{
	__s32 type = -1;

	/* AVCodecContext: av_class, log_level_offset, codec_type; so in all versions */
	bpf_probe_read_user(&type, sizeof(type), (void *)(context + 12));
	return type;
}

/* AVFormatContext.nb_streams and .streams; AVStream's fields have moved: the cookie knows. */
static __always_inline int wt_read_stream(struct wt_stage_stream *s, __u64 format, __u32 index,
					  __u64 cookie)
{
	__u64 streams = 0, stream = 0, par = 0;
	__u32 n = 0;

	s->type = -1;
	if (!(cookie >> 32) || bpf_probe_read_user(&n, 4, (void *)(format + 44)) || index >= n ||
	    bpf_probe_read_user(&streams, 8, (void *)(format + 48)) ||
	    bpf_probe_read_user(&stream, 8, (void *)(streams + 8 * (__u64)index)) ||
	    bpf_probe_read_user(&par, 8, (void *)(stream + (cookie >> 32 & 0xffff))) ||
	    bpf_probe_read_user(&s->type, 4, (void *)par) ||
	    bpf_probe_read_user(&s->num, 8, (void *)(stream + (cookie >> 48))))
		return -1;
	return s->type >= 0 && s->type <= 4 && s->den ? 0 : -1;
}

/* The place of that stream, or the first that is free; WT_NO_SLOT: there is none. */
__noinline __u32 wt_stream_place(struct wt_stages *st, __u64 format, __u32 index)
{
	if (!st)
		return WT_NO_SLOT;
	for (__u32 i = 0; i < WT_STAGE_STREAMS; i++)
		if (!st->stream[i].format ||
		    (st->stream[i].format == format && st->stream[i].index == index))
			return i;
	return WT_NO_SLOT;
}

/* The place of that stream, made at its first packet. */
static __noinline __u32 wt_stream_slot(struct wt_stages *st, __u64 format, __u32 index, __u64 cookie)
{
	__u32 i = wt_stream_place(st, format, index);
	struct wt_stage_stream *s;

	if (i >= WT_STAGE_STREAMS)
		goto unknown;
	s = &st->stream[i];
	if (s->format)
		return i;
	s->index = index;
	if (wt_read_stream(s, format, index, cookie))
		goto unknown;
	s->first_pts = 0x7fffffffffffffffLL;
	s->end_pts = -0x7fffffffffffffffLL;
	/* last: another thread takes the place for free until then, and writes another stream there */
	s->format = format;
	return i;
unknown:
	__sync_fetch_and_add(&st->unknown, 1);
	return WT_NO_SLOT;
}

/* AVPacket: buf, pts, dts, data, size, stream_index, flags, side_data and its number, duration. */
static __always_inline __u32 wt_packet(struct wt_stages *st, struct wt_stage_thread *k,
				       struct pt_regs *ctx, __u64 cookie)
{
	__u64 format = PT_REGS_PARM1(ctx), packet = PT_REGS_PARM2(ctx);
	__u32 index = 0;

	if (!packet)			/* the end: what waits is written */
		return WT_NO_SLOT;
	if (bpf_probe_read_user(&index, 4, (void *)(packet + 36)) ||
	    bpf_probe_read_user(&k->pts, 8, (void *)(packet + 8)) ||
	    bpf_probe_read_user(&k->duration, 8, (void *)(packet + 64)))
		return WT_NO_SLOT;
	return wt_stream_slot(st, format, index, cookie);
}

static __always_inline void wt_written(struct wt_stages *st, struct wt_stage_thread *k, __u32 slot)
{
	struct wt_stage_stream *s;
	__s64 end = k->pts + (k->duration > 0 ? k->duration : 0);

	if (slot >= WT_STAGE_STREAMS)
		return;
	s = &st->stream[slot];
	__sync_fetch_and_add(&s->packets, 1);
	if (k->pts == (__s64)0x8000000000000000ULL)
		return;			/* AV_NOPTS_VALUE */
	if (k->pts < s->first_pts)
		s->first_pts = k->pts;
	if (end > s->end_pts)
		s->end_pts = end;
}

/*
 * The stack grows down: a function whose return address lies below `above` has been
 * left without its exit being seen.
 */
__noinline int wt_drop_left(struct wt_stage_thread *k, __u64 above)
{
	if (!k)
		return -1;
	for (int turn = 0; turn < WT_CALLS; turn++) {
		__u32 n = k->n;

		if (!n || k->call[(n - 1) & (WT_CALLS - 1)].sp >= above)
			break;
		k->n = n - 1;
	}
	return 0;
}

static __noinline int wt_stage_enter(struct pt_regs *ctx, __u64 cookie)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 stage = cookie & 0xff, call = cookie >> 8 & 0xff;
	struct wt_task *w = wt_task_of(t);
	struct wt_stage_call_frame *f;
	struct wt_stage_thread *k;
	struct wt_stages *st;
	__u64 now;
	__u32 i;

	/* a stage's worker: all it does belongs there */
	if (!w || w->stage)
		return 0;
	k = bpf_task_storage_get(&stage_threads, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	st = wt_stages_of(w, true);
	if (!k || !st)
		return 0;
	now = bpf_ktime_get_ns();
	if (k->serial != wt_now_serial(w)) {
		k->serial = wt_now_serial(w);
		k->n = 0;
		/* until its first call the program was being loaded, by the kernel and ld.so, or the thread made */
		k->stage = 0;
		k->cpu_ns = 0;
	}
	wt_stage_charge(w, st, k, now);
	wt_drop_left(k, PT_REGS_SP(ctx) + 1);
	i = k->n;
	/* inside a look at the input everything is that, and a muxer's muxer is not counted */
	if (i && (k->call[0].call == WT_CALL_PROBE || k->call[0].call == WT_CALL_WRITE)) {
		k->stage = w->stage_now = k->call[0].stage;
		return 0;
	}
	if (i >= WT_CALLS)
		return 0;		/* deeper than is followed: it is the outer one's */
	/* again, where 6.1 can see it */
	barrier_var(i);
	i &= WT_CALLS - 1;
	f = &k->call[i];
	f->sp = PT_REGS_SP(ctx);
	f->stage = stage;
	f->call = call;
	f->slot = WT_NO_SLOT;
	switch (f->call) {
	case WT_CALL_OPEN:
	case WT_CALL_CODEC:
	case WT_CALL_FRAME:
		f->slot = wt_codec_slot(st, PT_REGS_PARM1(ctx));
		if (f->slot >= WT_STAGE_CODECS)
			break;
		if (f->call == WT_CALL_OPEN) {
			wt_codec_reopen(st, f->slot);
		} else if (!st->codec[f->slot & (WT_STAGE_CODECS - 1)].stage) {
			st->codec[f->slot & (WT_STAGE_CODECS - 1)].stage = stage;
			st->codec[f->slot & (WT_STAGE_CODECS - 1)].type = wt_codec_type(PT_REGS_PARM1(ctx));
		}
		break;
	case WT_CALL_WRITE:
		f->slot = wt_packet(st, k, ctx, cookie);
		break;
	}
	__sync_fetch_and_add(&st->calls[stage < WT_STAGES ? stage : 0], 1);
	k->stage = w->stage_now = wt_frame_stage(f);
	if (call != WT_CALL_PLAIN && call != WT_CALL_CODEC)
		k->n = i + 1;
	return 0;
}

static __noinline int wt_stage_leave(struct pt_regs *ctx, __u64 cookie)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wt_task *w = wt_task_of(t);
	struct wt_stage_call_frame *f;
	struct wt_stage_thread *k;
	struct wt_stages *st;
	__u64 sp = PT_REGS_SP(ctx);
	__s32 ret = PT_REGS_RC(ctx);
	__u32 i;

	if (!w || w->stage)
		return 0;
	k = bpf_task_storage_get(&stage_threads, t, 0, 0);
	st = wt_stages_of(w, false);
	if (!k || !st || k->serial != wt_now_serial(w) || !k->n)
		return 0;
	if ((cookie >> 16 & 0xff) == WT_AT_RETURNED)
		sp -= 8;
	wt_stage_charge(w, st, k, bpf_ktime_get_ns());
	wt_drop_left(k, sp);
	i = k->n - 1;
	f = &k->call[i & (WT_CALLS - 1)];
	if (!k->n || f->sp != sp)
		return 0;		/* the exit of a function that was not called by its own name */
	if (f->call == WT_CALL_FRAME && !ret && f->slot < WT_STAGE_CODECS &&
	    st->codec[f->slot & (WT_STAGE_CODECS - 1)].type == 0)
		__sync_fetch_and_add(&st->frames_in, 1);
	if (f->call == WT_CALL_WRITE && ret >= 0)
		wt_written(st, k, f->slot);
	k->n = i;
	/* what the program starts between two calls is its own */
	w->stage_now = i ? wt_frame_stage(&k->call[(i - 1) & (WT_CALLS - 1)]) : WT_STAGE_NONE;
	if (f->call == WT_CALL_SETUP || f->call == WT_CALL_PROBE || f->call == WT_CALL_OPEN)
		k->stage = w->stage_now;
	return 0;
}

SEC("?uprobe")
int wt_stage_probe(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);

	if (cookie >> 16 & 0xff)
		return wt_stage_leave(ctx, cookie);
	return wt_stage_enter(ctx, cookie);
}

/* The current thread ends inside a function: what it took until now counts. */
int wt_stage_over(struct wt_task *w)
{
	struct wt_stage_thread *k;
	struct wt_stages *st;
	__u64 now;

	if (!w || w->stage)
		return 0;
	k = bpf_task_storage_get(&stage_threads, bpf_get_current_task_btf(), 0, 0);
	st = wt_stages_of(w, false);
	if (!k || !st || k->serial != wt_now_serial(w))
		return 0;
	now = bpf_ktime_get_ns();
	if (k->stage)
		wt_stage_charge(w, st, k, now);
	/* from there on it unloads what it had loaded, and its memory is given back */
	if (w->tid == w->tgid)
		st->elapsed_ns[WT_STAGE_NONE] = k->cpu_ns;
	k->n = 0;
	k->stage = 0;
	return 0;
}
