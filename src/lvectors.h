/* lvectors: argv and envp of a child, in the form of execve, from the options of process.start
 * (lstart.h). The texts are stored one after another in one buffer, argv first; the pointers to
 * them are set after the last one is stored, because the buffer moves while it grows. */
#ifndef WATCHBOT_LVECTORS_H
#define WATCHBOT_LVECTORS_H

#include "buffer.h"
#include "compat.h"

/* A zeroed one is empty. It must be in a userdata: reading raises errors, and leaves memory to be
 * freed. */
struct lvectors {
    struct buffer texts, pointers;
    char *const *argv, *const *envp; /* envp: the host's own, where `env` is not given */
};

/* From `argv` or `command`, and `env`. Raises an error if one is wrong. */
void lvectors_read(lua_State *L, struct lvectors *vectors);

void lvectors_free(struct lvectors *vectors);

/* -- => environment : the host's, by name; of two with one name the first, as getenv has it.
 * Returns 1. */
int lvectors_environment(lua_State *L);

#endif
