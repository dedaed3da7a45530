/* ljson: what log lines need of watchbot.core.json. */
#ifndef WATCHBOT_LJSON_H
#define WATCHBOT_LJSON_H

#include <lua.h>

#include "buffer.h"

/* Writes to `out` a JSON object of the values from index `first` to the top: name, value, name,
 * value. Leaves out names with nil. Raises an error for values that JSON cannot represent, and
 * without memory. */
void ljson_members(lua_State *L, int first, struct buffer *out);

#endif
