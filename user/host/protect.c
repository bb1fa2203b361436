// SPDX-License-Identifier: GPL-2.0-only
/* What no VM's announcement may claim: own MACs, gateways, the operator's list. */
#include <bpf/bpf.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "model/model_edit.h"
#include "host.h"
#include "lib/text.h"

struct entry {
	struct xr_protected key;
	__u32 why; /* PROTECT_*; 0: nothing is to be stored */
};

struct entries {
	struct entry *item;
	size_t n;
	bool failed;
};

static void want(struct entries *e, const struct xr_protected *key, __u32 why)
{
	struct entry *to;
	size_t i;

	for (i = 0; i < e->n; i++)
		if (!memcmp(&e->item[i].key, key, sizeof(*key))) {
			e->item[i].why |= why;
			return;
		}
	to = model_grow(&e->item, &e->n, sizeof(*to));
	if (!to) {
		e->failed = true;
		return;
	}
	to->key = *key;
	to->why = why;
}

static void want_mac(struct entries *e, const __u8 *mac, __u32 why)
{
	struct xr_protected key = { .kind = XR_PROTECTED_MAC };

	memcpy(key.octet, mac, 6);
	if (!mac_is_zero(mac))
		want(e, &key, why);
}

static void want_own(void *ctx)
{
	struct entries *e = ctx;
	const struct sockaddr_ll *ll;
	struct ifaddrs *list, *i;

	if (getifaddrs(&list)) {
		e->failed = true;
		return;
	}
	for (i = list; i; i = i->ifa_next) {
		ll = (const void *)i->ifa_addr;
		if (ll && ll->sll_family == AF_PACKET && ll->sll_halen == 6)
			want_mac(e, ll->sll_addr, PROTECT_OWN);
	}
	freeifaddrs(list);
}

static void want_gateways(struct plane *p, struct entries *e)
{
	struct xr_protected key = { .kind = XR_PROTECTED_IP };
	int i;

	for (i = 0; i < XR_MAX_GATEWAYS; i++) {
		if (!p->gateways[i].used)
			continue;
		memcpy(key.octet, p->gateways[i].addr, sizeof(key.octet));
		want(e, &key, PROTECT_GATEWAY);
		if (p->gateways[i].has_mac)
			want_mac(e, p->gateways[i].mac, PROTECT_GATEWAY);
	}
}

/* Reads what is in the map, with why it is there. */
static int load(struct plane *p, struct entries *e)
{
	struct xr_protected key, *from = NULL;
	struct entry *to;
	__u32 why;

	while (!bpf_map_get_next_key(p->fd[PLANE_PROTECTED], from, &key)) {
		from = &key;
		if (bpf_map_lookup_elem(p->fd[PLANE_PROTECTED], &key, &why))
			continue;
		to = model_grow(&e->item, &e->n, sizeof(*to));
		if (!to)
			return -ENOMEM;
		to->key = key;
		to->why = why;
	}
	return 0;
}

int protect_list(struct plane *p, struct xr_protected **list, size_t *n)
{
	struct entries e = { NULL, 0, false };
	struct xr_protected *to;
	int ret = load(p, &e);
	size_t i;

	*list = NULL;
	*n = 0;
	for (i = 0; !ret && i < e.n; i++) {
		if (!(e.item[i].why & PROTECT_LISTED))
			continue;
		to = model_grow(list, n, sizeof(*to));
		if (to)
			*to = e.item[i].key;
		else
			ret = -ENOMEM;
	}
	free(e.item);
	return ret;
}

static int store(struct plane *p, const struct entries *have, const struct entries *wanted)
{
	int fd = p->fd[PLANE_PROTECTED], ret = 0;
	size_t i, j;

	for (i = 0; i < have->n; i++) {
		for (j = 0; j < wanted->n; j++)
			if (!memcmp(&have->item[i].key, &wanted->item[j].key,
				    sizeof(struct xr_protected)))
				break;
		if (j == wanted->n)
			bpf_map_delete_elem(fd, &have->item[i].key);
		else if (have->item[i].why == wanted->item[j].why)
			wanted->item[j].why = 0; /* stays as it is */
	}
	for (j = 0; !ret && j < wanted->n; j++)
		if (wanted->item[j].why)
			ret = bpf_map_update_elem(fd, &wanted->item[j].key, &wanted->item[j].why,
						  0);
	return ret;
}

int protect_refresh(struct plane *p, const struct xr_protected *list, size_t n, struct xr_err *err)
{
	struct entries have = { NULL, 0, false }, wanted = { NULL, 0, false };
	int ret = load(p, &have);
	size_t i;

	for (i = 0; list && i < n; i++)
		want(&wanted, &list[i], PROTECT_LISTED);
	for (i = 0; !list && i < have.n; i++)
		if (have.item[i].why & PROTECT_LISTED)
			want(&wanted, &have.item[i].key, PROTECT_LISTED);
	want_gateways(p, &wanted);
	plane_each_netns(p, want_own, &wanted);
	if (!ret && wanted.failed)
		ret = -ENOMEM;
	if (!ret)
		ret = store(p, &have, &wanted);
	free(have.item);
	free(wanted.item);
	if (ret)
		xr_fail(err, ret, "protected addresses: %s", strerror(-ret));
	return ret;
}
