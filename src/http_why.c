#define _GNU_SOURCE /* strerrordesc_np: glibc 2.32 */
#include "http_why.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "proxy.h"

enum { WORDS_SIZE = CURL_ERROR_SIZE };

static const char *const names[HTTP_FAILURES] = {
    [HTTP_OK] = "OK",
    [HTTP_BAD_URL] = "BadUrl",
    [HTTP_NO_MEMORY] = "NoMemory",
    [HTTP_RESOLVE_FAILED] = "ResolveFailed",
    [HTTP_CONNECT_FAILED] = "ConnectFailed",
    [HTTP_CONNECT_TIMEOUT] = "ConnectTimeout",
    [HTTP_TLS_FAILED] = "TlsFailed",
    [HTTP_TIMEOUT] = "Timeout",
    [HTTP_CONNECTION_LOST] = "ConnectionLost",
    [HTTP_TRUNCATED] = "Truncated",
    [HTTP_TOO_LARGE] = "TooLarge",
    [HTTP_BAD_RESPONSE] = "BadResponse",
};

const char *http_failure_name(enum http_failure failure) {
    return names[failure];
}

bool http_failure_unsent(enum http_failure failure) {
    return failure != HTTP_OK && failure <= HTTP_LAST_UNSENT;
}

static enum http_failure classify_unsent(CURLcode result) {
    switch (result) {
    case CURLE_OUT_OF_MEMORY: return HTTP_NO_MEMORY;
    case CURLE_URL_MALFORMAT: return HTTP_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return HTTP_RESOLVE_FAILED;
    case CURLE_OPERATION_TIMEDOUT: return HTTP_CONNECT_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR: return HTTP_TLS_FAILED;
    default: return HTTP_CONNECT_FAILED;
    }
}

enum http_failure http_classify(const struct http_call *call, CURLcode result) {
    if (result == CURLE_OK)
        return call->ended_headers ? HTTP_OK : HTTP_TRUNCATED; /* libcurl finds half a head good */
    if (!call->sent) return classify_unsent(result);
    if (call->exceeded) return HTTP_TOO_LARGE;
    switch (result) {
    case CURLE_OPERATION_TIMEDOUT: return HTTP_TIMEOUT;
    case CURLE_PARTIAL_FILE: return HTTP_TRUNCATED;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: return HTTP_BAD_RESPONSE;
    default: return HTTP_CONNECTION_LOST;
    }
}

/* words */

static const char *beginning(enum http_failure failure) {
    if (failure == HTTP_BAD_URL) return "cannot use";
    if (failure == HTTP_BAD_RESPONSE) return "invalid HTTP response from";
    return http_failure_unsent(failure) ? "could not reach" : "incomplete response from";
}

/* "Connection refused" begins small in the middle of a message, "SSL certificate problem"
 * does not. */
void http_explain(struct http_call *call, const char *words) {
    bool word = words[0] && islower((unsigned char)words[1]);
    int first = word ? tolower((unsigned char)words[0]) : words[0];
    int size =
        snprintf(call->why, sizeof call->why, "%s %s", beginning(call->failure), call->origin);
    if (!words[0] || size < 0 || (size_t)size >= sizeof call->why) return;
    snprintf(call->why + size, sizeof call->why - (size_t)size, ": %c%s", first, words + 1);
}

static double seconds(int64_t nanoseconds) {
    return (double)nanoseconds / (double)CLOCK_SECOND;
}

/* The system's own words, or nothing. */
static const char *system_words(const struct http_call *call, CURLcode result) {
    long error = 0;
    libcurl.easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &error);
    if (result == CURLE_COULDNT_CONNECT && !error) error = call->client->multi.open_error;
    return error ? strerrordesc_np((int)error) : NULL;
}

/* A proxy that stands between may be what refuses. */
static void explain_proxy(const struct http_call *call, CURLcode result, char *words) {
    long status = 0;
    const char *system = system_words(call, result);
    libcurl.easy_getinfo(call->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (!proxy_usable(call->proxy)) {
        snprintf(words, WORDS_SIZE, "the proxy that %s names cannot be used", call->proxy);
    } else if (status != 0 && status / 100 != 2) {
        snprintf(words, WORDS_SIZE, "the proxy that %s names refused: HTTP status %ld", call->proxy,
                 status);
    } else {
        snprintf(words, WORDS_SIZE, "%s (through the proxy that %s names)",
                 system ? system : libcurl.easy_strerror(result), call->proxy);
    }
}

static void explain_connect(const struct http_call *call, CURLcode result, char *words) {
    if (call->proxy) {
        explain_proxy(call, result, words);
        return;
    }
    const char *system = system_words(call, result);
    snprintf(words, WORDS_SIZE, "%s", system ? system : libcurl.easy_strerror(result));
}

static void explain_resolve(const struct http_call *call, CURLcode result, char *words) {
    if (result == CURLE_COULDNT_RESOLVE_PROXY && call->proxy) {
        snprintf(words, WORDS_SIZE, "could not resolve the name of the proxy that %s names",
                 call->proxy);
    } else {
        snprintf(words, WORDS_SIZE, "could not resolve the host name");
    }
}

/* An end before the whole answer. */
static void explain_late(const struct http_call *call, char *words) {
    switch (call->failure) {
    case HTTP_CONNECTION_LOST: snprintf(words, WORDS_SIZE, "the connection was lost"); break;
    case HTTP_TRUNCATED:
        snprintf(words, WORDS_SIZE, "the connection was lost before its end");
        break;
    case HTTP_TOO_LARGE:
        snprintf(words, WORDS_SIZE, "the %s passed the limit of %zu bytes", call->exceeded,
                 call->limit);
        break;
    case HTTP_TIMEOUT:
        snprintf(words, WORDS_SIZE, "timed out after %g s, with %zu bytes of the body",
                 seconds(call->timeout), call->body.size);
        break;
    default: break;
    }
}

static void explain_slow_connect(const struct http_call *call, char *words) {
    if (call->proxy) {
        snprintf(words, WORDS_SIZE, "no connection within %g s (through the proxy that %s names)",
                 seconds(call->connect_timeout), call->proxy);
    } else {
        snprintf(words, WORDS_SIZE, "no connection within %g s", seconds(call->connect_timeout));
    }
}

void http_explain_result(struct http_call *call, CURLcode result, const char *libcurls) {
    char words[WORDS_SIZE] = "";
    switch (call->failure) {
    case HTTP_NO_MEMORY: snprintf(words, sizeof words, "not enough memory"); break;
    case HTTP_RESOLVE_FAILED: explain_resolve(call, result, words); break;
    case HTTP_CONNECT_FAILED: explain_connect(call, result, words); break;
    case HTTP_CONNECT_TIMEOUT: explain_slow_connect(call, words); break;
    case HTTP_TLS_FAILED:
        snprintf(words, sizeof words, "%s", *libcurls ? libcurls : libcurl.easy_strerror(result));
        break;
    case HTTP_BAD_URL: snprintf(words, sizeof words, "%s", libcurl.easy_strerror(result)); break;
    default: explain_late(call, words); break;
    }
    http_explain(call, words);
}
