// SPDX-License-Identifier: GPL-2.0-only
/* Putting right what a killed command left, and pins that tell too little. */
#include <bpf/bpf.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "attach_priv.h"
#include "netns.h"
#include "plane_priv.h"

/* A killed attach or reload: take over what it did, or forget the record. */
static void recover(struct plane *p, struct xr_device *d)
{
	struct attached at;
	__u32 keep = 0;
	int i;

	attach_look(d->ifindex, &at);
	for (i = 0; i < at.n; i++) {
		if (!attach_is_ours(p, at.id[i]))
			continue;
		if (!keep || at.id[i] == d->prog_id)
			keep = at.id[i];
	}
	if (!keep) {
		if (!d->prog_id)
			record_drop(p, d);
		return;
	}
	if (keep != d->prog_id)
		record_complete(p, d, &at, keep);
	for (i = 0; i < at.n; i++) {
		if (at.id[i] != keep && attach_is_ours(p, at.id[i]))
			attach_remove(d->ifindex, &at, at.id[i]);
	}
}

void attach_recover(struct plane *p)
{
	__u64 netns = netns_inode();
	int i;

	for (i = 0; i < XR_MAX_DEVICES; i++) {
		struct xr_device *d = &p->devices[i];

		if (d->ifindex && d->netns == netns)
			recover(p, d);
	}
}

/* Takes the program off every device of this namespace. */
static void sweep_here(void *ctx)
{
	__u32 id = *(__u32 *)ctx;
	struct if_nameindex *list = if_nameindex(), *i;
	struct attached at;
	int n;

	for (i = list; i && i->if_index; i++) {
		attach_look(i->if_index, &at);
		for (n = 0; n < at.n; n++) {
			if (at.id[n] == id)
				attach_remove(i->if_index, &at, id);
		}
	}
	if (list)
		if_freenameindex(list);
}

void attach_each_netns(const char *pin, void (*each)(void *id))
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = bpf_obj_get(pin);

	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len))
		netns_each(each, &info.id);
	close(fd);
}

void attach_sweep(const char *pin)
{
	attach_each_netns(pin, sweep_here);
}
