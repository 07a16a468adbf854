/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/symbol.h"

#include <ctype.h>
#include <errno.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spans/spec.h"
#include "symbols/names.h"
#include "util/log.h"

#define MAX_FOUND 64		/* of which at most so many are kept */
#define MAX_NEAR 3
#define MAX_DISTANCE 3
#define FAR 1000

struct found {
	__u64 start, end;
	bool plain;		/* the name as the file spells it is what people read */
	bool standard;		/* of several versions the one that is linked today */
	char *whole;		/* with parameters */
};

struct near {
	char *name;
	unsigned distance;
};

struct search {
	char wanted[NAME_MAX_SZ];	/* without blanks */
	char name[NAME_MAX_SZ];		/* … and without parameters */
	const char *last;		/* … of that the last component */
	bool mangled;			/* wanted has a form that only files use */
	struct found found[MAX_FOUND];
	unsigned n, functions, exported;
	struct near near[MAX_NEAR];
	unsigned n_near;
};

/* What people write as std::string, with blanks and without. */
static void short_strings(char *text)
{
	static const char *const tails[] = {
		"basic_string<char,std::char_traits<char>,std::allocator<char>>",
		"basic_string<char, std::char_traits<char>, std::allocator<char> >",
	};

	for (unsigned i = 0; i < 2; i++) {
		for (char *p = text; (p = strstr(p, tails[i]));) {
			char *start = p, *rest = p + strlen(tails[i]);

			if (start - text >= 14 && !strncmp(start - 14, "std::__cxx11::", 14))
				start -= 14;
			else if (start - text >= 5 && !strncmp(start - 5, "std::", 5))
				start -= 5;
			memcpy(start, "std::string", 11);
			memmove(start + 11, rest, strlen(rest) + 1);
			p = start + 11;
		}
	}
}

/* One way to write it: blanks say nothing, "char const *" is "char const*". */
static void in_one_way(char *dst, size_t sz, const char *src)
{
	size_t n = 0;

	for (; *src && n + 1 < sz; src++)
		if (!isspace((unsigned char)*src))
			dst[n++] = *src;
	dst[n] = 0;
	short_strings(dst);
}

/* Cuts the parameters off: what follows the last bracket that is open in no other. */
static void cut_parameters(char *name)
{
	char *paren = NULL;
	int deep = 0;

	for (char *p = name; *p; p++) {
		p += span_operator(p);
		if (!*p)
			break;
		if (*p == '(' && !deep && p != name)
			paren = p;
		deep += *p == '<' || *p == '(';
		deep -= (*p == '>' && (p == name || p[-1] != '-')) || *p == ')';
	}
	if (paren)
		*paren = 0;
}

unsigned span_symbol__distance(const char *a, const char *b, unsigned max)
{
	unsigned row[3][130];
	size_t la = strlen(a), lb = strlen(b);

	if (la > 128 || lb > 128 || (la > lb ? la - lb : lb - la) > max)
		return max + 1;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned d = up[j - 1] + (tolower(a[i - 1]) != tolower(b[j - 1]));

			if (up[j] + 1 < d)
				d = up[j] + 1;
			if (now[j - 1] + 1 < d)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < d)
				d = up2[j - 2] + 1;
			now[j] = d;
		}
	}
	return row[la % 3][lb] > max ? max + 1 : row[la % 3][lb];
}

/* "a::b<c::d>::e" → "e" */
static const char *last_component(const char *name)
{
	const char *last = name;
	int deep = 0;

	for (const char *p = name; *p; p++) {
		deep += *p == '<' || *p == '(';
		deep -= *p == '>' || *p == ')';
		if (!deep && p[0] == ':' && p[1] == ':')
			last = p + 2;
	}
	return *last ? last : name;
}

/* 0: hardly another name; FAR: quite another one. */
static unsigned nearness(const struct search *s, const char *name)
{
	char bare[NAME_MAX_SZ];
	const char *last;
	size_t wl = strlen(s->last), nl;
	unsigned d;

	snprintf(bare, sizeof(bare), "%s", name);
	cut_parameters(bare);
	last = last_component(bare);
	nl = strlen(last);
	d = span_symbol__distance(s->last, last, MAX_DISTANCE);

	/* of three letters two may not differ */
	if (d <= MAX_DISTANCE && 3 * d <= wl + 1)
		return d;
	if (wl >= 3 && strcasestr(last, s->last))
		return 4 + (nl - wl);
	if (nl >= 4 && strcasestr(s->last, last))
		return 8 + (wl - nl);
	return FAR;
}

static void note_near(struct search *s, const char *name)
{
	unsigned d = nearness(s, name), i;

	if (d == FAR)
		return;
	for (i = 0; i < s->n_near; i++)
		if (!strcmp(s->near[i].name, name))
			return;
	for (i = 0; i < s->n_near && s->near[i].distance <= d; i++)
		;
	if (i == MAX_NEAR)
		return;
	if (s->n_near == MAX_NEAR)
		free(s->near[--s->n_near].name);
	memmove(&s->near[i + 1], &s->near[i], (s->n_near - i) * sizeof(*s->near));
	s->near[i] = (struct near){ strdup(name), d };
	s->n_near++;
}

/* What compilers append to a copy of a whole function: ".constprop.0", ".isra.0", ".llvm.123". */
static bool is_copy_of(const char *name, const char *wanted)
{
	static const char *const copies[] = { ".constprop.", ".isra.", ".llvm.", ".lto_priv." };
	size_t n = strlen(wanted);

	if (strncmp(name, wanted, n))
		return false;
	for (name += n; *name;) {
		size_t i, k = 0;

		for (i = 0; i < sizeof(copies) / sizeof(*copies); i++) {
			k = strlen(copies[i]);
			if (!strncmp(name, copies[i], k))
				break;
		}
		if (i == sizeof(copies) / sizeof(*copies))
			return false;
		name += k + strspn(name + k, "0123456789");
	}
	return true;
}

static int add_found(struct search *s, const struct elfsyms_entry *e, bool plain, const char *whole)
{
	const char *at = strchr(e->name + 1, '@');
	struct found *f;

	for (unsigned i = 0; i < s->n; i++) {
		if (s->found[i].start != e->start)
			continue;
		s->found[i].standard |= at && at[1] == '@';
		if (e->sized && e->end < s->found[i].end)
			s->found[i].end = e->end;
		return 0;
	}
	if (s->n == MAX_FOUND)
		return 0;
	f = &s->found[s->n];
	*f = (struct found){
		.start = e->start, .end = e->end, .plain = plain,
		.standard = at && at[1] == '@', .whole = strdup(whole),
	};
	if (!f->whole)
		return -ENOMEM;
	s->n++;
	return 0;
}

/* As the file spells it, with its version or without. */
static bool spelled_so(const struct search *s, const char *name)
{
	const char *at = strchr(name, '@'), *wanted_at = strchr(s->wanted, '@');
	size_t n = at ? (size_t)(at - name) : strlen(name);

	if (!wanted_at)
		return strlen(s->wanted) == n && !strncmp(name, s->wanted, n);
	/* "@" also stands for the "@@" of the version that is linked today */
	if (!at || n != (size_t)(wanted_at - s->wanted) || strncmp(name, s->wanted, n))
		return false;
	return !strcmp(at + strspn(at, "@"), wanted_at + strspn(wanted_at, "@"));
}

/* Pieces that a compiler cut out of a function: nobody calls them by its name. */
static bool is_piece(const char *name)
{
	return strstr(name, ".cold") || strstr(name, ".part.");
}

/* By the name that people read: with parameters or without, a template's result left out. */
static int see_mangled(struct search *s, const struct elfsyms_entry *e)
{
	static char plain[NAME_MAX_SZ], whole[NAME_MAX_SZ], name[NAME_MAX_SZ], text[NAME_MAX_SZ];
	const char *from;

	names__demangle(e->name, plain, sizeof(plain));
	in_one_way(name, sizeof(name), plain);
	if (strcmp(name, s->name)) {
		if (e->function)
			note_near(s, plain);
		return 0;
	}
	names__demangle_whole(e->name, whole, sizeof(whole));
	short_strings(whole);
	in_one_way(text, sizeof(text), whole);
	from = strstr(text, name);
	if (!strcmp(s->wanted, s->name) || (from && !strcmp(from, s->wanted)))
		return add_found(s, e, false, whole);
	note_near(s, whole);
	return 0;
}

static int see(void *ctx, const struct elfsyms_entry *e)
{
	struct search *s = ctx;

	if (e->stub || !*e->name)
		return 0;
	/* where a stripped program starts is known, too */
	s->functions += e->function && strcmp(e->name, "_start");
	s->exported += e->dynamic;
	if (spelled_so(s, e->name) || is_copy_of(e->name, s->wanted))
		return add_found(s, e, true, e->name);
	if (strncmp(e->name, "_Z", 2) && strncmp(e->name, "_R", 2)) {
		if (e->function && !is_piece(e->name))
			note_near(s, e->name);
		return 0;
	}
	return s->mangled || is_piece(e->name) ? 0 : see_mangled(s, e);
}

/* --- what to say ----------------------------------------------------------- */

/* "a", "a or b", "a, b or c" into buf. */
static void list_near(const struct search *s, char *buf, size_t sz)
{
	size_t n = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < s->n_near && n < sz; i++)
		n += snprintf(buf + n, sz - n, "%s%.60s", !i ? "" : i + 1 < s->n_near ? ", " : " or ",
			      s->near[i].name);
}

enum elsewhere { NOWHERE, IMPORTED, DATA, IFUNC };

/* What the tables of dynamic and other symbols say of a name that is no function of the file's. */
static enum elsewhere look_elsewhere(const struct elfimg *img, const char *wanted)
{
	enum elsewhere is = NOWHERE;
	Elf *elf = elfimg__begin(img);
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	GElf_Sym sym;

	while (elf && is == NOWHERE && (scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;
		size_t n;

		if (!gelf_getshdr(scn, &sh) || (sh.sh_type != SHT_DYNSYM && sh.sh_type != SHT_SYMTAB) ||
		    !elfimg__is_strings(elf, sh.sh_link))
			continue;
		data = elfimg__section(scn, (size_t)64 << 20);
		n = data ? data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT) : 0;
		for (size_t i = 0; i < n; i++) {
			const char *name;

			if (!gelf_getsym(data, i, &sym))
				continue;
			name = elf_strptr(elf, sh.sh_link, sym.st_name);
			if (!name || strcmp(name, wanted))
				continue;
			if (sym.st_shndx == SHN_UNDEF)
				is = IMPORTED;
			else if (GELF_ST_TYPE(sym.st_info) == STT_OBJECT)
				is = DATA;
			else if (GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC)
				is = IFUNC;
			if (is != NOWHERE)
				break;
		}
	}
	elf_end(elf);
	return is;
}

static int say_none(struct search *s, const struct elfimg *img, const char *wanted, const char *shown)
{
	char near[256];

	switch (look_elsewhere(img, wanted)) {
	case IMPORTED:
		return wt_error(WT_ESAID, "%s only calls %s, which another library defines: name that "
				"library", shown, wanted);
	case DATA:
		return wt_error(WT_ESAID, "%s in %s is data, not a function", wanted, shown);
	default:
		break;
	}
	if (!s->functions)
		return wt_error(WT_ESAID, "%s has no symbols (it is stripped, and its debug file is not "
				"installed): name an address like 0x1234 instead of %s", shown, wanted);
	list_near(s, near, sizeof(near));
	if (s->n_near)
		return wt_error(WT_ESAID, "there is no function %s in %s; did you mean %s?", wanted, shown,
				near);
	if (s->exported == s->functions)
		return wt_error(WT_ESAID, "there is no function %s among the %u that %s exports; it is "
				"stripped: its debug file has the others, and an address like 0x1234 "
				"needs no name", wanted, s->exported, shown);
	return wt_error(WT_ESAID, "there is no function %s in %s, nor a name like it", wanted, shown);
}

static int say_several(const struct search *s, const char *wanted, const char *shown)
{
	char list[240] = "";
	bool plain = true;
	size_t n = 0;
	unsigned i;

	for (i = 0; i < s->n; i++)
		plain &= s->found[i].plain;
	for (i = 0; i < s->n && n < sizeof(list) - 80; i++) {
		const char *sep = !i ? "" : ", ";

		if (plain && !strchr(s->found[i].whole, '@'))
			n += snprintf(list + n, sizeof(list) - n, "%s0x%llx", sep, s->found[i].start);
		else
			n += snprintf(list + n, sizeof(list) - n, "%s%.70s", sep, s->found[i].whole);
	}
	return wt_error(WT_ESAID, "there are %u functions %s in %s: name one of %s%s", s->n, wanted,
			shown, list, i < s->n ? " …" : "");
}

/* --- the choice ------------------------------------------------------------ */

/* All of them are copies of one: of a constructor, of what was specialised, of a Rust generic. */
static bool one_function(const struct search *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct found *f = &s->found[i];

		if (f->plain && !is_copy_of(f->whole, s->wanted))
			return false;
		if (f->plain && i && !strcmp(f->whole, s->found[i - 1].whole))
			return false;	/* two static functions of one name */
		if (!f->plain && strcmp(f->whole, s->found[0].whole))
			return false;
	}
	return true;
}

/* The address under which a name without a version is linked today; 0: not told. */
static __u64 standard_address(const struct elfimg *img, const char *wanted)
{
	Elf *elf = elfimg__begin(img);
	Elf_Data *syms = NULL, *versions = NULL;
	Elf_Scn *scn = NULL;
	__u64 found = 0;
	size_t link = 0, n = 0;
	GElf_Shdr sh;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			continue;
		if (sh.sh_type == SHT_DYNSYM && elfimg__is_strings(elf, sh.sh_link)) {
			syms = elfimg__section(scn, (size_t)64 << 20);
			link = sh.sh_link;
			n = syms ? syms->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT) : 0;
		} else if (sh.sh_type == SHT_GNU_versym) {
			versions = elfimg__section(scn, (size_t)64 << 20);
		}
	}
	for (size_t i = 0; versions && i < n && !found; i++) {
		GElf_Versym version;
		const char *name;
		GElf_Sym sym;

		if (!gelf_getsym(syms, i, &sym) || sym.st_shndx == SHN_UNDEF ||
		    !gelf_getversym(versions, i, &version) || (version & 0x8000))
			continue;
		name = elf_strptr(elf, link, sym.st_name);
		if (name && !strcmp(name, wanted))
			found = sym.st_value;
	}
	elf_end(elf);
	return found;
}

/* Of a symbol with versions the one that is linked today, unless one was asked for. */
static void choose_version(struct search *s, const struct elfimg *img)
{
	__u64 standard = standard_address(img, s->wanted);
	unsigned kept = s->n;

	for (unsigned i = 0; i < s->n; i++)
		if (s->found[i].plain && (s->found[i].standard || s->found[i].start == standard))
			kept = i;
	if (strchr(s->wanted, '@') || kept == s->n)
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (i != kept)
			free(s->found[i].whole);
	s->found[0] = s->found[kept];
	s->n = 1;
}

static int choose(struct search *s, const struct elfimg *img, const char *wanted, const char *shown,
		  struct symbol_places *out)
{
	if (!s->n)
		return say_none(s, img, wanted, shown);
	if (s->n > 1)
		choose_version(s, img);
	if (s->n > SYMBOL_PLACES || (s->n > 1 && !one_function(s)))
		return say_several(s, wanted, shown);
	for (unsigned i = 0; i < s->n; i++) {
		out->v[i].start = s->found[i].start;
		out->v[i].end = s->found[i].end;
	}
	out->n = s->n;
	out->name = strdup(s->found[0].whole);
	if (look_elsewhere(img, wanted) == IFUNC)
		wt_warn("%s in %s is chosen among several when the program starts: what is called later is "
			"another function, like __%s_…", wanted, shown, wanted);
	return out->name ? 0 : wt_error(-ENOMEM, "cannot look for %s", wanted);
}

int span_symbol__find(const struct elfsyms *es, const struct elfimg *img, const char *wanted,
		      const char *shown, struct symbol_places *out)
{
	struct search *s = calloc(1, sizeof(*s));
	int err;

	memset(out, 0, sizeof(*out));
	if (!s)
		return wt_error(-ENOMEM, "cannot look for %s", wanted);
	in_one_way(s->wanted, sizeof(s->wanted), wanted);
	memcpy(s->name, s->wanted, sizeof(s->name));
	cut_parameters(s->name);
	s->last = last_component(s->name);
	s->mangled = !strncmp(s->wanted, "_Z", 2) || !strncmp(s->wanted, "_R", 2);
	err = elfsyms__each(es, see, s);
	if (err)
		wt_error(err, "cannot look for %s", wanted);
	else
		err = choose(s, img, wanted, shown, out);
	for (unsigned i = 0; i < s->n; i++)
		free(s->found[i].whole);
	for (unsigned i = 0; i < s->n_near; i++)
		free(s->near[i].name);
	free(s);
	return err;
}

void symbol_places__free(struct symbol_places *p)
{
	free(p->name);
	memset(p, 0, sizeof(*p));
}
