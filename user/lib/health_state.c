// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "health_state.h"
#include "text.h"

const struct xr_health_check health_check_default = {
	.rise = 2,
	.fall = 3,
	.jitter = 10,
	.interval_ms = 2000,
	.timeout_ms = 1000,
	.status = { { 200, 399 } },
	.path = "/",
};

static const char *word_of(const char *const *words, size_t n, unsigned int i)
{
	return i < n ? words[i] : "?";
}

const char *health_word(unsigned int health)
{
	static const char *const words[] = { "unknown", "up", "down", "kept" };

	return word_of(words, 4, health);
}

const char *health_type_word(unsigned int type)
{
	static const char *const words[] = { "?", "tcp", "quic", "http", "https", "command" };

	return word_of(words, 6, type);
}

const char *health_check_word(const struct xr_health_check *c, unsigned int n)
{
	const char *at = c->command, *end = c->command + sizeof(c->command);

	if (n >= c->words)
		return NULL;
	while (n-- && at < end)
		at += strnlen(at, end - at) + 1;
	return at < end && memchr(at, '\0', end - at) ? at : NULL;
}

int health_add_word(struct xr_health_check *c, const char *word)
{
	size_t used = 0, len = strlen(word) + 1;
	const char *last = c->words ? health_check_word(c, c->words - 1) : NULL;

	if (last)
		used = last + strlen(last) + 1 - c->command;
	if (used + len > sizeof(c->command) || c->words == 255 || (c->words && !last))
		return -ENOSPC;
	memcpy(c->command + used, word, len);
	c->words++;
	return 0;
}

int health_to_ms(const char *text, __u32 *ms)
{
	size_t whole = strspn(text, "0123456789"), part = 0, i;
	const char *unit = text + whole, *digit;
	__u64 value = 0, scale = 1000;

	if (!whole || whole > 7)
		return -EINVAL;
	for (i = 0; i < whole; i++)
		value = 10 * value + (text[i] - '0');
	if (*unit == '.') {
		digit = ++unit;
		part = strspn(digit, "0123456789");
		unit += part;
		if (!part || part > 3)
			return -EINVAL;
	}
	if (!strcmp(unit, "ms"))
		scale = 1;
	else if (*unit && strcmp(unit, "s"))
		return -EINVAL;
	if (part && scale == 1)
		return -EINVAL;
	value *= scale;
	for (i = 0; i < part; i++) {
		scale /= 10;
		value += scale * (digit[i] - '0');
	}
	if (value < 10 || value > HEALTH_INTERVAL_MOST)
		return -EINVAL;
	*ms = value;
	return 0;
}

const char *health_ms_text(__u32 ms, char buf[HEALTH_TEXT])
{
	size_t n = snprintf(buf, HEALTH_TEXT, "%u.%03u", ms / 1000, ms % 1000);

	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[--n] = '\0';
	return buf;
}

/* "200" or "200-299", up to a comma or the end. */
static int take_range(const char *text, size_t len, struct xr_status_range *to)
{
	char copy[16], *dash;
	__u64 first, last;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	dash = strchr(copy, '-');
	if (dash)
		*dash++ = '\0';
	if (text_to_u64(copy, 100, 599, &first, NULL) ||
	    text_to_u64(dash ? dash : copy, first, 599, &last, NULL))
		return -EINVAL;
	*to = (struct xr_status_range){ first, last };
	return 0;
}

int health_to_ranges(const char *text, struct xr_status_range to[XR_CHECK_RANGES])
{
	struct xr_status_range got[XR_CHECK_RANGES] = { { 0, 0 } };
	size_t n, len;

	for (n = 0; n < XR_CHECK_RANGES; n++) {
		len = strcspn(text, ",");
		if (take_range(text, len, &got[n]))
			return -EINVAL;
		if (!text[len]) {
			memcpy(to, got, sizeof(got));
			return 0;
		}
		text += len + 1;
	}
	return -EINVAL;
}

const char *health_ranges_text(const struct xr_status_range *r, char buf[HEALTH_TEXT])
{
	size_t i, n = 0;

	*buf = '\0';
	for (i = 0; i < XR_CHECK_RANGES && r[i].first; i++) {
		n += snprintf(buf + n, HEALTH_TEXT - n, "%s%u", i ? "," : "", r[i].first);
		if (r[i].last != r[i].first)
			n += snprintf(buf + n, HEALTH_TEXT - n, "-%u", r[i].last);
	}
	return buf;
}
