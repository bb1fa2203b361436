/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs are told of the devices they are on: which switch looks at a
 * frame's source there, by which key, and whose own port it is.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "lib/vms.h"
#include "lib/worlds.h"
#include "user/core/host.h"
#include "user/core/netns.h"
#include "user/core/ports.h"

#define SLOT	5

/* As attaching records it. */
static struct xr_port *attached(const char *dev)
{
	struct xr_device *d = &world_plane()->devices[SLOT];

	*d = (struct xr_device){ .ifindex = ifindex_of(dev),
				 .role = XR_ROLE_NODE,
				 .netns = netns_inode() };
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

static void switches(void **state)
{
	world(HOSTS(HOST_PORT("a", "in")) VMS(VM_AT(VM, "a", "")));
	assert_int_equal(attached("in")->sw, XR_SWITCH_NONE);
	assert_int_equal(attached("in")->host, host_index("a"));
	if (!can("ip link add br9 type bridge")) {
		print_message("# no bridges here\n");
		return;
	}
	shell("ip link set in-peer master br9");
	assert_int_equal(attached("in-peer")->sw, XR_SWITCH_MACS);
	assert_int_equal(attached("in")->sw, XR_SWITCH_NONE);
	if (can("ip link set br9 type bridge vlan_filtering 1")) {
		assert_int_equal(attached("in-peer")->sw, XR_SWITCH_VLANS);
		assert_int_equal(attached("in-peer")->pvid, 1);
		assert_int_equal(attached("in-peer")->tpid, htons(0x8100));
		if (can("bridge vlan add dev in-peer vid 7 pvid untagged"))
			assert_int_equal(attached("in-peer")->pvid, 7);
	} else {
		print_message("# no bridges that filter VLANs here\n");
	}
	shell("ip link set in-peer nomaster");
	assert_int_equal(attached("in-peer")->sw, XR_SWITCH_NONE);
	shell("ip link del br9");
}

#define OTHER	"52:54:00:12:34:57"

/* As claiming a port does. */
static void at_port(const char *mac, const char *dev)
{
	vm_live(mac, 0)->tap = ifindex_of(dev);
	vm_info_of(mac, 0)->netns = netns_inode();
	ports_own(world_plane(), vm_place(mac, 0), ifindex_of(dev));
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
	assert_int_equal(port->own, vm_place(VM, 0) + 1);
	attached("in");
	assert_int_equal(port->own, 0);
	attached("out");
	/* Another comes to it: one with a lock counts more. */
	at_port(OTHER, "out");
	say("add " VM " at here lock");
	assert_int_equal(port->own, vm_place(VM, 0) + 1);
	at_port(OTHER, "out");
	assert_int_equal(port->own, vm_place(VM, 0) + 1);
	say("leave " VM);
	say("add " OTHER " at here lock");
	assert_int_equal(port->own, vm_place(OTHER, 0) + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(switches),
		TEST(own),
	};

	return harness_main("ports", tests, ARRAY_LEN(tests));
}
