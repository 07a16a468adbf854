/* SPDX-License-Identifier: GPL-2.0-or-later */
/* names.h - symbols as people read them, and as a folded stack can hold them. */
#ifndef WT_NAMES_H
#define WT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The longest name of a frame, terminator included; what is longer is cut and ends in "...". */
#define NAME_MAX_SZ 1024
/* The longest symbol that is read from a file; longer ones are cut. */
#define SYMBOL_MAX_SZ 4096

/*
 * Demangles C++ (without parameters: overloads are one frame) and Rust, legacy
 * and v0 (without the hash); anything else, and what does not demangle, is
 * copied.  A symbol version ("@@GLIBC_2.34") is cut off, "@plt" is kept.
 */
void names__demangle(const char *symbol, char *buf, size_t sz);
/* The same with parameters, as c++filt prints it. */
void names__demangle_whole(const char *symbol, char *buf, size_t sz);
/*
 * Makes buf fit for a folded stack: ';' to ':', control characters to ' ',
 * blanks at the ends removed.  May leave it empty.
 */
void names__sanitise(char *buf);

/*
 * Functions at which a whole stack ends, by their symbols as the file has them.
 * User: the start of a program (_start, _start_c, _dl_start_user), of a thread
 * (start_thread, thread_start, clone, clone3 and their underscored forms), what
 * glibc calls main from (__libc_start_main*, __libc_start_call_main), and Go's
 * (runtime.goexit, runtime.rt0_go, runtime.mstart*, _rt0_*).
 * Kernel: the start of a task (ret_from_fork*), of a CPU (secondary_startup_64*,
 * common_startup_64, start_secondary, start_kernel, x86_64_start_*,
 * __secondary_switched, __primary_switched), and the ways in from user space and
 * from interrupts (entry_*, asm_*, el0*, el1*, vectors).
 */
bool names__is_user_root(const char *symbol);
bool names__is_kernel_root(const char *symbol);

#endif /* WT_NAMES_H */
