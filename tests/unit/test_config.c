/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file: each error with its line and words, and that what is
 * written reads back the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/config/config.h"
#include "user/lib/defaults.h"
#include "lib/config_text.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define VIP "vips:\n- {address: 192.0.2.1, port: 443, protocol: udp}\n"
#define REF "  vips: [\"192.0.2.1:443/udp\"]\n"
#define A   "- name: a\n  address: 10.0.0.1\n"
#define B   "- name: b\n  address: 10.0.0.2\n"

static const struct config_case cases[] = {
	/* not YAML, or not this kind of YAML */
	{ "", "f:1: the file is empty; \"vips: []\" and the like delete what there is" },
	{ "# nothing\n", "f:1: the file is empty; \"vips: []\" and the like delete what there is" },
	{ "vips: [\n", "f:2: not valid YAML: did not find expected node content" },
	{ "vips:\n\t- a\n", "f:2: not valid YAML: a tab; indent with blanks" },
	{ "vips:\n- address: 192.0.2.1\n\tport: 443\n",
	  "f:3: not valid YAML: a tab; indent with blanks" },
	{ "# \xc3\xa9\nbackends: [\xc3\xa9\xc3\xa9, @]\n",
	  "f:2: not valid YAML: no value begins with '@'; put it in quotes" },
	{ "vips:\n  - address: 192.0.2.1\n   port: 443\n",
	  "f:3: not valid YAML: did not find expected '-' indicator, while parsing a block collection that begins in line 2; indent its lines alike" },
	{ "vips:\n- {address: \"192.0.2.1, port: 443,\n   protocol: udp}\n",
	  "f:4: not valid YAML: found unexpected end of stream, while scanning a quoted scalar that begins in line 2" },
	{ "- a\n", "f:1: the file: a mapping (key: value) is expected here, not a list" },
	{ "a\n", "f:1: the file: a mapping (key: value) is expected here, not a single value" },
	{ "vips: &x []\nbackends: *x\n",
	  "f:1: YAML anchors are not read; write the value out where it is meant" },
	{ VIP "---\n" VIP, "f:3: a second document begins here; a file holds one" },
	{ "vips:\n- {address: \"192.0.2.1\\0.5\", port: 443, protocol: udp}\n",
	  "f:2: a value with a NUL in it" },
	{ "vips:\n- {address: \"\\e[1m\\x7f\\u009b\", port: 443, protocol: udp}\n",
	  "f:2: address: \" [1m   \" is not an IPv4 or IPv6 address" },

	/* keys */
	{ "vip: []\n",
	  "f:1: unknown key \"vip\" in the file; write one of secret, secret_file, limits, policy, devices, hosts, gateways, protected, sources, cid, vips, backends, vms" },
	{ VIP "\nbackends:\n" A "  wieght: 3\n",
	  "f:7: unknown key \"wieght\" in backends; write one of name, address, vips, server_ids, weight, state, forward, dev, port, vni, mac, initial_rate, vm" },
	{ "backends:\n" A "  vm:\n    mac: 02:00:00:00:00:01\n    vlna: 3\n",
	  "f:6: unknown key \"vlna\" in vm; write one of mac, vlan" },
	{ "vips:\n- address: 192.0.2.1\n  port: 443\n", "f:2: vips: \"protocol\" is missing" },
	{ "vips:\n- {}\n", "f:2: vips: \"address\" is missing" },
	{ VIP "backends:\n" A B "- address: 10.0.0.3\n", "f:8: backends: \"name\" is missing" },
	{ "cid:\n- id: 1\n", "f:2: cid: \"format\" is missing" },
	{ "backends:\n" A "  weight: 1\n  state: up\n  weight: 2\n",
	  "f:6: \"weight\" is given twice; leave one" },

	/* kinds of values */
	{ "vips: 3\n", "f:1: vips: a list is expected here, not a single value" },
	{ "vips:\n", "f:1: vips: a list is expected here, not a single value" },
	{ "vips: {a: 1}\n", "f:1: vips: a list is expected here, not a mapping (key: value)" },
	{ VIP "- 5\n", "f:3: vips: a mapping (key: value) is expected here, not a single value" },
	{ "limits: []\n", "f:1: limits: a mapping (key: value) is expected here, not a list" },
	{ "limits:\n  vips: []\n", "f:2: vips: a number is expected here, not a list" },
	{ "backends:\n" A "  state: [up]\n", "f:4: state: a word is expected here, not a list" },
	{ "backends:\n" A "  server_ids:\n  - \"00\"\n  - {}\n",
	  "f:6: server_ids: a single value is expected here, not a mapping (key: value)" },
	{ "backends:\n" A "  server_ids: 00\n",
	  "f:4: server_ids: a list is expected here, not a single value" },

	/* numbers */
	{ "vips:\n- address: 192.0.2.1\n  port: https\n  protocol: udp\n",
	  "f:3: port: \"https\" is not a number from 1 to 65535, written in decimal digits alone" },
	{ "vips:\n- address: 192.0.2.1\n  protocol: udp\n  port: 0\n",
	  "f:4: port: \"0\" is not a number from 1 to 65535" },
	{ "vips:\n- {address: 192.0.2.1, protocol: udp, port: 65536}\n",
	  "f:2: port: \"65536\" is not a number from 1 to 65535" },
	{ "vips:\n- {address: 192.0.2.1, protocol: udp, port: -1}\n",
	  "f:2: port: \"-1\" is not a number from 1 to 65535, written in decimal digits alone" },
	{ "backends:\n" A "  weight: 65536\n",
	  "f:4: weight: \"65536\" is not a number from 0 to 65535" },
	{ "backends:\n" A "  weight: 1.5\n",
	  "f:4: weight: \"1.5\" is not a number from 0 to 65535, written in decimal digits alone" },
	{ "backends:\n" A "  port: 80x\n",
	  "f:4: port: \"80x\" is not a number from 1 to 65535, written in decimal digits alone" },
	{ "backends:\n" A "  port: \"\"\n",
	  "f:4: port: \"\" is not a number from 1 to 65535, written in decimal digits alone" },
	{ "backends:\n" A "  port:\n",
	  "f:4: port: \"\" is not a number from 1 to 65535, written in decimal digits alone" },
	{ "backends:\n" A "  initial_rate: 4294967296\n",
	  "f:4: initial_rate: \"4294967296\" is not a number from 0 to 4294967295" },
	{ "backends:\n" A "  vni: 16777216\n",
	  "f:4: vni: \"16777216\" is not a number from 0 to 16777215" },
	{ "backends:\n" A "  vm: {mac: 02:00:00:00:00:01, vlan: 4095}\n",
	  "f:4: vlan: \"4095\" is not a number from 1 to 4094" },
	{ "limits:\n  vips: 65536\n", "f:2: vips: \"65536\" is not a number from 1 to 65535" },
	{ "limits:\n  flows: 1\n", "f:2: flows: \"1\" is not a number from 8 to 134217728" },
	{ "policy:\n  flow_idle: 0\n", "f:2: flow_idle: \"0\" is not a number from 1 to 16000" },
	{ "policy:\n  reply_rate: x\n",
	  "f:2: reply_rate: \"x\" is not a number from 0 to 65535, written in decimal digits alone" },
	{ "cid:\n- format: plain\n  id: 8\n", "f:3: id: \"8\" is not a number from 0 to 7" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  server_id_length: 16\n",
	  "f:4: server_id_length: \"16\" is not a number from 1 to 15" },
	{ "cid:\n- {id: 0, format: plain, offset: 20}\n",
	  "f:2: offset: \"20\" is not a number from 0 to 19" },

	{ "policy:\n  flow_idle: 0x40\n",
	  "f:2: flow_idle: \"0x40\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: 0o40\n",
	  "f:2: flow_idle: \"0o40\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: 1_000\n",
	  "f:2: flow_idle: \"1_000\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: +40\n",
	  "f:2: flow_idle: \"+40\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: \" 40\"\n",
	  "f:2: flow_idle: \" 40\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: 4e2\n",
	  "f:2: flow_idle: \"4e2\" is not a number from 1 to 16000, written in decimal digits alone" },
	{ "policy:\n  flow_idle: 99999999999999999999\n",
	  "f:2: flow_idle: \"99999999999999999999\" is not a number from 1 to 16000" },
	{ "devices:\n- {name: eth0, role: backend, vnis: [0x10]}\n",
	  "f:2: vnis: \"0x10\" is not a number from 0 to 16777215, written in decimal digits alone" },
	{ "vips:\n- {address: 192.0.2.1, port: 070000, protocol: udp}\n",
	  "f:2: port: \"070000\" is not a number from 1 to 65535" },

	/* words */
	{ "vips:\n- {address: 192.0.2.1, port: 443, protocol: sctp}\n",
	  "f:2: protocol: \"sctp\" is not known; write tcp or udp" },
	{ "vips:\n- {address: 192.0.2.1, port: 443, protocol: 17}\n",
	  "f:2: protocol: \"17\" is not known; write tcp or udp" },
	{ "vips:\n- address: 192.0.2.1\n  port: 443\n  protocol: udp\n  cid: maybe\n",
	  "f:5: cid: \"maybe\" is not known; write true or false" },
	{ "backends:\n" A "  state: off\n",
	  "f:4: state: \"off\" is not known; write up, draining or down" },
	{ "backends:\n" A "  forward: gre\n",
	  "f:4: forward: \"gre\" is not known; write ipip, gue, vxlan or l2" },
	{ "policy: {vip_other: reject}\n",
	  "f:1: vip_other: \"reject\" is not known; write drop or pass" },
	{ "policy: {too_big: fragment}\n",
	  "f:1: too_big: \"fragment\" is not known; write reply or drop" },
	{ "policy:\n  down: rehash\n",
	  "f:2: down: \"rehash\" is not known; write drop or fallback" },
	{ "devices:\n- name: eth0\n  mode: skb\n",
	  "f:3: mode: \"skb\" is not known; write auto, native or generic" },
	{ "devices:\n- name: eth0\n  role: client\n",
	  "f:3: role: \"client\" is not known; write node, backend or pass" },
	{ "devices:\n- name: eth0\n  role: pass\n  mode: generic\n",
	  "f:2: device eth0: role pass is of use in native mode only" },
	{ "cid:\n- id: 0\n  format: quic\n",
	  "f:3: format: \"quic\" is not known; write quic-lb, quic-lb-2bit, plain, aws-nlb, nghttpx, msquic, mvfst-v1, mvfst-v2 or mvfst-v3" },

	/* addresses, names, octets */
	{ "vips:\n- port: 443\n  address: 192.0.2.256\n  protocol: udp\n",
	  "f:3: address: \"192.0.2.256\" is not an IPv4 or IPv6 address" },
	{ "backends:\n- name: a\n  address: server.example\n",
	  "f:3: address: \"server.example\" is not an IPv4 or IPv6 address" },
	{ "backends:\n- name: a\n  address: 10.0.0.0/8\n",
	  "f:3: address: \"10.0.0.0/8\" is not an IPv4 or IPv6 address; leave the prefix length out" },
	{ "backends:\n- name: a\n  address: 10.0.0.1:443\n",
	  "f:3: address: \"10.0.0.1:443\" is not an IPv4 or IPv6 address; leave the port out" },
	{ "backends:\n- name: a\n  address: \"[fd00::1]\"\n",
	  "f:3: address: \"[fd00::1]\" is not an IPv4 or IPv6 address; leave the brackets out" },
	{ "backends:\n- name: a/b\n  address: 10.0.0.1\n",
	  "f:2: backend \"a/b\": only letters, digits, '-', '_' and '.'" },
	{ "backends:\n- name: \"\"\n  address: 10.0.0.1\n", "f:2: backend: the name is empty" },
	{ "backends:\n" A "  vips:\n  - 192.0.2.1:443\n",
	  "f:5: \"192.0.2.1:443\" is not a VIP: write ADDR:PORT/PROTO or [ADDR6]:PORT/PROTO, PROTO tcp or udp" },
	{ "backends:\n" A "  vips:\n  - \"2001:db8::1:443/udp\"\n",
	  "f:5: VIP \"2001:db8::1:443/udp\": write an IPv6 address in brackets" },
	{ "backends:\n" A "  vips:\n  - \"2001:db8::abcd/udp\"\n",
	  "f:5: VIP \"2001:db8::abcd/udp\": write an IPv6 address in brackets" },
	{ "backends:\n" A "  vips:\n  - 192.0.2.1:443/udp,192.0.2.1:80/tcp\n",
	  "f:5: \"192.0.2.1:443/udp,192.0.2.1:80/tcp\" is not a VIP: write ADDR:PORT/PROTO or [ADDR6]:PORT/PROTO, PROTO tcp or udp" },
	{ "backends:\n" A "  server_ids: [00,\n    0g]\n",
	  "f:5: server ID \"0g\": hex needs two digits an octet" },
	{ "backends:\n" A "  server_ids: [\"000\"]\n",
	  "f:4: server ID \"000\": hex needs two digits an octet" },
	{ "backends:\n" A "  server_ids: [\"\"]\n", "f:4: server ID \"\": no hex digits given" },
	{ "backends:\n" A "  server_ids:\n  - 000102030405060708090a0b0c0d0e\n"
	  "  - 000102030405060708090a0b0c0d0e0f\n",
	  "f:6: server ID \"000102030405060708090a0b0c0d0e0f\": more than 15 octets of hex" },
	{ "backends:\n" A "  mac: 02:00:00:00:00\n",
	  "f:4: mac: \"02:00:00:00:00\" is not a MAC address such as 02:00:00:00:00:01" },
	{ "backends:\n" A "  vm:\n    mac: x\n",
	  "f:5: mac: \"x\" is not a MAC address such as 02:00:00:00:00:01" },
	{ "backends:\n" A "  dev: a-name-too-long-for-it\n",
	  "f:4: dev: \"a-name-too-long-for-it\" is not a device name: 1 to 15 characters, no blank, '/' or ':'" },
	{ "devices:\n- name: a/b\n",
	  "f:2: name: \"a/b\" is not a device name: 1 to 15 characters, no blank, '/' or ':'" },
	{ "devices:\n- name: eth0\n- name: \"\"\n",
	  "f:3: name: \"\" is not a device name: 1 to 15 characters, no blank, '/' or ':'" },
	{ "policy:\n  source: 172.16.0.1/16\n",
	  "f:2: source: \"172.16.0.1/16\" is not an IPv4 prefix such as 172.16.0.0/16 with no bit set behind its length" },
	{ "policy:\n  source6: 172.16.0.0/16\n",
	  "f:2: source6: \"172.16.0.0/16\" is not an IPv6 prefix such as 100::/64 with no bit set behind its length" },
	{ "policy:\n  source: 10.0.0.0\n",
	  "f:2: source: \"10.0.0.0\" is not an IPv4 prefix such as 172.16.0.0/16 with no bit set behind its length" },

	/* keys */
	{ "secret: 0011\n", "f:1: secret: must be 64 hex digits" },
	{ "secret: " KEY KEY "\nsecret_file: x\n",
	  "f:2: both secret and secret_file are given; leave one" },
	{ "secret_file: /nonexistent/s\n",
	  "f:1: secret_file: /nonexistent/s: cannot be read: No such file or directory" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  server_id_length: 4\n  nonce_length: 8\n  key: 0011\n",
	  "f:6: key: must be 32 hex digits" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  key: 0123456789abcdef\n",
	  "f:4: key: must be 32 hex digits" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  key: " KEY "\n  key_file: x\n",
	  "f:5: both key and key_file are given; leave one" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  key_file: /nonexistent/k\n",
	  "f:4: key_file: /nonexistent/k: cannot be read: No such file or directory" },

	/* VIPs */
	{ VIP "- {address: 192.0.2.2, port: 443, protocol: udp}\n"
	      "- {address: 192.0.2.1, port: 443, protocol: udp}\n",
	  "f:4: VIP 192.0.2.1:443/udp is already in line 2; give each VIP once" },
	{ "vips:\n- {address: 192.0.2.1, port: 443, protocol: tcp, cid: true}\n",
	  "f:2: VIP 192.0.2.1:443/tcp: only a udp VIP can steer by connection ID; leave cid out" },
	{ "vips:\n- {address: 224.0.0.1, port: 443, protocol: udp}\n",
	  "f:2: VIP 224.0.0.1:443/udp: its address is a multicast address; write one that clients send to" },
	{ "vips:\n- {address: 0.0.0.0, port: 443, protocol: udp}\n",
	  "f:2: VIP 0.0.0.0:443/udp: its address is a reserved address; write one that clients send to" },
	{ "vips:\n- {address: \"::\", port: 443, protocol: udp}\n",
	  "f:2: VIP [::]:443/udp: its address is the unspecified address; write one that clients send to" },
	{ "vips:\n- {address: \"fe80::1\", port: 443, protocol: udp}\n",
	  "f:2: VIP [fe80::1]:443/udp: its address is a link-local address, which names no device; write one that clients send to" },

	/* CID configurations */
	{ "cid:\n- {id: 1, format: quic-lb, server_id_length: 4, nonce_length: 8}\n"
	  "- {id: 1, format: quic-lb, server_id_length: 2, nonce_length: 8}\n",
	  "f:3: CID config 1 is already in line 2; config IDs must differ" },
	{ "cid:\n- {id: 3, format: quic-lb, server_id_length: 4, nonce_length: 8}\n"
	  "- {id: 1, format: quic-lb-2bit, server_id_length: 2, nonce_length: 8}\n",
	  "f:3: CID config 1 (quic-lb-2bit) overlaps config 3 (quic-lb): both would claim the same first octets" },
	{ "cid:\n- {id: 0, format: plain}\n"
	  "- {id: 1, format: quic-lb, server_id_length: 2, nonce_length: 8}\n",
	  "f:3: CID config 1 (quic-lb) overlaps config 0 (plain): both would claim the same first octets" },
	{ "cid:\n- {id: 7, format: quic-lb, server_id_length: 4, nonce_length: 8}\n",
	  "f:2: CID config 7: format quic-lb has config IDs 0 to 6" },
	{ "cid:\n- {id: 3, format: quic-lb-2bit, server_id_length: 4, nonce_length: 8}\n",
	  "f:2: CID config 3: format quic-lb-2bit has config IDs 0 to 2" },
	{ "cid:\n- {id: 1, format: aws-nlb}\n",
	  "f:2: CID config 1: format aws-nlb has config ID 0 only" },
	{ "cid:\n- id: 0\n  format: quic-lb\n  server_id_length: 4\n  nonce_length: 3\n",
	  "f:2: CID config 0 (quic-lb): nonce length: at least 4 octets, or the format's own" },
	{ "cid:\n- {id: 0, format: quic-lb, nonce_length: 8}\n",
	  "f:2: CID config 0 (quic-lb): its server ID length is missing; give it, 1 to 15 octets" },
	{ "cid:\n- {id: 0, format: quic-lb, server_id_length: 4}\n",
	  "f:2: CID config 0 (quic-lb): its nonce length is missing; give it, at least 4 octets" },
	{ "cid:\n- {id: 0, format: quic-lb, server_id_length: 12, nonce_length: 8}\n",
	  "f:2: CID config 0 (quic-lb): server ID and nonce together: 5 to 19 octets, and 20 with what is before them" },
	{ "cid:\n- {id: 0, format: nghttpx}\n",
	  "f:2: CID config 0 (nghttpx): this format needs a key" },
	{ "cid:\n- {id: 0, format: plain, key: " KEY "}\n",
	  "f:2: CID config 0 (plain): this format takes no key" },
	{ "cid:\n- {id: 0, format: quic-lb-2bit, server_id_length: 4, nonce_length: 8, key: " KEY
	  "}\n",
	  "f:2: CID config 0 (quic-lb-2bit): two-bit formats with a key: server ID and nonce must be 16 octets together" },
	{ "cid:\n- {id: 0, format: plain, offset: 17}\n",
	  "f:2: CID config 0 (plain): offset: only for format plain, and the server ID must end within 20 octets" },

	/* backends */
	{ VIP "backends:\n" A REF B REF A REF,
	  "f:10: backend a is already in line 4; names must differ" },
	{ VIP "backends:\n" A "  vips:\n  - 192.0.2.1:443/udp\n  - 192.0.2.1:443/tcp\n",
	  "f:8: backend a: there is no VIP 192.0.2.1:443/tcp; add it, or name one there is" },
	{ VIP "backends:\n" A "  vips:\n  - 192.0.2.1:443/udp\n  - 192.0.2.1:443/udp\n",
	  "f:8: backend a: VIP 192.0.2.1:443/udp is given twice" },
	{ "vips:\n- {address: \"2001:db8::1\", port: 443, protocol: udp}\n"
	  "backends:\n" A "  vips: [\"[2001:db8::1]:443/udp\"]\n",
	  "f:6: backend a: ipip cannot carry the IPv6 VIP [2001:db8::1]:443/udp to the IPv4 address 10.0.0.1; use forward gue, or an IPv6 address" },
	{ "backends:\n- name: a\n  address: 127.0.0.1\n",
	  "f:2: backend a: 127.0.0.1 is a loopback address; write the server's own" },
	{ VIP "backends:\n- name: a\n  address: 192.0.2.1\n",
	  "f:4: backend a: 192.0.2.1 is a VIP; write the server's own address" },
	{ "backends:\n" A "  forward: vxlan\n",
	  "f:2: backend a: vxlan needs mac, the server's in its segment" },
	{ "backends:\n" A "  vni: 5\n", "f:2: backend a: vni is for forward vxlan only" },
	{ "backends:\n" A "  mac: 02:00:00:00:00:01\n",
	  "f:2: backend a: mac is for forward vxlan and l2 only" },
	{ "backends:\n" A "  port: 6080\n",
	  "f:2: backend a: port is for forward gue and vxlan only" },
	{ "backends:\n" A "  forward: l2\n  mac: 01:00:00:00:00:01\n",
	  "f:2: backend a: mac is a multicast address; write the server's own" },

	/* server IDs */
	{ "backends:\n" A "  server_ids: [0001, 0002]\n" B "  server_ids:\n  - 0003\n  - 0001\n",
	  "f:9: backend b: server ID 0001 is backend a's already; a server ID names one backend" },
	{ "backends:\n" A "  server_ids: [0001,\n    0001]\n",
	  "f:5: backend a: server ID 0001 is given twice" },

	/* limits, devices */
	{ "limits: {vips: 1}\n" VIP "- {address: 192.0.2.2, port: 443, protocol: udp}\n",
	  "f:4: 2 VIPs, but limits.vips is 1: a larger limit needs a new instance" },
	{ "limits: {backends: 1}\nbackends:\n" A B,
	  "f:5: 2 backends, but limits.backends is 1: a larger limit needs a new instance" },
	{ "limits: {server_ids: 1}\nbackends:\n" A "  server_ids: [00, 01]\n",
	  "f:5: 2 server IDs, but limits.server_ids is 1: a larger limit needs a new instance" },
	{ "devices:\n- name: eth0\n- name: eth0\n", "f:3: device eth0 is given twice" },

	/* and what is right */
	{ "vips: []\n", "" },
	{ VIP "backends:\n" A REF B REF, "" },
	{ "cid:\n- {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8, key: hidden}\n",
	  "" },
	{ "vips:\n- {address: \"2001:db8::1\", port: 443, protocol: udp, cid: on, flow: no}\n"
	  "backends:\n" A "  forward: gue\n  vips: [\"[2001:db8::1]:443/udp\"]\n",
	  "" },
	{ "cid:\n- {id: 1, format: mvfst-v1}\n- {id: 2, format: mvfst-v2}\n- {id: 3, format: mvfst-v3}\n"
	  "- {id: 0, format: aws-nlb}\n",
	  "" },
};

static void every_error(void **state)
{
	check_errors(cases, sizeof(cases) / sizeof(cases[0]));
}

/* ---- round trips ---- */

static const char whole[] =
	"secret: " KEY KEY "\n"
	"limits:\n  vips: 16\n  backends: 32\n  server_ids: 64\n  flows: 128\n"
	"policy:\n  too_big: drop\n  down: fallback\n  flow_idle: 60\n"
	"  reply_rate: 7\n  vip_other: pass\n  vip_echo: off\n  vip_route: off\n"
	"  source: 10.128.0.0/9\n  source6: 2001:db8::/32\n"
	"devices:\n- name: eth0\n  mode: native\n  role: node\n"
	"cid:\n- id: 0\n  format: quic-lb\n  server_id_length: 4\n"
	"  nonce_length: 8\n  key: " KEY "\n"
	"- id: 1\n  format: quic-lb\n  server_id_length: 2\n"
	"  nonce_length: 6\n"
	"vips:\n- address: 192.0.2.1\n  port: 443\n  protocol: udp\n"
	"  cid: true\n  flow: true\n"
	"- address: 2001:db8::1\n  port: 80\n  protocol: tcp\n"
	"  cid: false\n  flow: false\n"
	"backends:\n- name: a\n  address: 10.0.0.1\n"
	"  vips: ['192.0.2.1:443/udp']\n  server_ids: ['00000001', '0002']\n"
	"  weight: 5\n  state: draining\n  forward: ipip\n  dev: eth1\n"
	"  initial_rate: 100\n  vm:\n    mac: 02:00:00:00:00:09\n    vlan: 5\n"
	"- name: b\n  address: fd00::2\n"
	"  vips: ['192.0.2.1:443/udp', '[2001:db8::1]:80/tcp']\n"
	"  weight: 1\n  state: up\n  forward: vxlan\n  port: 8472\n"
	"  vni: 77\n  mac: 02:00:00:00:00:07\n";

static void writes_what_it_reads(void **state)
{
	char *once = written(whole, true), *twice = written(once, true);

	assert_string_equal(once, twice);
	assert_non_null(strstr(once, "secret: \"" KEY KEY "\""));
	assert_non_null(strstr(once, "  key: \"" KEY "\"\n"));
	assert_non_null(strstr(once, "  source: 10.128.0.0/9\n"));
	assert_non_null(strstr(once, "    vlan: 5\n"));
	assert_non_null(strstr(once, "  vni: 77\n"));
	free(once);
	free(twice);
}

/* What the kernel lets be a device's name, and what YAML takes for something else. */
static void names_of_any_kind(void **state)
{
	static const char *const names[] = {
		"a\"b",
		"a\\b",
		"'",
		"\x1b]0;x\a",
		"\x7f",
		"\xc2\x9b"
		"2J",
		"#",
		"-",
		"{}",
		"*a",
		"&a",
		"!t",
		"%d",
		"@",
		"`",
		"\xe2\x80\xae"
		"x",
		"\xf0\x9f\x90\xa7",
		"\xc3\xa9",
		"on",
		"null",
		"~",
		"1e3",
		"0x10",
		"0010",
		"1_0",
		"10",
		"true",
		",",
		"?",
		"|",
		">",
	};
	struct model m, back;
	struct xr_err err = { "" };
	size_t i, len;
	char *text;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		model_init(&m);
		m.devs_given = m.vms_given = true;
		m.devs = calloc(1, sizeof(*m.devs));
		m.hosts = calloc(1, sizeof(*m.hosts));
		m.vms = calloc(1, sizeof(*m.vms));
		m.n_devs = m.n_hosts = m.n_vms = 1;
		strcpy(m.devs[0].name, names[i]);
		m.devs[0].role = XR_ROLE_NODE;
		strcpy(m.hosts[0].info.name, "h");
		m.hosts[0].info.method = XR_FORWARD_PORT;
		strcpy(m.hosts[0].info.dev, names[i]);
		m.vms[0].mac[0] = 2;
		strcpy(m.vms[0].tap, names[i]);
		assert_int_equal(config_write(&m, false, true, &text, &len, &err), 0);
		if (config_read_text(text, len, "f", &back, &err))
			fail_msg("%s: %s\n%s", names[i], err.text, text);
		assert_string_equal(back.devs[0].name, names[i]);
		assert_string_equal(back.hosts[0].info.dev, names[i]);
		assert_string_equal(back.vms[0].tap, names[i]);
		/* Nothing raw, and nothing that another reader takes for a number. */
		assert_int_equal(strspn(text,
					"\n !\"#$%&'()*+,-./0123456789:;<=>?@"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
					"abcdefghijklmnopqrstuvwxyz{|}~"),
				 len);
		/* quoted, where another reader would not take it for text */
		if (strspn(names[i], "0123456789xe_onulltrue") == strlen(names[i]))
			assert_non_null(strstr(text, "- name: \""));
		free(text);
		model_free(&m);
		model_free(&back);
	}
}

/* A number is one to every reader, and an address is none. */
static void numbers_and_no_numbers(void **state)
{
	char *text = written(
		"limits: {server_ids: 4096}\n"
		"hosts:\n- {name: a, ipip: \"1:2:3:4:5:6:7:8\"}\n"
		"gateways:\n- {address: \"1:2:3:4:5:6:7:9\", mac: \"02:00:00:00:00:01\"}\n"
		"backends:\n- {name: \"5\", address: \"1:2:3:4:5:6:7:10\", server_ids: [\"0010\"]}\n",
		true);

	assert_non_null(strstr(text, "  server_ids: 4096\n"));
	assert_non_null(strstr(text, " ipip: \"1:2:3:4:5:6:7:8\"\n"));
	assert_non_null(strstr(text, " address: \"1:2:3:4:5:6:7:9\"\n"));
	assert_non_null(strstr(text, " address: \"1:2:3:4:5:6:7:10\"\n"));
	assert_non_null(strstr(text, " server_ids: [\"0010\"]\n"));
	free(text);
}

static void leaves_keys_out(void **state)
{
	char *text = written(whole, false);

	assert_null(strstr(text, KEY));
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "  key: hidden\n"));
	free(text);
}

static void takes_every_fact(void **state)
{
	struct xr_err err = { "" };
	const struct xr_backend_info *b;
	struct model m;

	assert_int_equal(config_read_text(whole, strlen(whole), "f", &m, &err), 0);
	assert_true(m.has_secret && m.secret[17] == 1 && m.devs_given);
	assert_int_equal(m.limits.flows, 128);
	assert_int_equal(m.policy.too_big, XR_TOO_BIG_DROP);
	assert_int_equal(m.policy.down, XR_DOWN_FALLBACK);
	assert_int_equal(m.policy.source_bits, 23);
	assert_int_equal(m.policy.source6_bits, 96);
	assert_int_equal(m.n_vips, 2);
	assert_int_equal(m.vips[0].line, 32);
	assert_int_equal(m.policy.vip_other, XR_VIP_OTHER_PASS);
	assert_false(m.policy.vip_echo || m.policy.vip_route);
	assert_true(m.vips[0].cid && m.vips[0].flow);
	assert_false(m.vips[1].cid || m.vips[1].flow);
	assert_int_equal(m.n_cids, 2);
	assert_true(m.cids[0].info.has_key && !m.cids[1].info.has_key);
	assert_int_equal(m.cids[0].info.offset, 1);
	b = &m.backends[0].info;
	assert_int_equal(b->state, XR_BACKEND_DRAINING);
	assert_int_equal(b->weight, 5);
	assert_string_equal(b->dev, "eth1");
	assert_int_equal(b->initial_rate, 100);
	assert_int_equal(b->vm_vlan, 5);
	assert_int_equal(m.backends[0].n_sids, 2);
	assert_int_equal(m.backends[0].sids[1].len, 2);
	b = &m.backends[1].info;
	assert_int_equal(b->forward, XR_FORWARD_VXLAN);
	assert_int_equal(b->vni, 77);
	assert_int_equal(b->port, 8472);
	assert_int_equal(b->mac[5], 7);
	assert_int_equal(m.backends[1].n_vips, 2);
	model_free(&m);
}

static void defaults(void **state)
{
	struct xr_err err = { "" };
	struct model m;
	const char *text = VIP "backends:\n" A REF;

	assert_int_equal(config_read_text(text, strlen(text), "f", &m, &err), 0);
	assert_false(m.has_secret || m.devs_given || m.vips[0].cid);
	assert_true(m.vips[0].flow);
	assert_int_equal(m.limits.vips, 0);
	assert_memory_equal(&m.policy, &xr_default_policy, sizeof(m.policy));
	assert_int_equal(m.backends[0].info.weight, 1);
	assert_int_equal(m.backends[0].info.state, XR_BACKEND_UP);
	assert_int_equal(m.backends[0].info.forward, XR_FORWARD_IPIP);
	model_free(&m);

	/* An empty list of devices is not the same as none. */
	assert_int_equal(config_read_text("devices: []\n", 12, "f", &m, &err), 0);
	assert_true(m.devs_given);
	model_free(&m);
}

/* ---- key files ---- */

static char dir[] = "/tmp/xr-config-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/key", dir);
	unlink(path);
	return rmdir(dir);
}

static const char *key_error(const void *octets, size_t n, mode_t mode, __u8 *key)
{
	static struct xr_err err;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/key", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(octets, 1, n, f);
	fclose(f);
	chmod(path, mode);
	err.text[0] = '\0';
	config_read_key(path, key, 16, &err);
	return err.text[0] ? err.text + strlen(path) : "";
}

static void key_files(void **state)
{
	const char wrong[] =
		": not a key of the right size; it must hold 32 hex digits or 16 octets";
	__u8 raw[16], key[16];
	int i;

	for (i = 0; i < 16; i++)
		raw[i] = i;
	assert_string_equal(key_error(raw, 16, 0600, key), "");
	assert_memory_equal(key, raw, 16);
	memset(key, 9, 16);
	assert_string_equal(key_error(KEY "\n", 33, 0400, key), "");
	assert_memory_equal(key, raw, 16);
	assert_string_equal(key_error(raw, 15, 0600, key), wrong);
	assert_string_equal(key_error(raw, 0, 0600, key), wrong);
	assert_string_equal(key_error(KEY KEY, 64, 0600, key), wrong);
	assert_string_equal(key_error(KEY, 30, 0600, key), wrong);
	assert_string_equal(key_error("g" KEY, 32, 0600, key), wrong);
	assert_string_equal(key_error(raw, 16, 0640, key),
			    ": others than its owner can use it (mode 0640); chmod 600 it");
	assert_string_equal(key_error(raw, 16, 0604, key),
			    ": others than its owner can use it (mode 0604); chmod 600 it");
}

/* ---- warnings ---- */

static void keep_warning(void *ctx, const char *line)
{
	char *text = ctx;

	strcat(text, line);
	strcat(text, "\n");
}

static const char *warnings_of(const char *text)
{
	static char lines[4096];
	struct xr_err err = { "" };
	struct model m;

	lines[0] = '\0';
	if (config_read_text(text, strlen(text), "f", &m, &err) || model_check(&m, "f", &err))
		fail_msg("%s", err.text);
	model_warn(&m, "f", keep_warning, lines);
	model_free(&m);
	return lines;
}

static void warnings(void **state)
{
	assert_string_equal(
		warnings_of(
			"vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"
			"cid:\n- {id: 0, format: quic-lb, server_id_length: 1, nonce_length: 8}\n"
			"backends:\n" A "  server_ids: [00, 01,\n    02]\n"),
		"f:4: CID config 0: 1.2 % of the CIDs that clients choose will name a server by chance; use longer server IDs\n");
	assert_string_equal(
		warnings_of(
			"vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"
			"cid:\n- {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8}\n"
			"backends:\n" A "  server_ids: [00000001,\n    0002]\n"),
		"f:9: backend a: no CID config has server IDs of 2 octets; its server ID cannot be found in a CID\n");
	assert_string_equal(
		warnings_of("vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"),
		"VIPs steer by connection ID, but there is no CID config; CIDs are not routable until there is one\n");
	assert_string_equal(warnings_of(VIP "cid:\n- {id: 0, format: plain}\n"),
			    "there are CID configs, but no VIP has cid; they are not used\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error),       cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(names_of_any_kind), cmocka_unit_test(numbers_and_no_numbers),
		cmocka_unit_test(leaves_keys_out),   cmocka_unit_test(takes_every_fact),
		cmocka_unit_test(defaults),          cmocka_unit_test(key_files),
		cmocka_unit_test(warnings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, make_dir, remove_dir);
}
