// SPDX-License-Identifier: GPL-2.0-only
/* What a file that names an etcd leaves to it. */
#include <errno.h>
#include "apply_priv.h"

#define SWAP(a, b, list, n)                              \
	do {                                             \
		__typeof__((a)->list) list_ = (a)->list; \
		size_t n_ = (a)->n;                      \
		(a)->list = (b)->list;                   \
		(a)->n = (b)->n;                         \
		(b)->list = list_;                       \
		(b)->n = n_;                             \
	} while (0)

int apply_keep_sections(const struct model *have, struct model *want, struct xr_err *err)
{
	unsigned int left_out = ~want->sections;
	struct model own;

	if (!want->etcd.given)
		return 0;
	if (model_copy(&own, have))
		return xr_fail(err, -ENOMEM, "out of memory");
	if (left_out >> MODEL_HOSTS & 1)
		SWAP(want, &own, hosts, n_hosts);
	if (left_out >> MODEL_CID & 1)
		SWAP(want, &own, cids, n_cids);
	if (left_out >> MODEL_VIPS & 1)
		SWAP(want, &own, vips, n_vips);
	if (left_out >> MODEL_BACKENDS & 1) {
		SWAP(want, &own, backends, n_backends);
		want->sids_stay = have->sids_stay;
	}
	if (left_out >> MODEL_VMS & 1)
		want->vms_given = false;
	model_free(&own);
	want->sections |= 1U << MODEL_HOSTS | 1U << MODEL_CID | 1U << MODEL_VIPS |
		1U << MODEL_BACKENDS | 1U << MODEL_VMS;
	/* Its own part may name what is no longer there. */
	return model_check(want, want->file, err);
}
