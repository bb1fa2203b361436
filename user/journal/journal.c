// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config/config.h"
#include "journal.h"
#include "lib/netns.h"
#include "plane/pins.h"
#include "write/write.h"

#define HEAD_MAX   128
#define NETNS_LINE "# netns "            /* the namespace whose devices and routes are meant */
#define VMS_LINE   "# other VMs stay\n"  /* than those in the text */
#define SIDS_LINE  "# server IDs stay\n" /* they are not in the text */

void journal_path(const char *instance, char path[JOURNAL_PATH])
{
	snprintf(path, JOURNAL_PATH, XR_RUN_ROOT "/%s/journal.yaml", instance);
}

bool journal_exists(const char *instance)
{
	char path[JOURNAL_PATH];

	journal_path(instance, path);
	return !access(path, F_OK);
}

/* ---- writing ---- */

/* The first line tells the instance from an earlier one of the same name. */
static int print_head(const struct plane *p, char head[HEAD_MAX])
{
	return snprintf(head, HEAD_MAX, "# %llu %016llx\n", (unsigned long long)p->meta->created,
			(unsigned long long)p->meta->id);
}

int journal_write(struct plane *p, const struct model *want, struct xr_err *err)
{
	char dir[128], path[JOURNAL_PATH], part[JOURNAL_PATH + 8], head[HEAD_MAX];
	char *text = NULL;
	size_t len = 0;
	int fd, n, ret;

	ret = config_write(want, true, false, &text, &len, err);
	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), XR_RUN_ROOT "/%s", p->name);
	journal_path(p->name, path);
	snprintf(part, sizeof(part), "%s.part", path);
	n = print_head(p, head);
	n += snprintf(head + n, sizeof(head) - n, NETNS_LINE "%016llx\n%s%s",
		      (unsigned long long)netns_id(), want->sids_stay ? SIDS_LINE : "",
		      want->other_vms_stay ? VMS_LINE : "");
	mkdir(XR_RUN_ROOT, 0700);
	mkdir(dir, 0700);
	unlink(part);
	fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || plane_write(fd, head, n) || plane_write(fd, text, len) || rename(part, path))
		ret = plane_file_fail(err, "writing the journal ", path);
	if (fd >= 0)
		close(fd);
	if (ret)
		unlink(part);
	explicit_bzero(text, len);
	free(text);
	return ret;
}

void journal_remove(struct plane *p)
{
	char path[JOURNAL_PATH];

	journal_path(p->name, path);
	unlink(path);
}

/* ---- reading ---- */

static __u64 netns_in(const char *text)
{
	const char *line = strstr(text, "\n" NETNS_LINE);

	return line ? strtoull(line + 1 + strlen(NETNS_LINE), NULL, 16) : 0;
}

/* This instance's: *text, of len octets. Whatever else is there is removed: false. */
static bool read_text(struct plane *p, const char *path, char **text, size_t *len)
{
	char head[HEAD_MAX];
	int fd, n = print_head(p, head);
	bool ours = false;
	struct stat st;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	*text = NULL;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && (*text = malloc(st.st_size + 1))) {
		*len = read(fd, *text, st.st_size) == st.st_size ? st.st_size : 0;
		(*text)[*len] = '\0';
		ours = !strncmp(*text, head, n);
	}
	close(fd);
	if (!ours) {
		unlink(path);
		free(*text);
	}
	return ours;
}

int journal_read(struct plane *p, struct model *want, __u64 *netns, struct xr_err *err)
{
	char path[JOURNAL_PATH], *text;
	size_t len;
	int ret;

	journal_path(p->name, path);
	if (!read_text(p, path, &text, &len))
		return 0;
	*netns = netns_in(text);
	ret = config_read_text(text, len, path, want, err);
	if (!ret) {
		want->sids_stay = strstr(text, "\n" SIDS_LINE);
		want->other_vms_stay = strstr(text, "\n" VMS_LINE);
	}
	explicit_bzero(text, len);
	free(text);
	return ret ? ret : 1;
}

int journal_set_aside(struct plane *p, char aside[JOURNAL_PATH])
{
	char path[JOURNAL_PATH];

	journal_path(p->name, path);
	snprintf(aside, JOURNAL_PATH, "%.*s.unreadable", JOURNAL_PATH - 12, path);
	return rename(path, aside) ? -errno : 0;
}
