// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixtures/symbols/fixture.h"

#include <errno.h>
#include <time.h>

#include "symbols/images.h"
#include "symbols/mapvec.h"
#include "symbols/objects.h"
#include "symbols/procmaps.h"

#define SEC 1000000000ULL
enum { A = OBJ_FIRST_FILE, B, C, D };

static void map(struct images *im, __u32 tgid, __u64 t, __u64 start, __u64 len, __u32 object)
{
	const struct mapping m = { .start = start, .end = start + len, .object = object };

	assert_int_equal(images__map(im, tgid, t, &m), 0);
}

/* What was at addr; 0 when nothing was. */
static __u32 at(struct images *im, __u32 tgid, __u64 t, __u64 addr)
{
	const struct generation *g = images__at(im, tgid, t, false);
	const struct mapping *m = g ? images__find(g, t, addr) : NULL;

	return m ? m->object : 0;
}

static void maps_and_gaps(void **state)
{
	struct images im = { 0 };

	(void)state;
	map(&im, 1, 10, 0x3000, 0x1000, B);
	map(&im, 1, 10, 0x1000, 0x1000, A);
	assert_int_equal(at(&im, 1, 10, 0x1000), A);
	assert_int_equal(at(&im, 1, 99, 0x1fff), A);
	assert_int_equal(at(&im, 1, 99, 0x2000), 0);
	assert_int_equal(at(&im, 1, 99, 0x3000), B);
	assert_int_equal(at(&im, 1, 99, 0xfff), 0);
	assert_int_equal(at(&im, 1, 99, UINT64_MAX), 0);
	assert_int_equal(at(&im, 1, 9, 0x1000), 0);	/* not yet */
	assert_int_equal(at(&im, 2, 99, 0x1000), 0);
	images__clear(&im);
}

static void newer_mapping_replaces(void **state)
{
	struct images im = { 0 };
	const struct generation *g;

	(void)state;
	map(&im, 1, 10, 0x1000, 0x5000, A);
	map(&im, 1, 20, 0x3000, 0x1000, B);
	assert_int_equal(at(&im, 1, 19, 0x3000), A);
	assert_int_equal(at(&im, 1, 20, 0x3000), B);
	/* what lies around it goes on, with its place in the file */
	assert_int_equal(at(&im, 1, 20, 0x2fff), A);
	assert_int_equal(at(&im, 1, 20, 0x4000), A);
	g = images__at(&im, 1, 20, false);
	assert_int_equal(images__find(g, 20, 0x4000)->pgoff, 0x3000);
	assert_int_equal(images__find(g, 20, 0x1000)->pgoff, 0);
	/* over several, one of them in part */
	map(&im, 1, 30, 0x2000, 0x3000, C);
	assert_int_equal(at(&im, 1, 30, 0x1fff), A);
	assert_int_equal(at(&im, 1, 30, 0x2000), C);
	assert_int_equal(at(&im, 1, 30, 0x4fff), C);
	assert_int_equal(at(&im, 1, 30, 0x5000), A);
	assert_int_equal(at(&im, 1, 29, 0x3000), B);
	images__clear(&im);
}

static void late_event_keeps_its_place(void **state)
{
	struct images im = { 0 };

	(void)state;
	map(&im, 1, 20, 0x1000, 0x1000, B);
	map(&im, 1, 10, 0x1000, 0x1000, A);
	assert_int_equal(at(&im, 1, 15, 0x1000), A);
	assert_int_equal(at(&im, 1, 20, 0x1000), B);
	images__clear(&im);
}

static void repeated_mapping_costs_nothing(void **state)
{
	struct images im = { 0 };
	int i;

	(void)state;
	for (i = 0; i < 1000; i++)
		map(&im, 1, 10 + i, 0x1000, 0x2000, A);
	assert_int_equal(images__at(&im, 1, 10, false)->maps->n, 1);
	/* other things at one place, again and again: what ended long ago is forgotten */
	for (i = 0; i < 1000; i++)
		map(&im, 1, (i + 1) * SEC, 0x1000, 0x2000, i % 2 ? A : B);
	assert_true(images__at(&im, 1, 2000 * SEC, false)->maps->n < 32);
	images__clear(&im);
}

static void fork_copies(void **state)
{
	struct images im = { 0 };

	(void)state;
	map(&im, 1, 10, 0x1000, 0x1000, A);
	images__fork(&im, 2, 1, 20);
	assert_int_equal(at(&im, 2, 20, 0x1000), A);
	assert_int_equal(at(&im, 2, 19, 0x1000), 0);
	assert_ptr_equal(images__at(&im, 1, 20, false)->maps, images__at(&im, 2, 20, false)->maps);
	/* from here on each has its own */
	map(&im, 2, 30, 0x1000, 0x1000, B);
	map(&im, 1, 40, 0x5000, 0x1000, C);
	assert_int_equal(at(&im, 2, 50, 0x1000), B);
	assert_int_equal(at(&im, 2, 50, 0x5000), 0);
	assert_int_equal(at(&im, 1, 50, 0x1000), A);
	assert_int_equal(at(&im, 1, 50, 0x5000), C);
	/* a fork that is heard of late copies what was there then */
	images__fork(&im, 3, 1, 35);
	assert_int_equal(at(&im, 3, 60, 0x1000), A);
	assert_int_equal(at(&im, 3, 60, 0x5000), 0);
	images__clear(&im);
}

static void exec_starts_anew(void **state)
{
	struct images im = { 0 };

	(void)state;
	map(&im, 1, 10, 0x1000, 0x1000, A);
	images__exec(&im, 1, 20);
	assert_int_equal(at(&im, 1, 19, 0x1000), A);
	assert_int_equal(at(&im, 1, 20, 0x1000), 0);
	map(&im, 1, 21, 0x1000, 0x1000, B);
	assert_int_equal(at(&im, 1, 19, 0x1000), A);
	assert_int_equal(at(&im, 1, 25, 0x1000), B);
	/* a late event of the first program goes to the first program */
	map(&im, 1, 15, 0x7000, 0x1000, C);
	assert_int_equal(at(&im, 1, 16, 0x7000), C);
	assert_int_equal(at(&im, 1, 25, 0x7000), 0);
	images__clear(&im);
}

static void pid_is_reused(void **state)
{
	struct images im = { 0 };

	(void)state;
	map(&im, 1, 10, 0x9000, 0x1000, D);
	images__fork(&im, 7, 1, 20);
	images__exec(&im, 7, 21);
	map(&im, 7, 22, 0x1000, 0x1000, A);
	images__exit(&im, 7, 30);
	images__fork(&im, 7, 1, 40);
	images__exec(&im, 7, 41);
	map(&im, 7, 42, 0x1000, 0x1000, B);
	assert_int_equal(at(&im, 7, 25, 0x1000), A);
	assert_int_equal(at(&im, 7, 31, 0x1000), A);	/* asked late, of the one that was */
	assert_int_equal(at(&im, 7, 40, 0x1000), 0);
	assert_int_equal(at(&im, 7, 40, 0x9000), D);
	assert_int_equal(at(&im, 7, 45, 0x1000), B);
	/* a fork of somebody unknown tells that the old one is gone */
	images__exit(&im, 7, 50);
	images__fork(&im, 7, 999, 60);
	assert_int_equal(at(&im, 7, 61, 0x1000), 0);
	assert_int_equal(at(&im, 7, 49, 0x1000), B);
	images__clear(&im);
}

static void expires(void **state)
{
	struct images im = { 0 };
	__u32 i;

	(void)state;
	map(&im, 1, 10, 0x1000, 0x1000, A);
	for (i = 100; i < 1100; i++) {
		images__fork(&im, i, 1, i);
		images__exec(&im, i, i + 1);
		map(&im, i, i + 1, 0x1000, 0x1000, B);
		if (i != 600)
			images__exit(&im, i, i + 2);
	}
	assert_int_equal(im.n, 1001);
	images__expire(&im, 602);
	assert_int_equal(at(&im, 100, 101, 0x1000), 0);
	assert_int_equal(at(&im, 599, 600, 0x1000), 0);
	assert_int_equal(at(&im, 600, 601, 0x1000), B);
	assert_int_equal(at(&im, 601, 602, 0x1000), B);
	images__expire(&im, 100 * SEC);
	assert_int_equal(im.n, 2);
	assert_int_equal(at(&im, 600, 100 * SEC, 0x1000), B);
	assert_int_equal(at(&im, 1, 100 * SEC, 0x1000), A);
	assert_int_equal(at(&im, 600, 600, 0x1000), 0);	/* the program before its exec */
	/* asked after its first thread ended: other threads live */
	images__exit(&im, 600, 101 * SEC);
	assert_int_equal(at(&im, 600, 150 * SEC, 0x1000), B);
	images__expire(&im, 140 * SEC);
	assert_int_equal(at(&im, 600, 150 * SEC, 0x1000), B);
	images__expire(&im, 151 * SEC);
	assert_int_equal(im.n, 1);
	images__clear(&im);
}

/* Against a plain model: an array of pages over time. */
static void agrees_with_a_model(void **state)
{
	enum { PAGES = 64, STEPS = 400 };
	static __u32 model[STEPS + 1][PAGES];
	struct images im = { 0 };
	uint32_t seed = 7;
	int t, p;

	(void)state;
	for (t = 1; t <= STEPS; t++) {
		unsigned start, len, object;

		seed = seed * 1664525 + 1013904223;
		start = seed >> 8 & 63;
		len = 1 + (seed >> 16 & 15);
		object = OBJ_FIRST_FILE + (seed >> 24) % 7;
		if (start + len > PAGES)
			len = PAGES - start;
		map(&im, 1, t, start << 12, len << 12, object);
		memcpy(model[t], model[t - 1], sizeof(model[t]));
		for (p = start; p < (int)(start + len); p++)
			model[t][p] = object;
	}
	for (t = 1; t <= STEPS; t++)
		for (p = 0; p < PAGES; p++)
			assert_int_equal(at(&im, 1, t, (__u64)p << 12), model[t][p]);
	images__clear(&im);
}

struct seen {
	int n;
	struct symbols_mmap last;
	char path[256];
};

static void see(void *ctx, const struct symbols_mmap *m)
{
	struct seen *s = ctx;

	s->n++;
	s->last = *m;
	snprintf(s->path, sizeof(s->path), "%s", m->path);
}

static void parses_maps(void **state)
{
	char text[] = "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b (deleted)\n"
		      "00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/dbus-daemon\n"
		      "7ffff000-7fff0000 r-xp 00000000 00:00 0 \n"
		      "nonsense\n"
		      "7f00-\n";
	char anon[] = "7ffd00000000-7ffd00002000 --xp 00000000 00:00 0 \n";
	struct seen seen = { 0 };

	(void)state;
	procmaps__parse(text, 5, see, &seen);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.last.start, 0x400000);
	assert_int_equal(seen.last.len, 0x52000);
	assert_int_equal(seen.last.pgoff, 0x1000);
	assert_int_equal(seen.last.maj, 8);
	assert_int_equal(seen.last.min, 2);
	assert_int_equal(seen.last.ino, 173521);
	assert_int_equal(seen.last.tgid, 5);
	assert_string_equal(seen.path, "/usr/bin/a b (deleted)");
	procmaps__parse(anon, 5, see, &seen);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.path, "");
}

static void knows_when_a_process_started(void **state)
{
	struct timespec now;
	__s64 start = 0, self;

	(void)state;
	assert_int_equal(procmaps__start(getpid(), &start), 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	self = now.tv_sec * 1000000000LL + now.tv_nsec;
	assert_true(start <= self && self - start < 60 * (__s64)SEC);
	assert_int_equal(procmaps__start(0x7ffffff0, &start), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_gaps),
		cmocka_unit_test(newer_mapping_replaces),
		cmocka_unit_test(late_event_keeps_its_place),
		cmocka_unit_test(repeated_mapping_costs_nothing),
		cmocka_unit_test(fork_copies),
		cmocka_unit_test(exec_starts_anew),
		cmocka_unit_test(pid_is_reused),
		cmocka_unit_test(expires),
		cmocka_unit_test(agrees_with_a_model),
		cmocka_unit_test(parses_maps),
		cmocka_unit_test(knows_when_a_process_started),
	};

	return cmocka_run_group_tests_name("symbols_images", tests, NULL, NULL);
}
