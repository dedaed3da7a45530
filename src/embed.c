/* embed: the functions of watchbot.h. The work is in lua/watchbot/host.lua; this file protects
 * every call into Lua, and turns errors into a text that the host can ask for. */
#include "watchbot.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "preload.h"
#include "task.h"

struct watchbot {
    lua_State *L;
    char *error;                      /* malloc'ed, or NULL */
    volatile sig_atomic_t *interrupt; /* see task_interrupt; NULL until there is a host object */
};

/* Its address is the key of the handle in the registry, whose user value is the host object. */
static const char handle_key;

static void set_error(struct watchbot *watchbot, const char *error) {
    free(watchbot->error);
    watchbot->error = error ? strdup(error) : NULL;
}

static int handle_gc(lua_State *L) {
    set_error(lua_touserdata(L, 1), NULL);
    return 0;
}

/* The host gets a text, whatever value was raised. */
static int as_text(lua_State *L) {
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* Runs `f` with the handle and an argument; 0, or -1 with the error kept. The stack stays as it
 * was. */
static int protect(struct watchbot *watchbot, lua_CFunction f, void *argument) {
    lua_State *L = watchbot->L;
    set_error(watchbot, NULL);
    if (watchbot->interrupt) *watchbot->interrupt = 0;
    if (!lua_checkstack(L, 4)) {
        set_error(watchbot, "the Lua stack is full");
        return -1;
    }
    lua_pushcfunction(L, as_text);
    lua_pushcfunction(L, f);
    lua_pushlightuserdata(L, watchbot);
    lua_pushlightuserdata(L, argument);
    int status = lua_pcall(L, 2, 0, -4);
    if (status != LUA_OK) {
        set_error(watchbot, lua_tostring(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return status == LUA_OK ? 0 : -1;
}

/* Pushes the method and its object: -- host:method host */
static void push_method(lua_State *L, const char *method) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    lua_getiuservalue(L, -1, 1);
    lua_getfield(L, -1, method);
    lua_replace(L, -3);
}

static int open_handle(lua_State *L) {
    struct watchbot **result = lua_touserdata(L, 1);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key) != LUA_TUSERDATA) {
        preload_install(L);
        struct watchbot *watchbot = lua_newuserdatauv(L, sizeof *watchbot, 1);
        *watchbot = (struct watchbot){0};
        lua_createtable(L, 0, 1);
        lua_pushcfunction(L, handle_gc);
        lua_setfield(L, -2, "__gc");
        lua_setmetatable(L, -2);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_key);
        lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    }
    *result = lua_touserdata(L, -1);
    return 0;
}

static int new_host(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    if (lua_getiuservalue(L, -1, 1) != LUA_TNIL) return 0;
    task_open(L);
    ((struct watchbot *)lua_touserdata(L, -2))->interrupt = task_interrupt(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "watchbot.host");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "new");
    lua_call(L, 0, 1);
    lua_setiuservalue(L, -4, 1);
    return 0;
}

/* The first call that needs a missing module reports it, because here there is no handle to ask for
 * the error. */
struct watchbot *watchbot_open(lua_State *L) {
    struct watchbot *watchbot = NULL;
    if (!lua_checkstack(L, 3)) return NULL;
    lua_pushcfunction(L, open_handle);
    lua_pushlightuserdata(L, &watchbot);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        lua_pop(L, 1);
        return NULL;
    }
    watchbot->L = L;
    return watchbot;
}

static int load_policy(lua_State *L) {
    const char *path = lua_touserdata(L, 2);
    new_host(L);
    push_method(L, "load"); /* -- host:load host */
    lua_pushstring(L, path);
    lua_call(L, 2, 0);
    return 0;
}

int watchbot_load(struct watchbot *watchbot, const char *path) {
    return protect(watchbot, load_policy, (void *)(uintptr_t)path);
}

enum state { IDLE, RUNNING, ENDED };

static enum state state_of(lua_State *L) {
    push_method(L, "state");
    lua_call(L, 1, 1);
    const char *name = lua_tostring(L, -1);
    enum state state = strcmp(name, "idle") == 0      ? IDLE
                       : strcmp(name, "running") == 0 ? RUNNING
                                                      : ENDED;
    lua_pop(L, 1);
    return state;
}

struct step {
    int64_t nanoseconds;
    int result;
};

static int take_step(lua_State *L) {
    struct step *step = lua_touserdata(L, 2);
    new_host(L);
    enum state state = state_of(L);
    if (state == IDLE) {
        push_method(L, "start");
        lua_call(L, 1, 0);
    }
    if (state != ENDED) {
        task_turn(L, step->nanoseconds);
        state = state_of(L);
    }
    step->result = state == ENDED ? 0 : 1;
    return 0;
}

int watchbot_step(struct watchbot *watchbot, int milliseconds) {
    struct step step = {milliseconds < 0 ? TASK_FOR_EVER : milliseconds * INT64_C(1000000), -1};
    return protect(watchbot, take_step, &step) == 0 ? step.result : -1;
}

int watchbot_run(struct watchbot *watchbot) {
    int state;
    do {
        state = watchbot_step(watchbot, -1);
    } while (state > 0);
    return state;
}

static int get_pollfd(lua_State *L) {
    task_open(L);
    *(int *)lua_touserdata(L, 2) = task_loop(L)->poller.fd;
    return 0;
}

int watchbot_pollfd(struct watchbot *watchbot) {
    int fd = -1;
    protect(watchbot, get_pollfd, &fd);
    return fd;
}

static int get_timeout(lua_State *L) {
    task_open(L);
    *(int64_t *)lua_touserdata(L, 2) = loop_timeout(task_loop(L));
    return 0;
}

int watchbot_timeout(struct watchbot *watchbot) {
    int64_t nanoseconds = 0;
    if (protect(watchbot, get_timeout, &nanoseconds) != 0) return 0;
    if (nanoseconds < 0) return -1;
    int64_t milliseconds = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

static int stop(lua_State *L) {
    new_host(L);
    push_method(L, "stop");
    lua_call(L, 1, 0);
    return 0;
}

void watchbot_stop(struct watchbot *watchbot) {
    protect(watchbot, stop, NULL);
}

/* Asks nothing of Lua: it may run in a signal handler, while Lua runs. */
void watchbot_interrupt(struct watchbot *watchbot) {
    if (watchbot->interrupt) *watchbot->interrupt = 1;
}

const char *watchbot_error(struct watchbot *watchbot) {
    return watchbot->error ? watchbot->error : "";
}

static int close_host(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &handle_key);
    if (lua_getiuservalue(L, -1, 1) == LUA_TNIL) return 0;
    push_method(L, "close");
    lua_call(L, 1, 0);
    return 0;
}

void watchbot_close(struct watchbot *watchbot) {
    if (!watchbot) return;
    lua_State *L = watchbot->L;
    protect(watchbot, close_host, NULL);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handle_key); /* the handle is garbage from here on */
}
