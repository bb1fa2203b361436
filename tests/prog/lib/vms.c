/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <stdio.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/host/host.h"
#include "user/lib/text.h"
#include "vms.h"

/* ---- notices ---- */

#define WORDS_MAX 32

static void parse_mac(const char *s, __u8 mac[6])
{
	char extra;

	if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx%c", &mac[0], &mac[1], &mac[2], &mac[3],
		   &mac[4], &mac[5], &extra) != 6) {
		fprintf(stderr, "# '%s' is not a MAC address\n", s);
		abort();
	}
}

static void parse_address(const char *s, __be32 addr[XR_ADDR_WORDS])
{
	addr[0] = addr[1] = 0;
	addr[2] = htonl(0xffff);
	if (inet_pton(strchr(s, ':') ? AF_INET6 : AF_INET, s, strchr(s, ':') ? addr : &addr[3]) !=
	    1) {
		fprintf(stderr, "# '%s' is not an address\n", s);
		abort();
	}
}

static enum xr_notice_kind kind_of_word(const char *s)
{
	static const char *const words[] = {
		[XR_NOTICE_ADD] = "add",       [XR_NOTICE_PREPARE] = "prepare",
		[XR_NOTICE_PAUSE] = "pause",   [XR_NOTICE_MOVED] = "move",
		[XR_NOTICE_CANCEL] = "cancel", [XR_NOTICE_LEAVE] = "leave",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(words[i], s))
			return i;
	fprintf(stderr, "# no notice '%s'\n", s);
	abort();
}

/* One KEY VALUE pair; false: the word stands alone. */
static bool parse_pair(struct xr_notice *n, const char *key, const char *value)
{
	if (!strcmp(key, "lock")) {
		n->lock = true;
		return false;
	}
	if (!value) {
		fprintf(stderr, "# nothing after '%s'\n", key);
		abort();
	}
	if (!strcmp(key, "vlan"))
		n->vlan = atoi(value);
	else if (!strcmp(key, "to") || !strcmp(key, "at"))
		n->host = value;
	else if (!strcmp(key, "seq"))
		n->seq = strtoull(value, NULL, 0);
	else if (!strcmp(key, "ttl"))
		n->ttl = atoi(value);
	else if (!strcmp(key, "timeout"))
		n->timeout = atoi(value);
	else if (!strcmp(key, "dev"))
		n->tap = value;
	else if (!strcmp(key, "address"))
		parse_address(value, n->addr[n->n_addrs++]);
	else
		abort();
	return true;
}

static int obey(char *text, struct xr_answer *a, struct xr_err *err)
{
	struct xr_notice n = { .source = XR_SOURCE_CLI };
	char *word[WORDS_MAX + 1] = { 0 };
	int words = 0;

	for (char *s = strtok(text, " "); s && words < WORDS_MAX; s = strtok(NULL, " "))
		word[words++] = s;
	assert_true(words >= 2);
	n.kind = kind_of_word(word[0]);
	parse_mac(word[1], n.mac);
	for (int i = 2; i < words; i++)
		i += parse_pair(&n, word[i], word[i + 1]);
	memset(a, 0, sizeof(*a));
	memset(err, 0, sizeof(*err));
	return vm_notice(world_plane(), &n, a, err);
}

int post_any_notice(struct xr_answer *a, struct xr_err *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return obey(text, a, err);
}

void post_notice(const char *fmt, ...)
{
	struct xr_answer a;
	struct xr_err err;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (obey(text, &a, &err) || a.outcome != XR_DONE)
		fail_msg("vm %s: outcome %d %s", fmt, a.outcome, err.text);
}

void move_to(const char *host)
{
	post_notice("move " VM " to %s", host);
}

/* ---- looking ---- */

__u32 vm_index_of(const char *mac, __u16 vlan)
{
	__u8 octets[6];
	__u32 index;

	parse_mac(mac, octets);
	index = vm_find(world_plane(), vm_key(octets, vlan));
	if (index == VM_NOWHERE)
		fail_msg("no VM %s vlan %u", mac, vlan);
	return index;
}

struct xr_vm *vm_live(const char *mac, __u16 vlan)
{
	return &world_plane()->vms[vm_index_of(mac, vlan)];
}

struct xr_vm_info *vm_info_of(const char *mac, __u16 vlan)
{
	return &world_plane()->vm_info[vm_index_of(mac, vlan)];
}

__u16 host_index(const char *name)
{
	__u16 host = *name ? host_find(world_plane(), name) : 0;

	if (*name && !host)
		fail_msg("no host %s", name);
	return host;
}

struct xr_counter host_count(const char *name)
{
	struct plane *p = world_plane();
	struct xr_counter each[p->cpus], sum = { 0 };
	__u32 key = host_index(name);

	assert_int_equal(bpf_map_lookup_elem(p->fd[PLANE_HOST_STATS], &key, each), 0);
	for (int i = 0; i < p->cpus; i++) {
		sum.packets += each[i].packets;
		sum.bytes += each[i].bytes;
	}
	return sum;
}

void behind(const char *host, bool trusted)
{
	struct xr_port port = { .host = host_index(host), .trusted = trusted };

	world_plane()->ports[0] = port;
}

static const char *state_word(__u8 state)
{
	static const char *const words[] = { "none", "stable", "prepared", "blackout", "moved" };

	return state < ARRAY_LEN(words) ? words[state] : "?";
}

void check_vm(const char *mac, __u16 vlan, enum xr_vm_state state, const char *host, __u8 flags)
{
	struct xr_vm_now now = vm_now(world_plane(), vm_index_of(mac, vlan));

	if (now.state != state || now.host != host_index(host) || now.flags != flags)
		fail_msg("%s vlan %u: %s at %s, flags %u; %s at %s, flags %u "
			 "is right",
			 mac, vlan, state_word(now.state), host_name(world_plane(), now.host),
			 now.flags, state_word(state), host, flags);
}

void check_same(const struct xr_vm *was, const char *mac, __u16 vlan)
{
	const struct xr_vm *is = vm_live(mac, vlan);

	if (!memcmp(was, is, sizeof(*was)))
		return;
	for (size_t i = 0; i < sizeof(*was) / 8; i++)
		fprintf(stderr, "# word %zu: %016llx was, %016llx is\n", i, ((__u64 *)was)[i],
			((__u64 *)is)[i]);
	fail_msg("the VM changed");
}

void later(void)
{
	world_set_tick(world_tick() + 200);
}

/* ---- events ---- */

static int on_event(void *ctx, void *data, size_t len)
{
	struct events *s = ctx;
	struct xr_event e;

	if (len < sizeof(e))
		return 0;
	memcpy(&e, data, sizeof(e));
	if (e.reason >= XR_REASON_MAX || e.kind == XR_EVENT_CHANGE)
		return 0;
	s->n[e.reason]++;
	s->last[e.reason] = e;
	return 0;
}

static int on_vm_event(void *ctx, void *data, size_t len)
{
	const struct xr_event *e = data;
	struct events *s = ctx;

	if (len < sizeof(*e) || e->reason >= XR_REASON_MAX)
		return 0;
	if (e->kind != XR_EVENT_VM)
		fail_msg("an event of kind %u for the daemon", e->kind);
	s->vm_n[e->reason]++;
	memcpy(&s->vm_last[e->reason], e, sizeof(*e));
	return 0;
}

struct events take_events(void)
{
	struct plane *p = world_plane();
	struct events s = { 0 };
	struct ring_buffer *ring = ring_buffer__new(p->fd[PLANE_EVENTS], on_event, &s, NULL);

	assert_non_null(ring);
	assert_int_equal(ring_buffer__add(ring, p->fd[PLANE_VM_EVENTS], on_vm_event, &s), 0);
	assert_true(ring_buffer__consume(ring) >= 0);
	ring_buffer__free(ring);
	world_set_tick(world_tick() + 2);
	return s;
}
