// SPDX-License-Identifier: GPL-2.0-only
/* Offloads: what a card or a veth's other end leaves undone, or hides from XDP. */
#include <string.h>

#include "doctor_priv.h"

static bool has_peer(const struct doctor_dev *dev)
{
	return doctor_works(dev) && dev->end.is_veth && dev->other.ifindex;
}

static void look_at_peer(struct doctor *d, const struct doctor_dev *dev, enum feature_name name,
			 const char *what, const char *words)
{
	struct doctor_finding *f;

	if (!has_peer(dev))
		return;
	if (!dev->other_known || dev->other_has.error) {
		doctor_unseen(d, "%s: its other end's features%s%s", dev->shown,
			      dev->other_known ? ": " : "",
			      dev->other_known ? strerror(-dev->other_has.error) : "");
		return;
	}
	doctor_looked(d);
	if (dev->other_has.is[name] < FEATURE_ON)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "its other end, the veth %s, leaves %s", dev->other.name, what);
	doctor_cure_in(f, dev->other_path);
	doctor_cure(f, "ethtool -K %s %s off", QUOTE(dev->other.name), words);
}

static void look_peer_checksum(struct doctor *d, const struct doctor_dev *dev)
{
	look_at_peer(d, dev, FEATURE_TX_CHECKSUM, "checksums to the receiver (tx-checksumming)",
		     "tx-checksumming");
}

static void look_peer_vlan(struct doctor *d, const struct doctor_dev *dev)
{
	look_at_peer(d, dev, FEATURE_TX_VLAN, "VLAN tags out of the frame (txvlan)", "txvlan");
}

/* What cannot be switched is left to the driver, which does it when XDP is attached. */
static void look_at_card(struct doctor *d, const struct doctor_dev *dev, enum feature_name name,
			 const char *what, const char *word)
{
	struct doctor_finding *f;

	if (!doctor_works(dev) || dev->end.is_veth || !strcmp(dev->end.kind, "tun"))
		return;
	if (dev->has.error) {
		doctor_unseen(d, "%s: its features: %s", dev->shown, strerror(-dev->has.error));
		return;
	}
	doctor_looked(d);
	if (dev->has.is[name] != FEATURE_ON)
		return;
	f = doctor_found(d, "%s", dev->shown);
	doctor_wrong(f, "%s (%s)", what, word);
	doctor_cure_in(f, dev->path);
	doctor_cure(f, "ethtool -K %s %s off", QUOTE(dev->name), word);
}

static void look_rx_vlan(struct doctor *d, const struct doctor_dev *dev)
{
	look_at_card(d, dev, FEATURE_RX_VLAN, "it takes VLAN tags out of frames", "rxvlan");
}

static void look_lro(struct doctor *d, const struct doctor_dev *dev)
{
	look_at_card(d, dev, FEATURE_LRO, "it makes one large packet of several", "lro");
}

static void look_gro_hw(struct doctor *d, const struct doctor_dev *dev)
{
	look_at_card(d, dev, FEATURE_GRO_HW, "it makes one large packet of several", "rx-gro-hw");
}

const struct doctor_check doctor_offload_checks[] = {
	{ "peer-checksum", DOCTOR_ERROR, "a veth's other end finishes checksums",
	  "XDP sends on a checksum that nobody finishes any more, and the server drops the packet",
	  .look_dev = look_peer_checksum },
	{ "peer-vlan", DOCTOR_ERROR, "a veth's other end puts VLAN tags into frames",
	  "a tag beside the frame is invisible to XDP, and lost where the frame is sent on",
	  .look_dev = look_peer_vlan },
	{ "rx-vlan", DOCTOR_WARNING, "a card leaves VLAN tags in frames",
	  "a tag beside the frame is invisible to XDP, and lost where the frame is sent on",
	  .look_dev = look_rx_vlan },
	{ "lro", DOCTOR_ERROR, "a card joins no packets (LRO)",
	  "native mode is refused, or packets that were joined do not fit the way out",
	  .look_dev = look_lro },
	{ "gro-hw", DOCTOR_ERROR, "a card joins no packets (GRO in hardware)",
	  "native mode is refused, or packets that were joined do not fit the way out",
	  .look_dev = look_gro_hw },
	{ .id = NULL },
};
