/* preload: lets `require` find the modules in a program: watchbot.core and the Lua files of
 * bundle.h. */
#ifndef WATCHBOT_PRELOAD_H
#define WATCHBOT_PRELOAD_H

#include "compat.h"

/* Adds a searcher for the bundled modules. Files found along `package.user_path` (the policy's
 * folder) and $LUA_PATH precede the bundle, so that any module can be replaced; the rest follows
 * it, so that another version installed on the machine is not mixed with this one. Does nothing if
 * it was added before. */
void preload_install(lua_State *L);

#endif
