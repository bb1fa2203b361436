/* SPDX-License-Identifier: GPL-2.0-only */
/* Nonces: none twice, not across threads, forks or restarts, and none when they are spent. */
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lib/cids.h"

#define THREADS    4
#define PER_THREAD 20000

struct minter {
	struct xr_cid *c;
	size_t len;
	uint8_t (*out)[XR_CID_MAX];
};

static void *mint_many(void *arg)
{
	struct minter *m = arg;
	int i;

	for (i = 0; i < PER_THREAD; i++)
		if (xr_cid_mint(m->c, m->out[i], m->len))
			return m;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, XR_CID_MAX);
}

/* CIDs as their parsed nonces, so that random low bits do not hide a repeat. */
static void assert_unique(const struct xr_cid *c, uint8_t (*cids)[XR_CID_MAX], size_t n, size_t len)
{
	struct xr_cid_parsed parsed;
	size_t i;

	for (i = 0; i < n; i++) {
		assert_int_equal(xr_cid_parse(c, cids[i], len, &parsed), 0);
		memcpy(cids[i], parsed.nonce, XR_CID_MAX);
	}
	qsort(cids, n, XR_CID_MAX, compare);
	for (i = 1; i < n; i++)
		assert_true(compare(cids[i - 1], cids[i]) < 0);
}

static void unique_across_threads(unsigned int nonce_len, const uint8_t *key)
{
	static const uint8_t sid[4] = { 1, 2, 3, 4 };
	struct xr_cid *c = make_cid(&(struct xr_cid_params){
		.sid_len = 4, .nonce_len = nonce_len, .key = key, .sid = sid });
	uint8_t(*cids)[XR_CID_MAX] = calloc(THREADS * PER_THREAD, XR_CID_MAX);
	struct minter m[THREADS];
	pthread_t t[THREADS];
	void *bad;
	int i;

	assert_non_null(cids);
	for (i = 0; i < THREADS; i++) {
		m[i] = (struct minter){ c, 5 + nonce_len, cids + i * PER_THREAD };
		assert_int_equal(pthread_create(&t[i], NULL, mint_many, &m[i]), 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(t[i], &bad);
		assert_null(bad);
	}
	assert_unique(c, cids, THREADS * PER_THREAD, 5 + nonce_len);
	free(cids);
	xr_cid_free(c);
}

static void test_nonces_across_threads(void **state)
{
	unique_across_threads(4, NULL);
	unique_across_threads(5, NULL);
	unique_across_threads(8, NULL);
	unique_across_threads(4, test_key);
	unique_across_threads(12, test_key);
	unique_across_threads(15, test_key);
}

static void test_nonces_across_fork(void **state)
{
	static const uint8_t sid[4] = { 1, 2, 3, 4 };
	const size_t size = 2 * PER_THREAD * XR_CID_MAX;
	struct xr_cid *c = make_cid(
		&(struct xr_cid_params){ .sid_len = 4, .nonce_len = 4, .sid = sid });
	uint8_t(*cids)[XR_CID_MAX] = mmap(NULL, size, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct minter m = { c, 9, cids };
	int status;
	pid_t pid;

	assert_ptr_not_equal(cids, MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		m.out += PER_THREAD;
		status = !!mint_many(&m);
		xr_cid_free(c); /* the parent's must stay whole */
		_exit(status);
	}
	assert_null(mint_many(&m));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_unique(c, cids, 2 * PER_THREAD, 9);
	munmap(cids, size);
	xr_cid_free(c);
}

/* In clear, a nonce must not tell its neighbours. */
static void test_clear_nonces_unrelated(void **state)
{
	static const uint8_t sid[4] = { 1, 2, 3, 4 };
	struct xr_cid *c = make_cid(
		&(struct xr_cid_params){ .sid_len = 4, .nonce_len = 8, .sid = sid });
	uint8_t cid[13], last[13];
	unsigned int flips = 0;
	int i, j;

	assert_int_equal(xr_cid_mint(c, last, 13), 0);
	for (i = 0; i < 4000; i++) {
		assert_int_equal(xr_cid_mint(c, cid, 13), 0);
		for (j = 5; j < 13; j++)
			flips += __builtin_popcount(cid[j] ^ last[j]);
		memcpy(last, cid, 13);
	}
	/* Half of 64 bits; the mean's deviation is 4 / sqrt(4000) = 0.063. */
	assert_in_range(flips, 4000 * 31.5, 4000 * 32.5);
	xr_cid_free(c);
}

static void test_restart(void **state)
{
	static const uint8_t sid[4] = { 1, 2, 3, 4 };
	struct xr_cid_params p = { .sid_len = 4,
				   .nonce_len = 4,
				   .key = test_key,
				   .sid = sid,
				   .flags = XR_CID_F_START,
				   .start = 0xfffffff0 };
	uint8_t(*cids)[XR_CID_MAX] = calloc(200, XR_CID_MAX);
	struct xr_cid *c;
	int i;

	assert_non_null(cids);
	c = make_cid(&p);
	for (i = 0; i < 100; i++)
		assert_int_equal(xr_cid_mint(c, cids[i], 9), 0);
	assert_int_equal(xr_cid_position(c), p.start + 100);
	p.start = xr_cid_position(c);
	xr_cid_free(c);

	c = make_cid(&p);
	for (; i < 200; i++)
		assert_int_equal(xr_cid_mint(c, cids[i], 9), 0);
	assert_unique(c, cids, 200, 9);
	xr_cid_free(c);
	free(cids);

	/* Without one, runs begin at different places. */
	p.flags = 0;
	p.nonce_len = 8;
	c = make_cid(&p);
	p.start = xr_cid_position(c);
	xr_cid_free(c);
	c = make_cid(&p);
	assert_true(xr_cid_position(c) != p.start);
	xr_cid_free(c);
}

static void test_spent(void **state)
{
	static const uint8_t sid[15] = { 1 };
	uint8_t cid[20], seen[256] = { 0 };
	struct xr_cid *c = make_cid(&(struct xr_cid_params){
		.format = XR_CID_PLAIN, .offset = 4, .sid_len = 15, .nonce_len = 1, .sid = sid });
	int i;

	for (i = 0; i < 256; i++) {
		assert_int_equal(xr_cid_mint(c, cid, 20), 0);
		assert_int_equal(seen[cid[19]]++, 0);
	}
	assert_int_equal(xr_cid_mint(c, cid, 20), XR_CID_E_SPENT);
	assert_int_equal(xr_cid_mint(c, cid, 20), XR_CID_E_SPENT);
	xr_cid_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nonces_across_threads),
		cmocka_unit_test(test_nonces_across_fork),
		cmocka_unit_test(test_clear_nonces_unrelated),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_spent),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
