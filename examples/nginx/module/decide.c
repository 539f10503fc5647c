/* When a connection is decided: with its addresses, after the handshake, and for good before anything is done with it. */

#include "ngx_stream_authz.h"

/* Says in the error log, once per connection, that it is denied, or would be. */
static void
ngx_stream_authz_log(ngx_stream_session_t *s, const ngx_stream_authz_ctx_t *ctx)
{
    const authz_policy *policy = authz_decision_policy(&ctx->decision);
    authz_text          space = authz_policy_namespace(policy);
    authz_text          name = authz_policy_name(policy);
    ngx_str_t           parts[] = {{space.len, (u_char *) space.data}, {name.len, (u_char *) name.data}};
    const char         *why = ctx->status == AUTHZ_STATUS_OK ? authz_reason_name(ctx->decision.reason)
                                                             : authz_status_name(ctx->status);
    ngx_uint_t          is_shadow = ctx->conf->mode == NGX_STREAM_AUTHZ_SHADOW;
    ngx_uint_t          level = is_shadow ? NGX_LOG_WARN : NGX_LOG_ERR;

    ngx_log_error(level, s->connection->log, 0, "authz: %s (%s)%s%V%s%V",
                  is_shadow ? "would be denied" : "denied", why, policy ? " by " : "", &parts[0], policy ? "/" : "", &parts[1]);
}

/* NGX_DECLINED if the connection may go on, also for want of facts that are still to come; otherwise the status to end it with. */
static ngx_int_t
ngx_stream_authz_decide(ngx_stream_session_t *s, ngx_stream_authz_stage_t stage)
{
    ngx_stream_authz_srv_conf_t *conf = ngx_stream_get_module_srv_conf(s, ngx_stream_authz_module);
    ngx_stream_authz_ctx_t      *ctx = ngx_stream_get_module_ctx(s, ngx_stream_authz_module);
    ngx_uint_t                   is_allowed;
    authz_connection             connection;

    if (conf->mode == NGX_STREAM_AUTHZ_OFF) {
        return NGX_DECLINED;
    }

    if (ctx == NULL) {
        ctx = ngx_pcalloc(s->connection->pool, sizeof(*ctx));
        if (ctx == NULL) {
            return NGX_ERROR;
        }
        ngx_stream_set_ctx(s, ctx, ngx_stream_authz_module);
    }

    /* Where a server name leads to another server, that one's policies hold. */
    if (ctx->conf != conf) {
        ctx->conf = conf;
        ctx->is_final = 0;
    }

    if (!ctx->is_final) {
        ngx_stream_authz_connection(s, ctx, stage, &connection);

        if (stage == NGX_STREAM_AUTHZ_COMPLETE) {
            ctx->status = authz_decide(conf->authorizer, &connection, &ctx->decision);
            ctx->is_final = 1;

        } else {
            ctx->status = authz_decide_early(conf->authorizer, &connection, &ctx->decision);
            ctx->is_final = ctx->status != AUTHZ_STATUS_OK || ctx->decision.needs == 0;
        }
    }

    is_allowed = ctx->status == AUTHZ_STATUS_OK && ctx->decision.verdict == AUTHZ_VERDICT_ALLOW;
    if (is_allowed || !ctx->is_final) {
        return NGX_DECLINED;
    }

    if (!ctx->is_logged) {
        ctx->is_logged = 1;
        ngx_stream_authz_log(s, ctx);
    }

    if (conf->mode == NGX_STREAM_AUTHZ_SHADOW) {
        return NGX_DECLINED;
    }

    /* Whatever the peer has sent meanwhile, or holds back: nobody waits for its goodbye. */
    if (s->connection->ssl != NULL) {
        s->connection->ssl->no_wait_shutdown = 1;
    }

    return NGX_STREAM_FORBIDDEN;
}

ngx_int_t
ngx_stream_authz_access(ngx_stream_session_t *s)
{
    return ngx_stream_authz_decide(s, NGX_STREAM_AUTHZ_ACCEPTED);
}

ngx_int_t
ngx_stream_authz_preread(ngx_stream_session_t *s)
{
    return ngx_stream_authz_decide(s, NGX_STREAM_AUTHZ_SECURED);
}

void
ngx_stream_authz_content(ngx_stream_session_t *s)
{
    ngx_stream_authz_srv_conf_t *conf = ngx_stream_get_module_srv_conf(s, ngx_stream_authz_module);
    ngx_int_t                    rc = ngx_stream_authz_decide(s, NGX_STREAM_AUTHZ_COMPLETE);

    if (rc == NGX_DECLINED) {
        conf->content(s);
        return;
    }

    ngx_stream_finalize_session(s, rc == NGX_STREAM_FORBIDDEN ? NGX_STREAM_FORBIDDEN : NGX_STREAM_INTERNAL_SERVER_ERROR);
}
