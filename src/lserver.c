/* lserver: watchbot.core.server. A server and its requests as Lua handles; lua/watchbot/server.lua
 * documents it for users. */
#include "clock.h"
#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "loptions.h"
#include "lrequest.h"
#include "server.h"
#include "task.h"

#define SERVER_TYPE "watchbot.server"

enum { PORT_AT_MOST = 65535 };

struct lserver {
    struct server server;
    struct task_queue takers;
    bool open;
};

/* servers */

static struct lserver *check_server(lua_State *L) {
    return lhandle_check(L, 1, SERVER_TYPE);
}

static void on_arrived(struct server *server) {
    task_wake(&container_of(server, struct lserver, server)->takers);
}

/* A handle that a forked child of the host has copied is left to its exit. */
static int server_gc(lua_State *L) {
    struct lserver *server = check_server(L);
    if (!server->open || !loop_is_ours(server->server.loop)) return 0;
    server->open = false;
    server_close(&server->server);
    task_wake(&server->takers);
    return 0;
}

/* All are there: lua/watchbot/http fills in the defaults. */
static lua_Integer integer_of(lua_State *L, const char *name, lua_Integer least, lua_Integer most) {
    return loptions_integer((struct loptions){L, 1, "listen"}, name, least, least, most);
}

static int64_t seconds_of(lua_State *L, const char *name) {
    lua_getfield(L, 1, name);
    int is = 0;
    lua_Number seconds = lua_tonumberx(L, -1, &is);
    if (!is || !(seconds >= 0 && seconds <= 1e9))
        luaL_error(L, "listen: '%s' must be a number of seconds", name);
    lua_pop(L, 1);
    return (int64_t)(seconds * (lua_Number)CLOCK_SECOND);
}

static void read_options(lua_State *L, struct server_options *options) {
    options->head = (size_t)integer_of(L, "head", 256, INT64_MAX / 2);
    options->body = (size_t)integer_of(L, "body", 0, INT64_MAX / 2);
    options->connections = (unsigned)integer_of(L, "connections", 1, 1 << 20);
    options->head_time = seconds_of(L, "head_time");
    options->body_time = seconds_of(L, "body_time");
    options->idle_time = seconds_of(L, "idle_time");
    options->write_time = seconds_of(L, "write_time");
    options->check_user = lua_getfield(L, 1, "user") != LUA_TNIL;
    lua_pop(L, 1);
    if (options->check_user) options->user = (uid_t)integer_of(L, "user", 0, UINT32_MAX - 1);
}

static int listen_on(lua_State *L, struct listener *listener) {
    if (lua_getfield(L, 1, "path") == LUA_TSTRING)
        return listener_open_path(listener, lua_tostring(L, -1));
    uint16_t port = (uint16_t)integer_of(L, "port", 0, PORT_AT_MOST);
    lua_getfield(L, 1, "address");
    return listener_open_tcp(listener, luaL_checkstring(L, -1), port);
}

static int push_listen_error(lua_State *L, int error) {
    if (lua_getfield(L, 1, "path") == LUA_TSTRING)
        return lerror_errno(L, error, "could not listen on '%s'", lua_tostring(L, -1));
    lua_getfield(L, 1, "address");
    lua_getfield(L, 1, "port");
    return lerror_errno(L, error, "could not listen on %s port %d", lua_tostring(L, -2),
                        (int)lua_tointeger(L, -1));
}

/* -- options => server | nil message code */
static int l_listen(lua_State *L) {
    struct server_options options = {0};
    luaL_checktype(L, 1, LUA_TTABLE);
    read_options(L, &options);
    struct lserver *server = lhandle_new(L, SERVER_TYPE, sizeof *server, 0);
    server->server.arrived = on_arrived;
    int error = listen_on(L, &server->server.listener);
    if (error) return push_listen_error(L, error);
    error = server_open(&server->server, task_loop(L), &options);
    server->open = error == 0;
    lua_settop(L, 2);
    if (!error) return 1;
    listener_close(&server->server.listener);
    return push_listen_error(L, error);
}

/* -- server seconds deadline => request | nil message code */
static int accepted(lua_State *L, int status, lua_KContext context) {
    struct lserver *server = check_server(L);
    (void)context;
    if (!server->open) return lerror_push(L, "Closed", "accept: the server was closed");
    if (lrequest_push(L, &server->server)) return 1;
    if (status == TASK_TIMED_OUT)
        return lerror_push(L, "Timeout", "accept: no request within %f s", lua_tonumber(L, 2));
    lua_settop(L, 3);
    int64_t left = TASK_FOR_EVER;
    if (!lua_isnoneornil(L, 3)) left = lua_tointeger(L, 3) - loop_monotonic(task_loop(L));
    if (left < 0 && left != TASK_FOR_EVER) left = 0;
    return task_wait(L, "accept", &server->takers, left, accepted, 0);
}

/* One that another task has closed is no fault of the caller's. */
static int server_accept(lua_State *L) {
    struct lserver *server = check_server(L);
    if (!server->open) return lerror_push(L, "Closed", "accept: the server was closed");
    int64_t nanoseconds = task_opt_seconds(L, 2);
    lua_settop(L, 2);
    if (nanoseconds == TASK_FOR_EVER) {
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, loop_monotonic(task_loop(L)) + nanoseconds);
    }
    if (!list_is_empty(&server->server.complete)) return accepted(L, TASK_WOKEN, 0);
    return task_wait(L, "accept", &server->takers, nanoseconds, accepted, 0);
}

/* -- server => address port | path */
static int server_address(lua_State *L) {
    const struct listener *listener = &check_server(L)->server.listener;
    lua_pushstring(L, listener->is_path ? listener->path : listener->address);
    if (listener->is_path) return 1;
    lua_pushinteger(L, listener->port);
    return 2;
}

/* -- server => how many connections of other users were refused, whether the kernel cannot say */
static int server_refused(lua_State *L) {
    const struct lserver *server = check_server(L);
    lua_pushinteger(L, (lua_Integer)server->server.refused);
    lua_pushboolean(L, server->server.unchecked);
    return 2;
}

static int server_connections(lua_State *L) {
    lua_pushinteger(L, check_server(L)->server.count);
    return 1;
}

static int server_quiet(lua_State *L) {
    struct lserver *server = check_server(L);
    if (server->open) server_quiesce(&server->server);
    return 0;
}

static const luaL_Reg server_metamethods[] = {
    {"__gc",    server_gc},
    {"__close", server_gc},
    {NULL,      NULL     },
};

static const luaL_Reg server_methods[] = {
    {"accept",      server_accept     },
    {"address",     server_address    },
    {"refused",     server_refused    },
    {"connections", server_connections},
    {"quiesce",     server_quiet      },
    {"close",       server_gc         },
    {NULL,          NULL              },
};

static const luaL_Reg functions[] = {
    {"listen", l_listen},
    {NULL,     NULL    },
};

int luaopen_watchbot_server(lua_State *L) {
    lhandle_type(L, SERVER_TYPE, server_metamethods, server_methods);
    lrequest_open(L);
    luaL_newlib(L, functions);
    return 1;
}
