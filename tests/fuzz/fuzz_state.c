// SPDX-License-Identifier: GPL-2.0-only
/* A state stream: whatever is taken holds together, and whatever is refused has one line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/lib/mend_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sums are made to fit, or nothing behind them were ever tried. */
static uint8_t *mended(const uint8_t *data, size_t size)
{
	uint8_t *t = malloc(size + 1);

	if (!t)
		abort();
	memcpy(t, data, size);
	if (size >= 12)
		memcpy(t, STREAM_MAGIC "\1\0", 10);
	mend_stream(t, size);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *t = mended(data, size);
	struct xr_err err = { "" };
	const struct stream_flow *f;
	const struct stream_vm *vm;
	struct state_stream *s;
	size_t i, k;
	int ret = state_parse(t, size, &s, &err);

	free(t);
	if (ret < 0 && (!err.text[0] || strchr(err.text, '\n')))
		abort();
	if (ret)
		return 0;
	for (i = 0; i < s->n_flows; i++)
		for (k = 0, f = (const void *)(s->octet + s->flows[i].at); k < s->flows[i].n; k++)
			if (f[k].bucket >= s->flow_buckets ||
			    !stream_backends(s)[f[k].backend].name[0])
				abort();
	for (i = 0; i < s->n_vms; i++)
		for (k = 0, vm = (const void *)(s->octet + s->vms[i].at); k < s->vms[i].n; k++)
			if (!stream_hosts(s)[vm[k].host].name[0])
				abort();
	state_free(s);
	return 0;
}
