/* SPDX-License-Identifier: GPL-2.0-or-later */
/* netstat.h - the kernel's own counters of TCP and UDP in our network namespace. */
#ifndef WT_NETSTAT_H
#define WT_NETSTAT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>

struct netstat {
	__u64 listen_overflows;		/* handshakes that found the accept queue full */
	__u64 listen_drops;		/* … or found no room for another reason, these included */
	__u64 retransmitted;		/* segments */
	__u64 attempt_fails, established_resets, resets_out;
	__u64 udp_in, udp_out;		/* datagrams */
	__u64 udp_errors, udp_full;	/* not delivered; of them, the socket's buffer was full */
};

/* Reads files like /proc/net/netstat and /proc/net/snmp; what is missing stays 0. */
void netstat__parse(struct netstat *n, FILE *f);
void netstat__read(struct netstat *n);
/* later − earlier; a counter that was set back counts as 0. */
void netstat__diff(struct netstat *out, const struct netstat *later, const struct netstat *earlier);

#endif /* WT_NETSTAT_H */
