// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compat32 - a 32-bit program without a library, for kernels that run such.
 * Built by the test: cc -m32 -nostdlib -static -ffreestanding (needs no multilib).
 *
 * Waits 300 ms each in a sleep, a pipe, a child, a futex, a poll and a UDP socket
 * (through the socketcall multiplexer), and prints what each took in µs.
 */
typedef unsigned int u32;

struct timespec32 { int s, ns; };

static long call(long nr, long a, long b, long c, long d)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return r;
}

enum { EXIT = 1, FORK = 2, READ = 3, WRITE = 4, PIPE = 42, SOCKETCALL = 102, WAIT4 = 114,
	NANOSLEEP = 162, POLL = 168, FUTEX = 240, CLOCK_GETTIME = 265 };

static u32 now_us(void)
{
	struct timespec32 t;

	call(CLOCK_GETTIME, 1, (long)&t, 0, 0);
	return (u32)t.s * 1000000u + (u32)t.ns / 1000u;
}

static void sleep300(void)
{
	struct timespec32 t = { 0, 300000000 };

	call(NANOSLEEP, (long)&t, 0, 0, 0);
}

static void wait_sleep(void)
{
	sleep300();
}

static void wait_pipe(void)
{
	int fd[2];
	char c = 'x';

	call(PIPE, (long)fd, 0, 0, 0);
	if (call(FORK, 0, 0, 0, 0) == 0) {
		sleep300();
		call(WRITE, fd[1], (long)&c, 1, 0);
		call(EXIT, 0, 0, 0, 0);
	}
	call(READ, fd[0], (long)&c, 1, 0);
}

static void wait_child(void)
{
	long pid = call(FORK, 0, 0, 0, 0);

	if (pid == 0) {
		sleep300();
		call(EXIT, 0, 0, 0, 0);
	}
	call(WAIT4, pid, 0, 0, 0);
}

static void wait_futex(void)
{
	struct timespec32 t = { 0, 300000000 };
	static int word;

	call(FUTEX, (long)&word, 0, 0, (long)&t);
}

static void wait_poll(void)
{
	call(POLL, 0, 0, 300, 0);
}

static void wait_udp(void)
{
	static unsigned char a[16] = { 2, 0, 0, 0, 127, 0, 0, 1 };
	long socket_args[3] = { 2, 2, 0 };
	long fd = call(SOCKETCALL, 1, (long)socket_args, 0, 0);
	long bind_args[3] = { fd, (long)a, 16 };
	long size = 16, name_args[3] = { fd, (long)a, (long)&size };
	char c = 'x';
	long send_args[6] = { fd, (long)&c, 1, 0, (long)a, 16 };
	long recv_args[4] = { fd, (long)&c, 1, 0 };

	call(SOCKETCALL, 2, (long)bind_args, 0, 0);
	call(SOCKETCALL, 6, (long)name_args, 0, 0);
	if (call(FORK, 0, 0, 0, 0) == 0) {
		sleep300();
		call(SOCKETCALL, 11, (long)send_args, 0, 0);
		call(EXIT, 0, 0, 0, 0);
	}
	call(SOCKETCALL, 10, (long)recv_args, 0, 0);
}

static void put(const char *s)
{
	long n = 0;

	while (s[n])
		n++;
	call(WRITE, 1, (long)s, n, 0);
}

static void put_phase(const char *name, u32 us)
{
	char b[12];
	int i = sizeof(b) - 1;

	b[i] = 0;
	do
		b[--i] = '0' + us % 10;
	while (us /= 10);
	put("\"");
	put(name);
	put("\": ");
	put(b + i);
}

__attribute__((force_align_arg_pointer)) void _start(void)
{
	static const struct { const char *name; void (*run)(void); } phases[] = {
		{ "sleep", wait_sleep }, { "pipe", wait_pipe }, { "child", wait_child },
		{ "futex", wait_futex }, { "poll", wait_poll }, { "udp", wait_udp },
	};

	put("{");
	for (int i = 0; i < 6; i++) {
		u32 from = now_us();

		phases[i].run();
		put(i ? ", " : "");
		put_phase(phases[i].name, now_us() - from);
	}
	put("}\n");
	call(EXIT, 0, 0, 0, 0);
}
