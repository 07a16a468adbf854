/* SPDX-License-Identifier: GPL-2.0-or-later */
/* services.h - what usually listens on a port. */
#ifndef WT_SERVICES_H
#define WT_SERVICES_H

#include <linux/types.h>

/*
 * The service of that port (host order) and protocol (IPPROTO_TCP, IPPROTO_UDP): from a
 * table of what servers are made of, else from /etc/services; "" when nobody knows.
 * Valid until the next call.
 */
const char *service__name(__u16 port, __u16 proto);
/* The port of a service by name, TCP first; 0: there is none. */
__u16 service__port(const char *name);

#endif /* WT_SERVICES_H */
