// SPDX-License-Identifier: GPL-2.0-only
/*
 * The terminal: taken, drawn on, and given back as it was, whatever ends the process but
 * SIGKILL. Plain ECMA-48, and xterm's second screen, which terminals that lack it ignore.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "args/out.h"
#include "plane/plane.h"
#include "stop.h"
#include "top_priv.h"

#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[0m\033[?25h\033[?1049l"

static struct termios before;
static volatile sig_atomic_t taken, keys, resized, suspend, resumed;

bool screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

/* ---- taking it and giving it back; from signals, too ---- */

static void put_octets(const char *text, size_t len)
{
	if (plane_write(STDOUT_FILENO, text, len))
		return; /* there is nobody to show it to */
}

static void give_back(void)
{
	if (!taken)
		return;
	taken = 0;
	put_octets(LEAVE, sizeof(LEAVE) - 1);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
}

static void take(void)
{
	struct termios raw;

	keys = isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &before);
	if (keys) {
		raw = before;
		raw.c_lflag &= ~(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	}
	put_octets(ENTER, sizeof(ENTER) - 1);
	taken = 1;
}

static void on_fault(int sig)
{
	give_back();
	raise(sig); /* SA_RESETHAND: as if there had been no handler */
}

static void on_flag(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGTSTP)
		suspend = 1;
	else if (sig == SIGCONT)
		resumed = 1;
	else
		show_stopped = 1;
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = flags };

	sigaction(sig, &sa, NULL);
}

void screen_enter(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	size_t i;

	show_until_stopped();
	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		handle(faults[i], on_fault, SA_RESETHAND | SA_NODEFER);
	handle(SIGWINCH, on_flag, 0);
	handle(SIGTSTP, on_flag, 0);
	handle(SIGCONT, on_flag, 0);
	handle(SIGHUP, on_flag, 0);
	handle(SIGQUIT, on_flag, 0);
	atexit(give_back);
	take();
}

void screen_leave(void)
{
	give_back();
}

/* ^Z: the shell has its terminal meanwhile. */
static void sleep_in_background(void)
{
	suspend = 0;
	give_back();
	handle(SIGTSTP, SIG_DFL, 0);
	raise(SIGTSTP);
	handle(SIGTSTP, on_flag, 0);
	resumed = 1;
}

/* ---- drawing ---- */

void screen_size(int *columns, int *rows)
{
	struct winsize size;

	*columns = 80;
	*rows = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return;
	if (size.ws_col)
		*columns = size.ws_col;
	if (size.ws_row)
		*rows = size.ws_row;
}

int screen_draw(const struct top_frame *f, int rows)
{
	char *text;
	size_t len, i;
	FILE *to = open_memstream(&text, &len);
	int ret;

	if (!to)
		out_no_memory();
	fputs("\033[H", to);
	for (i = 0; i < f->n && i < (size_t)rows; i++)
		fprintf(to, "%s%s\033[K", i ? "\r\n" : "", f->line[i]);
	fputs("\033[J", to);
	fclose(to);
	ret = plane_write(STDOUT_FILENO, text, len);
	free(text);
	return ret;
}

int screen_key(int ms)
{
	struct pollfd in = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	unsigned char key;
	ssize_t n;

	if (suspend)
		sleep_in_background();
	if (resumed) {
		/* After a SIGSTOP the shell has set the terminal as it likes. */
		resumed = 0;
		if (!taken)
			take();
		else
			give_back(), take();
		return 0;
	}
	if (resized) {
		resized = 0;
		return 0;
	}
	if (poll(&in, 1, ms) <= 0)
		return 0;
	n = read(STDIN_FILENO, &key, 1);
	return n == 1 ? key : n < 0 && (errno == EINTR || errno == EAGAIN) ? 0 : -1;
}
