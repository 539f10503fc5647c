/* The directives, what a block has from the one around it, and where the module stands among nginx's phases. */

#include "ngx_stream_authz.h"

static const char *
ngx_stream_authz_value(const ngx_str_t *argument, const char *name, ngx_str_t *value)
{
    size_t len = ngx_strlen(name);

    if (argument->len < len || ngx_strncmp(argument->data, name, len) != 0) {
        return NULL;
    }

    value->data = argument->data + len;
    value->len = argument->len - len;

    return name;
}

static void *
ngx_stream_authz_refuse(ngx_conf_t *cf, const char *what, const ngx_str_t *argument, const char *instead)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s `%V`: write %s", what, argument, instead);
    return NGX_CONF_ERROR;
}

/* authz_policy FILE...; */
static char *
ngx_stream_authz_policy(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_stream_authz_srv_conf_t *conf = data;
    ngx_str_t                   *arguments = cf->args->elts;

    if (conf->files == NULL) {
        conf->files = ngx_array_create(cf->pool, cf->args->nelts, sizeof(ngx_str_t));
        if (conf->files == NULL) {
            return NGX_CONF_ERROR;
        }
        conf->place.file = cf->conf_file->file.name.data;
        conf->place.line = cf->conf_file->line;
    }

    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        ngx_str_t *file = ngx_array_push(conf->files);
        if (file == NULL) {
            return NGX_CONF_ERROR;
        }
        *file = arguments[i];
    }

    return NGX_CONF_OK;
}

/* authz_workload namespace=NAME label=KEY=VALUE...; */
static char *
ngx_stream_authz_workload(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_stream_authz_srv_conf_t *conf = data;
    ngx_stream_authz_workload_t *workload;
    ngx_str_t                   *arguments = cf->args->elts;

    if (conf->workload != NULL) {
        return "is duplicate";
    }

    workload = ngx_pcalloc(cf->pool, sizeof(*workload));
    if (workload == NULL
        || ngx_array_init(&workload->labels, cf->pool, cf->args->nelts, sizeof(authz_label)) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        ngx_str_t value;

        if (ngx_stream_authz_value(&arguments[i], "namespace=", &value) && workload->namespace_name.len == 0) {
            workload->namespace_name = value;

        } else if (ngx_stream_authz_value(&arguments[i], "label=", &value)) {
            u_char *equals = ngx_strlchr(value.data, value.data + value.len, '=');
            if (equals == NULL) {
                return ngx_stream_authz_refuse(cf, "this label has no value:", &arguments[i], "`label=KEY=VALUE`");
            }

            authz_label *label = workload->labels.elts;
            size_t       len = (size_t) (equals - value.data);
            for (ngx_uint_t other = 0; other < workload->labels.nelts; other++) {
                if (label[other].key.len == len && ngx_memcmp(label[other].key.data, value.data, len) == 0) {
                    return ngx_stream_authz_refuse(cf, "a label is there twice:", &arguments[i], "each key once");
                }
            }

            label = ngx_array_push(&workload->labels);
            if (label == NULL) {
                return NGX_CONF_ERROR;
            }
            label->key = (authz_text) {.data = (const char *) value.data, .len = len};
            label->value = (authz_text) {
                .data = (const char *) equals + 1, .len = (size_t) (value.data + value.len - equals - 1)
            };

        } else {
            return ngx_stream_authz_refuse(cf, "a workload has no", &arguments[i],
                                           "`namespace=NAME` once and `label=KEY=VALUE` for each label");
        }
    }

    if (workload->namespace_name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the workload's namespace is missing: write `namespace=NAME`");
        return NGX_CONF_ERROR;
    }

    conf->workload = workload;

    return NGX_CONF_OK;
}

/* authz_mesh trust_domain=NAME trust_domain_alias=NAME... root_namespace=NAME; */
static char *
ngx_stream_authz_mesh(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_stream_authz_srv_conf_t *conf = data;
    ngx_stream_authz_mesh_t     *mesh;
    ngx_str_t                   *arguments = cf->args->elts;

    if (conf->mesh != NULL) {
        return "is duplicate";
    }

    mesh = ngx_pcalloc(cf->pool, sizeof(*mesh));
    if (mesh == NULL || ngx_array_init(&mesh->aliases, cf->pool, cf->args->nelts, sizeof(authz_text)) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (ngx_uint_t i = 1; i < cf->args->nelts; i++) {
        ngx_str_t value;

        if (ngx_stream_authz_value(&arguments[i], "trust_domain=", &value) && mesh->trust_domain.len == 0) {
            mesh->trust_domain = value;

        } else if (ngx_stream_authz_value(&arguments[i], "root_namespace=", &value) && mesh->root_namespace.len == 0) {
            mesh->root_namespace = value;

        } else if (ngx_stream_authz_value(&arguments[i], "trust_domain_alias=", &value)) {
            authz_text *alias = ngx_array_push(&mesh->aliases);
            if (alias == NULL) {
                return NGX_CONF_ERROR;
            }
            *alias = ngx_stream_authz_text(&value);

        } else {
            value.len = 0;
        }

        if (value.len == 0) {
            return ngx_stream_authz_refuse(cf, "a mesh has no", &arguments[i],
                                           "`trust_domain=NAME` and `root_namespace=NAME`, each at most once, and"
                                           " `trust_domain_alias=NAME` for each alias");
        }
    }

    conf->mesh = mesh;

    return NGX_CONF_OK;
}

static void *
ngx_stream_authz_create_srv_conf(ngx_conf_t *cf)
{
    ngx_stream_authz_srv_conf_t *conf = ngx_pcalloc(cf->pool, sizeof(*conf));

    if (conf != NULL) {
        conf->mode = NGX_CONF_UNSET_UINT;
    }

    return conf;
}

static char *
ngx_stream_authz_merge_srv_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_stream_authz_srv_conf_t *prev = parent;
    ngx_stream_authz_srv_conf_t *conf = child;
    ngx_stream_core_srv_conf_t  *server = ngx_stream_conf_get_module_srv_conf(cf, ngx_stream_core_module);
    ngx_uint_t                   says_its_own = conf->files || conf->workload || conf->mesh;
    const char                  *missing = NULL;

    if (conf->files == NULL) {
        conf->files = prev->files;
        conf->place = prev->place;
    }
    if (conf->workload == NULL) {
        conf->workload = prev->workload;
    }
    if (conf->mesh == NULL) {
        conf->mesh = prev->mesh;
    }

    /* Whoever names policies means them, so only `authz off` is off. */
    ngx_conf_merge_uint_value(conf->mode, prev->mode,
                              conf->files || conf->workload || conf->mesh ? NGX_STREAM_AUTHZ_ON : NGX_STREAM_AUTHZ_OFF);

    if (conf->mode == NGX_STREAM_AUTHZ_OFF) {
        return NGX_CONF_OK;
    }

    if (conf->files == NULL) {
        missing = "`authz_policy FILE;`, or `authz off;` to let everybody in";
    } else if (conf->workload == NULL) {
        missing = "`authz_workload namespace=NAME label=KEY=VALUE;`";
    }
    if (missing != NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "this server decides about connections, so write %s, in %s:%ui",
                      missing, server->file_name, server->line);
        return NGX_CONF_ERROR;
    }

    /* Servers that say the same share what is compiled. */
    if (!says_its_own && prev->authorizer != NULL) {
        conf->authorizer = prev->authorizer;
        return NGX_CONF_OK;
    }

    if (ngx_stream_authz_compile(cf, conf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!says_its_own) {
        prev->authorizer = conf->authorizer;
    }

    return NGX_CONF_OK;
}

static ngx_int_t
ngx_stream_authz_preconfiguration(ngx_conf_t *cf)
{
    if (authz_check_abi(AUTHZ_ABI) != AUTHZ_STATUS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the module was built for another version of libauthz than %s",
                           authz_version());
        return NGX_ERROR;
    }

    return ngx_stream_authz_add_variables(cf);
}

/* Adds a handler to a phase. The last one is asked first, and nginx has this module after its own. */
static ngx_int_t
ngx_stream_authz_join(ngx_stream_core_main_conf_t *cmcf, ngx_stream_phases phase, ngx_stream_handler_pt handler)
{
    ngx_stream_handler_pt *added = ngx_array_push(&cmcf->phases[phase].handlers);

    if (added == NULL) {
        return NGX_ERROR;
    }

    *added = handler;

    return NGX_OK;
}

static ngx_int_t
ngx_stream_authz_postconfiguration(ngx_conf_t *cf)
{
    ngx_stream_core_main_conf_t  *cmcf = ngx_stream_conf_get_module_main_conf(cf, ngx_stream_core_module);
    ngx_stream_core_srv_conf_t  **servers = cmcf->servers.elts;
    ngx_stream_listen_t          *listens = cmcf->listen.elts;
    ngx_stream_authz_srv_conf_t  *conf;

    for (ngx_uint_t i = 0; i < cmcf->listen.nelts; i++) {
        conf = listens[i].ctx->srv_conf[ngx_stream_authz_module.ctx_index];
        if (conf->mode != NGX_STREAM_AUTHZ_OFF && listens[i].type != SOCK_STREAM) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "`listen %V udp`: authz decides about TCP connections only;"
                          " write `authz off` in this server", &listens[i].addr_text);
            return NGX_ERROR;
        }
    }

    /*
     * A phase ends early where another module's handler says so (ssl_preread does), and skips the handlers that are
     * left. So the phases are only where connections are closed as soon as possible, and what a server does with its
     * connections is behind a handler that nothing can skip.
     */
    for (ngx_uint_t i = 0; i < cmcf->servers.nelts; i++) {
        conf = servers[i]->ctx->srv_conf[ngx_stream_authz_module.ctx_index];
        if (conf->mode != NGX_STREAM_AUTHZ_OFF) {
            conf->content = servers[i]->handler;
            servers[i]->handler = ngx_stream_authz_content;
        }
    }

    if (ngx_stream_authz_join(cmcf, NGX_STREAM_ACCESS_PHASE, ngx_stream_authz_access) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_stream_authz_join(cmcf, NGX_STREAM_PREREAD_PHASE, ngx_stream_authz_preread);
}

static ngx_conf_enum_t ngx_stream_authz_modes[] = {
    {ngx_string("off"), NGX_STREAM_AUTHZ_OFF},
    {ngx_string("on"), NGX_STREAM_AUTHZ_ON},
    {ngx_string("shadow"), NGX_STREAM_AUTHZ_SHADOW},
    {ngx_null_string, 0}
};

static ngx_command_t ngx_stream_authz_commands[] = {
    {ngx_string("authz"), NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_TAKE1, ngx_conf_set_enum_slot,
     NGX_STREAM_SRV_CONF_OFFSET, offsetof(ngx_stream_authz_srv_conf_t, mode), ngx_stream_authz_modes},

    {ngx_string("authz_policy"), NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_1MORE, ngx_stream_authz_policy,
     NGX_STREAM_SRV_CONF_OFFSET, 0, NULL},

    {ngx_string("authz_workload"), NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_1MORE, ngx_stream_authz_workload,
     NGX_STREAM_SRV_CONF_OFFSET, 0, NULL},

    {ngx_string("authz_mesh"), NGX_STREAM_MAIN_CONF|NGX_STREAM_SRV_CONF|NGX_CONF_1MORE, ngx_stream_authz_mesh,
     NGX_STREAM_SRV_CONF_OFFSET, 0, NULL},

    ngx_null_command
};

static ngx_stream_module_t ngx_stream_authz_module_ctx = {
    .preconfiguration = ngx_stream_authz_preconfiguration,
    .postconfiguration = ngx_stream_authz_postconfiguration,
    .create_srv_conf = ngx_stream_authz_create_srv_conf,
    .merge_srv_conf = ngx_stream_authz_merge_srv_conf
};

ngx_module_t ngx_stream_authz_module = {
    NGX_MODULE_V1,
    &ngx_stream_authz_module_ctx,
    ngx_stream_authz_commands,
    NGX_STREAM_MODULE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
    NGX_MODULE_V1_PADDING
};
