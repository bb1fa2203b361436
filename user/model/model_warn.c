// SPDX-License-Identifier: GPL-2.0-only
/* What is allowed, but hardly meant. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xroam/cid.h>
#include "lib/text.h"
#include "lib/vm_key.h"
#include "model_check_priv.h"

#define CHANCE_PERCENT 1 /* of random CIDs that may name a server */

struct warner {
	struct check c;
	void (*warn)(void *ctx, const char *line);
	void *ctx;
};

static void send_line(const struct warner *w, __u32 line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void send_line(const struct warner *w, __u32 line, const char *fmt, ...)
{
	char buf[512], where[256];
	va_list ap;
	int n;

	n = snprintf(buf, sizeof(buf), "%s", check_prefix(&w->c, line, where, sizeof(where)));
	va_start(ap, fmt);
	vsnprintf(buf + n, sizeof(buf) - n, fmt, ap);
	va_end(ap);
	w->warn(w->ctx, buf);
}

static void warn_chance(const struct warner *w, size_t *by_len)
{
	const struct model *m = w->c.m;
	double percent;
	__u8 len;
	size_t i;

	for (i = 0; i < m->n_cids; i++) {
		len = m->cids[i].info.sid_len;
		percent = 100 * xr_cid_chance(by_len[len], len);
		if (percent > CHANCE_PERCENT)
			send_line(
				w, m->cids[i].line,
				"CID config %u: %.1f %% of the CIDs that clients choose will name a server by chance; use longer server IDs",
				m->cids[i].info.config_id, percent);
	}
}

static void warn_sids(const struct warner *w, size_t *by_len)
{
	const struct model *m = w->c.m;
	bool carried[XR_SID_MAX + 1] = { false };
	size_t i, j;

	for (i = 0; i < m->n_cids; i++)
		carried[m->cids[i].info.sid_len] = true;
	for (i = 0; i < m->n_backends; i++) {
		const struct model_backend *b = &m->backends[i];

		for (j = 0; j < b->n_sids; j++) {
			by_len[b->sids[j].len]++;
			if (carried[b->sids[j].len])
				continue;
			carried[b->sids[j].len] = true; /* one warning is enough */
			send_line(
				w, b->sids[j].line ? b->sids[j].line : b->line,
				"backend %s: no CID config has server IDs of %u octets; its server ID cannot be found in a CID",
				b->info.name, b->sids[j].len);
		}
	}
}

static bool knows_vm(const struct model *m, const struct xr_backend_info *b)
{
	__u64 key = vm_key(b->vm_mac, b->vm_vlan);
	size_t i;

	for (i = 0; i < m->n_vms; i++)
		if (vm_key(m->vms[i].mac, m->vms[i].vlan) == key)
			return true;
	return false;
}

static void warn_ties(const struct warner *w)
{
	const struct model *m = w->c.m;
	char mac[TEXT_MAC];
	size_t i;

	for (i = 0; m->vms_given && i < m->n_backends; i++) {
		const struct xr_backend_info *b = &m->backends[i].info;

		if (!mac_is_zero(b->vm_mac) && !knows_vm(m, b))
			send_line(
				w, m->backends[i].line,
				"backend %s: VM %s is not in vms; its packets follow the VM once it is known",
				b->name, text_mac(mac, b->vm_mac));
	}
}

void model_warn(const struct model *m, const char *file, void (*warn)(void *ctx, const char *line),
		void *ctx)
{
	struct warner w = { { m, file, NULL, NULL }, warn, ctx };
	size_t by_len[XR_SID_MAX + 1] = { 0 }, i;
	bool cid = false;

	warn_sids(&w, by_len);
	warn_chance(&w, by_len);
	warn_ties(&w);
	for (i = 0; i < m->n_vips; i++)
		cid |= m->vips[i].cid;
	if (cid && !m->n_cids)
		send_line(
			&w, 0,
			"VIPs steer by connection ID, but there is no CID config; CIDs are not routable until there is one");
	if (!cid && m->n_cids && m->n_vips)
		send_line(&w, 0, "there are CID configs, but no VIP has cid; they are not used");
}

size_t model_daemon_parts(const struct model *m, char text[MODEL_PARTS])
{
	const struct {
		bool given;
		const char *name;
	} part[] = {
		{ m->n_qmp || m->n_libvirt || m->n_fdb || m->ovn.n_remotes, "sources" },
		{ m->metrics.given, "metrics" },
		{ m->on_move.words, "on_move" },
		{ m->vm_routes.given, "vm_routes" },
		{ m->etcd.given, "etcd" },
	};
	size_t i, n = 0;

	*text = '\0';
	for (i = 0; i < sizeof(part) / sizeof(*part); i++)
		if (part[i].given)
			snprintf(text + strlen(text), MODEL_PARTS - strlen(text), "%s%s",
				 n++ ? ", " : "", part[i].name);
	return n;
}
