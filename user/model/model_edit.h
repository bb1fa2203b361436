/* SPDX-License-Identifier: GPL-2.0-only */
/* Steps in building or changing a model. */
#ifndef XR_MODEL_MODEL_EDIT_H
#define XR_MODEL_MODEL_EDIT_H

#include "lib/lut.h"
#include "model.h"

/*
 * Adds a zeroed element of size octets to the end of *array, a pointer to an array of *n
 * that only this function grows, as its room follows from *n. NULL: no memory.
 */
void *model_grow(void *array, size_t *n, size_t size);

/* What the VM is held to at its port, or NULL. */
const struct xr_vm_bounds *model_bounds(const struct model *m, const struct model_vm *v);
/* The same, to be filled in; made where there is none. NULL: no memory. */
struct xr_vm_bounds *model_bounds_of(struct model *m, struct model_vm *v);
/* Removes element at. */
void model_drop(void *array, size_t *n, size_t size, size_t at);

/* enum model_section_of_key of a file's key, or -1; and its key. */
int model_section_of_key(const char *key);
const char *model_section_key(int section);

struct model_vip *model_find_vip(const struct model *m, const __be32 *addr, __be16 port,
				 __u8 proto);
struct model_backend *model_find_backend(const struct model *m, const char *name);
struct model_host *model_find_host(const struct model *m, const char *name);
struct model_health *model_find_health(const struct model *m, const char *name);
void model_drop_backend(struct model *m, struct model_backend *b);

/*
 * For qsort() and bsearch(), and for equality: of struct model_vip_key, struct model_sid,
 * and struct model_vm (by VLAN and MAC).
 */
int model_compare_vip_keys(const void *a, const void *b);
int model_compare_sids(const void *a, const void *b);
int model_compare_vms(const void *a, const void *b);
/* Sorts backends' VIPs and server IDs. */
void model_sort_lists(struct model *m);

bool model_vip_is(const struct model_vip *v, const __be32 *addr, __be16 port, __u8 proto);
/* For a struct lut of VIPs. */
__u64 model_vip_hash(const __be32 *addr, __be16 port, __u8 proto);
/* Makes one of all that m has; -ENOMEM. */
int model_index_vips(const struct model *m, struct lut *l);
/* By one with indices of m's VIPs, whichever; or NULL. */
struct model_vip *model_indexed_vip(const struct model *m, const struct lut *l, const __be32 *addr,
				    __be16 port, __u8 proto);

#endif
