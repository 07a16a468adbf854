/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recdir.c - a recording's directory.  All files are written to a directory
 * with a hidden name beside the final one, synced, and moved there whole by one
 * rename; so a reader sees the old recording or the new one, never a mixture.
 */
#include "sinks/recfile.h"
#include "sinks/recording.h"
#include "units/execs.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PROBE_BYTES 16384	/* a full disk is found before the recording, not after it */

struct recdir {
	char *path;		/* final, without '/' at its end */
	const char *name;	/* last component of path */
	int parent;		/* the directory that holds it */
	bool force, default_name;
	bool written;		/* dev and ino are those of our checkpoint */
	dev_t dev;
	ino_t ino;
	uid_t uid;
	gid_t gid;
};

static int write_wall(const struct recording *r, FILE *f)
{
	return sink_folded(r, FOLDED_WALL, f);
}

static int write_cpu(const struct recording *r, FILE *f)
{
	return sink_folded(r, FOLDED_CPU, f);
}

static int write_offcpu(const struct recording *r, FILE *f)
{
	return sink_folded(r, FOLDED_OFFCPU, f);
}

static bool has_system(const struct recording *r)
{
	return r->system;
}

static bool has_disks(const struct recording *r)
{
	return r->disks;
}

static bool has_units(const struct recording *r)
{
	return r->units;
}

static bool has_transcodes(const struct recording *r)
{
	return execs__has(r->execs, EXEC_FFMPEG);
}

static bool has_spans(const struct recording *r)
{
	return r->n_spans;
}

static const struct {
	const char *name;
	int (*write)(const struct recording *r, FILE *f);
	bool (*wanted)(const struct recording *r);	/* NULL: always */
} files[] = {
	{ "wall.folded", write_wall },
	{ "cpu.folded", write_cpu },
	{ "offcpu.folded", write_offcpu },
	{ "waits.csv", sink_waits_csv },
	{ "threads.csv", sink_threads_csv },
	{ "peers.csv", sink_peers_csv },
	{ "connections.csv", sink_connections_csv },
	{ "units.csv", sink_units_csv, has_units },
	{ "unit_objects.csv", sink_unit_objects_csv, has_units },
	{ "jobs.csv", sink_jobs_csv },
	{ "devices.csv", sink_devices_csv, has_disks },
	{ "system.txt", sink_system_txt, has_system },
	{ "notes.md", sink_notes_md },
	{ "transcodes.csv", sink_transcodes_csv, has_transcodes },
	{ "spans.csv", sink_spans_csv, has_spans },
	/* last: what has it is whole */
	{ "summary.json", sink_summary_json },
};

/* A name that no shell and no file system minds. */
static void plain_name(char *dst, size_t sz, const char *src)
{
	const char *slash = strrchr(src, '/');
	size_t n = 0;

	if (slash && slash[1])
		src = slash + 1;
	for (; *src && n + 1 < sz; src++) {
		bool plain = (*src >= 'a' && *src <= 'z') || (*src >= 'A' && *src <= 'Z') ||
			     (*src >= '0' && *src <= '9') || strchr("._-+", *src);

		dst[n++] = plain ? *src : '_';
	}
	dst[n] = 0;
	if (!n)
		snprintf(dst, sz, "recording");
	if (dst[0] == '.' || dst[0] == '-')
		dst[0] = '_';
}

/* nr: 1, or more when that many of the same second are there already. */
static char *default_path(const char *name, unsigned nr)
{
	char host[HOST_NAME_MAX + 1] = "localhost", plain[64], plain_host[64], when[32], more[16] = "";
	time_t now = time(NULL);
	struct tm tm;
	char *path;

	gethostname(host, sizeof(host) - 1);
	plain_name(plain, sizeof(plain), name ? name : "recording");
	plain_name(plain_host, sizeof(plain_host), host);
	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	if (nr > 1)
		snprintf(more, sizeof(more), "_%u", nr);
	return asprintf(&path, "%s_%s_%s%s", plain, when, plain_host, more) < 0 ? NULL : path;
}

static int open_parent(struct recdir *d)
{
	char *slash, *parent;
	int err = 0;

	slash = strrchr(d->path, '/');
	d->name = slash ? slash + 1 : d->path;
	if (!*d->name || !strcmp(d->name, ".") || !strcmp(d->name, ".."))
		return wt_error(WT_ESAID, "%s cannot be a recording: name a new directory", d->path);
	if (strlen(d->name) > NAME_MAX - 16)
		return wt_error(WT_ESAID, "the name of the recording is too long: %s", d->name);
	parent = slash ? strndup(d->path, slash == d->path ? 1 : slash - d->path) : strdup(".");
	if (!parent)
		return wt_error(-ENOMEM, "cannot name the recording");
	d->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->parent < 0)
		err = wt_error(-errno, "cannot record to %s: cannot open the directory %s", d->path,
			       parent);
	free(parent);
	return err;
}

/* Says why what is there already must stay, or returns 0. */
static int check_existing(struct recdir *d)
{
	struct stat st;

	if (fstatat(d->parent, d->name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0;
		return wt_error(-errno, "cannot look at %s", d->path);
	}
	if (d->written && st.st_dev == d->dev && st.st_ino == d->ino)
		return 0;
	if (!S_ISDIR(st.st_mode))
		return wt_error(WT_ESAID, "%s exists and is not a directory", d->path);
	if (!d->force)
		return wt_error(WT_ESAID, "%s exists already; --force replaces it", d->path);
	if (!is_recording(d->parent, d->name))
		return wt_error(WT_ESAID, "%s is not a recording (it has no summary.json): "
				"--force does not replace it", d->path);
	return 0;
}

/* Makes `.NAME.XXXXXX` in the parent; its name to tmp.  0 or -errno. */
static int make_temp(struct recdir *d, char *tmp, size_t sz)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	struct timespec ts;
	unsigned long long seed;

	for (int try = 0; try < 100; try++) {
		char tail[7] = "";

		clock_gettime(CLOCK_MONOTONIC, &ts);
		seed = (ts.tv_nsec * 2654435761ULL) ^ ((unsigned long long)getpid() << 20) ^ try;
		for (int i = 0; i < 6; i++, seed /= 36)
			tail[i] = letters[seed % 36];
		snprintf(tmp, sz, ".%s.%s", d->name, tail);
		if (!mkdirat(d->parent, tmp, 0700))
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int open_temp(struct recdir *d, const char *tmp, int *fd)
{
	*fd = openat(d->parent, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*fd < 0)
		return -errno;
	if (((d->uid != (uid_t)-1 || d->gid != (gid_t)-1) && fchown(*fd, d->uid, d->gid)) ||
	    fchmod(*fd, 0700))
		return -errno;
	return 0;
}

static int write_probe(const struct recording *r, FILE *f)
{
	(void)r;
	for (int i = 0; i < PROBE_BYTES; i++)
		putc('.', f);
	return 0;
}

static int write_file(struct recdir *d, int dirfd, const char *name,
		      int (*fn)(const struct recording *, FILE *), const struct recording *r)
{
	struct recfile rf;
	int err = recfile__open(&rf, dirfd, name, d->uid, d->gid);

	return err ? err : recfile__close(&rf, fn(r, rf.f));
}

/* Tries all that writing will need, and leaves nothing behind. */
static int probe(struct recdir *d)
{
	char tmp[NAME_MAX + 1];
	int fd = -1, err;

	err = make_temp(d, tmp, sizeof(tmp));
	if (err)
		return wt_error(err, "cannot make a directory for the recording %s", d->path);
	err = open_temp(d, tmp, &fd);
	if (!err)
		err = write_file(d, fd, "probe", write_probe, NULL);
	if (fd >= 0) {
		unlinkat(fd, "probe", 0);
		close(fd);
	}
	remove_tree(d->parent, tmp);
	return err ? wt_error(err, "cannot write the recording %s", d->path) : 0;
}

static int choose_path(struct recdir *d, const struct recdir_opts *opts, unsigned nr)
{
	size_t n;

	free(d->path);
	d->path = opts->path ? strdup(opts->path) : default_path(opts->name, nr);
	if (!d->path)
		return wt_error(-ENOMEM, "cannot name the recording");
	n = strlen(d->path);
	if (!n)
		return wt_error(WT_EUSAGE, "the name of the recording is empty");
	while (n > 1 && d->path[n - 1] == '/')
		d->path[--n] = 0;
	return 0;
}

static int find_default_name(struct recdir *d, const struct recdir_opts *opts)
{
	for (unsigned nr = 1; nr < 1000; nr++) {
		int err = choose_path(d, opts, nr);

		if (err)
			return err;
		d->name = d->path;
		if (faccessat(d->parent, d->path, F_OK, AT_SYMLINK_NOFOLLOW))
			return 0;
	}
	return wt_error(-EEXIST, "cannot find a free name like %s", d->path);
}

int recdir__open(struct recdir **out, const struct recdir_opts *opts)
{
	struct recdir *d = calloc(1, sizeof(*d));
	int err;

	*out = NULL;
	if (!d)
		return wt_error(-ENOMEM, "cannot prepare the recording");
	d->parent = -1;
	d->force = opts->force && opts->path;
	d->default_name = !opts->path;
	err = parse_owner(opts->owner, &d->uid, &d->gid);
	if (!err)
		err = choose_path(d, opts, 1);
	if (!err)
		err = open_parent(d);
	if (!err && d->default_name)
		err = find_default_name(d, opts);
	if (!err)
		err = check_existing(d);
	if (!err)
		err = probe(d);
	if (err) {
		recdir__close(d);
		return err;
	}
	*out = d;
	return 0;
}

const char *recdir__path(const struct recdir *d)
{
	return d->path;
}

static int write_files(struct recdir *d, int fd, const struct recording *r)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int err = 0;

		if (!files[i].wanted || files[i].wanted(r))
			err = write_file(d, fd, files[i].name, files[i].write, r);
		if (err)
			return wt_error(err, "cannot write %s/%s", d->path, files[i].name);
	}
	if (fsync(fd))
		return wt_error(-errno, "cannot write %s", d->path);
	return 0;
}

/*
 * Two recordings of one name in one second: the later one takes the next name.
 * Nobody was told the name yet.
 */
static int next_name(struct recdir *d, unsigned nr)
{
	char *path;

	if (asprintf(&path, "%.*s_%u", (int)strlen(d->path), d->path, nr) < 0)
		return -ENOMEM;
	free(d->path);
	d->name = d->path = path;
	return 0;
}

static int move_new(struct recdir *d, const char *tmp)
{
	for (unsigned nr = 2; nr < 100; nr++) {
		if (!renameat2(d->parent, tmp, d->parent, d->name, RENAME_NOREPLACE))
			return 0;
		if (errno == EINVAL && !renameat(d->parent, tmp, d->parent, d->name))
			return 0;	/* no such flag here; a directory that is not empty stays */
		if (errno != EEXIST || !d->default_name || d->written)
			break;
		if (next_name(d, nr))
			break;
	}
	return wt_error(-errno, "cannot move the recording to %s", d->path);
}

/* Puts tmp in the place of what is there, and removes that. */
static int move_over(struct recdir *d, const char *tmp)
{
	char old[NAME_MAX + 1];
	int err;

	if (!renameat2(d->parent, tmp, d->parent, d->name, RENAME_EXCHANGE)) {
		err = remove_tree(d->parent, tmp);
		if (err)
			wt_warn("cannot remove the replaced recording %s: %s", tmp, strerror(-err));
		return 0;
	}
	if (errno != EINVAL && errno != ENOSYS)
		return wt_error(-errno, "cannot replace %s", d->path);
	/* a file system that cannot exchange: out of the way first, back if that fails */
	snprintf(old, sizeof(old), "%.*s.old", NAME_MAX - 4, tmp);
	if (renameat(d->parent, d->name, d->parent, old))
		return wt_error(-errno, "cannot replace %s", d->path);
	if (renameat(d->parent, tmp, d->parent, d->name)) {
		err = -errno;
		renameat(d->parent, old, d->parent, d->name);
		return wt_error(err, "cannot replace %s", d->path);
	}
	remove_tree(d->parent, old);
	return 0;
}

static int move_into_place(struct recdir *d, int fd, const char *tmp)
{
	struct stat st;
	int err;

	/* again: somebody may have made it since */
	if (!d->default_name || d->written) {
		err = check_existing(d);
		if (err)
			return err;
	}
	if (!fstatat(d->parent, d->name, &st, AT_SYMLINK_NOFOLLOW) && (d->force || d->written))
		err = move_over(d, tmp);
	else
		err = move_new(d, tmp);
	if (err)
		return err;
	if (!fstat(fd, &st)) {
		d->dev = st.st_dev;
		d->ino = st.st_ino;
		d->written = true;
	}
	if (fsync(d->parent))
		wt_debug("cannot sync the directory that holds %s", d->path);
	return 0;
}

/*
 * What we wrote goes away again by its names: that needs neither memory nor a
 * descriptor, which may be what there was none of.
 */
static void remove_temp(struct recdir *d, const char *tmp)
{
	char path[2 * NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", tmp, files[i].name);
		unlinkat(d->parent, path, 0);
	}
	remove_tree(d->parent, tmp);
}

int recdir__write(struct recdir *d, const struct recording *r)
{
	char tmp[NAME_MAX + 1];
	int fd = -1, err;

	err = make_temp(d, tmp, sizeof(tmp));
	if (err)
		return wt_error(err, "cannot make a directory for the recording %s", d->path);
	err = open_temp(d, tmp, &fd);
	if (err)
		wt_error(err, "cannot write the recording %s", d->path);
	else
		err = write_files(d, fd, r);
	if (!err)
		err = move_into_place(d, fd, tmp);
	if (fd >= 0)
		close(fd);
	if (err)
		remove_temp(d, tmp);
	return err;
}

void recdir__close(struct recdir *d)
{
	if (!d)
		return;
	if (d->parent >= 0)
		close(d->parent);
	free(d->path);
	free(d);
}
