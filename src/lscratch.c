/* lscratch: watchbot.core.scratch. Private files as Lua handles; lua/watchbot/process.lua documents it for its users.
 * One folder belongs to each Lua state, from its first file to its end. */
#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "scratch.h"

#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

#define FILE_TYPE "watchbot.file"
#define STATE_TYPE "watchbot.scratch"

enum { STATE = 1, PATH = 2 }; /* user values of a file */

struct state {
    struct scratch scratch;
    pid_t owner; /* a child that the host forks has a copy of all this, and no right to it */
};

struct file {
    struct state *state; /* NULL: closed */
    unsigned long number;
};

static const char state_key; /* its address in the registry */

static bool is_owner(const struct state *state) {
    return state->owner == getpid();
}

static int state_gc(lua_State *L) {
    struct state *state = lua_touserdata(L, 1);
    if (is_owner(state)) scratch_close(&state->scratch);
    return 0;
}

/* -- => state */
static struct state *push_state(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
    struct state *state = lua_touserdata(L, -1);
    if (!is_owner(state)) luaL_error(L, "file: this process was forked from the one that has loaded watchbot");
    return state;
}

/* -- bytes => file | nil message code */
static int l_file(lua_State *L) {
    size_t size;
    const char *data = luaL_checklstring(L, 1, &size);
    struct file *file = lhandle_new(L, FILE_TYPE, sizeof *file, 2); /* -- bytes file */
    struct state *state = push_state(L);
    lua_setiuservalue(L, -2, STATE);
    int error = scratch_write(&state->scratch, data, size);
    if (error) return lerror_errno(L, error, "could not write a private file in '%s'", scratch_parent());
    file->number = state->scratch.files;
    file->state = state;
    lua_pushfstring(L, "%s/%I", state->scratch.folder, (lua_Integer)file->number);
    lua_setiuservalue(L, -2, PATH);
    return 1;
}

static int l_sweep(lua_State *L) {
    (void)L;
    scratch_sweep();
    return 0;
}

static int file_path(lua_State *L) {
    luaL_checkudata(L, 1, FILE_TYPE);
    lua_getiuservalue(L, 1, PATH);
    return 1;
}

static int file_close(lua_State *L) {
    struct file *file = luaL_checkudata(L, 1, FILE_TYPE);
    if (file->state && is_owner(file->state)) scratch_remove(&file->state->scratch, file->number);
    file->state = NULL;
    return 0;
}

static const luaL_Reg file_metamethods[] = {
    {"__gc",    file_close},
    {"__close", file_close},
    {NULL,      NULL      },
};

static const luaL_Reg file_methods[] = {
    {"path",  file_path },
    {"close", file_close},
    {NULL,    NULL      },
};

static const luaL_Reg state_metamethods[] = {
    {"__gc", state_gc},
    {NULL,   NULL    },
};

static const luaL_Reg functions[] = {
    {"file",  l_file },
    {"sweep", l_sweep},
    {NULL,    NULL   },
};

int luaopen_watchbot_scratch(lua_State *L) {
    lhandle_type(L, FILE_TYPE, file_metamethods, file_methods);
    lhandle_type(L, STATE_TYPE, state_metamethods, NULL);
    struct state *state = lhandle_new(L, STATE_TYPE, sizeof *state, 0);
    state->owner = getpid();
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
    luaL_newlib(L, functions);
    return 1;
}
