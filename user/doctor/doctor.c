// SPDX-License-Identifier: GPL-2.0-only
/* The tables of checks, one after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "doctor_priv.h"
#include "plane/needs.h"

static const struct doctor_check *const tables[] = {
	doctor_kernel_checks, doctor_process_checks, doctor_device_checks, doctor_offload_checks,
	doctor_sysctl_checks, doctor_route_checks,   doctor_loop_checks,   doctor_other_checks,
};

#define TABLES (sizeof(tables) / sizeof(tables[0]))

static size_t count_checks(void)
{
	const struct doctor_check *c;
	size_t i, n = 0;

	for (i = 0; i < TABLES; i++)
		for (c = tables[i]; c->id; c++)
			n++;
	return n;
}

static void look(struct doctor *d, const struct doctor_check *c)
{
	const struct doctor_dev *dev;
	size_t i;
	int back;

	if (c->look)
		c->look(d);
	for (i = 0; c->look_way && i < d->ways; i++)
		c->look_way(d, &d->way[i]);
	doctor_each_dev(d, dev) {
		if (c->look_dev)
			c->look_dev(d, dev);
		if (!c->look_inside || !dev->present || netns_enter(dev->netns, &back))
			continue;
		c->look_inside(d, dev);
		netns_leave(back);
	}
}

static void run_check(struct doctor *d, const struct doctor_check *c, struct doctor_checked *to)
{
	to->id = c->id;
	to->looks_at = c->looks_at;
	to->why = c->why;
	to->severity = c->severity;
	d->now = to;
	d->looked = false;
	look(d, c);
	to->outcome = to->n     ? DOCTOR_FOUND
		: to->unseen[0] ? DOCTOR_UNSEEN
		: d->looked     ? DOCTOR_PASSED
				: DOCTOR_NOTHING;
}

static void run_all(struct doctor *d)
{
	const struct doctor_check *c;
	size_t i, n = 0;

	for (i = 0; i < TABLES; i++)
		for (c = tables[i]; c->id; c++)
			run_check(d, c, &d->report->check[n++]);
}

/* Reads only: what a killed command left half done stays so, and is found. */
static void open_instance(struct doctor *d)
{
	struct xr_err err = { "" };

	d->p_error = plane_open(&d->p, d->instance, PLANE_READ, NULL, NULL, &err);
	memcpy(d->p_text, err.text, sizeof(d->p_text));
	if (d->p)
		d->tick = plane_tick(d->p);
}

int doctor_run(const struct doctor_args *args, struct doctor_report *report, struct xr_err *err)
{
	struct doctor d = { .instance = args->instance, .report = report };
	int ret;

	report->n = count_checks();
	report->check = calloc(report->n, sizeof(*report->check));
	if (!report->check)
		return xr_fail(err, -ENOMEM, "out of memory");
	open_instance(&d);
	ret = devices_collect(&d, args, err);
	if (!ret) {
		ways_collect(&d);
		run_all(&d);
		ret = d.failed ? xr_fail(err, -ENOMEM, "out of memory") : 0;
	}
	free(d.dev);
	free(d.way);
	plane_close(d.p);
	if (ret)
		doctor_free(report);
	return ret;
}

void doctor_free(struct doctor_report *report)
{
	size_t i;

	for (i = 0; report->check && i < report->n; i++)
		free(report->check[i].finding);
	free(report->check);
	report->check = NULL;
}
