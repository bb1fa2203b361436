
/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include "harness_priv.h"

const char *harness_start(void)
{
	static char why[128];
	cpu_set_t one;

	if (geteuid())
		return "loading programs needs root";
	start_janitor();
	if (unshare(CLONE_NEWNET)) {
		snprintf(why, sizeof(why), "no network namespace: %s", strerror(errno));
		return why;
	}
	/* The next-hop cache is per CPU: what one packet warms, the next finds. */
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	if (!getenv("V"))
		libbpf_log_keep();
	make_network();
	attach_pass("in");
	attach_pass("out");
	return NULL;
}

/*
 * Where time is short: XROAM_TESTS="copy:taken_away copy:remembered ..." leaves of
 * test_copy no more than these. A program that it does not name runs whole.
 */
static size_t choose(struct CMUnitTest *to, const struct CMUnitTest *tests, size_t n)
{
	const char *words = getenv("XROAM_TESTS");
	const char *program = program_invocation_short_name;
	char word[128], any[64];
	size_t chosen = 0;

	if (!strncmp(program, "test_", 5))
		program += 5;
	snprintf(any, sizeof(any), " %s:", program);
	if (!words || !strstr(words, any))
		words = NULL;
	for (size_t i = 0; i < n; i++) {
		snprintf(word, sizeof(word), "%s%s ", any, tests[i].name);
		if (!words || strstr(words, word))
			to[chosen++] = tests[i];
		else
			printf("# left out: %s\n", tests[i].name);
	}
	return chosen;
}

int harness_main(const char *name, const struct CMUnitTest *tests, size_t n)
{
	struct CMUnitTest chosen[n];
	const char *why;

	cmocka_set_message_output(CM_OUTPUT_TAP);
	why = harness_start();
	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	n = choose(chosen, tests, n);
	return _cmocka_run_group_tests(name, chosen, n, NULL, NULL);
}
