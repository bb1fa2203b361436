/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every reason xroam can give for what it did with a packet: the one list
 * behind the enum, the printed words, the counters, the docs and the metrics.
 *
 * X(NAME, "word", kind, "what it means")
 *
 * kind:
 *   TX    the packet was sent on to a backend (out of this or another port)
 *   REPLY the packet was turned into an ICMP error and sent back
 *   PASS  the packet went to the kernel untouched (but for "asked")
 *   DROP  the packet was dropped
 *   DECAP the packet lost its tunnel header and went to the kernel
 *   NOTE  not a verdict: counted beside the verdict of the same packet
 *
 * Exactly one verdict (any kind but NOTE) is counted per packet. New reasons
 * go at the end of their kind's block; the numbers are part of the ABI version.
 */
#ifndef XROAM_REASONS_H
#define XROAM_REASONS_H

/* clang-format off */
#define XR_REASONS(X)                                                          \
	X(CID,           "cid",             TX,    "routable CID: sent to the server it names") \
	X(FLOW,          "flow",            TX,    "4-tuple found in the flow table")          \
	X(HASH,          "hash",            TX,    "keyed Maglev hash of the 4-tuple")         \
	X(ICMP_FLOW,     "icmp-flow",       TX,    "ICMP error: quoted packet's flow found")   \
	X(ICMP_CID,      "icmp-cid",        TX,    "ICMP error: quoted packet's SCID decoded") \
	X(ICMP_HASH,     "icmp-hash",       TX,    "ICMP error: hash of the quoted packet")    \
	X(MOVED,         "moved",           TX,    "for a moved VM, by its MAC: sent to its new host") \
	X(MOVED_IP,      "moved-ip",        TX,    "for a moved VM, by its address: sent to its new host") \
	X(TOO_BIG_REPLY, "too-big-reply",   REPLY, "too large once encapsulated; ICMP sent to the client") \
	X(VIP_ECHO,      "vip-echo",        REPLY, "ping of a VIP's address: answered in its name") \
	X(NOT_IP,        "not-ip",          PASS,  "not IPv4 or IPv6 (ARP, LLDP, three VLAN tags, ...)") \
	X(NOT_VIP,       "not-vip",         PASS,  "no VIP has this address, port and protocol") \
	X(NOT_L4,        "not-l4",          PASS,  "neither TCP, UDP nor an ICMP error")       \
	X(FRAGMENT,      "fragment",        PASS,  "an IP fragment: its ports cannot be trusted") \
	X(MALFORMED_L2,  "malformed-l2",    PASS,  "shorter than its Ethernet or VLAN header") \
	X(MALFORMED_IP,  "malformed-ip",    PASS,  "IP header truncated, or lengths that disagree") \
	X(MALFORMED_L4,  "malformed-l4",    PASS,  "TCP, UDP or ICMP header truncated, or lengths that disagree") \
	X(EXT_HEADERS,   "ext-headers",     PASS,  "more IPv6 extension headers than are followed, or an unknown one") \
	X(ICMP_OTHER,    "icmp-other",      PASS,  "ICMP error that quotes nothing of a VIP")  \
	X(NOT_TUNNEL,    "not-tunnel",      PASS,  "role backend: no tunnel header, nothing to remove") \
	X(FLOODED,       "flooded",         PASS,  "addressed to the backend already: a switch flooded it (forward l2)") \
	X(VM_HERE,       "vm-here",         PASS,  "for a VM that needs no redirection: the network knows where it is") \
	X(NOT_MOVED,     "not-moved",       PASS,  "for no known VM, and no VIP is configured: not looked at further") \
	X(OTHER_TUNNEL,  "other-tunnel",    PASS,  "a tunnel that does not end at this machine, or from a stranger: the kernel's") \
	X(ASKED,         "asked",           PASS,  "the next hop's MAC address is not known: this packet, lost, made the kernel ask for it") \
	X(NO_BACKEND,    "no-backend",      DROP,  "the VIP has no backend that is up")        \
	X(BACKEND_DOWN,  "backend-down",    DROP,  "routable CID, but its server is down (policy down: drop)") \
	X(INITIAL_RATE,  "initial-rate",    DROP,  "QUIC Initial above the backend's rate limit") \
	X(TTL_EXPIRED,   "ttl-expired",     DROP,  "TTL or hop limit would reach zero")        \
	X(TOO_BIG,       "too-big",         DROP,  "too large once encapsulated")              \
	X(NO_ROUTE,      "no-route",        DROP,  "no route to the backend")                  \
	X(NO_NEIGHBOUR,  "no-neighbour",    DROP,  "the next hop's MAC address is not known yet") \
	X(NO_ROOM,       "no-room",         DROP,  "no head room for the outer header")        \
	X(BAD_TUNNEL,    "bad-tunnel",      DROP,  "role backend: a tunnel header with no sound packet inside") \
	X(GUARD_MAC,     "guard-mac",       DROP,  "lock: a VM's MAC where the VM is not, or another one at its own port") \
	X(GUARD_IP,      "guard-ip",        DROP,  "lock: an address claimed or used against the binding") \
	X(VM_LOOP,       "vm-loop",         DROP,  "for a moved VM, but came back from where it is") \
	X(VM_CHAIN,      "vm-chain",        DROP,  "came out of a redirect's tunnel for a VM that moved on: never tunnelled again") \
	X(PREMATURE,     "premature",       DROP,  "said in a VM's name by its new place before it runs there") \
	X(BAD_ECN,       "bad-ecn",         DROP,  "out of a tunnel that met congestion, and cannot bear the mark (RFC 6040)") \
	X(OUTDATED,      "outdated",        DROP,  "said in a VM's name by its old place after it has moved away") \
	X(VIP_OTHER,     "vip-other",       DROP,  "for a VIP's address, but for no VIP there: another port or protocol") \
	X(VIP_FRAGMENT,  "vip-fragment",    DROP,  "a fragment for a VIP's address: its ports cannot be trusted") \
	X(MARTIAN,       "martian",         DROP,  "for a VIP or a moved VM's address, from one that no host on the way may have, or from itself") \
	X(LINK_GROUP,    "link-group",      DROP,  "for a VIP, but sent to a link-layer broadcast or multicast address") \
	X(GUARD_UNREAD,  "guard-unread",    DROP,  "lock: could claim a locked VM's name, and cannot be read to its end") \
	X(DECAP_IPIP,    "decap-ipip",      DECAP, "role backend: IPIP header removed")        \
	X(DECAP_GUE,     "decap-gue",       DECAP, "role backend: GUE header removed")         \
	X(DECAP_VXLAN,   "decap-vxlan",     DECAP, "role backend: VXLAN header removed")       \
	X(CID_NO_CONFIG, "cid-no-config",   NOTE,  "CID's config ID is not configured (or 7)") \
	X(CID_SHORT,     "cid-short",       NOTE,  "CID shorter than its configuration needs") \
	X(CID_NO_SERVER, "cid-no-server",   NOTE,  "CID decodes to a server ID that no backend has") \
	X(FLOW_NEW,      "flow-new",        NOTE,  "an entry was written to the flow table")   \
	X(FLOW_FULL,     "flow-full",       NOTE,  "no entry written: the bucket holds established flows only") \
	X(FLOW_EVICT,    "flow-evict",      NOTE,  "a live entry, as a rule one not yet established, gave way to a new one") \
	X(FLOW_MOVED,    "flow-moved",      NOTE,  "flow entry's backend is down, gone, or no longer behind the VIP; hashed again") \
	X(INITIAL,       "initial",         NOTE,  "QUIC Initial forwarded or refused")        \
	X(FIB,           "fib",             NOTE,  "next hop not cached or stale; asked the kernel's FIB") \
	X(FIB_STALE,     "fib-stale",       NOTE,  "the kernel has no answer now; the last known next hop was used") \
	X(REPLY_LIMIT,   "reply-limit",     NOTE,  "ICMP reply not sent: rate limit")         \
	X(ANNOUNCEMENT,  "announcement",    NOTE,  "a VM's announcement, believed")           \
	X(ANNOUNCEMENT_BAD, "announcement-bad", NOTE, "announcement refused: malformed, or claims a protected address") \
	X(SPOOFED,       "spoofed",         NOTE,  "announcement not believed: wrong place, or nobody expects it") \
	X(ACTIVATED,     "activated",       NOTE,  "a VM's own frame completed its move")     \
	X(MOVE_EXPIRED,  "move-expired",    NOTE,  "a prepared move or a blackout ended by its deadline, or a redirect by its ttl") \
	X(FROZEN,        "frozen",          NOTE,  "a VM moved too often: frozen where the operator's last word put it") \
	X(COPIED,        "copied",          NOTE,  "blackout: copied to the new host, and left to its port here") \
	X(COPY_FAILED,   "copy-failed",     NOTE,  "blackout: could not be copied (too large, no route)") \
	X(RING_LOST,     "ring-lost",       NOTE,  "residual: a frame the ring had no room for") \
	X(REPLAYED,      "replayed",        NOTE,  "residual: sent to the new host from the ring") \
	X(NOTICE_OLD,    "notice-old",      NOTE,  "a notification older than the one known, or the same again: ignored") \
	X(PORT_REFUSED,  "port-refused",    NOTE,  "a device was named as a VM's port that is the fabric's or another VM's: not believed") \
	X(QINQ,          "qinq",            NOTE,  "two VLANs, or more than four tags: no VM is looked for") \
	X(PATH_MTU,      "path-mtu",        NOTE,  "ICMP: a tunnel's packet was too large for its way, whose MTU is known now") \
	X(RELAYED,       "relayed",         NOTE,  "out of a tunnel, sent on by a host its sender is not at: says nothing of his place") \
	X(CID_NOT_HERE,  "cid-not-here",    NOTE,  "CID decodes to the server ID of a backend that is not behind this VIP") \
	X(PASSED,        "passed",          PASS,  "role pass: not looked at")             \
	X(RULE_DENIED,   "rule-denied",     DROP,  "at a VM's own port: refused by its rules") \
	X(RATE_LIMITED,  "rate-limited",    DROP,  "at a VM's own port: above its limit") \
	X(OUTRANKED,     "outranked",       NOTE,  "a notice contradicts one of a source that is trusted more: ignored")
/* clang-format on */

enum xr_reason {
	XR_REASON_NONE = 0,
#define X(name, word, kind, text) XR_R_##name,
	XR_REASONS(X)
#undef X
		XR_REASON_MAX
};

enum xr_reason_kind {
	XR_KIND_TX,
	XR_KIND_REPLY,
	XR_KIND_PASS,
	XR_KIND_DROP,
	XR_KIND_DECAP,
	XR_KIND_NOTE,
	XR_KIND_MAX
};

#endif
