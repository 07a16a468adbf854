/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/recording.h"
#include "jobs/jobs.h"

const char *recording__job(const struct recording *r, __u64 job, __u64 cgroup)
{
	return r->jobs ? jobs__of(r->jobs, job, cgroup, 0)->name : "";
}
