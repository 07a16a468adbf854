/* SPDX-License-Identifier: GPL-2.0-or-later */
/* errors.h - where all is tried, although a part of it fails. */
#ifndef WT_ERRORS_H
#define WT_ERRORS_H

/* The first error is told: first_error(err, next()) goes on with what comes after a failure. */
static inline int first_error(int first, int err)
{
	return first ? first : err;
}

#endif /* WT_ERRORS_H */
