/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program with USDT probes: 50 requests of 1 ms.  The notes are what <sys/sdt.h> makes,
 * by hand, so that nothing needs to be installed.
 */
#include <stdio.h>
#include <time.h>

#define TEXT(x) #x
#define PROBE(provider, name)									\
	__asm__ volatile("990:	nop\n"								\
			 "	.pushsection .note.stapsdt,\"?\",\"note\"\n"			\
			 "	.balign 4\n"							\
			 "	.4byte 992f-991f, 994f-993f, 3\n"				\
			 "991:	.asciz \"stapsdt\"\n"						\
			 "992:	.balign 4\n"							\
			 "993:	.8byte 990b, _.stapsdt.base, " TEXT(name##_semaphore) "\n"	\
			 "	.asciz \"" TEXT(provider) "\"\n"				\
			 "	.asciz \"" TEXT(name) "\"\n"					\
			 "	.asciz \"\"\n"							\
			 "994:	.balign 4\n"							\
			 "	.popsection\n"							\
			 "	.ifndef _.stapsdt.base\n"					\
			 "	.pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n" \
			 "	.weak _.stapsdt.base\n	.hidden _.stapsdt.base\n"		\
			 "_.stapsdt.base: .space 1\n	.size _.stapsdt.base, 1\n"		\
			 "	.popsection\n	.endif")

unsigned short request__start_semaphore __attribute__((section(".probes"), used));
unsigned short request__done_semaphore __attribute__((section(".probes"), used));

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static __attribute__((noinline)) void start(void)
{
	PROBE(shop, request__start);
}

static __attribute__((noinline)) void done(void)
{
	PROBE(shop, request__done);
}

int main(void)
{
	const struct timespec ms = { 0, 1000000 };
	long long spent = 0, t;
	int enabled = 0;

	for (int i = 0; i < 50; i++) {
		t = now();
		start();
		enabled += *(volatile unsigned short *)&request__start_semaphore +
			   *(volatile unsigned short *)&request__done_semaphore;
		nanosleep(&ms, NULL);
		done();
		spent += now() - t;
	}
	printf("{\"enabled\": %d, \"ns\": %lld}\n", enabled, spent);
	return 0;
}
