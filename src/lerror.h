/* lerror: the only place that creates `nil, "what: why", "Code"`, the form in which external
 * failures reach Lua. */
#ifndef WATCHBOT_LERROR_H
#define WATCHBOT_LERROR_H

#include "compat.h"

/* Pushes nil, the message and `code`; returns 3, for `return lerror_push(...)`. The format is
 * lua_pushfstring's. */
int lerror_push(lua_State *L, const char *code, const char *format, ...);

/* The same for an errno: the message gets ": no such file or directory" appended, the code is its
 * name, "ENOENT". */
int lerror_errno(lua_State *L, int error, const char *format, ...);

/* Pushes the system's words for an errno with a small first letter: "no such file or directory". */
const char *lerror_describe(lua_State *L, int error);

#endif
