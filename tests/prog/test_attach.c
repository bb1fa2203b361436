/* SPDX-License-Identifier: GPL-2.0-only */
/* What is on a device: not to be known is not the same as nothing. */
#include <sys/resource.h>
#include <unistd.h>
#include "user/attach/attach_priv.h"
#include "lib/harness.h"
#include "lib/worlds.h"

#define DEVICE   "lo" /* of the namespace that the tests have for themselves */
#define LOOPBACK 1    /* its number, in every namespace */
#define PLENTY   64   /* descriptors, to query a device */
#define ENOUGH   256  /* to attach to one */

static void nothing_changed(struct plane *p, __u64 left)
{
	(void)p;
	(void)left;
}

static int lowest_free(void)
{
	int fd = dup(0);

	assert_true(fd >= 0);
	close(fd);
	return fd;
}

/* No more than that many files can be opened; returns what may be without that limit. */
static struct rlimit limit_files(unsigned int files)
{
	struct rlimit all, few;
	int next = lowest_free();

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = next + files;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	return all;
}

/* attach_query() with no more than that many files. */
static int query_with(unsigned int files, struct attached *on)
{
	struct rlimit all = limit_files(files);
	int ret = attach_query(LOOPBACK, on);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	return ret;
}

static void without_descriptors(void **state)
{
	unsigned int files, failed = 0;
	struct xr_err err = { "" };
	struct attached on;

	world("{}\n");
	if (plane_attach(world_plane(), DEVICE, ATTACH_GENERIC, XR_ROLE_NODE, nothing_changed,
			 &err))
		fail_msg("attaching: %s", err.text);
	for (files = 0; files < PLENTY; files++) {
		if (query_with(files, &on)) {
			failed++;
			continue;
		}
		if (!on.exists || on.n != 1)
			fail_msg("with %u files: %d programs, and no error", files, on.n);
	}
	assert_true(failed > 0);
	assert_int_equal(query_with(PLENTY, &on), 0);
	if (plane_detach(world_plane(), DEVICE, nothing_changed, &err))
		fail_msg("detaching: %s", err.text);
	assert_int_equal(query_with(PLENTY, &on), 0);
	assert_true(on.exists);
	assert_int_equal(on.n, 0);
}

/* A daemon queries its devices again and again. */
static void nothing_stays_open(void **state)
{
	struct xr_err err = { "" };
	struct attached on;
	int i, before;

	world("{}\n");
	if (plane_attach(world_plane(), DEVICE, ATTACH_GENERIC, XR_ROLE_NODE, nothing_changed,
			 &err))
		fail_msg("attaching: %s", err.text);
	before = lowest_free();
	for (i = 0; i < 4; i++) {
		assert_int_equal(attach_query(LOOPBACK, &on), 0);
		assert_int_equal(on.n, 1);
		assert_int_equal(lowest_free(), before);
	}
	if (plane_detach(world_plane(), DEVICE, nothing_changed, &err))
		fail_msg("detaching: %s", err.text);
}

/* An error means that nothing was attached, and nothing recorded. */
static void attaching_without_descriptors(void **state)
{
	unsigned int files, failed = 0;
	struct xr_err err = { "" };
	struct attached on;
	struct rlimit all;
	int ret = -1;

	world("{}\n");
	for (files = 0; ret && files < ENOUGH; files++) {
		all = limit_files(files);
		ret = plane_attach(world_plane(), DEVICE, ATTACH_GENERIC, XR_ROLE_NODE,
				   nothing_changed, &err);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
		if (!ret)
			break;
		failed++;
		assert_int_equal(attach_query(LOOPBACK, &on), 0);
		if (on.n || plane_next_device(world_plane(), NULL))
			fail_msg("with %u files: %s; %d programs, %s record", files, err.text, on.n,
				 plane_next_device(world_plane(), NULL) ? "a" : "no");
	}
	if (ret)
		fail_msg("with %u files: %s", files, err.text);
	assert_true(failed > 0);
	if (plane_detach(world_plane(), DEVICE, nothing_changed, &err))
		fail_msg("detaching: %s", err.text);
}

static void no_such_device(void **state)
{
	struct attached on;

	assert_int_equal(attach_query(0x7ffffff0, &on), 0);
	assert_false(on.exists);
	assert_int_equal(on.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_descriptors),
		TEST(nothing_stays_open),
		TEST(attaching_without_descriptors),
		TEST(no_such_device),
	};

	return harness_main("what is on a device", tests, ARRAY_LEN(tests));
}
