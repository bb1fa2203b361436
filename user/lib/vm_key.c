// SPDX-License-Identifier: GPL-2.0-only
/* A VM's key, MAC and VLAN as one number, and what cannot be a VM's. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include "text.h"
#include "vm_key.h"

__u64 vm_key(const __u8 mac[6], __u16 vlan)
{
	__u64 key = 0;

	memcpy(&key, mac, 6);
	return key | (__u64)vlan << 48;
}

void vm_mac_of(__u64 key, __u8 mac[6])
{
	memcpy(mac, &key, 6);
}

__u16 vm_vlan_of(__u64 key)
{
	return key >> 48;
}

bool vm_same_mac(__u64 a, __u64 b)
{
	return a << 16 == b << 16;
}

const char *vm_name(char buf[VM_NAME], __u64 key)
{
	char text[TEXT_MAC];
	__u8 mac[6];

	vm_mac_of(key, mac);
	if (vm_vlan_of(key))
		snprintf(buf, VM_NAME, "%s vlan %u", text_mac(text, mac), vm_vlan_of(key));
	else
		snprintf(buf, VM_NAME, "%s", text_mac(text, mac));
	return buf;
}

const char *vm_bad_mac(const __u8 mac[6])
{
	static const __u8 all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (mac_is_zero(mac))
		return "zero";
	if (!memcmp(mac, all, 6))
		return "the broadcast address";
	return mac[0] & 1 ? "a multicast address" : NULL;
}

const char *vm_bad_addr(const __be32 *addr)
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
