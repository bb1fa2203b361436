// SPDX-License-Identifier: GPL-2.0-only
/* VMs by state and host; and of single VMs, where that is asked for. */
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "metrics_priv.h"
#include "plane/stats.h"

static const char *const states[] = { "stable",  "prepared", "blackout", "moved",
				      "settled", "frozen",   "disabled" };

#define STATES (sizeof(states) / sizeof(states[0]))

struct counting {
	struct plane *p;
	__u32 tick, n;
	__u32 state[STATES];
	__u32 *at_host; /* by index of hosts; NULL: no memory */
	__u32 *listed;  /* indices of VMs that have series of their own */
	__u32 n_listed, most;
};

static int count_vm(void *ctx, __u32 index)
{
	struct counting *c = ctx;
	const char *word = vm_state_name(c->p, index, c->tick);
	__u16 host = vm_now(c->p, index).host;
	size_t i;

	c->n++;
	for (i = 0; i < STATES; i++)
		c->state[i] += !strcmp(states[i], word);
	if (c->at_host && host <= c->p->meta->limits.hosts)
		c->at_host[host]++;
	if (c->listed && c->n_listed < c->most)
		c->listed[c->n_listed++] = index;
	return 0;
}

static void put_hosts(FILE *to, struct plane *p, const struct counting *c)
{
	__u32 i, most = p->meta->limits.hosts;
	struct xr_counter *sum = calloc(most + 1, sizeof(*sum));
	char(*name)[XR_NAME_LEN] = calloc(most + 1, sizeof(*name));

	for (i = 1; sum && name && i <= most; i++) {
		memcpy(name[i], p->host_info[i].name, XR_NAME_LEN - 1);
		if (!name[i][0] || stats_host(p, i, &sum[i]) ||
		    strncmp(name[i], p->host_info[i].name, XR_NAME_LEN - 1))
			name[i][0] = '\0'; /* just now another one's */
	}
	text_family(to, "xroam_host_packets_total", "counter", "Packets redirected to a host.");
	for (i = 1; sum && name && i <= most; i++)
		if (name[i][0])
			text_sample(to, "xroam_host_packets_total", sum[i].packets, "host", name[i],
				    NULL);
	text_family(to, "xroam_host_bytes_total", "counter", "Their octets.");
	for (i = 1; sum && name && i <= most; i++)
		if (name[i][0])
			text_sample(to, "xroam_host_bytes_total", sum[i].bytes, "host", name[i],
				    NULL);
	text_family(to, "xroam_host_vms", "gauge", "VMs that are at a host.");
	for (i = 1; c->at_host && name && i <= most; i++)
		if (name[i][0])
			text_sample(to, "xroam_host_vms", c->at_host[i], "host", name[i], NULL);
	free(sum);
	free(name);
}

/* A metric of single VMs, and where each VM has it. */
static const struct vm_metric {
	const char *name, *help;
	size_t offset; /* in struct xr_vm_info; or HITS */
} vm_metrics[] = {
#define HITS ((size_t)-1)
	{ "xroam_vm_redirected_packets_total", "Frames for the VM that were redirected.", HITS },
	{ "xroam_vm_moves_total", "Moves of the VM by notices.",
	  offsetof(struct xr_vm_info, moves) },
	{ "xroam_vm_copied_packets_total", "Frames copied to its new host in blackouts.",
	  offsetof(struct xr_vm_info, copied) },
	{ "xroam_vm_replayed_packets_total", "Residual frames replayed at its new host.",
	  offsetof(struct xr_vm_info, replayed) },
	{ "xroam_vm_lost_packets_total", "Residual frames lost.",
	  offsetof(struct xr_vm_info, lost) },
	{ "xroam_vm_spoofed_packets_total", "Announcements in its name that were not believed.",
	  offsetof(struct xr_vm_info, spoofed) },
};

static void put_vms(FILE *to, struct plane *p, const struct counting *c)
{
	const struct vm_metric *m = vm_metrics;
	char mac[TEXT_MAC], vlan[8];
	__u8 octets[6];
	__u64 key, value;
	size_t k;
	__u32 i;

	for (k = 0; k < sizeof(vm_metrics) / sizeof(vm_metrics[0]); k++, m++) {
		text_family(to, m->name, "counter", m->help);
		for (i = 0; i < c->n_listed; i++) {
			const struct xr_vm *v = &p->vms[c->listed[i]];
			const char *info = (const char *)&p->vm_info[c->listed[i]];

			key = v->key;
			value = m->offset == HITS ? v->hits : *(const __u64 *)(info + m->offset);
			if (vm_now(p, c->listed[i]).state == XR_VM_NONE || v->key != key)
				continue;
			vm_mac_of(key, octets);
			snprintf(vlan, sizeof(vlan), "%u", vm_vlan_of(key));
			text_sample(to, m->name, value, "mac", text_mac(mac, octets), "vlan", vlan,
				    NULL);
		}
	}
	text_family(to, "xroam_vms_left_out", "gauge",
		    "VMs without series of their own: there are more than per_vm allows.");
	text_sample(to, "xroam_vms_left_out", c->n - c->n_listed, NULL);
}

/* What the VMs that are listed were refused at their own ports; of those with bounds. */
static void put_bounds(FILE *to, struct plane *p, const struct counting *c)
{
	static const char *const ways[] = { [XR_WAY_IN] = "in", [XR_WAY_OUT] = "out" };
	char mac[TEXT_MAC], vlan[8];
	struct xr_vm_bounds_used u;
	__u8 octets[6];
	int k, way;
	__u32 i;

	for (k = 0; k < 2; k++) {
		const char *name = k ? "xroam_vm_limited_packets_total"
				     : "xroam_vm_denied_packets_total";

		text_family(to, name, "counter",
			    k ? "Packets above the VM's limit."
			      : "Packets that a rule of the VM refused.");
		for (i = 0; i < c->n_listed; i++) {
			if (!vm_get_bounds_used(p, c->listed[i], &u))
				continue;
			vm_mac_of(p->vms[c->listed[i]].key, octets);
			snprintf(vlan, sizeof(vlan), "%u", vm_vlan_of(p->vms[c->listed[i]].key));
			for (way = 0; way < XR_WAYS; way++)
				text_sample(to, name, k ? u.limited[way] : u.denied[way], "mac",
					    text_mac(mac, octets), "vlan", vlan, "direction",
					    ways[way], NULL);
		}
	}
}

void metrics_of_vms(FILE *to, struct site *s)
{
	struct plane *p = s->p;
	struct counting c = { .p = p, .tick = plane_tick(p), .most = s->per_vm };
	size_t i;

	c.at_host = calloc(p->meta->limits.hosts + 1, sizeof(*c.at_host));
	c.listed = s->per_vm ? calloc(s->per_vm, sizeof(*c.listed)) : NULL;
	vm_each(p, count_vm, &c);
	text_family(to, "xroam_vms", "gauge", "VMs by state.");
	for (i = 0; i < STATES; i++)
		text_sample(to, "xroam_vms", c.state[i], "state", states[i], NULL);
	put_hosts(to, p, &c);
	if (c.listed)
		put_vms(to, p, &c);
	if (c.listed)
		put_bounds(to, p, &c);
	free(c.at_host);
	free(c.listed);
}
