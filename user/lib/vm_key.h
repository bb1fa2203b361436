/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM's key: its MAC, the octets in their order, and its VLAN (0: none) above. */
#ifndef XR_LIB_VM_KEY_H
#define XR_LIB_VM_KEY_H

#include <stdbool.h>
#include <linux/types.h>
#include "addr.h"

__u64 vm_key(const __u8 mac[6], __u16 vlan);
void vm_mac_of(__u64 key, __u8 mac[6]);
__u16 vm_vlan_of(__u64 key);
/* Whether two keys are of the same MAC, in whichever VLAN. */
bool vm_same_mac(__u64 a, __u64 b);

/* Room for "52:54:00:12:34:56 vlan 4094". */
#define VM_NAME 32
const char *vm_name(char buf[VM_NAME], __u64 key);

#endif
