// SPDX-License-Identifier: GPL-2.0-only
/* Writing the file: a model as libcyaml's structs. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config/config_schema.h"
#include "lib/health_state.h"
#include "lib/bounds.h"
#include "model/model_edit.h"
#include "lib/text.h"
#include "write.h"

/*
 * The structs for libcyaml point into one arena of memory that is thrown away as
 * a whole.
 */
struct arena {
	struct arena_block {
		struct arena_block *next;
	} *blocks;
	char *at;
	size_t left;
	bool failed;
};

static void *arena_get(struct arena *b, size_t size)
{
	size_t block = size > 65536 ? size : 65536;
	struct arena_block *new;
	void *got;

	size = (size + 7) & ~(size_t)7;
	if (b->left < size) {
		new = calloc(1, sizeof(*new) + block + 8);
		if (!new) {
			b->failed = true;
			return NULL;
		}
		new->next = b->blocks;
		b->blocks = new;
		b->at = (char *)(new + 1);
		b->left = block + 8;
	}
	got = b->at;
	b->at += size;
	b->left -= size;
	return got;
}

static void arena_free(struct arena *b)
{
	struct arena_block *block, *next;

	for (block = b->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
}

static char *arena_text(struct arena *b, const char *s)
{
	char *copy = arena_get(b, strlen(s) + 1);

	return copy ? strcpy(copy, s) : NULL;
}

static char *arena_number(struct arena *b, __u32 value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return arena_text(b, text);
}

static int *arena_int(struct arena *b, int value)
{
	int *copy = arena_get(b, sizeof(*copy));

	if (copy)
		*copy = value;
	return copy;
}

/* NULL where it has the default: the key is then left out. */
static char *arena_number_unless(struct arena *b, __u32 value, __u32 is_default)
{
	return value == is_default ? NULL : arena_number(b, value);
}

static char *arena_addr(struct arena *b, const __be32 *addr)
{
	char buf[TEXT_ADDR];

	return arena_text(b, text_addr(buf, addr));
}

static char *arena_mac(struct arena *b, const __u8 *mac)
{
	char buf[TEXT_MAC];

	return mac_is_zero(mac) ? NULL : arena_text(b, text_mac(buf, mac));
}

static char *arena_hex(struct arena *b, const void *octets, size_t n)
{
	char buf[129];

	return arena_text(b, text_hex(buf, sizeof(buf), octets, n));
}

static char *arena_prefix(struct arena *b, const __be32 *addr, unsigned int len)
{
	char buf[TEXT_ADDR], prefix[TEXT_ADDR + 8];

	snprintf(prefix, sizeof(prefix), "%s/%u", text_addr(buf, addr), len);
	return arena_text(b, prefix);
}

static void fill_policy(struct arena *b, const struct xr_policy *from, struct raw *raw)
{
	const __be32 source[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), from->source4 };
	struct raw_policy *to = arena_get(b, sizeof(*to));

	raw->policy = to;
	if (!to)
		return;
	to->too_big = arena_int(b, from->too_big);
	to->down = arena_int(b, from->down);
	to->flow_idle = arena_number(b, from->flow_idle);
	to->reply_rate = arena_number(b, from->reply_rate);
	to->source = arena_prefix(b, source, 32 - from->source_bits);
	to->source6 = arena_prefix(b, from->source6, 128 - from->source6_bits);
	to->vip_other = arena_int(b, from->vip_other);
	to->vip_echo = arena_int(b, from->vip_echo);
	to->vip_route = arena_int(b, from->vip_route);
	to->vip_table = arena_number(b, from->vip_table);
	to->vip_hold = arena_number(b, from->vip_hold);
	to->moves = arena_int(b, from->moves);
	to->tunnels = arena_int(b, from->tunnels);
	to->announce = arena_int(b, from->announce);
	to->announce_rate = arena_number(b, from->announce_rate);
	to->flap_moves = arena_number(b, from->flap_moves);
	to->flap_seconds = arena_number(b, from->flap_seconds);
	to->vm_ttl = arena_number(b, from->vm_ttl);
	to->prepare_timeout = arena_number(b, from->prepare_timeout);
	to->blackout_timeout = arena_number(b, from->blackout_timeout);
	to->health_rate = arena_number(b, from->health_rate);
	to->health_flaps = arena_number(b, from->health_flaps);
	to->health_flap_seconds = arena_number(b, from->health_flap_seconds);
	to->health_failed = arena_int(b, from->health_failed);
}

static void fill_limits(struct arena *b, const struct xr_limits *from, struct raw *raw)
{
	struct raw_limits *to;

	static const struct xr_limits none;

	if (!memcmp(from, &none, sizeof(none)))
		return;
	to = arena_get(b, sizeof(*to));
	raw->limits = to;
	if (!to)
		return;
#define X(name, value, least, most) to->name = arena_number_unless(b, from->name, 0);
	XR_LIMITS(X)
#undef X
}

static void fill_listed(struct arena *b, const struct xr_listed *from, struct raw_device *to)
{
	__u32 i;

	to->n_vnis = from->vnis;
	to->n_addresses = from->addrs;
	if (from->vnis)
		to->vnis = arena_get(b, from->vnis * sizeof(*to->vnis));
	for (i = 0; to->vnis && i < from->vnis; i++)
		to->vnis[i] = arena_number(b, from->vni[i]);
	if (from->addrs)
		to->addresses = arena_get(b, from->addrs * sizeof(*to->addresses));
	for (i = 0; to->addresses && i < from->addrs; i++)
		to->addresses[i] = arena_addr(b, from->addr[i]);
}

static void fill_devices(struct arena *b, const struct model *m, struct raw *raw)
{
	struct raw_device *to;
	size_t i;

	if (!m->devs_given)
		return;
	to = raw->devices = arena_get(b, m->n_devs * sizeof(*to) + 1);
	raw->n_devices = m->n_devs;
	for (i = 0; to && i < m->n_devs; i++, to++) {
		to->name = arena_text(b, m->devs[i].name);
		if (m->devs[i].netns[0])
			to->namespace = arena_text(b, m->devs[i].netns);
		to->mode = arena_int(b, m->devs[i].want);
		to->role = arena_int(b, m->devs[i].role);
		if (m->devs[i].trusted)
			to->trusted = arena_int(b, 1);
		fill_listed(b, &m->devs[i].listed, to);
	}
}

static void fill_hosts(struct arena *b, const struct model *m, struct raw *raw)
{
	const struct xr_host_info *from;
	struct raw_host *to;
	size_t i;

	/* Also an empty list, as of VIPs: see model.sections. */
	to = raw->hosts = arena_get(b, m->n_hosts * sizeof(*to) + 1);
	raw->n_hosts = m->n_hosts;
	for (i = 0; to && i < m->n_hosts; i++, to++) {
		from = &m->hosts[i].info;
		to->name = arena_text(b, from->name);
		if (from->method == XR_FORWARD_VXLAN)
			to->vxlan = arena_addr(b, from->addr);
		if (from->method == XR_FORWARD_IPIP)
			to->ipip = arena_addr(b, from->addr);
		if (from->method == XR_FORWARD_GUE)
			to->gue = arena_addr(b, from->addr);
		to->dev = from->dev[0] ? arena_text(b, from->dev) : NULL;
		to->mac = arena_mac(b, from->mac);
		to->vni = arena_number_unless(b, from->vni, 0);
		to->port = arena_number_unless(b, from->port, 0);
		to->local = from->local ? arena_int(b, 1) : NULL;
	}
}

static void fill_gateways(struct arena *b, const struct model *m, struct raw *raw)
{
	const struct xr_protected *x = m->protect;
	struct raw_gateway *to;
	size_t i;

	if (m->n_gateways)
		raw->gateways = arena_get(b, m->n_gateways * sizeof(*to));
	raw->n_gateways = m->n_gateways;
	to = raw->gateways;
	for (i = 0; to && i < m->n_gateways; i++, to++) {
		to->address = arena_addr(b, m->gateways[i].addr);
		to->mac = arena_mac(b, m->gateways[i].mac);
		to->vlan = arena_number_unless(b, m->gateways[i].vlan, 0);
	}
	if (m->n_protect)
		raw->protect = arena_get(b, m->n_protect * sizeof(char *));
	raw->n_protect = m->n_protect;
	for (i = 0; raw->protect && i < m->n_protect; i++, x++)
		raw->protect[i] = x->kind == XR_PROTECTED_MAC
			? arena_mac(b, x->octet)
			: arena_addr(b, (const void *)x->octet);
}

static void fill_cids(struct arena *b, const struct model *m, bool keys, struct raw *raw)
{
	const struct xr_cid_format_desc *f;
	const struct xr_cid_info *from;
	struct raw_cid *to;
	size_t i;

	to = raw->cid = arena_get(b, m->n_cids * sizeof(*to) + 1);
	raw->n_cid = m->n_cids;
	for (i = 0; to && i < m->n_cids; i++, to++) {
		from = &m->cids[i].info;
		f = xr_cid_format_get(from->format);
		to->id = arena_number(b, from->config_id);
		to->format = from->format;
		to->server_id_length = arena_number(b, from->sid_len);
		to->nonce_length = arena_number(b, from->nonce_len);
		to->offset = arena_number_unless(b, from->offset, f ? f->offset : 0);
		if (from->has_key && keys && !m->cids[i].keep_key)
			to->key = arena_hex(b, from->key, sizeof(from->key));
		else if (from->has_key)
			to->key = arena_text(b, CONFIG_HIDDEN);
	}
}

/* The words that only some types of checks have. */
static void fill_request(struct arena *b, const struct xr_health_check *from, struct raw_health *to)
{
	const struct xr_health_check *usual = &health_check_default;
	char text[HEALTH_TEXT];
	__u32 i;

	if (strcmp(from->path, usual->path))
		to->path = arena_text(b, from->path);
	if (from->host[0])
		to->host = arena_text(b, from->host);
	if (memcmp(from->status, usual->status, sizeof(from->status)))
		to->status = arena_text(b, health_ranges_text(from->status, text));
	if (from->verify)
		to->verify = arena_int(b, 1);
	to->n_command = from->words;
	if (from->words)
		to->command = arena_get(b, from->words * sizeof(*to->command));
	for (i = 0; to->command && i < from->words; i++)
		to->command[i] = arena_text(b, health_check_word(from, i));
}

static void fill_health(struct arena *b, const struct model *m, struct raw *raw)
{
	const struct xr_health_check *from;
	struct raw_health *to;
	char text[HEALTH_TEXT];
	size_t i;

	if (!m->n_health)
		return;
	to = raw->health_checks = arena_get(b, m->n_health * sizeof(*to));
	raw->n_health_checks = m->n_health;
	for (i = 0; to && i < m->n_health; i++, to++) {
		from = &m->health[i].check;
		to->name = arena_text(b, from->name);
		to->type = from->type;
		to->port = arena_number_unless(b, from->port, 0);
		to->interval = arena_text(b, health_ms_text(from->interval_ms, text));
		to->timeout = arena_text(b, health_ms_text(from->timeout_ms, text));
		to->rise = arena_number(b, from->rise);
		to->fall = arena_number(b, from->fall);
		to->jitter = arena_number(b, from->jitter);
		if (!addr_is_zero(from->source))
			to->source = arena_addr(b, from->source);
		fill_request(b, from, to);
	}
}

static void fill_vips(struct arena *b, const struct model *m, struct raw *raw)
{
	struct raw_vip *to;
	size_t i;

	to = raw->vips = arena_get(b, m->n_vips * sizeof(*to) + 1);
	raw->n_vips = m->n_vips;
	for (i = 0; to && i < m->n_vips; i++, to++) {
		to->address = arena_addr(b, m->vips[i].addr);
		to->port = arena_number(b, ntohs(m->vips[i].port));
		to->protocol = m->vips[i].proto;
		to->cid = arena_int(b, m->vips[i].cid);
		to->flow = arena_int(b, m->vips[i].flow);
		to->announce = m->vips[i].announce ? arena_int(b, 1) : NULL;
		to->min_up = arena_number_unless(b, m->vips[i].min_up, 1);
		if (m->vips[i].check[0])
			to->health_check = arena_text(b, m->vips[i].check);
	}
}

static void fill_lists(struct arena *b, const struct model_backend *from, bool sids,
		       struct raw_backend *to)
{
	char vip[TEXT_VIP];
	size_t j;

	if (from->n_vips)
		to->vips = arena_get(b, from->n_vips * sizeof(*to->vips));
	to->n_vips = from->n_vips;
	for (j = 0; to->vips && j < from->n_vips; j++)
		to->vips[j] = arena_text(
			b,
			text_vip(vip, from->vips[j].addr, from->vips[j].port, from->vips[j].proto));
	if (!sids)
		return;
	if (from->n_sids)
		to->server_ids = arena_get(b, from->n_sids * sizeof(*to->server_ids));
	to->n_server_ids = from->n_sids;
	for (j = 0; to->server_ids && j < from->n_sids; j++)
		to->server_ids[j] = arena_hex(b, from->sids[j].octet, from->sids[j].len);
}

static void fill_backends(struct arena *b, const struct model *m, struct raw *raw)
{
	const struct xr_backend_info *from;
	struct raw_backend *to;
	size_t i;

	to = raw->backends = arena_get(b, m->n_backends * sizeof(*to) + 1);
	raw->n_backends = m->n_backends;
	for (i = 0; to && i < m->n_backends; i++, to++) {
		from = &m->backends[i].info;
		to->name = arena_text(b, from->name);
		to->address = arena_addr(b, from->addr);
		fill_lists(b, &m->backends[i], !m->sids_stay, to);
		to->weight = arena_number(b, from->weight);
		to->state = arena_int(b, from->state);
		to->forward = arena_int(b, from->forward);
		to->port = arena_number_unless(b, from->port, 0);
		to->vni = arena_number_unless(b, from->vni, 0);
		to->initial_rate = arena_number_unless(b, from->initial_rate, 0);
		to->dev = from->dev[0] ? arena_text(b, from->dev) : NULL;
		to->mac = arena_mac(b, from->mac);
		if (m->backends[i].check[0])
			to->health_check = arena_text(b, m->backends[i].check);
		if (mac_is_zero(from->vm_mac))
			continue;
		to->vm = arena_get(b, sizeof(*to->vm));
		if (!to->vm)
			continue;
		to->vm->mac = arena_mac(b, from->vm_mac);
		to->vm->vlan = arena_number_unless(b, from->vm_vlan, 0);
	}
}

/* ---- VMs: many, so a line each, by hand ---- */

#define VM_LINE  (XR_NAME_LEN + 128 + TAP_TEXT + XR_VM_ADDRS * (TEXT_ADDR + 4))
#define TAP_TEXT 128

/* Text of any kind, as libyaml writes it in quotes. */
static bool emit_quoted(yaml_emitter_t *e, const char *s)
{
	yaml_event_t event;

	return yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING) &&
		yaml_emitter_emit(e, &event) &&
		yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1) &&
		yaml_emitter_emit(e, &event) &&
		yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)s, strlen(s),
					     1, 1, YAML_DOUBLE_QUOTED_SCALAR_STYLE) &&
		yaml_emitter_emit(e, &event) && yaml_document_end_event_initialize(&event, 1) &&
		yaml_emitter_emit(e, &event) && yaml_emitter_flush(e);
}

/* In quotes; NULL: no memory. A plain name needs no emitter, and there may be a million. */
static const char *quoted(const char *s, char out[TAP_TEXT])
{
	yaml_emitter_t e;
	size_t n = 0;
	bool good;

	if (strspn(s,
		   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		   "0123456789-_.") == strlen(s)) {
		snprintf(out, TAP_TEXT, "\"%s\"", s);
		return out;
	}
	if (!yaml_emitter_initialize(&e))
		return NULL;
	yaml_emitter_set_output_string(&e, (unsigned char *)out, TAP_TEXT - 1, &n);
	yaml_emitter_set_width(&e, -1);
	good = emit_quoted(&e, s);
	yaml_emitter_delete(&e);
	if (!good)
		return NULL;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* None of these texts has a character that a quoted one may not have. */
static int write_bounds(char *out, const struct xr_vm_bounds *b)
{
	char text[BOUNDS_TEXT], *at = out;
	__u32 i;

	if (!bounds_any(b))
		return 0;
	for (i = 0; i < (__u32)bounds_limits(b); i++)
		at += sprintf(at, "%s\"%s\"", i ? ", " : ", limits: [",
			      bounds_limit_text(text, b, i));
	if (i)
		*at++ = ']';
	for (i = 0; i < b->n_rules; i++)
		at += sprintf(at, "%s\"%s\"", i ? ", " : ", rules: [",
			      bounds_rule_text(text, &b->rule[i]));
	if (i)
		*at++ = ']';
	if (b->n_rules || b->deny)
		at += sprintf(at, ", default: %s", bounds_default_text(b));
	return at - out;
}

/* Returns the number of octets; 0: no memory. */
static int write_vm(char *out, const struct model *m, const struct model_vm *v)
{
	char mac[TEXT_MAC], addr[TEXT_ADDR], text[TAP_TEXT];
	const char *tap = v->tap[0] ? quoted(v->tap, text) : "";
	char *at = out;
	int i;

	if (!tap)
		return 0;
	at += sprintf(at, "- {mac: \"%s\"", text_mac(mac, v->mac));
	if (v->vlan)
		at += sprintf(at, ", vlan: %u", v->vlan);
	at += sprintf(at, ", at: \"%s\"", m->hosts[v->host].info.name);
	for (i = 0; i < v->n_addrs; i++)
		at += sprintf(at, "%s\"%s\"", i ? ", " : ", addresses: [",
			      text_addr(addr, v->addr[i]));
	if (v->n_addrs)
		*at++ = ']';
	if (v->lock)
		at += sprintf(at, ", lock: true");
	if (*tap)
		at += sprintf(at, ", tap: %s", tap);
	at += write_bounds(at, model_bounds(m, v));
	at += sprintf(at, "}\n");
	return at - out;
}

/* Appends the VMs to what libcyaml wrote. */
static int add_vms(const struct model *m, char **text, size_t *len)
{
	size_t size = *len + 16 + m->n_vms * VM_LINE + m->n_bounds * BOUNDS_LINES * BOUNDS_TEXT, i;
	char *all = malloc(size), *at;
	int n;

	if (!all)
		return -ENOMEM;
	memcpy(all, *text, *len);
	at = all + *len;
	at += sprintf(at, m->n_vms ? "vms:\n" : "vms: []\n");
	for (i = 0; i < m->n_vms; i++) {
		n = write_vm(at, m, &m->vms[i]);
		if (!n) {
			explicit_bzero(all, *len);
			free(all);
			return -ENOMEM;
		}
		at += n;
	}
	explicit_bzero(*text, *len);
	free(*text);
	*text = all;
	*len = at - all;
	return 0;
}

int config_write(const struct model *m, bool keys, bool quotes, char **text, size_t *len,
		 struct xr_err *err)
{
	const cyaml_config_t config = {
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_STYLE_BLOCK,
	};
	struct arena b = { 0 };
	struct raw raw = { 0 };
	cyaml_err_t e = CYAML_ERR_OOM;

	*text = NULL;
	*len = 0;
	if (m->has_secret && keys)
		raw.secret = arena_hex(&b, m->secret, sizeof(m->secret));
	fill_limits(&b, &m->limits, &raw);
	fill_policy(&b, &m->policy, &raw);
	fill_devices(&b, m, &raw);
	fill_hosts(&b, m, &raw);
	fill_gateways(&b, m, &raw);
	fill_cids(&b, m, keys, &raw);
	fill_health(&b, m, &raw);
	fill_vips(&b, m, &raw);
	fill_backends(&b, m, &raw);
	if (!b.failed)
		e = cyaml_save_data(text, len, &config, &config_write_schema, &raw, 0);
	arena_free(&b);
	if (!e && quotes && yaml_quote(text, len))
		e = CYAML_ERR_OOM;
	if (!e && m->vms_given && add_vms(m, text, len))
		e = CYAML_ERR_OOM;
	if (e)
		return xr_fail(err, -ENOMEM, "the configuration cannot be written: %s",
			       cyaml_strerror(e));
	return 0;
}
