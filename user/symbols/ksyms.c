/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/ksyms.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/strpool.h"

struct ksym {
	__u64 addr;
	__u32 module;		/* hash of the module's name, 0: the kernel itself */
	__u32 order;		/* line in the file: the first of two aliases wins */
	const char *name;
};

struct ksyms {
	struct ksym *sym;
	unsigned n, cap;
	__u64 stext, text;
	struct strpool names;
};

/* The last function before a gap (to the modules, to the next module) has no known end. */
#define MAX_LAST_FUNCTION (64 * 1024)
/* More than any kernel has; a bound all the same. */
#define MAX_KSYMS 4000000

static int add(struct ksyms *k, __u64 addr, const char *name, const char *module)
{
	struct ksym *s;

	if (k->n == k->cap) {
		unsigned cap = k->cap ? k->cap * 2 : 32768;

		s = reallocarray(k->sym, cap, sizeof(*s));
		if (!s)
			return -ENOMEM;
		k->sym = s;
		k->cap = cap;
	}
	s = &k->sym[k->n];
	s->addr = addr;
	s->order = k->n++;
	s->module = *module ? hash_bytes(1, module, strlen(module)) | 1 : 0;
	s->name = strpool__intern(&k->names, name);
	return s->name ? 0 : -ENOMEM;
}

/* "ffffffff81000000 T name\t[module]\n"; lines of another shape are passed over. */
static int parse_line(struct ksyms *k, char *line)
{
	char *end, *name, *module;
	__u64 addr = strtoull(line, &end, 16);
	char type;

	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ' || !addr)
		return 0;
	type = tolower((unsigned char)end[1]);
	name = end + 3;
	module = name + strcspn(name, " \t\n");
	if (module == name)
		return 0;
	if (*module)
		*module++ = '\0';
	module += strspn(module, " \t");
	module[strcspn(module, "\n")] = '\0';
	if (!strcmp(name, "_stext"))
		k->stext = addr;
	else if (!strcmp(name, "_text"))
		k->text = addr;
	/* marks of regions share an address with a function; __pfx_ are the nops before one */
	if ((type != 't' && type != 'w') || k->n >= MAX_KSYMS || !strcmp(name, "_stext") ||
	    !strcmp(name, "_text") || !strncmp(name, "__pfx_", 6))
		return 0;
	/* what follows the end of the text is no function: an entry without a name */
	return add(k, addr, strcmp(name, "_etext") ? name : "", module);
}

static int by_address(const void *a, const void *b)
{
	const struct ksym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

int ksyms__load(struct ksyms **out, const char *path)
{
	struct ksyms *k = calloc(1, sizeof(*k));
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t sz = 0;
	int err = 0;

	if (!k || !f) {
		err = k ? -errno : -ENOMEM;
		goto out;
	}
	while (!err && getline(&line, &sz, f) > 0)
		err = parse_line(k, line);
	if (!err && ferror(f))
		err = -EIO;
	if (!err && !k->n)
		err = -ENODATA;
	if (!err)
		qsort(k->sym, k->n, sizeof(*k->sym), by_address);
out:
	free(line);
	if (f)
		fclose(f);
	if (err) {
		ksyms__free(k);
		k = NULL;
	}
	*out = k;
	return err;
}

void ksyms__free(struct ksyms *k)
{
	if (!k)
		return;
	free(k->sym);
	strpool__clear(&k->names);
	free(k);
}

const char *ksyms__find(const struct ksyms *k, __u64 ip)
{
	unsigned lo = 0, hi = k->n, next;
	const struct ksym *s;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (k->sym[mid].addr <= ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return NULL;
	next = lo;
	s = &k->sym[lo - 1];
	if ((next == k->n || k->sym[next].module != s->module) && ip - s->addr >= MAX_LAST_FUNCTION)
		return NULL;
	while (s > k->sym && s[-1].addr == s->addr)
		s--;
	return *s->name ? s->name : NULL;
}

__u64 ksyms__text(const struct ksyms *k)
{
	return k->stext ? k->stext : k->text;
}

unsigned ksyms__count(const struct ksyms *k)
{
	return k->n;
}
