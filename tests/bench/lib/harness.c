// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "harness.h"
#include <bench/wrap.skel.h>

/*
 * A run of more than one repeat costs 16 ms of the kernel's housekeeping before
 * it starts, which is why the clock is read inside. A window is shorter than
 * the timer's period, so most hold no interrupt.
 */
#define RUN_WINDOWS  HARNESS_WINDOWS
#define SKIP_WINDOWS 2 /* the first holds the pause between runs, one warms up */
#define REPEAT       ((RUN_WINDOWS + SKIP_WINDOWS) * WINDOW)

struct harness {
	struct wrap_bpf *skel;
	struct walk_cid *cids;
	__u64 packets;
	__u64 next;        /* packet number no run has used yet */
	double *sample[2]; /* floor, test */
	size_t room;
};

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

static int pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

struct harness *harness_open(int cpu)
{
	struct harness *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (pin_to(cpu))
		fprintf(stderr, "bench: cannot stay on CPU %d\n", cpu);
	if (!getenv("BENCH_VERBOSE"))
		libbpf_set_print(quiet);
	h->skel = wrap_bpf__open_and_load();
	if (!h->skel) {
		fprintf(stderr, "bench: the wrapper does not load: %s\n", strerror(errno));
		goto fail;
	}
	h->cids = mmap(NULL, WALK_MAX * sizeof(*h->cids), PROT_READ | PROT_WRITE, MAP_SHARED,
		       bpf_map__fd(h->skel->maps.cids), 0);
	if (h->cids == MAP_FAILED) {
		fprintf(stderr, "bench: cannot map the CIDs: %s\n", strerror(errno));
		h->cids = NULL;
		goto fail;
	}
	return h;
fail:
	harness_close(h);
	return NULL;
}

void harness_close(struct harness *h)
{
	if (!h)
		return;
	if (h->cids)
		munmap(h->cids, WALK_MAX * sizeof(*h->cids));
	wrap_bpf__destroy(h->skel);
	free(h->sample[0]);
	free(h->sample[1]);
	free(h);
}

int harness_floor(struct harness *h, enum floor_prog which)
{
	switch (which) {
	case FLOOR_PASS:
		return bpf_program__fd(h->skel->progs.floor_pass);
	case FLOOR_IPIP:
		return bpf_program__fd(h->skel->progs.floor_ipip);
	case FLOOR_VXLAN:
		return bpf_program__fd(h->skel->progs.floor_vxlan);
	case FLOOR_PORT:
		return bpf_program__fd(h->skel->progs.floor_port);
	default:
		return bpf_program__fd(h->skel->progs.floor_tx);
	}
}

struct walk_cid *harness_cids(struct harness *h)
{
	return h->cids;
}

__u64 harness_packets(const struct harness *h)
{
	return h->packets;
}

/* Points the wrapper at the program and at the shot's first packet. */
static int aim(struct harness *h, int prog_fd, const struct shot *shot)
{
	int map = bpf_map__fd(h->skel->maps.under_test);
	struct walk *w = &h->skel->bss->walk;
	const __u8 *f = shot->frame;
	__u32 zero = 0;

	if (bpf_map_update_elem(map, &zero, &prog_fd, BPF_ANY))
		return -errno;
	*w = shot->walk;
	memcpy(&w->dmac_smac, f, sizeof(w->dmac_smac));
	memcpy(&w->smac_rest, f + SMAC_REST, sizeof(w->smac_rest));
	memcpy(&w->ethertype, f + AT_ETH(h_proto), sizeof(w->ethertype));
	memcpy(&w->hop6, f + AT_IP6(nexthdr), sizeof(w->hop6));
	memcpy(&w->ttl4, f + AT_IP4(ttl), sizeof(w->ttl4));
	memcpy(&w->saddr, f + (shot->ipv6 ? SADDR6_REST : AT_IP4(saddr)), sizeof(w->saddr));
	memcpy(&w->daddr, f + (shot->ipv6 ? DADDR6_REST : AT_IP4(daddr)), sizeof(w->daddr));
	w->frame_len = shot->len;
	return 0;
}

static int wrapper(const struct harness *h, const struct shot *shot)
{
	return bpf_program__fd(shot->ipv6 ? h->skel->progs.wrap6 : h->skel->progs.wrap4);
}

int harness_once(struct harness *h, int prog_fd, const struct shot *shot, __u8 *out, __u32 *out_len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = shot->frame, .data_size_in = shot->len,
		    .data_out = out, .data_size_out = FRAME_MAX, .repeat = 1);
	int err = aim(h, prog_fd, shot);

	h->skel->bss->clocked.packets = h->next;
	if (err || bpf_prog_test_run_opts(wrapper(h, shot), &opts))
		return err ? err : -errno;
	h->packets++;
	h->next += WINDOW;
	*out_len = opts.data_size_out;
	return opts.retval;
}

static int run(struct harness *h, int prog_fd, const struct shot *shot, __u32 flags, double *sample)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = shot->frame, .data_size_in = shot->len,
		    .repeat = REPEAT, .flags = flags);
	struct clocked *c = &h->skel->bss->clocked;
	__u64 first = c->packets / WINDOW;
	int err = aim(h, prog_fd, shot);

	if (err || bpf_prog_test_run_opts(wrapper(h, shot), &opts))
		return err ? err : -errno;
	for (int i = 0; i < RUN_WINDOWS; i++)
		sample[i] = (double)c->window[(first + SKIP_WINDOWS + i) % WINDOWS] / WINDOW;
	return 0;
}

int harness_warm(struct harness *h, int prog_fd, const struct shot *shot, __u32 n)
{
	double sample[RUN_WINDOWS];
	int err = 0;

	h->skel->bss->clocked.packets = h->next;
	for (__u32 done = 0; done < n && !err; done += REPEAT)
		err = run(h, prog_fd, shot, 0, sample);
	h->next = h->skel->bss->clocked.packets;
	return err;
}

int harness_send(struct harness *h, int ifindex, const struct shot *shot, double *sample)
{
	int err;

	h->skel->bss->send_by = ifindex;
	h->skel->bss->clocked.packets = h->next;
	err = run(h, bpf_program__fd(h->skel->progs.send), shot, BPF_F_TEST_XDP_LIVE_FRAMES,
		  sample);
	h->next = h->skel->bss->clocked.packets;
	h->packets += REPEAT;
	return err;
}

int harness_sink(struct harness *h, int ifindex)
{
	return bpf_xdp_attach(ifindex, bpf_program__fd(h->skel->progs.sink), XDP_FLAGS_DRV_MODE,
			      NULL);
}

__u64 harness_sunk(const struct harness *h)
{
	return h->skel->bss->sunk;
}

int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static struct spread spread_of(double *sample, size_t n)
{
	qsort(sample, n, sizeof(*sample), compare_doubles);
	return (struct spread){ .min = sample[0], .median = sample[n / 2] };
}

int harness_measure(struct harness *h, int prog_fd, enum floor_prog floor, const struct shot *shot,
		    int rounds, struct measured *m)
{
	size_t n = (size_t)rounds * RUN_WINDOWS;
	int fd[2] = { harness_floor(h, floor), prog_fd }, err;
	__u64 at[2] = { h->next, h->next };

	if (n > h->room) {
		for (int i = 0; i < 2; i++) {
			double *grown = realloc(h->sample[i], n * sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			h->sample[i] = grown;
		}
		h->room = n;
	}
	/* Each goes on walking where it stopped, whatever the other did. */
	for (int r = 0; r < rounds; r++) {
		for (int i = 0; i < 2; i++) {
			struct clocked *c = &h->skel->bss->clocked;

			c->packets = at[i];
			err = run(h, fd[i], shot, 0, h->sample[i] + (size_t)r * RUN_WINDOWS);
			if (err)
				return err;
			at[i] = c->packets;
		}
	}
	h->packets += (__u64)rounds * REPEAT;
	h->next = at[1];
	m->floor = spread_of(h->sample[0], n);
	m->test = spread_of(h->sample[1], n);
	m->above_min = m->test.min - m->floor.min;
	m->above = m->test.median - m->floor.median;
	return 0;
}
