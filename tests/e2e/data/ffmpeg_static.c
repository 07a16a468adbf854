/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands for an ffmpeg that is linked statically: the functions by which one drives its
 * libraries, with the memory that they are given laid out as libavformat 59 has it, and
 * CPU time of known length in each.  Its truth is on standard output, in ns.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FRAMES 60
#define MS 1000000ULL
#define API __attribute__((noinline, noclone, used, externally_visible))

static char dec[64], enc[64], par[8], stream[256], format[64];
static void *streams[1] = { stream };
static volatile uint64_t sink;

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

static void burn(uint64_t ns)
{
	for (uint64_t end = cpu_ns() + ns; cpu_ns() < end;)
		sink++;
}

/* The compiler must not see that nobody looks at the memory. */
static int use(void *a, void *b, uint64_t ns)
{
	__asm__ volatile("" : : "r"(a), "r"(b) : "memory");
	burn(ns);
	return 0;
}

API unsigned avformat_version(void) { return 59 << 16 | 27 << 8 | 100; }
API int avformat_open_input(void *f) { return use(f, f, MS) + 1; }
API int av_read_frame(void *f, void *packet) { return use(f, packet, MS / 5); }
API int avcodec_send_packet(void *context, void *packet) { return use(context, packet, MS); }
API int avcodec_receive_frame(void *context, void *frame) { return use(context, frame, 0); }
API int avcodec_send_frame(void *context, void *frame) { return use(context, frame, 2 * MS); }
API int av_interleaved_write_frame(void *f, void *packet) { return use(f, packet, MS / 2); }
API int av_write_trailer(void *f) { return use(f, f, MS) + 1; }

static void *work(void *arg)
{
	uint64_t ns[4] = {}, at, now, packet[10] = {};
	int32_t *index = (int32_t *)((char *)packet + 36);

	(void)arg;
	packet[8] = 1;			/* duration */
	for (int i = 0; i < FRAMES; i++) {
		at = cpu_ns();
#define STEP(n, call) do { call; now = cpu_ns(); ns[n] += now - at; at = now; } while (0)
		STEP(0, av_read_frame(format, packet));
		STEP(1, avcodec_send_packet(dec, packet));
		STEP(1, avcodec_receive_frame(dec, packet));
		STEP(2, avcodec_send_frame(enc, packet));
		packet[1] = i;		/* pts */
		*index = 0;
		STEP(3, av_interleaved_write_frame(format, packet));
	}
	STEP(3, av_write_trailer(format));
	printf("{\"demux\": %lu, \"decode\": %lu, \"encode\": %lu, \"mux\": %lu}\n", ns[0] + MS, ns[1], ns[2], ns[3]);
	return NULL;
}

int main(void)
{
	int32_t tb[2] = { 1, 25 };
	void *p = par;
	pthread_t t;

	*(uint32_t *)(format + 44) = 1;
	*(void **)(format + 48) = streams;
	memcpy(stream + 208, &p, sizeof(p));
	memcpy(stream + 16, tb, sizeof(tb));
	burn(20 * MS);
	avformat_open_input(format);
	/* as ffmpeg 7: the work is another thread's */
	pthread_create(&t, NULL, work, NULL);
	pthread_join(t, NULL);
	burn(10 * MS);
	return 0;
}
