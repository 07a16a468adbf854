// SPDX-License-Identifier: GPL-2.0-or-later
/* pygil.bpf.c - a thread that waits for the GIL: is it that, and what is the holder at. */
#include "pycode.bpf.h"

/* The innermost frame of a thread state that has a code object, whose code is in y->c; 0: none. */
static __always_inline __u64 wt_py_top(struct wt_py_walk *y, __u64 ts)
{
	struct wt_py_layout *l = &y->py.l;
	__u64 frame = wt_user_word(ts + l->ts_frame), code;

	if (l->cf_frame != 0xffff && frame)
		frame = wt_user_word(frame + l->cf_frame);
	/* a shim and a frame of the interpreter's own may lie before it */
	for (__u32 i = 0; i < 3; i++) {
		if (!frame || bpf_probe_read_user(y->f, l->f_size & 127, (void *)frame))
			return 0;
		if (l->style != WT_PY_SHIMS || f_byte(y, l->f_owner) < l->shim) {
			code = f_word(y, l->f_code) & ~(__u64)l->tag;
			if (bpf_probe_read_user(y->c, l->c_size & 255, (void *)code) ||
			    y->c[1] != y->py.code_type)
				return 0;
			if (!wt_py_internal(y))
				return frame;
		}
		frame = f_word(y, l->f_prev);
	}
	return 0;
}

/*
 * What the holder of the GIL is at: the name of its innermost Python function.  It
 * runs while we read: a name counts if its frame still has the same code afterwards.
 */
static __always_inline void wt_py_holder(struct wt_scratch *s, __u64 holder)
{
	struct wt_reason *r = &s->reason.reason;
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	__u64 frame = wt_py_top(y, holder), thread;
	__u32 tid = 0;

	if (frame) {
		wt_py_str(y, c_word(y, l->c_name), y->ev.name, &y->ev.name_len, &y->ev.name_kind,
			  false, 0);
		if (y->ev.name_kind == 1 && wt_user_word(frame + l->f_code) == f_word(y, l->f_code)) {
			__u32 len = y->ev.name_len;

			__builtin_memset(r->name, 0, WT_NAME_LEN);
			if (len < WT_NAME_LEN)
				bpf_probe_read_kernel(r->name, len & 63, y->ev.name);
			return;
		}
	}
	/* struct pthread has the thread's id at 0x2d0 (glibc, x86-64) */
	thread = l->ts_native != 0xffff ? holder + l->ts_native :
		 wt_user_word(holder + l->ts_thread) + 0x2d0;
	if (!bpf_probe_read_user(&tid, sizeof(tid), (void *)thread))
		r->n = tid;
}

int wt_python_gil(struct wt_scratch *s, __u32 tgid)
{
	__u32 id = tgid, locked = 0;
	struct wt_reason *r;
	__u64 ts, gil, off;
	struct wt_py *p;

	if (!s)
		return -1;
	p = bpf_map_lookup_elem(&py_procs, &id);
	if (!p)
		return -1;
	gil = p->gil;
	ts = wt_py_state(p->tss);
	if (!gil && ts)
		gil = wt_user_word(wt_user_word(ts + p->l.ts_interp) + p->l.i_gil);
	off = s->call.arg[0] - gil;
	if (!gil || off < WT_PY_GIL_COND || off >= WT_PY_GIL_SIZE)
		return -1;
	s->py.py = *p;
	s->py.begun = 0;
	r = &s->reason.reason;
	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_LOCK;
	r->kind = WT_K_GIL;
	off = wt_user_word(gil + WT_PY_GIL_HOLDER);
	if (off && off != ts && !bpf_probe_read_user(&locked, sizeof(locked),
						     (void *)(gil + WT_PY_GIL_LOCKED)) && locked)
		wt_py_holder(s, off);
	return 0;
}
