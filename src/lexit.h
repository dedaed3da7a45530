/* lexit: how a child has ended, as a table for Lua; lua/watchbot/process.lua documents
 * its fields. */
#ifndef WATCHBOT_LEXIT_H
#define WATCHBOT_LEXIT_H

#include "child.h"
#include "compat.h"

/* -- => exit : of a child that has ended. Returns 1. */
int lexit_push(lua_State *L, const struct child *child);

#endif
