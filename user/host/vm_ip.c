// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose an address is: in a segment, for two tenants may have the same. Most are
 * one VM's alone, and found by the address's hash, whichever VLAN a packet came in.
 * There, too, is the VM without a VLAN. Of what several have the others are found by
 * the hash of address and VLAN; the entries at the first place are marked, so that
 * who does not know the segment takes none of them, and who knows it looks on.
 */
#include <errno.h>
#include <string.h>

#include "model/model_edit.h"
#include "lib/text.h"
#include "steer/tag_table.h"
#include "vm_ip.h"

#define VLANS 4095

void vm_loosen(__u32 **list, size_t *n, __u32 place)
{
	__u32 *to = model_grow(list, n, sizeof(*to));

	/* Without memory the place stays filled, and unused: no harm is done. */
	if (to)
		*to = place;
}

/* What a place is compared with. */
struct ip_key {
	const __be32 *addr;
	__u16 vlan;
	bool tagged; /* in any VLAN but none */
};

static bool same_ip(const void *ctx, __u32 place, const void *key)
{
	const struct plane *p = ctx;
	const struct xr_vm_ip *ip = &p->vm_ips[place];
	const struct ip_key *k = key;

	return (k->tagged ? ip->vlan != 0 : ip->vlan == k->vlan) &&
		!memcmp(ip->addr, k->addr, sizeof(ip->addr));
}

static struct tag_table ips_of(const struct plane *p)
{
	return (struct tag_table){ p->ip_index, p->ip_buckets, same_ip, p };
}

/* vlan 0: the first place that is looked at. */
static __u64 hash_of(const struct plane *p, const __be32 *addr, __u16 vlan)
{
	return xr_vm_ip_hash(p->hash_keys, addr, !addr_is_ipv4(addr), vlan);
}

static __u32 find_at(struct plane *p, const __be32 *addr, __u16 hash_vlan, __u16 vlan, bool tagged)
{
	const struct ip_key key = { addr, vlan, tagged };
	struct tag_table t = ips_of(p);

	return tag_find(&t, hash_of(p, addr, hash_vlan), &key);
}

static __u32 find_ip(struct plane *p, const __be32 *addr, __u16 vlan)
{
	__u32 place = find_at(p, addr, 0, vlan, false);

	return place == TAG_NOWHERE && vlan ? find_at(p, addr, vlan, vlan, false) : place;
}

__u32 vm_by_ip_in(struct plane *p, const __be32 *addr, __u16 vlan)
{
	__u32 place = find_ip(p, addr, vlan);

	return place == TAG_NOWHERE ? VM_NOWHERE : p->vm_ips[place].vm;
}

__u32 vm_by_ip(struct plane *p, const __be32 *addr)
{
	__u32 place = find_at(p, addr, 0, 0, false);

	if (place == TAG_NOWHERE)
		place = find_at(p, addr, 0, 0, true);
	if (place == TAG_NOWHERE || (p->vm_ips[place].vlan && p->vm_ips[place].shared))
		return VM_NOWHERE;
	return p->vm_ips[place].vm;
}

bool vm_ip_shared(struct plane *p, const __be32 *addr)
{
	__u32 place = find_at(p, addr, 0, 0, false);

	if (place == TAG_NOWHERE)
		place = find_at(p, addr, 0, 0, true);
	return place != TAG_NOWHERE && p->vm_ips[place].shared;
}

/* ---- one more ---- */

static void mark_shared(struct plane *p, __u32 place, __u16 shared)
{
	if (place != TAG_NOWHERE)
		__atomic_store_n(&p->vm_ips[place].shared, shared, __ATOMIC_RELEASE);
}

static __u32 put(struct plane *p, __u64 h, const struct xr_vm_ip *ip)
{
	struct tag_table t = ips_of(p);
	__u32 place = tag_room(&t, h);

	if (place == TAG_NOWHERE)
		return place;
	p->vm_ips[place] = *ip;
	tag_publish(&t, h, place);
	return place;
}

int vm_add_ip(struct plane *p, __u32 vm, const __be32 *addr)
{
	struct xr_vm_ip ip = { .vm = vm, .vlan = vm_vlan_of(p->vms[vm].key) };
	__u32 place = find_ip(p, addr, ip.vlan);
	__u32 plain = find_at(p, addr, 0, 0, false);
	__u32 tagged = find_at(p, addr, 0, 0, true);

	if (place != TAG_NOWHERE) {
		/* Its own: a killed command had come so far. */
		p->vm_ips[place].vm = vm;
		return 0;
	}
	memcpy(ip.addr, addr, sizeof(ip.addr));
	ip.shared = plain != TAG_NOWHERE || tagged != TAG_NOWHERE;
	/* First: who does not know the segment takes none from here on. */
	if (ip.shared) {
		mark_shared(p, plain, 1);
		mark_shared(p, tagged, 1);
	}
	place = put(p, hash_of(p, addr, tagged == TAG_NOWHERE ? 0 : ip.vlan), &ip);
	if (place == TAG_NOWHERE)
		return -ENOSPC;
	p->vm_control->addresses++;
	return 0;
}

/* ---- one less ---- */

static void take_out(struct plane *p, __u32 place, struct vm_loose *loose)
{
	struct tag_table t = ips_of(p);

	tag_remove(&t, place);
	vm_loosen(&loose->ip, &loose->n_ip, place);
}

/* The next VLAN's that is not found at the first place; TAG_NOWHERE: none. */
static __u32 next_apart(struct plane *p, const __be32 *addr, __u16 *vlan, __u32 but)
{
	__u32 place;

	for (; *vlan < VLANS; ++*vlan) {
		place = find_at(p, addr, *vlan, *vlan, false);
		if (place != TAG_NOWHERE && place != but &&
		    place != find_at(p, addr, 0, *vlan, false))
			return place;
	}
	return TAG_NOWHERE;
}

/*
 * Of those that are apart one takes the first place that is given up: its copy is
 * there before it is gone. No room but the very place: after all have seen it go.
 */
static __u32 bring_home(struct plane *p, __u32 apart, __u32 gone, struct vm_loose *loose)
{
	const struct xr_vm_ip ip = p->vm_ips[apart];
	__u64 h = hash_of(p, ip.addr, 0);
	__u32 home = put(p, h, &ip);

	if (home == TAG_NOWHERE) {
		struct tag_table t = ips_of(p);

		tag_remove(&t, gone);
		plane_grace(p);
		home = put(p, h, &ip);
	} else {
		take_out(p, gone, loose);
	}
	if (home != TAG_NOWHERE)
		take_out(p, apart, loose);
	return home;
}

static void drop_shared(struct plane *p, __u32 place, struct vm_loose *loose)
{
	const __be32 *addr = p->vm_ips[place].addr;
	__u32 plain = find_at(p, addr, 0, 0, false);
	__u32 tagged = find_at(p, addr, 0, 0, true), apart;
	__u16 vlan = 1;

	apart = next_apart(p, addr, &vlan, place);
	if (place == tagged && apart != TAG_NOWHERE) {
		tagged = bring_home(p, apart, place, loose);
		vlan++;
		apart = next_apart(p, addr, &vlan, TAG_NOWHERE);
	} else {
		take_out(p, place, loose);
		plain = plain == place ? TAG_NOWHERE : plain;
		tagged = tagged == place ? TAG_NOWHERE : tagged;
	}
	if (apart != TAG_NOWHERE || (plain != TAG_NOWHERE && tagged != TAG_NOWHERE))
		return;
	mark_shared(p, plain, 0);
	mark_shared(p, tagged, 0);
}

void vm_drop_ip(struct plane *p, __u32 vm, const __be32 *addr, struct vm_loose *loose)
{
	__u32 place = find_ip(p, addr, vm_vlan_of(p->vms[vm].key));

	if (place == TAG_NOWHERE || p->vm_ips[place].vm != vm)
		return;
	p->vm_control->addresses--;
	if (p->vm_ips[place].shared)
		drop_shared(p, place, loose);
	else
		take_out(p, place, loose);
}
