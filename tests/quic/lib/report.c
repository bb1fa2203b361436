// SPDX-License-Identifier: GPL-2.0-only
/* What both ends print of a connection. */
#include "quic.h"

double xq_ms(uint64_t ns)
{
	return (double)ns / XQ_MS;
}

json_t *xq_conn_report(const struct xq_conn *c)
{
	return json_pack("{sI sI sI sf sI sI sI ss}", "packets_in", (json_int_t)c->packets_in,
			 "packets_out", (json_int_t)c->packets_out, "lost", (json_int_t)c->lost,
			 "longest_gap_ms", xq_ms(c->longest_gap), "validated",
			 (json_int_t)c->validated, "invalidated", (json_int_t)c->invalidated,
			 "resets", (json_int_t)c->resets, "error", c->error);
}
