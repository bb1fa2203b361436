// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>
#include "frames.h"
#include "vm_cases.h"

const struct vm_case vm_cases[VM_CASES] = {
	{ .name = "moved-vxlan",
	  .floor = FLOOR_VXLAN,
	  .way = VM_VXLAN,
	  .reason = XR_R_MOVED,
	  .action = XDP_TX,
	  .target = 25,
	  .times = 2.5 },
	{ .name = "moved-port",
	  .floor = FLOOR_PORT,
	  .way = VM_PORT,
	  .reason = XR_R_MOVED,
	  .action = XDP_REDIRECT,
	  .target = 20,
	  .times = 2.5 },
	{ .name = "moved-ipip",
	  .floor = FLOOR_IPIP,
	  .way = VM_IPIP,
	  .reason = XR_R_MOVED,
	  .action = XDP_TX,
	  .times = 2.5 },
	{ .name = "moved-ip-ipip",
	  .floor = FLOOR_IPIP,
	  .knobs = VM_AND_IPS,
	  .way = VM_IPIP,
	  .reason = XR_R_MOVED_IP,
	  .action = XDP_TX,
	  .by_ip = true,
	  .times = 2.5 },
	{ .name = "vm-stayed",
	  .floor = FLOOR_PASS,
	  .way = VM_STAYED,
	  .reason = XR_R_VM_HERE,
	  .action = XDP_PASS },
	{ .name = "no-vm",
	  .floor = FLOOR_PASS,
	  .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED,
	  .action = XDP_PASS,
	  .target = 12,
	  .million_too = true,
	  .times = 1.5,
	  .miss = true },
	{ .name = "no-vm-by-ip",
	  .floor = FLOOR_PASS,
	  .knobs = VM_AND_IPS,
	  .way = VM_IPIP,
	  .reason = XR_R_NOT_MOVED,
	  .action = XDP_PASS,
	  .times = 1.5,
	  .by_ip = true,
	  .miss = true },
	{ .name = "no-vm-no-vip",
	  .floor = FLOOR_PASS,
	  .knobs = VM_AND_VIPS,
	  .way = VM_VXLAN,
	  .reason = XR_R_NOT_VIP,
	  .action = XDP_PASS,
	  .times = 1.5,
	  .miss = true },
	{ .name = "no-vm-watching",
	  .floor = FLOOR_PASS,
	  .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED,
	  .action = XDP_PASS,
	  .times = 1.5,
	  .miss = true,
	  .watched = true },
	{ .name = "from-locked",
	  .floor = FLOOR_PASS,
	  .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED,
	  .action = XDP_PASS,
	  .locked = true },
	{ .name = "unbounded-port",
	  .floor = FLOOR_PORT,
	  .knobs = VM_AND_LOCAL,
	  .way = VM_PORT,
	  .reason = XR_R_MOVED,
	  .action = XDP_REDIRECT },
	{ .name = "bounded-port",
	  .floor = FLOOR_PORT,
	  .knobs = VM_AND_LOCAL,
	  .way = VM_PORT,
	  .reason = XR_R_MOVED,
	  .action = XDP_REDIRECT,
	  .bound = true },
	{ .name = "activates",
	  .floor = FLOOR_PASS,
	  .way = VM_VXLAN,
	  .reason = XR_R_ACTIVATED,
	  .action = XDP_PASS,
	  .activates = true },
};

/* The first VM's MAC address, and one like it that is nobody's. */
static const __u8 vm_mac[ETH_ALEN] = { 0x02, 0x10 };
static const __u8 no_vm_mac[ETH_ALEN] = { 0x02, 0x20 };

void vm_case_shot(const struct vm_case *c, __u32 walked, struct shot *s)
{
	struct ethhdr *eth = (void *)s->frame;
	struct iphdr *ip = (void *)(eth + 1);

	frame_udp(s, c->by_ip ? VM4_BASE : OTHER4, PORT_QUIC);
	s->walk.mask = walked - 1;
	s->walk.walk_id = 1;
	s->walk.drain = 1;
	if (c->by_ip) {
		s->walk.vips = s->walk.mask + 1;
		s->walk.vip_of_flow = 1;
		if (c->miss)
			ip->daddr ^= htonl(0x80000000);
		return;
	}
	if (c->locked || c->activates) {
		memcpy(eth->h_source, vm_mac, ETH_ALEN);
		s->walk.walk_smac = 1;
		return;
	}
	memcpy(eth->h_dest, c->miss ? no_vm_mac : vm_mac, ETH_ALEN);
	s->walk.walk_dmac = 1;
}

int vm_case_set(struct vm_scene *s, const struct vm_case *c)
{
	if (c->activates)
		vm_scene_prepare(s);
	else
		vm_scene_move(s, c->way, c->locked);
	if (c->watched)
		vm_scene_control(s, 1, 0);
	return vm_scene_bind(s, c->bound);
}
