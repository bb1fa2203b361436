/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entries of eight octets that the data plane or another process reads and writes at the
 * same time: loaded, stored and exchanged whole, never half old and half new.
 *
 *	struct xr_host host = whole_load(&p->hosts[i]);
 *	whole_store(&p->hosts[i], host);
 */
#ifndef XR_LIB_WHOLE_H
#define XR_LIB_WHOLE_H

#include <stdbool.h>
#include <linux/types.h>

#define WHOLE_WORD(entry)                                                            \
	({                                                                           \
		_Static_assert(sizeof(*(entry)) == sizeof(__u64), "it is one word"); \
		(__u64 *)(void *)(entry);                                            \
	})

#define WHOLE_UNION(entry)                  \
	union {                             \
		__u64 word;                 \
		__typeof__(*(entry)) value; \
	}

#define whole_load(entry)                                                              \
	({                                                                             \
		WHOLE_UNION(entry)                                                     \
		u_ = { .word = __atomic_load_n(WHOLE_WORD(entry), __ATOMIC_ACQUIRE) }; \
		u_.value;                                                              \
	})

/* Who sees the new entry sees all that was written before, too. */
#define whole_store(entry, new_value)                                           \
	({                                                                      \
		WHOLE_UNION(entry) u_ = { .value = (new_value) };               \
		__atomic_store_n(WHOLE_WORD(entry), u_.word, __ATOMIC_RELEASE); \
	})

/* Only where the entry still is *was; else false, and *was is what it is now. */
#define whole_exchange(entry, was, new_value)                                                    \
	({                                                                                       \
		WHOLE_UNION(entry) old_ = { .value = *(was) }, u_ = { .value = (new_value) };    \
		bool done_ = __atomic_compare_exchange_n(WHOLE_WORD(entry), &old_.word, u_.word, \
							 false, __ATOMIC_ACQ_REL,                \
							 __ATOMIC_ACQUIRE);                      \
		*(was) = old_.value;                                                             \
		done_;                                                                           \
	})

#endif
