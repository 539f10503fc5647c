/* authz.load: texts of policies and a workload, compiled when HAProxy starts. Whatever is wrong is an error and ends the start. */

#include <string.h>

#include "authz.h"

/* What a workload can say. A slip in a name must not read as left out, which for labels selects fewer policies. */
static void
authz_lua_refuse_others(lua_State *lua, int table)
{
    static const char *const names[] = {"sources", "namespace", "labels", "trust_domain", "trust_domain_aliases",
                                        "root_namespace"};

    for (lua_pushnil(lua); lua_next(lua, table); lua_pop(lua, 1)) {
        int is_known = 0;
        for (size_t i = 0; lua_type(lua, -2) == LUA_TSTRING && i < sizeof(names) / sizeof(names[0]); i++) {
            is_known |= strcmp(lua_tostring(lua, -2), names[i]) == 0;
        }
        if (!is_known) {
            luaL_error(lua, "a workload has no `%s`: it has `namespace`, `labels`, `trust_domain`, `trust_domain_aliases`,"
                       " `root_namespace`, and its policies", luaL_tolstring(lua, -2, NULL));
        }
    }
}

/* The field of a table, left on the stack so that its text stays good; the empty text if there is none. */
static authz_text
authz_lua_field(lua_State *lua, int table, const char *name)
{
    authz_text none = {.len = 0};

    return lua_getfield(lua, table, name) == LUA_TNIL ? none : authz_lua_text(lua, -1);
}

/* A list of texts, as an array that Lua's collector frees; the texts and the array stay on the stack. */
static const authz_text *
authz_lua_list(lua_State *lua, int table, const char *name, size_t *len)
{
    *len = 0;
    if (lua_getfield(lua, table, name) == LUA_TNIL) {
        return NULL;
    }

    luaL_checktype(lua, -1, LUA_TTABLE);
    int         list = lua_gettop(lua);
    size_t      count = lua_rawlen(lua, list);
    authz_text *texts = lua_newuserdata(lua, (count + 1) * sizeof(authz_text));

    for (*len = 0; *len < count; (*len)++) {
        luaL_checkstack(lua, 1, "too many texts");
        lua_geti(lua, list, (lua_Integer) *len + 1);
        texts[*len] = authz_lua_text(lua, -1);
    }

    return texts;
}

/* The texts of policies, each {NAME, TEXT}. */
static const authz_source *
authz_lua_sources(lua_State *lua, int table, size_t *len)
{
    luaL_argcheck(lua, lua_getfield(lua, table, "sources") == LUA_TTABLE, 1, "`sources` is missing");
    int           list = lua_gettop(lua);
    size_t        count = lua_rawlen(lua, list);
    authz_source *sources = lua_newuserdata(lua, (count + 1) * sizeof(authz_source));

    for (*len = 0; *len < count; (*len)++) {
        luaL_checkstack(lua, 3, "too many sources");
        luaL_argcheck(lua, lua_geti(lua, list, (lua_Integer) *len + 1) == LUA_TTABLE, 1, "a source is {NAME, TEXT}");
        int source = lua_gettop(lua);
        lua_geti(lua, source, 1);
        sources[*len].name = authz_lua_text(lua, -1);
        lua_geti(lua, source, 2);
        sources[*len].text = authz_lua_text(lua, -1);
    }

    return sources;
}

/* The labels of the workload, a table by key. */
static const authz_label *
authz_lua_labels(lua_State *lua, int table, size_t *len)
{
    *len = 0;
    if (lua_getfield(lua, table, "labels") == LUA_TNIL) {
        return NULL;
    }

    luaL_checktype(lua, -1, LUA_TTABLE);
    int    labels_at = lua_gettop(lua);
    size_t count = 0;
    for (lua_pushnil(lua); lua_next(lua, labels_at); lua_pop(lua, 1)) {
        count++;
    }

    authz_label *labels = lua_newuserdata(lua, (count + 1) * sizeof(authz_label));
    lua_pushnil(lua);
    while (*len < count && lua_next(lua, labels_at)) {
        luaL_checkstack(lua, 3, "too many labels");
        /* A key that is a number would be changed under the iteration. */
        luaL_argcheck(lua, lua_type(lua, -2) == LUA_TSTRING, 1, "the key of a label is no string");
        labels[*len].key = authz_lua_text(lua, -2);
        labels[*len].value = authz_lua_text(lua, -1);
        (*len)++;
        /* Both stay on the stack, and the key goes on top for the next one. */
        lua_pushvalue(lua, -2);
    }

    return labels;
}

/* Adds a line to the message for everything that prevents a load. */
static void
authz_lua_report(luaL_Buffer *message, const authz_findings *findings)
{
    authz_finding finding;

    for (size_t i = 0; authz_findings_get(findings, i, &finding) == AUTHZ_STATUS_OK; i++) {
        if (finding.severity == AUTHZ_SEVERITY_ERROR) {
            luaL_addchar(message, '\n');
            luaL_addlstring(message, finding.text.data, finding.text.len);
        }
    }
}

int
authz_lua_load(lua_State *lua)
{
    authz_mesh        mesh = {.size = sizeof(mesh)};
    authz_workload    workload = {.size = sizeof(workload)};
    authz_policy_set *policies = NULL;
    authz_findings   *findings = NULL;
    size_t            sources_len;

    luaL_checktype(lua, 1, LUA_TTABLE);
    authz_lua_refuse_others(lua, 1);
    authz_lua_workload *made = lua_newuserdata(lua, sizeof(*made));
    int                 made_at = lua_gettop(lua);
    made->authorizer = NULL;
    luaL_setmetatable(lua, AUTHZ_LUA_WORKLOAD);

    const authz_source *sources = authz_lua_sources(lua, 1, &sources_len);
    workload.namespace_name = authz_lua_field(lua, 1, "namespace");
    workload.labels = authz_lua_labels(lua, 1, &workload.labels_len);
    mesh.trust_domain = authz_lua_field(lua, 1, "trust_domain");
    mesh.root_namespace = authz_lua_field(lua, 1, "root_namespace");
    mesh.trust_domain_aliases = authz_lua_list(lua, 1, "trust_domain_aliases", &mesh.trust_domain_aliases_len);

    authz_status status = authz_policy_set_load(sources, sources_len, &mesh, NULL, &policies, &findings);
    if (status == AUTHZ_STATUS_OK) {
        status = authz_authorizer_new(policies, &workload, &made->authorizer);
        authz_policy_set_free(policies);
    }

    if (status != AUTHZ_STATUS_OK) {
        luaL_Buffer message;
        luaL_buffinit(lua, &message);
        luaL_addstring(&message, "the policies are not used: ");
        luaL_addstring(&message, authz_status_name(status));
        authz_lua_report(&message, findings);
        authz_findings_free(findings);
        luaL_pushresult(&message);
        return lua_error(lua);
    }

    authz_findings_free(findings);
    lua_pushvalue(lua, made_at);

    return 1;
}
