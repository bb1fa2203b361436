// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packets of health checks: what is sent is well formed, and only an answer that holds what
 * the probe had counts as one; the wheel of their timers forgets none.
 */
#include <arpa/inet.h>
#include <string.h>
#include "lib/unit.h"

#include "user/probe/frame.c"
#include "user/probe/wheel.c"

static const __be32 client4[] = { 0, 0, 0xffff0000, 0x0100020a }; /* 10.2.0.1 */
static const __be32 vip4[] = { 0, 0, 0xffff0000, 0x0a0200c0 };    /* 192.0.2.10 */
static const __be32 client6[] = { 0xb80d0120, 0, 0, 0x01000000 };
static const __be32 vip6[] = { 0xb80d0120, 0, 0, 0x02000000 };

#define COOKIE 0x1122334455667788ULL

static struct frame_ends ends(bool v6)
{
	return (struct frame_ends){ v6 ? client6 : client4, v6 ? vip6 : vip4, htons(20000),
				    htons(443) };
}

/* The answer of a server to a QUIC probe: both CIDs back to front, and a version. */
static size_t answer_quic(const __u8 *probe, size_t len, __u8 *out)
{
	const __u8 *q = probe + FRAME_HEADER + IPV4_HEADER + 8;
	struct frame_ends back = { vip4, client4, htons(443), htons(20000) };
	struct udphdr udp = { .source = back.sport, .dest = back.dport };
	__u8 *at = write_ip(out, &back, IPPROTO_UDP, 8 + 27);

	assert_int_equal(len, FRAME_HEADER + IPV4_HEADER + 8 + QUIC_PROBE);
	assert_int_equal(q[0] & 0xc0, 0xc0);
	assert_int_equal(q[1] & 0x0f, 0x0a);
	udp.len = htons(8 + 27);
	memcpy(at, &udp, sizeof(udp));
	at += sizeof(udp);
	memset(at, 0, 27);
	at[0] = 0x80;
	at[5] = QUIC_CID_LEN;
	memcpy(at + 6, q + 7 + QUIC_CID_LEN, QUIC_CID_LEN); /* the probe's source */
	at[14] = QUIC_CID_LEN;
	memcpy(at + 15, q + 6, QUIC_CID_LEN); /* and its destination */
	at[26] = 1;
	return IPV4_HEADER + 8 + 27;
}

static void quic(void **state)
{
	__u8 probe[FRAME_MOST], good[128], bad[128];
	struct frame_ends e = ends(false);
	struct frame_answer a;
	size_t len = frame_quic(probe, 7, &e, COOKIE), i;

	len = answer_quic(probe, len, good);
	frame_read(good, len, &a);
	assert_int_equal(a.kind, FRAME_VERSIONS);
	assert_true(a.cookie == COOKIE);
	assert_memory_equal(a.from, vip4, sizeof(vip4));
	assert_memory_equal(a.to, client4, sizeof(client4));
	/* Any other octet in the header, the CIDs or their lengths is no answer to it. */
	for (i = IPV4_HEADER + 8; i < IPV4_HEADER + 8 + 23; i++) {
		memcpy(bad, good, len);
		bad[i] ^= i == IPV4_HEADER + 8 ? 0x80 : 0x40;
		frame_read(bad, len, &a);
		assert_false(a.kind == FRAME_VERSIONS && a.cookie == COOKIE);
	}
	/* Nor is one that ends before the first version, or says so. */
	for (i = 0; i < len; i++) {
		frame_read(good, i, &a);
		assert_int_equal(a.kind, FRAME_OTHER);
	}
	memcpy(bad, good, len);
	bad[IPV4_HEADER + 5] = 8 + 26;
	frame_read(bad, len, &a);
	assert_int_equal(a.kind, FRAME_OTHER);
}

static void tcp(void **state)
{
	__u8 out[FRAME_MOST];
	struct frame_answer a;
	struct tcphdr t;
	int v6;

	for (v6 = 0; v6 < 2; v6++) {
		struct frame_ends e = ends(v6), back = { e.to, e.from, e.dport, e.sport };
		size_t header = v6 ? IPV6_HEADER : IPV4_HEADER;
		size_t len = frame_syn(out, 0x1234, &e, COOKIE);

		assert_int_equal(len, FRAME_HEADER + header + 24);
		assert_int_equal(out[10] << 8 | out[11], 0x1234);
		memcpy(&t, out + FRAME_HEADER + header, sizeof(t));
		assert_int_equal(ntohl(t.seq), 0x55667788);
		assert_true(t.syn && !t.ack);
		assert_int_equal(
			l4_sum(out + FRAME_HEADER, out + FRAME_HEADER + header, 24, IPPROTO_TCP),
			0);
		frame_read(out + FRAME_HEADER, len - FRAME_HEADER, &a);
		assert_int_equal(a.kind, FRAME_OTHER);

		t = (struct tcphdr){ .ack_seq = htonl(0x55667789), .syn = 1, .ack = 1 };
		len = write_tcp(out, 0, &back, &t, NULL, 0);
		frame_read(out + FRAME_HEADER, len - FRAME_HEADER, &a);
		assert_int_equal(a.kind, FRAME_SYN_ACK);
		assert_int_equal(a.cookie, 0x55667788);
		assert_int_equal(ntohs(a.dport), 20000);
		t = (struct tcphdr){ .ack_seq = htonl(0x55667789), .rst = 1, .ack = 1 };
		len = write_tcp(out, 0, &back, &t, NULL, 0);
		frame_read(out + FRAME_HEADER, len - FRAME_HEADER, &a);
		assert_int_equal(a.kind, FRAME_RST);
		/* A reset that acknowledges nothing proves nothing (RFC 5961). */
		t.ack = 0;
		len = write_tcp(out, 0, &back, &t, NULL, 0);
		frame_read(out + FRAME_HEADER, len - FRAME_HEADER, &a);
		assert_int_equal(a.kind, FRAME_OTHER);
	}
}

static void timers(void **state)
{
	const __u64 begin = 5000 * WHEEL_SLOT_US;
	static struct wheel w;
	__u64 due[1000], now, seen[1000] = { 0 };
	__u32 n, i, left = 1000;

	assert_int_equal(wheel_init(&w, 1000, begin), 0);
	for (i = 0; i < 1000; i++) {
		/* Some in the past, some more than a turn of the wheel away. */
		due[i] = begin + (i * 7919ULL % 6000) * WHEEL_SLOT_US - 3;
		wheel_set(&w, i, due[i]);
	}
	for (i = 0; i < 1000; i += 10) {
		wheel_clear(&w, i);
		left--;
	}
	for (now = begin; left; now = wheel_next(&w, now, now + 3 * WHEEL_SLOT_US)) {
		assert_true(now < begin + 6100 * WHEEL_SLOT_US);
		while (wheel_take(&w, now, &n)) {
			assert_true(n % 10 != 0 && !seen[n]);
			assert_true(due[n] <= now || due[n] < begin);
			assert_true(now < due[n] + 4 * WHEEL_SLOT_US || due[n] < begin);
			seen[n] = now;
			left--;
		}
	}
	wheel_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quic),
		cmocka_unit_test(tcp),
		cmocka_unit_test(timers),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("probe frames", tests, NULL, NULL);
}
