// SPDX-License-Identifier: GPL-2.0-or-later
/* redact_address.c - e-mail addresses, and passwords before the '@' of a host. */
#include "units/redact_impl.h"

/* The end of the host name at i, when it is one as mail has them; else 0. */
static size_t domain_end(const struct pass *s, size_t i)
{
	static const char *const no_domains[] = {
		"png", "jpg", "jpeg", "gif", "webp", "service", "socket", "slice", "scope", "timer",
		"target", "mount", NULL,
	};
	size_t label = i, dots = 0;
	bool alpha = true;

	for (; i < s->len; i++) {
		char c = s->in[i];

		if (c == '.') {
			if (i == label || i + 1 == s->len || !(is_alnum(s->in[i + 1]) ||
							       (unsigned char)s->in[i + 1] >= 0x80))
				break;
			dots++;
			label = i + 1;
			alpha = true;
		} else if (is_alpha(c) || (unsigned char)c >= 0x80) {
			continue;
		} else if (is_digit(c) || c == '-') {
			alpha = i >= label + 3 && span_begins(at(s, label, i + 1), "xn--");
		} else {
			break;
		}
	}
	if (!dots || i < label + 2 || !alpha)
		return 0;
	/* logo@2x.png, getty@tty1.service */
	return span_among(at(s, label, i), no_domains) ? 0 : i;
}

bool take_address(struct pass *s, size_t after)
{
	size_t end;

	if (s->run_in == NOWHERE)
		return false;
	end = domain_end(s, after);
	if (!end)
		return false;
	s->n = s->run_out < s->n ? s->run_out : s->n;
	hide(s, end, "[email]");
	return true;
}

bool take_credentials(struct pass *s)
{
	size_t last = s->last_at, after = last + 1;

	if (s->colon_in == NOWHERE || last == NOWHERE || last < s->i || s->colon_in >= last ||
	    after == s->len)
		return false;
	if (!is_alnum(s->in[after]) && !strchr("/[(%", s->in[after]))
		return false;
	if (last == s->i && (span_begins(at(s, after, s->len), "sha256:") ||	/* image:tag@sha256:… */
			     (s->run_in == s->colon_in && domain_end(s, after))))
		return false;	/* an address, which is hidden as a whole */
	s->n = s->colon_out < s->n ? s->colon_out : s->n;
	s->i = s->colon_in;
	hide(s, last, "[secret]");
	keep(s, after);
	return true;
}

/* What comes before the '@' of a URL, up to `to`. */
static void hide_userinfo(struct pass *s, size_t to, bool web)
{
	const char *colon = memchr(s->in + s->i, ':', to - s->i);
	size_t user = colon ? (size_t)(colon - s->in) : to;

	/* a token is a user, too */
	if (user - s->i >= 20 || (!colon && web) || secret_shape(at(s, s->i, to + 1)))
		hide(s, user, "[secret]");
	else if (memchr(s->in + s->i, '@', user - s->i) ||
		 memmem(s->in + s->i, user - s->i, "%40", 3))
		hide(s, user, "[email]");
	if (!colon)
		return;
	keep(s, user + 1);
	if (to > s->i)
		hide(s, to, "[secret]");
}

/* What of a stream's URL (rtmp://host/application/key) says who may send: from byte i of its path on. */
static bool hide_stream_key(struct pass *s, size_t i)
{
	unsigned slashes = 0;
	size_t end;

	for (; i < s->len && slashes < 2 && !ends_word(s->in[i]) && !strchr("?#|", s->in[i]); i++)
		slashes += s->in[i] == '/';
	for (end = i; end < s->len && !ends_word(s->in[end]) && !strchr("?#|", s->in[end]); end++)
		;
	if (slashes < 2 || end == i)
		return false;
	keep(s, i);
	hide(s, end, "[secret]");
	return true;
}

static bool is_stream(const struct pass *s)
{
	static const char *const schemes[] = { "rtmp", "rtmps", "rtmpt", "rtmpe", NULL };

	for (const char *const *w = schemes; *w; w++) {
		size_t n = strlen(*w);

		if (s->i >= n && span_is(at(s, s->i - n, s->i), *w))
			return true;
	}
	return false;
}

bool take_url(struct pass *s)
{
	bool stream = is_stream(s);
	bool web = s->i >= 4 && (span_ends(at(s, s->i - 4, s->i), "http") ||
				 span_ends(at(s, s->i - 4, s->i), "ttps"));
	size_t start = s->i + 3, end = start, last = NOWHERE, colon = NOWHERE;

	s->in_url = true;
	for (; end < s->len && !strchr("/?#|\\^", s->in[end]); end++) {
		/* a quote that does not close the one before the URL belongs to it */
		if (is_quote(s->in[end]) ? s->in[end] == s->quote : ends_word(s->in[end]))
			break;
		if (s->in[end] == '@')
			last = end;
		if (s->in[end] == ':' && colon == NOWHERE)
			colon = end;
	}
	/* a password with a '/' in it, which nobody has encoded: no port begins so */
	if (last == NOWHERE && colon != NOWHERE && s->last_at != NOWHERE && s->last_at > end &&
	    colon + 1 < end && !is_digit(s->in[colon + 1]))
		last = s->last_at;
	if (last == NOWHERE || last == start)
		return stream && hide_stream_key(s, start);
	keep(s, start);
	hide_userinfo(s, last, web);
	keep(s, last + 1);
	if (stream)
		hide_stream_key(s, s->i);
	return true;
}
