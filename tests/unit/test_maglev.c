/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev: shares, weights, disruption, and that only names and keys count. */
#include <stdio.h>
#include <string.h>
#include "lib/unit.h"
#include "user/lib/hash.h"
#include "user/steer/maglev.h"

#define NAMES 1200

static struct xr_hash_keys keys;
static char names[NAMES][16];
static struct maglev_member members[NAMES];
static __u16 before[XR_MAGLEV_MOST], after[XR_MAGLEV_MOST];

/* Weights 1 to 10 where mixed, else all 1. */
static void make_members(size_t n, bool mixed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "server-%zu", i);
		members[i].name = names[i];
		members[i].weight = mixed ? 1 + i * 7919 % 10 : 1;
		members[i].backend = i + 1;
	}
}

static double total_weight(size_t n)
{
	double sum = 0;

	while (n--)
		sum += members[n].weight;
	return sum;
}

static size_t slots_of(const __u16 *table, __u16 backend)
{
	size_t i, n = 0;

	for (i = 0; i < XR_MAGLEV_MOST; i++)
		n += table[i] == backend;
	return n;
}

static size_t changed_slots(void)
{
	size_t i, n = 0;

	for (i = 0; i < XR_MAGLEV_MOST; i++)
		n += before[i] != after[i];
	return n;
}

static int set_up(void **state)
{
	int i;

	for (i = 0; i < 16; i++)
		keys.key[i] = xr_mix64(i + 1);
	return 0;
}

/* The vectors of the SipHash paper (appendix A): key 00..0f, input 00..0e. */
static void siphash_vector(void **state)
{
	__u8 data[15];
	int i;

	for (i = 0; i < 15; i++)
		data[i] = i;
	assert_true(hash_sip(0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL, data, sizeof(data)) ==
		    0xa129ca6149be45e5ULL);
}

static void no_member_no_backend(void **state)
{
	make_members(3, false);
	assert_int_equal(maglev_build(&keys, members, 0, before, XR_MAGLEV_MOST), 0);
	assert_int_equal(slots_of(before, 0), XR_MAGLEV_MOST);

	members[0].weight = members[1].weight = members[2].weight = 0;
	assert_int_equal(maglev_build(&keys, members, 3, before, XR_MAGLEV_MOST), 0);
	assert_int_equal(slots_of(before, 0), XR_MAGLEV_MOST);
}

static void shares_follow_weights(void **state)
{
	static const size_t counts[] = { 1, 2, 3, 10, 100, 1000 };
	size_t c, i, n;
	double want;
	int mixed;

	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (mixed = 0; mixed < 2; mixed++) {
			n = counts[c];
			make_members(n, mixed);
			maglev_build(&keys, members, n, before, XR_MAGLEV_MOST);
			assert_int_equal(slots_of(before, 0), 0);
			for (i = 0; i < n; i++) {
				want = XR_MAGLEV_MOST * members[i].weight / total_weight(n);
				assert_in_range(slots_of(before, i + 1), (size_t)(want - 1),
						(size_t)(want + 2));
			}
		}
	}
}

/* Each size gives shares by weight, to a slot or two, and whoever is alone all. */
static void smaller_tables(void **state)
{
#define X(size) size,
	static const __u32 sizes[] = { XR_MAGLEV_SIZES(X) };
#undef X
	size_t s, i;
	double want;

	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		make_members(10, true);
		maglev_build(&keys, members, 10, before, sizes[s]);
		memset(before + sizes[s], 0, (XR_MAGLEV_MOST - sizes[s]) * sizeof(before[0]));
		for (i = 0; i < 10; i++) {
			want = sizes[s] * members[i].weight / total_weight(10);
			assert_in_range(slots_of(before, i + 1), (size_t)(want - 1),
					(size_t)(want + 2));
		}
		assert_int_equal(slots_of(before, 0), XR_MAGLEV_MOST - sizes[s]);
		maglev_build(&keys, members + 4, 1, before, sizes[s]);
		assert_int_equal(slots_of(before, 5), sizes[s]);
	}
}

/* Weight 0 takes no new flows; the others share its slots. */
static void zero_weight_gets_nothing(void **state)
{
	make_members(5, false);
	members[2].weight = 0;
	maglev_build(&keys, members, 5, before, XR_MAGLEV_MOST);
	assert_int_equal(slots_of(before, 3), 0);
	assert_int_equal(slots_of(before, 0), 0);
}

static void large_weights(void **state)
{
	make_members(4, false);
	members[0].weight = members[1].weight = 65535;
	members[2].weight = 32768;
	members[3].weight = 1;
	maglev_build(&keys, members, 4, before, XR_MAGLEV_MOST);
	assert_in_range(slots_of(before, 1), 26200, 26230);
	assert_in_range(slots_of(before, 3), 13090, 13120);
	assert_in_range(slots_of(before, 4), 0, 1);
}

static void order_does_not_matter(void **state)
{
	struct maglev_member m;
	size_t i;

	make_members(100, true);
	maglev_build(&keys, members, 100, before, XR_MAGLEV_MOST);
	for (i = 0; i < 50; i++) {
		m = members[i];
		members[i] = members[99 - i];
		members[99 - i] = m;
	}
	maglev_build(&keys, members, 100, after, XR_MAGLEV_MOST);
	assert_int_equal(changed_slots(), 0);
}

/* Two nodes may number their backends differently. */
static void numbers_do_not_matter(void **state)
{
	size_t i;

	make_members(50, true);
	maglev_build(&keys, members, 50, before, XR_MAGLEV_MOST);
	for (i = 0; i < 50; i++)
		members[i].backend = 1000 + i;
	maglev_build(&keys, members, 50, after, XR_MAGLEV_MOST);
	for (i = 0; i < XR_MAGLEV_MOST; i++)
		assert_int_equal(before[i] + 999, after[i]);
}

static void keys_and_names_matter(void **state)
{
	struct xr_hash_keys other = keys;

	make_members(10, false);
	maglev_build(&keys, members, 10, before, XR_MAGLEV_MOST);
	other.key[0] ^= 1;
	maglev_build(&other, members, 10, after, XR_MAGLEV_MOST);
	/* 9 of 10 by chance */
	assert_in_range(changed_slots(), XR_MAGLEV_MOST * 85 / 100, XR_MAGLEV_MOST * 95 / 100);

	names[0][0] = 'S';
	maglev_build(&keys, members, 10, after, XR_MAGLEV_MOST);
	assert_in_range(changed_slots(), XR_MAGLEV_MOST / 20, XR_MAGLEV_MOST / 4);
}

/* One removed: its own slots move, and at most 2 % of all besides. */
static void removal_moves_little(void **state)
{
	static const size_t counts[] = { 2, 3, 5, 10, 30, 100, 300, 1000 };
	size_t c, i, n, share, worst = 0;
	struct maglev_member m;
	int mixed;

	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (mixed = 0; mixed < 2; mixed++) {
			n = counts[c];
			make_members(n, mixed);
			maglev_build(&keys, members, n, before, XR_MAGLEV_MOST);
			for (i = 0; i < n && i < 10; i++) {
				share = slots_of(before, i + 1);
				m = members[i];
				members[i].weight = 0;
				maglev_build(&keys, members, n, after, XR_MAGLEV_MOST);
				members[i] = m;
				assert_true(changed_slots() >= share);
				if (worst < changed_slots() - share)
					worst = changed_slots() - share;
			}
		}
	}
	printf("# removal: at most %.2f %% beyond its share\n", 100.0 * worst / XR_MAGLEV_MOST);
	assert_true(worst <= XR_MAGLEV_MOST * 2 / 100);
}

static void addition_moves_little(void **state)
{
	static const size_t counts[] = { 1, 2, 3, 10, 100, 1000 };
	size_t c, n, share;
	int mixed;

	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (mixed = 0; mixed < 2; mixed++) {
			n = counts[c];
			make_members(n + 1, mixed);
			maglev_build(&keys, members, n, before, XR_MAGLEV_MOST);
			maglev_build(&keys, members, n + 1, after, XR_MAGLEV_MOST);
			share = slots_of(after, n + 1);
			assert_true(changed_slots() <= share + XR_MAGLEV_MOST * 2 / 100);
		}
	}
}

/* The heaviest one leaving must not reshuffle the rest. */
static void the_heaviest_leaves(void **state)
{
	size_t share;

	make_members(20, false);
	members[0].weight = 1000;
	maglev_build(&keys, members, 20, before, XR_MAGLEV_MOST);
	share = slots_of(before, 1);
	members[0].weight = 0;
	maglev_build(&keys, members, 20, after, XR_MAGLEV_MOST);
	assert_true(changed_slots() <= share + XR_MAGLEV_MOST * 2 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vector),        cmocka_unit_test(no_member_no_backend),
		cmocka_unit_test(shares_follow_weights), cmocka_unit_test(zero_weight_gets_nothing),
		cmocka_unit_test(large_weights),         cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(numbers_do_not_matter), cmocka_unit_test(keys_and_names_matter),
		cmocka_unit_test(removal_moves_little),  cmocka_unit_test(addition_moves_little),
		cmocka_unit_test(the_heaviest_leaves),   cmocka_unit_test(smaller_tables),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("maglev", tests, set_up, NULL);
}
