// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a port's row says of a VM. Only a change is news: a row that stays while the VM moves
 * says nothing, however long. And a change to what xroam has already is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host.h"
#include "lib/hash.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "lib/vm_key.h"
#include "ovn_priv.h"
#include "plane/vm_state.h"

#define TURN   64   /* notices, before the others' turn */
#define ROWS   1024 /* and rows, of which most are of no VM */
#define FAULTS 3    /* of a kind that status names */

/* ---- chassis and hosts ---- */

static const char *host_in_file(const struct ovn *o, const char *chassis)
{
	const struct model *m = &o->d->model;
	size_t i;

	for (i = 0; i < m->n_ovn_chassis; i++)
		if (!strcmp(m->ovn_chassis[i].name, chassis))
			return m->ovn_chassis[i].host;
	return NULL;
}

/* The host with an address of its tunnels. */
static void find_by_address(struct plane *p, const struct lut *hosts, struct ovn_place *at)
{
	const struct southbound_chassis *c = &at->chassis;
	__u32 i, slot, host;

	for (i = 0; i < c->n_addrs; i++)
		for (slot = lut_first(hosts, lut_hash(c->addr[i], sizeof(c->addr[i])));
		     (host = lut_get(hosts, slot)) != LUT_END; slot++) {
			if (host == at->host ||
			    memcmp(p->host_info[host].addr, c->addr[i], sizeof(c->addr[i])))
				continue;
			at->several = at->host;
			at->host = host;
		}
	if (at->several)
		at->host = 0;
}

/* The file says which it is; else an address; else its name. */
static void find_host(const struct ovn *o, const struct lut *hosts, struct ovn_place *at)
{
	const struct southbound_chassis *c = &at->chassis;
	const char *name = host_in_file(o, c->name);
	struct plane *p = o->d->plane;

	at->host = 0;
	at->several = false;
	if (name) {
		at->host = host_find(p, name);
		return;
	}
	find_by_address(p, hosts, at);
	if (!at->host && !at->several)
		at->host = host_find(p, c->name);
	if (!at->host && !at->several && c->hostname[0])
		at->host = host_find(p, c->hostname);
}

static void wait_for_turn(struct ovn_row *row, void *ctx)
{
	struct ovn *o = ctx;

	ovn_row_wait(&o->rows, row);
}

static __u64 sum_of_hosts(const struct plane *p)
{
	return hash_sip(0, 0, p->host_info, (p->meta->limits.hosts + 1) * sizeof(p->host_info[0]));
}

bool ovn_hosts_changed(const struct ovn *o)
{
	return sum_of_hosts(o->d->plane) != o->hosts;
}

void ovn_find_hosts(struct ovn *o)
{
	const struct plane *p = o->d->plane;
	struct lut hosts = { NULL, 0 };
	bool changed = false;
	__u32 i;
	__u16 was;

	if (lut_init(&hosts, p->meta->limits.hosts + 1))
		return; /* on_time() comes again */
	for (i = 1; i <= p->meta->limits.hosts; i++)
		if (p->host_info[i].name[0] && !addr_is_zero(p->host_info[i].addr))
			lut_add(&hosts,
				lut_hash(p->host_info[i].addr, sizeof(p->host_info[i].addr)), i);
	for (i = 0; i < o->n_places; i++) {
		was = o->place[i].host;
		if (o->place[i].chassis.no)
			find_host(o, &hosts, &o->place[i]);
		changed |= was != o->place[i].host;
	}
	lut_free(&hosts);
	o->hosts = sum_of_hosts(p);
	o->places_changed = false;
	if (changed)
		ovn_rows_visit(&o->rows, wait_for_turn, o);
}

static const struct ovn_place *place_of(const struct ovn *o, __u32 no)
{
	static const struct ovn_place nowhere;

	return no && no <= o->n_places ? &o->place[no - 1] : &nowhere;
}

/* ---- whose ---- */

__u32 ovn_vm_of(const struct ovn *o, const struct ovn_row *row)
{
	return vm_find(o->d->plane, vm_key(row->key.mac, row->key.vlan));
}

/* ---- what is said of it ---- */

static struct daemon_peer peer_of(const struct ovn *o)
{
	return (struct daemon_peer){ .via = AUDIT_OVN,
				     .fd = -1,
				     .what = o->d->model.ovn.remote[0] };
}

/* PREPARE or CANCEL. false: later. */
static bool post(struct ovn *o, struct ovn_row *row, enum xr_notice_kind kind, __u16 host)
{
	const struct daemon_peer from = peer_of(o);
	struct xr_notice n = {
		.kind = kind,
		.source = XR_SOURCE_OVN,
		.vlan = row->key.vlan,
		.host = host ? host_name(o->d->plane, host) : NULL,
	};
	struct xr_answer a;
	int ret;

	memcpy(n.mac, row->key.mac, sizeof(n.mac));
	ret = daemon_post_notice(o->d, &n, &from, &a, NULL);
	row->said.outranked |= ret == -EPERM;
	return ret != -EBUSY && ret != -EAGAIN && ret != -ENODEV;
}

static bool goes_to(struct plane *p, __u32 vm_index, __u16 host)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	return host && vm_under_way(now) && now.next == host;
}

/* The host that it goes to by OVN's word alone; 0: none */
static __u16 prepared_by_us(struct plane *p, __u32 vm_index)
{
	struct xr_vm_now now = vm_now(p, vm_index);

	return vm_under_way(now) && p->vm_info[vm_index].source == XR_SOURCE_OVN ? now.next : 0;
}

static bool judge_next(struct ovn *o, struct ovn_row *row, __u32 vm_index, __u16 next)
{
	struct plane *p = o->d->plane;

	/* A daemon that was here before may have prepared it, and died. */
	if (!row->has_view)
		row->view_next = prepared_by_us(p, vm_index);
	row->has_view = true;
	if (next == row->view_next)
		return true;
	if (goes_to(p, vm_index, row->view_next) && !post(o, row, XR_NOTICE_CANCEL, 0))
		return false;
	row->view_next = 0;
	if (next && next != vm_now(p, vm_index).host && !goes_to(p, vm_index, next) &&
	    !post(o, row, XR_NOTICE_PREPARE, next))
		return false;
	row->view_next = next;
	return true;
}

/* false: the notice was not taken, and is to be sent again. */
static bool judge(struct ovn *o, struct ovn_row *row)
{
	__u32 vm_index = ovn_vm_of(o, row);
	struct daemon_peer from = peer_of(o);
	bool placed;

	row->has_vm = vm_index != VM_NOWHERE;
	if (!row->has_vm) {
		row->said = (struct daemon_place){ 0 };
		row->view_next = 0;
		row->has_view = false;
		return true;
	}
	/* A port that is gone, or that two switches have, says nothing. */
	if (row->word.gone || row->word.other[0])
		return true;
	placed = daemon_tell_place(o->d, &row->said, vm_index, place_of(o, row->word.at)->host,
				   XR_SOURCE_OVN, &from);
	return judge_next(o, row, vm_index, place_of(o, row->word.next)->host) && placed;
}

bool ovn_judge(struct ovn *o)
{
	struct ovn_row *row;
	int n = 0, rows = 0;

	while (o->whole && n < TURN && rows < ROWS && (row = ovn_row_take(&o->rows))) {
		rows++;
		row->later = !judge(o, row);
		o->any_later |= row->later;
		n += row->has_vm;
		if (row->word.gone && !row->said.host && !row->later)
			ovn_row_remove(&o->rows, row);
	}
	return n == TURN || rows == ROWS;
}

static void wait_if_later(struct ovn_row *row, void *ctx)
{
	if (row->later)
		wait_for_turn(row, ctx);
}

void ovn_look_again(struct ovn *o)
{
	if (o->any_later)
		ovn_rows_visit(&o->rows, wait_if_later, o);
	o->any_later = false;
}

/* ---- what is wrong ---- */

struct faults {
	struct ovn *o;
	struct problem_lines lines;
	int n, more;
};

#define FAULT(w, ...)                                                  \
	do {                                                           \
		if ((w)->n++ < FAULTS)                                 \
			problem_add(&(w)->lines, "ovn: " __VA_ARGS__); \
		else                                                   \
			(w)->more++;                                   \
	} while (0)

static void fault_of_place(struct faults *w, const char *name, const struct ovn_place *at)
{
	char addr[TEXT_ADDR] = "no address";

	if (!at->chassis.no || at->host)
		return;
	if (at->chassis.n_addrs)
		text_addr(addr, at->chassis.addr[0]);
	if (at->several)
		FAULT(w,
		      "VM %s is at chassis %s, whose address %s several hosts have: say which one it is under sources.ovn.chassis",
		      name, at->chassis.name, addr);
	else
		FAULT(w,
		      "VM %s is at chassis %s (%s), which is no host's: \"xroam host add\", or name its host under sources.ovn.chassis",
		      name, at->chassis.name, addr);
}

static void fault_of_row(struct ovn_row *row, void *ctx)
{
	struct faults *w = ctx;
	struct ovn *o = w->o;
	__u32 vm_index = ovn_vm_of(o, row);
	struct plane *p = o->d->plane;
	char name[VM_NAME];
	__u16 host, place;

	if (row->has_vm != (vm_index != VM_NOWHERE))
		ovn_row_wait(&o->rows, row);
	if (vm_index == VM_NOWHERE)
		return;
	vm_name_at(p, name, vm_index);
	host = vm_now(p, vm_index).host;
	if (row->word.gone) {
		FAULT(w,
		      "VM %s has no port %s any more; if the VM is gone, too: \"xroam vm leave %s\"",
		      name, row->word.port, name);
		return;
	}
	if (row->word.other[0]) {
		FAULT(w,
		      "VM %s is said to be at two ports, %s and %s: neither is followed; give their switches different VLANs under sources.ovn.switches",
		      name, row->word.port, row->word.other);
		return;
	}
	if (row->word.many)
		FAULT(w,
		      "VM %s is to go to several chassis at once by port %s, so nothing is prepared; name one beside the one where it is",
		      name, row->word.port);
	place = place_of(o, row->word.at)->host;
	if (row->said.outranked && place && place != host)
		FAULT(w,
		      "VM %s is at %s by port %s, but at %s by who is trusted more; if OVN is right: \"xroam vm move %s to %s\"",
		      name, host_name(p, place), row->word.port, host_name(p, host), name,
		      host_name(p, place));
	fault_of_place(w, name, place_of(o, row->word.at));
	fault_of_place(w, name, place_of(o, row->word.next));
}

void ovn_report_faults(struct ovn *o)
{
	struct faults w = { .o = o };
	char since[32];
	struct tm tm;

	if (o->lost_at) {
		localtime_r(&o->lost_at, &tm);
		strftime(since, sizeof(since), "%Y-%m-%d %H:%M:%S", &tm);
		problem_add(&w.lines, "ovn: not heard since %s, all stays as it was: %s", since,
			    o->why);
	}
	if (o->note[0])
		problem_add(&w.lines, "ovn: %s", o->note);
	if (o->whole)
		ovn_rows_visit(&o->rows, fault_of_row, &w);
	if (w.more)
		problem_add(&w.lines, "ovn: %d more such VMs", w.more);
	if (o->rows.left_out)
		problem_add(&w.lines, "ovn: %u MACs of ports that are no VMs' had no room",
			    o->rows.left_out);
	daemon_set_problems(o->d, "ovn", w.lines.text);
}
