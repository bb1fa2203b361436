// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who changed it: health. One entry of the audit for each commit that changes what backends
 * serve as, a line for each of them. Commits come ten times a second at most, so that no
 * notices and no flapping keep the entry of a failure out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/health_state.h"
#include "probe_priv.h"

/* Names, two words and the error of a probe. */
#define LINE (XR_CHECK_NAME + XR_NAME_LEN + 160)

struct record {
	struct audit_actor by;
	struct audit_entry e;
	const char *lines[AUDIT_CHANGES];
	char text[AUDIT_CHANGES][LINE];
};

void record_begin(struct prober *pr)
{
	__u32 i;

	for (i = 1; i <= pr->d->plane->meta->limits.backends; i++)
		pr->was[i] = pr->d->plane->backend_health[i].applied;
}

static const char *word_of(__u8 applied)
{
	return health_word(applied == XR_HEALTH_NONE ? XR_HEALTH_UP : applied);
}

/* The check by which it is bad; of a good one its first. */
static const char *check_name(const struct prober *pr, __u16 backend)
{
	const struct target *t, *by = NULL;
	__u32 i;

	for (i = pr->first[backend]; i != TARGET_NONE; i = t->next) {
		t = &pr->targets[i];
		if (!by || (t->health == XR_HEALTH_DOWN && by->health != XR_HEALTH_DOWN))
			by = t;
	}
	return by ? check_of(pr, by)->name : "-";
}

static void add(struct prober *pr, struct record *r, __u16 backend)
{
	const struct plane *p = pr->d->plane;
	const struct xr_backend_health *h = &p->backend_health[backend];
	bool bad = h->applied != XR_HEALTH_NONE;
	char *line;

	if (r->e.n_changes == AUDIT_CHANGES) {
		r->e.more_changes++;
		return;
	}
	line = r->text[r->e.n_changes];
	snprintf(line, LINE, "health %s: backend %.*s: %s -> %s%s%.*s", check_name(pr, backend),
		 XR_NAME_LEN, p->backend_info[backend].name, word_of(pr->was[backend]),
		 word_of(h->applied), bad ? ": " : "", bad ? (int)sizeof(h->error) : 0, h->error);
	r->lines[r->e.n_changes++] = line;
}

struct record *record_end(struct prober *pr)
{
	const struct plane *p = pr->d->plane;
	struct record *r = NULL;
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++) {
		if (p->backend_health[i].applied == pr->was[i])
			continue;
		if (!r)
			r = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
		add(pr, r, i);
	}
	return r;
}

void record_post(struct prober *pr, struct record *r)
{
	if (!r)
		return;
	audit_self(&r->by, AUDIT_DAEMON, 0, NULL);
	snprintf(r->by.command, sizeof(r->by.command), "health checks");
	r->e.by = &r->by;
	r->e.instance = pr->d->instance;
	r->e.changes = r->lines;
	audit_post(pr->d->plane, &r->e);
	free(r);
}
