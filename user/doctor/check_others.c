// SPDX-License-Identifier: GPL-2.0-only
/* What others left or run beside: instances, daemons, changes that were killed, firewalls. */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/journal.h"
#include "doctor_priv.h"
#include "firewall_priv.h"
#include "lib/text.h"
#include "plane/daemon_claim.h"
#include "plane/layout.h"
#include "plane/pins.h"

/* ---- pins ---- */

static void look_layout(struct doctor *d)
{
	char path[MACHINE_PATH];
	struct doctor_finding *f;
	__u32 abi;

	if (d->p_error == -ENOENT || d->p_error == -ENODEV)
		return;
	if (d->p_error && d->p_error != -EPROTO) {
		doctor_unseen(d, "%s", d->p_text);
		return;
	}
	doctor_looked(d);
	if (!d->p_error)
		return;
	snprintf(path, sizeof(path), XR_PIN_ROOT "/%s", d->instance);
	f = doctor_found(d, "%s", path);
	doctor_wrong(f, "%s", d->p_text);
	doctor_cure_xroam(f, d->instance);
	if (!plane_pinned_abi(path, &abi, NULL) && abi >= LAYOUT_OLDEST && abi < XR_ABI_VERSION)
		doctor_cure(f, "reload");
	else
		doctor_cure(f, "destroy # what it steered is lost; or run the xroam that made it");
}

/* The name without what stands for something unfinished behind it; false: nothing does. */
static bool cut_tail(const char *name, const char *tail, char instance[XR_NAME_LEN])
{
	size_t len = strlen(name), n = strlen(tail);

	if (len <= n || len - n >= XR_NAME_LEN || strcmp(name + len - n, tail))
		return false;
	snprintf(instance, XR_NAME_LEN, "%.*s", (int)(len - n), name);
	return true;
}

static void check_leftover(struct doctor *d, const char *path, const char *name)
{
	char instance[XR_NAME_LEN] = "", meta[MACHINE_PATH + 300];
	struct doctor_finding *f;
	bool unfinished, converted;

	doctor_looked(d);
	unfinished = cut_tail(name, PLANE_UNFINISHED, instance);
	converted = cut_tail(name, PLANE_NEXT, instance);
	if (!instance[0])
		snprintf(instance, sizeof(instance), "%.*s", XR_NAME_LEN - 1, name);
	snprintf(meta, sizeof(meta), "%s/meta", path);
	/* Somebody makes, converts or removes it just now. */
	if ((!unfinished && !converted && !access(meta, F_OK)) || plane_lock_holder(instance))
		return;
	f = doctor_found(d, "%s", path);
	doctor_wrong(f, "a command that was killed left it");
	if (converted) {
		doctor_cure_xroam(f, instance);
		doctor_cure(f, "reload");
	} else {
		doctor_cure(f, "rm -r %s", QUOTE(path));
	}
}

static void look_leftover(struct doctor *d)
{
	char at[MACHINE_PATH], path[MACHINE_PATH + 256];
	struct dirent *e;
	DIR *dir = opendir(machine_path(XR_PIN_ROOT, at));

	if (!dir) {
		if (errno == EACCES)
			doctor_unseen(d, "%s: %s", XR_PIN_ROOT, strerror(errno));
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", at, e->d_name);
		check_leftover(d, path, e->d_name);
	}
	closedir(dir);
}

static void check_orphan(struct doctor *d, const char *dev, const struct device_program *on)
{
	struct doctor_finding *f;

	if (!on->orphan)
		return;
	f = doctor_found(d, "dev %s", dev);
	doctor_wrong(f, "it has \"%s\" (id %u), the program of an instance whose pins are gone",
		     on->name, on->id);
	doctor_cure(f, "ip link set dev %s %s off", QUOTE(dev), on->native ? "xdp" : "xdpgeneric");
}

static void look_orphan(struct doctor *d)
{
	struct device_program on[8];
	char name[IF_NAMESIZE];
	int i, k, n, devices;
	__u32 *list;

	devices = link_list_xdp(&list);
	if (devices < 0) {
		doctor_unseen(d, "the devices: %s", strerror(-devices));
		return;
	}
	doctor_looked(d);
	for (i = 0; i < devices; i++) {
		n = plane_device_programs(d->p, list[i], on, 8);
		if (n == -EPERM || n == -EACCES)
			doctor_unseen(d, "which programs devices have is for root to see");
		for (k = 0; k < n && if_indextoname(list[i], name); k++)
			check_orphan(d, name, &on[k]);
	}
	free(list);
}

/* ---- processes that were killed ---- */

static void look_journal(struct doctor *d)
{
	struct doctor_finding *f;

	if (!d->p)
		return;
	doctor_looked(d);
	/* The change may be under way just now. */
	if (!journal_exists(d->instance) || plane_lock_holder(d->instance))
		return;
	f = doctor_found(d, "instance \"%s\"", d->instance);
	doctor_wrong(f,
		     "a change was killed half way, and waits for the next command to finish it");
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "export > /dev/null");
}

static void look_daemon(struct doctor *d)
{
	struct doctor_finding *f;
	pid_t lost;

	if (!d->p)
		return;
	doctor_looked(d);
	lost = daemon_lost_pid(d->instance);
	if (!lost)
		return;
	f = doctor_found(d, "instance \"%s\"", d->instance);
	doctor_wrong(f, "its daemon, pid %d, was killed", (int)lost);
	doctor_cure(f, "rm %s/%s/daemon # or start it again: ", XR_RUN_ROOT, d->instance);
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "run");
}

static void look_clock(struct doctor *d)
{
	struct doctor_finding *f;

	if (!d->p)
		return;
	doctor_looked(d);
	if (plane_ticks(d->p, d->tick))
		return;
	f = doctor_found(d, "instance \"%s\"", d->instance);
	doctor_wrong(f, "its clock has stopped");
	doctor_cure_xroam(f, d->instance);
	doctor_cure(f, "reload");
}

/* ---- firewalls ---- */

static void on_chain(void *ctx, const struct firewall_chain *c)
{
	char chain[3 * NETNS_PATH];
	struct doctor *d = ctx;
	struct doctor_finding *f;

	if (!c->forwards || !c->drops)
		return;
	f = doctor_found(d, "nft %s %s %s", c->family, c->table, c->name);
	doctor_wrong(f, "what is forwarded is dropped unless a rule accepts it");
	doctor_cure_in(f, d->ways_path);
	snprintf(chain, sizeof(chain), "add chain %s %s %s { policy accept; }", c->family, c->table,
		 c->name);
	doctor_cure(f, "nft %s", QUOTE(chain));
}

static void on_legacy(void *ctx, const char *command)
{
	struct doctor *d = ctx;
	struct doctor_finding *f = doctor_found(d, "%s FORWARD", command);

	doctor_wrong(f, "what is forwarded is dropped unless a rule accepts it");
	doctor_cure_in(f, d->ways_path);
	doctor_cure(f, "%s -P FORWARD ACCEPT", command);
}

static void firewall_seen(struct doctor *d, int ret)
{
	if (ret == -EPERM)
		doctor_unseen(d, "firewalls are for root to see");
	else
		doctor_looked(d);
}

/* The daemon asks for neighbours itself. */
static void look_forward_drop(struct doctor *d)
{
	const struct doctor_dev *dev;
	bool any = false;
	int ret, back;

	doctor_each_dev(d, dev)
		any |= doctor_works(dev) && dev->role == XR_ROLE_NODE;
	if (!any || (d->p && daemon_pid(d->instance)) || netns_enter(d->ways_netns, &back))
		return;
	ret = firewall_each_chain(on_chain, d);
	if (!ret)
		ret = firewall_each_legacy_drop(on_legacy, d);
	netns_leave(back);
	firewall_seen(d, ret);
}

/*
 * The kernel's VXLAN device takes what other nodes send to a local host. IPIP and GUE end in
 * the program, before any firewall.
 */
static size_t list_local_ends(const struct plane *p, struct firewall_end ends[FIREWALL_ENDS])
{
	const struct xr_host_info *h = p->host_info;
	struct firewall_end end;
	size_t n = 0, k;
	__u32 i;

	for (i = 1; i <= p->meta->limits.hosts && n < FIREWALL_ENDS; i++) {
		if (!h[i].name[0] || !h[i].local || h[i].method != XR_FORWARD_VXLAN)
			continue;
		end = (struct firewall_end){ .port = h[i].port ?: XR_PORT_VXLAN,
					     .v6 = !addr_is_ipv4(h[i].addr) };
		for (k = 0; k < n && (ends[k].port != end.port || ends[k].v6 != end.v6); k++)
			;
		if (k == n)
			ends[n++] = end;
	}
	return n;
}

static void on_drop(void *ctx, const struct firewall_drop *drop)
{
	const struct firewall_chain *c = &drop->chain;
	struct doctor *d = ctx;
	struct doctor_finding *f;

	f = doctor_found(d, "nft %s %s %s", c->family, c->table, c->name);
	doctor_cure_in(f, d->ways_path);
	if (drop->handle && !drop->all) {
		doctor_wrong(f, "its rule with handle %llu drops all that comes for UDP port %u",
			     (unsigned long long)drop->handle, drop->port);
		doctor_cure(f, "nft delete rule %s %s %s handle %llu", c->family, QUOTE(c->table),
			    QUOTE(c->name), (unsigned long long)drop->handle);
		return;
	}
	if (drop->handle)
		doctor_wrong(
			f,
			"its rule with handle %llu drops what none before it accepts, and none accepts UDP port %u",
			(unsigned long long)drop->handle, drop->port);
	else
		doctor_wrong(f, "it drops what no rule accepts, and none accepts UDP port %u",
			     drop->port);
	doctor_cure(f, "nft insert rule %s %s %s udp dport %u accept", c->family, QUOTE(c->table),
		    QUOTE(c->name), drop->port);
}

static void look_tunnel_drop(struct doctor *d)
{
	struct firewall_end ends[FIREWALL_ENDS];
	int ret, back;

	if (!d->p || netns_enter(d->ways_netns, &back))
		return;
	ret = firewall_each_drop(ends, list_local_ends(d->p, ends), on_drop, d);
	netns_leave(back);
	firewall_seen(d, ret);
}

const struct doctor_check doctor_other_checks[] = {
	{ "layout", DOCTOR_ERROR, "the instance's pins are of this xroam's map layout",
	  "no command can read the instance", .look = look_layout },
	{ "leftover", DOCTOR_WARNING, "no pins are left of what was not finished",
	  "their maps keep their memory", .look = look_leftover },
	{ "orphan-program", DOCTOR_ERROR, "no device has the program of an instance that is gone",
	  "it goes on steering by what it knew, and nobody can change that", .look = look_orphan },
	{ "journal", DOCTOR_ERROR, "no change was left half made", "packets see half of it",
	  .look = look_journal },
	{ "daemon-lost", DOCTOR_ERROR, "the daemon was not killed",
	  "no socket, no QMP, nothing is announced", .look = look_daemon },
	{ "clock", DOCTOR_ERROR, "the programs' clock runs",
	  "flows and moves do not end, and one Initial rate lasts for ever", .look = look_clock },
	{ "forward-drop", DOCTOR_WARNING, "no firewall drops all that is forwarded",
	  "the kernel never asks for a neighbour that the program lacks",
	  .look = look_forward_drop },
	{ "tunnel-drop", DOCTOR_ERROR, "no firewall drops tunnels to local hosts",
	  "what other nodes send to its VMs does not arrive", .look = look_tunnel_drop },
	{ .id = NULL },
};
