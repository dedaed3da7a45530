/* llog: the log as a Lua handle, and for lprocess.c. */
#ifndef WATCHBOT_LLOG_H
#define WATCHBOT_LLOG_H

#include "compat.h"
#include "sink.h"

struct llog;

/* The open log at `index`; raises for anything else. The argument must stay referenced while it is
 * used. */
struct llog *llog_check(lua_State *L, int index);

/* NULL once it has been closed. */
struct sink *llog_sink(struct llog *log);
enum lines_format llog_format(const struct llog *log);

#endif
