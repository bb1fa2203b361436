/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file, YAML, read and written by libcyaml.
 *
 *	secret: HEX64		# or secret_file: PATH; the same on every node
 *	limits:			# fixed when the instance is made
 *	  vips: 1024
 *	  backends: 4096
 *	  server_ids: 65536
 *	  flows: 262144
 *	  hosts: 1024
 *	  vms: 16384
 *	  vm_addresses: 16384
 *	  rings: 8		# VMs prepared at a time with a residual ring
 *	policy:
 *	  too_big: reply	# or drop: too large once encapsulated
 *	  down: drop		# or fallback: routable CID, server down
 *	  flow_idle: 300	# seconds, 1..16000
 *	  reply_rate: 100	# ICMP replies per second and CPU, 0..65535
 *	  source: 172.16.0.0/16	# outer IPIP source, IPv4; host bits vary; 0.0.0.0/0: own
 *	  source6: 100::/64	# IPv6
 *	  vip_other: drop	# or pass: for a VIP's address, but for no VIP
 *	  vip_echo: on		# off: pings of a VIP's address are not answered
 *	  vip_route: on		# off: no blackhole route per VIP's address
 *	  vip_table: 254	# the routing table that announced VIPs have a route in
 *	  vip_hold: 3		# seconds it serves again before it is announced again
 *	  moves: expected	# or ports, any: whose announcements move a VM
 *	  tunnels: hosts	# any: whose IPIP and GUE for VMs are opened
 *	  announce: off		# on: announce moved VMs in kinds gateways accept
 *	  announce_rate: 10	# VMs a second
 *	  flap_moves: 5		# more moves than this ...
 *	  flap_seconds: 180	# ... within this freeze a VM
 *	  vm_ttl: 300		# seconds a redirect lives without a hit
 *	  prepare_timeout: 300	# seconds
 *	  blackout_timeout: 10	# seconds
 *	devices:		# left out: devices stay as they are
 *	  - name: eth0
 *	    mode: auto		# native, generic
 *	    role: node		# backend
 *	    trusted: false	# policy moves: ports believes what comes in here
 *	    vnis: [7]		# role backend: VXLAN segments that end here, and
 *	    addresses: [192.0.2.10]	# addresses as if they were this machine's
 *	hosts:
 *	  - name: h2
 *	    vxlan: 10.0.0.2	# or ipip, gue: ADDR; or dev: DEV alone; or mac: MAC and dev: DEV
 *	    vni: 100		# vxlan
 *	    port: 4789		# vxlan, gue
 *	    local: false	# this machine
 *	vms:			# xroam run -c: those that are known stay where they are
 *	  - mac: 52:54:00:12:34:56
 *	    vlan: 5		# left out: untagged
 *	    at: h2
 *	    addresses: [10.9.0.10, "fd09::10"]	# up to 4
 *	    lock: false
 *	    tap: tap0		# left out: found by itself
 *	gateways:		# announcements are addressed to; nobody else may claim them
 *	  - address: 10.9.0.1
 *	    mac: 02:00:00:00:00:01	# left out: as the kernel knows it
 *	    vlan: 5
 *	protected: ["02:00:00:00:00:77", 10.9.0.2]	# MACs and addresses no announcement may claim
 *	sources:		# for the daemon (xroam run -c FILE) only
 *	  qmp:
 *	    - socket: /run/qemu/vm1.qmp
 *	      vm: {mac: MAC, vlan: 5}
 *	      role: source	# destination; left out: QEMU tells
 *	      to: h2		# source: where it goes; left out: named by a notice
 *	      gate: false	# use pause-before-switchover
 *	cid:
 *	  - id: 0
 *	    format: quic-lb	# xroam(8) has the list
 *	    server_id_length: 8
 *	    nonce_length: 8
 *	    offset: 0		# plain only
 *	    key_file: PATH	# or key: HEX32, or key: hidden (keep it)
 *	vips:
 *	  - address: 192.0.2.1
 *	    port: 443
 *	    protocol: udp	# tcp
 *	    cid: true		# steer by connection ID; default false
 *	    flow: true		# keep a flow table; default true
 *	    announce: true	# its address has a route while it serves; default false
 *	    min_up: 1		# it serves while so many backends are up
 *	backends:
 *	  - name: a
 *	    address: 10.0.0.1
 *	    vips: ["192.0.2.1:443/udp"]
 *	    server_ids: ["0001"]
 *	    weight: 1		# 0..65535; 0: no new flows
 *	    state: up		# draining, down
 *	    forward: ipip	# gue, vxlan, l2
 *	    dev: eth1		# send out of this device only
 *	    port: 6080		# gue, vxlan
 *	    vni: 7		# vxlan
 *	    mac: MAC		# vxlan: in its segment; l2: of the server
 *	    initial_rate: 0	# QUIC Initials per second; 0: no limit
 *	    vm: {mac: MAC, vlan: 5}
 *
 * What is left out has the default shown; limits and secret stay as they are. A list
 * that is left out while the instance has such things is refused: see model.sections.
 * Relative paths are relative to the file.
 */
#ifndef XR_CONFIG_CONFIG_H
#define XR_CONFIG_CONFIG_H

#include <sys/stat.h>
#include "model/model.h"

/* Reads the file into a model that model_free() frees; nothing to free where it fails. */
int config_read(const char *path, struct model *m, struct xr_err *err);
/*
 * The same, of all that is wrong: 0 and errors in all, where the model is as good as
 * it gets; < 0: in all, or, where that is empty, in err.
 */
int config_read_all(const char *path, struct model *m, struct xr_errs *all, struct xr_err *err);
int config_read_text(const char *text, size_t len, const char *name, struct model *m,
		     struct xr_err *err);
/*
 * A text with VMs alone, under the key vms; its hosts stand elsewhere: m->hosts gets each
 * that is named, with its name alone. As config_read_text().
 */
int config_read_vms(const char *text, size_t len, const char *name, struct model *m,
		    struct xr_err *err);
/*
 * A file to be read; "-" is standard input. What could keep its reader waiting, or
 * do something when it is opened (a FIFO, a device), is refused; a shell's <(...) is
 * read. The descriptor, or the error.
 */
int config_open(const char *path, struct stat *st, struct xr_err *err);

/*
 * Reads a key of size octets: twice as many hex digits, or the octets raw.
 * "-" is standard input. -EACCES where others can read the file.
 */
int config_read_key(const char *path, __u8 *key, size_t size, struct xr_err *err);

#endif
