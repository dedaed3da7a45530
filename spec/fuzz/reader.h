/* reader: for drivers of what reads foreign bytes in Lua. The driver is a Lua file that returns a
 * function of the bytes; an error that it raises is a failed check. Each line of Lua that runs is
 * reported to libFuzzer as if it were a branch of C, so that it finds its way through Lua, too. */
#ifndef WATCHBOT_FUZZ_READER_H
#define WATCHBOT_FUZZ_READER_H

#include <lauxlib.h>
#include <lualib.h>

#include "core.h"
#include "fuzz.h"

enum { LINES = 1 << 16 };

static uint8_t lines_seen[LINES] __attribute__((section("__libfuzzer_extra_counters")));

int luaopen_lxp(lua_State *L); /* LuaExpat */

static inline void reader_line(lua_State *L, lua_Debug *line) {
    /* Which file it is would take long to ask: the pair of lines is specific enough. */
    static unsigned before;
    lua_getinfo(L, "l", line);
    unsigned now = (unsigned)line->currentline;
    uint8_t *seen = &lines_seen[(before * 127 + now) % LINES];
    if (*seen < UINT8_MAX) (*seen)++;
    before = now;
}

static inline void reader_preload(lua_State *L, const char *name, lua_CFunction function) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, function);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

/* => a state with the driver's function on its stack; run in the project's folder */
static inline lua_State *reader_open(const char *path) {
    lua_State *L = luaL_newstate();
    HOLDS(L);
    luaL_openlibs(L);
    reader_preload(L, "watchbot.core", luaopen_watchbot_core);
    reader_preload(L, "lxp", luaopen_lxp);
    HOLDS(luaL_dostring(L, "package.path = 'lua/?.lua;lua/?/init.lua'") == LUA_OK);
    if (luaL_loadfile(L, path) != LUA_OK || lua_pcall(L, 0, 1, 0) != LUA_OK) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }
    lua_sethook(L, reader_line, LUA_MASKLINE, 0);
    return L;
}

static inline int reader_trace(lua_State *L) {
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

static inline void reader_run(lua_State *L, const uint8_t *data, size_t size) {
    lua_settop(L, 1);
    lua_pushcfunction(L, reader_trace);
    lua_pushvalue(L, 1);
    lua_pushlstring(L, (const char *)data, size);
    if (lua_pcall(L, 1, 0, 2) == LUA_OK) return;
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
}

#endif
