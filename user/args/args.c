// SPDX-License-Identifier: GPL-2.0-only
/* The words after a command, one by one. */
#include <string.h>
#include "args.h"
#include "out.h"

char *args_next(struct args *a)
{
	if (!a->argc)
		return NULL;
	a->argc--;
	return *a->argv++;
}

char *args_need(struct args *a, const char *what)
{
	char *s = args_next(a);

	if (!s)
		cmd_usage("%s is missing", what);
	return s;
}

int args_end(struct args *a)
{
	if (!a->argc)
		return EXIT_DONE;
	return cmd_usage("\"%s\" is not expected here", a->argv[0]);
}

int args_none(int argc, char **argv)
{
	struct args a = args_after(argc, argv);

	return args_end(&a);
}

int args_next_key(struct args *a, const char *const *keys)
{
	const char *s = args_next(a);
	int i;

	if (!s)
		return -1;
	i = cmd_word_index(keys, "word", s);
	if (i < 0)
		return -2;
	a->key = keys[i];
	return i;
}

static char *value(struct args *a)
{
	char *s = args_next(a);

	if (!s)
		cmd_usage("%s: its value is missing", a->key ? a->key : "argument");
	return s;
}

static int bad_value(struct args *a, const struct xr_err *err)
{
	if (a->key)
		return cmd_usage("%s: %s", a->key, err->text);
	return cmd_usage("%s", err->text);
}

int args_u64(struct args *a, __u64 min, __u64 max, __u64 *out)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_u64(s, min, max, out, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_addr(struct args *a, __be32 addr[XR_ADDR_WORDS])
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_addr(s, addr, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_vip(struct args *a, __be32 addr[XR_ADDR_WORDS], __be16 *port, __u8 *proto)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_vip(s, addr, port, proto, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_mac(struct args *a, __u8 mac[6])
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_mac(s, mac, &err))
		return bad_value(a, &err);
	return EXIT_DONE;
}

int args_dev(struct args *a, char dev[16])
{
	char *s = args_need(a, "dev: a device");
	struct xr_err err;

	if (!s)
		return EXIT_USAGE;
	if (text_check_dev("dev", s, &err))
		return cmd_usage("%s", err.text);
	strcpy(dev, s);
	return EXIT_DONE;
}

int args_hex(struct args *a, void *out, size_t max, size_t *len)
{
	struct xr_err err;
	char *s = value(a);

	if (!s)
		return EXIT_USAGE;
	if (text_to_hex(s, out, max, len, &err))
		return cmd_usage("%s \"%s\": %s", a->key ? a->key : "hex", s, err.text);
	return EXIT_DONE;
}

int args_word(struct args *a, const char *const *words, int *out)
{
	char *s = value(a);
	int i;

	if (!s)
		return EXIT_USAGE;
	i = cmd_word_index(words, a->key ? a->key : "word", s);
	if (i < 0)
		return EXIT_USAGE;
	*out = i;
	return EXIT_DONE;
}

int args_name(struct args *a, const char *what, char name[XR_NAME_LEN])
{
	char *s = args_next(a);
	struct xr_err err;

	if (!s)
		return cmd_usage("the %s's name is missing", what);
	if (text_check_name(what, s, &err))
		return cmd_usage("%s", err.text);
	strcpy(name, s);
	return EXIT_DONE;
}
