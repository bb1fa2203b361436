// SPDX-License-Identifier: GPL-2.0-only
/*
 * What probes mean: "fall" bad ones in a row are a failure and "rise" good ones its end, a
 * backend that fails again and again is damped, and each probe is sent within its jitter. By a
 * clock of the test's own.
 */
#include "lib/unit.h"
#include "user/probe/probe_priv.h"

/* ---- the daemon around it ---- */

static __u64 now_us;

__u64 prober_now(const struct prober *pr)
{
	(void)pr;
	return now_us;
}

uint64_t daemon_clock_us(void)
{
	return now_us;
}

/* Of judge_apply(), which is not called here. */
int daemon_begin(struct daemon *d, struct xr_err *err)
{
	(void)d;
	(void)err;
	return -1;
}

void daemon_end(struct daemon *d)
{
	(void)d;
}

void daemon_log(struct daemon *d, const char *fmt, ...)
{
	(void)d;
	(void)fmt;
}

void record_begin(struct prober *pr)
{
	(void)pr;
}

struct record *record_end(struct prober *pr)
{
	(void)pr;
	return NULL;
}

void record_post(struct prober *pr, struct record *r)
{
	(void)pr;
	(void)r;
}

/* ---- one target ---- */

static struct xr_meta meta;
static struct xr_backend_health found[2];
static struct figures figures;
static struct plane plane = { .meta = &meta, .backend_health = found };
static struct daemon the_daemon = { .plane = &plane, .figures = &figures };
static struct target target;
static struct prober prober;

static int begin(void **state)
{
	static bool changed[2];
	static __u32 first[2] = { TARGET_NONE, 0 };

	(void)state;
	now_us = 1000 * US_PER_SECOND;
	memset(found, 0, sizeof(found));
	changed[1] = false;
	target = (struct target){ .backend = 1, .next = TARGET_NONE, .due = now_us };
	prober = (struct prober){ .d = &the_daemon,
				  .targets = &target,
				  .n_targets = 1,
				  .n_checks = 1,
				  .first = first,
				  .changed = changed,
				  .stretch = 1,
				  .key = { 1, 2 } };
	prober.checks[0] = (struct xr_health_check){ .rise = 2, .fall = 3, .interval_ms = 1000 };
	meta.policy.health_flaps = 100;
	meta.policy.health_flap_seconds = 60;
	return wheel_init(&prober.wheel, 1, now_us);
}

static int end(void **state)
{
	(void)state;
	wheel_free(&prober.wheel);
	return 0;
}

/* Good and bad probes, a letter each, a second apart; what is known after each of them. */
static void probes(const char *letters, const char *known)
{
	char is[64] = "";
	size_t i;

	for (i = 0; letters[i]; i++) {
		now_us += US_PER_SECOND;
		probe_done(&prober, &target, letters[i] == 'b' ? "bad" : NULL);
		is[i] = "?ud"[target.health];
	}
	assert_string_equal(is, known);
}

static void rise_and_fall(void **state)
{
	(void)state;
	probes("gbbgbbbgbbbgg", "uuuuuuddddddu");
	assert_int_equal(prober.n_changed, 1); /* it is up, and the maps do not know it yet */
}

static void bad_from_the_first(void **state)
{
	(void)state;
	probes("bbbgg", "??ddu");
}

static void damped(void **state)
{
	(void)state;
	meta.policy.health_flaps = 2;
	probes("gbbbggbbb", "uuudduuud");
	assert_true(target.damped);
	probes("gggg", "dddd");
	now_us += 50 * US_PER_SECOND;
	probes("gbg", "ddd"); /* a bad one: from the beginning */
	now_us += 58 * US_PER_SECOND;
	probes("gg", "du");
	assert_false(target.damped);
	/* Failures that are further apart are none of that kind. */
	probes("bbb", "uud");
	now_us += 61 * US_PER_SECOND;
	probes("gg", "du");
	probes("bbb", "uud");
	assert_false(target.damped);
}

/* How much later than due the next probe is sent. */
static __s64 next_probe(void)
{
	now_us = target.due;
	probe_done(&prober, &target, NULL);
	assert_int_equal(target.due, now_us + US_PER_SECOND);
	return (__s64)(prober.wheel.link[0].at - target.due);
}

static void jitter(void **state)
{
	__s64 least = 0, most = 0, late;
	int i;

	(void)state;
	assert_int_equal(next_probe(), 0);
	prober.checks[0].jitter = 20;
	for (i = 0; i < 200; i++) {
		late = next_probe();
		least = late < least ? late : least;
		most = late > most ? late : most;
	}
	assert_in_range(-least, 150 * US_PER_MS, 200 * US_PER_MS);
	assert_in_range(most, 150 * US_PER_MS, 200 * US_PER_MS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rise_and_fall),
		TEST(bad_from_the_first),
		TEST(damped),
		TEST(jitter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("what probes mean", tests, NULL, NULL);
}
