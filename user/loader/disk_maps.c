/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/disk_maps.h"

#include <bpf/bpf.h>

int disk_maps__read(struct disks *out, const struct tracer *t)
{
	struct wt_blk_disk disk;
	struct tracer_disk_fds fds;
	struct wt_blk_key key;
	struct wt_blk_val val;
	__u32 dev;
	int err = 0;

	tracer__disk_fds(t, &fds);
	out->on = fds.on;
	if (!fds.on)
		return 0;
	/* nothing is ever deleted from these two: no key is missed or met twice */
	for (__u32 *at = NULL; !err && !bpf_map_get_next_key(fds.disks, at, &dev); at = &dev)
		if (!bpf_map_lookup_elem(fds.disks, &dev, &disk))
			err = disks__put(out, dev, &disk);
	for (void *at = NULL; !err && !bpf_map_get_next_key(fds.rows, at, &key); at = &key)
		if (!bpf_map_lookup_elem(fds.rows, &key, &val))
			err = disks__put_row(out, &key, &val);
	disks__sort(out);
	return err;
}
