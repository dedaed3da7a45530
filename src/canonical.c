#include "canonical.h"

#include <string.h>

void canonical_put(struct writer *writer, const char *data, size_t size) {
    if (!writer->failed && !buffer_append(writer->buffer, data, size)) writer->failed = true;
}

void canonical_text(struct writer *writer, struct sigv4_text text) {
    canonical_put(writer, text.data, text.size);
}

void canonical_string(struct writer *writer, const char *string) {
    canonical_put(writer, string, strlen(string));
}

void canonical_hex(struct writer *writer, const unsigned char digest[DIGEST_SHA256_SIZE]) {
    char hex[HEX_SIZE];
    digest_hex(digest, DIGEST_SHA256_SIZE, hex);
    canonical_put(writer, hex, sizeof hex);
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

/* The byte of a %XX at `data`, or -1 if there is none. */
static int decode(const char *data, size_t size) {
    if (size < 3 || data[0] != '%') return -1;
    int high = hex_value(data[1]), low = hex_value(data[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void canonical_encoded(struct writer *writer, struct sigv4_text text, unsigned encoding) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.size; i++) {
        int decoded = encoding & ENCODE_ONCE ? decode(text.data + i, text.size - i) : -1;
        char byte = (char)(decoded >= 0 ? decoded : text.data[i]);
        if (decoded >= 0) i += 2;
        if (is_unreserved(byte) || (byte == '/' && decoded < 0 && encoding & ENCODE_SLASH_NOT)) {
            canonical_put(writer, &byte, 1);
        } else {
            char escaped[3] = {'%', digits[(unsigned char)byte >> 4], digits[byte & 15]};
            canonical_put(writer, escaped, sizeof escaped);
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

/* Removes the last segment, with the slash before it, from the text written since `start`. */
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
            canonical_string(writer, "/");
            canonical_encoded(writer, segment, encoding);
        }
        open = nothing || !last;
        path.data += segment.size + !last;
        path.size -= segment.size + !last;
    }
    if (open) canonical_string(writer, "/");
}

void canonical_path(struct writer *writer, struct sigv4_text path,
                    const struct sigv4_scope *scope) {
    unsigned encoding = ENCODE_SLASH_NOT | (scope->encoded_path ? ENCODE_ONCE : 0);
    if (path.size == 0) path = TEXT("/");
    if (scope->raw_path) {
        canonical_encoded(writer, path, encoding);
    } else {
        put_normal_path(writer, path, encoding);
    }
}

/* pairs */

bool canonical_add(struct pairs *pairs, struct sigv4_text name, struct sigv4_text value) {
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

int canonical_by_name_and_value(const struct sigv4_pair *a, const struct sigv4_pair *b) {
    int order = compare_text(a->name, b->name);
    return order ? order : compare_text(a->value, b->value);
}

int canonical_by_name(const struct sigv4_pair *a, const struct sigv4_pair *b) {
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    for (size_t i = 0; i < shorter; i++) {
        int order = lower(a->name.data[i]) - lower(b->name.data[i]);
        if (order) return order;
    }
    return (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

/* By insertion: the lists are short and nearly sorted, and equal headers have to keep
 * their order. */
void canonical_sort(struct pairs *pairs,
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

struct sigv4_text canonical_encode(struct writer *writer, struct sigv4_text text,
                                   unsigned encoding) {
    size_t start = writer->buffer->size;
    canonical_encoded(writer, text, encoding);
    return (struct sigv4_text){buffer_data(writer->buffer) + start, writer->buffer->size - start};
}

bool canonical_read_query(struct writer *writer, struct sigv4_text query, struct pairs *pairs) {
    while (query.size > 0) {
        const char *end = memchr(query.data, '&', query.size);
        size_t size = end ? (size_t)(end - query.data) : query.size;
        const char *equals = memchr(query.data, '=', size);
        size_t name_size = equals ? (size_t)(equals - query.data) : size;
        struct sigv4_text name = {query.data, name_size};
        struct sigv4_text value = {query.data + name_size + !!equals, size - name_size - !!equals};
        if (size > 0 && (pairs->count == SIGV4_MOST ||
                         !canonical_add(pairs, canonical_encode(writer, name, ENCODE_ONCE),
                                        canonical_encode(writer, value, ENCODE_ONCE)))) {
            return false;
        }
        query.data += size + !!end;
        query.size -= size + !!end;
    }
    return true;
}

void canonical_query(struct writer *writer, const struct pairs *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (i > 0) canonical_string(writer, "&");
        canonical_text(writer, pairs->list[i].name);
        canonical_string(writer, "=");
        canonical_text(writer, pairs->list[i].value);
    }
}

/* headers */

static void put_lower(struct writer *writer, struct sigv4_text text) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = lower(text.data[i]);
        canonical_put(writer, &byte, 1);
    }
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Without spaces at its ends, and with one space for each run of them, including folded lines. */
static void put_value(struct writer *writer, struct sigv4_text value) {
    size_t start = 0;
    bool first = true;
    for (;;) {
        while (start < value.size && is_blank(value.data[start])) start++;
        if (start == value.size) return;
        size_t end = start;
        while (end < value.size && !is_blank(value.data[end])) end++;
        if (!first) canonical_string(writer, " ");
        canonical_put(writer, value.data + start, end - start);
        start = end;
        first = false;
    }
}

static bool same_name(const struct pairs *headers, size_t a, size_t b) {
    return b < headers->count && canonical_by_name(&headers->list[a], &headers->list[b]) == 0;
}

void canonical_headers(struct writer *writer, const struct pairs *headers) {
    for (size_t i = 0; i < headers->count; i++) {
        put_lower(writer, headers->list[i].name);
        canonical_string(writer, ":");
        put_value(writer, headers->list[i].value);
        while (same_name(headers, i, i + 1)) {
            canonical_string(writer, ",");
            put_value(writer, headers->list[++i].value);
        }
        canonical_string(writer, "\n");
    }
}

void canonical_names(struct writer *writer, const struct pairs *headers, const char *separator) {
    for (size_t i = 0; i < headers->count; i++) {
        if (i > 0) canonical_string(writer, separator);
        put_lower(writer, headers->list[i].name);
        while (same_name(headers, i, i + 1)) i++;
    }
}
