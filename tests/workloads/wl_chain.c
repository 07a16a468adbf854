/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_chain - calls functions in orders that are known, computes and sleeps at the end
 * of each.  Built without frame pointers.  Each way to get to the
 * end that is hard to unwind is a function c_NAME, which main calls; what lies between
 * it and the ends (burn, which computes, and nap, which sleeps) says tests/e2e/test_stacks.py.
 *
 * Usage: wl_chain SECONDS [NAME]…
 * Gives every NAME (default: all) that long and prints {"NAME": turns, …}.
 */
#define _GNU_SOURCE
#include <alloca.h>
#include <dlfcn.h>
#include <setjmp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "wl.h"

#define ORDER asm volatile("" ::: "memory")	/* no call before it is in tail position */

static int64_t until;
static volatile uint64_t sink;

/* A leaf: it keeps no frame and calls nothing. */
static WL_NOINLINE void burn(void)
{
	uint64_t x = sink;

	for (int i = 0; i < 100000; i++)
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
	sink = x;
}

static WL_NOINLINE void nap(void)
{
	struct timespec t = { 0, 100000 };

	nanosleep(&t, NULL);
	ORDER;
}

static bool over(void)
{
	return wl_now() >= until;
}

static WL_NOINLINE void end(void)
{
	burn();
	nap();
	ORDER;
}

/* ---- plain calls, shallow and deeper than 127 ---- */

static WL_NOINLINE int down(int n)
{
	int r = 0;

	if (n)
		r = down(n - 1) + 1;
	else
		end();
	ORDER;
	return r;
}

static WL_NOINLINE void c_calls(void)
{
	down(20);
	ORDER;
}

static WL_NOINLINE void c_tall(void)
{
	down(200);
	ORDER;
}

static WL_NOINLINE void c_deep(void)
{
	down(400);
	ORDER;
}

/* ---- frames of a size that the compiler does not know; realigned frames ---- */

static WL_NOINLINE void with_alloca(size_t n)
{
	volatile char *p = alloca(n);

	p[0] = p[n - 1] = 1;
	end();
	p[n / 2] = 2;
}

static WL_NOINLINE void c_alloca(void)
{
	static size_t n;

	with_alloca(16 + n++ % 5000);
	ORDER;
}

/* Two that differ in nothing but one return address, far above all that lies between. */
static WL_NOINLINE void far_down(int n)
{
	volatile char a[20000];

	a[n] = 1;
	if (n)
		far_down(n - 1);
	else
		end();
	sink += a[n];
}

static WL_NOINLINE void far_a(void)
{
	far_down(2);
	ORDER;
}

static WL_NOINLINE void far_b(void)
{
	far_down(2);
	ORDER;
	ORDER;
}

static WL_NOINLINE void c_far(void)
{
	static unsigned n;

	(n++ / 20 & 1 ? far_a : far_b)();
	ORDER;
}

/* Each lies at the beginning of a page, and nobody touches the ones below. */
static WL_NOINLINE void edge_down(int n)
{
	volatile char a[5 * 4096];

	a[n] = 1;
	if (n)
		edge_down(n - 1);
	else
		end();
	sink += a[n];
}

static WL_NOINLINE void c_edge(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	volatile char *gap = alloca((here - 256) & 4095);

	gap[0] = 1;
	edge_down(1);
	ORDER;
}

static WL_NOINLINE void realigned(int n)
{
	_Alignas(64) volatile char a[128];

	a[n] = 1;
	end();
	sink += a[n + 1];
}

static WL_NOINLINE void c_realigned(void)
{
	realigned(sink & 63);
	ORDER;
}

/* ---- signal handlers, on the stack and on one of their own ---- */

static void handler(int sig)
{
	end();
	sink += sig;
}

static WL_NOINLINE void interrupted(int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(SIGUSR1, &sa, NULL);
	/* not raise(): what is interrupted is this function itself */
	syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1);
	ORDER;
}

static WL_NOINLINE void c_signal(void)
{
	interrupted(0);
	ORDER;
}

static WL_NOINLINE void c_sigaltstack(void)
{
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	sigaltstack(&ss, NULL);
	interrupted(SA_ONSTACK);
	ORDER;
}

/* ---- coroutines, and leaving functions from below ---- */

static ucontext_t home, other;

static void co_body(void)
{
	for (;;) {
		end();
		swapcontext(&other, &home);
	}
}

static WL_NOINLINE void c_context(void)
{
	static char stack[65536];

	if (!other.uc_stack.ss_sp) {
		getcontext(&other);
		other.uc_stack.ss_sp = stack;
		other.uc_stack.ss_size = sizeof(stack);
		makecontext(&other, co_body, 0);
	}
	swapcontext(&home, &other);
	ORDER;
}

static jmp_buf back;

static WL_NOINLINE void jumper(int n)
{
	if (!n)
		longjmp(back, 1);
	if (n > 0)
		jumper(n - 1);
	ORDER;
}

static WL_NOINLINE void c_longjmp(void)
{
	if (!setjmp(back))
		jumper(5);
	else
		end();
	ORDER;
}

/* ---- through libc and back; stubs of the PLT; the vdso ---- */

static int compare(const void *a, const void *b)
{
	static unsigned calls;

	if (!(calls++ & 63))
		end();
	return *(const int *)a - *(const int *)b;
}

static WL_NOINLINE void c_qsort(void)
{
	int v[64];

	for (int i = 0; i < 64; i++)
		v[i] = (i * 37) & 63;
	qsort(v, 64, sizeof(v[0]), compare);
	ORDER;
}

static WL_NOINLINE void c_plt(void)
{
	unsigned seed = sink;

	for (int i = 0; i < 20000; i++)
		sink += rand_r(&seed);
	ORDER;
}

static WL_NOINLINE void c_vdso(void)
{
	for (int i = 0; i < 2000; i++)
		sink += wl_now();
	ORDER;
}

static WL_NOINLINE void c_dlopen(void)
{
	static double (*function)(double, double);
	static void *lib;
	double x = 1;

	if (!lib) {
		lib = dlopen("libm.so.6", RTLD_NOW);
		function = lib ? dlsym(lib, "pow") : NULL;
		if (!function)
			wl_die("libm.so.6");
	}
	for (int i = 0; i < 5000; i++)
		x = function(x + 1.1, 0.7);
	sink += x;
	ORDER;
}

/* ---- code that no table knows ---- */

/*
 * Assembly without call frame information, as in codecs: a frame of an odd size, rbp is
 * an ordinary register.
 */
void nocfi(void (*f)(void));
asm(".text\n.globl nocfi\n.type nocfi, @function\nnocfi:\n"
    "	push %rbp\n	push %rbx\n	sub $72, %rsp\n	mov $0x1234, %ebp\n"
    "	call *%rdi\n"
    "	add $72, %rsp\n	pop %rbx\n	pop %rbp\n	ret\n"
    ".size nocfi, . - nocfi\n");

static WL_NOINLINE void c_nocfi(void)
{
	nocfi(end);
	ORDER;
}

/* The same, in memory that is nobody's file. */
static WL_NOINLINE void c_jit(void)
{
	static const uint8_t code[] = {
		0x55, 0x53, 0x48, 0x83, 0xec, 0x48, 0xbd, 0x34, 0x12, 0, 0, 0xff, 0xd7,
		0x48, 0x83, 0xc4, 0x48, 0x5b, 0x5d, 0xc3,
	};
	static void (*made)(void (*)(void));

	if (!made) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			wl_die("mmap");
		memcpy(p, code, sizeof(code));
		made = p;
	}
	made(end);
	ORDER;
}

/* ---- a frame that is found by rbx, as that of the linker's entry from a PLT ---- */

/* Aligned, and of a size nobody knows: what lies where differs from call to call. */
void byrbx(void (*f)(void), size_t n);
asm(".text\n.globl byrbx\n.type byrbx, @function\nbyrbx:\n"
    "	.cfi_startproc\n"
    "	push %rbx\n	.cfi_adjust_cfa_offset 8\n	.cfi_rel_offset %rbx, 0\n"
    "	mov %rsp, %rbx\n	.cfi_def_cfa_register %rbx\n"
    "	and $-64, %rsp\n	sub %rsi, %rsp\n"
    "	call *%rdi\n"
    "	mov %rbx, %rsp\n	.cfi_def_cfa_register %rsp\n"
    "	pop %rbx\n	.cfi_adjust_cfa_offset -8\n	.cfi_restore %rbx\n"
    "	ret\n	.cfi_endproc\n"
    ".size byrbx, . - byrbx\n");

/* Somewhere below, rbx is saved, and another's. */
static WL_NOINLINE void saves_rbx(void)
{
	asm volatile("xor %%ebx, %%ebx" ::: "rbx");
	end();
	asm volatile("xor %%ebx, %%ebx" ::: "rbx");
}

static WL_NOINLINE void c_byrbx(void)
{
	static size_t n;
	volatile char *p = alloca(16 + 16 * (n++ & 7));

	p[0] = 1;
	byrbx(n & 1 ? end : saves_rbx, 64 * (n % 40));
	p[1] = 2;
}

static const struct {
	const char *name;
	void (*f)(void);
} chain[] = {
	{ "calls", c_calls }, { "tall", c_tall }, { "deep", c_deep }, { "alloca", c_alloca },
	{ "realigned", c_realigned }, { "signal", c_signal }, { "sigaltstack", c_sigaltstack },
	{ "context", c_context }, { "longjmp", c_longjmp }, { "qsort", c_qsort },
	{ "plt", c_plt }, { "vdso", c_vdso }, { "dlopen", c_dlopen }, { "nocfi", c_nocfi },
	{ "jit", c_jit }, { "byrbx", c_byrbx }, { "far", c_far }, { "edge", c_edge },
};

static bool wanted(int argc, char **argv, const char *name)
{
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 3;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	const char *comma = "{";

	for (size_t i = 0; i < sizeof(chain) / sizeof(chain[0]); i++) {
		long turns = 0;

		if (!wanted(argc, argv, chain[i].name))
			continue;
		for (until = wl_now() + seconds * 1e9; !over(); turns++)
			chain[i].f();
		printf("%s\"%s\": %ld", comma, chain[i].name, turns);
		comma = ", ";
	}
	printf("}\n");
	return 0;
}
