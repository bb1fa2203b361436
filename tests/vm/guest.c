// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's only process, linked statically and started by its kernel: loads
 * the modules it is given, sets eth0's addresses, and answers numbered probes,
 * counting how often each arrived. Words of the kernel's command line:
 *
 *	ADDR=10.9.0.9 GATEWAY=10.9.0.1
 *	ADDR6=fd00:9::9 GATEWAY6=fd00:9::1
 *	VIP=192.0.2.10		on lo, not announced
 *	ADDR_2=10.9.0.12	of a second card
 *	RUN=/path RUN_ARGS=a,b,c	started, too
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <net/route.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/probe.h"

#define DEV    "eth0"
#define DEV2   "eth1"
#define BATCH  64
#define BUFFER (16 << 20) /* a blackout's probes arrive all at once */
#define PACKET 2048

static uint8_t count[PROBE_MAX];
static uint32_t run;

static void die(const char *what)
{
	printf("guest: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0) {
		if (write(fd, text, strlen(text)) < 0)
			printf("guest: %s: %s\n", path, strerror(errno));
		close(fd);
	}
}

/* In the order of /modules/order: each after those it needs. */
static void load_modules(void)
{
	FILE *order = fopen("/modules/order", "r");
	char name[64], path[96];
	int fd;

	if (!order)
		die("/modules/order");
	while (fscanf(order, "%63s", name) == 1) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		fd = open(path, O_RDONLY);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
			die(path);
		close(fd);
	}
	fclose(order);
}

static void wait_for_device(int s)
{
	struct ifreq r = { .ifr_name = DEV };

	for (int i = 0; i < 500; i++) {
		if (!ioctl(s, SIOCGIFINDEX, &r))
			return;
		usleep(10000);
	}
	die("no " DEV);
}

static void set_up(int s, const char *dev)
{
	struct ifreq r = { 0 };

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	r.ifr_flags = IFF_UP;
	if (ioctl(s, SIOCSIFFLAGS, &r))
		die(dev);
}

static void set_sockaddr4(struct sockaddr *to, const char *text)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)to;

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	if (text && inet_pton(AF_INET, text, &sin->sin_addr) != 1)
		die(text);
}

static void add_address(int s, const char *dev, const char *text, int prefix)
{
	struct ifreq r = { 0 };

	strncpy(r.ifr_name, dev, IFNAMSIZ - 1);
	set_sockaddr4(&r.ifr_addr, text);
	if (ioctl(s, SIOCSIFADDR, &r))
		die(text);
	set_sockaddr4(&r.ifr_addr, "0.0.0.0");
	((struct sockaddr_in *)&r.ifr_addr)->sin_addr.s_addr = htonl(~0U << (32 - prefix));
	if (ioctl(s, SIOCSIFNETMASK, &r))
		die("netmask");
}

static void set_address(int s)
{
	const char *gateway = getenv("GATEWAY"), *vip = getenv("VIP");
	struct rtentry rt = { .rt_flags = RTF_UP | RTF_GATEWAY };

	add_address(s, DEV, getenv("ADDR"), 24);
	if (vip)
		add_address(s, "lo:1", vip, 32);
	if (!gateway)
		return;
	set_sockaddr4(&rt.rt_dst, NULL);
	set_sockaddr4(&rt.rt_genmask, NULL);
	set_sockaddr4(&rt.rt_gateway, gateway);
	if (ioctl(s, SIOCADDRT, &rt))
		die("gateway");
}

static void set_address6(void)
{
	const char *addr = getenv("ADDR6"), *gateway = getenv("GATEWAY6");
	struct in6_rtmsg rt = { .rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_metric = 1 };
	struct in6_ifreq r = { .ifr6_prefixlen = 64 };
	int s = socket(AF_INET6, SOCK_DGRAM, 0);

	if (!addr || s < 0)
		return;
	r.ifr6_ifindex = rt.rtmsg_ifindex = if_nametoindex(DEV);
	if (inet_pton(AF_INET6, addr, &r.ifr6_addr) != 1 || ioctl(s, SIOCSIFADDR, &r))
		die("IPv6 address");
	if (gateway &&
	    (inet_pton(AF_INET6, gateway, &rt.rtmsg_gateway) != 1 || ioctl(s, SIOCADDRT, &rt)))
		die("IPv6 gateway");
	close(s);
}

static void set_network(void)
{
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	wait_for_device(s);
	write_file("/proc/sys/net/ipv6/conf/" DEV "/accept_dad", "0");
	write_file("/proc/sys/net/ipv6/conf/" DEV "/accept_ra", "0");
	write_file("/proc/sys/net/ipv6/conf/" DEV "/router_solicitations", "0");
	/* As most distributions have it; else it answers no announcement. */
	write_file("/proc/sys/net/ipv6/conf/" DEV "/ndisc_notify", "1");
	write_file("/proc/sys/net/ipv4/conf/" DEV "/arp_notify", "1");
	write_file("/proc/sys/net/ipv4/conf/" DEV "/arp_ignore", "1");
	write_file("/proc/sys/net/ipv4/conf/" DEV "/arp_announce", "2");
	set_up(s, "lo");
	set_up(s, DEV);
	set_address(s);
	set_address6();
	if (getenv("ADDR_2")) {
		/* What comes in by the second card is answered through the first. */
		write_file("/proc/sys/net/ipv4/conf/" DEV2 "/arp_notify", "1");
		write_file("/proc/sys/net/ipv4/conf/" DEV2 "/arp_ignore", "1");
		set_up(s, DEV2);
		add_address(s, DEV2, getenv("ADDR_2"), 32);
	}
	close(s);
}

/* Another program beside the echo, say a QUIC server. */
static void start(const char *path)
{
	char *args = getenv("RUN_ARGS"), *argv[64] = { (char *)path };
	int n = 1;

	if (!path || fork())
		return;
	for (char *word = strtok(args, ","); word && n < 63; word = strtok(NULL, ","))
		argv[n++] = word;
	execv(path, argv);
	die(path);
}

/* Changes a packet into its answer: the answer's length, or 0 for none. */
static size_t answer(void *packet, size_t len)
{
	struct probe_report *t = packet;

	if (len < sizeof(t->probe) || t->probe.magic != PROBE_MAGIC || t->probe.seq >= PROBE_MAX)
		return 0;
	if (t->probe.run != run) {
		run = t->probe.run;
		memset(count, 0, sizeof(count));
	}
	if (t->probe.kind != PROBE_REPORT) {
		if (count[t->probe.seq] < UINT8_MAX)
			count[t->probe.seq]++;
		return t->probe.kind == PROBE_ASK ? len : 0;
	}
	memset(t->count, 0, sizeof(t->count));
	for (uint32_t i = 0; i < PROBE_COUNTS && t->probe.seq + i < PROBE_MAX; i++)
		t->count[i] = count[t->probe.seq + i];
	return sizeof(*t);
}

/*
 * A socket that is bound to one address, so that its answers come from there;
 * NULL: to any.
 */
static int open_echo(const char *addr)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_port = htons(PROBE_PORT) };
	int s = socket(AF_INET6, SOCK_DGRAM, 0), size = BUFFER;
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "::ffff:%s", addr ? addr : "");
	if (addr && inet_pton(AF_INET6, mapped, &at.sin6_addr) != 1)
		die(addr);
	/* Two sockets share the port: one has any address, the other this one. */
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof(at)))
		die("socket");
	setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return s;
}

static void echo(int s)
{
	static uint8_t buffer[BATCH][PACKET];
	struct sockaddr_in6 from[BATCH];
	struct mmsghdr in[BATCH], out[BATCH];
	struct iovec iov[BATCH];
	int n, answers = 0;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ buffer[i], PACKET };
		in[i].msg_hdr = (struct msghdr){ .msg_name = &from[i],
						 .msg_namelen = sizeof(from[i]),
						 .msg_iov = &iov[i],
						 .msg_iovlen = 1 };
	}
	n = recvmmsg(s, in, BATCH, MSG_WAITFORONE, NULL);
	for (int i = 0; i < n; i++) {
		iov[i].iov_len = answer(buffer[i], in[i].msg_len);
		if (iov[i].iov_len)
			out[answers++] = in[i];
	}
	for (int sent = 0, r; sent < answers; sent += r) {
		r = sendmmsg(s, out + sent, answers - sent, 0);
		if (r <= 0) /* this one cannot be sent: the next ones */
			r = 1;
	}
}

static pid_t second; /* who answers what comes in by the second card */

/* Without it, no more than half a guest would be there, and nobody told. */
static void on_child(int sig)
{
	int status;

	if (waitpid(second, &status, WNOHANG) != second)
		return;
	dprintf(STDOUT_FILENO, "guest: its second process ended: %#x\n", status);
	_exit(1); /* its kernel panics */
}

/* Each process counts what it gets by itself. */
static int open_echoes(void)
{
	const char *addr = getenv("ADDR_2");

	if (addr) {
		second = fork();
		if (!second)
			return open_echo(addr);
		sigaction(SIGCHLD,
			  &(struct sigaction){ .sa_handler = on_child, .sa_flags = SA_RESTART },
			  NULL);
	}
	return open_echo(NULL);
}

int main(void)
{
	int s;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	load_modules();
	set_network();
	start(getenv("RUN"));
	s = open_echoes();
	printf("guest: ready\n");
	for (;;)
		echo(s);
}
