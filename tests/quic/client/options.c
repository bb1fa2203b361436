// SPDX-License-Identifier: GPL-2.0-only
/* The client's command line. */
#include "client.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options opt = {
	.local = NULL,
	.streams = 1,
	.connections = 1,
	.idle = 30,
	.timeout = 60,
	.cid_limit = 7,
	.version = NGTCP2_PROTO_VER_V1,
};

static const char usage[] =
	"xr_client [OPTIONS] ADDRESS PORT\n"
	"  --local ADDR[%DEV]    send from here\n"
	"  --upload N --download N   octets per stream (K, M, G)\n"
	"  --rate N              octets per second, per stream and direction\n"
	"  --seconds S           with --rate: as much as takes so long\n"
	"  --streams N           per connection\n"
	"  --connections N [--parallel N] [--spread SECONDS]\n"
	"  --migrate-at MS[=ADDR[%DEV]]  change the address, at once (repeatable)\n"
	"  --probe-at MS[=ADDR[%DEV]]    change it when the path is proven\n"
	"  --rebind-at MS        the NAT changes the port, QUIC does not know\n"
	"  --use-cids MS         another CID (and port) every MS\n"
	"  --cid-limit N         active_connection_id_limit (default 7)\n"
	"  --session FILE        keep the ticket there, use it if it is there\n"
	"  --0rtt                send early data, with --session\n"
	"  --v2                  start with QUIC v2\n"
	"  --negotiate           start with v1, offer v2\n"
	"  --keepalive MS --hold MS   stay that long after the handshake\n"
	"  --no-pmtud            packets of 1200 octets\n"
	"  --idle SECONDS --timeout SECONDS\n"
	"  --progress MS         JSON lines to stderr\n"
	"  --pattern N           only print N octets of pattern 0\n";

static void print_pattern(char *arg)
{
	uint64_t len = xq_number(arg, "--pattern");
	const uint8_t *piece;
	size_t n;

	for (uint64_t at = 0; at < len; at += n) {
		piece = xq_pattern(0, at, len - at, &n);
		fwrite(piece, 1, n, stdout);
	}
	exit(0);
}

static void add_event(enum event_kind kind, char *arg)
{
	char *to = strchr(arg, '=');
	struct event *e;
	int i;

	if (opt.n_events == MAX_EVENTS)
		xq_die("too many events");
	if (to)
		*to++ = '\0';
	/* In order of time, whatever the order of the options. */
	for (i = opt.n_events++; i > 0; i--) {
		if (opt.events[i - 1].at <= xq_number(arg, "event at") * XQ_MS)
			break;
		opt.events[i] = opt.events[i - 1];
	}
	e = &opt.events[i];
	e->kind = kind;
	e->at = xq_number(arg, "event at") * XQ_MS;
	e->to = to;
}

static void migrate_at(char *arg)
{
	add_event(MIGRATE, arg);
}

static void probe_at(char *arg)
{
	add_event(PROBE, arg);
}

static void rebind_at(char *arg)
{
	add_event(REBIND, arg);
}

static void start_v2(char *arg)
{
	opt.version = XQ_V2;
	opt.v2 = true;
}

static const struct xq_option options[] = { { "local", XQ_TEXT, &opt.local, NULL },
					    { "upload", XQ_NUMBER, &opt.upload, NULL },
					    { "download", XQ_NUMBER, &opt.download, NULL },
					    { "rate", XQ_NUMBER, &opt.rate, NULL },
					    { "seconds", XQ_REAL, &opt.seconds, NULL },
					    { "streams", XQ_NUMBER, &opt.streams, NULL },
					    { "connections", XQ_NUMBER, &opt.connections, NULL },
					    { "parallel", XQ_NUMBER, &opt.parallel, NULL },
					    { "spread", XQ_REAL, &opt.spread, NULL },
					    { "migrate-at", XQ_CALL_WITH, NULL, migrate_at },
					    { "probe-at", XQ_CALL_WITH, NULL, probe_at },
					    { "rebind-at", XQ_CALL_WITH, NULL, rebind_at },
					    { "use-cids", XQ_NUMBER, &opt.use_cids, NULL },
					    { "cid-limit", XQ_NUMBER, &opt.cid_limit, NULL },
					    { "session", XQ_TEXT, &opt.session, NULL },
					    { "0rtt", XQ_ON, &opt.early, NULL },
					    { "v2", XQ_CALL, NULL, start_v2 },
					    { "negotiate", XQ_ON, &opt.v2, NULL },
					    { "keepalive", XQ_NUMBER, &opt.keepalive, NULL },
					    { "hold", XQ_NUMBER, &opt.hold, NULL },
					    { "no-pmtud", XQ_ON, &opt.no_pmtud, NULL },
					    { "idle", XQ_NUMBER, &opt.idle, NULL },
					    { "timeout", XQ_NUMBER, &opt.timeout, NULL },
					    { "progress", XQ_NUMBER, &opt.progress, NULL },
					    { "pattern", XQ_CALL_WITH, NULL, print_pattern },
					    { 0 } };

void parse(int argc, char **argv)
{
	char **words = xq_options(options, usage, argc, argv);
	static char params[4096];

	if (xq_addr_parse(&opt.server, words[0], xq_number(words[1], "port")))
		xq_die("%s: not an IPv4 or IPv6 address", words[0]);
	if (!opt.local)
		opt.local = opt.server.sa.sa_family == AF_INET ? "0.0.0.0" : "::";
	if (opt.seconds > 0) {
		if (!opt.rate)
			xq_die("--seconds needs --rate");
		if (!opt.upload && !opt.download)
			opt.upload = opt.download = opt.rate * opt.seconds;
	}
	if (!opt.parallel)
		opt.parallel = opt.spread > 0 ? 0 : opt.connections;
	if (opt.session) {
		snprintf(params, sizeof(params), "%s.params", opt.session);
		opt.params = params;
	}
}
