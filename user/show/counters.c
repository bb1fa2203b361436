// SPDX-License-Identifier: GPL-2.0-only
/* Reads the counters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args/out.h"
#include "counters_priv.h"
#include "lib/reason.h"
#include "plane/stats.h"
#include "plane/vm_state.h"

struct vms {
	struct plane *p;
	struct snapshot *s;
};

static struct row *add_row(struct snapshot *s)
{
	struct row *more;

	if (s->rows == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		more = realloc(s->row, s->room * sizeof(*more));
		if (!more)
			exit(cmd_refuse("out of memory"));
		s->row = more;
	}
	return memset(&s->row[s->rows++], 0, sizeof(*s->row));
}

static int read_reasons(struct plane *p, struct snapshot *s)
{
	struct xr_counter sum[XR_REASON_MAX];
	int i, ret = stats_reasons(p, sum);

	for (i = XR_REASON_NONE + 1; !ret && i < XR_REASON_MAX; i++) {
		struct row *r = add_row(s);

		strcpy(r->name, reason_word(i));
		r->kind = reason_kind_word(reason_kind(i));
		r->text = reason_text(i);
		r->value[0] = sum[i].packets;
		r->value[1] = sum[i].bytes;
	}
	return ret;
}

static int read_vips(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.vips; i++) {
		const struct xr_vip *v = &p->vips[i];
		struct xr_counter sum;
		struct row *r;
		int ret;

		if (!v->used)
			continue;
		ret = stats_vip(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		text_vip(r->name, v->addr, v->port, v->proto);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
	}
	return 0;
}

static int read_backends(struct plane *p, struct snapshot *s)
{
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		const struct xr_backend_info *b = &p->backend_info[i];
		struct xr_backend_counter sum;
		struct row *r;
		int ret;

		if (b->state == XR_BACKEND_NONE)
			continue;
		ret = stats_backend(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		snprintf(r->name, sizeof(r->name), "%.*s", XR_NAME_LEN, b->name);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
		r->value[2] = sum.initials;
		r->value[3] = stats_sum_codepoints(sum.by_cid, STATS_ALL_CODEPOINTS);
	}
	return 0;
}

static int add_vm(void *ctx, __u32 index)
{
	struct vms *vms = ctx;
	const struct xr_vm_info *info = &vms->p->vm_info[index];
	struct row *r = add_row(vms->s);

	vm_name(r->name, vms->p->vms[index].key);
	r->value[0] = vms->p->vms[index].hits;
	r->value[1] = info->moves;
	r->value[2] = info->old;
	r->value[3] = info->copied;
	r->value[4] = info->replayed;
	r->value[5] = info->lost;
	r->value[6] = info->spoofed;
	return 0;
}

static int read_vms(struct plane *p, struct snapshot *s)
{
	struct vms vms = { p, s };

	return vm_each(p, add_vm, &vms);
}

static int read_hosts(struct plane *p, struct snapshot *s)
{
	struct xr_counter sum;
	struct row *r;
	__u32 i;
	int ret;

	for (i = 1; i <= p->meta->limits.hosts; i++) {
		if (!p->host_info[i].name[0])
			continue;
		ret = stats_host(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		strcpy(r->name, p->host_info[i].name);
		r->value[0] = sum.packets;
		r->value[1] = sum.bytes;
	}
	return 0;
}

static int read_devices(struct plane *p, struct snapshot *s)
{
	int i, k;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_dev_counter sum;
		struct row *r;
		int ret;

		if (!p->devices[i].ifindex)
			continue;
		ret = stats_dev(p, i, &sum);
		if (ret)
			return ret;
		r = add_row(s);
		strcpy(r->name, p->devices[i].name);
		for (k = 0; k < XR_KIND_NOTE; k++) {
			r->value[0] += sum.kind[k].packets;
			r->value[1] += sum.kind[k].bytes;
			r->value[2 + k] = sum.kind[k].packets;
		}
	}
	return 0;
}

const struct section counter_sections[SECTIONS] = {
	{ "reason", "reasons", "reason", { "packets", "bytes" }, read_reasons },
	{ "vip", "vips", "vip", { "packets", "bytes" }, read_vips },
	{ "backend",
	  "backends",
	  "backend",
	  { "packets", "bytes", "initials", "by_cid" },
	  read_backends },
	{ "vm",
	  "vms",
	  "vm",
	  { "hits", "moves", "ignored", "copied", "replayed", "lost", "spoofed" },
	  read_vms },
	{ "host", "hosts", "host", { "packets", "bytes" }, read_hosts },
	{ "dev",
	  "devices",
	  "device",
	  { "packets", "bytes", "tx", "reply", "pass", "drop", "decap" },
	  read_devices },
};
