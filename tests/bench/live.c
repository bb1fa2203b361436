// SPDX-License-Identifier: GPL-2.0-only
/*
 * ns per frame of those who receive at the other ends of devices, with real frames, one core
 * for sender and receiver.
 *
 *	live [--cpu N] [--rounds N] CASE COUNT DEV...
 *
 * CASE is one of bench's, or of its VMs', COUNT how many server IDs, flows or VMs there are. The
 * devices take turns, round by round, so that noise hits all. First each is sent twice COUNT
 * frames, that tables hold what they will hold. Prints for each device, in JSON: ns per frame
 * (min, p10, median), frames sent since it began, and how many of them came back.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "lib/cases.h"
#include "lib/harness.h"
#include "lib/vm_cases.h"

#define DEVICES_MAX 16

struct receiver {
	const char *dev;
	int ifindex;
	__u64 sent, back;
	double *sample;
};

static struct {
	int cpu, rounds;
} opt = { .cpu = 1, .rounds = 10 };

/* The case's frames, of count different ones. */
static int shot_of(struct harness *h, const char *name, __u32 count, struct shot *shot)
{
	for (size_t i = 0; i < BENCH_CASES; i++) {
		const struct bench_case *c = &bench_cases[i];

		if (strcmp(c->name, name))
			continue;
		c->shot(shot);
		shot->walk.keep_sum = 1;
		shot->walk.mask = c->walks == OF_NEW_FLOWS ? ~0U : count - 1;
		return shot->walk.walk_cid
			? scene_cids(c->cid, &shot->frame[shot->walk.cid], harness_cids(h), count)
			: 0;
	}
	for (size_t i = 0; i < VM_CASES; i++) {
		if (strcmp(vm_cases[i].name, name))
			continue;
		vm_case_shot(&vm_cases[i], count, shot);
		shot->walk.walk_id = 0;
		shot->walk.keep_sum = 1;
		return 0;
	}
	fprintf(stderr, "live: no case %s\n", name);
	return -EINVAL;
}

static int send_window(struct harness *h, struct receiver *r, const struct shot *shot,
		       double *sample)
{
	__u64 sent = harness_packets(h), back = harness_sunk(h);
	int err = harness_send(h, r->ifindex, shot, sample);

	r->sent += harness_packets(h) - sent;
	r->back += harness_sunk(h) - back;
	return err;
}

static int measure(struct harness *h, struct receiver *r, int n, const struct shot *shot,
		   __u32 count)
{
	double ignored[HARNESS_WINDOWS];
	int err = 0;

	for (int i = 0; i < n && !err; i++)
		while (r[i].sent < 2ULL * count && !err)
			err = send_window(h, &r[i], shot, ignored);
	for (int round = 0; round < opt.rounds && !err; round++)
		for (int i = 0; i < n && !err; i++)
			err = send_window(h, &r[i], shot, r[i].sample + round * HARNESS_WINDOWS);
	return err;
}

static void print(const struct receiver *r)
{
	size_t n = (size_t)opt.rounds * HARNESS_WINDOWS;
	json_t *j;

	qsort(r->sample, n, sizeof(*r->sample), compare_doubles);
	j = json_pack("{s:s, s:f, s:f, s:f, s:I, s:I}", "dev", r->dev, "min", r->sample[0], "p10",
		      r->sample[n / 10], "median", r->sample[n / 2], "sent", (json_int_t)r->sent,
		      "back", (json_int_t)r->back);
	json_dumpf(j, stdout, JSON_COMPACT | JSON_REAL_PRECISION(5));
	printf("\n");
	json_decref(j);
}

static int open_receiver(struct harness *h, struct receiver *r, const char *dev)
{
	int err;

	r->dev = dev;
	r->ifindex = if_nametoindex(dev);
	r->sample = calloc((size_t)opt.rounds * HARNESS_WINDOWS, sizeof(*r->sample));
	if (!r->ifindex || !r->sample) {
		fprintf(stderr, "live: %s: %s\n", dev, strerror(errno));
		return -errno;
	}
	err = harness_sink(h, r->ifindex);
	if (err)
		fprintf(stderr, "live: %s takes no program: %s\n", dev, strerror(-err));
	return err;
}

static int usage(FILE *to)
{
	fprintf(to, "usage: live [--cpu N] [--rounds N] CASE COUNT DEV...\n");
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct option words[] = {
		{ "cpu", required_argument, NULL, 'c' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct receiver receiver[DEVICES_MAX] = {};
	struct harness *h;
	struct shot shot;
	__u32 count;
	int c, n, err;

	while ((c = getopt_long(argc, argv, "h", words, NULL)) != -1) {
		switch (c) {
		case 'c':
			opt.cpu = atoi(optarg);
			break;
		case 'r':
			opt.rounds = atoi(optarg);
			break;
		default:
			return usage(c == 'h' ? stdout : stderr);
		}
	}
	n = argc - optind - 2;
	if (n < 1 || n > DEVICES_MAX || opt.rounds <= 0)
		return usage(stderr);
	count = strtoul(argv[optind + 1], NULL, 10);
	if (!count || count > WALK_MAX || count & (count - 1))
		return usage(stderr);
	h = harness_open(opt.cpu);
	if (!h)
		return 1;
	err = shot_of(h, argv[optind], count, &shot);
	for (int i = 0; i < n && !err; i++)
		err = open_receiver(h, &receiver[i], argv[optind + 2 + i]);
	if (!err)
		err = measure(h, receiver, n, &shot, count);
	for (int i = 0; i < n && !err; i++)
		print(&receiver[i]);
	if (err)
		fprintf(stderr, "live: %s\n", strerror(-err));
	for (int i = 0; i < n; i++)
		free(receiver[i].sample);
	harness_close(h);
	return !!err;
}
