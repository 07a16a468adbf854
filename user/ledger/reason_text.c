/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason_text.c - a reason in words; docs/reasons.md lists them all. */
#include "ledger/internal.h"
#include "ledger/text.h"
#include "options.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct words {
	const struct ledger *files;	/* to name files by, or NULL */
	char *buf;
	size_t sz, len;
};

static void __attribute__((format(printf, 2, 3))) say(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (w->len + 1 >= w->sz)
		return;
	va_start(ap, fmt);
	n = vsnprintf(w->buf + w->len, w->sz - w->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	w->len += (size_t)n < w->sz - w->len ? (size_t)n : w->sz - w->len - 1;
}

/* Adds the object's name behind prefix; nothing when there is none. */
static void say_name(struct words *w, const char *prefix, const struct wt_reason *r)
{
	char name[WT_NAME_LEN * 2];

	text__clean(name, sizeof(name), r->name, WT_NAME_LEN, false);
	if (name[0])
		say(w, "%s%s", prefix, name);
}

static const char *call_name(const struct wt_reason *r)
{
	return r->nr == 0xffff ? NULL : syscall_name(r->nr, r->compat);
}

static void say_call(struct words *w, const struct wt_reason *r, const char *fallback)
{
	const char *name = call_name(r);

	if (name)
		say(w, "%s", name);
	else if (fallback)
		say(w, "%s", fallback);
	else if (r->nr == 0xffff)
		say(w, "no system call");
	else
		say(w, "syscall %u%s", r->nr, r->compat ? " (32-bit)" : "");
}

static const char *direction(const struct wt_reason *r)
{
	const char *name = call_name(r);

	/* pread64, preadv2, readv … are all reads; sendfile and splice say more */
	if (name && strstr(name, "write"))
		return "write";
	if (name && strstr(name, "read"))
		return "read";
	return name ? name : r->write ? "write" : "read";
}

static bool is_zero(const __u8 *addr, unsigned n)
{
	while (n--)
		if (*addr++)
			return false;
	return true;
}

static void say_address(struct words *w, const struct wt_reason *r)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (r->family == AF_INET6 && !memcmp(r->addr, mapped, sizeof(mapped)))
		inet_ntop(AF_INET, r->addr + 12, text, sizeof(text));
	else
		inet_ntop(r->family == AF_INET6 ? AF_INET6 : AF_INET, r->addr, text, sizeof(text));
	if (!r->port)
		say(w, "%s", text);
	else if (strchr(text, ':'))
		say(w, "[%s]:%u", text, r->port);
	else
		say(w, "%s:%u", text, r->port);
}

static void say_proto(struct words *w, __u16 proto)
{
	switch (proto) {
	case 0:
	case IPPROTO_TCP:
		return;
	case IPPROTO_UDP:
		say(w, "udp ");
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		say(w, "icmp ");
		return;
	case IPPROTO_SCTP:
		say(w, "sctp ");
		return;
	case IPPROTO_UDPLITE:
		say(w, "udplite ");
		return;
	case 262:		/* IPPROTO_MPTCP */
		say(w, "mptcp ");
		return;
	default:
		say(w, "protocol %u ", proto);
	}
}

/* Of an accepted connection: who, and of which of our ports; its own port is a random one. */
static void say_client(struct words *w, const struct wt_reason *r)
{
	struct wt_reason host = *r;

	host.port = 0;
	say(w, "client ");
	say_address(w, &host);
	say(w, " of :%u", r->port);
}

/* listener: an address of zeroes means every local address, and is one. */
static void say_peer(struct words *w, const struct wt_reason *r, bool listener)
{
	if (r->family == AF_UNIX) {
		say(w, "unix");
		say_name(w, " ", r);
		return;
	}
	if (r->family != AF_INET && r->family != AF_INET6) {
		say(w, "socket");
		return;
	}
	say_proto(w, r->proto);
	if (r->n == WT_SOCK_CLIENT && !listener) {
		say_client(w, r);
		return;
	}
	if (listener || !is_zero(r->addr, r->family == AF_INET6 ? 16 : 4))
		say_address(w, r);
	else if (r->port)
		say(w, "*:%u", r->port);
	else
		say(w, "unconnected");
}

static void say_family(struct words *w, const struct wt_reason *r)
{
	static const char *const names[] = {
		[AF_PACKET] = "packet", [AF_VSOCK] = "vsock", [AF_ALG] = "alg",
		[AF_BLUETOOTH] = "bluetooth", [AF_CAN] = "can", [AF_XDP] = "xdp",
		[AF_TIPC] = "tipc", [AF_QIPCRTR] = "qrtr", [AF_SMC] = "smc",
		[AF_KCM] = "kcm", [AF_RDS] = "rds", [AF_KEY] = "key", [AF_PPPOX] = "pppox",
		[AF_NETLINK] = "netlink", [AF_UNIX] = "unix", [AF_NFC] = "nfc",
	};

	if (r->family < sizeof(names) / sizeof(names[0]) && names[r->family])
		say(w, "%s socket", names[r->family]);
	else
		say(w, "socket family %u", r->family);
}

/* Reasons whose words are always the same. */
static const char *const fixed[WT_KINDS] = {
	[WT_K_NONE] = "unnamed",
	[WT_K_USER] = "user",
	[WT_K_KERNEL] = "kernel",
	[WT_K_EXACT] = "epoch",
	[WT_K_EVENTFD] = "eventfd",
	[WT_K_MQ] = "mq",
	[WT_K_NETLINK] = "netlink",
	[WT_K_FUTEX] = "futex",
	[WT_K_FLOCK] = "flock",
	[WT_K_SEM] = "sem",
	[WT_K_MMAP_LOCK] = "mmap_lock",
	[WT_K_RECLAIM] = "reclaim",
	[WT_K_OOM] = "oom",
	[WT_K_TIMERFD] = "timerfd",
	[WT_K_POLL_TIMER] = "poll timeout",
	[WT_K_EPOLL] = "epoll",
	[WT_K_SIGNAL] = "signal",
	[WT_K_TTY] = "tty",
	[WT_K_KTHREAD] = "kernel thread",
	[WT_K_INOTIFY] = "inotify",
	[WT_K_SIGSTOP] = "stop signal",
	[WT_K_TRACED] = "ptrace",
	[WT_K_FROZEN] = "frozen",
	[WT_K_FAULT] = "fault",
	[WT_K_MISSED] = "missed switch",
	[WT_K_EXITING] = "exiting",
	[WT_K_USERFAULT] = "userfault",
};

static void say_file(struct words *w, const struct wt_reason *r)
{
	const char *path = w->files ? paths__of(w->files, r, NULL) : "";
	char clean[128];

	if (path[0])
		say(w, " %s", text__clean(clean, sizeof(clean), path, strlen(path), false));
}

static void say_disk(struct words *w, const struct wt_reason *r)
{
	switch (r->kind) {
	case WT_K_FILE:
		say(w, "%s", direction(r));
		break;
	case WT_K_BLOCKDEV:
		say(w, "%s", direction(r));
		say_name(w, " /dev/", r);
		return;
	case WT_K_SWAPIN:
		say(w, "swap in");
		break;
	case WT_K_SYNC:
		say_call(w, r, "sync");
		break;
	case WT_K_FS:
		say_call(w, r, NULL);
		if (!r->name[0] && call_name(r) && !strcmp(call_name(r), "sync"))
			say(w, " of all disks");
		break;
	case WT_K_MAJFAULT:
		say(w, "major fault");
		break;
	case WT_K_AIO:
		say_call(w, r, "io_getevents");
		break;
	default: /* WT_K_IOWAIT */
		say(w, "iowait");
		if (call_name(r))
			say(w, " (%s)", call_name(r));
	}
	say_name(w, " ", r);
	say_file(w, r);
}

/* The process at the other end; its name is unknown once it is gone. */
static void say_unix_peer(struct words *w, const struct wt_reason *r)
{
	char comm[WT_COMM_LEN * 2];

	text__clean(comm, sizeof(comm), (const char *)r->addr, WT_COMM_LEN, false);
	say(w, comm[0] ? " (%s %u)" : " (%s%u)", comm, r->n);
}

static void say_wait(struct words *w, const struct wt_reason *r)
{
	switch (r->kind) {
	case WT_K_SOCKET:
		say_peer(w, r, false);
		break;
	case WT_K_CONNECT:
		say(w, "connect ");
		say_peer(w, r, false);
		break;
	case WT_K_ACCEPT:
		say(w, "accept ");
		say_peer(w, r, true);
		break;
	case WT_K_PIPE:
		say(w, "pipe %s", r->write ? "write" : "read");
		say_name(w, " ", r);
		break;
	case WT_K_UNIX:
		say(w, "unix");
		say_name(w, " ", r);
		if (r->n)
			say_unix_peer(w, r);
		break;
	case WT_K_OTHERSOCK:
		say_family(w, r);
		break;
	case WT_K_WAIT:
	case WT_K_VFORK:
		say(w, "child");
		say_name(w, ": ", r);
		if (r->kind == WT_K_VFORK)
			say(w, " (vfork)");
		break;
	default:
		say(w, "kind %u", r->kind);
	}
}

/* "preempt: burner (another job)" */
static void say_queued(struct words *w, const struct wt_reason *r)
{
	static const char *const who[] = {
		[WT_RIVAL_SELF] = "same process", [WT_RIVAL_JOB] = "same job",
		[WT_RIVAL_OTHER_JOB] = "another job", [WT_RIVAL_OTHER] = "another process",
		[WT_RIVAL_SYSTEM] = "system",
	};

	say(w, r->kind == WT_K_WAKEUP ? "wakeup" : "preempt");
	if (r->n == WT_RIVAL_IDLE) {
		say(w, ": idle CPU");
	} else if (r->n && r->n < sizeof(who) / sizeof(*who)) {
		say_name(w, ": ", r);
		say(w, " (%s)", who[r->n]);
	}
}

static void say_other(struct words *w, const struct wt_reason *r)
{
	switch (r->kind) {
	case WT_K_WAKEUP:
	case WT_K_PREEMPT:
		say_queued(w, r);
		break;
	case WT_K_QUOTA:
		say(w, "quota");
		say_name(w, " of ", r);
		if (r->n)
			say(w, ": %u %% of a CPU", r->n);
		break;
	case WT_K_SLEEP:
		say_call(w, r, "sleep");
		break;
	case WT_K_POLL:
		say(w, r->n ? "poll(%u)" : "poll", r->n);
		break;
	case WT_K_SYSCALL:
		say_call(w, r, NULL);
		break;
	case WT_K_URING:
		say(w, "io_uring");
		say_name(w, " ", r);
		break;
	case WT_K_DEVICE:
		say_name(w, "", r);
		if (!r->name[0])
			say(w, "device");
		break;
	case WT_K_ANONFD:
		say_name(w, "", r);
		if (!r->name[0])
			say(w, "anonymous fd");
		break;
	case WT_K_MUTEX:
		say(w, r->n == WT_MUTEX_RW ? "rwlock" : "mutex");
		say_name(w, " held by ", r);
		break;
	case WT_K_GIL:
		say(w, "gil");
		say_name(w, " held by ", r);
		if (!r->name[0] && r->n)
			say(w, " held by thread %u", r->n);
		break;
	default:
		say_wait(w, r);
	}
}

static void unpack(struct wt_reason *r, __u8 state, __u64 reason)
{
	memset(r, 0, sizeof(*r));
	r->state = state;
	r->kind = WT_REASON_KIND(reason);
	r->nr = WT_REASON_NR(reason);
	r->compat = !!(reason & WT_REASON_COMPAT);
	r->write = !!(reason & WT_REASON_WRITE);
	r->n = WT_REASON_N(reason);
}

static void say_reason(struct words *w, const struct wt_reason *r)
{
	if (r->kind < WT_KINDS && fixed[r->kind])
		say(w, "%s", fixed[r->kind]);
	else if ((r->kind >= WT_K_FILE && r->kind <= WT_K_BLOCKDEV) || r->kind == WT_K_SWAPIN)
		say_disk(w, r);
	else
		say_other(w, r);
}

static void look_up(const struct ledger *l, __u8 state, __u64 reason, struct wt_reason *r)
{
	const struct wt_reason *known = NULL;

	if (!(reason & WT_REASON_INTERNED)) {
		unpack(r, state, reason);
		return;
	}
	known = reasons__get(l, reason);
	if (known)
		*r = *known;
	else
		unpack(r, state, WT_K_NONE);
}

bool ledger__is_told(const struct ledger_line *line)
{
	return line->state == WT_LOCK && !line->unattributed && !(line->reason & WT_REASON_INTERNED) &&
	       WT_REASON_KIND(line->reason) == WT_K_FUTEX && WT_REASON_N(line->reason) != WT_TOLD_SHARED;
}

void ledger__peer_text(const struct wt_reason *r, char *buf, size_t sz)
{
	struct words w = { .buf = buf, .sz = sz };

	if (!sz)
		return;
	buf[0] = 0;
	say_peer(&w, r, false);
}

static void reason_text(const struct ledger *l, const struct ledger *files, __u8 state,
			__u64 reason, char *buf, size_t sz)
{
	struct words w = { .files = files, .buf = buf, .sz = sz };
	struct wt_reason r;

	if (!sz)
		return;
	buf[0] = 0;
	look_up(l, state, reason, &r);
	say_reason(&w, &r);
}

void ledger__reason_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz)
{
	reason_text(l, l, state, reason, buf, sz);
}

void ledger__object_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz)
{
	reason_text(l, NULL, state, reason, buf, sz);
}

void ledger__leaf_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz)
{
	struct words w = { .buf = buf, .sz = sz };
	struct wt_reason r;

	if (!sz)
		return;
	buf[0] = 0;
	look_up(l, state, reason, &r);
	say(&w, "[");
	/* "[child: ffmpeg]" names its state already */
	if (r.kind != WT_K_WAIT && r.kind != WT_K_VFORK)
		say(&w, "%s ", ledger__state_name(state));
	say_reason(&w, &r);
	say(&w, "]");
}
