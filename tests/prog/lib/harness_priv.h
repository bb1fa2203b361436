/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the harness need of each other. */
#ifndef XR_TEST_HARNESS_PRIV_H
#define XR_TEST_HARNESS_PRIV_H

#include <sys/types.h>
#include "harness.h"

/* Its own instances' names begin with it; %d is the process. */
#define TEST_INSTANCE "test-prog-%d"

/* ---- network.c: the namespace, and what outlives the process ---- */

/* Starts a child that removes this process's pins when it is gone. */
void start_janitor(void);
/* Devices, addresses, neighbours and routes, as harness.h shows them. */
void make_network(void);

/* ---- head_room.c: from the frame to the program under test ---- */

/* Attaches a program that passes everything: queues of a veth that XDP knows. */
void attach_pass(const char *dev);
/* A program that fills the head room and goes on with prog_fd. */
int head_room_filler(int prog_fd);
/* Forgets for which program it was made: its number may be another's. */
void head_room_forget(void);

/* ---- world.c ---- */

int ingress_ifindex(void); /* of "in", by which packets come in */

/* ---- libbpf_log.c: what libbpf says, shown only if something fails ---- */

void libbpf_log_keep(void);
void libbpf_log_print(void);

/* ---- run.c ---- */

/* Every counter of a new world is zero. */
void counts_restart(void);
/* Fails, saying what was counted for which packet. */
void fail_result(const struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
enum xr_reason reason_by_word(const char *word, size_t len);

#endif
