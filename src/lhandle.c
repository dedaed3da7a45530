#include "lhandle.h"

#include <stdbool.h>
#include <string.h>

void lhandle_type(lua_State *L, const char *type, const luaL_Reg *metamethods,
                  const luaL_Reg *methods) {
    luaL_newmetatable(L, type);
    if (metamethods) luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    if (methods) {
        lua_pushvalue(L, -2);
        luaL_setfuncs(L, methods, 1);
    }
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, false);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void *lhandle_new(lua_State *L, const char *type, size_t size, int uservalues) {
    void *handle = lua_newuserdatauv(L, size, uservalues);
    memset(handle, 0, size);
    luaL_setmetatable(L, type);
    return handle;
}

void *lhandle_check(lua_State *L, int index, const char *type) {
    void *handle = lua_touserdata(L, index);
    if (handle && lua_getmetatable(L, index)) {
        bool same = lua_topointer(L, -1) == lua_topointer(L, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same) return handle;
    }
    return luaL_checkudata(L, index, type);
}
