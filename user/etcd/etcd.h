/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * etcd, the cluster's truth: its JSON gateway by libcurl, and the source that follows it.
 *
 * Under PREFIX/ a key's value is one item of the configuration file's list, in JSON:
 *
 *	hosts/NAME, vips/ADDR:PORT/PROTO, backends/NAME, cid/CONFIG-ID
 *	segments/VLAN/vms/MAC		VLAN in hex, 0: untagged
 *	nodes/NAME			a node that watches, under its lease
 */
#ifndef XR_ETCD_ETCD_H
#define XR_ETCD_ETCD_H

#include <jansson.h>
#include "http/base64.h"
#include "model/model.h"

extern const struct source source_etcd;

/* ---- call.c: questions whose answers are waited for ---- */

struct etcd_session {
	const struct model_etcd *conf;
	unsigned int at;    /* the endpoint that answered last */
	char *token;        /* NULL: none is needed, or there is none yet */
	__u64 cluster;      /* whose answer came last */
	void *shared;       /* libcurl's: connections that stay from one question to the next */
	bool once;          /* nobody is asked again */
	bool repeated;      /* a question: what failed at first may have happened all the same */
	unsigned int round; /* of the present question, over all members */
};

void etcd_session_end(struct etcd_session *s);

/*
 * POST path with body, whose reference it takes, to the first member that answers: one that
 * sends nothing for a second is left for the next. 0 and *answer, json_decref() it; -ESTALE: what was asked for is compacted;
 * -EACCES, -EHOSTUNREACH: nobody answered; or another -errno, and the line. What failed may
 * have happened all the same.
 */
int etcd_call(struct etcd_session *s, const char *path, json_t *body, json_t **answer,
	      struct xr_err *err);

/* ---- range.c ---- */

struct etcd_value {
	const char *key; /* below PREFIX/ */
	const char *text;
	size_t len;
	__s64 revision; /* of its last change */
};

/*
 * All that is below PREFIX/below, in the order of the keys; as of *revision, 0: now, which
 * gets that. each() returns 0, or what ends it. progress() may be NULL.
 */
int etcd_range(struct etcd_session *s, const char *below, __s64 *revision,
	       int (*each)(void *ctx, const struct etcd_value *v),
	       void (*progress)(void *ctx, size_t done, size_t total), void *ctx,
	       struct xr_err *err);

/* ---- keys.c ---- */

#define ETCD_SECTIONS 4

/* hosts, cid, vips, backends: in the order in which a model needs them. */
struct etcd_section {
	const char *word;
	enum model_section_of_key key;
};

extern const struct etcd_section etcd_sections[ETCD_SECTIONS];

#define ETCD_KEY (2 * MODEL_ETCD_TEXT)

/* "segments/5/vms/" */
void etcd_segment_key(char key[ETCD_KEY], __u16 vlan);
/* PREFIX/below, in base64; end: what follows all that begin so. */
json_t *etcd_key(const struct model_etcd *conf, const char *below);
json_t *etcd_key_end(const struct model_etcd *conf, const char *below);
/* A number that etcd writes as a string; 0: it is not there. */
__s64 etcd_number(const json_t *object, const char *key);

/*
 * What a value says, as one line for the file's reader: the object itself. NULL, and the
 * line: it is no JSON object, or has what may not be in etcd. seq: taken out of it; may be
 * NULL, where it has none.
 */
json_t *etcd_item(const char *word, const struct etcd_value *v, __u64 *seq, struct xr_err *err);

/* ---- state.c: what the daemon writes down of it, for "etcd status" and its next start ---- */

json_t *etcd_state_read(const char *instance);
int etcd_state_write(const char *instance, const json_t *state);
/* How etcd is reached, as the daemon's file has it: into its state, and out of that. */
json_t *etcd_conf_json(const struct model_etcd *conf);
int etcd_state_conf(const json_t *state, struct model_etcd *conf);

#endif
