// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file's VMs. There may be a million, so they are read straight from
 * libyaml's events, in the pass that notes lines anyway, without libcyaml's
 * structs in between. Whether the key was there is in model.vms_given.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "config_priv.h"
#include "lib/bounds.h"
#include "lib/text.h"
#include "model/model_edit.h"

enum key { MAC, VLAN, AT, ADDRESSES, LOCK, TAP, LIMITS, RULES, DEFAULT, KEYS };

static const char *const key_words[KEYS] = {
	[MAC] = "mac",         [VLAN] = "vlan", [AT] = "at",         [ADDRESSES] = "addresses",
	[LOCK] = "lock",       [TAP] = "tap",   [LIMITS] = "limits", [RULES] = "rules",
	[DEFAULT] = "default",
};

/* Reports an error. True: all errors are wanted, so go on with the next value. */
static bool wrong(struct vms_reader *v, __u32 line, const char *fmt, const char *what)
{
	size_t n = v->m->n_vms;
	__u32 item = n && !v->skip ? v->m->vms[n - 1].line : line;

	return !fail_line(v->r, line, item, fmt, what);
}

/* Reports an error of the shape, inside of which nothing is read. */
static bool misshapen(struct vms_reader *v, enum vms_skip skip, __u32 line, const char *fmt,
		      const char *what)
{
	bool go_on = wrong(v, line, fmt, what);

	v->skip = skip;
	return go_on;
}

/* ---- one VM ---- */

static bool is_list(int key)
{
	return key == ADDRESSES || key == LIMITS || key == RULES;
}

static int find_key(const char *word)
{
	int i;

	for (i = 0; i < KEYS; i++)
		if (!strcmp(word, key_words[i]))
			return i;
	return -1;
}

static bool add_host(struct vms_reader *v, struct model_vm *vm, const struct lines_node *n)
{
	struct xr_err inner;
	struct model_host *h;

	if (text_check_name("host", n->value, &inner))
		return wrong(v, n->line, "at: %s", inner.text);
	h = model_grow(&v->m->hosts, &v->m->n_hosts, sizeof(*h));
	if (!h)
		return wrong(v, n->line, "at: out of memory for host %.60s", n->value);
	strcpy(h->info.name, n->value);
	vm->host = h - v->m->hosts;
	lut_add(&v->hosts, lut_hash(n->value, strlen(n->value)), vm->host);
	return true;
}

static bool take_host(struct vms_reader *v, struct model_vm *vm, const struct lines_node *n)
{
	const struct model_host *h = v->m->hosts;
	__u32 at, i;

	/* Mostly a VM is on the same host as the one before. */
	if (v->m->n_vms > 1 && v->m->n_hosts && !strcmp(h[vm[-1].host].info.name, n->value)) {
		vm->host = vm[-1].host;
		return true;
	}
	for (at = lut_first(&v->hosts, lut_hash(n->value, strlen(n->value)));
	     (i = lut_get(&v->hosts, at)) != LUT_END; at++)
		if (!strcmp(h[i].info.name, n->value)) {
			vm->host = i;
			return true;
		}
	if (v->other_hosts)
		return add_host(v, vm, n);
	if (config_lost_host(v->r, v->m))
		return true;
	return wrong(v, n->line, "at: there is no host \"%.60s\" in hosts", n->value);
}

static bool take_lock(struct vms_reader *v, struct model_vm *vm, const struct lines_node *n)
{
	int i;

	for (i = 0; i < 6; i++)
		if (!strcmp(n->value, config_bool_words[i].str)) {
			vm->lock = config_bool_words[i].val;
			return true;
		}
	return wrong(v, n->line, "lock: \"%.40s\" is not known; write true or false", n->value);
}

static bool take_vlan(struct vms_reader *v, struct model_vm *vm, const struct lines_node *n)
{
	struct xr_err inner;
	__u64 vlan;

	if (text_to_u64(n->value, 1, XR_MAX_VLAN, &vlan, &inner))
		return wrong(v, n->line, "vlan: %s", inner.text);
	vm->vlan = vlan;
	return true;
}

static bool out_of_memory(struct vms_reader *v)
{
	v->r->failed = true;
	xr_fail(v->r->err, -ENOMEM, "%s: out of memory", v->r->name);
	return false;
}

/* A line of the VM's limits or rules, or its default. */
static bool take_bounds(struct vms_reader *v,
			int (*take)(struct xr_vm_bounds *, const char *, struct xr_err *),
			const struct lines_node *n)
{
	struct xr_vm_bounds *b;
	struct xr_err inner;

	if (!n->value)
		return wrong(v, n->line, "%s: a single value is expected here", "limits, rules");
	b = model_bounds_of(v->m, &v->m->vms[v->m->n_vms - 1]);
	if (!b)
		return out_of_memory(v);
	return !take(b, n->value, &inner) || wrong(v, n->line, "%s", inner.text);
}

static bool take_value(struct vms_reader *v, struct model_vm *vm, int key,
		       const struct lines_node *n)
{
	struct xr_err inner;

	switch (key) {
	case MAC:
		return !text_to_mac(n->value, vm->mac, &inner) ||
			wrong(v, n->line, "mac: %s", inner.text);
	case VLAN:
		return take_vlan(v, vm, n);
	case AT:
		return take_host(v, vm, n);
	case LOCK:
		return take_lock(v, vm, n);
	case DEFAULT:
		return take_bounds(v, bounds_set_default, n);
	default:
		if (text_check_dev("tap", n->value, &inner))
			return wrong(v, n->line, "%s", inner.text);
		strcpy(vm->tap, n->value);
		return true;
	}
}

static bool is_empty(const struct lines_node *n)
{
	return n->value && !n->quoted &&
		(!*n->value || !strcmp(n->value, "~") || !strcmp(n->value, "null"));
}

static bool take_key(struct vms_reader *v, const char *word, const struct lines_node *n)
{
	struct model_vm *vm = &v->m->vms[v->m->n_vms - 1];
	int key = find_key(word);

	if (key < 0)
		return wrong(
			v, n->line,
			"unknown key \"%.40s\" in vms; write one of mac, vlan, at, addresses, lock, tap, limits, rules, default",
			word);
	if (v->seen & 1U << key)
		return wrong(v, n->line, "\"%s\" is given twice; leave one", word);
	v->seen |= 1U << key;
	if (is_list(key))
		return !n->value || is_empty(n) ||
			wrong(v, n->line, "%s: a list is expected here, not a single value", word);
	if (!n->value)
		return wrong(v, n->line, "%s: a single value is expected here", word);
	return take_value(v, vm, key, n);
}

static bool take_address(struct vms_reader *v, const struct lines_node *n)
{
	struct model_vm *vm = &v->m->vms[v->m->n_vms - 1];
	struct xr_err inner;

	if (!n->value)
		return wrong(v, n->line, "%s: a single value is expected here", "addresses");
	if (vm->n_addrs == XR_VM_ADDRS)
		return wrong(v, n->line, "addresses: a VM has at most %s here", "4");
	if (text_to_addr(n->value, vm->addr[vm->n_addrs], &inner))
		return wrong(v, n->line, "addresses: %s", inner.text);
	vm->n_addrs++;
	return true;
}

/* ---- from one to the next ---- */

static bool is_whole(struct vms_reader *v)
{
	const struct model_vm *vm;

	if (!v->m->n_vms || v->skip)
		return true;
	vm = &v->m->vms[v->m->n_vms - 1];
	if (!(v->seen & 1U << MAC) && !wrong(v, vm->line, "vms: \"%s\" is missing", "mac"))
		return false;
	return v->seen & 1U << AT || wrong(v, vm->line, "vms: \"%s\" is missing", "at");
}

static bool next_vm(struct vms_reader *v, const struct lines_step *s, const struct lines_node *n)
{
	struct model_vm *vm;

	if (!is_whole(v))
		return false;
	v->skip = SKIP_NOTHING;
	if (s->key || n->value) {
		v->skip = SKIP_VM; /* so that the error is not counted to the VM before */
		return misshapen(v, s->key ? SKIP_ALL : SKIP_VM, n->line,
				 "vms: %s is expected here", s->key ? LIST_WORDS : MAPPING_WORDS);
	}
	vm = model_grow(&v->m->vms, &v->m->n_vms, sizeof(*vm));
	if (!vm)
		return out_of_memory(v);
	vm->line = n->line;
	v->seen = 0;
	return true;
}

bool config_vms_node(struct vms_reader *v, const struct lines_step *s, size_t depth,
		     const struct lines_node *node)
{
	int key;

	if (v->skip == SKIP_ALL || (v->skip == SKIP_VM && depth > 2))
		return true;
	switch (depth) {
	case 1:
		v->m->vms_given = true;
		return !node->value || is_empty(node) ||
			misshapen(v, SKIP_ALL, node->line, "%s: a list is expected here", "vms");
	case 2:
		return next_vm(v, &s[1], node);
	case 3:
		if (!s[2].key)
			return misshapen(v, SKIP_VM, node->line, "vms: %s is expected here",
					 MAPPING_WORDS);
		return take_key(v, s[2].key, node);
	case 4:
		key = s[2].key ? find_key(s[2].key) : -1;
		if (key < 0 || !is_list(key))
			return true; /* the error around it was reported */
		if (s[3].key)
			return misshapen(v, SKIP_VM, node->line,
					 "%s: a list is expected here, not a mapping",
					 key_words[key]);
		return key == ADDRESSES
			? take_address(v, node)
			: take_bounds(v, key == RULES ? bounds_add_rule : bounds_add_limit, node);
	default:
		return true;
	}
}

int config_vms_begin(struct vms_reader *v, struct reader *r, struct model *m, size_t other_hosts)
{
	size_t i;

	*v = (struct vms_reader){ .r = r, .m = m, .other_hosts = other_hosts };
	if (lut_init(&v->hosts, m->n_hosts + other_hosts))
		return xr_fail(r->err, -ENOMEM, "%s: out of memory", r->name);
	for (i = 0; i < m->n_hosts; i++)
		lut_add(&v->hosts, lut_hash(m->hosts[i].info.name, strlen(m->hosts[i].info.name)),
			i);
	return 0;
}

int config_vms_end(struct vms_reader *v)
{
	if (!v->r->failed)
		is_whole(v);
	lut_free(&v->hosts);
	return v->r->failed ? -EINVAL : 0;
}
