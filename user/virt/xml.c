// SPDX-License-Identifier: GPL-2.0-only
/* A domain's network cards, out of its XML. */
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <stdlib.h>
#include <string.h>

#include "virt_priv.h"

static xmlNode *child(const xmlNode *parent, const char *name)
{
	xmlNode *n = parent ? parent->children : NULL;

	while (n && (n->type != XML_ELEMENT_NODE || strcmp((const char *)n->name, name)))
		n = n->next;
	return n;
}

static json_t *attribute(xmlNode *node, const char *name)
{
	xmlChar *text = node ? xmlGetProp(node, (const xmlChar *)name) : NULL;
	json_t *value = text ? json_string((const char *)text) : NULL;

	xmlFree(text);
	return value;
}

/* 0: untagged. -1: more than one. */
static int vlan_of(xmlNode *card)
{
	xmlNode *vlan = child(card, "vlan"), *tag = child(vlan, "tag"), *other;
	json_t *id;
	int n;

	if (!tag)
		return 0;
	for (other = tag->next; other; other = other->next)
		if (other->type == XML_ELEMENT_NODE)
			return -1;
	id = attribute(tag, "id");
	n = id ? atoi(json_string_value(id)) : 0;
	json_decref(id);
	return n;
}

static bool add_card(json_t *list, xmlNode *card)
{
	json_t *mac = attribute(child(card, "mac"), "address");
	int vlan = vlan_of(card);

	if (!mac || vlan < 0 || json_array_size(list) == CARDS_MOST) {
		json_decref(mac);
		return false;
	}
	json_array_append_new(list,
			      json_pack("{s:o, s:i, s:o*}", "mac", mac, "vlan", vlan, "tap",
					attribute(child(card, "target"), "dev")));
	return true;
}

json_t *xml_cards(const char *xml, int *left_out)
{
	xmlDoc *doc = xmlReadMemory(xml, strlen(xml), "domain.xml", NULL,
				    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	xmlXPathContext *at = doc ? xmlXPathNewContext(doc) : NULL;
	xmlXPathObject *found = at ? xmlXPathEval((const xmlChar *)"/domain/devices/interface", at)
				   : NULL;
	json_t *list = found ? json_array() : NULL;
	int i;

	*left_out = 0;
	for (i = 0; list && found->nodesetval && i < found->nodesetval->nodeNr; i++)
		if (!add_card(list, found->nodesetval->nodeTab[i]))
			++*left_out;
	xmlXPathFreeObject(found);
	xmlXPathFreeContext(at);
	xmlFreeDoc(doc);
	return list;
}
