/* SPDX-License-Identifier: GPL-2.0-only */
/*
 *	pick [-w KEY[=VALUE]]... [-d DEFAULT] PATH [FILE...]
 *
 * One value of a JSON document, or of each of several, as jq -r prints it: for what tests ask
 * again and again until it is so. jq 1.6 takes 30 ms to start.
 *
 * PATH is a filter of jq's, of no other parts than .KEY, [N] and []; at its end may be .KEY,KEY:
 * the values of each, on one line. -w: it is asked of the first object that has that KEY, not
 * null, or all of several; of that VALUE. -d: where there is none, or it is null or false, as with
 * jq's "//".
 */
#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_WANTED 4
#define MAX_KEY    128
#define FLAGS      (JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY)

enum { FAILED = 2, USAGE = 64 };

struct wanted {
	const char *key, *value; /* value NULL: any but null */
};

static struct wanted wanted[MAX_WANTED];
static int n_wanted;
static const char *none = "null";
static bool has_default;

static int usage(void)
{
	fprintf(stderr, "usage: pick [-w KEY[=VALUE]]... [-d DEFAULT] PATH [FILE...]\n");
	return USAGE;
}

/* As jq -r has it. */
static char *text_of(const json_t *value)
{
	char real[32];

	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (!json_is_real(value))
		return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	snprintf(real, sizeof(real), "%.17g", json_real_value(value));
	return strdup(real);
}

static void print(const json_t *value, char after)
{
	bool is = value && !json_is_null(value) && !(has_default && json_is_false(value));
	char *text = is ? text_of(value) : NULL;

	printf("%s%c", text ? text : none, after);
	free(text);
}

/* What is a key at the beginning of path; 0: there is none, or it is too long. */
static size_t key_of(const char *path, char key[MAX_KEY])
{
	size_t len = strcspn(path, ".[,");

	if (len >= MAX_KEY)
		return 0;
	snprintf(key, MAX_KEY, "%.*s", (int)len, path);
	return len;
}

static bool is_wanted(const json_t *object)
{
	bool is = true;
	int i;

	for (i = 0; is && i < n_wanted; i++) {
		const json_t *value = json_object_get(object, wanted[i].key);
		char *text = value ? text_of(value) : NULL;

		is = text && !json_is_null(value) &&
			(!wanted[i].value || !strcmp(text, wanted[i].value));
		free(text);
	}
	return is;
}

/* The first that is wanted, in value or below it; NULL: there is none. */
static const json_t *find(const json_t *value)
{
	const json_t *found = NULL;
	const char *key;
	json_t *below;
	size_t i;

	if (json_is_object(value) && is_wanted(value))
		return value;
	json_object_foreach((json_t *)value, key, below)
		if ((found = find(below)))
			return found;
	json_array_foreach(value, i, below)
		if ((found = find(below)))
			return found;
	return NULL;
}

static int walk(const json_t *value, const char *path);

static int walk_each(const json_t *array, const char *path)
{
	int status = EXIT_SUCCESS;
	json_t *value;
	size_t i;

	json_array_foreach(array, i, value)
		status |= walk(value, path);
	if (json_is_array(array))
		return status;
	fprintf(stderr, "pick: no array before []%s\n", path);
	return FAILED;
}

/* keys: KEY,KEY... */
static int print_several(const json_t *object, const char *keys)
{
	char key[MAX_KEY];
	size_t len;

	do {
		len = key_of(keys, key);
		keys += len;
		if (!len || (*keys && *keys != ',')) {
			fprintf(stderr, "pick: no key: %s\n", keys);
			return FAILED;
		}
		print(json_object_get(object, key), *keys ? ' ' : '\n');
	} while (*keys++);
	return EXIT_SUCCESS;
}

/* path: what follows of it. NULL, as null, has no part that is not null. */
static int walk(const json_t *value, const char *path)
{
	char key[MAX_KEY];
	size_t len;
	char *end;
	long n;

	if (!*path || !strcmp(path, ".")) {
		print(value, '\n');
		return EXIT_SUCCESS;
	}
	if (!strncmp(path, "[]", 2))
		return walk_each(value, path + 2);
	if (*path == '[') {
		n = strtol(path + 1, &end, 10);
		if (end == path + 1 || *end != ']' ||
		    (value && !json_is_array(value) && !json_is_null(value)))
			goto bad;
		return walk(value ? json_array_get(value, n) : NULL, end + 1);
	}
	if (path[0] == '.' && path[1] == '[')
		return walk(value, path + 1);
	len = key_of(path + 1, key);
	if (*path != '.' || !len || (value && !json_is_object(value) && !json_is_null(value)))
		goto bad;
	if (path[1 + len] == ',')
		return print_several(value, path + 1);
	return walk(value ? json_object_get(value, key) : NULL, path + 1 + len);
bad:
	fprintf(stderr, "pick: no such part: %s\n", path);
	return FAILED;
}

/* What is larger than 63 bits and a sign is less exact, as in jq. */
static json_t *load(const char *text, size_t len, json_error_t *err)
{
	json_t *document = json_loadb(text, len, FLAGS, err);

	if (!document && json_error_code(err) == json_error_numeric_overflow)
		document = json_loadb(text, len, FLAGS | JSON_DECODE_INT_AS_REAL, err);
	return document;
}

/* One document, which begins there, and its length; of what is wanted nothing may be in it. */
static int pick_one(const char *text, size_t *len, const char *path, bool *any)
{
	const json_t *at;
	json_error_t err;
	json_t *document = load(text, *len, &err);
	int status = EXIT_SUCCESS;

	if (!document) {
		fprintf(stderr, "pick: %s\n", err.text);
		return FAILED;
	}
	*len = err.position;
	at = n_wanted ? find(document) : document;
	*any |= at != NULL;
	if (at || !has_default)
		status = walk(at, path);
	json_decref(document);
	return status;
}

static char *read_all(FILE *from, size_t *len)
{
	char *text = NULL;
	size_t room = 0, got;

	*len = 0;
	do {
		room = room ? 2 * room : 65536;
		text = realloc(text, room);
		if (!text)
			abort();
		got = fread(text + *len, 1, room - *len, from);
		*len += got;
	} while (*len == room);
	return text;
}

static int pick(FILE *from, const char *path)
{
	int status = EXIT_SUCCESS;
	size_t len, at, n;
	char *text = read_all(from, &len);
	bool any = false;

	for (at = 0; status != FAILED && at < len; at += n) {
		n = 1;
		if (isspace((unsigned char)text[at]))
			continue;
		n = len - at;
		status = pick_one(text + at, &n, path, &any);
	}
	if (!any && has_default)
		puts(none);
	free(text);
	return status;
}

int main(int argc, char **argv)
{
	int opt, i, status = EXIT_SUCCESS;
	FILE *from;

	while ((opt = getopt(argc, argv, "w:d:")) != -1) {
		if (opt == 'd') {
			none = optarg;
			has_default = true;
		} else if (opt == 'w' && n_wanted < MAX_WANTED) {
			wanted[n_wanted].key = strsep(&optarg, "=");
			wanted[n_wanted++].value = optarg;
		} else {
			return usage();
		}
	}
	if (optind == argc)
		return usage();
	if (optind + 1 == argc)
		return pick(stdin, argv[optind]);
	for (i = optind + 1; !status && i < argc; i++) {
		from = fopen(argv[i], "r");
		if (!from) {
			perror(argv[i]);
			return FAILED;
		}
		status = pick(from, argv[optind]);
		fclose(from);
	}
	return status;
}
