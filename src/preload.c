#include "preload.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <lualib.h>

#include "bundle.h"
#include "core.h"

static const struct bundle_file *find(const char *module) {
    const struct bundle_file *file = bundle_files;
    while (file->module && strcmp(file->module, module) != 0) file++;
    return file->module ? file : NULL;
}

/* The library `package`, whatever the globals are by now: -- => package */
static bool push_package(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, LUA_LOADLIBNAME);
    lua_remove(L, -2);
    return lua_istable(L, -1);
}

/* -- name => chunk chunkname : a file of the user's that replaces a bundled module */
static int search_path(lua_State *L, const char *path) {
    if (!path || !push_package(L)) return 0;
    if (lua_getfield(L, -1, "searchpath") != LUA_TFUNCTION) return 0; /* -- name package fn */
    lua_pushvalue(L, 1);
    lua_pushstring(L, path);
    lua_call(L, 2, 1);
    if (!lua_isstring(L, -1)) return 0;
    const char *file = lua_tostring(L, -1);
    if (luaL_loadfile(L, file) != LUA_OK) return luaL_error(L, "%s", lua_tostring(L, -1));
    lua_pushstring(L, file);
    return 2;
}

static int search_user_paths(lua_State *L) {
    const char *environment = getenv("LUA_PATH_5_4") ? getenv("LUA_PATH_5_4") : getenv("LUA_PATH");
    const char *user_path = NULL;
    if (push_package(L) && lua_getfield(L, -1, "user_path") == LUA_TSTRING)
        user_path = lua_tostring(L, -1);
    return search_path(L, user_path) ? 2 : search_path(L, environment);
}

/* -- name => chunk chunkname */
static int load_module(lua_State *L, const char *name) {
    if (strcmp(name, "watchbot.core") == 0) {
        lua_pushcfunction(L, luaopen_watchbot_core);
        lua_pushliteral(L, "");
        return 2;
    }
    const struct bundle_file *file = find(name);
    if (!file) {
        lua_pushfstring(L, "no module '%s' in the program", name);
        return 1;
    }
    if (search_user_paths(L)) return 2;
    if (luaL_loadbuffer(L, file->text, file->size, file->chunkname) != LUA_OK) return lua_error(L);
    lua_pushstring(L, file->chunkname);
    return 2;
}

/* -- name globals => chunk chunkname : a module whose globals are these */
static int l_find(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    int results = load_module(L, name);
    if (results == 2 && !lua_iscfunction(L, -2)) {
        lua_pushvalue(L, 2);
        lua_setupvalue(L, -3, 1);
    }
    return results;
}

/* -- => searcher : see lua/watchbot/lib/apart.lua */
static void push_searcher(lua_State *L) {
    lua_pushcfunction(L, l_find);
    lua_pushliteral(L, "watchbot.lib.apart");
    lua_pushglobaltable(L);
    lua_call(L, 2, 1);
    lua_call(L, 0, 1); /* -- begin */
    lua_pushcfunction(L, l_find);
    lua_call(L, 1, 1);
}

static const char installed_key; /* its address in the registry */

void preload_install(lua_State *L) {
    bool installed = lua_rawgetp(L, LUA_REGISTRYINDEX, &installed_key) != LUA_TNIL;
    lua_pop(L, 1);
    if (installed) return;
    lua_pushboolean(L, true);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &installed_key);
    if (!push_package(L)) luaL_error(L, "the library 'package' is not open");
    lua_getfield(L, -1, "searchers"); /* -- package searchers */
    for (lua_Integer last = luaL_len(L, -1); last >= 2; last--) {
        lua_geti(L, -1, last);
        lua_seti(L, -2, last + 1);
    }
    push_searcher(L);
    lua_seti(L, -2, 2); /* behind package.preload */
    lua_pop(L, 2);
}
