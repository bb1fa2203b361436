/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM says when it starts to run somewhere, octet by octet, by kind. The
 * VM is 52:54:00:12:34:56, 10.9.0.10, fd09::10; the gateway 02:00:00:00:00:01,
 * 10.9.0.1; another host 02:00:00:00:00:77, 10.9.0.77.
 *
 * Kinds 1 to 7 are those the IETF ARMD problem statement tells apart; 9 is the
 * unsolicited neighbour advertisement (RFC 4861 §7.2.6). 3 equals what QEMU 7.2
 * sends after a migration, 1 and 9 what a Linux 6.18 guest sends (which does
 * not pad its ARP); the others were made after them for this project's
 * measurements of gateways and bridges. 8 and 10 to 16 a VM also sends, and
 * they announce nothing.
 *
 * Each is K(kind, "what it is", "octets").
 */
#ifndef XR_TEST_ANNOUNCEMENTS_H
#define XR_TEST_ANNOUNCEMENTS_H

#define ANNOUNCEMENTS(K)                                                     \
	K(XR_GARP_REQUEST, "1 gratuitous ARP request",                       \
	  "ffffffffffff52540012345608060001080006040001525400123456"         \
	  "0a09000a0000000000000a09000a0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_GARP_REQUEST, "1 gratuitous ARP request, target MAC broadcast", \
	  "ffffffffffff52540012345608060001080006040001525400123456"         \
	  "0a09000affffffffffff0a09000a0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_GARP_REPLY, "2 broadcast ARP reply",                            \
	  "ffffffffffff52540012345608060001080006040002525400123456"         \
	  "0a09000a5254001234560a09000a0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_GARP_REPLY, "2 broadcast ARP reply, target MAC broadcast",      \
	  "ffffffffffff52540012345608060001080006040002525400123456"         \
	  "0a09000affffffffffff0a09000a0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_RARP, "3 RARP, as of QEMU",                                     \
	  "ffffffffffff52540012345680350001080006040003525400123456"         \
	  "00000000525400123456000000000000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_ARP_GATEWAY, "4 ARP request for the gateway",                   \
	  "ffffffffffff52540012345608060001080006040001525400123456"         \
	  "0a09000a0000000000000a0900010000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_ARP_OTHER, "5 ARP request for another host",                    \
	  "ffffffffffff52540012345608060001080006040001525400123456"         \
	  "0a09000a0000000000000a09004d0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_REPLY_GATEWAY, "6 unicast ARP reply to the gateway",            \
	  "02000000000152540012345608060001080006040002525400123456"         \
	  "0a09000a0200000000010a0900010000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_REPLY_OTHER, "7 unicast ARP reply to another host",             \
	  "02000000007752540012345608060001080006040002525400123456"         \
	  "0a09000a0200000000770a09004d0000000000000000000000000000"         \
	  "00000000")                                                        \
	K(XR_UNSOLICITED_NA, "9 unsolicited NA",                             \
	  "33330000000152540012345686dd6000000000203afffd0900000000"         \
	  "00000000000000000010ff0200000000000000000000000000018800"         \
	  "d5af20000000fd090000000000000000000000000010020152540012"         \
	  "3456")                                                            \
	K(XR_UNSOLICITED_NA, "9 unsolicited NA, link-local",                 \
	  "33330000000152540012345686dd6000000000203afffe8000000000"         \
	  "0000505400fffe123456ff0200000000000000000000000000018800"         \
	  "cb6820000000fe80000000000000505400fffe123456020152540012"         \
	  "3456")                                                            \
	K(XR_UNSOLICITED_NA, "9 unsolicited NA without an option",           \
	  "33330000000152540012345686dd6000000000183afffd0900000000"         \
	  "00000000000000000010ff0200000000000000000000000000018800"         \
	  "5e7520000000fd090000000000000000000000000010")

#define NOT_ANNOUNCEMENTS(K)                                         \
	K(XR_ANNOUNCED_NOT, "8 ARP probe (RFC 5227)",                \
	  "ffffffffffff52540012345608060001080006040001525400123456" \
	  "000000000000000000000a09000a0000000000000000000000000000" \
	  "00000000")                                                \
	K(XR_ANNOUNCED_NOT, "10 DAD",                                \
	  "3333ff00001052540012345686dd6000000000183aff000000000000" \
	  "00000000000000000000ff0200000000000000000001ff0000108700" \
	  "7d7e00000000fd090000000000000000000000000010")            \
	K(XR_ANNOUNCED_NOT, "11 router solicitation",                \
	  "33330000000252540012345686dd6000000000103afffe8000000000" \
	  "0000505400fffe123456ff0200000000000000000000000000028500" \
	  "71b5000000000101525400123456")                            \
	K(XR_ANNOUNCED_NOT, "12 MLDv2 report",                       \
	  "33330000001652540012345686dd6000000000240001fe8000000000" \
	  "0000505400fffe123456ff0200000000000000000000000000163a00" \
	  "0502000001008f00ed3c0000000104000000ff020000000000000000" \
	  "0001ff000010")                                            \
	K(XR_ANNOUNCED_NOT, "13 IGMPv3 report",                      \
	  "01005e000016525400123456080046000028000040004002bba60a09" \
	  "000ae0000016940400002200f9020000000104000000e00000fb0000" \
	  "00000000")                                                \
	K(XR_ANNOUNCED_NOT, "14 DHCP request",                       \
	  "ffffffffffff52540012345608004500011600004000401139d80000" \
	  "0000ffffffff00440043010275c40101060012345678000080000a09" \
	  "000a0000000000000000000000005254001234560000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000000000000000000000000000000000000000000000006382" \
	  "536335010332040a09000aff")                                \
	K(XR_ANNOUNCED_NOT, "15 UDP",                                \
	  "02000000000152540012345608004500002100004000401126b00a09" \
	  "000a0a0900019c400009000d0b9c68656c6c6f000000000000000000" \
	  "00000000")                                                \
	K(XR_ANNOUNCED_NOT, "16 LLC XID",                            \
	  "ffffffffffff52540012345600060001af8101000000000000000000" \
	  "00000000000000000000000000000000000000000000000000000000" \
	  "00000000")

#endif
