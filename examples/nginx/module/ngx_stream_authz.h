/* What the parts of the module share: what a server block says, and what a session keeps. */

#ifndef NGX_STREAM_AUTHZ_H
#define NGX_STREAM_AUTHZ_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_stream.h>

#include <authz.h>

enum {
    NGX_STREAM_AUTHZ_OFF = 0,
    NGX_STREAM_AUTHZ_ON,
    NGX_STREAM_AUTHZ_SHADOW
};

/* Where a directive stands, for messages. */
typedef struct {
    u_char      *file;
    ngx_uint_t   line;
} ngx_stream_authz_place_t;

/* `authz_workload`. */
typedef struct {
    ngx_str_t    namespace_name;
    ngx_array_t  labels;  /* authz_label */
} ngx_stream_authz_workload_t;

/* `authz_mesh`. */
typedef struct {
    ngx_str_t    root_namespace;
    ngx_str_t    trust_domain;
    ngx_array_t  aliases;  /* authz_text */
} ngx_stream_authz_mesh_t;

/* What a server block says, with what it has from the block around it. */
typedef struct {
    ngx_uint_t                      mode;
    ngx_array_t                    *files;  /* ngx_str_t, as written */
    ngx_stream_authz_place_t        place;  /* of the first `authz_policy` */
    ngx_stream_authz_workload_t    *workload;
    ngx_stream_authz_mesh_t        *mesh;

    authz_authorizer               *authorizer;  /* NULL where the mode is off */
    ngx_stream_content_handler_pt   content;  /* what is done with an allowed connection */
} ngx_stream_authz_srv_conf_t;

/* What a session keeps. */
typedef struct {
    ngx_stream_authz_srv_conf_t  *conf;  /* that decided; the decision points into its authorizer */
    authz_status                  status;
    authz_decision                decision;
    authz_peer_names             *names;  /* of the peer's certificate, once they were read; the pool frees them */
    unsigned                      is_final:1;
    unsigned                      is_logged:1;
} ngx_stream_authz_ctx_t;

/* How much is known of a connection. */
typedef enum {
    NGX_STREAM_AUTHZ_ACCEPTED,  /* its addresses */
    NGX_STREAM_AUTHZ_SECURED,  /* and, over TLS, its peer */
    NGX_STREAM_AUTHZ_COMPLETE  /* and all else that will ever be */
} ngx_stream_authz_stage_t;

extern ngx_module_t ngx_stream_authz_module;

static inline authz_text
ngx_stream_authz_text(const ngx_str_t *string)
{
    return (authz_text) {.data = (const char *) string->data, .len = string->len};
}

/* Reads, loads and compiles the policies of a server; NGX_ERROR after it has logged why not. */
ngx_int_t ngx_stream_authz_compile(ngx_conf_t *cf, ngx_stream_authz_srv_conf_t *conf);

/* States what is known of a connection; its texts live as long as the session. */
void ngx_stream_authz_connection(ngx_stream_session_t *s, ngx_stream_authz_ctx_t *ctx, ngx_stream_authz_stage_t stage,
    authz_connection *connection);

/* States who the peer of a TLS connection is. */
void ngx_stream_authz_peer(ngx_connection_t *c, ngx_stream_authz_ctx_t *ctx, authz_fact_set reads,
    authz_connection *connection);

/* The handlers of the phases. */
ngx_int_t ngx_stream_authz_access(ngx_stream_session_t *s);
ngx_int_t ngx_stream_authz_preread(ngx_stream_session_t *s);

/* The handler in front of what each server does with its connections: nothing gets past it without an allow. */
void ngx_stream_authz_content(ngx_stream_session_t *s);

/* Adds `$authz_verdict` and the others. */
ngx_int_t ngx_stream_authz_add_variables(ngx_conf_t *cf);

#endif
