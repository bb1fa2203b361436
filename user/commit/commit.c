// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes an instance equal to a model, all or nothing.
 *
 * First everything that can fail: whether it fits, routes, tables, into memory
 * and into slots that nothing names yet. Then the journal, and what can fail
 * but be undone: members, devices. From there on stores into mapped memory
 * only, each one whole for a packet in flight, in an order in which what a word
 * names is complete before the word is written. What something leaves is
 * cleared, and may be used again, after a grace period.
 *
 * A kill before the journal leaves nothing; after it, the next command reads
 * the journal and makes the same change again (model_recover()).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "commit_priv.h"
#include "config/config.h"
#include "model/model_edit.h"
#include "host/hops.h"
#include "apply/instance.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "apply/model_load.h"
#include "plane/pins.h"
#include "plane/stats.h"
#include "steer/flow_table.h"
#include "steer/vip_table.h"
#include "underlay/outer.h"
#include "underlay/vip_own.h"

#define FOLLOW_MOST 64
#define EVENTS_MAX  32 /* lines of one commit in the event ring */

/* ---- the journal ---- */

static void journal_path(const struct plane *p, char *path, size_t size)
{
	snprintf(path, size, XR_RUN_ROOT "/%s/journal.yaml", p->name);
}

#define HEAD_MAX      96
#define JOURNAL_NETNS "# netns " /* where its devices' names and routes are of */

/* The first line tells the instance from one that bore the name before. */
static int journal_head(const struct plane *p, char head[HEAD_MAX])
{
	return snprintf(head, HEAD_MAX, "# %llu %016llx\n", (unsigned long long)p->meta->created,
			(unsigned long long)p->meta->id);
}

static int write_journal(struct commit *c)
{
	char dir[128], path[160], part[176], head[HEAD_MAX];
	char *text = NULL;
	size_t len = 0;
	int fd, n, ret;

	ret = config_write(&c->want, true, false, &text, &len, c->err);
	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), XR_RUN_ROOT "/%s", c->p->name);
	journal_path(c->p, path, sizeof(path));
	snprintf(part, sizeof(part), "%s.part", path);
	n = journal_head(c->p, head);
	n += snprintf(head + n, sizeof(head) - n, JOURNAL_NETNS "%016llx\n",
		      (unsigned long long)netns_id());
	mkdir(XR_RUN_ROOT, 0700);
	mkdir(dir, 0700);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || plane_write(fd, head, n) || plane_write(fd, text, len) || rename(part, path))
		ret = plane_file_fail(c->err, "writing the journal ", path);
	if (fd >= 0)
		close(fd);
	if (ret)
		unlink(part);
	explicit_bzero(text, len);
	free(text);
	return ret;
}

static void remove_journal(struct plane *p)
{
	char path[160];

	journal_path(p, path, sizeof(path));
	unlink(path);
}

/* ---- what cannot fail ---- */

static void grace(void *ctx)
{
	struct plane *p = ctx;

	/* Both of its ways refused: wait longer than any program runs. */
	if (plane_grace(p))
		sleep(1);
}

static void store_word(struct commit *c, __u32 i, __u8 state)
{
	const struct xr_backend_info *info = &c->backend[i].want->info;
	const struct xr_backend b = {
		.path = c->backend[i].path,
		.state = state,
		.flags = (mac_is_zero(info->vm_mac) ? 0 : XR_BACKEND_VM) |
			(info->initial_rate ? XR_BACKEND_LIMITED : 0),
		.pool = c->backend[i].pool,
	};
	__u64 word;

	_Static_assert(sizeof(b) == sizeof(word), "one word");
	memcpy(&word, &b, sizeof(word));
	__atomic_store_n((__u64 *)(void *)&c->p->backends[i], word, __ATOMIC_RELEASE);
}

static void clear_word(struct commit *c, __u32 i)
{
	__atomic_store_n((__u64 *)(void *)&c->p->backends[i], 0, __ATOMIC_RELEASE);
}

static void keep_info(struct commit *c, __u32 i)
{
	const struct backend_slot *s = &c->backend[i];
	struct xr_backend_info *to = &c->p->backend_info[i];
	struct xr_backend_info info = s->want->info;

	if (!s->have)
		stats_clear(c->p, PLANE_BACKEND_STATS, i);
	/* state says that the rest is there. */
	if (!s->have) {
		info.state = XR_BACKEND_NONE;
		*to = info;
		__atomic_store_n(&to->state, s->want->info.state, __ATOMIC_RELEASE);
	} else if (memcmp(to, &info, sizeof(info))) {
		*to = info;
	}
}

/*
 * While pools change, the VIPs concerned are in none: a number may come to mean
 * another one, and members is always right.
 */
static void leave_pools(struct commit *c)
{
	bool any = false;
	__u32 i;

	for (i = 1; i <= c->have.limits.vips; i++) {
		__u16 *pool = &c->p->vips[i].pool;

		if (!*pool || *pool == c->vip[i].pool)
			continue;
		__atomic_store_n(pool, 0, __ATOMIC_RELEASE);
		any = true;
	}
	if (any)
		grace(c->p);
}

static void join_pools(struct commit *c)
{
	__u32 i;

	for (i = 1; i <= c->have.limits.vips; i++)
		if (c->vip[i].want)
			__atomic_store_n(&c->p->vips[i].pool, c->vip[i].pool, __ATOMIC_RELEASE);
}

/* Backends that go down stay up until the tables lead elsewhere. */
static void store_backends(struct commit *c)
{
	struct backend_slot *s;
	__u32 i, rate;

	for (i = 1; i <= c->have.limits.backends; i++) {
		s = &c->backend[i];
		if (!s->want)
			continue;
		rate = s->want->info.initial_rate;
		__atomic_store_n(&c->p->initial_rate[i].limit, rate, __ATOMIC_RELEASE);
		keep_info(c, i);
		if (s->want->info.state != XR_BACKEND_DOWN)
			store_word(c, i, s->want->info.state);
		else if (s->have && !c->force)
			store_word(c, i, s->have->info.state);
		else
			store_word(c, i, XR_BACKEND_DOWN);
	}
}

static void store_down(struct commit *c)
{
	const struct backend_slot *s;
	__u32 i;

	for (i = 1; i <= c->have.limits.backends; i++) {
		s = &c->backend[i];
		if (s->want && s->want->info.state == XR_BACKEND_DOWN)
			store_word(c, i, XR_BACKEND_DOWN);
		else if (!s->want && s->have)
			clear_word(c, i);
	}
}

static __u64 cid_slots(const struct commit *c)
{
	const struct xr_cid_info *info;
	unsigned int points;
	__u64 slots = 0;
	int s, i;

	for (s = 1; s < XR_CID_SLOTS; s++) {
		if (!c->cid[s].want)
			continue;
		info = &c->cid[s].want->info;
		points = xr_cid_codepoints(info->format, info->config_id);
		for (i = 0; i < XR_CODEPOINTS; i++)
			if (points >> i & 1)
				slots |= (__u64)s << (8 * i);
	}
	return slots;
}

static void keep_cids(struct commit *c)
{
	int s;

	for (s = 1; s < XR_CID_SLOTS; s++)
		if (c->cid[s].want && (!c->cid[s].have || c->force))
			c->p->cid_info[s] = c->cid[s].want->info;
}

static __u32 vip_flags(const struct model_vip *v)
{
	return (v->cid ? XR_VIP_CID : 0) | (v->flow ? XR_VIP_FLOW : 0);
}

static struct vip_table index_of(const struct commit *c)
{
	return (struct vip_table){ c->p->vip_index, c->p->vip_buckets - 1, c->p->hash_keys,
				   c->p->vips };
}

static void new_vip(struct commit *c, __u32 i, __u64 slots)
{
	const struct model_vip *v = c->vip[i].want;
	struct xr_vip *to = &c->p->vips[i];
	struct xr_vip vip = {
		.port = v->port,
		.proto = v->proto,
		.flags = vip_flags(v),
		.cid_slots = slots,
	};

	memcpy(vip.addr, v->addr, sizeof(vip.addr));
	stats_clear(c->p, PLANE_VIP_STATS, i);
	stats_clear(c->p, PLANE_CID_STATS, i);
	*to = vip;
	__atomic_store_n(&to->used, 1, __ATOMIC_RELEASE);
}

static void store_vips(struct commit *c)
{
	struct vip_table t = index_of(c);
	__u64 slots = cid_slots(c), mine;
	const struct model_vip *v;
	__u32 i;

	for (i = 1; i <= c->have.limits.vips; i++) {
		v = c->vip[i].want;
		if (!v)
			continue;
		mine = v->cid ? slots : 0;
		if (!c->vip[i].have)
			new_vip(c, i, mine);
		/* Slots first: a flag alone would find no configuration. */
		__atomic_store_n(&c->p->vips[i].cid_slots, mine, __ATOMIC_RELEASE);
		__atomic_store_n(&c->p->vips[i].flags, vip_flags(v), __ATOMIC_RELEASE);
		if (!c->vip[i].have || c->force)
			vip_table_add(&t, v->addr, v->port, v->proto, i);
	}
}

/* Its bucket's ways may be wanted by new VIPs: they go first. */
static size_t unlink_vips(struct commit *c)
{
	struct vip_table t = index_of(c);
	const struct model_vip *v;
	size_t n = 0;
	__u32 i;

	for (i = 1; i <= c->have.limits.vips; i++) {
		v = c->vip[i].have;
		if (!v || c->vip[i].want)
			continue;
		vip_table_del(&t, v->addr, v->port, v->proto, i);
		n++;
	}
	return n;
}

static void sweep_flows(struct commit *c)
{
	bool *gone = calloc(XR_MAX_BACKENDS + 1, sizeof(*gone));
	bool any = false;
	__u32 i;

	/*
	 * Without memory the entries stay; they name no backend until the slot
	 * is used again, and then a wrong one for a flow that went on so long.
	 */
	for (i = 1; gone && i <= c->have.limits.backends; i++)
		if (c->backend[i].have && !c->backend[i].want)
			any = gone[i] = true;
	if (any)
		flow_table_sweep(c->p->flows, c->p->flow_buckets, gone);
	free(gone);
}

/* After the grace period: no packet can be reading these. */
static void clear_slots(struct commit *c)
{
	__u32 i;
	int s;

	for (i = 1; i <= c->have.limits.vips; i++)
		if (c->vip[i].have && !c->vip[i].want)
			memset(&c->p->vips[i], 0, sizeof(c->p->vips[i]));
	for (i = 1; i <= c->have.limits.backends; i++) {
		if (!c->backend[i].have || c->backend[i].want)
			continue;
		memset(&c->p->initial_rate[i], 0, sizeof(c->p->initial_rate[i]));
		memset(&c->p->backend_info[i], 0, sizeof(c->p->backend_info[i]));
	}
	for (s = 1; s < XR_CID_SLOTS; s++) {
		if (!c->cid[s].have || c->cid[s].want)
			continue;
		memset(&c->p->cid_info[s], 0, sizeof(c->p->cid_info[s]));
		memset(&c->p->cid_configs[s], 0, sizeof(c->p->cid_configs[s]));
	}
}

/*
 * Whatever a command changes, it is a look at the routes as well; where there are
 * many, only "xroam reload" looks at all of them.
 */
static void follow_ways(struct commit *c)
{
	outers_sync(c->p);
	if (c->want.n_backends + c->want.n_hosts <= FOLLOW_MOST)
		hops_follow(c->p);
}

/* Returns what storing the tables said; memory is all that can be short. */
static int write_all(struct commit *c)
{
	struct sid_table t = { c->p->server_ids, c->p->server_id_names, c->p->sid_buckets - 1 };
	int ret;

	commit_store_hosts(c);
	ret = commit_store_vms(c);
	if (ret)
		return ret;
	leave_pools(c);
	store_backends(c);
	if (unlink_vips(c))
		grace(c->p);
	sid_plan_apply(c->sids, &t, grace, c->p);
	keep_cids(c);
	ret = commit_store_tables(c);
	if (ret)
		return xr_fail(
			c->err, ret,
			"the change is half made and will be finished by the next command: Maglev tables: %s",
			strerror(-ret));
	store_vips(c);
	store_down(c);
	grace(c->p);
	join_pools(c);
	sweep_flows(c);
	commit_del_members(c);
	clear_slots(c);
	commit_clear_hosts(c);
	follow_ways(c);
	return 0;
}

/* ---- what can fail, and is undone ---- */

static bool any_device(const struct commit *c)
{
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++)
		if (c->p->devices[i].ifindex)
			return true;
	return false;
}

static bool same_program(const struct xr_policy *a, const struct xr_policy *b)
{
	return a->too_big == b->too_big && a->down == b->down && a->flow_idle == b->flow_idle &&
		a->reply_rate == b->reply_rate && a->vip_other == b->vip_other &&
		a->vip_echo == b->vip_echo && a->moves == b->moves && a->tunnels == b->tunnels &&
		a->flap_moves == b->flap_moves && a->flap_seconds == b->flap_seconds &&
		a->vm_ttl == b->vm_ttl;
}

/*
 * Some of the policy, and what there is to look for, is in the program itself:
 * that needs another program. While the change is made it looks for the old
 * and the new.
 */
static int store_policy(struct commit *c)
{
	__u32 had = c->p->meta->features;
	int ret;

	c->p->meta->policy = c->want.policy;
	c->p->meta->features |= commit_features(&c->want);
	if (same_program(&c->have.policy, &c->want.policy) && c->p->meta->features == had &&
	    !c->force)
		return 0;
	if (!any_device(c))
		return 0;
	ret = instance_reload(c->p, c->err);
	/* To finish what a kill interrupted, a lost program is no hindrance. */
	if (!ret || (ret == -ENOENT && c->force))
		return 0;
	c->p->meta->policy = c->have.policy;
	c->p->meta->features = had;
	instance_reload(c->p, NULL); /* those that had got the new one */
	return ret;
}

/* What is gone need not be looked for: a program without costs less. */
static void drop_features(struct commit *c)
{
	__u32 features = commit_features(&c->want);

	if (c->p->meta->features == features)
		return;
	c->p->meta->features = features;
	if (any_device(c))
		instance_reload(c->p, NULL);
}

static int make_change(struct commit *c)
{
	int ret = write_journal(c);

	if (ret)
		return ret;
	ret = commit_add_members(c);
	if (ret)
		goto out;
	ret = store_policy(c);
	if (ret)
		goto undo_members;
	ret = commit_attach(c);
	if (ret)
		goto undo_policy;
	ret = write_all(c);
	if (ret)
		return ret; /* the journal stays */
	ret = commit_detach(c);
	drop_features(c);
	vip_own_refresh(c->p, 0);
	remove_journal(c->p);
	return ret;

undo_policy:
	c->p->meta->policy = c->have.policy;
	if ((memcmp(&c->have.policy, &c->want.policy, sizeof(c->have.policy)) ||
	     c->p->meta->features != commit_features(&c->have)) &&
	    any_device(c)) {
		c->p->meta->features = commit_features(&c->have);
		instance_reload(c->p, NULL);
	}
undo_members:
	commit_undo_members(c);
out:
	remove_journal(c->p);
	return ret;
}

/* ---- telling ---- */

static void tell(struct commit *c, void (*changed)(void *, const char *), void *ctx)
{
	size_t i, events = 0;

	for (i = 0; i < c->n_lines; i++) {
		if (changed)
			changed(ctx, c->lines[i]);
		if (c->preview)
			continue;
		if (c->lines[i][0] != '!' && events++ < EVENTS_MAX)
			plane_event(c->p, "%s", c->lines[i]);
	}
	if (events > EVENTS_MAX)
		plane_event(c->p, "... and %zu changes more", events - EVENTS_MAX);
}

static void commit_free(struct commit *c)
{
	size_t i;

	for (i = 0; i < c->n_lines; i++)
		free(c->lines[i]);
	for (i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	free(c->lines);
	free(c->fds);
	free(c->table_vip);
	free(c->table_fd);
	free(c->add_members);
	free(c->del_members);
	free(c->have_members.item);
	free(c->want_members.item);
	free(c->jobs);
	free(c->job_path);
	free(c->vip);
	free(c->backend);
	free(c->host);
	free(c->vm_changes);
	free(c->devices);
	sid_plan_free(c->sids);
	model_free(&c->have);
	model_free(&c->want);
}

static int run(struct commit *c)
{
	bool differs = false;
	int ret = commit_match(c);

	if (!ret)
		ret = commit_check_sections(c);
	if (!ret)
		ret = commit_describe(c);
	if (!ret)
		ret = commit_describe_devices(c);
	if (!ret)
		differs = commit_differs(c);
	/* Nothing is changed in silence. */
	if (differs && !c->n_changes)
		ret = commit_say(c, "~ configuration: no words for what differs");
	if (c->preview)
		*c->preview = c->n_changes;
	/* What is around it may have changed all the same. */
	if (!ret && !differs && !c->force && !c->preview) {
		vip_own_refresh(c->p, 0);
		follow_ways(c);
	}
	if (ret || (!differs && !c->force))
		return ret;
	ret = commit_describe_stops(c);
	if (ret || c->preview)
		return ret;
	ret = commit_prepare(c);
	return ret ? ret : make_change(c);
}

int commit_run(struct commit *c, int ret, void (*changed)(void *ctx, const char *line), void *ctx)
{
	if (!ret)
		ret = run(c);
	if (!ret)
		tell(c, changed, ctx);
	else if (!c->err->text[0])
		xr_fail(c->err, ret, "%s", ret == -ENOMEM ? "out of memory" : strerror(-ret));
	commit_free(c);
	return ret;
}

static int commit_model(struct plane *p, const struct model *want, bool force,
			void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	struct xr_err own = { "" };
	struct commit c = { .p = p, .err = err ? err : &own, .force = force };
	int ret;

	c.err->text[0] = '\0';
	ret = model_load(p, &c.have, c.err);
	if (ret)
		return ret;
	return commit_run(&c, model_copy(&c.want, want), changed, ctx);
}

int model_commit(struct plane *p, const struct model *want,
		 void (*changed)(void *ctx, const char *line), void *ctx, struct xr_err *err)
{
	int ret = model_recover(p, err);

	if (ret == -ENOMEM)
		return ret;
	/* What cannot be finished need not be, where all is said anew. */
	return commit_model(p, want, ret != 0, changed, ctx, err);
}

/* ---- recovery ---- */

/* Those of the devices that are named without one; 0: it does not say. */
static __u64 journal_netns(const char *text)
{
	const char *line = strstr(text, "\n" JOURNAL_NETNS);

	return line ? strtoull(line + 1 + strlen(JOURNAL_NETNS), NULL, 16) : 0;
}

static int finish(struct plane *p, struct model *want, __u64 netns, struct xr_err *err)
{
	int back = -1, ret = netns ? netns_enter(netns, &back) : 0;

	if (ret && ret != -ENOENT)
		return xr_fail(err, ret, "going to its network namespace: %s", strerror(-ret));
	/* A device may be gone by now; the rest must not wait for it. */
	if (ret)
		want->devs_given = false;
	ret = commit_model(p, want, true, NULL, NULL, err);
	if (ret && want->devs_given) {
		want->devs_given = false;
		ret = commit_model(p, want, true, NULL, NULL, err);
	}
	netns_leave(back);
	return ret;
}

/* 0 and *text, or -ENOENT: none, or another instance's. */
static int read_journal(struct plane *p, char **text, size_t *len)
{
	char path[160], head[HEAD_MAX];
	struct stat st;
	int fd, n = journal_head(p, head), ret = -ENOENT;

	journal_path(p, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -ENOENT;
	*text = NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (*text = malloc(st.st_size + 1))) {
		*len = read(fd, *text, st.st_size) == st.st_size ? st.st_size : 0;
		(*text)[*len] = '\0';
		ret = strncmp(*text, head, n) ? -ENOENT : 0;
	}
	close(fd);
	if (ret) {
		unlink(path);
		free(*text);
		*text = NULL;
	}
	return ret;
}

bool model_unfinished(const char *instance)
{
	char path[160];

	snprintf(path, sizeof(path), XR_RUN_ROOT "/%s/journal.yaml", instance);
	return !access(path, F_OK);
}

/*
 * A damaged one, or another xroam's. What it asked for is not known any more, but
 * what is there can be made whole, and nothing else need wait.
 */
static int set_aside(struct plane *p, const char *path, struct xr_err *err)
{
	struct xr_err why = *err, wrong = { "" };
	struct model now;
	char aside[176];
	int ret;

	snprintf(aside, sizeof(aside), "%s.unreadable", path);
	if (rename(path, aside))
		return xr_fail(err, -errno,
			       "an interrupted change cannot be read: %s; remove that file",
			       why.text);
	ret = model_load(p, &now, &wrong);
	if (!ret) {
		ret = commit_model(p, &now, true, NULL, NULL, &wrong);
		model_free(&now);
	}
	xr_fail(err, 0,
		"an interrupted change is lost, for it cannot be read: %s; see %s, and \"xroam apply FILE\" makes the instance what it shall be%s%s",
		why.text, aside, ret ? "; until then: " : "", wrong.text);
	plane_event(p, "an interrupted change cannot be read: it is lost");
	return 0;
}

int model_recover(struct plane *p, struct xr_err *err)
{
	struct xr_err first, own = { "" };
	struct model want;
	char path[160], *text;
	__u64 netns;
	size_t len;
	int ret;

	err = err ? err : &own;
	err->text[0] = '\0';
	if (read_journal(p, &text, &len))
		return 0;
	journal_path(p, path, sizeof(path));
	netns = journal_netns(text);
	ret = config_read_text(text, len, path, &want, err);
	explicit_bzero(text, len);
	free(text);
	if (ret)
		return ret == -ENOMEM ? ret : set_aside(p, path, err);
	ret = finish(p, &want, netns, &first);
	model_free(&want);
	if (ret)
		return xr_fail(
			err, ret,
			"an interrupted change cannot be finished: %s; mend that, or \"xroam apply FILE\", or remove %s",
			first.text, path);
	plane_event(p, "an interrupted change was finished");
	return 0;
}
