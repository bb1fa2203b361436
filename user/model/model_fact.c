// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include "model_fact.h"

_Static_assert(MODEL_FACT_TEXT >= TEXT_ADDR, "an address is the longest");

/* clang-format off */
#define FIELD(member) \
	offsetof(struct xr_backend_info, member), sizeof(((struct xr_backend_info *)0)->member)

const struct model_fact_desc model_facts[MODEL_FACTS] = {
	[MODEL_FACT_ADDRESS] = { "address", FACT_ADDRESS, FIELD(addr), 0, 0 },
	[MODEL_FACT_WEIGHT] = { "weight", FACT_NUMBER, FIELD(weight), 0, XR_MAX_WEIGHT },
	[MODEL_FACT_STATE] = { "state", FACT_STATE, FIELD(state), XR_BACKEND_UP, XR_BACKEND_DOWN },
	[MODEL_FACT_FORWARD] = { "forward", FACT_FORWARD, FIELD(forward), 0, XR_FORWARD_L2 },
	[MODEL_FACT_DEV] = { "dev", FACT_DEV, FIELD(dev), 0, 0 },
	[MODEL_FACT_PORT] = { "port", FACT_NUMBER, FIELD(port), 1, 65535 },
	[MODEL_FACT_VNI] = { "vni", FACT_NUMBER, FIELD(vni), 0, XR_MAX_VNI },
	[MODEL_FACT_MAC] = { "mac", FACT_MAC, FIELD(mac), 0, 0 },
	[MODEL_FACT_INITIAL_RATE] = { "initial-rate", FACT_NUMBER, FIELD(initial_rate), 0, 0xffffffff },
	[MODEL_FACT_VM] = { "vm", FACT_MAC, FIELD(vm_mac), 0, 0 },
	[MODEL_FACT_VLAN] = { "vlan", FACT_NUMBER, FIELD(vm_vlan), 1, XR_MAX_VLAN },
};
/* clang-format on */

static const void *field(enum model_fact fact, const struct xr_backend_info *info)
{
	return (const char *)info + model_facts[fact].offset;
}

bool model_fact_differs(enum model_fact fact, const struct xr_backend_info *a,
			const struct xr_backend_info *b)
{
	/* What is behind a name's end is nothing. */
	if (model_facts[fact].kind == FACT_DEV)
		return strcmp(field(fact, a), field(fact, b)) != 0;
	return memcmp(field(fact, a), field(fact, b), model_facts[fact].size) != 0;
}

void model_fact_copy(enum model_fact fact, struct xr_backend_info *to,
		     const struct xr_backend_info *from)
{
	memcpy((char *)to + model_facts[fact].offset, field(fact, from), model_facts[fact].size);
}

__u32 model_fact_number(enum model_fact fact, const struct xr_backend_info *info)
{
	const void *from = field(fact, info);

	switch (model_facts[fact].size) {
	case 1:
		return *(const __u8 *)from;
	case 2:
		return *(const __u16 *)from;
	default:
		return *(const __u32 *)from;
	}
}

const char *model_fact_text(enum model_fact fact, const struct xr_backend_info *info,
			    char buf[MODEL_FACT_TEXT])
{
	const char *dev = field(fact, info);

	switch (model_facts[fact].kind) {
	case FACT_ADDRESS:
		return text_addr(buf, field(fact, info));
	case FACT_MAC:
		return text_mac(buf, field(fact, info));
	case FACT_STATE:
		return text_state(model_fact_number(fact, info));
	case FACT_FORWARD:
		return text_forward(model_fact_number(fact, info));
	case FACT_DEV:
		return *dev ? dev : "any";
	default:
		snprintf(buf, MODEL_FACT_TEXT, "%u", model_fact_number(fact, info));
		return buf;
	}
}
