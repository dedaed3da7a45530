#include "llimits.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "lerror.h"
#include "loptions.h"

static const char *const names[] = {"memory", "cpu",    "files", "nice",
                                    "umask",  "cgroup", "user",  NULL};

/* The table on the top of the stack. */
static struct loptions options_at_top(lua_State *L) {
    return (struct loptions){L, lua_gettop(L), "start: limits"};
}

/* -- user => user groups */
static void read_groups(lua_State *L, struct launch_limits *limits) {
    if (lua_getfield(L, -1, "groups") != LUA_TTABLE)
        luaL_error(L, "start: the user has no list of groups");
    size_t count = (size_t)lua_rawlen(L, -1);
    gid_t *groups = lua_newuserdatauv(L, (count + 1) * sizeof *groups, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        groups[i] = (gid_t)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    limits->groups = groups;
    limits->group_count = count;
}

/* -- limits => limits groups */
static void read_user(lua_State *L, struct launch_limits *limits) {
    if (lua_getfield(L, -1, "user") == LUA_TNIL) return;
    if (!lua_istable(L, -1))
        luaL_error(L, "start: the limit 'user' must be what process.user returns");
    limits->other_user = true;
    struct loptions options = options_at_top(L);
    limits->uid = (uid_t)loptions_integer(options, "uid", -1, 0, UINT32_MAX - 1);
    limits->gid = (gid_t)loptions_integer(options, "gid", -1, 0, UINT32_MAX - 1);
    read_groups(L, limits);
    lua_remove(L, -2);
}

void llimits_read(lua_State *L, struct launch_limits *limits, const char **cgroup) {
    *limits = (struct launch_limits){.cgroup = -1};
    if (lua_isnil(L, -1)) {
        lua_pushnil(L);
        return;
    }
    if (!lua_istable(L, -1))
        luaL_error(L, "start: limits must be a table, not a %s", luaL_typename(L, -1));
    struct loptions options = options_at_top(L);
    loptions_known(options, names);
    limits->data = (rlim_t)loptions_integer(options, "memory", 0, 1, INT64_MAX);
    limits->cpu = (rlim_t)loptions_integer(options, "cpu", 0, 1, INT64_MAX);
    limits->files = (rlim_t)loptions_integer(options, "files", 0, 1, INT64_MAX);
    limits->nice = (int)loptions_integer(options, "nice", 0, -40, INT64_MAX);
    limits->umask = (int)loptions_integer(options, "umask", -1, 0, INT64_MAX) + 1;
    lua_getfield(L, -1, "cgroup");
    *cgroup = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
    read_user(L, limits);
}

/* -- user => user : its groups, as login(1) sets them */
static void push_groups(lua_State *L, const struct passwd *user) {
    int count = 64;
    gid_t *groups = malloc((size_t)count * sizeof *groups);
    if (groups && accounts_groups(user->pw_name, user->pw_gid, groups, &count) < 0) {
        gid_t *more = realloc(groups, (size_t)count * sizeof *groups);
        if (!more || accounts_groups(user->pw_name, user->pw_gid, more, &count) < 0) count = 0;
        groups = more ? more : groups;
    }
    if (!groups) count = 0;
    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_pushinteger(L, groups[i]);
        lua_rawseti(L, -2, i + 1);
    }
    free(groups);
    lua_setfield(L, -2, "groups");
}

static void set_text(lua_State *L, const char *name, const char *text) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

int llimits_user(lua_State *L) {
    const char *name = luaL_checkstring(L, 1);
    errno = 0;
    const struct passwd *user = accounts_user(name);
    if (!user && errno && errno != ENOENT)
        return lerror_errno(L, errno, "could not look up the user '%s'", name);
    if (!user) return lerror_push(L, "NoUser", "there is no user '%s'", name);
    lua_createtable(L, 0, 6);
    set_text(L, "name", user->pw_name);
    set_text(L, "home", user->pw_dir);
    set_text(L, "shell", user->pw_shell);
    lua_pushinteger(L, user->pw_uid);
    lua_setfield(L, -2, "uid");
    lua_pushinteger(L, user->pw_gid);
    lua_setfield(L, -2, "gid");
    push_groups(L, user);
    return 1;
}
