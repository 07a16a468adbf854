/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/idle_peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "net/services.h"

#define EXPECTED "an address, ADDRESS:PORT, :PORT or the name of a service is expected"

/* 1 … 65535, or 0: it is no port. */
static unsigned read_port(const char *s)
{
	unsigned v = 0;

	if (!*s || strlen(s) > 5)
		return 0;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s))
			return 0;
		v = v * 10 + (*s - '0');
	}
	return v <= 65535 ? v : 0;
}

/* IPv4 as ::ffff:a.b.c.d. */
static int read_address(struct wt_idle_peer *out, const char *s)
{
	unsigned char a[16] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, s, a + 12) != 1 && inet_pton(AF_INET6, s, a) != 1)
		return -1;
	memcpy(out->addr, a, sizeof(a));
	return 0;
}

const char *idle_peer__parse(struct wt_idle_peer *out, const char *text)
{
	char host[64], *colon, *start = host;

	memset(out, 0, sizeof(*out));
	if (!*text || strlen(text) >= sizeof(host))
		return EXPECTED;
	if (!read_address(out, text))
		return NULL;
	strcpy(host, text);
	colon = strrchr(host, ':');
	if (!colon) {
		out->any_addr = 1;
		out->port = service__port(text);
		return out->port ? NULL : "no service of that name is known; " EXPECTED;
	}
	*colon = 0;
	out->port = read_port(colon + 1);
	if (!out->port)
		return "a port from 1 to 65535 is expected behind the colon";
	if (!*host) {
		out->any_addr = 1;
		return NULL;
	}
	if (*host == '[' && colon > host + 1 && colon[-1] == ']') {
		colon[-1] = 0;
		start++;
	} else if (strchr(host, ':')) {
		return "an IPv6 address with a port is written [ADDRESS]:PORT";
	}
	return read_address(out, start) ? EXPECTED : NULL;
}
