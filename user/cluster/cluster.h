/* SPDX-License-Identifier: GPL-2.0-only */
/* What many nodes share; do_etcd() is as those in cmd/cmd.h. */
#ifndef XR_CLUSTER_CLUSTER_H
#define XR_CLUSTER_CLUSTER_H

int do_etcd(int argc, char **argv);

#endif
