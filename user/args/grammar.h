/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may be written behind "xroam": one table, from which come help, the usage of each
 * object and completion in every shell. A command is a row of grammar.c and an object a
 * line of XR_OBJECTS; its handler parses what the row says.
 *
 * Arguments are written as an operator reads them:
 *
 *	vlan, --check	words that are written so
 *	DEV, SECONDS	values; each word's own values follow it
 *	native|generic	one of these words; "|" between blanks: one of what stands around it
 *	[ ] ( ) ...	may be left out; belong together; may be given again
 *
 * and with marks that are not printed:
 *
 *	NAME@backend	a value that is one of those there are (complete.c lists the kinds);
 *			DEV, TAP, FILE, HOST and REASON are such by themselves
 *	word@many	may be given again
 *
 * A row whose command is in capitals says what such a value of its object's other rows is.
 */
#ifndef XR_ARGS_GRAMMAR_H
#define XR_ARGS_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* X(word, what "xroam help" says of it): do_word() runs it. In the order of the help. */
#define XR_OBJECTS(X)                                             \
	X(dev, "put the program on devices")                      \
	X(apply, "make the instance equal to FILE")               \
	X(check, "validate FILE only")                            \
	X(export, "the running state as such a file")             \
	X(reload, "replace the program, keep state")              \
	X(status, "one screen: counts, rates, what is wrong")     \
	X(destroy, "detach everywhere, remove every pin")         \
	X(drain, "take this node out of service")                 \
	X(undrain, "and back")                                    \
	X(vip, "virtual services")                                \
	X(backend, "the servers behind them")                     \
	X(cid, "how connection IDs name servers")                 \
	X(health, "how the daemon checks whether backends serve") \
	X(host, "places where VMs live")                          \
	X(vm, "VMs, and their moves")                             \
	X(state, "flows and VMs, for another node")               \
	X(etcd, "the cluster's truth, and how it is followed")    \
	X(stats, "packets and octets, by what became of them")    \
	X(top, "rates as they are, and what is wrong")            \
	X(monitor, "events as they happen")                       \
	X(explain, "what would be done with a packet, and why")   \
	X(doctor, "the machine: what is wrong, what mends it")    \
	X(capture, "packets as XDP saw and left them, and why")   \
	X(run, "the daemon")

struct grammar_object {
	const char *word, *summary;
};

/* Both lists end with a NULL. */
extern const struct grammar_object grammar_objects[];

struct grammar_row {
	const char *object;
	const char *command;   /* NULL: the object has none */
	const char *arguments; /* "": none */
};

extern const struct grammar_row grammar_rows[];

/* Prints the list of objects, as "xroam help" begins. */
void grammar_print(FILE *to);
/* Prints the usage of one object, without what its file tells of it. */
void grammar_print_object(const char *object);
/* Copies a row's arguments, without marks; cut where they do not fit. Returns to. */
char *grammar_text(char *to, size_t size, const char *arguments);
/* The row that defines an object's value "name" (len characters); NULL: there is none. */
const struct grammar_row *grammar_definition(const char *object, const char *name, size_t len);

/* ---- a row as a list: each word with its value, each value that stands alone ---- */

#define GRAMMAR_ITEMS 32

struct grammar_item {
	char word[24];       /* "": a value that stands alone, at its place */
	char value[160];     /* as in the row, marks too; "": the word is all */
	bool value_optional; /* "-w [SECONDS]" */
	bool optional, many;
	/* Among " | ": which group, and of it which one; group 0: it is not among any. */
	int group, choice;
	bool first; /* of its choice */
};

/* Fills item with those of a row, at most GRAMMAR_ITEMS; their number. */
int grammar_items(const struct grammar_row *row, struct grammar_item *item);

/* For the shells' completion: "complete -- WORD...", words up to the cursor's; see complete.c. */
int do_complete(int argc, char **argv);

#endif
