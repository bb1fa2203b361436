// SPDX-License-Identifier: GPL-2.0-only
/* The words behind "monitor", and which events fit them. */
#include <stdio.h>
#include <string.h>

#include "args/args.h"
#include "args/out.h"
#include "lib/reason.h"
#include "lib/vm_key.h"
#include "monitor_priv.h"

enum { KIND, REASON, VIP, BACKEND, VM, VLAN, DEV };

static const char *const kinds[] = { "packet", "change", "vm", "audit", NULL };

static int take_kind(struct args *a, void *to)
{
	struct monitor_filter *f = to;
	int i, ret = args_word(a, kinds, &i);

	if (!ret)
		f->kinds |= 1U << (XR_EVENT_PACKET + i);
	return ret;
}

/* In full: many reasons begin alike. */
static int take_reason(struct args *a, void *to)
{
	struct monitor_filter *f = to;
	const char *word = args_need(a, "reason: a reason");
	int i;

	if (!word)
		return EXIT_USAGE;
	for (i = XR_REASON_NONE + 1; i < XR_REASON_MAX; i++) {
		if (strcmp(reason_word(i), word))
			continue;
		f->reasons[i / 64] |= 1ULL << i % 64;
		return EXIT_DONE;
	}
	return cmd_usage("reason \"%s\" is unknown; \"xroam -v stats reason\" lists them", word);
}

static int take_vip(struct args *a, void *to)
{
	struct monitor_filter *f = to;

	return args_vip(a, f->addr, &f->port, &f->proto);
}

static int take_backend(struct args *a, void *to)
{
	struct monitor_filter *f = to;

	return args_name(a, "backend", f->backend);
}

/* clang-format off */
#define IN(member) ARGS_TO(struct monitor_filter, member)
static const struct args_key keys[] = {
	[KIND] =    { "kind", ARGS_OTHER, .take = take_kind },
	[REASON] =  { "reason", ARGS_OTHER, .take = take_reason },
	[VIP] =     { "vip", ARGS_OTHER, .take = take_vip },
	[BACKEND] = { "backend", ARGS_OTHER, .take = take_backend },
	[VM] =      { "vm", ARGS_MAC, IN(mac) },
	[VLAN] =    { "vlan", ARGS_NUMBER, IN(vlan), 1, XR_MAX_VLAN },
	[DEV] =     { "dev", ARGS_DEV, IN(dev) },
	{ 0 }
};
#undef IN
/* clang-format on */

int monitor_parse(int argc, char **argv, struct monitor_filter *f)
{
	struct args_given g = { .often = ARGS_BIT(KIND) | ARGS_BIT(REASON) };
	struct args a = args_after(argc, argv);
	int ret;

	memset(f, 0, sizeof(*f));
	ret = args_take(&a, keys, f, &g);
	if (ret)
		return ret;
	if (args_has(&g, VLAN) && !args_has(&g, VM))
		return cmd_usage("vlan is a VM's: write vm MAC vlan N");
	f->given = g.given;
	return EXIT_DONE;
}

/* ---- events ---- */

static bool has_words(const char *line, const char *words)
{
	size_t len = strlen(words);
	const char *at = line;

	while ((at = strstr(at, words))) {
		if ((at == line || at[-1] == ' ') && strchr(" :,;", at[len]))
			return true;
		at += len;
	}
	return false;
}

/* A change has object and name one after the other, "backend s1"; a command the verb between. */
static bool text_names(const struct xr_event *e, const char *object, const char *name)
{
	char both[TEXT_VIP + XR_NAME_LEN + 16];

	if (e->kind == XR_EVENT_AUDIT)
		return has_words(e->text, name);
	snprintf(both, sizeof(both), "%s %s", object, name);
	return has_words(e->text, both);
}

static bool is_of_vip(struct plane *p, const struct monitor_filter *f, const struct xr_event *e)
{
	const struct xr_vip *v = &p->vips[e->vip];
	char name[TEXT_VIP];

	if (e->kind == XR_EVENT_PACKET)
		return e->vip && e->vip <= p->meta->limits.vips && v->used && v->port == f->port &&
			v->proto == f->proto && !memcmp(v->addr, f->addr, sizeof(v->addr));
	return text_names(e, "vip", text_vip(name, f->addr, f->port, f->proto));
}

static bool is_of_backend(struct plane *p, const struct monitor_filter *f, const struct xr_event *e)
{
	if (e->kind == XR_EVENT_PACKET)
		return e->backend && e->backend <= p->meta->limits.backends &&
			!strncmp(p->backend_info[e->backend].name, f->backend, XR_NAME_LEN);
	return text_names(e, "backend", f->backend);
}

static bool is_of_vm(const struct monitor_filter *f, const struct xr_event *e)
{
	char name[VM_NAME];

	if (e->kind == XR_EVENT_PACKET || e->kind == XR_EVENT_VM)
		return (!f->vlan || e->vlan == f->vlan) && !memcmp(e->mac, f->mac, sizeof(f->mac));
	return text_names(e, "vm", vm_name(name, vm_key(f->mac, f->vlan)));
}

static bool is_of_device(struct plane *p, const struct monitor_filter *f, const struct xr_event *e)
{
	if (e->kind == XR_EVENT_PACKET || (e->kind == XR_EVENT_VM && !e->text[0]))
		return e->dev_slot < XR_MAX_DEVICES && p->devices[e->dev_slot].ifindex &&
			!strncmp(p->devices[e->dev_slot].name, f->dev, sizeof(f->dev));
	return text_names(e, "dev", f->dev);
}

static bool has_reason(const struct monitor_filter *f, __u32 reason)
{
	return reason < XR_REASON_MAX && f->reasons[reason / 64] >> reason % 64 & 1;
}

bool monitor_wants(struct plane *p, const struct monitor_filter *f, const struct xr_event *e)
{
	if (f->given & ARGS_BIT(KIND) && !(e->kind < 32 && f->kinds >> e->kind & 1))
		return false;
	if (f->given & ARGS_BIT(REASON) && !has_reason(f, e->reason))
		return false;
	if (f->given & ARGS_BIT(VIP) && !is_of_vip(p, f, e))
		return false;
	if (f->given & ARGS_BIT(BACKEND) && !is_of_backend(p, f, e))
		return false;
	if (f->given & ARGS_BIT(VM) && !is_of_vm(f, e))
		return false;
	return !(f->given & ARGS_BIT(DEV)) || is_of_device(p, f, e);
}
