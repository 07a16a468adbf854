/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.c - loads worktrace's programs once for every setting that changes what
 * the verifier sees: the configuration is constant to it, so a branch that a
 * setting switches off is not looked at.
 *
 * Prints the instruction counts of one load, and for every refusal the program's
 * name and the end of the verifier's log.  Exit status 0 when all were taken.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/types.h>
#include "worktrace.h"
#include "worktrace.skel.h"

#define LOG_LINES 30
#define LOG_BYTES (1 << 16)
/* a refusal can take the verifier half a minute */
#define MAX_REFUSED 2

static char log_text[LOG_BYTES];
static size_t log_len;

/* Keeps the last LOG_BYTES of what libbpf says, the verifier's log among it. */
static int keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *text = NULL;
	size_t len;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vasprintf(&text, fmt, args);
	if (n < 0)
		return 0;
	len = (size_t)n < sizeof(log_text) / 2 ? (size_t)n : sizeof(log_text) / 2;
	if (log_len + len >= sizeof(log_text)) {
		log_len -= sizeof(log_text) / 2;
		memmove(log_text, log_text + sizeof(log_text) / 2, log_len);
	}
	memcpy(log_text + log_len, text + n - len, len);
	log_len += len;
	free(text);
	return n;
}

static void print_log_tail(void)
{
	size_t at = log_len;

	for (int lines = 0; at > 0 && lines <= LOG_LINES; at--)
		lines += log_text[at - 1] == '\n';
	fwrite(log_text + at, 1, log_len - at, stderr);
}

static void print_programs(struct worktrace_bpf *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(prog);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			printf("%s: %u instructions verified, %u bytes\n", bpf_program__name(prog),
			       info.verified_insns, info.jited_prog_len);
	}
}

/* One setting; 0 or a negative errno. */
static int load(__u32 target, __u32 opts, __s32 subsys, int show)
{
	struct worktrace_bpf *skel = worktrace_bpf__open();
	int err;

	if (!skel)
		return -errno;
	log_len = 0;
	skel->rodata->cfg_target = target;
	skel->rodata->cfg_opts = opts;
	skel->rodata->cfg_cgroup_subsys = subsys;
	err = worktrace_bpf__load(skel);
	if (err) {
		fprintf(stderr, "target %u, options %u, cgroup subsystem %d: %s\n", target, opts,
			subsys, strerror(-err));
		print_log_tail();
		fputc('\n', stderr);
	} else if (show) {
		print_programs(skel);
	}
	worktrace_bpf__destroy(skel);
	return err;
}

int main(void)
{
	const __u32 all_opts = WT_OPT_USTACK | WT_OPT_KSTACK | WT_OPT_NOREMEMBER;
	int loads = 0, refused = 0;

	libbpf_set_print(keep);
	for (__u32 target = WT_TARGET_PIDS; target <= WT_TARGET_ALL; target++) {
		for (__u32 opts = 0; opts <= all_opts; opts++) {
			int n = target == WT_TARGET_CGROUP ? 2 : 1;

			/* version 2, then a version 1 hierarchy */
			for (int v = 0; v < n && refused < MAX_REFUSED; v++) {
				refused += load(target, opts, v ? 1 : -1, !loads) != 0;
				loads++;
			}
		}
	}
	printf("%d settings loaded, %d refused\n", loads - refused, refused);
	return refused ? 1 : 0;
}
