/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options_impl.h - an option as the table in options.c has it, and how its argument is read (options_parse.c). */
#ifndef WT_OPTIONS_IMPL_H
#define WT_OPTIONS_IMPL_H

#include <stddef.h>

#include "options.h"

struct opt;
/* 0, or WT_EUSAGE (-ENOMEM) after one clear sentence; 1: it was answered. */
typedef int (*opt_parser)(struct options *o, const struct opt *opt, const char *arg);

struct opt {
	const char *name;		/* NULL: a heading of the help */
	char letter;
	const char *arg;		/* what the help calls the argument; NULL: none */
	opt_parser parse;
	size_t field;			/* offset in struct options */
	double min, max;
	const char *help;		/* lines separated by \n */
};

/* As the user may have written it, for sentences. */
#define NAME_FMT "--%s"

int opt__flag(struct options *o, const struct opt *opt, const char *arg);
int opt__string(struct options *o, const struct opt *opt, const char *arg);
int opt__unsigned(struct options *o, const struct opt *opt, const char *arg);
int opt__power_of_two(struct options *o, const struct opt *opt, const char *arg);
int opt__seconds(struct options *o, const struct opt *opt, const char *arg);
int opt__budget(struct options *o, const struct opt *opt, const char *arg);
int opt__pids(struct options *o, const struct opt *opt, const char *arg);
int opt__folded(struct options *o, const struct opt *opt, const char *arg);
int opt__fold(struct options *o, const struct opt *opt, const char *arg);
int opt__job_env(struct options *o, const struct opt *opt, const char *arg);
int opt__job(struct options *o, const struct opt *opt, const char *arg);
int opt__names(struct options *o, const struct opt *opt, const char *arg);
int opt__event(struct options *o, const struct opt *opt, const char *arg);
int opt__fault(struct options *o, const struct opt *opt, const char *arg);
int opt__unit_line(struct options *o, const struct opt *opt, const char *arg);
int opt__span(struct options *o, const struct opt *opt, const char *arg);
int opt__idle_peer(struct options *o, const struct opt *opt, const char *arg);

#endif /* WT_OPTIONS_IMPL_H */
