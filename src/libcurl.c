#include "libcurl.h"

#ifdef WATCHBOT_STATIC

struct libcurl libcurl = {
#define LIBCURL_ENTRY(name) .name = curl_##name,
    LIBCURL_FUNCTIONS(LIBCURL_ENTRY)
#undef LIBCURL_ENTRY
};

const char *libcurl_load(void) {
    return NULL;
}

#else

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "compat.h"

/* The name by which programs are linked to it, since 2006: https://curl.se/libcurl/abi.html */
#define LIBRARY "libcurl.so.4"

struct libcurl libcurl;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char failure[256]; /* empty: loaded */

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define LIBCURL_ENTRY(name) {"curl_" #name, offsetof(struct libcurl, name)},
    LIBCURL_FUNCTIONS(LIBCURL_ENTRY)
#undef LIBCURL_ENTRY
};

static void fail(void) {
    const char *why = dlerror();
    snprintf(failure, sizeof failure, "%s", why ? why : LIBRARY " lacks a function");
}

/* It is never unloaded: a thread that it has made may still be looking up a name when the last
 * request is gone. */
static void load(void) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) return fail();
    for (size_t i = 0; i < countof(functions); i++) {
        void *function = dlsym(library, functions[i].name);
        if (!function) return fail();
        memcpy((char *)&libcurl + functions[i].offset, &function, sizeof function);
    }
}

const char *libcurl_load(void) {
    pthread_once(&once, load);
    return failure[0] ? failure : NULL;
}

#endif
