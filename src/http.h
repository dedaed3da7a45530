/* http: a request in, a response out. libcurl's multi interface, driven by the loop
 * (multi_socket_action). No Lua.
 *
 * A request is sent at most once unless it may be repeated: libcurl itself sends any request again,
 * up to five times, if a connection that it had kept open fails before a response, and by then a
 * POST may have been applied. So a call that is not idempotent fails with HTTP_CONNECTION_LOST
 * instead; kept connections that the server has closed are detected before anything is sent on
 * them, and replaced silently. HTTP/1.1 only: each long poll has its own connection, and a failure
 * affects only one. Certificates are always verified, redirects never followed, content never
 * decoded. */
#ifndef WATCHBOT_HTTP_H
#define WATCHBOT_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "loop.h"
#include "multi.h"

/* How a call can fail. Up to HTTP_LAST_UNSENT the request has not been sent, so it cannot have been
 * applied. */
enum http_failure {
    HTTP_OK,
    HTTP_BAD_URL,         /* no http or https URL, or one with a user name in it */
    HTTP_NO_MEMORY,       /* before it was sent */
    HTTP_RESOLVE_FAILED,  /* no address for the host, or for the proxy */
    HTTP_CONNECT_FAILED,  /* refused, unreachable, or the proxy refused */
    HTTP_CONNECT_TIMEOUT, /* no connection, TLS included, within the time for it */
    HTTP_TLS_FAILED,      /* the server's certificate was refused, or the CA file cannot be read */
    HTTP_LAST_UNSENT = HTTP_TLS_FAILED,
    HTTP_TIMEOUT,         /* no whole answer within the time for the call */
    HTTP_CONNECTION_LOST, /* closed or reset before a whole answer */
    HTTP_TRUNCATED,       /* the answer ended early */
    HTTP_TOO_LARGE,       /* the answer went past the limit */
    HTTP_BAD_RESPONSE,    /* the answer was not HTTP */
    HTTP_FAILURES
};

/* "ConnectFailed" for HTTP_CONNECT_FAILED. */
const char *http_failure_name(enum http_failure failure);
bool http_failure_unsent(enum http_failure failure);

/* The request. Read while http_start runs; only the body must be valid until the call is done or
 * closed. */
struct http_request {
    const char *method; /* HEAD cannot have a body */
    const char *url;
    const char *body; /* NULL: none; an empty one is sent as Content-Length: 0 */
    size_t body_size;
    const char *ca_file;              /* NULL: $AWS_CA_BUNDLE, $SSL_CERT_FILE, then the system's */
    const char *cert_file, *key_file; /* PEM of a client certificate; a key may be in its file */
    int64_t connect_timeout, timeout; /* nanoseconds, above 0; `timeout` is for the whole call */
    size_t limit;                     /* bytes of the response's body at most */
    bool direct;                      /* never through a proxy, whatever the environment says */
    /* It may be sent again if its connection fails before a response (RFC 9110, 9.2.2). */
    bool idempotent;
};

/* The connections of one loop. */
struct http_client {
    struct loop *loop; /* NULL: closed */
    struct multi multi;
    struct http_call *first; /* under way */
};

enum { HTTP_WHY_SIZE = 512, HTTP_ORIGIN_SIZE = 288 };

/* One request under way and its response, embedded in the struct of its owner. Zeroed: none. */
struct http_call {
    void (*done)(
        struct http_call
            *call); /* set by the owner; called from the loop, never from within http_start */
    enum http_failure failure;
    char why[HTTP_WHY_SIZE]; /* of a failure: "could not reach https://host: connection refused" */
    long status;
    struct buffer
        headers; /* lines "Name: value" of the final response, each with its CRLF; no trailers */
    struct buffer body;

    struct http_client *client; /* NULL: not under way */
    struct http_call *next, *previous;
    CURL *easy;
    struct curl_slist *sent_headers;
    /* "https://host:port", all that a message may show: a path can be a secret too */
    char origin[HTTP_ORIGIN_SIZE];
    const char *proxy; /* the variable that names a proxy for it, or NULL */
    int64_t connect_timeout, timeout;
    size_t limit;
    const char *exceeded; /* "body" or "headers": what passed the limit */
    bool idempotent, sent, ended_headers;
};

/* Loads and starts libcurl, which costs about 8 MB and 15 ms. Does nothing on an open client; a
 * closed one is zeroed. NULL, or the error. */
const char *http_open(struct http_client *client, struct loop *loop);

/* Closes running calls without notifying their owners. Does nothing on a zeroed client. */
void http_close(struct http_client *client);

/* Adds a header to a call that has not been started. It is sent unchanged, and only Host and
 * Content-Length are added. The name must be a token, the value without line breaks and NUL. False:
 * no memory. */
bool http_add_header(struct http_call *call, const char *name, const char *value);

/* False: it has already failed (`failure`, `why`), and `done` will not be called. */
bool http_start(struct http_client *client, struct http_call *call,
                const struct http_request *request);

/* Ends the call if it is running, and frees all its memory. Does nothing on a zeroed call. */
void http_end(struct http_call *call);

#endif
