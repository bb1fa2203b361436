// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs' changes, as they come: each is a notice, as if an operator had typed it. They wait
 * while hosts are read, which they may be at, and while somebody else has the lock. One that
 * is refused for a move that a hypervisor tells of is made when that came to nothing, for then
 * there is no other word of where the VM is now. A move that was completed is newer than that.
 * Where several of a VM's wait, as where etcd was away for a while, the last one counts: where
 * the VM was meanwhile is over, and nobody is there to take its frames.
 *
 * All nodes hear of a move at about the same time. The host that the VM leaves goes on copying
 * frames for a moment, for whoever hears a little later still sends them there by a tunnel,
 * and what comes so is dropped once the VM has moved.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "etcd_priv.h"
#include "host/host.h"
#include "lib/vm_key.h"
#include "plane/vm_state.h"
#include "vm/vm_bind.h"

#define TURN       64 /* changes before the others' turn */
#define LOOK_AGAIN US_PER_SECOND
#define HAND_OVER  US_PER_SECOND
#define SPARE      4 /* seconds that the blackout must last, for a hand-over to fit in */

static void change_free(struct etcd_change *c)
{
	if (!c)
		return;
	free(c->below);
	free(c->text);
	free(c->why);
	free(c);
}

static void free_all(struct etcd_change **list)
{
	struct etcd_change *c;

	while ((c = *list)) {
		*list = c->next;
		change_free(c);
	}
}

/* ---- one ---- */

static int post(struct etcd *e, const struct xr_notice *n, struct xr_err *err)
{
	const struct daemon_peer from = { .via = AUDIT_ETCD, .fd = -1, .what = e->conf.prefix };
	struct xr_answer a;

	return daemon_post_notice(e->d, n, &from, &a, err);
}

static void fill(struct xr_notice *n, const struct model *m, const char *host, __u64 seq)
{
	const struct model_vm *vm = &m->vms[0];

	*n = (struct xr_notice){
		.source = XR_SOURCE_ETCD,
		.vlan = vm->vlan,
		.host = host,
		.seq = seq,
		.n_addrs = vm->n_addrs,
		.lock = vm->lock,
		.tap = vm->tap[0] ? vm->tap : NULL,
	};
	memcpy(n->mac, vm->mac, sizeof(n->mac));
	memcpy(n->addr, vm->addr, sizeof(n->addr));
	if (vm->bounds)
		n->bounds = m->bounds[vm->bounds - 1];
}

static bool is_bound(struct plane *p, __u32 index, const struct model *m)
{
	const struct model_vm *vm = &m->vms[0];

	return vm_bound(p, index, vm->addr, vm->n_addrs, vm->lock, vm->tap) &&
		vm_has_bounds(p, index, vm->bounds ? &m->bounds[vm->bounds - 1] : NULL);
}

/* It stands still here, on its way to the host that it is said to be at. */
static bool is_handed_over(struct plane *p, __u32 index, const char *host)
{
	struct xr_vm_now now = vm_now(p, index);
	__u32 deadline = p->vms[index].deadline;

	return now.state == XR_VM_BLACKOUT && host_is_local(p, now.host) &&
		!strcmp(host_name(p, now.next), host) &&
		(!deadline || (__s32)(deadline - plane_tick(p)) >= SPARE);
}

/*
 * The VM moves, if it is elsewhere; then it is bound, where that differs. Under the lock.
 * -EINPROGRESS: not yet, for it is handed over.
 */
static int put_vm(struct etcd *e, const struct model *m, __u64 seq, bool waited, struct xr_err *err)
{
	const struct model_vm *vm = &m->vms[0];
	const char *host = m->hosts[vm->host].info.name;
	struct plane *p = e->d->plane;
	__u32 index = vm_find(p, vm_key(vm->mac, vm->vlan));
	struct xr_notice n;
	int ret = 0;

	fill(&n, m, host, seq);
	/* There already, by a newer number: nodes are to have one, which the next is above. */
	if (index != VM_NOWHERE &&
	    (strcmp(host_name(p, vm_now(p, index).host), host) || seq > p->vm_info[index].seq)) {
		if (!waited && is_handed_over(p, index, host))
			return -EINPROGRESS;
		n.kind = XR_NOTICE_MOVED;
		ret = post(e, &n, err);
		/* This node knows better. */
		if (ret == -ESTALE)
			ret = 0;
	}
	if (ret || (index != VM_NOWHERE && is_bound(p, index, m)))
		return ret;
	n.kind = XR_NOTICE_ADD;
	if (index != VM_NOWHERE)
		n.host = host_name(p, vm_now(p, index).host);
	return post(e, &n, err);
}

static int put(struct etcd *e, const struct etcd_change *c, struct xr_err *err)
{
	const struct etcd_value v = { c->below, c->text, c->len, c->revision };
	struct model one;
	__u64 seq;
	json_t *item = etcd_vm_item(&v, &seq, err);
	int ret = item ? etcd_vm_read(item, c->below, &one, err) : -EINVAL;

	json_decref(item);
	if (ret)
		return ret;
	ret = put_vm(e, &one, seq, c->held, err);
	model_free(&one);
	return ret;
}

static int take_away(struct etcd *e, const struct etcd_change *c, struct xr_err *err)
{
	struct xr_notice n = { .kind = XR_NOTICE_LEAVE, .source = XR_SOURCE_ETCD };

	if (!etcd_vm_key(c->below, &n.vlan, n.mac) ||
	    vm_find(e->d->plane, vm_key(n.mac, n.vlan)) == VM_NOWHERE)
		return 0;
	return post(e, &n, err);
}

/* The index of the VM that it is about, or VM_NOWHERE. Under the lock. */
static __u32 vm_of(struct etcd *e, const struct etcd_change *c)
{
	__u8 mac[6];
	__u16 vlan;

	if (!etcd_vm_key(c->below, &vlan, mac))
		return VM_NOWHERE;
	return vm_find(e->d->plane, vm_key(mac, vlan));
}

static bool is_held(struct etcd *e, const struct etcd_change *c)
{
	__u32 index = vm_of(e, c);

	return index != VM_NOWHERE && daemon_vm_is_held(e->d, index) &&
		(!c->not_left || daemon_vm_is_here(e->d, index));
}

/* Refused: whoever else reads etcd believes it, unless it is put right. */
static void contradict(struct etcd *e, struct etcd_change *c)
{
	__u32 index = vm_of(e, c);

	if (index == VM_NOWHERE)
		return;
	etcd_publish_moved(e, index);
	c->not_left = daemon_vm_is_here(e->d, index);
	c->outranked = daemon_vm_is_held(e->d, index);
	c->at = vm_now(e->d->plane, index).host;
}

/* The move that outranked it brought the VM elsewhere. */
static bool is_overtaken(struct etcd *e, const struct etcd_change *c)
{
	__u32 index = c->outranked ? vm_of(e, c) : VM_NOWHERE;

	return index != VM_NOWHERE && vm_now(e->d->plane, index).host != c->at;
}

/* -EBUSY: not now. */
static int make(struct etcd *e, struct etcd_change *c, struct xr_err *err)
{
	int ret = daemon_begin(e->d, err);

	if (ret)
		return ret == -EBUSY || ret == -EAGAIN ? -EBUSY : ret;
	if (!is_overtaken(e, c))
		ret = c->text ? put(e, c, err) : take_away(e, c, err);
	c->outranked = false;
	if (ret == -EPERM)
		contradict(e, c);
	daemon_end(e->d);
	return ret == -EBUSY ? -EINVAL : ret;
}

/* ---- those that were refused ---- */

static void look_again(struct etcd *e)
{
	int on = SD_EVENT_OFF;

	/* One that is due is not put off by those that came later. */
	if (sd_event_source_get_enabled(e->again, &on) >= 0 && on == SD_EVENT_OFF)
		timer_in_us(e->again, LOOK_AGAIN);
}

static void wait_a_while(struct etcd *e, struct etcd_change *c)
{
	c->held = daemon_clock_us() + HAND_OVER;
	c->next = e->waiting;
	e->waiting = c;
	look_again(e);
}

/* Of a list, in which a VM has one change at most: there is a newer one. */
static bool forget(struct etcd_change **link, const char *below)
{
	struct etcd_change *c;

	while (*link && strcmp((*link)->below, below))
		link = &(*link)->next;
	c = *link;
	if (!c)
		return false;
	*link = c->next;
	change_free(c);
	return true;
}

static void forget_older(struct etcd *e, const char *below)
{
	bool refused = forget(&e->refused, below), left_out = forget(&e->left_out, below);

	forget(&e->waiting, below);
	e->n_refused -= refused;
	e->n_left_out -= left_out;
	if (refused || left_out)
		etcd_tell(e);
}

static void keep_refused(struct etcd *e, struct etcd_change *c, const struct xr_err *err)
{
	struct xr_err why = *err;

	if (strncmp(err->text, c->below, strlen(c->below)))
		xr_fail(&why, 0, "%s: %s", c->below, err->text);
	daemon_log(e->d, "etcd: %s", why.text);
	free(c->why);
	c->why = strdup(why.text);
	if (e->n_refused == ETCD_REFUSED) {
		change_free(c);
		e->n_more++;
	} else {
		c->next = e->refused;
		e->refused = c;
		e->n_refused++;
		if (c->outranked)
			look_again(e);
	}
	etcd_tell(e);
}

void etcd_changes_leave_out(struct etcd *e, const char *below, const char *why)
{
	struct etcd_change *c = e->n_left_out < ETCD_REFUSED ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return;
	c->below = strdup(below);
	c->why = strdup(why);
	if (!c->below || !c->why) {
		change_free(c);
		return;
	}
	c->next = e->left_out;
	e->left_out = c;
	e->n_left_out++;
}

void etcd_changes_forget_left_out(struct etcd *e)
{
	free_all(&e->left_out);
	e->n_left_out = e->n_more = 0;
}

/* To be made before those that came later. */
static void put_first(struct etcd *e, struct etcd_change *c)
{
	c->next = e->first;
	if (!e->first)
		e->last = &c->next;
	e->first = c;
}

void etcd_changes_retry(struct etcd *e)
{
	struct etcd_change *all = e->refused, *c;

	e->refused = NULL;
	e->n_refused = 0;
	while ((c = all)) {
		all = c->next;
		put_first(e, c);
	}
}

/* false: there are more. */
static bool take_waited(struct etcd *e)
{
	struct etcd_change **link = &e->waiting, *c;
	uint64_t now = daemon_clock_us();

	while ((c = *link)) {
		if (c->held > now) {
			link = &c->next;
			continue;
		}
		*link = c->next;
		put_first(e, c);
	}
	return !e->waiting;
}

static int on_again(sd_event_source *s, uint64_t usec, void *ctx)
{
	struct etcd_change **link, *c;
	struct etcd *e = ctx;
	struct xr_err err;
	bool more;

	(void)usec;
	more = !take_waited(e);
	if (daemon_begin(e->d, &err)) {
		etcd_changes_go(e);
		timer_in_us(s, LOOK_AGAIN);
		return 0;
	}
	for (link = &e->refused; (c = *link);) {
		if (c->outranked && (is_overtaken(e, c) || !is_held(e, c))) {
			*link = c->next;
			e->n_refused--;
			put_first(e, c);
			continue;
		}
		more |= c->outranked;
		link = &c->next;
	}
	daemon_end(e->d);
	if (more)
		timer_in_us(s, LOOK_AGAIN);
	etcd_changes_go(e);
	etcd_tell(e);
	return 0;
}

/* ---- the queue ---- */

static bool is_followed(const struct etcd *e, const struct etcd_change *c)
{
	return json_integer_value(json_object_get(e->newest_change, c->below)) > c->revision;
}

static void drop_first(struct etcd *e)
{
	e->first = e->first->next;
	if (e->first)
		return;
	e->last = &e->first;
	json_object_clear(e->newest_change);
}

static int on_turn(sd_event_source *s, void *ctx)
{
	struct etcd *e = ctx;
	struct etcd_change *c;
	struct xr_err err = { "" };
	int i, ret;

	(void)s;
	for (i = 0; e->first && !e->pid && i < TURN; i++) {
		c = e->first;
		ret = is_followed(e, c) ? 0 : make(e, c, &err);
		if (ret == -EBUSY)
			return 0; /* the lock will be back */
		drop_first(e);
		forget_older(e, c->below);
		if (ret == -EINPROGRESS)
			wait_a_while(e, c);
		else if (!ret || ret == -ENODEV)
			change_free(c);
		else
			keep_refused(e, c, &err);
	}
	etcd_changes_go(e);
	return 0;
}

void etcd_changes_go(struct etcd *e)
{
	if (e->first && !e->pid)
		sd_event_source_set_enabled(e->apply, SD_EVENT_ONESHOT);
}

void etcd_changes_add(struct etcd *e, const char *below, const char *text, size_t len,
		      __s64 revision)
{
	struct etcd_change *c = calloc(1, sizeof(*c));
	char *copy = text ? malloc(len + 1) : NULL;

	if (c)
		c->below = strdup(below);
	if (!c || !c->below || (text && !copy)) {
		free(copy);
		change_free(c);
		etcd_read_soon(e, true); /* there it will be */
		return;
	}
	if (text) {
		memcpy(copy, text, len);
		copy[len] = '\0';
	}
	c->text = copy;
	c->len = len;
	c->revision = revision;
	json_object_set_new(e->newest_change, below, json_integer(revision));
	*e->last = c;
	e->last = &c->next;
	etcd_changes_go(e);
}

int etcd_changes_open(struct etcd *e)
{
	int ret = sd_event_add_defer(e->d->moves, &e->apply, on_turn, e);

	e->last = &e->first;
	e->newest_change = json_object();
	if (ret >= 0)
		ret = sd_event_source_set_enabled(e->apply, SD_EVENT_OFF);
	if (ret >= 0)
		ret = sd_event_add_time_relative(e->d->moves, &e->again, CLOCK_MONOTONIC, 0,
						 US_PER_MS, on_again, e);
	return ret < 0 ? ret : sd_event_source_set_enabled(e->again, SD_EVENT_OFF);
}

void etcd_changes_close(struct etcd *e)
{
	etcd_changes_forget_left_out(e);
	free_all(&e->refused);
	e->n_refused = 0;
	free_all(&e->waiting);
	free_all(&e->first);
	json_decref(e->newest_change);
	e->newest_change = NULL;
	sd_event_source_disable_unref(e->apply);
	sd_event_source_disable_unref(e->again);
	e->apply = e->again = NULL;
	e->last = &e->first;
}
