// SPDX-License-Identifier: GPL-2.0-only
/* The connection, and what its domains are and do. */
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "virt_priv.h"

/* Microseconds between two attempts to connect: each is twice as long as the one before. */
#define FIRST_PAUSE   100000
#define LONGEST_PAUSE 5000000

/* A neighbour's libvirt that does not answer is lost after these: seconds, and times. */
#define KEEPALIVE_S     5
#define KEEPALIVE_COUNT 3

#define TRIES 5 /* at a state that does not change while it is read */

struct domain {
	struct domain *next;
	virDomainPtr dom;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct domain *first, **end = &first;
static virConnectPtr connection;
static bool lost;
static bool has_monitor;

void describe_soon(virDomainPtr dom)
{
	struct domain *d = dom ? calloc(1, sizeof(*d)) : NULL;

	pthread_mutex_lock(&lock);
	if (!dom)
		lost = true;
	if (d) {
		virDomainRef(dom);
		d->dom = dom;
		*end = d;
		end = &d->next;
	}
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
}

virConnectPtr describe_connection(void)
{
	virConnectPtr conn;

	pthread_mutex_lock(&lock);
	conn = connection;
	if (conn)
		virConnectRef(conn);
	pthread_mutex_unlock(&lock);
	return conn;
}

void describe_again(const char *uuid)
{
	virConnectPtr conn = describe_connection();
	virDomainPtr dom = conn ? virDomainLookupByUUIDString(conn, uuid) : NULL;

	if (dom) {
		describe_soon(dom);
		virDomainFree(dom);
	}
	if (conn)
		virConnectClose(conn);
}

/* NULL: the connection is over. */
static virDomainPtr next_domain(void)
{
	virDomainPtr dom = NULL;
	struct domain *d;

	pthread_mutex_lock(&lock);
	while (!first && !lost)
		pthread_cond_wait(&more, &lock);
	d = lost ? NULL : first;
	if (d) {
		first = d->next;
		if (!first)
			end = &first;
		dom = d->dom;
		free(d);
	}
	pthread_mutex_unlock(&lock);
	return dom;
}

/* ---- a domain ---- */

/*
 * A domain that stands still here, for a migration: does it come or go? libvirt has figures
 * of a migration for the side that it leaves alone.
 */
static bool leaves(virDomainPtr dom)
{
	virDomainJobInfo info = { .type = VIR_DOMAIN_JOB_NONE };

	return !virDomainGetJobInfo(dom, &info) && info.type != VIR_DOMAIN_JOB_NONE;
}

static json_t *state_of(virDomainPtr dom)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;
	bool running, still, incoming = false, post = false;
	const char *migration = "none";

	if (virDomainGetState(dom, &state, &reason, 0))
		return NULL;
	running = state == VIR_DOMAIN_RUNNING || state == VIR_DOMAIN_BLOCKED;
	still = state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION;
	post = state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_POSTCOPY;
	incoming = still && !leaves(dom);
	if (post)
		migration = "postcopy-active";
	else if (still && !incoming)
		migration = "device";
	else if (running && leaves(dom))
		migration = "active";
	return json_pack("{s:b, s:b, s:b, s:s, s:b}", "running", running, "incoming", incoming,
			 "came",
			 running &&
				 (reason == VIR_DOMAIN_RUNNING_MIGRATED ||
				  reason == VIR_DOMAIN_RUNNING_POSTCOPY),
			 "migration", migration, "monitor", has_monitor);
}

static json_t *describe_cards(virDomainPtr dom, int *left_out)
{
	char *xml = virDomainGetXMLDesc(dom, 0);
	json_t *cards = xml ? xml_cards(xml, left_out) : NULL;

	free(xml);
	return cards;
}

/*
 * The state is read, and written unless an event came in between: else that would be
 * undone by what was so before.
 */
static void describe(virDomainPtr dom)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	json_t *cards, *line;
	unsigned int age;
	int left_out, i;
	bool last;

	if (virDomainGetUUIDString(dom, uuid))
		return;
	cards = describe_cards(dom, &left_out);
	for (i = 1; cards && i <= TRIES; i++) {
		last = i == TRIES;
		age = out_age();
		line = state_of(dom);
		if (!line)
			break;
		json_object_set_new(line, "domain", json_string(uuid));
		json_object_set_new(line, "name", json_string(virDomainGetName(dom)));
		json_object_set(line, "cards", cards);
		json_object_set_new(line, "left_out", json_integer(left_out));
		if (last)
			out_line(line);
		else if (!out_line_if(line, age))
			continue;
		break;
	}
	json_decref(cards);
}

static void describe_all(virConnectPtr conn)
{
	virDomainPtr *list;
	int n = virConnectListAllDomains(conn, &list, VIR_CONNECT_LIST_DOMAINS_ACTIVE), i;

	for (i = 0; i < n; i++) {
		describe(list[i]);
		virDomainFree(list[i]);
	}
	if (n >= 0) {
		free(list);
		out_line(json_pack("{s:b}", "listed", true));
	}
}

/* ---- the connection ---- */

static void on_close(virConnectPtr conn, int reason, void *opaque)
{
	(void)conn;
	(void)reason;
	(void)opaque;
	describe_soon(NULL);
}

static void set_connection(virConnectPtr conn)
{
	pthread_mutex_lock(&lock);
	connection = conn;
	lost = false;
	pthread_mutex_unlock(&lock);
}

static void serve(virConnectPtr conn)
{
	virDomainPtr dom;

	virConnectSetKeepAlive(conn, KEEPALIVE_S, KEEPALIVE_COUNT);
	set_connection(conn);
	if (virConnectRegisterCloseCallback(conn, on_close, NULL, NULL) ||
	    events_register(conn, describe_soon, &has_monitor))
		return;
	out_line(json_pack("{s:b}", "up", true));
	describe_all(conn);
	while ((dom = next_domain())) {
		describe(dom);
		virDomainFree(dom);
	}
}

static void forget_domains(void)
{
	struct domain *d;

	pthread_mutex_lock(&lock);
	connection = NULL;
	while ((d = first)) {
		first = d->next;
		virDomainFree(d->dom);
		free(d);
	}
	end = &first;
	pthread_mutex_unlock(&lock);
}

static void out_down(const char *otherwise)
{
	const char *why = virGetLastErrorCode() == VIR_ERR_OK ? otherwise
							      : virGetLastErrorMessage();

	out_line(json_pack("{s:s}", "down", why));
}

void *describe_run(void *uri)
{
	unsigned int pause = FIRST_PAUSE;
	virConnectPtr conn;

	for (;;) {
		virResetLastError();
		conn = virConnectOpen(uri);
		if (conn) {
			pause = FIRST_PAUSE;
			serve(conn);
			forget_domains();
			virConnectClose(conn);
		}
		out_down("the connection is lost");
		usleep(pause);
		pause = 2 * pause < LONGEST_PAUSE ? 2 * pause : LONGEST_PAUSE;
	}
	return NULL;
}
