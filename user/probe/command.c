// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program of the operator's: exit status 0 is good. It is begun with its arguments as
 * they are, no shell in between, and with an environment that says what is checked; how it
 * reaches the backend is its own affair. Its process group ends with its time.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/clean.h"
#include "lib/health_state.h"
#include "probe_priv.h"

#define AT_ONCE 32 /* programs */
#define VARS    7

struct run {
	struct prober *pr;
	__u32 number; /* of the target; TARGET_NONE: it was killed, and shall only end */
	pid_t pid;
	int output; /* what it writes */
	int pidfd;
	sd_event_source *ends;
};

static void free_run(struct run *r)
{
	r->pr->n_runs--;
	sd_event_source_disable_unref(r->ends);
	close(r->output);
	if (r->pidfd >= 0)
		close(r->pidfd);
	free(r);
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
	struct run *r = ctx;
	struct prober *pr = r->pr;
	struct target *t;
	bool good;

	(void)s;
	(void)fd;
	(void)revents;
	if (waitid(P_PID, r->pid, &si, WEXITED | WNOHANG) || !si.si_pid)
		return 0;
	/* What it left running in its group is not wanted either. */
	kill(-r->pid, SIGKILL);
	if (r->number == TARGET_NONE) {
		free_run(r);
		return 0;
	}
	t = &pr->targets[r->number];
	t->run = NULL;
	read_output(r->output, output, sizeof(output));
	good = si.si_code == CLD_EXITED && !si.si_status;
	free_run(r);
	describe_end(&si, output, text, sizeof(text));
	probe_done(pr, t, good ? NULL : text);
	return 0;
}

/* ---- in the child, between fork() and the program ---- */

static _Noreturn void become(char **argv, char **envp, int output)
{
	const struct rlimit core = { 0, 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), sig;
	sigset_t none;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpriority(PRIO_PROCESS, 0, 0);
	setrlimit(RLIMIT_CORE, &core);
	for (sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
	    chdir("/"))
		_exit(127);
	/* Maps and sockets of the daemon are none of its business. */
	syscall(SYS_close_range, 3, ~0U, 0);
	execve(argv[0], argv, envp);
	dprintf(2, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* ---- out ---- */

struct command_words {
	char *argv[256];
	char *envp[VARS + 1];
	char vars[VARS][XR_CHECK_TEXT];
};

static void fill_words(const struct prober *pr, const struct target *t, struct command_words *w)
{
	const struct xr_health_check *k = check_of(pr, t);
	const struct xr_backend_info *info = &pr->d->plane->backend_info[t->backend];
	char addr[TEXT_ADDR];
	unsigned int i;

	for (i = 0; i < k->words; i++)
		w->argv[i] = (char *)health_check_word(k, i);
	w->argv[i] = NULL;
	snprintf(w->vars[0], sizeof(w->vars[0]), "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	snprintf(w->vars[1], sizeof(w->vars[1]), "XROAM_INSTANCE=%s", pr->d->instance);
	snprintf(w->vars[2], sizeof(w->vars[2]), "XROAM_CHECK=%s", k->name);
	snprintf(w->vars[3], sizeof(w->vars[3]), "XROAM_BACKEND=%.*s", XR_NAME_LEN, info->name);
	snprintf(w->vars[4], sizeof(w->vars[4]), "XROAM_ADDRESS=%s", text_addr(addr, info->addr));
	snprintf(w->vars[5], sizeof(w->vars[5]), "XROAM_VIP=%s", text_addr(addr, t->addr));
	snprintf(w->vars[6], sizeof(w->vars[6]), "XROAM_PORT=%u", ntohs(t->port));
	for (i = 0; i < VARS; i++)
		w->envp[i] = w->vars[i];
	w->envp[VARS] = NULL;
}

static int fork_program(const struct prober *pr, const struct target *t, struct run *r)
{
	struct command_words *w = malloc(sizeof(*w));
	int pipe_fd[2], ret = 0;

	if (!w)
		return -ENOMEM;
	fill_words(pr, t, w);
	if (pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK)) {
		free(w);
		return -errno;
	}
	r->pid = fork();
	if (!r->pid)
		become(w->argv, w->envp, pipe_fd[1]);
	if (r->pid < 0)
		ret = -errno;
	else
		setpgid(r->pid, r->pid); /* whichever of the two is first */
	close(pipe_fd[1]);
	r->output = pipe_fd[0];
	free(w);
	if (ret)
		close(r->output);
	return ret;
}

/* It may take a while to die (a file system that hangs): that is not waited for. */
static void end_program(struct target *t)
{
	struct run *r = t->run;

	kill(-r->pid, SIGKILL);
	kill(r->pid, SIGKILL);
	r->number = TARGET_NONE;
	t->run = NULL;
}

static int start(struct prober *pr, struct target *t, struct xr_err *err)
{
	struct timespec now;
	struct run *r;
	int ret;

	if (pr->n_runs >= AT_ONCE)
		return xr_fail(err, -EBUSY, "%d commands run already", AT_ONCE);
	r = calloc(1, sizeof(*r));
	if (!r)
		return xr_fail(err, -EAGAIN, "out of memory");
	*r = (struct run){ .pr = pr, .number = t - pr->targets };
	ret = fork_program(pr, t, r);
	if (ret) {
		free(r);
		return xr_fail(err, -EAGAIN, "starting a command: %s", strerror(-ret));
	}
	pr->n_runs++;
	r->pidfd = syscall(SYS_pidfd_open, r->pid, 0);
	if (r->pidfd < 0 ||
	    sd_event_add_io(pr->d->top, &r->ends, r->pidfd, EPOLLIN, on_end, r) < 0) {
		kill(-r->pid, SIGKILL);
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
		free_run(r);
		return xr_fail(err, -EAGAIN, "watching a command: out of memory");
	}
	t->run = r;
	clock_gettime(CLOCK_REALTIME, &now);
	t->sent_ns = now.tv_sec * 1000000000ULL + now.tv_nsec;
	set_busy(pr, t, true);
	return 0;
}

static void cancel(struct prober *pr, struct target *t)
{
	end_program(t);
	set_busy(pr, t, false);
}

static void give_up(struct prober *pr, struct target *t, struct xr_err *err)
{
	char after[HEALTH_TEXT];

	end_program(t);
	xr_fail(err, 0, "no end within %s s", health_ms_text(check_of(pr, t)->timeout_ms, after));
}

const struct probe_kind probe_command = { start, give_up, cancel };
