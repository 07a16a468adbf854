/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/corebtf.h"

#include <bpf/btf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 4096			/* a power of two, several times as many as we know names */

struct names {
	const char *slot[SLOTS];
	unsigned n;
};

struct corebtf {
	const struct btf *from;
	struct btf *to;
	__u32 *ids;			/* by those in from: those in to, 0: not yet */
	int void_ptr;
};

/* The name without what follows "___": our way to tell versions of a type apart. */
static size_t name_len(const char *name)
{
	const char *flavor = strstr(name, "___");

	return flavor ? (size_t)(flavor - name) : strlen(name);
}

static unsigned hash_name(const char *name, size_t len)
{
	unsigned h = 2166136261u;		/* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h;
}

static const char **find_name(struct names *s, const char *name, size_t len)
{
	unsigned i = hash_name(name, len) % SLOTS;

	while (s->slot[i] && (strncmp(s->slot[i], name, len) || name_len(s->slot[i]) != len))
		i = (i + 1) % SLOTS;
	return &s->slot[i];
}

static bool is_candidate(const struct btf_type *t)
{
	return btf_is_composite(t) || btf_is_any_enum(t) || btf_is_typedef(t);
}

static int read_names(struct names *s, const struct btf *ours)
{
	__u32 n = btf__type_cnt(ours);

	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(ours, id);
		const char *name = btf__name_by_offset(ours, t->name_off), **slot;

		if (!is_candidate(t) || !name || !*name)
			continue;
		slot = find_name(s, name, name_len(name));
		if (*slot)
			continue;
		if (++s->n > SLOTS / 2)
			return -E2BIG;
		*slot = name;
	}
	return 0;
}

static int copy(struct corebtf *c, __u32 id);

static int copy_members(struct corebtf *c, const struct btf_type *t)
{
	const char *name = btf__name_by_offset(c->from, t->name_off);
	const struct btf_member *m = btf_members(t);
	int id, err;

	for (int i = 0; i < btf_vlen(t); i++) {
		err = copy(c, m[i].type);
		if (err < 0)
			return err;
	}
	id = btf_is_union(t) ? btf__add_union(c->to, name, t->size) :
			       btf__add_struct(c->to, name, t->size);
	for (int i = 0; i < btf_vlen(t) && id > 0; i++) {
		err = btf__add_field(c->to, btf__name_by_offset(c->from, m[i].name_off),
				     copy(c, m[i].type), btf_member_bit_offset(t, i),
				     btf_member_bitfield_size(t, i));
		if (err)
			return err;
	}
	return id;
}

static int copy_array(struct corebtf *c, const struct btf_type *t)
{
	const struct btf_array *a = btf_array(t);
	int elem = copy(c, a->type), index = copy(c, a->index_type);

	if (elem < 0 || index < 0)
		return elem < 0 ? elem : index;
	return btf__add_array(c->to, index, elem, a->nelems);
}

/* What only another type stands behind: the name goes with a typedef, const and the like fall. */
static int copy_modifier(struct corebtf *c, const struct btf_type *t)
{
	int inner = copy(c, t->type);

	if (inner < 0 || !btf_is_typedef(t))
		return inner;
	return btf__add_typedef(c->to, btf__name_by_offset(c->from, t->name_off), inner);
}

/* The number in c->to of the type `id` of c->from, 0: void; or a negative errno. */
static int copy(struct corebtf *c, __u32 id)
{
	const struct btf_type *t;
	int new;

	if (!id)
		return 0;
	if (c->ids[id])
		return c->ids[id];
	t = btf__type_by_id(c->from, id);
	if (btf_is_ptr(t)) {
		if (!c->void_ptr)
			c->void_ptr = btf__add_ptr(c->to, 0);
		new = c->void_ptr;
	} else if (btf_is_composite(t)) {
		new = copy_members(c, t);
	} else if (btf_is_array(t)) {
		new = copy_array(c, t);
	} else if (btf_is_mod(t) || btf_is_typedef(t) || btf_is_type_tag(t)) {
		new = copy_modifier(c, t);
	} else if (btf_is_int(t) || btf_is_float(t) || btf_is_any_enum(t) || btf_is_fwd(t)) {
		new = btf__add_type(c->to, c->from, t);
	} else {
		return 0;		/* a function behind a typedef */
	}
	if (new > 0)
		c->ids[id] = new;
	return new;
}

static int copy_all(struct corebtf *c, struct names *names)
{
	__u32 n = btf__type_cnt(c->from);

	for (__u32 id = 1; id < n; id++) {
		const struct btf_type *t = btf__type_by_id(c->from, id);
		const char *name;
		int err;

		if (!is_candidate(t) || !t->name_off)
			continue;
		name = btf__name_by_offset(c->from, t->name_off);
		if (!name || !*find_name(names, name, strlen(name)))
			continue;
		err = copy(c, id);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The types in a BPF object file; NULL with errno set. */
static struct btf *btf_of(const void *elf, size_t size)
{
	Elf *e = elf_version(EV_CURRENT) ? elf_memory((char *)elf, size) : NULL;
	struct btf *btf = NULL;
	Elf_Scn *scn = NULL;
	size_t names;

	errno = EINVAL;
	if (!e || elf_getshdrstrndx(e, &names)) {
		elf_end(e);
		return NULL;
	}
	while ((scn = elf_nextscn(e, scn))) {
		Elf_Data *data;
		const char *name;
		GElf_Shdr h;

		name = gelf_getshdr(scn, &h) ? elf_strptr(e, names, h.sh_name) : NULL;
		if (!name || strcmp(name, BTF_ELF_SEC))
			continue;
		data = elf_rawdata(scn, NULL);
		if (data && data->d_size)
			btf = btf__new(data->d_buf, data->d_size);
		break;
	}
	elf_end(e);
	return btf;
}

static int write_file(const struct btf *btf)
{
	const char *at;
	__u32 left;
	int fd, err;

	at = btf__raw_data(btf, &left);
	if (!at)
		return -errno;
	fd = memfd_create("worktrace-btf", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (left) {
		ssize_t n = write(fd, at, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n < 0 ? -errno : -EIO;
			close(fd);
			return err;
		}
		at += n;
		left -= n;
	}
	return fd;
}

int corebtf__new(const struct btf *kernel, const void *elf, size_t size)
{
	struct names *names = calloc(1, sizeof(*names));
	struct corebtf c = { .from = kernel };
	struct btf *ours = btf_of(elf, size);
	int err = -ENOMEM;

	c.ids = calloc(btf__type_cnt(kernel), sizeof(*c.ids));
	c.to = btf__new_empty();
	if (names && ours && c.ids && c.to) {
		err = read_names(names, ours);
		if (!err)
			err = copy_all(&c, names);
		if (!err)
			err = write_file(c.to);
	}
	btf__free(c.to);
	btf__free(ours);
	free(c.ids);
	free(names);
	return err;
}
