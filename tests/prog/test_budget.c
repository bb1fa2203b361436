/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verifier has to do for each program: below the limit that the
 * project set itself, and not more than a tenth above what was last recorded.
 * Each generation of kernels counts otherwise; those before 6.12 follow more
 * paths and are held to their record alone. After a change that is worth it,
 * record what the test prints.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "lib/harness.h"
#include "lib/worlds.h"
#include "user/attach/attach.h"
#include "user/attach/tc.h"
#include "user/capture/maps.h"
#include "user/steer/sid_store.h"

#define LIMIT      24000
#define VM_LIMIT   100000 /* with hosts, VIPs and every way on */
#define NODE_LIMIT 30000
#define NO_LIMIT   1000000 /* the kernel's own */

/* Newest kernel first: the first that is not newer than the running one. */
static const struct record {
	const char *program;
	int major, minor;
	__u32 insns, limit;
} records[] = {
	{ "xroam_node", 6, 18, 28630, NODE_LIMIT },
	{ "xroam_node", 6, 12, 27000, NODE_LIMIT },
	{ "xroam_node", 0, 0, 34600, NO_LIMIT },
	{ "xroam_node, pages", 6, 12, 32300, 36000 },
	{ "xroam_node, pages", 0, 0, 38000, NO_LIMIT },
	{ "xroam_vm_node", 6, 18, 60000, 3 * LIMIT },
	{ "xroam_vm_node", 6, 12, 60000, 3 * LIMIT },
	{ "xroam_vm_node", 0, 0, 88400, NO_LIMIT },
	{ "xroam_vm_node, all", 6, 18, 97600, VM_LIMIT },
	{ "xroam_vm_node, all", 6, 12, 97600, VM_LIMIT },
	{ "xroam_vm_node, all", 0, 0, 110000, NO_LIMIT },
	{ "xroam_decap", 6, 18, 7366, LIMIT },
	{ "xroam_decap", 6, 12, 8000, LIMIT },
	{ "xroam_decap", 0, 0, 12000, NO_LIMIT },
	{ "xroam_probe, all", 6, 12, 17093, VM_LIMIT },
	{ "xroam_probe, all", 0, 0, 28000, NO_LIMIT },
	{ "xroam_cap_node", 6, 12, 42740, NO_LIMIT },
	{ "xroam_cap_node", 0, 0, 60000, NO_LIMIT },
	{ "xroam_cap_vm, all", 6, 12, 112000, NO_LIMIT },
	{ "xroam_cap_vm, all", 0, 0, 150000, NO_LIMIT },
	{ "xroam_cap_decap", 6, 12, 9974, NO_LIMIT },
	{ "xroam_cap_decap", 0, 0, 30000, NO_LIMIT },
	{ "xroam_cap_pass", 6, 12, 2514, NO_LIMIT },
	{ "xroam_cap_pass", 0, 0, 20000, NO_LIMIT },
	{ "tc_tap_out", 6, 12, 15795, LIMIT },
	{ "tc_tap_out", 0, 0, 17400, LIMIT },
	{ "tc_tap_in", 6, 12, 9700, LIMIT },
	{ "tc_tap_in", 0, 0, 9500, LIMIT },
	{ "tc_uplink_in", 6, 12, 20300, LIMIT },
	{ "tc_uplink_in", 0, 0, 36000, NO_LIMIT },
	{ "tc_uplink_out", 6, 12, 11544, LIMIT },
	{ "tc_uplink_out", 0, 0, 17500, LIMIT },
	{ "tc_tunnel_in", 6, 12, 6200, LIMIT },
	{ "tc_tunnel_in", 0, 0, 9800, LIMIT },
	{ "tc_replay", 6, 12, 3400, LIMIT },
	{ "tc_replay", 0, 0, 4000, LIMIT },
	{ "tc_tunnel_out", 6, 12, 3915, LIMIT },
	{ "tc_tunnel_out", 0, 0, 5500, LIMIT },
};

static const struct record *recorded(const char *program)
{
	int major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		const struct record *r = &records[i];

		if (!strcmp(r->program, program) &&
		    (r->major < major || (r->major == major && r->minor <= minor)))
			return r;
	}
	fail_msg("%s has no record", program);
	return NULL;
}

static void check(const char *name, int fd)
{
	struct bpf_prog_info info = { 0 };
	const struct record *r = recorded(name);
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	if (!info.verified_insns) {
		printf("# %s: this kernel does not tell\n", name);
		return;
	}
	printf("# %s: the verifier processed %u instructions of %zu; recorded "
	       "%u, limit %u\n",
	       name, info.verified_insns, info.xlated_prog_len / sizeof(struct bpf_insn), r->insns,
	       r->limit);
	if (info.verified_insns >= r->limit)
		fail_msg("%s: not below %u", name, r->limit);
	if (info.verified_insns > r->insns + r->insns / 10)
		fail_msg("%s: a tenth more than the record", name);
}

static void node(void **state)
{
	world(WORLD_TWO);
	check("xroam_node", world_prog());
}

/* Server IDs in pages, and such that are not: both halves of the search. */
static void node_pages(void **state)
{
	char ids[SID_PAGE_BEGIN * 12] = "", *s = ids;

	for (int i = 0; i < SID_PAGE_BEGIN; i++)
		s += sprintf(s, "\"0300%02x\", ", i);
	world(WORLD_TWO BACKEND("many", VIPS4) "    address: 10.2.0.3\n    server_ids: [%s]\n",
	      ids);
	check("xroam_node, pages", world_prog());
}

/* Hosts reached by VXLAN alone, and no VIP: a hypervisor, a gateway. */
static void vm_node(void **state)
{
	world("hosts:\n  - {name: a, vxlan: 10.1.0.1, vni: 100}\n"
	      "  - {name: b, dev: out}\n");
	check("xroam_vm_node", world_prog());
}

#define WORLD_ALL                                                      \
	WORLD_TWO "hosts:\n  - {name: a, vxlan: 10.1.0.1, vni: 100}\n" \
		  "  - {name: b, gue: 10.1.0.2}\n"                     \
		  "  - {name: here, gue: 10.1.0.254, local: true}\n" POLICY("moves: any")

static void vm_node_all(void **state)
{
	world(WORLD_ALL);
	check("xroam_vm_node, all", world_prog());
}

static void backend(void **state)
{
	world(WORLD_TWO);
	world_use_decap();
	check("xroam_decap", world_prog());
}

static void nothing_changed(struct plane *p, __u64 left)
{
	(void)p;
	(void)left;
}

/* The daemon's, of health checks. */
static void probe(void **state)
{
	struct probe_program g;

	world(WORLD_ALL);
	/* It is loaded as the program of a device is. */
	assert_int_equal(plane_attach(world_plane(), "lo", ATTACH_GENERIC, XR_ROLE_NODE,
				      nothing_changed, NULL),
			 0);
	assert_int_equal(plane_load_probe(world_plane(), &g, NULL), 0);
	check("xroam_probe, all", g.fd);
	plane_close_probe(&g);
	assert_int_equal(plane_detach(world_plane(), "lo", nothing_changed, NULL), 0);
}

static void check_capturing(const char *name, enum xr_role role)
{
	static const struct capture_filter all;
	struct capture_maps maps;
	int fd;

	assert_int_equal(capture_maps_make(&maps, &all, NULL), 0);
	fd = plane_load_capturing(world_plane(), "in", role, &maps, NULL);
	assert_true(fd >= 0);
	check(name, fd);
	close(fd);
	capture_maps_close(&maps);
}

/* They are there only while somebody captures, and have no limit of ours. */
static void capturing(void **state)
{
	world(WORLD_TWO);
	check_capturing("xroam_cap_node", XR_ROLE_NODE);
	check_capturing("xroam_cap_decap", XR_ROLE_BACKEND);
	check_capturing("xroam_cap_pass", XR_ROLE_PASS);
	world(WORLD_ALL);
	check_capturing("xroam_cap_vm, all", XR_ROLE_NODE);
}

/* Of each pin the first record is of the newest kernel. */
static void beside(void **state)
{
	const char *seen = "";
	char path[256];
	size_t i;
	int fd;

	world(WORLD_TWO);
	fd = tc_replay_program(world_plane(), NULL);
	assert_true(fd >= 0);
	close(fd);
	for (i = 0; i < ARRAY_LEN(records); i++) {
		if (strncmp(records[i].program, "tc_", 3) || !strcmp(records[i].program, seen))
			continue;
		seen = records[i].program;
		snprintf(path, sizeof(path), "%s/%s", world_plane()->dir, seen);
		fd = bpf_obj_get(path);
		assert_true(fd >= 0);
		check(seen, fd);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(node),    TEST(node_pages), TEST(vm_node),   TEST(vm_node_all),
		TEST(backend), TEST(probe),      TEST(capturing), TEST(beside),
	};

	return harness_main("verifier budget", tests, ARRAY_LEN(tests));
}
