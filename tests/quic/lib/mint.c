// SPDX-License-Identifier: GPL-2.0-only
/* The server's connection IDs: from a file of configurations, by the library. */
#include "quic.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>

#define MAX_CONFIGS 8
#define MAX_PEERS   32

struct sid {
	uint8_t len, octet[XR_SID_MAX];
};

struct config {
	struct xr_cid *cid;
	struct xr_cid_params params;
	uint8_t key[XR_CID_KEY_LEN];
	struct sid sid, peers[MAX_PEERS];
	int n_peers;
};

static struct config *configs;
static int n_configs;

/* As xroam takes them: 16 octets, or 32 hex digits and white space behind. */
static int parse_key(struct config *c, const char *file)
{
	char buf[64] = "", hex[33] = "";
	FILE *f = fopen(file, "r");
	size_t len = 0;

	if (f) {
		len = fread(buf, 1, sizeof(buf) - 1, f);
		fclose(f);
	}
	c->params.key = c->key;
	if (len == sizeof(c->key)) {
		memcpy(c->key, buf, len);
		return 0;
	}
	if (sscanf(buf, "%32[0-9a-fA-F]", hex) != 1 ||
	    strspn(buf + strlen(hex), " \t\r\n") != len - strlen(hex))
		return -1;
	return xq_hex(c->key, sizeof(c->key), hex) == sizeof(c->key) ? 0 : -1;
}

static int parse_sid(struct sid *sid, const char *hex)
{
	int n = xq_hex(sid->octet, sizeof(sid->octet), hex);

	sid->len = n > 0 ? n : 0;
	return n > 0 ? 0 : -1;
}

static int parse_peers(struct config *c, char *list)
{
	char *save = NULL, *hex;

	for (hex = strtok_r(list, ",", &save); hex; hex = strtok_r(NULL, ",", &save)) {
		if (c->n_peers == MAX_PEERS || parse_sid(&c->peers[c->n_peers++], hex))
			return -1;
	}
	return 0;
}

static int parse_number(unsigned int *n, const char *text)
{
	return sscanf(text, "%u", n) == 1 ? 0 : -1;
}

static int parse_word(struct config *c, char *word)
{
	char *value = strchr(word, '=');
	int format;

	if (!value)
		return -1;
	*value++ = '\0';
	if (!strcmp(word, "id"))
		return parse_number(&c->params.config_id, value);
	if (!strcmp(word, "nonce"))
		return parse_number(&c->params.nonce_len, value);
	if (!strcmp(word, "offset"))
		return parse_number(&c->params.offset, value);
	if (!strcmp(word, "sid"))
		return parse_sid(&c->sid, value);
	if (!strcmp(word, "peers"))
		return parse_peers(c, value);
	if (!strcmp(word, "key"))
		return parse_key(c, value);
	if (!strcmp(word, "format")) {
		format = xr_cid_format_from_word(value);
		c->params.format = format;
		return format < 0 ? -1 : 0;
	}
	return -1;
}

static int parse_line(struct config *c, char *line, char *err, size_t len)
{
	char *save = NULL, *word;
	int rc;

	c->params.format = XR_CID_QUIC_LB;
	for (word = strtok_r(line, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
		if (parse_word(c, word)) {
			snprintf(err, len, "\"%s\" is not understood", word);
			return -1;
		}
	}
	c->params.sid = c->sid.octet;
	c->params.sid_len = c->sid.len;
	rc = xr_cid_new(&c->cid, &c->params);
	if (rc) {
		snprintf(err, len, "%s", xr_cid_strerror(rc));
		return -1;
	}
	return 0;
}

static void free_configs(struct config *list)
{
	for (int i = 0; list && i < MAX_CONFIGS; i++)
		xr_cid_free(list[i].cid);
	free(list);
}

int xq_mint_load(const char *file, char *err, size_t err_len)
{
	struct config *list = calloc(MAX_CONFIGS, sizeof(*list));
	FILE *f = fopen(file, "r");
	char line[2048];
	int n = 0, rc = 0;

	if (!f || !list) {
		snprintf(err, err_len, "%s", strerror(errno));
		rc = -1;
	}
	while (!rc && fgets(line, sizeof(line), f)) {
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		if (n == MAX_CONFIGS) {
			snprintf(err, err_len, "more than %d lines", n);
			rc = -1;
			break;
		}
		rc = parse_line(&list[n++], line, err, err_len);
	}
	if (f)
		fclose(f);
	if (rc) {
		free_configs(list);
		return rc;
	}
	free_configs(configs);
	configs = list;
	n_configs = n;
	return 0;
}

size_t xq_mint_need(void)
{
	size_t need = 0, n;

	for (int i = 0; i < n_configs; i++) {
		n = xr_cid_min_len(configs[i].cid);
		if (n > need)
			need = n;
	}
	return need;
}

void xq_mint(uint8_t *cid, size_t len)
{
	int rc;

	if (!n_configs) {
		/* Reserved for servers without one: by 4-tuple, then. */
		xq_random(cid, len);
		cid[0] |= 0xe0;
		return;
	}
	rc = xr_cid_mint(configs[0].cid, cid, len);
	if (rc)
		xq_die("minting a CID: %s", xr_cid_strerror(rc));
}

enum xq_owner xq_mint_owner(const uint8_t *cid, size_t len)
{
	struct xr_cid_parsed parsed;

	for (int i = 0; i < n_configs; i++) {
		const struct config *c = &configs[i];

		if (xr_cid_parse(c->cid, cid, len, &parsed))
			continue;
		if (!memcmp(parsed.sid, c->sid.octet, c->sid.len))
			return XQ_SELF;
		for (int p = 0; p < c->n_peers; p++)
			if (c->peers[p].len == parsed.sid_len &&
			    !memcmp(parsed.sid, c->peers[p].octet, parsed.sid_len))
				return XQ_PEER;
	}
	return XQ_NOBODY;
}
