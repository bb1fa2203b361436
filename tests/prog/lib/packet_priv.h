/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How packet.c makes a packet of a text: the text is parsed into layers, and
 * these are written from the innermost to the outermost, for a length or a
 * checksum is known only when what it covers stands there. Arguments are in
 * packet_args.c, what each layer writes in packet_layers.c.
 */
#ifndef XR_TEST_PACKET_PRIV_H
#define XR_TEST_PACKET_PRIV_H

#include "packet.h"

#define PACKET_ARGS 24

struct arg {
	char *key;
	char *value; /* NULL: a bare word */
	bool used;
};

struct layer {
	char *word;
	struct arg arg[PACKET_ARGS];
	int args;
	bool has_quote;
	struct packet quote; /* what stood in parentheses */
};

/* One text being built, from the last layer to the first. */
struct build {
	const char *text; /* for messages */
	struct layer *layer;
	int layers;
	size_t at; /* data[at..end] is done */
	size_t end;
	size_t pad;
	__u8 data[PACKET_MAX];
	size_t start[PACKET_LAYERS];
};

/* Writes what is wrong with the text, and aborts. */
void build_fail(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* Writes layer i before what is there already. */
void build_layer(struct build *b, int i);

/*
 * Arguments of a layer. Each one that is read is marked used; in the end
 * args_all_used() fails for those that no layer knows.
 */
const char *arg_value(struct layer *l, const char *key); /* NULL: not given */
bool arg_flag(struct layer *l, const char *key);
const char *arg_bare(struct build *b, struct layer *l); /* the next bare word; must be there */
long long arg_to_number(struct build *b, struct layer *l, const char *s);
__u32 arg_number(struct build *b, struct layer *l, const char *key, __u32 otherwise);
/* The right length, or +N or -N off it, or the number given. */
__u32 arg_length(struct build *b, struct layer *l, const char *key, __u32 right);
/* Pairs of hex digits; returns how many octets they are, at most max. */
size_t arg_to_octets(struct build *b, struct layer *l, const char *s, __u8 *to, size_t max);
size_t arg_octets(struct build *b, struct layer *l, const char *key, __u8 *to, size_t max);
void arg_mac(struct build *b, struct layer *l, const char *key, const char *otherwise, __u8 *to);
void arg_address(struct build *b, struct layer *l, const char *key, const char *otherwise,
		 int family, __u8 *to);
void args_all_used(struct build *b, struct layer *l);

#endif
