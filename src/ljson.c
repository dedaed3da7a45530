/* ljson: watchbot.core.json. Converts Lua values to JSON (RFC 8259) and back, exact where cjson is
 * not: integers stay integers up to 64 bits, an empty list stays a list, and null differs from
 * absent. AWS refuses 1e+15 as an integer and {} as a list. It also writes the watcher's log lines,
 * whose members keep their order. The text is built in one buffer that belongs to the module, so no
 * memory is leaked if an error is raised. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buffer.h"
#include "core.h"
#include "json.h"
#include "lerror.h"
#include "lhandle.h"
#include "ljson.h"
#include "ljson_decode.h"

#define TEXT_TYPE "watchbot.json.text"

enum { LARGEST_KEPT = 1 << 20 };

/* encoding */

/* What to do with text that is not UTF-8. */
enum other_text { REFUSE_TEXT, REPLACE_TEXT, KEEP_TEXT };

struct encoder {
    lua_State *L;
    struct buffer *out;
    enum other_text other_text;
    bool refused; /* text that is not UTF-8 was met, and is not to be written */
};

static void put(struct encoder *encoder, const char *data, size_t size) {
    if (!buffer_append(encoder->out, data, size))
        luaL_error(encoder->L, "encode: not enough memory");
}

static void put_byte(struct encoder *encoder, char byte) {
    if (!buffer_append_byte(encoder->out, byte))
        luaL_error(encoder->L, "encode: not enough memory");
}

static bool is_utf8(const char *text, size_t size) {
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    while (at < end) {
        int length = *at < 0x80 ? 1 : json_character(at, (size_t)(end - at));
        if (length <= 0) return false;
        at += length;
    }
    return true;
}

static bool escape(struct encoder *encoder, const char *text, size_t size) {
    if (encoder->other_text == KEEP_TEXT) return json_escape_bytes(encoder->out, text, size);
    return json_escape(encoder->out, text, size, false) >= 0;
}

static void put_string(struct encoder *encoder, int index) {
    size_t size;
    const char *text = lua_tolstring(encoder->L, index, &size);
    if (encoder->other_text == REFUSE_TEXT && !is_utf8(text, size)) encoder->refused = true;
    put_byte(encoder, '"');
    if (!escape(encoder, text, size)) luaL_error(encoder->L, "encode: not enough memory");
    put_byte(encoder, '"');
}

/* printf writes the decimal point of the locale that the host has set, of one or more bytes. JSON's
 * is a dot. */
static size_t make_point(char *text) {
    char *point = text + strspn(text, "-0123456789");
    size_t size = strcspn(point, "0123456789e");
    if (size > 0) *point = '.';
    if (size > 1) memmove(point + 1, point + size, strlen(point + size) + 1);
    return strlen(text);
}

/* printf would be most of the cost of a log line. => its size */
static size_t write_integer(char *text, lua_Integer integer) {
    char digits[24];
    size_t count = 0, size = 0;
    lua_Unsigned rest = integer < 0 ? 0 - (lua_Unsigned)integer : (lua_Unsigned)integer;
    do digits[count++] = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (integer < 0) text[size++] = '-';
    while (count > 0) text[size++] = digits[--count];
    return size;
}

/* The shortest form that is read back as the same number; whole numbers as integers, because AWS
 * refuses 20.0 for 20. */
static void put_number(struct encoder *encoder, int index) {
    char text[48];
    int whole;
    size_t size;
    lua_Integer integer = lua_tointegerx(encoder->L, index, &whole);
    if (whole) {
        size = write_integer(text, integer);
    } else {
        double number = lua_tonumber(encoder->L, index);
        if (!isfinite(number)) luaL_error(encoder->L, "encode: JSON has no %f", number);
        snprintf(text, sizeof text, "%.15g", number);
        if (strtod(text, NULL) < number || strtod(text, NULL) > number)
            snprintf(text, sizeof text, "%.17g", number);
        size = make_point(text);
    }
    put(encoder, text, size);
}

static bool has_list_metatable(lua_State *L, int index) {
    if (!lua_getmetatable(L, index)) return false;
    bool same = luaL_getmetatable(L, LJSON_LIST) == LUA_TTABLE && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static void put_value(struct encoder *encoder, int depth);

static void put_list(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    lua_Unsigned count = lua_rawlen(L, -1);
    put_byte(encoder, '[');
    for (lua_Unsigned i = 1; i <= count; i++) {
        if (i > 1) put_byte(encoder, ',');
        lua_rawgeti(L, -1, (lua_Integer)i);
        put_value(encoder, depth);
        lua_pop(L, 1);
    }
    put_byte(encoder, ']');
}

static void put_object(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    bool first = true;
    put_byte(encoder, '{');
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { /* -- table key value */
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "encode: a table has names and numbers for keys, or has gaps");
        if (!first) put_byte(encoder, ',');
        first = false;
        put_string(encoder, -2);
        put_byte(encoder, ':');
        put_value(encoder, depth);
    }
    put_byte(encoder, '}');
}

/* Every key of a list is counted: other keys would be lost. */
static void check_list(lua_State *L) {
    lua_Unsigned count = 0, length = lua_rawlen(L, -1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) count++;
    if (count != length)
        luaL_error(L, "encode: a table has names and numbers for keys, or has gaps");
}

static void put_table(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    if (depth == LJSON_DEEPEST)
        luaL_error(L, "encode: nested deeper than %d, or a table within itself", LJSON_DEEPEST);
    luaL_checkstack(L, 6, "encode");
    if (lua_rawlen(L, -1) > 0 || has_list_metatable(L, -1)) {
        check_list(L);
        put_list(encoder, depth + 1);
    } else {
        put_object(encoder, depth + 1);
    }
}

/* -- value => value */
static void put_value(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING: put_string(encoder, -1); return;
    case LUA_TNUMBER: put_number(encoder, -1); return;
    case LUA_TTABLE: put_table(encoder, depth); return;
    case LUA_TBOOLEAN:
        put(encoder, lua_toboolean(L, -1) ? "true" : "false", lua_toboolean(L, -1) ? 4 : 5);
        return;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, -1)) {
            put(encoder, "null", 4);
            return;
        }
    }
    luaL_error(L, "encode: JSON has no %s", luaL_typename(L, -1));
}

/* -- value [how] => text | nil message "InvalidText" : `how` says how text that is not UTF-8
 * is handled */
static int l_encode(lua_State *L) {
    static const char *const names[] = {"refuse", "replace", "bytes", NULL};
    luaL_checkany(L, 1);
    enum other_text other_text = (enum other_text)luaL_checkoption(L, 2, names[0], names);
    lua_settop(L, 1);
    struct encoder encoder = {L, lua_touserdata(L, lua_upvalueindex(1)), other_text, false};
    if (encoder.out->capacity > LARGEST_KEPT) buffer_free(encoder.out);
    buffer_clear(encoder.out);
    put_value(&encoder, 0);
    if (encoder.refused)
        return lerror_push(L, "InvalidText", "encode: JSON cannot hold text that is not UTF-8");
    lua_pushlstring(L, buffer_data(encoder.out), encoder.out->size);
    return 1;
}

/* A member of a log line, for people: infinity is written as a word, and invalid UTF-8 becomes
 * U+FFFD. */
static void put_member(struct encoder *encoder, int name) {
    lua_State *L = encoder->L;
    if (encoder->out->size > 1) put_byte(encoder, ',');
    put_string(encoder, name);
    put_byte(encoder, ':');
    int type = lua_type(L, name + 1);
    if (type == LUA_TSTRING) return put_string(encoder, name + 1);
    if (type == LUA_TNUMBER && isfinite(lua_tonumber(L, name + 1)))
        return put_number(encoder, name + 1);
    if (type == LUA_TNUMBER) {
        luaL_tolstring(L, name + 1, NULL);
    } else {
        lua_pushvalue(L, name + 1);
    }
    put_value(encoder, 0);
    lua_pop(L, 1);
}

/* -- ... name value name value... => ... : appends an object in that order, without the names whose
 * value is nil */
void ljson_members(lua_State *L, int first, struct buffer *out) {
    struct encoder encoder = {L, out, REPLACE_TEXT, false};
    int last = lua_gettop(L);
    luaL_checkstack(L, 8, "members");
    if (out->capacity > LARGEST_KEPT) buffer_free(out);
    buffer_clear(out);
    put_byte(&encoder, '{');
    for (int name = first; name < last; name += 2) {
        if (lua_isnil(L, name + 1)) continue;
        luaL_checktype(L, name, LUA_TSTRING);
        put_member(&encoder, name);
    }
    put_byte(&encoder, '}');
}

/* -- name value name value... => an object in that order */
static int l_members(lua_State *L) {
    struct buffer *out = lua_touserdata(L, lua_upvalueindex(1));
    ljson_members(L, 1, out);
    lua_pushlstring(L, buffer_data(out), out->size);
    return 1;
}

/* the module */

/* -- [table] => the same table, marked as a list */
static int l_list(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_setmetatable(L, LJSON_LIST);
    return 1;
}

static int l_is_list(lua_State *L) {
    lua_pushboolean(L, lua_istable(L, 1) && has_list_metatable(L, 1));
    return 1;
}

static int text_gc(lua_State *L) {
    buffer_free(luaL_checkudata(L, 1, TEXT_TYPE));
    return 0;
}

static const luaL_Reg text_metamethods[] = {
    {"__gc", text_gc},
    {NULL,   NULL   },
};

static const luaL_Reg no_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"encode",  l_encode    },
    {"members", l_members   },
    {"decode",  ljson_decode},
    {"list",    l_list      },
    {"is_list", l_is_list   },
    {NULL,      NULL        },
};

int luaopen_watchbot_json(lua_State *L) {
    lhandle_type(L, TEXT_TYPE, text_metamethods, no_methods);
    luaL_newmetatable(L, LJSON_LIST);
    lua_pop(L, 1);
    luaL_newlibtable(L, functions);
    lhandle_new(L, TEXT_TYPE, sizeof(struct buffer), 0);
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
