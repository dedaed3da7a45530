/* ljson_decode: reads JSON (RFC 8259) into Lua values, for watchbot.core.json (ljson.c). */
#ifndef WATCHBOT_LJSON_DECODE_H
#define WATCHBOT_LJSON_DECODE_H

#include <lua.h>

/* The type of a table that is written as a list even when it is empty. */
#define LJSON_LIST "watchbot.json.list"

enum { LJSON_DEEPEST = 100 };

/* -- text [drop_nulls] => value | nil err "InvalidJson" : the error has the position, and never
 * shows the text */
int ljson_decode(lua_State *L);

#endif
