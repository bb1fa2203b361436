// SPDX-License-Identifier: GPL-2.0-only
/* The sources as the daemon sees them: a table of hooks. */
#include "daemon.h"
#include "plane/vm_state.h"

int daemon_start_sources(struct daemon *d, struct xr_err *err)
{
	const struct source *s;
	int ret;

	while ((s = d->sources[d->n_started])) {
		ret = s->start(d, &d->states[d->n_started], err);
		if (ret)
			return ret;
		d->n_started++;
	}
	return 0;
}

void daemon_stop_sources(struct daemon *d)
{
	while (d->n_started) {
		d->n_started--;
		d->sources[d->n_started]->stop(d->states[d->n_started]);
	}
}

void daemon_reload_sources(struct daemon *d)
{
	struct xr_err err = { "" };
	size_t i;

	for (i = 0; i < d->n_started; i++) {
		const struct source *s = d->sources[i];

		if (s->reload && s->reload(d, d->states[i], &err))
			daemon_log_always("%s: %s", s->name, err.text);
	}
}

void daemon_lock_is_back(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->n_started; i++)
		if (d->sources[i]->lock_is_back)
			d->sources[i]->lock_is_back(d->states[i]);
}

void daemon_moved(struct daemon *d, const struct xr_event *e, __u32 vm_index)
{
	size_t i;

	for (i = 0; i < d->n_started; i++)
		if (d->sources[i]->moved)
			d->sources[i]->moved(d->states[i], e, vm_index);
}

bool daemon_vm_says(struct daemon *d, enum vm_word word, __u64 vm_key, __u16 host)
{
	size_t i;

	for (i = 0; i < d->n_started; i++)
		if (d->sources[i]->says && d->sources[i]->says(d->states[i], word, vm_key, host))
			return true;
	return false;
}

/* Of the host where the instance has it. */
static bool says_here(struct daemon *d, enum vm_word word, __u32 vm_index)
{
	return daemon_vm_says(d, word, d->plane->vms[vm_index].key,
			      vm_now(d->plane, vm_index).host);
}

bool daemon_vm_runs_here(struct daemon *d, __u32 vm_index)
{
	return says_here(d, VM_RUNS, vm_index);
}

bool daemon_vm_is_here(struct daemon *d, __u32 vm_index)
{
	return says_here(d, VM_NOT_LEFT, vm_index);
}

bool daemon_vm_is_held(struct daemon *d, __u32 vm_index)
{
	return vm_under_way(vm_now(d->plane, vm_index)) || daemon_vm_runs_here(d, vm_index) ||
		daemon_vm_says(d, VM_MOVES, d->plane->vms[vm_index].key, 0);
}

void daemon_prepared(struct daemon *d, __u32 vm_index)
{
	size_t i;

	for (i = 0; i < d->n_started; i++)
		if (d->sources[i]->prepared)
			d->sources[i]->prepared(d->states[i], vm_index);
}
