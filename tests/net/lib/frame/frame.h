/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef XR_TEST_FRAME_H
#define XR_TEST_FRAME_H

#define MAX_FRAME 9216

/* Ends the process: what is wrong with which word. */
void bad(const char *what, const char *text) __attribute__((noreturn));

/* frame make: the exit status, 2 for wrong usage. argv[0] is "make". */
int do_make(int argc, char **argv);

#endif
