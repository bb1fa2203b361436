// SPDX-License-Identifier: GPL-2.0-only
/*
 * The database's rows, and what they say of VMs. Of a chassis' and a switch's rows all is
 * kept, for others refer to them; of a port's, which are many, only what follows from it.
 *
 * How OVN 23.03 moves a port was watched (CMS: whoever writes the northbound database):
 *
 *	CMS names two chassis	requested_additional_chassis = new; then additional_chassis
 *	it runs at the new one	with activation-strategy: its name in options, by its RARP
 *	CMS names the new alone	requested_additional_chassis = [], requested_chassis = new;
 *				then its name goes from options; then chassis = [] for a
 *				while; then chassis = new, additional_chassis = []
 *	CMS names the old alone	requested_additional_chassis = []; then additional_chassis
 *
 * So between the last two of the third chassis is still the old one, though it was activated
 * elsewhere: that is no way back.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clean.h"
#include "lib/text.h"
#include "ovsdb_priv.h"

#define UUID      37 /* with the NUL */
#define MACS      64 /* of a port that are looked at */
#define MANY      16 /* chassis of a port that are looked at */
#define ACTIVATED 1024

struct claim_key {
	__u8 mac[6];
	__u16 vlan;
};

/* That a port has a MAC: in the list of the MAC's ports, in the order in which they came. */
struct hold {
	struct claim *claim;
	struct port *port;
	struct hold *before, *after;
};

/* A MAC in a segment. */
struct claim {
	struct claim_key key; /* first: what the tree compares */
	struct claim *next_dirty;
	bool is_dirty, is_told;
	struct hold *first, *last;
	struct southbound_vm told;
};

struct port {
	char uuid[UUID]; /* first: what the tree compares */
	char name[SOUTHBOUND_NAME];
	__u32 at, next;
	bool many;
	size_t n;
	struct hold hold[];
};

/* ---- values ---- */

const json_t *ovsdb_item(const json_t *value, size_t i)
{
	const char *kind = json_string_value(json_array_get(value, 0));

	if (kind && !strcmp(kind, "set"))
		return json_array_get(json_array_get(value, 1), i);
	return i ? NULL : value;
}

/* The UUID that the column's i-th value is; NULL: there is none. */
static const char *uuid_item(const json_t *value, size_t i)
{
	const json_t *item = ovsdb_item(value, i);
	const char *kind = json_string_value(json_array_get(item, 0));

	return kind && !strcmp(kind, "uuid") ? json_string_value(json_array_get(item, 1)) : NULL;
}

static const char *map_value(const json_t *map, const char *key)
{
	const json_t *pair;
	const char *k;
	size_t i;

	json_array_foreach(json_array_get(map, 1), i, pair) {
		k = json_string_value(json_array_get(pair, 0));
		if (k && !strcmp(k, key))
			return json_string_value(json_array_get(pair, 1));
	}
	return NULL;
}

static const char *text_of(const json_t *row, const char *column)
{
	return json_string_value(json_object_get(row, column)) ?: "";
}

static void copy_name(char to[SOUTHBOUND_NAME], const char *from)
{
	snprintf(to, SOUTHBOUND_NAME, "%s", from);
	clean_line(to);
}

/* ---- chassis ---- */

static __u32 number_of(const struct ovsdb_tables *t, const char *uuid)
{
	const json_t *row = uuid ? json_object_get(t->chassis, uuid) : NULL;

	return json_integer_value(json_object_get(t->numbers, text_of(row, "name")));
}

static void add_address(struct southbound_chassis *c, const char *ip)
{
	if (c->n_addrs < SOUTHBOUND_ADDRS && !text_to_addr(ip, c->addr[c->n_addrs], NULL))
		c->n_addrs++;
}

static void tell_chassis(struct ovsdb_tables *t, const json_t *row)
{
	const json_t *encaps = json_object_get(row, "encaps");
	struct southbound_chassis c = { .n_addrs = 0 };
	const char *uuid;
	size_t i;

	c.no = json_integer_value(json_object_get(t->numbers, text_of(row, "name")));
	if (!c.no)
		return;
	copy_name(c.name, text_of(row, "name"));
	copy_name(c.hostname, text_of(row, "hostname"));
	for (i = 0; (uuid = uuid_item(encaps, i)); i++)
		add_address(&c, text_of(json_object_get(t->encaps, uuid), "ip"));
	if (!memcmp(&t->told[c.no - 1], &c, sizeof(c)))
		return;
	t->told[c.no - 1] = c;
	t->ops->chassis(t->ctx, &c);
}

/* A chassis that comes again, as after its controller's restart, has its old number. */
static int number_chassis(struct ovsdb_tables *t, const json_t *row)
{
	const char *name = text_of(row, "name");
	struct southbound_chassis *more;

	if (!*name || json_object_get(t->numbers, name) || t->n_told == SOUTHBOUND_CHASSIS)
		return 0;
	if (!(t->n_told % 64)) {
		more = realloc(t->told, (t->n_told + 64) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->told = more;
	}
	memset(&t->told[t->n_told], 0, sizeof(*t->told));
	return json_object_set_new(t->numbers, name, json_integer(++t->n_told)) ? -ENOMEM : 0;
}

static int tell_all_chassis(struct ovsdb_tables *t)
{
	const char *uuid;
	json_t *row;

	json_object_foreach(t->chassis, uuid, row) {
		if (number_chassis(t, row))
			return -ENOMEM;
		tell_chassis(t, row);
	}
	return 0;
}

/* ---- switches ---- */

static bool is_called(const json_t *row, const char *name)
{
	const json_t *ids = json_object_get(row, "external_ids");
	const char *one = map_value(ids, "name"), *other = map_value(ids, "name2");

	return (one && !strcmp(one, name)) || (other && !strcmp(other, name));
}

/* A key beside the row's columns: the VLAN of its VMs; -1: it is none of ours. */
#define VLAN "xroam vlan"

static int find_vlan(const struct ovsdb_tables *t, const json_t *row)
{
	size_t i;

	for (i = 0; i < t->conf->n_ovn_switches; i++)
		if (is_called(row, t->conf->ovn_switches[i].name))
			return t->conf->ovn_switches[i].vlan;
	return t->conf->n_ovn_switches ? -1 : 0;
}

static int vlan_of(const json_t *row)
{
	return row ? json_integer_value(json_object_get(row, VLAN)) : -1;
}

static bool is_there(const struct ovsdb_tables *t, const char *name)
{
	const char *uuid;
	json_t *row;

	json_object_foreach(t->datapaths, uuid, row) {
		if (is_called(row, name))
			return true;
	}
	return false;
}

void ovsdb_tables_note(struct ovsdb_tables *t)
{
	char note[sizeof(t->note)] = "";
	size_t i;

	if (!t->has.additional)
		snprintf(note, sizeof(note),
			 "its OVN knows no additional chassis: a move is heard of when it is over");
	for (i = 0; !note[0] && i < t->conf->n_ovn_switches; i++)
		if (!is_there(t, t->conf->ovn_switches[i].name))
			snprintf(
				note, sizeof(note),
				"there is no switch %.60s in the database: \"ovn-nbctl ls-list\" has their names",
				t->conf->ovn_switches[i].name);
	if (!strcmp(note, t->note))
		return;
	strcpy(t->note, note);
	t->ops->note(t->ctx, note);
}

/* ---- MACs and their ports ---- */

static int compare_claims(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct claim_key));
}

static int compare_ports(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void set_dirty(struct ovsdb_tables *t, struct claim *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	c->next_dirty = t->dirty;
	t->dirty = c;
}

static struct claim *claim_of(struct ovsdb_tables *t, const struct claim_key *key)
{
	void **found = tfind(key, &t->claims, compare_claims);
	struct claim *c;

	if (found)
		return *found;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->key = *key;
	if (tsearch(c, &t->claims, compare_claims))
		return c;
	free(c);
	return NULL;
}

static int link_port(struct ovsdb_tables *t, struct port *p, const struct claim_key *key)
{
	struct claim *c = claim_of(t, key);
	struct hold *h = &p->hold[p->n];
	size_t i;

	if (!c)
		return -ENOMEM;
	for (i = 0; i < p->n; i++)
		if (p->hold[i].claim == c)
			return 0;
	*h = (struct hold){ .claim = c, .port = p, .before = c->last };
	*(c->last ? &c->last->after : &c->first) = h;
	c->last = h;
	p->n++;
	set_dirty(t, c);
	return 0;
}

static void drop_port(struct ovsdb_tables *t, struct port *p)
{
	struct hold *h;

	for (h = p->hold; h < p->hold + p->n; h++) {
		*(h->before ? &h->before->after : &h->claim->first) = h->after;
		*(h->after ? &h->after->before : &h->claim->last) = h->before;
		set_dirty(t, h->claim);
	}
	tdelete(p, &t->ports, compare_ports);
	free(p);
}

static void fill(struct southbound_vm *v, const struct claim *c)
{
	const struct hold *h = c->first;

	memset(v, 0, sizeof(*v));
	memcpy(v->mac, c->key.mac, sizeof(v->mac));
	v->vlan = c->key.vlan;
	v->gone = !h;
	strcpy(v->port, h ? h->port->name : c->told.port);
	if (!h)
		return;
	if (h->after) {
		strcpy(v->other, h->after->port->name);
		return;
	}
	v->at = h->port->at;
	v->next = h->port->next;
	v->many = h->port->many;
}

static void tell_dirty(struct ovsdb_tables *t)
{
	struct southbound_vm v;
	struct claim *c;

	while ((c = t->dirty)) {
		t->dirty = c->next_dirty;
		c->is_dirty = false;
		fill(&v, c);
		if (c->is_told ? memcmp(&v, &c->told, sizeof(v)) : !v.gone)
			t->ops->vm(t->ctx, &v);
		c->told = v;
		c->is_told = true;
		if (!v.gone)
			continue;
		tdelete(c, &t->claims, compare_claims);
		free(c);
	}
}

/* ---- a port's row ---- */

static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);
	const char *at = len ? list : NULL;

	while (at && (at = strstr(at, word))) {
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
		at++;
	}
	return false;
}

/* Where it runs. See the top. */
static __u32 place_of(const struct ovsdb_tables *t, const json_t *row)
{
	const char *active = map_value(json_object_get(row, "options"),
				       "additional-chassis-activated");
	const json_t *additional = json_object_get(row, "additional_chassis");
	const char *wanted = uuid_item(json_object_get(row, "requested_chassis"), 0);
	const char *uuid;
	size_t i;

	if (active && strlen(active) >= ACTIVATED)
		active = NULL;
	for (i = 0; active && i < MANY && (uuid = uuid_item(additional, i)); i++)
		if (has_word(active, text_of(json_object_get(t->chassis, uuid), "name")))
			return number_of(t, uuid);
	for (i = 0; wanted && i < MANY && (uuid = uuid_item(additional, i)); i++)
		if (!strcmp(wanted, uuid))
			return number_of(t, uuid);
	return number_of(t, uuid_item(json_object_get(row, "chassis"), 0));
}

static void set_next(const struct ovsdb_tables *t, struct port *p, const json_t *row)
{
	const json_t *to = json_object_get(row,
					   t->has.requested_additional
						   ? "requested_additional_chassis"
						   : "additional_chassis");
	const char *uuid;
	__u32 no;
	size_t i;

	for (i = 0; i < MANY && (uuid = uuid_item(to, i)); i++) {
		no = number_of(t, uuid);
		if (!no || no == p->at || no == p->next)
			continue;
		p->many |= p->next != 0;
		p->next = no;
	}
	if (p->many)
		p->next = 0;
}

/* "MAC ADDRESS ...", or words such as "unknown". */
static int link_macs(struct ovsdb_tables *t, struct port *p, const json_t *macs, __u16 vlan)
{
	struct claim_key key = { .vlan = vlan };
	char text[TEXT_MAC];
	const json_t *item;
	const char *all;
	size_t i;

	for (i = 0; i < MACS && (item = ovsdb_item(macs, i)); i++) {
		all = json_string_value(item) ?: "";
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(all, " "), all);
		if (strcspn(all, " ") >= sizeof(text) || text_to_mac(text, key.mac, NULL))
			continue;
		if (link_port(t, p, &key))
			return -ENOMEM;
	}
	return 0;
}

static int set_port(struct ovsdb_tables *t, const char *uuid, const json_t *row)
{
	void **found = tfind(uuid, &t->ports, compare_ports);
	const char *switch_uuid;
	const json_t *macs;
	struct port *p;
	size_t n = 0;
	int vlan;

	if (found)
		drop_port(t, *found);
	/* Ports with a type are routers', gateways', services' of the chassis itself. */
	if (!json_is_object(row) || text_of(row, "type")[0] || strlen(uuid) >= UUID)
		return 0;
	switch_uuid = uuid_item(json_object_get(row, "datapath"), 0);
	vlan = vlan_of(switch_uuid ? json_object_get(t->datapaths, switch_uuid) : NULL);
	if (vlan < 0)
		return 0;
	macs = json_object_get(row, "mac");
	while (n < MACS && ovsdb_item(macs, n))
		n++;
	p = calloc(1, sizeof(*p) + n * sizeof(p->hold[0]));
	if (!p)
		return -ENOMEM;
	strcpy(p->uuid, uuid);
	copy_name(p->name, text_of(row, "logical_port"));
	p->at = place_of(t, row);
	set_next(t, p, row);
	if (!tsearch(p, &t->ports, compare_ports)) {
		free(p);
		return -ENOMEM;
	}
	if (!link_macs(t, p, macs, vlan))
		return 0;
	drop_port(t, p);
	return -ENOMEM;
}

/* ---- updates ---- */

/* A table whose rows are kept. -ESTALE: what was told by an old row cannot be mended. */
static int update_rows(struct ovsdb_tables *t, json_t *rows, const json_t *update, bool *changed)
{
	const char *uuid;
	json_t *both, *row, *old;

	json_object_foreach((json_t *)update, uuid, both) {
		if (!json_is_object(both))
			continue;
		row = json_object_get(both, "new");
		old = json_object_get(rows, uuid);
		*changed = true;
		if (rows == t->datapaths && json_is_object(row) &&
		    json_object_set_new(row, VLAN, json_integer(find_vlan(t, row))))
			return -ENOMEM;
		if (rows == t->datapaths && old && json_is_object(row) &&
		    vlan_of(old) != vlan_of(row))
			return -ESTALE;
		if (rows == t->chassis && old && json_is_object(row) &&
		    strcmp(text_of(old, "name"), text_of(row, "name")))
			return -ESTALE;
		if (!json_is_object(row))
			json_object_del(rows, uuid);
		else if (json_object_set(rows, uuid, row))
			return -ENOMEM;
	}
	return 0;
}

static int update_ports(struct ovsdb_tables *t, const json_t *update)
{
	const char *uuid;
	json_t *both;

	json_object_foreach((json_t *)update, uuid, both) {
		if (json_is_object(both) && set_port(t, uuid, json_object_get(both, "new")))
			return -ENOMEM;
	}
	return 0;
}

int ovsdb_tables_update(struct ovsdb_tables *t, const json_t *updates, struct xr_err *err)
{
	bool chassis = false, switches = false;
	int ret;

	/* What ports refer to goes first. */
	ret = update_rows(t, t->encaps, json_object_get(updates, "Encap"), &chassis);
	if (!ret)
		ret = update_rows(t, t->chassis, json_object_get(updates, "Chassis"), &chassis);
	if (!ret && chassis)
		ret = tell_all_chassis(t);
	if (!ret)
		ret = update_rows(t, t->datapaths, json_object_get(updates, "Datapath_Binding"),
				  &switches);
	if (!ret)
		ret = update_ports(t, json_object_get(updates, "Port_Binding"));
	if (ret == -ESTALE)
		return xr_fail(err, ret, "a switch or a chassis has another name: reading all");
	if (ret)
		return xr_fail(err, ret, "out of memory");
	tell_dirty(t);
	if (switches)
		ovsdb_tables_note(t);
	return 0;
}

/* ---- */

int ovsdb_tables_init(struct ovsdb_tables *t, const struct model *conf,
		      const struct southbound_ops *ops, void *ctx)
{
	*t = (struct ovsdb_tables){ .conf = conf, .ops = ops, .ctx = ctx };
	t->chassis = json_object();
	t->encaps = json_object();
	t->datapaths = json_object();
	t->numbers = json_object();
	return t->chassis && t->encaps && t->datapaths && t->numbers ? 0 : -ENOMEM;
}

void ovsdb_tables_free(struct ovsdb_tables *t)
{
	tdestroy(t->ports, free);
	tdestroy(t->claims, free);
	json_decref(t->chassis);
	json_decref(t->encaps);
	json_decref(t->datapaths);
	json_decref(t->numbers);
	free(t->told);
}
