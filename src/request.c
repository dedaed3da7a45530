#include "request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FIELDS_AT_MOST = 1000, FIRST_FIELDS = 16, CHUNK_LINE_AT_MOST = 1024, CHUNK_DIGITS = 15 };

static bool refuse(struct request *request, int status, const char *why) {
    request->state = REQUEST_BAD;
    request->status = status;
    request->why = why;
    request->keep_alive = false;
    return false;
}

static bool no_memory(struct request *request) {
    return refuse(request, 500, "not enough memory");
}

static char *text_at(const struct request *request, size_t offset) {
    return buffer_data(&request->head) + offset;
}

/* characters: RFC 9110, 5.6.2 and 5.5 */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_token(char c) {
    if (is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

static bool is_value(char c) {
    unsigned char byte = (unsigned char)c;
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_target(char c) {
    return c > 0x20 && c < 0x7f;
}

static size_t span(const char *text, size_t size, bool (*is)(char)) {
    size_t count = 0;
    while (count < size && is(text[count])) count++;
    return count;
}

/* lists of tokens */

static bool same_word(const char *word, size_t size, const char *wanted) {
    return size == strlen(wanted) && strncasecmp(word, wanted, size) == 0;
}

/* Whether a comma-separated list has the word. */
static bool list_has(const char *list, const char *wanted) {
    while (*list) {
        size_t size = strcspn(list, ",");
        size_t before = span(list, size, is_blank);
        size_t end = size;
        while (end > before && is_blank(list[end - 1])) end--;
        if (same_word(list + before, end - before, wanted)) return true;
        list += size + (list[size] == ',');
    }
    return false;
}

static bool any_header_has(const struct request *request, const char *name, const char *wanted) {
    for (size_t i = 0; i < request->headers; i++) {
        const struct request_field *field = &request->fields[i];
        if (strcasecmp(text_at(request, field->name), name) == 0 &&
            list_has(text_at(request, field->value), wanted))
            return true;
    }
    return false;
}

static size_t count_headers(const struct request *request, const char *name) {
    size_t count = 0;
    for (size_t i = 0; i < request->headers; i++)
        count += strcasecmp(text_at(request, request->fields[i].name), name) == 0;
    return count;
}

/* the request line: RFC 9112, 3 */

static bool check_target(struct request *request, const char *target) {
    if (target[0] == '/' || strcmp(target, "*") == 0) return true;
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0)
        return true;
    return refuse(request, 400, "the request target is no path and no URL");
}

/* A higher minor version is read as 1.1: RFC 9110, 2.5. */
static bool read_version(struct request *request, const char *version, size_t size) {
    if (size != 8 || memcmp(version, "HTTP/", 5) != 0 || !is_digit(version[5]) ||
        version[6] != '.' || !is_digit(version[7]))
        return refuse(request, 400, "the request line does not end with an HTTP version");
    if (version[5] != '1') return refuse(request, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
    request->minor = version[7] == '0' ? 0 : 1;
    return true;
}

static bool read_request_line(struct request *request, char *line, size_t size) {
    size_t method = span(line, size, is_token);
    if (method == 0 || method == size || line[method] != ' ')
        return refuse(request, 400, "the request line does not begin with a method");
    size_t begin = method + 1;
    size_t target = span(line + begin, size - begin, is_target);
    size_t end = begin + target;
    if (target == 0 || end == size || line[end] != ' ')
        return refuse(request, 400, "the request line has no request target");
    if (!read_version(request, line + end + 1, size - end - 1)) return false;
    line[method] = line[end] = '\0';
    request->target = request->line + begin;
    return check_target(request, line + begin);
}

/* fields: RFC 9112, 5 */

static bool add_field(struct request *request, size_t name, size_t value) {
    size_t count = request->headers + request->trailers;
    if (count == FIELDS_AT_MOST) return refuse(request, 431, "too many header fields");
    if (count == request->room) {
        size_t room = request->room ? request->room * 2 : FIRST_FIELDS;
        struct request_field *fields = realloc(request->fields, room * sizeof *fields);
        if (!fields) return no_memory(request);
        request->fields = fields;
        request->room = room;
    }
    request->fields[count] = (struct request_field){name, value};
    if (request->step == REQUEST_TRAILERS) {
        request->trailers++;
    } else {
        request->headers++;
    }
    return true;
}

static bool read_field(struct request *request, char *line, size_t size) {
    size_t name = span(line, size, is_token);
    if (is_blank(line[0])) return refuse(request, 400, "a header field is folded");
    if (name == 0 || name == size || line[name] != ':')
        return refuse(request, 400, "a header field has no name before a colon");
    size_t begin = name + 1;
    begin += span(line + begin, size - begin, is_blank);
    while (size > begin && is_blank(line[size - 1])) size--;
    if (span(line + begin, size - begin, is_value) != size - begin)
        return refuse(request, 400, "a header field holds a control character");
    line[name] = line[size] = '\0';
    return add_field(request, request->line, request->line + begin);
}

/* the end of the head: what the body will be, RFC 9112, 6 */

static bool read_length(struct request *request, const char *text) {
    uint64_t length = 0;
    if (!*text) return refuse(request, 400, "Content-Length is empty");
    for (; *text; text++) {
        if (!is_digit(*text)) return refuse(request, 400, "Content-Length is no number");
        if (length > (INT64_MAX - 9) / 10)
            return refuse(request, 400, "Content-Length is too large");
        length = length * 10 + (uint64_t)(*text - '0');
    }
    request->left = length;
    request->over = length > request->body_limit;
    return true;
}

static bool read_coding(struct request *request, size_t lengths, size_t codings) {
    if (lengths > 0)
        return refuse(request, 400, "both Content-Length and Transfer-Encoding are given");
    if (request->minor == 0) return refuse(request, 400, "Transfer-Encoding in HTTP/1.0");
    if (codings > 1 || strcasecmp(request_header(request, "Transfer-Encoding"), "chunked") != 0)
        return refuse(request, 501, "the only transfer coding that is understood is chunked");
    request->chunked = true;
    return true;
}

static bool read_framing(struct request *request) {
    size_t lengths = count_headers(request, "Content-Length");
    size_t codings = count_headers(request, "Transfer-Encoding");
    if (codings > 0) return read_coding(request, lengths, codings);
    if (lengths > 1) return refuse(request, 400, "more than one Content-Length");
    return lengths == 0 || read_length(request, request_header(request, "Content-Length"));
}

static bool read_host(struct request *request) {
    size_t hosts = count_headers(request, "Host");
    if (hosts > 1) return refuse(request, 400, "more than one Host");
    if (hosts == 0 && request->minor > 0) return refuse(request, 400, "Host is missing");
    if (hosts == 1 && strpbrk(request_header(request, "Host"), " \t/@?#\\,"))
        return refuse(request, 400, "Host is no host name");
    return true;
}

static bool read_expectation(struct request *request) {
    const char *expect = request_header(request, "Expect");
    if (!expect || request->minor == 0) return true;
    if (strcasecmp(expect, "100-continue") != 0)
        return refuse(request, 417, "the only expectation that is understood is 100-continue");
    request->expects = true;
    return true;
}

static void end_request(struct request *request) {
    request->state = REQUEST_COMPLETE;
    if (request->over) request->keep_alive = false;
}

static void begin_body(struct request *request) {
    request->state = REQUEST_BODY;
    request->step = request->chunked ? REQUEST_CHUNK_SIZE : REQUEST_SIZED;
    if (request->over || (!request->chunked && request->left == 0)) end_request(request);
}

static bool end_head(struct request *request) {
    if (!read_host(request) || !read_framing(request) || !read_expectation(request)) return false;
    request->keep_alive = request->minor > 0 ? !any_header_has(request, "Connection", "close")
                                             : any_header_has(request, "Connection", "keep-alive");
    request->line = request->head.size;
    begin_body(request);
    return true;
}

/* One empty line before the request line is skipped: RFC 9112, 2.2. */
static bool read_head_line(struct request *request, char *line, size_t size) {
    if (request->line == 0 && size == 0) {
        if (request->skipped) return refuse(request, 400, "empty lines before the request line");
        request->skipped = true;
        request->head.size = 0;
        return true;
    }
    if (size == 0) return end_head(request);
    bool good = request->line == 0 ? read_request_line(request, line, size)
                                   : read_field(request, line, size);
    request->line = request->head.size;
    return good;
}

/* chunks: RFC 9112, 7.1. Extensions are skipped. */

static int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_chunk_size(struct request *request, const char *line, size_t size) {
    size_t digits = 0;
    uint64_t length = 0;
    while (digits < size && hex_digit(line[digits]) >= 0) {
        length = length * 16 + (uint64_t)hex_digit(line[digits]);
        if (++digits > CHUNK_DIGITS) return refuse(request, 400, "a chunk is too large");
    }
    size_t behind = digits + span(line + digits, size - digits, is_blank);
    if (digits == 0 || (behind < size ? line[behind] != ';' : behind != digits))
        return refuse(request, 400, "a chunk does not begin with its size");
    if (span(line + behind, size - behind, is_value) != size - behind)
        return refuse(request, 400, "a chunk extension holds a control character");
    request->head.size = request->line;
    request->left = length;
    request->step = length == 0 ? REQUEST_TRAILERS : REQUEST_CHUNK;
    request->over = length > request->body_limit - request->body.size;
    if (request->over) end_request(request);
    return true;
}

/* A reader that merges trailers with headers would read another body: RFC 9110, 6.5.1. */
static bool is_framing(const char *name) {
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

static bool read_trailer(struct request *request, char *line, size_t size) {
    if (size == 0) {
        end_request(request);
        return true;
    }
    bool good = read_field(request, line, size);
    if (good && is_framing(line)) good = refuse(request, 400, "a trailer about the framing");
    request->line = request->head.size;
    return good;
}

static bool end_chunk(struct request *request, size_t size) {
    if (size > 0) return refuse(request, 400, "a chunk is longer than its size");
    request->head.size = request->line;
    request->step = REQUEST_CHUNK_SIZE;
    return true;
}

/* lines */

static bool read_line(struct request *request, char *line, size_t size) {
    switch (request->step) {
    case REQUEST_CHUNK_SIZE: return read_chunk_size(request, line, size);
    case REQUEST_CHUNK_END: return end_chunk(request, size);
    case REQUEST_TRAILERS: return read_trailer(request, line, size);
    default: return read_head_line(request, line, size);
    }
}

static size_t line_room(const struct request *request) {
    size_t used = request->head.size - request->line;
    if (request->step == REQUEST_CHUNK_END) return used < 2 ? 2 - used : 0;
    if (request->step == REQUEST_CHUNK_SIZE)
        return used < CHUNK_LINE_AT_MOST ? CHUNK_LINE_AT_MOST - used : 0;
    return request->head.size < request->head_limit ? request->head_limit - request->head.size : 0;
}

static bool refuse_length(struct request *request) {
    if (request->step == REQUEST_CHUNK_END)
        return refuse(request, 400, "a chunk is longer than its size");
    if (request->step == REQUEST_CHUNK_SIZE)
        return refuse(request, 400, "the line of a chunk's size is too long");
    if (request->step == REQUEST_LINES && request->line == 0)
        return refuse(request, 414, "the request line is too long");
    return refuse(request, 431, "the header fields are too large");
}

/* Takes the rest of a line, or what there is of it. */
static size_t feed_line(struct request *request, const char *data, size_t size) {
    size_t room = line_room(request);
    const char *newline = memchr(data, '\n', size < room ? size : room);
    size_t taken = newline ? (size_t)(newline - data) + 1 : size;
    if (taken > room) {
        refuse_length(request);
        return 0;
    }
    if (!buffer_append(&request->head, data, taken)) no_memory(request);
    if (!newline || request->state == REQUEST_BAD) return taken;
    char *line = text_at(request, request->line);
    size_t length = request->head.size - request->line;
    if (length < 2 || line[length - 2] != '\r') {
        refuse(request, 400, "a line does not end with CR and LF");
    } else {
        line[length - 2] = line[length - 1] = '\0';
        read_line(request, line, length - 2);
    }
    return taken;
}

static size_t feed_body(struct request *request, const char *data, size_t size) {
    size_t taken = size < request->left ? size : (size_t)request->left;
    if (!buffer_append(&request->body, data, taken)) {
        no_memory(request);
        return 0;
    }
    request->left -= taken;
    if (request->left > 0) return taken;
    if (request->chunked) {
        request->step = REQUEST_CHUNK_END;
    } else {
        end_request(request);
    }
    return taken;
}

size_t request_feed(struct request *request, const char *data, size_t size) {
    size_t taken = 0;
    if (size > 0 && request->state == REQUEST_EMPTY) request->state = REQUEST_HEAD;
    while (taken < size && (request->state == REQUEST_HEAD || request->state == REQUEST_BODY)) {
        bool counted = request->step == REQUEST_SIZED || request->step == REQUEST_CHUNK;
        taken += counted ? feed_body(request, data + taken, size - taken)
                         : feed_line(request, data + taken, size - taken);
    }
    return taken;
}

void request_reset(struct request *request) {
    size_t head_limit = request->head_limit, body_limit = request->body_limit;
    buffer_free(&request->head);
    buffer_free(&request->body);
    free(request->fields);
    *request = (struct request){.head_limit = head_limit, .body_limit = body_limit};
}

/* what was read */

const char *request_method(const struct request *request) {
    return text_at(request, 0);
}

const char *request_target(const struct request *request) {
    return text_at(request, request->target);
}

const char *request_header(const struct request *request, const char *name) {
    for (size_t i = 0; i < request->headers; i++) {
        if (strcasecmp(text_at(request, request->fields[i].name), name) == 0)
            return text_at(request, request->fields[i].value);
    }
    return NULL;
}
