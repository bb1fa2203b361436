// SPDX-License-Identifier: GPL-2.0-only
/* xroam explain: what the loaded program would do with each packet, and why. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
/* pcap's struct bpf_insn is the old one, and not needed here. */
#define PCAP_DONT_INCLUDE_PCAP_BPF_H
#include <pcap/dlt.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xroam/cid.h>

#include "args/args.h"
#include "args/out.h"
#include "host/host.h"
#include "lib/reason.h"
#include "report/explain.h"
#include "packets.h"
#include "packets_priv.h"
#include "vm/vm.h"

static const char notes[] =
	"Runs a copy of the program over each packet of a pcap or pcapng file, or over\n"
	"one packet in hex (an Ethernet frame; blanks and colons are fine; - reads it\n"
	"from standard input) and prints what it did with it. Nothing is sent; no\n"
	"counter and no flow changes. dev: as if the packet came in there; without it,\n"
	"on the first attached device of role node.\n"
	"-v prints the frame as it would leave, too.\n";

#define FRAME_MAX 65536

struct run {
	struct plane *p;
	struct explain *e;
	unsigned int n; /* packets so far */
	int status;
};

static const char *format_of(const struct xr_cid_info *info)
{
	return xr_cid_format_word(info->format) ?: "?";
}

static __u32 shown_cid(const struct xr_trace *t)
{
	return t->cid_len < sizeof(t->cid) ? t->cid_len : sizeof(t->cid);
}

/* ---- text ---- */

static void print_parsed(const struct trace_names *n)
{
	char src[TEXT_ADDR], dst[TEXT_ADDR];
	const struct xr_trace *t = n->t;

	printf("  parsed as   ");
	if (t->vlans)
		printf("%u VLAN tag%s, ", t->vlans, t->vlans > 1 ? "s" : "");
	if (!trace_has_addresses(t)) {
		printf("%s\n",
		       announcement_word(t->announcement) ? "an announcement"
			       : n->vm[0]                 ? "a frame, known by its MAC"
							  : "no IP packet");
		return;
	}
	if (t->flags & XR_TRACE_ICMP)
		printf("ICMP error, quoting the answer to ");
	printf("%s ", t->ipv6 ? "IPv6" : "IPv4");
	if (t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP)
		printf("%s", t->proto == IPPROTO_TCP ? "TCP" : "UDP");
	else
		printf("protocol %u", t->proto);
	printf(" from %s", text_addr(src, t->saddr));
	if (t->sport || t->dport)
		printf(" port %u", ntohs(t->sport));
	printf(" to %s", text_addr(dst, t->daddr));
	if (t->sport || t->dport)
		printf(" port %u", ntohs(t->dport));
	if (t->flags & XR_TRACE_CID)
		printf(", QUIC %s header%s", t->flags & XR_TRACE_LONG ? "long" : "short",
		       t->flags & XR_TRACE_INITIAL ? ", Initial" : "");
	putchar('\n');
}

static void print_cid(const struct trace_names *n)
{
	const struct xr_trace *t = n->t;
	char hex[2 * 20 + 1];

	if (!(t->flags & XR_TRACE_CID))
		return;
	printf("  CID         %s%s\n",
	       shown_cid(t) ? text_hex(hex, sizeof(hex), t->cid, shown_cid(t)) : "empty",
	       t->flags & XR_TRACE_LONG || !shown_cid(t)
		       ? ""
		       : " (at most: a short header tells no length)");
	if (n->cid)
		printf("  CID config  %u: %s, server ID %u octets%s\n", n->cid->config_id,
		       format_of(n->cid), n->cid->sid_len, n->cid->has_key ? ", encrypted" : "");
	else
		printf("  CID config  none for this first octet\n");
	if (t->flags & XR_TRACE_SID && t->sid_len <= sizeof(t->sid))
		printf("  server ID   %s\n", text_hex(hex, sizeof(hex), t->sid, t->sid_len));
}

static void print_left(const struct trace_names *n, const struct explain_result *r)
{
	const struct xr_trace *t = n->t;
	char dst[TEXT_ADDR];

	printf("  left        ");
	switch (r->action) {
	case XDP_PASS:
		printf("to the kernel, %u octets\n", r->len);
		return;
	case XDP_DROP:
		printf("not at all: dropped\n");
		return;
	case XDP_ABORTED:
		printf("not at all: aborted\n");
		return;
	}
	printf("%s", r->action == XDP_TX ? "back out of its device (tx)" : "out of ");
	if (r->action == XDP_REDIRECT)
		printf("%s (redirect)", n->device[0] ? n->device : "a device");
	if (n->path && reason_kind(t->reason) == XR_KIND_TX) {
		printf(", %s", text_forward(n->path->method));
		if (!addr_is_zero(n->path->daddr) && n->path->method != XR_FORWARD_L2)
			printf(" to %s", text_addr(dst, n->path->daddr));
		printf(", next hop %s", t->flags & XR_TRACE_CACHED ? "cached" : "looked up");
	}
	printf(", %u octets\n", r->len);
}

static void print_notes(const struct xr_trace *t)
{
	const char *lead = "  notes       ";
	unsigned int i;

	for (i = 1; i < XR_REASON_MAX; i++) {
		if (!trace_noted(t, i))
			continue;
		printf("%s%s: %s\n", lead, reason_word(i), reason_text(i));
		lead = "              ";
	}
}

static void print_result(struct run *run, __u32 len, const struct explain_result *r)
{
	char hex[2 * sizeof(r->frame) + 1];
	const struct xr_trace *t = &r->trace;
	struct trace_names n;

	trace_names(run->p, t, &n);
	printf("packet %u: %u octets\n", run->n, len);
	print_parsed(&n);
	if (trace_has_addresses(t))
		printf("  VIP         %s\n", n.vip[0] ? n.vip : "none");
	if (n.vm[0])
		printf("  VM          %s, at %s, %s\n", n.vm, n.vm_host, n.vm_state);
	if (announcement_word(t->announcement))
		printf("  says        %s\n", announcement_word(t->announcement));
	print_cid(&n);
	if (n.backend)
		printf("  backend     %s, %s\n", n.backend->name, text_state(n.backend->state));
	print_notes(t);
	printf("  verdict     %s: %s\n", reason_word(t->reason), reason_text(t->reason));
	print_left(&n, r);
	if (opt.verbose)
		printf("  frame       %s\n", text_hex(hex, sizeof(hex), r->frame, r->len));
}

/* ---- JSON ---- */

static json_t *json_notes(const struct xr_trace *t)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 1; i < XR_REASON_MAX; i++) {
		if (trace_noted(t, i))
			json_array_append_new(list, json_string(reason_word(i)));
	}
	return list;
}

static void json_parsed(json_t *j, const struct xr_trace *t)
{
	json_object_set_new(j, "vlans", json_integer(t->vlans));
	if (!trace_has_addresses(t))
		return;
	json_object_set_new(j, "family", json_string(t->ipv6 ? "ipv6" : "ipv4"));
	json_object_set_new(j, "protocol",
			    t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP
				    ? json_string(text_proto(t->proto))
				    : json_integer(t->proto));
	json_object_set_new(j, "source", json_addr(t->saddr));
	json_object_set_new(j, "source_port", json_integer(ntohs(t->sport)));
	json_object_set_new(j, "destination", json_addr(t->daddr));
	json_object_set_new(j, "destination_port", json_integer(ntohs(t->dport)));
	json_object_set_new(j, "icmp_error", json_boolean(t->flags & XR_TRACE_ICMP));
}

static void json_quic(json_t *j, const struct trace_names *n)
{
	const struct xr_trace *t = n->t;

	if (!(t->flags & XR_TRACE_CID))
		return;
	json_object_set_new(j, "long_header", json_boolean(t->flags & XR_TRACE_LONG));
	json_object_set_new(j, "initial", json_boolean(t->flags & XR_TRACE_INITIAL));
	json_object_set_new(j, "cid", json_hex(t->cid, shown_cid(t)));
	if (n->cid) {
		json_object_set_new(j, "config_id", json_integer(n->cid->config_id));
		json_object_set_new(j, "format", json_string(format_of(n->cid)));
	}
	if (t->flags & XR_TRACE_SID && t->sid_len <= sizeof(t->sid))
		json_object_set_new(j, "server_id", json_hex(t->sid, t->sid_len));
}

static void json_left(json_t *j, const struct trace_names *n, const struct explain_result *r)
{
	const struct xr_trace *t = n->t;

	json_object_set_new(j, "action", json_string(action_word(r->action)));
	json_object_set_new(j, "length_out", json_integer(r->len));
	if (reason_kind(t->reason) == XR_KIND_TX && n->path) {
		json_object_set_new(j, "forward", json_string(text_forward(n->path->method)));
		if (!addr_is_zero(n->path->daddr) && n->path->method != XR_FORWARD_L2)
			json_object_set_new(j, "outer_destination", json_addr(n->path->daddr));
		json_object_set_new(j, "next_hop_cached", json_boolean(t->flags & XR_TRACE_CACHED));
	}
	if (n->device[0])
		json_object_set_new(j, "device", json_text(n->device));
	if (opt.verbose)
		json_object_set_new(j, "frame", json_hex(r->frame, r->len));
}

static int json_result(struct run *run, __u32 len, const struct explain_result *r)
{
	json_t *j = json_pack("{s:i, s:i}", "packet", run->n, "length", len);
	const struct xr_trace *t = &r->trace;
	struct trace_names n;

	trace_names(run->p, t, &n);
	json_parsed(j, t);
	if (n.vip[0])
		json_object_set_new(j, "vip", json_string(n.vip));
	if (n.vm[0]) {
		json_object_set_new(j, "vm", json_string(n.vm));
		json_object_set_new(j, "vm_host", json_string(n.vm_host));
		json_object_set_new(j, "vm_state", json_string(n.vm_state));
	}
	if (announcement_word(t->announcement))
		json_object_set_new(j, "announcement",
				    json_string(announcement_word(t->announcement)));
	json_quic(j, &n);
	if (n.backend) {
		json_object_set_new(j, "backend", json_string(n.backend->name));
		json_object_set_new(j, "backend_state", json_string(text_state(n.backend->state)));
	}
	json_object_set_new(j, "notes", json_notes(t));
	json_object_set_new(j, "reason", json_string(reason_word(t->reason)));
	json_object_set_new(j, "kind", json_string(reason_kind_word(reason_kind(t->reason))));
	json_left(j, &n, r);
	return out_json(j);
}

/* ---- packets ---- */

static void one_packet(struct run *run, const void *frame, __u32 len)
{
	static struct explain_result r;
	struct xr_err err;

	run->n++;
	if (explain_packet(run->e, frame, len, &r, &err))
		run->status = cmd_refuse("packet %u: %s", run->n, err.text);
	else if (opt.json)
		json_result(run, len, &r);
	else
		print_result(run, len, &r);
}

static int from_file(struct run *run, const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const u_char *frame;
	pcap_t *pcap;
	FILE *file;
	int ret;

	file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!file)
		return cmd_refuse("%s: %s", path, strerror(errno));
	pcap = pcap_fopen_offline(file, why); /* closes file in the end */
	if (!pcap) {
		fclose(file);
		return cmd_refuse("%s: no capture file (pcap or pcapng): %s", path, why);
	}
	if (pcap_datalink(pcap) != DLT_EN10MB) {
		ret = cmd_refuse("%s: link type %s, but only Ethernet frames can be explained",
				 path, pcap_datalink_val_to_name(pcap_datalink(pcap)) ?: "unknown");
		pcap_close(pcap);
		return ret;
	}
	while ((ret = pcap_next_ex(pcap, &head, &frame)) == 1) {
		if (head->caplen < head->len)
			cmd_warn("packet %u: only %u of %u octets were captured", run->n + 1,
				 head->caplen, head->len);
		one_packet(run, frame, head->caplen);
	}
	if (ret == PCAP_ERROR)
		run->status = cmd_refuse("%s: after packet %u: %s", path, run->n,
					 pcap_geterr(pcap));
	pcap_close(pcap);
	return run->status;
}

/* One packet in hex: the words, joined, or all of standard input; allocated. */
static char *gather_hex(int argc, char **argv)
{
	size_t size = 4 * FRAME_MAX, n = 0;
	char *text = calloc(1, size);
	int i;

	if (!text)
		return NULL;
	if (argc == 1 && !strcmp(argv[0], "-")) {
		n = fread(text, 1, size - 1, stdin);
		text[n] = '\0';
		return text;
	}
	for (i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (n + len + 2 > size)
			break;
		memcpy(text + n, argv[i], len);
		n += len;
		text[n++] = ' ';
	}
	return text;
}

static int from_hex(struct run *run, int argc, char **argv)
{
	char *text = gather_hex(argc, argv);
	__u8 *frame = malloc(FRAME_MAX);
	struct xr_err err;
	size_t len;

	if (!text || !frame)
		run->status = cmd_refuse("out of memory");
	else if (text_to_hex(text, frame, FRAME_MAX, &len, &err))
		run->status = cmd_usage("packet: %s", err.text);
	else
		one_packet(run, frame, len);
	free(text);
	free(frame);
	return run->status;
}

struct explain_args {
	const char *file, *dev;
	char **hex;
	int hex_words;
};

static int parse(int argc, char **argv, struct explain_args *e)
{
	struct args a = args_after(argc, argv);

	while (a.argc) {
		if (!strcmp(a.argv[0], "-r") || !strcmp(a.argv[0], "--read")) {
			args_next(&a);
			e->file = args_need(&a, "-r: the file");
			if (!e->file)
				return EXIT_USAGE;
		} else if (!strcmp(a.argv[0], "dev")) {
			args_next(&a);
			e->dev = args_need(&a, "dev: the device");
			if (!e->dev)
				return EXIT_USAGE;
		} else {
			if (e->hex_words && e->hex + e->hex_words != a.argv)
				return args_end(&a);
			if (!e->hex_words)
				e->hex = a.argv;
			e->hex_words++;
			args_next(&a);
		}
	}
	if (!e->file == !e->hex_words)
		return cmd_usage("explain: give either -r FILE or a packet in hex");
	return EXIT_DONE;
}

int do_explain(int argc, char **argv)
{
	struct explain_args a = { NULL, NULL, NULL, 0 };
	struct xr_err err = { "" };
	struct run run = { .status = EXIT_DONE };
	int ret;

	if (cmd_help(notes, argc, argv))
		return EXIT_DONE;
	ret = parse(argc, argv, &a);
	if (ret)
		return ret;
	ret = cmd_open(&run.p, PLANE_READ);
	if (ret)
		return ret;
	if (explain_open(run.p, a.dev, &run.e, &err))
		ret = cmd_fail(&err);
	else if (a.file)
		ret = from_file(&run, a.file);
	else
		ret = from_hex(&run, a.hex_words, a.hex);
	explain_close(run.e);
	plane_close(run.p);
	return ret;
}
