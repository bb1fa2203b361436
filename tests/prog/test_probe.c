/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Health checks' frames, many in one run of xroam_probe: each as a client's packet that was
 * steered to its backend, whatever became of the one before it in the same buffer.
 */
#include <stdio.h>
#include <xroam/probes.h>
#include "lib/harness.h"
#include "lib/reason.h"
#include "user/attach/attach.h"

#define IPIP(name, address) \
	"  - {name: " name ", vips: [\"192.0.2.1:80/tcp\"], address: " address ", forward: ipip}\n"
#define WORLD                                                        \
	"vips:\n  - {address: 192.0.2.1, port: 80, protocol: tcp}\n" \
	"backends:\n" IPIP("near", "10.1.0.1") IPIP("absent", "10.1.0.99") IPIP("far", "10.2.0.1")

static struct probe_program program;

static void nothing_changed(struct plane *p, __u64 left)
{
	(void)p;
	(void)left;
}

static void begin(void)
{
	world(WORLD);
	assert_int_equal(plane_attach(world_plane(), "lo", ATTACH_GENERIC, XR_ROLE_NODE,
				      nothing_changed, NULL),
			 0);
	assert_int_equal(plane_load_probe(world_plane(), &program, NULL), 0);
}

static void end(void)
{
	plane_close_probe(&program);
	assert_int_equal(plane_detach(world_plane(), "lo", nothing_changed, NULL), 0);
}

static int index_of(const char *backend)
{
	const struct plane *p = world_plane();
	__u32 i;

	for (i = 1; i <= p->meta->limits.backends; i++)
		if (!strcmp(p->backend_info[i].name, backend))
			return i;
	fail_msg("there is no backend %s", backend);
	return 0;
}

/* A frame of so many octets behind its TCP header, as it is to go in. */
static void put(const char *backend, int octets)
{
	struct xr_probe *f = &program.all->probe[program.all->n++];
	struct packet p = packet("eth src=02:78:72:00:00:%02x dst=02:78:72:00:00:01 / "
				 "ip4 src=10.0.0.7 dst=192.0.2.1 ttl=9 df / "
				 "tcp sport=20000 dport=80 syn / fill %d",
				 index_of(backend), octets);

	memcpy(f->frame, p.data, p.len);
	f->len = p.len;
}

static void check(int i, const char *dev, const char *outer, int octets)
{
	const struct xr_probe *f = &program.all->probe[i];
	struct packet want = packet("%s / ip4 src=10.0.0.7 dst=192.0.2.1 ttl=8 df / "
				    "tcp sport=20000 dport=80 syn / fill %d",
				    outer, octets);
	struct packet got = packet_raw(f->frame, f->len);

	assert_string_equal(reason_word(f->reason), "hash");
	assert_int_equal(f->ifindex, ifindex_of(dev));
	check_packet(&want, &got);
}

#define NEAR ETH_IN("1") " / ip4 src=10.1.0.254 dst=10.1.0.1 df"
#define FAR  ETH_OUT("1") " / ip4 src=10.2.0.254 dst=10.2.0.1 df"

static void one_after_another(void **state)
{
	const struct xr_probe *absent;

	begin();
	program.all->n = 0;
	put("near", 40);
	put("far", 1160);
	put("near", 0);
	put("absent", 1160);
	put("near", 100);
	put("far", 101);
	assert_int_equal(plane_run_probes(&program), 0);
	check(0, "in", NEAR, 40);
	check(1, "out", FAR, 1160);
	check(2, "in", NEAR, 0);
	absent = &program.all->probe[3];
	assert_int_not_equal(absent->reason, 0);
	assert_int_not_equal(reason_kind(absent->reason), XR_KIND_TX);
	check(4, "in", NEAR, 100);
	check(5, "out", FAR, 101);
	end();
}

/* None is left out, however many are not sent. */
static void as_many_as_there_is_room_for(void **state)
{
	int i;

	begin();
	program.all->n = 0;
	for (i = 0; i < XR_PROBES; i++)
		put(i % 3 == 2 ? "absent" : i % 3 ? "far" : "near", i);
	assert_int_equal(plane_run_probes(&program), 0);
	for (i = 0; i < XR_PROBES; i++)
		if (i % 3 == 2)
			assert_int_not_equal(program.all->probe[i].reason, 0);
		else
			check(i, i % 3 ? "out" : "in", i % 3 ? FAR : NEAR, i);
	end();
}

/* A length that no frame has is no frame, and harms none of the others. */
static void no_frame(void **state)
{
	begin();
	program.all->n = 0;
	put("near", 1);
	put("near", 2);
	put("near", 3);
	program.all->probe[1].len = XR_PROBE_MOST + 1;
	assert_int_equal(plane_run_probes(&program), 0);
	check(0, "in", NEAR, 1);
	assert_int_not_equal(reason_kind(program.all->probe[1].reason), XR_KIND_TX);
	check(2, "in", NEAR, 3);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_after_another),
		TEST(as_many_as_there_is_room_for),
		TEST(no_frame),
	};

	return harness_main("probe", tests, ARRAY_LEN(tests));
}
