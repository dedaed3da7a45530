/* lrow: a row that a statement of SQLite has found, as a Lua table of its columns by their names.
 * Each job reads some rows, so the names become strings of Lua once for each statement. */
#ifndef WATCHBOT_LROW_H
#define WATCHBOT_LROW_H

#include <sqlite3.h>

#include "compat.h"

/* Pushes the list of the columns' names, which the statement at `index` keeps in a user value.
 * `named`, at first 0, says for which preparation of the statement they are: SQLite prepares it
 * again when another program has changed the schema. */
void lrow_names(lua_State *L, sqlite3_stmt *handle, int index, int uservalue, int *named);

/* -- names => names row : NULL leaves its column out */
void lrow_push(lua_State *L, sqlite3_stmt *handle);

#endif
