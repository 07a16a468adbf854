/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/debugfile.h"

#include <gelf.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "symbols/elfimg.h"
#include "symbols/regular.h"

#define DEBUG_DIR "/usr/lib/debug"
/* A checksum reads the whole file; nothing larger is worth it. */
#define MAX_CHECKED ((off_t)256 << 20)

struct wanted {
	__u8 id[BUILD_ID_MAX];
	unsigned id_len;
	char link[NAME_MAX + 1];	/* empty: none */
	__u32 crc;
};

/* .gnu_debuglink: a file name, zeros up to a multiple of 4, CRC-32 (binutils' objcopy). */
static void read_link(Elf *elf, struct wanted *w)
{
	Elf_Scn *scn = elfimg__find_section(elf, ".gnu_debuglink");
	Elf_Data *data = scn ? elfimg__section(scn, 4096) : NULL;
	size_t len;

	if (!data || !data->d_buf || data->d_size < 8)
		return;
	len = strnlen(data->d_buf, data->d_size);
	if (!len || len > NAME_MAX || ((len + 4) & ~3UL) + 4 > data->d_size ||
	    memchr(data->d_buf, '/', len) || !strcmp(data->d_buf, "..") || !strcmp(data->d_buf, "."))
		return;
	memcpy(&w->crc, (char *)data->d_buf + ((len + 4) & ~3UL), 4);
	memcpy(w->link, data->d_buf, len + 1);
}

static bool crc_matches(int fd, __u32 want)
{
	unsigned char buf[16384];
	uLong crc = crc32(0, NULL, 0);
	off_t off = 0;
	ssize_t n;

	while (off <= MAX_CHECKED && (n = pread(fd, buf, sizeof(buf), off)) > 0) {
		crc = crc32(crc, buf, n);
		off += n;
	}
	return off <= MAX_CHECKED && crc == want;
}

static int try_path(int root, const char *path, const struct wanted *w)
{
	int fd = regular__open(root, path);
	__u8 id[BUILD_ID_MAX];
	bool ok;

	if (fd < 0)
		return -1;
	if (w->id_len)
		ok = elfimg__file_build_id(fd, id) == w->id_len && !memcmp(id, w->id, w->id_len);
	else
		ok = crc_matches(fd, w->crc);
	if (ok)
		return fd;
	close(fd);
	return -1;
}

static int by_build_id(int root, const struct wanted *w)
{
	char path[sizeof(DEBUG_DIR) + 32 + 2 * BUILD_ID_MAX];
	unsigned i;
	int n;

	if (w->id_len < 2)
		return -1;
	n = sprintf(path, DEBUG_DIR "/.build-id/%02x/", w->id[0]);
	for (i = 1; i < w->id_len; i++)
		n += sprintf(path + n, "%02x", w->id[i]);
	strcpy(path + n, ".debug");
	return try_path(root, path, w);
}

int debugfile__by_build_id(const void *id, unsigned n)
{
	struct wanted w = { .id_len = n };

	memcpy(w.id, id, n);
	return by_build_id(-1, &w);
}

int debugfile__open(Elf *elf, const char *path, int root)
{
	static const char *const place[] = { "%.*s/%s", "%.*s/.debug/%s", DEBUG_DIR "%.*s/%s" };
	struct wanted w = { 0 };
	char buf[PATH_MAX];
	const char *slash;
	unsigned i;
	int fd;

	w.id_len = elfimg__build_id(elf, w.id);
	fd = by_build_id(root, &w);
	if (fd >= 0 || !path || path[0] != '/')
		return fd;
	read_link(elf, &w);
	slash = strrchr(path, '/');
	for (i = 0; w.link[0] && fd < 0 && i < 3; i++)
		if (snprintf(buf, sizeof(buf), place[i], (int)(slash - path), path, w.link) <
		    (int)sizeof(buf))
			fd = try_path(root, buf, &w);
	return fd;
}

int debugfile__of_process(int fd, __u32 tgid, const char *path)
{
	const struct elfimg img = { .fd = fd };
	int root = regular__root_of(tgid), ret = -1;
	Elf *elf = NULL;

	if (root >= 0 && !regular__is_our_root(root))
		elf = elfimg__begin(&img);
	if (elf)
		ret = debugfile__open(elf, path, root);
	elf_end(elf);
	if (root >= 0)
		close(root);
	return ret;
}
