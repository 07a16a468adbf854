/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few types that our programs are fitted to: as the kernel has them, and no others. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/corebtf.h"

/* An object file with nothing but the BTF of `btf`: its bytes, to be freed. */
static char *object_with(const struct btf *btf, size_t *size)
{
	char path[] = "/tmp/wt-corebtf.XXXXXX", *bytes;
	static char names[] = "\0.BTF\0.shstrtab";
	int fd = mkstemp(path);
	Elf_Data *data;
	Elf_Scn *scn;
	struct stat st;
	GElf_Shdr h;
	GElf_Ehdr eh;
	__u32 len;
	Elf *e;

	assert_true(fd >= 0);
	unlink(path);
	elf_version(EV_CURRENT);
	e = elf_begin(fd, ELF_C_WRITE, NULL);
	assert_non_null(gelf_newehdr(e, ELFCLASS64));
	for (int i = 0; i < 2; i++) {
		scn = elf_newscn(e);
		data = elf_newdata(scn);
		data->d_buf = i ? names : (void *)btf__raw_data(btf, &len);
		data->d_size = i ? sizeof(names) : len;
		data->d_align = 8;
		gelf_getshdr(scn, &h);
		h.sh_name = i ? 6 : 1;
		h.sh_type = i ? SHT_STRTAB : SHT_PROGBITS;
		gelf_update_shdr(scn, &h);
	}
	gelf_getehdr(e, &eh);
	eh.e_ident[EI_DATA] = ELFDATA2LSB;
	eh.e_machine = EM_BPF;
	eh.e_type = ET_REL;
	eh.e_version = EV_CURRENT;
	eh.e_shstrndx = 2;
	gelf_update_ehdr(e, &eh);
	assert_true(elf_update(e, ELF_C_WRITE) > 0);
	elf_end(e);
	assert_int_equal(fstat(fd, &st), 0);
	*size = st.st_size;
	bytes = malloc(*size);
	assert_int_equal(pread(fd, bytes, *size, 0), *size);
	close(fd);
	return bytes;
}

static struct btf *made(const struct btf *kernel, const struct btf *ours)
{
	size_t size;
	char *elf = object_with(ours, &size), path[64];
	int fd = corebtf__new(kernel, elf, size);
	struct btf *out;

	free(elf);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	out = btf__parse_raw(path);
	assert_non_null(out);
	close(fd);
	return out;
}

static const struct btf_type *type_of(const struct btf *btf, const char *name, __u32 kind)
{
	int id = btf__find_by_name_kind(btf, name, kind);

	return id > 0 ? btf__type_by_id(btf, id) : NULL;
}

static void same_members(const struct btf *a, const struct btf_type *x, const struct btf *b,
			 const struct btf_type *y)
{
	const struct btf_member *m = btf_members(x), *n = btf_members(y);

	assert_int_equal(x->size, y->size);
	assert_int_equal(btf_vlen(x), btf_vlen(y));
	for (int i = 0; i < btf_vlen(x); i++) {
		assert_string_equal(btf__name_by_offset(a, m[i].name_off),
				    btf__name_by_offset(b, n[i].name_off));
		assert_int_equal(btf_member_bit_offset(x, i), btf_member_bit_offset(y, i));
		assert_int_equal(btf_member_bitfield_size(x, i), btf_member_bitfield_size(y, i));
		assert_int_equal(btf__resolve_size(a, m[i].type), btf__resolve_size(b, n[i].type));
	}
}

/* A kernel in which everything hangs together: wanted → inner, and by pointers on to all. */
static struct btf *small_kernel(void)
{
	struct btf *k = btf__new_empty();
	int u64 = btf__add_int(k, "unsigned long long", 8, 0), u32 = btf__add_int(k, "unsigned int", 4, 0);
	int other = btf__add_struct(k, "other", 8), ptr, inner, anon, list, mode, word;

	btf__add_field(k, "x", u64, 0, 0);
	ptr = btf__add_ptr(k, other);
	mode = btf__add_enum(k, "mode", 4);
	btf__add_enum_value(k, "MODE_A", 0);
	btf__add_enum_value(k, "MODE_B", 7);
	word = btf__add_typedef(k, "word", btf__add_volatile(k, u32));
	anon = btf__add_union(k, NULL, 8);
	btf__add_field(k, "p", ptr, 0, 0);
	btf__add_field(k, "n", u64, 0, 0);
	list = btf__add_array(k, u32, word, 6);
	inner = btf__add_struct(k, "inner", 32);
	btf__add_field(k, "", anon, 0, 0);
	btf__add_field(k, "words", list, 64, 0);
	btf__add_struct(k, "wanted", 56);
	btf__add_field(k, "in", inner, 0, 0);
	btf__add_field(k, "mode", mode, 256, 0);
	btf__add_field(k, "flag", u32, 288, 1);
	btf__add_field(k, "rest", u32, 289, 5);
	btf__add_field(k, "up", btf__add_ptr(k, btf__type_cnt(k) - 1), 320, 0);
	return k;
}

static void test_small(void **state)
{
	struct btf *k = small_kernel(), *ours = btf__new_empty(), *out;

	(void)state;
	/* a version of it that we have under another name, one that no kernel has, an enum */
	btf__add_struct(ours, "wanted___new", 4);
	btf__add_struct(ours, "wt_own", 4);
	btf__add_enum(ours, "mode", 4);
	out = made(k, ours);
	same_members(k, type_of(k, "wanted", BTF_KIND_STRUCT), out,
		     type_of(out, "wanted", BTF_KIND_STRUCT));
	same_members(k, type_of(k, "inner", BTF_KIND_STRUCT), out,
		     type_of(out, "inner", BTF_KIND_STRUCT));
	assert_int_equal(btf_vlen(type_of(out, "mode", BTF_KIND_ENUM)), 2);
	assert_null(type_of(out, "other", BTF_KIND_STRUCT));
	assert_null(type_of(out, "wt_own", BTF_KIND_STRUCT));
	btf__free(out);
	btf__free(ours);
	btf__free(k);
}

static void test_this_kernel(void **state)
{
	static const char *const names[] = { "task_struct", "sock", "rq", "file" };
	struct btf *k = btf__parse_raw("/sys/kernel/btf/vmlinux"), *ours = btf__new_empty(), *out;

	(void)state;
	if (!k) {
		print_message("there is no /sys/kernel/btf/vmlinux\n");
		btf__free(ours);
		skip();
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		btf__add_struct(ours, names[i], 4);
	out = made(k, ours);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		same_members(k, type_of(k, names[i], BTF_KIND_STRUCT), out,
			     type_of(out, names[i], BTF_KIND_STRUCT));
	assert_true(btf__type_cnt(out) < btf__type_cnt(k) / 20);
	btf__free(out);
	btf__free(ours);
	btf__free(k);
}

static void test_bad_objects(void **state)
{
	struct btf *k = small_kernel(), *ours = btf__new_empty();
	char junk[256] = "\177ELF\2\1\1";
	size_t size;
	char *elf;

	(void)state;
	assert_true(corebtf__new(k, junk, sizeof(junk)) < 0);
	assert_true(corebtf__new(k, "", 0) < 0);
	btf__add_struct(ours, "wanted", 4);
	elf = object_with(ours, &size);
	assert_true(corebtf__new(k, elf, size / 2) < 0);
	/* its BTF says of itself what is not so */
	memset(elf + 64, 0xff, 16);
	assert_true(corebtf__new(k, elf, size) < 0);
	free(elf);
	btf__free(ours);
	btf__free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_this_kernel),
		cmocka_unit_test(test_bad_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
