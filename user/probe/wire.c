// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP and QUIC: a packet, and the answer that only who saw it can give. TCP is a SYN,
 * answered by SYN-ACK, and our RST, which travels as the SYN did: the server's process
 * never hears of it. QUIC is a version that does not exist, answered by the list of those
 * that do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "frame_priv.h"
#include "lib/hash.h"
#include "lib/health_state.h"
#include "probe_priv.h"

/* ---- which probe an answer is for ---- */

static __u32 chain_of(__u64 cookie)
{
	return (__u32)cookie & (COOKIE_CHAINS - 1);
}

static void remember(struct prober *pr, struct target *t)
{
	__u32 number = t - pr->targets, *chain;
	const __u64 what[2] = { number, t->round };

	t->cookie = hash_sip(pr->key[0], pr->key[1], what, sizeof(what));
	chain = &pr->cookies[chain_of(t->cookie)];
	t->chain = *chain;
	*chain = number + 1;
}

static void forget(struct prober *pr, struct target *t)
{
	__u32 *at = &pr->cookies[chain_of(t->cookie)], number = t - pr->targets;

	while (*at && *at != number + 1)
		at = &pr->targets[*at - 1].chain;
	if (*at)
		*at = t->chain;
	t->chain = 0;
}

static struct target *find(struct prober *pr, const struct frame_answer *a)
{
	bool quic = a->kind == FRAME_VERSIONS;
	struct target *t;
	__u32 no;

	for (no = pr->cookies[chain_of(a->cookie)]; no; no = t->chain) {
		t = &pr->targets[no - 1];
		if (quic != (check_of(pr, t)->type == XR_CHECK_QUIC) ||
		    (quic ? t->cookie != a->cookie : (__u32)t->cookie != (__u32)a->cookie))
			continue;
		if (a->sport == t->port && a->dport == way_port(pr, t->round) &&
		    !memcmp(a->from, t->addr, sizeof(t->addr)) &&
		    !memcmp(a->to, t->source, sizeof(t->source)))
			return t;
	}
	return NULL;
}

/* ---- out ---- */

static void not_sent(struct prober *pr, struct target *t, int error, struct xr_err *err)
{
	if (!t->busy)
		return;
	forget(pr, t);
	if (error == -EAGAIN)
		probe_void(pr, t);
	else
		probe_done(pr, t, err->text);
}

void wire_flush(struct prober *pr)
{
	way_flush(pr, not_sent);
}

static struct frame_ends ends_of(const struct prober *pr, const struct target *t)
{
	return (struct frame_ends){ t->source, t->addr, way_port(pr, t->round), t->port };
}

static int start(struct prober *pr, struct target *t, struct xr_err *err)
{
	struct frame_ends e;
	__u8 *frame;
	size_t len;
	int ret = target_source(pr, t, err);

	if (ret)
		return ret;
	frame = way_frame(pr, err);
	if (!frame)
		return -EAGAIN;
	remember(pr, t);
	e = ends_of(pr, t);
	len = check_of(pr, t)->type == XR_CHECK_QUIC ? frame_quic(frame, t->backend, &e, t->cookie)
						     : frame_syn(frame, t->backend, &e, t->cookie);
	set_busy(pr, t, true);
	way_put(pr, len, t);
	if (way_is_full(pr))
		wire_flush(pr);
	return 0;
}

static void give_up(struct prober *pr, struct target *t, struct xr_err *err)
{
	char what[TARGET_TEXT], after[HEALTH_TEXT];

	forget(pr, t);
	xr_fail(err, 0, "%s: no answer within %s s", target_text(pr, t, what),
		health_ms_text(check_of(pr, t)->timeout_ms, after));
}

/* ---- in ---- */

/* Where it cannot be sent, the server forgets the connection by itself. */
static void reset(struct prober *pr, struct target *t)
{
	struct frame_ends e = ends_of(pr, t);
	__u8 *frame = way_frame(pr, NULL);

	if (!frame)
		return;
	way_put(pr, frame_rst(frame, t->backend, &e, (__u32)t->cookie + 1), NULL);
	if (way_is_full(pr))
		wire_flush(pr);
}

static void on_answer(struct prober *pr, const __u8 *ip, size_t len, __u64 when)
{
	char text[sizeof(((struct target *)0)->error)], what[TARGET_TEXT];
	struct frame_answer a;
	struct target *t;

	frame_read(ip, len, &a);
	t = a.kind == FRAME_OTHER ? NULL : find(pr, &a);
	if (!t) {
		figures_count(&pr->d->figures->probes_forged);
		return;
	}
	t->answered_ns = when;
	if (a.kind == FRAME_SYN_ACK)
		reset(pr, t);
	forget(pr, t);
	if (a.kind == FRAME_RST)
		snprintf(text, sizeof(text), "%s: connection refused", target_text(pr, t, what));
	probe_done(pr, t, a.kind == FRAME_RST ? text : NULL);
}

void wire_receive(struct prober *pr)
{
	way_receive(pr, on_answer);
}

static void cancel(struct prober *pr, struct target *t)
{
	set_busy(pr, t, false);
}

const struct probe_kind probe_tcp = { start, give_up, cancel };
const struct probe_kind probe_quic = { start, give_up, cancel };
