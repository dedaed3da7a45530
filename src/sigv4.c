#include "sigv4.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

enum { OWN_PAIRS = 6, DAY_SIZE = 8, HEX_SIZE = 2 * DIGEST_SHA256_SIZE };

#define TEXT(literal) ((struct sigv4_text){literal, sizeof(literal) - 1})

/* Up to SIGV4_MOST of the caller's, and what is added here. */
struct pairs {
    struct sigv4_pair list[SIGV4_MOST + OWN_PAIRS];
    size_t count;
};

/* Appends to a buffer; after a failure it does nothing, and the failure is asked for once, at the
 * end. */
struct writer {
    struct buffer *buffer;
    bool failed;
};

static void put(struct writer *writer, const char *data, size_t size) {
    if (!writer->failed && !buffer_append(writer->buffer, data, size)) writer->failed = true;
}

static void put_text(struct writer *writer, struct sigv4_text text) {
    put(writer, text.data, text.size);
}

static void put_string(struct writer *writer, const char *string) {
    put(writer, string, strlen(string));
}

static void put_hex(struct writer *writer, const unsigned char digest[DIGEST_SHA256_SIZE]) {
    char hex[HEX_SIZE];
    digest_hex(digest, DIGEST_SHA256_SIZE, hex);
    put(writer, hex, sizeof hex);
}

/* encoding */

/* RFC 3986, 2.3 */
static bool is_unreserved(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' || byte == '~';
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return -1;
}

/* The byte that a %XX at `data` stands for, or -1 where there is none. */
static int decode(const char *data, size_t size) {
    if (size < 3 || data[0] != '%') return -1;
    int high = hex_value(data[1]), low = hex_value(data[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

enum encoding { ENCODE_ALL, ENCODE_SLASH_NOT, ENCODE_ONCE = 4 };

/* ENCODE_ONCE takes each %XX for the byte it stands for, so that what is encoded already
 * stays so. */
static void put_encoded(struct writer *writer, struct sigv4_text text, unsigned encoding) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        int decoded = encoding & ENCODE_ONCE ? decode(text.data + i, text.size - i) : -1;
        char byte = (char)(decoded >= 0 ? decoded : text.data[i]);
        if (decoded >= 0) i += 2;
        if (is_unreserved(byte) || (byte == '/' && decoded < 0 && encoding & ENCODE_SLASH_NOT)) {
            put(writer, &byte, 1);
        } else {
            char escaped[3] = {'%', digits[(unsigned char)byte >> 4], digits[byte & 15]};
            put(writer, escaped, sizeof escaped);
        }
    }
}

/* the path */

static size_t segment_size(struct sigv4_text path) {
    const char *slash = memchr(path.data, '/', path.size);
    return slash ? (size_t)(slash - path.data) : path.size;
}

static bool is_segment(struct sigv4_text segment, const char *name) {
    return segment.size == strlen(name) && memcmp(segment.data, name, segment.size) == 0;
}

/* Takes the last segment, with the slash before it, off what has been written since `start`. */
static void drop_segment(struct buffer *buffer, size_t start) {
    while (buffer->size > start && buffer_data(buffer)[buffer->size - 1] != '/') buffer->size--;
    if (buffer->size > start) buffer->size--;
}

/* RFC 3986, 5.2.4, and no empty segments: "//a/./b/../" becomes "/a/". */
static void put_normal_path(struct writer *writer, struct sigv4_text path, unsigned encoding) {
    size_t start = writer->buffer->size;
    bool open = true; /* the path ends in a slash */
    while (path.size > 0) {
        struct sigv4_text segment = {path.data, segment_size(path)};
        bool last = segment.size == path.size;
        bool up = is_segment(segment, ".."),
             nothing = up || segment.size == 0 || is_segment(segment, ".");
        if (up) drop_segment(writer->buffer, start);
        if (!nothing) {
            put_string(writer, "/");
            put_encoded(writer, segment, encoding);
        }
        open = nothing || !last;
        path.data += segment.size + !last;
        path.size -= segment.size + !last;
    }
    if (open) put_string(writer, "/");
}

static void put_path(struct writer *writer, struct sigv4_text path,
                     const struct sigv4_scope *scope) {
    unsigned encoding = ENCODE_SLASH_NOT | (scope->encoded_path ? ENCODE_ONCE : 0);
    if (path.size == 0) path = TEXT("/");
    if (scope->raw_path) {
        put_encoded(writer, path, encoding);
    } else {
        put_normal_path(writer, path, encoding);
    }
}

/* pairs */

static bool add_pair(struct pairs *pairs, struct sigv4_text name, struct sigv4_text value) {
    if (pairs->count == SIGV4_MOST + OWN_PAIRS) return false;
    pairs->list[pairs->count++] = (struct sigv4_pair){name, value};
    return true;
}

static char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

static int compare_text(struct sigv4_text a, struct sigv4_text b) {
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_parameters(const struct sigv4_pair *a, const struct sigv4_pair *b) {
    int order = compare_text(a->name, b->name);
    return order ? order : compare_text(a->value, b->value);
}

static int compare_headers(const struct sigv4_pair *a, const struct sigv4_pair *b) {
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    for (size_t i = 0; i < shorter; i++) {
        int order = lower(a->name.data[i]) - lower(b->name.data[i]);
        if (order) return order;
    }
    return (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

/* By insertion: the lists are short and nearly sorted, and equal headers have to keep
 * their order. */
static void sort(struct pairs *pairs,
                 int (*compare)(const struct sigv4_pair *, const struct sigv4_pair *)) {
    for (size_t i = 1; i < pairs->count; i++) {
        struct sigv4_pair moving = pairs->list[i];
        size_t place = i;
        for (; place > 0 && compare(&pairs->list[place - 1], &moving) > 0; place--) {
            pairs->list[place] = pairs->list[place - 1];
        }
        pairs->list[place] = moving;
    }
}

/* the query */

static struct sigv4_text encoded(struct writer *writer, struct sigv4_text text, unsigned encoding) {
    size_t start = writer->buffer->size;
    put_encoded(writer, text, encoding);
    return (struct sigv4_text){buffer_data(writer->buffer) + start, writer->buffer->size - start};
}

/* Splits the query at "&" and "="; the encoded names and values are in the writer's buffer, which
 * must not move. */
static bool read_query(struct writer *writer, struct sigv4_text query, struct pairs *pairs) {
    while (query.size > 0) {
        const char *end = memchr(query.data, '&', query.size);
        size_t size = end ? (size_t)(end - query.data) : query.size;
        const char *equals = memchr(query.data, '=', size);
        size_t name_size = equals ? (size_t)(equals - query.data) : size;
        struct sigv4_text name = {query.data, name_size};
        struct sigv4_text value = {query.data + name_size + !!equals, size - name_size - !!equals};
        if (size > 0 &&
            (pairs->count == SIGV4_MOST || !add_pair(pairs, encoded(writer, name, ENCODE_ONCE),
                                                     encoded(writer, value, ENCODE_ONCE)))) {
            return false;
        }
        query.data += size + !!end;
        query.size -= size + !!end;
    }
    return true;
}

static void put_query(struct writer *writer, const struct pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (i > 0) put_string(writer, "&");
        put_text(writer, pairs->list[i].name);
        put_string(writer, "=");
        put_text(writer, pairs->list[i].value);
    }
}

/* headers */

static void put_lower(struct writer *writer, struct sigv4_text text) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = lower(text.data[i]);
        put(writer, &byte, 1);
    }
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Without blanks at its ends, and with one space for each run of them, folded lines included. */
static void put_value(struct writer *writer, struct sigv4_text value) {
    size_t start = 0;
    bool first = true;
    for (;;) {
        while (start < value.size && is_blank(value.data[start])) start++;
        if (start == value.size) return;
        size_t end = start;
        while (end < value.size && !is_blank(value.data[end])) end++;
        if (!first) put_string(writer, " ");
        put(writer, value.data + start, end - start);
        start = end;
        first = false;
    }
}

static bool same_name(const struct pairs *headers, size_t a, size_t b) {
    return b < headers->count && compare_headers(&headers->list[a], &headers->list[b]) == 0;
}

static void put_headers(struct writer *writer, const struct pairs *headers) {
    for (size_t i = 0; i < headers->count; i++) {
        put_lower(writer, headers->list[i].name);
        put_string(writer, ":");
        put_value(writer, headers->list[i].value);
        while (same_name(headers, i, i + 1)) {
            put_string(writer, ",");
            put_value(writer, headers->list[++i].value);
        }
        put_string(writer, "\n");
    }
}

static void put_names(struct writer *writer, const struct pairs *headers, const char *separator) {
    for (size_t i = 0; i < headers->count; i++) {
        if (i > 0) put_string(writer, separator);
        put_lower(writer, headers->list[i].name);
        while (same_name(headers, i, i + 1)) i++;
    }
}

/* the signature */

static void put_scope(struct writer *writer, const struct sigv4_scope *scope, const char *date,
                      const char *slash) {
    put(writer, date, DAY_SIZE);
    put_string(writer, slash);
    put_text(writer, scope->region);
    put_string(writer, slash);
    put_text(writer, scope->service);
    put_string(writer, slash);
    put_string(writer, "aws4_request");
}

static bool takes(const char **at, size_t *left, struct sigv4_text part) {
    size_t prefix = sizeof part.size;
    if (*left < prefix + part.size || memcmp(*at, &part.size, prefix) != 0) return false;
    if (memcmp(*at + prefix, part.data, part.size) != 0) return false;
    *at += prefix + part.size;
    *left -= prefix + part.size;
    return true;
}

static bool is_key_of(const struct sigv4 *sigv4, const struct sigv4_text parts[4]) {
    const char *at = buffer_data(&sigv4->identity);
    size_t left = sigv4->identity.size;
    for (int i = 0; i < 4; i++) {
        if (left == 0 || !takes(&at, &left, parts[i])) return false;
    }
    return left == 0;
}

static bool derive_key(struct sigv4 *sigv4, const struct sigv4_text parts[4]) {
    struct writer writer = {&sigv4->scratch, false};
    unsigned char *key = sigv4->key;
    buffer_clear(&sigv4->scratch);
    put_string(&writer, "AWS4");
    put_text(&writer, parts[0]);
    if (writer.failed || !digest_hmac(&sigv4->sha256, buffer_data(&sigv4->scratch),
                                      sigv4->scratch.size, parts[1].data, parts[1].size, key)) {
        return false;
    }
    for (int i = 2; i < 4; i++) {
        if (!digest_hmac(&sigv4->sha256, key, DIGEST_SHA256_SIZE, parts[i].data, parts[i].size,
                         key))
            return false;
    }
    return digest_hmac(&sigv4->sha256, key, DIGEST_SHA256_SIZE, "aws4_request",
                       strlen("aws4_request"), key);
}

static void forget_key(struct sigv4 *sigv4) {
    if (sigv4->identity.memory) OPENSSL_cleanse(sigv4->identity.memory, sigv4->identity.capacity);
    buffer_clear(&sigv4->identity);
}

static bool find_key(struct sigv4 *sigv4, const struct sigv4_scope *scope, const char *date) {
    const struct sigv4_text parts[4] = {
        scope->secret_key, {date, DAY_SIZE},
         scope->region, scope->service
    };
    if (is_key_of(sigv4, parts)) return true;
    forget_key(sigv4);
    if (!derive_key(sigv4, parts)) return false;
    struct writer writer = {&sigv4->identity, false};
    for (int i = 0; i < 4; i++) {
        put(&writer, (const char *)&parts[i].size, sizeof parts[i].size);
        put_text(&writer, parts[i]);
    }
    if (writer.failed) forget_key(sigv4);
    return !writer.failed;
}

static bool put_string_to_sign(struct sigv4 *sigv4, const struct sigv4_scope *scope,
                               const char *date) {
    struct writer writer = {&sigv4->scratch, false};
    unsigned char digest[DIGEST_SHA256_SIZE];
    if (!digest_bytes(&sigv4->sha256, buffer_data(&sigv4->canonical), sigv4->canonical.size,
                      digest))
        return false;
    buffer_clear(&sigv4->scratch);
    put_string(&writer, "AWS4-HMAC-SHA256\n");
    put_string(&writer, date);
    put_string(&writer, "\n");
    put_scope(&writer, scope, date, "/");
    put_string(&writer, "\n");
    put_hex(&writer, digest);
    return !writer.failed;
}

/* Signs what stands in sigv4->canonical, and appends the signature. */
static bool put_signature(struct sigv4 *sigv4, const struct sigv4_scope *scope,
                          const struct sigv4_result *result) {
    struct writer writer = {result->authorization, false};
    unsigned char signature[DIGEST_SHA256_SIZE];
    if (!find_key(sigv4, scope, result->date) || !put_string_to_sign(sigv4, scope, result->date))
        return false;
    if (!digest_hmac(&sigv4->sha256, sigv4->key, DIGEST_SHA256_SIZE, buffer_data(&sigv4->scratch),
                     sigv4->scratch.size, signature)) {
        return false;
    }
    put_hex(&writer, signature);
    return !writer.failed;
}

static bool put_canonical(struct sigv4 *sigv4, const struct sigv4_request *request,
                          const struct sigv4_scope *scope, const struct pairs *parameters,
                          const struct pairs *headers, const struct sigv4_result *result) {
    struct writer writer = {&sigv4->canonical, false};
    buffer_clear(&sigv4->canonical);
    put_text(&writer, request->method);
    put_string(&writer, "\n");
    put_path(&writer, request->path, scope);
    put_string(&writer, "\n");
    put_query(&writer, parameters);
    put_string(&writer, "\n");
    put_headers(&writer, headers);
    put_string(&writer, "\n");
    put_names(&writer, headers, ";");
    put_string(&writer, "\n");
    put(&writer, result->content_sha256, HEX_SIZE);
    return !writer.failed;
}

/* both forms */

static bool set_date(struct sigv4_result *result, time_t time) {
    struct tm parts;
    return gmtime_r(&time, &parts) &&
           strftime(result->date, sizeof result->date, "%Y%m%dT%H%M%SZ", &parts) == 16;
}

/* What both forms begin with: the date, the body's digest, and the caller's headers. */
static bool prepare(struct sigv4 *sigv4, const struct sigv4_request *request,
                    const struct sigv4_scope *scope, struct pairs *headers,
                    struct sigv4_result *result) {
    unsigned char digest[DIGEST_SHA256_SIZE];
    if (request->header_count > SIGV4_MOST || !set_date(result, scope->time)) return false;
    if (!digest_bytes(&sigv4->sha256, request->body.data, request->body.size, digest)) return false;
    digest_hex(digest, sizeof digest, result->content_sha256);
    headers->count = request->header_count;
    if (headers->count > 0)
        memcpy(headers->list, request->headers, headers->count * sizeof headers->list[0]);
    buffer_clear(&sigv4->scratch);
    return true;
}

/* Room for all that put_encoded may write: the texts that point into the scratch buffer need it to
 * stay where it is. */
static bool reserve_encoded(struct sigv4 *sigv4, const struct sigv4_request *request,
                            const struct sigv4_scope *scope) {
    enum { DATE_AND_NUMBER = 64 };
    size_t plain = request->query.size + scope->token.size + scope->access_key.size +
                   scope->region.size + scope->service.size;
    for (size_t i = 0; i < request->header_count; i++) plain += request->headers[i].name.size + 1;
    return buffer_reserve(&sigv4->scratch, 3 * (plain + DATE_AND_NUMBER)) != NULL;
}

bool sigv4_sign_headers(struct sigv4 *sigv4, const struct sigv4_request *request,
                        const struct sigv4_scope *scope, struct sigv4_result *result) {
    struct pairs headers, parameters = {.count = 0};
    struct writer scratch = {&sigv4->scratch, false}, out = {result->authorization, false};
    if (!prepare(sigv4, request, scope, &headers, result) ||
        !reserve_encoded(sigv4, request, scope))
        return false;
    if (!read_query(&scratch, request->query, &parameters)) return false;
    add_pair(&headers, TEXT("x-amz-date"), (struct sigv4_text){result->date, SIGV4_DATE_SIZE - 1});
    if (scope->token.size > 0 && !scope->unsigned_token)
        add_pair(&headers, TEXT("x-amz-security-token"), scope->token);
    if (scope->content_sha256) {
        add_pair(&headers, TEXT("x-amz-content-sha256"),
                 (struct sigv4_text){result->content_sha256, HEX_SIZE});
    }
    sort(&headers, compare_headers);
    sort(&parameters, compare_parameters);
    if (scratch.failed || !put_canonical(sigv4, request, scope, &parameters, &headers, result))
        return false;

    put_string(&out, "AWS4-HMAC-SHA256 Credential=");
    put_text(&out, scope->access_key);
    put_string(&out, "/");
    put_scope(&out, scope, result->date, "/");
    put_string(&out, ", SignedHeaders=");
    put_names(&out, &headers, ";");
    put_string(&out, ", Signature=");
    return !out.failed && put_signature(sigv4, scope, result);
}

/* The parameters that a signed query has besides the request's own. */
static void add_parameters(struct writer *scratch, const struct sigv4_scope *scope,
                           const struct pairs *headers, const char *date,
                           struct pairs *parameters) {
    char expires[24];
    size_t size = (size_t)snprintf(expires, sizeof expires, "%ld", scope->expires);
    size_t start = scratch->buffer->size;
    put_encoded(scratch, scope->access_key, ENCODE_ALL);
    put_string(scratch, "%2F");
    put_scope(scratch, scope, date, "%2F");
    struct sigv4_text credential = {buffer_data(scratch->buffer) + start,
                                    scratch->buffer->size - start};
    start = scratch->buffer->size;
    put(scratch, expires, size);
    struct sigv4_text number = {buffer_data(scratch->buffer) + start, size};
    start = scratch->buffer->size;
    put_names(scratch, headers, "%3B");
    struct sigv4_text names = {buffer_data(scratch->buffer) + start, scratch->buffer->size - start};

    add_pair(parameters, TEXT("X-Amz-Algorithm"), TEXT("AWS4-HMAC-SHA256"));
    add_pair(parameters, TEXT("X-Amz-Credential"), credential);
    add_pair(parameters, TEXT("X-Amz-Date"), (struct sigv4_text){date, SIGV4_DATE_SIZE - 1});
    add_pair(parameters, TEXT("X-Amz-Expires"), number);
    add_pair(parameters, TEXT("X-Amz-SignedHeaders"), names);
}

bool sigv4_sign_query(struct sigv4 *sigv4, const struct sigv4_request *request,
                      const struct sigv4_scope *scope, struct sigv4_result *result) {
    struct pairs headers, parameters = {.count = 0};
    struct writer scratch = {&sigv4->scratch, false}, out = {result->authorization, false};
    if (!prepare(sigv4, request, scope, &headers, result) ||
        !reserve_encoded(sigv4, request, scope))
        return false;
    if (!read_query(&scratch, request->query, &parameters)) return false;
    sort(&headers, compare_headers);
    add_parameters(&scratch, scope, &headers, result->date, &parameters);
    struct sigv4_text token = encoded(&scratch, scope->token, ENCODE_ALL);
    if (token.size > 0 && !scope->unsigned_token)
        add_pair(&parameters, TEXT("X-Amz-Security-Token"), token);
    sort(&parameters, compare_parameters);
    if (scratch.failed || !put_canonical(sigv4, request, scope, &parameters, &headers, result))
        return false;

    put_query(&out, &parameters);
    if (token.size > 0 && scope->unsigned_token) {
        put_string(&out, "&X-Amz-Security-Token=");
        put_text(&out, token);
    }
    put_string(&out, "&X-Amz-Signature=");
    return !out.failed && put_signature(sigv4, scope, result);
}

bool sigv4_open(struct sigv4 *sigv4) {
    return digest_open(&sigv4->sha256, "SHA256");
}

static void wipe(struct buffer *buffer) {
    if (buffer->memory) OPENSSL_cleanse(buffer->memory, buffer->capacity);
    buffer_free(buffer);
}

void sigv4_close(struct sigv4 *sigv4) {
    digest_close(&sigv4->sha256);
    OPENSSL_cleanse(sigv4->key, sizeof sigv4->key);
    wipe(&sigv4->identity);
    wipe(&sigv4->canonical);
    wipe(&sigv4->scratch);
}
