// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include "host_words.h"
#include "text.h"

const char *host_words(char *buf, size_t size, const struct xr_host_info *h)
{
	const char *local = h->local ? " local" : "";
	char addr[TEXT_ADDR], mac[TEXT_MAC], port[16] = "";

	text_addr(addr, h->addr);
	if (h->port)
		snprintf(port, sizeof(port), " port %u", h->port);
	switch (h->method) {
	case XR_FORWARD_VXLAN:
		snprintf(buf, size, "vxlan %s vni %u%s%s", addr, h->vni, port, local);
		break;
	case XR_FORWARD_IPIP:
	case XR_FORWARD_GUE:
		snprintf(buf, size, "%s %s%s%s", text_forward(h->method), addr, port, local);
		break;
	case XR_FORWARD_L2:
		snprintf(buf, size, "mac %s dev %s%s", text_mac(mac, h->mac), h->dev, local);
		break;
	default:
		snprintf(buf, size, "dev %s%s", h->dev, local);
	}
	return buf;
}

bool host_has_tunnel(const struct xr_host_info *h)
{
	return h->method == XR_FORWARD_VXLAN || h->method == XR_FORWARD_IPIP ||
		h->method == XR_FORWARD_GUE;
}
