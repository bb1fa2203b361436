/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A capture: packets as XDP saw them and left them, with what it thought of them. While it
 * lasts a copy of the program that captures is on each device, and this process says every
 * moment that it still wants packets: killed, no packet is captured three seconds later, and
 * whoever next changes the instance puts the plain program back (attach/attach_capture.c).
 */
#ifndef XR_CAPTURE_CAPTURE_H
#define XR_CAPTURE_CAPTURE_H

#include <xroam/capture.h>
#include "filter.h"
#include "plane/plane.h"

#define CAPTURE_DEVS 16

struct capture_want {
	const struct capture_filter *filter;
	__u32 reasons[4]; /* as in struct xr_capture_control */
	__u64 mac;        /* the same; 0: any */
	__u32 rate, snap, which;
	bool has_vip;
	__be32 vip[XR_ADDR_WORDS];
	__be16 port;
	__u8 proto;
	int n_devs; /* 0: every device whose role is not pass */
	const char *dev[CAPTURE_DEVS];
};

/* A device, as it was when the capture came to it; by its slot in the map devices. */
struct capture_device {
	__u64 netns;
	__u32 ifindex;
	__u32 prog;  /* the copy that captures there; 0: none */
	bool failed; /* said already */
	char name[XR_NAME_LEN];
	enum xr_role role;
	__u8 mode; /* enum xr_attach_mode */
};

struct capture;

/*
 * Begins: p is open for a change, and its lock is given back. -EBUSY: another process
 * captures; -ENODEV: no such device, or none at all; -ENOENT: no such VIP.
 */
int capture_open(struct plane *p, const struct capture_want *want, struct capture **out,
		 struct xr_err *err);

/*
 * Renews what says that packets are wanted, and follows devices that come, go, or got
 * another program; to be called several times a second. warn() gets a line for each device
 * that is lost. -ESTALE: the instance is gone.
 */
typedef void capture_warn(void *ctx, const char *line);
int capture_tend(struct capture *c, capture_warn *warn, void *ctx, struct xr_err *err);

/*
 * Hands over what is in the ring; each() returns other than 0 to get no more, and that is
 * returned. Else the number of packets.
 */
typedef int capture_each(void *ctx, const struct xr_capture_packet *packet, const __u8 *octets);
int capture_read(struct capture *c, capture_each *each, void *ctx);

const struct capture_device *capture_device(const struct capture *c, __u32 slot);
/* A device's counts; slot XR_MAX_DEVICES: of all devices. */
void capture_count(const struct capture *c, __u32 slot, struct xr_capture_counts *sum);
/* How often somebody else replaced a capturing program: packets in between are missing. */
unsigned int capture_gaps(const struct capture *c);

/* No packet is captured from here on; what is in the ring may still be read. */
void capture_stop(struct capture *c);
/* Puts the plain programs back and frees c (NULL is fine). An error: they are not all back. */
int capture_close(struct capture *c, struct xr_err *err);

#endif
