/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Configurations that several tests share, and the pieces of others: a text is
 * put together from limits, policy, VIPs, CIDs and backends.
 *
 * A backend that is draining takes what a CID or a flow brings it, and nothing
 * by hash: with one backend up, where the hash goes is known.
 */
#ifndef XR_TEST_WORLDS_H
#define XR_TEST_WORLDS_H

/* Pieces of YAML that stand beside each other. clang-format would run them together. */
/* clang-format off */

#define VIP(addr, port, proto, more)                                           \
	"  - {address: \"" addr "\", port: " port ", protocol: " proto more "}\n"

#define FIVE_VIPS(flow)                                                        \
	"vips:\n"                                                              \
	VIP("192.0.2.1", "443", "udp", ", cid: true, flow: " flow)             \
	VIP("192.0.2.1", "443", "tcp", ", flow: " flow)                        \
	VIP("192.0.2.1", "80", "udp", ", flow: " flow)                         \
	VIP("2001:db8::1", "443", "udp", ", cid: true, flow: " flow)           \
	VIP("2001:db8::1", "443", "tcp", ", flow: " flow)

/* Without flow table entries every packet is steered afresh. */
#define VIPS		FIVE_VIPS("false")
#define FLOW_VIPS	FIVE_VIPS("true")

#define VIPS4 "[\"192.0.2.1:443/udp\", \"192.0.2.1:443/tcp\", "                \
	      "\"192.0.2.1:80/udp\"]"
#define ALL_VIPS "[\"192.0.2.1:443/udp\", \"192.0.2.1:443/tcp\", "             \
		 "\"192.0.2.1:80/udp\", \"[2001:db8::1]:443/udp\", "           \
		 "\"[2001:db8::1]:443/tcp\"]"

#define BACKEND(name, vips) "  - name: " name "\n    vips: " vips "\n"

/* Config 0: in clear, three octets of server ID, four of nonce. */
#define CIDS "cid:\n  - {id: 0, format: quic-lb, server_id_length: 3, "        \
	     "nonce_length: 4}\n"

#define POLICY(text)	"policy: {" text "}\n"
#define RATE(n)		POLICY("reply_rate: " n)
#define SOURCE_RANGE	POLICY("source: 172.16.0.0/16")
#define LIMIT_FLOWS(n)	"limits: {flows: " n "}\n"
#define SECRET "secret: 000102030405060708090a0b0c0d0e0f"                      \
	       "101112131415161718191a1b1c1d1e1f\n"

/* Server 020202 is 10.2.0.2; everything else goes to 10.1.0.9. No flows. */
#define WORLD_TWO                                                              \
	VIPS CIDS "backends:\n" BACKEND("rest", ALL_VIPS)                      \
	"    address: 10.1.0.9\n    forward: gue\n"                            \
	BACKEND("two", ALL_VIPS)                                               \
	"    address: 10.2.0.2\n    forward: gue\n    state: draining\n"       \
	"    server_ids: [\"020202\"]\n"

/* Four servers for the hash, 020202 as above, and a flow table. */
#define WORLD_SPREAD                                                           \
	FLOW_VIPS CIDS "backends:\n"                                           \
	BACKEND("a", ALL_VIPS) "    address: 10.1.0.1\n    forward: gue\n"     \
	BACKEND("b", ALL_VIPS) "    address: 10.1.0.3\n    forward: gue\n"     \
	BACKEND("c", ALL_VIPS) "    address: 10.1.0.4\n    forward: gue\n"     \
	BACKEND("d", ALL_VIPS) "    address: 10.1.0.5\n    forward: gue\n"     \
	BACKEND("two", ALL_VIPS)                                               \
	"    address: 10.2.0.2\n    forward: gue\n    state: draining\n"       \
	"    server_ids: [\"020202\"]\n"

/* Three servers of weights 1, 1 and 2, no flow table. */
#define WORLD_EVEN                                                             \
	VIPS "backends:\n"                                                     \
	BACKEND("a", VIPS4) "    address: 10.1.0.1\n"                          \
	BACKEND("b", VIPS4) "    address: 10.1.0.2\n"                          \
	BACKEND("c", VIPS4) "    address: 10.1.0.3\n    weight: 2\n"

#endif
