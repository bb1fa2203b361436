// SPDX-License-Identifier: GPL-2.0-only
/* A captured packet in words: a comment, a line, a JSON object. */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xroam/capture.h>

#include "args/out.h"
#include "lib/clean.h"
#include "lib/reason.h"
#include "packets_priv.h"

#define WITH_PORTS (TEXT_ADDR + 8)

/* ---- parts ---- */

static const char *protocol(const struct xr_trace *t, char buf[16])
{
	if (t->proto == IPPROTO_TCP || t->proto == IPPROTO_UDP)
		return text_proto(t->proto);
	snprintf(buf, 16, "protocol %u", t->proto);
	return buf;
}

static const char *with_port(char buf[WITH_PORTS], const __be32 *addr, __be16 port)
{
	char text[TEXT_ADDR];

	text_addr(text, addr);
	if (port)
		snprintf(buf, WITH_PORTS, strchr(text, ':') ? "[%s]:%u" : "%s:%u", text,
			 ntohs(port));
	else
		snprintf(buf, WITH_PORTS, "%s", text);
	return buf;
}

static bool is_sent(const struct xr_trace *t)
{
	return reason_kind(t->reason) == XR_KIND_TX;
}

/* The tunnel that it left in, and to whom; "": none. */
static const char *way_of(const struct capture_words *w, char buf[TEXT_ADDR + 16])
{
	const struct xr_path *path = w->n.path;
	char addr[TEXT_ADDR];

	buf[0] = '\0';
	if (!path || !is_sent(w->n.t))
		return buf;
	if (path->method == XR_FORWARD_L2)
		return strcpy(buf, text_forward(path->method));
	snprintf(buf, TEXT_ADDR + 16, "%s %s", text_forward(path->method),
		 text_addr(addr, path->daddr));
	return buf;
}

static void print_notes(FILE *to, const struct xr_trace *t, const char *lead)
{
	unsigned int i;

	for (i = 1; i < XR_REASON_MAX; i++) {
		if (!trace_noted(t, i))
			continue;
		fprintf(to, "%s%s", lead, reason_word(i));
		lead = ",";
	}
}

/* ---- the comment ---- */

/* Its name is the MAC, and " vlan N" where it is in one. */
static void print_vm(FILE *to, const struct capture_words *w)
{
	int mac = strcspn(w->n.vm, " ");

	fprintf(to, " vm=%.*s", mac, w->n.vm);
	if (w->n.vm[mac])
		fprintf(to, " vlan=%s", strrchr(w->n.vm, ' ') + 1);
	fprintf(to, " host=%s", w->n.vm_host);
}

char *capture_comment(const struct xr_capture_packet *c, const struct capture_words *w)
{
	const struct xr_trace *t = &c->trace;
	char *text = NULL, *clean, *at, way[TEXT_ADDR + 16];
	size_t size;
	FILE *to = open_memstream(&text, &size);

	if (!to)
		return NULL;
	fprintf(to, "reason=%s kind=%s", reason_word(t->reason),
		reason_kind_word(reason_kind(t->reason)));
	if (w->n.vip[0])
		fprintf(to, " vip=%s", w->n.vip);
	if (w->n.backend)
		fprintf(to, " backend=%s", w->n.backend->name);
	if (w->n.vm[0])
		print_vm(to, w);
	fprintf(to, " dev=%s action=%s", w->dev, action_word(t->action));
	if (w->out[0])
		fprintf(to, " out=%s", w->out);
	if (way_of(w, way)[0]) {
		at = strchr(way, ' ');
		if (at)
			*at = ',';
		fprintf(to, " way=%s", way);
	}
	print_notes(to, t, " notes=");
	if (fclose(to) || !text)
		return NULL;
	/* Of a device's name the kernel refuses blanks alone. */
	clean_line(text);
	clean = clean_utf8(text);
	free(text);
	return clean;
}

/* ---- a line ---- */

static void print_time(__u64 ns)
{
	time_t seconds = ns / 1000000000;
	char text[16];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%T", &tm);
	printf("%s.%06llu", text, (unsigned long long)(ns % 1000000000 / 1000));
}

static void print_left(const struct xr_capture_packet *c, const struct capture_words *w)
{
	char way[TEXT_ADDR + 16];

	switch (c->trace.action) {
	case XDP_TX:
	case XDP_REDIRECT:
		printf(" > %s", w->out[0] ? w->out : "?");
		break;
	case XDP_PASS:
		printf(" > kernel");
		break;
	default:
		printf(" dropped");
		return;
	}
	if (way_of(w, way)[0])
		printf(" %s", way);
	if (c->len_out)
		printf(" length %u", c->len_out);
}

void capture_print(const struct xr_capture_packet *c, const struct capture_words *w)
{
	char src[WITH_PORTS], dst[WITH_PORTS], proto[16];
	const struct xr_trace *t = &c->trace;

	print_time(w->when_ns);
	printf(" %s %s", w->dev, reason_word(t->reason));
	if (trace_has_addresses(t))
		printf(" %s > %s %s", with_port(src, t->saddr, t->sport),
		       with_port(dst, t->daddr, t->dport), protocol(t, proto));
	printf(" length %u", c->len_in);
	if (w->n.vip[0])
		printf(" vip %s", w->n.vip);
	if (w->n.backend)
		printf(" backend %s", w->n.backend->name);
	if (w->n.vm[0])
		printf(" vm %s at %s", w->n.vm, w->n.vm_host);
	print_left(c, w);
	print_notes(stdout, t, " notes ");
	putchar('\n');
}

/* ---- JSON ---- */

static json_t *json_notes_of(const struct xr_trace *t)
{
	json_t *list = json_array();
	unsigned int i;

	for (i = 1; i < XR_REASON_MAX; i++)
		if (trace_noted(t, i))
			json_array_append_new(list, json_string(reason_word(i)));
	return list;
}

static void json_addresses(json_t *j, const struct xr_trace *t)
{
	char proto[16];

	if (!trace_has_addresses(t))
		return;
	json_object_set_new(j, "protocol", json_string(protocol(t, proto)));
	json_object_set_new(j, "source", json_addr(t->saddr));
	json_object_set_new(j, "source_port", json_integer(ntohs(t->sport)));
	json_object_set_new(j, "destination", json_addr(t->daddr));
	json_object_set_new(j, "destination_port", json_integer(ntohs(t->dport)));
}

void capture_print_json(const struct xr_capture_packet *c, const struct capture_words *w)
{
	const struct xr_trace *t = &c->trace;
	json_t *j = json_pack(
		"{s:f, s:o, s:i, s:s, s:s, s:s}", "time", w->when_ns / 1e9, "device",
		json_text(w->dev), "length", c->len_in, "reason", reason_word(t->reason), "kind",
		reason_kind_word(reason_kind(t->reason)), "action", action_word(t->action));

	json_addresses(j, t);
	if (w->n.vip[0])
		json_object_set_new(j, "vip", json_string(w->n.vip));
	if (w->n.backend)
		json_object_set_new(j, "backend", json_string(w->n.backend->name));
	if (w->n.vm[0]) {
		json_object_set_new(j, "vm", json_string(w->n.vm));
		json_object_set_new(j, "vm_host", json_string(w->n.vm_host));
	}
	if (w->out[0])
		json_object_set_new(j, "device_out", json_text(w->out));
	if (w->n.path && is_sent(t)) {
		json_object_set_new(j, "forward", json_string(text_forward(w->n.path->method)));
		if (w->n.path->method != XR_FORWARD_L2)
			json_object_set_new(j, "outer_destination", json_addr(w->n.path->daddr));
	}
	if (c->len_out)
		json_object_set_new(j, "length_out", json_integer(c->len_out));
	json_object_set_new(j, "notes", json_notes_of(t));
	out_json(j);
}
