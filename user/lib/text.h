/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text to values and back: addresses, VIPs, MACs, hex, numbers, and the words
 * of the ABI's enums. Used by the commands and by the configuration reader, so
 * that both accept and print the same.
 *
 * text_to_* return 0 or -EINVAL with the line in err (NULL is fine).
 */
#ifndef XR_LIB_TEXT_H
#define XR_LIB_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <xroam/abi.h>
#include "addr.h"
#include "error.h"

#define TEXT_ADDR 46 /* an address, with the NUL */
#define TEXT_VIP  64 /* [address]:port/proto */
#define TEXT_MAC  18

/* Decimal digits and nothing else; zeros in front change nothing. */
int text_to_u64(const char *s, __u64 min, __u64 max, __u64 *out, struct xr_err *err);
int text_to_addr(const char *s, __be32 addr[XR_ADDR_WORDS], struct xr_err *err);
/* ADDR:PORT/PROTO or [ADDR6]:PORT/PROTO; PROTO is tcp or udp. */
int text_to_vip(const char *s, __be32 addr[XR_ADDR_WORDS], __be16 *port, __u8 *proto,
		struct xr_err *err);
int text_to_mac(const char *s, __u8 mac[6], struct xr_err *err);
/* Two digits an octet; colons and white space between octets are skipped. */
int text_to_hex(const char *s, void *out, size_t max, size_t *len, struct xr_err *err);
/*
 * A device's name: one that the kernel allows (almost any octets) and that a file can hold
 * (UTF-8). The message begins with what: "dev", or NULL.
 */
int text_check_dev(const char *what, const char *s, struct xr_err *err);
/* A name of a backend or a host: letters, digits, '-', '_', '.'. */
int text_check_name(const char *what, const char *s, struct xr_err *err);
/* An instance's, which is a directory of bpffs: the same without dots. */
int text_check_instance(const char *s, struct xr_err *err);

/* These write to buf and return it. */
const char *text_addr(char buf[TEXT_ADDR], const __be32 addr[XR_ADDR_WORDS]);
const char *text_vip(char buf[TEXT_VIP], const __be32 addr[XR_ADDR_WORDS], __be16 port, __u8 proto);
const char *text_mac(char buf[TEXT_MAC], const __u8 mac[6]);
/* size >= 2 * len + 1, or the text is cut short. */
const char *text_hex(char *buf, size_t size, const void *octets, size_t len);

/* The words; "?" for a number that has none. */
const char *text_state(unsigned int state);     /* enum xr_backend_state */
const char *text_forward(unsigned int forward); /* enum xr_forward */
const char *text_proto(unsigned int proto);
const char *text_role(unsigned int role);
const char *text_mode(unsigned int mode); /* enum xr_attach_mode */
const char *text_how(unsigned int how);   /* enum xr_attach_how */

/* The mode that is wanted; the one in which it is attached is an enum xr_attach_mode. */
enum attach_want { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

#endif
