/* workload:decide: what is known of a connection, as a table, and what becomes of it. */

#include <string.h>

#include "authz.h"

/* What a field says of a fact: a string is its value, `false` that it is known to be absent, nothing that it is not known. */
static authz_fact
authz_lua_fact(lua_State *lua, const char *name, authz_text *value)
{
    *value = (authz_text) {.len = 0};

    switch (lua_getfield(lua, 2, name)) {
    case LUA_TSTRING:
        *value = authz_lua_text(lua, -1);
        return AUTHZ_FACT_KNOWN;
    case LUA_TBOOLEAN:
        return lua_toboolean(lua, -1) ? AUTHZ_FACT_UNKNOWN : AUTHZ_FACT_ABSENT;
    default:
        return AUTHZ_FACT_UNKNOWN;
    }
}

/* An address; unknown if it is left out, or no address. */
static authz_address
authz_lua_address(lua_State *lua, const char *name)
{
    authz_text    text;
    authz_address address = {.len = 0};

    if (authz_lua_fact(lua, name, &text) == AUTHZ_FACT_KNOWN) {
        (void) authz_address_parse(text, &address);
    }

    return address;
}

static authz_transport
authz_lua_transport(lua_State *lua)
{
    authz_text text;

    if (authz_lua_fact(lua, "transport", &text) != AUTHZ_FACT_KNOWN) {
        return AUTHZ_TRANSPORT_UNKNOWN;
    }
    if (strcmp(text.data, "plaintext") == 0) {
        return AUTHZ_TRANSPORT_PLAINTEXT;
    }
    if (strcmp(text.data, "tls") == 0) {
        return AUTHZ_TRANSPORT_TLS;
    }
    if (strcmp(text.data, "mesh-mtls") == 0) {
        return AUTHZ_TRANSPORT_MESH_MTLS;
    }

    return AUTHZ_TRANSPORT_UNKNOWN;
}

/* The policy that decided and the place of its rule, or nil for each that there is not. */
static void
authz_lua_push_rule(lua_State *lua, const authz_decision *decision)
{
    const authz_policy *policy = authz_decision_policy(decision);

    if (policy == NULL) {
        lua_pushnil(lua);
    } else {
        authz_text  space = authz_policy_namespace(policy), name = authz_policy_name(policy);
        luaL_Buffer text;
        luaL_buffinit(lua, &text);
        luaL_addlstring(&text, space.data, space.len);
        luaL_addchar(&text, '/');
        luaL_addlstring(&text, name.data, name.len);
        luaL_pushresult(&text);
    }

    if (decision->rule == NULL) {
        lua_pushnil(lua);
    } else {
        lua_pushinteger(lua, (lua_Integer) authz_rule_index(decision->rule));
    }
}

int
authz_lua_decide(lua_State *lua)
{
    const authz_lua_workload *workload = luaL_checkudata(lua, 1, AUTHZ_LUA_WORKLOAD);
    authz_connection          connection = {.size = sizeof(connection)};
    authz_peer_names         *names = NULL;
    authz_decision            decision;
    authz_text                text;

    luaL_checktype(lua, 2, LUA_TTABLE);

    connection.source = authz_lua_address(lua, "source");
    connection.destination = authz_lua_address(lua, "destination");
    connection.transport = authz_lua_transport(lua);
    connection.sni_fact = authz_lua_fact(lua, "sni", &connection.sni);

    connection.remote_fact = authz_lua_fact(lua, "remote", &text);
    if (connection.remote_fact == AUTHZ_FACT_KNOWN
        && authz_address_parse(text, &connection.remote) != AUTHZ_STATUS_OK)
    {
        connection.remote_fact = AUTHZ_FACT_UNKNOWN;
    }

    if (lua_getfield(lua, 2, "destination_port") == LUA_TNUMBER) {
        lua_Integer port = lua_tointeger(lua, -1);
        if (port > 0 && port <= 65535) {
            connection.destination_port = (uint32_t) port;
            connection.destination_port_fact = AUTHZ_FACT_KNOWN;
        }
    }

    /* Nothing from here on raises an error of Lua's, which would leave the list behind. */
    if (authz_lua_fact(lua, "certificate", &text) == AUTHZ_FACT_KNOWN
        && authz_peer_names_from_der((const uint8_t *) text.data, text.len, &names) == AUTHZ_STATUS_OK
        && authz_peer_names_len(names) > 0)
    {
        connection.peer_fact = AUTHZ_FACT_KNOWN;
        connection.uri_sans = authz_peer_names_data(names);
        connection.uri_sans_len = authz_peer_names_len(names);
    }

    authz_status status = authz_decide(workload->authorizer, &connection, &decision);
    authz_peer_names_free(names);

    if (status != AUTHZ_STATUS_OK) {
        lua_pushstring(lua, authz_verdict_name(AUTHZ_VERDICT_DENY));
        lua_pushstring(lua, authz_status_name(status));
        return 2;
    }

    lua_pushstring(lua, authz_verdict_name(decision.verdict));
    lua_pushstring(lua, authz_reason_name(decision.reason));
    authz_lua_push_rule(lua, &decision);

    return 4;
}
