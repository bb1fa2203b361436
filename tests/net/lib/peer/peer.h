/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two ends of peer.c share. */
#ifndef XR_TEST_PEER_H
#define XR_TEST_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAME_LEN    16
#define MAX_SERVERS 64
#define MAX_BULK    (1U << 20)

/* Both in host byte order: the peers share a machine. */
struct request {
	uint32_t seq;
	uint32_t up;   /* octets that follow (UDP: in the datagram) */
	uint32_t down; /* octets wanted after the answer's header */
	uint32_t reserved;
};

struct answer {
	char name[NAME_LEN];
	uint32_t seq;
	uint32_t down;
};

extern volatile sig_atomic_t stopped; /* by SIGTERM or SIGINT */
extern char bulk[MAX_BULK];           /* what is sent, whatever it is, and where it is read to */

/* Ends the process with what failed, and errno. */
void die(const char *what) __attribute__((noreturn));
uint64_t now_ms(void);
/* What send() or recv() returned: try again later. */
bool would_block(ssize_t n);

/* peer serve NAME PORT... and peer ask ...: the exit status. argv as of main(). */
int serve(int argc, char **argv);
int ask(int argc, char **argv);
int usage(void);

#endif
