// SPDX-License-Identifier: GPL-2.0-only
/* Sockets: the ends of paths, and how a connection changes from one to another. */
#include "client.h"
#include <stdio.h>
#include <unistd.h>

#define MAX_OLD 4096

static int old_fds[MAX_OLD];
static int n_old_fds;

static void readable_cb(struct ev_loop *l, ev_io *w, int events)
{
	static struct xq_batch b;
	struct endpoint *ep = w->data;
	struct conn *c = ep->c;
	ngtcp2_path path;
	uint64_t now;

	for (int turn = 0; turn < 4 && xq_recv(ep->fd, &b); turn++) {
		now = xq_now();
		for (int i = 0; i < b.n; i++) {
			if (!xq_addr_eq(&b.pkt[i].from, &opt.server))
				continue;
			xq_path(&path, &ep->inner, &opt.server);
			if (!xq_conn_read(&c->q, &path, b.pkt[i].data, b.pkt[i].len, now))
				return;
		}
		if (!xq_conn_write(&c->q))
			return;
	}
	close_if_done(c);
}

void send_op(struct xq_conn *q, const ngtcp2_path *path, const uint8_t *data, size_t len)
{
	struct conn *c = (struct conn *)q;

	for (int i = 0; i < MAX_SOCKETS; i++) {
		if (c->ep[i].fd < 0 ||
		    !xq_addr_eq(&c->ep[i].inner, (union xq_addr *)path->local.addr))
			continue;
		xq_send(c->ep[i].fd, &opt.server, data, len);
		return;
	}
}

void endpoint_close(struct endpoint *ep)
{
	if (ep->fd < 0)
		return;
	ev_io_stop(run.loop, &ep->io);
	close(ep->fd);
	ep->fd = -1;
}

/* A free place, or that of the path used longest ago. */
static struct endpoint *endpoint_slot(struct conn *c)
{
	struct endpoint *ep;

	for (int i = 0; i < MAX_SOCKETS; i++)
		if (c->ep[i].fd < 0)
			return &c->ep[i];
	ep = &c->ep[(c->current + 1) % MAX_SOCKETS];
	endpoint_close(ep);
	return ep;
}

int endpoint_open(struct conn *c, const char *where, int *index)
{
	union xq_addr inner;
	struct endpoint *ep;
	int fd = xq_socket(where, 0, &inner);

	if (fd < 0)
		return fd;
	ep = endpoint_slot(c);
	ep->c = c;
	ep->fd = fd;
	ep->inner = inner;
	snprintf(ep->where, sizeof(ep->where), "%s", where);
	ev_io_init(&ep->io, readable_cb, ep->fd, EV_READ);
	ep->io.data = ep;
	ev_io_start(run.loop, &ep->io);
	*index = ep - c->ep;
	return 0;
}

/*
 * The NAT forgot us: another port from now on. The old socket stays open and
 * unread, for a NAT drops in silence where a closed port would answer.
 */
int rebind(struct conn *c)
{
	struct endpoint *ep = &c->ep[c->current];
	union xq_addr bound;
	char text[64];
	int fd = xq_socket(ep->where, 0, &bound);

	if (fd < 0)
		return fd;
	ev_io_stop(run.loop, &ep->io);
	if (n_old_fds < MAX_OLD)
		old_fds[n_old_fds++] = ep->fd;
	else
		close(ep->fd);
	ep->fd = fd;
	ev_io_set(&ep->io, fd, EV_READ);
	ev_io_start(run.loop, &ep->io);
	c->rebinds++;
	progress_event(c, "rebind", xq_addr_text(&bound, text));
	return 0;
}

int migrate(struct conn *c, const char *to, bool probe)
{
	struct endpoint *ep;
	ngtcp2_path path;
	char text[64];
	int rc, index;

	rc = endpoint_open(c, to ? to : c->ep[c->current].where, &index);
	if (rc)
		return rc;
	ep = &c->ep[index];
	xq_path(&path, &ep->inner, &opt.server);
	if (probe)
		rc = ngtcp2_conn_initiate_migration(c->q.conn, &path, xq_now());
	else
		rc = ngtcp2_conn_initiate_immediate_migration(c->q.conn, &path, xq_now());
	if (rc) {
		endpoint_close(ep);
		return rc;
	}
	c->current = index;
	c->migrations++;
	progress_event(c, probe ? "probe" : "migration", xq_addr_text(&ep->inner, text));
	return 0;
}
