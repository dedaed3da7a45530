/* preload: makes `require` find the modules that a program carries inside it: watchbot.core and the
 * Lua files of bundle.h. */
#ifndef WATCHBOT_PRELOAD_H
#define WATCHBOT_PRELOAD_H

#include "compat.h"

/* Adds a searcher for the bundled modules. Before the bundle come files found along
 * `package.user_path` (the policy's folder) and $LUA_PATH, so that any module can be replaced;
 * after it comes the rest, so that another version installed on the machine is not mixed with this
 * one. Harmless when it is there. */
void preload_install(lua_State *L);

#endif
