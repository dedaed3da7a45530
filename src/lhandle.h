/* lhandle: a C object as a Lua handle. Created closed, given its metatable, and only then opened by
 * its owner. */
#ifndef WATCHBOT_LHANDLE_H
#define WATCHBOT_LHANDLE_H

#include "compat.h"

/* Declares the handle type `type` ("watchbot.process"): `metamethods` go into its metatable,
 * `methods` into a separate __index (each may be NULL), and __metatable is false, so that Lua code
 * cannot reach either. The metatable is the first upvalue of each method. */
void lhandle_type(lua_State *L, const char *type, const luaL_Reg *metamethods,
                  const luaL_Reg *methods);

/* Pushes a zeroed userdata of a declared type with `uservalues` user values. It is collectable from
 * here on: its __gc must cope with a zeroed one. */
void *lhandle_new(lua_State *L, const char *type, size_t size, int uservalues);

/* As luaL_checkudata. Called by a method with its own type it takes half as long, because it does
 * not look the type up by its name. */
void *lhandle_check(lua_State *L, int index, const char *type);

#endif
