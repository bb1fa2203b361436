/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instance says of itself in its pinned maps is not believed further
 * than its maps are large.
 */
#include <errno.h>
#include "user/apply/instance.h"
#include "lib/harness.h"
#include "lib/worlds.h"

static int reopen(struct xr_err *err)
{
	struct plane *q = NULL;
	int ret = instance_open(&q, world_plane()->name, PLANE_READ, NULL, NULL, err);

	plane_close(q);
	return ret;
}

static void limits_beyond_the_maps(void **state)
{
	struct xr_limits *l;
	__u32 *limit;

	world("{}\n");
	l = &world_plane()->meta->limits;
	limit = (__u32 *)l;
	for (size_t i = 0; i < sizeof(*l) / sizeof(*limit); i++) {
		static const __u32 wrong[] = { 0, 1U << 20, 0xffffffff };
		__u32 right = limit[i];

		for (size_t k = 0; k < ARRAY_LEN(wrong); k++) {
			struct xr_err err = { "" };

			limit[i] = wrong[k];
			if (reopen(&err) != -EPROTO)
				fail_msg("limit %zu, %u: believed", i, wrong[k]);
			assert_non_null(strstr(err.text, "limits in meta"));
		}
		limit[i] = right;
	}
	struct xr_err err = { "" };

	assert_int_equal(reopen(&err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(limits_beyond_the_maps),
	};

	return harness_main("an instance's own word", tests, ARRAY_LEN(tests));
}
