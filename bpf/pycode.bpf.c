// SPDX-License-Identifier: GPL-2.0-or-later
/* pycode.bpf.c - which code objects user space has been told of, and the telling. */
#include "pycode.bpf.h"

struct wt_py_procs_map py_procs SEC(".maps");
struct wt_py_code_map py_code SEC(".maps");

volatile __u64 run_py_codes = 0;

/* Tells user space what the code object in y->c is called. */
int wt_py_send(struct wt_scratch *s, __u64 number)
{
	struct wt_py_walk *y;
	struct wt_ev_pycode *e;
	__u64 table, size = 0, n;

	if (!s)
		return -1;
	y = &s->py;
	e = &y->ev;
	e->h.type = WT_EV_PYCODE;
	e->h.zero = 0;
	e->h.ts_ns = bpf_ktime_get_ns();
	e->code = number;
	e->tgid = s->walk.tgid;
	e->firstlineno = c_int(y, y->py.l.c_firstlineno);
	e->major = y->py.l.major;
	e->minor = y->py.l.minor;
	e->cut = 0;
	e->zero = 0;
	wt_py_str(y, c_word(y, y->py.l.c_name), e->name, &e->name_len, &e->name_kind, false,
		  WT_PY_CUT_NAME);
	wt_py_str(y, c_word(y, y->py.l.c_filename), e->file, &e->file_len, &e->file_kind, true,
		  WT_PY_CUT_FILE);
	/* PyBytesObject: size at 16, bytes at 32 */
	table = c_word(y, y->py.l.c_table);
	size = wt_user_word(table + 16);
	e->table_at = table + 32;
	e->table_size = size < 1 << 30 ? size : 0;
	n = e->table_size;
	if (n > WT_PY_TABLE - 1)
		n = WT_PY_TABLE - 1;
	n = MASKED(n, WT_PY_TABLE - 1);
	if (bpf_probe_read_user(e->table, n, (void *)e->table_at))
		n = 0;
	e->table_len = n;
	size = __builtin_offsetof(struct wt_ev_pycode, table) + n;
	if (bpf_ringbuf_output(&ring, e, MASKED(size, 4095), BPF_RB_NO_WAKEUP)) {
		wt_lost(WT_LOSS_PYCODE);
		return -1;
	}
	return 0;
}
