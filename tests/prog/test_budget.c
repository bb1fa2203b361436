/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verifier has to do for each program: below the limit the project
 * set itself, and not more than a tenth above what was last recorded. Older
 * kernels count otherwise, so the record is the one of 6.1; raise it where a
 * change is worth it.
 */
#include <stdio.h>
#include <bpf/bpf.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define LIMIT	20000

static const struct record {
	const char *program;
	__u32 insns;
} records[] = {
	{ "xroam_node", 18000 },
	{ "xroam_decap", 3000 },
};

static void check(const char *name, int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info), was = 0;

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	if (!info.verified_insns) {
		printf("# %s: this kernel does not tell\n", name);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(records); i++)
		if (!strcmp(records[i].program, name))
			was = records[i].insns;
	printf("# %s: the verifier processed %u instructions of %zu; recorded "
	       "%u, limit %d\n", name, info.verified_insns,
	       info.xlated_prog_len / sizeof(struct bpf_insn), was, LIMIT);
	assert_in_range(info.verified_insns, 1, LIMIT);
	assert_true(info.verified_insns <= was + was / 10);
}

static void node(void **state)
{
	world(WORLD_TWO);
	check("xroam_node", world_prog());
}

static void backend(void **state)
{
	world(WORLD_TWO);
	world_use_decap();
	check("xroam_decap", world_prog());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(node),
		TEST(backend),
	};

	return harness_main("verifier budget", tests, ARRAY_LEN(tests));
}
