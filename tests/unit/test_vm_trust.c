// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sources that contradict each other: QEMU's monitor, the operator, the fabric, the VM's own
 * frames. Who is obeyed follows from their ranks, and from where the lower one had the VM.
 */
#include <errno.h>
#include "lib/vm_notices.h"

#define VIA(p, who, kind, host, had) via(p, XR_SOURCE_##who, XR_NOTICE_##kind, host, had)

static int via(struct plane *p, enum xr_source who, enum xr_notice_kind kind, const char *host,
	       const char *had)
{
	struct xr_notice n = notice_of(kind, VM1, host);

	n.source = who;
	n.was = had;
	error.text[0] = '\0';
	return vm_notice(p, &n, &answer, &error);
}

static struct plane *with_vm(const char *host)
{
	struct plane *p = new_plane();

	OK(bind_to(p, VM1, "", host, false));
	return p;
}

/* What the data plane does at the VM's own frame. */
static void seen_at(struct plane *p, __u16 host)
{
	__u32 vm_index = index_of(p, VM1);
	struct xr_vm_now was = vm_now(p, vm_index), to = was;

	to.host = host;
	to.next = 0;
	to.state = XR_VM_MOVED;
	if (vm_under_way(was)) {
		to.home = host;
		p->vm_control->watching--;
	}
	assert_true(vm_change(p, vm_index, &was, to));
	p->vms[vm_index].ttl = 60;
	OK(vm_follow_up(p, vm_index, &error));
}

static void fabric_and_operator(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	NO(VIA(p, FDB, MOVED, "b", NULL), -EPERM, "fdb says b, but by the operator");
	NO(VIA(p, FDB, MOVED, "b", "c"), -EPERM, "at a: ignored");
	IS(VM1, "a stable");
	OK(VIA(p, FDB, MOVED, "a", NULL));
	assert_int_equal(answer.outcome, XR_ALREADY);
	assert_int_equal(p->vm_info[index_of(p, VM1)].source, XR_SOURCE_CLI);
	/* From where both have it. */
	OK(VIA(p, FDB, MOVED, "b", "a"));
	IS(VM1, "b moved");
	/* Its own word now: it may contradict that. */
	OK(VIA(p, FDB, MOVED, "c", NULL));
	IS(VM1, "c moved");
	OK(VIA(p, CLI, MOVED, "a", NULL));
	/* Late: where the operator has taken it from. */
	NO(VIA(p, FDB, MOVED, "c", "b"), -EPERM, "by the operator");
	IS(VM1, "a moved");
	drop_plane(p);
}

static void fabric_and_hypervisor(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, QMP, PREPARE, "b", NULL));
	NO(VIA(p, FDB, MOVED, "c", "a"), -EPERM, "by its hypervisor, whose word counts more");
	NO(VIA(p, FDB, PREPARE, "c", NULL), -EPERM, "on its way to b");
	NO(VIA(p, FDB, PAUSE, NULL, NULL), -EPERM, "says that it moves otherwise");
	NO(VIA(p, FDB, CANCEL, NULL, NULL), -EPERM, "its hypervisor");
	OK(VIA(p, FDB, MOVED, "a", "c"));
	assert_int_equal(answer.outcome, XR_ALREADY);
	IS(VM1, "a>b prepared");
	OK(VIA(p, QMP, PAUSE, NULL, NULL));
	NO(VIA(p, FDB, MOVED, "c", "a"), -EPERM, "its hypervisor");
	IS(VM1, "a>b blackout");
	/* It confirms what was prepared; the word stays the hypervisor's. */
	OK(VIA(p, FDB, MOVED, "b", "a"));
	IS(VM1, "b moved");
	assert_int_equal(p->vm_info[index_of(p, VM1)].source, XR_SOURCE_FDB);
	NO(VIA(p, FDB, MOVED, "a", "c"), -EPERM, "its hypervisor");
	OK(VIA(p, QMP, MOVED, "b", NULL));
	assert_int_equal(answer.outcome, XR_ALREADY);
	/* The hypervisor contradicts as it likes. */
	OK(VIA(p, FDB, MOVED, "c", "b"));
	OK(VIA(p, QMP, MOVED, "a", NULL));
	IS(VM1, "a moved");
	NO(VIA(p, FDB, LEAVE, NULL, NULL), -EPERM, "its hypervisor");
	assert_int_equal(p->vm_info[index_of(p, VM1)].moves, 3);
	drop_plane(p);
}

static void operator_and_hypervisor(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, QMP, PREPARE, "b", NULL));
	OK(VIA(p, CLI, CANCEL, NULL, NULL));
	IS(VM1, "a stable");
	OK(VIA(p, QMP, MOVED, "b", NULL));
	OK(VIA(p, SOCKET, MOVED, "c", NULL));
	IS(VM1, "c moved");
	/* The last word was not the hypervisor's, which could still overrule it. */
	OK(VIA(p, QMP, MOVED, "b", NULL));
	IS(VM1, "b moved");
	drop_plane(p);
}

static void fabric_and_frames(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	/* The policy let an announcement move it: the fabric may contradict that ... */
	seen_at(p, 2);
	IS(VM1, "b moved away");
	OK(VIA(p, FDB, MOVED, "c", NULL));
	IS(VM1, "c moved");
	/* ... and its word is home. */
	seen_at(p, 1);
	IS(VM1, "a moved away");
	OK(VIA(p, FDB, MOVED, "a", "c"));
	IS(VM1, "a moved");
	/* What a frame completed stays the word of whoever had prepared it. */
	OK(VIA(p, QMP, PREPARE, "b", NULL));
	seen_at(p, 2);
	assert_int_equal(p->vm_info[index_of(p, VM1)].source, XR_SOURCE_ANNOUNCEMENT);
	NO(VIA(p, FDB, MOVED, "a", NULL), -EPERM, "its hypervisor");
	OK(VIA(p, FDB, MOVED, "c", "b"));
	IS(VM1, "c moved");
	drop_plane(p);
}

/* It is many writers' word: an operator's among them, and late ones'. */
static void etcd_and_hypervisor(void **state)
{
	struct xr_notice n = notice_of(XR_NOTICE_MOVED, VM1, "c");
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, ETCD, MOVED, "b", NULL));
	IS(VM1, "b moved");
	NO(VIA(p, FDB, MOVED, "c", NULL), -EPERM, "by the operator");
	OK(VIA(p, LIBVIRT, MOVED, "a", NULL));
	NO(VIA(p, ETCD, MOVED, "b", NULL), -EPERM, "etcd says b, but by its hypervisor");
	IS(VM1, "a moved");
	/* A number that is newer than the hypervisor's was given by who knew of that. */
	n.source = XR_SOURCE_ETCD;
	n.seq = p->vm_info[index_of(p, VM1)].seq + 1;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "c moved");
	OK(VIA(p, LIBVIRT, PREPARE, "a", NULL));
	n.seq += 5;
	n.host = "b";
	n.moves = true;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "on its way to a");
	IS(VM1, "c>a prepared");
	n.moves = false;
	/* The operator's move comes to nothing: the hypervisor's word was of the one before. */
	OK(VIA(p, LIBVIRT, MOVED, "a", NULL));
	OK(VIA(p, SOCKET, PREPARE, "b", NULL));
	NO(VIA(p, ETCD, MOVED, "c", NULL), -EPERM, "on its way to b");
	n.seq = p->vm_info[index_of(p, VM1)].seq + 1;
	n.host = "c";
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "c moved");
	OK(VIA(p, ETCD, LEAVE, NULL, NULL));
	assert_int_equal(index_of(p, VM1), VM_NOWHERE);
	drop_plane(p);
}

/* A file says where a VM begins: it may have been written long ago. */
static void fabric_and_file(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	vm_note_source(p, index_of(p, VM1), XR_SOURCE_FILE);
	OK(VIA(p, FDB, MOVED, "b", NULL));
	IS(VM1, "b moved");
	OK(VIA(p, FILE, MOVED, "c", NULL));
	IS(VM1, "c moved");
	drop_plane(p);
}

/* The VM runs, and is about to go nowhere, as its hypervisor says now. */
static void fabric_and_running(void **state)
{
	struct xr_notice n = notice_of(XR_NOTICE_MOVED, VM1, "b");
	struct xr_vm_now now, to;
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, FDB, MOVED, "a", NULL));
	vm_note_source(p, index_of(p, VM1), XR_SOURCE_FILE);
	n.source = XR_SOURCE_OVN;
	n.was = "a";
	n.runs_here = true;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "ovn says b, but by its hypervisor");
	IS(VM1, "a stable");
	/* Not by preparing it itself. */
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "by its hypervisor");
	IS(VM1, "a>b prepared");
	/* The operator means it. */
	OK(VIA(p, CLI, PREPARE, "b", NULL));
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "b moved");
	n.host = "a";
	n.was = "b";
	n.runs_here = false;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "a moved");
	/* It was started again elsewhere, and is not known there. */
	OK(VIA(p, QMP, PREPARE, "b", NULL));
	n.host = "c";
	n.was = NULL;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "by its hypervisor");
	n.runs_there = true;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "c moved");
	/* A loop, while it did not run: over, when it does again. */
	now = vm_now(p, index_of(p, VM1));
	to = now;
	to.flags |= XR_VM_LOOP;
	assert_true(vm_change(p, index_of(p, VM1), &now, to));
	n.runs_there = false;
	OK(vm_notice(p, &n, &answer, &error));
	assert_int_equal(vm_now(p, index_of(p, VM1)).flags & XR_VM_LOOP, XR_VM_LOOP);
	n.runs_here = n.runs_there = true;
	OK(vm_notice(p, &n, &answer, &error));
	assert_int_equal(vm_now(p, index_of(p, VM1)).flags & XR_VM_LOOP, 0);
	drop_plane(p);
}

/* Who prepared it tells no more. */
static void move_that_nobody_tells_of(void **state)
{
	struct xr_notice n = notice_of(XR_NOTICE_MOVED, VM1, "c");
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, LIBVIRT, PREPARE, "b", NULL));
	n.source = XR_SOURCE_ETCD;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "by its hypervisor");
	n.seq = p->vm_info[index_of(p, VM1)].seq + 1;
	n.moves = true;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "by its hypervisor");
	IS(VM1, "a>b prepared");
	n.moves = false;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "c moved");
	drop_plane(p);
}

/* A hypervisor is in the midst of it. */
static void move_that_is_not_over(void **state)
{
	struct xr_notice n = notice_of(XR_NOTICE_MOVED, VM1, "b");
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, QMP, PREPARE, "b", NULL));
	OK(VIA(p, QMP, PAUSE, NULL, NULL));
	n.source = XR_SOURCE_OVN;
	n.was = "a";
	n.moves = true;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "ovn says b, but by its hypervisor");
	IS(VM1, "a>b blackout");
	/* The new host's says otherwise, and the old one's comes late. */
	n.runs_there = true;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "b moved");
	/* Nor is it there where the fabric alone has prepared that. */
	OK(VIA(p, OVN, PREPARE, "c", NULL));
	n.host = "c";
	n.was = "b";
	n.runs_there = false;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "ovn says c, but by its hypervisor");
	n.moves = false;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "c moved");
	/* etcd has it of the new host's hypervisor; or of the last time that it was there. */
	OK(VIA(p, QMP, PREPARE, "a", NULL));
	n = notice_of(XR_NOTICE_MOVED, VM1, "a");
	n.source = XR_SOURCE_ETCD;
	n.moves = n.not_left = true;
	NO(vm_notice(p, &n, &answer, &error), -EPERM, "etcd says a, but by its hypervisor");
	IS(VM1, "c>a prepared");
	n.not_left = false;
	OK(vm_notice(p, &n, &answer, &error));
	IS(VM1, "a moved");
	drop_plane(p);
}

/* Who prepared it, and nobody above him, may call it off, or have it end elsewhere. */
static void fabrics_own_move(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	OK(VIA(p, OVN, CANCEL, NULL, NULL));
	IS(VM1, "a stable");
	/* That the VM is where it is contradicts nobody who has it move. */
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	OK(VIA(p, ETCD, MOVED, "a", NULL));
	OK(VIA(p, OVN, CANCEL, NULL, NULL));
	IS(VM1, "a stable");
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	OK(VIA(p, SOCKET, PREPARE, "b", NULL));
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	NO(VIA(p, OVN, CANCEL, NULL, NULL), -EPERM, "by the operator");
	NO(VIA(p, OVN, MOVED, "c", "a"), -EPERM, "by the operator");
	OK(VIA(p, QMP, PAUSE, NULL, NULL));
	NO(VIA(p, OVN, PAUSE, NULL, NULL), -EPERM, "its hypervisor");
	NO(VIA(p, OVN, CANCEL, NULL, NULL), -EPERM, "its hypervisor");
	OK(VIA(p, CLI, CANCEL, NULL, NULL));
	OK(VIA(p, OVN, PREPARE, "b", NULL));
	NO(VIA(p, OVN, MOVED, "c", "b"), -EPERM, "its hypervisor");
	OK(VIA(p, OVN, MOVED, "c", "a"));
	IS(VM1, "c moved");
	drop_plane(p);
}

/* A new binding, or a prepared move that came to nothing, gives nobody more rights. */
static void rank_that_stays(void **state)
{
	struct plane *p = with_vm("a");

	(void)state;
	OK(VIA(p, QMP, MOVED, "b", NULL));
	OK(bind_to(p, VM1, "10.9.0.1", "b", false));
	NO(VIA(p, FDB, MOVED, "a", NULL), -EPERM, "its hypervisor");
	OK(VIA(p, FDB, PREPARE, "a", NULL));
	IS(VM1, "b>a prepared");
	NO(VIA(p, FDB, MOVED, "c", NULL), -EPERM, "its hypervisor");
	OK(VIA(p, CLI, CANCEL, NULL, NULL));
	NO(VIA(p, FDB, MOVED, "a", NULL), -EPERM, "its hypervisor");
	IS(VM1, "b moved");
	drop_plane(p);
}

static void flapping(void **state)
{
	struct plane *p = with_vm("a");
	int i;

	(void)state;
	for (i = 0; i < 6; i++)
		OK(VIA(p, FDB, MOVED, i & 1 ? "a" : "b", i & 1 ? "b" : "a"));
	IS(VM1, "a moved frozen");
	NO(VIA(p, FDB, MOVED, "b", "a"), -EPERM, "by the fabric");
	OK(VIA(p, FDB, MOVED, "a", "b"));
	assert_int_equal(answer.outcome, XR_ALREADY);
	IS(VM1, "a moved frozen");
	OK(VIA(p, CLI, MOVED, "a", NULL));
	IS(VM1, "a moved");
	OK(VIA(p, FDB, MOVED, "b", "a"));
	IS(VM1, "b moved");
	drop_plane(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fabric_and_operator),
		cmocka_unit_test(fabric_and_hypervisor),
		cmocka_unit_test(operator_and_hypervisor),
		cmocka_unit_test(fabric_and_frames),
		cmocka_unit_test(etcd_and_hypervisor),
		cmocka_unit_test(fabric_and_file),
		cmocka_unit_test(fabric_and_running),
		cmocka_unit_test(fabrics_own_move),
		cmocka_unit_test(move_that_nobody_tells_of),
		cmocka_unit_test(move_that_is_not_over),
		cmocka_unit_test(rank_that_stays),
		cmocka_unit_test(flapping),
	};

	if (lacks_root())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("VMs' sources", tests, NULL, NULL);
}
