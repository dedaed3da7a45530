/* proxy: which variable of the environment names the proxy for a request, for the words of its
 * failures. Which proxy is used, libcurl decides by the same rules:
 * https://curl.se/libcurl/c/libcurl-env.html */
#ifndef WATCHBOT_PROXY_H
#define WATCHBOT_PROXY_H

#include <stdbool.h>

/* "https_proxy", or NULL where none is set, or no_proxy says that the host is reached without. */
const char *proxy_variable(const char *scheme, const char *host);

/* Whether libcurl knows the kind of the proxy that the variable names. */
bool proxy_usable(const char *variable);

#endif
