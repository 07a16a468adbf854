// SPDX-License-Identifier: GPL-2.0-or-later
/* Secrets and personal data are taken out of texts and command lines; the rest stays. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "units/redact.h"
#include "util/clock.h"

struct pair {
	const char *in;
	const char *want;	/* NULL: nothing changes */
};

static void check_text(const struct pair *p, size_t n)
{
	char out[1024], again[1024];

	for (; n--; p++) {
		const char *want = p->want ? p->want : p->in;
		size_t len = redact__text(out, sizeof(out), p->in, strlen(p->in));

		assert_string_equal(out, want);
		assert_int_equal(len, strlen(want));
		/* what was done once is not done worse the second time */
		redact__text(again, sizeof(again), out, len);
		assert_null(strstr(again, "hunter2"));
	}
}

#define CHECK(table) check_text(table, sizeof(table) / sizeof((table)[0]))

static void test_names(void **state)
{
	static const struct pair t[] = {
		{ "PGPASSWORD=hunter2 psql -h db", "PGPASSWORD=[secret] psql -h db" },
		{ "DB_PASS=a&hunter2 x", "DB_PASS=[secret] x" },
		{ "MYSQL_PWD=hunter2", "MYSQL_PWD=[secret]" },
		{ "srt://h:1?mode=caller&psk=hunter2&x=1", "srt://h:1?mode=caller&psk=[secret]&x=1" },
		{ "-f flv rtmp://live.example/app/hunter2?x=1 end", "-f flv rtmp://live.example/app/[secret]?x=1 end" },
		{ "'rtmps://u:hunter2@h:443/live2/hunter2-a/b' x", "'rtmps://u:[secret]@h:443/live2/[secret]' x" },
		{ "rtmp://h/app rtmp://h/app/ http://h/app/x", NULL },
		{ "GITLAB_TOKEN: hunter2, next", "GITLAB_TOKEN: [secret] next" },
		{ "AWS_SECRET_ACCESS_KEY=hunter2", "AWS_SECRET_ACCESS_KEY=[secret]" },
		{ "-Djavax.net.ssl.keyStorePassword=hunter2 -jar x",
		  "-Djavax.net.ssl.keyStorePassword=[secret] -jar x" },
		{ "{\"event\":\"done\",\"token\":\"hun\\\"ter2\",\"id\":3}",
		  "{\"event\":\"done\",\"token\":\"[secret]\",\"id\":3}" },
		{ "{'apiKey': 'hunter2 x', 'n': 1}", "{'apiKey': '[secret]', 'n': 1}" },
		{ "{\\\"password\\\":\\\"hunter2\\\",\\\"n\\\":1}",
		  "{\\\"password\\\":\\\"[secret]\\\",\\\"n\\\":1}" },
		{ "\"credentials\": {\"password\": \"hunter2\"}",
		  "\"credentials\": {\"password\": \"[secret]\"}" },
		{ "password = hunter2", "password = [secret]" },
		{ "Authorization: Bearer hunter2hunter2 end", "Authorization: Bearer [secret] end" },
		{ "Authorization: hunter2 hunter2", "Authorization: [secret]" },
		{ "Authorization: AWS4-HMAC-SHA256 Credential=x, Signature=hunter2",
		  "Authorization: AWS4-HMAC-SHA256 [secret]" },
		{ "Cookie: a=hunter2; b=hunter2", "Cookie: [secret]" },
		{ "sent Bearer abcdefgh12345678hunter2 along", "sent Bearer [secret] along" },
		{ "Server=h;AccountKey=hunter2==", "Server=h;AccountKey=[secret]" },
		{ "ALTER USER x PASSWORD 'hunter2 x'", "ALTER USER x PASSWORD '[secret]'" },
		{ "CREATE USER y IDENTIFIED BY 'hunter2'", "CREATE USER y IDENTIFIED BY '[secret]'" },
		{ "key=0123456789abcdef0123456789abcdef", "key=[secret]" },
		{ "don't say password: hunter2", "don't say password: [secret]" },
	};

	(void)state;
	CHECK(t);
}

static void test_options(void **state)
{
	static const struct pair t[] = {
		{ "x --password hunter2 --password=hunter2 -v", "x --password [secret] --password=[secret] -v" },
		{ "x --password \"hunter2 hunter2\" -v", "x --password \"[secret]\" -v" },
		{ "x --api-key 'hunter2' -v", "x --api-key '[secret]' -v" },
		{ "mysql -u root -phunter2 -P3306 db", "mysql -u root -p[secret] -P3306 db" },
		{ "/usr/bin/mysqldump -p'my hunter2' db", "/usr/bin/mysqldump -p'[secret]' db" },
		{ "curl -u bob:hunter2 http://h/", "curl -u bob:[secret] http://h/" },
		{ "curl -H \"Authorization: Basic hunter2\" http://h/",
		  "curl -H \"Authorization: Basic [secret]\" http://h/" },
		{ "redis-server --requirepass hunter2", "redis-server --requirepass [secret]" },
		{ "CONFIG SET requirepass hunter2", "CONFIG SET requirepass [secret]" },
		{ "sh -c \"mysql -phunter2 db\" next", "sh -c \"mysql -p[secret] db\" next" },
	};

	(void)state;
	CHECK(t);
}

static void test_urls(void **state)
{
	static const struct pair t[] = {
		{ "redis://:hunter2@host:6379/0", "redis://:[secret]@host:6379/0" },
		{ "amqp://guest:hunter2@h//", "amqp://guest:[secret]@h//" },
		{ "postgres://app:hun/ter2@db.example.com/x", "postgres://app:[secret]@db.example.com/x" },
		{ "postgres://app:hunter2@hunter2@db/x", "postgres://app:[secret]@db/x" },
		{ "https://hunter2@github.com/x", "https://[secret]@github.com/x" },
		{ "git://me@host/x", NULL },
		{ "http://a.b@c.de:hunter2@h/", "http://[email]:[secret]@h/" },
		{ "https://h/a?token=hunter2&x=1#y", "https://h/a?token=[secret]&x=1#y" },
		{ "https://h/a?x=1&access_token=hunter2", "https://h/a?x=1&access_token=[secret]" },
		{ "https://h/a?key=hunter2", "https://h/a?key=[secret]" },
		{ "\"https://h/a?sig=hunter2\",\"b\"", "\"https://h/a?sig=[secret]\",\"b\"" },
		{ "https://h/k?X-Amz-Credential=hunter2%2F2&X-Amz-Date=2&X-Amz-Signature=hunter2",
		  "https://h/k?X-Amz-Credential=[secret]&X-Amz-Date=2&X-Amz-Signature=[secret]" },
		{ "https://h/?u=http%3A%2F%2Fh%3Ftoken%3Dhunter2%26x%3D1",
		  "https://h/?u=http%3A%2F%2Fh%3Ftoken%3D[secret]%26x%3D1" },
		{ "user:hunter2@host:/x", "user:[email]:/x" },
		{ "rsync bob:hunter2@host::m", "rsync bob:[secret]@host::m" },
	};
	char out[64];

	(void)state;
	/* the first of these may be taken for an address; it is gone in any case */
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		if (strncmp(t[i].in, "user:", 5))
			check_text(&t[i], 1);
	redact__text(out, sizeof(out), "user:hunter2@host:/x", 20);
	assert_null(strstr(out, "hunter2"));
}

static void test_shapes(void **state)
{
	static const struct pair t[] = {
		{ "got AKIAIOSFODNN7EXAMPLE.", "got [secret]." },
		{ "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc-def next",
		  "[secret] next" },
		{ "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[secret]" },
		{ "-----BEGIN RSA PRIVATE KEY-----\nhunter2\n", "[secret]" },
		{ "john.doe@example.com, <jane+x@sub.example.co.uk>", "[email], <[email]>" },
		{ "mailto:john@example.com", "mailto:[email]" },
		{ "mail=john%40example.com&x", "mail=[email]&x" },
		{ "j\xc3\xb6rg@b\xc3\xbc" "cher.example", "[email]" },
		{ "USER_4711 user=4711 user 4711 users/4711/x.jpg uid: 1000",
		  "USER_[user] user=[user] user [user] users/[user]/x.jpg uid: [user]" },
		{ "{\"user_id\":4711,\"n\":2}", "{\"user_id\":[user],\"n\":2}" },
	};

	(void)state;
	CHECK(t);
}

static void test_what_stays(void **state)
{
	static const struct pair t[] = {
		{ "[PERF] 76255/270798 (28.2%) Avg: 0.018 s. Elapsed: 1.0 s. Est. remaining: 6.1 s/7.1 s", NULL },
		{ "[2026-11-27 22:14:01,123: INFO/ForkPoolWorker-1] Task videos.transcode[4f1c-aa] succeeded", NULL },
		{ "celery@worker1 ready. getty@tty1.service logo@2x.png npm foo@1.2.3 @scope/x", NULL },
		{ "ffmpeg -y -i /data/in put.mp4 -pass 1 -passlogfile /tmp/x -c:v libx264 -b:v 2M "
		  "-x264-params keyint=250:scenecut=0 -vf scale=1280:-2,highpass=f=200 -map 0:v:0 out.mp4", NULL },
		{ "[0:v]scale=640:-1[a];[a][1:v]overlay@x=shortest=1,drawtext=text='12\\:30'", NULL },
		{ "https://example.com/@user/video http://host:8080/@user http://h/a@b", NULL },
		{ "image redis:7@sha256:abcdef", NULL },
		{ "sort_key=abc key=photos/img.jpg token_count=12 --password-file /run/secrets/pw", NULL },
		{ "user: 12.3%, system: 4% user 12 of 340", NULL },
		{ "psql --no-password app PWD=/home/x password=None SyntaxError: token: }", NULL },
		{ "", NULL },
	};

	(void)state;
	CHECK(t);
}

struct vector {
	const char *in;
	size_t n;
	const char *want;
	size_t want_n;
};

#define V(in, want) { in, sizeof(in), want, sizeof(want) }

static void test_argv(void **state)
{
	static const struct vector t[] = {
		V("sh\0-c\0mysql -phunter2 db", "sh\0-c\0mysql -p[secret] db"),
		V("--password\0hun ter2\0x", "--password\0[secret]\0x"),
		V("--password=hun \"ter2\0x", "--password=[secret]\0x"),
		V("--password\0\"hun\" ter2\0x", "--password\0[secret]\0x"),
		V("--password\0\0x\0--user\0www-data\0--user\0user4711", "--password\0\0x\0--user\0www-data\0--user\0[user]"),
		V("PGPASSWORD=a b\0psql\0host=h password=hunter2 port=1", "PGPASSWORD=[secret]\0psql\0host=h password=[secret] port=1"),
		V("mysql\0-phun ter2\0db", "mysql\0-p[secret]\0db"),
		V("curl\0-u\0bob:hun ter2\0http://x/", "curl\0-u\0bob:[secret]\0http://x/"),
		V("curl\0-H\0Authorization: hun ter2\0-k", "curl\0-H\0Authorization: [secret]\0-k"),
		V("smbclient\0-U\0u%hunter2", "smbclient\0-U\0u%[secret]"),
		V("ffmpeg\0-i\0/data/USER_4711/a b.mp4\0-pass\0""2\0o.mp4", "ffmpeg\0-i\0/data/USER_[user]/a b.mp4\0-pass\0""2\0o.mp4"),
		V("x\0-i\0rtsp://cam:hunter2@h/s\0", "x\0-i\0rtsp://cam:[secret]@h/s\0"),
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		size_t n = redact__argv(out, sizeof(out), t[i].in, t[i].n);

		assert_int_equal(n, t[i].want_n);
		assert_memory_equal(out, t[i].want, n);
	}
}

/* The result is cut, never longer than there is room, and always ends with a NUL. */
static void test_room(void **state)
{
	static const char in[] = "mysql -px a@b.de --password hunter2 tail";
	char whole[128], out[128];
	size_t len = redact__text(whole, sizeof(whole), in, sizeof(in) - 1);

	(void)state;
	for (size_t cap = 0; cap <= len + 2; cap++) {
		size_t n;

		memset(out, 'X', sizeof(out));
		n = redact__text(out, cap, in, sizeof(in) - 1);
		if (cap) {
			assert_true(n < cap);
			assert_int_equal(out[n], 0);
		} else {
			assert_int_equal(n, 0);
		}
		assert_int_equal(out[cap], 'X');
		assert_null(strstr(cap ? out : "", "hunter2"));
	}
	assert_int_equal(redact__text(out, len + 1, in, sizeof(in) - 1), len);
	assert_memory_equal(out, whole, len + 1);
}

/* Texts that make each look-ahead look far: four times the length, not 16 times the time. */
static void test_linear(void **state)
{
	static const char *const hostile[] = {
		"key=", "\"key=", "&user=1.2%", "authorization: basic x ", "a:b@", "a@", "://u:", "eyJ-",
		"--user \"", "key=\"\\\"", "key=a\"", "http://u:p/", "curl -u ", "%3dkey=", "x.",
	};
	const size_t size = 1 << 18;
	char *in = malloc(size), *out = malloc(2 * size);

	(void)state;
	assert_non_null(in);
	assert_non_null(out);
	for (size_t k = 0; k < sizeof(hostile) / sizeof(hostile[0]); k++) {
		size_t n = strlen(hostile[k]);
		__u64 start;

		for (size_t i = 0; i < size; i++)
			in[i] = hostile[k][i % n];
		start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
		redact__text(out, 2 * size, in, size);
		/* linear: some ms; quadratic: minutes */
		assert_true(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start < 2 * NSEC_PER_SEC);
	}
	free(in);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_what_stays),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
