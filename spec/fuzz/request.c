/* request.c: a request reads the same however its bytes are cut; what is complete is within its
 * limits, and Debian's http-parser, a reader of other hands, sees the same method, target and body
 * in it. The first byte says how the bytes are cut. */
#include "request.h"

#include <string.h>

#include "fuzz.h"

#ifdef HAVE_HTTP_PARSER
#include <http_parser.h>
#endif

enum { HEAD = 1024, BODY = 512, CHUNK_LINE = 1024 };

static size_t read_in_pieces(struct request *request, const char *data, size_t size, size_t piece) {
    size_t at = 0;
    while (at < size && request->state != REQUEST_COMPLETE && request->state != REQUEST_BAD) {
        size_t part = size - at < piece ? size - at : piece;
        size_t taken = request_feed(request, data + at, part);
        HOLDS(taken <= part);
        HOLDS(taken == part || request->state == REQUEST_COMPLETE || request->state == REQUEST_BAD);
        at += taken;
    }
    return at;
}

static void check_whole(const struct request *request) {
    HOLDS(request->body.size <= BODY && request->head.size <= HEAD + CHUNK_LINE);
    if (request->state == REQUEST_BAD) HOLDS(request->status >= 400 && request->why);
    if (request->state != REQUEST_COMPLETE) return;
    HOLDS(strlen(request_method(request)) > 0 && strlen(request_target(request)) > 0);
    for (size_t i = 0; i < request->headers + request->trailers; i++) {
        const char *head = buffer_data(&request->head);
        HOLDS(request->fields[i].value < request->head.size);
        HOLDS(strlen(head + request->fields[i].name) > 0);
    }
}

static void check_same(const struct request *one, const struct request *other) {
    HOLDS(one->state == other->state && one->status == other->status);
    if (one->state != REQUEST_COMPLETE) return;
    HOLDS(strcmp(request_method(one), request_method(other)) == 0);
    HOLDS(strcmp(request_target(one), request_target(other)) == 0);
    HOLDS(one->headers == other->headers && one->trailers == other->trailers);
    HOLDS(one->over == other->over && one->keep_alive == other->keep_alive);
    if (one->over) return;
    HOLDS(one->body.size == other->body.size);
    HOLDS(one->body.size == 0 ||
          memcmp(buffer_data(&one->body), buffer_data(&other->body), one->body.size) == 0);
}

#ifdef HAVE_HTTP_PARSER
struct other {
    http_parser parser;
    struct buffer target, body;
    bool complete;
};

static int on_url(http_parser *parser, const char *data, size_t size) {
    buffer_append(&((struct other *)parser)->target, data, size);
    return 0;
}

static int on_body(http_parser *parser, const char *data, size_t size) {
    buffer_append(&((struct other *)parser)->body, data, size);
    return 0;
}

static int on_complete(http_parser *parser) {
    ((struct other *)parser)->complete = true;
    http_parser_pause(parser, 1);
    return 0;
}

/* What it does not know, or checks more narrowly than RFC 9110 does: names of methods, targets. */
static bool is_narrow(enum http_errno error) {
    return error == HPE_INVALID_METHOD || error == HPE_INVALID_URL || error == HPE_INVALID_HOST ||
           error == HPE_INVALID_PATH || error == HPE_INVALID_VERSION ||
           error == HPE_INVALID_TRANSFER_ENCODING; /* also for "Transfer-Encodings" */
}

static void check_other(const struct request *request, const char *data, size_t size) {
    static const http_parser_settings settings = {
        .on_url = on_url, .on_body = on_body, .on_message_complete = on_complete};
    struct other other = {0};
    http_parser_init(&other.parser, HTTP_REQUEST);
    http_parser_execute(&other.parser, &settings, data, size);
    enum http_errno error = HTTP_PARSER_ERRNO(&other.parser);
    if (!is_narrow(error)) {
        HOLDS(other.complete);
        HOLDS(strcmp(http_method_str(other.parser.method), request_method(request)) == 0);
        HOLDS(other.target.size == strlen(request_target(request)));
        HOLDS(other.body.size == request->body.size);
        HOLDS(other.body.size == 0 ||
              memcmp(buffer_data(&other.body), buffer_data(&request->body), other.body.size) == 0);
    }
    buffer_free(&other.target);
    buffer_free(&other.body);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data + 1;
    if (size == 0) return 0;
    struct request whole = {.head_limit = HEAD, .body_limit = BODY}, pieces = whole;
    size_t taken = read_in_pieces(&whole, text, size - 1, size);
    size_t cut = read_in_pieces(&pieces, text, size - 1, data[0] % 9 + 1u);
    check_whole(&whole);
    check_same(&whole, &pieces);
    if (whole.state == REQUEST_COMPLETE && !whole.over) HOLDS(taken == cut);
#ifdef HAVE_HTTP_PARSER
    if (whole.state == REQUEST_COMPLETE && !whole.over) check_other(&whole, text, taken);
#endif
    request_reset(&whole);
    request_reset(&pieces);
    return 0;
}
