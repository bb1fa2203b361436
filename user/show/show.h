/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects that change nothing; their do_<object>() are as those in cmd/cmd.h. */
#ifndef XR_SHOW_SHOW_H
#define XR_SHOW_SHOW_H

int do_status(int argc, char **argv);
int do_stats(int argc, char **argv);
int do_top(int argc, char **argv);
int do_monitor(int argc, char **argv);
int do_doctor(int argc, char **argv);

/* "health show"; the other commands of that object change something. */
int show_health_checks(int argc, char **argv);

#endif
