/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices_json.c - summary.json's devices[]: each disk's totals, whoever made the requests. */
#include "sinks/devices.h"

#include <errno.h>

static const char *const groups[4] = { "read", "write", "discard", "flush" };

static json_t *counts_json(const struct device_audit *a, unsigned g, bool ours)
{
	json_t *o = json_object();

	json_object_set_new(o, "requests", json_integer(ours ? a->ours[g] : a->kernel[g]));
	json_object_set_new(o, "ns", json_integer(ours ? a->ours_ns[g] : a->kernel_ns[g]));
	if (g < 3)
		json_object_set_new(o, "bytes", json_integer(ours ? a->ours_bytes[g] : a->kernel_bytes[g]));
	if (g < 3 && !ours)
		json_object_set_new(o, "merged", json_integer(a->merged[g]));
	return o;
}

static json_t *groups_json(const struct device_audit *a, bool ours)
{
	json_t *o = json_object();

	for (unsigned g = 0; g < 4; g++)
		json_object_set_new(o, groups[g], counts_json(a, g, ours));
	return o;
}

static json_t *disk_json(const struct recording *r, const struct disk *d)
{
	double ns = (double)(r->end_ns - r->start_ns);
	struct device_audit a;
	json_t *o;

	devices__audit(r, d, &a);
	o = json_pack("{s:s, s:i, s:i, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:I}",
		      "device", d->total.name, "major", (int)(d->dev >> 20),
		      "minor", (int)(d->dev & 0xfffff),
		      "untimed", (json_int_t)d->total.untimed,
		      "errors", (json_int_t)d->total.errors,
		      "queue_ns", (json_int_t)d->total.queue_ns,
		      "service_ns", (json_int_t)d->total.service_ns,
		      "inflight_mean", ns > 0 ? (double)d->total.service_ns / ns : 0.0,
		      "inflight_max", (json_int_t)d->total.inflight_max,
		      "empty_writes", (json_int_t)d->total.empty,
		      "unseen", (json_int_t)d->total.unseen);
	if (!o)
		return NULL;
	json_object_set_new(o, "ours", groups_json(&a, true));
	json_object_set_new(o, "kernel", a.known ? groups_json(&a, false) : json_null());
	json_object_set_new(o, "busy", a.known ? json_real(a.busy) : json_null());
	return o;
}

int devices__json(const struct recording *r, json_t *o)
{
	json_t *all = json_array();
	int err = all ? 0 : -ENOMEM;

	for (unsigned i = 0; !err && r->disks && i < r->disks->n; i++)
		if (json_array_append_new(all, disk_json(r, &r->disks->v[i])))
			err = -ENOMEM;
	if (json_object_set_new(o, "devices", all))
		err = -ENOMEM;
	return err;
}
