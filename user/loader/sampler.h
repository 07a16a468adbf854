/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sampler.h - one perf event per CPU that runs the sampling program. */
#ifndef WT_SAMPLER_H
#define WT_SAMPLER_H

struct sampler;
struct bpf_program;

/*
 * event: "cpu-clock" (a timer, period 1 s / freq) or "cycles" (a hardware
 * counter, freq samples a second aimed at).  0 or a negative errno, printed.
 */
int sampler__open(struct sampler **out, struct bpf_program *prog, const char *event,
		  unsigned freq);
void sampler__close(struct sampler *s);

#endif /* WT_SAMPLER_H */
