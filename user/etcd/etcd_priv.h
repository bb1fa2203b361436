/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_ETCD_ETCD_PRIV_H
#define XR_ETCD_ETCD_PRIV_H

#include <curl/curl.h>
#include "daemon/daemon.h"
#include "etcd.h"
#include "http/loop.h"

/* A member that sends nothing for so long, where something is due, is left for the next. */
#define ETCD_PATIENCE_MS 1000L
/* VMs of each list of those that are not taken; with more, all is read again */
#define ETCD_REFUSED 256
#define ETCD_TOKEN   1536 /* octets of a token, with the NUL: a JWT has some 600 */

/* ---- client.c: one question to one member ---- */

struct etcd_request {
	CURL *easy; /* its CURLINFO_PRIVATE is the request */
	struct curl_slist *headers;
	char *answer; /* so far; with a NUL behind it */
	size_t len, size;
	char error[CURL_ERROR_SIZE];
};

/* 0 or -ENOMEM, and nothing to free. token may be NULL. */
int etcd_request_init(struct etcd_request *r, const struct model_etcd *conf, unsigned int endpoint,
		      const char *path, const char *body, const char *token);
void etcd_request_free(struct etcd_request *r);
/* Adds what came to its answer: libcurl's write function. */
size_t etcd_request_take(char *data, size_t size, size_t n, void *request);
/*
 * What became of it. Errors: as etcd_call(), and -EKEYEXPIRED: another token is needed;
 * -EHOSTUNREACH: another member may do better.
 */
int etcd_request_answer(struct etcd_request *r, CURLcode code, json_t **answer, struct xr_err *err);
/* By etcd's words there is no token, or it is over, or older than a change of rights. */
bool etcd_is_token(const char *words);

/* ---- call.c ---- */

/* What asks for a token; NULL: the password cannot be read. */
json_t *etcd_login_body(const struct model_etcd *conf, struct xr_err *err);

/* ---- keys.c ---- */

/* An item's number, out of it; 0: it has none. -EINVAL and the line: it is not to be taken. */
int etcd_take_seq(json_t *item, const char *key, __u64 *seq, struct xr_err *err);

/* ---- lines.c: values, gathered for the file's reader ---- */

struct etcd_lines {
	char *text;
	size_t len, size;
	/* Of each value, in order */
	struct etcd_line {
		char *key;
		size_t at; /* where its line begins in text */
		__u32 line;
		__s64 revision;
		__u64 seq;
	} *value;
	size_t n;
	__u32 line; /* so many are written */
	bool failed;
};

/* A line that is no value's. */
void etcd_lines_head(struct etcd_lines *l, const char *line);
void etcd_lines_add(struct etcd_lines *l, const json_t *item, const struct etcd_value *v,
		    __u64 seq);
void etcd_lines_free(struct etcd_lines *l);
/* "NAME:LINE: what is wrong" of the reader's becomes "KEY: what is wrong". */
void etcd_lines_name(const struct etcd_lines *l, const char *name, struct xr_err *err);

/* ---- vms.c: one VM's value ---- */

/*
 * below: "segments/5/vms/MAC"; the VLAN and the MAC of the key. false: it is no VM's, or is not
 * written as etcd_vm_below() does: two keys would be one VM's, and whose word counted?
 */
bool etcd_vm_key(const char *below, __u16 *vlan, __u8 mac[6]);
void etcd_vm_below(char below[ETCD_KEY], __u64 vm_key);
/* The item with what its key says, checked against it; NULL and the line. */
json_t *etcd_vm_item(const struct etcd_value *v, __u64 *seq, struct xr_err *err);
/* Reads one; the host's name is m->hosts[0]'s. */
int etcd_vm_read(const json_t *item, const char *key, struct model *m, struct xr_err *err);

/* ---- merge.c: what was read becomes a part of the instance ---- */

/* What this instance has from etcd already. */
struct etcd_known {
	__u64 cluster;  /* the cluster's id; 0: nothing is known */
	__s64 revision; /* up to here all is in the instance */
	/*
	 * A bit per enum model_section_of_key, and per VLAN: something was there. Where it is
	 * not any more it was deleted; else it was not written yet.
	 */
	unsigned int lists;
	__u8 segments[sizeof(((struct model_etcd *)0)->segments)];
};

/* Where a VM was that was on the move as the reading began. */
struct etcd_moving {
	__u64 key;
	__u32 index;
	__u16 host;
};

struct etcd_read {
	const struct model_etcd *conf;
	struct etcd_known known, now;
	struct model part;
	bool lists_are_bad; /* they stay as they run */
	bool with_vms;
	struct etcd_lines vms;
	struct model vm_part; /* of vms */
	struct plane *plane;
	struct etcd_moving *moving; /* by index */
	size_t n_moving;
	/* VMs that were not taken: how many; each is told of */
	size_t refused;
	void (*on_refused)(void *ctx, const char *below, const struct xr_err *why);
	/* May be NULL: by what its hypervisor says now, the VM has not left where it is */
	bool (*is_here)(void *ctx, __u32 vm_index);
	/* One of vms stays as it runs, and is to be weighed as a change */
	void (*on_outranked)(void *ctx, const struct etcd_line *line);
	void *ctx;
	/* Of those whose value cannot be read: they stay as they run */
	__u64 *unread;
	size_t n_unread;
};

/* Before anything is read. */
int etcd_note_moving(struct etcd_read *r, struct plane *p);
/* For model_edit(): ctx is a struct etcd_read. */
int etcd_merge(struct model *m, void *ctx, struct xr_err *err);
/* A VM is not taken. */
void etcd_refuse(struct etcd_read *r, const char *below, const struct xr_err *why);
/* The same of a value that cannot be read; or -ENOMEM. */
int etcd_refuse_value(struct etcd_read *r, const char *below, const struct xr_err *why);

/* ---- sync.c: a child reads it all and applies it ---- */

struct etcd_report {
	bool done;
	/*
	 * Not done: so many VMs of so many of this segment so far; or a VM that is not taken, or
	 * not yet, whose key err is
	 */
	size_t so_far, total;
	__u16 vlan;
	struct xr_err refusal; /* empty: none */
	__s64 revision;        /* of one whose value is to be made later; 0: there is none */
	/* done */
	int ret;
	struct xr_err err; /* ret; of the lists, where ret is 0 */
	struct etcd_known known;
	size_t vms, refused, changes;
	unsigned int endpoint;
	union {
		char token[ETCD_TOKEN];
		char value[ETCD_TOKEN]; /* where revision is */
	};
};

struct etcd_sync {
	const struct model_etcd *conf;
	struct etcd_known known;
	bool with_vms;
	unsigned int endpoint;
	const char *token; /* NULL: none yet */
};

/* The child's work: writes reports to fd, the last one done. */
void etcd_sync_run(struct daemon *d, const struct etcd_sync *s, int fd);

/* ---- source.c ---- */

enum etcd_stage {
	ETCD_WAITS,   /* for the next attempt */
	ETCD_READS,   /* a child reads it all */
	ETCD_LOGS_IN, /* asks for a token */
	ETCD_WATCHES,
};

/* A change of a VM that etcd told of, to be made. */
struct etcd_change {
	struct etcd_change *next;
	char *below; /* its key: "segments/5/vms/MAC" */
	char *text;  /* NULL: deleted */
	size_t len;
	__s64 revision;
	char *why;      /* it is refused; NULL: it is not */
	bool outranked; /* refused while the VM moves, or runs where it is; due again after that ... */
	__u16 at;       /* ... if it is at this host then, as it was */
	bool not_left; /* it had not; due again when it has */
	uint64_t held; /* it waits until then; 0: it has not waited */
};

struct etcd {
	struct daemon *d;
	struct model_etcd conf;
	struct http_loop *loop;
	enum etcd_stage stage;
	sd_event_source *timer; /* the next attempt */
	sd_event_source *soon;  /* reading, outside of libcurl's callbacks */
	sd_event_source *saver;
	uint64_t wait_us; /* before the next attempt, if this one fails */
	unsigned int endpoint;
	char *token;
	bool token_is_new; /* no watch was there with it yet */
	int figure;

	/* ---- the child that reads ---- */
	pid_t pid; /* 0: none runs */
	int fd;
	sd_event_source *io;
	bool reads_all;           /* VMs, too */
	bool read_once;           /* all, since the daemon began or its file was read */
	bool list_news, all_news; /* to be read, when none runs */
	bool all_failed;          /* it was read in vain, and is to be read again */
	struct etcd_known known;
	struct etcd_report progress; /* total 0: none */

	/* ---- the stream, and the question for a token ---- */
	struct etcd_request watch, login; /* easy NULL: not under way */
	unsigned int asked, created;      /* watches */
	int end;                          /* why the stream is ended from here */
	struct xr_err end_err;
	__s64 *newest; /* by watch: revision of its last event */

	/* ---- changes.c's own ---- */
	struct etcd_change *first, **last;
	json_t *newest_change;       /* of those, revision by key */
	sd_event_source *apply;      /* on d->moves */
	sd_event_source *again;      /* a look at who was outranked, or waits; there, too */
	struct etcd_change *waiting; /* for the end of a hand-over */
	struct etcd_change *refused; /* they miss something, such as a host */
	size_t n_refused;
	struct etcd_change *left_out; /* when all was read: their keys alone */
	size_t n_left_out;

	struct etcd_lease *lease;     /* lease.c's own */
	struct etcd_publish *publish; /* publish.c's own; NULL: nothing is told */

	/* ---- what is told ---- */
	__s64 seen;              /* the newest revision heard of */
	time_t lost_at;          /* since when nothing is heard; 0: it is */
	struct xr_err why;       /* lost */
	struct xr_err lists;     /* what is wrong with hosts, vips ...; empty: nothing */
	size_t n_more;           /* VMs that are not taken and are in no list, which are full */
	struct xr_err unwritten; /* why a VM that came here is not written; empty: all are */
	size_t n_vms;            /* of the last reading */
};

/* ---- ask.c ---- */

/*
 * One POST to the present member, body's reference is taken; without an answer within ms it
 * fails. 0, or -ENOMEM and nothing is under way. token may be NULL.
 */
int etcd_ask(struct etcd *e, struct etcd_request *r, const char *path, json_t *body,
	     const char *token, long ms);
/* It is over, or no longer wanted; also where none is under way. */
void etcd_ask_end(struct etcd *e, struct etcd_request *r);

/* ---- tell.c ---- */

#define ETCD_FIRST_WAIT US_PER_SECOND /* before another attempt */

/* Status is another; and is written down soon. */
void etcd_tell(struct etcd *e);
/* The saver's handler; ctx is the struct etcd. */
int etcd_save(sd_event_source *s, uint64_t usec, void *ctx);
/* All watches are there. */
void etcd_heard(struct etcd *e);
/* Not all of them yet. */
static inline bool etcd_begins(const struct etcd *e)
{
	return e->created < e->asked;
}

/* To be read again: hosts, vips ...; or all. */
void etcd_read_soon(struct etcd *e, bool all);

/* ---- watch.c ---- */

int etcd_watch_begin(struct etcd *e);
void etcd_watch_end(struct etcd *e);

/* ---- changes.c ---- */

int etcd_changes_open(struct etcd *e);
void etcd_changes_close(struct etcd *e);
void etcd_changes_add(struct etcd *e, const char *below, const char *text, size_t len,
		      __s64 revision);
/* Whether one is still to be made: waiting for its turn, or for the end of a move. */
static inline bool etcd_changes_due(const struct etcd *e)
{
	const struct etcd_change *c = e->refused;

	while (c && !c->outranked)
		c = c->next;
	return e->first || e->waiting || c;
}

/* Begins to make them, where nothing is in the way. */
void etcd_changes_go(struct etcd *e);
/* Those that were refused, once more. */
void etcd_changes_retry(struct etcd *e);
/* All is read: what was left out before, and what is now. */
void etcd_changes_forget_left_out(struct etcd *e);
void etcd_changes_leave_out(struct etcd *e, const char *below, const char *why);

/* ---- lease.c: that this node is there ---- */

int etcd_lease_open(struct etcd *e);
void etcd_lease_close(struct etcd *e);
/* The stream is there, or gone. */
void etcd_lease_begin(struct etcd *e);
void etcd_lease_end(struct etcd *e);
/* There is another token. */
void etcd_lease_retry(struct etcd *e);
/*
 * A question that is neither the stream nor for a token. 0; -EKEYEXPIRED: another token is
 * needed, then etcd_lease_retry(); -EHOSTUNREACH: the member does not answer, *err says why.
 */
int etcd_lease_done(struct etcd *e, struct etcd_request *r, CURLcode code, struct xr_err *err);

/* ---- publish.c: this node's own VMs, told to etcd; nothing where the file does not ask for it ---- */

int etcd_publish_open(struct etcd *e);
void etcd_publish_close(struct etcd *e);
/* The stream is there, or there is another token; or it is gone. */
void etcd_publish_go(struct etcd *e);
void etcd_publish_end(struct etcd *e);
/* It has just moved, or etcd contradicts what is known better here. Called under the lock. */
void etcd_publish_moved(struct etcd *e, __u32 vm_index);
/* All that are here. */
void etcd_publish_all(struct etcd *e);
bool etcd_publish_owns(const struct etcd *e, const struct etcd_request *r);
/* 0, or -errno: -EKEYEXPIRED: another token is needed, then etcd_publish_go(). */
int etcd_publish_done(struct etcd *e, CURLcode code);

#endif
