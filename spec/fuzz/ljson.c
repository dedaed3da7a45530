/* ljson.c: what can be read can be written and read again, and is written the same then; the stack
 * is as it was. */
#include <string.h>

#include "core.h"
#include "fuzz.h"

/* -- module: calls the function `name` with the value on the top; true: that is now the result
 * instead */
static bool call(lua_State *L, const char *name) {
    lua_getfield(L, 1, name);
    lua_insert(L, -2);
    HOLDS(lua_pcall(L, 1, 3, 0) == LUA_OK);
    if (lua_isnil(L, -3)) {
        HOLDS(lua_isstring(L, -2) && lua_isstring(L, -1));
        return false;
    }
    lua_pop(L, 2);
    return true;
}

static lua_State *open(void) {
    lua_State *L = luaL_newstate();
    HOLDS(L);
    lua_pushcfunction(L, luaopen_watchbot_json);
    lua_call(L, 0, 1);
    return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static lua_State *L;
    if (!L) L = open();
    lua_pushlstring(L, (const char *)data, size);
    if (call(L, "decode") &&
        call(L, "encode")) { /* text that is not UTF-8 is read, but not written */
        lua_pushvalue(L, -1);
        HOLDS(call(L, "decode") && call(L, "encode"));
        HOLDS(lua_rawlen(L, -1) == lua_rawlen(L, -2));
    }
    lua_settop(L, 1);
    return 0;
}
