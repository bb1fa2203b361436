// SPDX-License-Identifier: GPL-2.0-only
#include "reason.h"

static const struct {
	const char *word, *text;
	enum xr_reason_kind kind;
} reasons[XR_REASON_MAX] = {
	[XR_REASON_NONE] = { "none", "no verdict", XR_KIND_MAX },
#define X(name, word, kind, text)                                              \
	[XR_R_##name] = { word, text, XR_KIND_##kind },
	XR_REASONS(X)
#undef X
};

static const char *const kinds[XR_KIND_MAX] = {
	[XR_KIND_TX] = "tx",
	[XR_KIND_REPLY] = "reply",
	[XR_KIND_PASS] = "pass",
	[XR_KIND_DROP] = "drop",
	[XR_KIND_DECAP] = "decap",
	[XR_KIND_NOTE] = "note",
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
