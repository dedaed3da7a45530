/* canonical: the parts of a canonical request of AWS Signature Version 4: path, query and headers,
 * encoded and sorted. Sits on buffer.c; sigv4.c signs what it makes. */
#ifndef WATCHBOT_CANONICAL_H
#define WATCHBOT_CANONICAL_H

#include "sigv4.h"

enum { OWN_PAIRS = 6, HEX_SIZE = 2 * DIGEST_SHA256_SIZE };

#define TEXT(literal) ((struct sigv4_text){literal, sizeof(literal) - 1})

/* Up to SIGV4_MOST of the caller's, and what is added here. */
struct pairs {
    struct sigv4_pair list[SIGV4_MOST + OWN_PAIRS];
    size_t count;
};

/* Appends to a buffer; after a failure it does nothing, and the caller checks for the failure once,
 * at the end. */
struct writer {
    struct buffer *buffer;
    bool failed;
};

void canonical_put(struct writer *writer, const char *data, size_t size);
void canonical_text(struct writer *writer, struct sigv4_text text);
void canonical_string(struct writer *writer, const char *string);
void canonical_hex(struct writer *writer, const unsigned char digest[DIGEST_SHA256_SIZE]);

/* ENCODE_ONCE decodes each %XX first, so that encoded text is unchanged. */
enum encoding { ENCODE_ALL, ENCODE_SLASH_NOT, ENCODE_ONCE = 4 };
void canonical_encoded(struct writer *writer, struct sigv4_text text, unsigned encoding);

/* The same; returns the encoded text, which is in the writer's buffer. */
struct sigv4_text canonical_encode(struct writer *writer, struct sigv4_text text,
                                   unsigned encoding);

/* The path, normalized unless the scope says otherwise. */
void canonical_path(struct writer *writer, struct sigv4_text path, const struct sigv4_scope *scope);

/* False when there are too many. */
bool canonical_add(struct pairs *pairs, struct sigv4_text name, struct sigv4_text value);

/* The orders of parameters and of headers, for canonical_sort, which keeps the order of equals. */
int canonical_by_name_and_value(const struct sigv4_pair *a, const struct sigv4_pair *b);
int canonical_by_name(const struct sigv4_pair *a, const struct sigv4_pair *b);
void canonical_sort(struct pairs *pairs,
                    int (*compare)(const struct sigv4_pair *, const struct sigv4_pair *));

/* Splits the query at "&" and "="; the encoded names and values are in the writer's buffer, which
 * must not move. False when there are too many. */
bool canonical_read_query(struct writer *writer, struct sigv4_text query, struct pairs *pairs);
void canonical_query(struct writer *writer, const struct pairs *pairs);

/* The headers, one a line, and their names. They must be sorted. */
void canonical_headers(struct writer *writer, const struct pairs *headers);
void canonical_names(struct writer *writer, const struct pairs *headers, const char *separator);

#endif
