// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of the operator's: exit status 0 is good. Its environment says what is checked;
 * how it reaches the backend is its own affair. It ends with its time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/program.h"
#include "lib/health_state.h"
#include "probe_priv.h"

#define VARS 7

struct run {
	struct prober *pr;
	__u32 number; /* of the target */
	struct program *program;
};

static void on_end(void *ctx, bool good, const char *text)
{
	struct run *r = ctx;
	struct prober *pr = r->pr;
	struct target *t = &pr->targets[r->number];

	t->run = NULL;
	free(r);
	probe_done(pr, t, good ? NULL : text);
}

struct command_words {
	char *argv[256];
	char *envp[VARS + 1];
	char vars[VARS][XR_CHECK_TEXT];
};

static void fill_words(const struct prober *pr, const struct target *t, struct command_words *w)
{
	const struct xr_health_check *k = check_of(pr, t);
	const struct xr_backend_info *info = &pr->d->plane->backend_info[t->backend];
	char addr[TEXT_ADDR];
	unsigned int i;

	for (i = 0; i < k->words; i++)
		w->argv[i] = (char *)health_check_word(k, i);
	w->argv[i] = NULL;
	snprintf(w->vars[0], sizeof(w->vars[0]), PROGRAM_PATH);
	snprintf(w->vars[1], sizeof(w->vars[1]), "XROAM_INSTANCE=%s", pr->d->instance);
	snprintf(w->vars[2], sizeof(w->vars[2]), "XROAM_CHECK=%s", k->name);
	snprintf(w->vars[3], sizeof(w->vars[3]), "XROAM_BACKEND=%.*s", XR_NAME_LEN, info->name);
	snprintf(w->vars[4], sizeof(w->vars[4]), "XROAM_ADDRESS=%s", text_addr(addr, info->addr));
	snprintf(w->vars[5], sizeof(w->vars[5]), "XROAM_VIP=%s", text_addr(addr, t->addr));
	snprintf(w->vars[6], sizeof(w->vars[6]), "XROAM_PORT=%u", ntohs(t->port));
	for (i = 0; i < VARS; i++)
		w->envp[i] = w->vars[i];
	w->envp[VARS] = NULL;
}

static int start_program(struct prober *pr, struct target *t, struct run *r, struct xr_err *err)
{
	struct command_words *w = malloc(sizeof(*w));
	int ret;

	if (!w)
		return xr_fail(err, -ENOMEM, "out of memory");
	fill_words(pr, t, w);
	ret = program_start(pr->programs, &r->program, w->argv, w->envp, NULL, on_end, r, err);
	free(w);
	return ret;
}

static int start(struct prober *pr, struct target *t, struct xr_err *err)
{
	struct timespec now;
	struct run *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return xr_fail(err, -EAGAIN, "out of memory");
	*r = (struct run){ .pr = pr, .number = t - pr->targets };
	ret = start_program(pr, t, r, err);
	if (ret) {
		free(r);
		return ret == -EBUSY ? ret : -EAGAIN;
	}
	t->run = r;
	clock_gettime(CLOCK_REALTIME, &now);
	t->sent_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	set_busy(pr, t, true);
	return 0;
}

static void end_program(struct target *t)
{
	struct run *r = t->run;

	program_kill(r->program);
	t->run = NULL;
	free(r);
}

static void cancel(struct prober *pr, struct target *t)
{
	end_program(t);
	set_busy(pr, t, false);
}

static void give_up(struct prober *pr, struct target *t, struct xr_err *err)
{
	char after[HEALTH_TEXT];

	end_program(t);
	xr_fail(err, 0, "no end within %s s", health_ms_text(check_of(pr, t)->timeout_ms, after));
}

const struct probe_kind probe_command = { start, give_up, cancel };
