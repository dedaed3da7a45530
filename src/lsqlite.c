/* lsqlite: watchbot.core.sqlite. A thin binding of libsqlite3: connections, prepared statements,
 * any bytes, and the library's own names for its errors. lua/watchbot/sqlite.lua adds the
 * convenient interface.
 *
 * A statement is reset before each call returns, so no read transaction stays open by accident, and
 * nothing here waits: if another process has a lock, the result is SQLITE_BUSY at once, and Lua
 * sleeps. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "lrow.h"
#include "self.h"

#define CONNECTION_TYPE "watchbot.sqlite.connection"
#define STATEMENT_TYPE "watchbot.sqlite.statement"

struct connection {
    sqlite3 *db; /* NULL: closed. User value 1 is the path. */
    /* A child that the host forks must not even close it:
     * https://www.sqlite.org/howtocorrupt.html, 2.6 */
    pid_t owner;
};

struct statement {
    struct connection *connection; /* user value 1 */
    sqlite3_stmt *handle;          /* finalized with the connection */
    int named;                     /* see lrow.h; user value 2 has the names */
};

/* User values of a statement. */
enum { CONNECTION = 1, NAMES = 2 };

/* errors */

/* The primary result codes, https://www.sqlite.org/rescode.html: they count up from 0. */
static const char *const code_names[] = {
    "SQLITE_OK",       "SQLITE_ERROR",   "SQLITE_INTERNAL", "SQLITE_PERM",     "SQLITE_ABORT",
    "SQLITE_BUSY",     "SQLITE_LOCKED",  "SQLITE_NOMEM",    "SQLITE_READONLY", "SQLITE_INTERRUPT",
    "SQLITE_IOERR",    "SQLITE_CORRUPT", "SQLITE_NOTFOUND", "SQLITE_FULL",     "SQLITE_CANTOPEN",
    "SQLITE_PROTOCOL", "SQLITE_EMPTY",   "SQLITE_SCHEMA",   "SQLITE_TOOBIG",   "SQLITE_CONSTRAINT",
    "SQLITE_MISMATCH", "SQLITE_MISUSE",  "SQLITE_NOLFS",    "SQLITE_AUTH",     "SQLITE_FORMAT",
    "SQLITE_RANGE",    "SQLITE_NOTADB",
};

static const char *code_name(int code) {
    unsigned primary = (unsigned)code & 0xff;
    return primary < countof(code_names) ? code_names[primary] : "SQLITE_ERROR";
}

/* -- => nil err code : what failed last on this connection, the system's reason included */
static int fail(lua_State *L, sqlite3 *db, const char *path) {
    int code = sqlite3_errcode(db) & 0xff, error = sqlite3_system_errno(db);
    const char *name = code_name(code);
    if (error && (code == SQLITE_CANTOPEN || code == SQLITE_IOERR)) {
        return lerror_push(L, name, "'%s': %s: %s", path, sqlite3_errmsg(db),
                           lerror_describe(L, error));
    }
    const char *advice = code == SQLITE_CORRUPT
                             ? "; 'watchbot queue salvage' copies what can be read into a new file"
                             : "";
    return lerror_push(L, name, "'%s': %s%s", path, sqlite3_errmsg(db), advice);
}

/* connections */

static bool is_usable(const struct connection *connection) {
    return connection && connection->db && connection->owner == self_pid();
}

static void check_usable(lua_State *L, const struct connection *connection, int index) {
    luaL_argcheck(L, connection && connection->db, index, "the database is closed");
    luaL_argcheck(L, is_usable(connection), index,
                  "this process was forked from the one that has opened the database");
}

static struct connection *check_connection(lua_State *L, int index) {
    struct connection *connection = lhandle_check(L, index, CONNECTION_TYPE);
    check_usable(L, connection, index);
    return connection;
}

/* Pushes the path of the connection at `index`, which keeps it. */
static const char *connection_path(lua_State *L, int index) {
    lua_getiuservalue(L, index, 1);
    return lua_tostring(L, -1);
}

/* Creates an empty file that only its owner may read; SQLite gives its WAL the same mode. Only a
 * new file is touched: closing a descriptor of one that is in use would drop this process's locks
 * on it (fcntl(2)). */
static int create_file(const char *path) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return errno == EEXIST ? 0 : errno;
    close(fd);
    return 0;
}

static bool is_folder(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int close_and_return(struct connection *connection, int results) {
    sqlite3_close(connection->db);
    connection->db = NULL;
    return results;
}

/* The flags of sqlite3_open_v2 for an option of `open`. With "immutable" the path is a URI: no file
 * next to it is needed, and no process may write to it meanwhile. */
static int open_flags(lua_State *L, int index) {
    static const char *const names[] = {"write", "read", "immutable", NULL};
    static const int flags[] = {SQLITE_OPEN_READWRITE, SQLITE_OPEN_READONLY,
                                SQLITE_OPEN_READONLY | SQLITE_OPEN_URI};
    return flags[luaL_checkoption(L, index, "write", names)];
}

/* -- path [create] [how] => connection | nil err code */
static int l_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int flags = open_flags(L, 3);
    int error = lua_toboolean(L, 2) ? create_file(path) : 0;
    if (error) return lerror_errno(L, error, "could not create '%s'", path);
    if (is_folder(path)) return lerror_errno(L, EISDIR, "could not open '%s'", path);
    struct connection *connection = lhandle_new(L, CONNECTION_TYPE, sizeof *connection, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    connection->owner = self_pid();
    int code = sqlite3_open_v2(path, &connection->db, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (!connection->db) return luaL_error(L, "open: not enough memory");
    if (code != SQLITE_OK) return close_and_return(connection, fail(L, connection->db, path));
    /* SQLite falls back to reading a file that it may not write. */
    if ((flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(connection->db, "main") == 1) {
        error = access(path, W_OK) == 0 ? EACCES : errno;
        lerror_push(L, "SQLITE_READONLY", "'%s': cannot be written: %s", path,
                    lerror_describe(L, error));
        return close_and_return(connection, 3);
    }
    return 1;
}

static int connection_close(lua_State *L) {
    struct connection *connection = luaL_checkudata(L, 1, CONNECTION_TYPE);
    sqlite3 *db = connection->db;
    if (!is_usable(connection)) return 0;
    for (sqlite3_stmt *handle; (handle = sqlite3_next_stmt(db, NULL));) sqlite3_finalize(handle);
    connection->db = NULL;
    sqlite3_close(db);
    return 0;
}

/* -- connection sql => true | nil err code : any number of statements, without parameters or
 * rows */
static int connection_execute(lua_State *L) {
    sqlite3 *db = check_connection(L, 1)->db;
    const char *sql = luaL_checkstring(L, 2);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail(L, db, connection_path(L, 1));
    lua_pushboolean(L, true);
    return 1;
}

/* -- connection sql => statement | nil err code */
static int connection_prepare(lua_State *L) {
    struct connection *connection = check_connection(L, 1);
    size_t size;
    const char *sql = luaL_checklstring(L, 2, &size);
    luaL_argcheck(L, size < INT_MAX, 2, "too long");
    struct statement *statement = lhandle_new(L, STATEMENT_TYPE, sizeof *statement, NAMES);
    statement->connection = connection;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, CONNECTION);
    int code = sqlite3_prepare_v3(connection->db, sql, (int)size, SQLITE_PREPARE_PERSISTENT,
                                  &statement->handle, NULL);
    if (code != SQLITE_OK) return fail(L, connection->db, connection_path(L, 1));
    luaL_argcheck(L, statement->handle, 2, "no statement in it");
    return 1;
}

/* -- connection => whether a transaction is open */
static int connection_in_transaction(lua_State *L) {
    lua_pushboolean(L, !sqlite3_get_autocommit(check_connection(L, 1)->db));
    return 1;
}

/* A file in WAL mode has its first page at least. */
static bool is_emptied(sqlite3 *db) {
    const char *path = sqlite3_db_filename(db, "main");
    struct stat status;
    return path && stat(path, &status) == 0 && status.st_size == 0;
}

/* -- connection => "moved" | "emptied" | nil : what another program did to the file: it moved,
 * deleted or replaced it, or truncated it to 0 bytes */
static int connection_harm(lua_State *L) {
    sqlite3 *db = check_connection(L, 1)->db;
    int moved = 0;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved && !is_emptied(db)) return 0;
    lua_pushstring(L, moved ? "moved" : "emptied");
    return 1;
}

/* statements */

static sqlite3 *statement_db(const struct statement *statement) {
    return statement->connection->db;
}

/* -- bytes in a table: a blob; a plain string is text, whatever its bytes. The values stay on the
 * stack while it runs. */
static int bind_blob(lua_State *L, sqlite3_stmt *handle, int parameter, int index) {
    size_t size;
    lua_rawgeti(L, index, 1);
    const char *bytes = lua_tolstring(L, -1, &size);
    luaL_argcheck(L, bytes, index, "a blob is a table with a string in it");
    int code = sqlite3_bind_blob64(handle, parameter, bytes, size, SQLITE_TRANSIENT);
    lua_pop(L, 1);
    return code;
}

static int bind_value(lua_State *L, sqlite3_stmt *handle, int parameter, int index) {
    size_t size;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TNIL: return sqlite3_bind_null(handle, parameter);
    case LUA_TBOOLEAN: return sqlite3_bind_int(handle, parameter, lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (!lua_isinteger(L, index))
            return sqlite3_bind_double(handle, parameter, lua_tonumber(L, index));
        return sqlite3_bind_int64(handle, parameter, lua_tointeger(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &size);
        return sqlite3_bind_text64(handle, parameter, text, size, SQLITE_STATIC, SQLITE_UTF8);
    case LUA_TTABLE: return bind_blob(L, handle, parameter, index);
    default: return luaL_typeerror(L, index, "value that a database can hold");
    }
}

/* -- statement value1 ... valueN : takes the values as the statement's parameters. False: the error
 * is SQLite's. */
static bool bind(lua_State *L, const struct statement *statement) {
    int values = lua_gettop(L) - 1, wanted = sqlite3_bind_parameter_count(statement->handle);
    if (values != wanted)
        luaL_error(L, "the statement has %d parameters, got %d values", wanted, values);
    for (int parameter = 1; parameter <= wanted; parameter++) {
        if (bind_value(L, statement->handle, parameter, parameter + 1) != SQLITE_OK) return false;
    }
    return true;
}

/* The statement at index 1, bound and about to take its first step; NULL: nil, message and code are
 * pushed. */
static sqlite3_stmt *begin(lua_State *L) {
    struct statement *statement = lhandle_check(L, 1, STATEMENT_TYPE);
    check_usable(L, statement->connection, 1);
    sqlite3_reset(statement->handle); /* an error of Lua's may have left it within its rows */
    if (bind(L, statement)) return statement->handle;
    lua_getiuservalue(L, 1, CONNECTION);
    fail(L, statement_db(statement), connection_path(L, -1));
    return NULL;
}

static int statement_fail(lua_State *L, sqlite3_stmt *handle) {
    sqlite3 *db = sqlite3_db_handle(handle);
    lua_getiuservalue(L, 1, CONNECTION);
    int results = fail(L, db, connection_path(L, -1));
    sqlite3_reset(handle);
    return results;
}

static void push_names(lua_State *L) { /* -- => names : of the statement at index 1 */
    struct statement *statement = lua_touserdata(L, 1);
    lrow_names(L, statement->handle, 1, NAMES, &statement->named);
}

/* -- statement values... => changed rows, id of the last row inserted | nil err code */
static int statement_run(lua_State *L) {
    sqlite3_stmt *handle = begin(L);
    int code = SQLITE_ROW;
    if (!handle) return 3;
    while (code == SQLITE_ROW) code = sqlite3_step(handle);
    if (code != SQLITE_DONE) return statement_fail(L, handle);
    sqlite3_reset(handle);
    sqlite3 *db = sqlite3_db_handle(handle);
    lua_pushinteger(L, sqlite3_changes(db));
    lua_pushinteger(L, sqlite3_last_insert_rowid(db));
    return 2;
}

/* -- statement values... => the first row | false when there is none | nil err code */
static int statement_first(lua_State *L) {
    sqlite3_stmt *handle = begin(L);
    if (!handle) return 3;
    int code = sqlite3_step(handle);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return statement_fail(L, handle);
    if (code == SQLITE_ROW) {
        push_names(L);
        lrow_push(L, handle);
    } else {
        lua_pushboolean(L, false);
    }
    sqlite3_reset(handle);
    return 1;
}

/* -- statement values... => list of rows | nil err code */
static int statement_all(lua_State *L) {
    sqlite3_stmt *handle = begin(L);
    int code;
    if (!handle) return 3;
    lua_newtable(L);
    int rows = lua_gettop(L); /* -- ... rows [names] */
    for (lua_Integer row = 1; (code = sqlite3_step(handle)) == SQLITE_ROW; row++) {
        if (row == 1) push_names(L);
        lrow_push(L, handle);
        lua_rawseti(L, -3, row);
    }
    if (code != SQLITE_DONE) return statement_fail(L, handle);
    sqlite3_reset(handle);
    lua_settop(L, rows);
    return 1;
}

static int statement_finalize(lua_State *L) {
    struct statement *statement = luaL_checkudata(L, 1, STATEMENT_TYPE);
    if (is_usable(statement->connection)) sqlite3_finalize(statement->handle);
    statement->connection = NULL;
    return 0;
}

/* One of two whole numbers of at most 18 digits, before `end`. NULL: there is none. */
static const char *read_digits(const char *at, const char *end, lua_Integer *number) {
    const char *start = at;
    for (*number = 0; at < end && *at >= '0' && *at <= '9' && at - start < 18; at++)
        *number = *number * 10 + (*at - '0');
    return at > start ? at : NULL;
}

/* -- receipt => seq lease | : the numbers of a receipt, "seq.lease"; each job needs them */
static int l_receipt(lua_State *L) {
    const char *at = luaL_checkstring(L, 1), *end = at + lua_rawlen(L, 1);
    lua_Integer seq, lease;
    at = read_digits(at, end, &seq);
    if (!at || at == end || *at != '.') return 0;
    if (read_digits(at + 1, end, &lease) != end) return 0;
    lua_pushinteger(L, seq);
    lua_pushinteger(L, lease);
    return 2;
}

static const luaL_Reg connection_metamethods[] = {
    {"__gc",    connection_close},
    {"__close", connection_close},
    {NULL,      NULL            },
};

static const luaL_Reg connection_methods[] = {
    {"execute",        connection_execute       },
    {"prepare",        connection_prepare       },
    {"in_transaction", connection_in_transaction},
    {"harm",           connection_harm          },
    {"close",          connection_close         },
    {NULL,             NULL                     },
};

static const luaL_Reg statement_metamethods[] = {
    {"__gc",    statement_finalize},
    {"__close", statement_finalize},
    {NULL,      NULL              },
};

static const luaL_Reg statement_methods[] = {
    {"run",   statement_run  },
    {"first", statement_first},
    {"all",   statement_all  },
    {NULL,    NULL           },
};

static const luaL_Reg functions[] = {
    {"open",    l_open   },
    {"receipt", l_receipt},
    {NULL,      NULL     },
};

int luaopen_watchbot_sqlite(lua_State *L) {
    lhandle_type(L, CONNECTION_TYPE, connection_metamethods, connection_methods);
    lhandle_type(L, STATEMENT_TYPE, statement_metamethods, statement_methods);
    luaL_newlib(L, functions);
    return 1;
}
