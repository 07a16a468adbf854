/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chunks.h - the arrays that the kernel side's rows lie in: inner maps of
 * `cfi_rows`, each WT_CHUNK_ROWS rows, made when first needed and mapped here.
 */
#ifndef WT_CHUNKS_H
#define WT_CHUNKS_H

#include <linux/types.h>
#include "worktrace.h"

struct chunks;

/* cfi_rows_fd: the array of maps, borrowed; it outlives this.  0 or -ENOMEM. */
int chunks__new(struct chunks **out, int cfi_rows_fd);
/* Unmaps them; the kernel keeps what is in cfi_rows.  NULL is fine. */
void chunks__free(struct chunks *c);

/*
 * The rows of that chunk, made if there is none yet; NULL when it cannot be made
 * (said once).  ctx is the struct chunks: a callback of struct tables_maps.
 * Needs the right to make a map when it makes one.
 */
struct wt_row *chunks__get(void *ctx, unsigned index);

/*
 * Makes those of the chunks first to last that are not there.  The kernel waits for programs to be
 * done with the array of maps after a change, 10 ms and more; here (from Linux 6.8 on) it waits but
 * once.  What cannot be made so is left for chunks__get().  A callback of struct tables_maps.
 */
void chunks__make(void *ctx, unsigned first, unsigned last);

#endif /* WT_CHUNKS_H */
