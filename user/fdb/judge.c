// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a bridge's entry says of a VM. Only a change is news: an entry that stays while the
 * VM moves says nothing, however long. And a change to where xroam has the VM already is
 * none, its own entries among them: it writes these under the lock, and whatever was
 * written before is read before a row is judged.
 */
#include <stdio.h>
#include <string.h>

#include "fdb_priv.h"
#include "host/host.h"
#include "lib/text.h"
#include "lib/netns.h"
#include "plane/vm_state.h"

#define TURN        64 /* notices, before the others' turn */
#define RETRY       US_PER_SECOND
#define DEFAULT_VID 1 /* of a bridge that knows VLANs: that of untagged frames */
#define FAULTS      3 /* of a kind that status names */

/* ---- whose ---- */

static bool is_of(const struct fdb_bridge *b, const struct fdb_key *key)
{
	__u16 vlan = b->conf.vlan ? b->conf.vlan : DEFAULT_VID;

	return b->ifindex && b->ifindex == key->dev && (!b->filters || key->vlan == vlan);
}

__u32 fdb_vm_of(const struct fdb *f, const struct fdb_row *row, const struct fdb_bridge **bridge)
{
	size_t i;

	for (i = 0; i < f->n_bridges; i++) {
		if (!is_of(&f->bridge[i], &row->key))
			continue;
		if (bridge)
			*bridge = &f->bridge[i];
		return vm_find(f->d->plane, vm_key(row->key.mac, f->bridge[i].conf.vlan));
	}
	return VM_NOWHERE;
}

/* ---- where ---- */

/* A host elsewhere with that address and VNI; else one with that address alone. */
static __u16 by_vtep(const struct plane *p, const __be32 *addr, __u32 vni)
{
	const struct xr_host_info *h;
	__u16 other = 0;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (!h->name[0] || h->local || memcmp(h->addr, addr, sizeof(h->addr)))
			continue;
		if (h->method == XR_FORWARD_VXLAN && h->vni == vni)
			return i;
		if (h->method == XR_FORWARD_IPIP || h->method == XR_FORWARD_GUE)
			other = i;
	}
	return other;
}

static __u16 behind_port(const struct plane *p, const char *dev)
{
	const struct xr_host_info *h;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (h->name[0] && h->method == XR_FORWARD_PORT && !strcmp(h->dev, dev))
			return i;
	}
	return 0;
}

static bool has_vni(const struct fdb *f, __u32 bridge, __u32 vni)
{
	size_t i;

	for (i = 0; i < f->links.n; i++)
		if (f->links.link[i].kind == LINK_VXLAN && f->links.link[i].master == bridge &&
		    f->links.link[i].vni == vni)
			return true;
	return false;
}

/* This machine, by the name that it has in the bridge's segment; else by its only one. */
static __u16 here(const struct fdb *f, __u32 bridge)
{
	const struct plane *p = f->d->plane;
	const struct xr_host_info *h;
	__u16 local = 0, n = 0;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		h = &p->host_info[i];
		if (!h->name[0] || !h->local)
			continue;
		if (h->method == XR_FORWARD_VXLAN && has_vni(f, bridge, h->vni))
			return i;
		local = i;
		n++;
	}
	return n == 1 ? local : 0;
}

static bool is_uplink(const struct plane *p, __u32 ifindex)
{
	__u64 space = netns_id();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (p->devices[i].ifindex == ifindex && p->devices[i].netns == space &&
		    p->devices[i].role == XR_ROLE_NODE)
			return true;
	return false;
}

static const struct fdb_row *vtep_row(const struct fdb *f, const struct fdb_row *row)
{
	struct fdb_key key = { .dev = row->word.port };
	__u32 i;

	memcpy(key.mac, row->key.mac, sizeof(key.mac));
	i = fdb_find(&f->table, &key);
	return i == FDB_NONE || !f->table.row[i].there ? NULL : &f->table.row[i];
}

__u16 fdb_place(const struct fdb *f, const struct fdb_row *row)
{
	const struct link *port = links_by_index(&f->links, row->word.port);
	const struct plane *p = f->d->plane;
	const struct fdb_row *vtep;
	__u16 host;

	/* PERMANENT: a device's own. */
	if (!row->there || !port || port->kind == LINK_BRIDGE || row->word.state & NUD_PERMANENT)
		return 0;
	if (port->kind == LINK_VXLAN) {
		vtep = vtep_row(f, row);
		return vtep ? by_vtep(p, vtep->word.dst, port->vni) : 0;
	}
	host = behind_port(p, port->name);
	if (host || is_uplink(p, port->ifindex))
		return host;
	/* Written, and not learned: also before the VM runs here, and after it has left. */
	if (row->word.flags & NTF_STICKY || row->word.state & NUD_NOARP)
		return 0;
	return here(f, row->key.dev);
}

/* ---- what is said of it ---- */

/* false: it cannot be carried out now. */
static bool judge(struct fdb *f, struct fdb_row *row)
{
	struct daemon_peer self = { .via = AUDIT_FDB, .is_kernel = true };
	const struct fdb_bridge *b = NULL;
	__u32 vm_index = fdb_vm_of(f, row, &b);

	if (vm_index == VM_NOWHERE) {
		row->said.held = false;
		return true;
	}
	/* Its port has just come, and is read about soon. */
	if (row->there && f->links_due && !links_by_index(&f->links, row->word.port))
		return false;
	self.what = b->conf.bridge;
	return daemon_tell_place(f->d, &row->said, vm_index, fdb_place(f, row), XR_SOURCE_FDB,
				 &self);
}

bool fdb_judge(struct fdb *f)
{
	struct fdb_table *t = &f->table;
	__u32 i, n = 0;

	while (n < TURN && (i = fdb_take(t)) != FDB_NONE) {
		n++;
		if (!t->row[i].there && !t->row[i].said.host) {
			fdb_remove(t, i);
			continue;
		}
		t->row[i].later = !judge(f, &t->row[i]);
		if (t->row[i].later && !f->retry_due)
			f->retry_due = daemon_clock_us() + RETRY;
	}
	return n == TURN;
}

void fdb_look_again(struct fdb *f)
{
	struct fdb_table *t = &f->table;
	__u32 i;

	for (i = 0; i < t->size; i++)
		if (t->row[i].later)
			fdb_wait(t, i);
}

void fdb_look_at_new(struct fdb *f)
{
	struct fdb_table *t = &f->table;
	__u32 i;

	for (i = 0; i < t->size; i++)
		if (t->row[i].there && !t->row[i].said.host &&
		    fdb_vm_of(f, &t->row[i], NULL) != VM_NOWHERE)
			fdb_wait(t, i);
}

/* ---- what is wrong ---- */

struct faults {
	struct problem_lines lines;
	int outranked, strange;
};

static void fault_of_row(const struct fdb *f, struct fdb_row *row, struct faults *w)
{
	const struct fdb_bridge *b = NULL;
	struct plane *p = f->d->plane;
	char name[VM_NAME], addr[TEXT_ADDR];
	const struct fdb_row *vtep;
	const struct link *port;
	__u32 vm_index;
	__u16 host, place;

	if (!row->there || !(row->said.outranked || !row->said.host))
		return;
	vm_index = fdb_vm_of(f, row, &b);
	if (vm_index == VM_NOWHERE)
		return;
	vm_name_at(p, name, vm_index);
	host = vm_now(p, vm_index).host;
	place = fdb_place(f, row);
	row->said.outranked = row->said.outranked && place && place != host;
	if (row->said.outranked && w->outranked++ < FAULTS)
		problem_add(
			&w->lines,
			"fdb %s: VM %s is at %s by this bridge, but at %s by who is trusted more; if the bridge is right: \"xroam vm move %s to %s\"",
			b->conf.bridge, name, host_name(p, place), host_name(p, host), name,
			host_name(p, place));
	port = links_by_index(&f->links, row->word.port);
	vtep = port && port->kind == LINK_VXLAN ? vtep_row(f, row) : NULL;
	if (vtep && !by_vtep(p, vtep->word.dst, port->vni) && w->strange++ < FAULTS)
		problem_add(
			&w->lines,
			"fdb %s: VM %s is behind VTEP %s, VNI %u, which is no host's: \"xroam host add\"",
			b->conf.bridge, name, text_addr(addr, vtep->word.dst), port->vni);
}

void fdb_report_faults(struct fdb *f)
{
	struct faults w = { .outranked = 0 };
	__u32 i;

	for (i = 0; i < f->n_bridges; i++)
		if (!f->bridge[i].ifindex)
			problem_add(&w.lines,
				    "fdb %s: there is no such bridge in this network namespace",
				    f->bridge[i].conf.bridge);
	for (i = 0; i < f->table.size; i++)
		fault_of_row(f, &f->table.row[i], &w);
	if (w.outranked > FAULTS || w.strange > FAULTS)
		problem_add(&w.lines, "fdb: %d more such VMs",
			    (w.outranked > FAULTS ? w.outranked - FAULTS : 0) +
				    (w.strange > FAULTS ? w.strange - FAULTS : 0));
	if (f->table.left_out)
		problem_add(&w.lines, "fdb: %u entries of MACs that are no VMs' had no room",
			    f->table.left_out);
	daemon_set_problems(f->d, "fdb", w.lines.text);
}
