/* ljson: watchbot.core.json. Lua values to JSON (RFC 8259) and back, exact where cjson is not:
 * integers stay integers up to 64 bits, an empty list stays a list, and null differs from absent.
 * AWS refuses 1e+15 for an integer and {} for a list. It also writes the watcher's log lines, whose
 * members keep their order. The text is built in one buffer that belongs to the module, so nothing
 * is lost when an error is raised from within. */
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

#define TEXT_TYPE "watchbot.json.text"
#define LIST_TYPE "watchbot.json.list"

enum { DEEPEST = 100, LARGEST_KEPT = 1 << 20 };

/* encoding */

/* What becomes of text that is not UTF-8. */
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
    put(encoder, "\"", 1);
    if (!escape(encoder, text, size)) luaL_error(encoder->L, "encode: not enough memory");
    put(encoder, "\"", 1);
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

/* The shortest of the forms that read back as the same number; whole ones as integers, for AWS
 * takes no 20.0 for 20. */
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
    bool same = luaL_getmetatable(L, LIST_TYPE) == LUA_TTABLE && lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return same;
}

static void put_value(struct encoder *encoder, int depth);

static void put_list(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    lua_Unsigned count = lua_rawlen(L, -1);
    put(encoder, "[", 1);
    for (lua_Unsigned i = 1; i <= count; i++) {
        if (i > 1) put(encoder, ",", 1);
        lua_rawgeti(L, -1, (lua_Integer)i);
        put_value(encoder, depth);
        lua_pop(L, 1);
    }
    put(encoder, "]", 1);
}

static void put_object(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    bool first = true;
    put(encoder, "{", 1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) { /* -- table key value */
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "encode: a table has names and numbers for keys, or has gaps");
        if (!first) put(encoder, ",", 1);
        first = false;
        put_string(encoder, -2);
        put(encoder, ":", 1);
        put_value(encoder, depth);
    }
    put(encoder, "}", 1);
}

/* Every key of a list is counted: what else it has would be lost. */
static void check_list(lua_State *L) {
    lua_Unsigned count = 0, length = lua_rawlen(L, -1);
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) count++;
    if (count != length)
        luaL_error(L, "encode: a table has names and numbers for keys, or has gaps");
}

static void put_table(struct encoder *encoder, int depth) {
    lua_State *L = encoder->L;
    if (depth == DEEPEST)
        luaL_error(L, "encode: nested deeper than %d, or a table within itself", DEEPEST);
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

/* -- value [how] => text | nil message "InvalidText" : `how` says what becomes of text that is not
 * UTF-8 */
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

/* A member of a log line, for people: infinity is said in words, and what is not UTF-8 becomes
 * U+FFFD. */
static void put_member(struct encoder *encoder, int name) {
    lua_State *L = encoder->L;
    if (encoder->out->size > 1) put(encoder, ",", 1);
    put_string(encoder, name);
    put(encoder, ":", 1);
    lua_pushvalue(L, name + 1);
    if (lua_type(L, -1) == LUA_TNUMBER && !isfinite(lua_tonumber(L, -1))) {
        luaL_tolstring(L, -1, NULL);
        lua_remove(L, -2);
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
    put(&encoder, "{", 1);
    for (int name = first; name < last; name += 2) {
        luaL_checktype(L, name, LUA_TSTRING);
        if (!lua_isnil(L, name + 1)) put_member(&encoder, name);
    }
    put(&encoder, "}", 1);
}

/* -- name value name value... => an object in that order */
static int l_members(lua_State *L) {
    struct buffer *out = lua_touserdata(L, lua_upvalueindex(1));
    ljson_members(L, 1, out);
    lua_pushlstring(L, buffer_data(out), out->size);
    return 1;
}

/* decoding */

struct decoder {
    lua_State *L;
    const char *start, *at, *end; /* a NUL stands at the end */
    const char *error;
    bool drop_nulls;
};

static bool fail(struct decoder *decoder, const char *error) {
    if (!decoder->error) decoder->error = error;
    return false;
}

static void skip_blanks(struct decoder *decoder) {
    while (*decoder->at == ' ' || *decoder->at == '\n' || *decoder->at == '\r' ||
           *decoder->at == '\t')
        decoder->at++;
}

static bool take(struct decoder *decoder, char wanted) {
    skip_blanks(decoder);
    if (decoder->at == decoder->end || *decoder->at != wanted) return false;
    decoder->at++;
    return true;
}

static bool take_word(struct decoder *decoder, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(decoder->end - decoder->at) < size || memcmp(decoder->at, word, size) != 0) {
        return fail(decoder, "invalid value");
    }
    decoder->at += size;
    return true;
}

/* Four digits, or -1. */
static long read_hex(struct decoder *decoder) {
    long value = 0;
    for (int i = 0; i < 4; i++, decoder->at++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit =
            decoder->at < decoder->end && *decoder->at ? strchr(digits, *decoder->at) : NULL;
        if (!digit) return -1;
        value = value * 16 + (digit - digits) % 16;
    }
    return value;
}

/* After "\u". One half of a surrogate pair stands for nothing: U+FFFD. */
static long read_character(struct decoder *decoder) {
    long high = read_hex(decoder);
    if (high < 0xD800 || high > 0xDFFF) return high;
    if (high > 0xDBFF || decoder->end - decoder->at < 6 || decoder->at[0] != '\\' ||
        decoder->at[1] != 'u')
        return 0xFFFD;
    const char *before = decoder->at;
    decoder->at += 2;
    long low = read_hex(decoder);
    if (low >= 0xDC00 && low <= 0xDFFF) return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    decoder->at = before;
    return low < 0 ? -1 : 0xFFFD;
}

static void add_utf8(luaL_Buffer *buffer, unsigned long character) {
    if (character < 0x80) {
        luaL_addchar(buffer, (char)character);
        return;
    }
    int more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    luaL_addchar(buffer, (char)(first[more] | character >> (6 * more)));
    while (more-- > 0) luaL_addchar(buffer, (char)(0x80 | (character >> (6 * more) & 0x3F)));
}

static bool read_escape(struct decoder *decoder, luaL_Buffer *buffer) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (decoder->at == decoder->end || *decoder->at == 0) return fail(decoder, "unfinished string");
    char kind = *decoder->at++;
    const char *name = strchr(names, kind);
    if (name) {
        luaL_addchar(buffer, values[name - names]);
        return true;
    }
    long character = kind == 'u' ? read_character(decoder) : -1;
    if (character < 0) return fail(decoder, "invalid escape");
    add_utf8(buffer, (unsigned long)character);
    return true;
}

/* Bytes up to a quote, a backslash or what may not stand in a string. */
static size_t plain_size(const struct decoder *decoder) {
    const char *at = decoder->at;
    while (at < decoder->end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20) at++;
    return (size_t)(at - decoder->at);
}

/* => string ; after its opening quote */
static bool read_string(struct decoder *decoder) {
    size_t size = plain_size(decoder);
    if (decoder->at[size] == '"') {
        lua_pushlstring(decoder->L, decoder->at, size);
        decoder->at += size + 1;
        return true;
    }
    luaL_Buffer buffer;
    luaL_buffinit(decoder->L, &buffer);
    for (;;) {
        size = plain_size(decoder);
        luaL_addlstring(&buffer, decoder->at, size);
        decoder->at += size;
        if (decoder->at == decoder->end) return fail(decoder, "unfinished string");
        char byte = *decoder->at++;
        if (byte == '"') break;
        if (byte != '\\') return fail(decoder, "control character in a string");
        if (!read_escape(decoder, &buffer)) return false;
    }
    luaL_pushresult(&buffer);
    return true;
}

/* JSON's numbers are Lua's but for the forms that are refused here: 0x10, 1., .5, 007, inf. */
static bool is_number(const char *text) {
    text += *text == '-';
    size_t whole = strspn(text, "0123456789");
    if (whole == 0 || (whole > 1 && *text == '0')) return false;
    text += whole;
    if (*text == '.') {
        size_t places = strspn(++text, "0123456789");
        if (places == 0) return false;
        text += places;
    }
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '+' || *text == '-';
        size_t digits = strspn(text, "0123456789");
        if (digits == 0) return false;
        text += digits;
    }
    return *text == 0;
}

/* => number ; Lua reads it up to a NUL, so the text gets one. */
static bool read_number(struct decoder *decoder) {
    lua_State *L = decoder->L;
    size_t size = strspn(decoder->at, "+-.0123456789eE");
    if (size == 0) return fail(decoder, "invalid value");
    const char *text = lua_pushlstring(L, decoder->at, size);
    if (!is_number(text) || lua_stringtonumber(L, text) == 0)
        return fail(decoder, "invalid number");
    if (!isfinite(lua_tonumber(L, -1))) return fail(decoder, "number too large");
    lua_remove(L, -2);
    decoder->at += size;
    return true;
}

static bool read_value(struct decoder *decoder, int depth);

/* => list ; after its "[" */
static bool read_list(struct decoder *decoder, int depth) {
    lua_State *L = decoder->L;
    lua_newtable(L);
    luaL_setmetatable(L, LIST_TYPE);
    if (take(decoder, ']')) return true;
    for (lua_Integer i = 1;;) {
        if (!read_value(decoder, depth)) return false;
        if (decoder->drop_nulls && lua_islightuserdata(L, -1)) {
            lua_pop(L, 1);
        } else {
            lua_rawseti(L, -2, i++);
        }
        if (take(decoder, ']')) return true;
        if (!take(decoder, ',')) return fail(decoder, "unfinished list");
    }
}

/* => object ; after its "{" */
static bool read_object(struct decoder *decoder, int depth) {
    lua_State *L = decoder->L;
    lua_newtable(L);
    if (take(decoder, '}')) return true;
    for (;;) {
        if (!take(decoder, '"')) return fail(decoder, "expected a name in an object");
        if (!read_string(decoder)) return false;
        if (!take(decoder, ':')) return fail(decoder, "expected ':' after a name");
        if (!read_value(decoder, depth)) return false; /* -- object name value */
        if (decoder->drop_nulls && lua_islightuserdata(L, -1)) {
            lua_pop(L, 2);
        } else {
            lua_rawset(L, -3);
        }
        if (take(decoder, '}')) return true;
        if (!take(decoder, ',')) return fail(decoder, "unfinished object");
    }
}

/* => value ; after a failure there may be anything on the stack */
static bool read_value(struct decoder *decoder, int depth) {
    lua_State *L = decoder->L;
    skip_blanks(decoder);
    bool object = *decoder->at == '{';
    if (object || *decoder->at == '[') {
        if (depth == DEEPEST) return fail(decoder, "nested too deeply");
        luaL_checkstack(L, 8, "decode");
        decoder->at++;
        return object ? read_object(decoder, depth + 1) : read_list(decoder, depth + 1);
    }
    switch (*decoder->at) {
    case '"': decoder->at++; return read_string(decoder);
    case 't': lua_pushboolean(L, true); return take_word(decoder, "true");
    case 'f': lua_pushboolean(L, false); return take_word(decoder, "false");
    case 'n': lua_pushlightuserdata(L, NULL); return take_word(decoder, "null");
    default: return read_number(decoder);
    }
}

/* -- text [drop_nulls] => value | nil message "InvalidJson" : the message has the position, and
 * never shows the text */
static int l_decode(lua_State *L) {
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    struct decoder decoder = {L, text, text, text + size, NULL, lua_toboolean(L, 2)};
    bool good = read_value(&decoder, 0);
    skip_blanks(&decoder);
    if (good && decoder.at != decoder.end) fail(&decoder, "trailing data");
    if (!decoder.error) return 1;
    lua_Integer place = decoder.at - decoder.start + 1;
    if (decoder.at >= decoder.end) decoder.error = "unexpected end";
    return lerror_push(L, "InvalidJson", "not JSON: %s at byte %I", decoder.error,
                       (LUAI_UACINT)place);
}

/* -- [table] => the same table, marked as a list */
static int l_list(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    luaL_setmetatable(L, LIST_TYPE);
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
    {"encode",  l_encode },
    {"members", l_members},
    {"decode",  l_decode },
    {"list",    l_list   },
    {"is_list", l_is_list},
    {NULL,      NULL     },
};

int luaopen_watchbot_json(lua_State *L) {
    lhandle_type(L, TEXT_TYPE, text_metamethods, no_methods);
    luaL_newmetatable(L, LIST_TYPE);
    lua_pop(L, 1);
    luaL_newlibtable(L, functions);
    lhandle_new(L, TEXT_TYPE, sizeof(struct buffer), 0);
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    return 1;
}
