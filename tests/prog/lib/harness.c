/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/apply/commit.h"
#include "user/apply/instance.h"
#include "user/config/config.h"
#include "user/underlay/ends.h"
#include "user/lib/netns.h"
#include "user/attach/attach.h"
#include "user/plane/plane_priv.h"
#include "user/lib/reason.h"
#include "harness.h"
#include <decap.skel.h> /* names the structs above */

#define INSTANCE "test-prog-%d"
#define ROOM     128 /* head room to be filled; enough for any outer header */

static struct {
	char name[XR_NAME_LEN];
	struct plane *plane;
	int prog, trace;
	bool decap;
	__u32 features; /* that prog is loaded for */
	struct xr_counter counted[XR_REASON_MAX];
} w = { .prog = -1, .trace = -1 };

static int ingress;          /* "in" */
static int filler = -1;      /* the program that fills the head room */
static int filler_next = -1; /* its program array */
static int filled_for = -1;  /* the program in that */

/* ---- what libbpf has to say ---- */

static char said[3000]; /* the end of it: the verifier's last words */

static int keep(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	size_t n, have = strlen(said), max = sizeof(said) - 1;
	char *text;

	(void)level;
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	n = strlen(text);
	if (n >= max) {
		strcpy(said, text + n - max);
	} else {
		if (have + n > max) {
			memmove(said, said + have + n - max, max - n + 1);
			have = max - n;
		}
		strcpy(said + have, text);
	}
	free(text);
	return 0;
}

static void tell_what_was_said(void)
{
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		fprintf(stderr, "# | %s\n", line);
	said[0] = 0;
}

/* ---- cleaning up ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

static void remove_pins(pid_t pid)
{
	static const char *const roots[] = { XR_PIN_ROOT, XR_RUN_ROOT };
	char pattern[256];
	glob_t g;

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		snprintf(pattern, sizeof(pattern), "%s/" INSTANCE "*", roots[i], pid);
		if (glob(pattern, 0, NULL, &g))
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++)
			nftw(g.gl_pathv[k], remove_one, 8, FTW_DEPTH | FTW_PHYS);
		globfree(&g);
	}
}

/* A child that outlives us, however we end, and removes our pins. */
static void start_janitor(void)
{
	pid_t pid = getpid();
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC) || fflush(NULL))
		abort();
	switch (fork()) {
	case -1:
		abort();
	case 0:
		setsid();
		for (int s = 1; s < NSIG; s++)
			signal(s, SIG_IGN);
		/* prove waits for whoever holds its pipes. */
		freopen("/dev/null", "r+", stdin);
		dup2(0, 1);
		dup2(0, 2);
		close(ends[1]);
		while (read(ends[0], &c, 1) < 0 && errno == EINTR)
			;
		remove_pins(pid);
		_exit(0);
	}
	close(ends[0]); /* ends[1] closes when we are gone */
}

/* ---- the namespace ---- */

void shell(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	status = system(line);
	if (status) {
		fprintf(stderr, "# '%s' failed: %d\n", line, status);
		abort();
	}
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		fprintf(stderr, "# %s: %s\n", path, strerror(errno));
		abort();
	}
	close(fd);
}

static void link_up(FILE *ip, const char *dev, int n)
{
	fprintf(ip,
		"link add %s address 02:00:00:00:00:0%d type veth peer name "
		"%s-peer\n"
		"link set %s up\nlink set %s-peer up\n"
		"addr add 10.%d.0.254/16 dev %s\n"
		"addr add fd0%d::fe/64 dev %s nodad\n",
		dev, n + 1, dev, dev, dev, n, dev, n, dev);
	for (int i = 1; i < 10; i++)
		fprintf(ip,
			"neigh add 10.%d.0.%d lladdr 02:00:00:00:0%d:0%d dev %s "
			"nud permanent\n"
			"neigh add fd0%d::%d lladdr 02:00:00:00:0%d:0%d dev %s "
			"nud permanent\n",
			n, i, n, i, dev, n, i, n, i, dev);
}

static void make_network(void)
{
	FILE *ip;

	write_text("/proc/sys/net/ipv4/ip_forward", "1");
	write_text("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	/* No router solicitations or the like through the programs. */
	write_text("/proc/sys/net/ipv6/conf/default/accept_ra", "0");

	ip = popen("ip -batch -", "w");
	if (!ip)
		abort();
	fputs("link set lo up\n", ip);
	link_up(ip, "in", 1);
	link_up(ip, "out", 2);
	fputs("route add 10.3.0.0/16 via 10.1.0.9 mtu 1400\n"
	      "route add fd03::/64 via fd01::9 mtu 1400\n"
	      "route add 10.0.0.0/24 via 10.1.0.8\n"
	      "route add fd00::/64 via fd01::8\n",
	      ip);
	if (pclose(ip)) {
		fprintf(stderr, "# ip -batch failed\n");
		abort();
	}
}

int ifindex_of(const char *dev)
{
	int n = if_nametoindex(dev);

	if (!n) {
		fprintf(stderr, "# no device %s\n", dev);
		abort();
	}
	return n;
}

/* ---- small programs ---- */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV_REG(d, s)    INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define MOV_IMM(d, i)    INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define ADD_IMM(d, i)    INSN(BPF_ALU64 | BPF_ADD | BPF_K, d, 0, 0, i)
#define LOAD32(d, s, o)  INSN(BPF_LDX | BPF_MEM | BPF_W, d, s, o, 0)
#define STORE64(d, o, i) INSN(BPF_ST | BPF_MEM | BPF_DW, d, 0, o, i)
#define CALL(f)          INSN(BPF_JMP | BPF_CALL, 0, 0, 0, f)
#define EXIT             INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

static int load_insns(const char *name, const struct bpf_insn *insn, size_t n, __u32 flags)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP, .prog_flags = flags);
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", insn, n, &opts);

	if (fd < 0) {
		fprintf(stderr, "# loading %s: %s\n", name, strerror(-fd));
		abort();
	}
	return fd;
}

/* A veth has receive queues that XDP knows only while it has a program. */
static void attach_pass(const char *dev)
{
	const struct bpf_insn pass[] = { MOV_IMM(BPF_REG_0, XDP_PASS), EXIT };
	/* With the flag the device's MTU may be large. */
	int fd = load_insns("test_pass", pass, ARRAY_LEN(pass), BPF_F_XDP_HAS_FRAGS);
	int err = bpf_xdp_attach(ifindex_of(dev), fd, 0, NULL);

	if (err) {
		fprintf(stderr, "# attaching to %s: %s\n", dev, strerror(-err));
		abort();
	}
	close(fd);
}

/*
 * Grows the packet over its head room, fills that with 0xff, shrinks back and
 * goes on with the program under test: an octet of an outer header that nobody
 * wrote shows as 0xff. Who calls a program that takes frames of several
 * buffers must take them, too (flags), and the other way round.
 */
static void load_filler(__u32 flags)
{
	struct bpf_insn insn[64];
	int n = 0, give_up;

	filler_next = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "test_next", 4, 4, 1, NULL);
	if (filler_next < 0)
		abort();
	insn[n++] = MOV_REG(BPF_REG_6, BPF_REG_1);
	insn[n++] = MOV_IMM(BPF_REG_2, -ROOM);
	insn[n++] = CALL(BPF_FUNC_xdp_adjust_head);
	insn[n++] = LOAD32(BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, data));
	insn[n++] = LOAD32(BPF_REG_3, BPF_REG_6, offsetof(struct xdp_md, data_end));
	insn[n++] = MOV_REG(BPF_REG_4, BPF_REG_2);
	insn[n++] = ADD_IMM(BPF_REG_4, ROOM);
	give_up = n++;
	for (int i = 0; i < ROOM; i += 8)
		insn[n++] = STORE64(BPF_REG_2, i, -1);
	insn[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
	insn[n++] = MOV_IMM(BPF_REG_2, ROOM);
	insn[n++] = CALL(BPF_FUNC_xdp_adjust_head);
	insn[n++] = MOV_REG(BPF_REG_1, BPF_REG_6);
	insn[n++] = INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_2, BPF_PSEUDO_MAP_FD, 0, filler_next);
	insn[n++] = INSN(0, 0, 0, 0, 0);
	insn[n++] = MOV_IMM(BPF_REG_3, 0);
	insn[n++] = CALL(BPF_FUNC_tail_call);
	insn[give_up] = INSN(BPF_JMP | BPF_JGT | BPF_X, BPF_REG_4, BPF_REG_3, n - give_up - 1, 0);
	insn[n++] = MOV_IMM(BPF_REG_0, XDP_ABORTED);
	insn[n++] = EXIT;
	filler = load_insns("test_fill", insn, n, flags);
}

/* Makes the filler go on with the program. */
static void set_next(int prog_fd)
{
	static const __u32 flags[] = { BPF_F_XDP_HAS_FRAGS, 0 };
	__u32 zero = 0;

	if (filled_for == prog_fd)
		return;
	filled_for = prog_fd;
	if (filler >= 0 && !bpf_map_update_elem(filler_next, &zero, &prog_fd, 0))
		return;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		if (filler >= 0) {
			close(filler);
			close(filler_next);
		}
		load_filler(flags[i]);
		if (!bpf_map_update_elem(filler_next, &zero, &prog_fd, 0))
			return;
	}
	filled_for = -1;
	fail_msg("the program cannot be tail-called: %s", strerror(errno));
}

/* ---- the world ---- */

static void world_end(void)
{
	struct xr_err err = { 0 };

	if (w.prog >= 0)
		close(w.prog);
	if (w.trace >= 0)
		close(w.trace);
	w.prog = w.trace = filled_for = -1;
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
	l->backends = l->backends ?: 64;
	l->server_ids = l->server_ids ?: 1024;
	l->flows = l->flows ?: 4096;
	l->hosts = l->hosts ?: 64;
	l->vms = l->vms ?: 512;
	l->vm_addresses = l->vm_addresses ?: 512;
	l->rings = l->rings ?: 2;
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

	if (plane_load(w.plane, "in", trace, &prog, trace ? &trace_fd : NULL, &err)) {
		fprintf(stderr, "# %s\n", err.text);
		tell_what_was_said();
		fail_msg("the program cannot be loaded");
	}
	if (w.prog >= 0)
		close(w.prog);
	if (w.trace >= 0)
		close(w.trace);
	w.prog = prog;
	w.trace = trace_fd;
	w.features = w.plane->meta->features;
	filled_for = -1;
}

static void make_world(bool trace, const char *fmt, va_list ap)
{
	static int worlds;
	struct model m;
	char *text;

	world_end();
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	snprintf(w.name, sizeof(w.name), INSTANCE "-%d", getpid(), ++worlds);
	commit(text, &m);
	model_free(&m);
	free(text);
	load(trace);
	memset(w.counted, 0, sizeof(w.counted));
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
	if (!w.decap && w.features != w.plane->meta->features)
		load(w.trace >= 0);
}

/* As if the program were on "in", with these lists: the device's slot is 0. */
void world_list_ends(const struct xr_listed *listed)
{
	struct xr_device *d = &w.plane->devices[0];
	struct xr_err err = { 0 };

	d->ifindex = ingress;
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
		tell_what_was_said();
		fail_msg("the program for role backend cannot be loaded");
	}
	fd = dup(bpf_program__fd(skel->progs.xroam_decap));
	assert_true(fd >= 0);
	close(w.prog);
	w.prog = fd;
	w.decap = true;
	filled_for = -1;
	decap_bpf__destroy(skel);
}

int world_prog(void)
{
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

	assert_int_equal(bpf_map_update_elem(w.plane->fd[PLANE_CLOCK], &zero, &c, BPF_EXIST), 0);
}

/* ---- counters ---- */

/* Every reason's counters, of every CPU, in one call. */
static void read_counts(struct xr_counter now[XR_REASON_MAX])
{
	struct xr_counter each[XR_REASON_MAX][w.plane->cpus];
	__u32 keys[XR_REASON_MAX], n = XR_REASON_MAX, next;
	int err = bpf_map_lookup_batch(w.plane->fd[PLANE_REASON_STATS], NULL, &next, keys, each, &n,
				       NULL);

	/* -ENOENT: there are no more of them. */
	if ((err && err != -ENOENT) || n != XR_REASON_MAX)
		fail_msg("reading counters: %s", strerror(-err));
	memset(now, 0, XR_REASON_MAX * sizeof(*now));
	for (__u32 i = 0; i < n; i++)
		for (int c = 0; c < w.plane->cpus; c++) {
			now[keys[i]].packets += each[i][c].packets;
			now[keys[i]].bytes += each[i][c].bytes;
		}
}

/* What was counted since the last call. */
static void take_counts(struct result *r, __u64 bytes[XR_REASON_MAX])
{
	struct xr_counter now[XR_REASON_MAX];

	read_counts(now);
	for (int i = 1; i < XR_REASON_MAX; i++) {
		r->count[i] = now[i].packets - w.counted[i].packets;
		bytes[i] = now[i].bytes - w.counted[i].bytes;
	}
	memcpy(w.counted, now, sizeof(now));
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

__attribute__((format(printf, 2, 3))) static void wrong(const struct result *r, const char *fmt,
							...)
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
		.ingress_ifindex = ingress,
	};
	struct result r = { .in = *p };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data, .data_size_in = p->len,
		    .data_out = r.out.data, .data_size_out = sizeof(r.out.data), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	int err;

	set_next(prog_fd);
	err = bpf_prog_test_run_opts(filler, &opts);
	if (err)
		fail_msg("test run of %zu octets: %s", p->len, strerror(-err));
	r.action = opts.retval;
	r.out.len = opts.data_size_out;
	return r;
}

const char *run_any(const struct packet *p, struct result *r)
{
	__u64 bytes[XR_REASON_MAX];

	*r = run_prog(w.prog, p);
	take_counts(r, bytes);
	return check_counts(r, bytes);
}

struct result run(const struct packet *p)
{
	struct result r;
	const char *trouble = run_any(p, &r);

	if (trouble)
		wrong(&r, "%s", trouble);
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

static enum xr_reason reason_by_word(const char *word, size_t len)
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
	/* It comes and goes with the clock: only where it is asked for. */
	if (!want[XR_R_FIB])
		want[XR_R_FIB] = r->count[XR_R_FIB];
	if (memcmp(want, r->count, sizeof(want)))
		wrong(r, "expected: %s", reasons);
}

void check_packet(const struct packet *want, const struct packet *got)
{
	if (packet_equal(want, got))
		return;
	packet_diff(stderr, want, got);
	fail_msg("the packet came out otherwise");
}

/* What stands for "@" in a text: where the octets of got are, and how written. */
static const struct hole {
	const char *mark, *zero, *layer;
	size_t at;
	const char *fmt; /* of two 16-bit words */
	bool octets;     /* four 8-bit ones */
} holes[] = {
	{ "sport=@", "sport=0", "udp", 0, "sport=0x%04x", false },
	{ "flow=@", "flow=0", "ip6", 0, "flow=0x%x%04x", false },
	{ "src=172.16.@", "src=172.16.0.0", "ip4", 12, "src=%u.%u.%u.%u", true },
	{ "src=100::@", "src=100::", "ip6", 20, "src=100::%x:%x", false },
};

/* The text with the first mark replaced. */
static void fill_in(char *text, const char *mark, const char *with)
{
	char *at = strstr(text, mark), tail[4096];

	if (!at)
		return;
	strcpy(tail, at + strlen(mark));
	strcpy(at, with);
	strcat(at, tail);
}

/* The packet of the text; what "@" stands for is taken from got. */
static struct packet wanted(const char *text, const struct packet *got)
{
	char whole[4096], zero[4096], with[64];
	struct packet p;

	snprintf(whole, sizeof(whole), "%s", text);
	snprintf(zero, sizeof(zero), "%s", text);
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		fill_in(zero, holes[i].mark, holes[i].zero);
	p = packet("%s", zero);
	for (size_t i = 0; i < ARRAY_LEN(holes); i++) {
		const struct hole *h = &holes[i];
		const __u8 *d;
		__u32 a, b;

		if (!strstr(text, h->mark))
			continue;
		d = got->data + packet_find(&p, h->layer, 0) + h->at;
		a = d[0] << 8 | d[1];
		b = d[2] << 8 | d[3];
		if (h->octets)
			snprintf(with, sizeof(with), h->fmt, d[0], d[1], d[2], d[3]);
		else if (!strcmp(h->layer, "ip6") && !h->at)
			snprintf(with, sizeof(with), h->fmt, a & 15, b);
		else
			snprintf(with, sizeof(with), h->fmt, a, b);
		if (h->octets && (d[0] != 172 || d[1] != 16))
			continue; /* the comparison will say so */
		if (!strcmp(h->layer, "udp") && a < 49152)
			continue; /* the comparison will say so */
		fill_in(whole, h->mark, with);
	}
	for (size_t i = 0; i < ARRAY_LEN(holes); i++)
		fill_in(whole, holes[i].mark, holes[i].zero);
	return packet("%s", whole);
}

void expect(const char *in, const char *reasons, const char *out)
{
	struct result r = run_text("%s", in);
	struct packet want;

	check_reasons(&r, reasons);
	if (!out)
		return;
	want = wanted(out, &r.out);
	if (!packet_equal(&want, &r.out)) {
		packet_diff(stderr, &want, &r.out);
		wrong(&r, "expected: %s", out);
	}
}

void expect_verdict(const struct packet *p, const char *reason)
{
	struct result r = run(p);

	if (r.verdict != reason_by_word(reason, strlen(reason)))
		wrong(&r, "expected: %s", reason);
}

const char *outer_dst(const struct result *r)
{
	static char text[INET6_ADDRSTRLEN];
	const __u8 *d = r->out.data;

	if (r->action != XDP_TX && r->action != XDP_REDIRECT)
		return "(not sent)";
	while ((d[12] == 0x81 && !d[13]) || (d[12] == 0x88 && d[13] == 0xa8))
		d += 4; /* a VLAN tag */
	if (d[12] == 0x08 && !d[13])
		return inet_ntop(AF_INET, d + 30, text, sizeof(text));
	return inet_ntop(AF_INET6, d + 38, text, sizeof(text));
}

/* ---- the start ---- */

const char *harness_start(void)
{
	static char why[128];
	cpu_set_t one;

	if (geteuid())
		return "loading programs needs root";
	start_janitor();
	if (unshare(CLONE_NEWNET)) {
		snprintf(why, sizeof(why), "no network namespace: %s", strerror(errno));
		return why;
	}
	/* The next-hop cache is per CPU: what one packet warms, the next finds. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!getenv("V"))
		libbpf_set_print(keep);
	make_network();
	attach_pass("in");
	attach_pass("out");
	ingress = ifindex_of("in");
	return NULL;
}

/*
 * Where time is short: XROAM_TESTS="copy:taken_away copy:remembered ..." leaves of
 * test_copy no more than these. A program that it does not name runs whole.
 */
static size_t choose(struct CMUnitTest *to, const struct CMUnitTest *tests, size_t n)
{
	const char *words = getenv("XROAM_TESTS");
	const char *program = program_invocation_short_name;
	char word[128], any[64];
	size_t chosen = 0;

	if (!strncmp(program, "test_", 5))
		program += 5;
	snprintf(any, sizeof(any), " %s:", program);
	if (!words || !strstr(words, any))
		words = NULL;
	for (size_t i = 0; i < n; i++) {
		snprintf(word, sizeof(word), "%s%s ", any, tests[i].name);
		if (!words || strstr(words, word))
			to[chosen++] = tests[i];
		else
			printf("# left out: %s\n", tests[i].name);
	}
	return chosen;
}

int harness_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest chosen[n];
	const char *why;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	why = harness_start();
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	n = choose(chosen, tests, n);
	return _cmocka_run_group_tests(name, chosen, n, NULL, NULL);
}
