/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stream, as docs/formats.md has it: a head, then sections. All numbers are little
 * endian, and every field is where it would be without padding.
 */
#ifndef XR_STATE_STREAM_PRIV_H
#define XR_STATE_STREAM_PRIV_H

#include <endian.h>
#include <time.h>
#include "lib/bounds.h"
#include "state.h"

#define STREAM_MAGIC   "XRSTATE\n"
#define STREAM_VERSION 1

struct stream_head {
	char magic[8];
	__le16 version;
	__le16 size;         /* of the head, which may grow */
	__le32 flow_buckets; /* a power of two */
	__le64 written;      /* seconds since the epoch */
	__le64 keys;         /* a fingerprint of hash_keys: stream_keys() */
	char instance[XR_NAME_LEN];
};

enum stream_kind {
	STREAM_BACKENDS = 1, /* names, which flows have by their index */
	STREAM_HOSTS,        /* likewise of VMs */
	STREAM_FLOWS,
	STREAM_VMS,
	STREAM_END,    /* the last: how many there were */
	STREAM_BOUNDS, /* of the VM whose section is next */
};

#define STREAM_OPTIONAL 0x80000000U /* a kind with this bit is skipped where it is unknown */

struct stream_section {
	__le32 kind;
	__le32 crc; /* CRC-32 (IEEE 802.3) of the octets that follow */
	__le32 length;
	__le32 reserved;
};

#define STREAM_SECTION_MAX (1U << 20) /* octets in a section, but of names */
#define STREAM_NAMES_MAX   (65536U * XR_NAME_LEN)

struct stream_name {
	char name[XR_NAME_LEN];
};

struct stream_flow {
	__le32 bucket;
	__le32 tag;
	__le16 backend; /* index of a name */
	__le16 seen;    /* XR_FLOW_ESTABLISHED, _CLOSING; and its age in seconds */
};

#define STREAM_NO_HOST 0xffff

struct stream_vm {
	__le64 key;
	__le64 seq;
	__le64 moves;
	__le16 host, next, home; /* indices of names, or STREAM_NO_HOST */
	__u8 state;              /* enum xr_vm_state */
	__u8 flags;              /* XR_VM_* */
	__u8 source;             /* enum xr_source */
	__u8 step;               /* as in struct xr_vm_info */
	__u8 learned;            /* bit per address */
	__u8 reserved;
	__le32 ttl;      /* MOVED: seconds that the redirect lives on without a hit */
	__le32 deadline; /* PREPARED, BLACKOUT: seconds until it is over; 0: never */
	__le32 next_ttl; /* and the ttl that it will have */
	__be32 addr[XR_VM_ADDRS][XR_ADDR_WORDS];
};

/* Lines with a NUL behind each: stream_put_bounds(). As long as they are. */
struct stream_bounds {
	__le64 key;
	char lines[BOUNDS_LINES * (BOUNDS_TEXT + 1) + 16];
};

struct stream_end {
	__le64 flows, vms;
};

_Static_assert(sizeof(struct stream_head) == 96 && sizeof(struct stream_section) == 16 &&
		       sizeof(struct stream_flow) == 12 && sizeof(struct stream_vm) == 112,
	       "no padding");

/* Tells one set of hash keys from another, and nothing else of them. */
__u64 stream_keys(const struct xr_hash_keys *keys);

/* ---- as it was read ---- */

struct stream_chunk {
	size_t at, n;              /* of its first record, in octets of the stream; records */
	size_t bounds, bounds_len; /* of its one VM; 0: it has none */
};

struct state_stream {
	__u8 *octet;
	size_t len, room;
	__u32 flow_buckets;
	__u64 written, keys;
	size_t backends, hosts; /* where their names begin */
	__u32 n_backends, n_hosts;
	struct stream_chunk *flows, *vms;
	size_t n_flows, n_vms; /* chunks */
	__u64 all_flows, all_vms;
	size_t bounds, bounds_len; /* of a VM that is to come; 0: none */
};

/* Seconds by CLOCK_MONOTONIC. */
time_t stream_clock(void);
const struct stream_name *stream_backends(const struct state_stream *s);
const struct stream_name *stream_hosts(const struct state_stream *s);

/* ---- bounds.c ---- */

/* The section's octets. */
size_t stream_put_bounds(struct stream_bounds *to, __u64 key, const struct xr_vm_bounds *b);
/* Whatever from is. -EINVAL: no bounds. */
int stream_get_bounds(struct xr_vm_bounds *b, const struct stream_bounds *from, size_t len);

/* ---- import_vm.c ---- */

/*
 * host: for each of the stream's, the name if there is one here, or NULL. bounds: the VM's, or
 * NULL. Counts in taken.
 */
void import_vm(struct plane *p, const struct stream_vm *vm, const struct xr_vm_bounds *bounds,
	       const struct stream_name *hosts, const bool *known, struct state_taken *taken);

/* ---- signals.c ---- */

/* SIGTERM and SIGINT end a wait from now on, and no pass that is under way. */
void end_by_signals(void);
bool is_at_end(void);
/* poll() until one is ready, ms have passed (-1: however long), or a signal came. */
struct pollfd;
int wait_poll(struct pollfd *fds, unsigned long n, int ms);

/* What the listener answers when it has taken a stream, or has not: a line. */
#define ANSWER_TAKEN "taken\n"
#define ANSWER_MAX   512

#endif
