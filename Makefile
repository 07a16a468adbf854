# SPDX-License-Identifier: GPL-2.0-or-later
# worktrace: `make` builds build/worktrace; `make V=1` shows the commands.

prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man

CC ?= cc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
B ?= build

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-8s %s\n' $(1) $(2)
endif

ARCH := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1)

PKGS := libbpf libelf libdw liblzma zlib jansson libpcre2-8
WARN := -Wall -Wextra -Wshadow=local -Wno-missing-field-initializers
ifneq ($(CI)$(WERROR),)
WARN += -Werror
endif
CFLAGS ?= -O2 -g
CPPFLAGS_ALL := -D_GNU_SOURCE -Iuser -Ibpf -Ivmlinux -I$(B)/gen $(shell $(PKG_CONFIG) --cflags $(PKGS))
CFLAGS_ALL := -std=gnu11 $(WARN) $(CFLAGS) $(EXTRA_CFLAGS)
LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS)) -liberty -lm -lpthread
LDFLAGS_ALL := $(LDFLAGS)
ifneq ($(SAN),)
CFLAGS_ALL += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
LDFLAGS_ALL += -fsanitize=$(SAN)
endif
BPF_CFLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Ivmlinux -Ibpf \
	-Wall -Wextra -Werror -Wno-unused-parameter -Wno-missing-declarations

USER_SRC := $(wildcard user/*.c user/*/*.c)
USER_OBJ := $(USER_SRC:%.c=$(B)/%.o)
LIB_OBJ := $(filter-out $(B)/user/main.o,$(USER_OBJ))
# core first: the linker of bpftool 7.1 wants the maps defined before they are used
BPF_SRC := bpf/core.bpf.c $(filter-out bpf/core.bpf.c,$(wildcard bpf/*.bpf.c))
BPF_OBJ := $(BPF_SRC:%.c=$(B)/%.o)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/tests/unit/%)
BENCH_SRC := $(wildcard tests/bench/*.c)
BENCH_BIN := $(BENCH_SRC:tests/bench/%.c=$(B)/tests/bench/%)
WORK_SRC := $(wildcard tests/workloads/*.c)
WORK_BIN := $(WORK_SRC:tests/workloads/%.c=$(B)/tests/workloads/%)
# what reads foreign data, for libFuzzer (clang's); linked as an archive: each program takes what it needs
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
FUZZ_SRC := $(wildcard user/drain/*.c user/jobs/*.c user/ledger/*.c user/runtime/*.c user/symbols/*.c user/units/*.c user/unwind/*.c user/util/*.c user/syscalls.c)
FUZZ_SRC += $(addprefix user/spans/,exits.c resolve.c spec.c symbol.c usdt.c x86.c)
FUZZ_OBJ := $(FUZZ_SRC:%.c=$(B)/fuzz/%.o)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
SKEL := $(B)/gen/worktrace.skel.h
GEN := $(SKEL) $(B)/gen/version.h $(B)/gen/syscalls.inc

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check bench install clean FORCE workloads unit fuzz

all: $(B)/worktrace

$(B)/worktrace: $(USER_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(B)/user/%.o: user/%.c | $(GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/bpf/%.o: bpf/%.c
	$(call say,BPF,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

# one object for the kernel, linked from files with one job each
$(B)/worktrace.bpf.o: $(BPF_OBJ) Makefile
	$(call say,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $(BPF_OBJ)

$(SKEL): $(B)/worktrace.bpf.o
	$(call say,SKEL,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name worktrace_bpf > $@

$(B)/gen/version.h: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)echo '#define WT_VERSION "$(VERSION)"' > $@.new
	$(Q)if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(B)/gen/syscalls.inc: scripts/gen-syscalls
	$(call say,GEN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)scripts/gen-syscalls > $@

$(B)/tests/unit/%: tests/unit/%.c $(LIB_OBJ)
	$(call say,TEST,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -Itests/unit -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(LIB_OBJ) -lcmocka $(LIBS)

# tests that let our allocations fail
WRAPPED := malloc calloc realloc reallocarray strdup strndup
$(filter $(B)/tests/unit/test_no_memory%,$(UNIT_BIN)): LDFLAGS_ALL += $(WRAPPED:%=-Wl,--wrap=%)

# as programs are shipped; for the others --frame-pointers is to say something, too
$(B)/tests/workloads/wl_chain: WORK_FP := -fomit-frame-pointer
WORK_FP := -fno-omit-frame-pointer
$(B)/tests/workloads/%: tests/workloads/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -std=gnu11 -Wall -Wextra $(WORK_FP) -fno-optimize-sibling-calls -pthread -o $@ $< -lm

$(B)/fuzz/%.o: %.c | $(GEN)
	$(call say,FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS_ALL) -std=gnu11 -O1 -g $(FUZZ_SAN) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(B)/fuzz/user.a: $(FUZZ_OBJ)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(B)/tests/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(B)/fuzz/tests/fuzz/common.o $(B)/fuzz/user.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(LIBS)

$(B)/tests/bench/%: tests/bench/%.c $(LIB_OBJ)
	$(call say,BENCH,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(LIB_OBJ) $(LIBS)

workloads: $(WORK_BIN) $(BENCH_BIN)
unit: $(UNIT_BIN)
fuzz: $(FUZZ_BIN)

# needs no root
check: $(UNIT_BIN) $(B)/worktrace
	scripts/run-tests --build $(B) unit golden

bench: $(B)/worktrace workloads
	scripts/bench --build $(B)

install: $(B)/worktrace
	install -D -m 0755 $(B)/worktrace $(DESTDIR)$(sbindir)/worktrace

clean:
	rm -rf $(B)

-include $(USER_OBJ:.o=.d) $(BPF_OBJ:.o=.d) $(UNIT_BIN:=.d) $(FUZZ_OBJ:.o=.d)
-include $(wildcard $(B)/fuzz/tests/fuzz/*.d)
