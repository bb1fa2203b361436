/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text from elsewhere, made safe to print: a device's name may have almost any octets, and
 * what a terminal takes for a command must not reach one.
 */
#ifndef XR_LIB_CLEAN_H
#define XR_LIB_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

struct clean_char {
	size_t len; /* octets; 0: the text ends within it */
	bool valid; /* UTF-8; else len is 1 */
	bool plain; /* neither a command nor an end of line */
	unsigned int point;
};

/* The character that text begins with; len > 0 octets of it are there. */
struct clean_char clean_next(const char *text, size_t len);

/* The whole text is UTF-8. */
bool clean_is_utf8(const char *text);

/* In place: a blank for an octet that is not plain, '?' for one that is not UTF-8. */
void clean_line(char *text);

/*
 * Shortens a line to size: words of hundreds of octets lose their middle, then the line
 * does. Its end stays.
 */
void clean_cut(const char *line, char *out, size_t size);

/* The text with U+FFFD for each octet that is not UTF-8; free() it. */
char *clean_utf8(const char *text);

/*
 * What may go to a terminal: text with "\\u009b" for what is not plain, but for
 * line ends and tabs, and "\\xff" for what is not UTF-8. Up to 6 octets for one; the
 * octets of a character that is not whole yet are left, unless last.
 */
size_t clean_escape(const char *text, size_t len, bool last, char *out, size_t *taken);

#endif
