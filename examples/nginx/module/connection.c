/* What nginx knows of a connection, stated for the engine. What is not stated is not known, and denies where it matters. */

#include "ngx_stream_authz.h"

static void
ngx_stream_authz_address(const struct sockaddr *sockaddr, authz_address *address)
{
    switch (sockaddr->sa_family) {

    case AF_INET:
        address->len = sizeof(struct in_addr);
        ngx_memcpy(address->bytes, &((const struct sockaddr_in *) (const void *) sockaddr)->sin_addr, sizeof(struct in_addr));
        break;

    case AF_INET6:
        address->len = sizeof(struct in6_addr);
        ngx_memcpy(address->bytes, &((const struct sockaddr_in6 *) (const void *) sockaddr)->sin6_addr,
                   sizeof(struct in6_addr));
        break;

    default:
        /* A socket of the machine's own has no address that a policy could name. */
        break;
    }
}

/* Another module's variable. It is only asked for once its value can no longer change, as nginx keeps it. */
static ngx_stream_variable_value_t *
ngx_stream_authz_variable(ngx_stream_session_t *s, const char *name)
{
    ngx_str_t                    copy = {ngx_strlen(name), (u_char *) name};
    ngx_stream_variable_value_t *value;

    value = ngx_stream_get_variable(s, &copy, ngx_hash_key(copy.data, copy.len));

    return value == NULL || value->not_found ? NULL : value;
}

/*
 * Who is at the other end of the socket, and whom it speaks for: `set_real_ip_from` says whose PROXY headers are
 * believed, and puts the client's address in the place of the peer's.
 */
static void
ngx_stream_authz_ends(ngx_stream_session_t *s, authz_connection *connection)
{
    ngx_connection_t            *c = s->connection;
    ngx_stream_variable_value_t *direct;
    authz_address                current = {.len = 0}, header = {.len = 0};
    ngx_uint_t                   is_believed = 0;

    ngx_stream_authz_address(c->sockaddr, &current);

    if (c->proxy_protocol == NULL) {
        connection->source = current;
        connection->remote_fact = AUTHZ_FACT_ABSENT;
        return;
    }

    direct = ngx_stream_authz_variable(s, "realip_remote_addr");
    if (direct == NULL) {
        /* Without that module nobody's header is believed. */
        connection->source = current;

    } else {
        authz_text text = {.data = (const char *) direct->data, .len = direct->len};
        (void) authz_address_parse(text, &connection->source);
        is_believed = direct->len != c->addr_text.len || ngx_memcmp(direct->data, c->addr_text.data, direct->len) != 0;
    }

    /* A peer that speaks for itself needs no one's belief. */
    authz_text stated = ngx_stream_authz_text(&c->proxy_protocol->src_addr);
    if (!is_believed && authz_address_parse(stated, &header) == AUTHZ_STATUS_OK && header.len == current.len) {
        is_believed = ngx_memcmp(header.bytes, current.bytes, current.len) == 0;
    }

    /* A header that is not believed says nothing, also not that there is no one behind the peer. */
    if (is_believed) {
        connection->remote = current;
        connection->remote_fact = AUTHZ_FACT_KNOWN;
    }
}

/* The address and port that nginx listens on, which a PROXY header does not change. */
static void
ngx_stream_authz_destination(ngx_connection_t *c, authz_connection *connection)
{
    if (ngx_connection_local_sockaddr(c, NULL, 0) != NGX_OK) {
        return;
    }

    ngx_stream_authz_address(c->local_sockaddr, &connection->destination);

    if (connection->destination.len != 0) {
        connection->destination_port = ngx_inet_get_port(c->local_sockaddr);
        connection->destination_port_fact = AUTHZ_FACT_KNOWN;
    }
}

void
ngx_stream_authz_connection(ngx_stream_session_t *s, ngx_stream_authz_ctx_t *ctx, ngx_stream_authz_stage_t stage,
    authz_connection *connection)
{
    ngx_connection_t            *c = s->connection;
    authz_fact_set               reads = authz_authorizer_reads(ctx->conf->authorizer);
    ngx_stream_variable_value_t *name;

    *connection = (authz_connection) {.size = sizeof(*connection)};

    ngx_stream_authz_ends(s, connection);
    ngx_stream_authz_destination(c, connection);

    if (s->ssl) {
        if (stage != NGX_STREAM_AUTHZ_ACCEPTED && c->ssl != NULL && c->ssl->handshaked) {
            ngx_stream_authz_peer(c, ctx, reads, connection);
        }
        return;
    }

    /* Whoever speaks TLS through us is no peer of ours, and has no identity here. */
    connection->transport = AUTHZ_TRANSPORT_PLAINTEXT;

    if (stage == NGX_STREAM_AUTHZ_COMPLETE && (reads & AUTHZ_FACT_SET_SNI)) {
        /* There is none if ssl_preread is off, and for greetings that it cannot read. */
        name = ngx_stream_authz_variable(s, "ssl_preread_server_name");
        if (name != NULL) {
            connection->transport = AUTHZ_TRANSPORT_TLS;
            connection->sni_fact = name->len ? AUTHZ_FACT_KNOWN : AUTHZ_FACT_ABSENT;
            connection->sni = (authz_text) {.data = (const char *) name->data, .len = name->len};
        }
    }
}
