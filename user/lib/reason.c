// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <xroam/abi.h>
#include "reason.h"

static const struct {
	const char *word, *text;
	enum xr_reason_kind kind;
} reasons[XR_REASON_MAX] = { [XR_REASON_NONE] = { "none", "no verdict", XR_KIND_MAX },
#define X(name, word, kind, text) [XR_R_##name] = { word, text, XR_KIND_##kind },
			     XR_REASONS(X)
#undef X
};

static const char *const kinds[XR_KIND_MAX] = {
	[XR_KIND_TX] = "tx",     [XR_KIND_REPLY] = "reply", [XR_KIND_PASS] = "pass",
	[XR_KIND_DROP] = "drop", [XR_KIND_DECAP] = "decap", [XR_KIND_NOTE] = "note",
};

const char *reason_word(unsigned int reason)
{
	return reason < XR_REASON_MAX ? reasons[reason].word : "?";
}

const char *reason_text(unsigned int reason)
{
	return reason < XR_REASON_MAX ? reasons[reason].text : "?";
}

enum xr_reason_kind reason_kind(unsigned int reason)
{
	return reason < XR_REASON_MAX ? reasons[reason].kind : XR_KIND_MAX;
}

const char *reason_kind_word(unsigned int kind)
{
	return kind < XR_KIND_MAX ? kinds[kind] : "?";
}

const char *reason_cure(unsigned int reason)
{
	static const char *const cures[XR_REASON_MAX] = {
		[XR_R_NO_BACKEND] = "set a backend behind the VIP up, with a weight",
		[XR_R_BACKEND_DOWN] =
			"set the backend up or draining, or \"policy down: fallback\"",
		[XR_R_TOO_BIG] =
			"give the ways to the servers a larger MTU, or clients a smaller one",
		[XR_R_NO_ROUTE] = "add a route to the backend or host, and let the machine forward",
		[XR_R_NO_NEIGHBOUR] =
			"see why the next hop does not answer ARP or neighbour discovery",
		[XR_R_NO_ROOM] =
			"attach to a device whose driver leaves head room, or in mode generic",
		[XR_R_BAD_TUNNEL] =
			"see who sends tunnels that hold no sound packet (xroam explain)",
		[XR_R_VM_LOOP] = "tell xroam where the VM is: \"xroam vm move\"",
		[XR_R_VM_CHAIN] =
			"tell the host that still redirects where the VM is: \"xroam vm move\"",
		[XR_R_PREMATURE] = "end the move with \"xroam vm move\", or \"xroam vm cancel\"",
		[XR_R_OUTDATED] = "stop the VM at its old place",
	};

	return reason < XR_REASON_MAX ? cures[reason] : NULL;
}

const char *announcement_word(unsigned int announcement)
{
	static const char *const words[] = {
		[XR_GARP_REQUEST] = "gratuitous-arp",
		[XR_GARP_REPLY] = "arp-reply-broadcast",
		[XR_RARP] = "rarp",
		[XR_ARP_GATEWAY] = "arp-request-gateway",
		[XR_ARP_OTHER] = "arp-request-other",
		[XR_REPLY_GATEWAY] = "arp-reply-gateway",
		[XR_REPLY_OTHER] = "arp-reply-other",
		[XR_UNSOLICITED_NA] = "unsolicited-na",
	};

	return announcement < sizeof(words) / sizeof(words[0]) ? words[announcement] : NULL;
}
