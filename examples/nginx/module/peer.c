/* Who the peer of a TLS connection is: the URI SANs of a certificate that was verified, or nobody knows. */

#include "ngx_stream_authz.h"

#include <openssl/x509v3.h>

/*
 * The URI SANs, copied; their number, or 0 where there is none or the certificate cannot be read. Such a peer is unknown
 * and not absent: its certificate has other names, which Envoy compares and this does not read.
 */
static size_t
ngx_stream_authz_uri_sans(ngx_pool_t *pool, X509 *certificate, const authz_text **uri_sans)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int            count = names ? sk_GENERAL_NAME_num(names) : 0;
    authz_text    *texts = count > 0 ? ngx_palloc(pool, (size_t) count * sizeof(authz_text)) : NULL;
    size_t         found = 0;

    for (int i = 0; texts != NULL && i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI) {
            continue;
        }

        const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;
        size_t                len = (size_t) ASN1_STRING_length(uri);
        char                 *copy = ngx_pnalloc(pool, len + 1);
        if (copy == NULL) {
            /* All of them or none. */
            found = 0;
            break;
        }

        ngx_memcpy(copy, ASN1_STRING_get0_data(uri), len);
        texts[found++] = (authz_text) {.data = copy, .len = len};
    }

    GENERAL_NAMES_free(names);
    *uri_sans = found ? texts : NULL;

    return found;
}

void
ngx_stream_authz_peer(ngx_connection_t *c, authz_fact_set reads, authz_connection *connection)
{
    SSL        *ssl = c->ssl->connection;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    X509       *certificate;

    connection->sni_fact = name ? AUTHZ_FACT_KNOWN : AUTHZ_FACT_ABSENT;
    connection->sni = authz_text_of(name);

    if (!(reads & (AUTHZ_FACT_SET_TRANSPORT | AUTHZ_FACT_SET_PEER))) {
        return;
    }

    certificate = SSL_get1_peer_certificate(ssl);
    if (certificate == NULL) {
        connection->transport = AUTHZ_TRANSPORT_TLS;
        connection->peer_fact = AUTHZ_FACT_ABSENT;
        return;
    }

    /* With `ssl_verify_client optional_no_ca` one that did not verify comes this far; it proves nothing. */
    if (SSL_get_verify_result(ssl) == X509_V_OK) {
        connection->transport = AUTHZ_TRANSPORT_MESH_MTLS;
        if (reads & AUTHZ_FACT_SET_PEER) {
            connection->uri_sans_len = ngx_stream_authz_uri_sans(c->pool, certificate, &connection->uri_sans);
            connection->peer_fact = connection->uri_sans_len ? AUTHZ_FACT_KNOWN : AUTHZ_FACT_UNKNOWN;
        }
    }

    X509_free(certificate);
}
