// SPDX-License-Identifier: GPL-2.0-only
/* The list of libvirts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "domains.h"
#include "domains_priv.h"

static const struct virt_ops ops = {
	.line = domain_on_line,
	.faults = virt_report_faults,
};

static void virt_free(struct virt *v)
{
	helper_end(v);
	domain_forget_all(v);
	figures_drop_source(v->d->figures, v->figure);
	free(v);
}

static int virt_new(struct virt_all *all, const struct model_libvirt *conf)
{
	struct virt *v = calloc(1, sizeof(*v));
	int ret;

	if (!v)
		return -ENOMEM;
	v->d = all->d;
	v->all = all;
	v->ops = &ops;
	v->conf = *conf;
	v->figure = figures_add_source(all->d->figures, "libvirt", conf->uri);
	ret = helper_begin(v);
	if (ret) {
		virt_free(v);
		return ret;
	}
	v->next = all->list;
	all->list = v;
	return 0;
}

static bool is_same(const struct model_libvirt *a, const struct model_libvirt *b)
{
	return !strcmp(a->uri, b->uri) && !strcmp(a->host, b->host) && !strcmp(a->to, b->to) &&
		a->monitor == b->monitor;
}

static struct virt *find(struct virt_all *all, const struct model_libvirt *conf)
{
	struct virt *v = all->list;

	while (v && !is_same(&v->conf, conf))
		v = v->next;
	return v;
}

static void drop_stale(struct virt_all *all)
{
	struct virt **link = &all->list, *v;

	while ((v = *link)) {
		if (!v->stale) {
			link = &v->next;
			continue;
		}
		*link = v->next;
		virt_free(v);
	}
}

/* Those that are as before keep their connection. */
static int reload(struct daemon *d, void *state, struct xr_err *err)
{
	struct virt_all *all = state;
	struct virt *v;
	int ret = 0;
	size_t i;

	for (v = all->list; v; v = v->next)
		v->stale = true;
	for (i = 0; i < d->model.n_libvirt; i++) {
		v = find(all, &d->model.libvirt[i]);
		if (v)
			v->stale = false;
	}
	drop_stale(all);
	if (!d->model.n_libvirt)
		daemon_set_problems(d, "libvirt", "");
	for (i = 0; !ret && i < d->model.n_libvirt; i++)
		if (!find(all, &d->model.libvirt[i]))
			ret = virt_new(all, &d->model.libvirt[i]);
	return ret ? xr_fail(err, ret, "watching libvirt: %s", strerror(-ret)) : 0;
}

static void stop(void *state)
{
	struct virt_all *all = state;
	struct virt *v;

	while ((v = all->list)) {
		all->list = v->next;
		virt_free(v);
	}
	chains_free(&all->by_vm);
	sd_event_source_disable_unref(all->faults);
	free(all);
}

static void lock_is_back(void *state)
{
	struct virt_all *all = state;
	struct virt *v;

	for (v = all->list; v; v = v->next)
		domain_catch_up(v);
}

static bool says(void *state, enum vm_word word, __u64 vm_key, __u16 host)
{
	return domain_says(state, word, vm_key, host);
}

static int on_faults(sd_event_source *s, void *ctx)
{
	(void)s;
	virt_report_now(ctx);
	return 0;
}

static int start(struct daemon *d, void **state, struct xr_err *err)
{
	struct virt_all *all = calloc(1, sizeof(*all));
	int ret;

	if (!all)
		return xr_fail(err, -ENOMEM, "out of memory");
	all->d = d;
	ret = sd_event_add_defer(d->moves, &all->faults, on_faults, all);
	if (ret >= 0)
		ret = sd_event_source_set_enabled(all->faults, SD_EVENT_OFF);
	ret = ret < 0 ? xr_fail(err, ret, "watching libvirt: %s", strerror(-ret))
		      : reload(d, all, err);
	if (ret) {
		stop(all);
		return ret;
	}
	*state = all;
	return 0;
}

const struct source source_libvirt = {
	.name = "libvirt",
	.start = start,
	.reload = reload,
	.lock_is_back = lock_is_back,
	.says = says,
	.stop = stop,
};
