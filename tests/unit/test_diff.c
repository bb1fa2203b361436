/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What apply finds to change between two models: something, if and only if they
 * differ, and words for it, if and only if there is something. That they differ is
 * taken from what is written of each into a file.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <xroam/hash.h>
#include "lib/unit.h"
#include "user/commit/commit_priv.h"
#include "user/config/config.h"
#include "user/model/model_edit.h"
#include "user/write/write.h"

#define PAIRS 1000

static __u64 seed;

static __u32 draw(__u32 below)
{
	return xr_mix64(++seed * 0x9e3779b97f4a7c15ULL) % below;
}

static void *more(void *array, size_t *n, size_t size)
{
	void *new = model_grow(array, n, size);

	assert_non_null(new);
	return new;
}

static void ipv4(__be32 addr[XR_ADDR_WORDS], __u32 last)
{
	addr[0] = addr[1] = 0;
	addr[2] = htonl(0xffff);
	addr[3] = htonl(0x0a080000 | last);
}

/* ---- models ---- */

static void make_policy(struct xr_policy *p)
{
	p->too_big = draw(2);
	p->down = draw(2);
	p->flow_idle = 60 + draw(2);
	p->reply_rate = 100 + draw(2);
	p->source4 = htonl(0x0a080000 + (draw(2) << 16));
	p->source_bits = 8 + draw(2);
	p->source6[0] = htonl(0xfd000000 | draw(2));
	p->source6_bits = 64 + draw(2);
	p->moves = draw(3);
	p->announce = draw(2);
	p->announce_rate = 100 + draw(2);
	p->tunnels = draw(2);
	p->vip_other = draw(2);
	p->vip_echo = draw(2);
	p->vip_route = draw(2);
	p->flap_moves = 3 + draw(2);
	p->flap_seconds = 10 + draw(2);
	p->vm_ttl = 60 + draw(2);
	p->prepare_timeout = 60 + draw(2);
	p->blackout_timeout = 30 + draw(2);
}

static void make_vips(struct model *m)
{
	struct model_vip *v;
	__u32 i;

	for (i = 0; i < 6; i++) {
		if (draw(2))
			continue;
		v = more(&m->vips, &m->n_vips, sizeof(*v));
		ipv4(v->addr, 1 + i / 3);
		v->port = htons(80 + i % 2);
		v->proto = i % 3 == 2 ? 6 : 17;
		v->cid = v->proto == 17 && draw(2);
		v->flow = draw(2);
	}
}

/* Two of one ID and different formats among them. */
static void make_cids(struct model *m)
{
	const __u8 formats[] = { XR_CID_QUIC_LB, XR_CID_QUIC_LB,
				 draw(2) ? XR_CID_QUIC_LB2 : XR_CID_MVFST1 };
	struct model_cid *c;
	__u32 i;

	for (i = 0; i < 3; i++) {
		if (draw(2))
			continue;
		c = more(&m->cids, &m->n_cids, sizeof(*c));
		c->info.used = 1;
		c->info.format = formats[i];
		c->info.config_id = i == 1 ? 6 : 1;
		c->info.sid_len = 4 + 4 * draw(2);
		c->info.nonce_len = 4 + 4 * draw(2);
		c->info.offset = formats[i] != XR_CID_MVFST1;
		if (formats[i] == XR_CID_MVFST1)
			c->info.sid_len = c->info.nonce_len = 2;
		c->info.has_key = formats[i] == XR_CID_QUIC_LB && draw(2);
		if (c->info.has_key)
			c->info.key[5] = draw(2);
	}
}

static void put_lists(struct model *m, struct model_backend *b, __u32 nth)
{
	struct model_vip_key *k;
	struct model_sid *s;
	size_t i;

	for (i = 0; i < m->n_vips; i++) {
		if (draw(2))
			continue;
		k = more(&b->vips, &b->n_vips, sizeof(*k));
		memcpy(k->addr, m->vips[i].addr, sizeof(k->addr));
		k->port = m->vips[i].port;
		k->proto = m->vips[i].proto;
	}
	for (i = 0; i < 3; i++) {
		if (draw(2))
			continue;
		s = more(&b->sids, &b->n_sids, sizeof(*s));
		s->len = 4;
		s->octet[0] = nth;
		s->octet[3] = i;
	}
}

static void make_backends(struct model *m)
{
	struct xr_backend_info *b;
	struct model_backend *new;
	__u32 i;

	for (i = 0; i < 4; i++) {
		if (draw(2))
			continue;
		new = more(&m->backends, &m->n_backends, sizeof(*new));
		b = &new->info;
		/* What a longer name left behind its end is nothing. */
		memset(b->dev, draw(2) ? 'x' : 0, sizeof(b->dev));
		strcpy(b->dev, draw(2) ? "eth0" : "");
		snprintf(b->name, sizeof(b->name), "b%u", i);
		ipv4(b->addr, 10 + draw(2));
		b->weight = draw(3);
		b->initial_rate = draw(2);
		b->state = XR_BACKEND_UP + draw(3);
		b->forward = draw(2) ? XR_FORWARD_GUE : XR_FORWARD_VXLAN;
		b->port = draw(2);
		if (b->forward == XR_FORWARD_VXLAN) {
			b->vni = 7 + draw(2);
			b->mac[0] = 2;
			b->mac[5] = draw(2);
		}
		put_lists(m, new, i);
	}
}

static void make_hosts(struct model *m)
{
	struct xr_protected *x;
	struct xr_host_info *h;
	struct model_host *new;
	struct xr_gateway *g;
	__u32 i;

	for (i = 0; i < 4; i++) {
		if (draw(2))
			continue;
		new = more(&m->hosts, &m->n_hosts, sizeof(*new));
		h = &new->info;
		snprintf(h->name, sizeof(h->name), "h%u", i);
		h->method = draw(2) ? XR_FORWARD_GUE : XR_FORWARD_VXLAN;
		ipv4(h->addr, 20 + 2 * i + draw(2));
		h->vni = h->method == XR_FORWARD_VXLAN ? 7 + draw(2) : 0;
		h->port = draw(2);
	}
	for (i = 0; i < 3; i++) {
		if (draw(2))
			continue;
		g = more(&m->gateways, &m->n_gateways, sizeof(*g));
		ipv4(g->addr, 40 + i);
		g->used = g->has_mac = 1;
		g->mac[0] = 2;
		g->mac[5] = draw(2);
		x = more(&m->protect, &m->n_protect, sizeof(*x));
		x->kind = XR_PROTECTED_MAC;
		x->octet[0] = 2;
		x->octet[5] = i;
	}
}

static void make(struct model *m)
{
	model_init(m);
	m->limits = (struct xr_limits){ .vips = 16, .backends = 16, .hosts = 16, .server_ids = 64 };
	make_policy(&m->policy);
	make_vips(m);
	make_cids(m);
	make_backends(m);
	make_hosts(m);
}

static void shuffle(void *array, size_t n, size_t size)
{
	char *a = array, *x, *y, t;
	size_t i, k;

	for (i = n; i > 1; i--) {
		x = a + (i - 1) * size;
		y = a + draw(i) * size;
		for (k = 0; k < size; k++) {
			t = x[k];
			x[k] = y[k];
			y[k] = t;
		}
	}
}

static void reorder(struct model *m)
{
	size_t i;

	shuffle(m->vips, m->n_vips, sizeof(*m->vips));
	shuffle(m->cids, m->n_cids, sizeof(*m->cids));
	shuffle(m->hosts, m->n_hosts, sizeof(*m->hosts));
	shuffle(m->gateways, m->n_gateways, sizeof(*m->gateways));
	shuffle(m->protect, m->n_protect, sizeof(*m->protect));
	for (i = 0; i < m->n_backends; i++) {
		struct model_backend *b = &m->backends[i];

		shuffle(b->vips, b->n_vips, sizeof(*b->vips));
		shuffle(b->sids, b->n_sids, sizeof(*b->sids));
	}
	shuffle(m->backends, m->n_backends, sizeof(*m->backends));
}

/* ---- what there is to change ---- */

struct found {
	bool differs;
	size_t lines;
};

static void as_if_running(struct model *m)
{
	size_t i;

	for (i = 0; i < m->n_vips; i++)
		m->vips[i].index = i + 1;
	for (i = 0; i < m->n_cids; i++)
		m->cids[i].slot = i + 1;
	for (i = 0; i < m->n_backends; i++)
		m->backends[i].index = i + 1;
	for (i = 0; i < m->n_hosts; i++)
		m->hosts[i].index = i + 1;
}

static void no_grace(void *ctx)
{
}

/* Server IDs are compared with the table that packets are steered by. */
static void fill_sid_table(struct plane *p, const struct model *m)
{
	static struct xr_sid_bucket bucket[64], dir[1];
	static struct xr_sid_names names[64];
	static struct xr_sid_page page[1];
	static struct xr_meta no_pages;
	struct sid_table t = { bucket, names, 63 };
	struct sid_entry entry[256];
	struct sid_plan *plan;
	size_t i, j, n = 0;

	memset(bucket, 0, sizeof(bucket));
	memset(names, 0, sizeof(names));
	for (i = 0; i < m->n_backends; i++)
		for (j = 0; j < m->backends[i].n_sids; j++, n++) {
			memcpy(entry[n].sid, m->backends[i].sids[j].octet, XR_SID_MAX);
			entry[n].len = m->backends[i].sids[j].len;
			entry[n].backend = m->backends[i].index;
		}
	assert_int_equal(sid_plan_make(&t, entry, n, &plan, NULL), 0);
	sid_plan_apply(plan, &t, no_grace, NULL);
	sid_plan_free(plan);
	p->server_ids = bucket;
	p->server_id_names = names;
	p->sid_buckets = 64;
	p->server_id_dir = dir;
	p->sid_dir_buckets = 1;
	p->server_id_pages = page;
	p->meta = &no_pages;
}

static struct found compare(const struct model *a, const struct model *b)
{
	static struct plane nowhere;
	struct xr_err err = { "" };
	struct model have, want;
	struct commit c = { .p = &nowhere, .err = &err, .have = &have, .want = &want };
	struct found f = { false, 0 };
	size_t i;

	assert_int_equal(model_copy(&have, a), 0);
	assert_int_equal(model_copy(&want, b), 0);
	as_if_running(&have);
	fill_sid_table(&nowhere, &have);
	if (commit_match(&c) || commit_compare_sids(&c) || commit_describe(&c))
		fail_msg("%s", err.text);
	f.differs = commit_differs(&c);
	f.lines = c.n_changes;
	for (i = 0; i < c.n_lines; i++)
		free(c.lines[i]);
	free(c.lines);
	free(c.vip);
	free(c.backend);
	free(c.host);
	free(c.had_health);
	free(c.health);
	free(c.sid_change);
	model_free(&have);
	model_free(&want);
	return f;
}

static int by_name(const void *a, const void *b)
{
	/* Each begins with what tells it: an address, a name. */
	return memcmp(a, b, 16);
}

static int by_cid(const void *a, const void *b)
{
	const struct model_cid *x = a, *y = b;

	return x->info.format != y->info.format ? x->info.format - y->info.format
						: x->info.config_id - y->info.config_id;
}

static int by_vip(const void *a, const void *b)
{
	const struct model_vip *x = a, *y = b;
	int d = memcmp(x->addr, y->addr, sizeof(x->addr));

	if (!d)
		d = x->proto - y->proto;
	return d ? d : ntohs(x->port) - ntohs(y->port);
}

#define SORT(array, n, how)                                     \
	do {                                                    \
		if (n)                                          \
			qsort(array, n, sizeof(*(array)), how); \
	} while (0)

static int by_protected(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xr_protected));
}

static char *written(const struct model *of, size_t *len)
{
	struct xr_err err;
	struct model m;
	char *text;

	assert_int_equal(model_copy(&m, of), 0);
	model_sort_lists(&m);
	SORT(m.vips, m.n_vips, by_vip);
	SORT(m.cids, m.n_cids, by_cid);
	SORT(m.backends, m.n_backends, by_name);
	SORT(m.hosts, m.n_hosts, by_name);
	SORT(m.gateways, m.n_gateways, by_name);
	SORT(m.protect, m.n_protect, by_protected);
	assert_int_equal(config_write(&m, true, false, &text, len, &err), 0);
	model_free(&m);
	return text;
}

static bool same_file(const struct model *a, const struct model *b)
{
	size_t x, y;
	char *s = written(a, &x), *t = written(b, &y);
	bool same = x == y && !memcmp(s, t, x);

	free(s);
	free(t);
	return same;
}

/* A model where all is the one's but for one part, which is the other's. */
static void mix(struct model *to, struct model *from)
{
#define SWAP(field)                                   \
	do {                                          \
		__typeof__(to->field) t_ = to->field; \
		to->field = from->field;              \
		from->field = t_;                     \
	} while (0)
	__u8 *p = (__u8 *)&to->policy, *q = (__u8 *)&from->policy;
	size_t i;

	switch (draw(5)) {
	case 0: /* one octet in which they differ */
		for (i = draw(sizeof(to->policy)); i < sizeof(to->policy); i++)
			if (p[i] != q[i]) {
				p[i] = q[i];
				break;
			}
		break;
	case 1:
		SWAP(cids);
		SWAP(n_cids);
		break;
	case 2:
		SWAP(hosts);
		SWAP(n_hosts);
		break;
	case 3:
		SWAP(gateways);
		SWAP(n_gateways);
		break;
	case 4:
		SWAP(protect);
		SWAP(n_protect);
	}
}

static void check_pair(const struct model *a, const struct model *b)
{
	struct found f = compare(a, b);
	bool same = same_file(a, b);

	if (f.differs == same)
		fail_msg("seed %llu: the files are %s, the models are not", seed,
			 same ? "the same" : "different");
	if (f.differs != (f.lines > 0))
		fail_msg("seed %llu: %zu lines tell of what %s", seed, f.lines,
			 f.differs ? "differs" : "is the same");
}

static void test_pairs(void **state)
{
	struct model a, b, c, d;
	int i, same = 0;

	for (i = 0; i < PAIRS; i++) {
		make(&a);
		make(&b);
		check_pair(&a, &b);
		assert_int_equal(model_copy(&c, &a), 0);
		reorder(&c);
		assert_false(compare(&a, &c).differs);
		check_pair(&a, &c);
		make(&d);
		mix(&c, &d);
		check_pair(&a, &c);
		same += same_file(&a, &c);
		model_free(&a);
		model_free(&b);
		model_free(&c);
		model_free(&d);
	}
	assert_in_range(same, 1, PAIRS / 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
