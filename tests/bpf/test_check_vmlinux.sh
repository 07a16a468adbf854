#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test_check_vmlinux.sh - does scripts/check-vmlinux notice what it is there for?
# Breaks the header in one way at a time; prints ok / not ok / skip lines.
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
btf=/sys/kernel/btf/vmlinux
[ -e $btf ] || { echo "skip check-vmlinux: no $btf"; exit 0; }
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# bites NAME SED-SCRIPT EXPECTED-TEXT
bites() {
	sed "$2" "$root/vmlinux/vmlinux.h" > "$tmp/h.h"
	"$root/scripts/check-vmlinux" --header "$tmp/h.h" $btf > "$tmp/out" 2>&1
	if [ $? = 1 ] && grep -qE "$3" "$tmp/out"; then
		echo "ok check-vmlinux $1"
	else
		echo "not ok check-vmlinux $1"
		sed 's/^/    /' "$tmp/out"
		failed=1
	fi
}

bites missing-field 's/unsigned int i_rdev;/unsigned int i_rdevil;/' 'inode\.i_rdevil: not in'
bites missing-struct 's/^struct fdtable {/struct fdtabled { int x; }; struct fdtable {/; s/^struct qstr {/struct qstrung {\n\tint x;\n};\nstruct qstr {/' 'struct qstrung: not in'
bites wrong-size 's/unsigned long s_magic;/unsigned int s_magic;/' 'super_block\.s_magic: is unsigned integer of 8'
bites wrong-sign 's/pid_t tgid;/unsigned int tgid;/' 'task_struct\.tgid: is signed'
bites pointer-for-value 's/struct qstr d_name;/struct qstr *d_name;/' 'dentry\.d_name: is struct qstr'
bites wrong-pointee 's/struct task_struct \*group_leader;/struct inode *group_leader;/' 'task_struct\.group_leader: is struct task_struct \*'
bites bit-field 's/unsigned int in_iowait: *1;/unsigned int in_iowait;/' 'task_struct\.in_iowait: is a bit-field'
bites long-array 's/char comm\[16\];/char comm[32];/' 'task_struct\.comm: is .*\[16\]'
bites enum-value 's/BPF_F_USER_STACK = 256/BPF_F_USER_STACK = 512/' 'BPF_F_USER_STACK: is 256'
bites enum-name 's/BPF_RB_NO_WAKEUP = 1/BPF_RB_NOT_WAKEUP = 1/' 'BPF_RB_NOT_WAKEUP: not in'
# an exception that was granted is one
sed 's,unsigned int i_rdev;,unsigned int i_rdev; unsigned int i_rdevil; /* absent: for this test */,' \
	"$root/vmlinux/vmlinux.h" > "$tmp/h.h"
if "$root/scripts/check-vmlinux" --header "$tmp/h.h" $btf 2>&1 | grep -q i_rdevil; then
	echo "not ok check-vmlinux absent-is-allowed"
	failed=1
else
	echo "ok check-vmlinux absent-is-allowed"
fi
exit $failed
