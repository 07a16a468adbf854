/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ffmpeg/places.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spans/exits.h"
#include "symbols/elfsyms.h"
#include "worktrace.h"

/* The functions by which a program drives the libraries; not all versions have all. */
static const struct {
	enum ffmpeg_lib lib;
	const char *name;
	__u8 stage, call;
} functions[] = {
	{ FFMPEG_FORMAT, "avformat_open_input", WT_STAGE_DEMUX, WT_CALL_PROBE },
	{ FFMPEG_FORMAT, "avformat_find_stream_info", WT_STAGE_DEMUX, WT_CALL_PROBE },
	{ FFMPEG_FORMAT, "avformat_seek_file", WT_STAGE_DEMUX, WT_CALL_SETUP },
	{ FFMPEG_FORMAT, "av_read_frame", WT_STAGE_DEMUX, WT_CALL_PLAIN },
	{ FFMPEG_FORMAT, "avformat_write_header", WT_STAGE_MUX, WT_CALL_SETUP },
	{ FFMPEG_FORMAT, "av_write_frame", WT_STAGE_MUX, WT_CALL_WRITE },
	{ FFMPEG_FORMAT, "av_interleaved_write_frame", WT_STAGE_MUX, WT_CALL_WRITE },
	{ FFMPEG_FORMAT, "av_write_trailer", WT_STAGE_MUX, WT_CALL_SETUP },
	{ FFMPEG_CODEC, "avcodec_open2", WT_STAGE_NONE, WT_CALL_OPEN },
	{ FFMPEG_CODEC, "avcodec_send_packet", WT_STAGE_DECODE, WT_CALL_CODEC },
	{ FFMPEG_CODEC, "avcodec_receive_frame", WT_STAGE_DECODE, WT_CALL_FRAME },
	{ FFMPEG_CODEC, "avcodec_receive_frame_flags", WT_STAGE_DECODE, WT_CALL_FRAME },
	{ FFMPEG_CODEC, "avcodec_decode_subtitle2", WT_STAGE_DECODE, WT_CALL_CODEC },
	{ FFMPEG_CODEC, "avcodec_send_frame", WT_STAGE_ENCODE, WT_CALL_CODEC },
	{ FFMPEG_CODEC, "avcodec_receive_packet", WT_STAGE_ENCODE, WT_CALL_CODEC },
	{ FFMPEG_CODEC, "avcodec_encode_subtitle", WT_STAGE_ENCODE, WT_CALL_CODEC },
	{ FFMPEG_FILTER, "avfilter_graph_config", WT_STAGE_FILTER, WT_CALL_SETUP },
	{ FFMPEG_FILTER, "avfilter_graph_request_oldest", WT_STAGE_FILTER, WT_CALL_PLAIN },
	{ FFMPEG_FILTER, "av_buffersrc_add_frame_flags", WT_STAGE_FILTER, WT_CALL_PLAIN },
	{ FFMPEG_FILTER, "av_buffersrc_close", WT_STAGE_FILTER, WT_CALL_PLAIN },
	{ FFMPEG_FILTER, "av_buffersink_get_frame", WT_STAGE_FILTER, WT_CALL_PLAIN },
	{ FFMPEG_FILTER, "av_buffersink_get_frame_flags", WT_STAGE_FILTER, WT_CALL_PLAIN },
};
#define N_FUNCTIONS (sizeof(functions) / sizeof(*functions))

enum ffmpeg_lib ffmpeg_lib__of(const char *path, unsigned *major)
{
	static const struct {
		const char *name;
		enum ffmpeg_lib lib;
	} libs[] = {
		{ "libavformat", FFMPEG_FORMAT }, { "libavcodec", FFMPEG_CODEC },
		{ "libavfilter", FFMPEG_FILTER },
	};
	const char *file = strrchr(path, '/'), *so;

	file = file ? file + 1 : path;
	*major = 0;
	so = strstr(file, ".so");
	for (unsigned i = 0; so && i < sizeof(libs) / sizeof(*libs); i++) {
		size_t n = strlen(libs[i].name);

		if (strncmp(file, libs[i].name, n) || (file[n] != '.' && file[n] != '-'))
			continue;
		if (so[3] == '.' && isdigit((unsigned char)so[4]))
			*major = strtoul(so + 4, NULL, 10);
		return libs[i].lib;
	}
	return FFMPEG_NONE;
}

bool ffmpeg_program__is(const char *path)
{
	const char *file = strrchr(path, '/');

	file = file ? file + 1 : path;
	return !strncmp(file, "ffmpeg", strlen("ffmpeg")) && !strstr(file, ".so");
}

/*
 * Where an AVStream keeps codecpar and time_base, by libavformat's version (its
 * avformat.h on x86-64); 0: not known, then packets are not told apart.
 */
static void stream_layout(unsigned major, unsigned *codecpar, unsigned *time_base)
{
	*codecpar = major == 58 || major == 59 ? 208 : major >= 60 && major <= 63 ? 16 : 0;
	*time_base = major == 58 ? 24 : major == 59 ? 16 : major >= 60 && major <= 63 ? 32 : 0;
}

struct search {
	struct elfimg img;
	struct elfsyms *es;
	enum ffmpeg_lib lib;
	struct { __u64 start, end; } found[N_FUNCTIONS];
	__u64 version;		/* where avformat_version() is, 0: nowhere */
	unsigned codecpar, time_base;
	struct ffmpeg_places *out;
};

static unsigned read_code(void *ctx, __u64 addr, __u8 *buf, unsigned n)
{
	struct search *s = ctx;
	__u64 off = elfsyms__file_off(s->es, addr);
	ssize_t got = off == UINT64_MAX ? 0 : elfimg__read(&s->img, off, buf, n);

	return got > 0 ? got : 0;
}

static bool function_at(void *ctx, __u64 addr, __u64 *start, __u64 *end)
{
	struct search *s = ctx;

	return elfsyms__extent(s->es, addr, start, end);
}

static int note(void *ctx, const struct elfsyms_entry *e)
{
	struct search *s = ctx;

	if (!e->function || e->stub || strncmp(e->name, "av", 2))
		return 0;
	for (unsigned i = 0; i < N_FUNCTIONS; i++)
		if ((functions[i].lib == s->lib || s->lib == FFMPEG_PROGRAM) &&
		    !strcmp(functions[i].name, e->name)) {
			s->found[i].start = e->start;
			s->found[i].end = e->end;
		}
	if (!strcmp(e->name, "avformat_version"))
		s->version = e->start;
	return 0;
}

/* What avformat_version() returns, by its code: mov $version,%eax; ret.  0: it is something else. */
static unsigned major_of(struct search *s)
{
	static const __u8 endbr[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	__u8 code[10], *p = code;
	unsigned n = s->version ? read_code(s, s->version, code, sizeof(code)) : 0;

	if (n < sizeof(code))
		return 0;
	if (!memcmp(p, endbr, sizeof(endbr)))
		p += sizeof(endbr);
	/* the version is in three bytes: major, minor, micro */
	return p[0] == 0xb8 && p[5] == 0xc3 && !p[4] ? p[3] : 0;
}

static int add(struct search *s, __u64 addr, unsigned i, enum wt_stage_at at)
{
	__u64 off = elfsyms__file_off(s->es, addr);
	struct ffmpeg_place *v;

	if (off == UINT64_MAX)
		return -EINVAL;
	v = reallocarray(s->out->v, s->out->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->out->v = v;
	v[s->out->n++] = (struct ffmpeg_place){
		.off = off, .ret = at == WT_AT_RETURNED,
		.cookie = WT_STAGE_COOKIE(functions[i].stage, functions[i].call, at, s->codecpar,
					  s->time_base),
	};
	return 0;
}

/*
 * Its exits are its ret instructions, and those of what it ends in with a jump: so
 * stacks stay whole.  Where they cannot be told for certain, the kernel's return probe.
 */
static int add_function(struct search *s, unsigned i, struct exits *x)
{
	const struct exits_code code = { s, read_code, function_at };
	__u64 start = s->found[i].start, end = s->found[i].end, lo, hi;
	int err = add(s, start, i, WT_AT_ENTRY);

	/* its stage lasts until the next call */
	if (functions[i].call == WT_CALL_PLAIN || functions[i].call == WT_CALL_CODEC)
		return err;
	if (elfsyms__extent(s->es, start, &lo, &hi) && lo == start)
		end = hi;
	if (exits__find(&code, start, end, x) || !x->n_ret || x->n_leave)
		return err ? err : add(s, start, i, WT_AT_RETURNED);
	for (unsigned k = 0; k < x->n_ret && !err; k++)
		err = add(s, x->ret[k], i, WT_AT_RET);
	return err;
}

int ffmpeg_places__find(int fd, enum ffmpeg_lib lib, unsigned major, struct ffmpeg_places *out)
{
	struct search s = { .img = { .fd = fd }, .lib = lib, .out = out };
	struct exits *x = malloc(sizeof(*x));
	int err;

	memset(out, 0, sizeof(*out));
	if (!x)
		return -ENOMEM;
	err = elfsyms__load_with(&s.es, &s.img, NULL, -1);
	if (!err)
		err = elfsyms__each(s.es, note, &s);
	if (!err && lib == FFMPEG_PROGRAM)
		major = major_of(&s);
	if (lib == FFMPEG_FORMAT || lib == FFMPEG_PROGRAM)
		stream_layout(major, &s.codecpar, &s.time_base);
	for (unsigned i = 0; i < N_FUNCTIONS && !err; i++) {
		if (!s.found[i].start)
			continue;
		err = add_function(&s, i, x);
		out->functions++;
	}
	elfsyms__free(s.es);
	free(x);
	if (err)
		ffmpeg_places__free(out);
	return err;
}

void ffmpeg_places__free(struct ffmpeg_places *p)
{
	free(p->v);
	memset(p, 0, sizeof(*p));
}
