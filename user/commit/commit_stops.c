// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a change takes away. A list that the file leaves out is refused, for it is more
 * likely forgotten than meant; of what is in service, warnings say what stops.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>
#include "commit_priv.h"
#include "model/model_edit.h"
#include "lib/text.h"
#include "plane/stats.h"
#include "vm/vm.h"

/* ---- what a file leaves out ---- */

#define SELDOM (1U << MODEL_GATEWAYS | 1U << MODEL_PROTECTED | 1U << MODEL_HEALTH)

int commit_check_sections(struct commit *c)
{
	const size_t has[MODEL_SECTIONS] = {
		[MODEL_HOSTS] = c->have->n_hosts,
		[MODEL_VMS] = c->want->vms_given ? vm_count(c->p) : 0,
		[MODEL_GATEWAYS] = c->have->n_gateways,
		[MODEL_PROTECTED] = c->have->n_protect,
		[MODEL_CID] = c->have->n_cids,
		[MODEL_HEALTH] = c->have->n_health,
		[MODEL_VIPS] = c->have->n_vips,
		[MODEL_BACKENDS] = c->have->n_backends,
	};
	struct phrase list = { .n = 0 }, empty = { .n = 0 };
	unsigned int left_out = c->want->from_file ? ~c->want->sections : 0;
	int i;

	/* Where there are none, export leaves these three out: such a file is complete. */
	if (!(left_out & ((1U << MODEL_SECTIONS) - 1) & ~SELDOM))
		left_out &= ~SELDOM;
	for (i = 0; i < MODEL_SECTIONS; i++) {
		if (!(left_out >> i & 1) || !has[i])
			continue;
		add_part(&list, "%s (%zu)", model_section_key(i), has[i]);
		add_part(&empty, "\"%s: []\"", model_section_key(i));
	}
	if (!list.n)
		return 0;
	return xr_fail(
		c->err, -EINVAL,
		"the file leaves out what the instance has: %s; write %s to delete them, or what \"xroam export\" prints to keep them",
		list.text, empty.text);
}

/* ---- what stops ---- */

static size_t *count_serving(const struct commit *c, const struct members *m)
{
	size_t *n = calloc(c->have->limits.vips + 1, sizeof(*n)), i;

	for (i = 0; n && i < m->n; i++)
		n[m->item[i].vip] += m->item[i].weight != 0;
	return n;
}

static int warn_vip(struct commit *c, const struct vip_slot *s, size_t had, size_t has)
{
	char name[TEXT_VIP];

	if (!s->have || !had || has)
		return 0;
	text_vip(name, s->have->addr, s->have->port, s->have->proto);
	if (s->want)
		return commit_add_line(
			c,
			"! vip %s: no backend is left that takes new flows: they are dropped from now on",
			name);
	return commit_add_line(
		c,
		"! vip %s is taken away, and %zu backend%s served it: its packets are steered no more",
		name, had, had == 1 ? "" : "s");
}

static int warn_devices(struct commit *c)
{
	if (!c->want->devs_given || c->want->n_devs || !c->have->n_devs ||
	    !(c->have->n_vips || c->have->n_hosts))
		return 0;
	return commit_add_line(c, "! the last device is taken away: nothing is steered any more");
}

/*
 * "xroam cid del" measures for a while, and asks. A file is not asked; the warning
 * goes by the counters of the config's ID and format, since the instance was made.
 */
static int warn_cid(struct commit *c, int s)
{
	const struct xr_cid_info *i = &c->cid[s].have->info;
	struct stats_steered n;
	bool same = false;
	size_t k;
	int ret = stats_steered(c->p, xr_cid_codepoints(i->format, i->config_id), &n);

	if (ret)
		return xr_fail(c->err, ret, "CID config %u: reading counters: %s", i->config_id,
			       strerror(-ret));
	if (!(n.by_cid + n.down))
		return 0;
	for (k = 0; k < c->want->n_cids; k++)
		same |= c->want->cids[k].info.config_id == i->config_id;
	return commit_add_line(
		c,
		"! cid %u %s %s, and %llu packets came by it so far: connections that still have a CID of it lose their server (\"xroam cid show\", twice, tells whether any come)",
		i->config_id, xr_cid_format_word(i->format), same ? "changes" : "is taken away",
		(unsigned long long)(n.by_cid + n.down));
}

static int warn_cids(struct commit *c)
{
	int s, ret = 0;

	for (s = 1; !ret && c->want->from_file && s < XR_CID_SLOTS; s++)
		if (c->cid[s].have && !c->cid[s].want)
			ret = warn_cid(c, s);
	return ret;
}

int commit_describe_stops(struct commit *c)
{
	size_t *had = NULL, *has = NULL;
	__u32 i;
	int ret;

	had = count_serving(c, &c->have_members);
	has = count_serving(c, &c->want_members);
	ret = had && has ? warn_devices(c) : -ENOMEM;
	if (!ret)
		ret = warn_cids(c);
	for (i = 1; !ret && i <= c->have->limits.vips; i++)
		ret = warn_vip(c, &c->vip[i], had[i], has[i]);
	free(had);
	free(has);
	return ret;
}
