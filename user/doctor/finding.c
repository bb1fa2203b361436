// SPDX-License-Identifier: GPL-2.0-only
/* Findings: their words, and cures that a shell takes as they stand. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"
#include "lib/clean.h"
#include "lib/text.h"

void doctor_looked(struct doctor *d)
{
	d->looked = true;
}

struct doctor_finding *doctor_found(struct doctor *d, const char *fmt, ...)
{
	static struct doctor_finding lost;
	struct doctor_checked *c = d->now;
	struct doctor_finding *f = &lost, *list = c->finding;
	va_list ap;

	/* Room is doubled: 64, 128, ... */
	if (!(c->n & (c->n - 1)) && (!c->n || c->n >= 64))
		list = realloc(c->finding, (c->n < 64 ? 64 : 2 * c->n) * sizeof(*list));
	if (list) {
		c->finding = list;
		f = &list[c->n++];
	} else {
		d->failed = true;
	}
	memset(f, 0, sizeof(*f));
	f->severity = c->severity;
	va_start(ap, fmt);
	vsnprintf(f->object, sizeof(f->object), fmt, ap);
	va_end(ap);
	return f;
}

void doctor_wrong(struct doctor_finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->wrong, sizeof(f->wrong), fmt, ap);
	va_end(ap);
}

void doctor_cure(struct doctor_finding *f, const char *fmt, ...)
{
	size_t len = strlen(f->cure);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->cure + len, sizeof(f->cure) - len, fmt, ap);
	va_end(ap);
}

void doctor_unseen(struct doctor *d, const char *fmt, ...)
{
	va_list ap;

	if (d->now->unseen[0])
		return;
	va_start(ap, fmt);
	vsnprintf(d->now->unseen, sizeof(d->now->unseen), fmt, ap);
	va_end(ap);
}

/* ---- cures ---- */

const char *doctor_quote(const char *word, char out[DOCTOR_QUOTED])
{
	static const char plain[] = "_.@:+/-=,";
	size_t left = strlen(word), n;
	bool bare = left > 0, printable = true;
	const char *c = word;
	struct clean_char next;

	while (left) {
		next = clean_next(c, left);
		printable &= next.valid && next.plain && *c != '\'';
		bare &= next.len == 1 && (isalnum((unsigned char)*c) || strchr(plain, *c));
		c += next.len ? next.len : 1;
		left -= next.len ? next.len : 1;
	}
	if (bare) {
		snprintf(out, DOCTOR_QUOTED, "%s", word);
	} else if (printable) {
		snprintf(out, DOCTOR_QUOTED, "'%s'", word);
	} else {
		n = snprintf(out, DOCTOR_QUOTED, "$'");
		for (c = word; *c && n + 8 < DOCTOR_QUOTED; c++)
			n += isalnum((unsigned char)*c)
				? sprintf(out + n, "%c", *c)
				: sprintf(out + n, "\\x%02x", (unsigned char)*c);
		strcpy(out + n, "'");
	}
	return out;
}

void doctor_cure_in(struct doctor_finding *f, const char *path)
{
	if (path[0])
		doctor_cure(f, "nsenter --net=%s ", QUOTE(path));
}

void doctor_cure_xroam(struct doctor_finding *f, const char *instance)
{
	if (strcmp(instance, "default"))
		doctor_cure(f, "xroam -i %s ", QUOTE(instance));
	else
		doctor_cure(f, "xroam ");
}

void doctor_cure_attach(struct doctor_finding *f, const struct doctor *d,
			const struct doctor_dev *dev, const char *mode)
{
	const struct xr_listed *l = dev->record ? &dev->record->listed : NULL;
	char addr[TEXT_ADDR];
	__u32 i;

	doctor_cure_in(f, dev->path);
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "dev attach %s%s", dev->name[0] == '-' ? "-- " : "", QUOTE(dev->name));
	if (mode)
		doctor_cure(f, " mode %s", mode);
	if (dev->role != XR_ROLE_NODE)
		doctor_cure(f, " role %s", text_role(dev->role));
	if (dev->record && dev->record->trusted)
		doctor_cure(f, " trusted");
	for (i = 0; l && i < l->vnis && i < XR_DEV_VNIS; i++)
		doctor_cure(f, " vni %u", l->vni[i]);
	for (i = 0; l && i < l->addrs && i < XR_DEV_ADDRS; i++)
		doctor_cure(f, " address %s", text_addr(addr, l->addr[i]));
}

bool doctor_works(const struct doctor_dev *dev)
{
	return dev->present && dev->role != XR_ROLE_PASS;
}

bool doctor_is_native(const struct doctor_dev *dev)
{
	if (dev->record)
		return dev->record->mode == XR_MODE_NATIVE;
	return dev->xdp_error || dev->xdp & XDP_ACT_BASIC;
}
