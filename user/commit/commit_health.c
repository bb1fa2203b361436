// SPDX-License-Identifier: GPL-2.0-only
/*
 * Health checks in a commit: what the operator wants checked, and what the daemon found
 * ("found"), which becomes what the tables are made for ("applied").
 *
 * A backend that fails leaves its VIPs' tables. Where all of a VIP fail and the policy is
 * to keep them, those that were the last in its table stay, "kept": and with them those
 * that had failed before, but may have failed of the same, as what is wrong with all takes
 * a while to show at each. It is not the same where another one answered after that.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "commit_priv.h"
#include "lib/health_state.h"
#include "lib/text.h"

static bool is_bad(__u8 health)
{
	return health == XR_HEALTH_DOWN || health == XR_HEALTH_KEPT;
}

/* ---- who serves ---- */

/* One VIP's part of the list, which is in the order of VIPs. */
struct run {
	struct member *item;
	size_t n;
};

static bool next_run(const struct members *m, struct run *r)
{
	size_t at = r->item ? r->item - m->item + r->n : 0;

	r->item = m->item + at;
	for (r->n = 0; at + r->n < m->n && r->item[r->n].vip == r->item->vip; r->n++)
		;
	return r->n;
}

/* Of a VIP's members those that are good get new flows; where there is none, those kept. */
static void fit_weights(struct members *m, const __u8 *health)
{
	struct run r = { NULL, 0 };
	bool any;
	size_t i;

	while (next_run(m, &r)) {
		for (i = 0, any = false; i < r.n; i++)
			any |= r.item[i].weight && !is_bad(health[r.item[i].backend]);
		for (i = 0; i < r.n; i++)
			if (health[r.item[i].backend] == XR_HEALTH_DOWN ||
			    (any && health[r.item[i].backend] == XR_HEALTH_KEPT))
				r.item[i].weight = 0;
	}
}

/* When one of them is last known to have served. */
static __u64 last_answer(const struct commit *c, const struct run *r)
{
	__u64 served, last = 0;
	size_t i;

	for (i = 0; i < r->n; i++) {
		served = c->p->backend_health[r->item[i].backend].served;
		if (r->item[i].weight && served > last)
			last = served;
	}
	return last;
}

/* All that the operator has up fail: those that stay in service become "kept". */
static int keep_last(struct commit *c, const struct run *r)
{
	__u64 answer = last_answer(c, r);
	__u32 kept = 0, of = 0;
	char name[TEXT_VIP];
	bool was = true;
	size_t i;

	for (i = 0; i < r->n; i++) {
		__u16 b = r->item[i].backend;

		if (!r->item[i].weight)
			continue;
		of++;
		was &= is_bad(c->had_health[b]);
		if (c->had_health[b] == XR_HEALTH_DOWN && c->p->backend_health[b].failing < answer)
			continue;
		c->health[b] = XR_HEALTH_KEPT;
		kept++;
	}
	if (was)
		return 0;
	return commit_add_line(
		c,
		"! vip %s: all %u of its backends fail; the last that served stay in service: %u",
		text_vip(name, c->vip[r->item->vip].want->addr, c->vip[r->item->vip].want->port,
			 c->vip[r->item->vip].want->proto),
		of, kept);
}

static bool all_bad(const struct commit *c, const struct run *r)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++) {
		if (!r->item[i].weight)
			continue;
		if (!is_bad(c->health[r->item[i].backend]))
			return false;
		n++;
	}
	return n;
}

static bool is_checked(const struct commit *c, const struct model_backend *b)
{
	if (b->check[0])
		return strcmp(b->check, XR_CHECK_NONE) != 0;
	return c->backend[b->index].checked;
}

int commit_plan_health(struct commit *c)
{
	struct run r = { NULL, 0 };
	const struct member *m;
	int ret = 0;
	size_t i;

	for (i = 0; i < c->want_members.n; i++) {
		m = &c->want_members.item[i];
		c->backend[m->backend].checked |= c->vip[m->vip].want->check[0] != '\0';
	}
	for (i = 0; i < c->have->n_backends; i++) {
		__u16 b = c->have->backends[i].index;

		if (is_bad(c->p->backend_health[b].applied))
			c->had_health[b] = c->p->backend_health[b].applied;
	}
	for (i = 0; i < c->want->n_backends; i++) {
		const struct model_backend *b = &c->want->backends[i];

		if (c->backend[b->index].have && is_checked(c, b) &&
		    is_bad(c->p->backend_health[b->index].found))
			c->health[b->index] = XR_HEALTH_DOWN;
		c->backend[b->index].checked = is_checked(c, b);
	}
	while (!ret && c->want->policy.health_failed == XR_HEALTH_FAILED_KEEP &&
	       next_run(&c->want_members, &r))
		if (all_bad(c, &r))
			ret = keep_last(c, &r);
	fit_weights(&c->have_members, c->had_health);
	fit_weights(&c->want_members, c->health);
	return ret;
}

/* ---- in words ---- */

static int describe_check(struct commit *c, char sign, const struct xr_health_check *k)
{
	char interval[HEALTH_TEXT];

	return commit_add_line(c, "%c health check %s %s every %s s", sign, k->name,
			       health_type_word(k->type), health_ms_text(k->interval_ms, interval));
}

static const struct xr_health_check *find(const struct model *m, const char *name)
{
	size_t i;

	for (i = 0; i < m->n_health; i++)
		if (!strcmp(m->health[i].check.name, name))
			return &m->health[i].check;
	return NULL;
}

static int describe_checks(struct commit *c)
{
	const struct xr_health_check *h, *w;
	int ret = 0;
	size_t i;

	for (i = 0; !ret && i < c->have->n_health; i++)
		if (!find(c->want, c->have->health[i].check.name))
			ret = describe_check(c, '-', &c->have->health[i].check);
	for (i = 0; !ret && i < c->want->n_health; i++) {
		w = &c->want->health[i].check;
		h = find(c->have, w->name);
		if (!h || memcmp(h, w, sizeof(*w)))
			ret = describe_check(c, h ? '~' : '+', w);
	}
	return ret;
}

static int describe_state(struct commit *c, __u32 i)
{
	const struct backend_slot *s = &c->backend[i];
	const struct xr_backend_health *h = &c->p->backend_health[i];

	if (!s->have || !s->want || c->had_health[i] == c->health[i])
		return 0;
	return commit_add_line(c, "~ backend %s: health %s -> %s%s%.*s%s", s->want->info.name,
			       health_word(c->had_health[i] ?: XR_HEALTH_UP),
			       health_word(c->health[i] ?: XR_HEALTH_UP),
			       is_bad(c->health[i]) ? " (" : "",
			       is_bad(c->health[i]) ? (int)sizeof(h->error) : 0, h->error,
			       is_bad(c->health[i]) ? ")" : "");
}

int commit_describe_health(struct commit *c)
{
	int ret = describe_checks(c);
	__u32 i;

	for (i = 1; !ret && i <= c->have->limits.backends; i++)
		ret = describe_state(c, i);
	return ret;
}

bool commit_same_health(const struct commit *c)
{
	size_t i, n = c->have->n_health;

	if (n != c->want->n_health ||
	    memcmp(c->had_health, c->health, c->have->limits.backends + 1))
		return false;
	for (i = 0; i < n; i++)
		if (memcmp(&c->have->health[i].check, &c->want->health[i].check,
			   sizeof(c->want->health[i].check)))
			return false;
	return true;
}

/* ---- into the maps ---- */

/* A name is read by who has no lock: its end is never missing. */
static void store_name(char *to, const char *name)
{
	if (memcmp(to, name, XR_CHECK_NAME))
		memcpy(to, name, XR_CHECK_NAME);
}

static void store_backend_health(struct commit *c, __u32 i)
{
	struct xr_backend_health *to = &c->p->backend_health[i];
	const struct backend_slot *s = &c->backend[i];

	if (!s->want || !s->have || !s->checked)
		memset(to, 0, sizeof(*to));
	if (!s->want)
		return;
	store_name(to->check, s->want->check);
	if (s->checked && !to->since)
		to->since = time(NULL);
	__atomic_store_n(&to->applied, c->health[i], __ATOMIC_RELEASE);
}

void commit_store_health(struct commit *c)
{
	static const char none[XR_CHECK_NAME];
	__u32 i;

	for (i = 0; i < XR_MAX_CHECKS; i++) {
		struct xr_health_check *to = &c->p->health_checks[i];

		if (i >= c->want->n_health)
			memset(to, 0, sizeof(*to));
		else if (memcmp(to, &c->want->health[i].check, sizeof(*to)))
			*to = c->want->health[i].check;
	}
	for (i = 1; i <= c->have->limits.vips; i++)
		if (c->vip[i].have || c->vip[i].want)
			store_name(c->p->vip_checks[i].name,
				   c->vip[i].want ? c->vip[i].want->check : none);
	for (i = 1; i <= c->have->limits.backends; i++)
		if (c->backend[i].have || c->backend[i].want)
			store_backend_health(c, i);
}
