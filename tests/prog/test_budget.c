/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verifier has to do for each program: below the limit that the
 * project set itself, and not more than a tenth above what was last recorded.
 * Each generation of kernels counts otherwise. After a change that is worth it,
 * record what the test prints.
 */
#include <stdio.h>
#include <sys/utsname.h>
#include <bpf/bpf.h>
#include "lib/harness.h"
#include "lib/worlds.h"

#define LIMIT	20000

/* Newest kernel first: the first that is not newer than the running one. */
static const struct record {
	const char *program;
	int major, minor;
	__u32 insns;
} records[] = {
	{ "xroam_node", 6, 18, 19900 },
	{ "xroam_node", 6, 1, 20000 },
	{ "xroam_decap", 6, 18, 5207 },
	{ "xroam_decap", 6, 1, 4998 },
};

static __u32 recorded(const char *program)
{
	int major = 0, minor = 0;
	struct utsname u;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		const struct record *r = &records[i];

		if (!strcmp(r->program, program) &&
		    (r->major < major ||
		     (r->major == major && r->minor <= minor)))
			return r->insns;
	}
	return LIMIT;
}

static void check(const char *name, int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info), was = recorded(name);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	if (!info.verified_insns) {
		printf("# %s: this kernel does not tell\n", name);
		return;
	}
	printf("# %s: the verifier processed %u instructions of %zu; recorded "
	       "%u, limit %d\n", name, info.verified_insns,
	       info.xlated_prog_len / sizeof(struct bpf_insn), was, LIMIT);
	if (info.verified_insns > LIMIT)
		fail_msg("%s: more than %d", name, LIMIT);
	if (info.verified_insns > was + was / 10)
		fail_msg("%s: a tenth more than the record", name);
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
