// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match_presets.c - lines as many programs write them.
 *
 * A number is never looked for inside of a path, a date, a version or a quantity: what
 * comes before and behind a pair is part of its pattern.
 */
#include <string.h>
#include "units/match_impl.h"

/* 76255  76,255  76.255  76'255  76_255, and with narrow or unbreakable spaces */
#define N "(?:\\d{1,3}(?:(?:[.,'_]|\\xe2\\x80[\\x89\\x99\\xaf]|\\xc2\\xa0)\\d{3})+|\\d+)"
/* before a number: not in a word, a path, a version, a time */
#define L "(?<![\\w/\\\\@])(?<!\\w[.+-])(?<!\\d[:,'])"
/* behind it: nor a fraction, a path, a quantity */
#define R                                                                                         \
	"(?![\\w/\\\\@-]|[.,:]\\d|\\s?(?:[kKMGT]i?[Bb](?:it|ps)?|[Bb]ytes?|B|bits?|[mun]?s|secs?|"    \
	"seconds|min|mins|minutes|hours?|[kMG]?Hz|fps|px|[kmc]?m|[kM]?bps)\\b(?!\\s?[=:]))"
#define OF                                                                                        \
	"(?:\\s?/\\s?|\\s(?:out of|(?i:of)(?: the| a total of| total| approx\\.?| about)?|[(\\[](?:out )?of|"    \
	"von(?: insgesamt)?|sur|de|di|van|av|af|from|\\xd0\\xb8\\xd0\\xb7)\\s|-of-)[#~]?"
/* with blanks between thousands only if both numbers have them */
#define NB "\\d{1,3}(?: \\d{3})+"
#define PAIR                                                                                      \
	L "(?:(?<done>" NB ")\\s?/\\s?(?<total>" NB ")(?! ?\\d)|(?<done>" N ")"                        \
	"(?:\\s(?:" THINGS ")|\\s?\\(\\d+(?:[.,]\\d+)?\\s?%\\))?" OF "(?<total>" N "))" R

#define DONE_WORDS                                                                                \
	"processed|done|finished|completed?|converted|transcoded|encoded|decoded|"         \
	"indexed|imported|exported|uploaded|downloaded|fetched|saved|stored|rendered|analy[sz]ed|"    \
	"classified|scanned|handled|copied|written|migrated|synced|resized|generated|created|"        \
	"succeeded|success|fertig|erledigt|verarbeitet|trait\xc3\xa9s?|procesad[oa]s?|"              \
	"tagged|labell?ed|annotated|transformed|compressed|optimi[sz]ed|parsed|extracted|inserted|"    \
	"published|archived|ingested|verified|validated|hashed|cropped|deleted"
#define BEGIN_WORDS                                                                               \
	"processing|starting|started|start|begin(?:ning)?|began|converting|transcoding|encoding|"     \
	"handling|working on|rendering|importing|indexing|scanning|downloading|uploading|tagging|"        \
	"resizing|copying|compressing|analy[sz]ing|classifying|extracting"
#define FAIL_WORDS "failed|failure|error|errored|aborted|crashed|fehlgeschlagen"
#define THINGS                                                                                    \
	"assets?|items?|images?|photos?|pictures?|files?|videos?|clips?|tasks?|jobs?|records?|"       \
	"documents?|docs?|pages?|frames?|rows?|messages?|orders?|tiles?|chunks?|batch(?:es)?|"        \
	"samples?|entries|entry|objects?|urls?|units?|steps?|dateien|datei|bild(?:er)?|fotos?|st(?:k|\xc3\xbc" "ck)?\\.?|"            \
	"(?:asset|item|image|photo|file|video|record|document|page|row|message|task|job)\\(s\\)"

/* where a word begins: asset_done, assetDone */
#define WORD "(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))"
#define Q "\\\\?[\"']"	/* around keys: JSON, also within a string, or a dictionary of Python */
#define NUM_VALUE(name) Q "\\s*:\\s*" Q "?(?<" name ">\\d+)(?![\\w.])"
#define NAME_KEYS                                                                                 \
	"asset_?id|asset|item_?id|item|file_?name|file|path|name|task_?id|task|job_?id|video_?id|"    \
	"video|image_?id|image|photo_?id|photo|key|uuid|unit|document_?id|document|record_?id|"       \
	"record|object_?id|message_?id|order_?id|id"
#define JSON_NAME                                                                                 \
	"(?=.*?" Q "(?i:" NAME_KEYS ")" Q "\\s*:\\s*(?:" Q "(?<unit>[^\"'\\\\]+)|(?<unit>\\d+)))"
/* 12.3s  870\xc2\xb5s  1m2.5s, as Go writes them */
#define GO_TIME                                                                                   \
	"(?:\\d+h)?(?:\\d+m)?\\d+(?:[.,]\\d+)?(?:m|u|n|\xc2\xb5|\xce\xbc)?s(?![\\w/=])"
/* how long, the whole of a value: behind "time" there may be a time of the day as well */
#define JSON_SPAN                                                                                 \
	"(?:\\d+(?:\\.\\d+)?(?:\\s?(?i:m|u|\xc2\xb5|\xce\xbc|n|milli)?(?i:s|secs?|seconds?)|[hm]\\d[\\dm.]*s)?|"   \
	"\\d+(?::\\d\\d){1,2}(?:\\.\\d+)?)"
#define JSON_ENDS "(?=\\s*" Q "?\\s*(?:[,}\\])]|$))"
#define JSON_TIME                                                                                 \
	"(?=.*?" Q "(?i:(?:elapsed|duration|took|time|seconds|secs)(?:_?s|_sec|_secs|_seconds)?|"     \
	"time_?taken)" Q "\\s*:\\s*" Q "?(?<elapsed>" JSON_SPAN ")" JSON_ENDS "|.*?" Q                 \
	"(?i:(?:elapsed|duration|took|time)_?(?:ms|millis))" Q "\\s*:\\s*" Q                          \
	"?(?<elapsed_ms>\\d+(?:\\.\\d+)?)" JSON_ENDS "|)"
#define JSON_LEFT                                                                                 \
	"(?=.*?" Q "(?i:eta(?:_?s|_sec|_secs|_seconds)?|(?:time_?)?remaining_?(?:s|secs?|seconds)|"   \
	"time_?(?:left|remaining))" Q "\\s*:\\s*" Q "?(?<remaining>\\d[^,\"'}]*)|)"
/* what a server was asked is nobody's progress */
#define JSON_NO_REQUEST                                                                           \
	"(?!.*?(?:" Q "(?i:method|verb|uri|url|req|request\\w*|res|response\\w*|http\\w*|remote\\w*|client\\w*|query|sql|" \
	"statement|user_?agent|route|endpoint|referr?er)" Q "\\s*:|\\b(?:GET|PUT|POST|HEAD|DELETE|PATCH) /|"       \
	"(?i:\\b(?:request|health_?check|heartbeat|log(?:ged)?[_ ]?(?:in|out))(?![a-z]))))"                       \
	"(?!(?=.*?" Q "(?i:status|(?:status_?)?code)" Q "\\s*:\\s*" Q "?[1-5]\\d\\d\\b)"                      \
	".*?" Q "(?i:path|ip|host|size|bytes\\w*|latency\\w*|proto(?:col)?)" Q "\\s*:)"
#define JSON_FAILED                                                                               \
	"(?=.*?" Q "(?i:status|state|result|outcome|event|msg|message)" Q "\\s*:\\s*" Q               \
	"[^\"']*" WORD "(?<failed>(?i:" FAIL_WORDS "))(?![a-z])|.*?" Q "(?i:ok|success)" Q                       \
	"\\s*:\\s*(?<failed>(?i:false))|.*?" Q "(?i:ok|success)" Q "\\s*:\\s*(?<ok>(?i:true))|)"

#define DURATION                                                                                  \
	"(?:\\d+(?::\\d\\d){1,2}|\\d+(?:[.,]\\d+)?\\s?(?i:d|days?|h|hours?|hrs?|std|m|mins?|"         \
	"minutes?|minuten|s|secs?|seconds?|sek|sekunden|ms)\\b(?:[ ,]{0,2}\\d+(?:[.,]\\d+)?\\s?"      \
	"(?:h|m|min|s)\\b)*+)"

#define FILE_TYPES                                                                                \
	"jpe?g|png|gif|webp|tiff?|bmp|heic|avif|svg|raw|dng|cr2|nef|psd|mp4|m4[av]|mov|mkv|avi|webm|mxf|ts|mp3|wav|flac|"   \
	"ogg|aac|pdf|docx?|xlsx?|pptx?|csv|tsv|json|xml|txt|html?|zip|gz|tar|parquet|o|obj"
/* the file that is worked at: no source, no page of a server */
#define MEDIA                                                                                     \
	"(?<unit>[\\w./-]*[\\w-]\\.(?i:jpe?g|png|gif|webp|tiff?|bmp|heic|avif|raw|dng|cr2|nef|psd|mp4|m4[av]|mov|mkv|avi|"   \
	"webm|mxf|mp3|wav|flac|ogg|aac|pdf|docx?|csv|parquet))(?![\\w/(]|\\.(?!\\.\\.))"
#define NO_REQUEST                                                                                \
	"^(?!.*?(?:\\b(?:GET|PUT|POST|HEAD|DELETE|PATCH|SELECT|INSERT|UPDATE|HTTP)\\b|(?i:\\b(?:method|verb|uri|url|query|sql)=|" \
	"\\b(?:select\\b.{1,120}?\\sfrom|insert\\sinto|delete\\sfrom|update\\b.{1,60}?\\sset)\\b|"            \
	"\\b(?:statement|execute [^:]{1,60}):\\s|\\brequest (?:" DONE_WORDS "|" FAIL_WORDS ")|"               \
	"\\bpath=.*?\\bstatus=[1-5]\\d\\d\\b|\\bstatus=[1-5]\\d\\d\\b.*?\\bpath=)))"
/* pages that a server made, what an init system starts, what is installed: no units of a batch */
#define NO_UNIT                                                                                   \
	"(?![\\w./:@-]*\\.(?:erb|haml|slim|jbuilder|twig|ejs|hbs|mustache|jinja2?|j2|tmpl|vue|whl|service|mount|socket|"   \
	"target|device|timer|slice|scope|swap)\\b)"
/* nor is a counter a name */
#define NO_PAIR "(?!\\d+\\s?/\\s?\\d)"
#define UUID "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
/* somewhere on the line */
#define TOOK                                                                                      \
	"(?=.*?(?:(?i:\\b(?:ms|(?:took|elapsed|duration)_?ms)=(?<elapsed_ms>\\d+(?:\\.\\d+)?)|"          \
	"\\b(?:t|secs?|seconds|took|elapsed|duration)(?:_s)?=(?<elapsed>" GO_TIME "|\\d+(?:[.,]\\d+)?(?![\\w:-])))|"  \
	"(?:\\b(?:in|took|after|dauer:?|duration:?|elapsed:?) ?|[(:=>,;] ?|\\s)"                      \
	"(?<elapsed>\\d+(?:[.,]\\d+)?\\s?(?:ms|s|secs?|seconds?|sek|min|minutes?))(?![\\w/=])))"

const char preset_words[] =
	DONE_WORDS "|" FAIL_WORDS "|" BEGIN_WORDS "|current|left|remaining|pending|progress|percent|pct|fortschritt|end";
const char preset_things[] = "asset|item|image|photo|picture|file|video|clip|task|job|record|document|page|frame|row|"
	"message|order|tile|chunk|batch|sample|entr|object|url|unit|step|datei|bild|foto|iter|epoch|round";
const char preset_remaining[] =
	"(?i)(?:\\b(?:est(?:imated|\\.)?(?: time)? (?:remaining|left)|(?:time )?remaining|time left|eta|"
	"rest(?:zeit)?|verbleibend|noch)\\b[ :=]{0,3}(?<remaining>" DURATION ")|"
	"<(?<remaining>\\d+:[\\d:]+)[,\\]]|"
	"(?<remaining>" DURATION ") (?:remaining|left|to go|verbleibend|\xc3\xbc" "brig)\\b)";
const char preset_took[] =
	"(?i)(?:\\b(?:in|took|after|dauer:?|duration[:=]?)[ =]?|\\((?=[^()]*\\)$))"
	"(?<elapsed>\\d+(?:[.,]\\d+)?\\s?(?:ms|s|secs?|seconds?|min|minutes?)\\b)";
const char preset_named[] =
	"(?i)\\b(?:asset|item|image|photo|file|video|clip|task|job|record|document|page|object|id)"
	"(?:[ #:=\"'(]|_id[ :=]){1,3}(?!(?:" DONE_WORDS "|" FAIL_WORDS "|" BEGIN_WORDS "|ok)\\b)(?<unit>[\\w./-]*\\w)";
const char preset_file[] =
	"(?i)(?<unit>[\\w./-]*[\\w-]\\.(?:" FILE_TYPES "))\\b(?![.(/])";

/* where a line tells of a unit: that it failed, and not how many did */
const char preset_failed[] =
	"(?:(?<!\\d )\\b(?<failed>FAIL(?:ED|URE)?|ERROR)\\b(?!\\s?[=:]?\\s?\\d)|"
	"(?i:\\b(?:status|state|result|outcome)[\"']?\\s?[=:]\\s?[\"']?(?<failed>fail\\w*|error\\w*|ko)\\b)|"
	"(?i:\\b(?:rc|exit[ _-]?(?:code|status)|returncode)[\"']?\\s?[=:]\\s?)(?<failed>-?[1-9])|"
	"\\b(?<failed>[Ff]ailed)(?::\\s(?!\\d)|(?<!\\d failed)(?<!\\d Failed)(?:\\s?$|\\s\\())|^\\s*(?<failed>\\xe2\\x9c[\\x96-\\x98]|\\xe2\\x9d\\x8c))";

#define TASK "(?<unit>[\\w.:@/<>-]+\\[[\\w.:-]{4,128}\\])"

const struct preset_pattern preset_patterns[] = {
	/* Celery's worker log, 3 to 5; its prefix may be another */
	{ "celery", "\\bTask (?<begin>accepted): " TASK, CLEAR, 0 },
	{ "celery", "\\b(?:Task " TASK " (?<queued>received)|(?<queued>Received) task: " TASK ")", CLEAR, 0 },
	{ "celery",
	  "\\bTask " TASK " (?:(?<ok>succeeded) in (?<elapsed>[\\d.]+)s|(?<retry>retry): |"
	  "(?<failed>raised (?:un)?expected|INTERNAL ERROR|failed|rejected|revoked)|(?<end>ignored))",
	  CLEAR, 0 },
	{ "celery",
	  "(?:\\b(?<failed>Hard) time limit \\([\\d.]+s\\) exceeded for|(?<failed>Discarding) revoked task:) " TASK,
	  CLEAR, 0 },

	{ "pytest",
	  "^(?<unit>\\S+::\\S.*?)\\s+(?:(?<ok>PASSED|XPASS)|(?<failed>FAILED|ERROR)|(?<end>SKIPPED|XFAIL))"
	  "(?:\\s+\\(.*\\))?(?:\\s+\\[\\s*\\d+%\\])?\\s*$", CLEAR, 0 },
	{ "pytest",
	  "^\\[gw\\d+\\]\\s+(?:\\[\\s*\\d+%\\]\\s+)?(?:(?<ok>PASSED|XPASS)|(?<failed>FAILED|ERROR)|"
	  "(?<end>SKIPPED|XFAIL))\\s+(?<unit>\\S+::\\S.*)", CLEAR, 0 },

	{ "perf-counter", "\\[[A-Za-z][\\w .-]{0,31}\\]\\s+" PAIR, COUNTER, 1 },

	/* tqdm; its numbers may be rounded ones: 1.25k/270k */
	{ "percent",
	  /* … but bytes are no units */
	  "\\d%\\|[^|]*\\|\\s*(?<done>\\d+(?:\\.\\d+)?[kMG]?)/(?<total>\\d+(?:\\.\\d+)?[kMG]?) "
	  "\\[[\\d:]+<(?!.*?[\\dkMGi]B/s\\])", COUNTER, 1 },
	/* Spark: so many done, so many at work */
	{ "percent", L "\\((?<done>" N ") \\+ \\d+\\) ?/ ?(?<total>" N ")" R, COUNTER, 1 },
	{ "percent", L "(?<done>\\d+)[a-z]{0,12} \\[\\d+:[\\d:]+, ", COUNT, 3 },
	/* [####   ] 12/340;  45% (45 of 100);  12/340 [====>  ] */
	{ "percent",
	  "^(?=.*(?:[#=*>.-]{3}|(?:\\xe2[\\x94-\\x97].){2}|\\d\\s?%)).*?" PAIR, COUNTER, 1,
	  .explicit_only = true },

	{ "json",
	  "^[^{]*+\\{(?:(?=.*?" Q "\\w*(?i:done|completed?|processed|finished|handled)\\w*" NUM_VALUE("done")
	  ")|(?=.*?" Q "(?i:current\\w*|position|pos|index|idx|i|n|nr|number|num|step|iteration|iter|seq|"
	  "sequence|progress|ordinal|item|counter)" NUM_VALUE("done") ")|(?=.*?" Q "(?i:count)"
	  NUM_VALUE("done") "))"
	  "(?:(?=.*?" Q "\\w*(?i:total)\\w*" NUM_VALUE("total") ")|(?=.*?" Q "(?i:of|out_?of|max\\w*|"
	  "(?:n|num|item)_?(?:items|count)|items|all|size|count|expected|length|len|goal|target)"
	  NUM_VALUE("total") ")|(?=.*?" Q "(?i:n|(?:n|num)_\\w+|\\w+_(?:count|num|max|size))" NUM_VALUE("total") ")|"
	  "(?=.*?" Q "(?i:remaining|left|pending|todo|to_do|queued|backlog)" NUM_VALUE("left") "))"
	  "(?:" JSON_NAME "|)" JSON_FAILED JSON_TIME JSON_LEFT, COUNTER, 1 },
	/* "asset":12,"of":340 */
	{ "json",
	  "(?i)^[^{]*+\\{.*?" Q "(?:asset|photo|image|file|video|document|task|chunk|batch)" NUM_VALUE("done") ".*?" Q
	  "(?:total|of|out_?of)" NUM_VALUE("total"), COUNTER, 1, .needs = LINE_THING },
	/* "step":12,"steps":340 */
	{ "json",
	  "^[^{]*+\\{.*?" Q "(?<key>\\w{2,24})" NUM_VALUE("done") ".*?" Q "\\k<key>s" NUM_VALUE("total"), COUNTER, 1, .needs = LINE_THING },
	/* "msg":"progress","args":[12,340];  "event":"progress","value":12,"max":340 */
	{ "json",
	  "(?i)^[^{]*+\\{.*?" Q "(?:progress|processed|done)" Q ".*?(?:\\[|" Q "(?:value|now|at)" Q "\\s*:\\s*)(?<done>\\d+)"
	  "\\s*,\\s*(?:" Q "(?:max|of|total|end)" Q "\\s*:\\s*)?(?<total>\\d+)(?![\\w.])", COUNTER, 1, .needs = LINE_WORDS },
	{ "json",
	  "^[^{]*+\\{(?=.*?" Q "(?i:event|msg|message|status|state|action|type)" Q "\\s*:\\s*" Q
	  "[^\"']*" WORD "(?:(?<failed>(?i:" FAIL_WORDS "))|(?<end>(?i:" DONE_WORDS "|ok))|"
	  "(?<begin>(?i:" BEGIN_WORDS ")))(?![a-z]))" JSON_NO_REQUEST JSON_NAME JSON_FAILED JSON_TIME, EVENTS, 2 },
	/* what was at work on something, and how long */
	{ "json",
	  "^[^{]*+\\{(?=.*?" Q "(?i:(?:elapsed|duration|took|seconds|secs|ms|millis|t|dt)(?:_?(?:ms|s|sec|secs|seconds|"
	  "millis))?|time_(?:taken|ms|s))" Q "\\s*:\\s*" Q "?" JSON_SPAN JSON_ENDS ")" JSON_NO_REQUEST "(?=.*?" Q "(?i:(?:asset|item|file|task|job|video|"
	  "image|photo|document|record|object|message|order|clip)(?:_?(?:id|name|no|nr))?)" Q "\\s*:\\s*(?:" Q
	  "(?<unit>[^\"'\\\\]+)|(?<unit>\\d+)))(?<end>)" JSON_FAILED JSON_TIME, EVENTS, 3, .needs = LINE_TOOK },

	/* done=12 total=340;  done: 12, of: 340 */
	{ "logging",
	  "(?i)(?:" DONE_WORDS "|current|index|idx|pos|position|step|item|asset|photo|image|file|count|progress|"
	  "(?<!\\w)(?:[in]|id|nr|no|num))\\s?[=:]\\s?[\"']?"
	  "(?<done>" N ")\\b(?!\\s?[%/.]).{1,120}?\\b(?:n|len|length|\\w*(?:total|of|max|all|size|items|count))\\s?[=:]\\s?[\"']?(?<total>" N ")"
	  R, COUNTER, 1, .needs = LINE_KEYS },
	/* total=340 done=12 */
	{ "logging",
	  "(?i)\\b(?:total|all|of)\\s?[=:]?\\s?(?<total>" N ")\\b.{1,40}?(?:" DONE_WORDS "|current)\\s?[=:]?\\s?"
	  "(?<done>" N ")" R, COUNTER, 1, .needs = LINE_WORDS },
	/* PROGRESS 12 340;  PROGRESS: 12, 340 */
	{ "logging",
	  "(?i)\\b(?:progress|" DONE_WORDS ")[ :;,=|]{1,3}(?<done>" N ")(?: ?[,;|] ?| )(?<total>" N ")" R, COUNTER, 1, .needs = LINE_WORDS },
	/* 12 done, 328 left */
	{ "logging",
	  L "(?<done>" N ") (?:\\w+ )?(?i:done|processed|completed|finished|ok|" THINGS ")\\b.{1,30}?" L "(?<left>" N ") "
	  "(?:\\w+ )?(?i:left|remaining|to go|pending|queued|open)\\b", COUNTER, 1 },
	/* 328 of 340 left */
	{ "logging",
	  L "(?<left>" N ")(?:\\s(?:" THINGS "))?" OF "(?<total>" N ") (?:(?:" THINGS ") )?(?i:left|remaining|to go|pending)\\b", COUNTER, 1,
	  .needs = LINE_WORDS },
	/* photos left: 328;  328 photos to go: it counts down */
	{ "logging",
	  "(?i)\\b(?:" THINGS ") (?:left|remaining|to go|pending|to do)\\s?[:=]\\s?(?<left>" N ")" R "|"
	  L "(?<left>" N ") (?:more )?(?:" THINGS ") (?:left|remaining|to go|pending|to do)\\b", COUNT, 3, .needs = LINE_WORDS | LINE_THING },
	{ "logging", "^\\s*(?<left>" N ") (?:left|remaining)\\.?\\s*$", COUNT, 4, .needs = LINE_WORDS },
	{ "logging",
	  "(?:\\d\\d:\\d\\d(?::\\d\\d)?(?:[.,]\\d+)?|\\b(?i:DEBUG|INFO|NOTICE|WARN(?:ING)?)\\b).*?" PAIR,
	  COUNTER, 1, .explicit_only = true },

	{ "processed",
	  "(?i)(?:\\b(?:" DONE_WORDS "|" BEGIN_WORDS ")\\b[ :]+(?:[a-z]+ ){0,2}?" PAIR "|" L "(?<done>" N ")" OF "(?<total>" N
	  ") (?:[a-z]+ ){0,2}?(?:" DONE_WORDS ")\\b)", COUNTER, 1, .explicit_only = true },

	{ "bracket", "(?:^|\\s)[\\[(]\\s?(?<done>" N ")" OF "(?<total>" N ")\\s?[\\])](?!\\()[ :-]*"
	  /* … its name, but no more than how long it took, or what share that is */
	  "(?:(?!(?:in|after|took:?) \\d|(?i:eta|took|elapsed|done|ok)\\b|\\d+(?:[.,]\\d+)?\\s?%)(?<unit>[\\w\"'/.].*))?",
	  COUNTER, 1 },
	{ "ninja", "^\\[\\s*(?<done>\\d+)/(?<total>\\d+)\\]\\s+(?<unit>\\S.*)", COUNTER, 1, .explicit_only = true },
	{ "counter", PAIR, COUNTER, 1, .anywhere = true },
	/* step 12 - 340 */
	{ "counter",
	  "(?i)\\b(?:" THINGS "|iterations?|epochs?|rounds?|parts?|phases?)\\s#?(?<done>" N ")\\s?-\\s?(?<total>" N ")" R,
	  COUNTER, 1, .needs = LINE_DASH },

	{ "make",
	  "^\\[\\s*\\d{1,3}%\\] (?:(?<begin>Building|Linking|Generating|Creating|Compiling|Running|Performing)|"
	  "(?<end>Built target)) (?<unit>\\S.*)", EVENTS, 2 },
	{ "make", "^  (?<begin>(?:HOST)?(?:CC|CXX|LD|AR|AS|GEN|LINK|OBJCOPY|BPF|CLANG))(?: \\[M\\])?\\s+(?<unit>\\S+)$",
	  EVENTS, 2 },
	{ "make", "^\\s+(?<begin>Compiling|Checking) (?<unit>\\S+ v\\d\\S*)", EVENTS, 2 },

	/* other queues' workers: Sidekiq, RQ, Huey, arq */
	{ "finished",
	  "\\bjid=(?<unit>\\w+)\\b(?:.*?\\belapsed=(?<elapsed>[\\d.]+))?.*?\\bINFO: (?:(?<begin>start)|(?<ok>done)|(?<failed>fail))\\s*$",
	  EVENTS, 2 },
	{ "finished",
	  "^(?:\\d\\d:\\d\\d:\\d\\d )?[\\w-]+: (?:Job (?<ok>OK)|(?<begin>[\\w.]+\\(.*\\))) \\((?<unit>" UUID ")\\)$", EVENTS, 2 },
	{ "finished",
	  "(?:\\b(?<begin>Executing) [\\w.]+: (?<unit>" UUID ")|: (?<unit>" UUID ") (?<ok>executed) in (?<elapsed>[\\d.]+s))", EVENTS, 2 },
	{ "finished",
	  "^[^a-z]*?(?:\\d+\\.\\d+s (?<begin>\\xe2\\x86\\x92) (?<unit>[\\w-]+:\\w+)\\(|(?<elapsed>\\d+\\.\\d+s) \\xe2\\x86\\x90 "
	  "(?<unit>[\\w-]+:\\w+) (?:(?<ok>\\xe2\\x97\\x8f)|(?<failed>!)))", EVENTS, 2 },

	{ "tests", "^test (?<unit>\\S.*?) \\.\\.\\. (?:(?<ok>ok)|(?<failed>FAILED)|(?<end>ignored))", EVENTS, 2 },
	{ "tests", "^(?<unit>\\w+ \\([\\w.]+\\)).* \\.\\.\\. (?:(?<ok>ok)|(?<failed>FAIL|ERROR)|(?<end>skipped|expected failure))",
	  EVENTS, 2 },
	{ "tests", "^\\s*--- (?:(?<ok>PASS)|(?<failed>FAIL)|(?<end>SKIP)): (?<unit>\\S+) \\((?<elapsed>[\\d.]+)s\\)",
	  EVENTS, 2 },
	{ "tests", "^\\[ +(?:(?<begin>RUN)|(?<ok>OK)|(?<failed>FAILED)) +\\] (?<unit>\\S+)(?: \\((?<elapsed_ms>\\d+) ms\\))?",
	  EVENTS, 2 },
	{ "tests", "^ ?(?:(?<ok>PASS)|(?<failed>FAIL)) {1,2}(?<unit>\\S+\\.(?:test|spec)\\.\\w+)(?: \\((?<elapsed>[\\d.]+ m?s)\\))?", EVENTS, 2 },
	{ "tests", "^(?:(?<failed>not ok)|(?<ok>ok)) \\d+(?: -)? (?<unit>\\S.*)", EVENTS, 2 },

	/* processed 12 files;  12 files done */
	{ "processed",
	  "(?i)(?:(?<![a-z])(?:" DONE_WORDS ")\\b[ :=]+(?<done>" N ")" R "(?!\\s?%|" OF "\\d)|" L
	  /* … of as many, and not who did that to one file: "4711 tagged IMG_1.jpg" */
	  "(?<done>" N ")\\s(?:(?:" THINGS ")\\s)?(?:" DONE_WORDS ")\\b(?![ :=]+\\d|:? \"?[\\w./-]*[\\w-]\\.(?:" FILE_TYPES ")\\b))",
	  COUNT, 3, .needs = LINE_WORDS },
	/* 12 assets in 5.0 s */
	{ "processed", "(?i)" L "(?<done>" N ")\\s(?:" THINGS ")\\s(?:in|after)\\s\\d", COUNT, 3, .needs = LINE_TOOK | LINE_THING },
	/* asset IMG_0001 done;  finished item a-17 in 0.3 s */
	{ "finished",
	  "(?i)\\b(?:" THINGS ")[ :#=\"'(\\[_-]{1,3}" NO_PAIR "(?<unit>[\\w./:@-]*\\w)[\"')\\]:,]{0,2} (?:\\S+ ){0,2}?"
	  "(?:(?<end>" DONE_WORDS "|ok)|(?<failed>" FAIL_WORDS ")|(?<begin>" BEGIN_WORDS "))\\b", EVENTS, 3,
	  .needs = LINE_WORDS },
	{ "finished",
	  "(?i)\\b(?:(?<end>" DONE_WORDS ")|(?<failed>" FAIL_WORDS ")|(?<begin>" BEGIN_WORDS "))\\b"
	  "(?: with| to process)?:? (?!\"?(?:get|put|post|head|delete|patch|options) )(?:"
	  /* photo=IMG_1.jpg */
	  "[^=]{0,24}?\\b(?:" NAME_KEYS ")=[\"']?(?<unit>[^\\s\"',;\\])}]+)|"
	  /* an id has letters and digits, but is no amount (12MB) … */
	  "(?:\\w+ ){0,2}?[\"'(\\[]?" NO_UNIT NO_PAIR "(?<unit>(?=[\\w./:@-]*\\d)(?=[\\w./:@-]*[a-z_])(?![\\d.,]+[a-z]{1,3}(?:/s)?\\b)"
	  "[\\w./:@-]*\\w)|"
	  /* … or is a number of something */
	  "(?:\\w+ ){0,2}?(?:(?:" THINGS ")[ :#]+|#)(?<unit>\\d+)(?!\\s?[%/]|[.,]\\d|\\s(?:of|von|" THINGS ")\\b))", EVENTS, 3,
	  .needs = LINE_WORDS },
	/* event=asset_done id=17 */
	{ "finished",
	  NO_REQUEST "(?i)(?=.*?\\b(?:" NAME_KEYS ")=[\"']?(?<unit>[^\\s\"',;\\])}]+)).*?\\b(?:event|msg|message|status|state|action|"
	  "result|outcome|step|stage|phase)="
	  "(?:\"[^\"]*?|\\S*?)(?<![a-z])(?:(?<failed>" FAIL_WORDS ")|(?<end>" DONE_WORDS "|ok)|(?<begin>" BEGIN_WORDS
	  "))(?![a-z])", EVENTS, 3, .needs = LINE_WORDS },
	/* a.jpg: ok;  OK a.jpg */
	{ "finished",
	  "^(?:(?<unit>\\S+)(?::|:? ?\\.\\.\\.| ?[=-]>) ?(?:(?<ok>OK|ok|[Dd]one|DONE)|(?<failed>FAILED|[Ff]ailed|ERROR|error))[.!]?$|"
	  "(?:\\[ ?)?(?:(?<ok>OK|DONE|\\xe2\\x9c[\\x93-\\x95])|(?<failed>FAIL(?:ED)?|\\xe2\\x9c[\\x96-\\x98]))"
	  "(?: ?\\])?:? (?<unit>\\S+)|"
	  /* which may be a level of logging */
	  "(?:\\[ ?)?(?<failed>ERROR)(?: ?\\])?:? (?<unit>[\\w./-]*[\\d_/][\\w./-]*)$)", EVENTS, 3 },

	/* Applying app.0007_photos... OK: with a name that has more than letters */
	{ "finished",
	  "^\\s*(?:[A-Za-z]\\S* ){1,3}?" NO_UNIT "(?<unit>(?=\\S*[\\d_/])[\\w./:@()+-]*[\\w)])\\s?(?:\\.\\.\\.|\\xe2\\x80\\xa6)\\s?"
	  "(?:(?<ok>OK|ok|[Dd]one|DONE)|(?<failed>FAILED|[Ff]ailed|ERROR|error))[.!]?(?: \\([^()]*\\))?\\s*$", EVENTS, 3,
	  .needs = LINE_DOTS },
	/* IMG_1.jpg: 0,41 s;  IMG_1.jpg -> IMG_1.webp (0.41 s) */
	{ "finished", NO_REQUEST TOOK ".*?(?<![\\w./-])" MEDIA "(?<end>)", EVENTS, 3, .needs = LINE_TOOK | LINE_FILE },
	/* asset 17: 0.41 s;  asset=17 ms=410 */
	{ "finished",
	  NO_REQUEST TOOK ".*?(?i:\\b(?:asset|item|image|photo|picture|video|clip|document|foto|bild))(?:_?id)?"
	  "[ #:=_-]{1,2}" NO_PAIR "(?<unit>[\\w.-]*\\d[\\w.-]*(?<![.-]))(?<end>)", EVENTS, 3, .needs = LINE_TOOK | LINE_THING },
	/* END asset=17 */
	{ "finished",
	  "(?:^|[\\s\\]])(?:(?<end>END|DONE|FINISHED?)|(?<begin>START|BEGIN))[ :]+(?i:" THINGS ")[ :#=]{1,3}"
	  "(?<unit>[\\w./:@-]*\\w)", EVENTS, 3, .needs = LINE_WORDS | LINE_THING },
	/* Tagging IMG_1.jpg;  IMG_1.jpg tagged */
	{ "finished", "^(?:.*[\\]:] )?(?<begin>[A-Z]?[a-z]+ing) (?i:(?:" THINGS ") )?" MEDIA "(?: ?\\.{3})?$", EVENTS, 3, .needs = LINE_FILE },
	{ "finished",
	  "(?:^|[\\]: ])" MEDIA ":? (?i:(?<end>" DONE_WORDS "|ok)|(?<failed>" FAIL_WORDS "))\\b", EVENTS, 3, .needs = LINE_WORDS | LINE_FILE },
	/* Unpacking libfoo7:amd64 (1.2.3-1) ... */
	{ "finished",
	  "^\\s*(?<begin>[A-Z][a-z]+ing)(?: up)? " NO_UNIT "(?<unit>(?=\\S*[\\d_/-])[\\w./:@+-]*\\w)(?: \\([^)]*\\))?\\s?"
	  "(?:\\.\\.\\.|\\xe2\\x80\\xa6)\\s*$", EVENTS, 3, .needs = LINE_DOTS },

	/* 12. IMG_1.jpg */
	{ "counter", "^\\s*(?<done>" N ")[:.)]\\s+" MEDIA, COUNT, 4, .needs = LINE_FILE },
	/* photo 12 ...;  iteration 12: */
	{ "counter",
	  "(?i)^(?:.*[\\]:] )?(?:(?:asset|item|image|photo|picture|video|clip|document|foto|bild) #?(?<done>" N ")(?: ?\\.{3})?$|"
	  "(?:iteration|iter|epoch|round) #?(?<done>" N ")(?:$|[:,] ))", COUNT, 4, .needs = LINE_THING },
	/* a share is no count of units: the last resort */
	{ "json",
	  "^[^{]*+\\{.*?" Q "(?i:progress|percent(?:age|_?done|_?complete)?|pct(?:_?done)?|progress_?(?:pct|percent))" Q
	  "\\s*:\\s*(?:" Q "?(?<done>100|[1-9]\\d?|0(?=[,}]))(?:[.,]\\d+)?\\s?%?(?![\\w/.])|(?<share>0?\\.\\d+|1\\.0+))(?![\\w/])",
	  COUNT, 4, .needs = LINE_WORDS, .total = 100 },
	{ "logging",
	  "(?i)(?<![\\w-])(?:progress|percent|pct|fortschritt)\\s?[=:]\\s?(?:(?<share>0?[.,]\\d+|1[.,]0+)|"
	  "(?<done>100|\\d\\d?)(?:[.,]\\d+)?)(?![\\w/.%]| ?[/%])", COUNT, 4, .needs = LINE_WORDS, .total = 100 },
	/* [ 12 %] IMG_1.jpg;  12% IMG_1.jpg */
	{ "percent",
	  "^(?:\\[\\s*(?<done>\\d{1,3})(?:[.,]\\d+)?\\s?%\\s*\\]|\\s*(?<done>\\d{1,3})(?:[.,]\\d+)?\\s?%)\\s+" MEDIA, COUNT, 4,
	  .needs = LINE_SHARE | LINE_FILE, .total = 100 },
	/* rsync, scp, wget: 12%  10.00MB/s  0:00:10 */
	{ "percent",
	  "(?<![\\w.,])(?<done>\\d{1,3})\\s?%.{1,40}?\\d\\s?[kKMGT]?i?B/s\\s.{0,12}?(?:\\d:\\d\\d|\\d+[sm]\\b)", COUNT, 4,
	  .needs = LINE_SHARE, .total = 100 },
	{ "percent",
	  "^(?:[^\\d%]{0,80}(?:\\.\\.\\.|\\xe2\\x80\\xa6|[:>\\]])\\s*)?\\[?\\s*(?<done>\\d{1,3})(?:[.,]\\d+)?\\s?%\\s*\\]?\\s*$",
	  COUNT, 4, .needs = LINE_SHARE, .total = 100 },
	{ "percent",
	  "(?i)^(?=.*(?:[#=*>.-]{3}|(?:\\xe2[\\x94-\\x97].){2}|\\b(?:progress|fortschritt|" DONE_WORDS ")\\b))"
	  ".*?(?<![\\w.,])(?<done>\\d{1,3})(?:[.,]\\d+)?\\s?%", COUNT, 4, .needs = LINE_SHARE, .total = 100 },
};

const unsigned n_preset_patterns = sizeof(preset_patterns) / sizeof(preset_patterns[0]);

bool preset_has(const char *name, size_t len, const struct preset_pattern *p)
{
	/* the worker's log has more to say of its tasks */
	if (len == strlen(PRESET_CELERY_FRAMES) && !memcmp(name, PRESET_CELERY_FRAMES, len))
		len = strlen("celery");
	return strlen(p->preset) == len && !memcmp(p->preset, name, len);
}

bool preset_list_has(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strcspn(p, ",") == len && !memcmp(p, name, len))
			return true;
	return false;
}

bool preset_exists(const char *name, size_t len)
{
	for (unsigned i = 0; i < n_preset_patterns; i++)
		if (preset_has(name, len, &preset_patterns[i]))
			return true;
	return (len == 4 && !memcmp(name, "auto", 4)) ||
	       (len == strlen(PRESET_CELERY_FRAMES) && !memcmp(name, PRESET_CELERY_FRAMES, len));
}

const char *matcher__presets(void)
{
	return "auto, celery, celery-frames, pytest, perf-counter, percent, json, logging, processed, bracket, ninja, "
	       "counter, make, tests, finished";
}
