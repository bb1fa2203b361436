// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tests/bench/lib/cases.h"
#include "tests/bench/lib/scene.h"
#include "tests/bench/lib/vm_cases.h"
#include "tests/bench/lib/vm_scene.h"
#include "cases.h"
#include "packet.h"

#define SIDS   1024
#define FLOWS  1024
#define VMS    10
#define WALKED 8 /* of these VMs; but there is one packet, the first one's */

struct order {
	const char *only;
	take_case take;
	void *to;
};

static bool is_wanted(const struct order *o, const char *name)
{
	return !o->only || strstr(name, o->only);
}

static int count_one(const char *name, int prog, const struct program *p, const struct shot *shot,
		     __u32 action, struct counted *c)
{
	char why[256] = "";

	if (packet_count(prog, p, shot->frame, shot->len, action, c, why, sizeof(why)))
		return 0;
	fprintf(stderr, "count: %s: %s\n", name, why);
	return -EINVAL;
}

/* left: packets, by the case's reason. */
static int take(const struct order *o, const char *name, const struct counted *c, __u64 left)
{
	if (left == 1) {
		o->take(o->to, name, c);
		return 0;
	}
	fprintf(stderr, "count: %s: it left by another reason\n", name);
	return -EINVAL;
}

/* Where packets are told apart by their number, each has the next one, as in the bench. */
static void number(struct shot *shot, __u32 n)
{
	if (shot->walk.walk_id)
		memcpy(shot->frame + AT_IP4(id), &n, sizeof(n));
}

/* Twice, so that what is done but once is done. What is counted is the third. */
static int warm(int prog, struct shot *shot)
{
	__u8 out[OUT_MAX];
	int action = 0, i;
	__u32 len;

	for (i = 0; i < 2 && action >= 0; i++) {
		number(shot, i);
		action = packet_run(prog, shot->frame, shot->len, out, &len);
	}
	number(shot, i);
	return action < 0 ? action : 0;
}

/* The CID of server ID 0, where the bench walks over what it has made. */
static int set_cid(const struct bench_case *c, struct shot *shot)
{
	struct walk_cid cid;
	int err;

	if (!shot->walk.walk_cid)
		return 0;
	err = scene_cids(c->cid, &shot->frame[shot->walk.cid], &cid, 1);
	memcpy(&shot->frame[shot->walk.cid + 1], &cid, sizeof(cid));
	return err;
}

static int count_vip_case(const struct order *o, struct scene *s, const struct program *p,
			  const struct bench_case *c)
{
	int prog = scene_prog(s), err;
	struct counted counted;
	struct shot shot;
	__u64 left;

	c->shot(&shot);
	err = set_cid(c, &shot) ?: warm(prog, &shot);
	if (c->walks == OF_NEW_FLOWS)
		scene_forget_flows(s);
	left = scene_count(s, c->reason);
	return err ?: count_one(c->name, prog, p, &shot, c->action, &counted)
		   ?: take(o, c->name, &counted, scene_count(s, c->reason) - left);
}

static int count_vips(const struct order *o, bool apart)
{
	struct scene *s = scene_open(1, SIDS, FLOWS, apart);
	struct program p = {};
	int err = s ? program_read(&p, scene_prog(s)) : -EINVAL;

	for (int i = 0; i < BENCH_CASES && !err; i++)
		if (bench_cases[i].apart == apart && is_wanted(o, bench_cases[i].name))
			err = count_vip_case(o, s, &p, &bench_cases[i]);
	program_free(&p);
	scene_close(s);
	return err;
}

static int count_vm_case(const struct order *o, struct vm_scene *s, const struct vm_case *c)
{
	int prog = vm_scene_prog(s, c->knobs), err;
	struct counted counted;
	struct program p = {};
	struct shot shot;
	__u64 left;

	vm_case_shot(c, WALKED, &shot);
	err = program_read(&p, prog) ?: vm_case_set(s, c) ?: warm(prog, &shot);
	if (!err && c->activates)
		err = vm_case_set(s, c);
	left = vm_scene_count(s, c->reason);
	err = err ?: count_one(c->name, prog, &p, &shot, c->action, &counted)
		  ?: take(o, c->name, &counted, vm_scene_count(s, c->reason) - left);
	program_free(&p);
	return err;
}

/* The instance with VMs is several programs. */
static bool any_vm_case(const struct order *o)
{
	for (int i = 0; i < VM_CASES; i++)
		if (is_wanted(o, vm_cases[i].name))
			return true;
	return false;
}

static int count_vms(const struct order *o)
{
	struct vm_scene *s;
	int err;

	if (!any_vm_case(o))
		return 0;
	s = vm_scene_open(VMS);
	err = s ? 0 : -EINVAL;
	for (int i = 0; i < VM_CASES && !err; i++)
		if (is_wanted(o, vm_cases[i].name))
			err = count_vm_case(o, s, &vm_cases[i]);
	vm_scene_close(s);
	return err;
}

int cases_count(const char *only, take_case take, void *to)
{
	const struct order o = { .only = only, .take = take, .to = to };

	return count_vips(&o, false) ?: count_vips(&o, true) ?: count_vms(&o);
}
