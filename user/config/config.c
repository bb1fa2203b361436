// SPDX-License-Identifier: GPL-2.0-only
/* Reading the file. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "yaml/lines.h"
#include "config_priv.h"
#include "model/model_edit.h"

#define FILE_MAX (256U << 20)

/* ---- lines of items, for checks and commits ---- */

static void note_entry(struct model_backend *b, const char *key, long j, __u32 line)
{
	if (!strcmp(key, "vips") && j < (long)b->n_vips)
		b->vips[j].line = line;
	else if (!strcmp(key, "server_ids") && j < (long)b->n_sids)
		b->sids[j].line = line;
}

static void note_item(struct vms_reader *v, long i, const struct lines_step *s,
		      const struct lines_node *node)
{
	note_entry(&v->m->backends[i], s[2].key, s[3].index, node->line);
	if (v->r->runs && !strcmp(s[2].key, "server_ids"))
		runs_meet(v->r->runs, i, s[3].index, node);
}

static void note_key(struct model *m, const char *key, __u32 line)
{
	if (model_section_of_key(key) >= 0)
		m->sections |= 1U << model_section_of_key(key);
	/* An empty list is for libcyaml as if it were left out. */
	if (!strcmp(key, "devices"))
		m->devs_given = true;
	if (!strcmp(key, "limits"))
		m->limits_line = line;
	if (!strcmp(key, "secret") || !strcmp(key, "secret_file"))
		m->secret_line = line;
}

static bool note_line(void *ctx, const struct lines_step *s, size_t depth,
		      const struct lines_node *node)
{
	struct vms_reader *v = ctx;
	struct model *m = v->m;
	__u32 line = node->line;
	long i;

	if (depth == 1 && s[0].key)
		note_key(m, s[0].key, line);
	if (depth && s[0].key && !strcmp(s[0].key, "vms"))
		return config_vms_node(v, s, depth, node);

	if (depth < 2 || !s[0].key || s[1].key)
		return true;
	i = s[1].index;
	if (!strcmp(s[0].key, "backends") && i < (long)m->n_backends) {
		if (depth == 2)
			m->backends[i].line = line;
		else if (depth == 4 && s[2].key && !s[3].key)
			note_item(v, i, s, node);
	} else if (depth != 2) {
		return true;
	} else if (!strcmp(s[0].key, "vips") && i < (long)m->n_vips) {
		m->vips[i].line = line;
	} else if (!strcmp(s[0].key, "cid") && i < (long)m->n_cids) {
		m->cids[i].line = line;
	} else if (!strcmp(s[0].key, "devices") && i < (long)m->n_devs) {
		m->devs[i].line = line;
	} else if (!strcmp(s[0].key, "hosts") && i < (long)m->n_hosts) {
		m->hosts[i].line = line;
	} else if (!strcmp(s[0].key, "gateways") && i <= XR_MAX_GATEWAYS) {
		m->gateway_line[i] = line;
	}
	return true;
}

/* ---- reading ---- */

/* Lines and VMs, which libcyaml does not give. */
static int second_pass(struct reader *r, struct model *m)
{
	char problem[LINES_PROBLEM];
	struct vms_reader v;
	int line, ret = config_vms_begin(&v, r, m, 0);

	if (ret)
		return ret;
	line = lines_walk(r->text, r->len, note_line, &v, problem, sizeof(problem));
	ret = config_vms_end(&v);
	if (r->failed || !line)
		return ret;
	if (line == -ENOMEM)
		return xr_fail(r->err, line, "%s: out of memory", r->name);
	/* Errors in what was read up to there do not matter. */
	if (r->all)
		xr_errs_free(r->all);
	fail_line(r, line, line, "%s", problem);
	return -EINVAL;
}

static cyaml_err_t load(const struct reader *r, const cyaml_config_t *config, struct raw **raw)
{
	return cyaml_load_data((const uint8_t *)r->text, r->len, config, &config_schema,
			       (cyaml_data_t **)raw, NULL);
}

static int refused(struct reader *r, cyaml_err_t e)
{
	/* A mended text is YAML, so libyaml had no memory for it. */
	if (e == CYAML_ERR_OOM || (r->stand_ins && config_is_syntax(e)))
		return xr_fail(r->err, -ENOMEM, "%s: out of memory", r->name);
	if (r->all && r->all->n)
		return -EINVAL;
	r->all = NULL;
	/* Where it is no YAML further down, that is the error. */
	if (!r->stand_ins && !config_is_syntax(e) && lines_check(r->text, r->len) > 0)
		e = CYAML_ERR_LIBYAML_PARSER;
	return config_explain(r, e);
}

static int take(struct reader *r, const struct raw *raw, struct model *m)
{
	int ret;

	if (!raw) {
		r->all = NULL;
		return fail_line(
			r, 1, 1,
			"the file is empty; \"vips: []\" and the like delete what there is");
	}
	ret = config_take(r, raw, m);
	if (!ret)
		ret = second_pass(r, m);
	if (ret)
		model_free(m);
	return ret;
}

static int read_as_it_is(const char *text, size_t len, const char *name, struct model *m,
			 struct runs *runs, struct xr_errs *all, struct xr_err *err)
{
	struct reader r = {
		.name = name, .text = text, .len = len, .err = err, .all = all, .runs = runs
	};
	cyaml_config_t config = {
		.log_fn = config_on_log,
		.log_ctx = &r,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	struct raw *raw = NULL;
	struct shape *mended = NULL;
	char problem[LINES_PROBLEM];
	cyaml_err_t e;
	int ret;

	model_init(m);
	if (len > FILE_MAX)
		return xr_fail(err, -EFBIG, "%s: larger than %u MiB", name, FILE_MAX >> 20);
	ret = lines_check_depth(text, len, problem, sizeof(problem));
	if (ret == -ENOMEM)
		return xr_fail(err, ret, "%s: out of memory", name);
	if (ret) {
		r.all = NULL;
		return fail_line(&r, ret, ret, "%s", problem);
	}
	e = load(&r, &config, &raw);
	if (e && all && e != CYAML_ERR_OOM && !config_is_syntax(e)) {
		ret = shape_mend(&r, &mended);
		if (ret)
			goto out;
		r.text = shape_text(mended, &r.len);
		r.stand_ins = shape_stand_ins(mended);
		e = load(&r, &config, &raw);
	}
	ret = e ? refused(&r, e) : take(&r, raw, m);
	if (!e)
		cyaml_free(&config, &config_schema, raw, 0);
out:
	shape_free(mended);
	return ret;
}

static int read_text(const char *text, size_t len, const char *name, struct model *m,
		     struct xr_errs *all, struct xr_err *err)
{
	struct xr_err wrong;
	struct runs runs;
	int ret;

	if (len <= FILE_MAX && runs_cut(&runs, text, len)) {
		ret = read_as_it_is(runs.rest, runs.rest_len, name, m, &runs, NULL, &wrong);
		if (!ret) {
			ret = runs_put(&runs, m);
			if (ret)
				model_free(m);
		}
		runs_free(&runs);
		if (!ret)
			return 0;
	}
	return read_as_it_is(text, len, name, m, NULL, all, err);
}

int config_read_text(const char *text, size_t len, const char *name, struct model *m,
		     struct xr_err *err)
{
	return read_text(text, len, name, m, NULL, err);
}

static bool note_vm(void *ctx, const struct lines_step *s, size_t depth,
		    const struct lines_node *node)
{
	return depth && s[0].key && !strcmp(s[0].key, "vms") ? config_vms_node(ctx, s, depth, node)
							     : true;
}

int config_read_vms(const char *text, size_t len, const char *name, struct model *m,
		    struct xr_err *err)
{
	struct reader r = { .name = name, .text = text, .len = len, .err = err };
	char problem[LINES_PROBLEM];
	struct vms_reader v;
	size_t lines = 0;
	const char *c;
	int line, ret;

	model_init(m);
	for (c = text; (c = memchr(c, '\n', text + len - c)); c++)
		lines++;
	ret = config_vms_begin(&v, &r, m, lines + 1);
	if (ret)
		return ret;
	line = lines_walk(text, len, note_vm, &v, problem, sizeof(problem));
	ret = config_vms_end(&v);
	if (line == -ENOMEM)
		ret = xr_fail(err, line, "%s: out of memory", name);
	else if (line && !r.failed)
		ret = fail_line(&r, line, line, "%s", problem);
	if (ret)
		model_free(m);
	return ret;
}

int config_read(const char *path, struct model *m, struct xr_err *err)
{
	return config_read_all(path, m, NULL, err);
}

int config_read_all(const char *path, struct model *m, struct xr_errs *all, struct xr_err *err)
{
	bool in = !strcmp(path, "-");
	struct stat st;
	int fd = config_open(path, &st, err);
	FILE *f = fd < 0 ? NULL : in ? stdin : fdopen(fd, "r");
	char *text = NULL, *bigger;
	size_t len = 0, room = 0, got;
	int ret = 0;

	if (fd < 0)
		return fd;
	if (!f) {
		close(fd);
		return xr_fail(err, -ENOMEM, "%s: out of memory", path);
	}
	do {
		if (len == room) {
			room = room ? 2 * room : 65536;
			bigger = len > FILE_MAX ? NULL : realloc(text, room);
			if (!bigger) {
				ret = len > FILE_MAX
					? xr_fail(err, -EFBIG, "%s: too large", path)
					: xr_fail(err, -ENOMEM, "%s: out of memory", path);
				break;
			}
			text = bigger;
		}
		got = fread(text + len, 1, room - len, f);
		len += got;
	} while (got && !feof(f));
	if (!ret && ferror(f))
		ret = xr_fail(err, -EIO, "%s: cannot be read: %s", path, strerror(errno));
	if (!in)
		fclose(f);
	if (!ret)
		ret = read_text(text, len, in ? "stdin" : path, m, all, err);
	/* A file holds everything that is wanted; a journal only what a command changed. */
	if (!ret) {
		m->vms_given = m->from_file = true;
		m->etcd.not_asked = m->sections;
		m->file = in ? "stdin" : path;
	}
	if (text)
		explicit_bzero(text, room); /* there may be keys in it */
	free(text);
	return ret;
}
