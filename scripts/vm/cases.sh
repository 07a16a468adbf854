# SPDX-License-Identifier: GPL-2.0-or-later
# cases.sh BUILD OUT - runs worktrace in every way that changes what the kernel
# is asked to do; check.py reads what it left and gives the verdicts.
#
# For a POSIX shell with busybox's tools: it runs in the guests, and on the host.
# Each case leaves in OUT: NAME.want (what to expect), NAME.rc, NAME.out,
# NAME.err and, for recordings, NAME.rec/.  OUT/order lists the cases; OUT/done
# is there when all have run.
build=$1
out=$2
load=${LOAD:-${build%/}/load}
wt=${WORKTRACE:-${build%/}/worktrace}
limit=240

# the tracer's targets go by a name that nothing else on the machine has
known=$out/bin/known$$
mkdir -p "$out/bin"
cp "${KNOWN:-${build%/}/known}" "$known"
cd "$out" || exit 1

# only these, if there are any
only=${ONLY:-$(cat /vm/only 2> /dev/null)}

wanted() {
	[ -z "$only" ] && return 0
	case " $only " in
	*" $1 "*) return 0 ;;
	esac
	return 1
}

# run NAME WANT COMMAND…
run() {
	name=$1
	wanted "$name" || return 0
	echo "$name" >> order
	echo "$2" > "$name.want"
	shift 2
	start=$(cut -d' ' -f1 /proc/uptime)
	timeout -k 10 "$limit" "$@" > "$name.out" 2> "$name.err" < /dev/null
	echo $? > "$name.rc"
	echo "$start $(cut -d' ' -f1 /proc/uptime)" > "$name.time"
	echo "ran $name: $(cat "$name.rc")"
}

# rec NAME WANT RECORD-ARGUMENTS…
rec() {
	rname=$1
	rwant=$2
	shift 2
	run "$rname" "recording $rwant" "$wt" record -o "$out/$rname.rec" "$@"
}

skip() {
	wanted "$1" || return 0
	echo "$1" >> order
	echo "skip $2" > "$1.want"
	echo "ran $1: skipped"
}

# a target that is there before and after the recording
target_start() {
	"$known" loop > /dev/null &
	target=$!
	sleep 0.1
}

target_stop() {
	kill -9 "$target"
	wait "$target" 2> /dev/null
}

# path of a mount of cgroup version 2, or of version 1's cpu controller, or of its freezer
cgroup_mount() {
	case $1 in
	2) awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts ;;
	1) awk '$3 == "cgroup" && $4 ~ /(^|,)cpu(,|$)/ { print $2; exit }' /proc/mounts ;;
	freezer) awk '$3 == "cgroup" && $4 ~ /(^|,)freezer(,|$)/ { print $2; exit }' /proc/mounts ;;
	esac
}

all_off="-F 0 --no-user-stacks --no-kernel-stacks --no-remember"
short="cpu=60 sleep=100 ipc=50"

# Proving the programs takes most of a guest's time.  The oldest verifier, the strictest,
# sees every option by itself; the others see all on, all off and what no case below loads.
each= brief=brief
case $(uname -r) in
6.1.*) each=1 brief= ;;
esac

run load "load" "$load" $brief
run doctor "doctor" "$wt" doctor
run doctor-json "json" "$wt" doctor --json

# a command, with every option on and off by itself, then all of them
# (words of options and phases are split on purpose)
rec command "active kstacks ustacks" -- "$known" $short
if [ -n "$each" ]; then
rec command-no-user-stacks "active kstacks noustacks" --no-user-stacks -- "$known" $short
rec command-no-kernel-stacks "active nokstacks ustacks" --no-kernel-stacks -- "$known" $short
rec command-no-stacks "active nokstacks noustacks" \
	--no-user-stacks --no-kernel-stacks -- "$known" $short
rec command-no-remember "active kstacks ustacks" --no-remember -- "$known" $short
rec command-no-sampling "active nosamples" -F 0 -- "$known" $short
fi
rec command-all-off "active nosamples nokstacks noustacks" $all_off -- "$known" $short
# maps made tiny lose detail, never time
rec command-tiny-maps "active lost" --detail-entries 2 --seen-entries 16 -- "$known" $short

# every other kind of target, with all on and all off
target_start
rec pid "active" -d 0.6 -p "$target"
rec pid-all-off "active nosamples" -d 0.6 $all_off -p "$target"
rec pids "active" -d 0.6 -p "$target,$$"
rec comm "active" -d 0.6 -n "$(basename "$known")"
[ -z "$each" ] || rec comm-all-off "active nosamples" -d 0.6 $all_off -n "$(basename "$known")"
rec all "active" -d 0.6 -a
[ -z "$each" ] || rec all-all-off "active nosamples" -d 0.6 $all_off -a
for v in 2 1; do
	mnt=$(cgroup_mount $v)
	group=$mnt/worktrace-vm-$$
	if [ -z "$mnt" ] || ! mkdir "$group" 2> /dev/null; then
		skip cgroup-v$v "no cgroup version $v with this kernel or without the right to make one"
		continue
	fi
	echo "$target" > "$group/cgroup.procs"
	rec cgroup-v$v "active" -d 0.6 -g "$group"
	[ $v = 1 ] || [ -z "$each" ] || rec cgroup-v$v-all-off "active nosamples" -d 0.6 $all_off -g "$group"
	# the parent of a version 2 group may hold processes only if it is the root
	echo "$target" > "$mnt/cgroup.procs"
	sleep 0.1
	for child in $(cat "$group/cgroup.procs"); do
		echo "$child" > "$mnt/cgroup.procs" 2> /dev/null
	done
	rmdir "$group"
done
target_stop

# a build: what runs of it, without an environment too, and what is started later; beside another one
cp "$known" "$out/bin/job-kid5"
cp "$known" "$out/bin/job-kid6"
JOB_NAME=vm-job BUILD_NUMBER=5 sh -c 'env -i sleep 1000 & echo $! > sleeper; wait' &
early=$!
(while :; do
	JOB_NAME=vm-job BUILD_NUMBER=5 sh -c "env -i $out/bin/job-kid5 sleep=1; :" > /dev/null
	JOB_NAME=vm-job BUILD_NUMBER=6 sh -c "env -i $out/bin/job-kid6 sleep=1; :" > /dev/null
	sleep 0.1
done) &
later=$!
sleep 0.3
rec job "job" -d 2 -J vm-job#5
mnt=$(cgroup_mount 2)
group=$mnt/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope
if [ -n "$mnt" ] && mkdir "$group" 2> /dev/null; then
	sh -c "echo \$\$ > $group/cgroup.procs; exec sleep 1000" &
	member=$!
	sleep 0.2
	rec jobs "jobs" -d 2 -a
	kill -9 $member
	wait $member 2> /dev/null
	sleep 0.2
	rmdir "$group"
else
	skip jobs "no cgroup version 2"
fi
kill -9 "$(cat sleeper)" $early $later
wait $early $later 2> /dev/null

# known truth
rec truth "truth active kstacks ustacks" -- \
	"$known" cpu=300 sleep=300 ipc=200 lock=200 child=200 net=200 idle=200 disk=200

# spans of its functions
rec spans "spans active" --span "sleep=$known:spend_sleep" --span "lap=$known:spend,spend" \
	--unit-thread-name -- "$known" $short

# TCP connections: a whole one, one refused, and one that is open already
rec net "net" -- sh -c "busybox nc -w 1 127.0.0.1 9 < /dev/null; exec $known net=200"
if busybox --list 2> /dev/null | grep -q '^nc$'; then
	busybox nc -l -p 9555 > /dev/null < /dev/zero &
	server=$!
	sleep 0.5
	mkfifo hold
	busybox nc 127.0.0.1 9555 < hold > /dev/null &
	client=$!
	exec 9> hold
	sleep 0.5
	rec net-open "net-open" -d 1 -p "$client"
	exec 9>&-
	kill -9 $server $client
	wait $server $client 2> /dev/null
else
	skip net-open "busybox has no nc"
fi

# a CPU quota
mnt=$(cgroup_mount 1)
group=$mnt/worktrace-vm-quota-$$
if [ -n "$mnt" ] && mkdir "$group" 2> /dev/null &&
   echo 25000 > "$group/cpu.cfs_quota_us" 2> /dev/null; then
	rec throttled "throttled active" -- \
		sh -c "echo \$\$ > $group/cgroup.procs; exec $known cpu=250"
	cp "$group/cpu.stat" throttled.stat
	for i in 1 2 3 4 5; do
		rmdir "$group" 2> /dev/null && break
		sleep 0.2
	done
else
	skip throttled "no cgroup version 1 cpu controller with a quota"
fi

# a sleeper that a freezer of version 1 stops where it is, twice
mnt=$(cgroup_mount freezer)
group=$mnt/worktrace-vm-freezer-$$
if [ -n "$mnt" ] && mkdir "$group" 2> /dev/null; then
	rec frozen "frozen" -- sh -c "sleep 1000 & s=\$!
		echo \$s > $group/cgroup.procs
		for n in 1 2; do
			sleep 0.5
			read a x < /proc/uptime
			echo FROZEN > $group/freezer.state
			sleep 1
			echo THAWED > $group/freezer.state
			read b x < /proc/uptime
			echo frozen \$a \$b
		done
		sleep 0.5
		kill \$s"
	sleep 0.2
	rmdir "$group"
else
	skip frozen "no cgroup version 1 freezer"
fi

# Nothing of ours stays in the kernel.  Only in a guest: there nobody else has
# programs.
if [ "$build" = / ] && command -v bpftool > /dev/null; then
	run nothing-left "empty" bpftool -j prog list
fi
: > done
