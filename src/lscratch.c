/* lscratch: watchbot.core.scratch. Private files as Lua handles; lua/watchbot/process.lua documents
 * it for users. Each Lua state has one folder, from its first file to its end. */
#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "scratch.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
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
    bool folder;
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
    if (!is_owner(state))
        luaL_error(L, "file: this process was forked from the one that has loaded watchbot");
    return state;
}

/* The uid and gid at `index` and behind it; NULL where they are absent. */
static const struct scratch_owner *opt_owner(lua_State *L, int index, struct scratch_owner *owner) {
    if (lua_isnoneornil(L, index)) return NULL;
    owner->uid = (uid_t)luaL_checkinteger(L, index);
    owner->gid = (gid_t)luaL_checkinteger(L, index + 1);
    return owner;
}

/* -- state file => file */
static int opened(lua_State *L, struct file *file, struct state *state, bool folder) {
    file->number = state->scratch.files;
    file->state = state;
    file->folder = folder;
    lua_pushfstring(L, "%s/%I%s", state->scratch.folder, (lua_Integer)file->number,
                    folder ? ".tmp" : "");
    lua_setiuservalue(L, -2, PATH);
    return 1;
}

static struct file *new_file(lua_State *L, struct state **state) {
    struct file *file = lhandle_new(L, FILE_TYPE, sizeof *file, 2);
    *state = push_state(L);
    lua_setiuservalue(L, -2, STATE);
    return file;
}

/* -- bytes [uid gid] => file | nil err code */
static int l_file(lua_State *L) {
    size_t size;
    struct scratch_owner owner;
    struct state *state;
    const char *data = luaL_checklstring(L, 1, &size);
    const struct scratch_owner *other = opt_owner(L, 2, &owner);
    struct file *file = new_file(L, &state);
    int error = scratch_write(&state->scratch, data, size, other);
    if (error)
        return lerror_errno(L, error, "could not write a private file in '%s'", scratch_parent());
    return opened(L, file, state, false);
}

/* -- [uid gid] => folder | nil err code */
static int l_folder(lua_State *L) {
    struct scratch_owner owner;
    struct state *state;
    const struct scratch_owner *other = opt_owner(L, 1, &owner);
    struct file *file = new_file(L, &state);
    int error = scratch_mkdir(&state->scratch, other);
    if (error)
        return lerror_errno(L, error, "could not make a private folder in '%s'", scratch_parent());
    return opened(L, file, state, true);
}

/* -- path => true | nil err code */
static int l_mkdir(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    if (mkdir(path, 0755) != 0)
        return lerror_errno(L, errno, "could not make the folder '%s'", path);
    lua_pushboolean(L, true);
    return 1;
}

/* -- path => true | nil err code */
static int l_rmdir(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    if (rmdir(path) != 0) return lerror_errno(L, errno, "could not remove the folder '%s'", path);
    lua_pushboolean(L, true);
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
    if (file->state && is_owner(file->state)) {
        if (file->folder) {
            scratch_rmdir(&file->state->scratch, file->number);
        } else {
            scratch_remove(&file->state->scratch, file->number);
        }
    }
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
    {"file",   l_file  },
    {"folder", l_folder},
    {"mkdir",  l_mkdir },
    {"rmdir",  l_rmdir },
    {"sweep",  l_sweep },
    {NULL,     NULL    },
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
