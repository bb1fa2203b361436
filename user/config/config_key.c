// SPDX-License-Identifier: GPL-2.0-only
/* Keys and secrets, from files that are their owner's alone. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "config.h"
#include "lib/text.h"

static int read_all(int fd, char *buf, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while (n < size) {
		got = read(fd, buf + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		n += got;
	}
	return n;
}

static int parse_key(const char *what, const char *buf, size_t n, __u8 *key, size_t size,
		     struct xr_err *err)
{
	char hex[129];
	size_t len = 0, end = n;

	if (n == size) {
		memcpy(key, buf, size);
		return 0;
	}
	while (end && isspace((unsigned char)buf[end - 1]))
		end--;
	if (end == 2 * size && end < sizeof(hex)) {
		memcpy(hex, buf, end);
		hex[end] = '\0';
		if (strspn(hex, "0123456789abcdefABCDEF") == end &&
		    !text_to_hex(hex, key, size, &len, NULL) && len == size) {
			explicit_bzero(hex, sizeof(hex));
			return 0;
		}
		explicit_bzero(hex, sizeof(hex));
	}
	return xr_fail(err, -EINVAL,
		       "%s: not a key of the right size; it must hold %zu hex digits or %zu octets",
		       what, 2 * size, size);
}

static const char *kind_of(mode_t mode)
{
	return S_ISDIR(mode)     ? "a directory"
		: S_ISFIFO(mode) ? "a FIFO"
		: S_ISSOCK(mode) ? "a socket"
				 : "a device";
}

/* A pipe without a name is <(...) or /dev/stdin: its writer is the operator's. */
static bool may_be_read(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISREG(st->st_mode) ||
		(S_ISFIFO(st->st_mode) && !fstatfs(fd, &fs) && fs.f_type == PIPEFS_MAGIC);
}

static int refuse_kind(const char *path, mode_t mode, struct xr_err *err)
{
	return xr_fail(err, -EINVAL, "%s: is %s%s; name a file, or \"-\" for standard input", path,
		       kind_of(mode),
		       S_ISFIFO(mode) && mode & 077 ? " that others can use, too" : "");
}

int config_open(const char *path, struct stat *st, struct xr_err *err)
{
	int fd;

	if (!strcmp(path, "-"))
		return fstat(STDIN_FILENO, st)
			? xr_fail(err, -errno, "standard input: cannot be read: %s",
				  strerror(errno))
			: STDIN_FILENO;
	/* Before open(), which may have an effect on a device. */
	if (!stat(path, st) && !S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return refuse_kind(path, st->st_mode, err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, st)) {
		int ret = xr_fail(err, -errno, "%s: cannot be read: %s", path, strerror(errno));

		if (fd >= 0)
			close(fd);
		return ret;
	}
	if (!may_be_read(fd, st)) {
		close(fd);
		return refuse_kind(path, st->st_mode, err);
	}
	fcntl(fd, F_SETFL, 0);
	return fd;
}

int config_read_key(const char *path, __u8 *key, size_t size, struct xr_err *err)
{
	bool in = !strcmp(path, "-");
	struct stat st;
	int fd = config_open(path, &st, err), n;
	char buf[256];

	if (fd < 0)
		return fd;
	if (!in && st.st_mode & 077) {
		n = xr_fail(err, -EACCES,
			    "%s: others than its owner can use it (mode %04o); chmod 600 it", path,
			    st.st_mode & 07777);
	} else {
		n = read_all(fd, buf, sizeof(buf));
		if (n < 0)
			xr_fail(err, n, "%s: cannot be read: %s", path, strerror(-n));
		else
			n = parse_key(in ? "standard input" : path, buf, n, key, size, err);
	}
	explicit_bzero(buf, sizeof(buf));
	if (!in)
		close(fd);
	return n;
}
