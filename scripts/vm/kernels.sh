# SPDX-License-Identifier: GPL-2.0-or-later
# kernels.sh - Debian's cloud kernels, through apt, without touching the system's apt.
#
# Sourced by vm-test and check-vmlinux.  The mirror is the one this system's apt
# uses; indices, sources and packages live in a cache of our own.
#
#   kernel__get SERIES   prints the path of a vmlinuz, or a reason; status 0 or 1
#
# SERIES is 6.1 (bookworm), 6.12 (trixie) or 7.2 (sid; the newest there is).
# Needs: $vm_cache, a directory.

vm_cache=${XDG_CACHE_HOME:-/var/cache}/worktrace-vm
vm_series="6.1 6.12 7.2"
vm_keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# days after which a kernel in the cache is no longer taken as the newest
vm_max_age=14

kernel__suite() {
	case $1 in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	7.2) echo sid ;;
	*) return 1 ;;
	esac
}

# Lines "archive URI" and "security URI" from apt's own configuration.
kernel__mirrors() {
	local fmt='$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' dir=$vm_cache/apt/system out

	out=$(apt-get indextargets --format "$fmt" 'Created-By: Packages' 2>/dev/null | grep '^Debian|')
	if [ -z "$out" ]; then
		# the system's lists were never fetched (or thrown away): fetch them for ourselves
		mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
		set -- -o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache" \
			-o APT::Sandbox::User=root
		timeout 240 apt-get -qq "$@" update >/dev/null 2>&1
		out=$(apt-get "$@" indextargets --format "$fmt" 'Created-By: Packages' 2>/dev/null |
			grep '^Debian|')
	fi
	echo "$out" | awk -F'|' '$3 != "main" { next }
		$2 == "Debian" && !a++ { print "archive", $4 }
		$2 == "Debian-Security" && !s++ { print "security", $4 }'
}

# kernel__apt SUITE COMMAND…: apt with a state of its own for that suite.
kernel__apt() {
	local dir=$vm_cache/apt/$1 tool=$2

	shift 2
	"$tool" -o "Dir::State=$dir/state" -o "Dir::State::status=$dir/status" \
		-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache" \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# Writes the suite's sources.list.
kernel__sources() {
	local suite=$1 dir=$vm_cache/apt/$1 archive security mirrors

	mirrors=$(kernel__mirrors)
	archive=$(echo "$mirrors" | sed -n 's/^archive //p')
	security=$(echo "$mirrors" | sed -n 's/^security //p')
	if [ -z "$archive" ]; then
		echo "apt is configured with no Debian archive"
		return 1
	fi
	mkdir -p "$dir/state" "$dir/lists/partial" "$dir/cache/archives/partial"
	: > "$dir/status"
	{
		echo "deb [signed-by=$vm_keyring] $archive $suite main"
		if [ "$suite" != sid ] && [ -n "$security" ]; then
			echo "deb [signed-by=$vm_keyring] $security $suite-security main"
		fi
	} > "$dir/sources.list"
}

# The newest package with a kernel of that series, by name.
kernel__newest() {
	local series=$1 suite=$2 re

	re="$(echo "$series" | sed 's/\./\\./g')[.-]"
	# sid moves on: whatever is newest there
	[ "$suite" != sid ] || re='[0-9]'
	# From 7.2 on the image itself is in linux-binary-…; it sorts after
	# linux-image-… of the same version and is taken.
	kernel__apt "$suite" apt-cache pkgnames linux- |
		sed -nE "s/^linux-(image|binary)-($re.*cloud-amd64)\$/\2 \1/p" |
		grep -v -e -dbg -e unsigned | sed 's/ image$/ 0image/; s/ binary$/ 1binary/' |
		LC_ALL=C sort -V | tail -n 1 | sed -E 's/^(.*) [01](.*)$/linux-\2-\1/'
}

kernel__cached() {
	find "$vm_cache/kernels/$1" -name 'vmlinuz-*' 2>/dev/null | LC_ALL=C sort -V | tail -n 1
}

kernel__fetch() {
	local series=$1 suite pkg dir=$vm_cache/kernels/$1 tmp deb

	suite=$(kernel__suite "$series") || { echo "no suite is known to have Linux $series"; return 1; }
	for tool in apt-get apt-cache dpkg-deb; do
		command -v $tool >/dev/null || { echo "no $tool on this system"; return 1; }
	done
	[ -e "$vm_keyring" ] || { echo "$vm_keyring is missing (package debian-archive-keyring)"; return 1; }
	kernel__sources "$suite" || return 1
	if ! timeout 300 bash -c "$(declare -f kernel__apt); vm_cache='$vm_cache'
		kernel__apt $suite apt-get -qq update" >"$vm_cache/apt/$suite/log" 2>&1; then
		echo "apt-get update for $suite failed: $(tail -n 1 "$vm_cache/apt/$suite/log")"
		return 1
	fi
	pkg=$(kernel__newest "$series" "$suite")
	[ -n "$pkg" ] || { echo "no cloud kernel $series in $suite"; return 1; }
	mkdir -p "$dir"
	if [ "$(cat "$dir/package" 2>/dev/null)" = "$pkg" ] && [ -n "$(kernel__cached "$series")" ]; then
		touch "$dir/package"
		return 0
	fi
	tmp=$(mktemp -d "$vm_cache/fetch.XXXXXX")
	if ! (cd "$tmp" && kernel__apt "$suite" apt-get -qq download "$pkg") >"$tmp/log" 2>&1; then
		echo "apt-get download $pkg failed: $(tail -n 1 "$tmp/log")"
		rm -rf "$tmp"
		return 1
	fi
	deb=$(find "$tmp" -name '*.deb')
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$tmp" --wildcards --transform 's,.*/,,' \
		--transform "s,^vmlinuz\$,vmlinuz-${pkg#linux-*-}," '*/vmlinuz*' 2>/dev/null
	if ! ls "$tmp"/vmlinuz-* >/dev/null 2>&1; then
		echo "$pkg holds no vmlinuz"
		rm -rf "$tmp"
		return 1
	fi
	rm -f "$dir"/vmlinuz-*
	mv "$tmp"/vmlinuz-* "$dir/" && echo "$pkg" > "$dir/package"
	rm -rf "$tmp"
}

kernel__get() {
	local series=$1 have why

	mkdir -p "$vm_cache" 2>/dev/null || { echo "cannot make $vm_cache"; return 1; }
	have=$(kernel__cached "$series")
	if [ -z "$have" ] || [ -n "$(find "$vm_cache/kernels/$series/package" -mtime +$vm_max_age 2>/dev/null)" ]; then
		# an old kernel in the cache is better than none
		if ! why=$(kernel__fetch "$series") && [ -z "$have" ]; then
			echo "$why"
			return 1
		fi
		have=$(kernel__cached "$series")
	fi
	echo "$have"
}
