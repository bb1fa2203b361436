// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a command says, on its way out. Names in it may come from anybody: what a
 * terminal would obey is escaped.
 *
 * Whoever reads what a command says may be slow, or not read at all (a pager), and
 * nobody else's change shall wait for him: what is said under an instance's lock is
 * kept here until the lock is given back.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clean.h"
#include "out.h"
#include "plane/plane.h"

/* Of several lines in a row for one descriptor. */
struct piece {
	struct piece *next;
	int fd;
	size_t len;
	char text[];
};

static struct piece *first, **last = &first;
static int failed; /* -errno of standard output */
static bool never_waits;

static void put_and_note(int fd, const char *text, size_t len)
{
	int ret = plane_write(fd, text, len);

	if (ret && fd == STDOUT_FILENO && !failed)
		failed = ret;
}

static void put_kept(void)
{
	struct piece *p;

	while ((p = first)) {
		first = p->next;
		put_and_note(p->fd, p->text, p->len);
		explicit_bzero(p->text, p->len); /* keys, of an export */
		free(p);
	}
	last = &first;
}

static bool keep(int fd, const char *text, size_t len)
{
	struct piece *p = malloc(sizeof(*p) + len);

	if (!p)
		return false;
	*p = (struct piece){ .fd = fd, .len = len };
	memcpy(p->text, text, len);
	*last = p;
	last = &p->next;
	return true;
}

/* Of a log, lines are left out rather than waited for. */
static void put_if_read(int fd, const char *text, size_t len)
{
	struct pollfd to = { .fd = fd, .events = POLLOUT };

	if (poll(&to, 1, 0) > 0 && to.revents & POLLOUT)
		plane_write(fd, text, len);
}

static void send_out(int fd, const char *text, size_t len)
{
	if (!len)
		return;
	if (never_waits) {
		put_if_read(fd, text, len);
		return;
	}
	if (plane_any_locked() && keep(fd, text, len))
		return;
	put_kept();
	put_and_note(fd, text, len);
}

/* ---- names and octets from elsewhere ---- */

#define CHUNK 1024

/* Of each of the two, the character that is not whole yet. */
static struct {
	char octet[4];
	size_t n;
} rest[2];

static bool is_simple(const char *text, size_t len)
{
	for (; len; text++, len--)
		if ((*text < ' ' || *text > '~') && *text != '\n')
			return false;
	return true;
}

/*
 * Here, once, and not wherever a name is printed: whatever a command says goes by.
 * Who writes octets (and not text) writes to the descriptor.
 */
static void escape_out(int fd, const char *text, size_t len, bool last)
{
	char in[CHUNK], out[6 * CHUNK];
	size_t had, n, made, taken;

	if (!rest[fd - 1].n && is_simple(text, len)) {
		send_out(fd, text, len);
		return;
	}
	do {
		had = rest[fd - 1].n;
		n = len < CHUNK - had ? len : CHUNK - had;
		memcpy(in, rest[fd - 1].octet, had);
		memcpy(in + had, text, n);
		text += n;
		len -= n;
		made = clean_escape(in, had + n, last && !len, out, &taken);
		rest[fd - 1].n = had + n - taken;
		memcpy(rest[fd - 1].octet, in + taken, had + n - taken);
		send_out(fd, out, made);
	} while (len);
	explicit_bzero(in, sizeof(in));
	explicit_bzero(out, sizeof(out));
}

static ssize_t on_write(void *cookie, const char *text, size_t len)
{
	int fd = cookie ? STDERR_FILENO : STDOUT_FILENO;

	if (cookie)
		fflush(stdout); /* said before */
	escape_out(fd, text, len, false);
	if (!failed || fd != STDOUT_FILENO)
		return len;
	errno = -failed;
	return 0;
}

static FILE *spooled(void *cookie, bool by_lines)
{
	const cookie_io_functions_t io = { .write = on_write };
	FILE *f = fopencookie(cookie, "w", io);

	if (f && by_lines)
		setvbuf(f, NULL, _IOLBF, 0);
	return f;
}

static void on_exit_early(void)
{
	out_end();
}

void out_begin(void)
{
	static int is_stderr;
	FILE *out = spooled(NULL, isatty(STDOUT_FILENO));
	FILE *err = spooled(&is_stderr, true);

	if (out && err) {
		stdout = out;
		stderr = err;
		atexit(on_exit_early);
	}
}

void out_never_wait(void)
{
	never_waits = true;
}

int out_end(void)
{
	fflush(stdout);
	fflush(stderr);
	escape_out(STDOUT_FILENO, "", 0, true);
	escape_out(STDERR_FILENO, "", 0, true);
	put_kept();
	return failed;
}
