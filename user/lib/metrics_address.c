// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "metrics_address.h"
#include "text.h"

static int read_path(const char *text, struct metrics_address *to, struct xr_err *err)
{
	size_t len = strlen(text);

	if (len >= sizeof(to->un.sun_path))
		return xr_fail(err, -EINVAL, "a Unix socket's path has at most %zu octets, not %zu",
			       sizeof(to->un.sun_path) - 1, len);
	if (text[len - 1] == '/')
		return xr_fail(err, -EINVAL, "\"%.60s\" is a directory; write a socket's path",
			       text);
	to->un.sun_family = AF_UNIX;
	memcpy(to->un.sun_path, text, len + 1);
	to->len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	return 0;
}

/* The host's part without brackets, and the port's; false: the text is neither. */
static bool split(const char *text, char host[64], const char **port)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;

	if (!len || len >= 64)
		return false;
	*port = colon + 1;
	if (text[0] == '[') {
		if (text[len - 1] != ']')
			return false;
		text++;
		len -= 2;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

int metrics_address_read(const char *text, struct metrics_address *to, struct xr_err *err)
{
	struct xr_err inner;
	const char *port;
	char host[64];
	__u64 number;

	memset(to, 0, sizeof(*to));
	if (text[0] == '/')
		return read_path(text, to, err);
	if (!split(text, host, &port))
		return xr_fail(err, -EINVAL,
			       "\"%.60s\" is no place to listen: write 127.0.0.1:PORT, "
			       "[::1]:PORT or the path of a Unix socket",
			       text);
	if (text_to_u64(port, 1, 65535, &number, &inner))
		return xr_fail(err, -EINVAL, "the port of \"%.60s\": %s", text, inner.text);
	if (inet_pton(AF_INET, host, &to->in.sin_addr) == 1) {
		to->in.sin_family = AF_INET;
		to->in.sin_port = htons(number);
		to->len = sizeof(to->in);
		if (ntohl(to->in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET)
			return 0;
	} else if (text[0] == '[' && inet_pton(AF_INET6, host, &to->in6.sin6_addr) == 1) {
		to->in6.sin6_family = AF_INET6;
		to->in6.sin6_port = htons(number);
		to->len = sizeof(to->in6);
		if (IN6_IS_ADDR_LOOPBACK(&to->in6.sin6_addr))
			return 0;
	} else {
		return xr_fail(err, -EINVAL,
			       "\"%.60s\" is no address: names are not looked up; write "
			       "127.0.0.1:PORT, [::1]:PORT or the path of a Unix socket",
			       text);
	}
	return xr_fail(err, -EINVAL,
		       "%s can be reached from elsewhere, and metrics have neither TLS nor a "
		       "password; listen on 127.0.0.1:%llu and put a reverse proxy that has both "
		       "before it",
		       host, (unsigned long long)number);
}
