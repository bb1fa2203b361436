// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "user/apply/apply.h"
#include "user/apply/instance.h"
#include "user/attach/attach.h"
#include "user/steer/maglev.h"
#include "user/model/model.h"
#include "figures.h"
#include "frames.h"
#include "maps.h"

#define BACKENDS     1000
#define VIPS         1000
#define BEHIND_A_VIP 4
#define SIDS         (1U << 20)

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void add_figure(struct figures *f, const char *key, const char *text, double value,
		const char *unit, double target)
{
	bool missed = target < 0 ? value < -target : target && value > target;

	json_object_set_new(f->json, key, json_real(value));
	if (!f->print)
		return;
	printf("%-52s %12.1f %-4s", text, value, unit);
	if (target)
		printf(" %9.0f%s", target < 0 ? -target : target, missed ? "  missed" : "");
	printf("\n");
}

/* ---- Maglev ---- */

static void maglev_figure(struct figures *f)
{
	static __u16 slot[XR_MAGLEV_MOST];
	struct maglev_member member[BACKENDS];
	struct xr_hash_keys keys;
	char name[BACKENDS][8];
	double best = 1e9;

	for (int i = 0; i < 16; i++)
		keys.key[i] = i * 0x9e3779b97f4a7c15ULL;
	for (int i = 0; i < BACKENDS; i++) {
		snprintf(name[i], sizeof(name[i]), "b%d", i);
		member[i] = (struct maglev_member){ .name = name[i],
						    .weight = 1,
						    .backend = i + 1 };
	}
	for (int i = 0; i < 5; i++) {
		double start = now_ms();

		maglev_build(&keys, member, BACKENDS, slot, XR_MAGLEV_MOST);
		start = now_ms() - start;
		best = start < best ? start : best;
	}
	add_figure(f, "maglev_1000_ms", "Maglev table for 1000 backends", best, "ms", 50);
}

/* ---- an instance ---- */

static int fill_model(struct model *m)
{
	m->vips = calloc(VIPS, sizeof(*m->vips));
	m->backends = calloc(BACKENDS, sizeof(*m->backends));
	if (!m->vips || !m->backends)
		return -1;
	m->n_vips = VIPS;
	m->n_backends = BACKENDS;
	for (int i = 0; i < VIPS; i++) {
		struct model_vip *v = &m->vips[i];

		set_addr4(v->addr, VIP4_BASE + i);
		v->port = htons(PORT_TCP);
		v->proto = IPPROTO_TCP;
		v->flow = true;
	}
	for (int i = 0; i < BACKENDS; i++) {
		struct model_backend *b = &m->backends[i];

		snprintf(b->info.name, sizeof(b->info.name), "b%d", i);
		set_addr4(b->info.addr, 0x0a010000 + i);
		b->info.weight = 1;
		b->info.forward = XR_FORWARD_IPIP;
		b->info.state = XR_BACKEND_UP;
		b->n_vips = BEHIND_A_VIP;
		b->vips = calloc(b->n_vips, sizeof(*b->vips));
		if (!b->vips)
			return -1;
		for (int k = 0; k < BEHIND_A_VIP; k++) {
			struct model_vip *v = &m->vips[(i + k) % VIPS];

			memcpy(b->vips[k].addr, v->addr, sizeof(v->addr));
			b->vips[k].port = v->port;
			b->vips[k].proto = v->proto;
		}
	}
	return 0;
}

static int fill_sids(struct model *m)
{
	for (__u32 i = 0; i < SIDS; i++) {
		struct model_backend *b = &m->backends[i % BACKENDS];
		__be32 sid = htonl(i);

		if (!b->sids)
			b->sids = calloc(SIDS / BACKENDS + 1, sizeof(*b->sids));
		if (!b->sids)
			return -1;
		b->sids[b->n_sids].len = sizeof(sid);
		memcpy(b->sids[b->n_sids++].octet, &sid, sizeof(sid));
	}
	return 0;
}

static void commit(struct figures *f, struct plane *p, const struct model *m, const char *key,
		   const char *text, double target)
{
	struct xr_err err = {};
	double start = now_ms();

	if (model_commit(p, m, NULL, NULL, &err)) {
		fprintf(stderr, "bench: %s: %s\n", text, err.text);
		f->failed = 1;
		return;
	}
	add_figure(f, key, text, now_ms() - start, "ms", target);
}

/* Octets of one entry of a per-CPU or plain map, over all CPUs. */
static double per_entry(const struct plane *p, enum plane_map map)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(p->fd[map], &info, &len))
		return 0;
	if (info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		return (info.value_size + 7) / 8 * 8.0 * p->cpus;
	return info.value_size;
}

static void memory_figures(struct figures *f, const struct plane *p)
{
	const struct xr_limits *l = &p->meta->limits;
	double vip = per_entry(p, PLANE_VIPS) + per_entry(p, PLANE_VIP_STATS) +
		per_entry(p, PLANE_VIP_INDEX) * p->vip_buckets / l->vips;
	double backend = per_entry(p, PLANE_BACKENDS) + per_entry(p, PLANE_BACKEND_STATS) +
		per_entry(p, PLANE_BACKEND_INFO) + per_entry(p, PLANE_INITIAL_RATE) +
		(per_entry(p, PLANE_PATHS) + per_entry(p, PLANE_NEXTHOPS)) * p->paths_max /
			l->backends;
	double sid = (double)p->sid_buckets / l->server_ids;

	add_figure(f, "vip_octets", "memory of a VIP", vip, "B", 0);
	add_figure(f, "maglev_octets", "  and of its Maglev table", l->maglev * sizeof(__u16), "B",
		   0);
	add_figure(f, "backend_octets", "of a backend", backend, "B", 0);
	add_figure(f, "sid_octets", "of a server ID, in the packets' way",
		   sid * per_entry(p, PLANE_SERVER_IDS), "B", 0);
	add_figure(f, "sid_name_octets", "  and for user space",
		   sid * per_entry(p, PLANE_SERVER_ID_NAMES), "B", 0);
	add_figure(f, "flow_octets", "of a flow",
		   per_entry(p, PLANE_FLOWS) * p->flow_buckets / l->flows, "B", 0);
}

static void program_figures(struct figures *f, struct plane *p)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	struct xr_err err = {};
	int fd = -1;

	if (plane_load_program(p, "lo", false, &fd, NULL, &err) ||
	    bpf_obj_get_info_by_fd(fd, &info, &len)) {
		fprintf(stderr, "bench: %s\n", err.text);
		f->failed = 1;
		return;
	}
	add_figure(f, "verified_insns", "instructions the verifier processed", info.verified_insns,
		   "", 20000);
	add_figure(f, "insns", "instructions of the program",
		   info.xlated_prog_len / sizeof(struct bpf_insn), "", 0);
	close(fd);
}

static void instance_figures(struct figures *f)
{
	const struct xr_limits limits = {
		.vips = 1024,
		.maglev = XR_MAGLEV_MOST,
		.backends = 4096,
		.server_ids = SIDS,
		.flows = SIDS,
		.hosts = 1,
		.vms = 1,
		.vm_addresses = 1,
		.rings = 1,
		.server_id_pages = SIDS / XR_SID_PAGE,
	};
	struct xr_err err = {};
	struct plane *p = NULL;
	struct model m;
	char name[32];
	sigset_t quit;

	/* Ctrl-C waits until the pins are gone. */
	sigemptyset(&quit);
	sigaddset(&quit, SIGINT);
	sigaddset(&quit, SIGTERM);
	sigprocmask(SIG_BLOCK, &quit, NULL);
	snprintf(name, sizeof(name), "bench-%d", getpid());
	model_init(&m);
	m.limits = limits;
	if (fill_model(&m) || instance_open(&p, name, PLANE_CREATE, &limits, NULL, &err)) {
		fprintf(stderr, "bench: %s\n", err.text);
		f->failed = 1;
		goto out;
	}
	commit(f, p, &m, "apply_1000_vips_ms", "apply: 1000 VIPs, 1000 backends, 4 behind each", 0);
	if (!fill_sids(&m))
		commit(f, p, &m, "load_million_sids_ms", "a million server IDs loaded", 2000);
	program_figures(f, p);
	memory_figures(f, p);
	instance_destroy(p, &err);
out:
	plane_close(p);
	model_free(&m);
	sigprocmask(SIG_UNBLOCK, &quit, NULL);
}

json_t *figures_measure(const char *only, bool print)
{
	struct figures f = { .print = print, .json = json_object() };
	bool both = !only, first = both || !strcmp(only, "figures");
	bool moves = both || !strcmp(only, "moves");

	bool capture = both || !strcmp(only, "capture");

	if (!first && !moves && !capture)
		return f.json;

	/* No neighbour of this machine is asked about the bench's backends. */
	if (unshare(CLONE_NEWNET))
		fprintf(stderr, "bench: no network namespace of its own\n");
	if (print)
		printf("\n%-52s %12s %14s\n", "figure", "value", "target");
	if (first) {
		maglev_figure(&f);
		instance_figures(&f);
	}
	if (capture)
		capture_figures(&f);
	if (moves)
		vm_figures(&f);
	return f.json;
}
