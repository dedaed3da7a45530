/* request: parses one HTTP/1.1 request from bytes, for a server (RFC 9110, RFC 9112). No sockets,
 * no clock, no Lua. Strict: input that two parsers could understand differently is refused, because
 * a proxy in front may be the other one (request smuggling).
 *
 * Zeroed except for its two limits, it is ready for request_feed. request_reset frees its memory
 * and prepares it for the next request. */
#ifndef WATCHBOT_REQUEST_H
#define WATCHBOT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"

enum request_state {
    REQUEST_EMPTY,    /* no byte of it has come */
    REQUEST_HEAD,     /* the request line and the fields are being read */
    REQUEST_BODY,     /* the head can be read; the body is coming */
    REQUEST_COMPLETE, /* all is there, or the body is over its limit */
    REQUEST_BAD,      /* it is to be answered with `status`, and the connection closed */
};

enum request_step {
    REQUEST_LINES,
    REQUEST_SIZED,
    REQUEST_CHUNK_SIZE,
    REQUEST_CHUNK,
    REQUEST_CHUNK_END,
    REQUEST_TRAILERS
};

/* Both texts end with a NUL and contain no other; the value has no spaces around it. */
struct request_field {
    size_t name, value; /* offsets in `head` */
};

struct request {
    size_t head_limit, body_limit; /* bytes; trailers count as head. Set by the owner */
    enum request_state state;
    int status;      /* of a bad one: 400, 414, 417, 431, 500, 501, 505 */
    const char *why; /* the reason for people */
    int minor;       /* 0: HTTP/1.0 */
    bool keep_alive; /* whether the connection may be used for another one */
    bool expects;    /* the client waits for 100 (Continue) before it sends the body */
    bool over;       /* the body is larger than its limit: the rest of it was not read */
    struct buffer body;
    struct request_field *fields; /* the headers, then the trailers */
    size_t headers, trailers, room;

    struct buffer head; /* its lines, with a NUL in place of each separator */
    size_t target;      /* offset of the request target; the method is at 0 */
    enum request_step step;
    size_t line; /* where the current line begins in `head` */
    bool chunked, skipped;
    uint64_t left; /* bytes of the body, or of a chunk */
};

/* Takes bytes, at most up to the end of the request; returns how many. After the end, or if it is
 * bad, none. */
size_t request_feed(struct request *request, const char *data, size_t size);

/* Clears the request; the limits are kept. */
void request_reset(struct request *request);

/* From REQUEST_BODY on. */
const char *request_method(const struct request *request);
const char *request_target(const struct request *request);

/* The value of the first header with this name, case-insensitive; NULL without one. */
const char *request_header(const struct request *request, const char *name);

#endif
