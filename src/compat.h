/* compat: the differences between Lua 5.4 releases and between compilers, in one place. Everything
 * here is a macro or a static inline; nothing depends on the rest of watchbot. */
#ifndef WATCHBOT_COMPAT_H
#define WATCHBOT_COMPAT_H

#include <stddef.h>

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM != 504
#error "watchbot needs Lua 5.4"
#endif

/* lua_closethread came with 5.4.6; Debian 12 has 5.4.4, whose lua_resetthread closes the same
 * variables. */
#if LUA_VERSION_RELEASE_NUM >= 50406
#define compat_closethread(thread, from) lua_closethread(thread, from)
#else
#define compat_closethread(thread, from) ((void)(from), lua_resetthread(thread))
#endif

/* The struct that a handle is embedded in. */
#define container_of(pointer, type, member) \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define countof(array) (sizeof(array) / sizeof((array)[0]))

/* The only symbol that a Lua module exports; everything else has hidden visibility. */
#define EXPORTED __attribute__((visibility("default")))

#define PRINTF_LIKE(format, first) __attribute__((format(printf, format, first)))

#endif
