// SPDX-License-Identifier: GPL-2.0-only
/*
 * The residual: what went into a VM's tap before its blackout and was never read
 * by it. A tap counts what its reader takes (tx_packets) and what did not fit
 * (tx_dropped), tap_out counts what goes in; the difference is unread, and the
 * ring still has the last of it.
 *
 * Two facts stand between that and an exact count. What was unread when the ring
 * began is in no count: but whenever the queue runs empty, more was read than
 * went in, by just that number. And QEMU's own virtio-net, once its guest stands
 * still, takes one frame more, finds that nobody wants it, and keeps it, with
 * the descriptor no longer polled: read, but never delivered. A probe put into
 * the tap makes it certain that there is one to take; the guest, should it go on
 * here, ignores its EtherType. But QEMU's main loop can be shut out from STOP to
 * the end (it waits for the lock that the migration has, unless that pauses
 * before the switchover): then it takes none. vhost-net never does.
 *
 * And what it reads between deciding to stop and having stopped, it throws away.
 * No count of the kernel's tells; its virtqueue's own does, for who can ask it
 * (the daemon, by QMP): see vm_local_delivered().
 *
 * A QEMU that waits for its guest to come does the same, and drops that frame
 * when the guest runs: so the first one into its tap had better be a probe, too.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "netns.h"
#include "tc.h"
#include "vm_local_priv.h"
#include "vm_priv.h"

#define ETH_P_PROBE	0x88b5	/* IEEE 802: local experimental */
#define STILL		3	/* looks in a row that saw no more read */
#define LOOK_US		100
#define LOOKS		20
#define WAITS_FOR	8	/* looks that it may wait for a lock, and get it */

/* ---- a ring ---- */

static struct xr_ring *ring_at(struct plane *p, __u32 place)
{
	__u8 ring = p->vms[place].ring;

	return ring && p->rings[ring - 1].vm == place + 1 ? &p->rings[ring - 1] :
							    NULL;
}

static struct xr_ring *ring_of(const struct local *l)
{
	return ring_at(l->p, l->place);
}

void ring_end(struct plane *p, __u32 place)
{
	__u8 ring = p->vms[place].ring;

	if (!ring)
		return;
	__atomic_store_n(&p->vms[place].ring, 0, __ATOMIC_RELEASE);
	if (p->rings[ring - 1].vm == place + 1)
		__atomic_store_n(&p->rings[ring - 1].vm, 0, __ATOMIC_RELEASE);
}

static const struct xr_ring_frame *frame_of(const struct local *l, __u64 number)
{
	return &l->p->ring_frames[(l->vm->ring - 1) * XR_RING_FRAMES +
				  (number - 1) % XR_RING_FRAMES];
}

bool ring_awaits(const struct local *l)
{
	const struct xr_ring *r = ring_of(l);

	return r && r->used_read;
}

/* A VM that names it no longer, or stands still, lost it to a kill. */
static bool is_free(const struct plane *p, __u32 r)
{
	__u32 vm = p->rings[r].vm;
	struct xr_vm_now now;

	if (!vm)
		return true;
	now = vm_now(p, vm - 1);
	return p->vms[vm - 1].ring != r + 1 ||
	       (now.state != XR_VM_PREPARED && now.state != XR_VM_BLACKOUT);
}

static int free_ring(struct plane *p)
{
	__u32 r;

	for (r = 0; r < p->meta->limits.rings; r++) {
		if (!is_free(p, r))
			continue;
		if (p->rings[r].vm)
			ring_end(p, p->rings[r].vm - 1);
		return r;
	}
	return -ENOSPC;
}

/* 0 where more than nothing is unread; negative: that much was when it began. */
static __s64 unread(const struct xr_ring *r, const struct link_counts *c)
{
	__u64 in = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);

	return in - (c->read - r->read_base) - (c->dropped - r->drop_base);
}

/*
 * The tap is asked first: what goes in meanwhile makes it seem more that is unread,
 * never less.
 */
bool ring_sample(struct plane *p, __u32 place)
{
	struct xr_ring *r = ring_at(p, place);
	struct link_counts c;
	__s64 n;

	if (!r || tap_counts(p->vms[place].tap, &c))
		return false;
	n = unread(r, &c);
	if (n < 0)
		r->read_base -= n;
	return !n;
}

static void find_reader(struct xr_ring *r, const char *tap)
{
	__u32 pid;

	if (tap_reader(tap, r->reader, &pid) == TAP_READER_QEMU)
		__atomic_fetch_or(&r->flags, XR_RING_HELD, __ATOMIC_RELEASE);
	else
		__atomic_fetch_and(&r->flags, ~XR_RING_HELD, __ATOMIC_RELEASE);
	r->reader = pid;
}

void ring_ask(struct plane *p, __u32 place, const char *tap)
{
	struct xr_ring *r = ring_at(p, place);

	if (!r)
		return;
	if (!tap_takes_gso(tap))
		__atomic_fetch_or(&r->flags, XR_RING_SEGMENTS, __ATOMIC_RELEASE);
	find_reader(r, tap);
}

static bool is_gone(__u32 pid)
{
	return pid && kill(pid, 0) && errno == ESRCH;
}

void ring_begin(struct local *l, const struct link *tap, __u32 reader)
{
	struct xr_ring *r = ring_of(l);
	struct link_counts c;
	int i;

	if (r) {		/* it has begun */
		if (is_gone(r->reader))
			find_reader(r, tap->name);
		return;
	}
	i = free_ring(l->p);
	if (i < 0 || tap_counts(tap->ifindex, &c)) {
		local_warn(l, "no ring is free for frames that it leaves unread: "
			   "limits rings: %u", l->p->meta->limits.rings);
		return;
	}
	r = &l->p->rings[i];
	reader = reader ? reader : r->reader;
	memset(r, 0, sizeof(*r));
	r->read_base = c.read;
	r->drop_base = c.dropped;
	r->reader = reader;	/* likely: see ring_ask() */
	__atomic_store_n(&r->vm, l->place + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&l->vm->ring, i + 1, __ATOMIC_RELEASE);
	ring_sample(l->p, l->place);
}

/* ---- how much is unread ---- */

/*
 * Kept, for closing it takes the kernel some ms; but not in another network
 * namespace than the process', which would not go away then.
 */
static int packet_socket(const struct local *l)
{
	int fd = l->back < 0 ? l->p->packet_fd : -1;

	if (fd < 0)
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->back < 0)
		l->p->packet_fd = fd;
	return fd;
}

static void into_tap(const struct local *l, const void *frame, size_t len)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_ifindex = l->vm->tap,
		.sll_halen = ETH_ALEN,
	};
	int fd;

	if (!l->vm->tap)
		return;
	memcpy(&to.sll_protocol, (const __u8 *)frame + 2 * ETH_ALEN,
	       sizeof(to.sll_protocol));
	fd = packet_socket(l);
	if (fd < 0)
		return;
	sendto(fd, frame, len, 0, (void *)&to, sizeof(to));
	if (fd != l->p->packet_fd)
		close(fd);
}

void tap_probe(const struct local *l)
{
	struct {
		__u8 dst[ETH_ALEN], src[ETH_ALEN];
		__be16 type;
		char text[46];
	} __attribute__((packed)) probe = {
		.src = { 0x02, 0x78, 0x72, 0, 0, 2 },
		.type = htons(ETH_P_PROBE),
		.text = "xroam: nothing to see",
	};

	memcpy(probe.dst, l->mac, ETH_ALEN);
	into_tap(l, &probe, sizeof(probe));
}

enum sleep { AWAKE, POLLS, WAITS };

/*
 * Where the process' first thread sleeps: asleep in poll though there is a frame
 * in the tap, it has its one frame; asleep elsewhere, it waits for a lock.
 */
static enum sleep sleeps(__u32 pid)
{
	char path[32];
	int call = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/syscall", pid);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &call) != 1)	/* "running" */
		call = -1;
	if (f)
		fclose(f);
	switch (call) {
	case -1:
		return AWAKE;
#ifdef SYS_poll
	case SYS_poll:
#endif
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
#endif
	case SYS_ppoll:
	case SYS_epoll_pwait:
		return POLLS;
	default:
		return WAITS;
	}
}

/*
 * Waits until nothing is read and nothing goes in any more: a program that saw
 * the state before may still be at it on another CPU.
 */
static int count_unread(struct local *l, struct xr_ring *r, __u64 *entered,
			__u64 *left)
{
	bool held = r->flags & XR_RING_HELD;
	struct link_counts c = { 0 }, was;
	enum sleep asleep = held ? AWAKE : POLLS;
	int looks, still = 0, waits = 0, ret;
	__u64 in;
	__s64 n;

	if (held)
		tap_probe(l);
	ret = tap_counts(l->vm->tap, &was);
	*entered = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);
	for (looks = 0; !ret && looks < LOOKS &&
			(still < STILL ||
			 (asleep != POLLS && waits < WAITS_FOR)); looks++) {
		usleep(LOOK_US);
		if (asleep != POLLS)
			asleep = sleeps(r->reader);
		waits = asleep == WAITS ? waits + 1 : 0;
		ret = tap_counts(l->vm->tap, &c);
		in = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);
		still = c.read == was.read && in == *entered ? still + 1 : 0;
		was = c;
		*entered = in;
	}
	if (ret)
		return ret;
	n = unread(r, &was) + (held && asleep != WAITS);
	*left = n < 0 ? 0 : (__u64)n > *entered ? *entered : (__u64)n;
	return 0;
}

/* ---- replaying it ---- */

static __u32 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Of len octets, the odd one last. */
static __u32 add_up(const __u8 *data, __u32 len, __u32 sum)
{
	for (; len > 1; data += 2, len -= 2)
		sum = fold(sum + (data[0] << 8 | data[1]));
	return len ? fold(sum + (data[0] << 8)) : sum;
}

/*
 * A sender of this machine leaves the checksum to its device: the field then
 * holds the pseudo header's sum alone. Any other value is left as it is.
 */
void frame_fill_checksum(__u8 *frame, __u32 len)
{
	__u8 *ip = frame + ETH_HLEN, *l4, *field, proto;
	__u32 l4_len, sum, offset;

	if (len < ETH_HLEN + 20)
		return;
	if (frame[12] == 0x08 && !frame[13] && ip[0] >> 4 == 4) {
		__u32 header = (ip[0] & 15) * 4, total = ip[2] << 8 | ip[3];

		if (header < 20 || total < header || ETH_HLEN + total > len ||
		    ((ip[6] & 0x3f) | ip[7]))
			return;
		proto = ip[9];
		l4 = ip + header;
		l4_len = total - header;
		sum = add_up(ip + 12, 8, 0);
	} else if (frame[12] == 0x86 && frame[13] == 0xdd &&
		   len >= ETH_HLEN + 40) {
		l4_len = ip[4] << 8 | ip[5];
		if (ETH_HLEN + 40 + l4_len > len)
			return;
		proto = ip[6];
		l4 = ip + 40;
		sum = add_up(ip + 8, 32, 0);
	} else {
		return;
	}
	offset = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 :
		 proto == IPPROTO_ICMPV6 ? 2 : 0;
	if (!offset || l4_len < offset + 2)
		return;
	field = l4 + offset;
	sum = fold(sum + proto + l4_len);
	if (sum != (__u32)(field[0] << 8 | field[1]))
		return;
	sum = ~add_up(l4, l4_len, 0) & 0xffff;
	if (!sum && proto == IPPROTO_UDP)
		sum = 0xffff;
	field[0] = sum >> 8;
	field[1] = sum;
}

enum sent { SENT, NOT_FOR_IT, LOST };

static enum sent replay_one(struct local *l, int prog, __u16 to, __u64 number)
{
	const struct xr_ring_frame *f = frame_of(l, number);
	struct __sk_buff ctx = { .cb = { to } };
	__u8 frame[XR_RING_OCTETS];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame,
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));
	__u32 len = f->len;

	if (__atomic_load_n(&f->number, __ATOMIC_ACQUIRE) != number ||
	    len < ETH_HLEN || len > sizeof(frame))
		return LOST;
	memcpy(frame, f->octet, len);
	/* What is for everybody, the fabric brings to the new host itself. */
	if (memcmp(frame, l->mac, ETH_ALEN))
		return NOT_FOR_IT;
	frame_fill_checksum(frame, len);
	run.data_size_in = len;
	return bpf_prog_test_run_opts(prog, &run) || run.retval ? LOST : SENT;
}

static void replay(struct local *l, struct xr_ring *r, int prog, __u16 host,
		   __u64 from, __u64 to, struct vm_residual *out)
{
	__u64 n, first = to > XR_RING_FRAMES ? to - XR_RING_FRAMES : 0;

	if (from < first) {
		out->lost += first - from;
		from = first;
	}
	for (n = from; n < to; n++) {
		switch (replay_one(l, prog, host, n + 1)) {
		case SENT:
			out->replayed++;
			break;
		case LOST:
			out->lost++;
			break;
		case NOT_FOR_IT:
			break;
		}
		/* Done again after a kill, it goes on here. */
		__atomic_store_n(&r->done, n + 1, __ATOMIC_RELEASE);
	}
}

static void count_replayed(struct local *l, const struct vm_residual *out)
{
	l->info->replayed += out->replayed;
	l->info->lost += out->lost;
	if (out->lost)
		vm_count_reason(l->p, XR_R_RING_LOST, out->lost);
}

int ring_replay(struct local *l, __u16 to, struct vm_residual *out)
{
	struct xr_ring *r = ring_of(l);
	__u64 entered, left, from;
	struct xr_err err = { "" };
	int prog, ret;

	if (!r || (r->entered && r->done == r->entered))
		return 0;
	ret = count_unread(l, r, &entered, &left);
	if (ret) {
		local_warn(l, "its port is gone: what it left unread there is "
			   "not known");
		return 0;
	}
	out->unread = left;
	from = entered - left;
	r->first = from;
	if (from < r->done)
		from = r->done;
	if (from >= entered) {
		__atomic_store_n(&r->done, entered, __ATOMIC_RELEASE);
		return 0;
	}
	prog = tc_replay_program(l->p, &err);
	if (prog < 0) {
		local_warn(l, "%s", err.text);
		return prog;
	}
	replay(l, r, prog, to, from, entered, out);
	close(prog);
	count_replayed(l, out);
	return 0;
}

/* ---- QEMU's own word ---- */

#define THROWN_AWAY	4	/* frames, at most: else the counts do not mean that */
#define PLAIN_OCTETS	1514	/* that fit one buffer of the virtqueue */
#define STRANGE		3	/* comparisons in a row: the difference is another */

int vm_local_reads(struct plane *p, __u32 place, __u64 *reads)
{
	struct link_counts c;
	int ret, back;

	if (!p->vms[place].ring || !p->vms[place].tap)
		return -ENOENT;
	ret = netns_enter(p->vm_info[place].netns, &back);
	if (ret)
		return ret;
	ret = tap_counts(p->vms[place].tap, &c);
	netns_leave(back);
	if (!ret)
		*reads = c.read;
	return ret;
}

/* One frame, one buffer: neither filtered by the card nor in pieces. */
static bool is_plain(const struct xr_ring_frame *f, __u64 number,
		     const __u8 mac[ETH_ALEN])
{
	static const __u8 all[ETH_ALEN] = { 255, 255, 255, 255, 255, 255 };

	return f->number == number && f->len && f->len <= PLAIN_OCTETS &&
	       (!memcmp(f->octet, mac, ETH_ALEN) ||
		!memcmp(f->octet, all, ETH_ALEN));
}

/* While that many frames were read, from this one on, the two counts kept step. */
static bool all_plain(const struct plane *p, __u32 place, __u64 from, __u64 to)
{
	__u32 ring = p->vms[place].ring - 1;
	__u8 mac[ETH_ALEN];
	__u64 n;

	vm_mac_of(p->vms[place].key, mac);
	if (from > to || to - from > XR_RING_FRAMES)
		return false;
	for (n = from; n < to; n++)
		if (!is_plain(&p->ring_frames[ring * XR_RING_FRAMES +
					      n % XR_RING_FRAMES], n + 1, mac))
			return false;
	return true;
}

/*
 * The first frame that the guest certainly did not get, or r->first: where the
 * difference is not known exactly, the lesser one says how many it may have got.
 */
static __u64 first_missed(const struct local *l, const struct xr_ring *r,
			  __u16 used)
{
	__u64 from = r->used_read - r->read_base, first;

	first = from + (__u16)(used - r->used_low - (__u16)r->used_read);
	if (first >= r->first || r->first - first > THROWN_AWAY ||
	    !all_plain(l->p, l->place, from, r->first))
		return r->first;
	return first;
}

int ring_delivered(struct local *l, __u16 to, __u16 used,
		   struct vm_residual *out)
{
	struct xr_ring *r = ring_of(l);
	struct xr_err err = { "" };
	__u64 first, done;
	int prog;

	if (!r || !r->used_read)
		return 0;
	first = first_missed(l, r, used);
	r->used_read = 0;	/* said once */
	r->missed = r->first - first;
	if (!r->missed)
		return 0;
	prog = tc_replay_program(l->p, &err);
	if (prog < 0)
		return prog;
	done = r->done;
	replay(l, r, prog, to, first, r->first, out);
	r->done = done;
	close(prog);
	count_replayed(l, out);
	return 0;
}

/* Here it goes on without what was thrown away: into its tap with it again. */
void ring_give_back(struct local *l)
{
	struct xr_ring *r = ring_of(l);
	__u64 n;

	if (!r)
		return;
	for (n = r->first - r->missed; n < r->first; n++) {
		const struct xr_ring_frame *f = frame_of(l, n + 1);

		if (f->number == n + 1)
			into_tap(l, f->octet, f->len);
	}
	r->missed = 0;
}

/* Another difference than the known ones was seen, and is not to be believed yet. */
static bool is_strange(struct xr_ring *r, __u16 low, __u16 high)
{
	if (r->used_read && ((__s16)(r->used_high - low) < 0 ||
			     (__s16)(high - r->used_low) < 0))
		return ++r->strange < STRANGE;
	r->strange = 0;
	return false;
}

static void narrow(struct xr_ring *r, __u16 low, __u16 high)
{
	if (r->used_read && !r->strange) {
		if ((__s16)(r->used_low - low) > 0)
			low = r->used_low;
		if ((__s16)(high - r->used_high) > 0)
			high = r->used_high;
	}
	r->strange = 0;
	r->used_low = low;
	r->used_high = high;
}

/*
 * QEMU counted at some time between the two looks at the tap. Looks enough, and
 * only one difference fits them all: until a frame comes that the card may have
 * filtered, which is read but not used; then it begins anew. One that QEMU is
 * throwing away, as it stops, must not be taken for that.
 */
bool vm_local_compare(struct plane *p, __u32 place, __u16 used, __u64 before,
		      __u64 after)
{
	struct xr_ring *r = ring_at(p, place);
	__u16 low = used - after, high = used - before;
	__u64 entered;

	if (!r)
		return false;
	entered = __atomic_load_n(&r->entered, __ATOMIC_ACQUIRE);
	if (after - r->read_base > entered)
		r->read_base = after - entered;	/* so many were unread at first */
	if (!all_plain(p, place, (r->used_read ?: before) - r->read_base,
		       after - r->read_base)) {
		r->used_read = 0;
		r->strange = 0;
		return false;
	}
	if (is_strange(r, low, high))
		return false;
	narrow(r, low, high);
	r->used_read = before;
	return r->used_low == r->used_high;
}
