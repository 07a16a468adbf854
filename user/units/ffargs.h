/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ffargs.h - what ffmpeg and ffprobe read and write, from their command line; pure. */
#ifndef WT_FFARGS_H
#define WT_FFARGS_H

#include <stdbool.h>
#include <stddef.h>

#define FFARGS_MAX 64

/* Pointers into argv, in order of appearance. */
struct ffargs {
	const char *input[FFARGS_MAX], *output[FFARGS_MAX];
	unsigned n_inputs, n_outputs;
};

/*
 * argv[0] is the program's name; probe: words that are no options are inputs, as
 * ffprobe has it.  An option that is not known takes an argument, as all of the
 * codecs', formats' and filters' options do.  Files beyond FFARGS_MAX are left out.
 */
void ffargs__parse(struct ffargs *out, const char *const *argv, unsigned argc, bool probe);

#endif /* WT_FFARGS_H */
