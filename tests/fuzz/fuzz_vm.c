/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The loaded program where there are VMs, hosts of every kind and VIPs, under
 * frames that nobody would send. Of every frame:
 *
 *   exactly one verdict is counted, and the action is one that fits it
 *   what is passed is as it came
 *   what is sent on by a VM's reason was for that VM, and leaves whole
 *   a VM's state changes as it may, if at all, and only by a frame whose source
 *   is that VM or whose destination it is; the same holds inside a tunnel
 *
 * After each input the VMs are put back to what they were.
 */
#include <arpa/inet.h>
#include <xroam/abi.h>
#include "lib/frames.h"
#include "tests/prog/lib/announcements.h"
#include "tests/prog/lib/vms.h"
#include "tests/prog/lib/worlds.h"

#define VM2   "52:54:00:12:34:57"
#define VM3   "52:54:00:12:34:58"
#define BOUND ", addresses: [" VM4 ", \"" VM6 "\"]"

#define TUNNEL                                                    \
	"eth / ip4 src=10.2.0.1 dst=10.1.0.254 / udp dport=4789 " \
	"csum=0 / vxlan 100 / "

static const char *const texts[] = {
	"eth dst=" VM " / ip4 ttl=9 / udp / fill 40",
	"eth dst=" VM " / vlan 5 / ip4 / tcp syn",
	"eth dst=" VM " / vlan 0 pcp=7 / ip6 / tcp ack / fill 9",
	"eth dst=" VM " / vlan 5 / vlan 6 / ip4 / udp",
	"eth dst=" VM2 " / ip4 opts=01010101 / udp / fill 40",
	"eth dst=" VM2 " / ip6 / hopopts / frag / udp / fill 40",
	"eth dst=" VM2 " / arp sip=10.9.0.1 tip=10.9.0.11",
	"eth dst=" VM3 " / ip4 / udp / fill 1400",
	"eth dst=" VM3 " / fill 46",
	"eth / ip4 dst=10.9.0.11 mf / udp / fill 24",
	"eth / ip4 dst=10.9.0.11 / icmp4 type=8 / fill 56",
	"eth / vlan 7 / ip6 dst=fd09::11 / icmp6 type=128 / fill 56",
	"eth / ip6 dst=fd09::11 / hopopts / dstopts / routing / ah / tcp",
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff / arp sip=" VM4 " tip=" VM4,
	"eth src=" VM " dst=ff:ff:ff:ff:ff:ff / rarp",
	"eth src=" VM " dst=33:33:00:00:00:01 / ip6 src=" VM6 " dst=ff02::1 "
	"hlim=255 / na target=" VM6 " override",
	"eth src=" VM " dst=33:33:00:00:00:01 / ip6 src=" VM6 " dst=ff02::1 "
	"hlim=255 / hopopts / na target=" VM6 " override",
	"eth src=" VM " / vlan 5 / arp op=2 sip=10.9.0.10 tip=10.9.0.1",
	"eth src=" VM2 " / ip4 src=10.9.0.11 / udp",
	"eth src=" VM3 " dst=" VM2 " / ip4 src=10.9.0.12 / udp",
	TUNNEL "eth src=" VM " dst=ff:ff:ff:ff:ff:ff / rarp",
	TUNNEL "eth src=" VM " dst=" VM2 " / ip4 src=" VM4 " / udp",
	TUNNEL "eth dst=" VM " / ip4 / udp",
	"eth / ip4 src=10.2.0.2 dst=10.1.0.254 / ip4 dst=10.9.0.11 / udp",
	"eth / ip4 src=10.2.0.2 dst=10.1.0.254 / ip4 dst=10.9.0.10 / udp",
	"eth / ip6 src=fd02::2 dst=fd01::fe / udp dport=6080 csum=0 / "
	"ip6 dst=fd09::11 / udp",
	"eth / ip4 / udp / fill 40",
	"eth / ip6 / tcp syn",
	"eth dst=" VM " / ip4 / tcp syn",
};

#define K(kind, name, hex) "hex " hex,
static const char *const announcements[] = { ANNOUNCEMENTS(K) NOT_ANNOUNCEMENTS(K) };
#undef K

#define FRAMES (ARRAY_LEN(texts) + ARRAY_LEN(announcements))
static struct packet frames[FRAMES];

__attribute__((section("__libfuzzer_extra_counters"))) static __u8 seen[XR_REASON_MAX * 32];

/* clang-format off */
static const char config[] =
	RATE("65535") WORLD_TWO
	GATEWAYS
	HOSTS(HOST_VXLAN("here", "10.1.0.254", ", local: true")
	      HOST_IPIP("iphere", "10.1.0.254", ", local: true")
	      HOST_GUE("guehere", "fd01::fe", ", local: true")
	      HOST_VXLAN("v", "10.1.0.1", "") HOST_VXLAN("far", "10.2.0.1", "")
	      HOST_VXLAN("v6", "fd02::1", "") HOST_VXLAN("slow", "10.3.0.1", "")
	      HOST_GUE("g", "10.2.0.2", "") HOST_IPIP("i", "fd02::2", "")
	      HOST_MAC("m", "02:00:00:00:02:07", "out")
	      HOST_PORT("new", "in") HOST_PORT("p", "out"))
	VMS(VM_AT(VM, "p", BOUND) VM_AT(VM, "p", ", vlan: 5")
	    VM_AT(VM2, "here", ", addresses: [10.9.0.11, \"fd09::11\"]")
	    VM_AT(VM3, "far", ", lock: true, addresses: [10.9.0.12]"));
/* clang-format on */

/* Who is where, one after another; the policy is that of the instance. */
static const char *const scenes[][5] = {
	{ "move " VM " to far", "move " VM " vlan 5 to v6", "move " VM2 " to g",
	  "move " VM3 " to slow" },
	{ "move " VM " to p", "move " VM " vlan 5 to p", "move " VM2 " to i", "move " VM3 " to v" },
	{ "prepare " VM " to new", "prepare " VM " vlan 5 to far", "move " VM2 " to m",
	  "prepare " VM3 " to new" },
	{ "pause " VM, "prepare " VM2 " to v", "pause " VM3 },
};
#define SCENES ARRAY_LEN(scenes)

#define VMS_MAX 4
static struct {
	__u32 index[VMS_MAX];
	struct xr_vm was[SCENES][VMS_MAX];
	struct xr_vm_control control[SCENES];
} w;

/* ---- what must hold ---- */

/* The frame's tags, at most four: one that counts, and others of VLAN ID 0. */
static const struct wire_vlan *tags_of(const struct packet *p, int *n)
{
	const struct wire_eth *eth = (void *)p->data;
	const struct wire_vlan *tag = (void *)(eth + 1);
	__be16 type = eth->type;

	for (*n = 0; *n < 4; ++*n) {
		if (type != htons(ETHERTYPE_VLAN) && type != htons(ETHERTYPE_VLANS))
			break;
		if ((__u8 *)(tag + *n + 1) > p->data + p->len)
			break;
		type = tag[*n].type;
	}
	return tag;
}

/* Octets of these. */
static size_t tags_len(const struct packet *p)
{
	int n;

	tags_of(p, &n);
	return n * sizeof(struct wire_vlan);
}

static __u16 vlan_of(const struct packet *p)
{
	int n;
	const struct wire_vlan *tag = tags_of(p, &n);

	for (int i = 0; i < n; i++)
		if (ntohs(tag[i].tci) & 0xfff)
			return ntohs(tag[i].tci) & 0xfff;
	return 0;
}

/* The VM whose MAC address and VLAN these are, or -1. */
static int vm_at(const __u8 *mac, __u16 vlan)
{
	for (int i = 0; i < VMS_MAX; i++)
		if (world_plane()->vms[w.index[i]].key == vm_key(mac, vlan))
			return i;
	return -1;
}

/* What was sent on ends with the frame as it came, without its tags. */
static bool carries_frame(const struct result *r)
{
	const size_t addresses = offsetof(struct wire_eth, type);
	size_t tags = tags_len(&r->in), n = r->in.len - tags;
	const __u8 *is = r->out.data + r->out.len - n;

	if (packet_equal(&r->in, &r->out))
		return true;
	if (r->out.len < n)
		return false;
	return !memcmp(is, r->in.data, addresses) &&
		!memcmp(is + addresses, r->in.data + addresses + tags, n - addresses);
}

/* Or with the packet in it, but for TTL, checksum, and a number (echo.h). */
static bool carries_packet(const struct result *r)
{
	size_t l3 = sizeof(struct wire_eth) + tags_len(&r->in), n = r->in.len - l3;

	if (r->out.len < n + sizeof(struct wire_eth))
		return false;
	return forwarded(r->in.data + l3, r->out.data + r->out.len - n, n, false);
}

static bool holds_address(const struct packet *p, const char *addr, bool six)
{
	__u8 octets[16];

	inet_pton(six ? AF_INET6 : AF_INET, addr, octets);
	return memmem(p->data, p->len, octets, six ? 16 : 4);
}

static void check_sent(const struct result *r)
{
	int vm = vm_at(eth_of(&r->in)->dst, vlan_of(&r->in));

	if (r->verdict == XR_R_MOVED) {
		if (vm < 0)
			wrong(r, "for no VM");
		if (!carries_frame(r) && !carries_packet(r))
			wrong(r, "the frame is not whole");
	} else if (r->verdict == XR_R_MOVED_IP) {
		if (!holds_address(&r->in, "10.9.0.11", false) &&
		    !holds_address(&r->in, "fd09::11", true) &&
		    !holds_address(&r->in, "10.9.0.12", false) &&
		    !holds_address(&r->in, VM4, false) && !holds_address(&r->in, VM6, true))
			wrong(r, "for no VM's address");
		if (!carries_packet(r))
			wrong(r, "the packet is not whole");
	}
}

/* From one state to another: what the program may do by itself. */
static bool may_change(struct xr_vm_now was, struct xr_vm_now is)
{
	bool pending = was.state == XR_VM_PREPARED || was.state == XR_VM_BLACKOUT;

	if (!memcmp(&was, &is, sizeof(was)))
		return true;
	/* disabled: came back */
	if (is.flags == (was.flags | XR_VM_LOOP)) {
		is.flags = was.flags;
		return !memcmp(&was, &is, sizeof(was));
	}
	/* activated */
	return pending && is.state == XR_VM_MOVED && is.host == was.next && is.home == was.next &&
		!is.next && is.flags == (was.flags & XR_VM_LOCK);
}

static bool names(const struct packet *p, __u64 key)
{
	__u8 mac[6];

	vm_mac_of(key, mac);
	return memmem(p->data, p->len, mac, 6);
}

static void check_vms(const struct result *r, int scene)
{
	int activated = 0;

	for (int i = 0; i < VMS_MAX; i++) {
		const struct xr_vm *was = &w.was[scene][i];
		const struct xr_vm *is = &world_plane()->vms[w.index[i]];

		if (was->key != is->key || !may_change(was->now, is->now))
			wrong(r, "VM %d: state %016llx became %016llx", i, *(__u64 *)&was->now,
			      *(__u64 *)&is->now);
		if (memcmp(&was->now, &is->now, sizeof(is->now)) && !names(&r->in, is->key))
			wrong(r, "VM %d changed by another's frame", i);
		activated += was->now.state != is->now.state;
	}
	if (activated != (int)r->count[XR_R_ACTIVATED])
		wrong(r, "%d VMs activated", activated);
	if (w.control[scene].watching - activated != world_plane()->vm_control->watching)
		wrong(r, "%u VMs watched", world_plane()->vm_control->watching);
}

static void put_back(int scene)
{
	for (int i = 0; i < VMS_MAX; i++)
		world_plane()->vms[w.index[i]] = w.was[scene][i];
	*world_plane()->vm_control = w.control[scene];
}

static void check(const struct packet *p, int scene)
{
	const char *trouble;
	struct result r;

	put_back(scene);
	trouble = run_any(p, &r);
	if (trouble)
		wrong(&r, "%s", trouble);
	check_sent(&r);
	check_vms(&r, scene);
	for (int i = 1; i < XR_REASON_MAX; i++)
		if (r.count[i])
			seen[i * 32 + scene * 8 + r.verdict % 8] = 1;
}

/* ---- the inputs ---- */

static void remember(int scene)
{
	for (int i = 0; i < VMS_MAX; i++) {
		w.was[scene][i] = world_plane()->vms[w.index[i]];
		/* However long it runs. */
		w.was[scene][i].deadline = 0;
		if (w.was[scene][i].ttl)
			w.was[scene][i].ttl = 1U << 30;
	}
	w.control[scene] = *world_plane()->vm_control;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	fuzz_start(config);
	w.index[0] = vm_index_of(VM, 0);
	w.index[1] = vm_index_of(VM, 5);
	w.index[2] = vm_index_of(VM2, 0);
	w.index[3] = vm_index_of(VM3, 0);
	for (size_t s = 0; s < SCENES; s++) {
		for (int i = 0; scenes[s][i]; i++)
			post_notice("%s", scenes[s][i]);
		remember(s);
	}
	for (size_t i = 0; i < FRAMES; i++) {
		frames[i] = packet("%s",
				   i < ARRAY_LEN(texts) ? texts[i]
							: announcements[i - ARRAY_LEN(texts)]);
		for (size_t s = 0; s < SCENES; s++)
			check(&frames[i], s);
	}
	return 0;
}

/* First octet: the scene. The rest: see fuzz_frame(). */
int LLVMFuzzerTestOneInput(const __u8 *data, size_t size)
{
	struct packet p;

	if (!size || !fuzz_frame(&p, frames, FRAMES, data + 1, size - 1))
		return -1;
	check(&p, data[0] % SCENES);
	return 0;
}
