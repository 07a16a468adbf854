// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_states - spends known time in every state, and prints its own ledger.
 *
 *     wl_states [--dir DIR] [--ready SECONDS] PHASE=MS …      (--list: the phases)
 *
 * The main thread runs the phases one after the other; whatever has to wake it is
 * done by helper processes named wl-helper (or as a phase says).  For each phase
 * the JSON has wall, cpu, runq (from schedstat) and wait = wall − cpu − runq, the
 * state and the object that a tracer should name, and how many waits there were.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "wl.h"

static const char *dir = ".";
static char object[160];		/* what the phase waited for, as far as it knows */
static int64_t other_ns;		/* a second wait inside the phase, measured by a helper */
static long waits;

/* Memory that helpers write to. */
static struct shared {
	atomic_int word;
	atomic_llong from_ns, to_ns;
} *shared;

/* ---- helpers -------------------------------------------------------------- */

static pid_t helper_pid;

/* Runs the block after it in a helper process, after so much time. */
static int in_helper_after(int64_t ns)
{
	helper_pid = wl_fork("wl-helper");
	if (helper_pid)
		return 0;
	wl_sleep(ns);
	return 1;
}

static void end_helper(void)
{
	if (helper_pid > 0) {
		kill(helper_pid, SIGKILL);
		waitpid(helper_pid, NULL, 0);
	}
	helper_pid = 0;
}

static void must(int ok, const char *what)
{
	if (!ok)
		wl_die(what);
}

/* ---- cpu and run queue ------------------------------------------------------ */

static void cpu_user(int64_t ns)
{
	wl_burn(ns);
}

static void cpu_sys(int64_t ns)
{
	static char b[1 << 20];
	int64_t end = wl_clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	must(fd >= 0, "/dev/zero");
	while (wl_clock_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		must(read(fd, b, sizeof(b)) == sizeof(b), "read");
	close(fd);
}

/* Two that compute on one CPU: each waits for the other. */
static void runq(int64_t ns)
{
	cpu_set_t old;

	must(!sched_getaffinity(0, sizeof(old), &old), "affinity");
	wl_pin(wl_last_cpu());
	helper_pid = wl_fork("wl-burner");
	if (!helper_pid)
		for (;;)
			wl_burn(WL_MS);
	wl_burn(ns);
	end_helper();
	must(!sched_setaffinity(0, sizeof(old), &old), "affinity");
}

/* ---- disk ------------------------------------------------------------------- */

static int temp_file(int flags)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/wl-%d.dat", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static void disk(int64_t ns)
{
	int64_t end = wl_now() + ns;
	int fd = temp_file(O_DIRECT);
	void *block;

	must(fd >= 0, "O_DIRECT");
	must(!posix_memalign(&block, 4096, 65536), "memory");
	memset(block, 7, 65536);
	do {
		must(pwrite(fd, block, 65536, (waits % 64) * 65536) == 65536, "pwrite");
		must(!fsync(fd), "fsync");
		waits++;
	} while (wl_now() < end);
	close(fd);
	free(block);
}

/* ---- net ---------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

static socklen_t loopback(union address *a, int family)
{
	memset(a, 0, sizeof(*a));
	a->any.sa_family = family;
	if (family == AF_INET6) {
		a->in6.sin6_addr = in6addr_loopback;
		return sizeof(a->in6);
	}
	a->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return sizeof(a->in);
}

static void name_object(const char *prefix, const union address *a)
{
	if (a->any.sa_family == AF_INET6)
		snprintf(object, sizeof(object), "%s[::1]:%d", prefix, ntohs(a->in6.sin6_port));
	else
		snprintf(object, sizeof(object), "%s127.0.0.1:%d", prefix, ntohs(a->in.sin_port));
}

/* A listening socket; its address in *a. */
static int listener(union address *a, int family, int backlog)
{
	socklen_t len = loopback(a, family);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !bind(fd, &a->any, len) && !listen(fd, backlog) &&
	     !getsockname(fd, &a->any, &len), "listen");
	return fd;
}

static int connected(const union address *a)
{
	int one = 1;
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && !connect(fd, &a->any, sizeof(a->in6)), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* A connection to a helper that answers each byte after so much time. */
static int echo_server(int family, int64_t each_ns)
{
	union address a;
	int l = listener(&a, family, 1);
	char c;

	helper_pid = wl_fork("wl-helper");
	if (!helper_pid) {
		int fd = accept(l, NULL, NULL);

		while (read(fd, &c, 1) == 1) {
			wl_sleep(each_ns);
			must(write(fd, &c, 1) == 1, "write");
		}
		_exit(0);
	}
	name_object("", &a);
	close(l);
	return connected(&a);
}

static void tcp(int family, int64_t ns)
{
	int fd = echo_server(family, ns / 5);
	char c = 'x';

	for (int i = 0; i < 5; i++, waits++)
		must(send(fd, &c, 1, 0) == 1 && recv(fd, &c, 1, 0) == 1, "tcp");
	close(fd);
	end_helper();
}

static void tcp4(int64_t ns) { tcp(AF_INET, ns); }
static void tcp6(int64_t ns) { tcp(AF_INET6, ns); }

static void poll_one_tcp(int64_t ns)
{
	int fd = echo_server(AF_INET, ns);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c = 'x';

	must(send(fd, &c, 1, 0) == 1, "send");
	must(poll(&p, 1, -1) == 1, "poll");
	waits++;
	must(recv(fd, &c, 1, 0) == 1, "recv");
	close(fd);
	end_helper();
}

static void udp(int64_t ns)
{
	union address a, b;
	socklen_t len = loopback(&a, AF_INET), len_b = loopback(&b, AF_INET);
	int ours = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int theirs = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char c = 'x';

	must(!bind(ours, &a.any, len) && !getsockname(ours, &a.any, &len), "bind");
	must(!bind(theirs, &b.any, len_b) && !getsockname(theirs, &b.any, &len_b), "bind");
	must(!connect(ours, &b.any, len_b) && !connect(theirs, &a.any, len), "connect");
	if (in_helper_after(ns)) {
		must(send(theirs, &c, 1, 0) == 1, "send");
		_exit(0);
	}
	must(recv(ours, &c, 1, 0) == 1, "recv");
	waits++;
	name_object("udp ", &b);
	end_helper();
	close(ours);
	close(theirs);
}

/*
 * The listener's queue is full, so the SYN is dropped and connect() waits for its
 * retransmission, one second later (MS has no say).
 */
static void connect_wait(int64_t ns)
{
	union address a;
	int l = listener(&a, AF_INET, 0);
	int first = connected(&a), fd;

	(void)ns;
	if (in_helper_after(300 * WL_MS)) {
		for (;;)
			close(accept(l, NULL, NULL));
	}
	name_object("connect ", &a);
	fd = connected(&a);
	waits++;
	close(fd);
	close(first);
	end_helper();
	close(l);
}

/* ---- ipc ------------------------------------------------------------------------ */

static void read_one(int from, int to, int64_t ns, size_t size)
{
	uint64_t v = 1;

	if (in_helper_after(ns)) {
		must(write(to, &v, size) == (ssize_t)size, "write");
		_exit(0);
	}
	must(read(from, &v, size) == (ssize_t)size, "read");
	waits++;
	end_helper();
}

static void pipe_read(int64_t ns)
{
	int fd[2];

	must(!pipe2(fd, O_CLOEXEC), "pipe");
	read_one(fd[0], fd[1], ns, 1);
	close(fd[0]);
	close(fd[1]);
}

static void pipe_write(int64_t ns)
{
	static char b[1 << 16];
	int fd[2];

	must(!pipe2(fd, O_CLOEXEC), "pipe");
	must(write(fd[1], b, sizeof(b)) == sizeof(b), "write");
	if (in_helper_after(ns)) {
		must(read(fd[0], b, sizeof(b)) > 0, "read");
		pause();
	}
	must(write(fd[1], b, 4096) == 4096, "write");
	waits++;
	end_helper();
	close(fd[0]);
	close(fd[1]);
}

/* A descriptor beyond 1024, as servers have them. */
static void high_fd(int64_t ns)
{
	struct rlimit r;
	int fd[2], high;

	must(!getrlimit(RLIMIT_NOFILE, &r), "getrlimit");
	if (r.rlim_cur < 4096) {
		r.rlim_cur = r.rlim_max < 4096 ? r.rlim_max : 4096;
		must(!setrlimit(RLIMIT_NOFILE, &r), "setrlimit");
	}
	must(!pipe2(fd, O_CLOEXEC), "pipe");
	high = fcntl(fd[0], F_DUPFD_CLOEXEC, 3333);
	must(high >= 3333, "dup");
	read_one(high, fd[1], ns, 1);
	close(high);
	close(fd[0]);
	close(fd[1]);
}

static void unix_read(int64_t ns)
{
	union address a = { .un = { .sun_family = AF_UNIX } };
	int l, ours, theirs;

	snprintf(a.un.sun_path, sizeof(a.un.sun_path), "/tmp/wl-%d.sock", getpid());
	l = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(l, &a.any, sizeof(a.un)) && !listen(l, 1), "bind");
	ours = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!connect(ours, &a.any, sizeof(a.un)), "connect");
	theirs = accept(l, NULL, NULL);
	unlink(a.un.sun_path);
	read_one(ours, theirs, ns, 1);
	snprintf(object, sizeof(object), "unix %s", a.un.sun_path);
	close(ours);
	close(theirs);
	close(l);
}

static void event_fd(int64_t ns)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	read_one(fd, fd, ns, 8);
	close(fd);
}

static void posix_mq(int64_t ns)
{
	struct mq_attr attr = { .mq_maxmsg = 2, .mq_msgsize = 8 };
	char name[64], b[8];
	mqd_t q;

	snprintf(name, sizeof(name), "/wl-%d", getpid());
	q = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	must(q >= 0, "mq_open");
	mq_unlink(name);
	if (in_helper_after(ns)) {
		must(!mq_send(q, "x", 1, 0), "mq_send");
		_exit(0);
	}
	must(mq_receive(q, b, sizeof(b), NULL) == 1, "mq_receive");
	waits++;
	end_helper();
	mq_close(q);
}

static void sysv_msg(int64_t ns)
{
	struct { long type; char text[8]; } m = { .type = 1 };
	int q = msgget(IPC_PRIVATE, 0600);

	must(q >= 0, "msgget");
	if (in_helper_after(ns)) {
		must(!msgsnd(q, &m, 8, 0), "msgsnd");
		_exit(0);
	}
	must(msgrcv(q, &m, 8, 0, 0) == 8, "msgrcv");
	waits++;
	end_helper();
	msgctl(q, IPC_RMID, NULL);
}

/* ---- lock ------------------------------------------------------------------------- */

static void futex(int64_t ns)
{
	atomic_store(&shared->word, 0);
	if (in_helper_after(ns)) {
		atomic_store(&shared->word, 1);
		wl_futex_wake(&shared->word);
		_exit(0);
	}
	while (!atomic_load(&shared->word))
		wl_futex_wait(&shared->word, 0);
	waits++;
	end_helper();
}

/* A helper holds a lock of a file for so long; fcntl_lock: of the POSIX kind. */
static void file_lock(int64_t ns, int fcntl_lock)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[4096];
	int fd, ready[2];
	char c;

	snprintf(path, sizeof(path), "%s/wl-%d.lock", dir, getpid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && !pipe2(ready, O_CLOEXEC), path);
	helper_pid = wl_fork("wl-helper");
	if (!helper_pid) {
		int own = open(path, O_RDWR | O_CLOEXEC);

		must(!(fcntl_lock ? fcntl(own, F_SETLK, &fl) : flock(own, LOCK_EX)), "lock");
		must(write(ready[1], "r", 1) == 1, "write");
		wl_sleep(ns);
		_exit(0);
	}
	/* until it has the lock: a few µs in a pipe, not counted as a wait */
	must(read(ready[0], &c, 1) == 1, "read");
	must(!(fcntl_lock ? fcntl(fd, F_SETLKW, &fl) : flock(fd, LOCK_EX)), "lock");
	waits++;
	end_helper();
	unlink(path);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void flock_wait(int64_t ns) { file_lock(ns, 0); }
static void fcntl_wait(int64_t ns) { file_lock(ns, 1); }

static void sysv_sem(int64_t ns)
{
	struct sembuf down = { .sem_op = -1 }, up = { .sem_op = 1 };
	int s = semget(IPC_PRIVATE, 1, 0600);

	must(s >= 0, "semget");
	if (in_helper_after(ns)) {
		must(!semop(s, &up, 1), "semop");
		_exit(0);
	}
	must(!semop(s, &down, 1), "semop");
	waits++;
	end_helper();
	semctl(s, 0, IPC_RMID);
}

/* ---- child -------------------------------------------------------------------------- */

static void child(int64_t ns)
{
	pid_t pid = wl_fork("wl-child");

	if (!pid) {
		wl_sleep(ns);
		_exit(0);
	}
	must(wait4(pid, NULL, 0, NULL) == pid, "wait4");
	waits++;
}

static void child_waitid(int64_t ns)
{
	siginfo_t si;
	pid_t pid = wl_fork("wl-child");

	if (!pid) {
		wl_sleep(ns);
		_exit(0);
	}
	must(!waitid(P_PID, pid, &si, WEXITED), "waitid");
	waits++;
}

struct forker {
	int64_t ns;
	atomic_int pid;
	int stay[2];			/* a pipe */
};

static void *fork_for_another(void *arg)
{
	struct forker *f = arg;
	pid_t pid = wl_fork("wl-child");

	if (!pid) {
		wl_sleep(f->ns);
		_exit(0);
	}
	atomic_store(&f->pid, pid);
	/*
	 * If it ended, its child would become another thread's.  It waits in a way
	 * that no phase does: the waits of a process are counted by their names.
	 */
	poll((struct pollfd[]){ { f->stay[0], POLLIN, 0 }, { -1, 0, 0 } }, 2, -1);
	return NULL;
}

/* The child is another thread's. */
static void child_of_thread(int64_t ns)
{
	struct forker f = { .ns = ns };
	pthread_t thread;

	must(!pipe2(f.stay, O_CLOEXEC), "pipe");
	must(!pthread_create(&thread, NULL, fork_for_another, &f), "pthread_create");
	while (!atomic_load(&f.pid))
		;
	must(waitpid(f.pid, NULL, 0) == f.pid, "waitpid");
	waits++;
	must(write(f.stay[1], "", 1) == 1, "write");
	/* spun for, not waited for */
	while (pthread_tryjoin_np(thread, NULL))
		;
	close(f.stay[0]);
	close(f.stay[1]);
}

static void vfork_wait(int64_t ns)
{
	struct timespec t = { ns / 1000000000LL, ns % 1000000000LL };
	pid_t pid = vfork();

	if (!pid) {
		prctl(PR_SET_NAME, "wl-vchild");
		nanosleep(&t, NULL);
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "vfork");
	waits++;
}

/* ---- sleep ---------------------------------------------------------------------------- */

static void nano_sleep(int64_t ns)
{
	wl_sleep(ns);
	waits++;
}

static void timer_fd(int64_t ns)
{
	struct itimerspec t = { .it_value = { ns / 1000000000LL, ns % 1000000000LL } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	uint64_t v;

	must(!timerfd_settime(fd, 0, &t, NULL) && read(fd, &v, 8) == 8, "timerfd");
	waits++;
	close(fd);
}

static void poll_timeout(int64_t ns)
{
	must(poll(NULL, 0, ns / WL_MS) == 0, "poll");
	waits++;
}

/* Stopped in the middle of a sleep: the call is restarted by the kernel. */
static void restarted(int64_t ns)
{
	pid_t self = getpid();

	if (in_helper_after(ns / 3)) {
		atomic_store(&shared->from_ns, wl_now());
		kill(self, SIGSTOP);
		wl_sleep(ns / 3);
		atomic_store(&shared->to_ns, wl_now());
		kill(self, SIGCONT);
		pause();
	}
	wl_sleep(ns);
	waits++;
	end_helper();
	other_ns = atomic_load(&shared->to_ns) - atomic_load(&shared->from_ns);
}

/* ---- idle ------------------------------------------------------------------------------ */

static void epoll_idle(int64_t ns)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), fd = eventfd(0, EFD_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t v = 1;

	must(!epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), "epoll_ctl");
	if (in_helper_after(ns)) {
		must(write(fd, &v, 8) == 8, "write");
		_exit(0);
	}
	must(epoll_wait(ep, &ev, 1, -1) == 1, "epoll_wait");
	waits++;
	end_helper();
	close(fd);
	close(ep);
}

static void poll_three(int64_t ns)
{
	struct pollfd p[3];
	uint64_t v = 1;

	for (int i = 0; i < 3; i++)
		p[i] = (struct pollfd){ .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	if (in_helper_after(ns)) {
		must(write(p[1].fd, &v, 8) == 8, "write");
		_exit(0);
	}
	must(poll(p, 3, -1) == 1, "poll");
	waits++;
	end_helper();
	for (int i = 0; i < 3; i++)
		close(p[i].fd);
}

static void accept_idle(int64_t ns)
{
	union address a;
	int l = listener(&a, AF_INET, 4);

	if (in_helper_after(ns)) {
		connected(&a);
		pause();
	}
	close(accept(l, NULL, NULL));
	waits++;
	name_object("accept ", &a);
	end_helper();
	close(l);
}

static void signal_idle(int64_t ns)
{
	pid_t self = getpid();
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (in_helper_after(ns)) {
		kill(self, SIGUSR1);
		pause();
	}
	must(!sigwait(&set, &sig), "sigwait");
	waits++;
	end_helper();
}

static void tty_read(int64_t ns)
{
	int m = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), s;
	char b[8];

	must(m >= 0 && !grantpt(m) && !unlockpt(m), "pty");
	s = open(ptsname(m), O_RDWR | O_NOCTTY | O_CLOEXEC);
	must(s >= 0, "pty");
	if (in_helper_after(ns)) {
		must(write(m, "x\n", 2) == 2, "write");
		pause();
	}
	must(read(s, b, sizeof(b)) > 0, "read");
	waits++;
	end_helper();
	close(s);
	close(m);
}

static void inotify_read(int64_t ns)
{
	char b[4096], path[4096];
	int fd = inotify_init1(IN_CLOEXEC);

	snprintf(path, sizeof(path), "%s/wl-%d.d", dir, getpid());
	must(!mkdir(path, 0700) && inotify_add_watch(fd, path, IN_DELETE_SELF) >= 0, path);
	if (in_helper_after(ns)) {
		rmdir(path);
		pause();
	}
	must(read(fd, b, sizeof(b)) > 0, "inotify");
	waits++;
	end_helper();
	close(fd);
}

/* io_uring without a library: one timeout, waited for in io_uring_enter(). */
static void uring(int64_t ns)
{
	struct __kernel_timespec t = { ns / 1000000000LL, ns % 1000000000LL };
	struct io_uring_params p = { 0 };
	struct io_uring_sqe *sqe;
	unsigned *tail, *array, *mask;
	char *ring;
	int fd = syscall(SYS_io_uring_setup, 4, &p);

	must(fd >= 0, "io_uring_setup");
	ring = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	must(ring != MAP_FAILED && sqe != MAP_FAILED, "mmap");
	tail = (unsigned *)(ring + p.sq_off.tail);
	mask = (unsigned *)(ring + p.sq_off.ring_mask);
	array = (unsigned *)(ring + p.sq_off.array);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_TIMEOUT;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&t;
	sqe->len = 1;
	array[*tail & *mask] = 0;
	atomic_store((_Atomic unsigned *)tail, *tail + 1);
	must(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) >= 0,
	     "io_uring_enter");
	waits++;
	close(fd);
}

/* ---- stopped ------------------------------------------------------------------------------ */

static void stop_signal(int64_t ns)
{
	pid_t self = getpid();

	helper_pid = wl_fork("wl-helper");
	if (!helper_pid) {
		char path[64], b[512];
		int fd;

		/* until it has stopped itself */
		snprintf(path, sizeof(path), "/proc/%d/stat", self);
		do {
			wl_sleep(200000);
			fd = open(path, O_RDONLY);
			b[read(fd, b, sizeof(b) - 1)] = 0;
			close(fd);
		} while (!strstr(b, ") T "));
		wl_sleep(ns);
		kill(self, SIGCONT);
		pause();
	}
	raise(SIGSTOP);
	waits++;
	end_helper();
}

static void traced(int64_t ns)
{
	pid_t self = getpid();
	int status;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	atomic_store(&shared->word, 0);
	helper_pid = wl_fork("wl-helper");
	if (!helper_pid) {
		must(!ptrace(PTRACE_SEIZE, self, 0, 0) &&
		     !ptrace(PTRACE_INTERRUPT, self, 0, 0), "ptrace");
		must(waitpid(self, &status, __WALL) == self, "waitpid");
		wl_sleep(ns);
		atomic_store(&shared->word, 1);
		ptrace(PTRACE_DETACH, self, 0, 0);
		pause();
	}
	/* runs until the tracer stops it, then until it has been let go */
	while (!atomic_load(&shared->word))
		;
	waits++;
	end_helper();
}

/* ---- major faults ------------------------------------------------------------------------- */

static void major_faults(int64_t ns)
{
	enum { PAGES = 16384 };
	static char block[1 << 16];
	struct rusage before, after;
	int64_t end;
	unsigned char *map;
	unsigned page = 0;
	int fd = temp_file(0);

	must(fd >= 0, "file");
	for (int i = 0; i < PAGES / 16; i++)
		must(write(fd, block, sizeof(block)) == sizeof(block), "write");
	must(!fsync(fd) && !posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "fsync");
	map = mmap(NULL, PAGES * 4096UL, PROT_READ, MAP_SHARED, fd, 0);
	must(map != MAP_FAILED && !madvise(map, PAGES * 4096UL, MADV_RANDOM), "mmap");
	getrusage(RUSAGE_THREAD, &before);
	end = wl_now() + ns;
	do {
		/* an odd stride visits every page once, never the next one */
		wl_sink += map[(page++ * 4099u % PAGES) * 4096UL];
	} while (wl_now() < end && page < PAGES);
	getrusage(RUSAGE_THREAD, &after);
	waits = after.ru_majflt - before.ru_majflt;
	munmap(map, PAGES * 4096UL);
	close(fd);
}

/* ---- the table and the books ---------------------------------------------------------------- */

static const struct phase {
	const char *name;
	const char *state;		/* that the phase's wait belongs to */
	const char *reason;		/* what names it; NULL: the phase says in object */
	void (*run)(int64_t ns);
	const char *second;		/* state of other_ns */
} phases[] = {
	{ "cpu_user", "cpu", "user", cpu_user, NULL },
	{ "cpu_sys", "cpu", "kernel", cpu_sys, NULL },
	{ "runq", "runq", "preempt", runq, NULL },
	{ "disk", "disk", "", disk, NULL },
	{ "majfault", "disk", "", major_faults, NULL },
	{ "tcp4", "net", NULL, tcp4, NULL },
	{ "tcp6", "net", NULL, tcp6, NULL },
	{ "udp", "net", NULL, udp, NULL },
	{ "connect", "net", NULL, connect_wait, NULL },
	{ "polltcp", "net", NULL, poll_one_tcp, NULL },
	{ "pipe", "ipc", "pipe read", pipe_read, NULL },
	{ "pipewrite", "ipc", "pipe write", pipe_write, NULL },
	{ "highfd", "ipc", "pipe read", high_fd, NULL },
	{ "unix", "ipc", NULL, unix_read, NULL },
	{ "eventfd", "ipc", "eventfd", event_fd, NULL },
	{ "mq", "ipc", "mq", posix_mq, NULL },
	{ "msg", "ipc", "mq", sysv_msg, NULL },
	{ "futex", "lock", "futex", futex, NULL },
	{ "flock", "lock", "flock", flock_wait, NULL },
	{ "fcntl", "lock", "flock", fcntl_wait, NULL },
	{ "sem", "lock", "sem", sysv_sem, NULL },
	{ "child", "child", "child: wl-child", child, NULL },
	{ "waitid", "child", "child: wl-child", child_waitid, NULL },
	{ "childofthread", "child", "child: wl-child", child_of_thread, NULL },
	{ "vfork", "child", "child: wl-vchild (vfork)", vfork_wait, NULL },
	{ "sleep", "sleep", "clock_nanosleep", nano_sleep, NULL },
	{ "timerfd", "sleep", "timerfd", timer_fd, NULL },
	{ "polltimeout", "sleep", "poll timeout", poll_timeout, NULL },
	{ "restarted", "sleep", "clock_nanosleep", restarted, "stopped" },
	{ "epoll", "idle", "epoll", epoll_idle, NULL },
	{ "poll3", "idle", "poll(3)", poll_three, NULL },
	{ "accept", "idle", NULL, accept_idle, NULL },
	{ "signal", "idle", "signal", signal_idle, NULL },
	{ "tty", "idle", "tty", tty_read, NULL },
	{ "inotify", "idle", "inotify", inotify_read, NULL },
	{ "uring", "idle", "io_uring", uring, NULL },
	{ "stop", "stopped", "stop signal", stop_signal, NULL },
	{ "ptrace", "stopped", "ptrace", traced, NULL },
	{ NULL, NULL, NULL, NULL, NULL },
};

static void run_phase(const struct phase *p, int64_t ns, int first)
{
	struct wl_clock a, b;
	int64_t wall, cpu, wait_runq;

	object[0] = 0;
	other_ns = 0;
	waits = 0;
	a = wl_read();
	p->run(ns);
	b = wl_read();
	wall = b.wall_ns - a.wall_ns;
	cpu = b.cpu_ns - a.cpu_ns;
	wait_runq = b.runq_ns - a.runq_ns;
	/* time that a hypervisor stole from a phase that only computes is cpu */
	if (!strcmp(p->state, "cpu") || !strcmp(p->state, "runq"))
		cpu = wall - wait_runq;
	printf("%s\n  {\"phase\": \"%s\", \"state\": \"%s\", \"reason\": \"%s\", \"wall_ns\": %lld, "
	       "\"cpu_ns\": %lld, \"runq_ns\": %lld, \"wait_ns\": %lld, \"waits\": %ld, "
	       "\"second_state\": \"%s\", \"second_ns\": %lld}",
	       first ? "" : ",", p->name, p->state, p->reason ? p->reason : object,
	       (long long)wall, (long long)cpu, (long long)wait_runq,
	       (long long)(wall - cpu - wait_runq - other_ns), waits,
	       p->second ? p->second : "", (long long)other_ns);
	fflush(stdout);
}

static const struct phase *find_phase(const char *arg, int64_t *ns)
{
	const char *eq = strchr(arg, '=');

	for (const struct phase *p = phases; eq && p->name; p++)
		if (strlen(p->name) == (size_t)(eq - arg) && !strncmp(p->name, arg, eq - arg)) {
			*ns = atof(eq + 1) * WL_MS;
			return p;
		}
	fprintf(stderr, "wl_states: there is no phase %s\n", arg);
	exit(2);
}

int main(int argc, char **argv)
{
	double ready_s = 0;
	int first = 1, i = 1;
	struct wl_clock start, end;
	int64_t ns;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--dir") && i + 1 < argc) {
			dir = argv[++i];
		} else if (!strcmp(argv[i], "--ready") && i + 1 < argc) {
			ready_s = atof(argv[++i]);
		} else {
			for (const struct phase *p = phases; p->name; p++)
				puts(p->name);
			return strcmp(argv[i], "--list") ? 2 : 0;
		}
	}
	for (int k = i; k < argc; k++)
		find_phase(argv[k], &ns);
	signal(SIGPIPE, SIG_IGN);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "mmap");
	fprintf(stderr, "ready %d\n", getpid());
	wl_sleep(ready_s * 1e9);
	start = wl_read();
	printf("{\"program\": \"wl_states\", \"pid\": %d, \"phases\": [", getpid());
	for (; i < argc; i++, first = 0) {
		const struct phase *p = find_phase(argv[i], &ns);

		run_phase(p, ns, first);
	}
	end = wl_read();
	printf("\n], \"wall_ns\": %lld, \"cpu_ns\": %lld, \"runq_ns\": %lld}\n",
	       (long long)(end.wall_ns - start.wall_ns), (long long)(end.cpu_ns - start.cpu_ns),
	       (long long)(end.runq_ns - start.runq_ns));
	return 0;
}
