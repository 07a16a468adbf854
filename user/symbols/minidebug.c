/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/minidebug.h"

#include <errno.h>
#include <gelf.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/elfimg.h"

#define PACKED_MAX ((size_t)8 << 20)
/* xz -9 needs 65 MiB to unpack; distributions pack with the default, which needs 9. */
#define LZMA_MEMORY ((uint64_t)32 << 20)
#define FIRST_ROOM ((size_t)256 << 10)

/* Gives the decoder another piece of memory to fill.  False: bound or no memory. */
static bool more_room(lzma_stream *z, __u8 **buf, size_t *cap)
{
	size_t new = *cap ? *cap * 2 : FIRST_ROOM;
	__u8 *p = new <= MINIDEBUG_MAX ? realloc(*buf, new) : NULL;

	if (!p)
		return false;
	z->next_out = p + *cap;
	z->avail_out = new - *cap;
	*buf = p;
	*cap = new;
	return true;
}

int minidebug__unpack(Elf *elf, void **out, size_t *size)
{
	Elf_Scn *scn = elfimg__find_section(elf, ".gnu_debugdata");
	Elf_Data *data = scn ? elfimg__section(scn, PACKED_MAX) : NULL;
	lzma_stream z = LZMA_STREAM_INIT;
	lzma_ret ret = LZMA_OK;
	__u8 *buf = NULL;
	size_t cap = 0;

	*out = NULL;
	if (!data || !data->d_buf)
		return 0;
	if (lzma_stream_decoder(&z, LZMA_MEMORY, 0) != LZMA_OK)
		return -ENOMEM;
	z.next_in = data->d_buf;
	z.avail_in = data->d_size;
	while (ret == LZMA_OK && (z.avail_out || more_room(&z, &buf, &cap)))
		ret = lzma_code(&z, LZMA_FINISH);
	*size = z.total_out;
	lzma_end(&z);
	if (ret != LZMA_STREAM_END) {
		free(buf);
		return 0;
	}
	*out = buf;
	return 0;
}
