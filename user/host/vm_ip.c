// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which VM has an address. An entry of vm_ips is found by one of two hashes:
 *
 * - by the hash of the address alone: that of the VM without a VLAN, and that of one VM in a
 *   VLAN. Most addresses are one VM's, and found here, whichever VLAN a packet came in by;
 * - by the hash of address and VLAN: those of all other VMs in VLANs. They are apart.
 *
 * Where several VMs have an address, the entries at the first hash are marked as shared: whoever
 * does not know the packet's segment takes none of them, and whoever knows it looks at the second
 * hash, too.
 */
#include <errno.h>
#include <string.h>

#include "lib/text.h"
#include "model/model_edit.h"
#include "steer/tag_table.h"
#include "vm_ip.h"

#define VLANS 4095

void vm_note_loose(__u32 **list, size_t *n, __u32 entry)
{
	__u32 *to = model_grow(list, n, sizeof(*to));

	/* Without memory the entry stays filled and unused: that does no harm. */
	if (to)
		*to = entry;
}

/* What an entry is compared with. */
struct ip_key {
	const __be32 *addr;
	__u16 vlan;
	bool tagged; /* any VLAN will do, but there must be one */
};

static bool same_ip(const void *ctx, __u32 entry, const void *key)
{
	const struct plane *p = ctx;
	const struct xr_vm_ip *ip = &p->vm_ips[entry];
	const struct ip_key *k = key;

	return (k->tagged ? ip->vlan != 0 : ip->vlan == k->vlan) &&
		!memcmp(ip->addr, k->addr, sizeof(ip->addr));
}

static struct tag_table ips_of(const struct plane *p)
{
	return (struct tag_table){ p->ip_index, p->ip_buckets, same_ip, p };
}

/* vlan 0: the first hash, of the address alone. */
static __u64 hash_of(const struct plane *p, const __be32 *addr, __u16 vlan)
{
	return xr_vm_ip_hash(p->hash_keys, addr, !addr_is_ipv4(addr), vlan);
}

/* By the hash of address and hash_vlan: the entry of vlan, or of any VLAN if tagged. */
static __u32 find_at(struct plane *p, const __be32 *addr, __u16 hash_vlan, __u16 vlan, bool tagged)
{
	const struct ip_key key = { addr, vlan, tagged };
	struct tag_table t = ips_of(p);

	return tag_find(&t, hash_of(p, addr, hash_vlan), &key);
}

/* The entry of that VLAN, by whichever hash. */
static __u32 find_ip(struct plane *p, const __be32 *addr, __u16 vlan)
{
	__u32 entry = find_at(p, addr, 0, vlan, false);

	return entry == TAG_NOWHERE && vlan ? find_at(p, addr, vlan, vlan, false) : entry;
}

__u32 vm_by_ip_in(struct plane *p, const __be32 *addr, __u16 vlan)
{
	__u32 entry = find_ip(p, addr, vlan);

	return entry == TAG_NOWHERE ? VM_NOWHERE : p->vm_ips[entry].vm;
}

/* By the hash of the address alone: the entry without a VLAN, or else the one with some VLAN. */
static __u32 find_first(struct plane *p, const __be32 *addr)
{
	__u32 entry = find_at(p, addr, 0, 0, false);

	return entry == TAG_NOWHERE ? find_at(p, addr, 0, 0, true) : entry;
}

__u32 vm_by_ip(struct plane *p, const __be32 *addr)
{
	__u32 entry = find_first(p, addr);

	if (entry == TAG_NOWHERE || (p->vm_ips[entry].vlan && p->vm_ips[entry].shared))
		return VM_NOWHERE;
	return p->vm_ips[entry].vm;
}

bool vm_ip_shared(struct plane *p, const __be32 *addr)
{
	__u32 entry = find_first(p, addr);

	return entry != TAG_NOWHERE && p->vm_ips[entry].shared;
}

/* ---- adding an address ---- */

static void mark_shared(struct plane *p, __u32 entry, __u16 shared)
{
	if (entry != TAG_NOWHERE)
		__atomic_store_n(&p->vm_ips[entry].shared, shared, __ATOMIC_RELEASE);
}

static __u32 add_entry(struct plane *p, __u64 h, const struct xr_vm_ip *ip)
{
	struct tag_table t = ips_of(p);
	__u32 entry = tag_room(&t, h);

	if (entry == TAG_NOWHERE)
		return entry;
	p->vm_ips[entry] = *ip;
	tag_publish(&t, h, entry);
	return entry;
}

int vm_add_ip(struct plane *p, __u32 vm_index, const __be32 *addr)
{
	struct xr_vm_ip ip = { .vm = vm_index, .vlan = vm_vlan_of(p->vms[vm_index].key) };
	__u32 entry = find_ip(p, addr, ip.vlan);
	__u32 plain = find_at(p, addr, 0, 0, false);
	__u32 tagged = find_at(p, addr, 0, 0, true);

	if (entry != TAG_NOWHERE) {
		/* An earlier command was killed when it had come so far. */
		p->vm_ips[entry].vm = vm_index;
		return 0;
	}
	memcpy(ip.addr, addr, sizeof(ip.addr));
	ip.shared = plain != TAG_NOWHERE || tagged != TAG_NOWHERE;
	/* Marked before the new one is there: nobody takes a wrong one meanwhile. */
	if (ip.shared) {
		mark_shared(p, plain, 1);
		mark_shared(p, tagged, 1);
	}
	entry = add_entry(p, hash_of(p, addr, tagged == TAG_NOWHERE ? 0 : ip.vlan), &ip);
	if (entry == TAG_NOWHERE)
		return -ENOSPC;
	p->vm_control->addresses++;
	return 0;
}

/* ---- dropping an address ---- */

static void take_out(struct plane *p, __u32 entry, struct vm_loose *loose)
{
	struct tag_table t = ips_of(p);

	tag_remove(&t, entry);
	vm_note_loose(&loose->ip, &loose->n_ip, entry);
}

/* The next entry, from *vlan on, that is found only by its VLAN; TAG_NOWHERE: none. */
static __u32 next_apart(struct plane *p, const __be32 *addr, __u16 *vlan, __u32 but)
{
	__u32 entry;

	for (; *vlan < VLANS; ++*vlan) {
		entry = find_at(p, addr, *vlan, *vlan, false);
		if (entry != TAG_NOWHERE && entry != but &&
		    entry != find_at(p, addr, 0, *vlan, false))
			return entry;
	}
	return TAG_NOWHERE;
}

/*
 * The entry that was found by the address alone goes: one of those apart gets a copy there before
 * it goes itself. If there is no room but that of the entry that goes, nobody may be reading it
 * any more when it is filled anew.
 */
static __u32 move_to_first_hash(struct plane *p, __u32 apart, __u32 gone, struct vm_loose *loose)
{
	const struct xr_vm_ip ip = p->vm_ips[apart];
	__u64 h = hash_of(p, ip.addr, 0);
	__u32 moved = add_entry(p, h, &ip);

	if (moved == TAG_NOWHERE) {
		struct tag_table t = ips_of(p);

		tag_remove(&t, gone);
		plane_grace(p);
		moved = add_entry(p, h, &ip);
	} else {
		take_out(p, gone, loose);
	}
	if (moved != TAG_NOWHERE)
		take_out(p, apart, loose);
	return moved;
}

static void drop_shared(struct plane *p, __u32 entry, struct vm_loose *loose)
{
	const __be32 *addr = p->vm_ips[entry].addr;
	__u32 plain = find_at(p, addr, 0, 0, false);
	__u32 tagged = find_at(p, addr, 0, 0, true), apart;
	__u16 vlan = 1;

	apart = next_apart(p, addr, &vlan, entry);
	if (entry == tagged && apart != TAG_NOWHERE) {
		tagged = move_to_first_hash(p, apart, entry, loose);
		vlan++;
		apart = next_apart(p, addr, &vlan, TAG_NOWHERE);
	} else {
		take_out(p, entry, loose);
		plain = plain == entry ? TAG_NOWHERE : plain;
		tagged = tagged == entry ? TAG_NOWHERE : tagged;
	}
	if (apart != TAG_NOWHERE || (plain != TAG_NOWHERE && tagged != TAG_NOWHERE))
		return;
	mark_shared(p, plain, 0);
	mark_shared(p, tagged, 0);
}

void vm_drop_ip(struct plane *p, __u32 vm_index, const __be32 *addr, struct vm_loose *loose)
{
	__u32 entry = find_ip(p, addr, vm_vlan_of(p->vms[vm_index].key));

	if (entry == TAG_NOWHERE || p->vm_ips[entry].vm != vm_index)
		return;
	p->vm_control->addresses--;
	if (p->vm_ips[entry].shared)
		drop_shared(p, entry, loose);
	else
		take_out(p, entry, loose);
}
