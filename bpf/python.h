/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.h - CPython: what the kernel side must know of an interpreter to walk a
 * thread's Python frames, and what it says of a code object.  Included by
 * worktrace.h; the same rules hold.
 *
 * User space recognises the interpreter's file and knows its version's layout;
 * the kernel side follows pointers from the thread state that the C library
 * keeps under a pthread key (_PyRuntime.autoTSSkey).
 */
#ifndef WT_PYTHON_H
#define WT_PYTHON_H

/* How frames lie in memory, and how one tells which of them share a native frame. */
enum wt_py_style {
	WT_PY_OBJECTS = 0,	/* up to 3.10: frame objects, a native frame each */
	WT_PY_ENTRIES = 1,	/* 3.11: a frame says that it is its native frame's first */
	WT_PY_SHIMS = 2,	/* from 3.12: a frame without code, on the native stack, ends them */
};

/* Byte offsets within CPython's structures; 0xffff: there is no such field. */
struct wt_py_layout {
	__u8 major, minor;	/* of the version */
	__u8 style;		/* enum wt_py_style */
	__u8 shim;		/* owners from this number on mark a shim (WT_PY_SHIMS) */
	__u8 tag;		/* low bits of frame.code that are no part of the pointer */
	__u8 lasti_shift;	/* the frame holds a number of instructions, each 1 << this bytes */
	__u8 has_pointer;	/* … no: it holds the address of the instruction */
	__u8 ts_top;		/* PyThreadState: where the frames end, then where their memory does, in words; 0: none */
	__u16 ts_frame;		/* PyThreadState: its frame, or its C frame … */
	__u16 cf_frame;		/* … and the frame in that */
	__u16 cf_prev;		/* C frame: the one before */
	__u16 f_code;		/* frame: 8 bytes each, below 120 */
	__u16 f_prev;
	__u16 f_instr;		/* 4 bytes if it is a number */
	__u16 f_owner;		/* one byte: is_entry or owner */
	__u16 f_size;		/* bytes of a frame to read, at most 128 */
	__u16 c_argcount;	/* code: 4 bytes each … */
	__u16 c_flags;
	__u16 c_firstlineno;
	__u16 c_filename;	/* … 8 bytes each, below 248 */
	__u16 c_name;		/* the qualified name from 3.11 on */
	__u16 c_table;		/* its lines, a bytes object */
	__u16 c_size;		/* bytes of a code object to read, at most 256 */
	__u16 c_bytecode;	/* offset of its first instruction */
	__u16 s_ascii, s_other;	/* str: the characters of an ASCII string, of any other */
	__u16 ts_interp;	/* PyThreadState: its interpreter */
	__u16 i_gil;		/* interpreter: pointer to its GIL (3.12+); before, wt_py.gil */
	__u16 ts_thread;	/* PyThreadState: pthread_t … */
	__u16 ts_native;	/* … and thread id (3.11+), as its pid namespace counts */
};
_Static_assert(sizeof(struct wt_py_layout) == 52, "wt_py_layout is on the wire");

/* struct _gil_runtime_state, the same from 3.8 to 3.14: conditions and mutexes lie from … to … */
#define WT_PY_GIL_HOLDER 8	/* thread state of the last that took it */
#define WT_PY_GIL_LOCKED 16
#define WT_PY_GIL_COND 32
#define WT_PY_GIL_SIZE 208

/* Where the evaluation loop lies in its file: its hot part and the cold ones. */
#define WT_PY_RANGES 4
struct wt_py_range {
	__u32 start, end;	/* file offsets, bytes */
};

/* One process's interpreter: a value of `py_procs`, by tgid. */
struct wt_py {
	__u64 tss;		/* address of _PyRuntime.autoTSSkey */
	__u64 code_type;	/* address of PyCode_Type: what a code object's type must be */
	__u64 gil;		/* address of the GIL (up to 3.11), 0: the interpreter has it */
	struct wt_py_range range[WT_PY_RANGES];	/* empty ones last */
	__u32 object;		/* whose ranges they are */
	struct wt_py_layout l;
};
_Static_assert(sizeof(struct wt_py) == 112, "wt_py is on the wire");
#define WT_MAX_PY_PROCS 4096

/* Which number a code object was given: a key of `py_code`. */
struct wt_py_key {
	__u64 image;		/* wt_task.image of the process */
	__u64 address;
	__u64 check;		/* hash of what must be the same if it is still the same code */
};
_Static_assert(sizeof(struct wt_py_key) == 24, "wt_py_key is on the wire");
#define WT_MAX_PY_CODES 16384

#define WT_PY_NAME 256		/* bytes of its name, from the start */
#define WT_PY_FILE 256		/* bytes of the file's name, up to its end */
#define WT_PY_TABLE 2048	/* one more than the bytes of the table of lines that are sent */

/* A code object met for the first time. */
struct wt_ev_pycode {
	struct wt_event h;
	__u64 code;		/* its number: WT_FRAME_CODE */
	__u64 table_at;		/* address of the table's first byte … */
	__u32 table_size;	/* … and its length, of which table_len bytes follow */
	__u32 tgid;
	__u32 firstlineno;
	__u16 table_len;
	__u16 name_len, file_len;	/* bytes */
	__u8 name_kind, file_kind;	/* bytes of a character: 1, 2 or 4; 0: not to be read */
	__u8 major, minor;
	__u8 cut;		/* WT_PY_CUT_* */
	__u8 zero;
	char name[WT_PY_NAME];
	char file[WT_PY_FILE];
	__u8 table[WT_PY_TABLE];
};
_Static_assert(sizeof(struct wt_ev_pycode) == 56 + 512 + 2048, "wt_ev_pycode is on the wire");
#define WT_PY_CUT_NAME 1	/* the name is longer than what was sent */
#define WT_PY_CUT_FILE 2

/* WT_FRAME_LASTI of a frame that has not executed anything, or whose place is not known. */
#define WT_PY_NOWHERE 0xffffff

#endif /* WT_PYTHON_H */
