
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VMs and their moves on plain memory: what each notice does to the state, the
 * numbers, the counts and the index, and what is refused. Without the kernel's
 * clock it is always tick 0; the tests in tests/net see time pass.
 */
#include <errno.h>
#include <stdio.h>
#include "lib/vm_notices.h"
#include "user/lib/text.h"

static void a_whole_move(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "10.9.0.1 fd09::1", "a", true));
	IS(VM1, "a stable");
	assert_int_equal(p->vm_control->vms, 1);
	assert_int_equal(p->vm_control->addresses, 2);
	assert_int_equal(p->vm_control->locked, 1);
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	IS(VM1, "a>b prepared");
	assert_int_equal(p->vm_control->watching, 1);
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	IS(VM1, "a>b blackout");
	assert_int_equal(p->vm_control->watching, 1);
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	assert_int_equal(answer.outcome, XR_DONE);
	assert_int_equal(answer.seq, 1);
	assert_int_equal(p->vm_control->watching, 0);
	assert_int_equal(p->vms[index_of(p, VM1)].ttl, 300);
	assert_true(vm_now(p, index_of(p, VM1)).flags & XR_VM_LOCK);
	/* Back, and nothing of it is left when it leaves. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved");
	OK(post(p, XR_NOTICE_LEAVE, VM1, NULL, 0));
	assert_int_equal(index_of(p, VM1), VM_NOWHERE);
	assert_int_equal(vm_count(p), 0);
	assert_int_equal(p->vm_control->vms, 0);
	assert_int_equal(p->vm_control->addresses, 0);
	assert_int_equal(p->vm_control->locked, 0);
	drop_plane(p);
}

static void it_stays(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(post(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "a stable");
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	OK(post(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "a stable");
	OK(post(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	assert_int_equal(answer.outcome, XR_ALREADY);
	assert_int_equal(p->vm_control->watching, 0);
	/* One that moved a moment ago is redirected on. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	OK(post(p, XR_NOTICE_PREPARE, VM1, "c", 0));
	IS(VM1, "b>c prepared");
	assert_int_equal(p->vms[index_of(p, VM1)].ttl, 300);
	OK(post(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	IS(VM1, "b moved");
	drop_plane(p);
}

static void steps_that_make_no_sense(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	NO(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0), -EINVAL, "no move is prepared");
	OK(post(p, XR_NOTICE_PREPARE, VM1, "a", 0));
	assert_int_equal(answer.outcome, XR_ALREADY);
	IS(VM1, "a stable");
	/* Another way while it is but prepared; not once it stands still. */
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	OK(post(p, XR_NOTICE_PREPARE, VM1, "c", 0));
	IS(VM1, "a>c prepared");
	assert_int_equal(p->vm_control->watching, 1);
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	NO(post(p, XR_NOTICE_PREPARE, VM1, "b", 0), -EINVAL, "stands still on its way to c");
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	assert_int_equal(answer.outcome, XR_ALREADY);
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	assert_int_equal(p->vm_control->watching, 0);
	drop_plane(p);
}

static void order(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 7));
	assert_int_equal(answer.seq, 7);
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 7));
	assert_int_equal(answer.outcome, XR_IGNORED);
	NO(post(p, XR_NOTICE_MOVED, VM1, "c", 7), -ESTALE,
	   "seq 7 is known already and said something else");
	NO(post(p, XR_NOTICE_MOVED, VM1, "a", 6), -ESTALE,
	   "seq 6 is older than the 7 that is known");
	NO(post(p, XR_NOTICE_LEAVE, VM1, NULL, 3), -ESTALE, "older");
	IS(VM1, "b moved");
	assert_int_equal(p->vm_info[index_of(p, VM1)].old, 4);
	assert_int_equal(p->vm_info[index_of(p, VM1)].moves, 1);
	/* One move, one number: its steps in order, late ones ignored. */
	OK(post(p, XR_NOTICE_PREPARE, VM1, "c", 9));
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 9));
	OK(post(p, XR_NOTICE_MOVED, VM1, "c", 9));
	NO(post(p, XR_NOTICE_PREPARE, VM1, "c", 9), -ESTALE, "seq 9");
	NO(post(p, XR_NOTICE_CANCEL, VM1, NULL, 9), -ESTALE, "said something else");
	IS(VM1, "c moved");
	/* Without a number: the next; of a numbered move: its own. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	assert_int_equal(answer.seq, 10);
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 12));
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	assert_int_equal(answer.seq, 12);
	/* Two sources, one story. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 12));
	assert_int_equal(answer.outcome, XR_IGNORED);
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	assert_int_equal(answer.outcome, XR_ALREADY);
	assert_int_equal(p->vm_info[index_of(p, VM1)].moves, 4);
	drop_plane(p);
}

static void flapping(void **state)
{
	struct plane *p = new_plane();
	int i;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	for (i = 0; i < 5; i++)
		OK(post(p, XR_NOTICE_MOVED, VM1, i & 1 ? "a" : "b", 0));
	IS(VM1, "b moved");
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved frozen");
	assert_string_equal(vm_state_name(p, index_of(p, VM1), 0), "frozen");
	/* The operator's next word ends it. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	IS(VM1, "a moved");
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	IS(VM1, "b moved");
	drop_plane(p);
}

/* The data plane did it: user space follows, once. */
static void follow_up(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	struct xr_vm_info *info;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = index_of(p, VM1);
	info = &p->vm_info[place];
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 5));
	was = to = vm_now(p, place);
	to.host = to.home = was.next;
	to.next = 0;
	to.state = XR_VM_MOVED;
	assert_true(vm_change(p, place, &was, to));
	p->vms[place].ttl = 60;
	p->vm_control->watching--;
	assert_int_equal(info->host, 1);
	OK(vm_follow_up(p, place, &error));
	assert_int_equal(info->host, 2);
	assert_int_equal(info->seq, 5);
	assert_int_equal(info->source, XR_SOURCE_ANNOUNCEMENT);
	assert_int_equal(info->under_way, 0);
	OK(vm_follow_up(p, place, &error));
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 5));
	assert_int_equal(answer.outcome, XR_IGNORED);
	IS(VM1, "b moved");
	drop_plane(p);
}

/* The word is first: a kill may come behind it, and who says it again does the rest. */
static void half_prepared(void **state)
{
	struct plane *p = new_plane();
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = index_of(p, VM1);
	assert_false(vm_is_ready(p, place));
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	assert_true(vm_is_ready(p, place));
	p->vm_info[place].under_way = XR_MOVE_BEGUN;
	IS(VM1, "a>b prepared");
	assert_false(vm_is_ready(p, place));
	OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
	assert_int_equal(answer.outcome, XR_ALREADY);
	assert_true(vm_is_ready(p, place));
	OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
	assert_true(vm_is_ready(p, place));
	OK(post(p, XR_NOTICE_CANCEL, VM1, NULL, 0));
	assert_false(vm_is_ready(p, place));
	drop_plane(p);
}

/* Its frame was faster than whoever says that it stands still. */
static void paused_too_late(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	__u64 seq;

	(void)state;
	for (seq = 0; seq < 6; seq += 5) {
		OK(bind_to(p, VM1, "", "a", false));
		OK(post(p, XR_NOTICE_PREPARE, VM1, "b", seq));
		was = to = vm_now(p, index_of(p, VM1));
		to.host = to.home = was.next;
		to.next = 0;
		to.state = XR_VM_MOVED;
		assert_true(vm_change(p, index_of(p, VM1), &was, to));
		p->vms[index_of(p, VM1)].ttl = 60;
		p->vm_control->watching--;
		OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, seq));
		assert_int_equal(answer.outcome, seq ? XR_IGNORED : XR_ALREADY);
		OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, seq));
		IS(VM1, "b moved");
		OK(post(p, XR_NOTICE_MOVED, VM1, "b", seq));
		IS(VM1, "b moved");
		/* What somebody said is not what it said. */
		OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
		NO(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0), -EINVAL, "no move is prepared");
		OK(post(p, XR_NOTICE_LEAVE, VM1, NULL, 0));
	}
	drop_plane(p);
}

static void state_that_changed(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	place = index_of(p, VM1);
	was = to = vm_now(p, place);
	to.host = 2;
	assert_true(vm_change(p, place, &was, to));
	/* A word that the data plane changed meanwhile is not overwritten. */
	was.host = 3;
	assert_false(vm_change(p, place, &was, to));
	assert_int_equal(was.host, 2);
	drop_plane(p);
}

/* A round takes a while: a frame may hit in a tick that it has not seen. */
static void ageing(void **state)
{
	struct plane *p = new_plane();
	struct xr_vm_now was, to;
	struct xr_vm *v;
	__u32 place;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", 0));
	place = index_of(p, VM1);
	v = &p->vms[place];
	v->last = 1;
	vm_age(p);
	IS(VM1, "b moved");
	assert_string_equal(vm_state_name(p, place, 0), "moved");
	v->last = 0U - 300;
	vm_age(p);
	IS(VM1, "b moved");
	v->last--;
	vm_age(p);
	IS(VM1, "b stable");
	assert_int_equal(v->ttl, 0);
	/* The data plane was first: what belonged to the redirect goes, too. */
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	was = to = vm_now(p, place);
	to.state = XR_VM_STABLE;
	assert_true(vm_change(p, place, &was, to));
	vm_age(p);
	assert_int_equal(v->ttl, 0);
	drop_plane(p);
}

/* The largest number is the last; what has none does not begin anew. */
static void last_number(void **state)
{
	struct plane *p = new_plane();

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	OK(post(p, XR_NOTICE_MOVED, VM1, "b", XR_SEQ_MAX));
	OK(post(p, XR_NOTICE_MOVED, VM1, "a", 0));
	assert_true(answer.seq == XR_SEQ_MAX);
	NO(post(p, XR_NOTICE_MOVED, VM1, "b", 1), -ESTALE, "older");
	IS(VM1, "a moved");
	drop_plane(p);
}

static void full(void **state)
{
	struct plane *p = new_plane();
	char mac[TEXT_MAC], addr[64];
	__u32 i;

	(void)state;
	for (i = 0; i < small_limits.vms; i++) {
		snprintf(mac, sizeof(mac), "52:54:00:00:01:%02x", i & 0xff);
		snprintf(addr, sizeof(addr), "10.9.1.%u", i);
		OK(bind_to(p, mac, addr, "a", false));
	}
	NO(bind_to(p, VM1, "", "a", false), -ENOSPC, "limits.vms is 7");
	OK(bind_to(p, mac, "10.9.2.1 10.9.2.2 10.9.2.3", "a", false));
	NO(bind_to(p, "52:54:00:00:01:00", "10.9.1.0 10.9.2.4", "a", false), -ENOSPC,
	   "limits.vm_addresses is 9");
	/* A count that a kill left wrong is put right before anybody is refused. */
	OK(post(p, XR_NOTICE_LEAVE, mac, NULL, 0));
	p->vm_control->vms = 7;
	p->vm_control->addresses = 9;
	OK(bind_to(p, VM1, "10.9.2.4", "a", false));
	assert_int_equal(p->vm_control->vms, 7);
	assert_int_equal(p->vm_control->addresses, 7);
	drop_plane(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_move),
		cmocka_unit_test(it_stays),
		cmocka_unit_test(steps_that_make_no_sense),
		cmocka_unit_test(order),
		cmocka_unit_test(flapping),
		cmocka_unit_test(follow_up),
		cmocka_unit_test(half_prepared),
		cmocka_unit_test(paused_too_late),
		cmocka_unit_test(state_that_changed),
		cmocka_unit_test(ageing),
		cmocka_unit_test(last_number),
		cmocka_unit_test(full),
	};

	if (lacks_root())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("VMs", tests, NULL, NULL);
}
