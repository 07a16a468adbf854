/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgname.c - what runs in a control group, as container engines and systemd name them. */
#include "jobs/jobs.h"
#include "ledger/text.h"

#include <stdio.h>
#include <string.h>

#define ID_LEN 64	/* of a container: hexadecimal digits */
#define ID_SHOWN 12	/* as docker ps shows it */

/* Engines that put a container into a scope or group "PREFIX<id>". */
static const struct {
	const char *prefix, *engine;
} engines[] = {
	{ "docker-", "docker" },
	{ "libpod-", "podman" },
	{ "cri-containerd-", "containerd" },
	{ "nerdctl-", "containerd" },
	{ "crio-", "crio" },
};

/* Digits of an id at s, if it is a whole one and nothing but an ending follows; else 0. */
static unsigned id_at(const char *s)
{
	unsigned n = strspn(s, "0123456789abcdef");

	return n >= 32 && n <= ID_LEN && (!s[n] || !strcmp(s + n, ".scope")) ? n : 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && !strcmp(s + n - m, end);
}

/* The engine that names its groups by the id alone, by the group above. */
static const char *engine_above(const char *above)
{
	if (!strcmp(above, "docker"))
		return "docker";
	if (!strncmp(above, "libpod", 6) || !strncmp(above, "machine", 7))
		return "podman";
	if (!strncmp(above, "kubepods", 8) || !strncmp(above, "pod", 3))
		return "k8s";
	return "container";
}

static bool container(const char *name, const char *above, char *buf, size_t sz)
{
	for (size_t i = 0; i < sizeof(engines) / sizeof(engines[0]); i++) {
		size_t len = strlen(engines[i].prefix);

		if (strncmp(name, engines[i].prefix, len) || !id_at(name + len))
			continue;
		snprintf(buf, sz, "%s:%.*s", engines[i].engine, ID_SHOWN, name + len);
		return true;
	}
	if (!strncmp(name, "lxc.payload.", 12) && name[12]) {
		snprintf(buf, sz, "lxc:%s", name + 12);
		return true;
	}
	if (!id_at(name))
		return false;
	snprintf(buf, sz, "%s:%.*s", engine_above(above), ID_SHOWN, name);
	return true;
}

static void path(const struct wt_ev_cgroup *e, unsigned levels, char *buf, size_t sz)
{
	size_t n = 0;

	if (e->cut)
		n = snprintf(buf, sz, "…");
	for (unsigned i = levels; i-- > 0 && n < sz; )
		n += snprintf(buf + n, sz - n, "/%s", e->name[i]);
}

const char *cgroup_job_name(const struct wt_ev_cgroup *e, char *buf, size_t sz)
{
	char text[WT_CGROUP_LEVELS * WT_CGROUP_NAME + 16] = "";
	unsigned levels = e->levels < WT_CGROUP_LEVELS ? e->levels : WT_CGROUP_LEVELS;
	const char *kind = "cgroup";

	/* innermost first: a unit within a container is the container's own affair … */
	for (unsigned i = 0; i < levels && !text[0]; i++)
		if (container(e->name[i], i + 1 < levels ? e->name[i + 1] : "", text, sizeof(text)))
			kind = "container";
	/* … and user@1000.service holds the user's own units */
	for (unsigned i = 0; i < levels && !text[0]; i++) {
		if (!ends_with(e->name[i], ".service") && !ends_with(e->name[i], ".scope"))
			continue;
		snprintf(text, sizeof(text), "%s", e->name[i]);
		kind = "unit";
	}
	if (!text[0])
		path(e, levels, text, sizeof(text));
	text__clean(buf, sz, text, strlen(text), false);
	return kind;
}
