// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model: hosts, gateways, sources, metrics. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "config_priv.h"
#include "lib/metrics_address.h"
#include "lib/text.h"
#include "model/model_edit.h"

/* ---- hosts ---- */

static int take_way(struct reader *r, const struct raw_host *from, size_t i,
		    struct xr_host_info *to)
{
	const char *addr = from->vxlan ? from->vxlan : from->ipip ? from->ipip : from->gue;
	const char *key = from->vxlan ? "vxlan" : from->ipip ? "ipip" : "gue";
	int ways = !!from->vxlan + !!from->ipip + !!from->gue + (from->dev || from->mac);
	char path[PATH_LEN];

	if (ways != 1 && config_is_bad(r, "hosts", i))
		return 0; /* perhaps its key was misspelt */
	if (ways != 1)
		return fail_at(
			r, config_at(path, "hosts", i, "name"),
			"host %s: say once how it is reached: vxlan, ipip or gue with its address, or dev, or mac and dev",
			from->name);
	if (addr) {
		to->method = from->vxlan ? XR_FORWARD_VXLAN
			: from->ipip     ? XR_FORWARD_IPIP
					 : XR_FORWARD_GUE;
		return config_addr(r, config_at(path, "hosts", i, key), addr, to->addr);
	}
	to->method = from->mac ? XR_FORWARD_L2 : XR_FORWARD_PORT;
	return config_mac(r, config_at(path, "hosts", i, "mac"), from->mac, to->mac) ||
		config_dev(r, config_at(path, "hosts", i, "dev"), from->dev, to->dev);
}

static int take_host(struct reader *r, const struct raw_host *from, size_t i,
		     struct xr_host_info *to)
{
	char path[PATH_LEN];

	if (config_name(r, config_at(path, "hosts", i, "name"), "host", from->name, to->name))
		return -EINVAL;
	to->local = from->local && *from->local;
	return take_way(r, from, i, to) ||
		TAKE(r, config_at(path, "hosts", i, "vni"), from->vni, to->vni) ||
		TAKE(r, config_at(path, "hosts", i, "port"), from->port, to->port);
}

static int take_hosts(struct reader *r, const struct raw *raw, struct model *m)
{
	struct model_host *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < raw->n_hosts; i++) {
		to = model_grow(&m->hosts, &m->n_hosts, sizeof(*to));
		if (!to)
			return -ENOMEM;
		ret = take_host(r, &raw->hosts[i], i, &to->info);
	}
	return ret;
}

bool config_lost_host(const struct reader *r, const struct model *m)
{
	size_t i;

	if (!r->all || !r->all->n)
		return false;
	for (i = 0; i < m->n_hosts && m->hosts[i].info.name[0]; i++)
		;
	return i < m->n_hosts || !m->n_hosts;
}

/* ---- gateways, protected ---- */

static int take_gateways(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_gateway *from;
	struct xr_gateway *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < raw->n_gateways; i++) {
		from = &raw->gateways[i];
		to = model_grow(&m->gateways, &m->n_gateways, sizeof(*to));
		if (!to)
			return -ENOMEM;
		to->used = 1;
		to->has_mac = from->mac != NULL;
		if (config_addr(r, config_at(path, "gateways", i, "address"), from->address,
				to->addr) ||
		    config_mac(r, config_at(path, "gateways", i, "mac"), from->mac, to->mac) ||
		    TAKE(r, config_at(path, "gateways", i, "vlan"), from->vlan, to->vlan))
			return -EINVAL;
	}
	return 0;
}

static int take_protected(struct reader *r, const struct raw *raw, struct model *m)
{
	struct xr_protected *to;
	char path[PATH_LEN];
	__be32 addr[XR_ADDR_WORDS];
	size_t i;

	for (i = 0; i < raw->n_protect; i++) {
		to = model_grow(&m->protect, &m->n_protect, sizeof(*to));
		if (!to)
			return -ENOMEM;
		if (!text_to_mac(raw->protect[i], to->octet, NULL)) {
			to->kind = XR_PROTECTED_MAC;
			continue;
		}
		to->kind = XR_PROTECTED_IP;
		snprintf(path, sizeof(path), "protected[%zu]", i);
		if (text_to_addr(raw->protect[i], addr, NULL)) {
			if (fail_at(r, path,
				    "protected: \"%.40s\" is neither a MAC nor an IP address",
				    raw->protect[i]))
				return -EINVAL;
			continue;
		}
		memcpy(to->octet, addr, sizeof(to->octet));
	}
	return 0;
}

/* ---- sources ---- */

static int take_qmp(struct reader *r, const struct raw *raw, const struct model *m, size_t i,
		    struct model_qmp *to)
{
	const struct raw_qmp *from = &raw->sources->qmp[i];
	char path[PATH_LEN];

	to->socket = strdup(from->socket);
	if (!to->socket)
		return -ENOMEM;
	to->role_given = from->role != NULL;
	to->destination = from->role && *from->role;
	to->gate = from->gate && *from->gate;
	if (*from->socket != '/' &&
	    fail_at(r, config_at(path, "sources.qmp", i, "socket"),
		    "socket: \"%.60s\" must be a path from the root", from->socket))
		return -EINVAL;
	if (config_host(r, raw, m, config_at(path, "sources.qmp", i, "to"), from->to, to->to))
		return -EINVAL;
	return config_mac(r, config_at(path, "sources.qmp", i, "vm.mac"), from->vm.mac, to->mac) ||
		TAKE(r, config_at(path, "sources.qmp", i, "vm.vlan"), from->vm.vlan, to->vlan);
}

int config_host(struct reader *r, const struct raw *raw, const struct model *m, const char *path,
		const char *text, char name[XR_NAME_LEN])
{
	int ret = text ? config_name(r, path, "host", text, name) : 0;

	/* Where hosts come from etcd, nobody knows yet. */
	if (ret || !name[0] || model_find_host(m, name) || config_lost_host(r, m) ||
	    (raw->etcd && !raw->n_hosts))
		return ret;
	return fail_at(r, path, "there is no host %s in hosts", name);
}

static int take_libvirt(struct reader *r, const struct raw *raw, size_t i, struct model *m)
{
	const struct raw_libvirt *from = &raw->sources->libvirt[i];
	struct model_libvirt *to = model_grow(&m->libvirt, &m->n_libvirt, sizeof(*to));
	char path[PATH_LEN];

	if (!to)
		return -ENOMEM;
	to->line = config_line_of(r, "sources.libvirt", i);
	to->monitor = !from->monitor || *from->monitor;
	if ((strlen(from->uri) >= sizeof(to->uri) || !strchr(from->uri, ':')) &&
	    fail_at(r, config_at(path, "sources.libvirt", i, "uri"),
		    "uri: \"%.60s\" must be as libvirt has it, such as qemu:///system", from->uri))
		return -EINVAL;
	snprintf(to->uri, sizeof(to->uri), "%s", from->uri);
	return config_host(r, raw, m, config_at(path, "sources.libvirt", i, "host"), from->host,
			   to->host) ||
			config_host(r, raw, m, config_at(path, "sources.libvirt", i, "to"),
				    from->to, to->to)
		? -EINVAL
		: 0;
}

static int take_fdb(struct reader *r, const struct raw_fdb *from, size_t i, struct model_fdb *to)
{
	char path[PATH_LEN];

	to->line = config_line_of(r, "sources.fdb", i);
	return config_dev(r, config_at(path, "sources.fdb", i, "bridge"), from->bridge,
			  to->bridge) ||
		TAKE(r, config_at(path, "sources.fdb", i, "vlan"), from->vlan, to->vlan);
}

static int take_bridges(struct reader *r, const struct raw *raw, struct model *m)
{
	struct model_fdb *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && raw->sources && i < raw->sources->n_fdb; i++) {
		to = model_grow(&m->fdb, &m->n_fdb, sizeof(*to));
		ret = to ? take_fdb(r, &raw->sources->fdb[i], i, to) : -ENOMEM;
	}
	return ret;
}

static int take_sources(struct reader *r, const struct raw *raw, struct model *m)
{
	struct model_qmp *to;
	size_t i;
	int ret = 0;

	for (i = 0; !ret && raw->sources && i < raw->sources->n_qmp; i++) {
		to = model_grow(&m->qmp, &m->n_qmp, sizeof(*to));
		if (!to)
			return -ENOMEM;
		ret = take_qmp(r, raw, m, i, to);
		to->line = config_line_of(r, "sources.qmp", i);
	}
	for (i = 0; !ret && raw->sources && i < raw->sources->n_libvirt; i++)
		ret = take_libvirt(r, raw, i, m);
	return ret;
}

/* ---- metrics ---- */

static int take_metrics(struct reader *r, const struct raw_metrics *from, struct model_metrics *to)
{
	struct metrics_address at;
	struct xr_err inner;

	if (!from)
		return 0;
	to->given = true;
	strcpy(to->listen, MODEL_METRICS_LISTEN);
	if (from->listen && !metrics_address_read(from->listen, &at, &inner))
		strcpy(to->listen, from->listen);
	else if (from->listen && fail_at(r, "metrics.listen", "listen: %s", inner.text))
		return -EINVAL;
	if (from->per_vm &&
	    (!strcmp(from->per_vm, "false") || !strcmp(from->per_vm, "no") ||
	     !strcmp(from->per_vm, "off")))
		return 0;
	return TAKE(r, "metrics.per_vm", from->per_vm, to->per_vm);
}

int config_take_hosts(struct reader *r, const struct raw *raw, struct model *m)
{
	int ret = take_hosts(r, raw, m);

	if (!ret)
		ret = take_gateways(r, raw, m);
	if (!ret)
		ret = take_protected(r, raw, m);
	if (!ret)
		ret = take_sources(r, raw, m);
	if (!ret)
		ret = take_bridges(r, raw, m);
	if (!ret)
		ret = take_metrics(r, raw->metrics, &m->metrics);
	if (!ret)
		ret = config_take_on_move(r, raw->on_move, &m->on_move);
	if (!ret)
		ret = config_take_vm_routes(r, raw->vm_routes, &m->vm_routes);
	return ret ? ret : config_take_etcd(r, raw->etcd, &m->etcd);
}
