/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.c - what the host is: processors, disks, hypervisor, settings that change speed. */
#include "system/system.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270

/* The first line of a small file, without blanks at its end; "" where there is none. */
static void read_line(const char *path, char *buf, size_t sz)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sz - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = 0;
	buf[strcspn(buf, "\n")] = 0;
	for (n = strlen(buf); n && buf[n - 1] == ' '; n--)
		buf[n - 1] = 0;
}

/* "none [mq-deadline] kyber": the one that is chosen. */
static void chosen(char *text, char *buf, size_t sz)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (close)
		snprintf(buf, sz, "%.*s", (int)(close - open - 1), open + 1);
	else
		snprintf(buf, sz, "%s", text);
}

static void read_chosen(const char *path, char *buf, size_t sz)
{
	char line[256];

	read_line(path, line, sizeof(line));
	chosen(line, buf, sz);
}

static void value_of(const char *line, char *buf, size_t sz)
{
	const char *colon = strchr(line, ':');

	if (colon && !buf[0])
		snprintf(buf, sz, "%.*s", (int)strcspn(colon + 1 + (colon[1] == ' '), "\n"),
			 colon + 1 + (colon[1] == ' '));
}

static void read_cpus(struct sys_host *h)
{
	char line[1024], text[32] = "";
	unsigned long sockets = 0;
	FILE *f = fopen("/proc/cpuinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "model name", 10) || !strncmp(line, "CPU part", 8))
			value_of(line, h->cpu, sizeof(h->cpu));
		else if (!strncmp(line, "cpu MHz", 7))
			value_of(line, text, sizeof(text));
		else if (!strncmp(line, "physical id", 11) && strchr(line, ':')) {
			unsigned long id = strtoul(strchr(line, ':') + 1, NULL, 10);

			if (id < 64)
				sockets |= 1UL << id;
		} else if (!strncmp(line, "flags", 5) && strstr(line, " hypervisor")) {
			snprintf(h->hypervisor, sizeof(h->hypervisor), "yes");
		}
	}
	if (f)
		fclose(f);
	h->mhz = strtod(text, NULL);
	h->sockets = __builtin_popcountl(sockets);
	h->cpus = sysconf(_SC_NPROCESSORS_ONLN);
}

static void read_virtual(struct sys_host *h)
{
	char line[64];

	read_line("/sys/class/dmi/id/sys_vendor", h->vendor, sizeof(h->vendor));
	read_line("/sys/class/dmi/id/product_name", h->product, sizeof(h->product));
	read_line("/sys/hypervisor/type", line, sizeof(line));
	if (line[0])
		snprintf(h->hypervisor, sizeof(h->hypervisor), "%.31s", line);
	read_line("/run/systemd/container", h->container, sizeof(h->container));
	if (!h->container[0] && !access("/.dockerenv", F_OK))
		snprintf(h->container, sizeof(h->container), "docker");
	if (!h->container[0] && !access("/run/.containerenv", F_OK))
		snprintf(h->container, sizeof(h->container), "podman");
}

/* What the command line of the kernel says of mitigations. */
static void read_mitigations(struct sys_host *h)
{
	char line[4096], *at, *word;

	read_line("/proc/cmdline", line, sizeof(line));
	for (word = strtok_r(line, " ", &at); word; word = strtok_r(NULL, " ", &at)) {
		size_t len = strlen(h->mitigations);

		if (strncmp(word, "mitigations=", 12) && strcmp(word, "nopti") &&
		    strncmp(word, "pti=", 4) && strncmp(word, "spectre", 7) &&
		    strncmp(word, "nospectre", 9) && strncmp(word, "mds=", 4) &&
		    strncmp(word, "retbleed=", 9) && strncmp(word, "l1tf=", 5))
			continue;
		snprintf(h->mitigations + len, sizeof(h->mitigations) - len, "%s%s", len ? " " : "", word);
	}
}

static void read_cgroups(struct sys_host *h)
{
	struct statfs st;
	bool v2 = !statfs("/sys/fs/cgroup", &st) && st.f_type == CGROUP2_MAGIC;
	bool hybrid = !statfs("/sys/fs/cgroup/unified", &st) && st.f_type == CGROUP2_MAGIC;

	snprintf(h->cgroups, sizeof(h->cgroups), "%s", v2 ? "version 2" : hybrid ? "versions 1 and 2" :
		 access("/proc/cgroups", F_OK) ? "none" : "version 1");
}

static void read_disk(struct sys_host *h, const char *name)
{
	struct sys_host_disk *d = &h->disks[h->n_disks];
	char path[512], line[64];

	snprintf(path, sizeof(path), "/sys/block/%s/size", name);
	read_line(path, line, sizeof(line));
	memset(d, 0, sizeof(*d));
	d->bytes = strtoull(line, NULL, 10) * 512;
	if (!d->bytes)			/* a loop or ram device that nobody set up */
		return;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(path, sizeof(path), "/sys/block/%s/queue/scheduler", name);
	read_chosen(path, d->scheduler, sizeof(d->scheduler));
	snprintf(path, sizeof(path), "/sys/block/%s/queue/rotational", name);
	read_line(path, line, sizeof(line));
	d->rotational = line[0] == '1';
	snprintf(path, sizeof(path), "/sys/block/%s/device/model", name);
	read_line(path, d->model, sizeof(d->model));
	h->n_disks++;
}

static void read_disks(struct sys_host *h)
{
	DIR *dir = opendir("/sys/block");
	struct dirent *e;

	while (dir && h->n_disks < sizeof(h->disks) / sizeof(h->disks[0]) && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			read_disk(h, e->d_name);
	if (dir)
		closedir(dir);
}

void sys_host__read(struct sys_host *h)
{
	memset(h, 0, sizeof(*h));
	read_cpus(h);
	read_virtual(h);
	read_mitigations(h);
	read_cgroups(h);
	read_disks(h);
	read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		  h->clocksource, sizeof(h->clocksource));
	read_chosen("/sys/kernel/mm/transparent_hugepage/enabled", h->thp, sizeof(h->thp));
	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", h->governor,
		  sizeof(h->governor));
}
