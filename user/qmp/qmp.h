/* SPDX-License-Identifier: GPL-2.0-only */
/* Moves as QEMU's monitors (QMP) show them, of the QEMUs that the daemon's file lists. */
#ifndef XR_QMP_QMP_H
#define XR_QMP_QMP_H

#include "daemon/daemon.h"

extern const struct source source_qmp;

#endif
