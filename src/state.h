/* state: the Lua state of the program, with its own allocator.
 *
 * A job allocates and frees about forty small values. Lua passes the size of a block that it frees,
 * so a list of free blocks for each size is enough, with a tenth of malloc's instructions. Larger
 * blocks use malloc. The state keeps its blocks until it is closed. */
#ifndef WATCHBOT_STATE_H
#define WATCHBOT_STATE_H

#include <lua.h>

/* As luaL_newstate. NULL: no memory. */
lua_State *state_open(void);

/* As lua_close. */
void state_close(lua_State *L);

#endif
