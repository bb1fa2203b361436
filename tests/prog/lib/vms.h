/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of VMs share: the VM that the announcements are of, hosts of
 * every kind, notices in the words of `xroam vm`, and the events of what the program did.
 */
#ifndef XR_TEST_VMS_H
#define XR_TEST_VMS_H

#include "harness.h"
#include "user/lib/reason.h"
#include "user/vm/vm.h"

/* The VM of announcements.h. */
#define VM      "52:54:00:12:34:56"
#define VM4     "10.9.0.10"
#define VM6     "fd09::10"
#define GATEWAY "02:00:00:00:00:01"

/*
 * Hosts. The ways to a* and b* go by the device packets come in by, those to
 * c* and d* by "out".
 */
#define HOSTS(list)                  "hosts:\n" list
#define HOST_VXLAN(name, addr, more) "  - {name: " name ", vxlan: \"" addr "\", vni: 100" more "}\n"
#define HOST_IPIP(name, addr, more)  "  - {name: " name ", ipip: \"" addr "\"" more "}\n"
#define HOST_GUE(name, addr, more)   "  - {name: " name ", gue: \"" addr "\"" more "}\n"
#define HOST_PORT(name, dev)         "  - {name: " name ", dev: " dev "}\n"
#define HOST_MAC(name, mac, dev)     "  - {name: " name ", mac: \"" mac "\", dev: " dev "}\n"

#define VMS(list)              "vms:\n" list
#define VM_AT(mac, host, more) "  - {mac: \"" mac "\", at: " host more "}\n"

/* What the VM sends to all. */
#define BROADCAST  "eth src=" VM " dst=ff:ff:ff:ff:ff:ff / "
#define MULTICAST6 "eth src=" VM " dst=33:33:00:00:00:01 / "

/* The VM was at old, which is of no account after that. */
#define OLD            HOST_VXLAN("old", "10.2.0.9", "")
#define MOVED_TO(host) HOSTS(OLD host) VMS(VM_AT(VM, "old", ""))

#define GATEWAYS "gateways:\n  - {address: 10.9.0.1, mac: \"" GATEWAY "\"}\n"

/*
 * A notice in the words of `xroam vm`: "add MAC [vlan N] [address ADDR]... at
 * HOST [lock]", "prepare MAC [vlan N] to HOST [timeout N]", "pause MAC", "move
 * MAC to HOST [seq N] [ttl N]", "cancel MAC", "leave MAC". It must be obeyed.
 */
void post_notice(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* post_notice("move VM to HOST"), the VM being that of announcements.h. */
void move_to(const char *host);
/* What vm_notice() returns. */
int post_any_notice(struct xr_answer *a, struct xr_err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A VM, as it is now; it must be known. */
__u32 vm_index_of(const char *mac, __u16 vlan);
struct xr_vm *vm_live(const char *mac, __u16 vlan);
struct xr_vm_info *vm_info_of(const char *mac, __u16 vlan);

__u16 host_index(const char *name); /* must be known; "" gives 0 */
struct xr_counter host_count(const char *name);

/* Who lives behind the device packets come in by ("": many or nobody). */
void behind(const char *host, bool trusted);

/* Fails unless it is so. flags: XR_VM_*. */
void check_vm(const char *mac, __u16 vlan, enum xr_vm_state state, const char *host, __u8 flags);
/* Everything about a VM but what hits change: two of them compare equal. */
void check_same(const struct xr_vm *was, const char *mac, __u16 vlan);

/* So much later that nothing flaps. */
void later(void);

/* ---- events ---- */

struct events {
	int n[XR_REASON_MAX];    /* in events: kind VM or PACKET */
	int vm_n[XR_REASON_MAX]; /* in vm_events: kind VM */
	struct xr_event last[XR_REASON_MAX];
	struct xr_event vm_last[XR_REASON_MAX];
};

/*
 * The events since the last call, or since the world was made. The tick goes
 * on, so that no gate is shut for what comes.
 */
struct events take_events(void);

#endif
