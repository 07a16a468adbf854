/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "disks/disks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int grow(void **v, unsigned n, unsigned *max, size_t size)
{
	void *more;

	if (n < *max)
		return 0;
	more = reallocarray(*v, *max ? 2 * *max : 16, size);
	if (!more)
		return -ENOMEM;
	*v = more;
	*max = *max ? 2 * *max : 16;
	return 0;
}

int disks__put(struct disks *d, __u32 dev, const struct wt_blk_disk *total)
{
	struct disk *to;

	if (grow((void **)&d->v, d->n, &d->max, sizeof(*d->v)))
		return -ENOMEM;
	to = &d->v[d->n++];
	to->dev = dev;
	to->total = *total;
	to->total.name[WT_DISK_LEN - 1] = 0;
	return 0;
}

int disks__put_row(struct disks *d, const struct wt_blk_key *key, const struct wt_blk_val *val)
{
	struct disks_row *to;

	if (grow((void **)&d->rows, d->n_rows, &d->max_rows, sizeof(*d->rows)))
		return -ENOMEM;
	to = &d->rows[d->n_rows++];
	to->key = *key;
	to->key.comm[WT_COMM_LEN - 1] = 0;
	to->val = *val;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct disk *)a)->total.name, ((const struct disk *)b)->total.name);
}

void disks__sort(struct disks *d)
{
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), by_name);
}

const struct disk *disks__by_dev(const struct disks *d, __u32 dev)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->v[i].dev == dev)
			return &d->v[i];
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "sda1" is of "sda", "nvme0n1p2" of "nvme0n1". */
static bool is_partition(const char *name, const char *disk)
{
	size_t len = strlen(disk);

	if (!len || strncmp(name, disk, len))
		return false;
	name += len;
	if (is_digit(disk[len - 1]) && *name++ != 'p')
		return false;
	if (!*name)
		return false;
	while (is_digit(*name))
		name++;
	return !*name;
}

const struct disk *disks__by_device(const struct disks *d, const char *name)
{
	for (unsigned i = 0; i < d->n; i++)
		if (!strcmp(d->v[i].total.name, name))
			return &d->v[i];
	for (unsigned i = 0; i < d->n; i++)
		if (is_partition(name, d->v[i].total.name))
			return &d->v[i];
	return NULL;
}

const char *disks__label(const struct disks *d, __u32 dev, char *buf, size_t sz)
{
	for (unsigned i = 0; d && i < d->n; i++)
		if ((d->v[i].dev & 0x7fffffff) == dev) {
			snprintf(buf, sz, "%.*s", (int)sizeof(d->v[i].total.name), d->v[i].total.name);
			return buf;
		}
	snprintf(buf, sz, "%u:%u", dev >> 20, dev & 0xfffff);
	return buf;
}

void disks__free(struct disks *d)
{
	free(d->v);
	free(d->rows);
	memset(d, 0, sizeof(*d));
}

const char *disks__op_name(unsigned op)
{
	static const char *const names[WT_BLK_OPS] = {
		[WT_BLK_READ] = "read",       [WT_BLK_READAHEAD] = "readahead",
		[WT_BLK_WRITE] = "write",     [WT_BLK_WRITEBACK] = "writeback",
		[WT_BLK_FLUSH] = "flush",     [WT_BLK_DISCARD] = "discard",
		[WT_BLK_ZEROES] = "zeroes",   [WT_BLK_OTHER] = "other",
	};

	return op < WT_BLK_OPS ? names[op] : "other";
}

unsigned disks__group(unsigned op)
{
	switch (op) {
	case WT_BLK_READ:
	case WT_BLK_READAHEAD:
		return 0;
	case WT_BLK_DISCARD:
		return 2;
	case WT_BLK_FLUSH:
		return 3;
	}
	return 1;
}

__u64 disk__requests(const struct disk *d, unsigned group)
{
	__u64 sum = 0;

	for (unsigned op = 0; op < WT_BLK_OPS; op++)
		sum += disks__group(op) == group ? d->total.requests[op] : 0;
	return sum;
}

__u64 disk__bytes(const struct disk *d, unsigned group)
{
	__u64 sum = 0;

	for (unsigned op = 0; op < WT_BLK_OPS; op++)
		sum += disks__group(op) == group ? d->total.bytes[op] : 0;
	return sum;
}

__u64 disk__ns(const struct disk *d, unsigned group)
{
	__u64 sum = 0;

	for (unsigned op = 0; op < WT_BLK_OPS; op++)
		sum += disks__group(op) == group ? d->total.ns[op] : 0;
	return sum;
}
