// SPDX-License-Identifier: GPL-2.0-only
/* The server's command line. */
#include "server.h"

struct options opt = { .name = "server", .tickets = true, .idle = 30 };

static const char usage[] = "xr_server [OPTIONS] ADDRESS PORT\n"
			    "  --name NAME       what clients are told (default: server)\n"
			    "  --config FILE     CID configurations, the first is minted:\n"
			    "                    id=0..6 sid=HEX nonce=N [key=FILE] "
			    "[peers=HEX,...]\n"
			    "                    SIGHUP reads it again; without: 0b111 CIDs\n"
			    "  --cid-length N    octets of every CID (default: what FILE "
			    "needs)\n"
			    "  --stats FILE      JSON at start, on SIGUSR1 and at the end\n"
			    "  --interval MS     and that often\n"
			    "  --secret FILE     for tickets, Retry and resets, shared by "
			    "servers\n"
			    "  --retry           validate every address\n"
			    "  --no-tickets      no session tickets, so no 0-RTT\n"
			    "  --no-reset        no stateless resets\n"
			    "  --v2              move clients that can to QUIC v2\n"
			    "  --idle SECONDS    idle timeout (default 30)\n"
			    "  -v                say why connections fail\n";

static const struct xq_option options[] = { { "name", XQ_TEXT, &opt.name, NULL },
					    { "config", XQ_TEXT, &opt.config, NULL },
					    { "cid-length", XQ_NUMBER, &opt.cid_len, NULL },
					    { "stats", XQ_TEXT, &opt.stats, NULL },
					    { "secret", XQ_TEXT, &opt.secret, NULL },
					    { "retry", XQ_ON, &opt.retry, NULL },
					    { "no-tickets", XQ_OFF, &opt.tickets, NULL },
					    { "no-reset", XQ_ON, &opt.no_reset, NULL },
					    { "v2", XQ_ON, &opt.v2, NULL },
					    { "idle", XQ_NUMBER, &opt.idle, NULL },
					    { "interval", XQ_NUMBER, &opt.interval, NULL },
					    { "v", XQ_ON, &opt.verbose, NULL },
					    { 0 } };

void parse(int argc, char **argv)
{
	char **words = xq_options(options, usage, argc, argv);

	opt.address = words[0];
	opt.port = xq_number(words[1], "port");
}
