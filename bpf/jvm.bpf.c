// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jvm.bpf.c - frames of HotSpot's code cache: compiled methods, stubs and the
 * interpreter.
 *
 * Code lies in blobs, and a blob says how large the frames of its code are: the
 * frame pointer is saved and the return address lies at fixed places under the
 * frame's end.  The interpreter is one blob whose frames are chained by frame
 * pointer and name their method.  Stubs share blobs and keep a frame pointer.
 *
 * What is read here but the stack is a function of a frame's address: the blob
 * that covers it.  So such a stack may be remembered and verified by its words
 * (stack.bpf.c), unless a blob was freed and another was put in its place with a
 * frame of that size and a call that returns to that very address, while all the
 * words of the stack are as they were: HotSpot frees no code that is on a stack.
 * --unwind-check counts such mistakes (they have not been seen).  A walk that took
 * registers or searched is not remembered.
 */
#include "walk.bpf.h"

struct wt_jvm_procs_map jvm_procs SEC(".maps");

#define SEGMENT_STEPS 64	/* 254 segments of at least 64 bytes each: a blob of a MiB */
#define SEGMENT_FREE 0xff
#define STUB_SPAN (64 << 10)	/* a stub's frame further up than this is none */
#define FRAME_SPAN (1 << 20)
#define MAX_FRAME_WORDS (1 << 16)

/*
 * The head of an interpreter's frame, in words from its frame pointer
 * (frame_x86.hpp, the same from JDK 8 to 25): the Method * and the caller's stack
 * pointer, which is not right above the return address: the arguments lie there.
 */
#define INTERP_METHOD (-3)
#define INTERP_SENDER_SP (-1)

/* What MacroAssembler::push_CPU_state pushes, in words from the lowest (the same from JDK 9 to 25). */
#define SAVED_FPU (2688 / 8)
#define SAVED_WORDS 16
#define SAVED_R13 2
#define SAVED_RBP 10
#define SAVED_RAX 15

/* Eight letters as they lie in memory. */
#define W8(a, b, c, d, e, f, g, h)                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* The masks hold the verifier: user space writes offsets that fit. */
static __always_inline __u64 b_word(struct wt_jvm_walk *j, __u32 off)
{
	return *(__u64 *)((char *)j->b + (off & (WT_JVM_BLOB_SIZE - 8)));
}

static __always_inline __s32 b_int(struct wt_jvm_walk *j, __u32 off)
{
	return *(__s32 *)((char *)j->b + (off & (WT_JVM_BLOB_SIZE - 4)));
}

static __always_inline __s32 b_short(struct wt_jvm_walk *j, __u32 off)
{
	return *(__s16 *)((char *)j->b + (off & (WT_JVM_BLOB_SIZE - 2)));
}

/* One step down to the segment in which the block begins. */
static long wt_segment_step(__u32 turn, struct wt_scratch **p)
{
	struct wt_jvm_walk *j = &(*p)->jvm;
	__u8 tag;

	if (bpf_probe_read_user(&tag, 1, (void *)(j->heap.segmap + j->segment)))
		return 1;
	if (!tag)
		j->hit = 1;
	if (!tag || tag == SEGMENT_FREE || tag > j->segment)
		return 1;
	j->segment -= tag;
	return 0;
}

static __always_inline int wt_jvm_heap(struct wt_jvm_walk *j, struct wt_jvm *vm, __u64 pc)
{
#pragma unroll
	for (int i = 0; i < WT_JVM_HEAPS; i++) {
		if (pc >= vm->heap[i].low && pc < vm->heap[i].high) {
			j->heap = vm->heap[i];
			return 0;
		}
	}
	return -1;
}

static __always_inline __u32 wt_blob_kind(struct wt_jvm_walk *j)
{
	switch (j->name[0]) {
	case W8('n', 'm', 'e', 't', 'h', 'o', 'd', 0):
		return WT_BLOB_NMETHOD;
	case W8('n', 'a', 't', 'i', 'v', 'e', ' ', 'n'):
		return WT_BLOB_NATIVE;
	case W8('I', 'n', 't', 'e', 'r', 'p', 'r', 'e'):
		return WT_BLOB_INTERPRETER;
	case W8('S', 't', 'u', 'b', 'R', 'o', 'u', 't'):
		/* "StubRoutines (continuation stubs)", but not "… (compiler stubs)" */
		if (j->name[1] == W8('i', 'n', 'e', 's', ' ', '(', 'c', 'o') &&
		    (j->name[2] & 0xff) == 'n')
			return WT_BLOB_CONT;
		return WT_BLOB_STUBS;
	}
	return j->frame_size > 0 ? WT_BLOB_SIZED : WT_BLOB_THIN;
}

int wt_jvm_find(struct wt_scratch *s, __u64 pc)
{
	struct wt_jvm_walk *j;
	struct wt_jvm *vm;
	__u32 tgid;

	if (!s)
		return -1;
	j = &s->jvm;
	tgid = s->walk.tgid;
	vm = bpf_map_lookup_elem(&jvm_procs, &tgid);
	if (!vm)
		return -1;
	j->method = 0;
	if (pc >= vm->interpreter && pc < vm->interpreter_end) {
		j->kind = WT_BLOB_INTERPRETER;
		j->blob = vm->interpreter;
		j->end = vm->interpreter_end;
		return 0;
	}
	if (wt_jvm_heap(j, vm, pc))
		return -1;
	j->segment = (pc - j->heap.low) >> (j->heap.shift & 63);
	j->hit = 0;
	bpf_loop(SEGMENT_STEPS, wt_segment_step, &s, 0);
	if (!j->hit)
		return -1;
	j->blob = j->heap.low + (j->segment << (j->heap.shift & 63)) + vm->header;
	if (bpf_probe_read_user(j->b, sizeof(j->b), (void *)j->blob) ||
	    bpf_probe_read_user(j->name, sizeof(j->name), (void *)b_word(j, vm->name)))
		return -1;
	j->end = j->blob + b_int(j, vm->size);
	j->frame_size = b_int(j, vm->frame_size);
	j->complete = vm->complete_size == 2 ? b_short(j, vm->frame_complete) :
					       b_int(j, vm->frame_complete);
	j->code = vm->code_is_offset ? j->blob + b_int(j, vm->code) : b_word(j, vm->code);
	j->kind = wt_blob_kind(j);
	if (j->kind == WT_BLOB_NMETHOD || j->kind == WT_BLOB_NATIVE) {
		j->method = b_word(j, vm->method);
		/* intrinsics of method handles (invokeBasic, linkTo…) jump on, without a frame */
		if (j->frame_size <= 0)
			j->kind = WT_BLOB_THIN;
	}
	return j->frame_size > MAX_FRAME_WORDS ? -1 : 0;
}

static __always_inline void wt_emit_jvm(struct wt_scratch *s, __u64 kind, __u64 address)
{
	wt_emit(s, WT_FRAME_MAKE(WT_FRAME_JVM) | kind << 48 | (address & 0xffffffffffffULL));
}

static __always_inline int wt_bad_frame(struct wt_walk *w)
{
	wt_end_walk(w, WT_END_RUNTIME);
	return -1;
}

/*
 * The words that a compiled method has pushed before it called the stub that runs: two, when
 * two pops follow the call (C1, where it asks slow_subtype_check).  pop %rbp is the frame's own.
 */
static __always_inline __u32 wt_pushed_before(__u64 at)
{
	__u32 v = 0;

	bpf_probe_read_user(&v, sizeof(v), (void *)at);
	/* 0x41 is the prefix of %r8 and on */
	if (((v & 0xf8f8) == 0x5858 && (v & 0xff) != 0x5d) || (v & 0xf8fff8ff) == 0x58415841 ||
	    (v & 0xf8fff8) == 0x584158 || (v & 0xf8f8ff) == 0x585841)
		return 2;
	return 0;
}

/* A frame of fixed size: its end is the caller's stack pointer. */
static __always_inline int wt_step_sized(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 end = w->sp + (__u64)s->jvm.frame_size * 8, ra, fp;

	if (w->n == 2 && s->jvm.kind == WT_BLOB_NMETHOD)
		end += 8 * wt_pushed_before(w->ip);
	if (wt_read_slot(w, end - 16, &fp) || wt_read_slot(w, end - 8, &ra)) {
		wt_end_walk(w, WT_END_READ);
		return -1;
	}
	wt_go_caller(w, ra, end, fp);
	return 0;
}

/*
 * An adapter that asks the VM to patch the call it was reached by has saved all registers below
 * its caller's frame, whose stack pointer is in %r13 then, and in %rax the return address there
 * (SharedRuntime::fixup_callers_callsite).  Below them lies the state of the floating point unit.
 */
static __always_inline int wt_step_saved(struct wt_scratch *s)
{
	struct wt_jvm_walk *j = &s->jvm;
	struct wt_walk *w = &s->walk;
	__u64 at = w->sp + SAVED_FPU * 8, r13, ra;

	if (bpf_probe_read_user(j->words, SAVED_WORDS * 8, (void *)at))
		return -1;
	r13 = j->words[SAVED_R13];
	/* above them: flags, a word to align the stack, and one more, perhaps */
	if (r13 - at < (SAVED_WORDS + 2) * 8 || r13 - at > (SAVED_WORDS + 3) * 8 ||
	    bpf_probe_read_user(&ra, sizeof(ra), (void *)r13) || ra != j->words[SAVED_RAX])
		return -1;
	w->dirty = 1;
	wt_go_caller(w, ra, r13 + 8, j->words[SAVED_RBP]);
	return 0;
}

/* Interpreted code: the method and the caller, if the frame pointer's frame is one. */
static __always_inline int wt_step_interpreter(struct wt_scratch *s)
{
	struct wt_jvm_walk *j = &s->jvm;
	struct wt_walk *w = &s->walk;
	__u64 fp = w->fp, low = fp + INTERP_METHOD * 8, method, sender;

	if (w->fp_lost || fp < w->sp || fp - w->sp > FRAME_SPAN || (fp & 7) ||
	    bpf_probe_read_user(j->words, 5 * 8, (void *)low))
		return -1;
	method = j->words[0];
	sender = j->words[INTERP_SENDER_SP - INTERP_METHOD];
	if (sender <= fp + 8 || sender - fp > FRAME_SPAN || (sender & 7) || method < 4096 ||
	    (method & 7) || method >= 1ULL << 47)
		return -1;
	wt_emit_jvm(s, WT_JVM_INTERPRETED, method);
	wt_note_slot(w, low);
	wt_note_slot(w, fp - 8);
	wt_note_slot(w, fp);
	wt_note_slot(w, fp + 8);
	wt_go_caller(w, j->words[4], sender, j->words[3]);
	return 0;
}

/* A stub with a frame pointer; a method's entry barrier has a word more above it. */
static __always_inline int wt_step_stub(struct wt_walk *w)
{
	__u64 fp = w->fp, at = w->fp + 8, up, ra;

	if (w->fp_lost || fp < w->sp || fp - w->sp > STUB_SPAN || (fp & 7) ||
	    wt_read_slot(w, fp, &up) || wt_read_slot(w, at, &ra))
		return -1;
	if (ra == WT_JVM_COOKIE) {
		at += 8;
		if (wt_read_slot(w, at, &ra))
			return -1;
	}
	if (ra < 4096)
		return -1;
	wt_go_caller(w, ra, at + 8, up);
	return 0;
}

/* The frame's word; an interpreted one has it from its frame, if it has one. */
static __always_inline void wt_emit_blob(struct wt_scratch *s)
{
	struct wt_jvm_walk *j = &s->jvm;

	if (j->method)
		wt_emit_jvm(s, j->kind == WT_BLOB_NATIVE ? WT_JVM_NATIVE : WT_JVM_COMPILED,
			    j->method);
	else
		wt_emit_jvm(s, WT_JVM_BLOB, j->blob);
}

/* A caller's frame, or an innermost one that is like a caller's. */
static __always_inline int wt_step_blob(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;

	switch (s->jvm.kind) {
	case WT_BLOB_NMETHOD:
	case WT_BLOB_NATIVE:
	case WT_BLOB_SIZED:
		return wt_step_sized(s);
	case WT_BLOB_CONT:
		/*
		 * The bottom frame of a virtual thread whose other frames are still in the
		 * heap returns into such a stub, and its stack ends here: what lies above
		 * is the carrier's ContinuationEntry, then the frame that entered it.
		 */
		return wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 0);
	}
	if (s->jvm.kind == WT_BLOB_THIN && !wt_step_saved(s))
		return 0;
	if (!wt_step_stub(w))
		return 0;
	return wt_jvm_scan(s, 16, 0);
}

int wt_jvm(struct wt_scratch *s)
{
	struct wt_walk *w;
	int leaf = 1;

	if (!s)
		return -1;
	w = &s->walk;
	w->own = 1;
	if (wt_jvm_find(s, w->ip - w->caller)) {
		wt_emit(s, (w->ip - w->caller) & ((1ULL << 60) - 1));
		return wt_bad_frame(w);
	}
	if (s->jvm.kind == WT_BLOB_INTERPRETER && !wt_step_interpreter(s))
		return 0;
	wt_emit_blob(s);
	if (!w->caller)
		leaf = wt_jvm_leaf(s);
	if (leaf == 1)
		leaf = wt_step_blob(s);
	if (leaf && !w->over)
		wt_bad_frame(w);
	return leaf ? -1 : 0;
}

int wt_jvm_fork(__u32 parent, __u32 child)
{
	__u32 from = parent, to = child;
	struct wt_jvm *vm = bpf_map_lookup_elem(&jvm_procs, &from);

	if (!vm)
		return 0;
	return bpf_map_update_elem(&jvm_procs, &to, vm, BPF_ANY);
}
