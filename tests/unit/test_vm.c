/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs and their moves on plain memory: what each notice does to the word, the
 * numbers, the counts and the index, and what is refused. Without the kernel's
 * clock it is always tick 0; the tests in tests/net see time pass.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <cmocka.h>
#include <xroam/hash.h>
#include "user/lib/defaults.h"
#include "user/host/host.h"
#include "user/lib/text.h"
#include "user/vm/vm_priv.h"

#define VM1 "52:54:00:00:00:01"
#define VM2 "52:54:00:00:00:02"

static const struct xr_limits limits = {
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

static struct plane *new_plane(void)
{
	struct plane *p = room(1, sizeof(*p));
	int i;

	for (i = 0; i < PLANE_MAPS; i++)
		p->fd[i] = -1;
	p->emit_fd = p->lock_fd = -1;
	p->fd[PLANE_LOCKED_MACS] = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, sizeof(__u64),
						  sizeof(struct xr_locked), limits.vms, NULL);
	if (p->fd[PLANE_LOCKED_MACS] < 0)
		fail_msg("a map: %s", strerror(errno));
	p->cpus = 1;
	strcpy(p->dir, "/nowhere");
	p->meta = room(1, sizeof(*p->meta));
	p->meta->limits = limits;
	p->meta->policy = xr_default_policy;
	p->hash_keys = room(1, sizeof(*p->hash_keys));
	for (i = 0; i < 16; i++)
		p->hash_keys->key[i] = xr_mix64(i + 1);
	p->mac_buckets = limits.vms / 4 + 16;
	p->ip_buckets = limits.vm_addresses / 4 + 16;
	p->mac_index = room(p->mac_buckets, sizeof(*p->mac_index));
	p->vms = aligned_alloc(64, p->mac_buckets * 8 * sizeof(*p->vms));
	memset(p->vms, 0, p->mac_buckets * 8 * sizeof(*p->vms));
	p->vm_info = room(p->mac_buckets * 8, sizeof(*p->vm_info));
	p->ip_index = room(p->ip_buckets, sizeof(*p->ip_index));
	p->vm_ips = room(p->ip_buckets * 8, sizeof(*p->vm_ips));
	p->vm_control = room(1, sizeof(*p->vm_control));
	p->ports = room(XR_MAX_DEVICES, sizeof(*p->ports));
	p->devices = room(XR_MAX_DEVICES, sizeof(*p->devices));
	p->hosts = room(limits.hosts + 1, sizeof(*p->hosts));
	p->host_info = room(limits.hosts + 1, sizeof(*p->host_info));
	add_host(p, 1, "a");
	add_host(p, 2, "b");
	add_host(p, 3, "c");
	add_host(p, 4, "gone");
	strcpy(p->host_info[4].dev, "no-such-device");
	return p;
}

static void drop_plane(struct plane *p)
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
	free(p->host_memo);
	free(p);
}

/* ---- saying things ---- */

static struct xr_answer said;
static struct xr_err error;

static struct xr_notice about(enum xr_notice_kind kind, const char *mac, const char *host)
{
	struct xr_notice n = { .kind = kind, .source = XR_SOURCE_CLI, .host = host };

	assert_int_equal(text_to_mac(mac, n.mac, NULL), 0);
	return n;
}

static int say(struct plane *p, enum xr_notice_kind kind, const char *mac, const char *host,
	       __u64 seq)
{
	struct xr_notice n = about(kind, mac, host);

	n.seq = seq;
	error.text[0] = '\0';
	return vm_notice(p, &n, &said, &error);
}

static int bind_to(struct plane *p, const char *mac, const char *addr, const char *host, bool lock)
{
	struct xr_notice n = about(XR_NOTICE_ADD, mac, host);
	char buf[256], *one, *rest = buf;

	strcpy(buf, addr);
	while ((one = strsep(&rest, " ")))
		if (*one && !text_to_addr(one, n.addr[n.n_addrs], NULL))
			n.n_addrs++;
	n.lock = lock;
	error.text[0] = '\0';
	return vm_notice(p, &n, &said, &error);
}

static __u32 place_of(struct plane *p, const char *mac)
{
	__u8 octet[6];

	assert_int_equal(text_to_mac(mac, octet, NULL), 0);
	return vm_find(p, vm_key(octet, 0));
}

/* "a", "a>b prepared", "b<a moved": where, where to, state. */
static const char *word_of(struct plane *p, const char *mac)
{
	static const char *const states[] = { "none", "stable", "prepared", "blackout", "moved" };
	static char text[200];
	struct xr_vm_now now = vm_now(p, place_of(p, mac));

	snprintf(text, sizeof(text), "%s%s%s %s%s%s", host_name(p, now.host), now.next ? ">" : "",
		 now.next ? host_name(p, now.next) : "", states[now.state],
		 now.flags & XR_VM_FROZEN ? " frozen" : "", now.home == now.host ? "" : " away");
	return text;
}

#define IS(mac, word) assert_string_equal(word_of(p, mac), word)
#define OK(call)      assert_int_equal(call, 0)
#define NO(call, code, words)                               \
	do {                                                \
		assert_int_equal(call, code);               \
		assert_non_null(strstr(error.text, words)); \
	} while (0)

/* ---- the tests ---- */

static void a_whole_move(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1 fd09::1", "a", true));
	IS(VM1, "a stable");
	assert_int_equal(p->vm_control->vms, 1);
	assert_int_equal(p->vm_control->addresses, 2);
	assert_int_equal(p->vm_control->locked, 1);
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	IS(VM1, "a>b prepared");
	assert_int_equal(p->vm_control->watching, 1);
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	IS(VM1, "a>b blackout");
	assert_int_equal(p->vm_control->watching, 1);
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	assert_int_equal(said.outcome, XR_DONE);
	assert_int_equal(said.seq, 1);
	assert_int_equal(p->vm_control->watching, 0);
	assert_int_equal(p->vms[place_of(p, VM1)].ttl, 300);
	assert_true(vm_now(p, place_of(p, VM1)).flags & XR_VM_LOCK);
	/* Back, and nothing of it is left when it leaves. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved");
	OK(say(p, XR_NOTICE_LEAVE, VM1, NULL, 0));
	assert_int_equal(place_of(p, VM1), VM_NOWHERE);
	assert_int_equal(vm_count(p), 0);
	assert_int_equal(p->vm_control->vms, 0);
	assert_int_equal(p->vm_control->addresses, 0);
	assert_int_equal(p->vm_control->locked, 0);
	drop_plane(p);
}

static void it_stays(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(say(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "a stable");
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	OK(say(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "a stable");
	OK(say(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	assert_int_equal(said.outcome, XR_ALREADY);
	assert_int_equal(p->vm_control->watching, 0);
	/* One that moved a moment ago is redirected on. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	OK(say(p, XR_NOTICE_PREPARE, VM1, "c", 0));
	IS(VM1, "b>c prepared");
	assert_int_equal(p->vms[place_of(p, VM1)].ttl, 300);
	OK(say(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "b moved");
	drop_plane(p);
}

static void steps_that_make_no_sense(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	NO(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0), -EINVAL, "no move is prepared");
	OK(say(p, XR_NOTICE_PREPARE, VM1, "a", 0));
	assert_int_equal(said.outcome, XR_ALREADY);
	IS(VM1, "a stable");
	/* Another way while it is but prepared; not once it stands still. */
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(say(p, XR_NOTICE_PREPARE, VM1, "c", 0));
	IS(VM1, "a>c prepared");
	assert_int_equal(p->vm_control->watching, 1);
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	NO(say(p, XR_NOTICE_PREPARE, VM1, "b", 0), -EINVAL, "stands still on its way to c");
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	assert_int_equal(said.outcome, XR_ALREADY);
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	assert_int_equal(p->vm_control->watching, 0);
	drop_plane(p);
}

static void order(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 7));
	assert_int_equal(said.seq, 7);
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 7));
	assert_int_equal(said.outcome, XR_IGNORED);
	NO(say(p, XR_NOTICE_MOVED, VM1, "c", 7), -ESTALE,
	   "seq 7 is known already and said something else");
	NO(say(p, XR_NOTICE_MOVED, VM1, "a", 6), -ESTALE,
	   "seq 6 is older than the 7 that is known");
	NO(say(p, XR_NOTICE_LEAVE, VM1, NULL, 3), -ESTALE, "older");
	IS(VM1, "b moved");
	assert_int_equal(p->vm_info[place_of(p, VM1)].old, 4);
	assert_int_equal(p->vm_info[place_of(p, VM1)].moves, 1);
	/* One move, one number: its steps in order, late ones ignored. */
	OK(say(p, XR_NOTICE_PREPARE, VM1, "c", 9));
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 9));
	OK(say(p, XR_NOTICE_MOVED, VM1, "c", 9));
	NO(say(p, XR_NOTICE_PREPARE, VM1, "c", 9), -ESTALE, "seq 9");
	NO(say(p, XR_NOTICE_CANCEL, VM1, NULL, 9), -ESTALE, "said something else");
	IS(VM1, "c moved");
	/* Without a number: the next; of a numbered move: its own. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	assert_int_equal(said.seq, 10);
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 12));
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	assert_int_equal(said.seq, 12);
	/* Two sources, one story. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 12));
	assert_int_equal(said.outcome, XR_IGNORED);
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	assert_int_equal(said.outcome, XR_ALREADY);
	assert_int_equal(p->vm_info[place_of(p, VM1)].moves, 4);
	drop_plane(p);
}

static void flapping(void **state)
{
	struct plane *p = new_plane();
	int i;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	for (i = 0; i < 5; i++)
		OK(say(p, XR_NOTICE_MOVED, VM1, i & 1 ? "a" : "b", 0));
	IS(VM1, "b moved");
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved frozen");
	assert_string_equal(vm_state_word(p, place_of(p, VM1), 0), "frozen");
	/* The operator's next word ends it. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved");
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	drop_plane(p);
}

/* The data plane did it: user space follows, once. */
static void follow_up(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	struct xr_vm_info *info;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = place_of(p, VM1);
	info = &p->vm_info[place];
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 5));
	was = to = vm_now(p, place);
	to.host = to.home = was.next;
	to.next = 0;
	to.state = XR_VM_MOVED;
	assert_true(vm_change(p, place, &was, to));
	p->vms[place].ttl = 60;
	p->vm_control->watching--;
	assert_int_equal(info->host, 1);
	OK(vm_follow_up(p, place, &error));
	assert_int_equal(info->host, 2);
	assert_int_equal(info->seq, 5);
	assert_int_equal(info->source, XR_SOURCE_ANNOUNCEMENT);
	assert_int_equal(info->under_way, 0);
	OK(vm_follow_up(p, place, &error));
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 5));
	assert_int_equal(said.outcome, XR_IGNORED);
	IS(VM1, "b moved");
	drop_plane(p);
}

/* The word is first: a kill may come behind it, and who says it again does the rest. */
static void half_prepared(void **state)
{
	struct plane *p = new_plane();
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = place_of(p, VM1);
	assert_false(vm_is_ready(p, place));
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	assert_true(vm_is_ready(p, place));
	p->vm_info[place].under_way = 1;
	IS(VM1, "a>b prepared");
	assert_false(vm_is_ready(p, place));
	OK(say(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	assert_int_equal(said.outcome, XR_ALREADY);
	assert_true(vm_is_ready(p, place));
	OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	assert_true(vm_is_ready(p, place));
	OK(say(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	assert_false(vm_is_ready(p, place));
	drop_plane(p);
}

/* Its frame was faster than whoever says that it stands still. */
static void paused_too_late(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	__u64 seq;

	(void)state;
	for (seq = 0; seq < 6; seq += 5) {
		OK(bind_to(p, VM1, "", "a", false));
		OK(say(p, XR_NOTICE_PREPARE, VM1, "b", seq));
		was = to = vm_now(p, place_of(p, VM1));
		to.host = to.home = was.next;
		to.next = 0;
		to.state = XR_VM_MOVED;
		assert_true(vm_change(p, place_of(p, VM1), &was, to));
		p->vms[place_of(p, VM1)].ttl = 60;
		p->vm_control->watching--;
		OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, seq));
		assert_int_equal(said.outcome, seq ? XR_IGNORED : XR_ALREADY);
		OK(say(p, XR_NOTICE_PAUSE, VM1, NULL, seq));
		IS(VM1, "b moved");
		OK(say(p, XR_NOTICE_MOVED, VM1, "b", seq));
		IS(VM1, "b moved");
		/* What somebody said is not what it said. */
		OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
		NO(say(p, XR_NOTICE_PAUSE, VM1, NULL, 0), -EINVAL, "no move is prepared");
		OK(say(p, XR_NOTICE_LEAVE, VM1, NULL, 0));
	}
	drop_plane(p);
}

static void word_that_changed(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = place_of(p, VM1);
	was = to = vm_now(p, place);
	to.host = 2;
	assert_true(vm_change(p, place, &was, to));
	/* A word that the data plane changed meanwhile is not overwritten. */
	was.host = 3;
	assert_false(vm_change(p, place, &was, to));
	assert_int_equal(was.host, 2);
	drop_plane(p);
}

/* A round takes a while: a frame may hit in a tick that it has not seen. */
static void ageing(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	struct xr_vm *v;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", 0));
	place = place_of(p, VM1);
	v = &p->vms[place];
	v->last = 1;
	vm_age(p);
	IS(VM1, "b moved");
	assert_string_equal(vm_state_word(p, place, 0), "moved");
	v->last = 0U - 300;
	vm_age(p);
	IS(VM1, "b moved");
	v->last--;
	vm_age(p);
	IS(VM1, "b stable");
	assert_int_equal(v->ttl, 0);
	/* The data plane was first: what belonged to the redirect goes, too. */
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	was = to = vm_now(p, place);
	to.state = XR_VM_STABLE;
	assert_true(vm_change(p, place, &was, to));
	vm_age(p);
	assert_int_equal(v->ttl, 0);
	drop_plane(p);
}

/* The largest number is the last; what has none does not begin anew. */
static void last_number(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(say(p, XR_NOTICE_MOVED, VM1, "b", XR_SEQ_MAX));
	OK(say(p, XR_NOTICE_MOVED, VM1, "a", 0));
	assert_true(said.seq == XR_SEQ_MAX);
	NO(say(p, XR_NOTICE_MOVED, VM1, "b", 1), -ESTALE, "older");
	IS(VM1, "a moved");
	drop_plane(p);
}

/* ---- whose an address is ---- */

#define TENANTS 25 /* VLANs 0 .. 24 */

/* By who knows the segment, by who does not, and what the marks say. */
static void check_owners(struct plane *p, const __be32 *addr, __u32 first, const bool *has)
{
	__u32 alone = VM_NOWHERE;
	int vlan, n = 0;

	for (vlan = 0; vlan < TENANTS; vlan++) {
		assert_int_equal(vm_by_ip_in(p, addr, vlan), has[vlan] ? first + vlan : VM_NOWHERE);
		if (has[vlan])
			alone = n++ ? VM_NOWHERE : first + vlan;
	}
	assert_int_equal(vm_by_ip(p, addr), has[0] ? first : alone);
	assert_int_equal(vm_ip_shared(p, addr), n > 1);
}

/* The same addresses in many VLANs come and go in any order. */
static void tenants(void **state)
{
	static const char *const text[] = { "10.0.0.5", "10.0.0.6", "fd00::5" };
	bool has[3][TENANTS] = { { false } };
	struct plane *p = new_plane();
	__be32 addr[3][XR_ADDR_WORDS];
	struct vm_loose loose;
	__u64 dice = 1;
	size_t k;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		text_to_addr(text[i], addr[i], NULL);
	for (i = 0; i < 3 * TENANTS; i++)
		p->vms[i].key = (__u64)(i % TENANTS) << 48 | i;
	for (i = 0; i < 6000; i++) {
		int a, vlan;

		dice = xr_mix64(dice);
		a = dice % 3;
		vlan = (dice >> 8) % TENANTS;
		/* Now few of them, then many. */
		if (has[a][vlan] == ((dice >> 16) % 16 < (i / 1000 % 2 ? 2 : 9)))
			continue;
		memset(&loose, 0, sizeof(loose));
		has[a][vlan] = !has[a][vlan];
		if (has[a][vlan])
			assert_int_equal(vm_add_ip(p, a * TENANTS + vlan, addr[a]), 0);
		else
			vm_drop_ip(p, a * TENANTS + vlan, addr[a], &loose);
		for (k = 0; k < loose.n_ip; k++)
			memset(&p->vm_ips[loose.ip[k]], 0, sizeof(*p->vm_ips));
		free(loose.ip);
		check_owners(p, addr[a], a * TENANTS, has[a]);
	}
	drop_plane(p);
}

static void bindings(void **state)
{
	struct plane *p = new_plane();
	__be32 addr[XR_ADDR_WORDS];

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	assert_int_equal(said.outcome, XR_ALREADY);
	NO(bind_to(p, VM1, "10.9.0.1", "b", false), -EEXIST, "is at a, not b");
	NO(bind_to(p, VM2, "10.9.0.2 10.9.0.1", "a", false), -EADDRINUSE,
	   "10.9.0.1 is VM " VM1 "'s already");
	assert_int_equal(place_of(p, VM2), VM_NOWHERE);
	NO(bind_to(p, VM2, "10.9.0.2 10.9.0.2", "a", false), -EINVAL, "given twice");
	NO(bind_to(p, VM2, "224.0.0.1", "a", false), -EINVAL, "multicast");
	/* Another binding: what it had is free for others. */
	OK(bind_to(p, VM1, "10.9.0.3 fd09::3", "a", true));
	text_to_addr("10.9.0.1", addr, NULL);
	assert_int_equal(vm_by_ip(p, addr), VM_NOWHERE);
	text_to_addr("fd09::3", addr, NULL);
	assert_int_equal(vm_by_ip(p, addr), place_of(p, VM1));
	assert_int_equal(p->vm_control->locked, 1);
	OK(bind_to(p, VM2, "10.9.0.1", "b", true));
	assert_int_equal(p->vm_control->locked, 2);
	OK(bind_to(p, VM1, "", "a", false));
	assert_int_equal(p->vm_control->locked, 1);
	assert_int_equal(p->vm_control->addresses, 1);
	drop_plane(p);
}

/* Of a VM whose addresses the operator gave nothing is learned. */
static void learned(void **state)
{
	struct plane *p = new_plane();
	__be32 addr[XR_ADDR_WORDS];

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	OK(bind_to(p, VM2, "", "a", false));
	text_to_addr("10.9.0.1", addr, NULL);
	assert_false(vm_learn(p, place_of(p, VM2), addr));
	text_to_addr("10.9.0.7", addr, NULL);
	assert_false(vm_learn(p, place_of(p, VM1), addr));
	assert_true(vm_learn(p, place_of(p, VM2), addr));
	assert_false(vm_learn(p, place_of(p, VM2), addr));
	text_to_addr("fd09::7", addr, NULL);
	assert_true(vm_learn(p, place_of(p, VM2), addr));
	assert_int_equal(vm_by_ip(p, addr), VM_NOWHERE);
	drop_plane(p);
}

static void bad_words(void **state)
{
	struct plane *p = new_plane();
	struct xr_notice n;

	(void)state;
	NO(bind_to(p, "53:54:00:00:00:01", "", "a", false), -EINVAL, "multicast");
	NO(bind_to(p, "00:00:00:00:00:00", "", "a", false), -EINVAL, "zero");
	NO(bind_to(p, "ff:ff:ff:ff:ff:ff", "", "a", false), -EINVAL, "broadcast");
	NO(bind_to(p, VM1, "", "z", false), -ENOENT, "no host z");
	NO(say(p, XR_NOTICE_MOVED, VM1, "a", 0), -ENOENT, "no VM " VM1);
	NO(say(p, XR_NOTICE_LEAVE, VM1, NULL, 0), -ENOENT, "no VM " VM1);
	OK(bind_to(p, VM1, "", "a", true));
	NO(say(p, XR_NOTICE_MOVED, VM1, "z", 0), -ENOENT, "no host z");
	NO(say(p, XR_NOTICE_MOVED, VM1, "gone", 0), -EHOSTUNREACH,
	   "host gone (dev no-such-device)");
	NO(say(p, XR_NOTICE_PREPARE, VM1, "gone", 0), -EHOSTUNREACH, "no such device");
	IS(VM1, "a stable");
	n = about(XR_NOTICE_ADD, VM2, "a");
	n.vlan = 4095;
	NO(vm_notice(p, &n, &said, &error), -EINVAL, "VLAN 4095");
	n.vlan = 0;
	n.n_addrs = 5;
	NO(vm_notice(p, &n, &said, &error), -EINVAL, "at most 4");
	assert_int_equal(vm_count(p), 1);
	drop_plane(p);
}

static void same_mac_in_many_vlans(void **state)
{
	struct plane *p = new_plane();
	struct xr_notice n = about(XR_NOTICE_ADD, VM1, "a");
	int vlan;

	(void)state;
	for (vlan = 0; vlan < 3; vlan++) {
		n.vlan = vlan;
		OK(vm_notice(p, &n, &said, &error));
	}
	n = about(XR_NOTICE_MOVED, VM1, "b");
	n.vlan = 1;
	OK(vm_notice(p, &n, &said, &error));
	IS(VM1, "a stable");
	assert_int_equal(vm_now(p, vm_find(p, vm_key(n.mac, 1))).host, 2);
	assert_int_equal(vm_now(p, vm_find(p, vm_key(n.mac, 2))).host, 1);
	drop_plane(p);
}

static void full(void **state)
{
	struct plane *p = new_plane();
	char mac[TEXT_MAC], addr[64];
	__u32 i;

	(void)state;
	for (i = 0; i < limits.vms; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:00:01:%02x", i);
		snprintf(addr, sizeof(addr), "10.9.1.%u", i);
		OK(bind_to(p, mac, addr, "a", false));
	}
	NO(bind_to(p, VM1, "", "a", false), -ENOSPC, "limits.vms is 7");
	OK(bind_to(p, mac, "10.9.2.1 10.9.2.2 10.9.2.3", "a", false));
	NO(bind_to(p, "52:54:00:00:01:00", "10.9.1.0 10.9.2.4", "a", false), -ENOSPC,
	   "limits.vm_addresses is 9");
	/* A count that a kill left wrong is put right before anybody is refused. */
	OK(say(p, XR_NOTICE_LEAVE, mac, NULL, 0));
	p->vm_control->vms = 7;
	p->vm_control->addresses = 9;
	OK(bind_to(p, VM1, "10.9.2.4", "a", false));
	assert_int_equal(p->vm_control->vms, 7);
	assert_int_equal(p->vm_control->addresses, 7);
	drop_plane(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_move),
		cmocka_unit_test(it_stays),
		cmocka_unit_test(steps_that_make_no_sense),
		cmocka_unit_test(order),
		cmocka_unit_test(flapping),
		cmocka_unit_test(follow_up),
		cmocka_unit_test(half_prepared),
		cmocka_unit_test(paused_too_late),
		cmocka_unit_test(word_that_changed),
		cmocka_unit_test(ageing),
		cmocka_unit_test(last_number),
		cmocka_unit_test(tenants),
		cmocka_unit_test(bindings),
		cmocka_unit_test(learned),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(same_mac_in_many_vlans),
		cmocka_unit_test(full),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("VMs", tests, NULL, NULL);
}
