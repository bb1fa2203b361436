// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/progress.h"
#include "lib/whole.h"
#include "plane/vm_state.h"
#include "stream_priv.h"
#include "vm/vm.h"

#define CHUNK 8192 /* flows in a section */

struct sink {
	struct plane *p;
	int fd;
	const char *path;
	const struct state_options *o;
	struct state_sent *sent;
	struct xr_err *err;
	__u16 *index; /* of a backend, or a host: its name's in the stream */
	struct timespec begun;
	__u32 tick;
};

/* ---- octets ---- */

/* Sleeps where more was sent than the rate allows until now. */
static void keep_rate(const struct sink *s)
{
	struct timespec now;
	double early;

	if (!s->o->rate)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	early = (double)s->sent->octets / s->o->rate - (now.tv_sec - s->begun.tv_sec) -
		(now.tv_nsec - s->begun.tv_nsec) / 1e9;
	if (early > 0)
		usleep(early * 1e6);
}

static int put(struct sink *s, const void *octets, size_t len)
{
	int ret = plane_write(s->fd, octets, len);

	s->sent->octets += len;
	return ret ? xr_fail(s->err, ret, "%s: %s", s->path, strerror(-ret)) : 0;
}

static int put_section(struct sink *s, enum stream_kind kind, const void *octets, size_t len)
{
	const struct stream_section head = {
		.kind = htole32(kind),
		.crc = htole32(crc32(0, octets, len)),
		.length = htole32(len),
	};
	int ret = progress_stopped() ? xr_fail(s->err, -EINTR, PROGRESS_STOPPED) : 0;

	if (!ret)
		ret = put(s, &head, sizeof(head));
	if (!ret)
		ret = put(s, octets, len);
	if (!ret && len % 8)
		ret = put(s, "\0\0\0\0\0\0\0", 8 - len % 8);
	keep_rate(s);
	return ret;
}

static int put_head(struct sink *s)
{
	struct stream_head h = {
		.magic = { 'X', 'R', 'S', 'T', 'A', 'T', 'E', '\n' },
		.version = htole16(STREAM_VERSION),
		.size = htole16(sizeof(h)),
		.flow_buckets = htole32(s->p->flow_buckets),
		.written = htole64(time(NULL)),
		.keys = htole64(stream_keys(s->p->hash_keys)),
	};

	memcpy(h.instance, s->p->name, strlen(s->p->name));
	return put(s, &h, sizeof(h));
}

/* ---- names ---- */

/* Fills s->index; 0xffff where there is none. name(p, i): the name at index i, "" for none. */
static int put_names(struct sink *s, enum stream_kind kind, __u32 most,
		     const char *(*name)(const struct plane *p, __u32 i))
{
	struct stream_name *list = calloc(most + 1, sizeof(*list));
	__u32 i, n = 0;
	int ret;

	if (!list)
		return xr_fail(s->err, -ENOMEM, "out of memory");
	s->index[0] = STREAM_NO_HOST;
	for (i = 1; i <= most; i++) {
		s->index[i] = STREAM_NO_HOST;
		if (!name(s->p, i)[0])
			continue;
		s->index[i] = n;
		strncpy(list[n++].name, name(s->p, i), sizeof(list->name) - 1);
	}
	ret = put_section(s, kind, list, n * sizeof(*list));
	free(list);
	return ret;
}

static const char *backend_at(const struct plane *p, __u32 i)
{
	return p->backend_info[i].state == XR_BACKEND_NONE ? "" : p->backend_info[i].name;
}

static const char *host_at(const struct plane *p, __u32 i)
{
	return p->host_info[i].name;
}

/* ---- flows ---- */

/* false: it is over, or of no backend. */
static bool make_flow(const struct sink *s, __u32 bucket, struct xr_flow f, __u32 most,
		      struct stream_flow *to)
{
	__u32 age = (s->tick - f.seen) & XR_FLOW_SEEN;

	if (!f.backend || f.backend > s->p->meta->limits.backends || age > most ||
	    s->index[f.backend] == STREAM_NO_HOST)
		return false;
	*to = (struct stream_flow){
		.bucket = htole32(bucket),
		.tag = htole32(f.tag),
		.backend = htole16(s->index[f.backend]),
		.seen = htole16((f.seen & ~XR_FLOW_SEEN) | age),
	};
	return true;
}

static int flush_flows(struct sink *s, const struct stream_flow *list, size_t *n)
{
	int ret = *n ? put_section(s, STREAM_FLOWS, list, *n * sizeof(*list)) : 0;

	s->sent->flows += *n;
	*n = 0;
	return ret;
}

static int put_flows(struct sink *s)
{
	const struct plane *p = s->p;
	__u32 most = p->meta->policy.flow_idle, i;
	struct stream_flow *list = calloc(CHUNK, sizeof(*list));
	size_t n = 0;
	int ret = list ? 0 : xr_fail(s->err, -ENOMEM, "out of memory"), w;

	if (s->o->age && s->o->age < most)
		most = s->o->age;
	progress_doing("buckets of flows", p->flow_buckets);
	for (i = 0; !ret && i < p->flow_buckets; i++) {
		progress_at(i);
		for (w = 0; w < XR_FLOW_WAYS; w++)
			n += make_flow(s, i, whole_load(&p->flows[i].way[w]), most, &list[n]);
		if (n > CHUNK - XR_FLOW_WAYS)
			ret = flush_flows(s, list, &n);
	}
	if (!ret)
		ret = flush_flows(s, list, &n);
	free(list);
	return ret;
}

/* ---- VMs ---- */

static __u32 left_of(__u32 until, __u32 tick)
{
	return (__s32)(until - tick) > 0 ? until - tick : 0;
}

static __le16 host_index(const struct sink *s, __u16 host)
{
	return htole16(host <= s->p->meta->limits.hosts ? s->index[host] : STREAM_NO_HOST);
}

/* Before the VM's section: it is bounded before its first frame. */
static int put_bounds(struct sink *s, __u32 i, __u64 key)
{
	struct stream_bounds to;
	struct xr_vm_bounds b;
	size_t len;

	if (!vm_get_bounds(s->p, i, &b))
		return 0;
	memset(&to, 0, sizeof(to));
	len = stream_put_bounds(&to, key, &b);
	return put_section(s, STREAM_BOUNDS, &to, len);
}

/* What is over is as vm_age() will have it. */
static int put_vm(void *ctx, __u32 i)
{
	struct sink *s = ctx;
	const struct xr_vm_info *info = &s->p->vm_info[i];
	struct xr_vm_now now = vm_now(s->p, i);
	const struct xr_vm *vm = &s->p->vms[i];
	struct stream_vm to = {
		.key = htole64(vm->key),
		.seq = htole64(info->seq),
		.moves = htole64(info->moves),
		.host = host_index(s, now.host),
		.next = host_index(s, now.next),
		.home = host_index(s, now.home),
		.state = now.state,
		.flags = now.flags,
		.source = info->source,
		.step = info->step,
		.learned = info->learned,
		.next_ttl = htole32(vm->next_ttl),
	};

	if (to.host == htole16(STREAM_NO_HOST))
		return 0;
	memcpy(to.addr, info->addr, sizeof(to.addr));
	if (now.state == XR_VM_MOVED)
		to.ttl = htole32(left_of(vm->last + vm->ttl, s->tick));
	else if (vm_under_way(now) && vm->deadline)
		to.deadline = htole32(left_of(vm->deadline, s->tick) ?: 1);
	if ((now.state == XR_VM_MOVED && !to.ttl) || now.state == XR_VM_NONE)
		to.state = XR_VM_STABLE;
	s->sent->vms++;
	return put_bounds(s, i, vm->key) ?: put_section(s, STREAM_VMS, &to, sizeof(to));
}

/* ---- all ---- */

static int put_end(struct sink *s)
{
	const struct stream_end e = {
		.flows = htole64(s->sent->flows),
		.vms = htole64(s->sent->vms),
	};

	return put_section(s, STREAM_END, &e, sizeof(e));
}

int state_export(struct plane *p, int fd, const char *path, const struct state_options *o,
		 struct state_sent *sent, struct xr_err *err)
{
	const struct xr_limits *l = &p->meta->limits;
	struct sink s = {
		.p = p,
		.fd = fd,
		.path = path,
		.o = o,
		.sent = sent,
		.err = err,
		.tick = plane_tick(p),
		.index = calloc((l->backends > l->hosts ? l->backends : l->hosts) + 1,
				sizeof(*s.index)),
	};
	int ret;

	*sent = (struct state_sent){ 0 };
	if (!s.index)
		return xr_fail(err, -ENOMEM, "out of memory");
	clock_gettime(CLOCK_MONOTONIC, &s.begun);
	ret = put_head(&s);
	if (!ret && o->what & STATE_FLOWS) {
		ret = put_names(&s, STREAM_BACKENDS, l->backends, backend_at);
		if (!ret)
			ret = put_flows(&s);
	}
	if (!ret && o->what & STATE_VMS) {
		progress_doing("VMs", 0);
		ret = put_names(&s, STREAM_HOSTS, l->hosts, host_at);
		if (!ret)
			ret = vm_each(p, put_vm, &s);
	}
	if (!ret)
		ret = put_end(&s);
	free(s.index);
	return ret;
}
