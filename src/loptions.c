#include "loptions.h"

#include <stdint.h>
#include <string.h>

int loptions_push(struct loptions options, const char *name) {
    return lua_getfield(options.L, options.table, name);
}

void loptions_expect(struct loptions options, const char *name, bool good, const char *wanted) {
    if (!good) {
        luaL_error(options.L, "%s: '%s' must be %s, not a %s", options.caller, name, wanted,
                   luaL_typename(options.L, -1));
    }
}

static bool is_listed(const char *const *names, const char *name) {
    while (*names && strcmp(*names, name) != 0) names++;
    return *names != NULL;
}

void loptions_known(struct loptions options, const char *const *names) {
    lua_State *L = options.L;
    for (lua_pushnil(L); lua_next(L, options.table); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !is_listed(names, lua_tostring(L, -2))) {
            luaL_error(L, "%s: unknown option '%s'", options.caller, luaL_tolstring(L, -2, NULL));
        }
    }
}

const char *loptions_bytes(struct loptions options, const char *name, size_t *size) {
    int type = loptions_push(options, name);
    loptions_expect(options, name, type == LUA_TNIL || type == LUA_TSTRING, "a string");
    return lua_tolstring(options.L, -1, size);
}

const char *loptions_text(struct loptions options, const char *name) {
    size_t size;
    const char *text = loptions_bytes(options, name, &size);
    if (text && strlen(text) != size)
        luaL_error(options.L, "%s: '%s' has a NUL in it", options.caller, name);
    return text;
}

bool loptions_flag(struct loptions options, const char *name, bool otherwise) {
    int type = loptions_push(options, name);
    loptions_expect(options, name, type == LUA_TNIL || type == LUA_TBOOLEAN, "a boolean");
    bool flag = type == LUA_TNIL ? otherwise : lua_toboolean(options.L, -1);
    lua_pop(options.L, 1);
    return flag;
}

lua_Integer loptions_integer(struct loptions options, const char *name, lua_Integer otherwise,
                             lua_Integer least, lua_Integer most) {
    lua_State *L = options.L;
    int good = 1;
    bool absent = loptions_push(options, name) == LUA_TNIL;
    lua_Integer value = absent ? otherwise : lua_tointegerx(L, -1, &good);
    loptions_expect(options, name, absent || lua_isnumber(L, -1), "an integer");
    if (!absent && (!good || value < least || value > most)) {
        if (most == INT64_MAX)
            luaL_error(L, "%s: '%s' must be an integer of at least %I", options.caller, name,
                       (LUAI_UACINT)least);
        luaL_error(L, "%s: '%s' must be an integer from %I to %I", options.caller, name,
                   (LUAI_UACINT)least, (LUAI_UACINT)most);
    }
    lua_pop(L, 1);
    return value;
}
