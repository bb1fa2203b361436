/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/apply/apply.h"
#include "user/apply/instance.h"
#include "user/attach/attach.h"
#include "user/config/config.h"
#include "user/lib/netns.h"
#include "user/plane/plane_priv.h"
#include "user/underlay/ends.h"
#include "harness_priv.h"
#include <decap.skel.h> /* names the structs above */

static struct {
	char name[XR_NAME_LEN];
	struct plane *plane;
	int prog, trace;
	bool decap;
	__u32 features; /* that prog is loaded for */
} w = { .prog = -1, .trace = -1 };

int ingress_ifindex(void)
{
	static int index;

	if (!index)
		index = ifindex_of("in");
	return index;
}

static void unload(void)
{
	if (w.prog >= 0)
		close(w.prog);
	if (w.trace >= 0)
		close(w.trace);
	w.prog = w.trace = -1;
	head_room_forget();
}

static void world_end(void)
{
	struct xr_err err = { 0 };

	unload();
	w.decap = false;
	if (w.plane && instance_destroy(w.plane, &err))
		fprintf(stderr, "# %s: %s\n", w.name, err.text);
	plane_close(w.plane);
	w.plane = NULL;
}

int world_teardown(void **state)
{
	(void)state;
	world_end();
	return 0;
}

/* Small tables where the text does not say: they are made quickly. */
static void fill_limits(struct xr_limits *l)
{
	l->vips = l->vips ?: 64;
	l->maglev = l->maglev ?: XR_MAGLEV_MOST;
	l->backends = l->backends ?: 64;
	l->server_ids = l->server_ids ?: 1024;
	l->flows = l->flows ?: 4096;
	l->hosts = l->hosts ?: 64;
	l->vms = l->vms ?: 512;
	l->vm_addresses = l->vm_addresses ?: 512;
	l->rings = l->rings ?: 2;
	l->server_id_pages = l->server_id_pages ?: 16;
}

static void commit(const char *text, struct model *m)
{
	struct xr_err err = { 0 };

	model_init(m);
	if (config_read_text(text, strlen(text), "world", m, &err) ||
	    model_check(m, "world", &err)) {
		fprintf(stderr, "# %s\n", err.text);
		fail_msg("the world's configuration is refused");
	}
	fill_limits(&m->limits);
	if (!w.plane &&
	    instance_open(&w.plane, w.name, PLANE_CREATE, &m->limits,
			  m->has_secret ? m->secret : NULL, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		fail_msg("the instance cannot be made");
	}
	if (model_commit(w.plane, m, NULL, NULL, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		fail_msg("the world cannot be made so");
	}
	w.plane->ports[0].mac = 0x020000000002; /* MAC_IN: as if attached */
}

/* The node program; in place of the one there is, if any. */
static void load(bool trace)
{
	struct xr_err err = { 0 };
	int prog, trace_fd = -1;

	if (plane_load_program(w.plane, "in", trace, &prog, trace ? &trace_fd : NULL, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		libbpf_log_print();
		fail_msg("the program cannot be loaded");
	}
	unload();
	w.prog = prog;
	w.trace = trace_fd;
	w.features = w.plane->meta->features;
}

static void make_world(bool trace, const char *fmt, va_list ap)
{
	static int worlds;
	struct model m;
	char *text;

	world_end();
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	snprintf(w.name, sizeof(w.name), TEST_INSTANCE "-%d", getpid(), ++worlds);
	commit(text, &m);
	model_free(&m);
	free(text);
	/*
	 * Without a trace, which has a copy of the state, it is loaded for the first packet: many a
	 * test has none for it, and what takes most of a test's time is the verifier's work.
	 */
	if (trace)
		load(true);
	counts_restart();
}

void world(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	make_world(false, fmt, ap);
	va_end(ap);
}

void world_traced(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	make_world(true, fmt, ap);
	va_end(ap);
}

void world_apply(const char *fmt, ...)
{
	struct model m;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	commit(text, &m);
	model_free(&m);
	free(text);
	/* An attached program would have been replaced, too. */
	if (w.decap || w.prog < 0 || w.features == w.plane->meta->features)
		return;
	if (w.trace >= 0)
		load(true);
	else
		unload();
}

/* As if the program were on "in", with these lists: the device's slot is 0. */
void world_list_ends(const struct xr_listed *listed)
{
	struct xr_device *d = &w.plane->devices[0];
	struct xr_err err = { 0 };

	d->ifindex = ingress_ifindex();
	d->role = XR_ROLE_BACKEND;
	d->netns = netns_id();
	if (listed)
		d->listed = *listed;
	if (ends_refresh(w.plane, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		fail_msg("the tunnels' ends cannot be noted");
	}
	memset(d, 0, sizeof(*d));
}

void world_use_decap(void)
{
	struct decap_bpf *skel = decap_bpf__open();
	struct xr_err err = { 0 };
	int fd;

	if (!skel)
		abort();
	world_list_ends(NULL);
	if (plane_reuse_maps(w.plane, skel->obj, 0, &err) || decap_bpf__load(skel)) {
		fprintf(stderr, "# %s\n", err.text);
		libbpf_log_print();
		fail_msg("the program for role backend cannot be loaded");
	}
	fd = dup(bpf_program__fd(skel->progs.xroam_decap));
	assert_true(fd >= 0);
	unload();
	w.prog = fd;
	w.decap = true;
	decap_bpf__destroy(skel);
}

int world_prog(void)
{
	if (w.prog < 0)
		load(false);
	return w.prog;
}

struct plane *world_plane(void)
{
	return w.plane;
}

struct xr_trace world_trace(void)
{
	struct xr_trace t;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(w.trace, &zero, &t), 0);
	return t;
}

static struct xr_clock read_clock(void)
{
	struct xr_clock c;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(w.plane->fd[PLANE_CLOCK], &zero, &c), 0);
	return c;
}

__u32 world_tick(void)
{
	return read_clock().tick;
}

void world_set_tick(__u32 tick)
{
	struct xr_clock c = { .tick = tick }; /* the kernel keeps the timer */
	__u32 zero = 0;

	w.plane->second->tick = tick;
	assert_int_equal(bpf_map_update_elem(w.plane->fd[PLANE_CLOCK], &zero, &c, BPF_EXIST), 0);
}
