// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include "addr.h"

bool addr_is_ipv4(const __be32 addr[XR_ADDR_WORDS])
{
	return !addr[0] && !addr[1] && addr[2] == htonl(0xffff);
}

bool addr_is_zero(const __be32 addr[XR_ADDR_WORDS])
{
	return !(addr[0] | addr[1] | addr[2] | addr[3]);
}

bool addr_is_link_local(const __be32 addr[XR_ADDR_WORDS])
{
	return (addr[0] & htonl(0xffc00000)) == htonl(0xfe800000);
}

bool mac_is_zero(const __u8 mac[6])
{
	return !(mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5]);
}

const char *vm_mac_fault(const __u8 mac[6])
{
	static const __u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (mac_is_zero(mac))
		return "zero";
	if (!memcmp(mac, all, 6))
		return "the broadcast address";
	return mac[0] & 1 ? "a multicast address" : NULL;
}

const char *vm_addr_fault(const __be32 *addr)
{
	__u32 a = ntohl(addr_is_ipv4(addr) ? addr[3] : addr[0]);

	if (addr_is_ipv4(addr)) {
		if (a >> 28 == 0xe)
			return "a multicast address";
		if (a >> 24 == 127)
			return "a loopback address";
		return a >> 28 == 0xf || a >> 24 == 0 ? "a reserved address" : NULL;
	}
	if (addr_is_zero(addr))
		return "the unspecified address";
	if (a >> 24 == 0xff)
		return "a multicast address";
	if (!addr[0] && !addr[1] && !addr[2] && addr[3] == htonl(1))
		return "the loopback address";
	return NULL;
}
