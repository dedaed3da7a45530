#include "lstart.h"

#include <string.h>

#include "llimits.h"

static const lua_Integer DEFAULT_LIMIT = 16 << 20;

static const char *const option_names[] = {"argv",   "command", "cwd",      "env",     "stdin",
                                           "output", "id",      "category", "tail",    "limit",
                                           "mark",   "limits",  "records",  "channel", NULL};

static bool is_option(const char *name) {
    const char *const *known = option_names;
    while (*known && strcmp(*known, name) != 0) known++;
    return *known != NULL;
}

static void check_names(lua_State *L) {
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || !is_option(lua_tostring(L, -1))) {
            luaL_error(L, "start: unknown option '%s'", luaL_tolstring(L, -1, NULL));
        }
    }
}

void lstart_check(lua_State *L, const char *what, bool good, const char *wanted) {
    if (!good) luaL_error(L, "start: %s must be %s, not a %s", what, wanted, luaL_typename(L, -1));
}

int lstart_push(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    return lua_rawget(L, 1);
}

/* -- => text : which keeps it alive */
static const char *bytes_option(lua_State *L, const char *name, size_t *size) {
    if (lstart_push(L, name) == LUA_TNIL) return NULL;
    lstart_check(L, name, lua_type(L, -1) == LUA_TSTRING, "a string");
    return lua_tolstring(L, -1, size);
}

static const char *text_option(lua_State *L, const char *name) {
    size_t size;
    const char *text = bytes_option(L, name, &size);
    if (text && strlen(text) != size) luaL_error(L, "start: %s has a NUL byte in it", name);
    return text;
}

static size_t size_option(lua_State *L, const char *name, lua_Integer otherwise) {
    int good = 1;
    lstart_push(L, name);
    lua_Integer size = lua_isnil(L, -1) ? otherwise : lua_tointegerx(L, -1, &good);
    lstart_check(L, name, good, "an integer");
    if (size < 0) luaL_error(L, "start: %s must not be negative", name);
    lua_pop(L, 1);
    return (size_t)size;
}

static void read_output(lua_State *L, struct lstart *start) {
    int type = lstart_push(L, "output");
    if (type == LUA_TNIL) {
        start->output = LSTART_DISCARD;
    } else if (type == LUA_TSTRING) {
        const char *word = lua_tostring(L, -1);
        bool capture = strcmp(word, "capture") == 0;
        if (!capture && strcmp(word, "inherit") != 0) {
            luaL_error(L, "start: output must be a log, 'capture', 'inherit' or nil, not '%s'",
                       word);
        }
        start->output = capture ? LSTART_CAPTURE : LSTART_INHERIT;
    } else {
        start->output = LSTART_LOG;
        start->log = llog_check(L, lua_gettop(L));
    }
}

void lstart_read(lua_State *L, struct lstart *start) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    check_names(L);
    start->cwd = text_option(L, "cwd");
    start->in = bytes_option(L, "stdin", &start->in_size);
    start->id = text_option(L, "id");
    start->mark = text_option(L, "mark");
    start->category = text_option(L, "category");
    if (!start->category) start->category = "worker";
    lstart_push(L, "records");
    start->records = lua_toboolean(L, -1);
    lua_pop(L, 1);
    if (lstart_push(L, "channel") != LUA_TNIL) start->channel = lua_gettop(L);
    start->tail = size_option(L, "tail", 0);
    start->limit = size_option(L, "limit", DEFAULT_LIMIT);
    lstart_push(L, "limits");
    llimits_read(L, &start->limits, &start->cgroup);
    read_output(L, start);
}
