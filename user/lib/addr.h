/* SPDX-License-Identifier: GPL-2.0-only */
/* What kind of address or MAC it is. IPv4 addresses are mapped: ::ffff:a.b.c.d. */
#ifndef XR_LIB_ADDR_H
#define XR_LIB_ADDR_H

#include <stdbool.h>
#include <xroam/abi.h>

bool addr_is_ipv4(const __be32 addr[XR_ADDR_WORDS]);
bool addr_is_zero(const __be32 addr[XR_ADDR_WORDS]);
bool addr_is_link_local(const __be32 addr[XR_ADDR_WORDS]); /* IPv6 */
bool mac_is_zero(const __u8 mac[6]);

/* Why a MAC cannot be a VM's; NULL: it can. */
const char *vm_mac_fault(const __u8 mac[6]);
/* Why an address cannot be a VM's; NULL: it can. */
const char *vm_addr_fault(const __be32 *addr);

#endif
