/* lguest: what `scheduler.running` returns to code in a limit, a policy's: the task as far as that
 * code goes, with the methods of a task. A hook may keep it; once its limit has been left, the task
 * works on another message, and the handle reaches nothing. Needs task.h. */
#ifndef WATCHBOT_LGUEST_H
#define WATCHBOT_LGUEST_H

#include "compat.h"

/* Declares the type. */
void lguest_open(lua_State *L);

/* -- => guest : of the running task, the same one during its stay in limits. */
int lguest_push(lua_State *L);

#endif
