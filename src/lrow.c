/* lrow: see lrow.h. */
#include "lrow.h"

void lrow_names(lua_State *L, sqlite3_stmt *handle, int index, int uservalue, int *named) {
    int prepared = 1 + sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_REPREPARE, 0);
    if (*named == prepared) {
        lua_getiuservalue(L, index, uservalue);
        return;
    }
    int columns = sqlite3_column_count(handle);
    lua_createtable(L, columns, 0);
    for (int column = 0; column < columns; column++) {
        lua_pushstring(L, sqlite3_column_name(handle, column));
        lua_rawseti(L, -2, column + 1);
    }
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, uservalue);
    *named = prepared;
}

/* Not NULL. The value may be read without SQLite's mutex, because the connection has none:
 * https://www.sqlite.org/c3ref/value.html */
static void push_value(lua_State *L, sqlite3_value *value) {
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: lua_pushinteger(L, sqlite3_value_int64(value)); break;
    case SQLITE_FLOAT: lua_pushnumber(L, sqlite3_value_double(value)); break;
    default: {
        const void *bytes = sqlite3_value_blob(value);
        lua_pushlstring(L, bytes ? bytes : "", (size_t)sqlite3_value_bytes(value));
    }
    }
}

void lrow_push(lua_State *L, sqlite3_stmt *handle) {
    int columns = sqlite3_column_count(handle);
    lua_createtable(L, 0, columns);
    for (int column = 0; column < columns; column++) {
        sqlite3_value *value = sqlite3_column_value(handle, column);
        if (sqlite3_value_type(value) == SQLITE_NULL) continue;
        lua_rawgeti(L, -2, column + 1);
        push_value(L, value);
        lua_rawset(L, -3);
    }
}
