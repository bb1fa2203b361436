/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "harness_priv.h"

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
		snprintf(pattern, sizeof(pattern), "%s/" TEST_INSTANCE "*", roots[i], pid);
		if (glob(pattern, 0, NULL, &g))
			continue;
		for (size_t k = 0; k < g.gl_pathc; k++)
			nftw(g.gl_pathv[k], remove_one, 8, FTW_DEPTH | FTW_PHYS);
		globfree(&g);
	}
}

/* A child that outlives us, however we end, and removes our pins. */
void start_janitor(void)
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

void own_address6(const char *addr)
{
	shell("ip addr add %s/128 dev lo nodad", addr);
	shell("until ip -6 route show table local | grep -q 'local %s '; do sleep 0.01; done",
	      addr);
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

void make_network(void)
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
