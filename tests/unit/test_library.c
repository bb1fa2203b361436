// SPDX-License-Identifier: GPL-2.0-only
/*
 * libxroam-cid as programs rely on it that were built before it: what is
 * reserved; and servers that go on from a snapshot of their machine.
 */
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xroam/cid.h>
#include "lib/unit.h"

#define MANY 100

static const uint8_t key[XR_CID_KEY_LEN] = { 0xfd, 0xf7, 0x26, 0xa9 };
static const uint8_t sid[4] = { 1, 2, 3, 4 };

/*
 * A clone's kernel: it gives the octets that the other clone's gave. Taken
 * instead of libc's, by the library, too.
 */
static int cloned;

ssize_t getrandom(void *buf, size_t len, unsigned int flags)
{
	if (!cloned)
		return syscall(SYS_getrandom, buf, len, flags);
	memset(buf, 0x5a, len);
	return len;
}

static struct xr_cid *make(const struct xr_cid_params *p)
{
	struct xr_cid *c;

	assert_int_equal(xr_cid_new(&c, p), 0);
	return c;
}

/* ---- what is reserved ---- */

static void test_reserved_params(void **state)
{
	struct xr_cid_params p = { .sid_len = 4, .nonce_len = 8, .sid = sid };
	struct xr_cid *c = NULL;
	size_t i;

	for (i = 0; i < sizeof(p.reserved) / sizeof(*p.reserved); i++) {
		p.reserved[i] = 1ULL << 63;
		c = (void *)-1;
		assert_int_equal(xr_cid_new(&c, &p), XR_CID_E_BAD_ARG);
		assert_null(c);
		p.reserved[i] = 0;
	}
	assert_int_equal(xr_cid_new(&c, &p), 0);
	xr_cid_free(c);
}

/* It has room to grow, and what is there is written, not left as it was. */
static void test_reserved_parsed(void **state)
{
	struct xr_cid_params p = { .sid_len = 4, .nonce_len = 8, .sid = sid };
	struct xr_cid *c = make(&p);
	struct xr_cid_parsed parsed;
	uint8_t cid[13];
	size_t i;

	assert_int_equal(sizeof(parsed), 128);
	assert_int_equal(offsetof(struct xr_cid_parsed, reserved_octets), 42);
	assert_int_equal(offsetof(struct xr_cid_parsed, reserved), 48);
	assert_int_equal(sizeof(p), 80);

	memset(&parsed, 0xff, sizeof(parsed));
	assert_int_equal(xr_cid_mint(c, cid, sizeof(cid)), 0);
	assert_int_equal(xr_cid_parse(c, cid, sizeof(cid), &parsed), 0);
	for (i = 0; i < sizeof(parsed.reserved_octets); i++)
		assert_int_equal(parsed.reserved_octets[i], 0);
	for (i = 0; i < sizeof(parsed.reserved) / sizeof(*parsed.reserved); i++)
		assert_int_equal(parsed.reserved[i], 0);
	xr_cid_free(c);
}

/* ---- snapshots ---- */

struct nonce {
	uint8_t octet[XR_CID_MAX];
};

static void mint_many(struct xr_cid *c, struct nonce *out, size_t n)
{
	size_t len = xr_cid_min_len(c), i;
	struct xr_cid_parsed parsed;
	uint8_t cid[XR_CID_MAX];

	for (i = 0; i < n; i++) {
		assert_int_equal(xr_cid_mint(c, cid, len), 0);
		assert_int_equal(xr_cid_parse(c, cid, len, &parsed), 0);
		memcpy(&out[i], parsed.nonce, sizeof(*out));
	}
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct nonce));
}

static size_t repeats(struct nonce *list, size_t n)
{
	size_t i, same = 0;

	qsort(list, n, sizeof(*list), compare);
	for (i = 1; i < n; i++)
		same += !compare(&list[i - 1], &list[i]);
	return same;
}

/* Two objects with all in common, as a snapshot leaves them. */
static void clones(const struct xr_cid_params *p, struct xr_cid *c[2])
{
	cloned = 1;
	c[0] = make(p);
	c[1] = make(p);
	cloned = 0;
}

static size_t repeats_of_clones(const struct xr_cid_params *p, int reseed, const void *mix[2],
				size_t mix_len)
{
	struct nonce *list = calloc(4 * MANY, sizeof(*list));
	struct xr_cid *c[2];
	size_t same;
	int i;

	assert_non_null(list);
	clones(p, c);
	/* What was minted before the snapshot was minted once. */
	mint_many(c[0], list, MANY);
	mint_many(c[1], list, MANY);
	for (i = 0; i < 2; i++) {
		cloned = !!mix;
		if (reseed)
			assert_int_equal(xr_cid_reseed(c[i], mix ? mix[i] : NULL, mix_len), 0);
		cloned = 0;
		mint_many(c[i], list + (1 + i) * MANY, MANY);
	}
	same = repeats(list, 3 * MANY);
	free(list);
	xr_cid_free(c[0]);
	xr_cid_free(c[1]);
	return same;
}

static void test_clones(void **state)
{
	static const unsigned int lens[] = { 8, 12, 15 };
	static const uint8_t one[20] = { 1 }, two[20] = { 2 };
	const void *differ[2] = { one, two }, *same[2] = { one, one };
	size_t i;
	int keyed;

	for (i = 0; i < 2 * sizeof(lens) / sizeof(*lens); i++) {
		struct xr_cid_params p = { .sid_len = 4, .sid = sid };

		keyed = i % 2;
		p.nonce_len = lens[i / 2];
		p.key = keyed ? key : NULL;
		/* That they are clones at all. */
		assert_int_equal(repeats_of_clones(&p, 0, NULL, 0), MANY);
		assert_int_equal(repeats_of_clones(&p, 1, NULL, 0), 0);
		/* The kernel's octets are the same: only mix tells them apart. */
		assert_int_equal(repeats_of_clones(&p, 1, same, 20), MANY);
		assert_int_equal(repeats_of_clones(&p, 1, differ, 20), 0);
		assert_int_equal(repeats_of_clones(&p, 1, differ, 1), 0);
	}
}

/* The start that was asked for is the snapshot's, too. */
static void test_clones_from_a_start(void **state)
{
	struct xr_cid_params p = { .sid_len = 4,
				   .nonce_len = 8,
				   .sid = sid,
				   .key = key,
				   .flags = XR_CID_F_START,
				   .start = 1000 };
	struct xr_cid *c = make(&p);
	uint64_t at;

	assert_int_equal(xr_cid_position(c), 1000);
	assert_int_equal(xr_cid_reseed(c, NULL, 0), 0);
	at = xr_cid_position(c);
	assert_true(at - 1000 > MANY);
	xr_cid_free(c);

	/* And can be gone on from. */
	p.start = at;
	c = make(&p);
	assert_int_equal(xr_cid_position(c), at);
	xr_cid_free(c);
}

/* Octets behind the nonce, and the low bits in front, are noise of the clone. */
static void test_clones_noise(void **state)
{
	struct xr_cid_params p = { .sid_len = 4, .nonce_len = 8, .sid = sid, .key = key };
	uint8_t cid[2][XR_CID_MAX];
	struct xr_cid *c[2];
	int i;

	clones(&p, c);
	for (i = 0; i < 2; i++)
		assert_int_equal(xr_cid_mint(c[i], cid[i], XR_CID_MAX), 0);
	assert_memory_equal(cid[0], cid[1], XR_CID_MAX);
	for (i = 0; i < 2; i++) {
		assert_int_equal(xr_cid_reseed(c[i], NULL, 0), 0);
		assert_int_equal(xr_cid_mint(c[i], cid[i], XR_CID_MAX), 0);
		xr_cid_free(c[i]);
	}
	assert_memory_not_equal(cid[0] + 13, cid[1] + 13, XR_CID_MAX - 13);
}

/* One of the processes that share an object hears of it: all count on there. */
static void test_reseed_reaches_children(void **state)
{
	struct xr_cid_params p = { .sid_len = 4, .nonce_len = 8, .sid = sid, .key = key };
	struct xr_cid *c = make(&p);
	uint64_t before = xr_cid_position(c);
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(xr_cid_reseed(c, "x", 1) || xr_cid_position(c) == before);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(xr_cid_position(c) != before);
	xr_cid_free(c);
}

static void test_reseed_arguments(void **state)
{
	struct xr_cid_params p = { .sid_len = 4, .nonce_len = 8, .sid = sid };
	struct xr_cid *c = make(&p);

	assert_int_equal(xr_cid_reseed(NULL, NULL, 0), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_reseed(c, NULL, 1), XR_CID_E_BAD_ARG);
	assert_int_equal(xr_cid_reseed(c, "", 0), 0);
	xr_cid_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reserved_params),
		cmocka_unit_test(test_reserved_parsed),
		cmocka_unit_test(test_clones),
		cmocka_unit_test(test_clones_from_a_start),
		cmocka_unit_test(test_clones_noise),
		cmocka_unit_test(test_reseed_reaches_children),
		cmocka_unit_test(test_reseed_arguments),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("libxroam-cid", tests, NULL, NULL);
}
