// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "own_socket.h"

int own_socket_listen(struct own_socket *s, int fd, int backlog)
{
	mode_t old = umask(0117);
	int ret = bind(fd, (const void *)&s->at, sizeof(s->at)) ? -errno : 0;
	struct group *g = getgrnam("xroam");
	struct stat st;

	umask(old);
	if (ret)
		return ret;
	if (g && chown(s->at.sun_path, -1, g->gr_gid))
		return -errno;
	if (listen(fd, backlog) || stat(s->at.sun_path, &st))
		return -errno;
	s->inode = st.st_ino;
	s->dev = st.st_dev;
	return 0;
}

void own_socket_remove(struct own_socket *s)
{
	struct stat st;

	if (s->inode && !stat(s->at.sun_path, &st) && st.st_ino == s->inode && st.st_dev == s->dev)
		unlink(s->at.sun_path);
	s->inode = 0;
}
