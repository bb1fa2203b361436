/* SPDX-License-Identifier: GPL-2.0-only */
/* What a stream socket gives, taken out line by line. All zero: an empty one. */
#ifndef XR_DAEMON_LINE_BUFFER_H
#define XR_DAEMON_LINE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct line_buffer {
	char *data; /* the buffer's own */
	size_t len, size;
	size_t searched; /* octets of data that are known to hold no newline */
};

/*
 * Takes what the socket has at once, as recv(): 0 at the stream's end, -errno, -EAGAIN
 * also where it was interrupted. -ENOBUFS: the buffer has its most octets and is full;
 * -ENOMEM.
 */
ssize_t line_buffer_recv(struct line_buffer *b, int fd, size_t most);

/* The length of the line that begins there, its newline counted; 0: it has no end yet. */
size_t line_buffer_line_at(struct line_buffer *b, size_t from);

/* The first n octets are done with. */
void line_buffer_drop(struct line_buffer *b, size_t n);

/* Nothing is in it; the memory of a long line is given back, the rest kept. */
void line_buffer_shrink(struct line_buffer *b);

/* As it was at first. */
void line_buffer_free(struct line_buffer *b);

#endif
