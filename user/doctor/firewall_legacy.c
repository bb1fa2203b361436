// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
/* Before the kernel's headers, which have the same names. */
#include <netinet/in.h>

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "firewall_priv.h"

struct legacy {
	const char *command, *names; /* the tables that are in use: to ask for one makes it */
	int family, level, get_info, get_entries;
	size_t entry, target_at; /* struct *_entry, and where its target_offset is */
};

static const struct legacy legacies[] = {
	{ "iptables-legacy", "/proc/thread-self/net/ip_tables_names", AF_INET, IPPROTO_IP,
	  IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES, sizeof(struct ipt_entry),
	  offsetof(struct ipt_entry, target_offset) },
	{ "ip6tables-legacy", "/proc/thread-self/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6,
	  IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES, sizeof(struct ip6t_entry),
	  offsetof(struct ip6t_entry, target_offset) },
};

/* The layouts of both families' structs but for the entries. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) ==
		       offsetof(struct ip6t_get_entries, entrytable),
	       "");

static bool is_used(const struct legacy *l)
{
	char name[XT_TABLE_MAXNAMELEN + 1];
	FILE *f = fopen(l->names, "re");
	bool used = false;

	while (f && fgets(name, sizeof(name), f))
		used |= !strcmp(name, "filter\n");
	if (f)
		fclose(f);
	return used;
}

/* What the chain FORWARD ends with. */
static bool forward_drops(const struct legacy *l, const struct ipt_getinfo *info,
			  const struct ipt_get_entries *all)
{
	const char *entry = (const char *)all->entrytable + info->underflow[NF_INET_FORWARD];
	const struct xt_standard_target *target;
	__u16 at;

	if (info->underflow[NF_INET_FORWARD] + l->entry + sizeof(*target) > info->size)
		return false;
	memcpy(&at, entry + l->target_at, sizeof(at));
	target = (const void *)(entry + at);
	return at == l->entry && target->verdict == -NF_DROP - 1;
}

static int look_legacy(const struct legacy *l, bool *drops)
{
	struct ipt_getinfo info = { .name = "filter" };
	struct ipt_get_entries *all = NULL;
	socklen_t len = sizeof(info);
	int fd, ret = 0;

	*drops = false;
	if (!is_used(l))
		return 0;
	fd = socket(l->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0 || getsockopt(fd, l->level, l->get_info, &info, &len))
		ret = -errno;
	if (!ret) {
		len = sizeof(*all) + info.size;
		all = calloc(1, len);
		ret = all ? 0 : -ENOMEM;
	}
	if (!ret) {
		strcpy(all->name, info.name);
		all->size = info.size;
		ret = getsockopt(fd, l->level, l->get_entries, all, &len) ? -errno : 0;
	}
	if (!ret)
		*drops = forward_drops(l, &info, all);
	free(all);
	if (fd >= 0)
		close(fd);
	return ret;
}

int firewall_each_legacy_drop(void (*each)(void *ctx, const char *command), void *ctx)
{
	int ret = 0, one;
	bool drops;
	size_t i;

	for (i = 0; i < sizeof(legacies) / sizeof(legacies[0]); i++) {
		one = look_legacy(&legacies[i], &drops);
		ret = ret ? ret : one;
		if (drops)
			each(ctx, legacies[i].command);
	}
	return ret;
}
