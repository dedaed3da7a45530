#include "preload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"
#include "core.h"

static const struct bundle_file *find(const char *module) {
    const struct bundle_file *file = bundle_files;
    while (file->module && strcmp(file->module, module) != 0) file++;
    return file->module ? file : NULL;
}

/* -- name => loader chunkname : a file of the user's that replaces a bundled module */
static int search_user_path(lua_State *L, const char *path) {
    if (!path) return 0;
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchpath"); /* -- name package searchpath */
    lua_pushvalue(L, 1);
    lua_pushstring(L, path);
    lua_call(L, 2, 1);
    if (!lua_isstring(L, -1)) return 0;
    const char *file = lua_tostring(L, -1);
    if (luaL_loadfile(L, file) != LUA_OK) return luaL_error(L, "%s", lua_tostring(L, -1));
    lua_pushstring(L, file);
    return 2;
}

static int search(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    const struct bundle_file *file = find(name);
    if (!file) {
        lua_pushfstring(L, "no module '%s' in the program", name);
        return 1;
    }
    lua_settop(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "user_path");
    const char *user_path = lua_tostring(L, -1);
    const char *environment = getenv("LUA_PATH_5_4") ? getenv("LUA_PATH_5_4") : getenv("LUA_PATH");
    if (search_user_path(L, user_path) || search_user_path(L, environment)) return 2;
    if (luaL_loadbuffer(L, file->text, file->size, file->chunkname) != LUA_OK) return lua_error(L);
    lua_pushstring(L, file->chunkname);
    return 2;
}

static const char installed_key; /* its address in the registry */

void preload_install(lua_State *L) {
    bool installed = lua_rawgetp(L, LUA_REGISTRYINDEX, &installed_key) != LUA_TNIL;
    lua_pop(L, 1);
    if (installed) return;
    lua_pushboolean(L, true);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &installed_key);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_watchbot_core);
    lua_setfield(L, -2, "watchbot.core");
    lua_pop(L, 1);

    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers"); /* -- package searchers */
    for (lua_Integer last = luaL_len(L, -1); last >= 2; last--) {
        lua_geti(L, -1, last);
        lua_seti(L, -2, last + 1);
    }
    lua_pushcfunction(L, search);
    lua_seti(L, -2, 2); /* behind package.preload */
    lua_pop(L, 2);
}
