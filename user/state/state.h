/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an instance has learned and no file has: its flow table, and its VMs with their
 * moves. As a stream for another node, or for this one later; see docs/formats.md.
 */
#ifndef XR_STATE_STATE_H
#define XR_STATE_STATE_H

#include <stdbool.h>
#include "plane/plane.h"

#define STATE_FLOWS 1U
#define STATE_VMS   2U
#define STATE_ALL   (STATE_FLOWS | STATE_VMS)

struct state_options {
	__u32 what;   /* STATE_* */
	__u32 age;    /* export: flows seen within so many seconds; 0: all that are not idle */
	bool any_age; /* import: though it was written long ago, or by another clock */
	__u64 rate;   /* export: octets per second at most; 0: as fast as it goes */
};

struct state_sent {
	__u64 flows, vms, octets;
};

/*
 * Writes the stream to fd. Nothing is changed, and no lock is needed: a flow that comes
 * meanwhile is in it or not. -errno of the write: path names the file in err; -EINTR where
 * progress_stopped().
 */
int state_export(struct plane *p, int fd, const char *path, const struct state_options *o,
		 struct state_sent *sent, struct xr_err *err);

/* What became of each flow and each VM of a stream. */
struct state_taken {
	__u64 flows_new, flows_newer; /* entered; in the place of an older entry of the same */
	__u64 flows_kept;             /* what is here is as new, or newer */
	__u64 flows_idle;             /* idled out by now */
	__u64 flows_full;             /* no place that is not in use */
	__u64 flows_unknown;          /* their backend is none here */
	__u64 vms_new, vms_changed;
	__u64 vms_kept;    /* what is here is as new, or newer */
	__u64 vms_unknown; /* one of their hosts is none here */
	__u64 vms_refused;
	struct xr_err refusal; /* of the first of these */
};

struct state_stream;

/*
 * Reads one stream from fd, whole, and checks it; path: for err. state_free() it. 1: there
 * is none, fd is at its end. Errors: -EINVAL no stream, or a damaged one; -EPROTO of
 * another version; -EFBIG, -ENOMEM. least: octets a second, on average, that have to come,
 * or else -ETIMEDOUT; 0: however slow it is.
 */
int state_read(int fd, const char *path, __u32 least, struct state_stream **s, struct xr_err *err);
/* The same of what is in memory already, at the stream's beginning. */
int state_parse(const void *octets, size_t len, struct state_stream **s, struct xr_err *err);
void state_free(struct state_stream *s); /* NULL is fine */

/*
 * Merges it into the instance, whose lock is held: what is newer here stays. Errors, where
 * nothing is changed: -EKEYREJECTED flows of other hash keys; -ERANGE a flow table that is
 * larger by too much; -ESTALE written too long ago; -EINVAL. A VM that vm_notice()
 * refuses is counted, and others go on.
 */
int state_import(struct plane *p, const struct state_stream *s, const struct state_options *o,
		 struct state_taken *taken, struct xr_err *err);

/* ---- live: sync.c, listen.c ---- */

struct state_live {
	const char *instance;
	const char *socket; /* a Unix socket's path */
	struct state_options options;
	__u32 every; /* sync: seconds between two passes */
	/*
	 * After each pass; err NULL: it was taken. The same error is reported once, until a pass
	 * succeeds.
	 */
	void (*sent)(void *ctx, const struct state_sent *sent, const struct xr_err *err);
	void (*taken)(void *ctx, const struct state_taken *taken, const struct xr_err *err);
	void *ctx;
};

/*
 * Sends the state to the socket of a state_listen(): all of it at first, and then what
 * flows were seen since the last pass, and all VMs. Goes on when the peer is away, and
 * begins anew when it is back. SIGTERM or SIGINT makes the last pass, and ends it: 0.
 */
int state_sync(const struct state_live *l, struct xr_err *err);

/*
 * Makes the socket, for this user alone, and merges what comes into the instance, until
 * SIGTERM or SIGINT: 0. One stream at a time is read: other peers wait, and one that is too
 * slow is put off. -EADDRINUSE: another one listens there.
 */
int state_listen(const struct state_live *l, struct xr_err *err);

#endif
