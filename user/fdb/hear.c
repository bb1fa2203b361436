// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's messages, and what the table makes of them. Where a MAC is says a bridge's
 * entry (it has NDA_MASTER); by which VTEP, that of the VXLAN device itself (NTF_SELF),
 * and either may come alone: an entry that only gets another VTEP is told of by the second
 * one, and one that a local frame takes back by the first.
 *
 * A dump is asked for at the same socket. Its parts are made before they are queued, so that
 * a change may be told of first, and what was true before it afterwards: of an entry that
 * changed while a dump came, the dump's word is no news.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "fdb_priv.h"
#include "plane/vm_state.h"

#define TURN       512                /* datagrams, before the others' turn */
#define SOON       (10 * US_PER_MS)   /* one device seldom changes alone */
#define SHARE      20                 /* after reading all: a pause of 20 times its time */
#define DUMP_PAUSE (100 * US_PER_MS)  /* the least after messages were lost ... */
#define LONGEST    (5000 * US_PER_MS) /* of a pause; messages lost again double it */

/* ---- one entry ---- */

static const struct fdb_bridge *bridge_of(const struct fdb *f, __u32 ifindex)
{
	size_t i;

	for (i = 0; i < f->n_bridges; i++)
		if (f->bridge[i].ifindex == ifindex)
			return &f->bridge[i];
	return NULL;
}

/* Before the row changes: where it had a VM that nobody asked for yet. */
static void keep_place(const struct fdb *f, struct fdb_row *row)
{
	if (!row->said.host && row->there && !row->waits)
		row->said.host = fdb_place(f, row);
}

static bool is_vms(const struct fdb *f, const struct fdb_key *key)
{
	struct fdb_row row = { .key = *key };

	return fdb_vm_of(f, &row, NULL) != VM_NOWHERE;
}

/* A VXLAN device's row changes: so does that of its bridge. */
static __u32 bridge_row(const struct fdb *f, const struct fdb_key *vxlan)
{
	const struct link *dev = links_by_index(&f->links, vxlan->dev);
	struct fdb_key key = { .dev = dev ? dev->master : 0, .vlan = 0 };
	__u32 i;

	memcpy(key.mac, vxlan->mac, sizeof(key.mac));
	if (!key.dev)
		return FDB_NONE;
	i = fdb_find(&f->table, &key);
	if (i != FDB_NONE || !dev->pvid)
		return i;
	key.vlan = dev->pvid;
	return fdb_find(&f->table, &key);
}

/* told: as a change, not as part of a dump. */
static void entry_is(struct fdb *f, const struct fdb_key *key, const struct fdb_word *word,
		     bool there, bool told)
{
	bool of_bridge = bridge_of(f, key->dev), vms = of_bridge && is_vms(f, key);
	bool older = told && f->dumping; /* than this is what the dump may say of it */
	__u32 where = of_bridge ? FDB_NONE : bridge_row(f, key), i;
	bool needed = vms || (where != FDB_NONE && is_vms(f, &f->table.row[where].key));
	struct fdb_row *row;

	i = there || older ? fdb_make(&f->table, key, needed) : fdb_find(&f->table, key);
	if (i == FDB_NONE)
		return;
	if (of_bridge)
		where = i;
	row = &f->table.row[i];
	row->dump = f->dump;
	if (older)
		row->heard = f->dump;
	else if (row->heard == f->dump && f->dumping)
		return;
	if (row->there != there || (there && memcmp(&row->word, word, sizeof(*word)))) {
		if (where != FDB_NONE && is_vms(f, &f->table.row[where].key)) {
			keep_place(f, &f->table.row[where]);
			fdb_wait(&f->table, where);
		}
		row->word = *word;
		row->there = there;
	}
	/* It is kept until the dump has ended, for what that says of it. */
	if (!there && older)
		fdb_wait(&f->table, i);
	/* What was said of a VM outlives its entry: it may be told of anew, elsewhere. */
	if (!there && !vms)
		fdb_remove(&f->table, i);
}

static void on_entry(struct fdb *f, const struct nlmsghdr *nlh, bool told)
{
	struct fdb_word word;
	struct fdb_entry e;
	struct fdb_key key;

	if (!fdb_read(nlh, &e) || (!e.bridge && !e.has_dst))
		return;
	if (e.bridge ? !bridge_of(f, e.bridge) : !links_by_index(&f->links, e.port))
		return;
	/* Both are compared whole. */
	memset(&key, 0, sizeof(key));
	key.dev = e.bridge ? e.bridge : e.port;
	key.vlan = e.vlan;
	memcpy(key.mac, e.mac, sizeof(key.mac));
	memset(&word, 0, sizeof(word));
	word.port = e.port;
	word.state = e.state;
	word.flags = e.flags;
	memcpy(word.dst, e.dst, sizeof(word.dst));
	entry_is(f, &key, &word, nlh->nlmsg_type == RTM_NEWNEIGH, told);
}

/* ---- dumps ---- */

static void plan_dump(struct fdb *f, uint64_t now)
{
	if (!f->dump_due)
		f->dump_due = now > f->dump_not_before ? now : f->dump_not_before;
}

void fdb_ask_dump(struct fdb *f)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	nlh->nlmsg_type = RTM_GETNEIGH;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	nlh->nlmsg_seq = ++f->dump;
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = AF_BRIDGE;
	f->dump_due = 0;
	f->dump_began = daemon_clock_us();
	f->lost = false;
	f->table.left_out = 0;
	f->dumping = mnl_socket_sendto(f->nl, nlh, nlh->nlmsg_len) >= 0;
	if (!f->dumping)
		f->dump_due = f->dump_began + DUMP_PAUSE;
}

/* What it did not have is gone. */
static void sweep(struct fdb *f)
{
	static const struct fdb_word nothing;
	struct fdb_key key;
	__u32 i;

	for (i = 0; i < f->table.size; i++) {
		key = f->table.row[i].key;
		if (f->table.row[i].there && f->table.row[i].dump != f->dump)
			entry_is(f, &key, &nothing, false, true);
	}
}

static void dump_ended(struct fdb *f, bool whole)
{
	uint64_t now = daemon_clock_us(), pause = (now - f->dump_began) * SHARE;

	f->dumping = false;
	if (whole && !f->lost) {
		sweep(f);
		f->dump_pause = 0;
	} else {
		f->dump_pause = f->dump_pause ? 2 * f->dump_pause : DUMP_PAUSE;
	}
	/* Until then nothing is judged; and its time may be what others kept it waiting. */
	if (f->dump_pause > LONGEST)
		f->dump_pause = LONGEST;
	if (pause > LONGEST)
		pause = LONGEST;
	f->dump_not_before = now + (pause > f->dump_pause ? pause : f->dump_pause);
	if (!whole || f->lost)
		plan_dump(f, now);
}

/* ---- what came ---- */

static void on_link(struct fdb *f, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	uint64_t when = daemon_clock_us() + SOON;

	/* Of AF_BRIDGE: only how a port forwards. */
	if (f->links_due || ifi->ifi_family != AF_UNSPEC)
		return;
	f->links_due = when > f->links_not_before ? when : f->links_not_before;
}

static void on_message(struct fdb *f, const struct nlmsghdr *nlh)
{
	bool asked = f->dumping && nlh->nlmsg_seq == f->dump;

	if (asked && nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		f->lost = true;
	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_entry(f, nlh, !asked);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(f, nlh);
		break;
	case NLMSG_DONE:
	case NLMSG_ERROR:
		if (asked)
			dump_ended(f, nlh->nlmsg_type == NLMSG_DONE);
		break;
	}
}

/* The socket was too small for what came: what the table has may be wrong. */
static void on_loss(struct fdb *f)
{
	if (!f->lost && !f->dump_due)
		daemon_log(f->d, "fdb: more changes than could be kept: reading all entries");
	f->lost = true;
	if (!f->dumping)
		plan_dump(f, daemon_clock_us());
	if (!f->links_due)
		f->links_due = daemon_clock_us() + SOON;
}

bool fdb_hear(struct fdb *f)
{
	int fd = mnl_socket_get_fd(f->nl), i, left;
	const struct nlmsghdr *nlh;
	char buf[32768];
	ssize_t got;

	for (i = 0; i < TURN; i++) {
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (got < 0 && errno == ENOBUFS) {
			on_loss(f);
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return true;
		left = got;
		for (nlh = (void *)buf; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			on_message(f, nlh);
	}
	return false;
}

/* ---- devices ---- */

/* What rows depend on: of VXLAN devices and bridges. */
static bool is_same(const struct links *a, const struct links *b)
{
	size_t i, j = 0;

	for (i = 0; i < a->n || j < b->n; i++, j++) {
		const struct link *k, *l;

		while (i < a->n && a->link[i].kind != LINK_VXLAN && a->link[i].kind != LINK_BRIDGE)
			i++;
		while (j < b->n && b->link[j].kind != LINK_VXLAN && b->link[j].kind != LINK_BRIDGE)
			j++;
		if (i == a->n || j == b->n)
			return i == a->n && j == b->n;
		k = &a->link[i];
		l = &b->link[j];
		if (k->ifindex != l->ifindex || k->master != l->master || k->vni != l->vni ||
		    k->filters != l->filters || strcmp(k->name, l->name))
			return false;
	}
	return true;
}

static void find_bridges(struct fdb *f)
{
	const struct link *br;
	size_t i;

	for (i = 0; i < f->n_bridges; i++) {
		br = links_by_name(&f->links, f->bridge[i].conf.bridge);
		if (br && br->kind != LINK_BRIDGE)
			br = NULL;
		f->bridge[i].ifindex = br ? br->ifindex : 0;
		f->bridge[i].filters = br && br->filters;
		figures_set_source(f->d->figures, f->bridge[i].figure, br);
	}
}

void fdb_read_links(struct fdb *f)
{
	uint64_t began = daemon_clock_us(), ended;
	struct links links = { 0 };
	struct netlink nl = { 0 };
	bool changed = false;
	int ret = netlink_open(&nl);

	if (!ret)
		ret = links_read(&nl, &links);
	if (!ret)
		ret = links_pvids(&nl, &links);
	netlink_close(&nl);
	ended = daemon_clock_us();
	f->links_not_before = ended + (ended - began) * SHARE;
	f->links_due = ret ? f->links_not_before + DUMP_PAUSE : 0;
	if (ret) {
		links_free(&links);
		return;
	}
	changed = !is_same(&f->links, &links);
	links_free(&f->links);
	f->links = links;
	find_bridges(f);
	if (changed)
		plan_dump(f, ended);
}
