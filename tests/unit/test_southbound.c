// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an OVN southbound database says, and what one might say: messages as a real one sent
 * them when it moved a port, and messages that are none.
 */
#include <errno.h>
#include "lib/unit.h"
#include "user/lib/text.h"
#include "user/ovsdb/ovsdb.h"

#define MAC1 "52:54:00:12:34:56"
#define MAC2 "52:54:00:12:34:57"

static char heard[8192], sent[8192], noted[256];
static struct model conf;
static struct southbound_seen seen;
static struct xr_err err;

static void add(char *to, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(char *to, const char *fmt, ...)
{
	size_t used = strlen(to);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(to + used, sizeof(heard) - used, fmt, ap);
	va_end(ap);
}

static void on_send(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	add(sent, "%.*s\n", (int)len, text);
}

static void on_chassis(void *ctx, const struct southbound_chassis *c)
{
	char addr[TEXT_ADDR] = "-";

	(void)ctx;
	if (c->n_addrs)
		text_addr(addr, c->addr[0]);
	add(heard, "chassis %u %s %s %u %s\n", c->no, c->name, c->hostname, c->n_addrs, addr);
}

static void on_vm(void *ctx, const struct southbound_vm *v)
{
	char mac[TEXT_MAC];

	(void)ctx;
	add(heard, "%s %u %s", text_mac(mac, v->mac), v->vlan, v->port);
	if (v->gone)
		add(heard, " gone");
	else if (v->other[0])
		add(heard, " and %s", v->other);
	else
		add(heard, " %u>%u%s", v->at, v->next, v->many ? " many" : "");
	add(heard, "\n");
}

static void on_whole(void *ctx)
{
	(void)ctx;
	add(heard, "whole\n");
}

static void on_note(void *ctx, const char *text)
{
	(void)ctx;
	snprintf(noted, sizeof(noted), "%s", text);
}

static const struct southbound_ops ops = { on_send, on_chassis, on_vm, on_whole, on_note };

static struct southbound *begin(void)
{
	heard[0] = sent[0] = noted[0] = '\0';
	return southbound_new(&conf, &seen, &ops, NULL);
}

static int take(struct southbound *s, const char *text)
{
	err.text[0] = '\0';
	return southbound_take(s, text, strlen(text), &err);
}

/* What the text leads to is this, and nothing else. */
#define SAYS(s, text, lines)                        \
	do {                                        \
		heard[0] = '\0';                    \
		assert_int_equal(take(s, text), 0); \
		assert_string_equal(heard, lines);  \
	} while (0)

/* ---- messages ---- */

#define COLUMN(name) "\"" name "\":{\"type\":\"string\"}"
#define OLD_COLUMNS                                                             \
	COLUMN("logical_port")                                                  \
	"," COLUMN("type") "," COLUMN("datapath") "," COLUMN("mac") "," COLUMN( \
		"chassis") "," COLUMN("options")
#define NEW_COLUMNS                                                                              \
	OLD_COLUMNS "," COLUMN("additional_chassis") "," COLUMN("requested_chassis") "," COLUMN( \
		"requested_additional_chassis")
#define SCHEMA(port)                                                                    \
	"{\"id\":1,\"error\":null,\"result\":{\"name\":\"OVN_Southbound\",\"tables\":{" \
	"\"Port_Binding\":{\"columns\":{" port "}},"                                    \
	"\"Chassis\":{\"columns\":{" COLUMN("name") "," COLUMN("hostname") "," COLUMN(  \
		"encaps") "}},"                                                         \
			  "\"Encap\":{\"columns\":{" COLUMN(                            \
				  "ip") "}},"                                           \
					"\"Datapath_Binding\":{\"columns\":{" COLUMN(   \
						"external_ids") "}}}}}"

#define SERVER(connected, index)                                                                 \
	"\"Database\":{\"d\":{\"new\":{\"name\":\"OVN_Southbound\",\"connected\":" connected "," \
	"\"cid\":[\"uuid\",\"cc\"],\"index\":" index "}}}"
#define NO_SERVER "{\"id\":2,\"error\":{\"error\":\"unknown database\"},\"result\":null}"

#define CHASSIS(uuid, name, encap)                                                        \
	"\"" uuid "\":{\"new\":{\"name\":\"" name "\",\"hostname\":\"" name ".example\"," \
	"\"encaps\":[\"uuid\",\"" encap "\"]}}"
#define ENCAP(uuid, ip) "\"" uuid "\":{\"new\":{\"ip\":\"" ip "\"}}"
#define SWITCH(uuid, name)                                                              \
	"\"" uuid "\":{\"new\":{\"external_ids\":[\"map\",[[\"logical-switch\",\"x\"]," \
	"[\"name\",\"" name "\"]]]}}"
#define NONE      "[\"set\",[]]"
#define REF(uuid) "[\"uuid\",\"" uuid "\"]"
#define PORT_OF(uuid, type, dp, mac, at, wanted, more, additional, options)            \
	"\"" uuid "\":{\"new\":{\"logical_port\":\"l" uuid "\",\"type\":\"" type "\"," \
	"\"datapath\":[\"uuid\",\"" dp "\"],\"mac\":" mac ",\"chassis\":" at ","       \
	"\"requested_chassis\":" wanted ",\"requested_additional_chassis\":" more ","  \
	"\"additional_chassis\":" additional ",\"options\":[\"map\",[" options "]]}}"
#define PORT(at, wanted, more, additional, options)                                              \
	PORT_OF("p1", "", "s1", "\"" MAC1 " 10.9.0.10 fd09::10\"", at, wanted, more, additional, \
		options)

#define ROWS                                                                                \
	"\"Encap\":{" ENCAP("e1", "10.8.0.1") "," ENCAP("e2", "fd08::2") "," ENCAP(         \
		"e3", "x") "},"                                                             \
			   "\"Chassis\":{" CHASSIS("c1", "h1", "e1") "," CHASSIS(           \
				   "c2", "h2",                                              \
				   "e2") "," CHASSIS("c3", "h3",                            \
						     "e3") "},"                             \
							   "\"Datapath_Binding\":{" SWITCH( \
								   "s1",                    \
								   "net1") "," SWITCH("s2", \
										      "net2") "}"
#define AT1          "\"Port_Binding\":{" PORT(REF("c1"), REF("c1"), NONE, NONE, "") "}"
#define ALL(rows)    "{\"id\":3,\"error\":null,\"result\":{" rows "}}"
#define UPDATE(rows) "{\"method\":\"update\",\"id\":null,\"params\":[\"rows\",{" rows "}]}"
#define MOVES(...)   UPDATE("\"Port_Binding\":{" PORT(__VA_ARGS__) "}")

#define HEARD                                  \
	"chassis 1 h1 h1.example 1 10.8.0.1\n" \
	"chassis 2 h2 h2.example 1 fd08::2\n"  \
	"chassis 3 h3 h3.example 0 -\n"

static struct southbound *with(const char *columns, const char *rows)
{
	struct southbound *s = begin();

	assert_int_equal(take(s, columns), 0);
	assert_int_equal(take(s, NO_SERVER), 0);
	assert_int_equal(take(s, rows), 0);
	return s;
}

static struct southbound *at_h1(void)
{
	return with(SCHEMA(NEW_COLUMNS), ALL(ROWS "," AT1));
}

/* ---- */

static void asks_and_answers(void **state)
{
	struct southbound *s = begin();

	(void)state;
	assert_string_equal(
		sent, "{\"method\":\"get_schema\",\"params\":[\"OVN_Southbound\"],\"id\":1}\n");
	SAYS(s, SCHEMA(NEW_COLUMNS), "");
	assert_non_null(strstr(sent, "[\"_Server\",\"server\","));
	assert_null(strstr(sent, "\"rows\""));
	SAYS(s, NO_SERVER, "");
	assert_non_null(strstr(sent, "[\"OVN_Southbound\",\"rows\","));
	assert_non_null(strstr(sent, "\"requested_additional_chassis\""));
	SAYS(s, ALL(ROWS "," AT1), HEARD MAC1 " 0 lp1 1>0\nwhole\n");
	sent[0] = '\0';
	SAYS(s, " \n{\"method\":\"echo\",\"params\":[1,{\"a\":\"}\"}],\"id\":\"echo\"}", "");
	assert_string_equal(sent,
			    "{\"result\":[1,{\"a\":\"}\"}],\"error\":null,\"id\":\"echo\"}\n");
	southbound_probe(s);
	SAYS(s, "{\"id\":\"probe\",\"result\":[],\"error\":null}", "");
	southbound_free(s);
}

/* One octet at a time, and all at once: the same. */
static void cut_anywhere(void **state)
{
	static const char all[] = SCHEMA(NEW_COLUMNS) NO_SERVER ALL(ROWS "," AT1)
		MOVES(REF("c1"), REF("c1"), REF("c2"), NONE, "[\"\\\\\\\"{\",\"[\"]");
	struct southbound *s = begin();
	char whole[sizeof(heard)];
	size_t i;

	(void)state;
	assert_int_equal(take(s, all), 0);
	strcpy(whole, heard);
	southbound_free(s);
	assert_non_null(strstr(whole, "lp1 1>2\n"));
	s = begin();
	for (i = 0; i < strlen(all); i++)
		assert_int_equal(southbound_take(s, all + i, 1, &err), 0);
	assert_string_equal(heard, whole);
	southbound_free(s);
}

/* As OVN 23.03 wrote it. */
static void moves(void **state)
{
	struct southbound *s = at_h1();

	(void)state;
	/* h1,h2, then h1: cancelled. */
	SAYS(s, MOVES(REF("c1"), REF("c1"), REF("c2"), NONE, ""), MAC1 " 0 lp1 1>2\n");
	SAYS(s, MOVES(REF("c1"), REF("c1"), REF("c2"), REF("c2"), ""), "");
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, REF("c2"), ""), MAC1 " 0 lp1 1>0\n");
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, NONE, ""), "");
	/* h1,h2, then h2: moved; in passing it is nowhere. */
	SAYS(s, MOVES(REF("c1"), REF("c1"), REF("c2"), REF("c2"), ""), MAC1 " 0 lp1 1>2\n");
	SAYS(s, MOVES(REF("c1"), REF("c2"), NONE, REF("c2"), ""), MAC1 " 0 lp1 2>0\n");
	SAYS(s, MOVES(NONE, REF("c2"), NONE, REF("c2"), ""), "");
	SAYS(s, MOVES(REF("c2"), REF("c2"), NONE, NONE, ""), "");
	southbound_free(s);
}

#define RARP   "[\"activation-strategy\",\"rarp\"]"
#define ACTIVE "[\"additional-chassis-activated\",\"h3,h1\"]"

/* The old chassis is in the row between two lines that have the new one: no way back. */
static void is_activated(void **state)
{
	struct southbound *s = at_h1();

	(void)state;
	SAYS(s, MOVES(REF("c2"), REF("c2"), NONE, NONE, ""), MAC1 " 0 lp1 2>0\n");
	SAYS(s, MOVES(REF("c2"), REF("c2"), REF("c1"), REF("c1"), RARP), MAC1 " 0 lp1 2>1\n");
	SAYS(s, MOVES(REF("c2"), REF("c2"), REF("c1"), REF("c1"), RARP "," ACTIVE),
	     MAC1 " 0 lp1 1>0\n");
	SAYS(s, MOVES(REF("c2"), REF("c1"), NONE, REF("c1"), ACTIVE), "");
	SAYS(s, MOVES(REF("c2"), REF("c1"), NONE, REF("c1"), ""), "");
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, NONE, ""), "");
	SAYS(s, MOVES(NONE, REF("c1"), NONE, NONE, ""), MAC1 " 0 lp1 0>0\n");
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, NONE, ""), MAC1 " 0 lp1 1>0\n");
	/* And one that is called off. */
	SAYS(s,
	     MOVES(REF("c1"), REF("c1"), REF("c2"), REF("c2"),
		   "[\"additional-chassis-activated\",\"h2\"]"),
	     MAC1 " 0 lp1 2>0\n");
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, NONE, ""), MAC1 " 0 lp1 1>0\n");
	/* A chassis that there is not, one that is not of this port, and half of a name. */
	SAYS(s, MOVES(REF("c1"), REF("c1"), NONE, REF("c8"), ACTIVE), "");
	SAYS(s,
	     MOVES(REF("c1"), REF("c1"), REF("c2"), REF("c2"),
		   "[\"additional-chassis-activated\",\"h3,h22\"]"),
	     MAC1 " 0 lp1 1>2\n");
	southbound_free(s);
}

static void several(void **state)
{
	struct southbound *s = at_h1();

	(void)state;
	SAYS(s, MOVES(REF("c1"), REF("c1"), "[\"set\",[" REF("c2") "," REF("c3") "]]", NONE, ""),
	     MAC1 " 0 lp1 1>0 many\n");
	SAYS(s, MOVES(REF("c1"), REF("c1"), "[\"set\",[" REF("c1") "," REF("c3") "]]", NONE, ""),
	     MAC1 " 0 lp1 1>3\n");
	/* A second port with the MAC, in another switch; and it goes. */
	SAYS(s,
	     UPDATE("\"Port_Binding\":{" PORT_OF("p2", "", "s2",
						 "[\"set\",[\"" MAC1 "\",\"unknown\",\"" MAC2
						 " 10.9.0.1\",\"" MAC1 "\"]]",
						 REF("c2"), NONE, NONE, NONE, "") "}"),
	     MAC2 " 0 lp2 2>0\n" MAC1 " 0 lp1 and lp2\n");
	SAYS(s, UPDATE("\"Port_Binding\":{\"p1\":{\"old\":{}}}"), MAC1 " 0 lp2 2>0\n");
	SAYS(s, UPDATE("\"Port_Binding\":{\"p2\":{\"new\":null}}"),
	     MAC2 " 0 lp2 gone\n" MAC1 " 0 lp2 gone\n");
	SAYS(s, UPDATE("\"Port_Binding\":{\"p2\":{\"old\":{}},\"p9\":{}}"), "");
	/* A router's, and one without a MAC. */
	SAYS(s,
	     UPDATE("\"Port_Binding\":{" PORT_OF(
		     "p3", "router", "s1", "\"" MAC1 "\"", REF("c1"), NONE, NONE, NONE,
		     "") "," PORT_OF("p4", "", "s1",
				     "[\"set\",[\"unknown\",\"dynamic\",\"" MAC1 "x\",\"\"]]",
				     REF("c1"), NONE, NONE, NONE, "") "}"),
	     "");
	southbound_free(s);
}

static void switches(void **state)
{
	struct model_ovn_switch list[] = { { .name = "net2", .vlan = 5 }, { .name = "net3" } };
	struct southbound *s;

	(void)state;
	conf.ovn_switches = list;
	conf.n_ovn_switches = 2;
	s = at_h1();
	assert_string_equal(heard, HEARD "whole\n");
	assert_non_null(strstr(noted, "no switch net3 "));
	SAYS(s,
	     UPDATE("\"Port_Binding\":{" PORT_OF("p2", "", "s2", "\"" MAC1 "\"", REF("c2"), NONE,
						 NONE, NONE, "") "}"),
	     MAC1 " 5 lp2 2>0\n");
	SAYS(s, UPDATE("\"Datapath_Binding\":{" SWITCH("s3", "net3") "}"), "");
	assert_string_equal(noted, "");
	/* What was told of its ports is not true any more. */
	assert_int_equal(take(s, UPDATE("\"Datapath_Binding\":{" SWITCH("s2", "other") "}")),
			 -ESTALE);
	southbound_free(s);
	conf.n_ovn_switches = 0;
}

static void chassis_change(void **state)
{
	struct southbound *s = at_h1();

	(void)state;
	SAYS(s, UPDATE("\"Encap\":{" ENCAP("e3", "10.8.0.3") "}"),
	     "chassis 3 h3 h3.example 1 10.8.0.3\n");
	/* Its controller was restarted: the row is another, the number is not. */
	SAYS(s,
	     UPDATE("\"Chassis\":{\"c1\":{\"old\":{}}},\"Port_Binding\":{" PORT(NONE, NONE, NONE,
										NONE, "") "}"),
	     MAC1 " 0 lp1 0>0\n");
	SAYS(s,
	     UPDATE("\"Chassis\":{" CHASSIS("c9", "h1", "e1") "},\"Port_Binding\":{" PORT(
		     REF("c9"), NONE, NONE, NONE, "") "}"),
	     MAC1 " 0 lp1 1>0\n");
	assert_int_equal(take(s, UPDATE("\"Chassis\":{" CHASSIS("c9", "h7", "e1") "}")), -ESTALE);
	southbound_free(s);
}

static void older_schemas(void **state)
{
	struct southbound *s = with(SCHEMA(OLD_COLUMNS), ALL(ROWS "," AT1));

	(void)state;
	assert_null(strstr(sent, "additional_chassis"));
	assert_non_null(strstr(noted, "knows no additional chassis"));
	southbound_free(s);
	/* additional_chassis came before requested_additional_chassis. */
	s = with(SCHEMA(OLD_COLUMNS "," COLUMN("additional_chassis")), ALL(ROWS "," AT1));
	assert_null(strstr(sent, "requested"));
	assert_string_equal(noted, "");
	SAYS(s, MOVES(REF("c1"), NONE, NONE, REF("c2"), ""), MAC1 " 0 lp1 1>2\n");
	SAYS(s, MOVES(REF("c2"), NONE, NONE, NONE, ""), MAC1 " 0 lp1 2>0\n");
	southbound_free(s);
	s = begin();
	assert_int_equal(take(s, SCHEMA(COLUMN("type"))), -EPROTO);
	assert_string_equal(
		err.text,
		"its schema has no Port_Binding.logical_port: it is not the southbound database of an OVN that is known");
	southbound_free(s);
	s = begin();
	assert_int_equal(
		take(s, "{\"id\":1,\"error\":{\"error\":\"unknown database\"},\"result\":null}"),
		-EPROTO);
	assert_string_equal(err.text, "it refuses to tell of OVN_Southbound: unknown database");
	southbound_free(s);
}

/* A member that lost the others, or is behind, tells old things. */
static void members(void **state)
{
	struct southbound *s;

	(void)state;
	memset(&seen, 0, sizeof(seen));
	s = begin();
	SAYS(s, SCHEMA(NEW_COLUMNS), "");
	SAYS(s, "{\"id\":2,\"error\":null,\"result\":{" SERVER("true", "7") "}}", "");
	SAYS(s, ALL(ROWS "," AT1), HEARD MAC1 " 0 lp1 1>0\nwhole\n");
	SAYS(s, "{\"method\":\"update\",\"params\":[\"server\",{" SERVER("true", "9") "}]}", "");
	assert_int_equal(
		take(s,
		     "{\"method\":\"update\",\"params\":[\"server\",{" SERVER("false", "9") "}]}"),
		-ESTALE);
	assert_string_equal(err.text, "this member of the cluster has lost the others");
	southbound_free(s);
	s = begin();
	SAYS(s, SCHEMA(NEW_COLUMNS), "");
	assert_int_equal(take(s, "{\"id\":2,\"error\":null,\"result\":{" SERVER("true", "8") "}}"),
			 -ESTALE);
	assert_string_equal(err.text, "this member of the cluster is behind the one before");
	southbound_free(s);
	s = begin();
	SAYS(s, SCHEMA(NEW_COLUMNS), "");
	SAYS(s, "{\"id\":2,\"error\":null,\"result\":{" SERVER("true", "9") "}}", "");
	assert_int_equal(take(s, "{\"method\":\"monitor_canceled\",\"params\":[\"rows\"]}"),
			 -ESTALE);
	southbound_free(s);
}

static void hostile(void **state)
{
	static const char *const none[] = { "HTTP/1.1 400 Bad Request\r\n",
					    "]",
					    "1",
					    "\"",
					    "{]}",
					    "{\"a\":}",
					    "{\"a\":\"\\x\"}",
					    "\xff" };
	static const char *const odd[] = {
		"{}",
		"{\"id\":3}",
		"{\"id\":1,\"result\":[]}",
		"{\"method\":5}",
		"{\"method\":\"update\"}",
		"{\"method\":\"update\",\"params\":{}}",
		"{\"method\":\"update\",\"params\":[\"rows\",7]}",
		"{\"method\":\"echo\"}",
		"{\"method\":\"steal\",\"params\":[\"rows\"]}",
		UPDATE("\"Port_Binding\":[]"),
		UPDATE("\"Port_Binding\":{\"p1\":7}"),
		UPDATE("\"Chassis\":{\"c7\":{\"new\":{\"name\":7,\"encaps\":{}}}}"),
		UPDATE("\"Encap\":{\"e7\":{\"new\":{\"ip\":[]}}}"),
		UPDATE("\"Datapath_Binding\":{\"s7\":{\"new\":{\"external_ids\":[\"map\",7]}}}"),
		UPDATE("\"Datapath_Binding\":{\"s7\":{\"new\":{\"external_ids\":[\"map\",[[],[\"name\"],7]]}}}"),
	};
	struct southbound *s;
	char deep[64];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(none); i++) {
		s = at_h1();
		if (take(s, none[i]) == 0)
			assert_int_equal(take(s, "}"), -EPROTO);
		southbound_free(s);
	}
	s = at_h1();
	for (i = 0; i < ARRAY_LEN(odd); i++)
		SAYS(s, odd[i], "");
	/* Of the row in every other column, too: then it says nothing. */
	SAYS(s,
	     UPDATE("\"Port_Binding\":{\"p1\":{\"new\":{\"mac\":[\"set\",[[\"set\",[]],7,null,\"" MAC1
		    "\"]],\"datapath\":" REF(
			    "s1") ",\"chassis\":[\"uuid\"],\"options\":[\"map\",{}],\"additional_chassis\":[\"set\",7],\"requested_additional_chassis\":\"c2\"}}}"),
	     MAC1 " 0  0>0\n");
	memset(deep, '[', sizeof(deep));
	deep[0] = '{';
	assert_int_equal(southbound_take(s, deep, sizeof(deep), &err), -EPROTO);
	southbound_free(s);
}

static void without_end(void **state)
{
	static char text[1 << 20];
	struct southbound *s = at_h1();
	int ret = take(s, "{\"a\":\"");
	size_t n = 0;

	(void)state;
	memset(text, 'x', sizeof(text));
	while (!ret && n++ < 100)
		ret = southbound_take(s, text, sizeof(text), &err);
	assert_int_equal(ret, -EMSGSIZE);
	assert_int_equal(n, 64);
	assert_string_equal(err.text, "a message of more than 64 MiB");
	southbound_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_and_answers),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(moves),
		cmocka_unit_test(is_activated),
		cmocka_unit_test(several),
		cmocka_unit_test(switches),
		cmocka_unit_test(chassis_change),
		cmocka_unit_test(older_schemas),
		cmocka_unit_test(members),
		cmocka_unit_test(hostile),
		cmocka_unit_test(without_end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
