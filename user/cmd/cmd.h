/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects that an operator names, a file and a do_<object>() each: argv[0] is the
 * object's word. They return the exit status.
 */
#ifndef XR_CMD_CMD_H
#define XR_CMD_CMD_H

int do_apply(int argc, char **argv);
int do_check(int argc, char **argv);
int do_export(int argc, char **argv);
int do_drain(int argc, char **argv);
int do_undrain(int argc, char **argv);
int do_vip(int argc, char **argv);
int do_backend(int argc, char **argv);
int do_cid(int argc, char **argv);
int do_health(int argc, char **argv);
int do_host(int argc, char **argv);
int do_vm(int argc, char **argv);
int do_state(int argc, char **argv);
int do_dev(int argc, char **argv);
int do_reload(int argc, char **argv);
int do_destroy(int argc, char **argv);
int do_run(int argc, char **argv);

#endif
