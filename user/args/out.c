// SPDX-License-Identifier: GPL-2.0-only
/* What a command prints: JSON values, or a table. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "lib/clean.h"
#include "lib/netns.h"
#include "underlay/outer.h"

int out_json(json_t *value)
{
	size_t flags = opt.pretty ? JSON_INDENT(4) : JSON_COMPACT;

	if (!value)
		return cmd_refuse("out of memory");
	json_dumpf(value, stdout, flags | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(value);
	/* A full disk is told of once, at the end: see main(). */
	return EXIT_DONE;
}

void out_no_memory(void)
{
	dprintf(STDERR_FILENO, "%s\n",
		opt.json ? "{\"error\":\"out of memory\"}" : "xroam: out of memory");
	_exit(EXIT_REFUSED);
}

json_t *json_text(const char *text)
{
	char *clean = clean_utf8(text);
	json_t *value;

	if (!clean)
		out_no_memory();
	value = json_string(clean);
	free(clean);
	return value;
}

json_t *json_netns(__u64 id)
{
	char text[NETNS_TEXT];

	return id == netns_id() ? json_null() : json_text(netns_text(id, text));
}

json_t *json_addr(const __be32 addr[XR_ADDR_WORDS])
{
	char buf[TEXT_ADDR];

	return json_string(text_addr(buf, addr));
}

json_t *json_vip(const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto)
{
	char buf[TEXT_VIP];

	return json_string(text_vip(buf, addr, port, proto));
}

json_t *json_mac(const __u8 mac[6])
{
	char buf[TEXT_MAC];

	return json_string(text_mac(buf, mac));
}

json_t *json_hex(const void *octets, size_t len)
{
	char buf[2 * len + 1];

	return json_string(text_hex(buf, sizeof(buf), octets, len));
}

void json_add_mtu(json_t *to, struct plane *p, __u32 path)
{
	struct outer_mtu m;

	if (!path || path >= p->paths_max || !p->paths[path].mtu)
		return;
	json_object_set_new(to, "mtu", json_integer(p->paths[path].mtu));
	if (outer_learned(p, path, &m))
		json_object_set_new(to, "mtu_learned",
				    json_pack("{s:i, s:i, s:o}", "mtu", (int)m.mtu, "seconds",
					      (int)m.seconds, "from", json_addr(m.from)));
}

struct table {
	size_t columns, cells;
	char **cell;
	bool right[32];
};

static void table_add(struct table *t, char *s)
{
	char **cell = realloc(t->cell, (t->cells + 1) * sizeof(*cell));

	if (!cell || !s) {
		fputs("xroam: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	t->cell = cell;
	t->cell[t->cells++] = s;
}

struct table *table_new(const char *const *headings)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t) {
		fputs("xroam: out of memory\n", stderr);
		exit(EXIT_REFUSED);
	}
	for (; headings[t->columns] && t->columns < 32; t->columns++)
		table_add(t, strdup(headings[t->columns]));
	return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	table_add(t, s);
}

void table_right(struct table *t, size_t column)
{
	t->right[column] = true;
}

void table_print(struct table *t)
{
	size_t width[32] = { 0 }, i;

	for (i = 0; i < t->cells; i++) {
		size_t len = strlen(t->cell[i]);

		if (width[i % t->columns] < len)
			width[i % t->columns] = len;
	}
	for (i = 0; i < t->cells; i++) {
		size_t col = i % t->columns;
		bool last = col == t->columns - 1;

		if (t->right[col])
			printf("%*s", (int)width[col], t->cell[i]);
		else /* no trailing blanks */
			printf("%-*s", last ? 0 : (int)width[col], t->cell[i]);
		fputs(last ? "\n" : "  ", stdout);
	}
	table_free(t);
}

void table_free(struct table *t)
{
	size_t i;

	if (!t)
		return;
	for (i = 0; i < t->cells; i++)
		free(t->cell[i]);
	free(t->cell);
	free(t);
}

int out_list(json_t *list, struct table *t)
{
	if (opt.json) {
		table_free(t);
		return out_json(list);
	}
	json_decref(list);
	table_print(t);
	return EXIT_DONE;
}
