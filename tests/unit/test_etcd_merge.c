// SPDX-License-Identifier: GPL-2.0-only
/* A first reading of etcd, while VMs move: what it says of where they were is too old. */
#include <stdlib.h>
#include <string.h>
#include "lib/vm_notices.h"
#include "user/config/config.h"
#include "user/etcd/etcd_priv.h"
#include "user/host/host.h"

/* What etcd had, and its number. */
static void value(struct etcd_read *r, const char *host, __u64 seq)
{
	char text[128];
	struct etcd_value v = { .key = "segments/0/vms/" VM1, .revision = 7 };
	json_t *item;

	snprintf(text, sizeof(text), "{\"mac\": \"" VM1 "\", \"at\": \"%s\"}", host);
	item = json_loads(text, 0, NULL);
	etcd_lines_head(&r->vms, "vms:");
	etcd_lines_add(&r->vms, item, &v, seq);
	json_decref(item);
	OK(config_read_vms(r->vms.text, r->vms.len, "etcd", &r->vm_part, &error));
	r->now.segments[0] = 1;
}

/* The instance's model, with the VM where it is now. */
static void load(struct plane *p, struct model *m)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "hosts: [{name: a, dev: dev1}, {name: b, dev: dev2}, {name: c, dev: dev3}]\n"
		 "vms: [{mac: \"" VM1 "\", at: %s}]\n",
		 host_name(p, vm_now(p, index_of(p, VM1)).host));
	OK(config_read_text(text, strlen(text), "instance", m, &error));
}

static int waits; /* words that are left for the end of a move */

static void on_outranked(void *ctx, const struct etcd_line *line)
{
	assert_string_equal(line->key, "segments/0/vms/" VM1);
	++*(int *)ctx;
}

/* Where it is after the reading: etcd has the VM at host. */
static const char *read_as(struct plane *p, struct etcd_read *r, const char *host, __u64 seq)
{
	static char at[XR_NAME_LEN];
	struct model m;

	value(r, host, seq);
	load(p, &m);
	r->plane = p;
	r->on_outranked = on_outranked;
	r->ctx = &waits;
	waits = 0;
	OK(etcd_merge(&m, r, &error));
	assert_int_equal(m.n_vms, 1);
	snprintf(at, sizeof(at), "%s", m.hosts[m.vms[0].host].info.name);
	model_free(&m);
	model_free(&r->vm_part);
	etcd_lines_free(&r->vms);
	free(r->moving);
	return at;
}

/* A reading begins. */
static struct etcd_read begin(struct plane *p)
{
	static const struct model_etcd conf;
	struct etcd_read r = { .conf = &conf, .with_vms = true };

	model_init(&r.part);
	model_init(&r.vm_part);
	OK(etcd_note_moving(&r, p));
	return r;
}

/* What the data plane does at the VM's own frame. */
static void seen_at(struct plane *p, __u16 host)
{
	__u32 vm_index = index_of(p, VM1);
	struct xr_vm_now was = vm_now(p, vm_index), to = was;

	to.host = to.home = host;
	to.next = 0;
	to.state = XR_VM_MOVED;
	assert_true(vm_change(p, vm_index, &was, to));
	p->vm_control->watching--;
}

static void at_rest(void **state)
{
	struct plane *p = new_plane();
	struct etcd_read r;

	(void)state;
	OK(bind_to(p, VM1, "", "a", false));
	r = begin(p);
	assert_string_equal(read_as(p, &r, "b", 0), "b");
	r = begin(p);
	assert_string_equal(read_as(p, &r, "b", 9000), "b");
	p->vm_info[index_of(p, VM1)].seq = 9000;
	r = begin(p);
	assert_string_equal(read_as(p, &r, "b", 9000), "a");
	r = begin(p);
	r.known.revision = 7;
	assert_string_equal(read_as(p, &r, "b", 9001), "a");
	drop_plane(p);
}

/* A restart in the midst of a move, and the VM's first frame before all is read. */
static void while_it_moves(void **state)
{
	static const __u64 seqs[] = { 0, 9000 };
	struct etcd_read r;
	struct plane *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(seqs) / sizeof(seqs[0]); i++) {
		p = new_plane();
		OK(bind_to(p, VM1, "", "a", false));
		OK(post(p, XR_NOTICE_PREPARE, VM1, "b", 0));
		OK(post(p, XR_NOTICE_PAUSE, VM1, NULL, 0));
		r = begin(p);
		seen_at(p, 2);
		assert_string_equal(read_as(p, &r, "a", seqs[i]), "b");
		/* It rests again: etcd's word is news. */
		r = begin(p);
		assert_string_equal(read_as(p, &r, "c", seqs[i]), "c");
		drop_plane(p);
	}
}

static bool is_here(void *ctx, __u32 vm_index)
{
	(void)ctx;
	(void)vm_index;
	return true;
}

/* A move that a hypervisor tells of, and one that the operator does: under way, and over. */
static void weighed_by_the_daemon(void **state)
{
	static const struct {
		enum xr_notice_kind kind;
		__u8 source;
		bool runs_yet;
		const char *says, *at;
		int waits;
	} at[] = {
		{ XR_NOTICE_PREPARE, XR_SOURCE_QMP, false, "c", "a", 1 },
		{ XR_NOTICE_PREPARE, XR_SOURCE_QMP, false, "b", "a", 1 },
		{ XR_NOTICE_PREPARE, XR_SOURCE_QMP, false, "a", "a", 0 },
		{ XR_NOTICE_PREPARE, XR_SOURCE_CLI, false, "c", "a", 1 },
		{ XR_NOTICE_PREPARE, XR_SOURCE_QMP, true, "b", "a", 1 },
		{ XR_NOTICE_PREPARE, XR_SOURCE_QMP, true, "a", "a", 0 },
		{ XR_NOTICE_MOVED, XR_SOURCE_QMP, false, "c", "b", 1 },
		{ XR_NOTICE_MOVED, XR_SOURCE_QMP, false, "b", "b", 0 },
		{ XR_NOTICE_MOVED, XR_SOURCE_CLI, false, "c", "c", 0 },
	};
	struct etcd_read r;
	struct xr_notice n;
	struct plane *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		p = new_plane();
		OK(bind_to(p, VM1, "", "a", false));
		n = notice_of(at[i].kind, VM1, "b");
		n.source = at[i].source;
		OK(vm_notice(p, &n, &answer, &error));
		r = begin(p);
		r.is_here = at[i].runs_yet ? is_here : NULL;
		assert_string_equal(read_as(p, &r, at[i].says, 9000), at[i].at);
		assert_int_equal(waits, at[i].waits);
		drop_plane(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_rest),
		cmocka_unit_test(while_it_moves),
		cmocka_unit_test(weighed_by_the_daemon),
	};

	if (lacks_root())
		return 0;
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reading etcd", tests, NULL, NULL);
}
