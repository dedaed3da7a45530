/* core: the luaopen_ functions of the modules that live in C, for core.c to gather in one table. */
#ifndef WATCHBOT_CORE_H
#define WATCHBOT_CORE_H

#include "compat.h"

int luaopen_watchbot_scheduler(lua_State *L);
int luaopen_watchbot_input(lua_State *L);
int luaopen_watchbot_process(lua_State *L);
int luaopen_watchbot_log(lua_State *L);
int luaopen_watchbot_scratch(lua_State *L);
int luaopen_watchbot_sqlite(lua_State *L);
int luaopen_watchbot_http(lua_State *L);
int luaopen_watchbot_empty(lua_State *L);
int luaopen_watchbot_json(lua_State *L);
int luaopen_watchbot_server(lua_State *L);
int luaopen_watchbot_channel(lua_State *L);
int luaopen_watchbot_aws(lua_State *L);
int luaopen_watchbot_terminal(lua_State *L);
int luaopen_watchbot_file(lua_State *L);
int luaopen_watchbot_volume(lua_State *L);
int luaopen_watchbot_systemd(lua_State *L);
int luaopen_watchbot_histogram(lua_State *L);
int luaopen_watchbot_versions(lua_State *L);

/* The only symbol that core.so exports. */
EXPORTED int luaopen_watchbot_core(lua_State *L);

#endif
