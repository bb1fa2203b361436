/* SPDX-License-Identifier: GPL-2.0-only */
/* What comes from elsewhere, as it is told: one line, no commands, UTF-8, its end. */
#include "lib/unit.h"
#include "user/lib/clean.h"
#include "user/lib/error.h"

static const struct {
	const char *in, *line, *utf8, *escaped;
} cases[] = {
	{ "", "", "", "" },
	{ "plain \xc3\xa9 \xf0\x9f\x90\xa7", "plain \xc3\xa9 \xf0\x9f\x90\xa7",
	  "plain \xc3\xa9 \xf0\x9f\x90\xa7", "plain \xc3\xa9 \xf0\x9f\x90\xa7" },
	{ "a\x1b[2Jb", "a [2Jb", "a\x1b[2Jb", "a\\u001b[2Jb" },
	{ "a\nb\tc\x7f", "a b c ", "a\nb\tc\x7f", "a\nb\tc\\u007f" },
	{ "\xc2\x9b"
	  "2J",
	  "  2J",
	  "\xc2\x9b"
	  "2J",
	  "\\u009b2J" },
	{ "\x9b"
	  "2J",
	  "?2J",
	  "\xef\xbf\xbd"
	  "2J",
	  "\\x9b2J" },
	{ "\xe2\x80\xae"
	  "gpj",
	  "   gpj",
	  "\xe2\x80\xae"
	  "gpj",
	  "\\u202egpj" },
	/* too long a form, a surrogate, beyond the last, a character cut off */
	{ "\xc0\xaf", "??", "\xef\xbf\xbd\xef\xbf\xbd", "\\xc0\\xaf" },
	{ "\xe0\x80\xaf", "???", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\\xe0\\x80\\xaf" },
	{ "\xed\xa0\x80", "???", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\\xed\\xa0\\x80" },
	{ "\xf4\x90\x80\x80", "????", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
	  "\\xf4\\x90\\x80\\x80" },
	{ "x\xe2\x82", "x??", "x\xef\xbf\xbd\xef\xbf\xbd", "x\\xe2\\x82" },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void each_way(void **state)
{
	char line[64], out[64 * 6 + 1], *utf8;
	size_t i, n, taken;

	for (i = 0; i < CASES; i++) {
		strcpy(line, cases[i].in);
		clean_line(line);
		assert_string_equal(line, cases[i].line);
		utf8 = clean_utf8(cases[i].in);
		assert_string_equal(utf8, cases[i].utf8);
		assert_true(clean_is_utf8(utf8));
		assert_int_equal(clean_is_utf8(cases[i].in), !strcmp(utf8, cases[i].in));
		free(utf8);
		n = clean_escape(cases[i].in, strlen(cases[i].in), true, out, &taken);
		out[n] = '\0';
		assert_string_equal(out, cases[i].escaped);
		assert_int_equal(taken, strlen(cases[i].in));
	}
}

/* Cut anywhere, the pieces give the same as the whole. */
static void in_pieces(void **state)
{
	size_t i, at, n, taken, len;
	char out[64 * 6 + 1];

	for (i = 0; i < CASES; i++) {
		len = strlen(cases[i].in);
		for (at = 0; at <= len; at++) {
			n = clean_escape(cases[i].in, at, false, out, &taken);
			assert_true(taken <= at && at - taken < 4);
			n += clean_escape(cases[i].in + taken, len - taken, true, out + n, &taken);
			out[n] = '\0';
			assert_string_equal(out, cases[i].escaped);
		}
	}
}

static void long_words(void **state)
{
	char word[10001], quoted[10001], blanks[10001];
	struct xr_err err;

	memset(word, 'x', sizeof(word));
	memset(blanks, ' ', sizeof(blanks));
	memset(quoted, 'y', sizeof(quoted));
	word[10000] = blanks[10000] = quoted[10000] = '\0';
	quoted[5000] = ' ';
	xr_fail(&err, -1, "there is no %s; write a or b", word);
	assert_non_null(strstr(err.text, "there is no xxx"));
	assert_non_null(strstr(err.text, "xxx; write a or b"));
	assert_true(strlen(err.text) < 160);
	xr_fail(&err, -1, "\"%s\" is unknown; write one of %s", quoted, "a, b");
	assert_non_null(strstr(err.text, "yyy\" is unknown; write one of a, b"));
	assert_true(strlen(err.text) < 160);
	xr_fail(&err, -1, "all%s of it; write less", blanks);
	assert_non_null(strstr(err.text, " of it; write less"));
	assert_true(strlen(err.text) < sizeof(err.text));
	/* a character is not cut in two */
	for (word[0] = 'a'; word[0] < 'e'; word[0]++) {
		size_t i, first = word[0] - 'a';

		for (i = 1; i < 10000; i++)
			word[i] = i <= first || (i - first) % 3 == 1 ? '\xe2'
				: (i - first) % 3 == 2               ? '\x82'
								     : '\xac';
		xr_fail(&err, -1, "%s; write less", word);
		assert_true(clean_is_utf8(err.text));
		assert_non_null(strstr(err.text, "; write less"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_way),
		cmocka_unit_test(in_pieces),
		cmocka_unit_test(long_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("clean", tests, NULL, NULL);
}
