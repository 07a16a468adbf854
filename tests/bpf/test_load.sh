#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test_load.sh - this kernel takes every program under every setting (load.c).
# WT_BUILD names the build directory (default build).  77: cannot be tried here.
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${WT_BUILD:-$root/build}
[ "$(id -u)" = 0 ] || { echo "not root"; exit 77; }
[ -e "$build/gen/worktrace.skel.h" ] || { echo "$build/gen/worktrace.skel.h is not there: run make"; exit 1; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
${CC:-cc} -O2 -std=gnu11 -Wall -Wextra -I"$root/bpf" -I"$root/user" -I"$build/gen" -o "$tmp/load" \
	"$root/tests/bpf/load.c" "$root/user/loader/casts.c" -lbpf -lelf || exit 1
"$tmp/load"
