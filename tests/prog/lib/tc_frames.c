/* SPDX-License-Identifier: GPL-2.0-only */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include "user/attach/tc.h"
#include "tc_frames.h"

static __u64 counted_before[XR_REASON_MAX];

static __u64 count_of(__u32 r)
{
	struct plane *p = world_plane();
	struct xr_counter each[p->cpus];
	__u64 n = 0;

	assert_int_equal(bpf_map_lookup_elem(p->fd[PLANE_REASON_STATS], &r, each), 0);
	for (int i = 0; i < p->cpus; i++)
		n += each[i].packets;
	return n;
}

__u64 tc_counted(enum xr_reason r)
{
	__u64 now = count_of(r), n = now - counted_before[r];

	counted_before[r] = now;
	return n;
}

void tc_count_anew(void)
{
	for (__u32 r = 0; r < XR_REASON_MAX; r++)
		counted_before[r] = count_of(r);
}

int tc_pinned(const char *pin)
{
	struct xr_err err = { "" };
	char path[256];
	int fd = tc_replay_program(world_plane(), &err);

	if (fd < 0)
		fail_msg("%s", err.text);
	close(fd);
	snprintf(path, sizeof(path), "%s/%s", world_plane()->dir, pin);
	fd = bpf_obj_get(path);
	if (fd < 0)
		fail_msg("%s: %s", path, strerror(errno));
	return fd;
}

int catcher(const char *dev)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = ifindex_of(dev),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (void *)&at, sizeof(at)))
		fail_msg("watching %s: %s", dev, strerror(errno));
	return fd;
}

bool caught(int fd, struct packet *p)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	__u8 frame[PACKET_MAX];
	ssize_t n;

	while ((n = recvfrom(fd, frame, sizeof(frame), 0, (void *)&from, &len)) > 0) {
		if (from.sll_pkttype != PACKET_OUTGOING || frame[0] & 1)
			continue;
		*p = packet_raw(frame, n);
		return true;
	}
	return false;
}

__u32 tc_mark;

struct tc_result tc_run(const char *pin, const char *dev, const char *from, const char *text)
{
	struct packet in = packet("%s", text);
	struct __sk_buff ctx = {
		.mark = tc_mark,
		.ifindex = ifindex_of(dev),
		.ingress_ifindex = from ? ifindex_of(from) : 0,
	};
	struct tc_result r = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in.data, .data_size_in = in.len,
		    .data_out = r.out.data, .data_size_out = sizeof(r.out.data), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx));
	int fd = tc_pinned(pin), ret = bpf_prog_test_run_opts(fd, &run);

	close(fd);
	if (ret)
		fail_msg("%s: %s", pin, strerror(-ret));
	r.action = (int)run.retval;
	r.out.len = run.data_size_out;
	return r;
}

static bool has_layer(const struct packet *p, int i, const char *word)
{
	return i < p->layers && !strcmp(p->layer[i].word, word);
}

/* What marks a frame that xroam sent: the upper bits of port, flow label, IPv4's ID. */
void tc_check_frame(const char *want, const struct packet *got)
{
	struct packet p = packet("%s", want);
	bool six = has_layer(&p, 1, "ip6"), udp = has_layer(&p, 2, "udp");

	if (udp && has_layer(&p, 3, "vxlan")) {
		assert_in_range(ntohs(udp_of(got)->sport), 0xf000, 0xffff);
		if (six)
			assert_int_equal(ip6_flow_label(ip6_of(got)) & 0xff000, 0x78000);
	}
	if (udp)
		udp_of(&p)->sport = udp_of(got)->sport;
	if (six)
		ip6_set_flow_label(ip6_of(&p), ip6_flow_label(ip6_of(got)));
	check_packet(&p, got);
}

void tc_port_of_vm(const char *dev)
{
	__u32 ifindex = ifindex_of(dev), kind = vm_index_of(VM, 0) + 1;

	vm_live(VM, 0)->tap = ifindex;
	bpf_map_update_elem(world_plane()->fd[PLANE_TAPS], &ifindex, &kind, 0);
	tc_count_anew();
}

void tc_device_is(const char *dev, __u32 kind)
{
	__u32 ifindex = ifindex_of(dev);

	bpf_map_update_elem(world_plane()->fd[PLANE_TAPS], &ifindex, &kind, 0);
}

void tc_set_state(const char *host, const char *next, enum xr_vm_state state)
{
	struct plane *p = world_plane();
	__u32 index = vm_index_of(VM, 0);
	struct xr_vm_now was = vm_now(p, index), to = was;

	to.host = host_index(host);
	to.next = *next ? host_index(next) : 0;
	to.state = state;
	p->vms[index].last = world_tick();
	p->vms[index].ttl = p->vms[index].next_ttl = 300;
	p->vm_control->watching = 1;
	assert_true(vm_change(p, index, &was, to));
}

void tc_left_alone(const char *pin, const char *dev, const char *from, const char *text)
{
	struct packet in = packet("%s", text), p;
	int a = catcher("in"), b = catcher("out");
	struct tc_result r = tc_run(pin, dev, from, text);

	assert_int_equal(r.action, TC_ACT_UNSPEC);
	check_packet(&in, &r.out);
	assert_false(caught(a, &p));
	assert_false(caught(b, &p));
	close(a);
	close(b);
}
