/* llimits: the option `limits` of process.start, and the users that a task can run as. */
#ifndef WATCHBOT_LLIMITS_H
#define WATCHBOT_LLIMITS_H

#include "compat.h"
#include "launch.h"

/* -- value => value groups : reads the option's table, or nil. Raises an error if it is wrong.
 * `groups` keeps the memory that `limits` points to; the cgroup's file is not opened yet. */
void llimits_read(lua_State *L, struct launch_limits *limits, const char **cgroup);

/* -- name => { name, uid, gid, groups, home, shell } | nil err code */
int llimits_user(lua_State *L);

#endif
