/* Who the peer of a TLS connection is: the names in a certificate that was verified, or nobody knows. */

#include "ngx_stream_authz.h"

static void
ngx_stream_authz_free_names(void *names)
{
    authz_peer_names_free(names);
}

/* The names that policies know the owner of a certificate by, read once for a session; NULL where they cannot be read. */
static const authz_peer_names *
ngx_stream_authz_names(ngx_pool_t *pool, ngx_stream_authz_ctx_t *ctx, X509 *certificate)
{
    ngx_pool_cleanup_t *cleanup;
    unsigned char      *der = NULL;
    int                 len;

    if (ctx->names != NULL) {
        return ctx->names;
    }

    cleanup = ngx_pool_cleanup_add(pool, 0);
    if (cleanup == NULL) {
        return NULL;
    }

    len = i2d_X509(certificate, &der);
    if (len > 0 && authz_peer_names_from_der(der, (size_t) len, &ctx->names) == AUTHZ_STATUS_OK) {
        cleanup->handler = ngx_stream_authz_free_names;
        cleanup->data = ctx->names;
    }

    OPENSSL_free(der);

    return ctx->names;
}

void
ngx_stream_authz_peer(ngx_connection_t *c, ngx_stream_authz_ctx_t *ctx, authz_fact_set reads, authz_connection *connection)
{
    SSL                    *ssl = c->ssl->connection;
    const char             *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    X509                   *certificate;
    const authz_peer_names *names;

    /* Before TLS 1.3 a resumed session has the one with which it began: nginx has OpenSSL keep it. */
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

        /* One that has no name whatever says nothing about whom it was given to. */
        names = reads & AUTHZ_FACT_SET_PEER ? ngx_stream_authz_names(c->pool, ctx, certificate) : NULL;
        if (authz_peer_names_len(names) > 0) {
            connection->peer_fact = AUTHZ_FACT_KNOWN;
            connection->uri_sans = authz_peer_names_data(names);
            connection->uri_sans_len = authz_peer_names_len(names);
        }
    }

    X509_free(certificate);
}
