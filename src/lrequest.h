/* lrequest: requests of a server as Lua handles. */
#ifndef WATCHBOT_LREQUEST_H
#define WATCHBOT_LREQUEST_H

#include <stdbool.h>

#include "compat.h"
#include "server.h"

/* Declares the type; once for each Lua state. */
void lrequest_open(lua_State *L);

/* -- => request : the next complete one; a handle without a request where it returns false */
bool lrequest_push(lua_State *L, struct server *server);

#endif
