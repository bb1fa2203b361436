// SPDX-License-Identifier: GPL-2.0-only
/* JSON values of addresses, MACs, octets and other people's text. */
#include <stdlib.h>

#include "lib/clean.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "out.h"

json_t *json_text(const char *text)
{
	char *clean = clean_utf8(text);
	json_t *value;

	if (!clean)
		out_no_memory();
	value = json_string(clean);
	free(clean);
	return value;
}

json_t *json_netns(__u64 id)
{
	char text[NETNS_TEXT];

	return id == netns_id() ? json_null() : json_text(netns_text(id, text));
}

json_t *json_addr(const __be32 addr[XR_ADDR_WORDS])
{
	char buf[TEXT_ADDR];

	return json_string(text_addr(buf, addr));
}

json_t *json_vip(const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto)
{
	char buf[TEXT_VIP];

	return json_string(text_vip(buf, addr, port, proto));
}

json_t *json_mac(const __u8 mac[6])
{
	char buf[TEXT_MAC];

	return json_string(text_mac(buf, mac));
}

json_t *json_hex(const void *octets, size_t len)
{
	char buf[2 * len + 1];

	return json_string(text_hex(buf, sizeof(buf), octets, len));
}
