/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/lib/reason.h"
#include "harness_priv.h"

/* ---- counters ---- */

static struct xr_counter counted[XR_REASON_MAX]; /* when they were last read */

void counts_restart(void)
{
	memset(counted, 0, sizeof(counted));
}

static void add_counter(struct xr_counter *to, const struct xr_counter *c)
{
	to->packets += c->packets;
	to->bytes += c->bytes;
}

/* The verdicts: the device's slot is 0. */
static void add_verdicts(struct xr_counter now[XR_REASON_MAX])
{
	struct xr_dev_reasons each[world_plane()->cpus];
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(world_plane()->fd[PLANE_DEV_REASONS], &zero, each), 0);
	for (int c = 0; c < world_plane()->cpus; c++)
		for (int i = 0; i < XR_REASON_MAX; i++)
			add_counter(&now[i], &each[c].reason[i]);
}

/* Every reason's counters, of every CPU. */
static void read_counts(struct xr_counter now[XR_REASON_MAX])
{
	struct xr_counter each[XR_REASON_MAX][world_plane()->cpus];
	__u32 keys[XR_REASON_MAX], n = XR_REASON_MAX, next;
	int err = bpf_map_lookup_batch(world_plane()->fd[PLANE_REASON_STATS], NULL, &next, keys,
				       each, &n, NULL);

	/* -ENOENT: there are no more of them. */
	if ((err && err != -ENOENT) || n != XR_REASON_MAX)
		fail_msg("reading counters: %s", strerror(-err));
	memset(now, 0, XR_REASON_MAX * sizeof(*now));
	for (__u32 i = 0; i < n; i++)
		for (int c = 0; c < world_plane()->cpus; c++)
			add_counter(&now[keys[i]], &each[i][c]);
	add_verdicts(now);
}

/* What was counted since the last call. */
static void take_counts(struct result *r, __u64 bytes[XR_REASON_MAX])
{
	struct xr_counter now[XR_REASON_MAX];

	read_counts(now);
	for (int i = 1; i < XR_REASON_MAX; i++) {
		r->count[i] = now[i].packets - counted[i].packets;
		bytes[i] = now[i].bytes - counted[i].bytes;
	}
	memcpy(counted, now, sizeof(now));
}

static void print_result(const struct result *r)
{
	static const char *const actions[] = { "aborted", "drop", "pass", "tx", "redirect" };

	fprintf(stderr,
		"# action %s; counted:", r->action < ARRAY_LEN(actions) ? actions[r->action] : "?");
	for (int i = 1; i < XR_REASON_MAX; i++)
		if (r->count[i])
			fprintf(stderr, " %s", reason_word(i));
	fprintf(stderr, "\n# the packet was\n");
	packet_dump(stderr, "# ", &r->in);
}

void fail_result(const struct result *r, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "# ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	print_result(r);
	fail();
}

static bool fits(enum xr_reason_kind kind, __u32 action)
{
	switch (kind) {
	case XR_KIND_TX:
		return action == XDP_TX || action == XDP_REDIRECT;
	case XR_KIND_REPLY:
		return action == XDP_TX;
	case XR_KIND_PASS:
	case XR_KIND_DECAP:
		return action == XDP_PASS;
	case XR_KIND_DROP:
		return action == XDP_DROP;
	default:
		return false;
	}
}

/*
 * All octets of the packet; but a next hop that is looked up for a backend's VM is
 * that of the packet built for the backend.
 */
static bool all_counted(enum xr_reason reason, __u64 packets, __u64 bytes, size_t len)
{
	if (reason == XR_R_FIB || reason == XR_R_FIB_STALE)
		return bytes >= packets * len;
	return bytes == packets * len;
}

/* What is wrong with the verdict, whatever the packet; NULL: nothing. */
static const char *check_counts(struct result *r, const __u64 bytes[XR_REASON_MAX])
{
	enum xr_reason_kind kind;
	__u64 verdicts = 0;

	for (int i = 1; i < XR_REASON_MAX; i++) {
		if (!all_counted(i, r->count[i], bytes[i], r->in.len))
			return "not all its octets are counted";
		if (reason_kind(i) == XR_KIND_NOTE || !r->count[i])
			continue;
		verdicts += r->count[i];
		r->verdict = i;
	}
	if (!verdicts)
		return "no verdict is counted";
	if (verdicts > 1)
		return "more than one verdict is counted";
	kind = reason_kind(r->verdict);
	if (!fits(kind, r->action))
		return "the action does not fit the verdict";
	if (kind == XR_KIND_PASS && r->verdict != XR_R_ASKED && !packet_equal(&r->in, &r->out))
		return "it is passed, but changed";
	return NULL;
}

/* ---- running ---- */

struct result run_prog(int prog_fd, const struct packet *p)
{
	struct xdp_md ctx = {
		.data_end = p->len,
		.ingress_ifindex = ingress_ifindex(),
	};
	struct result r = { .in = *p };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = r.out.data, .data_size_out = sizeof(r.out.data), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	int err;

	err = bpf_prog_test_run_opts(head_room_filler(prog_fd), &opts);
	if (err)
		fail_msg("test run of %zu octets: %s", p->len, strerror(-err));
	r.action = opts.retval;
	r.out.len = opts.data_size_out;
	return r;
}

const char *run_any(const struct packet *p, struct result *r)
{
	__u64 bytes[XR_REASON_MAX];

	*r = run_prog(world_prog(), p);
	take_counts(r, bytes);
	return check_counts(r, bytes);
}

struct result run(const struct packet *p)
{
	struct result r;
	const char *trouble = run_any(p, &r);

	if (trouble)
		fail_result(&r, "%s", trouble);
	return r;
}

struct result run_text(const char *fmt, ...)
{
	struct packet p;
	va_list ap;

	va_start(ap, fmt);
	p = packet_v(fmt, ap);
	va_end(ap);
	return run(&p);
}

enum xr_reason reason_by_word(const char *word, size_t len)
{
	for (int i = 1; i < XR_REASON_MAX; i++)
		if (strlen(reason_word(i)) == len && !strncmp(reason_word(i), word, len))
			return i;
	fprintf(stderr, "# no reason '%s'\n", word);
	abort();
}

void check_reasons(const struct result *r, const char *reasons)
{
	__u64 want[XR_REASON_MAX] = { 0 };

	for (const char *s = reasons; *s; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");

		want[reason_by_word(s, n)]++;
		s += n;
	}
	/* How often a next hop is looked up depends on the clock: only where it is named. */
	if (!want[XR_R_FIB])
		want[XR_R_FIB] = r->count[XR_R_FIB];
	if (memcmp(want, r->count, sizeof(want)))
		fail_result(r, "expected: %s", reasons);
}

void check_packet(const struct packet *want, const struct packet *got)
{
	if (packet_equal(want, got))
		return;
	packet_diff(stderr, want, got);
	fail_msg("the packet came out otherwise");
}

void expect_verdict(const struct packet *p, const char *reason)
{
	struct result r = run(p);

	if (r.verdict != reason_by_word(reason, strlen(reason)))
		fail_result(&r, "expected: %s", reason);
}
