/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_jobs.c - identities of jobs, whose values anybody may choose, and paths of
 * control groups: every job has a name of its own that can be printed.
 */
#include "fuzz.h"

#include <string.h>

#include "jobs/jobs.h"
#include "ledger/ledger.h"
#include "ledger/text.h"

#define MAX_EVENTS 24

/* A string as the kernel side copies it: ended by a NUL, zeroes behind. */
static void put_string(struct input *in, char *to, size_t sz)
{
	size_t n = input__number(in, 1) % sz;

	input__copy(in, to, n);
	memset(to + strnlen(to, n), 0, sz - strnlen(to, n));
}

static __u64 put_build(struct jobs *j, struct input *in)
{
	struct wt_ev_job e = { .job = input__number(in, 1) | 1, .system = input__number(in, 1) };

	e.have = input__number(in, 2);
	for (unsigned i = 0; i < WT_JOB_ROLES; i++)
		if (e.have >> i & 1)
			put_string(in, e.value[i], WT_JOB_VALUE);
	REQUIRE(!jobs__put_build(j, &e));
	return e.job;
}

static __u64 put_group(struct jobs *j, struct input *in)
{
	struct wt_ev_cgroup e = { .cgroup = input__number(in, 1) | 1, .cut = input__number(in, 1) };

	e.levels = input__number(in, 1);
	for (unsigned i = 0; i < WT_CGROUP_LEVELS && i < e.levels; i++)
		put_string(in, e.name[i], WT_CGROUP_NAME);
	REQUIRE(!jobs__put_cgroup(j, &e));
	return e.cgroup;
}

static void check(const struct jobs *j)
{
	for (unsigned i = 0; i < jobs__count(j); i++) {
		const struct job *a = jobs__at(j, i);

		REQUIRE(a->index == i && a->name[0] && a->kind[0]);
		REQUIRE(text__is_clean(a->name, false));
		for (unsigned r = 0; r < WT_JOB_ROLES; r++)
			REQUIRE(text__is_clean(a->field[r], false));
		for (unsigned k = 0; k < i; k++)
			REQUIRE(strcmp(a->name, jobs__at(j, k)->name));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	bool target = input__number(&in, 1) & 1;
	struct jobs *j;
	char name[64];

	put_string(&in, name, sizeof(name));
	REQUIRE(!jobs__new(&j, target ? "command" : NULL, name));
	for (unsigned i = 0; i < MAX_EVENTS && in.n; i++) {
		switch (input__number(&in, 1) % 4) {
		case 0: REQUIRE(jobs__of(j, put_build(j, &in), 0, 0)); break;
		case 1: REQUIRE(jobs__of(j, 0, put_group(j, &in), 0)); break;
		case 2: REQUIRE(jobs__of(j, input__number(&in, 1), 0, 0)); break;
		case 3: REQUIRE(jobs__of(j, 0, input__number(&in, 1), input__number(&in, 1))); break;
		}
	}
	check(j);
	jobs__free(j);
	return 0;
}
