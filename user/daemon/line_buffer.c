// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "line_buffer.h"

#define FIRST_SIZE 4096

static int grow(struct line_buffer *b, size_t most)
{
	size_t size = b->size ? 2 * b->size : FIRST_SIZE;
	char *data;

	if (b->len < b->size)
		return 0;
	if (size > most)
		return -ENOBUFS;
	data = realloc(b->data, size);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->size = size;
	return 0;
}

ssize_t line_buffer_recv(struct line_buffer *b, int fd, size_t most)
{
	ssize_t got = grow(b, most);

	if (got)
		return got;
	got = recv(fd, b->data + b->len, b->size - b->len, MSG_DONTWAIT);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	b->len += got;
	return got;
}

size_t line_buffer_line_at(struct line_buffer *b, size_t from)
{
	size_t begin = b->searched > from ? b->searched : from;
	char *end = memchr(b->data + begin, '\n', b->len - begin);

	b->searched = end ? 0 : b->len;
	return end ? end - b->data - from + 1 : 0;
}

void line_buffer_drop(struct line_buffer *b, size_t n)
{
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->searched = b->searched > n ? b->searched - n : 0;
}

void line_buffer_shrink(struct line_buffer *b)
{
	b->len = b->searched = 0;
	if (b->size > FIRST_SIZE)
		line_buffer_free(b);
}

void line_buffer_free(struct line_buffer *b)
{
	free(b->data);
	*b = (struct line_buffer){ .data = NULL };
}
