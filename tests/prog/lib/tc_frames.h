/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Frames through the tc programs, with the VM's port and the devices of this
 * machine known as `xroam run` makes them known; and what leaves a device.
 */
#ifndef XR_TEST_TC_FRAMES_H
#define XR_TEST_TC_FRAMES_H

#include <linux/pkt_cls.h>
#include "vms.h"
#include "worlds.h"

#define TO_VM   "eth src=02:00:00:00:00:77 dst=" VM
#define FROM_VM "eth src=" VM " dst=02:00:00:00:00:77"
#define PROBE   TO_VM " / ip4 src=10.9.0.77 dst=" VM4 " tos=3 / udp / fill 30"
#define PROBE6  TO_VM " / ip6 src=fd09::77 dst=" VM6 " tc=2 / udp / fill 30"
#define ARP     TO_VM " / arp op=2 sip=10.9.0.1 tip=" VM4

#define HERE  HOST_VXLAN("here", "10.1.0.254", ", local: true")
#define THERE HOST_VXLAN("there", "10.1.0.1", "")

struct tc_result {
	int action;
	struct packet out;
};

/* The program of that pin, a new file descriptor. */
int tc_pinned(const char *pin);
/* A frame through it, as if it passed dev, having come in by from (NULL: it is this host's). */
struct tc_result tc_run(const char *pin, const char *dev, const char *from, const char *text);
/* The same; nothing of the frame is touched, and no device sees another. */
void tc_left_alone(const char *pin, const char *dev, const char *from, const char *text);
/* What tc_run() sets as the mark of frames. */
extern __u32 tc_mark;

/* The frame is that of the text, but for source ports and flow labels: these are a hash. */
void tc_check_frame(const char *want, const struct packet *got);

/* How often that was counted since the last call for it, or since tc_count_anew(). */
__u64 tc_counted(enum xr_reason r);
void tc_count_anew(void);

/* Makes dev the VM's port, and counts anew. */
void tc_port_of_vm(const char *dev);
/* What a device is: XR_TAP_*. */
void tc_device_is(const char *dev, __u32 kind);

/*
 * Where the VM is, where it goes to ("": nowhere) and its state, as vm_notice() leaves
 * them, without what that would need of the machine.
 */
void tc_set_state(const char *host, const char *next, enum xr_vm_state state);

/* Watches what leaves dev; a socket to close. */
int catcher(const char *dev);
/* The next frame that left, without IPv6's own multicast. false: none. */
bool caught(int fd, struct packet *p);

#endif
