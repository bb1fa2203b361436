/* SPDX-License-Identifier: GPL-2.0-only */
/* What is looked up by a hash comes and goes, and few others are looked at for that. */
#include <stdlib.h>
#include "lib/unit.h"
#include "user/lib/chains.h"

#define N 100000

struct thing {
	struct chain by_key;
	__u64 key;
};

static struct thing *many(struct chains *all)
{
	struct thing *t = calloc(N, sizeof(*t));
	size_t i;

	assert_non_null(t);
	for (i = 0; i < N; i++) {
		t[i].key = 0x525400000000ULL + i; /* as MACs are given */
		assert_int_equal(chains_add(all, &t[i].by_key, t[i].key), 0);
	}
	return t;
}

static size_t longest(const struct chains *all)
{
	const struct chain *c;
	size_t most = 0, i, n;

	for (i = 0; i < all->size; i++) {
		for (n = 0, c = all->head[i]; c; c = c->next)
			n++;
		most = n > most ? n : most;
	}
	return most;
}

static void none(void **state)
{
	struct chains all = { .size = 0 };
	struct thing one = { .key = 1 };

	(void)state;
	assert_null(chains_first(&all, 0));
	chains_remove(&all, &one.by_key);
	chains_free(&all);
}

static void all_are_found(void **state)
{
	struct chains all = { .size = 0 };
	struct thing *t = many(&all);
	size_t i;

	(void)state;
	assert_true(longest(&all) <= 12);
	for (i = 0; i < N; i++) {
		assert_ptr_equal(chains_first(&all, t[i].key), &t[i].by_key);
		assert_null(chains_next(&t[i].by_key));
	}
	for (i = 0; i < N; i += 2)
		chains_remove(&all, &t[i].by_key);
	chains_remove(&all, &t[0].by_key);
	assert_int_equal(all.n, N / 2);
	for (i = 0; i < N; i++)
		assert_ptr_equal(chains_first(&all, t[i].key), i % 2 ? &t[i].by_key : NULL);
	chains_free(&all);
	free(t);
}

static void several_of_one_hash(void **state)
{
	struct chains all = { .size = 0 };
	struct thing *t = many(&all), same[3];
	size_t i, n = 0;
	struct chain *c;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(chains_add(&all, &same[i].by_key, t[5].key), 0);
	for (c = chains_first(&all, t[5].key); c; c = chains_next(c))
		n++;
	assert_int_equal(n, 4);
	for (i = 0; i < 3; i++)
		chains_remove(&all, &same[i].by_key);
	assert_ptr_equal(chains_first(&all, t[5].key), &t[5].by_key);
	chains_free(&all);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none),
		cmocka_unit_test(all_are_found),
		cmocka_unit_test(several_of_one_hash),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("chains", tests, NULL, NULL);
}
