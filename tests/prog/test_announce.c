/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Announcements: every kind, under every policy, from the right place and from
 * wrong ones; what only looks like one; and what is refused. A frame that is
 * not believed changes nothing of the VM, octet by octet.
 */
#include <stdio.h>
#include <bpf/bpf.h>
#include "lib/announcements.h"
#include "lib/vms.h"
#include "lib/worlds.h"

struct kind {
	enum xr_announcement kind;
	const char *name, *hex;
};

#define K(kind, name, hex) { kind, name, hex },
static const struct kind kinds[] = { ANNOUNCEMENTS(K) };
static const struct kind others[] = { NOT_ANNOUNCEMENTS(K) };
#undef K

/* The frame of a kind, in a VLAN unless that is 0. */
static struct packet frame_of(const struct kind *k, __u16 vlan)
{
	struct packet p = packet("hex %s", k->hex);

	if (!vlan)
		return p;
	memmove(p.data + 16, p.data + 12, p.len - 12);
	p.data[12] = 0x81;
	p.data[13] = 0;
	p.data[14] = vlan >> 8;
	p.data[15] = vlan;
	p.len += 4;
	return p;
}

/* ---- the world ---- */

/*
 * Frames come in at "in". new is a port there, v and g are reached by it; far
 * and old are elsewhere. The VM is in VLAN 100, too.
 */
/* clang-format off */
#define HOSTS_ALL                                                              \
	HOSTS(HOST_PORT("old", "out") HOST_PORT("new", "in")                   \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_GUE("g", "10.1.0.2", "")    \
	      HOST_MAC("m", "02:00:00:00:01:07", "in")                         \
	      HOST_VXLAN("far", "10.2.0.1", "")                                \
	      HOST_PORT("third", "out-peer") HOST_PORT("fourth", "in-peer"))
#define WORLD(policy)                                                          \
	POLICY("moves: " policy ", vm_ttl: 77") GATEWAYS HOSTS_ALL             \
	VMS(VM_AT(VM, "old", "") VM_AT(VM, "old", ", vlan: 100"))
/* clang-format on */

static const char *const policies[] = { "expected", "ports", "any" };
enum { EXPECTED, PORTS, ANY };

static const __u16 vlans[] = { 0, 100 };

/* For "vlan %u", which a notice takes only where there is one. */
static const char *in_vlan(__u16 vlan)
{
	return vlan ? " vlan 100" : "";
}

/* At old, stable, long ago. */
static void settle(__u16 vlan)
{
	say("leave " VM "%s", in_vlan(vlan));
	say("add " VM "%s at old", in_vlan(vlan));
	said();
}

/* ---- believed ---- */

static void check_event(const struct xr_event *e, const struct kind *k, __u16 vlan,
			const char *host)
{
	static const __u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };

	assert_int_equal(e->kind, XR_EVENT_VM);
	assert_int_equal(e->vm, vm_place(VM, vlan) + 1);
	assert_int_equal(e->vlan, vlan);
	assert_memory_equal(e->mac, mac, 6);
	assert_int_equal(e->host, host_index(host));
	assert_int_equal(e->from, host_index("old"));
	assert_int_equal(e->state, XR_VM_MOVED);
	assert_int_equal(e->announcement, k->kind);
	assert_int_equal(e->dev_slot, 0);
	assert_true(e->when_ns);
}

/* Whose frames are next to be redirected, at this very frame. */
static void check_moved(const struct kind *k, __u16 vlan, const char *host, bool expected)
{
	enum xr_reason r = expected ? XR_R_ACTIVATED : XR_R_ANNOUNCEMENT;
	struct xr_vm_now now = vm_now(world_plane(), vm_place(VM, vlan));
	struct xr_vm *vm = vm_live(VM, vlan);
	struct said s;

	check_vm(VM, vlan, XR_VM_MOVED, host, 0);
	assert_int_equal(now.next, 0);
	assert_int_equal(now.home, host_index(expected ? host : "old"));
	assert_int_equal(vm->ttl, 77);
	assert_in_range(vm->last, world_tick() - 1, world_tick());
	s = said();
	assert_int_equal(s.n[r], 1);
	assert_int_equal(s.vm_n[r], 1);
	assert_int_equal(s.n[XR_R_SPOOFED], 0);
	check_event(&s.last[r], k, vlan, host);
}

static void say_kind(const struct kind *k, __u16 vlan, const char *reasons)
{
	struct packet p = frame_of(k, vlan);
	struct result r = run(&p);

	check_reasons(&r, reasons);
}

/* A prepared move: from the place of the host it goes to, whatever that is. */
static void expected(void **state)
{
	static const char *const hosts[] = { "new", "v", "g", "m" };

	for (size_t p = 0; p < ARRAY_LEN(policies); p++) {
		world(WORLD("%s"), policies[p]);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				const char *to = hosts[i % ARRAY_LEN(hosts)];

				settle(vlans[n]);
				behind("", false);
				say("prepare " VM "%s to %s", in_vlan(vlans[n]), to);
				say_kind(&kinds[i], vlans[n], "not-moved announcement activated");
				check_moved(&kinds[i], vlans[n], to, true);
				assert_int_equal(world_plane()->vm_control->watching, 0);
			}
	}
}

/* Nobody prepared it, but the port is trusted, or any will do. */
static void unprepared(void **state)
{
	for (int p = PORTS; p <= ANY; p++) {
		world(WORLD("%s"), policies[p]);
		behind("new", p == PORTS);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				settle(vlans[n]);
				say_kind(&kinds[i], vlans[n], "not-moved announcement");
				check_moved(&kinds[i], vlans[n], "new", false);
			}
	}
}

/* The other of two VMs with one MAC address is not meant. */
static void other_vlan(void **state)
{
	struct xr_vm was;

	world(WORLD("any"));
	behind("new", false);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		for (size_t n = 0; n < 2; n++) {
			settle(vlans[0]);
			settle(vlans[1]);
			was = *vm_live(VM, vlans[!n]);
			say_kind(&kinds[i], vlans[n], "not-moved announcement");
			check_same(&was, VM, vlans[!n]);
		}
	/* Priority tags are no VLAN; nobody is in 99; two tags are left alone. */
	settle(0);
	say_kind(&(struct kind){ XR_RARP, "RARP", kinds[5].hex }, 0, "not-moved announcement");
	settle(0);
	was = *vm_live(VM, 0);
	say_kind(&kinds[0], 99, "not-moved");
	check_same(&was, VM, 0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 5 / vlan 100 / rarp", "not-moved qinq",
	       NULL);
	check_same(&was, VM, 0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 pcp=7 / rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	settle(0);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 / vlan 0 pcp=7 / "
	       "rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "new", 0);
	settle(100);
	expect("eth src=" VM " dst=ff:ff:ff:ff:ff:ff / vlan 0 / vlan 100 / rarp",
	       "not-moved announcement", NULL);
	check_vm(VM, 100, XR_VM_MOVED, "new", 0);
}

/* What a Linux guest sends is not padded. */
static void unpadded(void **state)
{
	world(WORLD("any"));
	behind("new", false);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = frame_of(&kinds[i], 0);
		struct result r;

		settle(0);
		if (p.len == 60)
			p.len = 42;
		r = run(&p);
		check_reasons(&r, "not-moved announcement");
		check_moved(&kinds[i], 0, "new", false);
	}
}

/* ---- from the wrong place ---- */

static void not_believed(const struct kind *k, __u16 vlan)
{
	struct xr_vm was = *vm_live(VM, vlan);
	__u64 spoofed = vm_info_of(VM, vlan)->spoofed;
	__u32 watching = world_plane()->vm_control->watching;
	struct said s;

	said();
	say_kind(k, vlan, "not-moved spoofed");
	check_same(&was, VM, vlan);
	assert_int_equal(vm_info_of(VM, vlan)->spoofed, spoofed + 1);
	assert_int_equal(world_plane()->vm_control->watching, watching);
	s = said();
	assert_int_equal(s.n[XR_R_SPOOFED], 1);
	assert_int_equal(s.last[XR_R_SPOOFED].vm, vm_place(VM, vlan) + 1);
	assert_int_equal(s.last[XR_R_SPOOFED].announcement, k->kind);
	assert_int_equal(s.last[XR_R_SPOOFED].vlan, vlan);
	assert_int_equal(s.n[XR_R_ANNOUNCEMENT] + s.n[XR_R_ACTIVATED] + s.vm_n[XR_R_ANNOUNCEMENT] +
				 s.vm_n[XR_R_ACTIVATED],
			 0);
}

static void wrong_place(void **state)
{
	for (int p = EXPECTED; p <= ANY; p++) {
		world(WORLD("%s"), policies[p]);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
			for (size_t n = 0; n < 2; n++) {
				settle(vlans[n]);
				/* Nobody knows who lives behind the port. */
				behind("", p == PORTS);
				not_believed(&kinds[i], vlans[n]);
				/* Expected, but of another place. */
				say("prepare " VM "%s to far", in_vlan(vlans[n]));
				not_believed(&kinds[i], vlans[n]);
				if (p == PORTS) {
					behind("new", false);
					not_believed(&kinds[i], vlans[n]);
				}
				if (p == EXPECTED) {
					behind("new", true);
					not_believed(&kinds[i], vlans[n]);
				}
			}
	}
}

/* Each is counted; the event comes once a second. */
static void flood_of_spoofed(void **state)
{
	struct said s;
	__u32 tick;

	world(WORLD("expected"));
	behind("new", true);
	do {
		said();
		tick = world_tick();
		vm_info_of(VM, 0)->spoofed = 0;
		for (int i = 0; i < 50; i++)
			say_kind(&kinds[5], 0, "not-moved spoofed");
		s = said();
	} while (world_tick() != tick + 2);
	assert_int_equal(vm_info_of(VM, 0)->spoofed, 50);
	assert_int_equal(s.n[XR_R_SPOOFED], 1);
}

/* A VM that says something where it is does nothing wrong. */
static void at_home(void **state)
{
	struct xr_vm was;
	struct said s;

	for (int p = EXPECTED; p <= ANY; p++) {
		/* All its addresses are known: there is nothing to learn. */
		world(POLICY("moves: %s") GATEWAYS HOSTS_ALL
		      VMS(VM_AT(VM, "old",
				", addresses: [10.9.0.10, \"fd09::10\"]")),
		      policies[p]);
		say("move " VM " to new");
		behind("new", true);
		for (int prepared = 0; prepared < 2; prepared++) {
			if (prepared)
				say("prepare " VM " to far");
			said();
			was = *vm_live(VM, 0);
			for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
				struct packet f = frame_of(&kinds[i], 0);
				struct result r = run(&f);

				assert_int_equal(r.count[XR_R_SPOOFED], 0);
				assert_int_equal(r.count[XR_R_ANNOUNCEMENT_BAD], 0);
				check_same(&was, VM, 0);
			}
			s = said();
			assert_int_equal(s.vm_n[XR_R_ANNOUNCEMENT], 0);
			assert_int_equal(s.vm_n[XR_R_ACTIVATED], 0);
		}
	}
}

/* Of VMs that nobody knows there is nothing to say. */
static void unknown_vm(void **state)
{
	world(WORLD("any"));
	behind("new", true);
	say("leave " VM);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		say_kind(&kinds[i], 0, "not-moved");
	assert_int_equal(said().n[XR_R_SPOOFED], 0);
}

/* ---- what is no announcement ---- */

static void not_announcements(void **state)
{
	struct xr_vm was;
	struct said s;

	for (int p = EXPECTED; p <= ANY; p++)
		for (int prepared = 0; prepared < 2; prepared++) {
			world(WORLD("%s"), policies[p]);
			behind("new", true);
			if (prepared)
				say("prepare " VM " to far");
			was = *vm_live(VM, 0);
			for (size_t i = 0; i < ARRAY_LEN(others); i++) {
				say_kind(&others[i], 0, "not-moved");
				check_same(&was, VM, 0);
			}
			s = said();
			for (int r = 1; r < XR_REASON_MAX; r++)
				assert_int_equal(s.n[r] + s.vm_n[r], 0);
		}
}

/* ---- what is refused ---- */

/*
 * Refused, counted and told; under every policy, and where it would have been
 * believed: prepared to that place, or from a trusted port.
 */
static void refuse(const struct packet *p, const char *what)
{
	for (int prepared = 0; prepared < 2; prepared++) {
		struct result r;
		struct xr_vm was;
		struct said s;

		if (prepared)
			say("prepare " VM " to new");
		was = *vm_live(VM, 0);
		said();
		r = run(p);
		if (r.count[XR_R_ANNOUNCEMENT_BAD] != 1 || r.count[XR_R_ANNOUNCEMENT] ||
		    r.count[XR_R_ACTIVATED])
			fail_msg("%s: not refused%s", what, prepared ? " where expected" : "");
		check_same(&was, VM, 0);
		s = said();
		if (s.n[XR_R_ANNOUNCEMENT_BAD] != 1)
			fail_msg("%s: %d events", what, s.n[XR_R_ANNOUNCEMENT_BAD]);
		assert_int_equal(s.vm_n[XR_R_ANNOUNCEMENT] + s.vm_n[XR_R_ACTIVATED], 0);
		if (prepared)
			say("cancel " VM);
	}
}

static void refuse_text(const char *text)
{
	struct packet p = packet("%s", text);

	refuse(&p, text);
}

static void world_to_refuse(const char *more)
{
	world(POLICY("moves: any") GATEWAYS HOSTS_ALL VMS(VM_AT(VM, "old",
	      "%s")), more);
	behind("new", true);
}

#define BROADCAST "eth src=" VM " dst=ff:ff:ff:ff:ff:ff / "
#define GARP      "sip=10.9.0.10 tip=10.9.0.10"

static void bad_arp(void **state)
{
	static const char *const texts[] = {
		/* the Ethernet source is not the sender, which Linux believes */
		BROADCAST "arp " GARP " sha=52:54:00:12:34:57",
		"eth src=52:54:00:12:34:57 dst=ff:ff:ff:ff:ff:ff / arp " GARP " sha=" VM,
		BROADCAST "arp " GARP " htype=6",
		BROADCAST "arp " GARP " htype=0",
		BROADCAST "arp " GARP " htype=256",
		BROADCAST "arp " GARP " ptype=0x86dd",
		BROADCAST "arp " GARP " ptype=0",
		BROADCAST "arp " GARP " hlen=0",
		BROADCAST "arp " GARP " hlen=8",
		BROADCAST "arp " GARP " plen=0",
		BROADCAST "arp " GARP " plen=16",
		BROADCAST "arp " GARP " op=0",
		BROADCAST "arp " GARP " op=3",
		BROADCAST "arp " GARP " op=4",
		BROADCAST "arp " GARP " op=8",
		BROADCAST "arp " GARP " op=256",
		BROADCAST "arp " GARP " op=65535",
		BROADCAST "rarp op=1",
		BROADCAST "rarp op=2",
		BROADCAST "rarp op=4",
		BROADCAST "rarp op=0",
		BROADCAST "rarp tha=52:54:00:12:34:57",
		BROADCAST "rarp sha=52:54:00:12:34:57",
		BROADCAST "rarp sha=52:54:00:12:34:57 tha=52:54:00:12:34:57",
		BROADCAST "rarp htype=6",
		BROADCAST "rarp ptype=1",
		BROADCAST "rarp hlen=7",
		BROADCAST "rarp plen=5",
		/* sender addresses that are nobody's */
		BROADCAST "arp sip=255.255.255.255 tip=255.255.255.255",
		BROADCAST "arp sip=224.0.0.5 tip=224.0.0.5",
		BROADCAST "arp sip=239.255.255.255 tip=10.9.0.1",
		BROADCAST "arp op=2 sip=224.0.0.5 tip=10.9.0.1",
		/* the gateway's */
		BROADCAST "arp sip=10.9.0.1 tip=10.9.0.1",
		BROADCAST "arp op=2 sip=10.9.0.1 tip=10.9.0.77",
		/* reserved destinations, which no bridge passes on */
		"eth src=" VM " dst=01:80:c2:00:00:00 / arp " GARP,
		"eth src=" VM " dst=01:80:c2:00:00:0e / rarp",
		"eth src=" VM " dst=01:80:c2:00:00:0f / arp op=2 " GARP,
	};

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refuse_text(texts[i]);
}

/* A sender that can be no VM's: nothing is learned of it either. */
static void bad_senders(void **state)
{
	static const char *const macs[] = {
		"ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "53:54:00:12:34:56",
		"01:00:5e:00:00:01", "33:33:00:00:00:01",
	};
	struct packet p;
	char what[32];

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(macs); i++)
		for (int rarp = 0; rarp < 2; rarp++) {
			p = packet("eth src=%s dst=ff:ff:ff:ff:ff:ff / %s", macs[i],
				   rarp ? "rarp" : "arp " GARP);
			snprintf(what, sizeof(what), "%s", macs[i]);
			refuse(&p, what);
			p = packet(BROADCAST "%s sha=%s", rarp ? "rarp" : "arp " GARP, macs[i]);
			refuse(&p, what);
		}
}

/* Every length that ends before the announcement does. */
static void truncated(void **state)
{
	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = frame_of(&kinds[i], 0);
		size_t most = p.len == 60 ? 42 : p.len;

		for (size_t len = 14; len < most; len++) {
			struct result r;

			p.len = len;
			/* Too short to be seen to be one. */
			if (most != 42 && len < 14 + 40 + 24) {
				struct xr_vm was = *vm_live(VM, 0);

				r = run(&p);
				assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
				check_same(&was, VM, 0);
				continue;
			}
			refuse(&p, kinds[i].name);
		}
	}
}

#define MULTICAST6 "eth src=" VM " dst=33:33:00:00:00:01 / "
#define FROM6      "ip6 src=fd09::10 dst=ff02::1 "

static void bad_na(void **state)
{
	static const char *const texts[] = {
		/* RFC 4861 §7.1.2 */
		MULTICAST6 FROM6 "hlim=254 / na target=fd09::10 override",
		MULTICAST6 FROM6 "hlim=1 / na target=fd09::10 override",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 csum=bad",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 csum=0",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 code=1",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override olen=0",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 solicited",
		MULTICAST6 FROM6 "hlim=255 / na target=ff02::1 override",
		/* whose address is it? */
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override "
				 "lla=52:54:00:12:34:57",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override "
				 "lla=00:00:00:00:00:00",
		"eth src=" VM " dst=01:80:c2:00:00:00 / " FROM6
		"hlim=255 / na target=fd09::10 override",
		/* longer than there is */
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override olen=2",
	};

	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		refuse_text(texts[i]);
}

/* Each octet of an announcement's fixed fields, each bit of it. */
static void every_bit(void **state)
{
	world_to_refuse("");
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = frame_of(&kinds[i], 0);

		if (p.len != 60)
			continue;
		for (int bit = 14 * 8; bit < 21 * 8; bit++) {
			p.data[bit / 8] ^= 1 << bit % 8;
			refuse(&p, kinds[i].name);
			p.data[bit / 8] ^= 1 << bit % 8;
		}
		for (int bit = 22 * 8; bit < 28 * 8; bit++) {
			p.data[bit / 8] ^= 1 << bit % 8;
			refuse(&p, kinds[i].name);
			p.data[bit / 8] ^= 1 << bit % 8;
		}
	}
}

/* Of a neighbour advertisement the checksum finds each. */
static void every_bit_of_na(void **state)
{
	struct packet p = frame_of(&kinds[9], 0);

	world_to_refuse("");
	assert_int_equal(kinds[9].kind, XR_UNSOLICITED_NA);
	for (size_t at = 54 + 1; at < p.len; at++)
		for (int bit = 0; bit < 8; bit += 3) {
			p.data[at] ^= 1 << bit;
			refuse(&p, "a bit of an NA");
			p.data[at] ^= 1 << bit;
		}
}

/* ---- protected addresses ---- */

static void protect(enum xr_protected_kind kind, const void *octets, size_t n)
{
	struct xr_protected key = { .kind = kind };
	__u32 one = 1;

	memcpy(key.octet, octets, n);
	assert_int_equal(
		bpf_map_update_elem(world_plane()->fd[PLANE_PROTECTED], &key, &one, BPF_ANY), 0);
}

static void protected_addresses(void **state)
{
	static const __u8 mac[] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	static const __u8 four[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 9, 0, 10 };
	static const __u8 six[] = { 0xfd, 9, [15] = 0x10 };

	world_to_refuse("");
	protect(XR_PROTECTED_IP, four, 16);
	refuse_text(BROADCAST "arp " GARP);
	refuse_text(BROADCAST "arp op=2 sip=10.9.0.10 tip=10.9.0.1");
	protect(XR_PROTECTED_IP, six, 16);
	refuse_text(MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override");
	/* What it does not claim is no matter. */
	expect(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.10", "not-moved announcement", NULL);
	settle(0);
	expect(BROADCAST "rarp", "not-moved announcement", NULL);
	settle(0);
	protect(XR_PROTECTED_MAC, mac, 6);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct packet p = frame_of(&kinds[i], 0);

		refuse(&p, kinds[i].name);
	}
}

/* The file's list, and the virtual MAC addresses of routers. */
static void protected_by_name(void **state)
{
	world("protected: [10.9.0.10, \"fd09::10\"]\n"
	      POLICY("moves: any") HOSTS_ALL VMS(VM_AT(VM, "old", "")));
	behind("new", true);
	refuse_text(BROADCAST "arp " GARP);
	refuse_text(MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override");
	/* The gateways are protected without more words. */
	world("gateways:\n  - {address: 10.9.0.10}\n"
	      POLICY("moves: any") HOSTS_ALL VMS(VM_AT(VM, "old", "")));
	behind("new", true);
	refuse_text(BROADCAST "arp " GARP);
}

/* A gateway may say where it is. */
static void the_gateway_itself(void **state)
{
	struct xr_vm was;
	struct said s;

	world(WORLD("any"));
	behind("new", true);
	was = *vm_live(VM, 0);
	expect("eth src=" GATEWAY " dst=ff:ff:ff:ff:ff:ff / arp sip=10.9.0.1 "
	       "tip=10.9.0.10",
	       "not-moved", NULL);
	expect("eth src=" GATEWAY " dst=ff:ff:ff:ff:ff:ff / arp op=2 "
	       "sip=10.9.0.1 tip=10.9.0.1",
	       "not-moved", NULL);
	expect("eth src=00:00:5e:00:01:07 dst=ff:ff:ff:ff:ff:ff / arp "
	       "sip=10.9.0.1 tip=10.9.0.1",
	       "not-moved", NULL);
	check_same(&was, VM, 0);
	s = said();
	assert_int_equal(s.n[XR_R_SPOOFED] + s.n[XR_R_ANNOUNCEMENT_BAD], 0);
}

/* ---- the binding ---- */

static void binding(void **state)
{
	static const char *const good[] = {
		BROADCAST "arp " GARP,
		BROADCAST "rarp",
		BROADCAST "arp op=2 sip=10.9.0.10 tip=10.9.0.77",
		MULTICAST6 FROM6 "hlim=255 / na target=fd09::10 override",
		/* Link-local addresses are in no operator's list. */
		MULTICAST6 "ip6 src=fe80::5054:ff:fe12:3456 dst=ff02::1 "
			   "hlim=255 / na target=fe80::5054:ff:fe12:3456 override",
	};

	world_to_refuse(", addresses: [10.9.0.10, \"fd09::10\"]");
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		expect(good[i], "not-moved announcement", NULL);
		check_vm(VM, 0, XR_VM_MOVED, "new", 0);
		say("move " VM " to old");
		world_set_tick(world_tick() + 200);
	}
	refuse_text(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.11");
	refuse_text(BROADCAST "arp sip=10.9.0.11 tip=10.9.0.10");
	refuse_text(BROADCAST "arp op=2 sip=10.9.0.11 tip=10.9.0.1");
	refuse_text(MULTICAST6 "ip6 src=fd09::11 dst=ff02::1 hlim=255 / "
			       "na target=fd09::11 override");
	/* Of one family it says nothing about the other. */
	world_to_refuse(", addresses: [\"fd09::10\"]");
	refuse_text(MULTICAST6 "ip6 src=fd09::11 dst=ff02::1 hlim=255 / "
			       "na target=fd09::11 override");
}

/* ---- in a tunnel ---- */

#define TUNNEL(from)                                                     \
	"eth src=02:00:00:00:01:02 / ip4 src=" from " dst=10.1.0.254 / " \
	"udp sport=50000 dport=4789 csum=0 / vxlan 100 / "

/* clang-format off */
#define LOCAL_WORLD(policy)                                                    \
	POLICY("moves: " policy) GATEWAYS                                      \
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")                \
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("far", "10.2.0.1", "")\
	      HOST_PORT("new", "in")) VMS(VM_AT(VM, "here", ""))
/* clang-format on */

/* From an untrusted port anybody could have put it into a tunnel. */
static void in_a_tunnel(void **state)
{
	struct xr_vm was;
	struct result r;

	for (int p = EXPECTED; p <= PORTS; p++) {
		world(LOCAL_WORLD("%s"), policies[p]);
		behind("new", p == EXPECTED);
		was = *vm_live(VM, 0);
		expect(TUNNEL("10.2.0.1") BROADCAST "rarp", "not-moved spoofed", NULL);
		check_same(&was, VM, 0);
	}

	/* Through a trusted one it tells whose tunnel it came out of. */
	world(LOCAL_WORLD("ports"));
	behind("new", true);
	expect(TUNNEL("10.2.0.1") BROADCAST "rarp", "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	expect(TUNNEL("10.1.0.1") BROADCAST "arp " GARP, "not-moved announcement", NULL);
	check_vm(VM, 0, XR_VM_MOVED, "v", 0);
	/* Nobody's tunnel; another segment. */
	was = *vm_live(VM, 0);
	r = run_text("%s", TUNNEL("10.2.0.9") BROADCAST "rarp");
	assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
	r = run_text("eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 "
		     "csum=0 / vxlan 101 / " BROADCAST "rarp");
	assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
	check_same(&was, VM, 0);
}

/* ---- asked by explain ---- */

/* What would be done, and nothing done. */
static void explained(void **state)
{
	struct xr_vm was;
	struct xr_trace t;
	struct said s;

	world_traced(WORLD("any"));
	behind("new", false);
	for (int prepared = 0; prepared < 2; prepared++) {
		if (prepared)
			say("prepare " VM " to new");
		said();
		was = *vm_live(VM, 0);
		for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
			struct packet p = frame_of(&kinds[i], 0);

			run_prog(world_prog(), &p);
			t = world_trace();
			assert_int_equal(t.announcement, kinds[i].kind);
			check_same(&was, VM, 0);
		}
		s = said();
		for (int r = 1; r < XR_REASON_MAX; r++)
			assert_int_equal(s.n[r] + s.vm_n[r], 0);
		assert_int_equal(world_plane()->vm_control->watching, prepared);
	}
}

/* ---- flapping ---- */

static void announce_from(const char *host, const char *reasons)
{
	behind(host, true);
	expect(BROADCAST "rarp", reasons, NULL);
}

/* RFC 7432 §15.1: more than five within 180 seconds. */
static void flapping(void **state)
{
	static const char *const at[] = { "fourth", "third" };
	struct xr_vm_now now;
	struct xr_event *e;
	struct said s;

	world(WORLD("ports"));
	for (int i = 0; i < 5; i++) {
		announce_from(at[i % 2], "not-moved announcement");
		check_vm(VM, 0, XR_VM_MOVED, at[i % 2], 0);
	}
	said();
	announce_from(at[1], "not-moved announcement frozen");
	check_vm(VM, 0, XR_VM_MOVED, "old", XR_VM_FROZEN);
	s = said();
	assert_int_equal(s.n[XR_R_FROZEN], 1);
	assert_int_equal(s.vm_n[XR_R_FROZEN], 1);
	e = &s.last[XR_R_FROZEN];
	assert_int_equal(e->vm, vm_place(VM, 0) + 1);
	assert_int_equal(e->host, host_index("old"));
	/* Its frames go to where the operator's last word put it. */
	expect("eth dst=" VM " / ip4 / udp", "moved", "eth dst=" VM " / ip4 / udp");
	/* Whatever it says now, however often. */
	for (int i = 0; i < 20; i++) {
		struct result r;

		behind(at[i % 2], true);
		r = run_text(BROADCAST "rarp");
		assert_int_equal(r.count[XR_R_ANNOUNCEMENT], 0);
		check_vm(VM, 0, XR_VM_MOVED, "old", XR_VM_FROZEN);
	}
	later();
	behind("third", true);
	run_text(BROADCAST "rarp");
	now = vm_now(world_plane(), vm_place(VM, 0));
	assert_int_equal(now.host, host_index("old"));
	assert_int_equal(now.flags, XR_VM_FROZEN);
	/* Until the operator speaks. */
	say("move " VM " to far");
	check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	announce_from("third", "not-moved announcement");
	check_vm(VM, 0, XR_VM_MOVED, "third", 0);
}

/* As often, but over a longer time; or more often, where that is allowed. */
static void not_flapping(void **state)
{
	static const char *const at[] = { "fourth", "third" };

	world(WORLD("any"));
	for (int i = 0; i < 30; i++) {
		announce_from(at[i % 2], "not-moved announcement");
		check_vm(VM, 0, XR_VM_MOVED, at[i % 2], 0);
		world_set_tick(world_tick() + 61);
	}
	/* Saying the same again is no move. */
	for (int i = 0; i < 30; i++)
		run_text(BROADCAST "rarp");
	check_vm(VM, 0, XR_VM_MOVED, at[1], 0);

	world(POLICY("moves: any, flap_moves: 9, flap_seconds: 60") HOSTS_ALL
	      VMS(VM_AT(VM, "old", "")));
	for (int i = 0; i < 9; i++)
		announce_from(at[i % 2], "not-moved announcement");
	announce_from(at[1], "not-moved announcement frozen");
}

/* To where it is: no move, though the frame came another way. */
static void moved_to_itself(void **state)
{
	world(WORLD("any"));
	say("move " VM " to far");
	for (int i = 0; i < 30; i++) {
		behind("far", true);
		run_text(BROADCAST "rarp");
		check_vm(VM, 0, XR_VM_MOVED, "far", 0);
	}
}

/* What a VM was prepared for counts as its operator's word. */
static void frozen_at_the_last_word(void **state)
{
	static const char *const at[] = { "fourth", "third" };

	world(WORLD("ports"));
	say("prepare " VM " to third");
	announce_from("third", "not-moved announcement activated");
	later();
	expect("eth dst=" VM " / ip4 / udp", "vm-here move-expired", NULL);
	for (int i = 0; i < 5; i++)
		announce_from(at[i % 2], "not-moved announcement");
	announce_from(at[1], "not-moved announcement frozen");
	check_vm(VM, 0, XR_VM_MOVED, "third", XR_VM_FROZEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expected),
		TEST(unprepared),
		TEST(other_vlan),
		TEST(unpadded),
		TEST(wrong_place),
		TEST(flood_of_spoofed),
		TEST(at_home),
		TEST(unknown_vm),
		TEST(not_announcements),
		TEST(bad_arp),
		TEST(bad_senders),
		TEST(truncated),
		TEST(bad_na),
		TEST(every_bit),
		TEST(every_bit_of_na),
		TEST(protected_addresses),
		TEST(protected_by_name),
		TEST(the_gateway_itself),
		TEST(binding),
		TEST(in_a_tunnel),
		TEST(explained),
		TEST(flapping),
		TEST(not_flapping),
		TEST(moved_to_itself),
		TEST(frozen_at_the_last_word),
	};

	return harness_main("announcements", tests, ARRAY_LEN(tests));
}
