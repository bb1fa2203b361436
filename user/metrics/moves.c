// SPDX-License-Identifier: GPL-2.0-only
/* What the daemon measured itself: moves, notices, where they come from, health's probes. */
#include "metrics_priv.h"
#include "plane/vm_event.h"

static const char *const moves[FIGURES_MOVES] = { "moved", "cancelled", "expired" };
static const char *const notices[FIGURES_NOTICES] = { "done", "already", "ignored", "refused" };

/* Which enum xr_source there are. */
static bool is_source(int source)
{
	return vm_source_name(source)[0] != '?';
}

/* By source and result; only what has happened, or could: a source's zeros are a series. */
static void put_counts(FILE *to, const char *name, const __u64 *counts, int n,
		       const char *const *results)
{
	int i, k;

	for (i = 0; i < FIGURES_OF_SOURCES; i++)
		for (k = 0; is_source(i) && k < n; k++)
			text_sample(to, name, __atomic_load_n(&counts[i * n + k], __ATOMIC_RELAXED),
				    "source", vm_source_name(i), "result", results[k], NULL);
}

static void put_sources(FILE *to, const struct figures *f)
{
	struct figures_source source;
	int i;

	text_family(to, "xroam_source_up", "gauge",
		    "1: notices can come from it now. A monitor that is not reached: 0.");
	for (i = 0; i < FIGURES_SOURCES; i++)
		if (figures_read_source(f, i, &source))
			text_sample(to, "xroam_source_up", source.up, "source", source.source,
				    "name", source.name, NULL);
	text_family(to, "xroam_sources_left_out_total", "counter",
		    "Sources that xroam_source_up had no room for.");
	text_sample(to, "xroam_sources_left_out_total",
		    __atomic_load_n(&f->sources_left_out, __ATOMIC_RELAXED), NULL);
}

/* A family's samples stand together. */
static void put_checks(FILE *to, const struct figures *f)
{
	static const char probes[] = "xroam_probes_total";
	struct figures_check c;
	int i;

	text_family(to, probes, "counter", "Probes of health checks that ended.");
	for (i = 0; i < XR_MAX_CHECKS; i++) {
		if (!figures_read_check(f, i, &c))
			continue;
		text_sample(to, probes, c.good, "check", c.name, "result", "good", NULL);
		text_sample(to, probes, c.bad, "check", c.name, "result", "bad", NULL);
	}
	text_family(to, "xroam_probe_seconds", "histogram",
		    "From a probe to its answer; good ones.");
	for (i = 0; i < XR_MAX_CHECKS; i++)
		if (figures_read_check(f, i, &c))
			text_histogram(to, "xroam_probe_seconds", &c.time, figures_probe_bounds,
				       1e6, "check", c.name);
}

static void put_count(FILE *to, const char *name, const char *help, const __u64 *count)
{
	text_family(to, name, "counter", help);
	text_sample(to, name, __atomic_load_n(count, __ATOMIC_RELAXED), NULL);
}

static void put_probes(FILE *to, const struct figures *f)
{
	put_checks(to, f);
	put_count(to, "xroam_probes_late_total",
		  "Probes that health_rate, or too many under way, made wait.", &f->probes_late);
	put_count(to, "xroam_probes_forged_total",
		  "What came to the ports of probes and answers none of them.", &f->probes_forged);
	put_count(
		to, "xroam_probes_unsent_total",
		"Probes that this machine could not send, or whose answer it may have lost: nothing was learned.",
		&f->probes_unsent);
}

void metrics_of_daemon(FILE *to, struct site *s)
{
	const struct figures *f = s->figures;
	int i;

	text_family(
		to, "xroam_moves_total", "counter",
		"Moves of VMs that ended, by whose notice it was and how, whichever process it came to.");
	put_counts(to, "xroam_moves_total", &f->moves[0][0], FIGURES_MOVES, moves);
	text_family(to, "xroam_notices_total", "counter",
		    "Notices that the daemon took, and what became of them.");
	put_counts(to, "xroam_notices_total", &f->notices[0][0], FIGURES_NOTICES, notices);
	text_family(to, "xroam_move_blackout_seconds", "histogram",
		    "From a VM's pause to its first frame, or the notice, from its new host.");
	text_histogram(to, "xroam_move_blackout_seconds", &f->blackout, figures_blackout_bounds,
		       1e6, NULL, NULL);
	text_family(
		to, "xroam_move_residual_frames", "histogram",
		"Frames that a VM had not read when it stood still: replayed at its new host, or lost.");
	text_histogram(to, "xroam_move_residual_frames", &f->residual, figures_residual_bounds, 1,
		       NULL, NULL);
	text_family(
		to, "xroam_notice_effect_seconds", "histogram",
		"From the daemon's waking up to a notice to its effect in the program, waiting for the lock too.");
	for (i = 0; i < FIGURES_OF_SOURCES; i++)
		if (i == XR_SOURCE_SOCKET || i == XR_SOURCE_QMP || i == XR_SOURCE_LIBVIRT ||
		    i == XR_SOURCE_FDB || i == XR_SOURCE_OVN)
			text_histogram(to, "xroam_notice_effect_seconds", &f->effect[i],
				       figures_effect_bounds, 1e6, "source", vm_source_name(i));
	put_sources(to, f);
	put_probes(to, f);
}
