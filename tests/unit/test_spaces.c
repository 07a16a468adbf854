/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What processes have mapped, as the kernel side would read it at any moment. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "unwind/spaces.h"
#include "util/clock.h"

#define PIDS 400
#define SEC NSEC_PER_SEC

/* The kernel side's two maps. */
struct kernel {
	struct wt_mapping pool[WT_POOL_MAPPINGS];
	struct wt_space space[PIDS];
	bool there[PIDS];
	__u32 forks, parent;	/* a fork that is seen just after somebody has asked for it; 0: none */
	int refuse;
	int mapped[1024];	/* by object */
};

static void k_fork(struct kernel *k, __u32 tgid, __u32 ptgid)
{
	k->there[tgid] = k->there[ptgid];
	k->space[tgid] = k->space[ptgid];
	k->space[tgid].image = 10 * tgid;
}

static int k_get(void *ctx, __u32 tgid, struct wt_space *sp)
{
	struct kernel *k = ctx;

	if (!k->there[tgid]) {
		if (k->forks == tgid)
			k_fork(k, tgid, k->parent);
		return -ENOENT;
	}
	*sp = k->space[tgid];
	return 0;
}

static int k_set(void *ctx, __u32 tgid, const struct wt_space *sp)
{
	struct kernel *k = ctx;

	if (k->refuse)
		return k->refuse;
	k->there[tgid] = true;
	k->space[tgid] = *sp;
	return 0;
}

static int k_drop(void *ctx, __u32 tgid)
{
	struct kernel *k = ctx;
	bool was = k->there[tgid];

	k->there[tgid] = false;
	return was ? 0 : -ENOENT;
}

static void k_mapped(void *user, __u32 object, int change)
{
	((struct kernel *)user)->mapped[object] += change;
}

struct fixture {
	struct kernel *k;
	struct spaces *s;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct spaces_maps maps;

	f->k = calloc(1, sizeof(*f->k));
	maps = (struct spaces_maps){ f->k->pool, f->k, k_get, k_set, k_drop, f->k, k_mapped };
	assert_int_equal(spaces__new(&f->s, &maps), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	spaces__free(f->s);
	free(f->k);
	free(f);
	return 0;
}

static unsigned make(struct wt_mapping *m, unsigned n, __u32 tag)
{
	memset(m, 0, n * sizeof(*m));
	for (unsigned i = 0; i < n; i++) {
		m[i].start = 0x1000ULL * (2 * i + 1);
		m[i].end = m[i].start + 0x1000;
		m[i].object = tag;
	}
	return n;
}

/* What a walk of that process would find. */
static void expect(const struct fixture *f, __u32 tgid, unsigned n, __u32 tag)
{
	const struct wt_space *sp = &f->k->space[tgid];

	assert_true(f->k->there[tgid]);
	assert_int_equal(sp->n, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(f->k->pool[sp->first + i].start, 0x1000ULL * (2 * i + 1));
		assert_int_equal(f->k->pool[sp->first + i].object, tag);
	}
}

static void test_set_and_replace(void **state)
{
	struct fixture *f = *state;
	struct wt_mapping m[20];
	struct spaces_stats st;
	__u32 version, first;

	assert_int_equal(spaces__set(f->s, 7, 70, m, make(m, 3, 1), 0, SEC), 0);
	expect(f, 7, 3, 1);
	assert_int_equal(f->k->space[7].image, 70);
	assert_int_equal(spaces__image(f->s, 7), 70);
	version = f->k->space[7].version;
	first = f->k->space[7].first;
	/* the same again is no change: what was remembered stays good */
	assert_int_equal(spaces__set(f->s, 7, 70, m, make(m, 3, 1), 0, SEC), 0);
	assert_int_equal(f->k->space[7].version, version);
	/* another program with the same mappings is */
	assert_int_equal(spaces__set(f->s, 7, 71, m, make(m, 3, 1), 0, SEC), 0);
	assert_int_not_equal(f->k->space[7].version, version);
	assert_int_equal(spaces__set(f->s, 7, 71, m, make(m, 5, 2), 9, SEC), 0);
	expect(f, 7, 5, 2);
	assert_int_equal(f->k->space[7].flags, 9);
	/* a walk that began before still finds what it began with */
	assert_int_equal(f->k->pool[first].object, 1);
	spaces__stats(f->s, &st);
	assert_int_equal(st.spaces, 1);
	spaces__drop(f->s, 7, 2 * SEC);
	assert_false(f->k->there[7]);
	assert_int_equal(spaces__image(f->s, 7), 0);
	/* after the grace time everything is free again */
	assert_int_equal(spaces__set(f->s, 8, 80, m, make(m, 1, 1), 0, 4 * SEC), 0);
	spaces__stats(f->s, &st);
	assert_int_equal(st.mappings, 1);
	assert_int_equal(st.spaces, 1);
}

static void test_fork_shares(void **state)
{
	struct fixture *f = *state;
	struct wt_mapping m[20];
	struct spaces_stats st;

	spaces__set(f->s, 1, 10, m, make(m, 4, 1), 3, SEC);
	/* the kernel side copies at once; user space hears of it later */
	f->k->space[2] = f->k->space[1];
	f->k->space[2].image = 20;
	f->k->there[2] = true;
	spaces__set(f->s, 1, 10, m, make(m, 6, 2), 3, SEC);
	spaces__fork(f->s, 2, 1, SEC);
	expect(f, 2, 6, 2);
	assert_int_equal(f->k->space[2].image, 20);
	assert_int_equal(f->k->space[2].flags, 3);
	assert_int_equal(f->k->space[2].first, f->k->space[1].first);
	spaces__stats(f->s, &st);
	assert_int_equal(st.mappings, 4 + 6);	/* the 4 wait for the grace time */
	/* either goes its own way */
	spaces__set(f->s, 1, 10, m, make(m, 2, 3), 3, SEC);
	expect(f, 2, 6, 2);
	spaces__drop(f->s, 1, SEC);
	spaces__set(f->s, 5, 50, m, make(m, 1, 9), 0, 9 * SEC);
	expect(f, 2, 6, 2);
	/* an object is mapped as long as somebody has it */
	assert_int_equal(f->k->mapped[1], 0);
	assert_int_equal(f->k->mapped[2], 6);
	assert_int_equal(f->k->mapped[3], 0);
	spaces__drop(f->s, 2, 9 * SEC);
	assert_int_equal(f->k->mapped[2], 0);
}

/* An exec came before user space heard of the fork: the old program's mappings must not come back. */
static void test_fork_after_exec(void **state)
{
	struct fixture *f = *state;
	struct wt_mapping m[20];

	spaces__set(f->s, 1, 10, m, make(m, 4, 1), 0, SEC);
	f->k->there[2] = false;
	spaces__fork(f->s, 2, 1, SEC);
	assert_false(f->k->there[2]);
	assert_int_equal(spaces__image(f->s, 2), 0);
	/* nor does the fork of a process that nobody knows make one known */
	spaces__fork(f->s, 4, 3, SEC);
	assert_false(f->k->there[4]);
}

/* The side-band tells of a fork first, and the kernel side's copy comes while user space looks. */
static void test_fork_told_early(void **state)
{
	struct fixture *f = *state;
	struct wt_mapping m[20];
	struct spaces_stats st;

	spaces__set(f->s, 1, 10, m, make(m, 4, 1), 3, SEC);
	f->k->forks = 2;
	f->k->parent = 1;
	spaces__fork(f->s, 2, 1, SEC);
	expect(f, 2, 4, 1);
	/* its child, which user space hears of before it looks again; the parent may be gone by then */
	k_fork(f->k, 3, 2);
	spaces__drop(f->s, 1, SEC);
	spaces__fork(f->s, 3, 2, SEC);
	assert_int_equal(spaces__late(f->s, 3 * SEC), 2);
	assert_int_equal(spaces__late(f->s, 3 * SEC), 0);
	assert_int_equal(spaces__image(f->s, 2), 20);
	assert_int_equal(spaces__image(f->s, 3), 30);
	/* what they have is not given to others */
	spaces__set(f->s, 5, 50, m, make(m, 9, 9), 0, 5 * SEC);
	expect(f, 2, 4, 1);
	expect(f, 3, 4, 1);
	assert_int_equal(f->k->space[2].flags, 3);
	spaces__drop(f->s, 2, 5 * SEC);
	spaces__drop(f->s, 3, 5 * SEC);
	assert_int_equal(f->k->mapped[1], 0);
	spaces__set(f->s, 5, 50, m, make(m, 1, 9), 0, 7 * SEC);
	spaces__set(f->s, 5, 50, m, make(m, 2, 9), 0, 9 * SEC);
	spaces__set(f->s, 5, 50, m, make(m, 3, 9), 0, 11 * SEC);
	spaces__stats(f->s, &st);
	assert_int_equal(st.mappings, 2 + 3);
	assert_int_equal(st.spaces, 1);
}

/* Forks that are told early and of which nothing more is heard, or an exec, or the end, or a question. */
static void test_fork_never_seen(void **state)
{
	struct fixture *f = *state;
	struct wt_mapping m[20];

	spaces__set(f->s, 1, 10, m, make(m, 4, 1), 0, SEC);
	for (__u32 i = 10; i < 50; i++)
		spaces__fork(f->s, i, 1, SEC);
	spaces__drop(f->s, 11, SEC);
	spaces__set(f->s, 12, 120, m, make(m, 2, 2), 0, SEC);
	spaces__fork(f->s, 13, 1, SEC);
	f->k->refuse = -E2BIG;
	k_fork(f->k, 14, 1);
	assert_int_equal(spaces__late(f->s, SEC), 14);
	f->k->refuse = 0;
	assert_int_equal(spaces__image(f->s, 14), 0);
	assert_false(f->k->there[14]);
	assert_int_equal(spaces__late(f->s, SEC), 0);
	assert_int_equal(spaces__late(f->s, 2 * SEC), 0);
	k_fork(f->k, 11, 1);
	k_fork(f->k, 13, 1);
	k_fork(f->k, 15, 1);
	assert_int_equal(spaces__late(f->s, 2 * SEC), 0);
	expect(f, 12, 2, 2);
	/* those that are waited for keep what their parent had, and not for ever */
	spaces__drop(f->s, 1, 2 * SEC);
	assert_int_equal(f->k->mapped[1], 0);
}

static void test_full(void **state)
{
	static struct wt_mapping m[WT_MAX_MAPPINGS];
	struct fixture *f = *state;
	struct spaces_stats st;
	__u32 n = WT_POOL_MAPPINGS / WT_MAX_MAPPINGS;

	make(m, WT_MAX_MAPPINGS, 1);
	for (__u32 i = 0; i < n; i++)
		assert_int_equal(spaces__set(f->s, i, i + 1, m, WT_MAX_MAPPINGS, 0, SEC), 0);
	assert_int_equal(spaces__set(f->s, n, 1, m, 1, 0, SEC), -ENOSPC);
	assert_false(f->k->there[n]);
	spaces__stats(f->s, &st);
	assert_int_equal(st.full, 1);
	/* what one gives back, another gets, but not at once */
	spaces__drop(f->s, 3, SEC);
	assert_int_equal(spaces__set(f->s, n, 1, m, 1, 0, SEC + 1000), -ENOSPC);
	assert_int_equal(spaces__set(f->s, n, 1, m, WT_MAX_MAPPINGS, 0, 2 * SEC), 0);
	expect(f, n, WT_MAX_MAPPINGS, 1);
	/* the kernel side has no place */
	spaces__drop(f->s, 4, 2 * SEC);
	f->k->refuse = -E2BIG;
	assert_int_equal(spaces__set(f->s, n + 1, 1, m, 1, 0, 4 * SEC), -E2BIG);
	assert_int_equal(spaces__image(f->s, n + 1), 0);
}

static __u32 rnd(__u32 n)
{
	static __u64 x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x % n;
}

/* Whatever happens, every process's run holds its own mappings, and nothing leaks. */
static void test_random(void **state)
{
	static struct { bool known; unsigned n; __u32 tag; } truth[PIDS];
	static struct wt_mapping m[64];
	struct fixture *f = *state;
	struct spaces_stats st;
	__u64 now = SEC, total = 0;

	for (int round = 0; round < 20000; round++) {
		__u32 a = rnd(PIDS), b = rnd(PIDS);

		now += rnd(SEC / 50);
		switch (rnd(4)) {
		case 0:
		case 1:
			truth[a].n = 1 + rnd(63);
			truth[a].tag = 1 + rnd(1000);
			truth[a].known = true;
			assert_int_equal(spaces__set(f->s, a, 1000 + a, m,
						     make(m, truth[a].n, truth[a].tag), 0, now), 0);
			break;
		case 2:
			if (a == b)
				break;
			if (truth[b].known) {
				f->k->space[a] = f->k->space[b];
				f->k->space[a].image = 1000 + a;
				f->k->there[a] = true;
			}
			spaces__fork(f->s, a, b, now);
			truth[a] = truth[b];
			break;
		case 3:
			spaces__drop(f->s, a, now);
			truth[a].known = false;
		}
		if (round % 100)
			continue;
		for (__u32 i = 0; i < PIDS; i++) {
			assert_int_equal(f->k->there[i], truth[i].known);
			if (truth[i].known)
				expect(f, i, truth[i].n, truth[i].tag);
		}
	}
	for (__u32 i = 0; i < PIDS; i++)
		spaces__drop(f->s, i, now);
	spaces__set(f->s, 0, 1, m, make(m, 1, 1), 0, now + 2 * SEC);
	spaces__stats(f->s, &st);
	for (__u32 i = 2; i < 1024; i++)
		assert_int_equal(f->k->mapped[i], 0);
	assert_int_equal(f->k->mapped[1], 1);
	total = st.mappings;
	assert_int_equal(total, 1);
	assert_int_equal(st.spaces, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_and_replace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork_after_exec, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork_told_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fork_never_seen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
