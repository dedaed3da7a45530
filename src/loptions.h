/* loptions: reads a table of options. A wrong option is a mistake of the caller and raises an
 * error, always of the form "CALLER: 'NAME' must be WANTED, not a TYPE". */
#ifndef WATCHBOT_LOPTIONS_H
#define WATCHBOT_LOPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "compat.h"

struct loptions {
    lua_State *L;
    int table;          /* its place on the stack, above 0 */
    const char *caller; /* for messages: "start" */
};

/* -- => value ; returns its type */
int loptions_push(struct loptions options, const char *name);

/* -- value => value ; raises an error unless `good`. */
void loptions_expect(struct loptions options, const char *name, bool good, const char *wanted);

/* Raises an error for a name that is not in the list, which ends with NULL. */
void loptions_known(struct loptions options, const char *const *names);

/* -- => value ; which keeps the text alive. NULL where there is none; a text has no NUL in it. */
const char *loptions_bytes(struct loptions options, const char *name, size_t *size);
const char *loptions_text(struct loptions options, const char *name);

/* Without the option, `otherwise`. */
bool loptions_flag(struct loptions options, const char *name, bool otherwise);
lua_Integer loptions_integer(struct loptions options, const char *name, lua_Integer otherwise,
                             lua_Integer least, lua_Integer most);

#endif
