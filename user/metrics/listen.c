// SPDX-License-Identifier: GPL-2.0-only
/* The socket that metrics are served at. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "metrics_priv.h"
#include "plane/daemon_claim.h"

#define BACKLOG 64

static int open_path(struct listener *l, const struct metrics_address *at, struct xr_err *err)
{
	const char *path = at->un.sun_path;
	int ret = daemon_socket_clear(&at->un, err);

	if (ret)
		return ret;
	l->socket.at = at->un;
	ret = own_socket_listen(&l->socket, l->fd, BACKLOG);
	if (ret == -ENOENT)
		return xr_fail(err, ret,
			       "%s: its directory is missing; make it, or give another path", path);
	return ret ? xr_fail(err, ret, "%s: %s", path, strerror(-ret)) : 0;
}

static int open_port(struct listener *l, const struct metrics_address *at, const char *where,
		     struct xr_err *err)
{
	const int on = 1;

	/* After a daemon's end its connections may still be in TIME-WAIT. */
	if (!setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) &&
	    !bind(l->fd, &at->any, at->len) && !listen(l->fd, BACKLOG))
		return 0;
	if (errno == EADDRINUSE)
		return xr_fail(err, -errno,
			       "%s: another process listens there; \"ss -ltnp\" shows whose it is",
			       where);
	return xr_fail(err, -errno, "%s: %s", where, strerror(errno));
}

int listener_open(struct listener *l, const char *where, struct xr_err *err)
{
	struct metrics_address at;
	int ret = metrics_address_read(where, &at, err);

	*l = (struct listener){ .fd = -1 };
	if (ret)
		return ret;
	l->fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return xr_fail(err, -errno, "%s: %s", where, strerror(errno));
	ret = at.any.sa_family == AF_UNIX ? open_path(l, &at, err) : open_port(l, &at, where, err);
	if (ret)
		listener_close(l);
	return ret;
}

void listener_close(struct listener *l)
{
	own_socket_remove(&l->socket);
	if (l->fd >= 0)
		close(l->fd);
	*l = (struct listener){ .fd = -1 };
}
