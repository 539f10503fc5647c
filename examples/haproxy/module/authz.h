/* What the parts of the Lua module share. */

#ifndef AUTHZ_LUA_H
#define AUTHZ_LUA_H

#include <lua.h>
#include <lauxlib.h>

#include <authz.h>

/* The name of the type of what `load` gives. */
#define AUTHZ_LUA_WORKLOAD "authz.workload"

/* A workload; Lua's collector frees it. */
typedef struct {
    authz_authorizer *authorizer;
} authz_lua_workload;

/* The text of a string on the stack, good as long as the string is. */
authz_text authz_lua_text(lua_State *lua, int index);

/* authz.load{...}: a workload, or an error with everything that is wrong. */
int authz_lua_load(lua_State *lua);

/* workload:decide{...}: the verdict, the reason, the policy and the rule. */
int authz_lua_decide(lua_State *lua);

#endif
