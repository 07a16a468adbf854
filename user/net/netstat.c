/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netstat.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define AT(f) offsetof(struct netstat, f)

static const struct {
	const char *group, *name;
	size_t field;
} wanted[] = {
	{ "TcpExt", "ListenOverflows", AT(listen_overflows) },
	{ "TcpExt", "ListenDrops", AT(listen_drops) },
	{ "Tcp", "RetransSegs", AT(retransmitted) },
	{ "Tcp", "AttemptFails", AT(attempt_fails) },
	{ "Tcp", "EstabResets", AT(established_resets) },
	{ "Tcp", "OutRsts", AT(resets_out) },
	{ "Udp", "InDatagrams", AT(udp_in) },
	{ "Udp", "OutDatagrams", AT(udp_out) },
	{ "Udp", "InErrors", AT(udp_errors) },
	{ "Udp", "RcvbufErrors", AT(udp_full) },
};

static void take(struct netstat *n, const char *group, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!strcmp(group, wanted[i].group) && !strcmp(name, wanted[i].name))
			*(__u64 *)((char *)n + wanted[i].field) = strtoull(value, NULL, 10);
}

/* Lines come in pairs: "Tcp: name name …", "Tcp: 1 2 …". */
void netstat__parse(struct netstat *n, FILE *f)
{
	char *names = NULL, *values = NULL, *group, *name, *value, *in, *iv;
	size_t names_sz = 0, values_sz = 0;

	while (getline(&names, &names_sz, f) > 0 && getline(&values, &values_sz, f) > 0) {
		group = strtok_r(names, ": \n", &in);
		value = strtok_r(values, ": \n", &iv);
		if (!group || !value || strcmp(group, value))
			break;
		while ((name = strtok_r(NULL, " \n", &in)) && (value = strtok_r(NULL, " \n", &iv)))
			take(n, group, name, value);
	}
	free(names);
	free(values);
}

void netstat__read(struct netstat *n)
{
	static const char *const paths[] = { "/proc/net/netstat", "/proc/net/snmp" };

	memset(n, 0, sizeof(*n));
	for (int i = 0; i < 2; i++) {
		FILE *f = fopen(paths[i], "re");

		if (!f)
			continue;
		netstat__parse(n, f);
		fclose(f);
	}
}

void netstat__diff(struct netstat *out, const struct netstat *later, const struct netstat *earlier)
{
	for (size_t i = 0; i < sizeof(*out) / 8; i++) {
		__u64 a = ((const __u64 *)earlier)[i], b = ((const __u64 *)later)[i];

		((__u64 *)out)[i] = b > a ? b - a : 0;
	}
}
