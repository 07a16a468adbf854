/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.h - user stacks: frames, why they end, and the tables that the kernel
 * side walks by.  Included by worktrace.h; the same rules hold.
 *
 * User space compiles call frame information (.eh_frame, .debug_frame) into
 * sorted rows of (file offset, rule) and tells the kernel side what is mapped
 * where in a process.  The walk then needs nothing but those tables, the saved
 * registers and the stack itself.
 */
#ifndef WT_UNWIND_H
#define WT_UNWIND_H

/*
 * A frame of a user stack is one word; the four highest bits say what it is.
 * An offset is that of the code that runs or, for a caller, of the byte before
 * the address it returns to: it can be looked up as it is.
 *
 * WT_FRAME_ADDR  the address itself; means something only with its process
 * WT_FRAME_OBJ   bits 40-59 object, bits 0-38 offset in its file, bit 39: found
 *                by a scan of the stack, not by a rule (a guess)
 * WT_FRAME_PY    bits 24-59 code object (struct wt_ev_pycode.code), bits 0-23
 *                offset of the instruction in its bytecode, in bytes
 * WT_FRAME_JVM   bits 0-47 Method * (or CodeBlob * for WT_JVM_BLOB), bits 48-51
 *                enum wt_jvm_kind; means something only with its process
 */
enum wt_frame_tag {
	WT_FRAME_ADDR = 0,
	WT_FRAME_OBJ = 1,
	WT_FRAME_PY = 2,
	WT_FRAME_JVM = 3,
};
#define WT_FRAME_TAG(f) ((__u64)(f) >> 60)
#define WT_FRAME_OBJECT(f) ((__u32)((f) >> 40) & 0xfffff)
#define WT_FRAME_OFFSET(f) ((f) & 0x7fffffffffULL)
#define WT_FRAME_GUESS (1ULL << 39)
#define WT_FRAME_CODE(f) (((f) >> 24) & 0xfffffffffULL)
#define WT_FRAME_LASTI(f) ((__u32)(f) & 0xffffff)
#define WT_FRAME_METHOD(f) ((f) & 0xffffffffffffULL)
#define WT_FRAME_JVM_KIND(f) ((__u32)((f) >> 48) & 0xf)
#define WT_FRAME_MAKE(tag) ((__u64)(tag) << 60)

enum wt_jvm_kind {
	WT_JVM_COMPILED = 0,
	WT_JVM_INTERPRETED = 1,
	WT_JVM_NATIVE = 2,	/* a native method's wrapper */
	WT_JVM_BLOB = 3,	/* a stub, an adapter …: named by its CodeBlob */
};

/*
 * Where a walk ended.  Everything but WT_END_ROOT is an incomplete stack, and the last two:
 * then there is no user stack, and the kernel's, which goes to its entry, is all there is.
 */
enum wt_end {
	WT_END_ROOT = 0,	/* _start, a thread's start, the kernel's entry */
	WT_END_DEEP = 1,	/* more than WT_MAX_FRAMES */
	WT_END_NO_SPACE = 2,	/* the process's mappings are not known yet */
	WT_END_NO_TABLE = 3,	/* the object's rows are not compiled yet */
	WT_END_UNMAPPED = 4,	/* an address outside every executable mapping */
	WT_END_NO_RULE = 5,	/* no row, no usable frame pointer, nothing found by scanning */
	WT_END_BAD_RULE = 6,	/* a row whose rule is an expression we do not follow */
	WT_END_READ = 7,	/* stack memory that could not be read */
	WT_END_BACK = 8,	/* the caller's frame lies below: the chain is broken */
	WT_END_RUNTIME = 9,	/* an interpreter's or VM's structures did not hold together */
	WT_END_FP = 10,		/* frame pointers only (no tables by option): the chain ended */
	WT_END_COMPAT = 11,	/* a 32-bit task */
	WT_END_KERNEL = 12,	/* a kernel stack */
	WT_END_EXITING = 13,	/* a thread at its end, which has given back its memory: none is left */
	WT_END_EXECING = 14,	/* an exec has put another memory under the old program's registers */
	WT_ENDS = 15,
};

/*
 * How to get from a frame to its caller (after the System V ABI, x86-64, and
 * what compilers emit; the CFA is the stack pointer before the call).
 */
enum wt_cfa {
	WT_CFA_NONE = 0,	/* no rule: between functions */
	WT_CFA_SP = 1,		/* sp + cfa_off */
	WT_CFA_FP = 2,		/* fp + cfa_off */
	WT_CFA_PLT = 3,		/* sp + 8, + 8 more if (ip & 15) >= cfa_off */
	WT_CFA_DEREF_FP = 4,	/* *(fp + cfa_off) + cfa_add: a realigned stack */
	WT_CFA_SIGNAL = 5,	/* a signal frame: registers in the ucontext at sp + cfa_off */
	WT_CFA_BAD = 6,		/* an expression or a register that is not followed */
	WT_CFA_DEREF_SP = 7,	/* *(sp + cfa_off) + cfa_add: OpenSSL's assembly */
	WT_CFA_GO = 8,		/* a switch to another stack in Go's runtime: go.bpf.c */
	WT_CFA_BX = 9,		/* rbx + cfa_off: the dynamic linker's entry from a PLT */
};
enum wt_fp_rule {
	WT_FP_SAME = 0,
	WT_FP_CFA = 1,		/* saved at CFA + fp_off */
	WT_FP_DEREF_FP = 2,	/* saved at fp + fp_off (realigned stacks) */
	WT_FP_LOST = 3,		/* undefined here: a later rule that wants it fails */
};
enum wt_ra_rule {
	WT_RA_CFA = 0,		/* at CFA − 8 */
	WT_RA_ROOT = 1,		/* undefined: this is the outermost frame */
};

/*
 * A rule, each distinct one once, by its index.  Rule 0 is WT_CFA_NONE.
 *
 * WT_CFA_GO uses the fields otherwise: cfa_off where the thread's g lies, from its thread
 * pointer; cfa_add the place of m in a g; fp_off of curg in an m (the low half) and of
 * sched.sp in a g (the high half); ra WT_RA_ROOT when there is no way back to curg.
 * All 0: outermost when it is a caller, else without a frame.
 */
struct wt_rule {
	__u8 cfa;		/* enum wt_cfa */
	__u8 fp;		/* enum wt_fp_rule */
	__u8 ra;		/* enum wt_ra_rule */
	__u8 cfa_add;		/* WT_CFA_DEREF_*: to be added to what was read; WT_CFA_FP: 1: on another stack */
	__s32 cfa_off;
	__s32 fp_off;
	__s32 bx_off;		/* rbx is saved at CFA + bx_off; 0: it is as it was, WT_BX_LOST */
};
_Static_assert(sizeof(struct wt_rule) == 16, "wt_rule is on the wire");
#define WT_MAX_RULES 32768
#define WT_BX_LOST 1

/* From this file offset up to the next row's, that rule holds. */
struct wt_row {
	__u32 off;
	__u32 rule;
};
_Static_assert(sizeof(struct wt_row) == 8, "wt_row is on the wire");

/*
 * Rows live in chunks (inner maps of `cfi_rows`, made when needed).  A row's
 * number is chunk * WT_CHUNK_ROWS + index; an object's rows are consecutive.
 */
#define WT_CHUNK_ROWS 32768
#define WT_MAX_CHUNKS 192

#define WT_OBJ_READY 1		/* rows are complete (possibly none: an object without CFI) */
#define WT_OBJ_FP 2		/* where no row covers it, code keeps frame pointers (Go, JITs) */
#define WT_OBJ_NOSCAN 4		/* … and it must not be scanned for a return address */

struct wt_object {
	__u32 row0, rows;
	__u32 flags;		/* WT_OBJ_* */
	__u32 zero;
};
_Static_assert(sizeof(struct wt_object) == 16, "wt_object is on the wire");
#define WT_MAX_OBJECTS 16384	/* objects with a greater number have no rows */

/* One executable mapping.  Those of a process are consecutive and sorted by start. */
struct wt_mapping {
	__u64 start, end;
	__u64 pgoff;		/* file offset of start, bytes */
	__u32 object;		/* number of the object, 0: none (anonymous memory) */
	__u32 flags;		/* WT_MAP_* */
};
_Static_assert(sizeof(struct wt_mapping) == 32, "wt_mapping is on the wire");
#define WT_MAP_ANON 1		/* anonymous executable memory: a JIT's */
#define WT_MAP_PY 2		/* the object that has CPython's evaluation loop */
#define WT_MAP_JVM 4		/* a code heap of HotSpot: struct wt_jvm knows more */
#define WT_MAX_MAPPINGS 1024	/* of one process */
#define WT_POOL_MAPPINGS 65536	/* of all */

/* What is known of a process, by tgid: a run of mappings in the pool. */
struct wt_space {
	__u64 image;		/* of which program (wt_thread_rec.image): an exec makes it void */
	__u32 first, n;
	__u32 flags;		/* WT_SPACE_* */
	__u32 version;		/* grows with every change: what was remembered is void */
};
_Static_assert(sizeof(struct wt_space) == 24, "wt_space is on the wire");
#define WT_SPACE_PY 1		/* `py_procs` has an entry */
#define WT_SPACE_JVM 2		/* `jvm_procs` has an entry */
#define WT_SPACE_JVM_SOON 4	/* … or will have one: what is in no file may be a VM's, whose frames are not known yet */
#define WT_MAX_SPACES 16384

/*
 * What the kernel side's walk (walk.bpf.c, scan.bpf.c) and that of raw stacks
 * (rawwalk.c) go by.  ucontext of x86-64: general registers from WT_UC_GREGS on,
 * in the order of signal.h.
 */
#define WT_UC_GREGS 40
#define WT_GREG_RBP 10
#define WT_GREG_RBX 11
#define WT_GREG_RSP 15
#define WT_GREG_RIP 16
#define WT_FP_SPAN (1 << 20)	/* a caller's frame further away than this is none */
#define WT_SCAN_TRIES 24	/* candidates of one scan */
#define WT_SCAN_SPAN 1024	/* words: 8 KiB, more than functions keep in buffers as a rule */
#define WT_SCANS 4		/* scans of one walk */

#endif /* WT_UNWIND_H */
