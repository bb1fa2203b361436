// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json_t *base64_encode(const void *octets, size_t len)
{
	const unsigned char *from = octets;
	size_t i, n = 0;
	unsigned int b;
	json_t *text;
	char *to = malloc((len + 2) / 3 * 4 + 1);

	if (!to)
		return NULL;
	for (i = 0; i < len; i += 3) {
		b = from[i] << 16 | (i + 1 < len ? from[i + 1] << 8 : 0) |
			(i + 2 < len ? from[i + 2] : 0);
		to[n++] = digits[b >> 18];
		to[n++] = digits[b >> 12 & 63];
		to[n++] = i + 1 < len ? digits[b >> 6 & 63] : '=';
		to[n++] = i + 2 < len ? digits[b & 63] : '=';
	}
	text = json_stringn(to, n);
	free(to);
	return text;
}

static unsigned char value_of[256]; /* plus one; 0: no digit */

char *base64_decode(const json_t *text, size_t *len)
{
	const unsigned char *from = (const unsigned char *)json_string_value(text);
	size_t i, n = 0, size = json_string_length(text);
	unsigned int b = 0, bits = 0;
	char *to = malloc(size / 4 * 3 + 4);

	if (!value_of['A'])
		for (i = 0; i < 64; i++)
			value_of[(unsigned char)digits[i]] = i + 1;
	for (i = 0; to && i < size && value_of[from[i]]; i++) {
		b = b << 6 | (value_of[from[i]] - 1);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			to[n++] = b >> bits;
		}
	}
	if (to)
		to[n] = '\0';
	*len = n;
	return to;
}
