// SPDX-License-Identifier: GPL-2.0-only
/*
 * A child process reads and applies the daemon's file, and then ends. So the daemon
 * goes on meanwhile, and the keys in the file never are in its memory. What its
 * sources need of the file, the QEMUs and libvirts to watch, comes back through a pipe.
 */
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/apply.h"
#include "config/config.h"
#include "model/model_edit.h"
#include "lib/netns.h"
#include "loader.h"

/*
 * What comes through the pipe: this; of each libvirt its record; of each QEMU its record and
 * its socket path; of each bridge, switch and chassis its record.
 */
struct answer {
	int ret;
	struct xr_err err;
	size_t n_qmp, n_libvirt, n_fdb, n_ovn_switches, n_ovn_chassis;
	struct model_ovn ovn;
	struct model_metrics metrics;
	struct model_on_move on_move;
	struct model_vm_routes vm_routes;
	struct model_etcd etcd;
};

/* ---- in the child ---- */

static void on_change(void *ctx, const char *line)
{
	const struct daemon *d = ctx;

	if (d->verbose || *line == '!')
		daemon_log_always("%s", line);
}

static bool device_exists(const struct model_dev *dev)
{
	bool exists;
	__u64 space;
	int back;

	if (!dev->netns[0])
		return if_nametoindex(dev->name);
	if (netns_by_name(dev->netns, &space) || netns_enter(space, &back))
		return false;
	exists = if_nametoindex(dev->name);
	netns_leave(back);
	return exists;
}

/* Before anything is changed: a file is applied whole. */
static int need_devices(const struct model *m, struct xr_err *err)
{
	size_t i;

	for (i = 0; i < m->n_devs; i++)
		if (!device_exists(&m->devs[i]))
			return xr_fail(err, LOADER_LATE, "device %s%s%s is not there yet",
				       m->devs[i].name, m->devs[i].netns[0] ? " netns " : "",
				       m->devs[i].netns);
	return 0;
}

static int read_and_apply(struct daemon *d, struct model *m, struct xr_err *err)
{
	int ret = config_read(d->file, m, err);

	if (ret)
		return ret;
	ret = model_check(m, d->file, err);
	if (!ret && d->waits_for_devices)
		ret = need_devices(m, err);
	if (!ret)
		ret = model_apply(d->instance, m, APPLY_NEW_VMS, on_change, d, err);
	if (ret)
		model_free(m);
	return ret;
}

static void send_answer(FILE *to, struct daemon *d, const struct audit_actor *by)
{
	struct answer a = { .err = { "" } };
	struct model m;
	size_t i;

	audit_begin(by);
	audit_intend(true);
	a.ret = read_and_apply(d, &m, &a.err);
	/* A device that is late is waited for. */
	if (a.ret != LOADER_LATE)
		audit_end(d->instance, a.ret ? a.err.text : NULL);
	a.n_qmp = a.ret ? 0 : m.n_qmp;
	a.n_libvirt = a.ret ? 0 : m.n_libvirt;
	a.n_fdb = a.ret ? 0 : m.n_fdb;
	if (!a.ret) {
		a.ovn = m.ovn;
		a.n_ovn_switches = m.n_ovn_switches;
		a.n_ovn_chassis = m.n_ovn_chassis;
		a.metrics = m.metrics;
		a.on_move = m.on_move;
		a.vm_routes = m.vm_routes;
		a.etcd = m.etcd;
	}
	fwrite(&a, sizeof(a), 1, to);
	if (a.n_libvirt)
		fwrite(m.libvirt, sizeof(*m.libvirt), a.n_libvirt, to);
	for (i = 0; i < a.n_qmp; i++) {
		fwrite(&m.qmp[i], sizeof(m.qmp[i]), 1, to);
		fwrite(m.qmp[i].socket, strlen(m.qmp[i].socket) + 1, 1, to);
	}
	if (a.n_fdb)
		fwrite(m.fdb, sizeof(*m.fdb), a.n_fdb, to);
	if (a.n_ovn_switches)
		fwrite(m.ovn_switches, sizeof(*m.ovn_switches), a.n_ovn_switches, to);
	if (a.n_ovn_chassis)
		fwrite(m.ovn_chassis, sizeof(*m.ovn_chassis), a.n_ovn_chassis, to);
	fflush(to);
}

static void __attribute__((noreturn)) run_child(struct daemon *d, int fd,
						const struct audit_actor *by)
{
	FILE *to = fdopen(fd, "w");

	if (to)
		send_answer(to, d, by);
	fflush(stderr);
	_exit(0);
}

int loader_start(struct loader *l, struct daemon *d, const struct audit_actor *by,
		 struct xr_err *err)
{
	int ret;

	*l = (struct loader){ .fd = -1 };
	l->pid = daemon_fork(d, &l->fd);
	if (!l->pid)
		run_child(d, l->fd, by);
	if (l->pid > 0)
		return 0;
	ret = xr_fail(err, l->pid, "reading %s: %s", d->file, strerror(-l->pid));
	*l = (struct loader){ .fd = -1 };
	return ret;
}

/* ---- in the daemon ---- */

bool loader_read(struct loader *l)
{
	ssize_t n;
	char *more;

	if (l->size - l->len < 4096) {
		more = realloc(l->text, l->size + 65536);
		if (!more)
			return false;
		l->text = more;
		l->size += 65536;
	}
	n = read(l->fd, l->text + l->len, l->size - l->len);
	if (n < 0 && errno == EINTR)
		return true;
	l->len += n > 0 ? n : 0;
	return n > 0;
}

/* n records of that size are the next n of a list. */
static int take_records(const struct loader *l, size_t n, size_t size, size_t *at, void *list,
			size_t *n_list)
{
	void *to;

	for (; n; n--, *at += size) {
		to = l->len - *at < size ? NULL : model_grow(list, n_list, size);
		if (!to)
			return -EPIPE;
		memcpy(to, l->text + *at, size);
	}
	return 0;
}

static int take_answer(const struct loader *l, struct model *m, struct xr_err *err)
{
	size_t at = sizeof(struct answer), i;
	struct model_qmp *q;
	struct answer a;

	memcpy(&a, l->text, sizeof(a));
	if (a.ret)
		return xr_fail(err, a.ret, "%s", a.err.text);
	m->metrics = a.metrics;
	m->on_move = a.on_move;
	m->vm_routes = a.vm_routes;
	if (take_records(l, a.n_libvirt, sizeof(*m->libvirt), &at, &m->libvirt, &m->n_libvirt))
		return xr_fail(err, -EPIPE, "half an answer");
	m->etcd = a.etcd;
	for (i = 0; i < a.n_qmp; i++) {
		if (l->len - at <= sizeof(*q) ||
		    !memchr(l->text + at + sizeof(*q), '\0', l->len - at - sizeof(*q)))
			return xr_fail(err, -EPIPE, "half an answer");
		q = model_grow(&m->qmp, &m->n_qmp, sizeof(*q));
		if (!q)
			return xr_fail(err, -ENOMEM, "out of memory");
		memcpy(q, l->text + at, sizeof(*q));
		at += sizeof(*q);
		q->socket = strdup(l->text + at);
		if (!q->socket)
			return xr_fail(err, -ENOMEM, "out of memory");
		at += strlen(q->socket) + 1;
	}
	m->ovn = a.ovn;
	if (take_records(l, a.n_fdb, sizeof(*m->fdb), &at, &m->fdb, &m->n_fdb) ||
	    take_records(l, a.n_ovn_switches, sizeof(*m->ovn_switches), &at, &m->ovn_switches,
			 &m->n_ovn_switches) ||
	    take_records(l, a.n_ovn_chassis, sizeof(*m->ovn_chassis), &at, &m->ovn_chassis,
			 &m->n_ovn_chassis))
		return xr_fail(err, -EPIPE, "half an answer");
	return 0;
}

int loader_end(struct loader *l, const char *file, struct model *m, struct xr_err *err)
{
	int status = 0, ret;

	memset(m, 0, sizeof(*m));
	close(l->fd);
	while (waitpid(l->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (l->len >= sizeof(struct answer))
		ret = take_answer(l, m, err);
	else
		ret = xr_fail(err, -ECHILD, "%s: the process that reads it was killed (signal %d)",
			      file, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	if (ret)
		model_free(m);
	free(l->text);
	*l = (struct loader){ .fd = -1 };
	return ret;
}

void loader_kill(struct loader *l)
{
	struct model m;

	if (!l->pid)
		return;
	kill(l->pid, SIGKILL);
	if (!loader_end(l, "", &m, NULL))
		model_free(&m);
}
