#include "ljson_decode.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "lerror.h"

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

/* After "\u". A lone surrogate becomes U+FFFD. */
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

/* Bytes up to a quote, a backslash or a byte that a string must not contain. */
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

/* JSON's numbers are Lua's except for the forms that are refused here: 0x10, 1., .5, 007, inf. */
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
    luaL_setmetatable(L, LJSON_LIST);
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

/* => value ; after a failure the stack may have anything on top */
static bool read_value(struct decoder *decoder, int depth) {
    lua_State *L = decoder->L;
    skip_blanks(decoder);
    bool object = *decoder->at == '{';
    if (object || *decoder->at == '[') {
        if (depth == LJSON_DEEPEST) return fail(decoder, "nested too deeply");
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

int ljson_decode(lua_State *L) {
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
