/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ffmpeg and ffprobe read and write, from command lines as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "units/ffargs.h"

/* Words are separated by one blank; in a word, '_' stands for a blank. */
struct line {
	const char *command, *inputs, *outputs;
};

static const struct line ffmpeg[] = {
	{ "ffmpeg -i in.mp4 out.mkv", "in.mp4", "out.mkv" },
	{ "ffmpeg -y -hide_banner -loglevel error -i a.mov -c:v libx264 -preset slow -crf 22 -c:a copy b.mp4",
	  "a.mov", "b.mp4" },
	{ "ffmpeg -nostdin -nostats -v warning -ss 00:01:00 -t 30 -i in.ts -c copy -copyts out.ts",
	  "in.ts", "out.ts" },
	{ "ffmpeg -i v.h264 -i a.wav -map 0:v -map 1:a -shortest -c:v copy mux.mp4",
	  "v.h264 a.wav", "mux.mp4" },
	{ "ffmpeg -re -stream_loop -1 -i loop.mp4 -f flv rtmp://live.example/app/key",
	  "loop.mp4", "rtmp://live.example/app/key" },
	{ "ffmpeg -i in.mp4 -filter_complex [0:v]split=2[a][b] -map [a] -s 1280x720 720.mp4 -map [b] -s 640x360 360.mp4",
	  "in.mp4", "720.mp4 360.mp4" },
	{ "ffmpeg -f lavfi -i testsrc2=s=320x240:r=25:d=4 -f lavfi -i sine=d=4 t.mp4",
	  "testsrc2=s=320x240:r=25:d=4 sine=d=4", "t.mp4" },
	{ "ffmpeg -i in.mp4 -f null -", "in.mp4", "-" },
	{ "ffmpeg -i - -f mpegts pipe:1", "-", "pipe:1" },
	{ "ffmpeg -i in.mp4 -c:v libvpx-vp9 -b:v 0 -pass 1 -an -f null /dev/null", "in.mp4", "/dev/null" },
	{ "ffmpeg -i in.mp4 -vn -c:a libopus -b:a 96k out.opus", "in.mp4", "out.opus" },
	{ "ffmpeg -i in.mp4 -an:s:1 -sn -dn out.mp4", "in.mp4", "out.mp4" },
	{ "ffmpeg -noautorotate -accurate_seek -i in.mp4 -noautoscale out.mp4", "in.mp4", "out.mp4" },
	{ "ffmpeg -vaapi_device /dev/dri/renderD128 -hwaccel vaapi -hwaccel_output_format vaapi -i in.mp4 -vf scale_vaapi=w=640:h=360 -c:v h264_vaapi out.mp4",
	  "in.mp4", "out.mp4" },
	{ "ffmpeg -i in.mp4 -metadata title=a_b -movflags +faststart -bitexact out.mp4", "in.mp4", "out.mp4" },
	{ "ffmpeg -i a_file_with_blanks.mp4 out_put.mp4", "a_file_with_blanks.mp4", "out_put.mp4" },
	{ "ffmpeg -f concat -safe 0 -i list.txt -c copy all.mp4", "list.txt", "all.mp4" },
	{ "ffmpeg -i in.mp4 -c:v libx264 -x264-params keyint=60:scenecut=0 -hls_time 4 -hls_list_size 0 -f hls out.m3u8",
	  "in.mp4", "out.m3u8" },
	{ "ffmpeg -benchmark -progress http://127.0.0.1/p -stats_period 1 -i in.mp4 out.mp4", "in.mp4", "out.mp4" },
	{ "ffmpeg -i in.mp4 -frames:v 1 -q:v 2 -update 1 thumb.jpg", "in.mp4", "thumb.jpg" },
	{ "ffmpeg -i in.mp4 -- -odd.mp4", "in.mp4", "-odd.mp4" },
	{ "ffmpeg -i -odd.mp4 -n out.mp4", "-odd.mp4", "out.mp4" },
	{ "ffmpeg -/filter_complex graph.txt -i in.mp4 out.mp4", "in.mp4", "out.mp4" },
	{ "ffmpeg -fix_sub_duration -i in.ts -c:s mov_text out.mp4", "in.ts", "out.mp4" },
	{ "ffmpeg -i in.mp4 -psnr -report -xerror -c:v mpeg4 -qscale:v 3 out.avi", "in.mp4", "out.avi" },
	{ "ffmpeg -version", "", "" },
	{ "ffmpeg", "", "" },
	{ "ffmpeg -i", "", "" },
	{ "ffmpeg -i in.mp4 -t", "in.mp4", "" },
};

static const struct line ffprobe[] = {
	{ "ffprobe in.mp4", "in.mp4", "" },
	{ "ffprobe -v error -show_entries format=duration -of default=nw=1 in.mp4", "in.mp4", "" },
	{ "ffprobe -v quiet -print_format json -show_format -show_streams in.mp4", "in.mp4", "" },
	{ "ffprobe -count_frames -select_streams v:0 -show_entries stream=nb_read_frames -i in.mp4", "in.mp4", "" },
	{ "ffprobe -hide_banner -pretty -unit -show_packets -noprivate x.ts", "x.ts", "" },
};

static void join(char *out, size_t size, const char *const *v, unsigned n)
{
	size_t at = 0;

	out[0] = 0;
	for (unsigned i = 0; i < n; i++)
		at += snprintf(out + at, size - at, "%s%s", i ? " " : "", v[i]);
}

static void try(const struct line *l, bool probe)
{
	char copy[512], inputs[512], outputs[512];
	const char *argv[64];
	struct ffargs a;
	unsigned n = 0;

	snprintf(copy, sizeof(copy), "%s", l->command);
	for (char *p = strtok(copy, " "); p; p = strtok(NULL, " "))
		argv[n++] = p;
	ffargs__parse(&a, argv, n, probe);
	join(inputs, sizeof(inputs), a.input, a.n_inputs);
	join(outputs, sizeof(outputs), a.output, a.n_outputs);
	if (strcmp(inputs, l->inputs) || strcmp(outputs, l->outputs))
		fail_msg("%s\n  inputs \"%s\", not \"%s\"\n  outputs \"%s\", not \"%s\"", l->command,
			 inputs, l->inputs, outputs, l->outputs);
}

static void test_ffmpeg(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ffmpeg) / sizeof(*ffmpeg); i++)
		try(&ffmpeg[i], false);
}

static void test_ffprobe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ffprobe) / sizeof(*ffprobe); i++)
		try(&ffprobe[i], true);
}

/* More files than there is room for: the first ones, and no harm. */
static void test_many(void **state)
{
	const char *argv[200];
	struct ffargs a;

	(void)state;
	argv[0] = "ffmpeg";
	for (unsigned i = 1; i < 200; i++)
		argv[i] = i % 2 ? "-i" : "x";
	ffargs__parse(&a, argv, 200, false);
	assert_int_equal(a.n_inputs, FFARGS_MAX);
	assert_int_equal(a.n_outputs, 0);
	for (unsigned i = 1; i < 200; i++)
		argv[i] = "out";
	ffargs__parse(&a, argv, 200, false);
	assert_int_equal(a.n_outputs, FFARGS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ffmpeg),
		cmocka_unit_test(test_ffprobe),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
