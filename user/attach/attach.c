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

void plane_trust(struct plane *p, const char *dev, bool trusted)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->trusted = trusted;
}

void plane_want(struct plane *p, const char *dev, enum attach_want want)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->want = want;
}

void plane_list_ends(struct plane *p, const char *dev, const struct xr_listed *listed)
{
	struct xr_device *d = record_find(p, dev);

	if (d)
		d->listed = *listed;
}

/* Neither a second xroam, nor a neighbour that cannot be lived with. */
static int check_free(struct plane *p, const char *dev, int ifindex, struct xr_err *err)
{
	struct attached at;
	char text[160];
	int i;

	attach_look(ifindex, &at);
	for (i = 0; i < at.n; i++) {
		if (attach_is_ours(p, at.id[i]))
			return xr_fail(err, -EEXIST,
				       "%s is attached already: \"xroam dev "
				       "detach %s\" first, if in another way",
				       dev, dev);
		if (attach_whose(at.id[i], text, sizeof(text)))
			return xr_fail(err, -EBUSY,
				       "%s belongs to %s: detach it there "
				       "first",
				       dev, text);
	}
	if (at.n && at.single)
		return xr_fail(err, -EBUSY,
			       "%s has %s, attached without a dispatcher that "
			       "could run both: remove it first (ip link set "
			       "dev %s xdp off)",
			       dev, text, dev);
	return 0;
}

/* What is left of one of that name whose namespace is gone is in nobody's way. */
static void forget_ghosts(struct plane *p, const char *dev)
{
	struct xr_device *d = p->devices;
	int i, back, ret;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		if (!d->ifindex || strncmp(d->name, dev, sizeof(d->name)))
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
		ret = attach_mode(p, d, XR_MODE_NATIVE, prog_id, err);
		if (!ret || ret != -EOPNOTSUPP)
			return ret;
		native = *err;
	}
	if (want == ATTACH_NATIVE)
		return xr_fail(err, ret, "%s; try \"mode generic\"", native.text);
	ret = attach_mode(p, d, XR_MODE_GENERIC, prog_id, err);
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
	struct attached at;
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
	forget_ghosts(p, dev);
	ret = record_new(p, dev, ifindex, role, &d, err);
	if (ret)
		return ret;
	d->want = want;
	/* It is for what native mode makes the kernel do. */
	if (role == XR_ROLE_PASS)
		want = ATTACH_NATIVE;
	ret = try_modes(p, d, want, &prog_id, err);
	if (ret) {
		record_drop(p, d);
		return ret;
	}
	attach_look(ifindex, &at);
	record_complete(p, d, &at, prog_id);
	changed(p, 0);
	plane_event(p, "dev %s attached: %s, %s, role %s", dev, text_mode(d->mode),
		    text_how(d->how), text_role(d->role));
	return 0;
}

/* ---- detaching ---- */

/* In the device's own namespace. What is not there any more is no error. */
static int detach_here(struct plane *p, struct xr_device *d, struct xr_err *err)
{
	struct attached at;
	int i, ret = 0;

	attach_look(d->ifindex, &at);
	for (i = 0; i < at.n && !ret; i++) {
		if (attach_is_ours(p, at.id[i]))
			ret = attach_remove(d->ifindex, &at, at.id[i]);
	}
	if (ret)
		return xr_fail(err, ret, "%s: detaching: %s", d->name, words_or(ret));
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
	/* A namespace that nobody can reach any more took its devices along. */
	if (ret && ret != -ENOENT)
		return xr_fail(err, ret, "%s: going to its network namespace: %s", d->name,
			       strerror(-ret));
	/* Killed behind this, the next command forgets the record (recover). */
	__atomic_store_n(&d->prog_id, 0, __ATOMIC_RELEASE);
	if (!ret) {
		words_listen();
		ret = detach_here(p, d, err);
		words_stop();
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

/* Of that name elsewhere: the only one, or else what is left of such. */
static int detach_elsewhere(struct plane *p, const char *dev, devices_changed_fn *changed,
			    struct xr_err *err)
{
	struct xr_device *d = p->devices, *one = NULL;
	char a[NETNS_TEXT], b[NETNS_TEXT];
	int i, ret = 0, gone = 0;

	for (i = 0; i < XR_MAX_DEVICES; i++, d++) {
		if (!d->ifindex || strncmp(d->name, dev, sizeof(d->name)))
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
	for (d = p->devices, i = 0; i < XR_MAX_DEVICES && !ret; i++, d++)
		if (d->ifindex && !strncmp(d->name, dev, sizeof(d->name)))
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
	int i, ret, first = 0;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		if (!p->devices[i].ifindex)
			continue;
		ret = detach(p, &p->devices[i], changed, first ? NULL : err);
		first = first ? first : ret;
	}
	return first;
}

/* ---- replacing ---- */

static int reload_here(struct plane *p, struct xr_device *d, struct xr_err *err)
{
	struct attached at;
	int i;

	attach_look(d->ifindex, &at);
	if (!at.exists)
		return 0; /* status tells */
	for (i = 0; i < at.n; i++) {
		if (attach_is_ours(p, at.id[i]))
			return attach_replace(p, d, &at, at.id[i], err);
	}
	return xr_fail(err, -ENOENT,
		       "%s: its program was removed by somebody else; \"xroam "
		       "dev attach %s\"",
		       d->name, d->name);
}

int plane_reload(struct plane *p, int *done, struct xr_err *err)
{
	struct xr_err local = { "" };
	int i, ret, first = plane_refresh(p, err);

	*done = 0;
	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_device *d = &p->devices[i];
		int back;

		/* One without a program does not keep the others from theirs. */
		if (first && first != -ENOENT)
			break;

		if (!d->ifindex)
			continue;
		ret = netns_enter(d->netns, &back);
		if (ret == -ENOENT)
			continue; /* status tells */
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
