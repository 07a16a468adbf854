// SPDX-License-Identifier: GPL-2.0-or-later
/* options_parse.c - arguments of options: one function for each kind of them. */
#include "options_impl.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/presets.h"
#include "net/idle_peer.h"
#include "sinks/recording.h"
#include "util/log.h"

#define PID_LIMIT 4194304		/* the kernel's PID_MAX_LIMIT */
#define MAX_PIDS 4096			/* a descriptor each */

static void *field_of(struct options *o, const struct opt *opt)
{
	return (char *)o + opt->field;
}

int opt__flag(struct options *o, const struct opt *opt, const char *arg)
{
	(void)arg;
	*(bool *)field_of(o, opt) = true;
	return 0;
}

int opt__string(struct options *o, const struct opt *opt, const char *arg)
{
	const char **s = field_of(o, opt);

	if (!*arg)
		return wt_error(WT_EUSAGE, NAME_FMT " is empty: a %s is expected",
				opt->name, opt->arg);
	if (*s)
		return wt_error(WT_EUSAGE, NAME_FMT " is given twice", opt->name);
	*s = arg;
	return 0;
}

/* Decimal digits and nothing else; -EINVAL or -ERANGE otherwise. */
static int read_digits(const char *s, size_t len, unsigned long long max,
		       unsigned long long *out)
{
	unsigned long long v = 0;

	if (!len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)s[i]))
			return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		v = v * 10 + (s[i] - '0');
		if (v > max)
			return -ERANGE;
	}
	*out = v;
	return 0;
}

int opt__unsigned(struct options *o, const struct opt *opt, const char *arg)
{
	unsigned long long v;

	if (read_digits(arg, strlen(arg), opt->max, &v) || v < opt->min)
		return wt_error(WT_EUSAGE,
				NAME_FMT " \"%s\": a whole number from %.0f to %.0f is expected",
				opt->name, arg, opt->min, opt->max);
	*(unsigned *)field_of(o, opt) = v;
	return 0;
}

int opt__power_of_two(struct options *o, const struct opt *opt, const char *arg)
{
	unsigned long long v;

	if (read_digits(arg, strlen(arg), opt->max, &v) || v < opt->min || (v & (v - 1)))
		return wt_error(WT_EUSAGE,
				NAME_FMT " \"%s\": a power of two from %.0f to %.0f is expected",
				opt->name, arg, opt->min, opt->max);
	*(unsigned *)field_of(o, opt) = v;
	return 0;
}

/* Seconds, with a fraction if one likes; min itself is allowed only if it is 0. */
int opt__seconds(struct options *o, const struct opt *opt, const char *arg)
{
	char *end = NULL;
	double v = 0;

	/* strtod would take "inf", "0x1p3" and leading blanks as well */
	if (strspn(arg, "0123456789.") == strlen(arg) && strpbrk(arg, "0123456789"))
		v = strtod(arg, &end);
	if (!end || *end || !isfinite(v) || v < opt->min || v > opt->max)
		return wt_error(WT_EUSAGE,
				NAME_FMT " \"%s\": a number of seconds from %g to %.0f is expected",
				opt->name, arg, opt->min, opt->max);
	*(double *)field_of(o, opt) = v;
	return 0;
}

int opt__budget(struct options *o, const struct opt *opt, const char *arg)
{
	double *budget = field_of(o, opt);
	char *end = NULL;

	if (!strcmp(arg, "off")) {
		*budget = 0;
		return 0;
	}
	/* strtod would take "inf", "0x1p3" and leading blanks as well */
	if (strspn(arg, "0123456789.") == strlen(arg) && strpbrk(arg, "0123456789"))
		*budget = strtod(arg, &end);
	if (!end || *end || *budget < opt->min || *budget > opt->max)
		return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": a percentage from %g to %.0f, or \"off\", "
				"is expected", opt->name, arg, opt->min, opt->max);
	return 0;
}

static bool has_pid(const struct options *o, pid_t pid)
{
	for (unsigned i = 0; i < o->n_pids; i++)
		if (o->pids[i] == pid)
			return true;
	return false;
}

static int add_pid(struct options *o, pid_t pid)
{
	pid_t *pids;

	if (has_pid(o, pid))
		return 0;
	if (o->n_pids == MAX_PIDS)
		return wt_error(WT_EUSAGE, "--pid: at most %d processes can be named", MAX_PIDS);
	pids = reallocarray(o->pids, o->n_pids + 1, sizeof(*pids));
	if (!pids)
		return wt_error(-ENOMEM, "--pid");
	o->pids = pids;
	o->pids[o->n_pids++] = pid;
	return 0;
}

int opt__pids(struct options *o, const struct opt *opt, const char *arg)
{
	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");
		unsigned long long v;
		int err;

		if (read_digits(p, len, PID_LIMIT, &v) || !v)
			return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": process ids from 1 to %d, "
					"separated by commas, are expected",
					opt->name, arg, PID_LIMIT);
		err = add_pid(o, v);
		if (err)
			return err;
		p += len;
		if (!*p)
			return 0;
	}
}

int opt__folded(struct options *o, const struct opt *opt, const char *arg)
{
	static const char *const which[] = {
		[FOLDED_WALL] = "wall", [FOLDED_CPU] = "cpu", [FOLDED_OFFCPU] = "offcpu",
	};

	for (int i = 0; i < (int)(sizeof(which) / sizeof(which[0])); i++) {
		if (!strcmp(arg, which[i])) {
			*(int *)field_of(o, opt) = i;
			return 0;
		}
	}
	return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": wall, cpu or offcpu is expected",
			opt->name, arg);
}

int opt__fold(struct options *o, const struct opt *opt, const char *arg)
{
	static const char *const names[] = {
		[FOLD_JOB] = "job", [FOLD_UNIT] = "unit", [FOLD_COMM] = "comm",
		[FOLD_THREAD] = "thread", [FOLD_PID] = "pid", [FOLD_TID] = "tid",
		[FOLD_SPAN] = "span",
	};
	unsigned n = 0;

	_Static_assert(sizeof(o->fold) > FOLD_FRAMES, "each frame once, and the end");
	if (o->fold[0])
		return wt_error(WT_EUSAGE, NAME_FMT " is given twice", opt->name);
	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");
		__u8 what = FOLD_END;

		for (unsigned i = FOLD_JOB; i <= FOLD_FRAMES; i++)
			if (len == strlen(names[i]) && !strncmp(p, names[i], len))
				what = i;
		if (!what || memchr(o->fold, what, n))
			return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": job, unit, span, comm, thread, pid and tid "
					"are expected, each at most once, separated by commas",
					opt->name, arg);
		o->fold[n++] = what;
		p += len;
		if (!*p)
			return 0;
	}
}

/* A name as the shell allows it, so that nothing can be mistaken for one. */
static bool is_env_name(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_')
			return false;
	return len && len < WT_ENV_NAME && !isdigit((unsigned char)s[0]);
}

int opt__job_env(struct options *o, const struct opt *opt, const char *arg)
{
	_Static_assert(sizeof(o->job_env) / sizeof(o->job_env[0]) == JOB_CUSTOM_MAX, "room for all");
	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");

		if (!is_env_name(p, len))
			return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": names of variables, of at most %d "
					"letters, digits and \"_\", separated by commas, are expected",
					opt->name, arg, WT_ENV_NAME - 1);
		if (o->n_job_env == JOB_CUSTOM_MAX)
			return wt_error(WT_EUSAGE, NAME_FMT ": at most %d names can be given",
					opt->name, JOB_CUSTOM_MAX);
		o->job_env[o->n_job_env] = strndup(p, len);
		if (!o->job_env[o->n_job_env++])
			return wt_error(-ENOMEM, NAME_FMT, opt->name);
		p += len;
		if (!*p)
			return 0;
	}
}

int opt__job(struct options *o, const struct opt *opt, const char *arg)
{
	const char *number = strrchr(arg, '#');
	size_t len = number ? (size_t)(number - arg) : strlen(arg);

	if (!len || (number && !number[1]))
		return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": a job's name, or NAME#NUMBER for one "
				"build of it, is expected", opt->name, arg);
	if (len >= WT_JOB_VALUE || (number && strlen(number) > WT_JOB_VALUE))
		return wt_error(WT_EUSAGE, NAME_FMT ": the name of a job has at most %d bytes",
				opt->name, WT_JOB_VALUE - 1);
	return opt__string(o, opt, arg);
}

/* Names of programs, without directories, separated by commas. */
int opt__names(struct options *o, const struct opt *opt, const char *arg)
{
	unsigned n = 0;

	for (const char *p = arg;; p++) {
		size_t len = strcspn(p, ",");

		if (!len || memchr(p, '/', len) || len > 255 || ++n > WT_EXEC_NAMES)
			return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": up to %d names of programs without "
					"directories, separated by commas, or \"none\" are expected",
					opt->name, arg, WT_EXEC_NAMES);
		p += len;
		if (!*p)
			break;
	}
	*(const char **)field_of(o, opt) = arg;
	o->unit_exec_given = strcmp(arg, "none");
	return 0;
}

int opt__event(struct options *o, const struct opt *opt, const char *arg)
{
	if (strcmp(arg, "cpu-clock") && strcmp(arg, "cycles"))
		return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": cpu-clock or cycles is expected",
				opt->name, arg);
	*(const char **)field_of(o, opt) = arg;
	return 0;
}

int opt__fault(struct options *o, const struct opt *opt, const char *arg)
{
	static const struct {
		const char *name;
		unsigned bit;
	} faults[] = {
		{ "threads", WT_FAULT_THREADS }, { "missed-switch", WT_FAULT_MISSED },
		{ "clock", WT_FAULT_CLOCK },     { "kernel-stack", WT_FAULT_KSTACK },
		{ "recall", WT_FAULT_RECALL },   { "hidden", WT_FAULT_HIDDEN },
		{ "skipped", WT_FAULT_SKIPPED }, { "environ", WT_FAULT_ENV },
		{ "units", WT_FAULT_UNITS },       { "close", WT_FAULT_CLOSE },
		{ "conn-state", WT_FAULT_CONN_STATE }, { "booked", WT_FAULT_BOOKED },
		{ "jvm-tables", WT_FAULT_JVM },	 { "late-tables", WT_FAULT_TABLES },
		{ "forget", WT_FAULT_FORGET },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!strcmp(arg, faults[i].name)) {
			*(unsigned *)field_of(o, opt) |= faults[i].bit;
			return 0;
		}
	}
	return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": threads, missed-switch, clock, kernel-stack, "
			"recall, hidden, skipped, environ, units, close, conn-state, booked, jvm-tables or late-tables is expected", opt->name, arg);
}

/* Whether it is a good one is for check() to say, with all of them. */
int opt__unit_line(struct options *o, const struct opt *opt, const char *arg)
{
	const char **lines = reallocarray(o->unit_lines, o->n_unit_lines + 1, sizeof(*lines));

	if (!lines)
		return wt_error(-ENOMEM, NAME_FMT, opt->name);
	o->unit_lines = lines;
	lines[o->n_unit_lines++] = arg;
	return 0;
}

int opt__span(struct options *o, const struct opt *opt, const char *arg)
{
	struct span_spec *v, spec;
	int err;

	if (o->n_spans == WT_MAX_SPANS)
		return wt_error(WT_EUSAGE, NAME_FMT ": at most %d spans can be named", opt->name,
				WT_MAX_SPANS);
	err = span_spec__parse(&spec, arg);
	if (err)
		return err;
	for (unsigned i = 0; i < o->n_spans && !err; i++)
		if (!strcmp(o->spans[i].name, spec.name))
			err = wt_error(WT_EUSAGE, NAME_FMT ": there are two spans %s", opt->name,
				       spec.name);
	v = err ? NULL : reallocarray(o->spans, o->n_spans + 1, sizeof(*v));
	if (!v) {
		span_spec__free(&spec);
		return err ? err : wt_error(-ENOMEM, NAME_FMT, opt->name);
	}
	o->spans = v;
	v[o->n_spans++] = spec;
	return 0;
}

/* "10.0.0.5:6379", "[::1]:6379", "10.0.0.5", ":6379", "redis" */
int opt__idle_peer(struct options *o, const struct opt *opt, const char *arg)
{
	struct wt_idle_peer p;
	const char *why = idle_peer__parse(&p, arg);

	if (why)
		return wt_error(WT_EUSAGE, NAME_FMT " \"%s\": %s", opt->name, arg, why);
	if (o->n_idle_peers == WT_MAX_IDLE_PEERS)
		return wt_error(WT_EUSAGE, NAME_FMT " can be given at most %d times", opt->name,
				WT_MAX_IDLE_PEERS);
	o->idle_peers[o->n_idle_peers++] = p;
	return 0;
}
