/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ledger_text.c - reasons in words, names made printable, buckets, the witness. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ledger/paths.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "ledger/hist.h"
#include "ledger/internal.h"
#include "ledger/text.h"

#define INLINE(kind, nr) ((kind) | (__u64)(nr) << 8)
#define ID(n) (WT_REASON_INTERNED | (n))

static void check(struct ledger *l, __u8 state, __u64 reason, const char *text, const char *leaf)
{
	char buf[128];

	ledger__reason_text(l, state, reason, buf, sizeof(buf));
	assert_string_equal(buf, text);
	ledger__leaf_text(l, state, reason, buf, sizeof(buf));
	assert_string_equal(buf, leaf);
}

static void test_inline_reasons(void **state)
{
	static const struct {
		__u8 state;
		__u64 reason;
		const char *text, *leaf;
	} cases[] = {
		{ WT_RUNQ, WT_K_WAKEUP, "wakeup", "[runq wakeup]" },
		{ WT_RUNQ, WT_K_PREEMPT, "preempt", "[runq preempt]" },
		{ WT_THROTTLED, WT_K_QUOTA, "quota", "[throttled quota]" },
		{ WT_DISK, INLINE(WT_K_FS, SYS_unlinkat), "unlinkat", "[disk unlinkat]" },
		{ WT_DISK, INLINE(WT_K_FILE, SYS_pread64), "read", "[disk read]" },
		{ WT_DISK, INLINE(WT_K_FILE, SYS_writev), "write", "[disk write]" },
		{ WT_DISK, INLINE(WT_K_FILE, SYS_sendfile), "sendfile", "[disk sendfile]" },
		{ WT_DISK, INLINE(WT_K_MAJFAULT, 0xffff), "major fault", "[disk major fault]" },
		{ WT_DISK, INLINE(WT_K_IOWAIT, SYS_madvise), "iowait (madvise)",
		  "[disk iowait (madvise)]" },
		{ WT_DISK, INLINE(WT_K_IOWAIT, 0xffff), "iowait", "[disk iowait]" },
		{ WT_DISK, INLINE(WT_K_AIO, SYS_io_getevents), "io_getevents",
		  "[disk io_getevents]" },
		{ WT_IPC, WT_K_PIPE, "pipe read", "[ipc pipe read]" },
		{ WT_IPC, WT_K_PIPE | WT_REASON_WRITE, "pipe write", "[ipc pipe write]" },
		{ WT_IPC, WT_K_UNIX, "unix", "[ipc unix]" },
		{ WT_IPC, WT_K_EVENTFD, "eventfd", "[ipc eventfd]" },
		{ WT_IPC, WT_K_MQ, "mq", "[ipc mq]" },
		{ WT_LOCK, INLINE(WT_K_FUTEX, SYS_futex), "futex", "[lock futex]" },
		{ WT_LOCK, WT_K_MMAP_LOCK, "mmap_lock", "[lock mmap_lock]" },
		{ WT_CHILD, WT_K_WAIT, "child", "[child]" },
		{ WT_CHILD, WT_K_VFORK, "child (vfork)", "[child (vfork)]" },
		{ WT_MEM, WT_K_RECLAIM, "reclaim", "[mem reclaim]" },
		{ WT_SLEEP, INLINE(WT_K_SLEEP, SYS_clock_nanosleep), "clock_nanosleep",
		  "[sleep clock_nanosleep]" },
		{ WT_SLEEP, WT_K_TIMERFD, "timerfd", "[sleep timerfd]" },
		{ WT_SLEEP, WT_K_POLL_TIMER, "poll timeout", "[sleep poll timeout]" },
		{ WT_IDLE, WT_K_EPOLL, "epoll", "[idle epoll]" },
		{ WT_IDLE, WT_K_POLL | 3ULL << 32, "poll(3)", "[idle poll(3)]" },
		{ WT_IDLE, WT_K_POLL, "poll", "[idle poll]" },
		{ WT_IDLE, WT_K_KTHREAD, "kernel thread", "[idle kernel thread]" },
		{ WT_STOPPED, WT_K_TRACED, "ptrace", "[stopped ptrace]" },
		{ WT_OTHER, INLINE(WT_K_SYSCALL, 511), "syscall 511", "[other syscall 511]" },
		{ WT_OTHER, INLINE(WT_K_SYSCALL, 511) | WT_REASON_COMPAT, "syscall 511 (32-bit)",
		  "[other syscall 511 (32-bit)]" },
		{ WT_OTHER, WT_K_MISSED, "missed switch", "[other missed switch]" },
		{ WT_OTHER, WT_K_DEVICE, "device", "[other device]" },
		{ WT_OTHER, ID(12345), "unnamed", "[other unnamed]" },
		{ WT_OTHER, 200, "kind 200", "[other kind 200]" },
	};
	const struct ledger_opts opts = { 0 };
	struct ledger *l;

	(void)state;
	assert_int_equal(ledger__new(&l, &opts), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(l, cases[i].state, cases[i].reason, cases[i].text, cases[i].leaf);
	ledger__free(l);
}

/* Every kind has words of its own, with and without an object. */
static void test_every_kind_has_words(void **state)
{
	const struct ledger_opts opts = { 0 };
	struct ledger *l;
	char buf[128];

	(void)state;
	assert_int_equal(ledger__new(&l, &opts), 0);
	for (unsigned k = 0; k < WT_KINDS; k++) {
		struct wt_reason r = { .kind = k, .nr = 0xffff };

		memset(r.name, 'n', sizeof(r.name));	/* not terminated */
		ledger__reason_text(l, WT_OTHER, INLINE(k, 0xffff), buf, sizeof(buf));
		assert_true(buf[0]);
		assert_null(strstr(buf, "kind "));
		assert_int_equal(ledger__put_reason(l, ID(k), &r), 0);
		ledger__reason_text(l, WT_OTHER, ID(k), buf, sizeof(buf));
		assert_true(buf[0]);
		/* a short buffer is cut, not overrun */
		ledger__leaf_text(l, WT_OTHER, ID(k), buf, 4);
		assert_in_range(strlen(buf), 3, 3);
	}
	ledger__free(l);
}

static struct wt_reason peer(__u8 kind, int family, const char *addr, __u16 port, __u16 proto)
{
	struct wt_reason r = { .kind = kind, .family = family, .port = port, .proto = proto };

	if (addr)
		assert_int_equal(inet_pton(family, addr, r.addr), 1);
	return r;
}

static struct wt_reason named(__u8 kind, __u16 nr, const char *name)
{
	struct wt_reason r = { .kind = kind, .nr = nr };

	memcpy(r.name, name, strlen(name));
	return r;
}

static void test_objects(void **state)
{
	const struct {
		__u8 state;
		struct wt_reason r;
		const char *text, *leaf;
	} cases[] = {
		{ WT_NET, peer(WT_K_SOCKET, AF_INET, "10.0.0.5", 5432, 6), "10.0.0.5:5432",
		  "[net 10.0.0.5:5432]" },
		{ WT_NET, peer(WT_K_SOCKET, AF_INET6, "::1", 80, 6), "[::1]:80", "[net [::1]:80]" },
		{ WT_NET, peer(WT_K_SOCKET, AF_INET6, "::ffff:1.2.3.4", 80, 6), "1.2.3.4:80",
		  "[net 1.2.3.4:80]" },
		{ WT_NET, peer(WT_K_SOCKET, AF_INET, "10.0.0.5", 53, 17), "udp 10.0.0.5:53",
		  "[net udp 10.0.0.5:53]" },
		{ WT_NET, peer(WT_K_SOCKET, AF_INET, NULL, 5353, 17), "udp *:5353",
		  "[net udp *:5353]" },
		{ WT_NET, peer(WT_K_SOCKET, AF_INET6, NULL, 0, 17), "udp unconnected",
		  "[net udp unconnected]" },
		{ WT_NET, peer(WT_K_CONNECT, AF_INET, "10.0.0.5", 5432, 6), "connect 10.0.0.5:5432",
		  "[net connect 10.0.0.5:5432]" },
		{ WT_IDLE, peer(WT_K_ACCEPT, AF_INET, "127.0.0.1", 80, 6), "accept 127.0.0.1:80",
		  "[idle accept 127.0.0.1:80]" },
		{ WT_IDLE, peer(WT_K_ACCEPT, AF_INET6, NULL, 80, 6), "accept [::]:80",
		  "[idle accept [::]:80]" },
		{ WT_IPC, named(WT_K_UNIX, 0, "/run/x.sock"), "unix /run/x.sock",
		  "[ipc unix /run/x.sock]" },
		{ WT_IPC, peer(WT_K_OTHERSOCK, AF_PACKET, NULL, 0, 0), "packet socket",
		  "[ipc packet socket]" },
		{ WT_IPC, peer(WT_K_OTHERSOCK, 99, NULL, 0, 0), "socket family 99",
		  "[ipc socket family 99]" },
		{ WT_CHILD, named(WT_K_WAIT, 0, "ffmpeg"), "child: ffmpeg", "[child: ffmpeg]" },
		{ WT_CHILD, named(WT_K_VFORK, 0, "ffmpeg"), "child: ffmpeg (vfork)",
		  "[child: ffmpeg (vfork)]" },
		{ WT_DISK, named(WT_K_FILE, SYS_read, "vda"), "read vda", "[disk read vda]" },
		{ WT_DISK, named(WT_K_SYNC, SYS_fsync, "vda"), "fsync vda", "[disk fsync vda]" },
		{ WT_DISK, named(WT_K_BLOCKDEV, SYS_write, "vda"), "write /dev/vda",
		  "[disk write /dev/vda]" },
		{ WT_OTHER, named(WT_K_DEVICE, 0, "kvm"), "kvm", "[other kvm]" },
		{ WT_CHILD, named(WT_K_WAIT, 0, "a\nb\033[31m\xff"), "child: a b?[31m?",
		  "[child: a b?[31m?]" },
	};
	const struct ledger_opts opts = { 0 };
	struct ledger *l;

	(void)state;
	assert_int_equal(ledger__new(&l, &opts), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ledger__put_reason(l, ID(i + 1), &cases[i].r), 0);
		check(l, cases[i].state, ID(i + 1), cases[i].text, cases[i].leaf);
	}
	ledger__free(l);
}

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out, *frame;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "a;b", "a;b", "a:b" },
		{ "a\nb\tc\rd", "a b c d", "a b c d" },
		{ "\001x\177", "?x?", "?x?" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x8e\xac", "grüß € 🎬", "grüß € 🎬" },
		{ "\xc0\xaf overlong", "?? overlong", "?? overlong" },
		{ "\xed\xa0\x80 surrogate", "??? surrogate", "??? surrogate" },
		{ "cut \xe2\x82", "cut ??", "cut ??" },
		{ "\xc2\x9b" "31m", "??31m", "??31m" },
		{ "\xf4\x90\x80\x80", "????", "????" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text__clean(buf, sizeof(buf), cases[i].in, strlen(cases[i].in), false);
		assert_string_equal(buf, cases[i].out);
		assert_true(text__is_clean(buf, false));
		assert_int_equal(text__is_clean(cases[i].in, false), !strcmp(cases[i].in, buf));
		text__clean(buf, sizeof(buf), cases[i].in, strlen(cases[i].in), true);
		assert_string_equal(buf, cases[i].frame);
	}
	/* a short buffer does not cut a character in two */
	assert_string_equal(text__clean(buf, 4, "ab\xe2\x82\xac", 5, false), "ab");
	assert_string_equal(text__clean(buf, 6, "ab\xe2\x82\xac", 5, false), "ab€");
}

static void test_bucket_error_bound(void **state)
{
	unsigned last = 0;

	(void)state;
	for (unsigned e = 4; e < 44; e++) {
		for (unsigned i = 0; i < 64; i++) {
			__u64 ns = (1ULL << e) + ((__u64)i << e) / 64;
			unsigned b = hist__bucket(ns);
			__u64 middle = ledger__bucket_ns(b);
			__u64 off = middle > ns ? middle - ns : ns - middle;

			assert_in_range(b, 1, WT_BUCKETS - 1);
			if (b == WT_BUCKETS - 1)
				continue;	/* open-ended: percentiles use the maximum there */
			assert_true(off * 8 <= ns);
			/* a middle lies in its own bucket */
			assert_int_equal(hist__bucket(middle), b);
		}
	}
	for (__u64 ns = 0; ns < 100000; ns++) {
		assert_in_range(hist__bucket(ns), last, last + 1);
		last = hist__bucket(ns);
	}
	assert_int_equal(hist__bucket(15), 0);
	assert_int_equal(hist__bucket(16), 1);
	assert_int_equal(hist__bucket(~0ULL), WT_BUCKETS - 1);
}

static int by_value(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void test_percentiles(void **state)
{
	struct hist_cell cells[WT_BUCKETS];
	enum { N = 5000 };
	__u64 *v = calloc(N, sizeof(*v)), x = 88172645463325252ULL;
	static const unsigned pcts[] = { 1, 50, 95, 99, 100 };

	(void)state;
	for (unsigned b = 0; b < WT_BUCKETS; b++)
		cells[b] = (struct hist_cell){ b, 0 };
	for (unsigned i = 0; i < N; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		v[i] = 16 + (x >> 20) % (1ULL << (5 + x % 38));
		cells[hist__bucket(v[i])].count++;
	}
	qsort(v, N, sizeof(*v), by_value);
	for (unsigned i = 0; i < sizeof(pcts) / sizeof(pcts[0]); i++) {
		__u64 truth = v[(N * pcts[i] + 99) / 100 - 1];
		__u64 got = hist__percentile(cells, WT_BUCKETS, pcts[i], v[N - 1]);
		__u64 off = got > truth ? got - truth : truth - got;

		assert_true(off * 8 <= truth);
		assert_true(got <= v[N - 1]);
	}
	assert_int_equal(hist__percentile(cells, 0, 50, 7), 0);
	cells[0] = (struct hist_cell){ WT_BUCKETS - 1, 3 };
	assert_int_equal(hist__percentile(cells, 1, 50, 1ULL << 50), 1ULL << 50);
	free(v);
}

static void test_witness(void **state)
{
	(void)state;
	assert_int_equal(witness__states("futex_wait_queue"), 1 << WT_LOCK);
	assert_int_equal(witness__states("do_wait.isra.0"), 1 << WT_CHILD);
	assert_int_equal(witness__states("pipe_read"), 1 << WT_IPC);
	assert_int_equal(witness__states("tcp_recvmsg_locked"), 1 << WT_NET | 1 << WT_IDLE);
	assert_int_equal(witness__states("do_nanosleep"), 1 << WT_SLEEP);
	assert_true(witness__states("ep_poll") & 1 << WT_IDLE);
	assert_true(witness__states("folio_wait_bit_common") & 1 << WT_DISK);
	/* the scheduler and the general waits have no say, nor has what is unknown */
	assert_int_equal(witness__states("__schedule"), 0);
	assert_int_equal(witness__states("schedule"), 0);
	assert_int_equal(witness__states("io_schedule"), 0);
	assert_int_equal(witness__states("schedule_timeout"), 0);
	assert_int_equal(witness__states("wait_woken"), 0);
	assert_int_equal(witness__states("do_syscall_64"), 0);
	assert_int_equal(witness__states("do_waits_a_lot"), 0);
	assert_int_equal(witness__states(""), 0);
}

static struct wt_ev_path path_of(unsigned n, const char *const *parts, unsigned flags)
{
	struct wt_ev_path e = { .n = n, .flags = flags };

	for (unsigned i = 0; i < n; i++)
		memcpy(e.part[i], parts[i], strlen(parts[i]));
	return e;
}

static void test_paths(void **state)
{
	const char *const parts[] = { "x.db", "lib", "var" };
	const char *const deep[] = { "f", "eeeeeeeeeeeeeeeeeeee", "dddddddddddddddddddd", "cccccccccccccccccccc",
				     "bbbbbbbbbbbbbbbbbbbb", "a" };
	char name[WT_PATH_PART], text[128];
	const char *const whole[] = { name };
	struct wt_ev_path e = path_of(3, parts, 0);

	(void)state;
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "/var/lib/x.db");
	e.flags = WT_PATH_DELETED | WT_PATH_CUT;
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "…/var/lib/x.db (deleted)");
	e = path_of(0, parts, 0);
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "/");
	/* what was fetched, by the name of its URL */
	e = path_of(1, (const char *const[]){ "a.mp4?X-Amz-Signature=hunter2&x=1" }, 0);
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "/a.mp4?X-Amz-Signature=[secret]&x=1");
	/* a long one keeps its end, from a directory on */
	e = path_of(6, deep, 0);
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "…/cccccccccccccccccccc/dddddddddddddddddddd/eeeeeeeeeeeeeeeeeeee/f");
	/* a name that the kernel side has cut */
	memset(name, 'n', sizeof(name));
	name[WT_PATH_PART - 1] = 0;
	e = path_of(1, whole, 0);
	path_text(&e, text, sizeof(text));
	assert_int_equal(strlen(text), 1 + WT_PATH_PART - 1 + strlen("…"));
	/* as the program wrote it: to the end of the parts, without a NUL */
	e = (struct wt_ev_path){ .flags = WT_PATH_ARGUMENT };
	strcpy((char *)e.part, "../a b");
	path_text(&e, text, sizeof(text));
	assert_string_equal(text, "../a b");
	memset(e.part, 'x', sizeof(e.part));
	path_text(&e, text, sizeof(text));
	assert_true(strlen(text) <= 80);
	/* more parts than there are */
	e = path_of(3, parts, 0);
	e.n = 255;
	path_text(&e, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text));
}

static void test_files_of_reasons(void **state)
{
	struct wt_reason r = { .state = WT_DISK, .kind = WT_K_FILE, .nr = SYS_read, .name = "vda" };
	const __u64 id = WT_REASON_INTERNED | 9, path = 0x8000000000001234ULL, other = WT_PATH_OTHER;
	struct ledger *l;
	char buf[200];
	__u64 got;

	(void)state;
	assert_int_equal(ledger__new(&l, &(struct ledger_opts){ 0 }), 0);
	memcpy(r.addr, &path, sizeof(path));
	ledger__put_reason(l, id, &r);
	/* the name may come later, or never */
	ledger__reason_text(l, WT_DISK, id, buf, sizeof(buf));
	assert_string_equal(buf, "read vda");
	ledger__put_path(l, path, "/var/x\n.db");
	ledger__put_path(l, path, "/other");
	ledger__reason_text(l, WT_DISK, id, buf, sizeof(buf));
	assert_string_equal(buf, "read vda /var/x .db");
	ledger__object_text(l, WT_DISK, id, buf, sizeof(buf));
	assert_string_equal(buf, "read vda");
	ledger__leaf_text(l, WT_DISK, id, buf, sizeof(buf));
	assert_string_equal(buf, "[disk read vda]");
	assert_string_equal(ledger__file(l, id, &got), "/var/x\n.db");
	assert_true(got == path);
	memcpy(r.addr, &other, sizeof(other));
	r.kind = WT_K_SWAPIN;
	ledger__put_reason(l, id + 1, &r);
	ledger__reason_text(l, WT_DISK, id + 1, buf, sizeof(buf));
	assert_string_equal(buf, "swap in vda [other files]");
	assert_string_equal(ledger__file(l, WT_K_FUTEX, &got), "");
	assert_true(!got);
	ledger__free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_files_of_reasons),
		cmocka_unit_test(test_inline_reasons),
		cmocka_unit_test(test_every_kind_has_words),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_bucket_error_bound),
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_witness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
