// SPDX-License-Identifier: GPL-2.0-only
/* docs/formats.md: each row of its table is what the library mints and reads. */
#include <stdio.h>
#include "lib/cids.h"

#define FILE_NAME "docs/formats.md"

struct row {
	char format[16], key[40], sid[40], nonce[48], cid[48];
	unsigned int config_id, offset;
};

/* "`abc`" or "-" */
static int parse_row(const char *line, struct row *r)
{
	memset(r, 0, sizeof(*r));
	return sscanf(line,
		      "| `%15[a-z0-9-]` | %u | %u | %39[`0-9a-f-] | `%39[0-9a-f]` | `%47[0-9a-f]` | `%47[0-9a-f.]` |",
		      r->format, &r->config_id, &r->offset, r->key, r->sid, r->nonce, r->cid) == 7;
}

static void check_row(const struct row *r)
{
	uint8_t key[XR_CID_KEY_LEN], sid[XR_CID_MAX], nonce[XR_CID_MAX];
	uint8_t want[2][XR_CID_MAX], cid[XR_CID_MAX];
	struct xr_cid_parsed parsed;
	struct xr_cid_params p = {
		.config_id = r->config_id,
		.offset = r->offset,
		.flags = XR_CID_F_LENGTH,
	};
	char key_hex[40] = "";
	struct xr_cid *c;
	size_t len, i;
	int format = xr_cid_format_from_word(r->format);

	assert_true(format >= 0);
	p.format = format;
	p.sid_len = unhex_or(r->sid, sid, sizeof(sid), 0);
	p.nonce_len = unhex_or(r->nonce, nonce, sizeof(nonce), 0);
	if (sscanf(r->key, "`%32[0-9a-f]`", key_hex) == 1) {
		assert_int_equal(unhex_or(key_hex, key, sizeof(key), 0), sizeof(key));
		p.key = key;
	}
	len = unhex_or(r->cid, want[0], XR_CID_MAX, 0x00);
	unhex_or(r->cid, want[1], XR_CID_MAX, 0xff);

	assert_int_equal(xr_cid_new(&c, &p), 0);
	assert_int_equal(xr_cid_encode(c, sid, nonce, cid, len), 0);
	for (i = 0; i < len; i++) {
		if (want[0][i] == want[1][i])
			assert_int_equal(cid[i], want[0][i]);
	}
	for (i = 0; i < 2; i++) {
		assert_int_equal(xr_cid_parse(c, want[i], len, &parsed), 0);
		assert_memory_equal(parsed.sid, sid, p.sid_len);
		assert_memory_equal(parsed.nonce, nonce, p.nonce_len);
	}
	xr_cid_free(c);
}

static void test_rows(void **state)
{
	unsigned int seen[XR_CID_FORMAT_MAX] = { 0 };
	FILE *f = fopen(FILE_NAME, "r");
	char line[512];
	struct row r;
	int i, rows = 0, table = 0;

	if (!f)
		fail_msg("%s: run it in the source tree", FILE_NAME);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "| format |", 10)) {
			table = 1;
			continue;
		}
		if (!table || line[0] != '|')
			table = 0;
		if (!table || !strncmp(line, "| ---", 5))
			continue;
		if (!parse_row(line, &r))
			fail_msg("no row of vectors: %s", line);
		check_row(&r);
		seen[xr_cid_format_from_word(r.format)]++;
		rows++;
	}
	fclose(f);
	assert_true(rows > 10);
	for (i = 0; i < XR_CID_FORMAT_MAX; i++)
		if (!seen[i])
			fail_msg("no vector of %s", xr_cid_format_word(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
