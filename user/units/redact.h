/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * redact.h - takes secrets and personal data out of texts and command lines.
 *
 * What goes: values of names that speak of secrets (--password X, token=X,
 * PGPASSWORD=X, "apiKey": "X", Authorization: Bearer X), passwords in URLs and in
 * user:password@host, the options by which well-known programs take a password
 * (mysql -pX, curl -u user:X), tokens of well-known shapes (AKIA…, eyJ…, ghp_…),
 * e-mail addresses, ids of users (USER_4711, user=4711).  What stands in their place
 * is always the same: [secret], [email], [user].
 *
 * It goes by names and shapes.  A secret of no known shape that follows no name
 * cannot be told from any other word and stays.
 */
#ifndef WT_REDACT_H
#define WT_REDACT_H

#include <stddef.h>

/*
 * Copies len bytes of src (any bytes) to dst without what is private.  dst has room
 * for cap bytes and must not overlap src; what does not fit is cut off its end.
 * Always ends with a NUL when cap is not 0.  Returns the length without that NUL.
 * The time it takes is linear in len; it allocates nothing.
 */
size_t redact__text(char *dst, size_t cap, const char *src, size_t len);

/*
 * The same for an argument vector as /proc/PID/cmdline has it: words that end with
 * NUL, kept as NULs, so that a word with blanks in it is known to be one word.
 */
size_t redact__argv(char *dst, size_t cap, const char *src, size_t len);

#endif /* WT_REDACT_H */
