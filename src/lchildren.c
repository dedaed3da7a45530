#include "lchildren.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lhandle.h"
#include "task.h"

#define CHILDREN_TYPE "watchbot.children"

static const char children_key; /* its address in the registry */

bool lchildren_are_ours(const struct lchildren *children) {
    return children->owner == getpid();
}

struct lchildren *lchildren_push(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &children_key);
    struct lchildren *children = lua_touserdata(L, -1);
    if (!children->open) luaL_error(L, "start: the Lua state is being closed");
    if (!lchildren_are_ours(children))
        luaL_error(L, "start: this process was forked from the one that has loaded watchbot");
    return children;
}

int lchildren_open_null(struct lchildren *children) {
    if (children->null < 0) children->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return children->null >= 0 ? 0 : errno;
}

static int children_gc(lua_State *L) {
    struct lchildren *children = lua_touserdata(L, 1);
    if (!children->open) return 0;
    if (lchildren_are_ours(children)) {
        children_close(&children->all);
        guardian_stop(&children->all.guardian);
    }
    guardian_forget(&children->all.guardian);
    if (children->null >= 0) close(children->null);
    children->open = false;
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc", children_gc},
    {NULL,   NULL       },
};

void lchildren_open(lua_State *L) {
    lhandle_type(L, CHILDREN_TYPE, metamethods, NULL);
    struct lchildren *children = lhandle_new(L, CHILDREN_TYPE, sizeof *children, 0);
    children->owner = getpid();
    children->null = -1;
    children->all.loop = task_loop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LCHILDREN_ADOPT);
    children->all.may_adopt = lua_toboolean(L, -1);
    lua_pop(L, 1);
    children->open = true;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &children_key);
}
