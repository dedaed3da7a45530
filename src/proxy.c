#include "proxy.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "compat.h"

/* An empty variable means no proxy, and hides later ones. */
static const char *first_set(const char *const *names) {
    while (*names && !getenv(*names)) names++;
    return *names && *getenv(*names) ? *names : NULL;
}

/* "example.com" and ".example.com" mean the host and all its subdomains. */
static bool covers(const char *name, size_t size, const char *host) {
    size_t length = strlen(host);
    if (size > 0 && name[0] == '.') {
        name++;
        size--;
    }
    if (size == 0 || size > length) return false;
    const char *tail = host + length - size;
    return strncasecmp(tail, name, size) == 0 && (tail == host || tail[-1] == '.');
}

static bool is_direct(const char *host) {
    static const char *const names[] = {"no_proxy", "NO_PROXY", NULL};
    const char *variable = first_set(names);
    const char *at = variable ? getenv(variable) : "";
    if (strcmp(at, "*") == 0) return true;
    while (*at) {
        size_t size = strcspn(at, ", ");
        if (covers(at, size, host)) return true;
        at += size;
        at += strspn(at, ", ");
    }
    return false;
}

const char *proxy_variable(const char *scheme, const char *host) {
    static const char *const clear[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const tls[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    const char *variable = first_set(strcasecmp(scheme, "https") == 0 ? tls : clear);
    return variable && !is_direct(host) ? variable : NULL;
}

bool proxy_usable(const char *variable) {
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    const char *value = getenv(variable);
    const char *end = value ? strstr(value, "://") : NULL;
    if (!end) return true;
    for (size_t i = 0; i < countof(schemes); i++) {
        if (strlen(schemes[i]) == (size_t)(end - value) &&
            strncasecmp(schemes[i], value, (size_t)(end - value)) == 0) {
            return true;
        }
    }
    return false;
}
