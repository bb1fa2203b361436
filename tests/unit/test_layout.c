// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever changes the layout of a pinned map says what becomes of an instance that has the
 * last release's: the maps of this tree, by their BTF, against tests/upgrade/layout-3.
 *
 *	build/tests/unit/test_layout --print FILE.bpf.o		such a record
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/reason.h"
#include "plane/layout.h"
#include "lib/unit.h"

#include <xroam.skel.h>

#define RECORD "tests/upgrade/layout-3"
#define LAYOUT 3

/* ---- what a map is, in lines ---- */

static const struct btf_type *plain(const struct btf *btf, __u32 id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (btf_is_mod(t) || btf_is_typedef(t))
		t = btf__type_by_id(btf, t->type);
	return t;
}

/* "MAP PART OFFSET SIZE" of each field; of an array of structs, of its first element. */
static void print_fields(FILE *to, const struct btf *btf, const char *map, const char *part,
			 __u32 id, __u32 at)
{
	const struct btf_type *t = plain(btf, id);
	const struct btf_member *m;
	char name[256];
	int i;

	if (btf_is_array(t) && btf_is_composite(plain(btf, btf_array(t)->type))) {
		snprintf(name, sizeof(name), "%s[%u]", part, btf_array(t)->nelems);
		print_fields(to, btf, map, name, btf_array(t)->type, at);
		return;
	}
	if (!btf_is_composite(t)) {
		fprintf(to, "%s %s %u %lld\n", map, part, at,
			(long long)btf__resolve_size(btf, id));
		return;
	}
	for (i = 0, m = btf_members(t); i < btf_vlen(t); i++, m++) {
		snprintf(name, sizeof(name), "%s%s%s", part, *part ? "." : "",
			 btf__name_by_offset(btf, m->name_off));
		print_fields(to, btf, map, name, m->type, at + btf_member_bit_offset(t, i) / 8);
	}
}

/* Records of a ring buffer are in no map's BTF. */
static int value_type(const struct btf *btf, const struct bpf_map *map, const char *name)
{
	const char *type = !strcmp(name, "hash_keys") ? "xr_hash_keys"
		: !strcmp(name, "vm_control")         ? "xr_vm_control"
		: !strcmp(name, "vip_filter")         ? "xr_vip_filter"
		: !strcmp(name, "second")             ? "xr_second"
		: strstr(name, "events")              ? "xr_event"
						      : NULL;

	return type ? btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT)
		    : (int)bpf_map__btf_value_type_id(map);
}

static char *record_of(const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	struct bpf_map *map;
	const char *name;
	size_t len;
	char *text;
	int i;
	FILE *to = open_memstream(&text, &len);

	bpf_object__for_each_map(map, obj) {
		name = bpf_map__name(map);
		if (!strncmp(name, ".data.", 6))
			name += 6;
		if (strchr(name, '.'))
			continue; /* the programs' constants */
		fprintf(to, "%s = type %d, key %u, value %u\n", name, bpf_map__type(map),
			bpf_map__key_size(map), bpf_map__value_size(map));
		if (bpf_map__btf_key_type_id(map) && bpf_map__key_size(map) > 4)
			print_fields(to, btf, name, "key", bpf_map__btf_key_type_id(map), 0);
		if (value_type(btf, map, name) > 0)
			print_fields(to, btf, name, "", value_type(btf, map, name), 0);
	}
	/* Not the object's, but this tree's. */
	for (i = 1; i < XR_REASON_MAX; i++)
		fprintf(to, "reason_stats %s %d 16\n", reason_word(i), i);
	fclose(to);
	return text;
}

/* ---- against the last release ---- */

static bool is_spare(const char *line)
{
	return strstr(line, "reserved") || strstr(line, ".pad ") || strstr(line, " pad ");
}

static int map_by_name(const char *line, size_t len)
{
	static const char *const name[] = {
#define X(upper, lower) #lower,
		XR_MAPS(X)
#undef X
	};
	int i;

	for (i = 0; i < PLANE_MAPS; i++)
		if (strlen(name[i]) == len && !memcmp(name[i], line, len))
			return i;
	return -1;
}

/* The line, whole, is one of the text's. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);
	const char *at = text;

	while ((at = strstr(at, line))) {
		if ((at == text || at[-1] == '\n') && at[len] == '\n')
			return true;
		at += len;
	}
	return false;
}

/* The map is carried over: each must keep its number. */
static bool is_reason(const char *line)
{
	return !strncmp(line, "reason_stats ", 13) && line[13] != '=' && strstr(line, " 16");
}

static void each_change_has_its_row(void **state)
{
	struct xroam_bpf *skel = xroam_bpf__open();
	FILE *f = fopen(RECORD, "r");
	char line[512], *now;
	int lines = 0, m, wrong = 0, n_reasons = 0;

	(void)state;
	assert_non_null(skel);
	assert_non_null(f);
	now = record_of(skel->obj);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		lines++;
		n_reasons += is_reason(line);
		if (is_spare(line) || has_line(now, line))
			continue;
		m = map_by_name(line, strcspn(line, " "));
		if (m < 0 || (layout_change(m, LAYOUT) && !is_reason(line)))
			continue; /* not pinned, or gone; or told */
		print_message("not so any more: %s: user/plane/layout.c has no row for it\n", line);
		wrong++;
	}
	fclose(f);
	free(now);
	xroam_bpf__destroy(skel);
	assert_true(lines > 100);
	assert_int_equal(wrong, 0);
	/* REASONS_LEAST of maps.c */
	assert_int_equal(n_reasons, 77);
}

/* A field that moved, one that grew, and one in place of reserved octets. */
static void what_is_a_change(void **state)
{
	static const char now[] = "vips addr 0 16\nvips port 17 2\nvips new 18 4\n";

	(void)state;
	assert_true(has_line(now, "vips addr 0 16"));
	assert_false(has_line(now, "vips port 16 2"));
	assert_false(has_line(now, "vips addr 0 1"));
	assert_false(has_line(now, "ips addr 0 16"));
	assert_true(is_spare("vips reserved 18 30"));
	assert_false(is_spare("vips port 16 2"));
}

/* ---- meta ---- */

static void meta_of_layout_3(void **state)
{
	__u8 old[152] = { 3 };
	const __u32 vips = 77, idle = 4321;
	struct xr_meta meta;

	(void)state;
	memcpy(old + 8, &vips, 4);      /* limits.vips */
	memcpy(old + 40 + 2, &idle, 2); /* policy.flow_idle */
	memset(old + 96, 0x11, 8);      /* created */
	memset(old + 104, 0x22, 8);     /* id */
	old[112] = 1;                   /* secret_set */
	memset(old + 120, 0x33, 32);
	assert_int_equal(layout_meta(3, old, sizeof(old), &meta), 0);
	assert_int_equal(meta.abi, XR_ABI_VERSION);
	assert_int_equal(meta.limits.vips, 77);
	assert_int_equal(meta.policy.flow_idle, 4321);
	assert_true(meta.created == 0x1111111111111111ULL && meta.id == 0x2222222222222222ULL);
	assert_int_equal(meta.secret_set, 1);
	assert_memory_equal(meta.secret, old + 120, 32);
	assert_int_equal(layout_meta(3, old, sizeof(old) - 8, &meta), -EPROTO);
	assert_int_equal(layout_meta(2, old, sizeof(old), &meta), -EPROTO);
}

/* ---- maps that grew ---- */

static struct layout_map new_map(enum bpf_map_type type, __u32 key, __u32 value, __u32 entries)
{
	struct layout_map m = {
		.fd = bpf_map_create(type, NULL, key, value, entries, NULL),
		.type = type,
		.key = key,
		.value = value,
		.entries = entries,
	};

	return m;
}

static void grown(enum bpf_map_type type)
{
	struct layout_map from = new_map(type, 4, 8, 5), to = new_map(type, 4, 24, 9);
	__u64 value[3] = { 0 };
	__u32 i;

	if (from.fd < 0) {
		print_message("# no right to make maps\n");
		skip();
	}
	for (i = 0; i < 5; i++) {
		value[0] = 100 + i;
		assert_int_equal(bpf_map_update_elem(from.fd, &i, value, 0), 0);
	}
	assert_int_equal(layout_copy_grown(&from, &to), 0);
	assert_int_equal(layout_copy_grown(&from, &to), 0);
	for (i = 0; i < 5; i++) {
		memset(value, 0xff, sizeof(value));
		assert_int_equal(bpf_map_lookup_elem(to.fd, &i, value), 0);
		assert_true(value[0] == 100 + i && !value[1] && !value[2]);
	}
	close(from.fd);
	close(to.fd);
}

static void arrays_grow(void **state)
{
	(void)state;
	grown(BPF_MAP_TYPE_ARRAY);
}

static void hashes_grow(void **state)
{
	(void)state;
	grown(BPF_MAP_TYPE_HASH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_change_has_its_row),
		cmocka_unit_test(what_is_a_change),
		cmocka_unit_test(meta_of_layout_3),
		cmocka_unit_test(arrays_grow),
		cmocka_unit_test(hashes_grow),
	};
	struct bpf_object *obj;

	if (argc == 3 && !strcmp(argv[1], "--print")) {
		obj = bpf_object__open_file(argv[2], NULL);
		if (!obj)
			return 1;
		fputs(record_of(obj), stdout);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
