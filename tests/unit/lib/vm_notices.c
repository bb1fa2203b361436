/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <xroam/hash.h>
#include "user/host/host.h"
#include "user/lib/defaults.h"
#include "user/lib/text.h"
#include "vm_notices.h"

const struct xr_limits small_limits = {
	.vips = 1,
	.backends = 1,
	.hosts = 4,
	.vms = 7,
	.vm_addresses = 9,
	.rings = 1,
};

static void *room(size_t n, size_t size)
{
	void *m = calloc(n, size);

	assert_non_null(m);
	return m;
}

static void add_host(struct plane *p, int i, const char *name)
{
	strcpy(p->host_info[i].name, name);
	strcpy(p->host_info[i].dev, "lo");
	p->host_info[i].method = XR_FORWARD_PORT;
	p->hosts[i].flags = XR_HOST_USED;
	p->hosts[i].method = XR_FORWARD_PORT;
}

struct plane *new_plane(void)
{
	static __u64 planes;
	struct plane *p = room(1, sizeof(*p));
	int i;

	p->serial = ++planes;
	for (i = 0; i < PLANE_MAPS; i++)
		p->fd[i] = -1;
	p->emit_fd = p->lock_fd = -1;
	p->fd[PLANE_LOCKED_MACS] = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, sizeof(__u64),
						  sizeof(struct xr_locked), small_limits.vms, NULL);
	if (p->fd[PLANE_LOCKED_MACS] < 0)
		fail_msg("a map: %s", strerror(errno));
	p->cpus = 1;
	strcpy(p->dir, "/nowhere");
	p->meta = room(1, sizeof(*p->meta));
	p->meta->limits = small_limits;
	p->meta->policy = xr_default_policy;
	p->hash_keys = room(1, sizeof(*p->hash_keys));
	for (i = 0; i < 16; i++)
		p->hash_keys->key[i] = xr_mix64(i + 1);
	p->mac_buckets = small_limits.vms / 4 + 16;
	p->ip_buckets = small_limits.vm_addresses / 4 + 16;
	p->mac_index = room(p->mac_buckets, sizeof(*p->mac_index));
	p->vms = aligned_alloc(64, p->mac_buckets * 8 * sizeof(*p->vms));
	memset(p->vms, 0, p->mac_buckets * 8 * sizeof(*p->vms));
	p->vm_info = room(p->mac_buckets * 8, sizeof(*p->vm_info));
	p->ip_index = room(p->ip_buckets, sizeof(*p->ip_index));
	p->vm_ips = room(p->ip_buckets * 8, sizeof(*p->vm_ips));
	p->vm_control = room(1, sizeof(*p->vm_control));
	p->ports = room(XR_MAX_DEVICES, sizeof(*p->ports));
	p->devices = room(XR_MAX_DEVICES, sizeof(*p->devices));
	p->hosts = room(small_limits.hosts + 1, sizeof(*p->hosts));
	p->host_info = room(small_limits.hosts + 1, sizeof(*p->host_info));
	add_host(p, 1, "a");
	add_host(p, 2, "b");
	add_host(p, 3, "c");
	add_host(p, 4, "gone");
	strcpy(p->host_info[4].dev, "no-such-device");
	return p;
}

void drop_plane(struct plane *p)
{
	close(p->fd[PLANE_LOCKED_MACS]);
	free(p->meta);
	free(p->ports);
	free(p->devices);
	free(p->hash_keys);
	free(p->mac_index);
	free(p->vms);
	free(p->vm_info);
	free(p->ip_index);
	free(p->vm_ips);
	free(p->vm_control);
	free(p->hosts);
	free(p->host_info);
	free(p);
}

/* ---- notices ---- */

struct xr_answer answer;
struct xr_err error;

struct xr_notice notice_of(enum xr_notice_kind kind, const char *mac, const char *host)
{
	struct xr_notice n = { .kind = kind, .source = XR_SOURCE_CLI, .host = host };

	assert_int_equal(text_to_mac(mac, n.mac, NULL), 0);
	return n;
}

int post(struct plane *p, enum xr_notice_kind kind, const char *mac, const char *host, __u64 seq)
{
	struct xr_notice n = notice_of(kind, mac, host);

	n.seq = seq;
	error.text[0] = '\0';
	return vm_notice(p, &n, &answer, &error);
}

int bind_to(struct plane *p, const char *mac, const char *addr, const char *host, bool lock)
{
	struct xr_notice n = notice_of(XR_NOTICE_ADD, mac, host);
	char buf[256], *one, *rest = buf;

	strcpy(buf, addr);
	while ((one = strsep(&rest, " ")))
		if (*one && !text_to_addr(one, n.addr[n.n_addrs], NULL))
			n.n_addrs++;
	n.lock = lock;
	error.text[0] = '\0';
	return vm_notice(p, &n, &answer, &error);
}

__u32 index_of(struct plane *p, const char *mac)
{
	__u8 octet[6];

	assert_int_equal(text_to_mac(mac, octet, NULL), 0);
	return vm_find(p, vm_key(octet, 0));
}

const char *state_of(struct plane *p, const char *mac)
{
	static const char *const states[] = { "none", "stable", "prepared", "blackout", "moved" };
	static char text[200];
	struct xr_vm_now now = vm_now(p, index_of(p, mac));

	snprintf(text, sizeof(text), "%s%s%s %s%s%s", host_name(p, now.host), now.next ? ">" : "",
		 now.next ? host_name(p, now.next) : "", states[now.state],
		 now.flags & XR_VM_FROZEN ? " frozen" : "", now.home == now.host ? "" : " away");
	return text;
}
