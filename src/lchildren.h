/* lchildren: the shared state of one Lua state's children, in a userdata of its registry: their
 * guardian, /dev/null, and abandoned children that have not ended yet. */
#ifndef WATCHBOT_LCHILDREN_H
#define WATCHBOT_LCHILDREN_H

#include "child.h"
#include "compat.h"

struct lchildren {
    struct children all;
    bool open;     /* until the state is closed */
    pid_t owner;   /* a child that the host forks has a copy of all this, and no right to it */
    int null;      /* /dev/null, -1: not opened yet */
    rlim_t nofile; /* soft limit of open files that they get, 0: the host's */
};

/* A program whose first thread has no children sets this field of the registry to true before it
 * loads watchbot.core. */
#define LCHILDREN_ADOPT "watchbot.adopt"

/* Makes them for this state. */
void lchildren_open(lua_State *L);

/* -- => children : raises an error while the state is being closed, and in a process that the host
 * has forked. */
struct lchildren *lchildren_push(lua_State *L);

bool lchildren_are_ours(const struct lchildren *children);

/* 0 or an errno; then `null` is open. */
int lchildren_open_null(struct lchildren *children);

#endif
