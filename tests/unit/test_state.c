// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows that come from elsewhere: what is newer stays, and nothing that is in use gives way.
 * And a stream in which anything is another octet: refused, or as good as the one before.
 */
#include <stdlib.h>
#include <xroam/hash.h>
#include <zlib.h>
#include "lib/mend_stream.h"
#include "lib/unit.h"
#include "steer/flow_table.h"
#include "user/state/stream_priv.h"

#define TICK 20000
#define IDLE 300
#define EST  XR_FLOW_ESTABLISHED

static struct xr_flow flow(__u32 tag, __u16 backend, __u32 age, __u16 flags)
{
	return (struct xr_flow){
		.tag = tag | 1,
		.backend = backend,
		.seen = ((TICK - age) & XR_FLOW_SEEN) | flags,
	};
}

static enum flow_merge merge(struct xr_flow_bucket *b, struct xr_flow f)
{
	return flow_table_merge(b, f, TICK, IDLE);
}

static void newer_wins(void **state)
{
	struct xr_flow_bucket b = { 0 };

	(void)state;
	assert_int_equal(merge(&b, flow(0x10, 1, 9, EST)), FLOW_MERGE_NEW);
	assert_int_equal(merge(&b, flow(0x10, 2, 9, EST)), FLOW_MERGE_KEPT);
	assert_int_equal(merge(&b, flow(0x10, 2, 10, EST)), FLOW_MERGE_KEPT);
	assert_int_equal(b.way[0].backend, 1);
	assert_int_equal(merge(&b, flow(0x10, 2, 8, EST)), FLOW_MERGE_NEWER);
	assert_int_equal(b.way[0].backend, 2);
	assert_int_equal(b.way[1].backend, 0);
}

static void who_gives_way(void **state)
{
	struct xr_flow_bucket b = { 0 };
	int i;

	(void)state;
	for (i = 0; i < XR_FLOW_WAYS; i++)
		assert_int_equal(merge(&b, flow(0x100 * (i + 1), 1, 200, EST)), FLOW_MERGE_NEW);
	assert_int_equal(merge(&b, flow(0x9000, 2, 0, EST)), FLOW_MERGE_FULL);
	b.way[3] = flow(0x400, 1, 1, 0);
	b.way[5] = flow(0x600, 1, IDLE + 1, EST);
	assert_int_equal(merge(&b, flow(0x9000, 2, 100, EST)), FLOW_MERGE_NEW);
	assert_int_equal(b.way[5].backend, 2);
	assert_int_equal(merge(&b, flow(0xa000, 3, 100, EST)), FLOW_MERGE_NEW);
	assert_int_equal(b.way[3].backend, 3);
	assert_int_equal(merge(&b, flow(0xb000, 3, 0, EST)), FLOW_MERGE_FULL);
}

/* ---- streams ---- */

static __u8 text[4096];
static size_t len;

static void add(const void *octets, size_t n)
{
	memcpy(text + len, octets, n);
	len += n;
}

static void section(__u32 kind, const void *octets, size_t n)
{
	struct stream_section s = { .kind = kind, .crc = crc32(0, octets, n), .length = n };

	add(&s, sizeof(s));
	add(octets, n);
	len = (len + 7) & ~7UL;
}

static void make_stream(void)
{
	const struct stream_head head = {
		.magic = { 'X', 'R', 'S', 'T', 'A', 'T', 'E', '\n' },
		.version = STREAM_VERSION,
		.size = sizeof(head),
		.flow_buckets = 64,
	};
	const struct stream_name name[2] = { { "a" }, { "b" } };
	const struct stream_flow flows[3] = { { 1, 3, 0, 5 }, { 63, 5, 1, 6 }, { 0, 7, 1, EST } };
	const struct stream_vm vm = { .key = 0x563412005452,
				      .host = 1,
				      .next = 0,
				      .home = STREAM_NO_HOST,
				      .state = XR_VM_PREPARED };
	const struct stream_end end = { 3, 1 };

	memset(text, 0, sizeof(text));
	len = 0;
	add(&head, sizeof(head));
	section(STREAM_BACKENDS, name, sizeof(name));
	section(STREAM_FLOWS, flows, sizeof(flows));
	section(STREAM_HOSTS, name, sizeof(name));
	section(STREAM_OPTIONAL | 77, "later", 4);
	section(STREAM_VMS, &vm, sizeof(vm));
	section(STREAM_END, &end, sizeof(end));
}

static void a_sound_one(void **state)
{
	struct xr_err err = { "" };
	struct state_stream *s;

	(void)state;
	make_stream();
	assert_int_equal(state_parse(text, len, &s, &err), 0);
	assert_true(s->all_flows == 3 && s->all_vms == 1 && s->n_backends == 2 && s->n_hosts == 2);
	state_free(s);
}

static void every_part_of_it(void **state)
{
	struct xr_err err;
	struct state_stream *s;
	size_t n;

	(void)state;
	make_stream();
	assert_int_equal(state_parse(text, 0, &s, &err), 1);
	for (n = 1; n < len; n++) {
		err.text[0] = '\0';
		assert_true(state_parse(text, n, &s, &err) < 0);
		assert_true(err.text[0] && !strchr(err.text, '\n'));
	}
}

/* Read it to its end, as the import does. */
static __u64 look_at(const struct state_stream *s)
{
	const struct stream_flow *f;
	const struct stream_vm *vm;
	__u64 sum = 0;
	size_t i, k;

	for (i = 0; i < s->n_flows; i++)
		for (k = 0, f = (const void *)(s->octet + s->flows[i].at); k < s->flows[i].n; k++)
			sum += strlen(stream_backends(s)[f[k].backend].name) +
				(f[k].bucket < s->flow_buckets);
	for (i = 0; i < s->n_vms; i++)
		for (k = 0, vm = (const void *)(s->octet + s->vms[i].at); k < s->vms[i].n; k++)
			sum += strlen(stream_hosts(s)[vm[k].host].name);
	return sum;
}

static __u64 draw(void)
{
	static __u64 seed = 1;

	return xr_mix64(++seed);
}

static void any_octet_of_it(void **state)
{
	__u64 sum = 0;
	struct state_stream *s;
	struct xr_err err;
	int i, n, good = 0;
	__u8 bent[sizeof(text)];

	(void)state;
	make_stream();
	for (i = 0; i < 200000; i++) {
		memcpy(bent, text, len);
		for (n = draw() % 3; n >= 0; n--)
			bent[draw() % len] = draw();
		if (i % 8)
			mend_stream(bent, len);
		if (state_parse(bent, len, &s, &err))
			continue;
		good++;
		sum += look_at(s);
		state_free(s);
	}
	print_message("%d of %d were taken, %llu\n", good, i, (unsigned long long)sum);
	assert_true(good > 1000 && i - good > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newer_wins),      cmocka_unit_test(who_gives_way),
		cmocka_unit_test(a_sound_one),     cmocka_unit_test(every_part_of_it),
		cmocka_unit_test(any_octet_of_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
