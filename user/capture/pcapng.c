// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "pcapng.h"

/* Types of blocks. */
#define SECTION_HEADER    0x0A0D0D0AU
#define INTERFACE         1
#define STATISTICS        5
#define ENHANCED_PACKET   6
#define LINKTYPE_ETHERNET 1
#define BYTE_ORDER_MAGIC  0x1A2B3C4DU

/* Options: of any block, and of each kind. */
enum {
	OPT_END = 0,
	OPT_COMMENT = 1,
	SHB_HARDWARE = 2,
	SHB_OS = 3,
	SHB_USERAPPL = 4,
	IF_NAME = 2,
	IF_DESCRIPTION = 3,
	IF_TSRESOL = 9,
	IF_FILTER = 11,
	EPB_FLAGS = 2,
	EPB_PACKETID = 5,
	EPB_QUEUE = 6,
	EPB_VERDICT = 7,
	ISB_STARTTIME = 2,
	ISB_ENDTIME = 3,
	ISB_IFRECV = 4,
	ISB_IFDROP = 5,
	ISB_FILTERACCEPT = 6,
	ISB_OSDROP = 7,
	ISB_USRDELIV = 8,
};

#define VERDICT_XDP 2 /* of EPB_VERDICT: a return value of Linux eBPF XDP follows */
#define NS          9 /* of IF_TSRESOL: 10^-9 s */
#define FILTER_TEXT 0 /* of IF_FILTER: libpcap's expression follows */
#define OPTION_MOST 65535

struct pcapng {
	int fd;
	__u32 interfaces;
	char *text; /* whole blocks */
	size_t len, room;
	size_t block; /* where the block that is being made begins */
	bool no_memory;
	off_t written; /* octets of whole blocks in a regular file */
	bool regular;
};

/* ---- blocks, in memory ---- */

static void put(struct pcapng *f, const void *octets, size_t len)
{
	char *more;

	if (f->no_memory)
		return;
	if (f->len + len > f->room) {
		more = realloc(f->text, 2 * (f->len + len));
		if (!more) {
			f->no_memory = true;
			return;
		}
		f->text = more;
		f->room = 2 * (f->len + len);
	}
	memcpy(f->text + f->len, octets, len);
	f->len += len;
}

static void put_u16(struct pcapng *f, __u16 n)
{
	put(f, &n, sizeof(n));
}

static void put_u32(struct pcapng *f, __u32 n)
{
	put(f, &n, sizeof(n));
}

static void put_time(struct pcapng *f, __u64 ns)
{
	put_u32(f, ns >> 32);
	put_u32(f, ns);
}

/* To a multiple of four octets. */
static void pad(struct pcapng *f, size_t len)
{
	put(f, "\0\0\0", -len & 3);
}

static void begin(struct pcapng *f, __u32 type)
{
	f->block = f->len;
	put_u32(f, type);
	put_u32(f, 0); /* its length: end() knows */
}

static void end(struct pcapng *f)
{
	__u32 len = f->len - f->block + sizeof(len);

	put_u32(f, len);
	if (f->no_memory)
		f->len = f->block;
	else
		memcpy(f->text + f->block + sizeof(__u32), &len, sizeof(len));
}

static void option(struct pcapng *f, __u16 code, const void *value, size_t len)
{
	if (len > OPTION_MOST)
		len = OPTION_MOST;
	put_u16(f, code);
	put_u16(f, len);
	put(f, value, len);
	pad(f, len);
}

static void option_text(struct pcapng *f, __u16 code, const char *text)
{
	if (text[0])
		option(f, code, text, strlen(text));
}

static void option_u64(struct pcapng *f, __u16 code, __u64 n)
{
	option(f, code, &n, sizeof(n));
}

static void option_time(struct pcapng *f, __u16 code, __u64 ns)
{
	const __u32 halves[2] = { ns >> 32, ns };

	option(f, code, halves, sizeof(halves));
}

/* An octet that says of which kind it is, before the value. */
static void option_kind(struct pcapng *f, __u16 code, __u8 kind, const void *value, size_t len)
{
	if (len > OPTION_MOST - 1)
		return;
	put_u16(f, code);
	put_u16(f, len + 1);
	put(f, &kind, 1);
	put(f, value, len);
	pad(f, len + 1);
}

static void section(struct pcapng *f, const char *application)
{
	const __s64 unknown = -1; /* the section's length */
	char os[2 * sizeof(((struct utsname *)NULL)->sysname) + 1] = "";
	struct utsname u;

	begin(f, SECTION_HEADER);
	put_u32(f, BYTE_ORDER_MAGIC);
	put_u16(f, 1); /* version 1.0 */
	put_u16(f, 0);
	put(f, &unknown, sizeof(unknown));
	if (!uname(&u)) {
		option_text(f, SHB_HARDWARE, u.machine);
		strcat(strcat(strcpy(os, u.sysname), " "), u.release);
		option_text(f, SHB_OS, os);
	}
	option_text(f, SHB_USERAPPL, application);
	put_u32(f, OPT_END);
	end(f);
}

struct pcapng *pcapng_new(int fd, const char *application)
{
	struct pcapng *f = calloc(1, sizeof(*f));
	struct stat st;

	if (!f)
		return NULL;
	f->fd = fd;
	f->regular = !fstat(fd, &st) && S_ISREG(st.st_mode);
	/* A shell's ">>" has something in it. */
	f->written = f->regular ? lseek(fd, 0, SEEK_END) : 0;
	section(f, application);
	return f;
}

void pcapng_free(struct pcapng *f)
{
	if (!f)
		return;
	free(f->text);
	free(f);
}

__u32 pcapng_interface(struct pcapng *f, const char *name, const char *description,
		       const char *filter, __u32 snap)
{
	begin(f, INTERFACE);
	put_u16(f, LINKTYPE_ETHERNET);
	put_u16(f, 0);
	put_u32(f, snap);
	option_text(f, IF_NAME, name);
	option_text(f, IF_DESCRIPTION, description);
	option(f, IF_TSRESOL, &(__u8){ NS }, 1);
	if (filter[0])
		option_kind(f, IF_FILTER, FILTER_TEXT, filter, strlen(filter));
	put_u32(f, OPT_END);
	end(f);
	return f->interfaces++;
}

void pcapng_packet(struct pcapng *f, const struct pcapng_packet *p)
{
	__u32 flags = p->direction;

	begin(f, ENHANCED_PACKET);
	put_u32(f, p->interface);
	put_time(f, p->when_ns);
	put_u32(f, p->cap);
	put_u32(f, p->len);
	put(f, p->octets, p->cap);
	pad(f, p->cap);
	option_text(f, OPT_COMMENT, p->comment);
	option(f, EPB_FLAGS, &flags, sizeof(flags));
	option_u64(f, EPB_PACKETID, p->id);
	option(f, EPB_QUEUE, &p->queue, sizeof(p->queue));
	option_kind(f, EPB_VERDICT, VERDICT_XDP, &p->verdict, sizeof(p->verdict));
	put_u32(f, OPT_END);
	end(f);
}

void pcapng_statistics(struct pcapng *f, __u32 interface, const struct pcapng_counts *c)
{
	begin(f, STATISTICS);
	put_u32(f, interface);
	put_time(f, c->end_ns);
	option_text(f, OPT_COMMENT, c->comment);
	option_time(f, ISB_STARTTIME, c->begin_ns);
	option_time(f, ISB_ENDTIME, c->end_ns);
	option_u64(f, ISB_IFRECV, c->seen);
	option_u64(f, ISB_IFDROP, 0);
	option_u64(f, ISB_FILTERACCEPT, c->wanted);
	option_u64(f, ISB_OSDROP, c->lost);
	option_u64(f, ISB_USRDELIV, c->captured);
	put_u32(f, OPT_END);
	end(f);
}

/* ---- out ---- */

size_t pcapng_waiting(const struct pcapng *f)
{
	return f->len;
}

/* A pipe that is said to have room has room for this much. */
static size_t at_once(const struct pcapng *f, size_t left)
{
	return f->regular || left < PIPE_BUF ? left : PIPE_BUF;
}

static int write_all(struct pcapng *f, bool (*idle)(void *ctx), void *ctx)
{
	struct pollfd to = { .fd = f->fd, .events = POLLOUT };
	size_t done = 0;
	ssize_t n;

	while (done < f->len) {
		n = f->regular ? 1 : poll(&to, 1, 200);
		if (!n && !idle(ctx))
			return -ECANCELED;
		if (n > 0)
			n = write(f->fd, f->text + done, at_once(f, f->len - done));
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		done += n > 0 ? n : 0;
	}
	return 0;
}

int pcapng_flush(struct pcapng *f, bool (*idle)(void *ctx), void *ctx)
{
	int ret = write_all(f, idle, ctx);

	if (!ret)
		f->written += f->len;
	/* Half a block would make readers refuse the file. The first error counts. */
	else if (f->regular && ftruncate(f->fd, f->written))
		errno = -ret;
	f->len = 0;
	return ret ? ret : f->no_memory ? -ENOMEM : 0;
}
