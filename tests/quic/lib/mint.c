// SPDX-License-Identifier: GPL-2.0-only
/* The server's connection IDs: configurations from a file, minted by the
 * library. */
#include "quic.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CONFIGS 8
#define MAX_PEERS   32
#define SID_MAX	    15

struct sid {
	uint8_t len, octet[SID_MAX];
};

struct config {
	unsigned int id, nonce_len;
	struct sid sid, peers[MAX_PEERS];
	int n_peers;
	bool has_key;
	uint8_t key[16];
};

static struct config *configs;
static int n_configs;

static int parse_key(struct config *c, const char *file, char *err, size_t len)
{
	char hex[64] = "";
	FILE *f = fopen(file, "r");

	if (!f || fscanf(f, "%63s", hex) != 1 ||
	    xq_hex(c->key, sizeof(c->key), hex) != sizeof(c->key)) {
		snprintf(err, len, "%s: not a key of 16 octets in hex", file);
		if (f)
			fclose(f);
		return -1;
	}
	fclose(f);
	c->has_key = true;
	return 0;
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

	for (hex = strtok_r(list, ",", &save); hex;
	     hex = strtok_r(NULL, ",", &save)) {
		if (c->n_peers == MAX_PEERS ||
		    parse_sid(&c->peers[c->n_peers++], hex))
			return -1;
	}
	return 0;
}

static int parse_word(struct config *c, char *word, char *err, size_t len)
{
	char *value = strchr(word, '=');
	int rc = -1;

	if (value) {
		*value++ = '\0';
		if (!strcmp(word, "id"))
			rc = sscanf(value, "%u", &c->id) == 1 && c->id < 7 ? 0
									   : -1;
		else if (!strcmp(word, "nonce"))
			rc = sscanf(value, "%u", &c->nonce_len) == 1 ? 0 : -1;
		else if (!strcmp(word, "sid"))
			rc = parse_sid(&c->sid, value);
		else if (!strcmp(word, "peers"))
			rc = parse_peers(c, value);
		else if (!strcmp(word, "key"))
			return parse_key(c, value, err, len);
	}
	if (rc)
		snprintf(err, len,
			 "%s: not id=, sid=, nonce=, key= or peers=", word);
	return rc;
}

static int parse_line(struct config *c, char *line, char *err, size_t len)
{
	char *save = NULL, *word;

	memset(c, 0, sizeof(*c));
	for (word = strtok_r(line, " \t\n", &save); word;
	     word = strtok_r(NULL, " \t\n", &save))
		if (parse_word(c, word, err, len))
			return -1;
	if (!c->sid.len) {
		snprintf(err, len, "a line without sid=");
		return -1;
	}
	return 0;
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
		free(list);
		return rc;
	}
	free(configs);
	configs = list;
	n_configs = n;
	return 0;
}

size_t xq_mint_need(void)
{
	size_t need = 0, n;

	for (int i = 0; i < n_configs; i++) {
		n = 1 + configs[i].sid.len + configs[i].nonce_len;
		if (n > need)
			need = n;
	}
	return need;
}

static int mint(const struct config *c, uint8_t *cid)
{
	cid[0] = c->id << 5 | (cid[0] & 0x1f);
	memcpy(cid + 1, c->sid.octet, c->sid.len);
	return 0;
}

void xq_mint(uint8_t *cid, size_t len)
{
	/* What is beyond server ID and nonce is ours: random. */
	xq_random(cid, len);
	if (!n_configs)
		cid[0] |= 0xe0;
	else if (mint(&configs[0], cid))
		xq_die("no CID could be made");
}

static int sid_of(const struct config *c, const uint8_t *cid, size_t len,
		  uint8_t *sid)
{
	if (len < 1u + c->sid.len + c->nonce_len || cid[0] >> 5 != c->id)
		return -1;
	memcpy(sid, cid + 1, c->sid.len);
	return 0;
}

enum xq_owner xq_mint_owner(const uint8_t *cid, size_t len)
{
	uint8_t sid[SID_MAX];

	for (int i = 0; i < n_configs; i++) {
		const struct config *c = &configs[i];

		if (sid_of(c, cid, len, sid))
			continue;
		if (!memcmp(sid, c->sid.octet, c->sid.len))
			return XQ_SELF;
		for (int p = 0; p < c->n_peers; p++)
			if (c->peers[p].len == c->sid.len &&
			    !memcmp(sid, c->peers[p].octet, c->sid.len))
				return XQ_PEER;
	}
	return XQ_NOBODY;
}
