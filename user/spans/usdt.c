/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/usdt.h"

#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

#define MAX_NOTES ((size_t)16 << 20)
#define NT_STAPSDT 3

struct search {
	const char *provider, *probe;
	struct usdt_places *out;
	__u64 base;			/* where .stapsdt.base lies, 0: the file has none */
	bool too_many;
	char others[200];		/* names of others, for the sentence */
	size_t n_others;
	unsigned probes;
};

/* "provider:probe" of what is there, once each. */
static void note_other(struct search *s, const char *provider, const char *probe)
{
	char text[100];

	snprintf(text, sizeof(text), "%s%.40s:%.40s", s->n_others ? ", " : "", provider, probe);
	if (s->n_others + strlen(text) >= sizeof(s->others) ||
	    (s->n_others && strstr(s->others, text + 2)))
		return;
	s->n_others += snprintf(s->others + s->n_others, sizeof(s->others) - s->n_others, "%s", text);
}

/* Three words of 8 bytes (pc, base, semaphore), then provider, probe and arguments, terminated. */
static void one_note(struct search *s, const char *desc, size_t size)
{
	const char *provider = desc + 24, *probe, *end = desc + size;
	__u64 word[3], moved;

	if (size < 27)
		return;
	memcpy(word, desc, sizeof(word));
	probe = memchr(provider, 0, end - provider);
	if (!probe || ++probe >= end || !memchr(probe, 0, end - probe))
		return;
	s->probes++;
	if (strcmp(provider, s->provider) || strcmp(probe, s->probe)) {
		note_other(s, provider, probe);
		return;
	}
	if (s->out->n == USDT_PLACES) {
		s->too_many = true;
		return;
	}
	/* prelink moves a file's addresses and not its notes */
	moved = s->base && word[1] ? s->base - word[1] : 0;
	s->out->v[s->out->n].addr = word[0] + moved;
	s->out->v[s->out->n++].semaphore = word[2] ? word[2] + moved : 0;
}

static void read_notes(struct search *s, Elf_Data *data)
{
	size_t off = 0, name, desc;
	GElf_Nhdr nh;

	while ((off = gelf_getnote(data, off, &nh, &name, &desc)) > 0)
		if (nh.n_type == NT_STAPSDT && nh.n_namesz == 8 &&
		    !memcmp((char *)data->d_buf + name, "stapsdt", 8))
			one_note(s, (char *)data->d_buf + desc, nh.n_descsz);
}

static void read_file(struct search *s, Elf *elf)
{
	Elf_Scn *scn = elfimg__find_section(elf, ".stapsdt.base");
	Elf_Data *data;
	GElf_Shdr sh;

	if (scn && gelf_getshdr(scn, &sh))
		s->base = sh.sh_addr;
	scn = elfimg__find_section(elf, ".note.stapsdt");
	data = scn ? elfimg__section(scn, MAX_NOTES) : NULL;
	if (data)
		read_notes(s, data);
}

int usdt__find(const struct elfimg *img, const char *provider, const char *probe, const char *shown,
	       struct usdt_places *out)
{
	struct search s = { .provider = provider, .probe = probe, .out = out };
	Elf *elf = elfimg__begin(img);
	GElf_Ehdr eh;

	memset(out, 0, sizeof(*out));
	if (elf && gelf_getehdr(elf, &eh) && eh.e_ident[EI_CLASS] == ELFCLASS64)
		read_file(&s, elf);
	elf_end(elf);
	if (s.too_many)
		return wt_error(WT_ESAID, "%s has the probe %s:%s in more than %d places", shown, provider,
				probe, USDT_PLACES);
	if (out->n)
		return 0;
	if (!s.probes)
		return wt_error(WT_ESAID, "%s has no USDT probes (it was built without them)", shown);
	return wt_error(WT_ESAID, "%s has no probe %s:%s; it has %s%s", shown, provider, probe, s.others,
			s.n_others > sizeof(s.others) - 60 ? " …" : "");
}
