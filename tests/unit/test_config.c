
/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file: what is read of it, key files, warnings, and that what is
 * written reads back the same.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/config/config.h"
#include "user/lib/defaults.h"
#include "user/write/write.h"
#include "lib/config_text.h"

#define KEY "000102030405060708090a0b0c0d0e0f"
#define VIP "vips:\n- {address: 192.0.2.1, port: 443, protocol: udp}\n"
#define REF "  vips: [\"192.0.2.1:443/udp\"]\n"
#define A   "- name: a\n  address: 10.0.0.1\n"
#define B   "- name: b\n  address: 10.0.0.2\n"

static const char whole[] =
	"secret: " KEY KEY "\n"
	"limits:\n  vips: 16\n  backends: 32\n  server_ids: 64\n  flows: 128\n"
	"policy:\n  too_big: drop\n  down: fallback\n  flow_idle: 60\n"
	"  reply_rate: 7\n  vip_other: pass\n  vip_echo: off\n  vip_route: off\n"
	"  source: 10.128.0.0/9\n  source6: 2001:db8::/32\n"
	"devices:\n- name: eth0\n  mode: native\n  role: node\n"
	"cid:\n- id: 0\n  format: quic-lb\n  server_id_length: 4\n"
	"  nonce_length: 8\n  key: " KEY "\n"
	"- id: 1\n  format: quic-lb\n  server_id_length: 2\n"
	"  nonce_length: 6\n"
	"vips:\n- address: 192.0.2.1\n  port: 443\n  protocol: udp\n"
	"  cid: true\n  flow: true\n"
	"- address: 2001:db8::1\n  port: 80\n  protocol: tcp\n"
	"  cid: false\n  flow: false\n"
	"backends:\n- name: a\n  address: 10.0.0.1\n"
	"  vips: ['192.0.2.1:443/udp']\n  server_ids: ['00000001', '0002']\n"
	"  weight: 5\n  state: draining\n  forward: ipip\n  dev: eth1\n"
	"  initial_rate: 100\n  vm:\n    mac: 02:00:00:00:00:09\n    vlan: 5\n"
	"- name: b\n  address: fd00::2\n"
	"  vips: ['192.0.2.1:443/udp', '[2001:db8::1]:80/tcp']\n"
	"  weight: 1\n  state: up\n  forward: vxlan\n  port: 8472\n"
	"  vni: 77\n  mac: 02:00:00:00:00:07\n";

static void writes_what_it_reads(void **state)
{
	char *once = written(whole, true), *twice = written(once, true);

	assert_string_equal(once, twice);
	assert_non_null(strstr(once, "secret: \"" KEY KEY "\""));
	assert_non_null(strstr(once, "  key: \"" KEY "\"\n"));
	assert_non_null(strstr(once, "  source: 10.128.0.0/9\n"));
	assert_non_null(strstr(once, "    vlan: 5\n"));
	assert_non_null(strstr(once, "  vni: 77\n"));
	free(once);
	free(twice);
}

static const char *const names[] = {
	"a\"b",
	"a\\b",
	"'",
	"\x1b]0;x\a",
	"\x7f",
	"\xc2\x9b"
	"2J",
	"#",
	"-",
	"{}",
	"*a",
	"&a",
	"!t",
	"%d",
	"@",
	"`",
	"\xe2\x80\xae"
	"x",
	"\xf0\x9f\x90\xa7",
	"\xc3\xa9",
	"on",
	"null",
	"~",
	"1e3",
	"0x10",
	"0010",
	"1_0",
	"10",
	"true",
	",",
	"?",
	"|",
	">",
};

/* What the kernel lets be a device's name, and what YAML takes for something else. */
static void names_of_any_kind(void **state)
{
	struct model m, back;
	struct xr_err err = { "" };
	size_t i, len;
	char *text;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		model_init(&m);
		m.devs_given = m.vms_given = true;
		m.devs = calloc(1, sizeof(*m.devs));
		m.hosts = calloc(1, sizeof(*m.hosts));
		m.vms = calloc(1, sizeof(*m.vms));
		m.n_devs = m.n_hosts = m.n_vms = 1;
		strcpy(m.devs[0].name, names[i]);
		m.devs[0].role = XR_ROLE_NODE;
		strcpy(m.hosts[0].info.name, "h");
		m.hosts[0].info.method = XR_FORWARD_PORT;
		strcpy(m.hosts[0].info.dev, names[i]);
		m.vms[0].mac[0] = 2;
		strcpy(m.vms[0].tap, names[i]);
		assert_int_equal(config_write(&m, false, true, &text, &len, &err), 0);
		if (config_read_text(text, len, "f", &back, &err))
			fail_msg("%s: %s\n%s", names[i], err.text, text);
		assert_string_equal(back.devs[0].name, names[i]);
		assert_string_equal(back.hosts[0].info.dev, names[i]);
		assert_string_equal(back.vms[0].tap, names[i]);
		/* Nothing raw, and nothing that another reader takes for a number. */
		assert_int_equal(strspn(text,
					"\n !\"#$%&'()*+,-./0123456789:;<=>?@"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`"
					"abcdefghijklmnopqrstuvwxyz{|}~"),
				 len);
		/* quoted, where another reader would not take it for text */
		if (strspn(names[i], "0123456789xe_onulltrue") == strlen(names[i]))
			assert_non_null(strstr(text, "- name: \""));
		free(text);
		model_free(&m);
		model_free(&back);
	}
}

/* A number is one to every reader, and an address is none. */
static void numbers_and_no_numbers(void **state)
{
	char *text = written(
		"limits: {server_ids: 4096}\n"
		"hosts:\n- {name: a, ipip: \"1:2:3:4:5:6:7:8\"}\n"
		"gateways:\n- {address: \"1:2:3:4:5:6:7:9\", mac: \"02:00:00:00:00:01\"}\n"
		"backends:\n- {name: \"5\", address: \"1:2:3:4:5:6:7:10\", server_ids: [\"0010\"]}\n",
		true);

	assert_non_null(strstr(text, "  server_ids: 4096\n"));
	assert_non_null(strstr(text, " ipip: \"1:2:3:4:5:6:7:8\"\n"));
	assert_non_null(strstr(text, " address: \"1:2:3:4:5:6:7:9\"\n"));
	assert_non_null(strstr(text, " address: \"1:2:3:4:5:6:7:10\"\n"));
	assert_non_null(strstr(text, " server_ids: [\"0010\"]\n"));
	free(text);
}

/* Long lists of server IDs are read apart; a comment behind each line keeps them in the text. */
static char *with_comments(const char *text)
{
	char *out = calloc(1, 4 * strlen(text) + 1), *to = out;

	for (; *text; text++)
		to += sprintf(to, *text == '\n' ? " #\n" : "%c", *text);
	return out;
}

static void reads_the_same(const char *text)
{
	struct xr_err a_err = { "" }, b_err = { "" };
	char *whole_text = with_comments(text);
	struct model a, b;
	int ret = config_read_text(text, strlen(text), "f", &a, &a_err);

	assert_int_equal(config_read_text(whole_text, strlen(whole_text), "f", &b, &b_err), ret);
	assert_string_equal(a_err.text, b_err.text);
	for (size_t i = 0; !ret && i < b.n_backends; i++) {
		assert_int_equal(a.backends[i].n_sids, b.backends[i].n_sids);
		for (size_t j = 0; j < b.backends[i].n_sids; j++)
			assert_memory_equal(&a.backends[i].sids[j], &b.backends[i].sids[j],
					    sizeof(struct model_sid));
	}
	if (!ret) {
		model_free(&a);
		model_free(&b);
	}
	free(whole_text);
}

/* n lines of that format from number first on. */
static char *lines(char *to, const char *format, int first, int n)
{
	while (n--)
		to += sprintf(to, format, first++);
	return to;
}

static void long_lists(void **state)
{
	static const struct {
		const char *before, *format, *after;
	} lists[] = {
		{ "\n", "  - '%08x'\n", "" },
		{ "\n", "  - \"%04X\"\n", "  - 'ab'\n  weight: 2\n" },
		{ "\n  - 'aa'\n", "  - f%05x\n", "  weight: x\n" },
		{ " [\"aa\", \"bb\",\n", "    \"%08x\", 'c%07x',\n", "    \"cc\"]\n" },
		{ " [\n", "    %08x,\n", "    ]\n  weight: 2\n" },
		{ " [\n", "    '%08x',\n", "    '0g']\n" },
		/* no YAML, or no list */
		{ " [\n", "    '%08x',\n", "\n- {\n" },
		{ "\n", "  - '%08x'\n", "    - 'ab'\n" },
		{ " '00'\n", "  - '%08x'\n", "" },
		/* another list's */
		{ " ['00']\n  vips:\n", "  - '%08x'\n", "" },
	};
	static char text[65536];
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char *to = text + sprintf(text, "backends:\n" A "  server_ids:%s", lists[i].before);

		to = lines(to, lists[i].format, 1, 200);
		to += sprintf(to, "%s", lists[i].after);
		to += sprintf(to, "- name: b\n  address: 10.0.0.2\n  server_ids:\n");
		to = lines(to, "  - 'e%07x'\n", 1, 64);
		lines(to, "  - 'd%05x'\n", 1, 100);
		reads_the_same(text);
	}
}

/* A text that only looks like such a list stays what it is. */
static void no_list_at_all(void **state)
{
	static char text[65536];
	struct xr_err err = { "" };
	struct model m;
	char *to = text + sprintf(text, "backends:\n" A "  server_ids: ['00', \"\n");

	to = lines(to, "    %08x,\n", 1, 100);
	sprintf(to, "\"]\n");
	assert_int_equal(config_read_text(text, strlen(text), "f", &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "f:4: "));

	/* The last item goes on in the next line. */
	to = text + sprintf(text, "backends:\n" A "  server_ids:\n");
	to = lines(to, "  - a%07x\n", 1, 100);
	sprintf(to, "    b\n");
	assert_int_equal(config_read_text(text, strlen(text), "f", &m, &err), -EINVAL);
	assert_string_equal(err.text,
			    "f:104: server ID \"a0000064 b\": hex needs two digits an octet");
}

static void leaves_keys_out(void **state)
{
	char *text = written(whole, false);

	assert_null(strstr(text, KEY));
	assert_null(strstr(text, "secret"));
	assert_non_null(strstr(text, "  key: hidden\n"));
	free(text);
}

static void takes_every_fact(void **state)
{
	struct xr_err err = { "" };
	const struct xr_backend_info *b;
	struct model m;

	assert_int_equal(config_read_text(whole, strlen(whole), "f", &m, &err), 0);
	assert_true(m.has_secret && m.secret[17] == 1 && m.devs_given);
	assert_int_equal(m.limits.flows, 128);
	assert_int_equal(m.policy.too_big, XR_TOO_BIG_DROP);
	assert_int_equal(m.policy.down, XR_DOWN_FALLBACK);
	assert_int_equal(m.policy.source_bits, 23);
	assert_int_equal(m.policy.source6_bits, 96);
	assert_int_equal(m.n_vips, 2);
	assert_int_equal(m.vips[0].line, 32);
	assert_int_equal(m.policy.vip_other, XR_VIP_OTHER_PASS);
	assert_false(m.policy.vip_echo || m.policy.vip_route);
	assert_true(m.vips[0].cid && m.vips[0].flow);
	assert_false(m.vips[1].cid || m.vips[1].flow);
	assert_int_equal(m.n_cids, 2);
	assert_true(m.cids[0].info.has_key && !m.cids[1].info.has_key);
	assert_int_equal(m.cids[0].info.offset, 1);
	b = &m.backends[0].info;
	assert_int_equal(b->state, XR_BACKEND_DRAINING);
	assert_int_equal(b->weight, 5);
	assert_string_equal(b->dev, "eth1");
	assert_int_equal(b->initial_rate, 100);
	assert_int_equal(b->vm_vlan, 5);
	assert_int_equal(m.backends[0].n_sids, 2);
	assert_int_equal(m.backends[0].sids[1].len, 2);
	b = &m.backends[1].info;
	assert_int_equal(b->forward, XR_FORWARD_VXLAN);
	assert_int_equal(b->vni, 77);
	assert_int_equal(b->port, 8472);
	assert_int_equal(b->mac[5], 7);
	assert_int_equal(m.backends[1].n_vips, 2);
	model_free(&m);
}

static void defaults(void **state)
{
	struct xr_err err = { "" };
	struct model m;
	const char *text = VIP "backends:\n" A REF;

	assert_int_equal(config_read_text(text, strlen(text), "f", &m, &err), 0);
	assert_false(m.has_secret || m.devs_given || m.vips[0].cid);
	assert_true(m.vips[0].flow);
	assert_int_equal(m.limits.vips, 0);
	assert_memory_equal(&m.policy, &xr_default_policy, sizeof(m.policy));
	assert_int_equal(m.backends[0].info.weight, 1);
	assert_int_equal(m.backends[0].info.state, XR_BACKEND_UP);
	assert_int_equal(m.backends[0].info.forward, XR_FORWARD_IPIP);
	model_free(&m);

	/* An empty list of devices is not the same as none. */
	assert_int_equal(config_read_text("devices: []\n", 12, "f", &m, &err), 0);
	assert_true(m.devs_given);
	model_free(&m);
}

/* ---- key files ---- */

static char dir[] = "/tmp/xr-config-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/key", dir);
	remove(path); /* one that is read-only cannot be written again, but by root */
	unlink(path);
	return rmdir(dir);
}

static const char *key_error(const void *octets, size_t n, mode_t mode, __u8 *key)
{
	static struct xr_err err;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/key", dir);
	remove(path); /* one that is read-only cannot be written again, but by root */
	f = fopen(path, "w");
	assert_non_null(f);
	fwrite(octets, 1, n, f);
	fclose(f);
	chmod(path, mode);
	err.text[0] = '\0';
	config_read_key(path, key, 16, &err);
	return err.text[0] ? err.text + strlen(path) : "";
}

static void key_files(void **state)
{
	const char wrong[] =
		": not a key of the right size; it must hold 32 hex digits or 16 octets";
	__u8 raw[16], key[16];
	int i;

	for (i = 0; i < 16; i++)
		raw[i] = i;
	assert_string_equal(key_error(raw, 16, 0600, key), "");
	assert_memory_equal(key, raw, 16);
	memset(key, 9, 16);
	assert_string_equal(key_error(KEY "\n", 33, 0400, key), "");
	assert_memory_equal(key, raw, 16);
	assert_string_equal(key_error(raw, 15, 0600, key), wrong);
	assert_string_equal(key_error(raw, 0, 0600, key), wrong);
	assert_string_equal(key_error(KEY KEY, 64, 0600, key), wrong);
	assert_string_equal(key_error(KEY, 30, 0600, key), wrong);
	assert_string_equal(key_error("g" KEY, 32, 0600, key), wrong);
	assert_string_equal(key_error(raw, 16, 0640, key),
			    ": others than its owner can use it (mode 0640); chmod 600 it");
	assert_string_equal(key_error(raw, 16, 0604, key),
			    ": others than its owner can use it (mode 0604); chmod 600 it");
}

/* ---- warnings ---- */

static void keep_warning(void *ctx, const char *line)
{
	char *text = ctx;

	strcat(text, line);
	strcat(text, "\n");
}

static const char *warnings_of(const char *text)
{
	static char lines[4096];
	struct xr_err err = { "" };
	struct model m;

	lines[0] = '\0';
	if (config_read_text(text, strlen(text), "f", &m, &err) || model_check(&m, "f", &err))
		fail_msg("%s", err.text);
	model_warn(&m, "f", keep_warning, lines);
	model_free(&m);
	return lines;
}

static void warnings(void **state)
{
	assert_string_equal(
		warnings_of(
			"vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"
			"cid:\n- {id: 0, format: quic-lb, server_id_length: 1, nonce_length: 8}\n"
			"backends:\n" A "  server_ids: [00, 01,\n    02]\n"),
		"f:4: CID config 0: 1.2 % of the CIDs that clients choose will name a server by chance; use longer server IDs\n");
	assert_string_equal(
		warnings_of(
			"vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"
			"cid:\n- {id: 0, format: quic-lb, server_id_length: 4, nonce_length: 8}\n"
			"backends:\n" A "  server_ids: [00000001,\n    0002]\n"),
		"f:9: backend a: no CID config has server IDs of 2 octets; its server ID cannot be found in a CID\n");
	assert_string_equal(
		warnings_of("vips:\n- {address: 192.0.2.1, port: 443, protocol: udp, cid: true}\n"),
		"VIPs steer by connection ID, but there is no CID config; CIDs are not routable until there is one\n");
	assert_string_equal(warnings_of(VIP "cid:\n- {id: 0, format: plain}\n"),
			    "there are CID configs, but no VIP has cid; they are not used\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(names_of_any_kind),
		cmocka_unit_test(numbers_and_no_numbers),
		cmocka_unit_test(long_lists),
		cmocka_unit_test(no_list_at_all),
		cmocka_unit_test(leaves_keys_out),
		cmocka_unit_test(takes_every_fact),
		cmocka_unit_test(defaults),
		cmocka_unit_test(key_files),
		cmocka_unit_test(warnings),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("config", tests, make_dir, remove_dir);
}
