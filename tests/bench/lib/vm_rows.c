// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include "frames.h"
#include "vm_rows.h"
#include "vm_scene.h"

#define TEN	10
#define WALKED	8		/* of the ten: a power of two */
#define MILLION (1U << 20)

struct vm_case {
	const char *name;
	enum floor_prog floor;	/* a program that does only this */
	enum vm_knobs knobs;
	enum vm_way way;	/* where the VMs are */
	enum xr_reason reason;	/* by which all frames must leave */
	__u32 action;
	double target;		/* ns above the floor, with ten VMs; 0: none */
	double times;		/* cost with a million, over that with ten; 0: none */
	bool million_too;	/* the target holds with a million, too */
	bool by_ip;		/* walk over addresses, not MACs */
	bool miss;		/* MACs and addresses that nobody has */
	bool locked;		/* frames of locked VMs, at their port */
	bool watched;		/* while a move is prepared */
};

static const struct vm_case cases[] = {
	{ .name = "moved-vxlan", .floor = FLOOR_VXLAN, .way = VM_VXLAN,
	  .reason = XR_R_MOVED, .action = XDP_TX, .target = 25, .times = 2.5 },
	{ .name = "moved-port", .floor = FLOOR_PORT, .way = VM_PORT,
	  .reason = XR_R_MOVED, .action = XDP_REDIRECT, .target = 20,
	  .times = 2.5 },
	{ .name = "moved-ipip", .floor = FLOOR_IPIP, .way = VM_IPIP,
	  .reason = XR_R_MOVED, .action = XDP_TX, .times = 2.5 },
	{ .name = "moved-ip-ipip", .floor = FLOOR_IPIP, .knobs = VM_AND_IPS,
	  .way = VM_IPIP, .reason = XR_R_MOVED_IP, .action = XDP_TX,
	  .by_ip = true, .times = 2.5 },
	{ .name = "vm-stayed", .floor = FLOOR_PASS, .way = VM_STAYED,
	  .reason = XR_R_VM_HERE, .action = XDP_PASS },
	{ .name = "no-vm", .floor = FLOOR_PASS, .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED, .action = XDP_PASS, .target = 12,
	  .million_too = true, .times = 1.5, .miss = true },
	{ .name = "no-vm-by-ip", .floor = FLOOR_PASS, .knobs = VM_AND_IPS,
	  .way = VM_IPIP, .reason = XR_R_NOT_MOVED, .action = XDP_PASS,
	  .times = 1.5, .by_ip = true, .miss = true },
	{ .name = "no-vm-no-vip", .floor = FLOOR_PASS, .knobs = VM_AND_VIPS,
	  .way = VM_VXLAN, .reason = XR_R_NOT_VIP, .action = XDP_PASS,
	  .times = 1.5, .miss = true },
	{ .name = "no-vm-watching", .floor = FLOOR_PASS, .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED, .action = XDP_PASS, .times = 1.5,
	  .miss = true, .watched = true },
	{ .name = "from-locked", .floor = FLOOR_PASS, .way = VM_VXLAN,
	  .reason = XR_R_NOT_MOVED, .action = XDP_PASS, .locked = true },
};
#define N_CASES (sizeof(cases) / sizeof(cases[0]))

static void shot_of(const struct vm_case *c, __u32 vms, struct shot *s)
{
	frame_udp(s, c->by_ip ? VM4_BASE : OTHER4, PORT_QUIC);
	s->walk.mask = vms == MILLION || c->miss ? MILLION - 1 : WALKED - 1;
	s->walk.walk_id = 1;
	s->walk.drain = 1;
	if (c->by_ip) {
		s->walk.vips = s->walk.mask + 1;
		s->walk.vip_of_flow = 1;
		if (c->miss)
			s->frame[30] ^= 0x80;
		return;
	}
	if (c->locked) {
		memcpy(s->frame + 6, "\x02\x10\0\0\0\0", 6);
		s->walk.walk_smac = 1;
		return;
	}
	memcpy(s->frame, c->miss ? "\x02\x20\0\0\0\0" : "\x02\x10\0\0\0\0", 6);
	s->walk.walk_dmac = 1;
}

struct vm_row {
	struct measured m;
	double cost;		/* above the wrapper and a bare return */
	double times;		/* of what it costs with ten */
};

/* One frame alone: does it leave as it should? And nearly all that follow? */
static int measure(struct harness *h, struct vm_scene *s,
		   const struct vm_case *c, __u32 vms, int rounds,
		   struct vm_row *row)
{
	int prog = vm_scene_prog(s, c->knobs), action, err;
	__u64 packets, left;
	__u8 out[FRAME_MAX];
	struct measured bare;
	struct shot shot;
	__u32 len;

	shot_of(c, vms, &shot);
	vm_scene_move(s, c->way, c->locked);
	if (c->watched)
		vm_scene_control(s, 1, 0);
	err = harness_warm(h, prog, &shot, 2 * shot.walk.mask);
	if (err)
		return err;
	action = harness_once(h, prog, &shot, out, &len);
	if (action != (int)c->action) {
		fprintf(stderr, "bench: %s: action %d where %u is right\n",
			c->name, action, c->action);
		return -EINVAL;
	}
	packets = harness_packets(h);
	left = vm_scene_count(s, c->reason);
	err = harness_measure(h, prog, c->floor, &shot, rounds, &row->m);
	packets = harness_packets(h) - packets;
	left = vm_scene_count(s, c->reason) - left;
	if (!err && left < packets - packets / 100) {
		fprintf(stderr, "bench: %s: %.1f %% of the frames went another "
			"way\n", c->name, 100 - 100.0 * left / packets);
		return -EINVAL;
	}
	err = err ?: harness_measure(h, harness_floor(h, FLOOR_TX), FLOOR_TX,
				     &shot, 2, &bare);
	row->cost = row->m.test.median - bare.test.median;
	return err;
}

static double target_of(const struct vm_case *c, __u32 vms)
{
	return vms == TEN || c->million_too ? c->target : 0;
}

/* Noise only adds, so ten are judged by the minimum, a million by the median. */
static double judged(const struct vm_row *r, __u32 vms)
{
	return vms == MILLION ? r->m.above : r->m.above_min;
}

static void print_row(const struct vm_case *c, const struct vm_row *r,
		      __u32 vms)
{
	double target = target_of(c, vms);
	char text[16] = "-";

	if (target)
		snprintf(text, sizeof(text), "%.0f", target);
	printf("%-16s %12s %8.1f %8.1f %8.1f %8.1f %7.2f %7s", c->name,
	       vms == MILLION ? "2^20" : "10", r->m.floor.median,
	       r->m.test.median, r->m.above_min, r->m.above,
	       r->m.test.median / r->m.floor.median, text);
	if (target && judged(r, vms) > target)
		printf("  over by %.1f", judged(r, vms) - target);
	if (r->times) {
		printf("  %.2f times that of ten", r->times);
		if (c->times)
			printf(" (%.1f%s)", c->times,
			       r->times > c->times ? ": missed" : "");
	}
	printf("\n");
	fflush(stdout);
}

static json_t *json_row(const struct vm_case *c, const struct vm_row *r,
			__u32 vms)
{
	double target = target_of(c, vms);
	json_t *j = json_pack("{s:s, s:i, s:{s:f, s:f}, s:{s:f, s:f}, s:f, s:f}",
			      "case", c->name, "vms", vms, "floor", "min",
			      r->m.floor.min, "median", r->m.floor.median,
			      "node", "min", r->m.test.min, "median",
			      r->m.test.median, "above_min", r->m.above_min,
			      "above", r->m.above);

	if (target) {
		json_object_set_new(j, "target", json_real(target));
		json_object_set_new(j, "met",
				    json_boolean(judged(r, vms) <= target));
	}
	if (r->times)
		json_object_set_new(j, "times_ten", json_real(r->times));
	return j;
}

int vm_rows_measure(struct harness *h, int rounds, const char *only,
		    bool print, json_t *rows)
{
	static const __u32 counts[] = { TEN, MILLION };
	struct vm_row row[2][N_CASES] = { 0 };
	int err = 0;

	if (print)
		printf("\n%-16s %12s %8s %8s %8s %8s %7s %7s\n"
		       "%-16s %12s %8s %8s %8s %8s\n", "case", "VMs", "floor",
		       "node", "above", "above", "ratio", "target",
		       "ns per frame", "", "(median)", "(median)", "(min)",
		       "(median)");
	for (int k = 0; k < 2 && !err; k++) {
		struct vm_scene *s = vm_scene_open(counts[k]);

		if (!s)
			return -EINVAL;
		for (size_t i = 0; i < N_CASES && !err; i++) {
			struct vm_row *r = &row[k][i];

			if (only && !strstr(cases[i].name, only))
				continue;
			err = measure(h, s, &cases[i], counts[k], rounds, r);
			if (err)
				break;
			if (k)
				r->times = r->cost / row[0][i].cost;
			if (print)
				print_row(&cases[i], r, counts[k]);
			json_array_append_new(rows, json_row(&cases[i], r,
							     counts[k]));
		}
		vm_scene_close(s);
	}
	return err;
}
