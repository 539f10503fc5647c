/* What `require("authz")` gives, and the type of a workload. */

#include "authz.h"

authz_text
authz_lua_text(lua_State *lua, int index)
{
    authz_text text = {.len = 0};

    text.data = luaL_checklstring(lua, index, &text.len);

    return text;
}

static int
authz_lua_free(lua_State *lua)
{
    authz_lua_workload *workload = luaL_checkudata(lua, 1, AUTHZ_LUA_WORKLOAD);

    authz_authorizer_free(workload->authorizer);
    workload->authorizer = NULL;

    return 0;
}

/* The only name that is seen from outside. */
__attribute__((visibility("default"))) int luaopen_authz(lua_State *lua);

int
luaopen_authz(lua_State *lua)
{
    static const luaL_Reg methods[] = {{"decide", authz_lua_decide}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"load", authz_lua_load}, {NULL, NULL}};

    if (authz_check_abi(AUTHZ_ABI) != AUTHZ_STATUS_OK) {
        return luaL_error(lua, "the module was built for another version of libauthz than %s", authz_version());
    }

    luaL_newmetatable(lua, AUTHZ_LUA_WORKLOAD);
    lua_pushcfunction(lua, authz_lua_free);
    lua_setfield(lua, -2, "__gc");
    luaL_newlib(lua, methods);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);

    luaL_newlib(lua, functions);

    return 1;
}
