/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of top: top_data.c has what is shown, top_frame.c lays it out as lines,
 * top_screen.c is the terminal, top.c the command.
 */
#ifndef XR_SHOW_TOP_PRIV_H
#define XR_SHOW_TOP_PRIV_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "counters_priv.h"

/* ---- top_data.c ---- */

#define TOP_TRENDS 60 /* intervals that are remembered */

enum top_section { TOP_VIPS, TOP_BACKENDS, TOP_REASONS, TOP_DEVICES, TOP_HOSTS, TOP_SECTIONS };
enum top_order { TOP_BY_PACKETS, TOP_BY_BITS, TOP_BY_TOTAL, TOP_BY_NAME, TOP_ORDERS };

/* Packets a second in the last intervals; the newest is at[(next - 1) % TOP_TRENDS]. */
struct top_trend {
	float at[TOP_TRENDS];
	unsigned int n;
};

struct top_row {
	struct row now;
	bool measured;        /* else it is new, and has no rates yet: */
	double packets, bits; /* a second */
	struct top_trend trend;
};

struct top_list {
	struct top_row *row;
	size_t rows;
};

struct top_move {
	char vm[64];
	const char *state;
	char from[XR_NAME_LEN], to[XR_NAME_LEN];
	__u64 hits;
};

#define TOP_MOVES 64

struct top {
	const char *instance;
	bool there; /* the instance; else why: */
	char why[512];
	__u64 created;        /* which instance of that name it is */
	double at, seconds;   /* CLOCK_MONOTONIC; length of the last interval, 0: none yet */
	struct timespec wall; /* when it was read */
	struct top_list list[TOP_SECTIONS];
	double kind[XR_KIND_MAX]; /* packets a second */
	double packets, bits;     /* of all kinds */
	struct top_trend trend;
	struct top_move move[TOP_MOVES];
	size_t n_moves, under_way; /* in move; in all */
	struct health_baseline *baseline;
	double checked;
	char wrong[512]; /* the first line; empty: all is well */
	size_t n_wrong;
};

/* What the sections are called, and which of the counters they are of. */
extern const struct top_section_name {
	const char *title, *plural, *key;
	int counters; /* BY_* */
} top_names[TOP_SECTIONS];

/* Reads all anew. An instance that is gone is no error: there becomes false. */
void top_read(struct top *t);
/* Row indices of a section in that order, the first of them most active; to be freed. */
size_t *top_sort(const struct top_list *list, enum top_order order);
json_t *top_json(const struct top *t);
void top_free(struct top *t);

/* ---- top_frame.c ---- */

struct top_view {
	int columns, rows; /* rows 0: as many as there are lines */
	bool utf8, color;
	bool paused, help;
	int section; /* enum top_section, TOP_SECTIONS: moves; -1: all */
	enum top_order order;
	unsigned int interval; /* seconds */
};

/* Lines, each without its end, of at most view->columns characters. */
struct top_frame {
	char **line;
	size_t n, room;
};

void top_lay_out(const struct top *t, const struct top_view *v, struct top_frame *f);
void top_frame_free(struct top_frame *f);

/* ---- top_screen.c ---- */

/* Whether there is a terminal that knows what a screen needs. */
bool screen_possible(void);
/* Takes the terminal; it is given back by screen_leave(), and by signals that kill. */
void screen_enter(void);
void screen_leave(void);
void screen_size(int *columns, int *rows);
/* 0, or -errno where the terminal is gone. */
int screen_draw(const struct top_frame *f, int rows);
/*
 * Waits up to ms for a key, and returns it; 0: none came, the size may have changed, or
 * the terminal was given back meanwhile (^Z) and taken again: it is to be drawn anew.
 * -1: input has ended.
 */
int screen_key(int ms);

#endif
