// SPDX-License-Identifier: GPL-2.0-only
/*
 * What moves take, end to end: the command and the daemon, as an operator runs
 * them, in this process' network namespace.
 *
 *	feed-peer --- feed (xroam)   p1 --- p1-peer
 *	                             p2 --- p2-peer
 *
 * p1 and p2 are the hosts of 100,000 VMs.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include "user/apply/instance.h"
#include "user/plane/plane.h"
#include "figures.h"
#include "harness.h"

#define VMS      100000
#define ROUNDS   1000  /* notices whose effect is timed */
#define TORRENT  50000 /* notices sent without waiting */
#define PATIENCE 5000  /* ms until something is given up */

static struct {
	char xroam[PATH_MAX];
	char name[32];
	char file[64];
	pid_t daemon;
	int sock; /* the daemon's */
	char answer[1 << 16];
	size_t have;          /* octets in it */
	int feed, arrived[2]; /* packet sockets */
} b = { .sock = -1, .feed = -1, .arrived = { -1, -1 } };

/* ---- the world ---- */

__attribute__((format(printf, 1, 2))) static int shell(const char *fmt, ...)
{
	char line[PATH_MAX + 256];
	va_list ap;
	int status;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	status = system(line);
	if (status)
		fprintf(stderr, "bench: '%s' failed\n", line);
	return status ? -EINVAL : 0;
}

/* build/xroam, seen from build/tests/bench/bench. */
static int find_command(void)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	snprintf(b.xroam, sizeof(b.xroam), "%.4000s/xroam", dirname(dirname(dirname(self))));
	snprintf(b.name, sizeof(b.name), "bench-vm-%d", getpid());
	snprintf(b.file, sizeof(b.file), "/tmp/%s.yaml", b.name);
	return access(b.xroam, X_OK) ? -errno : 0;
}

/* Frames are redirected into a veth whose peer has an XDP program. */
static int let_pass(const char *dev)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_pass", "GPL", pass, 2, NULL);
	int err = fd < 0 ? fd : bpf_xdp_attach(if_nametoindex(dev), fd, 0, NULL);

	if (fd >= 0)
		close(fd);
	return err;
}

static int packet_socket(const char *dev)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_IP),
				  .sll_ifindex = if_nametoindex(dev) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_IP));

	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)))
		return -errno;
	return fd;
}

static int make_network(void)
{
	static const char *const devs[] = { "feed", "p1", "p2" };
	int err = 0;

	for (int i = 0; i < 3 && !err; i++)
		err = shell("ip link add %s type veth peer name %s-peer && "
			    "echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6 && "
			    "echo 1 >/proc/sys/net/ipv6/conf/%s-peer/"
			    "disable_ipv6 && "
			    "ip link set %s up && ip link set %s-peer up",
			    devs[i], devs[i], devs[i], devs[i], devs[i], devs[i]);
	err = err ?: let_pass("p1-peer") ?: let_pass("p2-peer");
	if (err)
		return err;
	b.feed = packet_socket("feed-peer");
	b.arrived[0] = packet_socket("p1-peer");
	b.arrived[1] = packet_socket("p2-peer");
	return b.feed < 0 || b.arrived[0] < 0 || b.arrived[1] < 0 ? -EIO : 0;
}

/* ---- the file ---- */

static const char *mac(int i)
{
	static char text[24];

	snprintf(text, sizeof(text), "02:10:00:%02x:%02x:%02x", i >> 16 & 255, i >> 8 & 255,
		 i & 255);
	return text;
}

static int write_file(const char *host)
{
	FILE *f = fopen(b.file, "w");

	if (!f)
		return -errno;
	fputs("limits: {vips: 16, backends: 16, server_ids: 64, flows: 1024, "
	      "hosts: 16, vms: 131072, vm_addresses: 131072}\n"
	      "policy: {flap_moves: 60000, flap_seconds: 1}\n"
	      "devices:\n  - {name: feed, mode: native}\n"
	      "hosts:\n  - {name: p1, dev: p1}\n  - {name: p2, dev: p2}\n"
	      "vms:\n",
	      f);
	for (int i = 0; i < VMS; i++)
		fprintf(f,
			"  - {mac: \"%s\", at: %s, addresses: "
			"[10.%d.%d.%d]}\n",
			mac(i), host, 100 + (i >> 16), i >> 8 & 255, i & 255);
	return fclose(f) ? -errno : 0;
}

static int apply(struct figures *f, const char *host, const char *key, const char *text,
		 double target)
{
	double start;
	int err = write_file(host);

	if (err)
		return err;
	start = now_ms();
	err = shell("%s -i %s apply %s >/dev/null", b.xroam, b.name, b.file);
	if (!err)
		add_figure(f, key, text, now_ms() - start, "ms", target);
	return err;
}

/* ---- the daemon ---- */

static int start_daemon(void)
{
	cpu_set_t others;
	int ours = sched_getcpu();

	b.daemon = fork();
	if (b.daemon < 0)
		return -errno;
	if (b.daemon)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	CPU_ZERO(&others);
	for (int i = 0; i < sysconf(_SC_NPROCESSORS_ONLN); i++)
		if (i != ours)
			CPU_SET(i, &others);
	sched_setaffinity(0, sizeof(others), &others);
	execl(b.xroam, "xroam", "-i", b.name, "run", NULL);
	_exit(127);
}

static int reach_daemon(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	double give_up = now_ms() + PATIENCE;

	snprintf(at.sun_path, sizeof(at.sun_path), XR_RUN_ROOT "/%s.sock", b.name);
	b.sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (b.sock < 0)
		return -errno;
	while (connect(b.sock, (void *)&at, sizeof(at))) {
		if (now_ms() > give_up)
			return -ETIMEDOUT;
		usleep(10000);
	}
	return fcntl(b.sock, F_SETFL, O_NONBLOCK);
}

static void stop_daemon(void)
{
	if (b.sock >= 0)
		close(b.sock);
	if (b.daemon > 0) {
		kill(b.daemon, SIGTERM);
		waitpid(b.daemon, NULL, 0);
	}
}

static int notice(char *line, size_t size, int vm, int host)
{
	return snprintf(line, size,
			"{\"notice\":\"moved\",\"mac\":\"%s\","
			"\"to\":\"p%d\"}\n",
			mac(vm), host + 1);
}

/* Whole answers that are there now; how many of them are no good goes to *bad. */
static int answers(int *bad)
{
	ssize_t n = read(b.sock, b.answer + b.have, sizeof(b.answer) - 1 - b.have);
	char *line = b.answer, *end;
	int count = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -EPIPE;
	b.have += n;
	b.answer[b.have] = 0;
	while ((end = strchr(line, '\n'))) {
		*end = 0;
		count++;
		if (!strstr(line, "\"ok\":true")) {
			if (!*bad)
				fprintf(stderr, "bench: %s\n", line);
			++*bad;
		}
		line = end + 1;
	}
	b.have -= line - b.answer;
	memmove(b.answer, line, b.have);
	return count;
}

static int wait_for_answer(void)
{
	struct pollfd p = { .fd = b.sock, .events = POLLIN };
	int bad = 0, n = 0;

	while (!n) {
		if (poll(&p, 1, PATIENCE) <= 0)
			return -ETIMEDOUT;
		n = answers(&bad);
	}
	return n < 0 ? n : bad ? -EPROTO : 0;
}

/* ---- from a notice to its effect ---- */

struct frame {
	struct ethhdr eth;
	struct iphdr ip;
	__u8 rest[30];
} __attribute__((packed));

/* The n-th frame for a VM. IDs count, so none looks like another. */
static void make_frame(struct frame *f, int vm, __u32 n)
{
	*f = (struct frame){
		.eth = { .h_dest = { 0x02, 0x10, [5] = vm },
			 .h_source = { 0x02, [5] = 0x09 },
			 .h_proto = htons(ETH_P_IP) },
		.ip = { .version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(*f) - sizeof(f->eth)),
			.id = htons(n),
			.ttl = 64,
			.protocol = IPPROTO_UDP },
	};
}

static void drain(int fd)
{
	struct frame frame;

	while (recv(fd, &frame, sizeof(frame), 0) > 0)
		;
}

/* One notice, and frames until the first goes the new way: us, or -errno. */
static double one_effect(int host, __u32 *n)
{
	struct frame frame;
	char line[128];
	int len = notice(line, sizeof(line), 0, host), err;
	double start = now_ms(), took;

	if (write(b.sock, line, len) != len)
		return -EPIPE;
	do {
		make_frame(&frame, 0, ++*n);
		if (send(b.feed, &frame, sizeof(frame), 0) < 0 && errno != ENOBUFS)
			return -errno;
		took = (now_ms() - start) * 1000;
		if (took > PATIENCE * 1000)
			return -ETIMEDOUT;
	} while (recv(b.arrived[host], &frame, sizeof(frame), 0) < 0);
	took = (now_ms() - start) * 1000;
	err = wait_for_answer();
	drain(b.arrived[0]);
	drain(b.arrived[1]);
	return err ?: took;
}

static int effect_figures(struct figures *f)
{
	static double took[ROUNDS];
	__u32 n = 0;

	for (int i = -20; i < ROUNDS; i++) {
		double us = one_effect(i & 1, &n);

		if (us < 0)
			return us;
		if (i >= 0)
			took[i] = us;
	}
	qsort(took, ROUNDS, sizeof(*took), compare_doubles);
	add_figure(f, "notice_to_effect_median_us",
		   "notice to effect, on the daemon's socket: median", took[ROUNDS / 2], "us", 200);
	add_figure(f, "notice_to_effect_p99_us", "  99 of 100", took[ROUNDS * 99 / 100], "us",
		   1000);
	return 0;
}

/* ---- many notices ---- */

static int torrent_figure(struct figures *f)
{
	struct pollfd p = { .fd = b.sock };
	int sent = 0, answered = 0, bad = 0, len = 0, at = 0, n;
	double start = now_ms(), took;
	char line[128];

	while (answered < TORRENT) {
		p.events = POLLIN | (sent < TORRENT || at < len ? POLLOUT : 0);
		if (poll(&p, 1, PATIENCE) <= 0)
			return -ETIMEDOUT;
		if (p.revents & POLLIN) {
			n = answers(&bad);
			if (n < 0)
				return n;
			answered += n;
		}
		while (p.revents & POLLOUT) {
			if (at == len && sent == TORRENT)
				break;
			if (at == len) {
				len = notice(line, sizeof(line), sent % (TORRENT / 2),
					     sent / (TORRENT / 2));
				at = 0;
				sent++;
			}
			n = write(b.sock, line + at, len - at);
			if (n <= 0)
				break;
			at += n;
		}
	}
	took = now_ms() - start;
	if (bad) {
		fprintf(stderr, "bench: %d notices refused\n", bad);
		return -EPROTO;
	}
	add_figure(f, "notices_per_second", "notices a second, on one socket",
		   TORRENT / took * 1000, "/s", -10000);
	return 0;
}

/* ---- memory ---- */

static double per_entry(const struct plane *p, enum plane_map map)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return bpf_obj_get_info_by_fd(p->fd[map], &info, &len) ? 0 : info.value_size;
}

static void memory_figures(struct figures *f)
{
	const struct xr_limits *l;
	struct xr_err err = {};
	double macs, ips;
	struct plane *p;

	if (instance_open(&p, b.name, PLANE_READ, NULL, NULL, &err)) {
		fprintf(stderr, "bench: %s\n", err.text);
		f->failed = 1;
		return;
	}
	l = &p->meta->limits;
	macs = (double)p->mac_buckets / l->vms;
	ips = (double)p->ip_buckets / l->vm_addresses;
	add_figure(f, "vm_index_octets", "memory of a VM, in every frame's way",
		   macs * per_entry(p, PLANE_MAC_INDEX), "B", 0);
	add_figure(f, "vm_octets", "  and in the way of its own",
		   macs * XR_TAG_LANES * per_entry(p, PLANE_VMS), "B", 0);
	add_figure(f, "vm_info_octets", "  and for user space",
		   macs * XR_TAG_LANES * per_entry(p, PLANE_VM_INFO), "B", 0);
	add_figure(f, "vm_address_octets", "of an address of a VM",
		   ips * (per_entry(p, PLANE_IP_INDEX) + XR_TAG_LANES * per_entry(p, PLANE_VM_IPS)),
		   "B", 0);
	add_figure(f, "ring_octets", "of a ring for the residual",
		   XR_RING_FRAMES * per_entry(p, PLANE_RING_FRAMES), "B", 0);
	plane_close(p);
}

/* ---- all ---- */

static void clean_up(void)
{
	stop_daemon();
	unlink(b.file);
	if (b.feed >= 0)
		close(b.feed);
	for (int i = 0; i < 2; i++)
		if (b.arrived[i] >= 0)
			close(b.arrived[i]);
	instance_remove(b.name, &(struct xr_err){ 0 });
}

void vm_figures(struct figures *f)
{
	sigset_t quit, was;
	int err;

	/* Ctrl-C waits until the pins are gone. */
	sigemptyset(&quit);
	sigaddset(&quit, SIGINT);
	sigaddset(&quit, SIGTERM);
	sigprocmask(SIG_BLOCK, &quit, &was);
	err = find_command() ?: make_network() ?:
	      apply(f, "p1", "apply_100000_vms_ms",
		    "apply: 100,000 VMs made known", 0) ?:
	      apply(f, "p2", "move_100000_vms_ms",
		    "apply: 100,000 VMs moved", 1000);
	if (!err)
		memory_figures(f);
	err = err ?: start_daemon() ?: reach_daemon() ?: effect_figures(f) ?: torrent_figure(f);
	if (err) {
		fprintf(stderr, "bench: moves: %s\n", strerror(-err));
		f->failed = 1;
	}
	clean_up();
	sigprocmask(SIG_SETMASK, &was, NULL);
}
