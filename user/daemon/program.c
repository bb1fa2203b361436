// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clean.h"
#include "program.h"

struct program {
	struct programs *all;
	program_ended *ended; /* NULL: it was killed, and shall only end */
	void *ctx;
	pid_t pid;
	int output; /* what it writes */
	int pidfd;
	sd_event_source *ends;
};

/* ---- all of an owner's ---- */

struct programs *programs_open(sd_event *loop, unsigned int most)
{
	struct programs *all = calloc(1, sizeof(*all));

	if (all)
		*all = (struct programs){ .loop = loop, .most = most };
	return all;
}

static void free_if_unused(struct programs *all)
{
	if (all->closed && !all->running)
		free(all);
}

void programs_close(struct programs *all)
{
	if (!all)
		return;
	all->closed = true;
	free_if_unused(all);
}

bool programs_are_many(const struct programs *all)
{
	return all->running >= all->most;
}

/* ---- its end ---- */

static void free_program(struct program *p)
{
	p->all->running--;
	free_if_unused(p->all);
	sd_event_source_disable_unref(p->ends);
	close(p->output);
	if (p->pidfd >= 0)
		close(p->pidfd);
	free(p);
}

/* The first line of what it wrote; "": nothing. */
static void read_output(int fd, char *text, size_t size)
{
	ssize_t n = read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	clean_line(text);
}

static void describe_end(const siginfo_t *si, const char *output, char *text, size_t size)
{
	const char *colon = *output ? ": " : "";

	if (si->si_code == CLD_EXITED)
		snprintf(text, size, "exit status %d%s%.60s", si->si_status, colon, output);
	else
		snprintf(text, size, "ended by signal %d%s%.60s", si->si_status, colon, output);
}

static int on_end(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	char output[128], text[96];
	siginfo_t si = { .si_code = 0 };
	struct program *p = ctx;
	program_ended *ended;

	(void)s;
	(void)fd;
	(void)revents;
	if (waitid(P_PID, p->pid, &si, WEXITED | WNOHANG) || !si.si_pid)
		return 0;
	/* What it left running in its group is not wanted either. */
	kill(-p->pid, SIGKILL);
	read_output(p->output, output, sizeof(output));
	describe_end(&si, output, text, sizeof(text));
	ended = p->ended;
	ctx = p->ctx;
	free_program(p);
	if (ended)
		ended(ctx, si.si_code == CLD_EXITED && !si.si_status, text);
	return 0;
}

static void kill_group(const struct program *p)
{
	kill(-p->pid, SIGKILL);
	kill(p->pid, SIGKILL);
}

/* It may take a while to die (a file system that hangs): that is not waited for. */
void program_kill(struct program *p)
{
	kill_group(p);
	p->ended = NULL;
}

/* ---- in the child, between fork() and the program ---- */

bool program_leave_daemon(int input, int output)
{
	sigset_t none;
	int sig;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(input, 0) < 0 || dup2(output, 1) < 0 || chdir("/"))
		return false;
	syscall(SYS_close_range, 3, ~0U, 0);
	return true;
}

static _Noreturn void become(char *const argv[], char *const envp[], int input, int output)
{
	const struct rlimit core = { 0, 0 };

	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, 0);
	setrlimit(RLIMIT_CORE, &core);
	if (!program_leave_daemon(input, output) || dup2(1, 2) < 0)
		_exit(127);
	execve(argv[0], argv, envp);
	dprintf(2, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* ---- its start ---- */

/* All of it is written before anybody reads: so much a pipe holds. */
static int open_input(const char *text)
{
	size_t len = text ? strlen(text) : 0;
	int fd[2];

	if (!text) {
		fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd[0] < 0 ? -errno : fd[0];
	}
	if (len > PROGRAM_INPUT)
		return -EINVAL;
	if (pipe2(fd, O_CLOEXEC))
		return -errno;
	if (write(fd[1], text, len) == (ssize_t)len) {
		close(fd[1]);
		return fd[0];
	}
	close(fd[0]);
	close(fd[1]);
	return -EIO;
}

static int fork_program(struct program *p, char *const argv[], char *const envp[], const char *text)
{
	int input = open_input(text), output[2], ret = 0;

	if (input < 0)
		return input;
	if (pipe2(output, O_CLOEXEC | O_NONBLOCK)) {
		ret = -errno;
		close(input);
		return ret;
	}
	p->pid = fork();
	if (!p->pid)
		become(argv, envp, input, output[1]);
	if (p->pid < 0)
		ret = -errno;
	else
		setpgid(p->pid, p->pid); /* whichever of the two is first */
	close(input);
	close(output[1]);
	p->output = output[0];
	if (ret)
		close(p->output);
	return ret;
}

int program_start(struct programs *all, struct program **out, char *const argv[],
		  char *const envp[], const char *input, program_ended *ended, void *ctx,
		  struct xr_err *err)
{
	struct program *p;
	int ret;

	if (programs_are_many(all))
		return xr_fail(err, -EBUSY, "%u commands run already", all->most);
	p = calloc(1, sizeof(*p));
	if (!p)
		return xr_fail(err, -ENOMEM, "out of memory");
	*p = (struct program){ .all = all, .ended = ended, .ctx = ctx };
	ret = fork_program(p, argv, envp, input);
	if (ret) {
		free(p);
		return xr_fail(err, ret, "starting a command: %s", strerror(-ret));
	}
	all->running++;
	p->pidfd = syscall(SYS_pidfd_open, p->pid, 0);
	if (p->pidfd < 0 ||
	    sd_event_add_io(all->loop, &p->ends, p->pidfd, EPOLLIN, on_end, p) < 0) {
		kill_group(p);
		waitpid(p->pid, NULL, 0);
		free_program(p);
		return xr_fail(err, -ENOMEM, "watching a command: out of memory");
	}
	*out = p;
	return 0;
}
