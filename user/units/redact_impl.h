/* SPDX-License-Identifier: GPL-2.0-or-later */
/* redact_impl.h - what the files of redact share. */
#ifndef WT_REDACT_IMPL_H
#define WT_REDACT_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NOWHERE ((size_t)-1)

enum secrecy {
	OPEN,		/* nothing to hide */
	SECRET,		/* a password, a token, a key */
	SECRET_IF_RANDOM, /* "key" alone: the key of an object, or of a door */
	SECRET_HEADER,	/* Authorization: a scheme may come first */
	SECRET_LINE,	/* Cookie: all the rest */
	SECRET_PAIR,	/* user:password */
	PERSONAL,	/* the id of a user */
};

/* A piece of text, not terminated. */
struct span {
	const char *p;
	size_t n;
};

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool is_alnum(char c)
{
	return is_digit(c) || is_alpha(c);
}

static inline char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* The first byte at or after `from` that ends something, so that it is looked for once. */
struct known_end {
	size_t from, to;
	char quote;
};

/* A pass over a text, at its byte i, with what it remembers of what came before. */
struct pass {
	const char *in;
	size_t len, i;
	char *out;
	size_t cap, n;		/* n <= cap: what does not fit is not written */
	bool argv;

	size_t last_at;		/* the last '@' of the word at i, or NOWHERE */
	size_t run_in, run_out;	/* where what may be the name before an '@' begins, or NOWHERE */
	size_t colon_in, colon_out; /* behind the first ':' of the word, or NOWHERE */
	size_t name_end;	/* names before this were looked at */
	char quote;		/* that is open, or 0 */
	bool in_url;		/* of the word at i, a part was */
	int program;		/* whose options follow, or -1 */
	enum secrecy pending;	/* of the word that comes next, whose option this was */
	struct span pending_name;
	struct known_end plain[2], line;
};

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static inline bool is_quote(char c)
{
	return c == '"' || c == '\'' || c == '`';
}

/* What ends a word of a text. */
static inline bool ends_word(char c)
{
	return is_blank(c) || is_quote(c) || !c || c == '\n' || c == '\r' || c == '<' || c == '>';
}

static inline bool is_name(char c)
{
	return is_alnum(c) || c == '_' || c == '-' || c == '.';
}

static inline bool is_hex(char c)
{
	return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
}

static inline struct span at(const struct pass *s, size_t from, size_t to)
{
	return (struct span){ s->in + from, to - from };
}

/* Whether s is that word, which is in lower case; case does not matter. */
bool span_is(struct span s, const char *word);
bool span_begins(struct span s, const char *word);
bool span_ends(struct span s, const char *word);
/* Whether it is one of the words, a list that ends with NULL. */
bool span_among(struct span s, const char *const *words);

/* redact_names.c: what a name says about the value that follows it. */
enum secrecy secrecy_of_name(struct span name);
/* Whether the value of a name gives nothing away: true, None, *** … */
bool value_is_harmless(struct span name, struct span value);
/* Letters and digits mixed, and many of them. */
bool value_is_random(struct span value);

/* redact_shapes.c: the length of a secret of well-known shape at the start of s, or 0. */
size_t secret_shape(struct span s);
/* The length of the id of a user ("USER_4711", "users/4711"), or 0; *keep: of what may stay. */
size_t user_shape(struct span s, size_t *keep);

/* redact_programs.c: an index for the program of that path, or -1. */
int secret_program(struct span path);
/*
 * Whether the program's word is an option that takes a secret; *glued: where in the
 * word the secret begins, 0 when it is the next word;
 * the word's length when it may follow in quotes.
 */
enum secrecy secret_option(int program, struct span word, size_t *glued);

/* redact_values.c: where values end, and how they are hidden. */
void emit(struct pass *s, const char *p, size_t n);
/* Copies up to `to` as it is. */
void keep(struct pass *s, size_t to);
/* Puts the word in the place of what lies before `to`. */
void hide(struct pass *s, size_t to, const char *word);
/* No name before an '@', no user before a ':' from here on. */
void forget_runs(struct pass *s);
size_t skip_blanks(const struct pass *s, size_t i);
size_t element_end(const struct pass *s, size_t from);
bool at_element_start(const struct pass *s, size_t i);
/* The end of a value that was opened by that quote; escaped: by \" within a string. */
size_t quoted_end(const struct pass *s, size_t from, char quote, bool escaped);
/* The end of a value without quotes of its own. */
size_t plain_end(struct pass *s, size_t from, bool in_query);
/*
 * The value from here to `end`, by what its name said; option: the name was one of a
 * command line.  False: it stays, and nothing was copied.
 */
bool hide_value(struct pass *s, enum secrecy secrecy, struct span name, size_t end, bool option);

/* redact_address.c: each is told where it is; true when something was dealt with. */
/* The '@' of an address; after: behind it. */
bool take_address(struct pass *s, size_t after);
/* The '@' of user:password@host, without a scheme before it. */
bool take_credentials(struct pass *s);
/* "://": what follows may be user:password@host. */
bool take_url(struct pass *s);

#endif /* WT_REDACT_IMPL_H */
