#include "lhandle.h"

#include <stdbool.h>
#include <string.h>

void lhandle_type(lua_State *L, const char *type, const luaL_Reg *metamethods,
                  const luaL_Reg *methods) {
    luaL_newmetatable(L, type);
    if (metamethods) luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    if (methods) luaL_setfuncs(L, methods, 0);
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
