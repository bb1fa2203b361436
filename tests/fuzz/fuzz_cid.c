// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CID codec: any parameters, any octets. What the library mints it must
 * read back, and what the data plane's layout promises must hold.
 */
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>
#include <xroam/cid_config.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int ok)
{
	if (!ok)
		abort();
}

static void check_layout(const struct xr_cid_params *p)
{
	struct xr_cid_info info = {
		.config_id = p->config_id,
		.format = p->format,
		.sid_len = p->sid_len,
		.nonce_len = p->nonce_len,
		.offset = p->offset,
		.has_key = !!p->key,
	};
	struct xr_cid_config c;
	int i;

	if (p->key)
		memcpy(info.key, p->key, sizeof(info.key));
	if (xr_cid_config_fill(&c, &info))
		abort();
	check(c.layout.min_len <= XR_CID_MAX && c.layout.min_len);
	check(c.layout.sid_len <= XR_SID_MAX && c.layout.sid_len);
	for (i = 0; i < 4; i++)
		check(c.layout.at[i] + 8 <= XR_CID_MAX && c.layout.shift[i] < 64);
}

static void use(struct xr_cid *c, const uint8_t *data, size_t size)
{
	/* Exactly as long as told, so that a read beyond is seen. */
	uint8_t *cid = malloc(size ? size : 1);
	uint8_t nonce[XR_CID_MAX] = { 0 }, minted[XR_CID_MAX];
	struct xr_cid_parsed parsed, again;
	size_t len = xr_cid_min_len(c);
	int err;

	check(cid != NULL);
	if (size)
		memcpy(cid, data, size);
	err = xr_cid_parse(c, cid, size, &parsed);
	check(err == 0 || err == XR_CID_E_SHORT || err == XR_CID_E_NO_CONFIG);
	check(err || size >= len);
	if (!err) {
		check(parsed.sid_len + parsed.nonce_len <= XR_CID_MAX);
		memcpy(nonce, parsed.nonce, parsed.nonce_len);
		check(!xr_cid_encode(c, parsed.sid, nonce, minted, len));
		check(!xr_cid_parse(c, minted, len, &again));
		check(!memcmp(&parsed, &again, sizeof(parsed)));
	}
	free(cid);

	for (; len <= XR_CID_MAX; len++) {
		check(!xr_cid_mint(c, minted, len));
		check(!xr_cid_parse(c, minted, len, &parsed));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xr_cid_params p = { 0 };
	struct xr_cid *c;
	int err;

	if (size < 6 + XR_CID_KEY_LEN + XR_SID_MAX)
		return 0;
	p.format = data[0] % (XR_CID_FORMAT_MAX + 1);
	p.config_id = data[1] & 0x80 ? data[1] : data[1] % 8;
	p.sid_len = data[2] & 0x80 ? data[2] : data[2] % 17;
	p.nonce_len = data[3] & 0x80 ? data[3] : data[3] % 20;
	p.offset = data[4] & 0x80 ? data[4] : data[4] % 21;
	p.flags = data[5] & 7;
	data += 6;
	size -= 6;
	if (p.flags & 4)
		p.key = data;
	p.flags &= 3;
	p.sid = data + XR_CID_KEY_LEN;
	data += XR_CID_KEY_LEN + XR_SID_MAX;
	size -= XR_CID_KEY_LEN + XR_SID_MAX;

	err = xr_cid_new(&c, &p);
	check(err >= 0 && err < XR_CID_E_MAX && !err == !!c);
	if (err)
		return 0;
	check_layout(&p);
	use(c, data, size);
	xr_cid_free(c);
	return 0;
}
