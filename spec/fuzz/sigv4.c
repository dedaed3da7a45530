/* sigv4.c: any request can be signed, or is refused; a cached key signs as a new one
 * does. The input's parts, with 0xFF between them, are the texts of the request and the scope, then
 * names and values of headers. */
#include "sigv4.h"

#include <string.h>

#include "fuzz.h"

enum { TEXTS = 9, PARTS = TEXTS + 2 * (SIGV4_MOST + 2) };

static size_t split(const char *data, size_t size, struct sigv4_text parts[PARTS]) {
    size_t count = 0;
    for (const char *end = data + size; count < PARTS;) {
        const char *stop = data < end ? memchr(data, 0xFF, (size_t)(end - data)) : NULL;
        parts[count++] = (struct sigv4_text){data, (size_t)((stop ? stop : end) - data)};
        if (!stop) return count;
        data = stop + 1;
    }
    return count;
}

typedef bool sign_function(struct sigv4 *, const struct sigv4_request *, const struct sigv4_scope *,
                           struct sigv4_result *);

static bool sign(struct sigv4 *sigv4, sign_function *function, const struct sigv4_request *request,
                 const struct sigv4_scope *scope, struct buffer *out) {
    struct sigv4_result result = {.authorization = out};
    buffer_clear(out);
    return function(sigv4, request, scope, &result);
}

static void sign_twice(sign_function *function, const struct sigv4_request *request,
                       const struct sigv4_scope *scope) {
    static struct sigv4 kept;
    struct sigv4 fresh = {0};
    struct buffer first = {0}, second = {0};
    HOLDS((kept.sha256.context || sigv4_open(&kept)) && sigv4_open(&fresh));
    bool signed_first = sign(&kept, function, request, scope, &first);
    HOLDS(signed_first == sign(&fresh, function, request, scope, &second));
    if (signed_first) {
        HOLDS(first.size == second.size && first.size >= 64);
        HOLDS(memcmp(buffer_data(&first), buffer_data(&second), first.size) == 0);
    }
    buffer_free(&first);
    buffer_free(&second);
    sigv4_close(&fresh);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct sigv4_text parts[PARTS];
    static struct sigv4_pair headers[SIGV4_MOST + 1];
    if (size < 2) return 0;
    for (size_t i = 0; i < PARTS; i++) parts[i] = (struct sigv4_text){"", 0};
    size_t count = split((const char *)data + 2, size - 2, parts);
    size_t header_count = count > TEXTS ? (count - TEXTS) / 2 : 0;
    for (size_t i = 0; i < header_count && i < SIGV4_MOST + 1; i++) {
        headers[i] = (struct sigv4_pair){parts[TEXTS + 2 * i], parts[TEXTS + 2 * i + 1]};
    }
    struct sigv4_request request = {parts[0], parts[1], parts[2], parts[3], headers, header_count};
    struct sigv4_scope scope = {
        .access_key = parts[4],
        .secret_key = parts[5],
        .token = parts[6],
        .region = parts[7],
        .service = parts[8],
        .time = (time_t)data[1] << 30,
        .expires = data[1] * 1000L,
        .raw_path = data[0] & 1,
        .encoded_path = data[0] & 2,
        .unsigned_token = data[0] & 4,
        .content_sha256 = data[0] & 8,
    };
    sign_twice(data[0] & 16 ? sigv4_sign_headers : sigv4_sign_query, &request, &scope);
    return 0;
}
