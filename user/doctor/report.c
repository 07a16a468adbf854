/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <jansson.h>
#include <stdio.h>

#include "doctor/process.h"
#include "util/log.h"
#include "version.h"

static const char *const unwind_id[] = {
	[UNWIND_TABLES] = "tables", [UNWIND_FP] = "frame-pointers", [UNWIND_SCAN] = "scan",
	[UNWIND_HOTSPOT] = "hotspot", [UNWIND_NONE] = "none",
};

static const char *const names_id[] = {
	[NAMES_SYMTAB] = "symtab", [NAMES_DEBUG_FILE] = "debug-file", [NAMES_MINIDEBUG] = "minidebug",
	[NAMES_GO] = "go", [NAMES_DYNSYM] = "dynsym", [NAMES_STARTS] = "function-starts",
	[NAMES_PERF_MAP] = "perf-map", [NAMES_HOTSPOT] = "hotspot", [NAMES_NONE] = "none",
};

static void print_unwind(const struct doctor_binary *b)
{
	static const char *const text[] = {
		[UNWIND_TABLES] = "unwind tables", [UNWIND_FP] = "frame pointers",
		[UNWIND_SCAN] = "a search of the stack (guessed)",
		[UNWIND_HOTSPOT] = "HotSpot's own description of its code", [UNWIND_NONE] = "nothing",
	};

	printf("         unwound by %s", text[b->unwind]);
	if (b->unwind == UNWIND_TABLES) {
		if (b->uncovered >= 1024)
			printf(", but for %llu KiB of its code%s", b->uncovered / 1024,
			       b->fp ? ", which keep frame pointers" : "");
	}
	if (b->python_ok > 0)
		printf("; Python functions by the interpreter's own frames");
	putchar('\n');
}

static void print_names(const struct doctor_binary *b)
{
	static const char *const text[] = {
		[NAMES_SYMTAB] = "its symbol table", [NAMES_DEBUG_FILE] = "its debug file",
		[NAMES_MINIDEBUG] = "its .gnu_debugdata and exported symbols",
		[NAMES_GO] = "Go's own table", [NAMES_DYNSYM] = "exported symbols only",
		[NAMES_STARTS] = "nothing; functions are told apart", [NAMES_PERF_MAP] = "its perf map",
		[NAMES_HOTSPOT] = "HotSpot's own tables", [NAMES_NONE] = "nothing",
	};

	printf("         named by %s", text[b->names]);
	if (b->named)
		printf(", %u %s", b->named, b->names == NAMES_PERF_MAP ? "lines" : "functions");
	putchar('\n');
}

void doctor_report__text(const struct doctor_process *p)
{
	unsigned lacking = 0;

	printf("process %u (%s), %s%s%s\n", p->tgid, p->comm, p->exe, p->runtime ? ", a runtime: " : "",
	       p->runtime ? p->runtime : "");
	for (unsigned i = 0; i < p->n; i++) {
		const struct doctor_binary *b = &p->binary[i];

		printf("%-7s  %s, %llu KiB of code\n", b->lacking[0] ? "lacking" : "ok", b->path,
		       b->bytes / 1024);
		print_unwind(b);
		print_names(b);
		if (b->lacking[0])
			printf("         %s%s%s\n", b->lacking, b->remedy[0] ? "; " : "", b->remedy);
		lacking += !!b->lacking[0];
	}
	if (lacking)
		printf("%u of %u binaries lack something.\n", lacking, p->n);
	else
		printf("Nothing is lacking in %u binaries.\n", p->n);
}

/* JSON is UTF-8; a path need not be. */
static json_t *text(const char *str)
{
	json_t *o = json_string(str);
	char copy[1024];
	size_t n;

	if (o)
		return o;
	for (n = 0; str[n] && n + 1 < sizeof(copy); n++)
		copy[n] = (unsigned char)str[n] < 0x80 ? str[n] : '?';
	copy[n] = '\0';
	return json_string(copy);
}

static json_t *binary_json(const struct doctor_binary *b)
{
	static const char *const python[] = { "unsupported", NULL, "supported" };
	json_t *o = json_pack("{s:o, s:I, s:i, s:s, s:I, s:b, s:s, s:i, s:i}",
			      "path", text(b->path), "code_bytes", (json_int_t)b->bytes,
			      "mappings", (int)b->mappings, "unwind", unwind_id[b->unwind],
			      "code_without_tables_bytes", (json_int_t)b->uncovered, "frame_pointers", b->fp,
			      "names", names_id[b->names], "named", (int)b->named,
			      "unnamed", (int)b->unnamed);

	if (b->build_id[0])
		json_object_set_new(o, "build_id", text(b->build_id));
	if (b->python_ok)
		json_object_set_new(o, "python", text(python[b->python_ok + 1]));
	if (b->lacking[0])
		json_object_set_new(o, "lacking", text(b->lacking));
	if (b->remedy[0])
		json_object_set_new(o, "remedy", text(b->remedy));
	return o;
}

int doctor_report__json(const struct doctor_process *p)
{
	json_t *list = json_array(), *doc;
	int err = 0;

	for (unsigned i = 0; i < p->n; i++)
		err |= json_array_append_new(list, binary_json(&p->binary[i]));
	doc = json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:o}", "schema", "worktrace-doctor-pid-1",
			"tool", "worktrace " WT_VERSION, "pid", (int)p->tgid, "comm", text(p->comm),
			"exe", text(p->exe), "runtime", p->runtime ? text(p->runtime) : json_null(),
			"binaries", list);
	if (!doc || err) {
		wt_error(WT_ESAID, "out of memory");
		json_decref(doc);
		return 1;
	}
	/* a write error shows when main() flushes */
	err = json_dumpf(doc, stdout, JSON_INDENT(2)) ? 1 : 0;
	putchar('\n');
	json_decref(doc);
	return err;
}
