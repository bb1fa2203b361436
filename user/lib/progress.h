/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Long work of a command: a line on the terminal that says how far it is, and what a
 * signal does meanwhile. Nothing is half done by one: before the change begins nothing has
 * changed, and from then on it is made to its end, or by the next command.
 */
#ifndef XR_LIB_PROGRESS_H
#define XR_LIB_PROGRESS_H

#include <linux/types.h>
#include <stdbool.h>

/* What SIGINT, SIGTERM and SIGHUP do. A second one ends the process in any case. */
enum progress_stage {
	PROGRESS_OFF,       /* what they do without this; as at first */
	PROGRESS_READING,   /* nothing is open to be changed: they end the process */
	PROGRESS_PREPARING, /* progress_stopped() becomes true: whoever sees it undoes his part */
	PROGRESS_MAKING,    /* the change is in the journal, or cannot be undone: it goes on */
	PROGRESS_MADE,      /* it is made: they end the process, and say so */
};

/*
 * For commands alone: without it the rest does nothing. terminal: the line is shown; json:
 * how what a signal ends says so. A signal that was ignored stays so.
 */
void progress_allow(bool terminal, bool json);

/* The next stage; PROGRESS_OFF and PROGRESS_MADE end the line. Returns the one before. */
enum progress_stage progress_stage(enum progress_stage next);
/*
 * What becomes of the rest where a second signal ends PROGRESS_MAKING, of a change that is in
 * no journal; a sentence without its end.
 */
void progress_rest(const char *sentence);
/* What is done now ("server IDs"), and of how many; total 0: it is not known. */
void progress_doing(const char *what, __u64 total);
/* So many of them are done. As cheap as a store. */
void progress_at(__u64 done);

/* Whether the work is to be given up: -EINTR, and PROGRESS_STOPPED in the error's line. */
bool progress_stopped(void);
#define PROGRESS_STOPPED "interrupted: nothing has changed"

/* The signal for which work was given up; 0: there was none. */
int progress_signal(void);

/* Takes the line off the terminal, before something else is written there. */
void progress_clear(void);

#endif
