/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An instance on plain memory with four hosts, a, b, c and gone (whose device is
 * missing), and notices of VMs to it. Without the kernel's clock it is always
 * tick 0.
 */
#ifndef XR_TEST_VM_NOTICES_H
#define XR_TEST_VM_NOTICES_H

#include "unit.h"
#include "user/vm/vm_priv.h"

#define VM1 "52:54:00:00:00:01"
#define VM2 "52:54:00:00:00:02"

/* What new_plane() makes room for. */
extern const struct xr_limits small_limits;

struct plane *new_plane(void);
void drop_plane(struct plane *p);

/* What vm_notice() gave for the last notice. */
extern struct xr_answer answer;
extern struct xr_err error;

/* A notice about a VM, to be completed and given to vm_notice(). */
struct xr_notice notice_of(enum xr_notice_kind kind, const char *mac, const char *host);
/* These return what vm_notice() does. addrs: parted by spaces. */
int post(struct plane *p, enum xr_notice_kind kind, const char *mac, const char *host, __u64 seq);
int bind_to(struct plane *p, const char *mac, const char *addrs, const char *host, bool lock);

__u32 index_of(struct plane *p, const char *mac);
/* "a", "a>b prepared", "b<a moved": where, where to, state. */
const char *state_of(struct plane *p, const char *mac);

#define IS(mac, word) assert_string_equal(state_of(p, mac), word)
#define OK(call)      assert_int_equal(call, 0)
#define NO(call, code, words)                               \
	do {                                                \
		assert_int_equal(call, code);               \
		assert_non_null(strstr(error.text, words)); \
	} while (0)

#endif
