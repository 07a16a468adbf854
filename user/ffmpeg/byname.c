/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ffmpeg/byname.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

struct prefix {
	const char *text;
	enum wt_stage stage;
};

/*
 * Only what leaves no doubt: functions that a program calls, and names of libraries
 * that do one thing.  A codec's own functions do not tell: the parser of a demuxer
 * and the decoder share them.
 */
static const struct prefix functions[] = {
	{ "av_read_frame", WT_STAGE_DEMUX }, { "avformat_open_input", WT_STAGE_DEMUX },
	{ "avformat_find_stream_info", WT_STAGE_DEMUX }, { "avformat_seek_file", WT_STAGE_DEMUX },
	{ "avcodec_send_packet", WT_STAGE_DECODE }, { "avcodec_receive_frame", WT_STAGE_DECODE },
	{ "avcodec_decode_subtitle2", WT_STAGE_DECODE }, { "dav1d_", WT_STAGE_DECODE },
	/* libavcodec's pthread_frame.c serves decoders only */
	{ "frame_worker_thread", WT_STAGE_DECODE }, { "vpx_codec_decode", WT_STAGE_DECODE },
	{ "aom_codec_decode", WT_STAGE_DECODE },
	{ "sws_", WT_STAGE_FILTER }, { "ff_sws_", WT_STAGE_FILTER }, { "swr_", WT_STAGE_FILTER },
	{ "avfilter_", WT_STAGE_FILTER }, { "ff_filter_", WT_STAGE_FILTER },
	{ "av_buffersrc_", WT_STAGE_FILTER }, { "av_buffersink_", WT_STAGE_FILTER },
	{ "avcodec_send_frame", WT_STAGE_ENCODE }, { "avcodec_receive_packet", WT_STAGE_ENCODE },
	{ "avcodec_encode_subtitle", WT_STAGE_ENCODE }, { "x264_", WT_STAGE_ENCODE },
	{ "x265_", WT_STAGE_ENCODE }, { "x265::", WT_STAGE_ENCODE }, { "vpx_codec_encode", WT_STAGE_ENCODE },
	{ "vp9_encode", WT_STAGE_ENCODE }, { "vp8_encode", WT_STAGE_ENCODE },
	{ "aom_codec_encode", WT_STAGE_ENCODE }, { "svt_av1_", WT_STAGE_ENCODE },
	{ "lame_", WT_STAGE_ENCODE }, { "opus_encode", WT_STAGE_ENCODE },
	{ "av_interleaved_write_frame", WT_STAGE_MUX }, { "av_write_frame", WT_STAGE_MUX },
	{ "av_write_trailer", WT_STAGE_MUX }, { "avformat_write_header", WT_STAGE_MUX },
};

/* Libraries whose functions have no names. */
static const struct prefix modules[] = {
	{ "libx264", WT_STAGE_ENCODE }, { "libx265", WT_STAGE_ENCODE }, { "libSvtAv1Enc", WT_STAGE_ENCODE },
	{ "libmp3lame", WT_STAGE_ENCODE }, { "librav1e", WT_STAGE_ENCODE }, { "libdav1d", WT_STAGE_DECODE },
	{ "libswscale", WT_STAGE_FILTER }, { "libswresample", WT_STAGE_FILTER },
	{ "libavfilter", WT_STAGE_FILTER },
};

static enum wt_stage find(const struct prefix *list, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(list[i].text, text, strlen(list[i].text)))
			return list[i].stage;
	return WT_STAGE_NONE;
}

enum wt_stage ffmpeg_stage__of_frame(const char *name)
{
	if (*name == '[')
		return find(modules, sizeof(modules) / sizeof(*modules), name + 1);
	return find(functions, sizeof(functions) / sizeof(*functions), name);
}

bool ffmpeg_is_codec(const char *name)
{
	return !strncmp(name, "[libavcodec.", strlen("[libavcodec."));
}

bool ffmpeg_is_loader(const char *name)
{
	return !strncmp(name, "[ld-linux", strlen("[ld-linux")) || !strncmp(name, "_dl_", strlen("_dl_")) ||
	       !strcmp(name, "dl_main");
}

enum wt_stage ffmpeg_stage__of_thread(const char *comm)
{
	static const struct prefix threads[] = {
		{ "dmx", WT_STAGE_DEMUX }, { "dec", WT_STAGE_DECODE }, { "enc", WT_STAGE_ENCODE },
		{ "mux", WT_STAGE_MUX },
	};
	const char *colon = strchr(comm, ':');

	if (!strncmp(comm, "vf#", 3) || !strncmp(comm, "af#", 3))
		return WT_STAGE_FILTER;
	/* a decoder's own threads: "av:h264:df0" */
	if (!strncmp(comm, "av:", 3) && strstr(comm, ":df"))
		return WT_STAGE_DECODE;
	if (colon && colon - comm > 3 && isdigit((unsigned char)comm[3]))
		return find(threads, sizeof(threads) / sizeof(*threads), comm);
	return WT_STAGE_NONE;
}
