// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child process reads what etcd has, and applies it, so that the daemon goes on meanwhile
 * and keys of CID configurations are never in its memory.
 *
 * Lists (hosts, cid, vips, backends) are small and refer to each other: they are taken
 * together or not at all. A VM that is wrong is left out, and told of; the others do not
 * wait for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/instance.h"
#include "config/config.h"
#include "etcd_priv.h"
#include "lib/progress.h"

#define NAME "etcd" /* of the text, for its reader's errors */

struct sync {
	struct daemon *d;
	const struct etcd_sync *s;
	struct etcd_session session;
	struct etcd_read read;
	struct etcd_report report;
	const char *word; /* of the list that is read */
	enum model_section_of_key list;
	struct etcd_lines lists;
	__u16 vlan;             /* of the segment that is read */
	struct xr_err list_err; /* of a value; empty: none */
	int fd;
};

static void send_report(struct sync *y)
{
	/* No more than a pipe takes at once; a daemon that is gone does not matter. */
	_Static_assert(sizeof(y->report) <= 4096, "PIPE_BUF");
	if (write(y->fd, &y->report, sizeof(y->report)) < 0)
		errno = 0;
}

/* The daemon keeps the first of them. */
static void on_refused(void *ctx, const char *below, const struct xr_err *why)
{
	struct sync *y = ctx;

	if (y->read.refused > ETCD_REFUSED)
		return;
	xr_fail(&y->report.err, 0, "%s", below);
	y->report.refusal = *why;
	send_report(y);
	y->report.refusal.text[0] = '\0';
}

static bool is_here(void *ctx, __u32 vm_index)
{
	return daemon_vm_is_here(((struct sync *)ctx)->d, vm_index);
}

/* The daemon makes it as one that the watch tells of. */
static void on_outranked(void *ctx, const struct etcd_line *line)
{
	struct sync *y = ctx;
	json_t *item = json_loads(y->read.vms.text + line->at + 2, JSON_DISABLE_EOF_CHECK, NULL);
	struct xr_err why;
	size_t len;

	if (line->seq)
		json_object_set_new(item, "seq", json_integer(line->seq));
	len = json_dumpb(item, y->report.value, sizeof(y->report.value) - 1, JSON_COMPACT);
	json_decref(item);
	if (!item || !len || len >= sizeof(y->report.value)) {
		xr_fail(&why, 0, "%s: its hypervisor says that it is elsewhere", line->key);
		etcd_refuse(&y->read, line->key, &why);
		return;
	}
	y->report.value[len] = '\0';
	y->report.revision = line->revision;
	xr_fail(&y->report.err, 0, "%s", line->key);
	send_report(y);
	y->report.revision = 0;
}

/* ---- lists ---- */

static int on_item(void *ctx, const struct etcd_value *v)
{
	struct sync *y = ctx;
	char head[16];
	struct xr_err why;
	json_t *item = etcd_item(y->word, v, NULL, &why);

	if (!item) {
		if (!y->list_err.text[0])
			y->list_err = why;
		return 0;
	}
	if (!(y->read.now.lists >> y->list & 1)) {
		snprintf(head, sizeof(head), "%s:", y->word);
		etcd_lines_head(&y->lists, head);
	}
	y->read.now.lists |= 1U << y->list;
	etcd_lines_add(&y->lists, item, v, 0);
	json_decref(item);
	return y->lists.failed ? -ENOMEM : 0;
}

static int read_lists(struct sync *y, struct xr_err *err)
{
	char below[16];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < ETCD_SECTIONS; i++) {
		if (y->s->conf->not_asked >> etcd_sections[i].key & 1)
			continue;
		y->word = etcd_sections[i].word;
		y->list = etcd_sections[i].key;
		snprintf(below, sizeof(below), "%s/", y->word);
		ret = etcd_range(&y->session, below, &y->read.now.revision, on_item, NULL, y, err);
	}
	return ret;
}

/* Their reader's error is the operator's, and no reason to leave VMs out. */
static void parse_lists(struct sync *y)
{
	struct xr_err *err = &y->list_err;

	if (!err->text[0] && y->lists.n &&
	    config_read_text(y->lists.text, y->lists.len, NAME, &y->read.part, err)) {
		etcd_lines_name(&y->lists, NAME, err);
		model_init(&y->read.part);
	}
	y->read.lists_are_bad = err->text[0];
}

/* ---- VMs ---- */

static int on_vm(void *ctx, const struct etcd_value *v)
{
	struct sync *y = ctx;
	struct xr_err why;
	__u64 seq;
	json_t *item = etcd_vm_item(v, &seq, &why);

	y->read.now.segments[y->vlan / 8] |= 1 << y->vlan % 8;
	if (!item)
		return etcd_refuse_value(&y->read, v->key, &why);
	etcd_lines_add(&y->read.vms, item, v, seq);
	json_decref(item);
	return y->read.vms.failed ? -ENOMEM : 0;
}

static void on_page(void *ctx, size_t done, size_t total)
{
	struct sync *y = ctx;

	y->report.so_far = done;
	y->report.total = total;
	y->report.vlan = y->vlan;
	send_report(y);
}

static int read_segments(struct sync *y, struct xr_err *err)
{
	char key[ETCD_KEY];
	unsigned int vlan;
	int ret = 0;

	etcd_lines_head(&y->read.vms, "vms:");
	for (vlan = 0; !ret && vlan <= XR_MAX_VLAN; vlan++) {
		if (!model_etcd_has(y->s->conf, vlan))
			continue;
		y->vlan = vlan;
		etcd_segment_key(key, vlan);
		ret = etcd_range(&y->session, key, &y->read.now.revision, on_vm, on_page, y, err);
	}
	return ret;
}

/* One is wrong: which ones are is found one by one. */
static int leave_out_wrong(struct sync *y, struct xr_err *err)
{
	struct etcd_lines was = y->read.vms, *to = &y->read.vms;
	struct model one;
	struct xr_err why;
	json_t *item;
	size_t i;

	memset(to, 0, sizeof(*to));
	etcd_lines_head(to, "vms:");
	for (i = 0; i < was.n && !to->failed; i++) {
		const struct etcd_line *l = &was.value[i];
		const struct etcd_value v = { .key = l->key, .revision = l->revision };

		item = json_loads(was.text + l->at + 2, JSON_DISABLE_EOF_CHECK, NULL);
		if (etcd_vm_read(item, l->key, &one, &why)) {
			if (etcd_refuse_value(&y->read, l->key, &why))
				to->failed = true;
		} else {
			model_free(&one);
			etcd_lines_add(to, item, &v, l->seq);
		}
		json_decref(item);
	}
	etcd_lines_free(&was);
	if (to->failed)
		return xr_fail(err, -ENOMEM, "out of memory");
	return config_read_vms(to->text, to->len, NAME, &y->read.vm_part, err);
}

static int parse_vms(struct sync *y, struct xr_err *err)
{
	struct etcd_lines *l = &y->read.vms;
	int ret;

	if (!l->n)
		return 0;
	ret = config_read_vms(l->text, l->len, NAME, &y->read.vm_part, err);
	if (ret && ret != -ENOMEM)
		ret = leave_out_wrong(y, err);
	return ret;
}

/* ---- the whole ---- */

static void on_change(void *ctx, const char *line)
{
	struct sync *y = ctx;

	y->report.changes++;
	if (*line == '!' || (y->d->verbose && y->report.changes <= 20))
		daemon_log_always("etcd: %s", line);
}

static int apply(struct sync *y, struct xr_err *err)
{
	struct etcd_read *r = &y->read;
	int ret = instance_open(&r->plane, y->d->instance, PLANE_CHANGE, NULL, NULL, err);

	if (ret)
		return ret;
	ret = model_edit(r->plane, r->with_vms ? EDIT_ALL : EDIT_SIDS, etcd_merge, r, on_change, y,
			 err);
	plane_close(r->plane);
	return ret;
}

/* Another cluster, or one that was made anew: that nothing is there means nothing. */
static void check_known(struct sync *y)
{
	struct etcd_read *r = &y->read;

	r->now.cluster = y->session.cluster;
	if (r->known.cluster != r->now.cluster || r->known.revision > r->now.revision)
		memset(&r->known, 0, sizeof(r->known));
}

static int run(struct sync *y, struct xr_err *err)
{
	int ret = y->s->with_vms ? etcd_note_moving(&y->read, y->d->plane) : 0;

	if (ret)
		return xr_fail(err, ret, "out of memory");
	ret = read_lists(y, err);
	if (!ret && y->s->with_vms)
		ret = read_segments(y, err);
	if (ret)
		return ret;
	check_known(y);
	parse_lists(y);
	if (y->s->with_vms)
		ret = parse_vms(y, err);
	return ret ? ret : apply(y, err);
}

void etcd_sync_run(struct daemon *d, const struct etcd_sync *s, int fd)
{
	struct sync y = {
		.d = d,
		.s = s,
		.session = { .conf = s->conf, .at = s->endpoint },
		.read = { .conf = s->conf,
			  .known = s->known,
			  .with_vms = s->with_vms,
			  .on_refused = on_refused,
			  .is_here = is_here,
			  .on_outranked = on_outranked,
			  .ctx = &y },
		.fd = fd,
	};
	struct xr_err err = { "" };
	struct audit_actor self;

	model_init(&y.read.part);
	model_init(&y.read.vm_part);
	y.session.token = s->token ? strdup(s->token) : NULL;
	audit_self(&self, AUDIT_ETCD, 0, NULL);
	snprintf(self.command, sizeof(self.command), "%s", s->conf->prefix);
	audit_begin(&self);
	y.report.ret = run(&y, &err);
	audit_intend(y.report.ret != -EHOSTUNREACH);
	audit_end(d->instance, y.report.ret ? err.text : NULL);
	y.report.done = true;
	y.report.err = y.report.ret ? err : y.list_err;
	y.report.known = y.read.now;
	y.report.vms = y.read.vm_part.n_vms;
	y.report.refused = y.read.refused;
	y.report.endpoint = y.session.at;
	snprintf(y.report.token, sizeof(y.report.token), "%s", y.session.token ?: "");
	send_report(&y);
	fflush(stderr);
}
