// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redact_names.c - what a name says about its value.
 *
 * A name is looked at by its parts, as _ - . and a change of case divide it: db_password,
 * X-Amz-Signature, javax.net.ssl.keyStorePassword.
 */
#include "units/redact_impl.h"

#include <string.h>

#define MAX_PARTS 8		/* the last ones of a name that has more */
#define ENOUGH 128		/* bytes of a value to judge it by */

/* A part that makes a secret of any name it is in … */
static const char *const strong[] = {
	"password", "passwd", "passphrase", "passcode", "secret", "secrets", "token", "credential",
	"credentials", "apikey", "jwt", "signature", "bearer", NULL,
};
/* … unless the name ends so: it is about the secret, not the secret. */
static const char *const about[] = {
	"file", "path", "name", "dir", "arn", "version", "type", "count", "length", "len", "size",
	"ttl", "expires", "expiry", "expiration", "policy", "required", "enabled", "min", "max",
	"timeout", "error", "errors", "field", "limit", "usage", "algorithm", "method", "backend",
	"url", "uri", "endpoint", "host", "created", "date", "stdin", NULL,
};
/* Secret when a name ends so. */
static const char *const last[] = {
	"pass", "pwd", "auth", "sig", "otp", "sid", "sessionid", "sessid", "phpsessid", "session",
	"keyid", "hmac", "cred", "creds", "pw", "psk", NULL,
};
/* Names written in one, and compounds whose last letters tell. */
static const char *const endings[] = {
	"password", "passwd", "passphrase", "requirepass", "masterauth", "userpass", "dbpass",
	"storepass", "keypass", "secret", "apikey", "accesskey", "secretkey", "privatekey",
	"accountkey", "authkey", "sharedkey", "masterkey", "encryptionkey", "decryptionkey",
	"licensekey", "accesskeyid", "accesstoken", "authtoken", "csrftoken", "idtoken",
	"refreshtoken", "sessiontoken", "sessionid", "streamkey", NULL,
};
/* Before "key": nothing secret. */
static const char *const open_keys[] = {
	"sort", "primary", "foreign", "partition", "routing", "public", "cache", "force", "unique",
	"order", "index", "hot", "object", "s3", NULL,
};
/* ids and names of persons */
static const char *const persons[] = {
	"user", "userid", "username", "uid", "login", "customer", "customerid", "member", "memberid",
	"account", "accountid", "accountname", "email", "mail", "phone", "msisdn",
	"iban", "ssn", "loginname", "uname", NULL,
};
/* what may follow such a word in a name: user_id, customer-no */
static const char *const person_ids[] = { "id", "no", "nr", "num", "number", "name", "email", "uuid", NULL };

bool span_is(struct span s, const char *word)
{
	return s.n == strlen(word) && span_begins(s, word);
}

bool span_begins(struct span s, const char *word)
{
	size_t i;

	for (i = 0; word[i]; i++)
		if (i == s.n || to_lower(s.p[i]) != word[i])
			return false;
	return true;
}

bool span_ends(struct span s, const char *word)
{
	size_t n = strlen(word);

	return s.n >= n && span_begins((struct span){ s.p + s.n - n, n }, word);
}

bool span_among(struct span s, const char *const *words)
{
	for (; *words; words++)
		if (span_is(s, *words))
			return true;
	return false;
}

static bool ends_among(struct span s, const char *const *words)
{
	for (; *words; words++)
		if (span_ends(s, *words))
			return true;
	return false;
}

static bool divides(const char *p, size_t i)
{
	return !is_alnum(p[i]) ||
	       (i && p[i] >= 'A' && p[i] <= 'Z' && p[i - 1] >= 'a' && p[i - 1] <= 'z');
}

/* The parts from the last to the first, digits at their ends left out. */
static unsigned split(struct span name, struct span *parts)
{
	size_t end = name.n;
	unsigned n = 0;

	while (end && n < MAX_PARTS) {
		size_t start = end - 1;
		struct span part;

		while (start && !divides(name.p, start))
			start--;
		part = (struct span){ name.p + start, end - start };
		if (!is_alnum(part.p[0]))
			part.p++, part.n--;
		while (part.n > 1 && is_digit(part.p[part.n - 1]) && is_alpha(part.p[0]))
			part.n--;
		if (part.n)
			parts[n++] = part;
		end = start;
	}
	return n;
}

static bool key_is_secret(const struct span *parts, unsigned n)
{
	if (span_is(parts[0], "key") && n > 1)
		return !span_among(parts[1], open_keys);
	/* AWSAccessKeyId, access_key_id */
	return n > 2 && span_is(parts[0], "id") && span_is(parts[1], "key");
}

static bool is_person(const struct span *parts, unsigned n)
{
	if (span_among(parts[0], persons))
		return true;
	return n > 1 && span_among(parts[0], person_ids) && span_among(parts[1], persons);
}

enum secrecy secrecy_of_name(struct span name)
{
	struct span parts[MAX_PARTS];
	unsigned n = split(name, parts);

	if (!n)
		return OPEN;
	if (span_ends(name, "authorization"))
		return SECRET_HEADER;
	if (span_is(parts[0], "cookie") || span_is(parts[0], "cookies"))
		return SECRET_LINE;
	if (span_among(parts[0], about))
		return is_person(parts, n) ? PERSONAL : OPEN;
	if (span_is(name, "key"))
		return SECRET_IF_RANDOM;
	for (unsigned i = 0; i < n; i++)
		if (span_among(parts[i], strong))
			return SECRET;
	if (span_among(parts[0], last) || ends_among(name, endings) || key_is_secret(parts, n))
		return SECRET;
	return is_person(parts, n) ? PERSONAL : OPEN;
}

bool value_is_random(struct span value)
{
	bool digit = false, alpha = false;

	if (value.n < 16)
		return false;
	for (size_t i = 0; i < value.n && i < ENOUGH; i++) {
		digit |= is_digit(value.p[i]);
		alpha |= is_alpha(value.p[i]);
		if (!is_alnum(value.p[i]) && !strchr("+/=_-", value.p[i]))
			return false;
	}
	return digit && alpha;
}

bool value_is_harmless(struct span name, struct span value)
{
	static const char *const words[] = {
		"true", "false", "yes", "no", "on", "off", "none", "null", "nil", "ok", "[secret]",
		"[user]", "[email]", "undefined", NULL,
	};
	/* two passes of an encoder, a signal's number */
	static const char *const counted[] = { "pass", "sig", NULL };
	size_t digits = 0;

	if (!value.n || span_among(value, words))
		return true;
	/* "unexpected token: }" */
	if (value.n == 1 && !is_alnum(value.p[0]))
		return true;
	while (digits < value.n && is_digit(value.p[digits]))
		digits++;
	if (digits == value.n && digits < 3 && span_among(name, counted))
		return true;
	/* the working directory in an environment */
	return value.p[0] == '/' && (span_is(name, "pwd") || span_is(name, "oldpwd"));
}
