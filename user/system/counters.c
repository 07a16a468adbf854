/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/counters.h"

#include <stdint.h>
#include <string.h>

/* --- words and numbers --------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

static const char *next_line(const char *p)
{
	const char *nl = strchr(p, '\n');

	return nl ? nl + 1 : p + strlen(p);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number at p, which moves behind it; false: there is none. */
static bool number(const char **p, __u64 *out)
{
	const char *s = skip_blanks(*p);
	__u64 v = 0;

	if (!is_digit(*s))
		return false;
	for (; is_digit(*s); s++) {
		unsigned d = *s - '0';

		v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
	}
	*p = s;
	*out = v;
	return true;
}

/* Numbers of one line into out[n]; how many there were. */
static unsigned numbers(const char *p, __u64 *out, unsigned n)
{
	unsigned got = 0;

	while (got < n && number(&p, &out[got]))
		got++;
	return got;
}

/* The word at p, up to a blank or one of stop, into buf; behind it. */
static const char *word(const char *p, const char *stop, char *buf, size_t sz)
{
	size_t n = 0;

	p = skip_blanks(p);
	for (; *p && *p != ' ' && *p != '\t' && *p != '\n' && !strchr(stop, *p); p++)
		if (n + 1 < sz)
			buf[n++] = *p;
	buf[n] = 0;
	return p;
}

static __u64 add(__u64 a, __u64 b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A table of names and where their numbers go. */
struct field {
	const char *name;
	size_t at;
	bool sum;		/* several lines: added up */
	bool prefix;		/* the name is the beginning of theirs */
};

static const struct field *find(const struct field *f, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		if (f[i].prefix ? !strncmp(name, f[i].name, strlen(f[i].name)) :
				  !strcmp(name, f[i].name))
			return &f[i];
	return NULL;
}

/* Lines "NAME[:] NUMBER …", each number times unit. */
static void pairs(const char *text, const struct field *f, unsigned n, void *out, unsigned unit)
{
	for (; *text; text = next_line(text)) {
		const struct field *to;
		const char *p;
		char name[48];
		__u64 v, *at;

		p = word(text, ":", name, sizeof(name));
		p += *p == ':';
		to = find(f, n, name);
		if (!to || !number(&p, &v))
			continue;
		v = v > UINT64_MAX / unit ? UINT64_MAX : v * unit;
		at = (__u64 *)((char *)out + to->at);
		*at = to->sum ? add(*at, v) : v;
	}
}

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- the files ------------------------------------------------------------ */

void sys_parse_stat(const char *text, struct sys_stat *out)
{
	static const struct field fields[] = {
		{ "intr", offsetof(struct sys_stat, intr), 0, 0 },
		{ "ctxt", offsetof(struct sys_stat, ctxt), 0, 0 },
		{ "processes", offsetof(struct sys_stat, forks), 0, 0 },
		{ "softirq", offsetof(struct sys_stat, softirqs), 0, 0 },
		{ "procs_running", offsetof(struct sys_stat, running), 0, 0 },
		{ "procs_blocked", offsetof(struct sys_stat, blocked), 0, 0 },
		{ "btime", offsetof(struct sys_stat, boot_s), 0, 0 },
	};

	memset(out, 0, sizeof(*out));
	pairs(text, fields, N(fields), out, 1);
	for (; *text; text = next_line(text)) {
		if (strncmp(text, "cpu", 3))
			continue;
		if (is_digit(text[3]))
			out->cpus++;
		else if (text[3] == ' ')
			numbers(text + 4, (__u64 *)&out->cpu, sizeof(out->cpu) / sizeof(__u64));
	}
}

void sys_parse_vmstat(const char *text, struct sys_vm *out)
{
	static const struct field fields[] = {
		{ "pgpgin", offsetof(struct sys_vm, pgpgin), 0, 0 },
		{ "pgpgout", offsetof(struct sys_vm, pgpgout), 0, 0 },
		{ "pswpin", offsetof(struct sys_vm, pswpin), 0, 0 },
		{ "pswpout", offsetof(struct sys_vm, pswpout), 0, 0 },
		{ "pgfault", offsetof(struct sys_vm, pgfault), 0, 0 },
		{ "pgmajfault", offsetof(struct sys_vm, pgmajfault), 0, 0 },
		{ "pgscan_direct", offsetof(struct sys_vm, scan_direct), 0, 0 },
		{ "pgscan_kswapd", offsetof(struct sys_vm, scan_kswapd), 0, 0 },
		{ "pgsteal_direct", offsetof(struct sys_vm, steal_direct), 0, 0 },
		{ "pgsteal_kswapd", offsetof(struct sys_vm, steal_kswapd), 0, 0 },
		{ "allocstall_", offsetof(struct sys_vm, stalls), 1, 1 },
		{ "oom_kill", offsetof(struct sys_vm, oom_kills), 0, 0 },
	};

	memset(out, 0, sizeof(*out));
	pairs(text, fields, N(fields), out, 1);
}

void sys_parse_meminfo(const char *text, struct sys_mem *out)
{
	static const struct field fields[] = {
		{ "MemTotal", offsetof(struct sys_mem, total), 0, 0 },
		{ "MemFree", offsetof(struct sys_mem, free), 0, 0 },
		{ "MemAvailable", offsetof(struct sys_mem, available), 0, 0 },
		{ "Buffers", offsetof(struct sys_mem, buffers), 0, 0 },
		{ "Cached", offsetof(struct sys_mem, cached), 0, 0 },
		{ "SReclaimable", offsetof(struct sys_mem, reclaimable), 0, 0 },
		{ "Shmem", offsetof(struct sys_mem, shmem), 0, 0 },
		{ "AnonPages", offsetof(struct sys_mem, anon), 0, 0 },
		{ "Slab", offsetof(struct sys_mem, slab), 0, 0 },
		{ "Dirty", offsetof(struct sys_mem, dirty), 0, 0 },
		{ "Writeback", offsetof(struct sys_mem, writeback), 0, 0 },
		{ "SwapTotal", offsetof(struct sys_mem, swap_total), 0, 0 },
		{ "SwapFree", offsetof(struct sys_mem, swap_free), 0, 0 },
	};

	memset(out, 0, sizeof(*out));
	pairs(text, fields, N(fields), out, 1024);
}

/* "0.52": two digits behind the point. */
static bool fraction(const char **p, double *out)
{
	__u64 whole, part = 0;
	double scale = 1;

	if (!number(p, &whole))
		return false;
	if (**p == '.') {
		const char *s = ++*p;

		if (is_digit(**p))
			number(p, &part);
		for (; s < *p; s++)
			scale *= 10;
	}
	*out = (double)whole + (double)part / scale;
	return true;
}

void sys_parse_loadavg(const char *text, struct sys_load *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < 3; i++)
		if (!fraction(&text, &out->load[i]))
			return;
	if (number(&text, &out->running) && *text++ == '/')
		number(&text, &out->threads);
}

void sys_parse_psi(const char *text, struct sys_psi *out)
{
	memset(out, 0, sizeof(*out));
	for (; *text; text = next_line(text)) {
		const char *total = strstr(text, " total="), *end = next_line(text);
		__u64 *to = NULL;

		if (!strncmp(text, "some ", 5))
			to = &out->some_us;
		else if (!strncmp(text, "full ", 5))
			to = &out->full_us;
		if (!to || !total || total >= end)
			continue;
		total += strlen(" total=");
		out->there |= number(&total, to);
	}
}

/* Two lines: "Tcp: NAME…", "Tcp: NUMBER…". */
static void snmp_pair(const char *names, const char *values, const struct field *f, unsigned n,
		      void *out)
{
	char name[48];
	__u64 v;

	while (*names && *names != '\n') {
		const struct field *to;

		names = skip_blanks(word(names, "", name, sizeof(name)));
		values = skip_blanks(values);
		if (*values == '-') {		/* MaxConn is -1 */
			values++;
			if (!number(&values, &v))
				return;
			continue;
		}
		if (!number(&values, &v))
			return;
		to = find(f, n, name);
		if (to)
			*(__u64 *)((char *)out + to->at) = v;
	}
}

void sys_parse_snmp(const char *text, struct sys_snmp *out)
{
	static const struct field tcp[] = {
		{ "ActiveOpens", offsetof(struct sys_snmp, tcp_active), 0, 0 },
		{ "PassiveOpens", offsetof(struct sys_snmp, tcp_passive), 0, 0 },
		{ "AttemptFails", offsetof(struct sys_snmp, tcp_failed), 0, 0 },
		{ "EstabResets", offsetof(struct sys_snmp, tcp_resets), 0, 0 },
		{ "CurrEstab", offsetof(struct sys_snmp, tcp_now), 0, 0 },
		{ "InSegs", offsetof(struct sys_snmp, tcp_in), 0, 0 },
		{ "OutSegs", offsetof(struct sys_snmp, tcp_out), 0, 0 },
		{ "RetransSegs", offsetof(struct sys_snmp, tcp_retrans), 0, 0 },
		{ "InErrs", offsetof(struct sys_snmp, tcp_in_errors), 0, 0 },
		{ "OutRsts", offsetof(struct sys_snmp, tcp_out_resets), 0, 0 },
	}, udp[] = {
		{ "InDatagrams", offsetof(struct sys_snmp, udp_in), 0, 0 },
		{ "OutDatagrams", offsetof(struct sys_snmp, udp_out), 0, 0 },
		{ "NoPorts", offsetof(struct sys_snmp, udp_no_port), 0, 0 },
		{ "InErrors", offsetof(struct sys_snmp, udp_errors), 0, 0 },
		{ "RcvbufErrors", offsetof(struct sys_snmp, udp_rcvbuf_errors), 0, 0 },
	};

	memset(out, 0, sizeof(*out));
	for (const char *next; *text; text = next) {
		bool is_tcp = !strncmp(text, "Tcp: ", 5), is_udp = !strncmp(text, "Udp: ", 5);

		next = next_line(text);
		if ((!is_tcp && !is_udp) || strncmp(next, text, 5))
			continue;
		if (is_tcp)
			snmp_pair(text + 5, next + 5, tcp, N(tcp), out);
		else
			snmp_pair(text + 5, next + 5, udp, N(udp), out);
		next = next_line(next);
	}
}

unsigned sys_parse_diskstats(const char *text, struct sys_disk *out, unsigned max)
{
	unsigned n = 0;

	for (; *text && n < max; text = next_line(text)) {
		struct sys_disk *d = &out[n];
		const char *p = text;
		__u64 major, minor;

		memset(d, 0, sizeof(*d));
		if (!number(&p, &major) || !number(&p, &minor))
			continue;
		p = word(p, "", d->name, sizeof(d->name));
		d->major = major;
		d->minor = minor;
		/* 11 numbers of old; discards came with 4.18, flushes with 5.5 */
		if (d->name[0] && numbers(p, &d->reads, 17) >= 11)
			n++;
	}
	return n;
}

unsigned sys_parse_netdev(const char *text, struct sys_net *out, unsigned max)
{
	unsigned n = 0;

	for (; *text && n < max; text = next_line(text)) {
		struct sys_net *d = &out[n];
		__u64 v[16];
		const char *p;

		memset(d, 0, sizeof(*d));
		p = word(text, ":", d->name, sizeof(d->name));
		/* the head lines have no numbers */
		if (*p != ':' || numbers(p + 1, v, 16) < 12)
			continue;
		d->rx_bytes = v[0];
		d->rx_packets = v[1];
		d->rx_errors = v[2];
		d->rx_drops = v[3];
		d->tx_bytes = v[8];
		d->tx_packets = v[9];
		d->tx_errors = v[10];
		d->tx_drops = v[11];
		n++;
	}
	return n;
}

unsigned sys_parse_irqs(const char *text, struct sys_irq *out, unsigned max)
{
	unsigned n = 0, len;

	for (; *text && n < max; text = next_line(text)) {
		struct sys_irq *d = &out[n];
		const char *p;
		__u64 v;

		memset(d, 0, sizeof(*d));
		p = word(text, ":", d->name, sizeof(d->name));
		if (*p != ':' || !d->name[0])
			continue;
		p++;
		while (number(&p, &v))
			d->count = add(d->count, v);
		p = skip_blanks(p);
		len = strcspn(p, "\n");
		if (len >= sizeof(d->what))
			len = sizeof(d->what) - 1;
		memcpy(d->what, p, len);
		n++;
	}
	return n;
}
