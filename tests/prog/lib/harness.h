/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs packets through the loaded programs. One test program has one network
 * namespace of its own and, at a time, one world: an instance configured from
 * YAML text, with its node program loaded as `xroam dev attach` would.
 *
 * The namespace (all neighbours are known and permanent):
 *
 *   in    02:00:00:00:00:02  10.1.0.254/16  fd01::fe/64   packets come in here
 *   out   02:00:00:00:00:03  10.2.0.254/16  fd02::fe/64
 *   10.1.0.N, fd01::N  N = 1..9  at 02:00:00:00:01:0N behind in
 *   10.2.0.N, fd02::N  N = 1..9  at 02:00:00:00:02:0N behind out
 *   10.1.0.99, fd01::99          no neighbour entry, nobody answers
 *   10.3.0.0/16, fd03::/64       via 10.1.0.9, fd01::9, MTU 1400
 *   10.0.0.0/24, fd00::/64       clients, via 10.1.0.8, fd01::8
 *
 * Everything goes away with the process, however it ends.
 */
#ifndef XR_TEST_HARNESS_H
#define XR_TEST_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/bpf.h>
#include "user/model/model.h"
#include "user/plane/plane.h"
#include "packet.h"

#define MAC_IN  "02:00:00:00:00:02"
#define MAC_OUT "02:00:00:00:00:03"

/* An Ethernet header of what leaves by a device for its neighbour N. */
#define ETH_IN(n)  "eth src=" MAC_IN " dst=02:00:00:00:01:0" n
#define ETH_OUT(n) "eth src=" MAC_OUT " dst=02:00:00:00:02:0" n

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Runs the tests; prints TAP. Skips all where the process may not load programs,
 * and what XROAM_TESTS leaves out (harness.c). It is what main() returns.
 */
int harness_main(const char *name, const struct CMUnitTest *tests, size_t n);

/* What harness_main does before the first test; why not, or NULL. */
const char *harness_start(void);

/* One test as an entry of the array; it gets a clean slate. */
#define TEST(f) cmocka_unit_test_teardown(f, world_teardown)
int world_teardown(void **state);

/* ---- the world ---- */

/* Makes a new world (the old one goes); text is a printf format. */
void world(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Makes the running world equal to the text, as `xroam apply` would. */
void world_apply(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As world(), with the program's trace filled. */
void world_traced(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Packets go through the program for role backend from now on. */
void world_use_decap(void);
/* What ends here, for that program: the namespace's addresses, and these. */
void world_list_ends(const struct xr_listed *listed);
struct plane *world_plane(void);
int world_prog(void); /* the program that packets go through */
struct xr_trace world_trace(void);

__u32 world_tick(void);
void world_set_tick(__u32 tick);
int ifindex_of(const char *dev);

/* Runs a command of the guest ("ip ..."), which must succeed. */
void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* An IPv6 address on lo: its route is there, which the kernel makes later. */
void own_address6(const char *addr);

/* ---- packets ---- */

struct result {
	__u32 action;
	enum xr_reason verdict;
	__u64 count[XR_REASON_MAX]; /* how often each reason was counted */
	struct packet in, out;
};

/*
 * Runs one packet and checks what holds for every packet: one verdict, of a
 * kind that fits the action, counted with all its octets; passed packets
 * unchanged.
 */
struct result run(const struct packet *p);
/* As run(), but says what is wrong (NULL: nothing) instead of failing. */
const char *run_any(const struct packet *p, struct result *r);
struct result run_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Runs the packet `in` and checks the reasons it is counted under, all of
 * them: the verdict first, then notes in any order ("hash flow-new initial").
 * "fib" comes and goes with the clock and is looked at only where it is named.
 * out: the whole packet expected where it is sent; NULL: not looked at. In it
 * "sport=@" is any source port in 49152..65535 of the outermost UDP header,
 * "flow=@" any flow label of the outermost IPv6 header, "src=172.16.@" and
 * "src=100::@" any source in the default ranges: they depend on a key.
 */
void expect(const char *in, const char *reasons, const char *out);

/* Only the verdict, of a packet at hand. */
void expect_verdict(const struct packet *p, const char *reason);

/* Fails unless it counted just these. */
void check_reasons(const struct result *r, const char *reasons);
void check_packet(const struct packet *want, const struct packet *got);

/* The address an encapsulated packet was sent to, as text. */
const char *outer_dst(const struct result *r);

/* Runs p through any other XDP program, head room filled as for run(). */
struct result run_prog(int prog_fd, const struct packet *p);

#endif
