// SPDX-License-Identifier: GPL-2.0-only
/* An entry's fields, and where they go. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "lib/clean.h"
#include "lib/process.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Of either kind, done and refused, in a second. */
#define ENTRIES_PER_SECOND 20

/* For "journalctl MESSAGE_ID=..."; they stand in xroam(8). */
#define ID_DONE    "b4c9d6de43ae4a0f8ad2e8b4a4e7c611"
#define ID_REFUSED "5d3d1d5c8a0a4c7f9d1be0b6f2a9e3d4"

#define FIELDS (16 + AUDIT_CHANGES)

static int (*to_journal)(const struct iovec *fields, int n);

static unsigned int left_out; /* notices since the last entry */
/* What the journal has not been told of: notices, and entries that are in the ring alone. */
static unsigned int journal_notices, journal_entries;

const char *audit_via_word(unsigned int via)
{
	static const char *const words[] = {
		[AUDIT_COMMAND] = "command", [AUDIT_SOCKET] = "socket", [AUDIT_QMP] = "qmp",
		[AUDIT_FILE] = "file",       [AUDIT_DAEMON] = "daemon", [AUDIT_LIBVIRT] = "libvirt",
		[AUDIT_ETCD] = "etcd",       [AUDIT_FDB] = "fdb",       [AUDIT_OVN] = "ovn",
	};

	return via < sizeof(words) / sizeof(words[0]) && words[via] ? words[via] : "?";
}

/* ---- who ---- */

void audit_self(struct audit_actor *a, enum audit_via via, int argc, char **argv)
{
	size_t n = 0;
	int i;

	memset(a, 0, sizeof(*a));
	a->via = via;
	a->pid = getpid();
	a->uid = getuid();
	a->login_uid = process_login_uid(a->pid);
	for (i = 0; i < argc && n < sizeof(a->command); i++)
		n += snprintf(a->command + n, sizeof(a->command) - n, "%s%s", i ? " " : "",
			      i ? argv[i] : "xroam");
	clean_line(a->command);
}

void audit_process(struct audit_actor *a, enum audit_via via, __u32 pid, __u32 uid,
		   const char *what, const char *with)
{
	char name[16] = "?";

	memset(a, 0, sizeof(*a));
	a->via = via;
	a->pid = pid;
	a->uid = uid;
	a->login_uid = PROCESS_NOBODY;
	/* Its name and no more of it: a stranger's command line may have secrets. */
	if (pid) {
		a->login_uid = process_login_uid(pid);
		process_name(pid, name);
	}
	snprintf(a->command, sizeof(a->command), "%s %s%s%s", what, name, with ? ": " : "",
		 with ?: "");
	clean_line(a->command);
}

void audit_peer(struct audit_actor *a, enum audit_via via, int fd, const char *what)
{
	struct ucred peer = { .pid = 0, .uid = -1 };
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		peer.pid = 0;
	audit_process(a, via, peer.pid, peer.uid, what, NULL);
}

/* ---- the journal ---- */

void audit_to(int (*journal)(const struct iovec *fields, int n))
{
	to_journal = journal;
}

bool audit_has_journal(void)
{
	return to_journal && !access(JOURNAL_SOCKET, W_OK);
}

/*
 * Who sends to a journal that stands still waits for it. A command may have to for a
 * moment, the daemon not at all.
 */
#define COMMAND_WAITS 1000 /* ms */

static bool journal_takes_more(int wait_ms)
{
	const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
	struct pollfd p = { .events = POLLOUT };
	bool takes;

	p.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (p.fd < 0)
		return false;
	takes = !connect(p.fd, (const void *)&to, sizeof(to)) && poll(&p, 1, wait_ms) == 1 &&
		p.revents & POLLOUT;
	close(p.fd);
	return takes;
}

struct fields {
	struct iovec field[FIELDS];
	int n;
};

static void __attribute__((format(printf, 2, 3))) add(struct fields *f, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int len;

	va_start(ap, fmt);
	len = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (len < 0 || f->n == FIELDS)
		return;
	clean_line(text);
	f->field[f->n++] = (struct iovec){ text, len };
}

static void add_all(struct fields *f, const struct audit_entry *e, unsigned int omitted)
{
	const struct audit_actor *by = e->by;
	size_t i;

	add(f, "MESSAGE_ID=%s", e->refused ? ID_REFUSED : ID_DONE);
	add(f, "PRIORITY=%d", e->refused ? 4 : 5);
	add(f, "SYSLOG_IDENTIFIER=xroam");
	add(f, "MESSAGE=instance %s: %s by uid %u, pid %u, %s: %s%s%s", e->instance,
	    e->refused ? "refused" : "changed", by->uid, by->pid, audit_via_word(by->via),
	    by->command, e->refused || e->n_changes ? ": " : "",
	    e->refused             ? e->refused
		    : e->n_changes ? e->changes[0]
				   : "");
	add(f, "XROAM_INSTANCE=%s", e->instance);
	add(f, "XROAM_RESULT=%s", e->refused ? "refused" : "done");
	add(f, "XROAM_VIA=%s", audit_via_word(by->via));
	add(f, "XROAM_UID=%u", by->uid);
	if (by->login_uid != PROCESS_NOBODY)
		add(f, "XROAM_LOGIN_UID=%u", by->login_uid);
	add(f, "XROAM_PID=%u", by->pid);
	add(f, "XROAM_COMMAND=%s", by->command);
	if (e->refused)
		add(f, "XROAM_ERROR=%s", e->refused);
	add(f, "XROAM_CHANGES=%zu", e->n_changes + e->more_changes);
	if (omitted)
		add(f, "XROAM_LEFT_OUT=%u", omitted);
	for (i = 0; i < e->n_changes; i++)
		add(f, "XROAM_CHANGE=%s", e->changes[i]);
}

static void post_to_journal(const struct audit_entry *e, unsigned int omitted)
{
	bool is_command = e->by->via == AUDIT_COMMAND || e->by->via == AUDIT_FILE;
	struct fields f = { .n = 0 };

	if (!audit_has_journal())
		return;
	journal_notices += omitted;
	if (!journal_takes_more(is_command ? COMMAND_WAITS : 0)) {
		journal_entries++;
		return;
	}
	add_all(&f, e, journal_notices + journal_entries);
	journal_notices = journal_entries = 0;
	to_journal(f.field, f.n);
	while (f.n)
		free(f.field[--f.n].iov_base);
}

/* ---- the event ring ---- */

/*
 * One line: a command's changes have events of their own before it; of others' changes the
 * first one is in it, and how many there are more.
 */
static void ring_text(const struct audit_entry *e, char *text, size_t size)
{
	const char *change = e->by->via != AUDIT_COMMAND && e->n_changes ? e->changes[0] : "";
	size_t more = *change ? e->n_changes - 1 + e->more_changes : 0;
	const char *why = e->refused ? e->refused : "";
	char line[1600], tail[32] = "";

	if (more)
		snprintf(tail, sizeof(tail), " (and %zu more)", more);
	snprintf(line, sizeof(line), "%s%s%s%s%s", e->by->command, *change ? ": " : "", change,
		 *why ? ": " : "", why);
	clean_cut(line, text, size - strlen(tail));
	strcat(text, tail);
}

static void post_to_ring(struct plane *p, const struct audit_entry *e, unsigned int omitted)
{
	const struct audit_actor *by = e->by;
	struct xr_event event = {
		.kind = XR_EVENT_AUDIT,
		.maker = {
			.pid = by->pid,
			.uid = by->uid,
			.login_uid = by->login_uid,
			.via = by->via,
			.refused = e->refused != NULL,
			.left_out = omitted,
		},
	};

	ring_text(e, event.text, sizeof(event.text));
	if (p)
		plane_emit(p, &event);
	else
		plane_emit_by_name(e->instance, &event);
}

void audit_post(struct plane *p, const struct audit_entry *e)
{
	unsigned int omitted = left_out;

	left_out = 0;
	post_to_ring(p, e, omitted);
	post_to_journal(e, omitted);
}

/* ---- not more than so many ---- */

static __u64 second_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec;
}

bool audit_may_post(bool refused)
{
	static unsigned int posted[2];
	static __u64 second;
	__u64 now = second_now();

	if (now != second) {
		second = now;
		posted[0] = posted[1] = 0;
	}
	if (posted[refused] < ENTRIES_PER_SECOND) {
		posted[refused]++;
		return true;
	}
	left_out++;
	return false;
}

void audit_flush(struct plane *p, const char *instance)
{
	struct audit_actor self;
	struct audit_entry e = { .by = &self, .instance = instance };
	char notices[64], entries[64];
	const char *lines[2];

	if (!left_out && (!(journal_notices + journal_entries) || !journal_takes_more(0)))
		return;
	audit_self(&self, AUDIT_DAEMON, 0, NULL);
	snprintf(self.command, sizeof(self.command), "audit");
	snprintf(notices, sizeof(notices), "%u notices were not recorded one by one",
		 journal_notices + left_out);
	snprintf(entries, sizeof(entries), "%u entries were not taken by the journal",
		 journal_entries);
	if (journal_notices + left_out)
		lines[e.n_changes++] = notices;
	if (journal_entries)
		lines[e.n_changes++] = entries;
	e.changes = lines;
	audit_post(p, &e);
}
