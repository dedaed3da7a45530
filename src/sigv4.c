#include "sigv4.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include "canonical.h"

enum { DAY_SIZE = 8 };

/* the signature */

static void put_scope(struct writer *writer, const struct sigv4_scope *scope, const char *date,
                      const char *slash) {
    canonical_put(writer, date, DAY_SIZE);
    canonical_string(writer, slash);
    canonical_text(writer, scope->region);
    canonical_string(writer, slash);
    canonical_text(writer, scope->service);
    canonical_string(writer, slash);
    canonical_string(writer, "aws4_request");
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
    canonical_string(&writer, "AWS4");
    canonical_text(&writer, parts[0]);
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
        scope->secret_key,
        {date, DAY_SIZE},
        scope->region,
        scope->service,
    };
    if (is_key_of(sigv4, parts)) return true;
    forget_key(sigv4);
    if (!derive_key(sigv4, parts)) return false;
    struct writer writer = {&sigv4->identity, false};
    for (int i = 0; i < 4; i++) {
        canonical_put(&writer, (const char *)&parts[i].size, sizeof parts[i].size);
        canonical_text(&writer, parts[i]);
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
    canonical_string(&writer, "AWS4-HMAC-SHA256\n");
    canonical_string(&writer, date);
    canonical_string(&writer, "\n");
    put_scope(&writer, scope, date, "/");
    canonical_string(&writer, "\n");
    canonical_hex(&writer, digest);
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
    canonical_hex(&writer, signature);
    return !writer.failed;
}

static bool put_canonical(struct sigv4 *sigv4, const struct sigv4_request *request,
                          const struct sigv4_scope *scope, const struct pairs *parameters,
                          const struct pairs *headers, const struct sigv4_result *result) {
    struct writer writer = {&sigv4->canonical, false};
    buffer_clear(&sigv4->canonical);
    canonical_text(&writer, request->method);
    canonical_string(&writer, "\n");
    canonical_path(&writer, request->path, scope);
    canonical_string(&writer, "\n");
    canonical_query(&writer, parameters);
    canonical_string(&writer, "\n");
    canonical_headers(&writer, headers);
    canonical_string(&writer, "\n");
    canonical_names(&writer, headers, ";");
    canonical_string(&writer, "\n");
    if (scope->unsigned_payload) {
        canonical_string(&writer, "UNSIGNED-PAYLOAD");
    } else {
        canonical_put(&writer, result->content_sha256, HEX_SIZE);
    }
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
    if (!canonical_read_query(&scratch, request->query, &parameters)) return false;
    canonical_add(&headers, TEXT("x-amz-date"),
                  (struct sigv4_text){result->date, SIGV4_DATE_SIZE - 1});
    if (scope->token.size > 0 && !scope->unsigned_token)
        canonical_add(&headers, TEXT("x-amz-security-token"), scope->token);
    if (scope->content_sha256) {
        canonical_add(&headers, TEXT("x-amz-content-sha256"),
                      (struct sigv4_text){result->content_sha256, HEX_SIZE});
    }
    canonical_sort(&headers, canonical_by_name);
    canonical_sort(&parameters, canonical_by_name_and_value);
    if (scratch.failed || !put_canonical(sigv4, request, scope, &parameters, &headers, result))
        return false;

    canonical_string(&out, "AWS4-HMAC-SHA256 Credential=");
    canonical_text(&out, scope->access_key);
    canonical_string(&out, "/");
    put_scope(&out, scope, result->date, "/");
    canonical_string(&out, ", SignedHeaders=");
    canonical_names(&out, &headers, ";");
    canonical_string(&out, ", Signature=");
    return !out.failed && put_signature(sigv4, scope, result);
}

/* The parameters that a signed query has besides the request's own. */
static void add_parameters(struct writer *scratch, const struct sigv4_scope *scope,
                           const struct pairs *headers, const char *date,
                           struct pairs *parameters) {
    char expires[24];
    size_t size = (size_t)snprintf(expires, sizeof expires, "%ld", scope->expires);
    size_t start = scratch->buffer->size;
    canonical_encoded(scratch, scope->access_key, ENCODE_ALL);
    canonical_string(scratch, "%2F");
    put_scope(scratch, scope, date, "%2F");
    struct sigv4_text credential = {buffer_data(scratch->buffer) + start,
                                    scratch->buffer->size - start};
    start = scratch->buffer->size;
    canonical_put(scratch, expires, size);
    struct sigv4_text number = {buffer_data(scratch->buffer) + start, size};
    start = scratch->buffer->size;
    canonical_names(scratch, headers, "%3B");
    struct sigv4_text names = {buffer_data(scratch->buffer) + start, scratch->buffer->size - start};

    canonical_add(parameters, TEXT("X-Amz-Algorithm"), TEXT("AWS4-HMAC-SHA256"));
    canonical_add(parameters, TEXT("X-Amz-Credential"), credential);
    canonical_add(parameters, TEXT("X-Amz-Date"), (struct sigv4_text){date, SIGV4_DATE_SIZE - 1});
    canonical_add(parameters, TEXT("X-Amz-Expires"), number);
    canonical_add(parameters, TEXT("X-Amz-SignedHeaders"), names);
}

bool sigv4_sign_query(struct sigv4 *sigv4, const struct sigv4_request *request,
                      const struct sigv4_scope *scope, struct sigv4_result *result) {
    struct pairs headers, parameters = {.count = 0};
    struct writer scratch = {&sigv4->scratch, false}, out = {result->authorization, false};
    if (!prepare(sigv4, request, scope, &headers, result) ||
        !reserve_encoded(sigv4, request, scope))
        return false;
    if (!canonical_read_query(&scratch, request->query, &parameters)) return false;
    canonical_sort(&headers, canonical_by_name);
    add_parameters(&scratch, scope, &headers, result->date, &parameters);
    struct sigv4_text token = canonical_encode(&scratch, scope->token, ENCODE_ALL);
    if (token.size > 0 && !scope->unsigned_token)
        canonical_add(&parameters, TEXT("X-Amz-Security-Token"), token);
    canonical_sort(&parameters, canonical_by_name_and_value);
    if (scratch.failed || !put_canonical(sigv4, request, scope, &parameters, &headers, result))
        return false;

    canonical_query(&out, &parameters);
    if (token.size > 0 && scope->unsigned_token) {
        canonical_string(&out, "&X-Amz-Security-Token=");
        canonical_text(&out, token);
    }
    canonical_string(&out, "&X-Amz-Signature=");
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
