/* lempty: watchbot.core.empty. Emptying a folder as a Lua handle; lua/watchbot/runner/volumes.lua
 * decides which folder and when. */
#include "empty.h"

#include <errno.h>
#include <stdlib.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "task.h"

#define EMPTY_TYPE "watchbot.empty"

struct lempty {
    struct empty *empty; /* NULL: closed */
};

static struct empty *check_empty(lua_State *L) {
    struct lempty *handle = luaL_checkudata(L, 1, EMPTY_TYPE);
    if (!handle->empty) luaL_argerror(L, 1, "the emptying was closed");
    return handle->empty;
}

/* -- path => path without links, but for the last name | nil err code */
static int l_resolve(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    char resolved[PATH_MAX];
    int error = empty_resolve(path, resolved);
    switch (error) {
    case 0: lua_pushstring(L, resolved); return 1;
    case EINVAL:
        return lerror_push(L, "EINVAL",
                           "cannot empty '%s': not the absolute path of a folder below '/'", path);
    case ELOOP: return lerror_push(L, "ELOOP", "cannot empty '%s': it is a symbolic link", path);
    default: return lerror_errno(L, error, "cannot empty '%s'", path);
    }
}

/* -- path => path without any link | nil err code */
static int l_real(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    char real[PATH_MAX];
    if (!realpath(path, real)) return lerror_errno(L, errno, "cannot resolve '%s'", path);
    lua_pushstring(L, real);
    return 1;
}

/* -- path => empty | nil err code */
static int l_open(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    struct lempty *handle = lhandle_new(L, EMPTY_TYPE, sizeof *handle, 0);
    handle->empty = empty_open(path);
    if (handle->empty) return 1;
    bool link = errno == ELOOP || errno == ENOTDIR;
    if (link)
        return lerror_push(
            L, "ELOOP", "cannot empty '%s': a part of it is a symbolic link, or no folder", path);
    return lerror_errno(L, errno, "cannot empty '%s'", path);
}

/* -- empty seconds => whether there is more to do */
static int l_step(lua_State *L) {
    lua_pushboolean(L, empty_step(check_empty(L), task_check_seconds(L, 2)));
    return 1;
}

/* -- empty => removed kept [path words code] : the first that was kept, and why */
static int l_report(lua_State *L) {
    const struct empty_report *report = empty_report(check_empty(L));
    lua_pushinteger(L, (lua_Integer)report->removed);
    lua_pushinteger(L, (lua_Integer)report->kept);
    if (report->kept == 0) return 2;
    lua_pushstring(L, report->first);
    if (report->error == EXDEV) {
        lua_pushliteral(L, "a mount point, it is left alone");
        lua_pushliteral(L, "EXDEV");
        return 5;
    }
    lerror_errno(L, report->error, "not removed");
    lua_remove(L, -3); /* the nil */
    return 5;
}

static int l_close(lua_State *L) {
    struct lempty *handle = luaL_checkudata(L, 1, EMPTY_TYPE);
    empty_close(handle->empty);
    handle->empty = NULL;
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    l_close},
    {"__close", l_close},
    {NULL,      NULL   },
};

static const luaL_Reg methods[] = {
    {"step",   l_step  },
    {"report", l_report},
    {"close",  l_close },
    {NULL,     NULL    },
};

static const luaL_Reg functions[] = {
    {"resolve", l_resolve},
    {"real",    l_real   },
    {"open",    l_open   },
    {NULL,      NULL     },
};

int luaopen_watchbot_empty(lua_State *L) {
    lhandle_type(L, EMPTY_TYPE, metamethods, methods);
    luaL_newlib(L, functions);
    return 1;
}
