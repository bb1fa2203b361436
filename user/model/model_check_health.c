// SPDX-License-Identifier: GPL-2.0-only
/* Health checks, and the VIPs and backends that name one. */
#include <errno.h>
#include <string.h>
#include "lib/health_state.h"
#include "lib/vm_key.h"
#include "model_check_priv.h"
#include "model_edit.h"

/* Text that goes into a request: what is no letter, digit or known mark could end it. */
static bool is_plain(const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}", *c))
			return false;
	return true;
}

static int check_request(const struct check *c, const struct model_health *h)
{
	const struct xr_health_check *k = &h->check, *usual = &health_check_default;

	if (k->path[0] != '/' || !is_plain(k->path))
		return BAD(c, h->line,
			   "health check %s: path \"%.60s\" must begin with / and hold no space",
			   k->name, k->path);
	if (!is_plain(k->host) || strpbrk(k->host, "/?#@"))
		return BAD(c, h->line, "health check %s: host \"%.60s\" is no name of a host",
			   k->name, k->host);
	if (k->type != XR_CHECK_HTTP && k->type != XR_CHECK_HTTPS &&
	    (k->host[0] || strcmp(k->path, usual->path) ||
	     memcmp(k->status, usual->status, sizeof(k->status))))
		return BAD(c, h->line,
			   "health check %s: path, host and status are for types http and https",
			   k->name);
	if (k->verify && (k->type != XR_CHECK_HTTPS || !k->host[0]))
		return BAD(
			c, h->line,
			"health check %s: verify is for type https, and needs the host that the certificate is for",
			k->name);
	return 0;
}

static int check_command(const struct check *c, const struct model_health *h)
{
	const char *program = health_check_word(&h->check, 0);

	if (h->check.type != XR_CHECK_COMMAND_RUN && h->check.words)
		return BAD(c, h->line, "health check %s: command is for type command only",
			   h->check.name);
	if (h->check.type == XR_CHECK_COMMAND_RUN && (!program || *program != '/'))
		return BAD(
			c, h->line,
			"health check %s: type command needs a command: a program by its path from the root, and its arguments, each a word of its own; no shell reads it",
			h->check.name);
	return 0;
}

static int check_times(const struct check *c, const struct model_health *h)
{
	const struct xr_health_check *k = &h->check;
	char interval[HEALTH_TEXT], timeout[HEALTH_TEXT];

	if (k->timeout_ms <= k->interval_ms)
		return 0;
	return BAD(
		c, h->line,
		"health check %s: timeout %s s is longer than interval %s s, after which the next probe is sent",
		k->name, health_ms_text(k->timeout_ms, timeout),
		health_ms_text(k->interval_ms, interval));
}

static int check_one(const struct check *c, size_t i)
{
	const struct model_health *h = &c->m->health[i];
	const struct xr_health_check *k = &h->check;
	size_t j;
	int ret;

	if (!strcmp(k->name, XR_CHECK_NONE))
		return BAD(c, h->line,
			   "health check %s: the name means \"not checked\"; take another",
			   k->name);
	for (j = 0; j < i; j++)
		if (!strcmp(k->name, c->m->health[j].check.name))
			return BAD(c, h->line, "health check %s is given twice", k->name);
	if (!addr_is_zero(k->source) && vm_addr_fault(k->source))
		return BAD(c, h->line, "health check %s: source is %s; an address of this machine",
			   k->name, vm_addr_fault(k->source));
	ret = check_times(c, h);
	if (!ret)
		ret = check_command(c, h);
	return ret ? ret : check_request(c, h);
}

static bool is_known(const struct check *c, const char *name)
{
	return !name[0] || model_find_health(c->m, name);
}

static int check_users(const struct check *c)
{
	char vip[TEXT_VIP];
	size_t i;
	int ret = 0;

	for (i = 0; !ret && i < c->m->n_vips; i++) {
		const struct model_vip *v = &c->m->vips[i];

		if (!is_known(c, v->check))
			ret = BAD(
				c, v->line,
				"VIP %s: there is no health check %s; \"xroam health add\" makes one",
				text_vip(vip, v->addr, v->port, v->proto), v->check);
	}
	for (i = 0; !ret && i < c->m->n_backends; i++) {
		const struct model_backend *b = &c->m->backends[i];

		if (strcmp(b->check, XR_CHECK_NONE) && !is_known(c, b->check))
			ret = BAD(
				c, b->line,
				"backend %s: there is no health check %s; \"xroam health add\" makes one, \"none\" is for no check",
				b->info.name, b->check);
	}
	return ret;
}

int check_health(const struct check *c)
{
	size_t i;
	int ret = 0;

	if (c->m->n_health > XR_MAX_CHECKS)
		return BAD(c, c->m->health[XR_MAX_CHECKS].line, "%zu health checks; at most %d",
			   c->m->n_health, XR_MAX_CHECKS);
	for (i = 0; !ret && i < c->m->n_health; i++)
		ret = check_one(c, i);
	/* A check that could not be read is missing for another reason. */
	if (!ret && !(c->all && c->all->n))
		ret = check_users(c);
	return ret;
}
