// SPDX-License-Identifier: GPL-2.0-only
/* Events about VMs, and counts of what user space decided about them. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/index.h"
#include "vm_event.h"
#include "vm_state.h"

static const char *const sources[] = {
	[XR_SOURCE_CLI] = "cli",
	[XR_SOURCE_FILE] = "file",
	[XR_SOURCE_SOCKET] = "socket",
	[XR_SOURCE_QMP] = "qmp",
	[XR_SOURCE_ANNOUNCEMENT] = "announcement",
	[XR_SOURCE_LIBVIRT] = "libvirt",
	[XR_SOURCE_ETCD] = "etcd",
	[XR_SOURCE_FDB] = "fdb",
	[XR_SOURCE_OVN] = "ovn",
};

const char *vm_source_name(unsigned int source)
{
	return source < sizeof(sources) / sizeof(sources[0]) && sources[source] ? sources[source]
										: "?";
}

void vm_post_event(struct plane *p, __u32 index, __u32 reason, __u16 from, const char *fmt, ...)
{
	struct xr_vm_now now = vm_now(p, index);
	struct xr_event e = {
		.kind = XR_EVENT_VM,
		.reason = reason,
		.vm = no_of_index(index),
		.vlan = vm_vlan_of(p->vms[index].key),
		.host = now.host,
		.from = from,
		.state = now.state,
		.source = p->vm_info[index].source,
	};
	char name[VM_NAME], line[512];
	va_list ap;
	int n;

	vm_mac_of(p->vms[index].key, e.mac);
	n = snprintf(line, sizeof(line), "vm %s ", vm_name_at(p, name, index));
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	plane_change_line(line);
	memcpy(e.text, line, strnlen(line, sizeof(e.text) - 1));
	plane_emit(p, &e);
}

/*
 * The programs never count these reasons, so that adding to what was read loses none;
 * which CPU's counter has the sum does not matter.
 */
void vm_count_reason(struct plane *p, __u32 reason, __u64 n)
{
	struct xr_counter *c = calloc(p->cpus, sizeof(*c));

	if (c && !bpf_map_lookup_elem(p->fd[PLANE_REASON_STATS], &reason, c)) {
		c[0].packets += n;
		bpf_map_update_elem(p->fd[PLANE_REASON_STATS], &reason, c, 0);
	}
	free(c);
}
