/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/ffargs.h"

#include <string.h>

/*
 * Options without an argument, of ffmpeg 3 to 8.  Each of them that is a switch can
 * be turned round by "no" before its name.
 */
static const char *const bare[] = {
	"?", "L", "accurate_seek", "an", "auto_conversion_filters", "autorotate", "autoscale",
	"benchmark", "benchmark_all", "bitexact", "bsfs", "buildconf", "codecs", "colors",
	"copy_unknown", "copyinkf", "copyts", "debug_ts", "decoders", "deinterlace", "demuxers",
	"devices", "dispositions", "dn", "dump", "encoders", "filters", "find_stream_info",
	"fix_sub_duration", "fix_sub_duration_heartbeat", "force_fps", "formats", "hex",
	"hide_banner", "hwaccels", "ignore_unknown", "intra", "layouts", "muxers", "n",
	"override_ffserver", "pix_fmts", "print_graphs", "protocols", "psnr", "qphist", "re",
	"recast_media", "report", "same_quant", "sameq", "sample_fmts", "shortest", "sn",
	"start_at_zero", "stats", "stdin", "version", "vn", "vstats", "xerror", "y",
};

static const char *const bare_probe[] = {
	"?", "L", "analyze_frames", "bitexact", "bsfs", "buildconf", "byte_binary_prefix",
	"codecs", "colors", "count_frames", "count_packets", "decoders", "demuxers", "devices",
	"dispositions", "encoders", "filters", "find_stream_info", "formats", "hide_banner",
	"layouts", "muxers", "pix_fmts", "prefix", "pretty", "private", "protocols", "report",
	"sample_fmts", "sections", "sexagesimal", "show_chapters", "show_data", "show_error",
	"show_format", "show_frames", "show_library_versions", "show_packets",
	"show_pixel_formats", "show_private_data", "show_program_version", "show_programs",
	"show_stream_groups", "show_streams", "show_versions", "unit", "version",
};

static bool is_in(const char *const *list, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && !memcmp(list[i], name, len))
			return true;
	return false;
}

/* name: without its dash.  "-codec:v" is the option codec for the streams v. */
static bool takes_argument(const char *name, bool probe)
{
	const char *const *list = probe ? bare_probe : bare;
	size_t n = probe ? sizeof(bare_probe) / sizeof(*bare_probe) : sizeof(bare) / sizeof(*bare);
	size_t len = strcspn(name, ":");

	if (is_in(list, n, name, len))
		return false;
	if (len > 2 && !strncmp(name, "no", 2) && is_in(list, n, name + 2, len - 2))
		return false;
	return true;
}

static void push(const char **list, unsigned *n, const char *file)
{
	if (*n < FFARGS_MAX)
		list[(*n)++] = file;
}

void ffargs__parse(struct ffargs *out, const char *const *argv, unsigned argc, bool probe)
{
	bool options = true;

	*out = (struct ffargs){ .n_inputs = 0 };
	for (unsigned i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!options || word[0] != '-' || !word[1]) {
			if (probe)
				push(out->input, &out->n_inputs, word);
			else
				push(out->output, &out->n_outputs, word);
		} else if (!strcmp(word, "--")) {
			options = false;
		} else if (takes_argument(word + 1, probe)) {
			i++;
			if (i < argc && !strcmp(word, "-i"))
				push(out->input, &out->n_inputs, argv[i]);
		}
	}
}
