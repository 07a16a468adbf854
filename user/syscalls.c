// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * syscalls.c - names and classes of the system calls, by number.
 *
 * Numbers differ between architectures, names do not: classes are given to
 * names, and the build's kernel headers say which number has which name.
 */
#include <stddef.h>
#include <string.h>
#include "options.h"

struct entry {
	unsigned nr;
	const char *name;
};

static const struct entry native_tab[] = {
#define WT_SYSCALLS_NATIVE
#include "syscalls.inc"
#undef WT_SYSCALLS_NATIVE
	{ WT_NR_SYSCALLS, NULL },
};

static const struct entry compat_tab[] = {
#define WT_SYSCALLS_COMPAT
#include "syscalls.inc"
#undef WT_SYSCALLS_COMPAT
	{ WT_NR_SYSCALLS, NULL },
};

/*
 * Calls that are newer than the headers of the distributions we build on.  From
 * 424 on every architecture has the same numbers, 32-bit ones too.
 */
static const struct entry newer[] = {
	{ 449, "futex_waitv" },
	{ 450, "set_mempolicy_home_node" },
	{ 451, "cachestat" },
	{ 452, "fchmodat2" },
	{ 453, "map_shadow_stack" },
	{ 454, "futex_wake" },
	{ 455, "futex_wait" },
	{ 456, "futex_requeue" },
	{ 457, "statmount" },
	{ 458, "listmount" },
	{ 459, "lsm_get_self_attr" },
	{ 460, "lsm_set_self_attr" },
	{ 461, "lsm_list_modules" },
	{ 462, "mseal" },
	{ 463, "setxattrat" },
	{ 464, "getxattrat" },
	{ 465, "listxattrat" },
	{ 466, "removexattrat" },
	{ 467, "open_tree_attr" },
	{ 468, "file_getattr" },
	{ 469, "file_setattr" },
	{ 470, "listns" },
};

#ifdef __x86_64__
/* Numbers in the old range that x86-64 gave out late. */
static const struct entry newer_x86_64[] = {
	{ 335, "uretprobe" },
	{ 336, "uprobe" },
};
#endif

/* For each class its calls, of every architecture. */
static const struct {
	enum wt_class class;
	const char *names;
} classes[] = {
	/* tee reads the pipe in argument 0 */
	{ WT_C_READ, "read readv pread64 preadv preadv2 recv recvfrom recvmsg recvmmsg "
		"recvmmsg_time64 tee" },
	/* vmsplice fills the pipe in argument 0 */
	{ WT_C_WRITE, "write writev pwrite64 pwritev pwritev2 send sendto sendmsg sendmmsg "
		"vmsplice" },
	{ WT_C_SYNC, "fsync fdatasync sync_file_range sync_file_range2 arm_sync_file_range" },
	{ WT_C_PATH, "open openat openat2 creat close close_range execve execveat uselib "
		"stat lstat fstat newfstatat stat64 lstat64 fstat64 fstatat64 statx oldstat "
		"oldlstat oldfstat statfs fstatfs statfs64 fstatfs64 ustat statmount listmount "
		"access faccessat faccessat2 readlink readlinkat getdents getdents64 readdir "
		"lseek _llseek getcwd chdir fchdir chroot mkdir mkdirat rmdir mknod mknodat "
		"unlink unlinkat rename renameat renameat2 link linkat symlink symlinkat "
		"chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat chown32 fchown32 "
		"lchown32 utime utimes utimensat utimensat_time64 futimesat "
		"truncate ftruncate truncate64 ftruncate64 fallocate fadvise64 fadvise64_64 "
		"arm_fadvise64_64 readahead cachestat sync syncfs "
		"setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr "
		"flistxattr removexattr lremovexattr fremovexattr setxattrat getxattrat "
		"listxattrat removexattrat file_getattr file_setattr name_to_handle_at "
		"open_by_handle_at inotify_add_watch fanotify_mark mount umount umount2 "
		"oldumount pivot_root move_mount open_tree open_tree_attr mount_setattr fsopen "
		"fsconfig fsmount fspick quotactl quotactl_fd swapon swapoff acct" },
	{ WT_C_ACCEPT, "accept accept4" },
	{ WT_C_CONNECT, "connect" },
	{ WT_C_POLL, "poll ppoll ppoll_time64" },
	{ WT_C_SELECT, "select _newselect pselect6 pselect6_time64" },
	{ WT_C_EPOLL, "epoll_wait epoll_wait_old epoll_pwait epoll_pwait2" },
	{ WT_C_FUTEX, "futex futex_time64 futex_wait futex_waitv futex_wake futex_requeue" },
	{ WT_C_SLEEP, "nanosleep clock_nanosleep clock_nanosleep_time64" },
	{ WT_C_WAIT4, "wait4 waitpid" },
	{ WT_C_WAITID, "waitid" },
	{ WT_C_FORK, "fork vfork clone clone3" },
	{ WT_C_SIGNAL, "pause sigsuspend rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64" },
	{ WT_C_SEM, "semop semtimedop semtimedop_time64" },
	{ WT_C_MSG, "msgsnd msgrcv" },
	{ WT_C_MQ, "mq_timedsend mq_timedreceive mq_timedsend_time64 mq_timedreceive_time64" },
	{ WT_C_FLOCK, "flock" },
	{ WT_C_FCNTL, "fcntl fcntl64" },
	{ WT_C_MSYNC, "msync" },
	{ WT_C_RANGE, "madvise mlock mlock2 munlock mincore mbind" },
	{ WT_C_MM, "mmap mmap2 munmap mremap mprotect pkey_mprotect brk process_madvise process_mrelease mlockall munlockall "
		"remap_file_pages migrate_pages move_pages set_mempolicy "
		"set_mempolicy_home_node shmat shmdt mseal map_shadow_stack" },
	{ WT_C_URING, "io_uring_enter" },
	{ WT_C_AIO, "io_getevents io_pgetevents io_pgetevents_time64 io_submit io_cancel "
		"io_destroy" },
	{ WT_C_IOCTL, "ioctl" },
	{ WT_C_SENDFILE, "sendfile sendfile64" },
	{ WT_C_SPLICE, "splice copy_file_range" },
	{ WT_C_EXIT, "exit exit_group" },
	{ WT_C_RESTART, "restart_syscall" },
	{ WT_C_SOCKETCALL, "socketcall" },
	{ WT_C_IPCCALL, "ipc" },
};

static const char *find(const struct entry *tab, size_t n, unsigned nr)
{
	for (size_t i = 0; i < n; i++)
		if (tab[i].nr == nr)
			return tab[i].name;
	return NULL;
}

#define FIND(tab, nr) find(tab, sizeof(tab) / sizeof(tab[0]), nr)

const char *syscall_name(unsigned nr, bool compat)
{
	const char *name;

	if (nr >= WT_NR_SYSCALLS)
		return NULL;
	name = compat ? FIND(compat_tab, nr) : FIND(native_tab, nr);
	if (!name)
		name = FIND(newer, nr);
#ifdef __x86_64__
	if (!name && !compat)
		name = FIND(newer_x86_64, nr);
#endif
	return name;
}

static bool in_words(const char *words, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = words; (p = strstr(p, name)); p += len)
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

static enum wt_class class_of(const char *name)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (in_words(classes[i].names, name))
			return classes[i].class;
	return WT_C_OTHER;
}

void syscall_classes(__u8 *out, bool compat)
{
	for (unsigned nr = 0; nr < WT_NR_SYSCALLS; nr++) {
		const char *name = syscall_name(nr, compat);

		out[nr] = name ? class_of(name) : WT_C_OTHER;
	}
}

/*
 * Of the calls of WT_C_PATH: where the path is.  Not of close(2): its descriptor is free by the time
 * that it waits, and may be another file's.
 */
static const struct {
	enum wt_path_arg where;
	const char *names;
} path_args[] = {
	{ WT_PATH_ARG0, "open creat execve uselib stat lstat stat64 lstat64 oldstat oldlstat statfs "
		"statfs64 access readlink chdir chroot mkdir rmdir mknod unlink rename link symlink "
		"chmod chown lchown chown32 lchown32 utime utimes truncate truncate64 setxattr "
		"lsetxattr getxattr lgetxattr listxattr llistxattr removexattr lremovexattr "
		"swapon swapoff" },
	{ WT_PATH_ARG1, "openat openat2 execveat newfstatat fstatat64 statx faccessat faccessat2 "
		"readlinkat mkdirat mknodat unlinkat renameat renameat2 linkat fchmodat fchmodat2 "
		"fchownat utimensat futimesat name_to_handle_at inotify_add_watch" },
	{ WT_PATH_FD0, "fstat fstat64 fstatfs getdents getdents64 readdir lseek fchdir fchmod fchown "
		"ftruncate ftruncate64 fallocate fadvise64 readahead syncfs fsetxattr fgetxattr "
		"flistxattr fremovexattr cachestat" },
	{ WT_PATH_SENDTO, "sendto" },
	{ WT_PATH_SENDMSG, "sendmsg sendmmsg" },
};

void syscall_path_args(__u8 *out)
{
	for (unsigned nr = 0; nr < WT_NR_SYSCALLS; nr++) {
		const char *name = syscall_name(nr, false);

		out[nr] = WT_PATH_NONE;
		for (size_t i = 0; name && i < sizeof(path_args) / sizeof(path_args[0]); i++)
			if (in_words(path_args[i].names, name))
				out[nr] = path_args[i].where;
	}
}
