// SPDX-License-Identifier: GPL-2.0-only
#include <pcap/pcap.h>
#include <stdlib.h>
#include "oracle.h"

struct oracle {
	struct bpf_program prog;
};

struct oracle *oracle_new(const char *expression)
{
	pcap_t *dead = pcap_open_dead(DLT_EN10MB, 262144);
	struct oracle *o = calloc(1, sizeof(*o));

	if (pcap_compile(dead, &o->prog, expression, 1, PCAP_NETMASK_UNKNOWN)) {
		free(o);
		o = NULL;
	}
	pcap_close(dead);
	return o;
}

void oracle_free(struct oracle *o)
{
	pcap_freecode(&o->prog);
	free(o);
}

bool oracle_matches(const struct oracle *o, const __u8 *octets, size_t len)
{
	const struct pcap_pkthdr head = { .caplen = len, .len = len };

	return pcap_offline_filter(&o->prog, &head, octets);
}

int oracle_runs(const struct xr_capture_insn *insn, size_t n, const __u8 *octets, size_t len)
{
	struct bpf_insn *copy = calloc(n, sizeof(*copy));
	int ret = -1;
	size_t i;

	for (i = 0; i < n; i++)
		copy[i] = (struct bpf_insn){ insn[i].code, insn[i].jt, insn[i].jf, insn[i].k };
	if (bpf_validate(copy, n))
		ret = !!bpf_filter(copy, octets, len, len);
	free(copy);
	return ret;
}
