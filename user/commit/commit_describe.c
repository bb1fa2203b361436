// SPDX-License-Identifier: GPL-2.0-only
/* What changes, in words. Nothing is written here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "model/model_fact.h"
#include "lib/text.h"
#include "vm/vm.h"

static const char *on_off(bool b)
{
	return b ? "on" : "off";
}

/* none: what no name stands for. */
static void diff_check(struct phrase *p, const char *have, const char *want, const char *none)
{
	if (strcmp(have, want))
		add_part(p, "health %s -> %s", *have ? have : none, *want ? want : none);
}

static int describe_vip(struct commit *c, const struct vip_slot *s)
{
	const struct model_vip *v = s->want ? s->want : s->have;
	struct phrase p = { .n = 0 };
	char name[TEXT_VIP];

	text_vip(name, v->addr, v->port, v->proto);
	if (!s->have)
		return commit_add_line(c, "+ vip %s%s%s%s%s%s", name, v->cid ? " cid" : "",
				       v->flow ? "" : " flow off", v->announce ? " announce" : "",
				       v->check[0] ? " health " : "", v->check);
	if (!s->want)
		return commit_add_line(c, "- vip %s", name);
	if (s->have->cid != v->cid)
		add_part(&p, "cid %s -> %s", on_off(s->have->cid), on_off(v->cid));
	if (s->have->flow != v->flow)
		add_part(&p, "flow %s -> %s", on_off(s->have->flow), on_off(v->flow));
	if (s->have->announce != v->announce)
		add_part(&p, "announce %s -> %s", on_off(s->have->announce), on_off(v->announce));
	if (s->have->min_up != v->min_up)
		add_part(&p, "min_up %u -> %u", s->have->min_up, v->min_up);
	diff_check(&p, s->have->check, v->check, "none");
	return p.n ? commit_add_line(c, "~ vip %s: %s", name, p.text) : 0;
}

static bool is_going(const struct commit *c, int s)
{
	return c->cid[s].have && !c->cid[s].want;
}

static bool is_coming(const struct commit *c, int s)
{
	return c->cid[s].want && !c->cid[s].have;
}

/*
 * pair[old slot]: the slot of the new one that is described as its change ("~"): one of
 * the same ID and format, or else of the same ID; 0: none.
 */
static void pair_cids(const struct commit *c, __u8 pair[XR_CID_SLOTS])
{
	const struct xr_cid_info *h, *w;
	int pass, i, j;

	memset(pair, 0, XR_CID_SLOTS);
	for (pass = 0; pass < 2; pass++)
		for (i = 1; i < XR_CID_SLOTS; i++)
			for (j = 1; j < XR_CID_SLOTS; j++) {
				if (!is_going(c, i) || !is_coming(c, j) || pair[i] ||
				    memchr(pair, j, XR_CID_SLOTS))
					continue;
				h = &c->cid[i].have->info;
				w = &c->cid[j].want->info;
				if (h->config_id == w->config_id &&
				    (pass || h->format == w->format))
					pair[i] = j;
			}
}

static int describe_cids(struct commit *c)
{
	const struct xr_cid_info *info;
	__u8 pair[XR_CID_SLOTS];
	int ret = 0, s;

	pair_cids(c, pair);
	for (s = 1; !ret && s < XR_CID_SLOTS; s++) {
		if (!is_going(c, s) || pair[s])
			continue;
		info = &c->cid[s].have->info;
		ret = commit_add_line(c, "- cid %u %s", info->config_id,
				      xr_cid_format_word(info->format));
	}
	for (s = 1; !ret && s < XR_CID_SLOTS; s++) {
		if (!is_coming(c, s))
			continue;
		info = &c->cid[s].want->info;
		ret = commit_add_line(c, "%c cid %u %s server-id-length %u nonce-length %u%s",
				      memchr(pair, s, sizeof(pair)) ? '~' : '+', info->config_id,
				      xr_cid_format_word(info->format), info->sid_len,
				      info->nonce_len, info->has_key ? " key (hidden)" : "");
	}
	return ret;
}

/* How many of two sorted lists are only in the one or only in the other. */
static void count_diff(const void *a, size_t na, const void *b, size_t nb, size_t size,
		       int (*compare)(const void *, const void *), size_t *only_a, size_t *only_b)
{
	const char *x = a, *y = b, *xe = x + na * size, *ye = y + nb * size;
	int d;

	*only_a = *only_b = 0;
	while (x < xe || y < ye) {
		d = x == xe ? 1 : y == ye ? -1 : compare(x, y);
		*only_a += d < 0;
		*only_b += d > 0;
		x += d <= 0 ? size : 0;
		y += d >= 0 ? size : 0;
	}
}

static void diff_lists(struct phrase *p, const struct model_backend *h,
		       const struct model_backend *w, const struct sid_change *sids)
{
	size_t gone, new;

	/* Both are in order (model_sort_lists). */
	count_diff(h->vips, h->n_vips, w->vips, w->n_vips, sizeof(*w->vips), model_compare_vip_keys,
		   &gone, &new);
	if (gone || new)
		add_part(p, "vips +%zu -%zu", new, gone);
	if (sids->come || sids->go)
		add_part(p, "server IDs +%u -%u", sids->come, sids->go);
}

static void diff_facts(struct phrase *p, const struct xr_backend_info *h,
		       const struct xr_backend_info *w)
{
	char was[MODEL_FACT_TEXT], is[MODEL_FACT_TEXT];
	int f;

	for (f = 0; f < MODEL_FACTS; f++)
		if (model_fact_differs(f, h, w))
			add_part(p, "%s %s -> %s", model_facts[f].word, model_fact_text(f, h, was),
				 model_fact_text(f, w, is));
}

/* A backend may be tied to a VM that comes later; or its MAC is mistyped. */
static int warn_unknown_vm(struct commit *c, const struct backend_slot *s)
{
	const struct xr_backend_info *w = s->want ? &s->want->info : NULL;
	const struct xr_backend_info *h = s->have ? &s->have->info : NULL;
	char mac[TEXT_MAC];

	if (!w || mac_is_zero(w->vm_mac) || c->want->vms_given ||
	    (h && !memcmp(h->vm_mac, w->vm_mac, 6) && h->vm_vlan == w->vm_vlan) ||
	    vm_find(c->p, vm_key(w->vm_mac, w->vm_vlan)) != VM_NOWHERE)
		return 0;
	return commit_add_line(
		c,
		"! backend %s: VM %s is not known; its packets follow the VM once \"xroam vm add\" makes it so",
		w->name, text_mac(mac, w->vm_mac));
}

static int describe_backend(struct commit *c, const struct backend_slot *s)
{
	const struct model_backend *b = s->want ? s->want : s->have;
	struct phrase p = { .n = 0 };
	char addr[TEXT_ADDR];

	if (!s->have)
		return commit_add_line(
			c,
			"+ backend %s address %s weight %u %s %s, %zu server IDs, behind %zu VIPs",
			b->info.name, text_addr(addr, b->info.addr), b->info.weight,
			text_forward(b->info.forward), text_state(b->info.state), b->n_sids,
			b->n_vips);
	if (!s->want)
		return commit_add_line(c, "- backend %s", b->info.name);
	diff_facts(&p, &s->have->info, &s->want->info);
	diff_lists(&p, s->have, s->want, &c->sid_change[b->index]);
	diff_check(&p, s->have->check, b->check, "as its VIPs");
	return p.n ? commit_add_line(c, "~ backend %s: %s", b->info.name, p.text) : 0;
}

static void diff_moves(struct phrase *p, const struct xr_policy *h, const struct xr_policy *w)
{
	static const char *const moves[] = { "expected", "ports", "any", "?" };
	static const char *const tunnels[] = { "hosts", "any" };

	if (h->moves != w->moves)
		add_part(p, "moves %s -> %s", moves[h->moves & 3], moves[w->moves & 3]);
	if (h->tunnels != w->tunnels)
		add_part(p, "tunnels %s -> %s", tunnels[h->tunnels & 1], tunnels[w->tunnels & 1]);
	if (h->announce != w->announce)
		add_part(p, "announce %s -> %s", on_off(h->announce), on_off(w->announce));
#define NUMBER(field)             \
	if (h->field != w->field) \
	add_part(p, #field " %u -> %u", h->field, w->field)
	NUMBER(announce_rate);
	NUMBER(flap_moves);
	NUMBER(flap_seconds);
	NUMBER(vm_ttl);
	NUMBER(prepare_timeout);
	NUMBER(blackout_timeout);
	NUMBER(health_rate);
	NUMBER(health_flaps);
	NUMBER(health_flap_seconds);
#undef NUMBER
}

static int describe_policy(struct commit *c)
{
	static const char *const too_big[] = { "reply", "drop" };
	static const char *const down[] = { "drop", "fallback" };
	static const char *const vip_other[] = { "drop", "pass" };
	static const char *const failed[] = { "keep", "none" };
	const struct xr_policy *h = &c->have->policy, *w = &c->want->policy;
	struct phrase p = { .n = 0 };

	if (h->too_big != w->too_big)
		add_part(&p, "too_big %s -> %s", too_big[h->too_big & 1], too_big[w->too_big & 1]);
	if (h->down != w->down)
		add_part(&p, "down %s -> %s", down[h->down & 1], down[w->down & 1]);
	if (h->flow_idle != w->flow_idle)
		add_part(&p, "flow_idle %u -> %u", h->flow_idle, w->flow_idle);
	if (h->reply_rate != w->reply_rate)
		add_part(&p, "reply_rate %u -> %u", h->reply_rate, w->reply_rate);
	if (h->source4 != w->source4 || h->source_bits != w->source_bits)
		add_part(&p, "source");
	if (h->source6_bits != w->source6_bits ||
	    memcmp(h->source6, w->source6, sizeof(h->source6)))
		add_part(&p, "source6");
	if (h->vip_other != w->vip_other)
		add_part(&p, "vip_other %s -> %s", vip_other[h->vip_other & 1],
			 vip_other[w->vip_other & 1]);
	if (h->vip_echo != w->vip_echo)
		add_part(&p, "vip_echo %s -> %s", on_off(h->vip_echo), on_off(w->vip_echo));
	if (h->vip_route != w->vip_route)
		add_part(&p, "vip_route %s -> %s", on_off(h->vip_route), on_off(w->vip_route));
	if (h->vip_table != w->vip_table)
		add_part(&p, "vip_table %u -> %u", h->vip_table, w->vip_table);
	if (h->vip_hold != w->vip_hold)
		add_part(&p, "vip_hold %u -> %u", h->vip_hold, w->vip_hold);
	if (h->health_failed != w->health_failed)
		add_part(&p, "health_failed %s -> %s", failed[h->health_failed & 1],
			 failed[w->health_failed & 1]);
	diff_moves(&p, h, w);
	return p.n ? commit_add_line(c, "~ policy: %s", p.text) : 0;
}

int commit_describe(struct commit *c)
{
	int ret = describe_policy(c);
	__u32 i;

	if (!ret)
		ret = describe_cids(c);
	for (i = 1; !ret && i <= c->have->limits.vips; i++)
		if (c->vip[i].have || c->vip[i].want)
			ret = describe_vip(c, &c->vip[i]);
	for (i = 1; !ret && i <= c->have->limits.backends; i++)
		if (c->backend[i].have || c->backend[i].want)
			ret = describe_backend(c, &c->backend[i]);
	for (i = 1; !ret && i <= c->have->limits.backends; i++)
		ret = warn_unknown_vm(c, &c->backend[i]);
	if (!ret)
		ret = commit_describe_health(c);
	if (!ret)
		ret = commit_describe_hosts(c);
	if (!ret)
		ret = commit_describe_vms(c);
	return ret;
}
