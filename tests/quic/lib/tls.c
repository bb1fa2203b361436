// SPDX-License-Identifier: GPL-2.0-only
/* GnuTLS on both ends: a certificate made on the spot, tickets, 0-RTT. */
#include "quic.h"
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PRIORITY                                                    \
	"%DISABLE_TLS13_COMPAT_MODE:NORMAL:-VERS-ALL:+VERS-TLS1.3:" \
	"-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:" \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

uint8_t xq_reset_key[32], xq_retry_key[32];
char xq_spki[64];

static gnutls_certificate_credentials_t creds;
static gnutls_datum_t ticket_key;
static gnutls_anti_replay_t anti_replay;

static void must(int rc, const char *what)
{
	if (rc < 0)
		xq_die("%s: %s", what, gnutls_strerror(rc));
}

/* What browsers pin: the hash of the public key (RFC 7469 §2.4), in base64. */
static void pin_key(gnutls_x509_crt_t crt)
{
	gnutls_datum_t hash = { 0 }, text;
	uint8_t id[32];
	size_t len = sizeof(id);

	must(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id, &len), "the key's hash");
	hash.data = id;
	hash.size = len;
	must(gnutls_base64_encode2(&hash, &text), "the key's hash");
	snprintf(xq_spki, sizeof(xq_spki), "%.*s", (int)text.size, text.data);
	gnutls_free(text.data);
}

/* Self-signed, good for a day: the client does not look at it. */
static void make_certificate(void)
{
	const char *name = "xroam.test";
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	uint8_t serial[8];

	xq_random(serial, sizeof(serial));
	serial[0] &= 0x7f;
	must(gnutls_x509_privkey_init(&key), "private key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	     "private key");
	must(gnutls_x509_crt_init(&crt), "certificate");
	must(gnutls_x509_crt_set_version(crt, 3), "certificate");
	must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, strlen(name)),
	     "certificate");
	must(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, strlen(name),
						  GNUTLS_FSAN_SET),
	     "certificate");
	must(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), "certificate");
	must(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600), "certificate");
	must(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400), "certificate");
	must(gnutls_x509_crt_set_key(crt, key), "certificate");
	must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), "certificate");
	must(gnutls_certificate_set_x509_key(creds, &crt, 1, key), "certificate");
	pin_key(crt);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

static void derive(const gnutls_datum_t *secret, const char *label, uint8_t *out, size_t len)
{
	gnutls_datum_t info = { (void *)label, strlen(label) };

	must(gnutls_hkdf_expand(GNUTLS_MAC_SHA256, secret, &info, out, len), "deriving a key");
}

/* Replays are of no interest to a test: every ticket is new. */
static int replay_add(void *db, time_t expires, const gnutls_datum_t *key,
		      const gnutls_datum_t *data)
{
	return 0;
}

int xq_tls_server_init(const char *secret_file)
{
	gnutls_datum_t secret;
	uint8_t raw[32];

	must(gnutls_certificate_allocate_credentials(&creds), "credentials");
	make_certificate();
	if (!secret_file) {
		xq_random(raw, sizeof(raw));
		secret.data = raw;
		secret.size = sizeof(raw);
	} else if (gnutls_load_file(secret_file, &secret) < 0 || secret.size < 32) {
		xq_die("%s: must hold 32 octets or more", secret_file);
	}
	must(gnutls_session_ticket_key_generate(&ticket_key), "ticket key");
	derive(&secret, "ticket", ticket_key.data, ticket_key.size);
	derive(&secret, "reset", xq_reset_key, sizeof(xq_reset_key));
	derive(&secret, "retry", xq_retry_key, sizeof(xq_retry_key));
	if (secret_file)
		gnutls_free(secret.data);

	must(gnutls_anti_replay_init(&anti_replay), "anti-replay");
	gnutls_anti_replay_set_add_function(anti_replay, replay_add);
	return 0;
}

gnutls_session_t xq_tls_server(ngtcp2_crypto_conn_ref *ref)
{
	gnutls_datum_t alpn[] = {
		{ (void *)XQ_ALPN, strlen(XQ_ALPN) },
		{ (void *)XQ_ALPN_H3, strlen(XQ_ALPN_H3) },
	};
	gnutls_session_t s;

	if (gnutls_init(&s,
			GNUTLS_SERVER | GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_AUTO_SEND_TICKET |
				GNUTLS_NO_END_OF_EARLY_DATA))
		return NULL;
	must(gnutls_priority_set_direct(s, PRIORITY, NULL), "priorities");
	must(gnutls_session_ticket_enable_server(s, &ticket_key), "tickets");
	if (ngtcp2_crypto_gnutls_configure_server_session(s))
		xq_die("the TLS session does not take QUIC");
	gnutls_anti_replay_enable(s, anti_replay);
	gnutls_record_set_max_early_data_size(s, 0xffffffff);
	gnutls_session_set_ptr(s, ref);
	must(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, creds), "credentials");
	gnutls_alpn_set_protocols(s, alpn, 2,
				  GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE);
	return s;
}

int xq_tls_client_init(void)
{
	must(gnutls_certificate_allocate_credentials(&creds), "credentials");
	return 0;
}

gnutls_session_t xq_tls_client(ngtcp2_crypto_conn_ref *ref, const char *session_file, bool *resumed)
{
	gnutls_datum_t alpn = { (void *)XQ_ALPN, strlen(XQ_ALPN) };
	gnutls_datum_t data;
	gnutls_session_t s;

	*resumed = false;
	if (gnutls_init(&s, GNUTLS_CLIENT | GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA))
		return NULL;
	must(gnutls_priority_set_direct(s, PRIORITY, NULL), "priorities");
	if (ngtcp2_crypto_gnutls_configure_client_session(s))
		xq_die("the TLS session does not take QUIC");
	if (session_file && !gnutls_load_file(session_file, &data)) {
		*resumed = !gnutls_session_set_data(s, data.data, data.size);
		gnutls_free(data.data);
	}
	gnutls_session_set_ptr(s, ref);
	must(gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, creds), "credentials");
	gnutls_alpn_set_protocols(s, &alpn, 1, GNUTLS_ALPN_MANDATORY);
	gnutls_server_name_set(s, GNUTLS_NAME_DNS, "xroam.test", strlen("xroam.test"));
	return s;
}
