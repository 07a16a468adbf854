/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paths.c - what files are called, by the hash that the kernel side gave their names. */
#include "ledger/internal.h"
#include "ledger/paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/redact.h"

#define MAX_PATHS 65536
#define SHOWN 72		/* bytes of a name that are shown: its end */

/* One part of a path behind out[len]; the new length. */
static size_t add_part(char *out, size_t sz, size_t len, const char *part)
{
	size_t n = strnlen(part, WT_PATH_PART);

	/* it fills its place: the name was longer */
	return len + snprintf(out + len, sz - len, "/%.*s%s", (int)n, part,
			      n == WT_PATH_PART - 1 ? "…" : "");
}

void path_text(const struct wt_ev_path *e, char *buf, size_t sz)
{
	char all[WT_PATH_PARTS * (WT_PATH_PART + 8) + 32], clean[sizeof(all)], *shown = clean;
	const char *deleted = e->flags & WT_PATH_DELETED ? " (deleted)" : "";
	unsigned n = e->n <= WT_PATH_PARTS ? e->n : WT_PATH_PARTS;
	bool cut = e->flags & WT_PATH_CUT;
	size_t len = 0;

	all[0] = 0;
	if (e->flags & WT_PATH_ARGUMENT)
		len = snprintf(all, sizeof(all), "%.*s", (int)sizeof(e->part), (const char *)e->part);
	else if (!n)
		len = snprintf(all, sizeof(all), "/");
	else
		while (n--)
			len = add_part(all, sizeof(all), len, e->part[n]);
	/* what was fetched often has the name of its URL, signature and all */
	len = redact__text(clean, sizeof(clean), all, len);
	if (len > SHOWN) {
		shown = clean + len - SHOWN;
		/* from a directory on, if there is one; never in the middle of a character */
		if (strchr(shown, '/'))
			shown = strchr(shown, '/');
		while ((*shown & 0xc0) == 0x80)
			shown++;
		cut = true;
	}
	snprintf(buf, sz, "%s%s%s", cut ? "…" : "", shown, deleted);
}

int ledger__put_path(struct ledger *l, __u64 id, const char *path)
{
	struct path_slot *slot;
	__u32 i;

	if (u64map__find(&l->by_path, id) || l->paths.n >= MAX_PATHS)
		return 0;
	i = pool__get(&l->paths);
	if (!i)
		return -ENOMEM;
	slot = pool__at(&l->paths, i);
	slot->text = strdup(path);
	if (!slot->text || !u64map__put(&l->by_path, id, i)) {
		free(slot->text);
		pool__put(&l->paths, i);
		return -ENOMEM;
	}
	slot->used = true;
	return 0;
}

void paths__free(struct ledger *l)
{
	for (__u32 i = 1; i < l->paths.end; i++) {
		struct path_slot *slot = pool__at(&l->paths, i);

		if (slot->used)
			free(slot->text);
	}
	pool__destroy(&l->paths);
	u64map__free(&l->by_path);
}

const char *paths__of(const struct ledger *l, const struct wt_reason *r, __u64 *id)
{
	const struct u64map_slot *slot;
	__u64 hash;

	if (id)
		*id = 0;
	if (!r || r->state != WT_DISK)
		return "";
	memcpy(&hash, r->addr, sizeof(hash));
	if (id)
		*id = hash;
	if (hash == WT_PATH_OTHER)
		return "[other files]";
	slot = hash ? u64map__find(&l->by_path, hash) : NULL;
	return slot ? ((const struct path_slot *)pool__at(&l->paths, slot->value))->text : "";
}

const char *ledger__file(const struct ledger *l, __u64 reason, __u64 *id)
{
	return paths__of(l, ledger__reason(l, reason), id);
}
