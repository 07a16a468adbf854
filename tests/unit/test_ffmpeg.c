/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The libraries of ffmpeg by their names, and the figures of a transcode from what probes counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "ffmpeg/byname.h"
#include "ffmpeg/places.h"
#include "ffmpeg/sums.h"

static void is(const char *path, enum ffmpeg_lib lib, unsigned major)
{
	unsigned got;

	assert_int_equal(ffmpeg_lib__of(path, &got), lib);
	assert_int_equal(got, major);
}

static void test_names(void **state)
{
	(void)state;
	is("/usr/lib/x86_64-linux-gnu/libavcodec.so.59.37.100", FFMPEG_CODEC, 59);
	is("/opt/x/libavformat.so.61", FFMPEG_FORMAT, 61);
	is("libavfilter.so.8.44.100 (deleted)", FFMPEG_FILTER, 8);
	is("/usr/lib/libavcodec-0b1c.so.60.3.100", FFMPEG_CODEC, 60);
	is("/usr/lib/libavcodec.so", FFMPEG_CODEC, 0);
	is("/usr/lib/libavcodecs.so.59", FFMPEG_NONE, 0);
	is("/usr/lib/libavutil.so.57", FFMPEG_NONE, 0);
	is("/usr/bin/ffmpeg", FFMPEG_NONE, 0);
	is("", FFMPEG_NONE, 0);
	assert_true(ffmpeg_program__is("/usr/bin/ffmpeg") && ffmpeg_program__is("ffmpeg-7.0-amd64"));
	assert_false(ffmpeg_program__is("/ffmpeg/x") || ffmpeg_program__is("libffmpeg.so.1") ||
		     ffmpeg_program__is("/opt/ffmpeg.so.4"));
}

/* A file without the functions has no places, one that is no ELF file none either. */
static void test_no_library(void **state)
{
	struct ffmpeg_places p;
	int fd = open("/proc/self/exe", O_RDONLY);

	(void)state;
	assert_int_equal(ffmpeg_places__find(fd, FFMPEG_CODEC, 59, &p), 0);
	assert_int_equal(p.n, 0);
	assert_int_equal(p.functions, 0);
	ffmpeg_places__free(&p);
	assert_int_equal(ffmpeg_places__find(fd, FFMPEG_PROGRAM, 0, &p), 0);
	assert_int_equal(p.functions, 0);
	ffmpeg_places__free(&p);
	close(fd);
	fd = open("/dev/null", O_RDONLY);
	assert_true(ffmpeg_places__find(fd, FFMPEG_CODEC, 59, &p) < 0);
	close(fd);
}

static void test_sums(void **state)
{
	__u64 workers[WT_STAGE_CODEC + WT_STAGE_CODECS] = { [WT_STAGE_NONE] = 7, [WT_STAGE_FILTER] = 5 };
	struct wt_stages st = { .frames_in = 9 };
	struct ffmpeg_sums s;

	(void)state;
	st.cpu_ns[WT_STAGE_DEMUX] = 10;
	st.cpu_ns[WT_STAGE_ENCODE] = 20;
	/* its first thread: loaded for 60, behind its last call at 300 of 330 */
	st.cpu_ns[WT_STAGE_NONE] = 60;
	st.elapsed_ns[WT_STAGE_NONE] = 300;
	/* the workers of two codecs, and of one that was opened and never used */
	st.codec[0] = (struct wt_stage_codec){ .context = 1, .stage = WT_STAGE_DECODE };
	st.codec[1] = (struct wt_stage_codec){ .context = 2, .stage = WT_STAGE_ENCODE, .cpu_ns = 3 };
	st.codec[2] = (struct wt_stage_codec){ .context = 3 };
	workers[WT_STAGE_CODEC] = 100;
	workers[WT_STAGE_CODEC + 1] = 200;
	workers[WT_STAGE_CODEC + 2] = 400;
	st.stream[0] = (struct wt_stage_stream){ .format = 1, .packets = 50, .first_pts = 100,
		.end_pts = 600, .num = 1, .den = 250 };
	st.stream[1] = (struct wt_stage_stream){ .format = 1, .index = 1, .packets = 94, .first_pts = -1024,
		.end_pts = 96000, .num = 1, .den = 48000, .type = 1 };
	st.stream[2] = (struct wt_stage_stream){ .format = 2, .packets = 25, .first_pts = 0, .end_pts = 0,
		.num = 1, .den = 25 };
	ffmpeg_sums__make(&s, &st, workers, 1000, 330);
	assert_true(s.start_ns == 60 && s.end_ns == 30);
	assert_int_equal(s.cpu_ns[WT_STAGE_DEMUX], 10);
	assert_int_equal(s.cpu_ns[WT_STAGE_DECODE], 100);
	assert_int_equal(s.cpu_ns[WT_STAGE_FILTER], 5);
	assert_int_equal(s.cpu_ns[WT_STAGE_ENCODE], 223);
	assert_int_equal(s.cpu_ns[WT_STAGE_MUX], 0);
	assert_int_equal(s.cpu_ns[WT_STAGE_NONE], 1000 - 338);
	assert_int_equal(s.frames_in, 9);
	assert_true(s.written);
	assert_int_equal(s.frames_out, 75);
	assert_int_equal(s.media_ns, 2021333333);
	/* a stream that could not be read: the others do not stand for all */
	st.unknown = 1;
	ffmpeg_sums__make(&s, &st, workers, 350, 0);
	assert_false(s.written);
	/* no more than the rest, and no end while it runs */
	assert_true(s.cpu_ns[WT_STAGE_NONE] == 12 && s.start_ns == 12 && !s.end_ns);
}

static void test_by_name(void **state)
{
	static const struct {
		const char *frame;
		enum wt_stage stage;
	} frames[] = {
		{ "av_read_frame", WT_STAGE_DEMUX }, { "avcodec_send_packet", WT_STAGE_DECODE },
		{ "x264_8_macroblock_analyse", WT_STAGE_ENCODE }, { "[libx264.so.164+0x1234]", WT_STAGE_ENCODE },
		{ "[libswscale.so.6+0x10]", WT_STAGE_FILTER }, { "sws_scale", WT_STAGE_FILTER },
		{ "av_interleaved_write_frame", WT_STAGE_MUX }, { "[libavcodec.so.59+0x10]", WT_STAGE_NONE },
		{ "main", WT_STAGE_NONE }, { "[ffmpeg+0x100]", WT_STAGE_NONE }, { "", WT_STAGE_NONE },
	}, threads[] = {
		{ "dmx0:mov,mp4,m4", WT_STAGE_DEMUX }, { "dec0:0:h264", WT_STAGE_DECODE },
		{ "av:h264:df3", WT_STAGE_DECODE }, { "vf#0:0", WT_STAGE_FILTER },
		{ "enc0:0:libx264", WT_STAGE_ENCODE }, { "mux0:mp4", WT_STAGE_MUX },
		{ "ffmpeg", WT_STAGE_NONE }, { "decoder", WT_STAGE_NONE }, { "", WT_STAGE_NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++)
		assert_int_equal(ffmpeg_stage__of_frame(frames[i].frame), frames[i].stage);
	assert_true(ffmpeg_is_codec("[libavcodec.so.61.19.101+0x717830]"));
	assert_false(ffmpeg_is_codec("[libavfilter.so.10+0x1]") || ffmpeg_is_codec("avcodec_open2"));
	assert_true(ffmpeg_is_loader("[ld-linux-x86-64.so.2+0x1de70]") && ffmpeg_is_loader("_dl_relocate_object"));
	assert_false(ffmpeg_is_loader("dlopen") || ffmpeg_is_loader("[libdl.so.2+0x1]"));
	for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++)
		assert_int_equal(ffmpeg_stage__of_thread(threads[i].frame), threads[i].stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_library),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
