/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python_layout.c - offsets in CPython's structures, GIL builds for x86-64.  From
 * the headers under Include/ of each version (Include/internal from 3.8 on):
 * pycore_runtime.h, pycore_gil.h, pycore_interp.h, pystate.h, pycore_frame.h
 * (before 3.11 frameobject.h), code.h, unicodeobject.h.  They do not change between
 * releases of one minor version.
 */
#include "runtime/python_layout.h"


#define NONE 0xffff

/* What frame objects and their code were like up to 3.10. */
#define OBJECTS(minor_, instr_, shift_)							\
	.major = 3, .minor = (minor_), .style = WT_PY_OBJECTS, .shim = 255,		\
	.lasti_shift = (shift_), .ts_frame = 24, .cf_frame = NONE, .cf_prev = NONE,	\
	.f_code = 32, .f_prev = 24, .f_instr = (instr_), .f_owner = NONE, .f_size = 112,\
	.c_argcount = 16, .c_flags = 36, .c_firstlineno = 40, .c_filename = 104,	\
	.c_name = 112, .c_table = 120, .c_size = 128, .c_bytecode = 0,			\
	.s_ascii = 48, .s_other = 72, .ts_interp = 16, .i_gil = NONE,			\
	.ts_thread = 176,								\
	.ts_native = NONE

static const struct python_version versions[] = {
	{ .l = { OBJECTS(8, 104, 0) }, .tss = 1392, .gil = 1152 },
	{ .l = { OBJECTS(9, 104, 0) }, .tss = 584, .gil = 352 },
	/* f_lasti counts instructions of two bytes now */
	{ .l = { OBJECTS(10, 96, 1) }, .tss = 584, .gil = 352 },
	{
		.l = {
			.major = 3, .minor = 11, .style = WT_PY_ENTRIES, .shim = 255, .has_pointer = 1,
			.ts_top = 38, .ts_frame = 56, .cf_frame = 8, .cf_prev = 16,
			.f_code = 32, .f_prev = 48, .f_instr = 56, .f_owner = 68, .f_size = 72,
			.c_argcount = 56, .c_flags = 48, .c_firstlineno = 72, .c_filename = 112,
			.c_name = 128, .c_table = 136, .c_size = 144, .c_bytecode = 184,
			.s_ascii = 48, .s_other = 72, .ts_interp = 16, .i_gil = NONE,
			.ts_thread = 152, .ts_native = 160,
		},
		.tss = 592, .gil = 360,
	},
	{
		.l = {
			.major = 3, .minor = 12, .style = WT_PY_SHIMS, .shim = 3, .has_pointer = 1,
			.ts_top = 30, .ts_frame = 56, .cf_frame = 0, .cf_prev = 8,
			.f_code = 0, .f_prev = 8, .f_instr = 56, .f_owner = 70, .f_size = 72,
			.c_argcount = 52, .c_flags = 48, .c_firstlineno = 68, .c_filename = 112,
			.c_name = 128, .c_table = 136, .c_size = 144, .c_bytecode = 192,
			.s_ascii = 40, .s_other = 56, .ts_interp = 16, .i_gil = 384,
			.ts_thread = 136, .ts_native = 144,
		},
		.tss = 1544,
	},
	{
		.l = {
			.major = 3, .minor = 13, .style = WT_PY_SHIMS, .shim = 3, .has_pointer = 1,
			.ts_frame = 72, .cf_frame = NONE, .cf_prev = NONE,
			.f_code = 0, .f_prev = 8, .f_instr = 56, .f_owner = 70, .f_size = 72,
			.c_argcount = 52, .c_flags = 48, .c_firstlineno = 68, .c_filename = 112,
			.c_name = 128, .c_table = 136, .c_size = 144, .c_bytecode = 200,
			.s_ascii = 40, .s_other = 56, .ts_interp = 16, .i_gil = 16,
			.ts_thread = 152, .ts_native = 160,
		},
		.tss = 2160,
	},
	{
		.l = {
			.major = 3, .minor = 14, .style = WT_PY_SHIMS, .shim = 3, .has_pointer = 1,
			.tag = 1,	/* _PyStackRef: the reference is borrowed */
			.ts_frame = 72, .cf_frame = NONE, .cf_prev = NONE,
			.f_code = 0, .f_prev = 8, .f_instr = 56, .f_owner = 74, .f_size = 80,
			.c_argcount = 52, .c_flags = 48, .c_firstlineno = 68, .c_filename = 112,
			.c_name = 128, .c_table = 136, .c_size = 144, .c_bytecode = 208,
			.s_ascii = 40, .s_other = 56, .ts_interp = 16, .i_gil = 16,
			.ts_thread = 152, .ts_native = 160,
		},
		.tss = 2336,
	},
};

const struct python_version *python_layout(unsigned major, unsigned minor)
{
	if (major != 3 || minor < PY_MINOR_FIRST || minor > PY_MINOR_LAST)
		return NULL;
	return &versions[minor - PY_MINOR_FIRST];
}

/* Places in struct _Py_DebugOffsets, in words of 8 bytes (pycore_runtime.h, pycore_debug_offsets.h). */
struct debug_words {
	__u8 gil, interp, ts_frame, f_prev, f_code, f_instr, f_owner;
	__u8 filename, name, table, firstlineno, argcount, bytecode;
};

static const struct debug_words words_13 = {
	.gil = 14, .interp = 22, .ts_frame = 23, .f_prev = 29, .f_code = 30, .f_instr = 31,
	.f_owner = 33, .filename = 35, .name = 37, .table = 38, .firstlineno = 39, .argcount = 40,
	.bytecode = 43,
};

static const struct debug_words words_14 = {
	.gil = 15, .interp = 25, .ts_frame = 26, .f_prev = 32, .f_code = 33, .f_instr = 34,
	.f_owner = 36, .filename = 40, .name = 42, .table = 43, .firstlineno = 44, .argcount = 45,
	.bytecode = 48,
};

int python_layout_agrees(const struct python_version *v, const __u64 *w, size_t n)
{
	const struct debug_words *d = v->l.minor == 13 ? &words_13 : &words_14;
	const struct wt_py_layout *l = &v->l;

	if (l->minor < 13 || n < PY_DEBUG_WORDS)
		return 0;
	return w[d->gil] == l->i_gil && w[d->interp] == l->ts_interp &&
	       w[d->ts_frame] == l->ts_frame && w[d->f_prev] == l->f_prev &&
	       w[d->f_code] == l->f_code && w[d->f_instr] == l->f_instr &&
	       w[d->f_owner] == l->f_owner && w[d->filename] == l->c_filename &&
	       w[d->name] == l->c_name && w[d->table] == l->c_table &&
	       w[d->firstlineno] == l->c_firstlineno && w[d->argcount] == l->c_argcount &&
	       w[d->bytecode] == l->c_bytecode;
}
