/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * terminal.c - the end of a recording for the person who waited for it: where
 * the time went, who spent it, what was waited for, and how far to trust it.
 */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/devices.h"
#include "sinks/human.h"
#include "sinks/job_totals.h"
#include "sinks/rowmap.h"
#include "sinks/transcodes.h"
#include "sinks/unit_servers.h"
#include "sinks/unit_share.h"
#include "sinks/waits.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TOP 10
#define WIDTH 96
#define BAR 30
#define AUDIT_LIMIT_PPM 1000

struct page {
	const struct recording *r;
	FILE *f;
	bool colour;
	__u64 told_ns;		/* until other threads of its process told it something: ledger__is_told() */
	__u64 work_ns;		/* thread time that is neither idle nor stopped, without told_ns */
};

static bool is_work(unsigned state)
{
	return state != WT_IDLE && state != WT_STOPPED;
}

static void heading(const struct page *p, const char *text)
{
	fprintf(p->f, p->colour ? "\n\033[1m%s\033[0m" : "\n%s", text);
}

static void write_head(const struct page *p)
{
	const struct recording *r = p->r;
	const struct ledger_totals *t = &r->totals;
	const char *name = r->host ? r->host : "this host";
	char buf[32], host[128];

	text__clean(host, sizeof(host), name, strlen(name), false);
	fprintf(p->f, "%s recorded on %s: %llu thread%s of %llu process%s; ended by: %s%s\n",
		human_ns(buf, sizeof(buf), r->end_ns - r->start_ns), host,
		t->threads, t->threads == 1 ? "" : "s", t->processes,
		t->processes == 1 ? "" : "es", r->end_reason ? r->end_reason : "unknown",
		r->complete ? "" : " (a checkpoint: it goes on)");
	if (r->has_exit && r->exit_signal > 0)
		fprintf(p->f, "the command was killed by signal %d\n", r->exit_signal);
	else if (r->has_exit && r->exit_status)
		fprintf(p->f, "the command ended with status %d\n", r->exit_status);
}

static void bar(const struct page *p, __u64 part)
{
	unsigned n = p->work_ns ? (double)part * BAR / (double)p->work_ns + 0.5 : 0;

	if (n)
		fputs("  ", p->f);
	while (n--)
		putc('#', p->f);
}

#define NO_WORK (~0ULL)

/* work_ns: what of ns is work. */
static void part_row(const struct page *p, const char *name, __u64 ns, __u64 work_ns, bool with_bar,
		     const char *note)
{
	char buf[32];

	fputs("  ", p->f);
	human_label(p->f, name, 14);
	human_cell(p->f, human_ns(buf, sizeof(buf), ns), 11);
	human_cell(p->f, human_share(buf, sizeof(buf), ns, p->r->totals.wall_ns), 10);
	human_cell(p->f, work_ns != NO_WORK ? human_share(buf, sizeof(buf), work_ns, p->work_ns) : "-", 10);
	if (with_bar && work_ns != NO_WORK)
		bar(p, work_ns);
	fprintf(p->f, "%s%s\n", note ? "  " : "", note ? note : "");
}

static void state_row(const struct page *p, const char *name, __u64 ns, bool with_bar, const char *note)
{
	part_row(p, name, ns, ns, with_bar, note);
}

/* Of the time in `lock`: for a lock that somebody had, or to be told something. */
struct locks {
	const struct ledger *ledger;
	__u64 held_ns, told_ns, shared_ns;
	__u64 resting;		/* threads that did nothing but wait to be told */
};

static __u64 thread_ns(const struct ledger_thread *t)
{
	__u64 ns = 0;

	for (unsigned s = 0; s < WT_STATES; s++)
		ns += t->st_ns[s];
	return ns;
}

static int add_lock(void *arg, const struct ledger_line *line)
{
	struct locks *l = arg;
	const struct wt_reason *r;

	if (line->state != WT_LOCK || line->unattributed)
		return 0;
	if (ledger__is_told(line)) {
		l->told_ns += line->ns;
		l->resting += line->ns && line->ns == thread_ns(line->thread);
		return 0;
	}
	r = ledger__reason(l->ledger, line->reason);
	switch (r ? r->kind : WT_REASON_KIND(line->reason)) {
	case WT_K_FUTEX:
	case WT_K_SEM:
		l->shared_ns += line->ns;
		break;
	case WT_K_MUTEX:
	case WT_K_GIL:
	case WT_K_FLOCK:
	case WT_K_MMAP_LOCK:
		l->held_ns += line->ns;
	}
	return 0;
}

static void write_locks(const struct page *p, const struct locks *l)
{
	char note[96] = "until its own threads tell: no contention";

	if (l->held_ns)
		state_row(p, "  held", l->held_ns, false, "by others: contention");
	if (l->resting)
		snprintf(note + strlen(note), sizeof(note) - strlen(note), "; %llu thread%s did nothing else",
			 l->resting, l->resting == 1 ? "" : "s");
	if (l->told_ns)
		part_row(p, "  signalled", l->told_ns, NO_WORK, false, note);
	if (l->shared_ns)
		state_row(p, "  semaphores", l->shared_ns, false, "and what else processes share");
}

static void write_taken(const struct page *p, const struct ledger_taken *t)
{
	if (t->steal_ns)
		state_row(p, "  stolen", t->steal_ns, false, "by the hypervisor, in cpu");
	if (t->irq_ns)
		state_row(p, "  hard irqs", t->irq_ns, false, "in cpu");
	if (t->softirq_ns)
		state_row(p, "  soft irqs", t->softirq_ns, false, "in cpu");
}

static void write_states(const struct page *p, const struct locks *locks)
{
	const struct ledger_totals *t = &p->r->totals;
	char all[32], work[32];

	heading(p, "WHERE THE TIME WENT");
	fprintf(p->f, "  %s of thread time, %s of it work (not idle, not stopped%s)\n",
		human_ns(all, sizeof(all), t->wall_ns), human_ns(work, sizeof(work), p->work_ns),
		p->told_ns ? ", not signalled" : "");
	fputs("  state                time    of all   of work\n", p->f);
	for (unsigned s = 0; s < WT_STATES; s++) {
		if (!is_work(s) || !t->st_ns[s])
			continue;
		part_row(p, ledger__state_name(s), t->st_ns[s],
			 t->st_ns[s] - (s == WT_LOCK ? p->told_ns : 0), true, NULL);
		if (s == WT_CPU) {
			state_row(p, "  user", t->user_ns, false, "estimate");
			state_row(p, "  system", t->sys_ns, false, "estimate");
			write_taken(p, &t->taken);
		} else if (s == WT_RUNQ) {
			state_row(p, "  woken", t->wakeup_ns, false, NULL);
			state_row(p, "  preempted", t->preempt_ns, false, NULL);
		} else if (s == WT_LOCK) {
			write_locks(p, locks);
		}
	}
	for (unsigned s = 0; s < WT_STATES; s++)
		if (!is_work(s) && t->st_ns[s])
			part_row(p, ledger__state_name(s), t->st_ns[s], NO_WORK, false, NULL);
}

struct who {
	struct rowkey key;
	char name[WT_COMM_LEN + 8];
	__u64 threads, work_ns, st_ns[WT_STATES];
};

static int add_thread(void *arg, const struct ledger_thread *t)
{
	const char *name = waits__who(t);
	/* a program that calls itself "kernel threads" stays apart from them */
	char key[WT_COMM_LEN + 16];
	struct who *who;

	snprintf(key, sizeof(key), "%d %s", name != t->pcomm, name);
	who = rowmap__get(arg, key, strlen(key));
	if (!who)
		return -ENOMEM;
	snprintf(who->name, sizeof(who->name), "%s", name);
	who->threads += t->count;
	for (unsigned s = 0; s < WT_STATES; s++) {
		who->st_ns[s] += t->st_ns[s];
		who->work_ns += is_work(s) ? t->st_ns[s] : 0;
	}
	return 0;
}

/* What its own threads were to tell is no work; by then add_thread() has been there. */
static int take_told(void *arg, const struct ledger_line *line)
{
	const char *name = waits__who(line->thread);
	char key[WT_COMM_LEN + 16];
	struct who *who;
	__u64 ns;

	if (!ledger__is_told(line))
		return 0;
	snprintf(key, sizeof(key), "%d %s", name != line->thread->pcomm, name);
	who = rowmap__get(arg, key, strlen(key));
	if (!who)
		return -ENOMEM;
	/* of a thread that is another program since then, the row may have less */
	ns = line->ns < who->st_ns[WT_LOCK] ? line->ns : who->st_ns[WT_LOCK];
	who->st_ns[WT_LOCK] -= ns;
	who->work_ns -= ns;
	return 0;
}

static int collect_who(const struct page *p, struct rowmap *map)
{
	int err = ledger__each_thread(p->r->ledger, add_thread, map);

	return err ? err : ledger__each_line(p->r->ledger, take_told, map);
}

static int by_work(const void *a, const void *b)
{
	const struct who *x = *(struct who *const *)a, *y = *(struct who *const *)b;

	if (x->work_ns != y->work_ns)
		return x->work_ns > y->work_ns ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* "cpu 88 %, disk 5 %, lock 3 %": the largest states of its work, `most` of them. */
static void write_mix(const struct page *p, const __u64 *st_ns, __u64 work_ns, int most)
{
	bool done[WT_STATES] = { false };

	for (int k = 0; k < most; k++) {
		unsigned top = WT_STATES;

		for (unsigned s = 0; s < WT_STATES; s++)
			if (is_work(s) && !done[s] && (top == WT_STATES ||
						       st_ns[s] > st_ns[top]))
				top = s;
		if (!work_ns || st_ns[top] * 100 < work_ns)
			break;
		done[top] = true;
		fprintf(p->f, "%s%s %.0f %%", k ? ", " : "", ledger__state_name(top),
			100.0 * (double)st_ns[top] / (double)work_ns);
	}
}

static void who_row(const struct page *p, const struct who *who)
{
	char buf[32];

	fputs("  ", p->f);
	human_label(p->f, who->name, 18);
	human_cell(p->f, human_count(buf, sizeof(buf), who->threads), 9);
	human_cell(p->f, human_ns(buf, sizeof(buf), who->work_ns), 11);
	human_cell(p->f, human_share(buf, sizeof(buf), who->work_ns, p->work_ns), 9);
	fputs("  ", p->f);
	write_mix(p, who->st_ns, who->work_ns, 4);
	putc('\n', p->f);
}

static void job_row(const struct page *p, const struct job_total *t)
{
	__u64 work_ns = t->work_ns - t->told_ns, st_ns[WT_STATES];
	char buf[32];

	memcpy(st_ns, t->st_ns, sizeof(st_ns));
	st_ns[WT_LOCK] -= t->told_ns;
	fputs("  ", p->f);
	human_label(p->f, t->job->name, 28);
	human_cell(p->f, human_count(buf, sizeof(buf), t->processes), 11);
	human_cell(p->f, human_ns(buf, sizeof(buf), work_ns), 11);
	human_cell(p->f, human_share(buf, sizeof(buf), work_ns, p->work_ns), 9);
	fputs("  ", p->f);
	write_mix(p, st_ns, work_ns, 3);
	putc('\n', p->f);
}

/*
 * Below a job: what it waited for most.  Of its work without what it waited for its own
 * children and threads: a shell that waits for the program it runs takes no second time.
 */
static void job_wait(const struct page *p, const struct job_total *t, const struct waits *w)
{
	const struct wait_row *row = waits__top(w, t->job->index);
	__u64 work_ns = t->own_ns;
	char text[224], share[32], total[32], of[32], p95[32];
	struct unit_share units;
	struct peer net;

	/* what the kernel's threads and worktrace itself wait for is nobody's question */
	if (!row || row->total_ns * 100 < work_ns || !strcmp(t->job->kind, "kernel") ||
	    !strcmp(t->job->kind, "self"))
		return;
	waits__text(p->r, row, text, sizeof(text), &net);
	fputs("    most for ", p->f);
	if (human_width(text) > 44)
		human_label(p->f, text, 44);
	else
		fputs(text, p->f);
	fprintf(p->f, ": %s, %s of %s, p95 %s\n", human_share(share, sizeof(share), row->total_ns, work_ns),
		human_ns(total, sizeof(total), row->total_ns), human_ns(of, sizeof(of), work_ns),
		human_ns(p95, sizeof(p95), row->p95_ns));
	if (unit_share__of(&units, p->r, t, row))
		fprintf(p->f, "      in its units, without the start: %s, %s of %s each, of %llu\n",
			human_share(share, sizeof(share), units.ns, units.of_ns),
			human_ns(total, sizeof(total), units.ns / units.units),
			human_ns(of, sizeof(of), units.of_ns / units.units), units.units);
}

/* Only where it says something: more than one job, or a build. */
static int write_jobs(const struct page *p)
{
	struct waits w = { 0 };
	struct job_totals t;
	int err = job_totals__collect(&t, p->r);

	if (!err && (t.n > 1 || t.builds))
		err = waits__collect(&w, p->r, WAITS_BY_JOB);

	if (!err && (t.n > 1 || t.builds)) {
		heading(p, "JOBS");
		if (t.builds)
			fprintf(p->f, "  %u build%s, at most %u at once", t.builds,
				t.builds == 1 ? "" : "s", t.at_once);
		fputs("\n  job                            processes       work  of work  spent in\n", p->f);
		for (unsigned i = 0; i < t.n && i < TOP; i++) {
			job_row(p, &t.v[i]);
			job_wait(p, &t.v[i], &w);
		}
		if (t.n > TOP)
			fprintf(p->f, "  … and %u more: see jobs.csv\n", t.n - TOP);
	}
	waits__free(&w);
	job_totals__free(&t);
	return err;
}

static int write_processes(const struct page *p)
{
	struct rowmap map = { .size = sizeof(struct who) };
	struct who **v = NULL;
	int err = collect_who(p, &map);

	if (!err) {
		v = rowmap__sorted(&map, by_work);
		err = v ? 0 : -ENOMEM;
	}
	if (!err) {
		heading(p, "WHO SPENT IT");
		fputs("\n  process             threads       work  of work  spent in\n", p->f);
		for (unsigned i = 0; i < map.n && i < TOP; i++)
			who_row(p, v[i]);
		if (map.n > TOP)
			fprintf(p->f, "  … and %u more: see threads.csv\n", map.n - TOP);
	}
	free(v);
	rowmap__free(&map);
	return err;
}

/* Below its line: the file, or the one of several that most of the time was for. */
static void write_file(const struct page *p, const struct wait_row *w)
{
	char clean[128], share[32];

	if (!w->file || !w->file[0])
		return;
	fputs("    file ", p->f);
	text__clean(clean, sizeof(clean), w->file, strlen(w->file), false);
	if (human_width(clean) > 56)
		human_label(p->f, clean, 56);
	else
		fputs(clean, p->f);
	if (w->files > 1)
		fprintf(p->f, " (%s) and %u more",
			human_share(share, sizeof(share), w->file_ns, w->total_ns), w->files - 1);
	putc('\n', p->f);
}

static void counted(const struct page *p, __u64 n, const char *one, const char *many)
{
	if (n)
		fprintf(p->f, ", %llu %s", n, n == 1 ? one : many);
}

static void wait_row(const struct page *p, const struct wait_row *w, __u64 work_ns)
{
	char text[224], buf[32];
	struct peer net;
	bool has_peer = waits__text(p->r, w, text, sizeof(text), &net);

	fputs("  ", p->f);
	human_label(p->f, text, 30);
	human_cell(p->f, human_ns(buf, sizeof(buf), w->total_ns), 11);
	human_cell(p->f, human_share(buf, sizeof(buf), w->total_ns, p->work_ns), 9);
	human_cell(p->f, human_count(buf, sizeof(buf), w->count), 8);
	human_cell(p->f, w->count ? human_ns(buf, sizeof(buf), w->p95_ns) : "-", 11);
	fprintf(p->f, "  %s of %s", human_share(buf, sizeof(buf), w->total_ns, work_ns), w->comm);
	if (has_peer) {
		counted(p, net.retransmits, "retransmit", "retransmits");
		counted(p, net.resets_sent + net.resets_received, "reset", "resets");
		counted(p, net.failed, "failed connect", "failed connects");
	}
	putc('\n', p->f);
	write_file(p, w);
}

/* The work of all processes of a row's name. */
static __u64 work_of(const struct rowmap *who, const char *name)
{
	__u64 ns = 0;

	for (unsigned i = 0; i < who->n; i++) {
		const struct who *w = rowmap__at(who, i);

		ns += strcmp(w->name, name) ? 0 : w->work_ns;
	}
	return ns;
}

/* What has a line of its own below the table. */
static bool is_apart(const struct wait_row *w)
{
	return !is_work(w->state) || w->state == WT_CHILD || w->told;
}

/*
 * One line for what must not drown the rest: what waits for work, and what waits for
 * children or for its own threads, whose time is accounted for where it was spent.
 */
static void write_apart(const struct page *p, const struct waits *w, unsigned state, const char *what)
{
	unsigned width = fprintf(p->f, "  %s:", what) - 1, shown = 0;

	for (unsigned i = 0; i < w->n; i++) {
		const struct wait_row *row = w->rows[i];
		bool longest = state != WT_CHILD && row->count > 1 && row->max_ns;
		const char *reason = row->reason;
		char text[336], buf[32], most[32];

		if (row->state != state || !is_apart(row) || !row->total_ns)
			continue;
		reason += strncmp(reason, "child: ", 7) ? 0 : 7;
		snprintf(text, sizeof(text), "%s %s %s (%s%s%s)", shown ? "," : "", reason,
			 human_ns(buf, sizeof(buf), row->total_ns), row->comm, longest ? ", at most " : "",
			 longest ? human_ns(most, sizeof(most), row->max_ns) : "");
		width += human_width(text);
		if (shown && width > WIDTH)
			break;
		fputs(text, p->f);
		shown++;
	}
	fputs(shown ? "\n" : " nothing\n", p->f);
}

static int write_waits(const struct page *p)
{
	const __u64 *st_ns = p->r->totals.st_ns;
	struct rowmap who = { .size = sizeof(struct who) };
	unsigned shown = 0;
	struct waits w;
	int err = waits__collect(&w, p->r, WAITS_BY_NAME);

	if (!err)
		err = collect_who(p, &who);
	for (unsigned i = 0; i < w.n && shown < TOP && !err; i++) {
		if (is_apart(w.rows[i]) || !w.rows[i]->total_ns)
			continue;
		if (!shown++) {
			heading(p, "WHAT IT WAITED FOR");
			fputs("\n  wait                                total  of work   count"
			      "        p95  of whose work\n", p->f);
		}
		wait_row(p, w.rows[i], work_of(&who, w.rows[i]->comm));
	}
	if (!err && (st_ns[WT_CHILD] || st_ns[WT_IDLE] || p->told_ns))
		putc('\n', p->f);
	if (!err && st_ns[WT_CHILD])
		write_apart(p, &w, WT_CHILD, "waiting for children, whose own time counts");
	if (!err && p->told_ns)
		write_apart(p, &w, WT_LOCK, "waiting for its own threads to tell, or idle");
	if (!err && st_ns[WT_IDLE])
		write_apart(p, &w, WT_IDLE, "idle, waiting for work");
	waits__free(&w);
	rowmap__free(&who);
	return err;
}

static void warning(const struct page *p, const char *text)
{
	fprintf(p->f, p->colour ? "\033[31m%s\033[0m" : "%s", text);
}

static void write_balance(const struct page *p)
{
	const struct ledger_totals *t = &p->r->totals;
	char a[32], b[32], share[32];

	if (t->residual_ns)
		warning(p, "  THE LEDGER DOES NOT BALANCE");
	else
		fputs("  the ledger balances", p->f);
	fprintf(p->f, ": %s accounted of %s wall time, residual %lld ns\n",
		human_ns(a, sizeof(a), t->accounted_ns), human_ns(b, sizeof(b), t->wall_ns),
		t->residual_ns);
	if (t->unattributed_ns)
		fprintf(p->f, "  %s (%s) is in its state, but without a reason or stack\n",
			human_ns(a, sizeof(a), t->unattributed_ns),
			human_share(share, sizeof(share), t->unattributed_ns, t->wall_ns));
	if (t->overattributed_ns && p->r->complete)
		fprintf(p->f, "  %s of detail exceeded its thread's record and was cut\n",
			human_ns(a, sizeof(a), t->overattributed_ns));
}

static bool within(double ppm)
{
	return ppm <= AUDIT_LIMIT_PPM && ppm >= -AUDIT_LIMIT_PPM;
}

static void write_audit(const struct page *p)
{
	const struct ledger_totals *t = &p->r->totals;
	char share[32];

	if (!t->cpu_kernel_ns && !t->runq_kernel_ns) {
		fputs("  the audit had no closed interval to compare\n", p->f);
	} else {
		if (within(t->cpu_residual_ppm) && within(t->runq_residual_ppm))
			fputs("  the audit passes", p->f);
		else
			warning(p, "  the audit finds a difference");
		fprintf(p->f, ": cpu %+ld ppm, run queue %+ld ppm against the kernel's books "
			"(limit %d)\n", lround(t->cpu_residual_ppm),
			lround(t->runq_residual_ppm), AUDIT_LIMIT_PPM);
	}
	if (t->witness_waits)
		fprintf(p->f, "  the kernel function speaks of another state in %llu of %llu waits "
			"(%s)\n", t->witness_disagreements, t->witness_waits,
			human_share(share, sizeof(share), t->witness_disagreements,
				    t->witness_waits));
	if (t->shed_ns)
		fprintf(p->f, "  stacks were shed to keep the budget: those of %s of waiting are shares "
			"of the others'\n", human_ns(share, sizeof(share), t->shed_ns));
	if (t->folded_ns)
		fprintf(p->f, "  stacks were folded to bound memory, the lightest first: of %s of waiting\n",
			human_ns(share, sizeof(share), t->folded_ns));
	if (t->oncpu_samples)
		fprintf(p->f, "  %llu of %llu samples have their whole stack (%s)\n",
			t->cut[LEDGER_COMPLETE], t->oncpu_samples,
			human_share(share, sizeof(share), t->cut[LEDGER_COMPLETE],
				    t->oncpu_samples));
}

/* How many there were, or how long, where its name ends in _ns. */
static const char *loss_amount(char *buf, size_t size, const struct recording_loss *l)
{
	size_t n = strlen(l->name);

	if (n > 3 && !strcmp(l->name + n - 3, "_ns"))
		return human_ns(buf, size, l->n);
	snprintf(buf, size, "%llu", l->n);
	return buf;
}

static void write_losses(const struct page *p)
{
	const struct recording *r = p->r;
	char amount[32];

	for (unsigned i = 0; i < r->n_loss; i++) {
		if (!r->loss[i].n)
			continue;
		if (r->loss[i].benign)
			fputs("  noted: ", p->f);
		else
			warning(p, "  lost: ");
		fprintf(p->f, "%s %s\n", loss_amount(amount, sizeof(amount), &r->loss[i]), r->loss[i].what);
	}
	if (r->totals.folded_threads)
		fprintf(p->f, "  %llu ended threads are kept as one row for each name\n",
			r->totals.folded_threads);
}

static void write_trust(const struct page *p)
{
	heading(p, "HOW FAR TO TRUST IT");
	putc('\n', p->f);
	write_balance(p);
	write_audit(p);
	write_losses(p);
	fputs("  exact: the time of every thread in every state, counts, longest waits\n"
	      "  estimates: user and system, the shape of cpu stacks (sampled), percentiles "
	      "(within 12.5 %)\n", p->f);
}

int sink_terminal(const struct recording *r, FILE *f, bool colour)
{
	struct page p = { .r = r, .f = f, .colour = colour };
	struct locks locks = { .ledger = r->ledger };
	struct unit_servers_of servers;
	int err = ledger__each_line(r->ledger, add_lock, &locks);

	if (err)
		return err;
	p.told_ns = locks.told_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		p.work_ns += is_work(s) ? r->totals.st_ns[s] : 0;
	p.work_ns -= p.told_ns;
	write_head(&p);
	write_states(&p, &locks);
	unit_servers__open(&servers, r);
	err = sink_units_terminal(r->judged, r->n_judged, &servers.servers, f, colour);
	unit_servers__close(&servers);
	if (!err)
		err = write_jobs(&p);
	if (!err)
		err = write_processes(&p);
	if (!err)
		err = write_waits(&p);
	if (!err)
		err = devices__terminal(r, f, colour);
	if (!err)
		err = transcodes__print(r, f, colour);
	if (err)
		return err;
	if (r->n_spans) {
		heading(&p, "SPANS");
		fputs("\n  span                   count      total       mean        p95        max  spent in\n",
		      f);
		sink_terminal_spans(r, f);
	}
	write_trust(&p);
	return sink_result(f);
}
