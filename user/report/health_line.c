// SPDX-License-Identifier: GPL-2.0-only
/* Lines about what is wrong, and how they name a device. */
#include <stdarg.h>
#include <stdio.h>

#include "health_priv.h"

void health_wrong(struct check *c, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	c->each(c->ctx, line);
}

const char *health_name(const struct xr_device *d, const struct device_location *at,
			char text[XR_NAME_LEN + NETNS_SUFFIX])
{
	char place[NETNS_SUFFIX];

	if (at->no_netns)
		return d->name;
	snprintf(text, XR_NAME_LEN + NETNS_SUFFIX, "%s%s", d->name, netns_suffix(at->netns, place));
	return text;
}

const char *health_there(const struct device_location *at)
{
	return at->no_netns || at->netns == netns_id() ? "" : "there, ";
}
