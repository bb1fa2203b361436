// SPDX-License-Identifier: GPL-2.0-only
/* A capture under way: from the ring into a file, or into lines. */
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args/args.h"
#include "args/out.h"
#include "capture_priv.h"
#include "lib/netns.h"
#include "packets_priv.h"
#include "show/stop.h"

#define NS       1000000000ULL
#define FLUSH_AT (256 * 1024) /* octets that wait to be written */
#define PAUSE_MS 10           /* between two looks into the ring */

static __u64 clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NS + now.tv_nsec;
}

static void describe(const struct capture_run *run, struct interface *i,
		     const struct capture_device *on)
{
	char netns[NETNS_TEXT], text[512], role[64] = "where packets leave";

	if (on)
		snprintf(role, sizeof(role), "role %s, %s", text_role(on->role),
			 text_mode(on->mode));
	snprintf(text, sizeof(text), "network namespace %s, instance %s, %s",
		 i->netns == netns_id() ? "of the command" : netns_text(i->netns, netns),
		 run->p->name, role);
	i->index = pcapng_interface(run->file, i->name, text,
				    on && run->args->expression ? run->args->expression : "",
				    run->args->want.snap);
}

static void name_device(struct interface *i)
{
	int back;

	snprintf(i->name, sizeof(i->name), "if%u", i->ifindex);
	if (netns_enter(i->netns, &back))
		return;
	if (!if_indextoname(i->ifindex, i->name))
		snprintf(i->name, sizeof(i->name), "if%u", i->ifindex);
	netns_leave(back);
}

/* on: the device captures; NULL: packets leave there. */
static const struct interface *interface_of(struct capture_run *run, __u64 netns, __u32 ifindex,
					    __u32 slot, const struct capture_device *on)
{
	struct interface *i;

	for (i = run->interface; i < run->interface + run->interfaces; i++)
		if (i->netns == netns && i->ifindex == ifindex)
			return i;
	if (run->interfaces == INTERFACES_MAX)
		return run->interface;
	i = &run->interface[run->interfaces++];
	*i = (struct interface){ .netns = netns, .ifindex = ifindex, .slot = slot };
	if (on)
		snprintf(i->name, sizeof(i->name), "%s", on->name);
	else
		name_device(i);
	if (run->file)
		describe(run, i, on);
	return i;
}

static const struct interface *interface_in(struct capture_run *run, __u32 slot)
{
	const struct capture_device *on = capture_device(run->c, slot);

	return interface_of(run, on->netns, on->ifindex, slot, on);
}

/* Devices that capture are described first: readers want one of which there is no packet, too. */
static void describe_devices(struct capture_run *run)
{
	__u32 slot;

	for (slot = 0; slot < XR_MAX_DEVICES; slot++)
		if (capture_device(run->c, slot)->prog)
			interface_in(run, slot);
}

static const struct interface *interface_out(struct capture_run *run,
					     const struct xr_capture_packet *c,
					     const struct interface *in)
{
	if (c->trace.action != XDP_REDIRECT)
		return in;
	if (!c->trace.ifindex)
		return NULL;
	return interface_of(run, in->netns, c->trace.ifindex, XR_MAX_DEVICES, NULL);
}

/* ---- one packet ---- */

static void write_packet(struct capture_run *run, const struct xr_capture_packet *c,
			 const __u8 *octets, const struct capture_words *w,
			 const struct interface *in, const struct interface *out)
{
	char *comment = capture_comment(c, w);
	struct pcapng_packet p = {
		.interface = in->index,
		.when_ns = w->when_ns,
		.len = c->len_in,
		.cap = c->cap_in,
		.octets = octets,
		.direction = PCAPNG_INBOUND,
		.id = run->packets,
		.verdict = c->trace.action,
		.queue = c->queue,
		.comment = comment ? comment : "",
	};

	if (run->args->want.which & XR_CAPTURE_BEFORE)
		pcapng_packet(run->file, &p);
	if (c->len_out) {
		p.interface = out ? out->index : in->index;
		p.len = c->len_out;
		p.cap = c->cap_out;
		p.octets = octets + c->cap_in;
		/* What goes to the kernel does not leave the device. */
		if (c->trace.action != XDP_PASS)
			p.direction = PCAPNG_OUTBOUND;
		pcapng_packet(run->file, &p);
	}
	free(comment);
}

static int on_packet(void *ctx, const struct xr_capture_packet *c, const __u8 *octets)
{
	struct capture_run *run = ctx;
	const struct capture_args *args = run->args;
	const struct interface *in = interface_in(run, c->dev_slot), *out = NULL;
	struct capture_words w = { .when_ns = run->epoch_ns + c->when_ns };

	if (w.when_ns < run->last_ns)
		w.when_ns = run->last_ns; /* two CPUs, one ring */
	run->last_ns = w.when_ns;
	run->packets++;
	if (c->trace.action == XDP_TX || c->trace.action == XDP_REDIRECT)
		out = interface_out(run, c, in);
	trace_names(run->p, &c->trace, &w.n);
	if (w.n.backend && !w.n.backend->name[0])
		w.n.backend = NULL;
	w.dev = in->name;
	w.out = out ? out->name : "";
	if (run->file)
		write_packet(run, c, octets, &w, in, out);
	else if (opt.json)
		capture_print_json(c, &w);
	else
		capture_print(c, &w);
	if (run->file && pcapng_waiting(run->file) > FLUSH_AT)
		return -ENOBUFS;
	return args->packets && run->packets >= args->packets ? -ECANCELED : 0;
}

/* ---- until the end ---- */

static void warn(void *ctx, const char *line)
{
	(void)ctx;
	cmd_warn("%s", line);
}

static bool is_over(const struct capture_run *run)
{
	return show_stopped || show_reader_is_gone(run->out) ||
		(run->args->packets && run->packets >= run->args->packets) ||
		(run->until_ns && clock_ns(CLOCK_MONOTONIC) >= run->until_ns);
}

/* The reader of a pipe may take nothing for long. */
static bool while_not_read(void *ctx)
{
	struct capture_run *run = ctx;

	return !is_over(run) && !capture_tend(run->c, warn, run, &run->err);
}

static int flush(struct capture_run *run)
{
	int ret = 0;

	if (!run->file)
		fflush(stdout);
	else if (pcapng_waiting(run->file))
		ret = pcapng_flush(run->file, while_not_read, run);
	/* The reader went away: he has seen what he wanted. */
	if (!ret || ret == -EPIPE || ret == -ECANCELED)
		return ret;
	return xr_fail(&run->err, ret, "%s: %s: what was captured before is whole",
		       strcmp(run->args->file, "-") ? run->args->file : "standard output",
		       strerror(-ret));
}

/* All that is in the ring. */
static int read_packets(struct capture_run *run)
{
	int ret, written;

	do {
		ret = capture_read(run->c, on_packet, run);
		written = flush(run);
		if (written)
			return written;
	} while (ret == -ENOBUFS && !is_over(run));
	return ret == -ENOBUFS || ret == -ECANCELED ? 0 : ret;
}

static int until_over(struct capture_run *run)
{
	int ret = 0;

	while (!ret && !is_over(run)) {
		ret = capture_tend(run->c, warn, run, &run->err);
		if (!ret)
			ret = read_packets(run);
		if (ret > 0 || !ret) {
			ret = !run->file && ferror(stdout) ? -EPIPE : 0;
			poll(NULL, 0, PAUSE_MS);
		}
	}
	return ret;
}

/* ---- counts ---- */

static void write_statistics(struct capture_run *run)
{
	struct pcapng_counts s = { .begin_ns = run->begin_ns + run->epoch_ns,
				   .end_ns = clock_ns(CLOCK_MONOTONIC) + run->epoch_ns };
	struct xr_capture_counts n;
	char text[160];
	int i;

	for (i = 0; i < run->interfaces; i++) {
		if (run->interface[i].slot == XR_MAX_DEVICES)
			continue;
		capture_count(run->c, run->interface[i].slot, &n);
		s.seen = n.seen;
		s.wanted = n.captured + n.over + n.lost;
		s.lost = n.over + n.lost;
		s.captured = n.captured;
		snprintf(text, sizeof(text),
			 "%llu captured, %llu over the rate, %llu lost in the ring, %llu filtered",
			 (unsigned long long)n.captured, (unsigned long long)n.over,
			 (unsigned long long)n.lost, (unsigned long long)n.filtered);
		s.comment = text;
		pcapng_statistics(run->file, run->interface[i].index, &s);
	}
}

static void print_counts(const struct capture_run *run)
{
	struct xr_capture_counts n;
	unsigned int gaps = capture_gaps(run->c);

	capture_count(run->c, XR_MAX_DEVICES, &n);
	if (opt.json) {
		json_t *j = json_pack(
			"{s:I, s:I, s:I, s:I, s:I, s:i}", "captured", (json_int_t)run->packets,
			"over_rate", (json_int_t)n.over, "lost", (json_int_t)n.lost, "filtered",
			(json_int_t)n.filtered, "seen", (json_int_t)n.seen, "gaps", gaps);

		json_dumpf(j, stderr, JSON_COMPACT);
		fputc('\n', stderr);
		json_decref(j);
		return;
	}
	fprintf(stderr,
		"xroam: %llu captured, %llu over the rate, %llu lost in the ring, %llu filtered\n",
		(unsigned long long)run->packets, (unsigned long long)n.over,
		(unsigned long long)n.lost, (unsigned long long)n.filtered);
	if (gaps)
		fprintf(stderr,
			"xroam: the program was replaced %u time%s (reload, apply): packets in between are missing\n",
			gaps, gaps == 1 ? "" : "s");
}

/* ---- all of it ---- */

int capture_run(struct capture_run *run)
{
	int ret;

	run->begin_ns = clock_ns(CLOCK_MONOTONIC);
	run->epoch_ns = clock_ns(CLOCK_REALTIME) - run->begin_ns;
	if (run->args->seconds)
		run->until_ns = run->begin_ns + run->args->seconds * NS;
	if (run->file)
		describe_devices(run);
	/* The file's head at once: a reader may wait for it. */
	ret = flush(run);
	if (opt.verbose)
		fprintf(stderr, "instance \"%s\": capturing\n", run->p->name);
	if (!ret)
		ret = until_over(run);
	capture_stop(run->c);
	/* After a signal or the time: what came before it. */
	if (!ret && !(run->args->packets && run->packets >= run->args->packets))
		capture_read(run->c, on_packet, run);
	if (!ret && run->file) {
		write_statistics(run);
		ret = flush(run);
	}
	print_counts(run);
	return ret;
}
