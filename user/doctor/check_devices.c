// SPDX-License-Identifier: GPL-2.0-only
/* Devices: there, up, with our program and nobody else's, in native mode. */
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor_priv.h"
#include "lib/text.h"

static void look_gone(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!dev->record)
		return;
	doctor_looked(d);
	if (dev->state != DEVICE_GONE)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f,
		     dev->no_netns ? "its network namespace is gone, or nobody leads there"
				   : "the device is gone");
	doctor_cure_in(f, dev->path);
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "dev detach %s%s", dev->name[0] == '-' ? "-- " : "", QUOTE(dev->name));
}

static void cure_xdp_off(struct doctor_finding *f, const struct doctor_dev *dev)
{
	int i;

	for (i = 0; i < dev->programs; i++)
		if (!dev->program[i].ours) {
			doctor_cure_in(f, dev->path);
			doctor_cure(f, "ip link set dev %s %s off", QUOTE(dev->name),
				    dev->program[i].native ? "xdp" : "xdpgeneric");
			return;
		}
}

static const char *want_word(const struct doctor_dev *dev)
{
	static const char *const words[] = { NULL, "native", "generic" };

	return dev->record && dev->record->want <= ATTACH_GENERIC ? words[dev->record->want] : NULL;
}

static void look_program(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!dev->record || dev->state == DEVICE_GONE)
		return;
	/* Without this the kernel opens no program by its number: all seem gone. */
	if (dev->programs < 0 || (geteuid() && dev->state == DEVICE_NO_PROGRAM)) {
		doctor_unseen(d, "%s: which programs it has is for root to see", dev->shown);
		return;
	}
	doctor_looked(d);
	if (dev->state == DEVICE_ATTACHED)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f,
		     dev->programs ? "its program was replaced by somebody's \"%s\""
				   : "its program was taken off by somebody",
		     dev->programs ? dev->program[0].name : "");
	if (dev->programs) {
		cure_xdp_off(f, dev);
		doctor_cure(f, " && ");
	}
	doctor_cure_attach(f, d, dev, want_word(dev));
}

/* Beside ours, which a dispatcher allows, another program is no fault. */
static void look_other_program(struct doctor *d, const struct doctor_dev *dev)
{
	const struct device_program *prog;
	struct doctor_finding *f;
	char tag[17];

	if (!dev->present || dev->record)
		return;
	if (dev->programs < 0) {
		doctor_unseen(d, "%s: which programs it has is for root to see", dev->shown);
		return;
	}
	doctor_looked(d);
	if (!dev->programs)
		return;
	prog = dev->program;
	f = doctor_found(d, "%s", dev->shown);
	if (prog->instance[0]) {
		doctor_wrong(f, "it belongs to instance \"%s\"", prog->instance);
		doctor_cure_in(f, dev->path);
		doctor_cure_xroam(f, prog->instance);
		doctor_cure(f, "dev detach %s", QUOTE(dev->name));
		return;
	}
	doctor_wrong(f, "it has %s \"%s\" (id %u, tag %s)%s",
		     prog->orphan ? "the program of an instance whose pins are gone,"
				  : "the XDP program",
		     prog->name, prog->id, text_hex(tag, sizeof(tag), prog->tag, 8),
		     prog->single ? "" : ", by a dispatcher");
	cure_xdp_off(f, dev);
}

static void look_down(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!dev->present)
		return;
	doctor_looked(d);
	if (dev->fault != LINK_FAULT_DOWN)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "it is down");
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "ip link set dev %s up", QUOTE(dev->name));
}

static void look_carrier(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!dev->present)
		return;
	doctor_looked(d);
	if (dev->fault != LINK_FAULT_NO_CARRIER)
		return;
	f = doctor_found(d, "%s", dev->shown);
	if (dev->other_known) {
		doctor_wrong(f, "its other end, the veth %s, is down", dev->other.name);
		doctor_cure_in(f, dev->other_path);
		doctor_cure(f, "ip link set dev %s up", QUOTE(dev->other.name));
	} else {
		doctor_wrong(f, "it has no carrier");
		doctor_cure(f, "# the cable, or the other end of it");
	}
}

static void look_peer(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!doctor_works(dev) || dev->role != XR_ROLE_NODE || !dev->end.is_veth ||
	    !doctor_is_native(dev))
		return;
	if (!dev->other.ifindex) {
		doctor_unseen(d, "%s: its other end", dev->shown);
		return;
	}
	doctor_looked(d);
	if (dev->fault != LINK_FAULT_PEER)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "its other end, the veth %s, has no native XDP program", dev->other.name);
	if (!dev->other_known) {
		doctor_cure(f, "# in that veth's network namespace: ");
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "dev attach %s role pass", QUOTE(dev->other.name));
		return;
	}
	doctor_cure_in(f, dev->other_path);
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "dev attach %s%s role pass", dev->other.name[0] == '-' ? "-- " : "",
		    QUOTE(dev->other.name));
}

/* ---- native mode ---- */

/* A tunnel's device is never attached: what is looked at are its packets. */
static bool is_tunnel(const struct doctor_dev *dev)
{
	static const char *const kinds[] = { "ipip", "ip6tnl", "sit", "gre", "vxlan", "geneve" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(dev->end.kind, kinds[i]))
			return true;
	return false;
}

static void look_native(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!doctor_works(dev) || is_tunnel(dev))
		return;
	if (!dev->record && dev->xdp_error) {
		doctor_unseen(d, "%s: what its driver can do (kernels from 6.3 on tell)",
			      dev->shown);
		return;
	}
	doctor_looked(d);
	if (doctor_is_native(dev) || (dev->record && dev->record->want == ATTACH_GENERIC))
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "its driver%s%s%s has no native XDP", dev->end.kind[0] ? " (" : "",
		     dev->end.kind, dev->end.kind[0] ? ")" : "");
	if (dev->record) {
		doctor_cure_in(f, dev->path);
		doctor_cure_xroam(f, d->instance);
		doctor_cure(f, "dev detach %s && ", QUOTE(dev->name));
	}
	doctor_cure_attach(f, d, dev, "generic");
}

#define ONE_BUFFER 3498 /* the most that a page of 4096 holds beside head room and its tail */

static void look_frags(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	/* A tap gives what is larger to generic XDP. */
	if (!doctor_works(dev) || !doctor_is_native(dev) || !strcmp(dev->end.kind, "tun"))
		return;
	if (dev->xdp_error) {
		doctor_unseen(d, "%s: what its driver can do (kernels from 6.3 on tell)",
			      dev->shown);
		return;
	}
	doctor_looked(d);
	if (dev->xdp & XDP_ACT_RX_SG || dev->end.mtu <= ONE_BUFFER)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "its MTU is %u, and its driver's XDP has no frames of several buffers",
		     dev->end.mtu);
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "ip link set dev %s mtu %u", QUOTE(dev->name), ONE_BUFFER);
}

/* ---- queues ---- */

static void look_veth_queues(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;

	if (!dev->present || !dev->other_known || !dev->has.rx || !dev->other_has.tx)
		return;
	doctor_looked(d);
	if (dev->has.rx >= dev->other_has.tx)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "it has %u receive queues, its other end %s sends by %u", dev->has.rx,
		     dev->other.name, dev->other_has.tx);
	if (dev->has.rx_most >= dev->other_has.tx) {
		doctor_cure_in(f, dev->path);
		doctor_cure(f, "ethtool -L %s rx %u", QUOTE(dev->name), dev->other_has.tx);
	} else {
		doctor_cure_in(f, dev->other_path);
		doctor_cure(f, "ethtool -L %s tx %u", QUOTE(dev->other.name), dev->has.rx);
	}
}

static void look_queues(struct doctor *d, const struct doctor_dev *dev)
{
	struct doctor_finding *f;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	__u32 most = dev->has.rx_most;

	if (!doctor_works(dev) || dev->end.is_veth || !dev->has.rx || !most)
		return;
	doctor_looked(d);
	if (cpus > 0 && most > (__u32)cpus)
		most = cpus;
	if (dev->has.rx >= most)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "it receives by %u of %u queues, on %ld CPUs", dev->has.rx,
		     dev->has.rx_most, cpus);
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "ethtool -L %s %s %u", QUOTE(dev->name),
		    dev->has.combined ? "combined" : "rx", most);
}

const struct doctor_check doctor_device_checks[] = {
	{ "device-gone", DOCTOR_ERROR, "devices that were attached are there",
	  "no packet comes by it, and its record is in the way of a device of that name",
	  .look_dev = look_gone },
	{ "program-gone", DOCTOR_ERROR, "attached devices still have xroam's program",
	  "packets pass by as if there were no xroam", .look_dev = look_program },
	{ "other-program", DOCTOR_ERROR, "no XDP program of others is on a device to be attached",
	  "a device has one program, but where libxdp's dispatcher runs several",
	  .look_dev = look_other_program },
	{ "device-down", DOCTOR_ERROR, "devices are up", "no packet is seen",
	  .look_dev = look_down },
	{ "no-carrier", DOCTOR_ERROR, "devices have a carrier", "no packet is seen",
	  .look_dev = look_carrier },
	{ "veth-peer", DOCTOR_ERROR, "the other end of a veth takes what XDP sends into it",
	  "what is sent back out of the device is lost, and no counter shows it",
	  .look_dev = look_peer },
	{ "native-xdp", DOCTOR_WARNING, "drivers have native XDP",
	  "generic mode is several times slower", .look_dev = look_native },
	{ "xdp-frags", DOCTOR_ERROR, "frames of the MTU fit what the driver gives to XDP",
	  "native mode is refused, or large frames are dropped by the driver",
	  .look_dev = look_frags },
	{ "veth-queues", DOCTOR_ERROR,
	  "a veth receives by as many queues as its other end sends by", "native mode is refused",
	  .look_dev = look_veth_queues },
	{ "queues", DOCTOR_WARNING, "a card's receive queues are as many as CPUs",
	  "the other CPUs balance nothing", .look_dev = look_queues },
	{ .id = NULL },
};
