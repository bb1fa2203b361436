// SPDX-License-Identifier: GPL-2.0-only
/* Writing the file: a model as libcyaml's structs. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>
#include "config.h"
#include "config_priv.h"
#include "lib/text.h"

/*
 * The structs for libcyaml point into one bag of memory that is thrown away as
 * a whole.
 */
struct bag {
	struct bag_block {
		struct bag_block *next;
	} *blocks;
	char *at;
	size_t left;
	bool failed;
};

static void *bag_get(struct bag *b, size_t size)
{
	size_t block = size > 65536 ? size : 65536;
	struct bag_block *new;
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

static void bag_free(struct bag *b)
{
	struct bag_block *block, *next;

	for (block = b->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
}

static char *bag_text(struct bag *b, const char *s)
{
	char *copy = bag_get(b, strlen(s) + 1);

	return copy ? strcpy(copy, s) : NULL;
}

static char *bag_number(struct bag *b, __u32 value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return bag_text(b, text);
}

static int *bag_word(struct bag *b, int value)
{
	int *copy = bag_get(b, sizeof(*copy));

	if (copy)
		*copy = value;
	return copy;
}

/* NULL, so that the key is left out, where it has the default. */
static char *bag_unless(struct bag *b, __u32 value, __u32 is_default)
{
	return value == is_default ? NULL : bag_number(b, value);
}

static char *bag_addr(struct bag *b, const __be32 *addr)
{
	char buf[TEXT_ADDR];

	return bag_text(b, text_addr(buf, addr));
}

static char *bag_mac(struct bag *b, const __u8 *mac)
{
	char buf[TEXT_MAC];

	return mac_is_zero(mac) ? NULL : bag_text(b, text_mac(buf, mac));
}

static char *bag_hex(struct bag *b, const void *octets, size_t n)
{
	char buf[129];

	return bag_text(b, text_hex(buf, sizeof(buf), octets, n));
}

static char *bag_prefix(struct bag *b, const __be32 *addr, unsigned int len)
{
	char buf[TEXT_ADDR], prefix[TEXT_ADDR + 8];

	snprintf(prefix, sizeof(prefix), "%s/%u", text_addr(buf, addr), len);
	return bag_text(b, prefix);
}

static void give_policy(struct bag *b, const struct xr_policy *from, struct raw *raw)
{
	const __be32 source[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), from->source4 };
	struct raw_policy *to = bag_get(b, sizeof(*to));

	raw->policy = to;
	if (!to)
		return;
	to->too_big = bag_word(b, from->too_big);
	to->down = bag_word(b, from->down);
	to->flow_idle = bag_number(b, from->flow_idle);
	to->reply_rate = bag_number(b, from->reply_rate);
	to->source = bag_prefix(b, source, 32 - from->source_bits);
	to->source6 = bag_prefix(b, from->source6, 128 - from->source6_bits);
	to->vip_other = bag_word(b, from->vip_other);
	to->vip_echo = bag_word(b, from->vip_echo);
	to->vip_route = bag_word(b, from->vip_route);
	to->moves = bag_word(b, from->moves);
	to->tunnels = bag_word(b, from->tunnels);
	to->announce = bag_word(b, from->announce);
	to->announce_rate = bag_number(b, from->announce_rate);
	to->flap_moves = bag_number(b, from->flap_moves);
	to->flap_seconds = bag_number(b, from->flap_seconds);
	to->vm_ttl = bag_number(b, from->vm_ttl);
	to->prepare_timeout = bag_number(b, from->prepare_timeout);
	to->blackout_timeout = bag_number(b, from->blackout_timeout);
}

static void give_limits(struct bag *b, const struct xr_limits *from, struct raw *raw)
{
	struct raw_limits *to;

	static const struct xr_limits none;

	if (!memcmp(from, &none, sizeof(none)))
		return;
	to = bag_get(b, sizeof(*to));
	raw->limits = to;
	if (!to)
		return;
#define X(name, value, least, most) to->name = bag_unless(b, from->name, 0);
	XR_LIMITS(X)
#undef X
}

static void give_listed(struct bag *b, const struct xr_listed *from, struct raw_device *to)
{
	__u32 i;

	to->n_vnis = from->vnis;
	to->n_addresses = from->addrs;
	if (from->vnis)
		to->vnis = bag_get(b, from->vnis * sizeof(*to->vnis));
	for (i = 0; to->vnis && i < from->vnis; i++)
		to->vnis[i] = bag_number(b, from->vni[i]);
	if (from->addrs)
		to->addresses = bag_get(b, from->addrs * sizeof(*to->addresses));
	for (i = 0; to->addresses && i < from->addrs; i++)
		to->addresses[i] = bag_addr(b, from->addr[i]);
}

static void give_devices(struct bag *b, const struct model *m, struct raw *raw)
{
	struct raw_device *to;
	size_t i;

	if (!m->devs_given)
		return;
	to = raw->devices = bag_get(b, m->n_devs * sizeof(*to) + 1);
	raw->n_devices = m->n_devs;
	for (i = 0; to && i < m->n_devs; i++, to++) {
		to->name = bag_text(b, m->devs[i].name);
		if (m->devs[i].netns[0])
			to->namespace = bag_text(b, m->devs[i].netns);
		to->mode = bag_word(b, m->devs[i].want);
		to->role = bag_word(b, m->devs[i].role);
		if (m->devs[i].trusted)
			to->trusted = bag_word(b, 1);
		give_listed(b, &m->devs[i].listed, to);
	}
}

static void give_hosts(struct bag *b, const struct model *m, struct raw *raw)
{
	const struct xr_host_info *from;
	struct raw_host *to;
	size_t i;

	/* Also where there is none, as VIPs: see model.sections. */
	to = raw->hosts = bag_get(b, m->n_hosts * sizeof(*to) + 1);
	raw->n_hosts = m->n_hosts;
	for (i = 0; to && i < m->n_hosts; i++, to++) {
		from = &m->hosts[i].info;
		to->name = bag_text(b, from->name);
		if (from->method == XR_FORWARD_VXLAN)
			to->vxlan = bag_addr(b, from->addr);
		if (from->method == XR_FORWARD_IPIP)
			to->ipip = bag_addr(b, from->addr);
		if (from->method == XR_FORWARD_GUE)
			to->gue = bag_addr(b, from->addr);
		to->dev = from->dev[0] ? bag_text(b, from->dev) : NULL;
		to->mac = bag_mac(b, from->mac);
		to->vni = bag_unless(b, from->vni, 0);
		to->port = bag_unless(b, from->port, 0);
		to->local = from->local ? bag_word(b, 1) : NULL;
	}
}

static void give_gateways(struct bag *b, const struct model *m, struct raw *raw)
{
	const struct xr_protected *x = m->protect;
	struct raw_gateway *to;
	size_t i;

	if (m->n_gateways)
		raw->gateways = bag_get(b, m->n_gateways * sizeof(*to));
	raw->n_gateways = m->n_gateways;
	to = raw->gateways;
	for (i = 0; to && i < m->n_gateways; i++, to++) {
		to->address = bag_addr(b, m->gateways[i].addr);
		to->mac = bag_mac(b, m->gateways[i].mac);
		to->vlan = bag_unless(b, m->gateways[i].vlan, 0);
	}
	if (m->n_protect)
		raw->protect = bag_get(b, m->n_protect * sizeof(char *));
	raw->n_protect = m->n_protect;
	for (i = 0; raw->protect && i < m->n_protect; i++, x++)
		raw->protect[i] = x->kind == XR_PROTECTED_MAC ? bag_mac(b, x->octet)
							      : bag_addr(b, (const void *)x->octet);
}

static void give_cids(struct bag *b, const struct model *m, bool keys, struct raw *raw)
{
	const struct xr_cid_format_desc *f;
	const struct xr_cid_info *from;
	struct raw_cid *to;
	size_t i;

	to = raw->cid = bag_get(b, m->n_cids * sizeof(*to) + 1);
	raw->n_cid = m->n_cids;
	for (i = 0; to && i < m->n_cids; i++, to++) {
		from = &m->cids[i].info;
		f = xr_cid_format_get(from->format);
		to->id = bag_number(b, from->config_id);
		to->format = from->format;
		to->server_id_length = bag_number(b, from->sid_len);
		to->nonce_length = bag_number(b, from->nonce_len);
		to->offset = bag_unless(b, from->offset, f ? f->offset : 0);
		if (from->has_key && keys && !m->cids[i].keep_key)
			to->key = bag_hex(b, from->key, sizeof(from->key));
		else if (from->has_key)
			to->key = bag_text(b, CONFIG_HIDDEN);
	}
}

static void give_vips(struct bag *b, const struct model *m, struct raw *raw)
{
	struct raw_vip *to;
	size_t i;

	to = raw->vips = bag_get(b, m->n_vips * sizeof(*to) + 1);
	raw->n_vips = m->n_vips;
	for (i = 0; to && i < m->n_vips; i++, to++) {
		to->address = bag_addr(b, m->vips[i].addr);
		to->port = bag_number(b, ntohs(m->vips[i].port));
		to->protocol = m->vips[i].proto;
		to->cid = bag_word(b, m->vips[i].cid);
		to->flow = bag_word(b, m->vips[i].flow);
	}
}

static void give_lists(struct bag *b, const struct model_backend *from, struct raw_backend *to)
{
	char vip[TEXT_VIP];
	size_t j;

	if (from->n_vips)
		to->vips = bag_get(b, from->n_vips * sizeof(*to->vips));
	to->n_vips = from->n_vips;
	for (j = 0; to->vips && j < from->n_vips; j++)
		to->vips[j] = bag_text(
			b,
			text_vip(vip, from->vips[j].addr, from->vips[j].port, from->vips[j].proto));
	if (from->n_sids)
		to->server_ids = bag_get(b, from->n_sids * sizeof(*to->server_ids));
	to->n_server_ids = from->n_sids;
	for (j = 0; to->server_ids && j < from->n_sids; j++)
		to->server_ids[j] = bag_hex(b, from->sids[j].octet, from->sids[j].len);
}

static void give_backends(struct bag *b, const struct model *m, struct raw *raw)
{
	const struct xr_backend_info *from;
	struct raw_backend *to;
	size_t i;

	to = raw->backends = bag_get(b, m->n_backends * sizeof(*to) + 1);
	raw->n_backends = m->n_backends;
	for (i = 0; to && i < m->n_backends; i++, to++) {
		from = &m->backends[i].info;
		to->name = bag_text(b, from->name);
		to->address = bag_addr(b, from->addr);
		give_lists(b, &m->backends[i], to);
		to->weight = bag_number(b, from->weight);
		to->state = bag_word(b, from->state);
		to->forward = bag_word(b, from->forward);
		to->port = bag_unless(b, from->port, 0);
		to->vni = bag_unless(b, from->vni, 0);
		to->initial_rate = bag_unless(b, from->initial_rate, 0);
		to->dev = from->dev[0] ? bag_text(b, from->dev) : NULL;
		to->mac = bag_mac(b, from->mac);
		if (mac_is_zero(from->vm_mac))
			continue;
		to->vm = bag_get(b, sizeof(*to->vm));
		if (!to->vm)
			continue;
		to->vm->mac = bag_mac(b, from->vm_mac);
		to->vm->vlan = bag_unless(b, from->vm_vlan, 0);
	}
}

/* ---- VMs: many, so a line each, by hand ---- */

#define VM_LINE  (XR_NAME_LEN + 128 + TAP_TEXT + XR_VM_ADDRS * (TEXT_ADDR + 4))
#define TAP_TEXT 128

/* As libyaml writes text of any kind: in quotes, with its escapes. */
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

/* NULL: no memory. Nearly always the name is plain, and there may be a million. */
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

/* The octets; 0: no memory. */
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
	at += sprintf(at, "}\n");
	return at - out;
}

/* Behind what libcyaml wrote. */
static int add_vms(const struct model *m, char **text, size_t *len)
{
	size_t size = *len + 16 + m->n_vms * VM_LINE, i;
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
	struct bag b = { 0 };
	struct raw raw = { 0 };
	cyaml_err_t e = CYAML_ERR_OOM;

	*text = NULL;
	*len = 0;
	if (m->has_secret && keys)
		raw.secret = bag_hex(&b, m->secret, sizeof(m->secret));
	give_limits(&b, &m->limits, &raw);
	give_policy(&b, &m->policy, &raw);
	give_devices(&b, m, &raw);
	give_hosts(&b, m, &raw);
	give_gateways(&b, m, &raw);
	give_cids(&b, m, keys, &raw);
	give_vips(&b, m, &raw);
	give_backends(&b, m, &raw);
	if (!b.failed)
		e = cyaml_save_data(text, len, &config, &config_write_schema, &raw, 0);
	bag_free(&b);
	if (!e && quotes && config_quote(text, len))
		e = CYAML_ERR_OOM;
	if (!e && m->vms_given && add_vms(m, text, len))
		e = CYAML_ERR_OOM;
	if (e)
		return xr_fail(err, -ENOMEM, "the configuration cannot be written: %s",
			       cyaml_strerror(e));
	return 0;
}
