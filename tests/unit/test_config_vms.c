/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hosts, VMs, gateways and sources in the file: each error with its line and
 * words, and that what is written reads back the same.
 */
#include <stdlib.h>
#include <string.h>
#include "lib/config_text.h"
#include "user/config/config.h"
#include "user/lib/text.h"

#define M1       "52:54:00:00:00:01"
#define M2       "52:54:00:00:00:02"
#define HOSTS    "hosts:\n- {name: a, vxlan: 10.8.0.1, vni: 7}\n- {name: p, dev: eth1}\n"
#define VM(rest) HOSTS "vms:\n- {mac: " M1 ", at: a" rest "}\n"

static const struct config_case cases[] = {
	/* hosts */
	{ "hosts:\n- name: a\n",
	  "f:2: host a: say once how it is reached: vxlan, ipip or gue with its address, or dev, or mac and dev" },
	{ "hosts:\n- {name: a, vxlan: 10.8.0.1, ipip: 10.8.0.1}\n",
	  "f:2: host a: say once how it is reached: vxlan, ipip or gue with its address, or dev, or mac and dev" },
	{ "hosts:\n- {name: a, ipip: 10.8.0.1, dev: eth0}\n",
	  "f:2: host a: say once how it is reached: vxlan, ipip or gue with its address, or dev, or mac and dev" },
	{ "hosts:\n- {name: a, vxlan: 10.8.0.1}\n",
	  "f:2: host a: vxlan needs vni, from 1 to 16777215" },
	{ "hosts:\n- {name: a, ipip: 10.8.0.1,\n   vni: 7}\n",
	  "f:2: host a: vni is for vxlan only" },
	{ "hosts:\n- {name: a, ipip: 10.8.0.1, port: 9}\n",
	  "f:2: host a: port is for vxlan and gue only" },
	{ "hosts:\n- {name: a, ipip: 224.0.0.1}\n",
	  "f:2: host a: 224.0.0.1 is a multicast address; write the host's own" },
	{ "hosts:\n- {name: a, ipip: ten}\n", "f:2: ipip: \"ten\" is not an IPv4 or IPv6 address" },
	{ "hosts:\n- {name: a, mac: \"02:00:00:00:00:01\"}\n",
	  "f:2: host a: the device is missing: write dev DEV" },
	{ "hosts:\n- {name: a, mac: \"03:00:00:00:00:01\", dev: e}\n",
	  "f:2: host a: its mac is a multicast address; write the next router's" },
	{ "hosts:\n- {name: a, dev: a-device-name-too-long}\n",
	  "f:2: dev: \"a-device-name-too-long\" is not a device name: 1 to 15 characters, no blank, '/' or ':'" },
	{ "hosts:\n- {name: a b, dev: e}\n",
	  "f:2: host \"a b\": only letters, digits, '-', '_' and '.'" },
	{ HOSTS "- {name: a, dev: eth2}\n", "f:4: host a is already in line 2; names must differ" },
	{ HOSTS "- {name: b, dev: eth1}\n",
	  "f:4: host b: dev eth1 is host p's already; hosts must differ in how they are reached" },
	{ HOSTS "- {name: b, vxlan: 10.8.0.1, vni: 7}\n",
	  "f:4: host b: vxlan 10.8.0.1 vni 7 is host a's already; hosts must differ in how they are reached" },
	{ HOSTS "- {name: b, vxlan: 10.8.0.1, vni: 8}\n", "" },
	{ "limits: {hosts: 1}\n" HOSTS,
	  "f:4: 2 hosts, but limits.hosts is 1: a larger limit needs a new instance" },

	/* VMs */
	{ VM(""), "" },
	{ VM(", vlan: 4094, addresses: [10.9.0.1, \"fd09::1\"], lock: yes, tap: tap0"), "" },
	{ HOSTS "vms: []\n", "" },
	{ HOSTS "vms:\n", "" },
	{ HOSTS "vms: here\n", "f:4: vms: a list is expected here" },
	{ HOSTS "vms: {mac: " M1 "}\n", "f:4: vms: a list is expected here" },
	{ HOSTS "vms:\n- " M1 "\n", "f:5: vms: a mapping (key: value) is expected here" },
	{ HOSTS "vms:\n- [a, b]\n", "f:5: vms: a mapping (key: value) is expected here" },
	{ HOSTS "vms:\n- {at: a}\n", "f:5: vms: \"mac\" is missing" },
	{ HOSTS "vms:\n- {mac: " M1 "}\n- {mac: " M2 ", at: a}\n", "f:5: vms: \"at\" is missing" },
	{ HOSTS "vms:\n- mac: " M1 "\n  at: z\n", "f:6: at: there is no host \"z\" in hosts" },
	{ "vms:\n- mac: " M1 "\n  at: z\n", "f:3: at: there is no host \"z\" in hosts" },
	{ VM(", host: a"),
	  "f:5: unknown key \"host\" in vms; write one of mac, vlan, at, addresses, lock, tap, limits, rules, default" },
	{ VM(", at: a"), "f:5: \"at\" is given twice; leave one" },
	{ VM(", vlan: 0"), "f:5: vlan: \"0\" is not a number from 1 to 4094" },
	{ VM(", vlan: 4095"), "f:5: vlan: \"4095\" is not a number from 1 to 4094" },
	{ VM(", vlan: [1]"), "f:5: vlan: a single value is expected here" },
	{ VM(", lock: maybe"), "f:5: lock: \"maybe\" is not known; write true or false" },
	{ VM(", addresses: 10.9.0.1"),
	  "f:5: addresses: a list is expected here, not a single value" },
	{ VM(", addresses: [[10.9.0.1]]"), "f:5: addresses: a single value is expected here" },
	{ VM(", addresses: [10.9.0]"),
	  "f:5: addresses: \"10.9.0\" is not an IPv4 or IPv6 address" },
	{ VM(", addresses: [127.0.0.1]"),
	  "f:5: VM " M1 ": address 127.0.0.1 is a loopback address; write the VM's own" },
	{ VM(", addresses: [10.9.0.1, 10.9.0.2, 10.9.0.3, 10.9.0.4, 10.9.0.5]"),
	  "f:5: addresses: a VM has at most 4 here" },
	{ VM(", addresses: [10.9.0.1, 10.9.0.1]"),
	  "f:5: VM " M1 ": address 10.9.0.1 is VM " M1 "'s already (line 5)" },
	{ VM(", addresses: [10.9.0.1]") "- {mac: " M2 ", at: a, addresses: [10.9.0.1]}\n",
	  "f:6: VM " M2 ": address 10.9.0.1 is VM " M1 "'s already (line 5)" },
	{ VM(", addresses: [10.9.0.1]") "- {mac: " M2 ", vlan: 5, at: a, addresses: [10.9.0.1]}\n",
	  "" },
	{ VM(", vlan: 5, addresses: [10.9.0.1]") "- {mac: " M2
						 ", vlan: 5, at: a, addresses: [10.9.0.1]}\n",
	  "f:6: VM " M2 " vlan 5: address 10.9.0.1 is VM " M1 " vlan 5's already (line 5)" },
	{ VM("") "- {mac: " M1 ", at: p}\n",
	  "f:6: VM " M1 " is already in line 5; give each VM once" },
	{ VM("") "- {mac: " M1 ", vlan: 5, at: p}\n", "" },
	{ HOSTS "vms:\n- {mac: \"53:54:00:00:00:01\", at: a}\n",
	  "f:5: VM 53:54:00:00:00:01: its MAC is a multicast address; write the VM's own" },
	{ HOSTS "vms:\n- {mac: \"00:00:00:00:00:00\", at: a}\n",
	  "f:5: VM 00:00:00:00:00:00: its MAC is zero; write the VM's own" },
	{ HOSTS "vms:\n- {mac: \"ff:ff:ff:ff:ff:ff\", at: a}\n",
	  "f:5: VM ff:ff:ff:ff:ff:ff: its MAC is the broadcast address; write the VM's own" },
	{ HOSTS "vms:\n- {mac: 5254, at: a}\n",
	  "f:5: mac: \"5254\" is not a MAC address such as 02:00:00:00:00:01" },
	{ VM("") "- {mac: " M2 ", at: a,\n",
	  "f:7: not valid YAML: did not find expected node content" },
	{ "limits: {vms: 1}\n" VM("") "- {mac: " M2 ", at: a}\n",
	  "f:7: 2 VMs, but limits.vms is 1: a larger limit needs a new instance" },
	{ "limits: {vm_addresses: 1}\n" VM(", addresses: [10.9.0.1, 10.9.0.2]"),
	  "f:6: 2 VM addresses, but limits.vm_addresses is 1: a larger limit needs a new instance" },

	/* limits and rules */
	{ VM(", limits: [bits 100M packets 20K burst 50, out bits 8000], rules: [deny], default: allow"),
	  "" },
	{ VM(", limits: bits 8K"), "f:5: limits: a list is expected here, not a single value" },
	{ VM(", rules: {a: b}"), "f:5: rules: a list is expected here, not a mapping" },
	{ VM(", default: [deny]"), "f:5: default: a single value is expected here" },
	{ VM(", default: drop"), "f:5: default: \"drop\" is not known; write allow or deny" },
	{ VM(", limits: [in]"), "f:5: limit \"in\": neither bits nor packets is given" },
	{ VM(", limits: [bits 7999]"),
	  "f:5: limit \"bits 7999\": bits: write a number a second from 8000 to 10000000000000, with K, M or G behind it if you like" },
	{ VM(", limits: [packets 2G]"),
	  "f:5: limit \"packets 2G\": packets: write a number a second from 1 to 1000000000, with K, M or G behind it if you like" },
	{ VM(", limits: [bits]"), "f:5: limit \"bits\": bits needs a value" },
	{ VM(", limits: [bits 8K burst 0]"),
	  "f:5: limit \"bits 8K burst 0\": burst: milliseconds: \"0\" is not a number from 1 to 10000" },
	{ VM(", limits: [octets 5]"),
	  "f:5: limit \"octets 5\": unknown word \"octets\"; write [in|out] [bits RATE] [packets RATE] [burst MS]" },
	{ VM(", rules: [pass]"), "f:5: rule \"pass\": it must begin with allow or deny" },
	{ VM(", rules: [deny port 5]"),
	  "f:5: rule \"deny port 5\": ports are those of tcp, udp or sctp; name one of them" },
	{ VM(", rules: [deny tcp port 5-4]"),
	  "f:5: rule \"deny tcp port 5-4\": port: write a port, or two as FROM-TO" },
	{ VM(", rules: [deny peer 10.9.0.1/24]"),
	  "f:5: rule \"deny peer 10.9.0.1/24\": peer: the address has bits behind its prefix; write 0 there" },
	{ VM(", rules: [deny peer 10.9.0.0/33]"),
	  "f:5: rule \"deny peer 10.9.0.0/33\": peer: behind \"/\" write how many bits of the address count" },
	{ VM(", rules: [deny peer here]"),
	  "f:5: rule \"deny peer here\": peer: \"here\" is not an IPv4 or IPv6 address" },
	{ VM(", rules: [deny tcp udp]"),
	  "f:5: rule \"deny tcp udp\": unknown word \"udp\"; write allow|deny [in|out] [PROTOCOL] [peer PREFIX] [port PORTS] [source-port PORTS]" },
	{ VM(", rules: [deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny, deny]"),
	  "f:5: a VM has at most 16 rules" },

	{ "protected: [\"" M1 "\"]\n" VM(""),
	  "f:6: VM " M1 ": its MAC is protected; it is a gateway's or in the list" },
	{ "protected: [10.9.0.7]\n" VM(", addresses: [10.9.0.7]"),
	  "f:6: VM " M1 ": address 10.9.0.7 is protected; it is a gateway's or in the list" },
	{ "gateways: [{address: 10.9.0.7, mac: \"" M1 "\"}]\n" VM(""),
	  "f:6: VM " M1 ": its MAC is protected; it is a gateway's or in the list" },

	/* the rest */
	{ "policy: {moves: some}\n",
	  "f:1: moves: \"some\" is not known; write expected, ports or any" },
	{ "policy: {flap_moves: 0}\n", "f:1: flap_moves: \"0\" is not a number from 1 to 65534" },
	{ "policy: {blackout_timeout: 0}\n",
	  "f:1: blackout_timeout: \"0\" is not a number from 1 to 2147483647" },
	{ "limits: {rings: 255}\n", "f:1: rings: \"255\" is not a number from 1 to 254" },
	{ "gateways:\n- {address: 255.255.255.255}\n",
	  "f:2: gateway 255.255.255.255: it is a reserved address; write the gateway's own address" },
	{ "gateways:\n- {address: 10.9.0.1, mac: \"ff:ff:ff:ff:ff:ff\"}\n",
	  "f:2: gateway 10.9.0.1: its mac is the broadcast address; write the gateway's own, or leave it out" },
	{ "protected: [here]\n", "f:1: protected: \"here\" is neither a MAC nor an IP address" },
	{ HOSTS "sources: {qmp: [{socket: x, vm: {mac: " M1 "}}]}\n",
	  "f:4: socket: \"x\" must be a path from the root" },
	{ HOSTS "sources: {qmp: [{socket: /x, vm: {mac: " M1 "}, to: z}]}\n",
	  "f:4: there is no host z in hosts" },
	{ HOSTS "sources: {qmp: [{socket: /x, vm: {mac: \"01:00:00:00:00:00\"}}]}\n",
	  "f:4: qmp /x: the VM's MAC is a multicast address; write its own" },
	{ HOSTS "sources:\n  qmp:\n  - {socket: /x, vm: {mac: " M1
		"}}\n  - {socket: /y, vm: {mac: " M1 "}}\n  - {socket: /x, vm: {mac: " M2 "}}\n",
	  "f:8: qmp /x: this socket is in line 6 already, and a monitor has one client; give QEMU another -qmp for the VM's other card" },
	{ HOSTS "sources: {libvirt: [{uri: x}]}\n",
	  "f:4: uri: \"x\" must be as libvirt has it, such as qemu:///system" },
	{ HOSTS "sources: {libvirt: [{uri: \"x:\", host: z}]}\n",
	  "f:4: there is no host z in hosts" },
	{ HOSTS "sources: {libvirt: [{uri: \"x:\", to: z}]}\n",
	  "f:4: there is no host z in hosts" },
	{ HOSTS "sources:\n  libvirt:\n  - {uri: \"x:\"}\n  - {uri: \"x:\"}\n",
	  "f:7: libvirt x:: this uri is in line 6 already" },
	{ HOSTS "sources: {qmp: [{socket: /x}]}\n", "f:4: qmp: \"vm\" is missing" },
	{ HOSTS "sources: {qmp: [{socket: /x, vm: {mac: " M1 "}, role: both}]}\n",
	  "f:4: role: \"both\" is not known; write source or destination" },
	{ HOSTS "sources: {fdb: [{vlan: 5}]}\n", "f:4: fdb: \"bridge\" is missing" },
	{ HOSTS "sources: {fdb: [{bridge: br0, vlan: 4095}]}\n",
	  "f:4: vlan: \"4095\" is not a number from 1 to 4094" },
	{ HOSTS "sources: {fdb: [{bridge: \"a/b\"}]}\n",
	  "f:4: bridge: \"a/b\" is not a device name: 1 to 15 characters, no blank, '/' or ':'" },
	{ HOSTS
	  "sources:\n  fdb:\n  - {bridge: br0}\n  - {bridge: br0, vlan: 5}\n  - {bridge: br0}\n",
	  "f:8: fdb br0: this bridge is in line 6 already" },
	{ HOSTS "sources: {ovn: {remotes: []}}\n",
	  "f:4: remotes: one at least is needed, a list of database servers" },
	{ HOSTS "sources: {ovn: {remotes: [10.0.0.1]}}\n",
	  "f:4: remotes: \"10.0.0.1\" is none; write ssl:HOST:6642, tcp:HOST:6642 or unix:PATH" },
	{ HOSTS "sources: {ovn: {remotes: [\"ssl:10.0.0.1:6642\"]}}\n",
	  "f:4: ca: \"ssl:\" needs the certificates by which the server is known" },
	{ HOSTS "sources: {ovn: {remotes: [\"unix:/x\"], ca: x}}\n",
	  "f:4: ca: \"x\" must be a path from the root" },
	{ HOSTS "sources: {ovn: {remotes: [\"unix:/x\"], cert: /x}}\n",
	  "f:4: cert and key: write both, or neither" },
	{ HOSTS "sources: {ovn: {remotes: [\"unix:/x\"], chassis: [{name: x, host: z}]}}\n",
	  "f:4: there is no host z in hosts" },
	{ HOSTS "sources: {ovn: {remotes: [\"unix:/x\"], switches: [{name: \"\"}]}}\n",
	  "f:4: name: it has from 1 to 63 characters" },
	{ HOSTS
	  "sources:\n  ovn:\n    remotes: [\"unix:/x\"]\n    switches:\n    - {name: a}\n    - {name: a, vlan: 5}\n",
	  "f:9: ovn: switch a is in line 8 already" },
	{ HOSTS
	  "sources:\n  ovn:\n    remotes: [\"unix:/x\"]\n    chassis:\n    - {name: a, host: a}\n    - {name: a, host: a}\n",
	  "f:9: ovn: chassis a is in line 8 already" },
	{ "devices:\n- {name: eth0, trusted: sure}\n",
	  "f:2: trusted: \"sure\" is not known; write true or false" },
};

static void every_error(void **state)
{
	check_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

static const char whole[] =
	"limits: {hosts: 9, vms: 8, vm_addresses: 7, rings: 6}\n"
	"policy: {moves: any, announce: on, announce_rate: 3, flap_moves: 4, flap_seconds: 44, vm_ttl: 5, prepare_timeout: 6, blackout_timeout: 7}\n"
	"devices: [{name: eth0, trusted: on}]\n"
	"hosts:\n"
	"- {name: a, vxlan: 10.8.0.1, vni: 7, port: 8472}\n"
	"- {name: b, ipip: \"fd08::2\"}\n"
	"- {name: c, gue: 10.8.0.3, local: true}\n"
	"- {name: d, dev: eth1}\n"
	"- {name: e, mac: \"02:00:00:00:00:0e\", dev: eth1}\n"
	"gateways:\n- {address: 10.9.0.254, mac: \"02:00:00:00:00:fe\", vlan: 5}\n"
	"protected: [\"02:00:00:00:00:77\", 10.9.0.2, \"fd09::2\"]\n"
	"vms:\n"
	"- {mac: " M1
	", vlan: 5, at: e, addresses: [10.9.0.1, \"fd09::1\"], lock: true, tap: tap0}\n"
	"- mac: '" M2 "'\n  at: b\n"
	"sources:\n  qmp:\n  - {socket: /x, vm: {mac: " M1
	", vlan: 5}, role: destination, gate: true, to: b}\n"
	"  - {socket: /y, vm: {mac: " M2 "}}\n"
	"  libvirt:\n  - {uri: \"qemu:///system\"}\n  - {uri: \"x:\", host: a, to: b, monitor: false}\n"
	"  fdb: [{bridge: br0}, {bridge: br5, vlan: 5}]\n"
	"  ovn:\n    remotes: [\"ssl:[fd00::1]:6642\", \"tcp:x:1\", \"unix:/x\"]\n"
	"    ca: /ca\n    cert: /cert\n    key: /key\n"
	"    switches: [{name: net 5, vlan: 5}, {name: net0}]\n    chassis: [{name: c1, host: a}]\n";

static void has_libvirts(const struct model *m)
{
	assert_int_equal(m->n_libvirt, 2);
	assert_string_equal(m->libvirt[0].uri, "qemu:///system");
	assert_true(m->libvirt[0].monitor && !m->libvirt[0].host[0] && !m->libvirt[0].to[0]);
	assert_string_equal(m->libvirt[1].host, "a");
	assert_string_equal(m->libvirt[1].to, "b");
	assert_false(m->libvirt[1].monitor);
}

/* Which hosts there are is not in the file then. */
static void takes_hosts_of_etcd(void **state)
{
	static const char text[] =
		"etcd: {endpoints: [\"http://x:1\"], node: a}\n"
		"sources: {libvirt: [{uri: \"x:\", host: b}], qmp: [{socket: /x, to: c, vm: {mac: " M1
		"}}]}\n";
	struct xr_err err = { "" };
	struct model m;

	(void)state;
	assert_int_equal(config_read_text(text, strlen(text), "f", &m, &err), 0);
	assert_int_equal(model_check(&m, "f", &err), 0);
	assert_string_equal(m.libvirt[0].host, "b");
	assert_string_equal(m.qmp[0].to, "c");
	model_free(&m);
}

static void has_fabrics(const struct model *m)
{
	assert_int_equal(m->n_fdb, 2);
	assert_string_equal(m->fdb[1].bridge, "br5");
	assert_int_equal(m->fdb[1].vlan, 5);
	assert_int_equal(m->fdb[0].vlan, 0);
	assert_int_equal(m->ovn.n_remotes, 3);
	assert_string_equal(m->ovn.remote[0], "ssl:[fd00::1]:6642");
	assert_string_equal(m->ovn.remote[2], "unix:/x");
	assert_string_equal(m->ovn.ca, "/ca");
	assert_string_equal(m->ovn.cert, "/cert");
	assert_string_equal(m->ovn.key, "/key");
	assert_int_equal(m->n_ovn_switches, 2);
	assert_string_equal(m->ovn_switches[0].name, "net 5");
	assert_int_equal(m->ovn_switches[0].vlan, 5);
	assert_int_equal(m->ovn_switches[1].vlan, 0);
	assert_int_equal(m->n_ovn_chassis, 1);
	assert_string_equal(m->ovn_chassis[0].host, "a");
}

static void takes_every_fact(void **state)
{
	struct xr_err err = { "" };
	char text[TEXT_ADDR];
	struct model m;

	(void)state;
	assert_int_equal(config_read_text(whole, strlen(whole), "f", &m, &err), 0);
	assert_int_equal(model_check(&m, "f", &err), 0);
	assert_int_equal(m.limits.hosts, 9);
	assert_int_equal(m.limits.vms, 8);
	assert_int_equal(m.limits.vm_addresses, 7);
	assert_int_equal(m.limits.rings, 6);
	assert_int_equal(m.policy.moves, XR_MOVES_ANY);
	assert_int_equal(m.policy.announce, 1);
	assert_int_equal(m.policy.announce_rate, 3);
	assert_int_equal(m.policy.flap_moves, 4);
	assert_int_equal(m.policy.flap_seconds, 44);
	assert_int_equal(m.policy.vm_ttl, 5);
	assert_int_equal(m.policy.prepare_timeout, 6);
	assert_int_equal(m.policy.blackout_timeout, 7);
	assert_true(m.devs[0].trusted);
	assert_int_equal(m.n_hosts, 5);
	assert_int_equal(m.hosts[0].info.method, XR_FORWARD_VXLAN);
	assert_int_equal(m.hosts[0].info.vni, 7);
	assert_int_equal(m.hosts[0].info.port, 8472);
	assert_int_equal(m.hosts[1].info.method, XR_FORWARD_IPIP);
	assert_true(m.hosts[2].info.local);
	assert_int_equal(m.hosts[3].info.method, XR_FORWARD_PORT);
	assert_int_equal(m.hosts[4].info.method, XR_FORWARD_L2);
	assert_int_equal(m.gateways[0].vlan, 5);
	assert_true(m.gateways[0].has_mac);
	assert_int_equal(m.n_protect, 3);
	assert_int_equal(m.protect[0].kind, XR_PROTECTED_MAC);
	assert_int_equal(m.protect[2].kind, XR_PROTECTED_IP);
	assert_true(m.vms_given); /* and left out it is not: below */
	assert_int_equal(m.n_vms, 2);
	assert_int_equal(m.vms[0].vlan, 5);
	assert_int_equal(m.vms[0].host, 4);
	assert_int_equal(m.vms[0].n_addrs, 2);
	assert_string_equal(text_addr(text, m.vms[0].addr[1]), "fd09::1");
	assert_true(m.vms[0].lock);
	assert_string_equal(m.vms[0].tap, "tap0");
	assert_int_equal(m.vms[1].host, 1);
	assert_int_equal(m.vms[1].line, 15);
	has_libvirts(&m);
	has_fabrics(&m);
	assert_int_equal(m.n_qmp, 2);
	assert_string_equal(m.qmp[0].socket, "/x");
	assert_true(m.qmp[0].role_given && m.qmp[0].destination && m.qmp[0].gate);
	assert_string_equal(m.qmp[0].to, "b");
	assert_false(m.qmp[1].role_given);
	model_free(&m);
	assert_int_equal(config_read_text("vips: []\n", 9, "f", &m, &err), 0);
	assert_false(m.vms_given);
	model_free(&m);
	assert_int_equal(config_read_text("vms: []\n", 8, "f", &m, &err), 0);
	assert_true(m.vms_given);
	model_free(&m);
}

static void writes_what_it_reads(void **state)
{
	char *once = written(whole, true), *twice = written(once, true);

	(void)state;
	assert_string_equal(once, twice);
	assert_non_null(strstr(once, "  moves: any\n"));
	assert_non_null(strstr(once, "  trusted: true\n"));
	assert_non_null(strstr(
		once,
		"- {mac: \"" M1
		"\", vlan: 5, at: \"e\", addresses: [\"10.9.0.1\", \"fd09::1\"], lock: true, tap: \"tap0\"}\n"));
	free(once);
	free(twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error),
		cmocka_unit_test(takes_every_fact),
		cmocka_unit_test(takes_hosts_of_etcd),
		cmocka_unit_test(writes_what_it_reads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config of VMs", tests, NULL, NULL);
}
