// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "lib/defaults.h"
#include "lib/text.h"
#include "model.h"
#include "model_edit.h"

static const char *const section_words[] = {
	[MODEL_HOSTS] = "hosts",       [MODEL_VMS] = "vms",
	[MODEL_GATEWAYS] = "gateways", [MODEL_PROTECTED] = "protected",
	[MODEL_CID] = "cid",           [MODEL_VIPS] = "vips",
	[MODEL_BACKENDS] = "backends", [MODEL_HEALTH] = "health_checks",
};

int model_section_of_key(const char *key)
{
	int i;

	for (i = 0; i < MODEL_SECTIONS; i++)
		if (!strcmp(section_words[i], key))
			return i;
	return -1;
}

const char *model_section_key(int section)
{
	return section_words[section];
}

void model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->policy = xr_default_policy;
	m->vms_source = XR_SOURCE_FILE;
}

void model_free(struct model *m)
{
	size_t i;

	for (i = 0; i < m->n_backends; i++) {
		free(m->backends[i].vips);
		free(m->backends[i].sids);
	}
	free(m->vips);
	if (m->n_cids)
		explicit_bzero(m->cids, m->n_cids * sizeof(*m->cids));
	free(m->cids);
	free(m->backends);
	free(m->health);
	free(m->devs);
	free(m->hosts);
	free(m->vms);
	free(m->bounds);
	free(m->gateways);
	free(m->protect);
	for (i = 0; i < m->n_qmp; i++)
		free(m->qmp[i].socket);
	free(m->qmp);
	free(m->libvirt);
	free(m->fdb);
	free(m->ovn_switches);
	free(m->ovn_chassis);
	explicit_bzero(m->secret, sizeof(m->secret));
	memset(m, 0, sizeof(*m));
}

static void *copy_of(const void *from, size_t n, size_t size, int *ret)
{
	size_t room = 1;
	void *to;

	if (!n)
		return NULL;
	while (room < n) /* the room that model_grow() takes for granted */
		room *= 2;
	to = malloc(room * size);
	if (to)
		memcpy(to, from, n * size);
	else
		*ret = -ENOMEM;
	return to;
}

static int copy_qmp(struct model *to, const struct model *from)
{
	int ret = 0;
	size_t i;

	to->qmp = copy_of(from->qmp, from->n_qmp, sizeof(*to->qmp), &ret);
	if (!to->qmp)
		to->n_qmp = 0;
	for (i = 0; i < to->n_qmp; i++) {
		to->qmp[i].socket = strdup(from->qmp[i].socket);
		if (!to->qmp[i].socket)
			ret = -ENOMEM;
	}
	return ret;
}

int model_copy(struct model *to, const struct model *from)
{
	int ret = 0;
	size_t i;

	*to = *from;
	to->vips = copy_of(from->vips, from->n_vips, sizeof(*to->vips), &ret);
	to->cids = copy_of(from->cids, from->n_cids, sizeof(*to->cids), &ret);
	to->health = copy_of(from->health, from->n_health, sizeof(*to->health), &ret);
	to->devs = copy_of(from->devs, from->n_devs, sizeof(*to->devs), &ret);
	to->hosts = copy_of(from->hosts, from->n_hosts, sizeof(*to->hosts), &ret);
	to->vms = copy_of(from->vms, from->n_vms, sizeof(*to->vms), &ret);
	to->bounds = copy_of(from->bounds, from->n_bounds, sizeof(*to->bounds), &ret);
	to->gateways = copy_of(from->gateways, from->n_gateways, sizeof(*to->gateways), &ret);
	to->fdb = copy_of(from->fdb, from->n_fdb, sizeof(*to->fdb), &ret);
	to->ovn_switches = copy_of(from->ovn_switches, from->n_ovn_switches,
				   sizeof(*to->ovn_switches), &ret);
	to->ovn_chassis = copy_of(from->ovn_chassis, from->n_ovn_chassis, sizeof(*to->ovn_chassis),
				  &ret);
	to->protect = copy_of(from->protect, from->n_protect, sizeof(*to->protect), &ret);
	to->libvirt = copy_of(from->libvirt, from->n_libvirt, sizeof(*to->libvirt), &ret);
	to->backends = copy_of(from->backends, from->n_backends, sizeof(*to->backends), &ret);
	if (!to->backends)
		to->n_backends = 0;
	for (i = 0; i < to->n_backends; i++) {
		struct model_backend *b = &to->backends[i];

		b->vips = copy_of(b->vips, b->n_vips, sizeof(*b->vips), &ret);
		b->sids = copy_of(b->sids, b->n_sids, sizeof(*b->sids), &ret);
	}
	if (copy_qmp(to, from))
		ret = -ENOMEM;
	if (ret)
		model_free(to);
	return ret;
}
