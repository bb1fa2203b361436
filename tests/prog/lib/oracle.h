/* SPDX-License-Identifier: GPL-2.0-only */
/* What libpcap says of packets: its headers and the kernel's of BPF do not go together. */
#ifndef XR_TEST_ORACLE_H
#define XR_TEST_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/capture.h>

/* An expression; NULL: it is none. */
struct oracle;
struct oracle *oracle_new(const char *expression);
void oracle_free(struct oracle *o);
bool oracle_matches(const struct oracle *o, const __u8 *octets, size_t len);

/* A program: -1: no valid one; else whether it matches. */
int oracle_runs(const struct xr_capture_insn *insn, size_t n, const __u8 *octets, size_t len);

#endif
