// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way of probes. Out: through xroam_probe, many in a test run, and what comes out of it
 * is sent by a packet socket. In: answers come to this machine's own address, at eight ports
 * of which the kernel is made to keep out by sockets of ours that take nothing, and are
 * read by packet sockets before the kernel's routes and filters see them.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <xroam/probes.h>

#include "frame_priv.h"
#include "lib/reason.h"
#include "lib/sockaddr.h"
#include "probe_priv.h"

#define PORTS       (WAY_PORTS - WAY_STREAM_PORTS) /* probes of one target come from each in turn */
#define FIRST_PORT  19968                          /* a multiple of WAY_PORTS */
#define PORT_RANGE  12032 /* up to where the kernel takes ports for others */
#define BATCH       64
#define BATCHES     128 /* that are received in one turn */
#define KEPT        256 /* octets of an answer */
#define RECEIVE_BUF (16 << 20)

struct way {
	struct probe_program program;
	int out;
	int in[2];          /* IPv4, IPv6 */
	int ask[2];         /* raw, IPv4 and IPv6 */
	int held[2][PORTS]; /* TCP, UDP */
	__u16 port;         /* the first */
	__u64 tried;        /* when the program was last loaded, or could not be */

	/* what waits for the program, by index in program.all */
	struct target *waiting[XR_PROBES];
	/* what waits to be sent */
	struct leaving {
		struct sockaddr_ll to;
		struct iovec iov;
		struct target *t;
	} *leaving;              /* XR_PROBES */
	struct mmsghdr *out_msg; /* XR_PROBES */
	struct mmsghdr *in_msg;  /* BATCH */
	struct arrived {
		__u8 ip[KEPT];
		char control[CMSG_SPACE(sizeof(struct timespec))];
		struct iovec iov;
	} *arrived; /* BATCH */
};

/* ---- ports ---- */

/* The kernel finds a socket there, so it refuses nothing, and the socket takes nothing. */
int way_hold_port(int type, __u16 port)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = { 1, &nothing };
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), off = 0, ret;
	bool v6 = fd >= 0;

	if (!v6)
		fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	ret = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
	if (!ret)
		ret = v6 ? bind(fd, (void *)&any6, sizeof(any6))
			 : bind(fd, (void *)&any4, sizeof(any4));
	if (!ret && type == SOCK_STREAM)
		ret = listen(fd, 1);
	if (!ret)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static void release_ports(struct way *w)
{
	int i, k;

	for (k = 0; k < 2; k++)
		for (i = 0; i < PORTS; i++) {
			if (w->held[k][i] >= 0)
				close(w->held[k][i]);
			w->held[k][i] = -1;
		}
}

/* All eight of both protocols, or none. */
static int hold_ports_at(struct way *w, __u16 port)
{
	int i, k;

	w->port = port;
	for (k = 0; k < 2; k++)
		for (i = 0; i < PORTS; i++) {
			w->held[k][i] = way_hold_port(k ? SOCK_DGRAM : SOCK_STREAM, port + i);
			if (w->held[k][i] < 0) {
				int ret = w->held[k][i];

				release_ports(w);
				return ret;
			}
		}
	return 0;
}

static int hold_ports(struct way *w)
{
	__u32 random = 0;
	int i, ret = -EADDRINUSE;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = getpid();
	for (i = 0; ret == -EADDRINUSE && i < 64; i++)
		ret = hold_ports_at(
			w, FIRST_PORT + (random + i * 97) % (PORT_RANGE / WAY_PORTS) * WAY_PORTS);
	return ret;
}

__be16 way_port(const struct prober *pr, __u32 round)
{
	return htons(pr->way->port + round % PORTS);
}

__u16 way_first_port(const struct prober *pr)
{
	return pr->way->port;
}

__u16 way_stream_port(const struct prober *pr)
{
	return pr->way->port + PORTS;
}

/* ---- sockets ---- */

/* Of what comes in, IP header first: TCP and UDP to n ports, a power of two; no fragments. */
static int filter_ports(int fd, bool v6, __u16 port, __u32 n, __u32 kept)
{
	struct sock_filter four[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 7),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 5, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff - (n - 1)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, kept),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_filter six[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 4),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, IPV6_HEADER + 2),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xffff - (n - 1)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, kept),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog f = { v6 ? sizeof(six) / sizeof(*six)
					 : sizeof(four) / sizeof(*four),
				      v6 ? six : four };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof(f)) ? -errno : 0;
}

/* It gets nothing before its filter is there: it is bound last. */
int way_open_in(bool v6, __u16 port, __u32 n, __u32 kept)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP),
	};
	int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int size = RECEIVE_BUF, on = 1, ret;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on));
	ret = filter_ports(fd, v6, port, n, kept);
	if (!ret && bind(fd, (void *)&to, sizeof(to)))
		ret = -errno;
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

static int open_sockets(struct way *w)
{
	int ret = hold_ports(w);

	if (ret)
		return ret;
	w->out = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->out < 0)
		return -errno;
	w->ask[0] = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	w->ask[1] = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	w->in[0] = way_open_in(false, w->port, PORTS, KEPT);
	w->in[1] = w->in[0] < 0 ? -1 : way_open_in(true, w->port, PORTS, KEPT);
	return w->in[0] < 0 ? w->in[0] : w->in[1] < 0 ? w->in[1] : 0;
}

static int make_buffers(struct way *w)
{
	int i;

	w->leaving = calloc(XR_PROBES, sizeof(*w->leaving));
	w->arrived = calloc(BATCH, sizeof(*w->arrived));
	w->out_msg = calloc(XR_PROBES, sizeof(*w->out_msg));
	w->in_msg = calloc(BATCH, sizeof(*w->in_msg));
	if (!w->leaving || !w->arrived || !w->out_msg || !w->in_msg)
		return -ENOMEM;
	for (i = 0; i < XR_PROBES; i++) {
		w->leaving[i].to.sll_family = AF_PACKET;
		w->out_msg[i].msg_hdr.msg_name = &w->leaving[i].to;
		w->out_msg[i].msg_hdr.msg_namelen = sizeof(w->leaving[i].to);
		w->out_msg[i].msg_hdr.msg_iov = &w->leaving[i].iov;
		w->out_msg[i].msg_hdr.msg_iovlen = 1;
	}
	for (i = 0; i < BATCH; i++) {
		w->arrived[i].iov = (struct iovec){ w->arrived[i].ip, KEPT };
		w->in_msg[i].msg_hdr.msg_iov = &w->arrived[i].iov;
		w->in_msg[i].msg_hdr.msg_iovlen = 1;
	}
	return 0;
}

/* ---- its life ---- */

void way_close(struct prober *pr)
{
	struct way *w = pr->way;
	int i;

	if (!w)
		return;
	plane_close_probe(&w->program);
	release_ports(w);
	if (w->out >= 0)
		close(w->out);
	for (i = 0; i < 2; i++)
		if (w->in[i] >= 0)
			close(w->in[i]);
	for (i = 0; i < 2; i++)
		if (w->ask[i] >= 0)
			close(w->ask[i]);
	free(w->leaving);
	free(w->arrived);
	free(w->out_msg);
	free(w->in_msg);
	free(w);
	pr->way = NULL;
}

int way_open(struct prober *pr, struct xr_err *err)
{
	struct way *w;
	int ret;

	if (pr->way)
		return 0;
	w = pr->way = calloc(1, sizeof(*w));
	if (!w)
		return xr_fail(err, -ENOMEM, "out of memory");
	w->program = PROBE_PROGRAM_NONE;
	w->out = w->in[0] = w->in[1] = w->ask[0] = w->ask[1] = -1;
	memset(w->held, 0xff, sizeof(w->held));
	ret = make_buffers(w);
	if (!ret)
		ret = open_sockets(w);
	if (!ret)
		return 0;
	way_close(pr);
	return xr_fail(err, ret, "sockets for probes: %s", strerror(-ret));
}

int way_refresh(struct prober *pr, struct xr_err *err)
{
	struct way *w = pr->way;

	if (plane_probe_is_current(pr->d->plane, &w->program))
		return 0;
	w->tried = daemon_clock_us();
	plane_close_probe(&w->program);
	return plane_load_probe(pr->d->plane, &w->program, err) ? -EAGAIN : 0;
}

/* ---- out ---- */

__u8 *way_frame(struct prober *pr, struct xr_err *err)
{
	struct way *w = pr->way;

	if (w->program.fd >= 0)
		return w->program.all->probe[w->program.all->n].frame;
	xr_fail(err, -EAGAIN, "the program for probes is not loaded");
	return NULL;
}

void way_put(struct prober *pr, size_t len, struct target *t)
{
	struct way *w = pr->way;
	__u32 i = w->program.all->n++;

	w->program.all->probe[i].len = len;
	w->waiting[i] = t;
}

bool way_is_full(const struct prober *pr)
{
	return pr->way->program.all->n == XR_PROBES;
}

/*
 * The program does not know the next hop, and made of the frame what makes the kernel ask
 * for it (bpf/neighbour.h): the kernel gets it.
 */
static void ask_kernel(struct way *w, const __u8 *frame, size_t len)
{
	struct sockaddr_storage sa;
	__be32 to[XR_ADDR_WORDS] = { 0, 0, htonl(0xffff), 0 };
	const __u8 *ip = frame + FRAME_HEADER;
	bool v6 = len > FRAME_HEADER + IPV6_HEADER && *ip >> 4 == 6;

	if (len < FRAME_HEADER + IPV4_HEADER || (*ip >> 4 != 4 && !v6))
		return;
	memcpy(v6 ? to : to + 3, ip + (v6 ? 24 : 16), v6 ? sizeof(to) : sizeof(*to));
	if (sendto(w->ask[v6], ip, len - FRAME_HEADER, 0, (void *)&sa,
		   sockaddr_from_addr(&sa, to, 0)) < 0)
		errno = 0; /* the next probe asks again */
}

/* What the program says of it: 0, or why it is not sent. */
static int verdict(struct way *w, struct xr_probe *f, int ran, struct xr_err *err)
{
	if (!f->reason)
		return xr_fail(err, -EAGAIN, "running the program: %s", strerror(-ran));
	if (f->reason == XR_R_ASKED)
		ask_kernel(w, f->frame, f->len);
	if (reason_kind(f->reason) == XR_KIND_TX)
		return 0;
	return xr_fail(err, -EHOSTUNREACH, "not sent: %s (%s)", reason_word(f->reason),
		       reason_text(f->reason));
}

static __u64 clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

/* Through the program; returns how many leave. */
static __u32 run_program(struct prober *pr, way_failed failed)
{
	struct way *w = pr->way;
	struct xr_probes *all = w->program.all;
	int ran = plane_run_probes(&w->program), ret;
	__u64 now = clock_ns();
	struct xr_err err;
	__u32 i, n = 0;

	for (i = 0; i < all->n; i++) {
		struct leaving *to = &w->leaving[n];
		struct target *t = w->waiting[i];

		err.text[0] = '\0';
		ret = verdict(w, &all->probe[i], ran, &err);
		if (ret && t)
			failed(pr, t, ret, &err);
		if (ret)
			continue;
		if (t)
			t->sent_ns = now;
		to->iov = (struct iovec){ all->probe[i].frame, all->probe[i].len };
		/* Protocol and all are in the frame. */
		to->to.sll_ifindex = all->probe[i].ifindex;
		to->t = t;
		n++;
	}
	all->n = 0;
	return n;
}

void way_flush(struct prober *pr, way_failed failed)
{
	struct way *w = pr->way;
	__u32 done = 0, n;
	struct xr_err err;
	int ret;

	if (!w->program.all || !w->program.all->n)
		return;
	n = run_program(pr, failed);
	while (done < n) {
		ret = sendmmsg(w->out, w->out_msg + done, n - done, 0);
		if (ret > 0) {
			done += ret;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* The device was full: nobody's fault, and soon over. */
		ret = errno == EAGAIN || errno == ENOBUFS ? -EAGAIN : -errno;
		xr_fail(&err, ret, "not sent: %s", strerror(-ret));
		if (w->leaving[done].t)
			failed(pr, w->leaving[done].t, ret, &err);
		done++;
	}
}

/* ---- in ---- */

static __u64 stamp_of(struct msghdr *m)
{
	struct cmsghdr *c;
	struct timespec ts;

	for (c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
		return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
	}
	return 0;
}

void way_note_lost(struct prober *pr, int fd)
{
	struct tpacket_stats s = { 0 };
	socklen_t len = sizeof(s);

	if (!getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) && s.tp_drops)
		pr->deaf_at = daemon_clock_us();
}

void way_receive(struct prober *pr,
		 void (*each)(struct prober *pr, const __u8 *ip, size_t len, __u64 when))
{
	struct way *w = pr->way;
	int i, k, n, batches;

	for (k = 0; k < 2; k++) {
		batches = 0;
		do {
			for (i = 0; i < BATCH; i++) {
				w->in_msg[i].msg_hdr.msg_control = w->arrived[i].control;
				w->in_msg[i].msg_hdr.msg_controllen = sizeof(w->arrived[i].control);
			}
			n = recvmmsg(w->in[k], w->in_msg, BATCH, MSG_DONTWAIT, NULL);
			for (i = 0; i < n; i++)
				each(pr, w->arrived[i].ip,
				     w->in_msg[i].msg_len < KEPT ? w->in_msg[i].msg_len : KEPT,
				     stamp_of(&w->in_msg[i].msg_hdr));
		} while (n == BATCH && ++batches < BATCHES);
		if (batches)
			way_note_lost(pr, w->in[k]);
		/* An answer may be among the rest. */
		if (batches == BATCHES)
			pr->deaf_at = daemon_clock_us();
	}
}
