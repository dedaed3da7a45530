/* lchannel: a socket pair with a program, for lines in both directions. */
#ifndef WATCHBOT_LCHANNEL_H
#define WATCHBOT_LCHANNEL_H

#include "compat.h"

/* The program's end of the channel at `index`, which the channel owns until lchannel_given; -1: it
 * was already given away. Raises an error if there is no channel. */
int lchannel_theirs(lua_State *L, int index);

/* The program has it: the local copy is closed, so that the program's end can be detected. */
void lchannel_given(lua_State *L, int index);

#endif
