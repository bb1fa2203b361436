// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "sockaddr.h"

bool sockaddr_to_addr(const struct sockaddr *sa, __be32 addr[XR_ADDR_WORDS])
{
	if (!sa)
		return false;
	if (sa->sa_family == AF_INET6) {
		memcpy(addr, &((const struct sockaddr_in6 *)sa)->sin6_addr,
		       XR_ADDR_WORDS * sizeof(*addr));
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	addr[0] = 0;
	addr[1] = 0;
	addr[2] = htonl(0xffff);
	addr[3] = ((const struct sockaddr_in *)sa)->sin_addr.s_addr;
	return true;
}
