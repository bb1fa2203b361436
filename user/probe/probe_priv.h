/* SPDX-License-Identifier: GPL-2.0-only */
/* The prober: what the files of this room share. */
#ifndef XR_PROBE_PROBE_PRIV_H
#define XR_PROBE_PROBE_PRIV_H

#include "attach/attach.h"
#include "daemon/daemon.h"
#include "daemon/figures.h"
#include "probe.h"
#include "wheel_priv.h"

#define TARGET_NONE 0xffffffffU

/*
 * Somewhere a probe is sent: a backend by one check at one address and port. What a
 * backend is found to be follows from all of its targets.
 */
struct target {
	__u16 backend;                /* index */
	__u8 check;                   /* in prober.checks */
	__be16 port;                  /* of the VIP, or the check's own */
	__be32 addr[XR_ADDR_WORDS];   /* the VIP's */
	__be32 source[XR_ADDR_WORDS]; /* that it is probed from */
	bool has_source;
	bool busy;                  /* a probe is under way */
	bool damped;                /* see judge.c */
	__u8 health;                /* enum xr_health */
	__u8 good, bad;             /* in a row */
	__u8 flaps;                 /* failures since flap_since */
	__u32 round;                /* probes so far */
	__u32 next;                 /* of the same backend; TARGET_NONE: the last */
	__u32 chain;                /* of those under way with such a cookie; number plus one */
	__u64 due;                  /* when the probe should have been sent; prober_now() */
	__u64 cookie;               /* of the probe under way */
	__u64 sent_ns, answered_ns; /* CLOCK_REALTIME; 0: not yet */
	__u64 began;                /* the last probe; daemon_clock_us(), as what follows */
	__u64 served;               /* when the last good one began */
	__u64 failing;              /* when the first bad one after that ended */
	__u64 flap_since;           /* prober_now() */
	__u64 good_since;           /* the same; damped only */
	void *run;                  /* its kind's own; NULL: none */
	char error[96];             /* of the last probe that was bad */
};

struct prober;

/* How probes of a type are made. */
struct probe_kind {
	/*
	 * Begins a probe, whose end is probe_done(); with prober.until(). -EAGAIN: not now,
	 * and nothing is known of the backend; err says why. Others: the probe was bad.
	 */
	int (*start)(struct prober *pr, struct target *t, struct xr_err *err);
	/* Its time is over: err says what was waited for in vain. */
	void (*give_up)(struct prober *pr, struct target *t, struct xr_err *err);
	/* It is of no interest any more. May be NULL, as what follows. */
	void (*cancel)(struct prober *pr, struct target *t);
};

#define COOKIE_CHAINS 16384 /* a power of two */

#define COMMANDS_MOST 32 /* at once */

struct prober {
	struct daemon *d;
	sd_event_source *timer;
	struct xr_health_check checks[XR_MAX_CHECKS];
	__u32 n_checks;
	__u8 figure[XR_MAX_CHECKS]; /* their places among the daemon's figures */
	struct target *targets;
	__u32 n_targets;
	__u32 *first; /* by backend index: its first target; limits.backends + 1 */
	struct wheel wheel;
	__u32 changes;                         /* of meta, when the targets were read */
	__u64 key[2];                          /* of cookies */
	const struct probe_kind *const *kinds; /* by enum xr_check_type */

	/* clock.c: time that the daemon was not there to see does not count */
	__u64 lost, armed;

	/* judge.c: backends of which something else is known than the maps say */
	bool *changed; /* by backend index */
	__u8 *was;     /* the same: enum xr_health that was applied before a commit */
	__u32 n_changed;
	__u64 changed_at;
	__u64 took;  /* the last commit, us */
	bool settle; /* what was found is not applied yet, as far as is known */
	__u64 settle_at;

	/* source.c */
	double tokens;  /* probes that may be sent now */
	double stretch; /* all intervals are so many times as long */
	__u64 pace;     /* between turns while something is under way */
	__u64 look_at;  /* when the instance is next looked at */
	__u32 n_busy;   /* probes under way */
	__u64 filled;
	__u64 epoch;           /* seconds, in this turn */
	__u64 deaf_at;         /* when answers were lost last; daemon_clock_us() */
	struct xr_err trouble; /* why probes stand still; "": they do not */

	struct way *way;              /* way.c */
	struct http *http;            /* http.c */
	struct programs *programs;    /* command.c's */
	__u32 cookies[COOKIE_CHAINS]; /* number of a target plus one */
};

static inline const struct xr_health_check *check_of(const struct prober *pr,
						     const struct target *t)
{
	return &pr->checks[t->check];
}

static inline __u64 interval_of(const struct prober *pr, const struct target *t)
{
	return check_of(pr, t)->interval_ms * US_PER_MS * pr->stretch;
}

/* A probe of it begins, or ends. */
static inline void set_busy(struct prober *pr, struct target *t, bool busy)
{
	pr->n_busy += busy - t->busy;
	t->busy = busy;
}

/* ---- clock.c ---- */

/* Microseconds that this daemon has lived through awake. */
__u64 prober_now(const struct prober *pr);
/* Arms the timer for that time, and takes note of how late it comes. */
void prober_arm(struct prober *pr, __u64 at);
void prober_woke(struct prober *pr);

/* ---- targets.c ---- */

/* Reads them anew; those that stay keep what is known of them. -ENOMEM, -errno. */
int targets_read(struct prober *pr, struct xr_err *err);
void targets_free(struct prober *pr);
/* Finds the address that its probes come from. -EADDRNOTAVAIL. */
int target_source(struct prober *pr, struct target *t, struct xr_err *err);
/* "tcp 192.0.2.1:80", for errors. */
#define TARGET_TEXT (TEXT_ADDR + 16)
const char *target_text(const struct prober *pr, const struct target *t, char buf[TARGET_TEXT]);

/* ---- judge.c ---- */

/* The probe under way has ended: error NULL where it was good. When the next is due. */
void probe_done(struct prober *pr, struct target *t, const char *error);
/* It could not be sent, or tells nothing: the next one is sent in its turn. */
void probe_void(struct prober *pr, struct target *t);
/* Makes what changed so: in the maps, and in the tables. Takes the lock if it can. */
void judge_apply(struct prober *pr);
bool judge_waits(const struct prober *pr);
/* The targets were read anew. */
void judge_begin(struct prober *pr);

/* ---- record.c: for the audit ---- */

struct record;

/* Around a commit, under the lock. record_end(): NULL: nothing changed, or no memory. */
void record_begin(struct prober *pr);
struct record *record_end(struct prober *pr);
/* Writes the entry and frees it; without the lock. NULL: nothing. */
void record_post(struct prober *pr, struct record *r);

/* ---- way.c: frames to backends, by the data path ---- */

/* 0; -EAGAIN: there is no program to send by now, and err says why. */
int way_open(struct prober *pr, struct xr_err *err);
void way_close(struct prober *pr);
/* The program is loaded anew where the running one is another now. */
int way_refresh(struct prober *pr, struct xr_err *err);
/* Where the next frame is to be written, FRAME_MOST octets. NULL: as way_open(). */
__u8 *way_frame(struct prober *pr, struct xr_err *err);
/* It is, and goes where xroam_probe sends it by way_flush(). t: whose it is, or NULL. */
void way_put(struct prober *pr, size_t len, struct target *t);
/* way_flush() is due before the next way_frame(). */
bool way_is_full(const struct prober *pr);
/*
 * Of each target whose frame is not sent. -EAGAIN: that may be another moment's, and says
 * nothing of the backend; others, such as -EHOSTUNREACH where the data path does not take
 * it, are the backend's.
 */
typedef void (*way_failed)(struct prober *pr, struct target *t, int error, struct xr_err *err);
void way_flush(struct prober *pr, way_failed failed);
/* A port of this machine that answers to probes come to; the kernel leaves them alone. */
__be16 way_port(const struct prober *pr, __u32 round);
/* The first of all WAY_PORTS, a power of two. */
#define WAY_PORTS 64
__u16 way_first_port(const struct prober *pr);
/*
 * For kinds whose packets the kernel makes: the first of WAY_STREAM_PORTS ports that are
 * nobody's yet. way_hold_port() keeps the kernel out of one (SOCK_STREAM, SOCK_DGRAM), and
 * way_open_in() reads what comes to n of them, a power of two, from port on, IP header
 * first, kept octets of each. An fd, or -errno.
 */
#define WAY_STREAM_PORTS 56
__u16 way_stream_port(const struct prober *pr);
int way_hold_port(int type, __u16 port);
int way_open_in(bool v6, __u16 port, __u32 n, __u32 kept);
/*
 * Whether the socket had no room for what came, since this was last asked: then silence
 * of a backend that is probed says nothing. Notes it in deaf_at.
 */
void way_note_lost(struct prober *pr, int fd);
/*
 * Calls each() with the packets that came to those ports; when: CLOCK_REALTIME. Not with
 * all of them where more come than can be read: other work must go on.
 */
void way_receive(struct prober *pr,
		 void (*each)(struct prober *pr, const __u8 *ip, size_t len, __u64 when));

/* ---- http.c: HTTP and HTTPS ---- */

extern const struct probe_kind probe_http;
void http_close(struct prober *pr);

/* ---- command.c ---- */

extern const struct probe_kind probe_command;

/* ---- wire.c: TCP and QUIC ---- */

extern const struct probe_kind probe_tcp, probe_quic;
/* Takes the answers that came; what they cause is sent by wire_flush(). */
void wire_receive(struct prober *pr);
/* Sends all that was begun. */
void wire_flush(struct prober *pr);

#endif
