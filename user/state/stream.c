// SPDX-License-Identifier: GPL-2.0-only
/* Reading a stream: everything in it is a stranger's until it is checked here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/hash.h"
#include "lib/text.h"
#include "model/model_edit.h"
#include "stream_priv.h"

#define TOTAL_MAX (2ULL << 30)
#define PATIENCE  10 /* seconds more than by its least rate */

__u64 stream_keys(const struct xr_hash_keys *keys)
{
	return hash_sip(0x7872737461746531ULL, 0x66696e6765727072ULL, keys->key, sizeof(keys->key));
}

const struct stream_name *stream_backends(const struct state_stream *s)
{
	return (const void *)(s->octet + s->backends);
}

const struct stream_name *stream_hosts(const struct state_stream *s)
{
	return (const void *)(s->octet + s->hosts);
}

void state_free(struct state_stream *s)
{
	if (!s)
		return;
	free(s->octet);
	free(s->flows);
	free(s->vms);
	free(s);
}

/* ---- octets ---- */

/* Where a stream comes from: a descriptor, or memory. */
struct origin {
	int fd;      /* -1: memory */
	__u32 least; /* octets a second, or 0 */
	time_t begun;
	size_t came;
	const char *path;
	const __u8 *octet;
	size_t left;
};

time_t stream_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static bool is_too_slow(const struct origin *from)
{
	return from->least &&
		stream_clock() - from->begun > PATIENCE + (time_t)(from->came / from->least);
}

/* Less than n: it ended. */
static ssize_t get(struct origin *from, void *to, size_t n)
{
	size_t done = 0;
	ssize_t got;

	if (from->fd < 0) {
		done = n < from->left ? n : from->left;
		memcpy(to, from->octet, done);
		from->octet += done;
		from->left -= done;
		return done;
	}
	while (done < n) {
		if (is_too_slow(from))
			return -ETIMEDOUT;
		got = read(from->fd, (__u8 *)to + done, n - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!got)
			break;
		done += got;
		from->came += got;
	}
	return done;
}

/* n octets more at the stream's end. It grows as they come, whatever its head promises. */
static int take(struct state_stream *s, struct origin *from, size_t n, struct xr_err *err)
{
	__u8 *more;
	ssize_t got;

	if (s->len + n > TOTAL_MAX)
		return xr_fail(err, -EFBIG, "%s: it is larger than %llu octets", from->path,
			       TOTAL_MAX);
	if (s->len + n > s->room) {
		s->room = 2 * (s->len + n);
		more = realloc(s->octet, s->room);
		if (!more)
			return xr_fail(err, -ENOMEM, "out of memory");
		s->octet = more;
	}
	got = get(from, s->octet + s->len, n);
	if (got < 0)
		return xr_fail(err, got, "%s: %s", from->path, strerror(-got));
	s->len += got;
	if ((size_t)got < n)
		return xr_fail(err, -EINVAL,
			       "%s: it ends in the middle, after %zu octets; nothing was taken",
			       from->path, s->len);
	return 0;
}

/* ---- what is in a section ---- */

static int damaged(const struct origin *from, size_t at, const char *what, struct xr_err *err)
{
	return xr_fail(err, -EINVAL, "%s: damaged, at octet %zu: %s; nothing was taken", from->path,
		       at, what);
}

static const char *check_names(const struct state_stream *s, size_t at, size_t n)
{
	const struct stream_name *name = (const void *)(s->octet + at);
	size_t i;

	for (i = 0; i < n; i++)
		if (!memchr(name[i].name, '\0', sizeof(name[i].name)) ||
		    text_check_name("name", name[i].name, NULL))
			return "a name that is none";
	return NULL;
}

static const char *check_flows(const struct state_stream *s, size_t at, size_t n)
{
	const struct stream_flow *f = (const void *)(s->octet + at);
	size_t i;

	for (i = 0; i < n; i++)
		if (le32toh(f[i].bucket) >= s->flow_buckets || !(le32toh(f[i].tag) & 1) ||
		    le16toh(f[i].backend) >= s->n_backends)
			return "a flow whose bucket, tag or backend is none";
	return NULL;
}

static bool is_host(const struct state_stream *s, __le16 index, bool may_lack)
{
	return le16toh(index) < s->n_hosts || (may_lack && le16toh(index) == STREAM_NO_HOST);
}

static const char *check_vms(const struct state_stream *s, size_t at, size_t n)
{
	const struct stream_vm *vm = (const void *)(s->octet + at);
	bool moves;
	size_t i;

	for (i = 0; i < n; i++) {
		moves = vm[i].state == XR_VM_PREPARED || vm[i].state == XR_VM_BLACKOUT;
		if (vm[i].state < XR_VM_STABLE || vm[i].state > XR_VM_MOVED)
			return "a VM in no state";
		if (!is_host(s, vm[i].host, false) || !is_host(s, vm[i].home, true) ||
		    !is_host(s, vm[i].next, !moves))
			return "a VM at no host";
		if (le64toh(vm[i].key) >> 60 || le64toh(vm[i].seq) >> 63)
			return "a VM with no VLAN or number";
	}
	return NULL;
}

static int add_chunk(struct stream_chunk **list, size_t *n_list, size_t at, size_t n)
{
	struct stream_chunk *c = model_grow(list, n_list, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*c = (struct stream_chunk){ .at = at, .n = n };
	return 0;
}

static const char *check_bounds(struct state_stream *s, size_t at, size_t len)
{
	struct xr_vm_bounds b;

	if (s->bounds || stream_get_bounds(&b, (const void *)(s->octet + at), len))
		return "bounds that are none";
	s->bounds = at;
	s->bounds_len = len;
	return NULL;
}

static const char *add_vms(struct state_stream *s, size_t at, size_t n, int *ret)
{
	const struct stream_bounds *b = (const void *)(s->octet + s->bounds);
	const struct stream_vm *vm = (const void *)(s->octet + at);
	const char *wrong = check_vms(s, at, n);
	struct stream_chunk *c;

	if (!wrong && s->bounds && (n != 1 || b->key != vm->key))
		wrong = "bounds of another VM";
	if (wrong)
		return wrong;
	*ret = add_chunk(&s->vms, &s->n_vms, at, n);
	if (!*ret) {
		c = &s->vms[s->n_vms - 1];
		c->bounds = s->bounds;
		c->bounds_len = s->bounds_len;
	}
	s->bounds = s->bounds_len = 0;
	s->all_vms += n;
	return NULL;
}

/* Names come once, before whatever has them. */
static const char *add_names(struct state_stream *s, bool of_hosts, size_t at, size_t n)
{
	const char *wrong = check_names(s, at, n);

	if (wrong)
		return wrong;
	if (of_hosts ? s->n_hosts || s->n_vms : s->n_backends || s->n_flows)
		return "names for the second time";
	if (of_hosts) {
		s->hosts = at;
		s->n_hosts = n;
	} else {
		s->backends = at;
		s->n_backends = n;
	}
	return NULL;
}

static const char *add_section(struct state_stream *s, __u32 kind, size_t at, size_t len, int *ret)
{
	const size_t size = kind == STREAM_FLOWS ? sizeof(struct stream_flow)
		: kind == STREAM_VMS             ? sizeof(struct stream_vm)
						 : sizeof(struct stream_name);
	const size_t n = len / size;
	const char *wrong;

	if (kind <= STREAM_VMS && len % size)
		return "a section of half a record";
	switch (kind) {
	case STREAM_BACKENDS:
	case STREAM_HOSTS:
		return add_names(s, kind == STREAM_HOSTS, at, n);
	case STREAM_FLOWS:
		wrong = check_flows(s, at, n);
		if (!wrong)
			*ret = add_chunk(&s->flows, &s->n_flows, at, n);
		s->all_flows += n;
		return wrong;
	case STREAM_VMS:
		return add_vms(s, at, n, ret);
	case STREAM_BOUNDS:
		return check_bounds(s, at, len);
	}
	return kind & STREAM_OPTIONAL ? NULL : "a section of a kind that this xroam does not know";
}

static bool ends_well(const struct state_stream *s, size_t at, size_t len)
{
	const struct stream_end *e = (const void *)(s->octet + at);

	return len == sizeof(*e) && !s->bounds && le64toh(e->flows) == s->all_flows &&
		le64toh(e->vms) == s->all_vms;
}

/* 1: it was the last. */
static int read_section(struct state_stream *s, struct origin *from, struct xr_err *err)
{
	struct stream_section head;
	size_t at = s->len, len;
	const char *wrong;
	__u32 kind;
	int ret = take(s, from, sizeof(head), err);

	if (ret)
		return ret;
	memcpy(&head, s->octet + at, sizeof(head));
	kind = le32toh(head.kind);
	len = le32toh(head.length);
	at = s->len;
	if (len > (kind == STREAM_BACKENDS || kind == STREAM_HOSTS ? STREAM_NAMES_MAX
								   : STREAM_SECTION_MAX))
		return damaged(from, at, "a section that is too long", err);
	ret = take(s, from, len, err);
	if (ret)
		return ret;
	if (crc32(0, s->octet + at, len) != le32toh(head.crc))
		return damaged(from, at, "its check sum is another", err);
	if (kind == STREAM_END)
		return ends_well(s, at, len)
			? 1
			: damaged(from, at, "it has not as many flows and VMs as its end says",
				  err);
	/* What is read in place is aligned. */
	wrong = at % 8 ? "a section of an odd length" : add_section(s, kind, at, len, &ret);
	if (wrong)
		return damaged(from, at, wrong, err);
	if (ret)
		return xr_fail(err, ret, "out of memory");
	ret = len % 8 ? take(s, from, 8 - len % 8, err) : 0;
	return ret;
}

/* 1: there is nothing. */
static int read_head(struct state_stream *s, struct origin *from, struct xr_err *err)
{
	struct stream_head h;
	__u32 buckets;
	int ret = take(s, from, sizeof(h), err);

	if (ret && !s->len)
		return ret == -EINVAL ? 1 : ret;
	memset(&h, 0, sizeof(h));
	memcpy(&h, s->octet, s->len);
	if (memcmp(h.magic, STREAM_MAGIC, sizeof(h.magic)))
		return xr_fail(err, -EINVAL,
			       "%s: this is no state of xroam: \"xroam state export\" writes one",
			       from->path);
	if (ret)
		return ret;
	if (le16toh(h.version) != STREAM_VERSION)
		return xr_fail(
			err, -EPROTO,
			"%s: state of format %u, and this xroam knows %d: export it by one that does",
			from->path, le16toh(h.version), STREAM_VERSION);
	buckets = le32toh(h.flow_buckets);
	if (le16toh(h.size) < sizeof(h) || le16toh(h.size) % 8 || !buckets ||
	    buckets & (buckets - 1))
		return damaged(from, 0, "its head", err);
	s->flow_buckets = buckets;
	s->written = le64toh(h.written);
	s->keys = le64toh(h.keys);
	return take(s, from, le16toh(h.size) - sizeof(h), err);
}

static int read_stream(struct origin *from, struct state_stream **out, struct xr_err *err)
{
	struct state_stream *s = calloc(1, sizeof(*s));
	int ret;

	*out = NULL;
	if (!s)
		return xr_fail(err, -ENOMEM, "out of memory");
	ret = read_head(s, from, err);
	if (ret) {
		state_free(s);
		return ret;
	}
	while (!ret)
		ret = read_section(s, from, err);
	if (ret < 0) {
		state_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

int state_read(int fd, const char *path, __u32 least, struct state_stream **s, struct xr_err *err)
{
	struct origin from = { .fd = fd, .path = path, .least = least, .begun = stream_clock() };

	return read_stream(&from, s, err);
}

int state_parse(const void *octets, size_t len, struct state_stream **s, struct xr_err *err)
{
	struct origin from = { .fd = -1, .path = "state", .octet = octets, .left = len };

	return read_stream(&from, s, err);
}
