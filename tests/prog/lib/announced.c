/* SPDX-License-Identifier: GPL-2.0-only */
#include "announced.h"

struct packet announcement(const struct announced *a, __u16 vlan)
{
	struct packet p = packet("hex %s", a->hex);

	if (vlan)
		packet_tag(&p, vlan);
	return p;
}

const char *in_vlan(__u16 vlan)
{
	return vlan ? " vlan 100" : "";
}

void at_old(__u16 vlan)
{
	post_notice("leave " VM "%s", in_vlan(vlan));
	post_notice("add " VM "%s at old", in_vlan(vlan));
	take_events();
}
