/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs are told of the devices they are on: which switch looks at a
 * frame's source there, by which key, and whose own port it is.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include "lib/vms.h"
#include "lib/worlds.h"
#include "user/host/host.h"
#include "user/lib/netns.h"
#include "user/host/ports.h"

#define SLOT 5

/* As attaching records it. */
static struct xr_port *attached(const char *dev)
{
	struct xr_device *d = &world_plane()->devices[SLOT];

	*d = (struct xr_device){ .ifindex = ifindex_of(dev),
				 .role = XR_ROLE_NODE,
				 .netns = netns_id() };
	snprintf(d->name, sizeof(d->name), "%s", dev);
	ports_find_own(world_plane(), d);
	host_refresh_ports(world_plane());
	return &world_plane()->ports[SLOT];
}

static bool can(const char *command)
{
	char line[256];

	snprintf(line, sizeof(line), "%s 2>/dev/null", command);
	return !system(line);
}

/*
 * What is tried of a device that this kernel does not know is left out, but where the
 * kernel is one of a distribution (tests/kernels), which has all of them.
 */
static void left_out(const char *what)
{
	print_message("# left out: no %s on this kernel\n", what);
	assert_null(getenv("XROAM_KERNEL_IS_WHOLE"));
}

static void switches(void **state)
{
	world(HOSTS(HOST_PORT("a", "in")) VMS(VM_AT(VM, "a", "")));
	assert_int_equal(attached("in")->sw, XR_SWITCH_NONE);
	assert_int_equal(attached("in")->host, host_index("a"));
	if (!can("ip link add br9 type bridge")) {
		left_out("bridges");
		return;
	}
	shell("ip link set in-peer master br9");
	assert_int_equal(attached("in-peer")->sw, XR_SWITCH_MACS);
	assert_int_equal(attached("in")->sw, XR_SWITCH_NONE);
	if (can("ip link set br9 type bridge vlan_filtering 1")) {
		assert_int_equal(attached("in-peer")->sw, XR_SWITCH_VLANS);
		assert_int_equal(attached("in-peer")->pvid, 1);
		assert_int_equal(attached("in-peer")->tpid, htons(0x8100));
		shell("bridge vlan add dev in-peer vid 7 pvid untagged");
		assert_int_equal(attached("in-peer")->pvid, 7);
	} else {
		left_out("bridges that filter VLANs");
	}
	shell("ip link set in-peer nomaster");
	assert_int_equal(attached("in-peer")->sw, XR_SWITCH_NONE);
	shell("ip link del br9");
}

#define OTHER "52:54:00:12:34:57"

/* As claiming a port does. */
static void at_port(const char *mac, const char *dev)
{
	vm_live(mac, 0)->tap = ifindex_of(dev);
	vm_info_of(mac, 0)->netns = netns_id();
	ports_set_own(world_plane(), vm_index_of(mac, 0), ifindex_of(dev));
}

/* The port of a locked VM, whatever comes first: lock, port or program. */
static void own(void **state)
{
	const struct xr_port *port;

	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
		    HOST_VXLAN("far", "10.2.0.1", ""))
	      VMS(VM_AT(VM, "here", "") VM_AT(OTHER, "here", "")));
	at_port(VM, "out");
	port = attached("out");
	assert_int_equal(port->own, vm_index_of(VM, 0) + 1);
	attached("in");
	assert_int_equal(port->own, 0);
	attached("out");
	/* Another comes to it: one with a lock counts more. */
	at_port(OTHER, "out");
	post_notice("add " VM " at here lock");
	assert_int_equal(port->own, vm_index_of(VM, 0) + 1);
	at_port(OTHER, "out");
	assert_int_equal(port->own, vm_index_of(VM, 0) + 1);
	post_notice("leave " VM);
	post_notice("add " OTHER " at here lock");
	assert_int_equal(port->own, vm_index_of(OTHER, 0) + 1);
}

/* Two with a lock share it: what one of them loses, the other's lock keeps. */
static void shared(void **state)
{
	/* clang-format off */
#define TWO								       \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")		       \
	      HOST_VXLAN("far", "10.2.0.1", ""))			       \
	VMS(VM_AT(VM, "here", ", lock: true, tap: out")			       \
	    VM_AT(OTHER, "here", ", lock: true, tap: out"))
	/* clang-format on */
	static const char *const losses[] = {
		"add " VM " at here",
		"leave " VM,
		"move " VM " to far",
	};

	for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
		const struct xr_port *port;

		world(TWO);
		at_port(OTHER, "out");
		at_port(VM, "out");
		port = attached("out");
		ports_set_own(world_plane(), vm_index_of(VM, 0), ifindex_of("out"));
		assert_int_equal(port->own, vm_index_of(VM, 0) + 1);
		post_notice("%s", losses[i]);
		assert_int_equal(port->own, vm_index_of(OTHER, 0) + 1);
	}
}

/* A bridge for a VLAN: a VLAN device says for which; two of them nothing. */
static void vlan_of_a_bridge(void **state)
{
	world(HOSTS(HOST_PORT("a", "in")) VMS(VM_AT(VM, "a", "")));
	if (!can("ip link add br9 type bridge") ||
	    !can("ip link add link out name out.7 type vlan id 7")) {
		shell("ip link del br9 2>/dev/null || :");
		left_out("VLAN devices");
		return;
	}
	shell("ip link set in-peer master br9");
	assert_int_equal(attached("in-peer")->pvid, 0);
	shell("ip link set out.7 master br9");
	assert_int_equal(attached("in-peer")->sw, XR_SWITCH_MACS);
	assert_int_equal(attached("in-peer")->pvid, 7);
	assert_int_equal(attached("in")->pvid, 0);
	shell("ip link add link out name out.8 type vlan id 8");
	shell("ip link set out.8 master br9");
	assert_int_equal(attached("in-peer")->pvid, 0);
	/* In another VLAN: what the fabric sees is that one's tag. */
	shell("ip link del out.8");
	shell("ip link set out.7 nomaster");
	shell("ip link add link out.7 name out.7.8 type vlan id 8");
	shell("ip link set out.7.8 master br9");
	assert_int_equal(attached("in-peer")->pvid, 0);
	shell("ip link del out.7");
	shell("ip link set in-peer nomaster");
	shell("ip link del br9");
}

/* The same by a VXLAN device, of a VNI that is a VLAN's VMs'. */
static void vlan_of_a_vni(void **state)
{
	world(HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
		    HOST_VXLAN("far", "10.2.0.1", ""))
	      VMS(VM_AT(VM, "far", ", vlan: 7")));
	if (!can("ip link add br9 type bridge") ||
	    !can("ip link add vx9 type vxlan id 100 dstport 4789")) {
		shell("ip link del br9 2>/dev/null || :");
		left_out("VXLAN devices");
		return;
	}
	shell("ip link set in-peer master br9");
	assert_int_equal(attached("in-peer")->pvid, 0);
	shell("ip link set vx9 master br9");
	assert_int_equal(attached("in-peer")->pvid, 7);
	shell("ip link del vx9");
	shell("ip link add vx9 type vxlan id 101 dstport 4789");
	shell("ip link set vx9 master br9");
	assert_int_equal(attached("in-peer")->pvid, 0);
	shell("ip link del vx9");
	shell("ip link set in-peer nomaster");
	shell("ip link del br9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(switches),         TEST(own),           TEST(shared),
		TEST(vlan_of_a_bridge), TEST(vlan_of_a_vni),
	};

	return harness_main("ports", tests, ARRAY_LEN(tests));
}
