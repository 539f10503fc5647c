/* What became of a connection, and why, as variables for the access log. */

#include "ngx_stream_authz.h"

enum {
    NGX_STREAM_AUTHZ_VERDICT,
    NGX_STREAM_AUTHZ_REASON,
    NGX_STREAM_AUTHZ_POLICY,
    NGX_STREAM_AUTHZ_RULE,
    NGX_STREAM_AUTHZ_IF_ENFORCED
};

static ngx_int_t
ngx_stream_authz_name(ngx_stream_variable_value_t *v, const char *name)
{
    v->data = (u_char *) name;
    v->len = (unsigned) (ngx_strlen(name) & 0xfffffff);

    return NGX_OK;
}

/* A text of several parts, which lives as long as the session. */
static ngx_int_t
ngx_stream_authz_print(ngx_stream_session_t *s, ngx_stream_variable_value_t *v, authz_text first, const char *separator,
    authz_text second)
{
    size_t  len = first.len + ngx_strlen(separator) + second.len;
    u_char *p = ngx_pnalloc(s->connection->pool, len + 1);

    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    p = ngx_cpymem(p, first.data, first.len);
    p = ngx_cpymem(p, separator, ngx_strlen(separator));
    p = ngx_cpymem(p, second.data, second.len);
    v->len = (unsigned) ((size_t) (p - v->data) & 0xfffffff);

    return NGX_OK;
}

static ngx_int_t
ngx_stream_authz_get(ngx_stream_session_t *s, ngx_stream_variable_value_t *v, uintptr_t data)
{
    const ngx_stream_authz_ctx_t *ctx = ngx_stream_get_module_ctx(s, ngx_stream_authz_module);
    const authz_policy           *policy;
    u_char                        digits[NGX_INT_T_LEN];
    authz_text                    number = {.data = (const char *) digits, .len = 0};

    if (ctx == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    /* It changes as more becomes known. */
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = 0;
    v->data = NULL;

    switch (data) {

    case NGX_STREAM_AUTHZ_VERDICT:
        return ngx_stream_authz_name(v, authz_verdict_name(ctx->status == AUTHZ_STATUS_OK ? ctx->decision.verdict
                                                                                          : AUTHZ_VERDICT_DENY));

    case NGX_STREAM_AUTHZ_REASON:
        return ngx_stream_authz_name(v, ctx->status == AUTHZ_STATUS_OK ? authz_reason_name(ctx->decision.reason)
                                                                       : authz_status_name(ctx->status));

    case NGX_STREAM_AUTHZ_IF_ENFORCED:
        return ngx_stream_authz_name(v, authz_shadow_name(ctx->decision.if_enforced));

    case NGX_STREAM_AUTHZ_POLICY:
        policy = authz_decision_policy(&ctx->decision);
        if (policy != NULL) {
            return ngx_stream_authz_print(s, v, authz_policy_namespace(policy), "/", authz_policy_name(policy));
        }
        break;

    case NGX_STREAM_AUTHZ_RULE:
        if (ctx->decision.rule != NULL) {
            number.len = (size_t) (ngx_sprintf(digits, "%uD", authz_rule_index(ctx->decision.rule)) - digits);
            return ngx_stream_authz_print(s, v, number, "", (authz_text) {.len = 0});
        }
        break;
    }

    v->not_found = 1;

    return NGX_OK;
}

static ngx_stream_variable_t ngx_stream_authz_variables[] = {
    {ngx_string("authz_verdict"), NULL, ngx_stream_authz_get, NGX_STREAM_AUTHZ_VERDICT, NGX_STREAM_VAR_NOCACHEABLE, 0},
    {ngx_string("authz_reason"), NULL, ngx_stream_authz_get, NGX_STREAM_AUTHZ_REASON, NGX_STREAM_VAR_NOCACHEABLE, 0},
    {ngx_string("authz_policy"), NULL, ngx_stream_authz_get, NGX_STREAM_AUTHZ_POLICY, NGX_STREAM_VAR_NOCACHEABLE, 0},
    {ngx_string("authz_rule"), NULL, ngx_stream_authz_get, NGX_STREAM_AUTHZ_RULE, NGX_STREAM_VAR_NOCACHEABLE, 0},
    {ngx_string("authz_shadow"), NULL, ngx_stream_authz_get, NGX_STREAM_AUTHZ_IF_ENFORCED, NGX_STREAM_VAR_NOCACHEABLE, 0}
};

ngx_int_t
ngx_stream_authz_add_variables(ngx_conf_t *cf)
{
    for (size_t i = 0; i < sizeof(ngx_stream_authz_variables) / sizeof(ngx_stream_authz_variables[0]); i++) {
        ngx_stream_variable_t *declared = &ngx_stream_authz_variables[i];
        ngx_stream_variable_t *added = ngx_stream_add_variable(cf, &declared->name, declared->flags);

        if (added == NULL) {
            return NGX_ERROR;
        }

        added->get_handler = declared->get_handler;
        added->data = declared->data;
    }

    return NGX_OK;
}
