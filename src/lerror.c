#define _GNU_SOURCE /* strerrorname_np, strerrordesc_np: glibc 2.32 */
#include "lerror.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

const char *lerror_describe(lua_State *L, int error) {
    const char *words = strerrordesc_np(error);
    if (!words) return lua_pushfstring(L, "error %d", error);
    /* "Input/output error" becomes "input/output error"; "RFS specific error" keeps
     * its capitals. */
    if (words[0] && islower((unsigned char)words[1])) {
        return lua_pushfstring(L, "%c%s", tolower((unsigned char)words[0]), words + 1);
    }
    return lua_pushstring(L, words);
}

int lerror_push(lua_State *L, const char *code, const char *format, ...) {
    va_list arguments;
    lua_pushnil(L);
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_pushstring(L, code);
    return 3;
}

int lerror_errno(lua_State *L, int error, const char *format, ...) {
    const char *name = strerrorname_np(error);
    va_list arguments;
    lua_pushnil(L);
    va_start(arguments, format);
    lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    lua_pushliteral(L, ": ");
    lerror_describe(L, error);
    lua_concat(L, 3);
    lua_pushstring(L, name ? name : "EUNKNOWN");
    return 3;
}
