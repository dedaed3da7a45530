/* lchannel: a socket pair with a program, for lines in both directions. */
#ifndef WATCHBOT_LCHANNEL_H
#define WATCHBOT_LCHANNEL_H

#include "compat.h"

/* The program's end of the channel at `index`, which stays the channel's until lchannel_given; -1:
 * it was given already. Raises where there is no channel. */
int lchannel_theirs(lua_State *L, int index);

/* The program has it: our copy is closed, so that its end is seen here. */
void lchannel_given(lua_State *L, int index);

#endif
