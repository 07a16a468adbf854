/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * drain.h - from the kernel side's maps and rings into the ledger and the
 * symbols.  One way only: nothing here is ever asked for by a sink.
 */
#ifndef WT_DRAIN_H
#define WT_DRAIN_H

#include <linux/types.h>
#include <stdbool.h>
#include "drain/sideband.h"
#include "jobs/jobs.h"
#include "ledger/ledger.h"
#include "loader/tracer.h"
#include "net/conns.h"
#include "net/servers.h"
#include "symbols/symbols.h"
#include "units/execs.h"
#include "units/units.h"
#include "unwind/unwind.h"

struct drain;

/*
 * All are borrowed and outlive the drain; u NULL: user stacks are walked by frame
 * pointer only; e NULL: no program is a unit.  0 or a negative errno, printed.
 */
int drain__new(struct drain **out, struct tracer *t, struct ledger *l, struct symbols *s,
	       struct sideband *sb, struct unwind *u, struct execs *e);
/* Who hears of writes and epochs, borrowed; retire: see ledger__retire(). */
int drain__units(struct drain *d, struct units *units, const struct ledger_retire *retire);
/* Who hears of spans: fn gets each WT_EV_SPAN; its error ends the drain. */
void drain__on_span(struct drain *d, tracer_event_fn fn, void *arg);
/* Who hears of connections that are over, borrowed. */
void drain__conns(struct drain *d, struct conns *conns);
/* Who hears of what is waited for, borrowed. */
void drain__servers(struct drain *d, struct servers *servers);
void drain__free(struct drain *d);
/* Where identities of jobs and control groups go; borrowed.  Before the first events. */
void drain__set_jobs(struct drain *d, struct jobs *jobs);

/*
 * Before anything is attached: has the tables of what will be traced compiled, and waits for
 * them until then (CLOCK_MONOTONIC) at most, of a Java VM 0.2 s longer; what is not ready
 * follows.  0 or a negative errno, printed.
 */
int drain__warm(struct drain *d, __u64 until_ns);
/* Once all are known: the same for those that came since, without waiting. */
int drain__warm_rest(struct drain *d);
/*
 * Reads the mappings and the command lines of every process that is traced now, as of the start.
 * launched: the process that is about to become the command, 0: there is none.
 */
int drain__seed_mappings(struct drain *d, __u64 start_ns, pid_t launched);
/* Takes what is in the rings: cheap, often. */
int drain__events(struct drain *d);
/*
 * After the last events: gives the tables that stacks wait for a moment, and ends the
 * stacks that still lack them then.
 */
int drain__last_stacks(struct drain *d);
/* The rings, then the detail lines: a generation of the ledger is complete. */
int drain__details(struct drain *d);
/* Nothing comes any more: what units are still open end now, threads that ended are folded. */
int drain__finish(struct drain *d, __u64 end_ns);
/* The records of the threads that live; last: after tracer__stop. */
int drain__records(struct drain *d, bool last);
/* Somebody joined the target in a way only a new seed can follow; asks once. */
/* … and it has been made: who joined may be a unit. */
int drain__seed_execs(struct drain *d);
bool drain__reseed_wanted(struct drain *d);
/* How often there was no memory for what was recorded: it is lost, and the recording ends. */
__u64 drain__no_memory(const struct drain *d);
/* Thread records taken so far, and user stacks whose frames were resolved. */
__u64 drain__stacks(const struct drain *d);

#endif /* WT_DRAIN_H */
