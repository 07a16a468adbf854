/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolve.h - names of hosts, asked for after the recording and for no longer than
 * one is ready to wait: a name server that does not answer holds up nothing.
 */
#ifndef WT_RESOLVE_H
#define WT_RESOLVE_H

#include <linux/types.h>

struct hosts;

/*
 * Asks for the names of the heaviest peers' addresses, for at most timeout_ms.
 * -ENOMEM, or 0; names that did not come in time are missing.
 */
struct peers;
int hosts__resolve(struct hosts **out, const struct peers *p, unsigned max, unsigned timeout_ms);
/* family: AF_INET, AF_INET6; "" where none is known.  h may be NULL. */
const char *hosts__name(const struct hosts *h, __u16 family, const __u8 *addr);
void hosts__free(struct hosts *h);

#endif /* WT_RESOLVE_H */
