// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
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

socklen_t sockaddr_from_addr(struct sockaddr_storage *sa, const __be32 addr[XR_ADDR_WORDS],
			     __be16 port)
{
	struct sockaddr_in *four = (void *)sa;
	struct sockaddr_in6 *six = (void *)sa;

	memset(sa, 0, sizeof(*sa));
	if (addr_is_ipv4(addr)) {
		four->sin_family = AF_INET;
		four->sin_port = port;
		four->sin_addr.s_addr = addr[3];
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = port;
	memcpy(&six->sin6_addr, addr, sizeof(six->sin6_addr));
	return sizeof(*six);
}
