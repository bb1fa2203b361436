// SPDX-License-Identifier: GPL-2.0-only
/* A libvirt's domains and their cards, and what each line says of them. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clean.h"
#include "lib/lut.h"
#include "lib/text.h"
#include "domains_priv.h"

#define each_card(c, dom)                              \
	for ((c) = (dom)->cards; (c); (c) = (c)->next) \
		if (!(c)->refused)

/* ---- cards ---- */

static __u64 hash_of(const char *uuid)
{
	return lut_hash(uuid, strlen(uuid));
}

static struct domain *domain_of(struct chain *c)
{
	return c ? (struct domain *)((char *)c - offsetof(struct domain, by_uuid)) : NULL;
}

static struct domain *find(const struct virt *v, const char *uuid)
{
	struct domain *dom = domain_of(chains_first(&v->by_uuid, hash_of(uuid)));

	while (dom && strcmp(dom->uuid, uuid))
		dom = domain_of(chains_next(&dom->by_uuid));
	return dom;
}

static struct card *card_of(struct guest *g)
{
	return (struct card *)((char *)g - offsetof(struct card, guest));
}

static bool is_same(const struct card *a, const struct guest *b)
{
	return !memcmp(a->guest.mac, b->mac, sizeof(b->mac)) && a->guest.vlan == b->vlan;
}

/* Another domain that has such a card; the same one at another libvirt is no other. */
static bool is_others(const struct card *c)
{
	const struct chains *by_vm = &c->dom->virt->all->by_vm;
	struct guest *g;
	struct card *o;

	for (g = guest_first(by_vm, guest_key(&c->guest)); g; g = guest_next(g)) {
		o = card_of(g);
		if (o != c && !o->refused &&
		    (strcmp(o->dom->uuid, c->dom->uuid) || o->dom == c->dom))
			return true;
	}
	return false;
}

static void ask(struct guest *g, enum guest_question question, const char *command,
		const char *arguments)
{
	struct card *c = card_of(g);
	struct virt *v = c->dom->virt;
	char text[512];
	unsigned int number = 0;
	struct card *o;

	if (!v->monitor || !v->conf.monitor)
		return;
	for (o = c->dom->cards; o != c; o = o->next)
		number++;
	snprintf(text, sizeof(text), "{\"execute\":\"%s\"%s%s}", command,
		 arguments ? ",\"arguments\":" : "", arguments ? arguments : "");
	helper_send(v,
		    json_pack("{s:s, s:i, s:s}", "domain", c->dom->uuid, "ask",
			      (int)(number << 8 | question), "command", text));
}

static bool is_told_by(struct guest *g, const char *host)
{
	struct card *c = card_of(g);
	const struct virt *v = c->dom->virt->all->list;

	while (v && (!v->up || strcmp(v->conf.host, host)))
		v = v->next;
	return v && find(v, c->dom->uuid);
}

static const struct guest_ops guest_ops = { .ask = ask, .is_told_by = is_told_by };

static struct card *card_new(struct domain *dom, const __u8 mac[6], __u16 vlan)
{
	struct card *c = calloc(1, sizeof(*c)), **end = &dom->cards;
	struct guest *g;

	if (!c)
		return NULL;
	g = &c->guest;
	guest_init(g);
	g->d = dom->virt->d;
	g->ops = &guest_ops;
	g->source = XR_SOURCE_LIBVIRT;
	g->peer = (struct daemon_peer){ .via = AUDIT_LIBVIRT, .fd = -1, .what = dom->label };
	memcpy(g->mac, mac, sizeof(g->mac));
	g->vlan = vlan;
	g->to = dom->virt->conf.to;
	g->host = dom->virt->conf.host;
	g->tap_is_new = true;
	c->dom = dom;
	if (chains_add(&dom->virt->all->by_vm, &g->by_vm, guest_key(g))) {
		free(c);
		return NULL;
	}
	/* At the end: its place is in what is asked about it. */
	while (*end)
		end = &(*end)->next;
	*end = c;
	return c;
}

static void card_free(struct card *c)
{
	chains_remove(&c->dom->virt->all->by_vm, &c->guest.by_vm);
	guest_forget(&c->guest);
	free(c);
}

static void take_card(struct domain *dom, json_t *one)
{
	const char *mac_text = json_string_value(json_object_get(one, "mac"));
	const char *tap = json_string_value(json_object_get(one, "tap"));
	json_int_t vlan = json_integer_value(json_object_get(one, "vlan"));
	struct guest key = { .vlan = vlan };
	struct card *c;

	if (!mac_text || text_to_mac(mac_text, key.mac, NULL) || vlan < 0 || vlan > 4094) {
		dom->left_out++;
		return;
	}
	for (c = dom->cards; c && !is_same(c, &key); c = c->next)
		;
	if (!c)
		c = card_new(dom, key.mac, key.vlan);
	if (!c)
		return;
	c->listed = true;
	c->guest.tap[0] = '\0';
	if (tap && strlen(tap) < sizeof(c->guest.tap) && !dom->virt->conf.host[0] &&
	    !text_check_dev(NULL, tap, NULL))
		strcpy(c->guest.tap, tap);
}

static void take_cards(struct domain *dom, json_t *list)
{
	struct card **link = &dom->cards, *c;
	json_t *one;
	size_t i;

	for (c = dom->cards; c; c = c->next)
		c->listed = false;
	json_array_foreach(list, i, one)
		take_card(dom, one);
	while ((c = *link)) {
		if (c->listed) {
			c->refused = is_others(c);
			link = &c->next;
		} else {
			*link = c->next;
			card_free(c);
		}
	}
}

/* ---- domains ---- */

static void domain_free(struct domain *dom)
{
	struct card *c;

	while ((c = dom->cards)) {
		dom->cards = c->next;
		card_free(c);
	}
	free(dom);
}

static bool has_more(const struct domain *dom)
{
	const struct card *c = dom->cards;

	while (c && !guest_has_more(&c->guest))
		c = c->next;
	return c;
}

/* Those that have nothing more to say; and the one with that uuid, which is there again. */
static void drop_ended(struct virt *v, const char *uuid)
{
	struct domain **link = &v->ended, *dom;

	while ((dom = *link)) {
		if (has_more(dom) && (!uuid || strcmp(dom->uuid, uuid))) {
			link = &dom->next;
			continue;
		}
		*link = dom->next;
		domain_free(dom);
	}
}

static struct domain *find_or_make(struct virt *v, const char *uuid)
{
	struct domain *dom = find(v, uuid);

	if (dom || strlen(uuid) >= sizeof(dom->uuid))
		return dom;
	drop_ended(v, uuid);
	dom = calloc(1, sizeof(*dom));
	if (!dom)
		return NULL;
	strcpy(dom->uuid, uuid);
	clean_line(dom->uuid);
	snprintf(dom->label, sizeof(dom->label), "%.120s %s", v->conf.uri, dom->uuid);
	if (chains_add(&v->by_uuid, &dom->by_uuid, hash_of(uuid))) {
		free(dom);
		return NULL;
	}
	dom->virt = v;
	dom->next = v->domains;
	v->domains = dom;
	return dom;
}

/* What was another's may be this one's now. */
static void look_at_refused(const struct card *gone)
{
	const struct chains *by_vm = &gone->dom->virt->all->by_vm;
	struct guest *g;
	struct card *c;

	for (g = guest_first(by_vm, guest_key(&gone->guest)); g; g = guest_next(g)) {
		c = card_of(g);
		c->refused = c->refused && is_others(c);
	}
}

/* It is no longer here. moved: it went to another host, as far as is known. */
static void end_domain(struct domain *dom, bool moved)
{
	struct virt *v = dom->virt;
	struct domain **link = &v->domains;
	struct card *c;

	each_card(c, dom)
	{
		if (moved)
			c->guest.migration = GUEST_COMPLETED;
		guest_on_gone(&c->guest);
		if (!moved)
			guest_left(&c->guest);
	}
	while (*link != dom)
		link = &(*link)->next;
	*link = dom->next;
	chains_remove(&v->by_uuid, &dom->by_uuid);
	for (c = dom->cards; c; c = c->next)
		chains_remove(&v->all->by_vm, &c->guest.by_vm);
	for (c = dom->cards; c; c = c->next)
		look_at_refused(c);
	dom->next = v->ended;
	v->ended = dom;
	drop_ended(v, NULL);
}

void domain_forget_all(struct virt *v)
{
	struct domain *dom;

	while ((dom = v->domains ? v->domains : v->ended)) {
		*(v->domains ? &v->domains : &v->ended) = dom->next;
		domain_free(dom);
	}
	chains_free(&v->by_uuid);
}

/* ---- what it is, and does ---- */

/* Only where it leaves: to be asked leaves its mark in the domain's state. */
static void begin_to_ask(struct guest *g)
{
	if (g->migration != GUEST_IDLE && !g->incoming && g->vm_card < 0 && !g->host[0])
		guest_queue_ready(g);
}

/* What QEMU's own events told is finer, but they may have been missed. */
static void take_migration(struct guest *g, const char *words, bool missed)
{
	enum guest_migration is = guest_migration_of(words, GUEST_IDLE);

	/* libvirt has nothing wait for a migration that may never come. */
	if (g->incoming && !g->running)
		is = GUEST_ACTIVE;
	if (g->migration == GUEST_IDLE || (missed && g->running && is == GUEST_IDLE))
		g->migration = is;
}

/* missed: it is the first that is told of it on this connection. */
static void catch_up(struct card *c, json_t *line, bool came, bool missed)
{
	struct guest *g = &c->guest;

	g->peer.fd = c->dom->virt->fd;
	g->running = json_is_true(json_object_get(line, "running"));
	g->incoming = c->dom->incoming || (came && guest_is_elsewhere(g));
	take_migration(g, json_string_value(json_object_get(line, "migration")), missed);
	if (g->incoming && !g->running)
		guest_prepare_soon(g);
	begin_to_ask(g);
	guest_catch_up(g);
	if (g->running && !g->incoming)
		guest_add(g);
	c->elsewhere = g->running && guest_is_elsewhere(g);
}

static void take_description(struct domain *dom, json_t *line)
{
	const char *name = json_string_value(json_object_get(line, "name"));
	bool running = json_is_true(json_object_get(line, "running"));
	bool came = json_is_true(json_object_get(line, "came"));
	bool missed = !dom->listed;
	struct card *c;

	snprintf(dom->name, sizeof(dom->name), "%s", name ? name : dom->uuid);
	clean_line(dom->name);
	snprintf(dom->label, sizeof(dom->label), "%.120s %s", dom->virt->conf.uri, dom->name);
	dom->virt->monitor = json_is_true(json_object_get(line, "monitor"));
	dom->left_out = json_integer_value(json_object_get(line, "left_out"));
	dom->incoming = !running &&
		(dom->incoming || json_is_true(json_object_get(line, "incoming")));
	dom->listed = true;
	take_cards(dom, json_object_get(line, "cards"));
	each_card(c, dom) catch_up(c, line, came, missed);
	virt_report_faults(dom->virt);
}

/* ---- events ---- */

static void stand_still(struct guest *g, enum guest_migration why)
{
	if (!g->running)
		return;
	if (why != GUEST_IDLE && (g->migration == GUEST_IDLE || g->migration == GUEST_FAILED))
		guest_on_migration(g, GUEST_ACTIVE);
	guest_on_stop(g, 0);
}

/* libvirt's own events, which tell the same as QEMU's, a little later. */
static void on_life(struct card *c, const char *words)
{
	struct guest *g = &c->guest;

	if (!strcmp(words, "started migrated")) {
		g->incoming = true;
		g->running = false;
	} else if (!strcmp(words, "migrating")) {
		if (g->migration == GUEST_IDLE || g->migration == GUEST_FAILED)
			guest_on_migration(g, GUEST_ACTIVE);
	} else if (!strcmp(words, "suspended migrated")) {
		stand_still(g, GUEST_ACTIVE);
	} else if (!strcmp(words, "suspended post-copy")) {
		stand_still(g, GUEST_ACTIVE);
		if (g->migration != GUEST_POSTCOPY && g->migration != GUEST_COMPLETED)
			guest_on_migration(g, GUEST_POSTCOPY);
	} else if (!strcmp(words, "suspended")) {
		stand_still(g, GUEST_IDLE);
	} else if (!strncmp(words, "resumed", 7) && !g->running) {
		/* Without QEMU's events nothing else told that it came to nothing. */
		if (!g->incoming && !c->dom->virt->monitor && g->migration != GUEST_IDLE)
			guest_on_migration(g, GUEST_FAILED);
		guest_on_resume(g);
	}
}

static void on_event(struct domain *dom, const char *event, json_t *line)
{
	struct card *c;

	each_card(c, dom)
	{
		guest_on_event(&c->guest, event, json_object_get(line, "data"),
			       json_integer_value(json_object_get(line, "at")));
		if (!strcmp(event, "MIGRATION"))
			begin_to_ask(&c->guest);
	}
}

static void on_answer(struct domain *dom, json_int_t number, json_t *line)
{
	struct card *c = dom->cards;
	json_int_t n = number >> 8;

	while (c && n--)
		c = c->next;
	if (c && !c->refused)
		guest_queue_answer(&c->guest, number & 255, json_object_get(line, "value"));
}

static void on_domain(struct domain *dom, json_t *line)
{
	const char *life = json_string_value(json_object_get(line, "life"));
	const char *event = json_string_value(json_object_get(line, "event"));
	json_t *answer = json_object_get(line, "answer");
	struct card *c;

	if (json_object_get(line, "cards"))
		take_description(dom, line);
	else if (event)
		on_event(dom, event, line);
	else if (answer)
		on_answer(dom, json_integer_value(answer), line);
	if (!life)
		return;
	if (!strcmp(life, "started migrated"))
		dom->incoming = true;
	else if (!strncmp(life, "resumed", 7))
		dom->incoming = false;
	if (!strncmp(life, "stopped", 7)) {
		end_domain(dom, !strcmp(life, "stopped migrated"));
		return;
	}
	each_card(c, dom) on_life(c, life);
}

/* ---- the connection ---- */

static void on_up(struct virt *v)
{
	struct domain *dom;
	struct card *c;

	v->up = true;
	v->listed = false;
	for (dom = v->domains; dom; dom = dom->next) {
		dom->listed = false;
		/* What was asked on the former connection nobody will answer. */
		each_card(c, dom) guest_queue_forget(&c->guest);
	}
	figures_set_source(v->d->figures, v->figure, true);
	if (v->why[0] || v->d->verbose)
		daemon_log(v->d, "libvirt %s: connected", v->conf.uri);
	v->why[0] = '\0';
	virt_report_faults(v);
}

/* Its domains stay as they are: they go on without us. */
static void on_down(struct virt *v, const char *why)
{
	bool same = !v->up && !strncmp(v->why, why, sizeof(v->why) - 1);

	v->up = false;
	figures_set_source(v->d->figures, v->figure, false);
	if (same)
		return;
	snprintf(v->why, sizeof(v->why), "%s", why);
	clean_line(v->why);
	daemon_log(v->d, "libvirt %s: %s; tried again and again", v->conf.uri, v->why);
	virt_report_faults(v);
}

/* What is not there any more has gone while nobody looked: if it was about to move, it did. */
static void on_listed(struct virt *v)
{
	struct domain *dom, *next;
	struct card *c;
	bool moved;

	v->listed = true;
	for (dom = v->domains; dom; dom = next) {
		next = dom->next;
		moved = false;
		each_card(c, dom)
			moved = moved || (!c->guest.incoming && guest_in_migration(&c->guest));
		if (!dom->listed)
			end_domain(dom, moved);
	}
	virt_report_faults(v);
}

void domain_on_line(struct virt *v, json_t *line)
{
	const char *uuid = json_string_value(json_object_get(line, "domain"));
	const char *down = json_string_value(json_object_get(line, "down"));
	const char *life = json_string_value(json_object_get(line, "life"));
	struct domain *dom;

	if (json_object_get(line, "up"))
		on_up(v);
	else if (down)
		on_down(v, down);
	else if (json_object_get(line, "listed"))
		on_listed(v);
	if (!uuid)
		return;
	dom = json_object_get(line, "cards") || (life && !strcmp(life, "started migrated"))
		? find_or_make(v, uuid)
		: find(v, uuid);
	if (dom)
		on_domain(dom, line);
}

bool domain_says(const struct virt_all *all, enum vm_word word, __u64 vm_key, __u16 host)
{
	struct guest *g;

	for (g = guest_first(&all->by_vm, vm_key); g; g = guest_next(g))
		if (card_of(g)->dom->virt->up && !card_of(g)->refused && guest_says(g, word, host))
			return true;
	return false;
}

void domain_catch_up(struct virt *v)
{
	struct domain *dom;
	struct card *c;
	bool missed;

	for (dom = v->domains; dom; dom = dom->next) {
		missed = false;
		each_card(c, dom) missed = guest_missed_notices(&c->guest) || missed;
		if (missed)
			helper_send(v, json_pack("{s:s}", "domain", dom->uuid));
	}
}
