/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frost.h - a thread that notes at once who is frozen and thawed.
 *
 * The moment at which it looks is the moment that the recording shows, so it does nothing
 * else: the main thread may be at work on what the kernel side sent for some 50 ms.
 */
#ifndef WT_FROST_H
#define WT_FROST_H

struct tracer;
struct frost;

/*
 * Starts it, with a first look at who is frozen already; *out is NULL where no freezer of
 * version 1 is mounted or can be watched.  0 or a negative error, said.
 */
int frost__start(struct frost **out, struct tracer *t);
/* Ends it.  0 or the error that had ended it before, said.  NULL is allowed. */
int frost__stop(struct frost *f);

#endif /* WT_FROST_H */
