/* SPDX-License-Identifier: GPL-2.0-only */
/* The objects about single packets; their do_<object>() are as those in cmd/cmd.h. */
#ifndef XR_PACKETS_PACKETS_H
#define XR_PACKETS_PACKETS_H

int do_explain(int argc, char **argv);
int do_capture(int argc, char **argv);

#endif
