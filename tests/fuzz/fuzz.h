/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what the fuzz programs share.  Each is one file with libFuzzer's entry
 * point; its input is what a traced process, or a file of one, could hand us.
 */
#ifndef WT_FUZZ_H
#define WT_FUZZ_H

#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Stops with a message when cond does not hold: a finding like any crash. */
#define REQUIRE(cond)                                                                            \
	do {                                                                                     \
		if (!(cond))                                                                     \
			fuzz__fail(__FILE__, __LINE__, #cond);                                   \
	} while (0)
__attribute__((noreturn)) void fuzz__fail(const char *file, int line, const char *what);

/* What is left of an input; what lies beyond its end is zero. */
struct input {
	const uint8_t *p;
	size_t n;
};
__u64 input__number(struct input *in, unsigned bytes);
/* Copies size bytes; returns how many of them the input had. */
size_t input__copy(struct input *in, void *to, size_t size);

/* The file that has those bytes from now on: always the same one, in memory.  Borrowed. */
int fuzz__file(const void *data, size_t size);
/* Its path. */
const char *fuzz__file_path(void);

/*
 * An ELF file with a code segment at WRAP_CODE, and in it one section of that name
 * with those contents: to be freed.  *len: its size.
 */
#define WRAP_CODE 0x10000
#define WRAP_CODE_SIZE 0x4000
#define WRAP_SECTION 0x20000
void *fuzz__wrap(const char *name, const void *data, size_t size, size_t *len);

#endif /* WT_FUZZ_H */
