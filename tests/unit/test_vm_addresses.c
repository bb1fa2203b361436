/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose an address is: learned, bound, of several tenants, and of VMs with one MAC address. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include "lib/vm_notices.h"
#include "user/lib/text.h"

#define TENANTS 25 /* VLANs 0 .. 24 */

/* By who knows the segment, by who does not, and what the marks say. */
static void check_owners(struct plane *p, const __be32 *addr, __u32 first, const bool *has)
{
	__u32 alone = VM_NOWHERE;
	int vlan, n = 0;

	for (vlan = 0; vlan < TENANTS; vlan++) {
		assert_int_equal(vm_by_ip_in(p, addr, vlan), has[vlan] ? first + vlan : VM_NOWHERE);
		if (has[vlan])
			alone = n++ ? VM_NOWHERE : first + vlan;
	}
	assert_int_equal(vm_by_ip(p, addr), has[0] ? first : alone);
	assert_int_equal(vm_ip_shared(p, addr), n > 1);
}

/* The same addresses in many VLANs come and go in any order. */
static void tenants(void **state)
{
	static const char *const text[] = { "10.0.0.5", "10.0.0.6", "fd00::5" };
	bool has[3][TENANTS] = { { false } };
	struct plane *p = new_plane();
	__be32 addr[3][XR_ADDR_WORDS];
	struct vm_loose loose;
	__u64 dice = 1;
	size_t k;
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		text_to_addr(text[i], addr[i], NULL);
	for (i = 0; i < 3 * TENANTS; i++)
		p->vms[i].key = (__u64)(i % TENANTS) << 48 | i;
	for (i = 0; i < 6000; i++) {
		int a, vlan;

		dice = xr_mix64(dice);
		a = dice % 3;
		vlan = (dice >> 8) % TENANTS;
		/* Now few of them, then many. */
		if (has[a][vlan] == ((dice >> 16) % 16 < (i / 1000 % 2 ? 2 : 9)))
			continue;
		memset(&loose, 0, sizeof(loose));
		has[a][vlan] = !has[a][vlan];
		if (has[a][vlan])
			assert_int_equal(vm_add_ip(p, a * TENANTS + vlan, addr[a]), 0);
		else
			vm_drop_ip(p, a * TENANTS + vlan, addr[a], &loose);
		for (k = 0; k < loose.n_ip; k++)
			memset(&p->vm_ips[loose.ip[k]], 0, sizeof(*p->vm_ips));
		free(loose.ip);
		check_owners(p, addr[a], a * TENANTS, has[a]);
	}
	drop_plane(p);
}

static void bindings(void **state)
{
	struct plane *p = new_plane();
	__be32 addr[XR_ADDR_WORDS];

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	assert_int_equal(answer.outcome, XR_ALREADY);
	NO(bind_to(p, VM1, "10.9.0.1", "b", false), -EEXIST, "is at a, not b");
	NO(bind_to(p, VM2, "10.9.0.2 10.9.0.1", "a", false), -EADDRINUSE,
	   "10.9.0.1 is VM " VM1 "'s already");
	assert_int_equal(index_of(p, VM2), VM_NOWHERE);
	NO(bind_to(p, VM2, "10.9.0.2 10.9.0.2", "a", false), -EINVAL, "given twice");
	NO(bind_to(p, VM2, "224.0.0.1", "a", false), -EINVAL, "multicast");
	/* Another binding: what it had is free for others. */
	OK(bind_to(p, VM1, "10.9.0.3 fd09::3", "a", true));
	text_to_addr("10.9.0.1", addr, NULL);
	assert_int_equal(vm_by_ip(p, addr), VM_NOWHERE);
	text_to_addr("fd09::3", addr, NULL);
	assert_int_equal(vm_by_ip(p, addr), index_of(p, VM1));
	assert_int_equal(p->vm_control->locked, 1);
	OK(bind_to(p, VM2, "10.9.0.1", "b", true));
	assert_int_equal(p->vm_control->locked, 2);
	OK(bind_to(p, VM1, "", "a", false));
	assert_int_equal(p->vm_control->locked, 1);
	assert_int_equal(p->vm_control->addresses, 1);
	drop_plane(p);
}

/* Of a VM whose addresses the operator gave nothing is learned. */
static void learned(void **state)
{
	struct plane *p = new_plane();
	__be32 addr[XR_ADDR_WORDS];

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1", "a", false));
	OK(bind_to(p, VM2, "", "a", false));
	text_to_addr("10.9.0.1", addr, NULL);
	assert_false(vm_learn(p, index_of(p, VM2), addr));
	text_to_addr("10.9.0.7", addr, NULL);
	assert_false(vm_learn(p, index_of(p, VM1), addr));
	assert_true(vm_learn(p, index_of(p, VM2), addr));
	assert_false(vm_learn(p, index_of(p, VM2), addr));
	text_to_addr("fd09::7", addr, NULL);
	assert_true(vm_learn(p, index_of(p, VM2), addr));
	assert_int_equal(vm_by_ip(p, addr), VM_NOWHERE);
	drop_plane(p);
}

static void bad_words(void **state)
{
	struct plane *p = new_plane();
	struct xr_notice n;

	(void)state;
	NO(bind_to(p, "53:54:00:00:00:01", "", "a", false), -EINVAL, "multicast");
	NO(bind_to(p, "00:00:00:00:00:00", "", "a", false), -EINVAL, "zero");
	NO(bind_to(p, "ff:ff:ff:ff:ff:ff", "", "a", false), -EINVAL, "broadcast");
	NO(bind_to(p, VM1, "", "z", false), -ENOENT, "no host z");
	NO(post(p, XR_NOTICE_MOVED, VM1, "a", 0), -ENOENT, "no VM " VM1);
	NO(post(p, XR_NOTICE_LEAVE, VM1, NULL, 0), -ENOENT, "no VM " VM1);
	OK(bind_to(p, VM1, "", "a", true));
	NO(post(p, XR_NOTICE_MOVED, VM1, "z", 0), -ENOENT, "no host z");
	NO(post(p, XR_NOTICE_MOVED, VM1, "gone", 0), -EHOSTUNREACH,
	   "host gone (dev no-such-device)");
	NO(post(p, XR_NOTICE_PREPARE, VM1, "gone", 0), -EHOSTUNREACH, "no such device");
	IS(VM1, "a stable");
	n = notice_of(XR_NOTICE_ADD, VM2, "a");
	n.vlan = 4095;
	NO(vm_notice(p, &n, &answer, &error), -EINVAL, "VLAN 4095");
	n.vlan = 0;
	n.n_addrs = 5;
	NO(vm_notice(p, &n, &answer, &error), -EINVAL, "at most 4");
	assert_int_equal(vm_count(p), 1);
	drop_plane(p);
}

static void same_mac_in_many_vlans(void **state)
{
	struct plane *p = new_plane();
	struct xr_notice n = notice_of(XR_NOTICE_ADD, VM1, "a");
	int vlan;

	(void)state;
	for (vlan = 0; vlan < 3; vlan++) {
		n.vlan = vlan;
		OK(vm_notice(p, &n, &answer, &error));
	}
	n = notice_of(XR_NOTICE_MOVED, VM1, "b");
	n.vlan = 1;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "a stable");
	assert_int_equal(vm_now(p, vm_find(p, vm_key(n.mac, 1))).host, 2);
	assert_int_equal(vm_now(p, vm_find(p, vm_key(n.mac, 2))).host, 1);
	drop_plane(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tenants),
		cmocka_unit_test(bindings),
		cmocka_unit_test(learned),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(same_mac_in_many_vlans),
	};

	if (lacks_root())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("VMs", tests, NULL, NULL);
}
