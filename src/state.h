/* state: the Lua state of the program, with its own allocator.
 *
 * A job makes some forty small values and gives them back. Lua says the size of what it frees, so
 * a list of free blocks for each size does for them, at a tenth of malloc's instructions. What is
 * larger goes to malloc. The blocks stay with the state until it is closed. */
#ifndef WATCHBOT_STATE_H
#define WATCHBOT_STATE_H

#include <lua.h>

/* As luaL_newstate. NULL: no memory. */
lua_State *state_open(void);

/* As lua_close. */
void state_close(lua_State *L);

#endif
