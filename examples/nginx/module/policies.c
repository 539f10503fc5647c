/* Policies as nginx reads its configuration: files are read, loaded, and compiled for the workload of a server. */

#include "ngx_stream_authz.h"

/* As many bytes as the library takes of all texts together. */
#define NGX_STREAM_AUTHZ_MOST_BYTES  (64 << 20)

/* Reads a whole file; its text lives until nginx has read its configuration. */
static ngx_int_t
ngx_stream_authz_read(ngx_conf_t *cf, const ngx_str_t *name, authz_text *text)
{
    ngx_int_t        rc = NGX_ERROR;
    ngx_str_t        path = *name;
    ngx_file_info_t  info;
    ngx_fd_t         fd;
    u_char          *bytes;
    off_t            size;
    ssize_t          n;
    size_t           len = 0;

    /* Relative to the configuration, as `include` has it. */
    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    /* Without waiting for the other end of a pipe. */
    fd = ngx_open_file(path.data, NGX_FILE_RDONLY | O_NONBLOCK, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno, ngx_open_file_n " \"%V\" failed", &path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &info) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno, ngx_fd_info_n " \"%V\" failed", &path);
        goto done;
    }

    size = ngx_file_size(&info);
    if (!ngx_is_file(&info) || size > NGX_STREAM_AUTHZ_MOST_BYTES) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%V\" is no file of at most %d bytes", &path, NGX_STREAM_AUTHZ_MOST_BYTES);
        goto done;
    }

    bytes = ngx_pnalloc(cf->temp_pool, (size_t) size + 1);
    if (bytes == NULL) {
        goto done;
    }

    /* One byte more than it should have, so that a file that grows meanwhile is not cut. */
    do {
        n = ngx_read_fd(fd, bytes + len, (size_t) size + 1 - len);
        if (n == -1) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, ngx_errno, ngx_read_fd_n " \"%V\" failed", &path);
            goto done;
        }
        len += (size_t) n;
    } while (n > 0 && len <= (size_t) size);

    if (len != (size_t) size) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%V\" changed while it was read", &path);
        goto done;
    }

    *text = (authz_text) {.data = (const char *) bytes, .len = len};
    rc = NGX_OK;

done:

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno, ngx_close_file_n " \"%V\" failed", &path);
    }

    return rc;
}

/* Logs what there is to say about the texts: what prevents a start as such, and the rest as warnings and notices. */
static void
ngx_stream_authz_report(ngx_log_t *log, const authz_findings *findings)
{
    authz_finding  finding;
    ngx_str_t      text;
    ngx_uint_t     level;

    for (size_t i = 0; authz_findings_get(findings, i, &finding) == AUTHZ_STATUS_OK; i++) {
        switch (finding.severity) {
        case AUTHZ_SEVERITY_NOTE:
            level = NGX_LOG_NOTICE;
            break;
        case AUTHZ_SEVERITY_WARNING:
            level = NGX_LOG_WARN;
            break;
        default:
            level = NGX_LOG_EMERG;
        }
        text.data = (u_char *) finding.text.data;
        text.len = finding.text.len;
        ngx_log_error(level, log, 0, "%V", &text);
    }
}

/* Whether nobody can be denied, whatever becomes known: no policy concerns the workload. */
static ngx_uint_t
ngx_stream_authz_is_open(const authz_authorizer *authorizer)
{
    authz_connection  nothing = {.size = sizeof(nothing)};
    authz_decision    decision;

    return authz_decide(authorizer, &nothing, &decision) == AUTHZ_STATUS_OK && decision.reason == AUTHZ_REASON_NO_POLICY;
}

static void
ngx_stream_authz_free(void *authorizer)
{
    authz_authorizer_free(authorizer);
}

ngx_int_t
ngx_stream_authz_compile(ngx_conf_t *cf, ngx_stream_authz_srv_conf_t *conf)
{
    ngx_str_t          *files = conf->files->elts;
    authz_source       *sources;
    authz_policy_set   *policies = NULL;
    authz_findings     *findings = NULL;
    ngx_pool_cleanup_t *cleanup;
    authz_status        status;

    authz_mesh mesh = {.size = sizeof(mesh)};
    authz_workload workload = {
        .size = sizeof(workload),
        .namespace_name = ngx_stream_authz_text(&conf->workload->namespace_name),
        .labels = conf->workload->labels.elts,
        .labels_len = conf->workload->labels.nelts
    };

    if (conf->mesh != NULL) {
        mesh.root_namespace = ngx_stream_authz_text(&conf->mesh->root_namespace);
        mesh.trust_domain = ngx_stream_authz_text(&conf->mesh->trust_domain);
        mesh.trust_domain_aliases = conf->mesh->aliases.elts;
        mesh.trust_domain_aliases_len = conf->mesh->aliases.nelts;
    }

    sources = ngx_pcalloc(cf->temp_pool, conf->files->nelts * sizeof(authz_source));
    /* It goes with the configuration, when the last connection that was decided by it has gone. */
    cleanup = ngx_pool_cleanup_add(cf->pool, 0);
    if (sources == NULL || cleanup == NULL) {
        return NGX_ERROR;
    }

    for (ngx_uint_t i = 0; i < conf->files->nelts; i++) {
        sources[i].name = ngx_stream_authz_text(&files[i]);
        if (ngx_stream_authz_read(cf, &files[i], &sources[i].text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    status = authz_policy_set_load(sources, conf->files->nelts, &mesh, NULL, &policies, &findings);
    ngx_stream_authz_report(cf->log, findings);
    authz_findings_free(findings);

    if (status == AUTHZ_STATUS_OK) {
        status = authz_authorizer_new(policies, &workload, &conf->authorizer);
        authz_policy_set_free(policies);
    }

    if (status != AUTHZ_STATUS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "the policies are not used (%s), in %s:%ui", authz_status_name(status),
                      conf->place.file, conf->place.line);
        return NGX_ERROR;
    }

    cleanup->handler = ngx_stream_authz_free;
    cleanup->data = conf->authorizer;

    /* Which may be meant, and may be a slip in a namespace or label. */
    if (ngx_stream_authz_is_open(conf->authorizer)) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0, "no policy denies anybody at namespace `%V` with these labels, in %s:%ui",
                      &conf->workload->namespace_name, conf->place.file, conf->place.line);
    }

    return NGX_OK;
}
