/* lversions: `require "watchbot.core".versions`, the releases of the C libraries in use, for bug
 * reports and security updates. */
#include <lauxlib.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "core.h"
#include "libcurl.h"

/* => { lua =, openssl =, sqlite =, libcurl = } */
static int versions_libraries(lua_State *L) {
    const char *failure = libcurl_load();
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, LUA_RELEASE);
    lua_setfield(L, -2, "lua");
    lua_pushstring(L, OpenSSL_version(OPENSSL_VERSION));
    lua_setfield(L, -2, "openssl");
    lua_pushstring(L, sqlite3_libversion());
    lua_setfield(L, -2, "sqlite");
    lua_pushstring(L, failure ? failure : libcurl.version());
    lua_setfield(L, -2, "libcurl");
    return 1;
}

static const luaL_Reg functions[] = {
    {"libraries", versions_libraries},
    {NULL,        NULL              },
};

int luaopen_watchbot_versions(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
