// SPDX-License-Identifier: GPL-2.0-only
/* A VM's port on this machine, and who reads it. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns.h"
#include "text.h"
#include "vm_local_priv.h"

/* ---- which ---- */

struct search {
	struct local *l;
	__u32 segment;		/* the bridge that its VNI's device is in */
	const struct link *found;
	int rank;
};

static bool is_fabric(const struct local *l, const struct link *dev)
{
	__u64 here = netns_inode();
	int i;

	if (dev->kind == LINK_VXLAN || dev->kind == LINK_BRIDGE)
		return true;
	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (l->p->devices[i].ifindex == dev->ifindex &&
		    l->p->devices[i].netns == here)
			return true;
	return false;
}

/* The same MAC may be known in several VLANs, each with a bridge of its own. */
static void on_entry(void *ctx, const struct fdb_entry *e)
{
	struct search *s = ctx;
	struct local *l = s->l;
	const struct link *dev, *br;
	int rank = 1;

	if (memcmp(e->mac, l->mac, sizeof(e->mac)))
		return;
	dev = links_by_index(&l->links, e->port);
	br = links_by_index(&l->links, e->bridge);
	if (!dev || is_fabric(l, dev))
		return;
	if (br && br->filters && l->vlan && e->vlan && e->vlan != l->vlan)
		return;
	if (s->segment && e->bridge == s->segment)
		rank = 3;
	else if (l->vlan && e->vlan == l->vlan)
		rank = 2;
	if (rank > s->rank) {
		s->rank = rank;
		s->found = dev;
	}
}

/* libvirt gives a tap its VM's MAC with 0xfe in front (virnetdevtap.c). */
static const struct link *by_own_mac(struct local *l)
{
	size_t i;

	for (i = 0; i < l->links.n; i++) {
		const struct link *k = &l->links.link[i];

		if (k->kind == LINK_TUN && k->mac[0] == 0xfe &&
		    !memcmp(k->mac + 1, l->mac + 1, 5))
			return k;
	}
	return NULL;
}

static const struct link *by_fdb(struct local *l)
{
	__u16 here = local_host(l->p, l->now.host) ? l->now.host : l->now.next;
	struct search s = { .l = l };
	const struct link *vxlan = NULL;

	if (local_host(l->p, here) &&
	    l->p->host_info[here].method == XR_FORWARD_VXLAN)
		vxlan = links_by_vni(&l->links, l->p->host_info[here].vni);
	s.segment = vxlan ? vxlan->master : 0;
	fdb_each(&l->nl, on_entry, &s);
	return s.found;
}

/* No bridge: its addresses are routed to its port. */
static const struct link *by_route(struct local *l)
{
	const struct link *dev = NULL;
	struct way_out way;
	int i;

	for (i = 0; !dev && i < XR_VM_ADDRS; i++) {
		if (addr_is_zero(l->info->addr[i]) ||
		    route_ask(&l->nl, l->info->addr[i], &way) ||
		    memcmp(way.gateway, l->info->addr[i], sizeof(way.gateway)))
			continue;
		dev = links_by_index(&l->links, way.ifindex);
		if (dev && is_fabric(l, dev))
			dev = NULL;
	}
	return dev;
}

/* A port that a prepare named may be another move's. */
const struct link *tap_known(struct local *l)
{
	const struct xr_vm_info *info = l->info;
	bool found = info->tap[0] && link_named(info->tap, &l->port);

	if (!found && (!info->tap[0] || info->learned & XR_LEARNED_TAP))
		found = link_indexed(l->vm->tap, &l->port);
	return found ? &l->port : NULL;
}

const struct link *tap_find(struct local *l)
{
	const struct link *found = tap_known(l);

	if (found || (l->info->tap[0] && !(l->info->learned & XR_LEARNED_TAP)) ||
	    local_read(l))
		return found;
	found = by_own_mac(l);
	if (!found)
		found = by_fdb(l);
	/* Of a VM that is elsewhere, a route would lead there. */
	return found || !local_host(l->p, l->now.host) ? found : by_route(l);
}

/* ---- whose ---- */

/* fdinfo of a tun descriptor: "iff:	tap0". */
static bool is_tap_of(const char *pid, const char *fd, const char *tap)
{
	char path[300], line[64], name[32];
	bool yes = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	f = fopen(path, "re");
	while (f && !yes && fgets(line, sizeof(line), f))
		yes = sscanf(line, "iff: %31s", name) == 1 && !strcmp(name, tap);
	if (f)
		fclose(f);
	return yes;
}

struct holder {
	bool tap, vhost;
};

static struct holder look_at(const char *pid, const char *tap)
{
	struct holder h = { false, false };
	char path[300], target[256];
	struct dirent *e;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		if (!strcmp(target, "/dev/net/tun"))
			h.tap = h.tap || is_tap_of(pid, e->d_name, tap);
		else if (!strcmp(target, "/dev/vhost-net"))
			h.vhost = true;
	}
	if (d)
		closedir(d);
	return h;
}

static bool is_qemu(const char *pid)
{
	char path[300], exe[256];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%s/exe", pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return false;
	exe[n] = '\0';
	base = strrchr(exe, '/');
	base = base ? base + 1 : exe;
	return !strncmp(base, "qemu", 4) || !strncmp(base, "kvm", 3);
}

static bool is_here(const char *pid)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	return !stat(path, &st) && st.st_ino == netns_inode();
}

struct reader {
	const char *tap;
	enum tap_reader is;
	__u32 pid;
	bool here;		/* certainly: it is in this namespace */
};

static void ask(struct reader *r, const char *pid)
{
	struct holder h = look_at(pid, r->tap);

	if (!h.tap)
		return;
	r->here = is_here(pid);
	r->pid = atoi(pid);
	r->is = h.vhost ? TAP_READER_VHOST :
		is_qemu(pid) ? TAP_READER_QEMU : TAP_READER_OTHER;
}

/* All processes, or those alone that are a QEMU: of the others there are many. */
static void ask_all(struct reader *r, bool qemus)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && !r->here && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]) &&
		    (!qemus || is_qemu(e->d_name)))
			ask(r, e->d_name);
	if (d)
		closedir(d);
}

/*
 * A name may be a tap's in several namespaces; a QEMU that was handed its tap from
 * outside is taken for want of one inside.
 */
enum tap_reader tap_reader(const char *tap, __u32 likely, __u32 *pid)
{
	struct reader r = { .tap = tap, .is = TAP_READER_OTHER };
	char text[16];

	snprintf(text, sizeof(text), "%u", likely);
	if (likely)
		ask(&r, text);
	if (!r.here)
		ask_all(&r, true);
	if (r.pid && !r.here)
		ask_all(&r, false);
	*pid = r.pid;
	return r.is;
}

/* ---- what went through ---- */

static int read_number(const char *tap, const char *what, __u64 *number)
{
	char path[96];
	int got = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", tap, what);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	got = fscanf(f, "%llu", (unsigned long long *)number);
	fclose(f);
	return got == 1 ? 0 : -EIO;
}

/* All devices, of this thread's namespace: its line has nine numbers before. */
static int read_table(const char *tap, struct link_counts *c)
{
	unsigned long long read, dropped;
	char line[512], name[20];
	int ret = -ENODEV;
	FILE *f = fopen("/proc/thread-self/net/dev", "re");

	while (f && ret && fgets(line, sizeof(line), f)) {
		if (sscanf(line, " %19[^:]: %*u %*u %*u %*u %*u %*u %*u %*u "
			   "%*u %llu %*u %llu", name, &read, &dropped) != 3 ||
		    strcmp(name, tap))
			continue;
		c->read = read;
		c->dropped = dropped;
		ret = 0;
	}
	if (f)
		fclose(f);
	return ret;
}

int tap_counts(__u32 ifindex, struct link_counts *c)
{
	char tap[IF_NAMESIZE];
	__u64 index;

	if (!if_indextoname(ifindex, tap))
		return -errno;
	/* What is mounted there may be another namespace's. */
	if (!read_number(tap, "ifindex", &index) && index == ifindex &&
	    !read_number(tap, "statistics/tx_packets", &c->read) &&
	    !read_number(tap, "statistics/tx_dropped", &c->dropped))
		return 0;
	return read_table(tap, c);
}

bool tap_takes_gso(const char *tap)
{
	struct ethtool_value v = { .cmd = ETHTOOL_GTSO };
	struct ifreq req = { .ifr_data = (void *)&v };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret;

	if (fd < 0)
		return true;
	strncpy(req.ifr_name, tap, sizeof(req.ifr_name) - 1);
	ret = ioctl(fd, SIOCETHTOOL, &req);
	close(fd);
	return ret || v.data;
}
