#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# pythons.sh SUITE VERSION: prints a directory that holds Debian's Python of that
# suite with its C library, to be entered with chroot, or a reason; status 0 or 1.
# Packages come through apt, without touching the system's apt (vm/kernels.sh), and are
# kept under ${XDG_CACHE_HOME:-/var/cache}/worktrace-python.
set -u
export LC_ALL=C
suite=$1 version=$2
. "$(dirname "$0")/../../scripts/vm/kernels.sh"
vm_cache=${XDG_CACHE_HOME:-/var/cache}/worktrace-python
root=$vm_cache/$suite-$version

if [ -e "$root/complete" ]; then
	echo "$root"
	exit 0
fi
[ -e "$vm_keyring" ] || { echo "$vm_keyring is missing (package debian-archive-keyring)"; exit 1; }
command -v dpkg-deb >/dev/null || { echo "no dpkg-deb on this system"; exit 1; }
mkdir -p "$vm_cache" || { echo "cannot make $vm_cache"; exit 1; }
exec 9>"$vm_cache/lock"
flock -w 300 9 || { echo "another fetch does not end"; exit 1; }
kernel__sources "$suite" || exit 1
if ! kernel__apt "$suite" apt-get -qq update >"$vm_cache/apt/$suite/log" 2>&1; then
	echo "apt-get update for $suite failed: $(tail -n 1 "$vm_cache/apt/$suite/log")"
	exit 1
fi
tmp=$(mktemp -d "$vm_cache/fetch.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/deb" "$tmp/root"
packages="python$version-minimal libpython$version-minimal libpython$version-stdlib libc6 libexpat1
	zlib1g libffi8 libgcc-s1"
[ "$suite" != bullseye ] || packages=${packages/libffi8/libffi7}
if ! (cd "$tmp/deb" && kernel__apt "$suite" apt-get -qq download $packages) >"$tmp/log" 2>&1; then
	echo "apt-get download for $suite failed: $(tail -n 1 "$tmp/log")"
	exit 1
fi
# since the merge of /usr the packages rely on links that base-files makes
mkdir -p "$tmp/root/tmp" "$tmp/root/proc" "$tmp/root/usr/lib" "$tmp/root/usr/lib64"
if [ "$suite" != bullseye ]; then
	ln -s usr/lib "$tmp/root/lib"
	ln -s usr/lib64 "$tmp/root/lib64"
fi
for deb in "$tmp"/deb/*.deb; do
	# through tar: it follows the links that are there
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tmp/root" --keep-directory-symlink || {
		echo "$deb cannot be unpacked"; exit 1; }
done
if ! chroot "$tmp/root" "/usr/bin/python$version" -c 'import asyncio, ctypes, json' 2>"$tmp/log"; then
	echo "$suite's python$version does not run: $(tail -n 1 "$tmp/log")"
	exit 1
fi
rm -rf "$root"
mv "$tmp/root" "$root" && touch "$root/complete" && echo "$root"
