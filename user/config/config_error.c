// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reports of what is wrong with the file, each one line: where, what, and what would be
 * right. For libcyaml's errors they are made of what it logs.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "yaml/lines.h"
#include "config_priv.h"

/* "backends[3].vips[0]": the line of backends[3]. */
static __u32 line_of_item(const struct reader *r, const char *path)
{
	char item[PATH_LEN];
	size_t n = strcspn(path, "]");

	if (!path[n])
		return 0;
	snprintf(item, sizeof(item), "%.*s]", (int)n, path);
	return lines_find(r->text, r->len, item);
}

static int vfail(struct reader *r, __u32 line, __u32 item, const char *fmt, va_list ap)
{
	struct xr_err own, *err = r->err ? r->err : &own;
	char buf[400];

	vsnprintf(buf, sizeof(buf), fmt, ap);
	xr_fail(err, 0, "%s:%u: %s", r->name, line, buf);
	if (r->all && xr_errs_add(r->all, err, line, item))
		return 0;
	r->failed = true;
	return -EINVAL;
}

int fail_line(struct reader *r, __u32 line, __u32 item, const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = vfail(r, line, item, fmt, ap);
	va_end(ap);
	return ret;
}

/* What is wrong at path, or around it, was reported already. */
static bool is_stand_in(const struct stand_ins *s, const char *path)
{
	size_t i, n;

	for (i = 0; i < s->n; i++) {
		n = strlen(s->path[i]);
		if (!strncmp(s->path[i], path, n) && (!path[n] || path[n] == '.' || path[n] == '['))
			return true;
	}
	return false;
}

int fail_at(struct reader *r, const char *path, const char *fmt, ...)
{
	__u32 line = r->line, item = r->item;
	va_list ap;
	int ret;

	if (r->stand_ins && is_stand_in(r->stand_ins, path))
		return 0;
	if (!line) {
		line = lines_find(r->text, r->len, path);
		item = r->all ? line_of_item(r, path) : 0;
	}
	va_start(ap, fmt);
	ret = vfail(r, line, item, fmt, ap);
	va_end(ap);
	return ret;
}

/* Steps into "vips" or "[3]" of a schema; NULL: no such place. */
static const cyaml_schema_value_t *schema_step(const cyaml_schema_value_t *v, const char *key,
					       size_t len)
{
	const cyaml_schema_field_t *f;

	if (*key == '[')
		return v->type == CYAML_SEQUENCE ? v->sequence.entry : NULL;
	if (v->type != CYAML_MAPPING)
		return NULL;
	for (f = v->mapping.fields; f->key; f++)
		if (strlen(f->key) == len && !memcmp(f->key, key, len))
			return &f->value;
	return NULL;
}

static const cyaml_schema_value_t *schema_at(const char *path)
{
	const cyaml_schema_value_t *v = &config_schema;
	size_t len;

	while (v && *path) {
		if (*path == '.')
			path++;
		len = *path == '[' ? strcspn(path, "]") + 1 : strcspn(path, ".[");
		v = schema_step(v, path, len);
		path += len;
	}
	return v;
}

const char *last_key(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot ? dot + 1 : path;
}

const char *plain_name(const char *path, char *buf)
{
	size_t n;

	snprintf(buf, PATH_LEN, "%s", last_key(path));
	n = strcspn(buf, "[");
	buf[n] = '\0';
	return n ? buf : "the file";
}

/* Appends text to out. One that is too long is cut: its line is then that of an outer node. */
static void append(char *out, const char *text, size_t size)
{
	size_t n = strlen(out), more = strlen(text);

	if (n + more >= size)
		more = size - 1 - n;
	memcpy(out + n, text, more);
	out[n + more] = '\0';
}

void path_join(char *out, size_t size, const char *path, const char *key)
{
	out[0] = '\0';
	append(out, path, size);
	if (*path && *key && *key != '[')
		append(out, ".", size);
	append(out, key, size);
}

int fail_key(struct reader *r, const char *key)
{
	const cyaml_schema_value_t *v = schema_at(r->path);
	const cyaml_schema_field_t *f;
	char list[256] = "", path[PATH_LEN], name[PATH_LEN];
	size_t n = 0;

	for (f = v && v->type == CYAML_MAPPING ? v->mapping.fields : NULL;
	     f && f->key && n < sizeof(list); f++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", f->key);
	path_join(path, sizeof(path), r->path, key);
	return fail_at(r, path, "unknown key \"%.40s\" in %s; write one of %s", key,
		       plain_name(r->path, name), list);
}

int fail_word(struct reader *r, const char *value)
{
	const cyaml_schema_value_t *v = schema_at(r->path);
	char list[256] = "";
	size_t n = 0, i, count;

	count = v && v->type == CYAML_ENUM ? v->enumeration.count : 0;
	/* yes, no, on and off are accepted, but true and false are enough to name. */
	if (count && v->enumeration.strings == config_bool_words)
		count = 2;
	for (i = 0; i < count && n < sizeof(list); i++)
		n += snprintf(list + n, sizeof(list) - n, "%s%s",
			      !i                      ? ""
				      : i + 1 < count ? ", "
						      : " or ",
			      v->enumeration.strings[i].str);
	return fail_at(r, r->path, "%s: \"%.40s\" is not known; write %s", last_key(r->path), value,
		       list);
}

static const char *kind_words(const char *kind)
{
	if (!strncmp(kind, "SEQUENCE", 8))
		return LIST_WORDS;
	if (!strncmp(kind, "MAPPING", 7))
		return MAPPING_WORDS;
	if (!strncmp(kind, "ENUM", 4))
		return "a word";
	return VALUE_WORDS;
}

int fail_kind(struct reader *r, const char *want, const char *got)
{
	char name[PATH_LEN];

	if (!strcmp(want, VALUE_WORDS) && config_range(last_key(r->path)))
		want = "a number";
	return fail_at(r, r->path, "%s: %s is expected here, not %s", plain_name(r->path, name),
		       want, got);
}

int fail_missing(struct reader *r, const char *key)
{
	char name[PATH_LEN], *cut;

	/* The path ends in the field before; its mapping is meant. */
	if (r->ends_in_field) {
		cut = strrchr(r->path, '.');
		*(cut ? cut : r->path) = '\0';
	}
	return fail_at(r, r->path, "%s: \"%s\" is missing", plain_name(r->path, name), key);
}

int fail_twice(struct reader *r, const char *key)
{
	return fail_at(r, r->path, "\"%s\" is given twice; leave one", key);
}

/* The text between the quotes behind prefix, or all that is behind it. */
static const char *after(char *line, const char *prefix)
{
	size_t n = strlen(prefix);
	char *value = line + n;

	if (strncmp(line, prefix, n))
		return NULL;
	n = strlen(value);
	if (n >= 2 && *value == '\'' && value[n - 1] == '\'') {
		value[n - 1] = '\0';
		value++;
	}
	return value;
}

bool config_is_syntax(cyaml_err_t e)
{
	return e == CYAML_ERR_LIBYAML_PARSER || e == CYAML_ERR_ALIAS ||
		e == CYAML_ERR_LIBYAML_PARSER_INIT;
}

int config_explain(struct reader *r, cyaml_err_t e)
{
	char problem[LINES_PROBLEM], name[PATH_LEN];
	const char *v, *got;
	int line;

	if (config_is_syntax(e)) {
		line = lines_walk(r->text, r->len, NULL, NULL, problem, sizeof(problem));
		if (line > 0)
			return fail_line(r, line, line, "%s", problem);
		r->failed = true; /* it is: libyaml had no memory */
		return xr_fail(r->err, -ENOMEM, "%s: out of memory", r->name);
	}
	if ((v = after(r->cyaml_error, "Unexpected key: ")))
		return fail_key(r, v);
	if ((v = after(r->cyaml_error, "Invalid ENUM value: ")))
		return fail_word(r, v);
	if ((v = after(r->cyaml_error, "Missing required mapping field: ")))
		return fail_missing(r, v);
	if ((v = after(r->cyaml_error, "Mapping field already seen: ")))
		return fail_twice(r, v);
	if (!strncmp(r->cyaml_error, "Expecting ", 10)) {
		got = strstr(r->cyaml_error, "got event: ");
		return fail_kind(r, kind_words(r->cyaml_error + 10),
				 kind_words(got ? got + 11 : "?"));
	}
	return fail_at(r, r->path, "%s: %s", plain_name(r->path, name),
		       r->cyaml_error[0] ? r->cyaml_error : cyaml_strerror(e));
}

/* libcyaml logs the path from the inside out: each step goes in front. */
static void add_step(struct reader *r, const char *step)
{
	char path[PATH_LEN];

	path_join(path, sizeof(path), step, r->path);
	memcpy(r->path, path, sizeof(path));
}

void config_on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list ap)
{
	struct reader *r = ctx;
	char line[512], step[PATH_LEN], *s = line;
	unsigned long n;

	(void)level;
	vsnprintf(line, sizeof(line), fmt, ap);
	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(s, "Load: ", 6))
		s += 6;
	if (sscanf(s, "  in mapping field '%200[^']'", step) == 1) {
		if (!r->path[0])
			r->ends_in_field = true;
		add_step(r, step);
	} else if (sscanf(s, "  in sequence entry '%lu'", &n) == 1) {
		/* Counts from 1; 0 where the list itself did not parse. */
		snprintf(step, sizeof(step), "[%lu]", n ? n - 1 : 0);
		add_step(r, step);
	} else if (*s != ' ' && strcmp(s, "Backtrace:") && !r->cyaml_error[0]) {
		append(r->cyaml_error, s, sizeof(r->cyaml_error));
	}
}
