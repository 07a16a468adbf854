/* SPDX-License-Identifier: GPL-2.0-or-later */
/* judge.h - what is lacking in what was found of a binary, and what to do about it. */
#ifndef WT_DOCTOR_JUDGE_H
#define WT_DOCTOR_JUDGE_H

#include "doctor/process.h"

/* All fill in lacking and remedy, from the other fields. */
void judge__file(struct doctor_binary *b);
/* Memory in a process where that runtime makes code (NULL: not known). */
void judge__memory(struct doctor_binary *b, const char *runtime);
/* These fill in the rest as well: a file that cannot be opened, or is no program … */
void judge__unreadable(struct doctor_binary *b, bool gone);
/* … and pages of the kernel's own ([vsyscall], [uprobes]). */
void judge__kernels(struct doctor_binary *b);

#endif /* WT_DOCTOR_JUDGE_H */
