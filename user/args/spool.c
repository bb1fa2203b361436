// SPDX-License-Identifier: GPL-2.0-only
/*
 * A command's output, between stdio and the descriptors.
 *
 * Output is escaped: names in it may come from anybody, and a terminal would obey some
 * octets.
 *
 * Output is kept while this process holds an instance's lock: its reader may be slow,
 * or not read at all (a pager), and other commands must not wait for him.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "lib/clean.h"
#include "lib/progress.h"
#include "out.h"
#include "plane/plane.h"

/* Output that is kept, for one descriptor. */
struct piece {
	struct piece *next;
	int fd;
	size_t len;
	char text[];
};

static struct piece *first, **last = &first;
static int failed; /* the first -errno of writing to stdout */
static bool may_be_left;
static bool never_waits;

static void write_out(int fd, const char *text, size_t len)
{
	int ret;

	progress_clear();
	ret = plane_write(fd, text, len);
	if (ret && fd == STDOUT_FILENO && !failed)
		failed = ret;
}

static void write_kept(void)
{
	struct piece *p;

	while ((p = first)) {
		first = p->next;
		write_out(p->fd, p->text, p->len);
		explicit_bzero(p->text, p->len); /* it may be an export, with keys */
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

/* Drops the text where the descriptor does not take it at once. */
static void write_if_read(int fd, const char *text, size_t len)
{
	struct pollfd to = { .fd = fd, .events = POLLOUT };

	if (poll(&to, 1, 0) > 0 && to.revents & POLLOUT)
		plane_write(fd, text, len);
}

static void write_or_keep(int fd, const char *text, size_t len)
{
	if (!len)
		return;
	if (never_waits) {
		write_if_read(fd, text, len);
		return;
	}
	if (plane_any_locked() && keep(fd, text, len))
		return;
	write_kept();
	write_out(fd, text, len);
}

/* ---- names and octets from elsewhere ---- */

#define CHUNK 1024

/* For stdout and stderr, the octets of a UTF-8 character that is not complete yet. */
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
 * Escapes here, where all output passes, instead of wherever a name is printed. Octets
 * that are not text have to be written to the descriptor itself.
 */
static void escape_out(int fd, const char *text, size_t len, bool last)
{
	char in[CHUNK], out[6 * CHUNK];
	size_t had, n, made, taken;

	if (!rest[fd - 1].n && is_simple(text, len)) {
		write_or_keep(fd, text, len);
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
		write_or_keep(fd, out, made);
	} while (len);
	explicit_bzero(in, sizeof(in));
	explicit_bzero(out, sizeof(out));
}

static ssize_t on_write(void *cookie, const char *text, size_t len)
{
	int fd = cookie ? STDERR_FILENO : STDOUT_FILENO;

	if (cookie)
		fflush(stdout); /* it was printed before this */
	escape_out(fd, text, len, false);
	if (!failed || fd != STDOUT_FILENO)
		return len;
	errno = -failed;
	return 0;
}

static FILE *open_spool(void *cookie, bool by_lines)
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
	FILE *out = open_spool(NULL, isatty(STDOUT_FILENO));
	FILE *err = open_spool(&is_stderr, true);

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

void out_clear_screen(void)
{
	static const char clear[] = "\033[H\033[J";

	fflush(stdout);
	write_or_keep(STDOUT_FILENO, clear, sizeof(clear) - 1);
}

int out_end(void)
{
	fflush(stdout);
	fflush(stderr);
	escape_out(STDOUT_FILENO, "", 0, true);
	escape_out(STDERR_FILENO, "", 0, true);
	write_kept();
	return failed == -EPIPE && may_be_left ? 0 : failed;
}

void out_may_be_left(void)
{
	may_be_left = true;
}
