/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pycode.bpf.h - CPython's frames and code objects as they were read, for those that walk
 * through them (python.bpf.c) and for those that only look (pygil.bpf.c).
 */
#ifndef WT_PYCODE_BPF_H
#define WT_PYCODE_BPF_H

#include "walk.bpf.h"
#include "pystate.bpf.h"

struct wt_py_procs_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_PY_PROCS);
	__type(key, __u32);
	__type(value, struct wt_py);
};
/* Numbers of code objects; one that is evicted gets another number. */
struct wt_py_code_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WT_MAX_PY_CODES);
	__type(key, struct wt_py_key);
	__type(value, __u64);
};
extern struct wt_py_procs_map py_procs SEC(".maps");
extern struct wt_py_code_map py_code SEC(".maps");
extern volatile __u64 run_py_codes;	/* last number given out */

/* pycode.bpf.c: tells user space what the code object in s->py.c is called; 0, or -1: lost, and counted. */
int wt_py_send(struct wt_scratch *s, __u64 number);

/* The masks hold the verifier: user space writes offsets that fit. */
static __always_inline __u64 f_word(struct wt_py_walk *y, __u32 off)
{
	return *(__u64 *)((char *)y->f + (off & 0x78));
}

static __always_inline __s32 f_int(struct wt_py_walk *y, __u32 off)
{
	return *(__s32 *)((char *)y->f + (off & 0x7c));
}

static __always_inline __u8 f_byte(struct wt_py_walk *y, __u32 off)
{
	return *((__u8 *)y->f + (off & 0x7f));
}

static __always_inline __u64 c_word(struct wt_py_walk *y, __u32 off)
{
	return *(__u64 *)((char *)y->c + (off & 0xf8));
}

static __always_inline __u32 c_int(struct wt_py_walk *y, __u32 off)
{
	return *(__u32 *)((char *)y->c + (off & 0xfc));
}

/* The n bytes at the end (tail) or the start of a str; their number and what a character takes. */
static __always_inline void wt_py_str(struct wt_py_walk *y, __u64 at, char *to, __u16 *len,
				      __u8 *kind, bool tail, __u8 cut)
{
	__u32 state, width, bytes, skip = 0;
	__u64 n;

	*kind = 0;
	*len = 0;
	/* PyASCIIObject: length at 16, state at 32 (kind: bits 2-4, compact: 5, ascii: 6) */
	if (bpf_probe_read_user(y->str, sizeof(y->str), (void *)at))
		return;
	state = y->str[4];
	width = state >> 2 & 7;
	if (!(state & 32) || (width != 1 && width != 2 && width != 4) || y->str[2] > 1 << 16)
		return;
	bytes = (__u32)y->str[2] * width;
	n = bytes;
	if (bytes > 252) {
		n = 252;
		y->ev.cut |= cut;
		if (tail)
			skip = bytes - 252;
	}
	at += (state & 64 ? y->py.l.s_ascii : y->py.l.s_other) + skip;
	n = MASKED(n, 255);
	if (bpf_probe_read_user(to, n, (void *)at))
		return;
	*len = n;
	*kind = width;
}

/*
 * Is the code in y->c the interpreter's own?  From 3.12 on a call of a class puts a frame between
 * the caller and __init__, which throws away what __init__ returns (_Py_InitCleanup).  Nothing
 * marks it but its code, a constant: one interned string for all of its names and that
 * for its file's, and line 0, at which no source begins.
 */
static __always_inline bool wt_py_internal(struct wt_py_walk *y)
{
	struct wt_py_layout *l = &y->py.l;

	return l->style == WT_PY_SHIMS && !c_int(y, l->c_firstlineno) &&
	       c_word(y, l->c_name) == c_word(y, l->c_filename);
}

/* The number of that code object, 0: it is none. */
static __always_inline __u64 wt_py_number(struct wt_scratch *s, __u64 code)
{
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	struct wt_py_key key;	/* 6.1 takes no key from an argument's memory, only from the stack */
	__u64 *known, n, h;

	if (bpf_probe_read_user(y->c, l->c_size & 255, (void *)code))
		return 0;
	if (y->c[1] != y->py.code_type)		/* ob_type */
		return 0;
	if (wt_py_internal(y)) {
		y->hidden = 1;
		return WT_PY_HIDDEN;
	}
	h = wt_hash_add(0x70, (__u64)c_int(y, l->c_argcount) << 32 | c_int(y, l->c_flags));
	h = wt_hash_add(h, c_int(y, l->c_firstlineno));
	h = wt_hash_add(h, c_word(y, l->c_name));
	h = wt_hash_add(h, c_word(y, l->c_filename));
	h = wt_hash_add(h, c_word(y, l->c_table));
	key.image = s->walk.image;
	key.address = code;
	key.check = h;
	known = bpf_map_lookup_elem(&py_code, &key);
	if (known)
		return *known;
	n = __sync_fetch_and_add(&run_py_codes, 1) + 1;
	if (!wt_py_send(s, n))
		bpf_map_update_elem(&py_code, &key, &n, BPF_ANY);
	return n;
}

#endif /* WT_PYCODE_BPF_H */
