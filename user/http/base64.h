/* SPDX-License-Identifier: GPL-2.0-only */
/* Octets in JSON, as etcd's gateway has keys and values: base64 with padding (RFC 4648 §4). */
#ifndef XR_HTTP_BASE64_H
#define XR_HTTP_BASE64_H

#include <jansson.h>

/* A new string of JSON. NULL: out of memory. */
json_t *base64_encode(const void *octets, size_t len);
/* Its octets, up to the first that is no digit, with a NUL behind them; free() it. NULL: out of memory. */
char *base64_decode(const json_t *text, size_t *len);

#endif
