/* proxy: which environment variable names the proxy of a request, for error messages. libcurl
 * chooses the proxy by the same rules: https://curl.se/libcurl/c/libcurl-env.html */
#ifndef WATCHBOT_PROXY_H
#define WATCHBOT_PROXY_H

#include <stdbool.h>

/* "https_proxy", or NULL if none is set, or if no_proxy excludes the host. */
const char *proxy_variable(const char *scheme, const char *host);

/* Whether libcurl supports the kind of proxy in the variable. */
bool proxy_usable(const char *variable);

#endif
