// SPDX-License-Identifier: GPL-2.0-only
/* From the file's structs to the model: the southbound database of OVN. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "config_priv.h"
#include "model/model_edit.h"

/* "tcp:HOST:PORT", "ssl:HOST:PORT", "unix:PATH", as OVN's own programs take them. */
static bool is_remote(const char *text)
{
	const char *port = strrchr(text, ':');

	if (!strncmp(text, "unix:/", 6))
		return true;
	return (!strncmp(text, "tcp:", 4) || !strncmp(text, "ssl:", 4)) && port > text + 4 &&
		port[1] && strspn(port + 1, "0123456789") == strlen(port + 1) &&
		!strpbrk(text, "/?#@ ");
}

static int take_remotes(struct reader *r, const struct raw_ovn *from, struct model_ovn *to)
{
	char path[PATH_LEN];
	size_t i;

	if (!from->n_remotes)
		return fail_at(r, "sources.ovn",
			       "remotes: one at least is needed, a list of database servers");
	if (from->n_remotes > MODEL_OVN_REMOTES)
		return fail_at(r, "sources.ovn.remotes", "remotes: %u; at most %d are asked",
			       from->n_remotes, MODEL_OVN_REMOTES);
	for (i = 0; i < from->n_remotes; i++) {
		snprintf(path, sizeof(path), "sources.ovn.remotes[%zu]", i);
		if (!is_remote(from->remotes[i]) || strlen(from->remotes[i]) >= MODEL_OVN_TEXT) {
			if (fail_at(r, path,
				    "remotes: \"%.60s\" is none; write ssl:HOST:6642, tcp:HOST:6642 or unix:PATH",
				    from->remotes[i]))
				return -EINVAL;
			continue;
		}
		strcpy(to->remote[to->n_remotes++], from->remotes[i]);
		if (!strncmp(from->remotes[i], "ssl:", 4) && !from->ca &&
		    fail_at(r, path,
			    "ca: \"ssl:\" needs the certificates by which the server is known"))
			return -EINVAL;
	}
	return 0;
}

/* OVN's names have almost any octets. */
static int take_name(struct reader *r, const char *path, const char *from, char to[XR_NAME_LEN])
{
	if (!*from || strlen(from) >= XR_NAME_LEN)
		return fail_at(r, path, "name: it has from 1 to %d characters", XR_NAME_LEN - 1);
	strcpy(to, from);
	return 0;
}

static int take_switches(struct reader *r, const struct raw_ovn *from, struct model *m)
{
	struct model_ovn_switch *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < from->n_switches; i++) {
		to = model_grow(&m->ovn_switches, &m->n_ovn_switches, sizeof(*to));
		if (!to)
			return -ENOMEM;
		to->line = config_line_of(r, "sources.ovn.switches", i);
		if (take_name(r, config_at(path, "sources.ovn.switches", i, "name"),
			      from->switches[i].name, to->name) ||
		    TAKE(r, config_at(path, "sources.ovn.switches", i, "vlan"),
			 from->switches[i].vlan, to->vlan))
			return -EINVAL;
	}
	return 0;
}

static int take_chassis(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_ovn *from = raw->sources->ovn;
	struct model_ovn_chassis *to;
	char path[PATH_LEN];
	size_t i;

	for (i = 0; i < from->n_chassis; i++) {
		to = model_grow(&m->ovn_chassis, &m->n_ovn_chassis, sizeof(*to));
		if (!to)
			return -ENOMEM;
		to->line = config_line_of(r, "sources.ovn.chassis", i);
		if (take_name(r, config_at(path, "sources.ovn.chassis", i, "name"),
			      from->chassis[i].name, to->name) ||
		    config_host(r, raw, m, config_at(path, "sources.ovn.chassis", i, "host"),
				from->chassis[i].host, to->host))
			return -EINVAL;
	}
	return 0;
}

int config_take_ovn(struct reader *r, const struct raw *raw, struct model *m)
{
	const struct raw_ovn *from = raw->sources ? raw->sources->ovn : NULL;
	struct model_ovn *to = &m->ovn;

	if (!from)
		return 0;
	if (!from->cert != !from->key &&
	    fail_at(r, from->cert ? "sources.ovn.cert" : "sources.ovn.key",
		    "cert and key: write both, or neither"))
		return -EINVAL;
	return take_remotes(r, from, to) ||
			config_file(r, "sources.ovn.ca", from->ca, to->ca, sizeof(to->ca)) ||
			config_file(r, "sources.ovn.cert", from->cert, to->cert,
				    sizeof(to->cert)) ||
			config_file(r, "sources.ovn.key", from->key, to->key, sizeof(to->key)) ||
			take_switches(r, from, m) || take_chassis(r, raw, m)
		? -EINVAL
		: 0;
}
