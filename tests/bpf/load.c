/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * load.c - loads worktrace's programs once for every setting that changes what
 * the verifier sees: the configuration is constant to it, so a branch that a
 * setting switches off is not looked at.
 *
 * With the argument `brief`: only settings that no plain recording loads.
 *
 * Prints the instruction counts of one load, and for every refusal the program's
 * name and the end of the verifier's log.  Exit status 0 when all were taken.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/types.h>
#include "worktrace.h"
#include "loader/casts.h"
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

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static int loads, refused;

static bool has_tracepoint(const char *name)
{
	static struct btf *btf;
	char type[64];

	if (!btf)
		btf = btf__load_vmlinux_btf();
	snprintf(type, sizeof(type), "btf_trace_%s", name);
	return btf && btf__find_by_name_kind(btf, type, BTF_KIND_TYPEDEF) > 0;
}

/* Programs that are only asked for by an option, with the tracepoints that this kernel has. */
static void optional(struct worktrace_bpf *skel)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, skel->obj) {
		const char *section = bpf_program__section_name(prog);

		/* libbpf has taken the '?' of their sections away */
		if (!bpf_program__autoload(prog) && !strncmp(section, "tp_btf/", 7))
			bpf_program__set_autoload(prog, has_tracepoint(section + 7));
	}
}

/* The object as worktrace loads it on this kernel: see bpf/read.bpf.h. */
static struct worktrace_bpf *open_with_casts(void)
{
	struct worktrace_bpf *skel = calloc(1, sizeof(*skel));
	static struct btf *btf;
	int function, word;
	size_t size;
	const void *bytes = worktrace_bpf__elf_bytes(&size);
	void *elf;

	if (!btf)
		btf = btf__load_vmlinux_btf();
	function = btf ? btf__find_by_name_kind(btf, "bpf_rdonly_cast", BTF_KIND_FUNC) : 0;
	word = btf ? btf__find_by_name_kind(btf, "timespec64", BTF_KIND_STRUCT) : 0;
	elf = casts__elf(bytes, size, function > 0 ? function : 0);
	if (!skel || !elf || worktrace_bpf__create_skeleton(skel)) {
		free(elf);
		free(skel);
		return NULL;
	}
	skel->skeleton->data = elf;
	if (bpf_object__open_skeleton(skel->skeleton, NULL)) {
		worktrace_bpf__destroy(skel);
		skel = NULL;
	} else {
		skel->rodata->cfg_word = function > 0 && word > 0 ? word : 0;
	}
	free(elf);
	return skel;
}

/* One setting; refusals are reported and counted. */
static void load(__u32 target, __u32 opts, __s32 subsys)
{
	struct worktrace_bpf *skel;
	double start = now_s();
	int err;

	if (refused == MAX_REFUSED)
		return;
	log_len = 0;
	skel = open_with_casts();
	if (!skel) {
		fprintf(stderr, "cannot open the programs: %s\n", strerror(errno));
		refused++;
		return;
	}
	skel->rodata->cfg_target = target;
	skel->rodata->cfg_execs = 1;
	skel->rodata->cfg_opts = opts;
	skel->rodata->cfg_cgroup_subsys = subsys;
	bpf_program__set_autoload(skel->progs.wt_span, opts & WT_OPT_NAMES);
	bpf_program__set_autoload(skel->progs.wt_told_hit, opts & WT_OPT_EPOCHS);
	skel->rodata->cfg_n_idle_peers = opts & WT_OPT_CONNS ? WT_MAX_IDLE_PEERS : 0;
	optional(skel);
	err = worktrace_bpf__load(skel);
	if (err) {
		refused++;
		fprintf(stderr, "target %u, options %u, cgroup subsystem %d: %s\n", target, opts,
			subsys, strerror(-err));
		print_log_tail();
		fputc('\n', stderr);
	} else {
		if (!loads++)
			print_programs(skel);
		printf("target %u, options %u, cgroup subsystem %d: %.2f s\n", target, opts,
		       subsys, now_s() - start);
	}
	worktrace_bpf__destroy(skel);
}

int main(int argc, char **argv)
{
	const __u32 stacks = WT_OPT_USTACK | WT_OPT_KSTACK, every = stacks | WT_OPT_NOREMEMBER;
	bool brief = argc > 1 && !strcmp(argv[1], "brief");

	libbpf_set_print(keep);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* the options among themselves, then every other kind of target */
	for (__u32 opts = 0; opts <= every; opts += brief ? every : 1)
		load(WT_TARGET_PIDS, opts, -1);
	load(WT_TARGET_ALL, stacks | WT_OPT_RIVALS | WT_OPT_EPOCHS | WT_OPT_BINARY, -1);
	load(WT_TARGET_ALL, stacks | WT_OPT_CONNS | WT_OPT_EPOCHS, -1);
	load(WT_TARGET_PIDS, stacks | WT_OPT_NAMES | WT_OPT_SPANS, -1);		/* and the probes of spans */
	if (!brief) {
		load(WT_TARGET_PIDS, stacks | WT_OPT_RIVALS | WT_OPT_JOBS, -1);
		load(WT_TARGET_PIDS, stacks | WT_OPT_EPOCHS, -1);
		load(WT_TARGET_PIDS, stacks | WT_OPT_CONNS, -1);
		load(WT_TARGET_COMM, stacks | WT_OPT_JOBS, -1);
		load(WT_TARGET_CGROUP, stacks | WT_OPT_JOBS, -1);	/* version 2 */
		load(WT_TARGET_CGROUP, stacks, 1);	/* a version 1 hierarchy */
		load(WT_TARGET_ALL, stacks | WT_OPT_JOBS, -1);
		load(WT_TARGET_JOB, stacks | WT_OPT_JOBS, -1);
	}
	printf("%d settings loaded, %d refused\n", loads, refused);
	return refused ? 1 : 0;
}
