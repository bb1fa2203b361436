/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Writes a pcapng file or pipe (draft-ietf-opsawg-pcapng): libpcap cannot write comments.
 * Blocks are in the machine's byte order, as the format allows; times are nanoseconds
 * since the epoch. Blocks are put into memory; pcapng_flush() writes whole ones.
 */
#ifndef XR_CAPTURE_PCAPNG_H
#define XR_CAPTURE_PCAPNG_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct pcapng;

/* It never closes fd. NULL: out of memory. */
struct pcapng *pcapng_new(int fd, const char *application);
void pcapng_free(struct pcapng *f); /* NULL is fine; what is not flushed is lost */

/*
 * Describes a device: its index, for the functions below. Texts are UTF-8; filter may be
 * "". snap: octets of a packet at most.
 */
__u32 pcapng_interface(struct pcapng *f, const char *name, const char *description,
		       const char *filter, __u32 snap);

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

struct pcapng_packet {
	__u32 interface;
	__u64 when_ns;
	__u32 len, cap; /* on the wire; of those, how many there are */
	const void *octets;
	enum pcapng_direction direction;
	__u64 id;      /* the same where two are one packet, before and after */
	__u64 verdict; /* what the XDP program returned: epb_verdict, type 2 */
	__u32 queue;
	const char *comment;
};

void pcapng_packet(struct pcapng *f, const struct pcapng_packet *p);

struct pcapng_counts {
	__u64 begin_ns, end_ns;
	__u64 seen, wanted, lost, captured;
	const char *comment;
};

void pcapng_statistics(struct pcapng *f, __u32 interface, const struct pcapng_counts *c);

/* Octets that wait. */
size_t pcapng_waiting(const struct pcapng *f);

/*
 * Writes what waits; idle() is called now and then while the reader does not take it, and
 * ends the attempt by returning false. 0, or -errno: -EPIPE where there is no reader, -ENOMEM
 * where a block was too much. A file then ends with the last whole block.
 */
int pcapng_flush(struct pcapng *f, bool (*idle)(void *ctx), void *ctx);

#endif
