/* sigv4: AWS Signature Version 4. Signs a request in a scope: a pure function of its arguments.
 * Sits on digest.c. See "AWS Signature Version 4 for API requests" in the IAM User Guide.
 *
 * The request's path and query are as sent over the wire. Memory of the caller is only read. The
 * signing key, which takes four HMACs, is kept in the caller's struct sigv4 for the next request of
 * the same day, region, service and secret. */
#ifndef WATCHBOT_SIGV4_H
#define WATCHBOT_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "buffer.h"
#include "digest.h"

enum { SIGV4_MOST = 64, SIGV4_DATE_SIZE = 17 };

struct sigv4_text {
    const char *data;
    size_t size;
};

/* A header, or a parameter of the query. */
struct sigv4_pair {
    struct sigv4_text name, value;
};

/* Headers may be in any order and case; equal names are joined in order. They must include Host.
 * They must not include headers that this adds (x-amz-date and so on), nor those that a proxy may
 * change (user-agent, connection). */
struct sigv4_request {
    struct sigv4_text method, path, query, body;
    const struct sigv4_pair *headers;
    size_t header_count;
};

struct sigv4_scope {
    struct sigv4_text access_key, secret_key, token; /* token: empty if there is none */
    struct sigv4_text region, service;
    time_t time;
    long expires;        /* seconds that a signed query is good for */
    bool raw_path;       /* leave "//", "/./" and "/../" in the path as they are */
    bool encoded_path;   /* the path's %XX are kept, as S3 does; other services encode once more */
    bool unsigned_token; /* the token is added after signing */
    bool content_sha256; /* sign and send X-Amz-Content-Sha256, which S3 asks for */
    bool unsigned_payload; /* the body is not signed: a signed query of S3 */
};

/* What is kept between requests, and scratch space. Zeroed: closed. */
struct sigv4 {
    struct digest sha256;
    struct buffer
        identity; /* whose key it is: the secret, day, region and service, each behind its size */
    unsigned char key[DIGEST_SHA256_SIZE];
    struct buffer canonical; /* the canonical request of the last signature */
    struct buffer scratch;   /* its string to sign */
};

/* The output for a signed request. `authorization` is the header's value, or the query that
 * replaces the request's. */
struct sigv4_result {
    struct buffer *authorization;
    char date[SIGV4_DATE_SIZE];                  /* 20150830T123600Z */
    char content_sha256[2 * DIGEST_SHA256_SIZE]; /* no NUL */
};

bool sigv4_open(struct sigv4 *sigv4);

/* Wipes and frees; does nothing on a closed one. */
void sigv4_close(struct sigv4 *sigv4);

/* Append to result->authorization, in the form of the header or of the query. False: no memory,
 * more than SIGV4_MOST headers or parameters, or OpenSSL failed. */
bool sigv4_sign_headers(struct sigv4 *sigv4, const struct sigv4_request *request,
                        const struct sigv4_scope *scope, struct sigv4_result *result);
bool sigv4_sign_query(struct sigv4 *sigv4, const struct sigv4_request *request,
                      const struct sigv4_scope *scope, struct sigv4_result *result);

#endif
