// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs on devices: attaching, detaching, replacing.
 *
 * A device's record is written before its program is attached and completed
 * after, so that a command killed in between leaves a record which the next
 * one can put right (attach_recover).
 */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include "attach_priv.h"
#include "lib/netns.h"
#include "lib/text.h"
#include "plane/pins.h"

void plane_record_trusted(struct plane *p, const char *dev, bool trusted)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->trusted = trusted;
}

void plane_record_mode(struct plane *p, const char *dev, enum attach_want want)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->want = want;
}

void plane_record_ends(struct plane *p, const char *dev, const struct xr_listed *listed)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->listed = *listed;
}

static int cannot_query(const char *dev, int ret, struct xr_err *err)
{
	return xr_fail(err, ret, "%s: what is attached there cannot be read: %s", dev,
		       strerror(-ret));
}

/* No program of xroam is there, and no other one beside which ours cannot run. */
static int check_free(struct plane *p, const char *dev, int ifindex, struct xr_err *err)
{
	struct attached on;
	char text[160];
	int i, ret = attach_query(ifindex, &on);

	if (ret)
		return cannot_query(dev, ret, err);
	for (i = 0; i < on.n; i++) {
		if (attach_is_ours(p, on.id[i]))
			return xr_fail(err, -EEXIST,
				       "%s is attached already: \"xroam dev "
				       "detach %s\" first, if in another way",
				       dev, dev);
		if (attach_owner(on.id[i], text, sizeof(text)))
			return xr_fail(err, -EBUSY,
				       "%s belongs to %s: detach it there "
				       "first",
				       dev, text);
	}
	if (on.n && on.single)
		return xr_fail(err, -EBUSY,
			       "%s has %s, attached without a dispatcher that "
			       "could run both: remove it first (ip link set "
			       "dev %s xdp off)",
			       dev, text, dev);
	return 0;
}

static bool has_name(const struct xr_device *d, const char *dev)
{
	return !strncmp(d->name, dev, sizeof(d->name));
}

/* Records of that name whose namespace is gone are in nobody's way. */
static void drop_unreachable(struct plane *p, const char *dev)
{
	struct xr_device *d = NULL;
	int back, ret;

	while ((d = plane_next_device(p, d))) {
		if (!has_name(d, dev))
			continue;
		ret = netns_enter(d->netns, &back);
		if (ret == -ENOENT)
			record_drop(p, d);
		else if (!ret)
			netns_leave(back);
	}
}

static int try_modes(struct plane *p, struct xr_device *d, enum attach_want want, __u32 *prog_id,
		     struct xr_err *err)
{
	struct xr_err native = { "" };
	int ret = -EOPNOTSUPP;

	if (want != ATTACH_GENERIC) {
		ret = attach_mode(p, d, XR_MODE_NATIVE, NULL, prog_id, err);
		if (!ret || ret != -EOPNOTSUPP)
			return ret;
		native = *err;
	}
	if (want == ATTACH_NATIVE)
		return xr_fail(err, ret, "%s; try \"mode generic\"", native.text);
	ret = attach_mode(p, d, XR_MODE_GENERIC, NULL, prog_id, err);
	if (!ret)
		*err = native; /* why it is not native: a note */
	return ret;
}

int plane_attach(struct plane *p, const char *dev, enum attach_want want, enum xr_role role,
		 devices_changed_fn *changed, struct xr_err *err)
{
	int ifindex = if_nametoindex(dev), ret;
	struct xr_err local = { "" };
	struct xr_device *d = NULL;
	struct attached on;
	__u32 prog_id = 0;

	err = err ? err : &local;
	err->text[0] = '\0';
	if (!ifindex)
		return xr_fail(err, -ENODEV, "no device \"%s\" in this network namespace", dev);
	ret = text_check_dev(NULL, dev, err);
	if (!ret)
		ret = check_free(p, dev, ifindex, err);
	if (ret)
		return ret;
	drop_unreachable(p, dev);
	ret = record_new(p, dev, ifindex, role, &d, err);
	if (ret)
		return ret;
	d->want = want;
	/* This role is of use in native mode only: "role pass" in xroam-dev(8). */
	if (role == XR_ROLE_PASS)
		want = ATTACH_NATIVE;
	ret = try_modes(p, d, want, &prog_id, err);
	if (ret) {
		record_drop(p, d);
		return ret;
	}
	/* Not completed, it is put right by the next command, as after a kill. */
	ret = attach_query(ifindex, &on);
	if (ret)
		return cannot_query(dev, ret, err);
	record_complete(p, d, &on, prog_id);
	changed(p, 0);
	plane_event(p, "dev %s attached: %s, %s, role %s", dev, text_mode(d->mode),
		    text_how(d->how), text_role(d->role));
	return 0;
}

/* ---- detaching ---- */

/* In the device's network namespace. If no program is there any more, all is well. */
static int detach_here(struct plane *p, struct xr_device *d, struct xr_err *err)
{
	struct attached on;
	int i, ret = attach_query(d->ifindex, &on);

	if (ret)
		return cannot_query(d->name, ret, err);
	for (i = 0; i < on.n && !ret; i++) {
		if (attach_is_ours(p, on.id[i]))
			ret = attach_remove(d->ifindex, &on, on.id[i]);
	}
	if (ret)
		return xr_fail(err, ret, "%s: detaching: %s", d->name, kernel_message_or(ret));
	return 0;
}

static int detach(struct plane *p, struct xr_device *d, devices_changed_fn *changed,
		  struct xr_err *err)
{
	char name[XR_NAME_LEN];
	__u64 netns = d->netns;
	__u32 id = d->prog_id;
	int back, ret;

	ret = netns_enter(netns, &back);
	/* A namespace that is gone (-ENOENT) took its devices along. */
	if (ret && ret != -ENOENT)
		return xr_fail(err, ret, "%s: going to its network namespace: %s", d->name,
			       strerror(-ret));
	/* Killed after this, the next command drops the record (attach_recover). */
	__atomic_store_n(&d->prog_id, 0, __ATOMIC_RELEASE);
	if (!ret) {
		kernel_message_begin();
		ret = detach_here(p, d, err);
		kernel_message_end();
		netns_leave(back);
		if (ret) {
			d->prog_id = id;
			return ret;
		}
	}
	strcpy(name, d->name);
	record_drop(p, d);
	changed(p, netns);
	plane_event(p, "dev %s detached", name);
	return 0;
}

int plane_detach_device(struct plane *p, const struct xr_device *d, devices_changed_fn *changed,
			struct xr_err *err)
{
	return detach(p, &p->devices[record_slot(p, d)], changed, err);
}

/*
 * In other network namespaces: the only one of that name that is still there. Without
 * any, the records of those that are gone go.
 */
static int detach_elsewhere(struct plane *p, const char *dev, devices_changed_fn *changed,
			    struct xr_err *err)
{
	struct xr_device *d = NULL, *one = NULL;
	char a[NETNS_TEXT], b[NETNS_TEXT];
	int ret = 0, gone = 0;

	while ((d = plane_next_device(p, d))) {
		if (!has_name(d, dev))
			continue;
		if (plane_device_state(p, d) == DEVICE_GONE) {
			gone++;
			continue;
		}
		if (one)
			return xr_fail(
				err, -EEXIST,
				"%s is attached in the network namespaces %s and %s: say it in one of them (nsenter --net=/run/netns/NAME)",
				dev, netns_text(one->netns, a), netns_text(d->netns, b));
		one = d;
	}
	if (one)
		return detach(p, one, changed, err);
	while (!ret && (d = plane_next_device(p, d)))
		if (has_name(d, dev))
			ret = detach(p, d, changed, err);
	return gone ? ret
		    : xr_fail(err, -ENODEV, "%s is not attached; see \"xroam dev show\"", dev);
}

int plane_detach(struct plane *p, const char *dev, devices_changed_fn *changed, struct xr_err *err)
{
	struct xr_device *d = record_find(p, dev);

	return d ? detach(p, d, changed, err) : detach_elsewhere(p, dev, changed, err);
}

int plane_detach_all(struct plane *p, devices_changed_fn *changed, struct xr_err *err)
{
	struct xr_device *d = NULL;
	int ret, first = 0;

	while ((d = plane_next_device(p, d))) {
		ret = detach(p, d, changed, first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

/* ---- replacing ---- */

int plane_try_programs(struct plane *p, struct xr_err *err)
{
	struct xr_device *d = NULL;
	unsigned int tried = 0;
	struct loaded l;
	int ret;

	while ((d = plane_next_device(p, d))) {
		if (tried & 1U << d->role)
			continue;
		ret = program_load(p, &l, record_slot(p, d), d->role, NULL, err);
		if (ret)
			return ret;
		program_close(&l);
		tried |= 1U << d->role;
	}
	return 0;
}

static int reload_here(struct plane *p, struct xr_device *d, struct xr_err *err)
{
	struct attached on;
	int ret = attach_query(d->ifindex, &on);
	__u32 old;

	if (ret)
		return cannot_query(d->name, ret, err);
	if (!on.exists)
		return 0; /* status shows it */
	old = attach_ours(p, &on, 0);
	if (old)
		return attach_replace(p, d, &on, old, NULL, err);
	return xr_fail(err, -ENOENT,
		       "%s: its program was removed by somebody else; \"xroam "
		       "dev attach %s\"",
		       d->name, d->name);
}

int plane_reload(struct plane *p, int *done, struct xr_err *err)
{
	struct xr_err local = { "" };
	struct xr_device *d = NULL;
	int ret, first = plane_reload_helpers(p, err), back;

	*done = 0;
	while ((d = plane_next_device(p, d))) {
		/* One without a program does not keep the others from theirs. */
		if (first && first != -ENOENT)
			break;
		ret = netns_enter(d->netns, &back);
		if (ret == -ENOENT)
			continue; /* status shows it */
		local.text[0] = '\0';
		if (ret)
			xr_fail(&local, ret, "%s: going to its network namespace: %s", d->name,
				strerror(-ret));
		else
			ret = reload_here(p, d, &local);
		netns_leave(back);
		if (ret && (!first || ret != -ENOENT))
			first = xr_fail(err, ret, "%s", local.text);
		*done += !ret && plane_device_state(p, d) == DEVICE_ATTACHED;
	}
	return first;
}
