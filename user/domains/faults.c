// SPDX-License-Identifier: GPL-2.0-only
/* What is wrong with libvirts and what they say, for "xroam status". */
#include "lib/text.h"
#include "domains_priv.h"

#define CARDS_SHOWN 8 /* of all libvirts; one more line tells how many there are */

struct report {
	struct problem_lines lines;
	unsigned int cards;
};

static void add_card(struct report *r, const struct domain *dom, const struct card *c)
{
	char mac[TEXT_MAC];

	if (!c->refused && !c->elsewhere)
		return;
	if (++r->cards > CARDS_SHOWN)
		return;
	text_mac(mac, c->guest.mac);
	if (c->refused)
		problem_add(
			&r->lines,
			"libvirt %s: its card %s vlan %u is another domain's, which had it first; it is not believed",
			dom->label, mac, c->guest.vlan);
	else
		problem_add(
			&r->lines,
			"libvirt %s: VM %s vlan %u runs there, and is known at another host: if it came, \"xroam vm move\" says so",
			dom->label, mac, c->guest.vlan);
}

static void add_virt(struct report *r, const struct virt *v)
{
	const struct domain *dom;
	const struct card *c;

	if (!v->up && v->why[0])
		problem_add(&r->lines, "libvirt %s: %s", v->conf.uri, v->why);
	if (v->too_loud)
		problem_add(&r->lines,
			    "libvirt %s: it never stops talking: it is read once a second",
			    v->conf.uri);
	for (dom = v->domains; dom; dom = dom->next) {
		if (dom->left_out)
			problem_add(
				&r->lines,
				"libvirt %s: %d of its cards are not followed: a trunk of several VLANs, or too many",
				dom->label, dom->left_out);
		for (c = dom->cards; c; c = c->next)
			add_card(r, dom, c);
	}
}

void virt_report_now(struct virt_all *all)
{
	struct report r = { .cards = 0 };
	struct virt *v;

	for (v = all->list; v; v = v->next)
		add_virt(&r, v);
	if (r.cards > CARDS_SHOWN)
		problem_add(&r.lines, "libvirt: %u cards more that are not believed",
			    r.cards - CARDS_SHOWN);
	daemon_set_problems(all->d, "libvirt", r.lines.text);
}

void virt_report_faults(struct virt *v)
{
	sd_event_source_set_enabled(v->all->faults, SD_EVENT_ONESHOT);
}
