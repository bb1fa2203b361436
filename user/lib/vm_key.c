// SPDX-License-Identifier: GPL-2.0-only
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
