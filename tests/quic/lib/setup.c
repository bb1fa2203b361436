// SPDX-License-Identifier: GPL-2.0-only
/* What both ends set up alike. */
#include "quic.h"
#include <string.h>

uint32_t xq_versions[XQ_VERSIONS] = { XQ_V2, NGTCP2_PROTO_VER_V1 };

void xq_settings(ngtcp2_settings *s)
{
	ngtcp2_settings_default(s);
	s->initial_ts = xq_now();
	s->initial_rtt = XQ_INITIAL_RTT;
	s->max_tx_udp_payload_size = 1452;
	s->handshake_timeout = 20 * XQ_SECOND;
}

void xq_params(ngtcp2_transport_params *p, uint64_t idle)
{
	ngtcp2_transport_params_default(p);
	p->initial_max_stream_data_bidi_local = 4 << 20;
	p->initial_max_stream_data_bidi_remote = 4 << 20;
	p->initial_max_data = 16 << 20;
	p->max_idle_timeout = idle * XQ_SECOND;
}

void xq_path(ngtcp2_path *path, const union xq_addr *local, const union xq_addr *remote)
{
	memset(path, 0, sizeof(*path));
	ngtcp2_addr_init(&path->local, &local->sa, xq_addr_len(local));
	ngtcp2_addr_init(&path->remote, &remote->sa, xq_addr_len(remote));
}

void xq_on_signal(struct ev_loop *loop, ev_signal *w, int number, xq_signal_cb *cb)
{
	ev_signal_init(w, cb, number);
	ev_signal_start(loop, w);
}

void xq_on_time(struct ev_loop *loop, ev_timer *w, double after, double every, xq_timer_cb *cb)
{
	ev_timer_init(w, cb, after, every);
	ev_timer_start(loop, w);
}
