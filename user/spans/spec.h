/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spec.h - what --span says: NAME=BINARY:WHERE[,WHERE], WHERE being a function, an
 * address or a USDT probe.  Text only; nothing is looked up.
 */
#ifndef WT_SPAN_SPEC_H
#define WT_SPAN_SPEC_H

#include <linux/types.h>
#include <stdbool.h>

enum span_where {
	SPAN_FUNCTION,		/* text: its name as written */
	SPAN_ADDRESS,		/* offset: an address of the file */
	SPAN_USDT,		/* text: the provider, probe: the probe */
};

struct span_point {
	enum span_where where;
	char *text, *probe;
	__u64 offset;		/* of a function: bytes from its start */
};

#define SPAN_NAME_MAX 64

struct span_spec {
	char name[SPAN_NAME_MAX + 1];
	char *binary;		/* a path, or a name without '/' */
	struct span_point begin, end;
	bool has_end;		/* else from the entry of begin to its return, or from a probe to its next hit */
};

/*
 * Fills out; span_spec__free() gives it back.  Returns 0, or WT_EUSAGE after one
 * sentence, or -ENOMEM.
 */
int span_spec__parse(struct span_spec *out, const char *text);
void span_spec__free(struct span_spec *s);
/*
 * Length of "operator" and its symbol, which may be a bracket, at p; 0: it is no
 * operator.  What converts ("operator bool") has no symbol.
 */
unsigned span_operator(const char *p);

#endif /* WT_SPAN_SPEC_H */
