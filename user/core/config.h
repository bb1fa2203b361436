/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file. config_read() and config_write() are in model.h.
 *
 *	secret: HEX64		# or secret_file: PATH; the same on every node
 *	limits:			# fixed when the instance is made
 *	  vips: 1024
 *	  backends: 4096
 *	  server_ids: 65536
 *	  flows: 262144
 *	policy:
 *	  too_big: reply	# or drop: too large once encapsulated
 *	  down: drop		# or fallback: routable CID, server down
 *	  flow_idle: 300	# seconds, 1..16000
 *	  reply_rate: 100	# ICMP replies per second and CPU, 0..65535
 *	  source: 172.16.0.0/16	# outer IPIP source, IPv4; host bits vary
 *	  source6: 100::/64	# IPv6
 *	devices:		# left out: devices stay as they are
 *	  - name: eth0
 *	    mode: auto		# native, generic
 *	    role: node		# backend
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
 * What is left out has the default shown; limits and secret stay as they are.
 * Relative paths are relative to the file.
 */
#ifndef XR_CORE_CONFIG_H
#define XR_CORE_CONFIG_H

#include "model.h"

/*
 * Reads a key of size octets: twice as many hex digits, or the octets raw.
 * "-" is standard input. -EACCES where others can read the file.
 */
int config_read_key(const char *path, __u8 *key, size_t size,
		    struct xr_err *err);

#endif
