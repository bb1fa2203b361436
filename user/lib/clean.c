// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clean.h"

#define WORD_MAX  160 /* longer words lose their middle */
#define WORD_LEFT 60

/*
 * C0, DEL and C1 are commands; U+2028 and U+2029 end lines; the marks and
 * overrides of direction make what follows look like something else.
 */
static bool is_plain(unsigned int c)
{
	return c >= ' ' && !(c >= 0x7f && c < 0xa0) && !(c >= 0x200b && c <= 0x200f) &&
		!(c >= 0x2028 && c <= 0x202e) && !(c >= 0x2066 && c <= 0x2069) && c != 0xfeff;
}

/* RFC 3629: neither more octets than needed, nor surrogates, nor beyond. */
static bool is_valid(unsigned int c, size_t len)
{
	static const unsigned int least[] = { 0, 0, 0x80, 0x800, 0x10000 };

	return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

struct clean_char clean_next(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	struct clean_char c = { 1, false, false, *s };
	unsigned int point;
	size_t n, i;

	if (*s < 0x80) {
		c.valid = true;
		c.plain = is_plain(*s);
		return c;
	}
	n = *s >= 0xf5 ? 0 : *s >= 0xf0 ? 4 : *s >= 0xe0 ? 3 : *s >= 0xc2 ? 2 : 0;
	if (!n)
		return c;
	point = *s & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if (i == len) {
			c.len = 0;
			return c;
		}
		if ((s[i] & 0xc0) != 0x80)
			return c;
		point = point << 6 | (s[i] & 0x3f);
	}
	if (!is_valid(point, n))
		return c;
	return (struct clean_char){ n, true, is_plain(point), point };
}

bool clean_is_utf8(const char *text)
{
	size_t left = strlen(text);
	struct clean_char c;

	for (; left; text += c.len, left -= c.len) {
		c = clean_next(text, left);
		if (!c.valid)
			return false;
	}
	return true;
}

void clean_line(char *text)
{
	size_t left = strlen(text);
	struct clean_char c;

	for (; left; text += c.len, left -= c.len) {
		c = clean_next(text, left);
		if (!c.len)
			c.len = 1;
		if (!c.plain)
			memset(text, c.valid ? ' ' : '?', c.len);
	}
}

static size_t put(char *out, size_t n, const char *text, size_t len)
{
	memmove(out + n, text, len);
	return n + len;
}

/* Up to a blank; text in quotes counts as one word. */
static size_t word_length(const char *s)
{
	const char *end = *s == '"' ? strchr(s + 1, '"') : NULL;

	return end ? (size_t)(end + 1 - s) : strcspn(s, " ");
}

void clean_cut(const char *line, char *out, size_t size)
{
	size_t n = 0, len, tail = size / 3;
	char *all = malloc(strlen(line) + 1);

	if (!all || size < 64) {
		snprintf(out, size, "%s", line);
		clean_line(out);
		free(all);
		return;
	}
	while (*line) {
		len = word_length(line);
		if (len > WORD_MAX) {
			n = put(all, n, line, WORD_LEFT);
			n = put(all, n, "...", 3);
			line += len - WORD_LEFT / 3;
			len = WORD_LEFT / 3;
		}
		n = put(all, n, line, len);
		line += len;
		while (*line == ' ')
			all[n++] = *line++;
	}
	all[n] = '\0';
	if (n >= size) {
		memcpy(out, all, size - tail - 4);
		snprintf(out + size - tail - 4, tail + 4, "...%s", all + n - tail);
	} else {
		memcpy(out, all, n + 1);
	}
	free(all);
	clean_line(out); /* it may be cut within a character */
}

char *clean_utf8(const char *text)
{
	size_t left = strlen(text), n = 0;
	char *out = malloc(3 * left + 1);
	struct clean_char c;

	for (; out && left; text += c.len, left -= c.len) {
		c = clean_next(text, left);
		if (c.valid) {
			n = put(out, n, text, c.len);
			continue;
		}
		c.len = 1;
		n = put(out, n, "\xef\xbf\xbd", 3);
	}
	if (out)
		out[n] = '\0';
	return out;
}

size_t clean_escape(const char *text, size_t len, bool last, char *out, size_t *taken)
{
	const char *s = text;
	size_t n = 0;
	struct clean_char c;

	for (; len; s += c.len, len -= c.len) {
		c = clean_next(s, len);
		if (!c.len && !last)
			break;
		if (!c.len)
			c.len = 1;
		if (c.plain || *s == '\n' || *s == '\t')
			n = put(out, n, s, c.len);
		else if (c.valid)
			n += sprintf(out + n, "\\u%04x", c.point);
		else
			n += sprintf(out + n, "\\x%02x", (unsigned char)*s);
	}
	*taken = s - text;
	return n;
}
