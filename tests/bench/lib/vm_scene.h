/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance with VMs for the bench: VM i has the MAC address 02:10 and i in
 * four octets, and the IPv4 address VM4_BASE + i; all have moved to one host.
 */
#ifndef BENCH_VM_SCENE_H
#define BENCH_VM_SCENE_H

#include <xroam/abi.h>
#include "harness.h"

#define VM4_BASE 0x0b000000U /* 11.0.0.0 */

/* How the host is reached: in turn, so 1, 2 and 3 in hosts. */
enum vm_way { VM_STAYED, VM_VXLAN, VM_PORT, VM_IPIP, VM_WAYS };

/* What the program is loaded for beside hosts. */
enum vm_knobs { VM_ALONE, VM_AND_VIPS, VM_AND_IPS, VM_AND_LOCAL, VM_KNOBS };

struct vm_scene;

struct vm_scene *vm_scene_open(__u32 vms);
void vm_scene_close(struct vm_scene *s);

int vm_scene_prog(const struct vm_scene *s, enum vm_knobs knobs);
__u64 vm_scene_count(const struct vm_scene *s, enum xr_reason reason);

/* Puts every VM there. locked: and locks it there. */
void vm_scene_move(struct vm_scene *s, enum vm_way way, bool locked);
/* Every VM is elsewhere, and prepared to come to where frames come in. */
void vm_scene_prepare(struct vm_scene *s);
/* Frames come in by the port of a VM with limits and sixteen rules, of which the last fits. */
int vm_scene_bind(struct vm_scene *s, bool bound);
/* watching: as if one VM were prepared. */
void vm_scene_control(struct vm_scene *s, __u32 watching, __u32 locked);

#endif
