#include "lexit.h"

#include "clock.h"

static void push_signal(lua_State *L, int signal) {
    const char *name = child_signal_name(signal);
    if (name) {
        lua_pushstring(L, name);
    } else {
        lua_pushfstring(L, "%d", signal);
    }
}

/* -- exit => exit */
static void push_usage(lua_State *L, const struct child *child) {
    if (child->taken || child->lost) return;
    lua_pushnumber(L, (lua_Number)child->cpu / (lua_Number)CLOCK_SECOND);
    lua_setfield(L, -2, "cpu");
    if (child->cpu_limit) {
        lua_pushinteger(L, child->cpu_limit);
        lua_setfield(L, -2, "cpu_limit");
    }
    if (child->max_rss == 0) return;
    lua_pushinteger(L, child->max_rss);
    lua_setfield(L, -2, "max_rss");
}

/* -- exit => exit */
static void push_survivors(lua_State *L, const struct child *child) {
    if (child->survivors.size == 0) return;
    lua_pushlstring(L, buffer_data(&child->survivors),
                    child->survivors.size - 1); /* without the last newline */
    lua_setfield(L, -2, "survivors");
}

int lexit_push(lua_State *L, const struct child *child) {
    lua_createtable(L, 0, 5);
    push_usage(L, child);
    push_survivors(L, child);
    if (child->signal) {
        push_signal(L, child->signal);
        lua_pushfstring(L, "killed by signal %s", lua_tostring(L, -1));
        lua_setfield(L, -3, "reason");
        lua_setfield(L, -2, "signal");
    } else {
        lua_pushinteger(L, child->code);
        lua_setfield(L, -2, "code");
    }
    if (child->lost || child->taken) {
        lua_pushstring(L, child->lost ? "could not be killed"
                                      : "something else in the host has taken its exit code");
        lua_setfield(L, -2, "reason");
    }
    lua_pushnumber(L, (lua_Number)(child->ended - child->started) / (lua_Number)CLOCK_SECOND);
    lua_setfield(L, -2, "duration");
    return 1;
}
