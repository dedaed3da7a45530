/* digest: SHA-256, HMAC-SHA-256, SHA-1 and MD5, with OpenSSL's EVP. The algorithms are fetched
 * once, when the struct is opened, and the contexts are reused for each digest: otherwise OpenSSL
 * looks up and allocates at each call, which takes longer than digesting a short text. */
#ifndef WATCHBOT_DIGEST_H
#define WATCHBOT_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

enum { DIGEST_SHA256_SIZE = 32, DIGEST_SHA1_SIZE = 20, DIGEST_MD5_SIZE = 16 };

/* One algorithm with its context. Zeroed: closed. */
struct digest {
    EVP_MD *algorithm;
    EVP_MD_CTX *context;
};

/* `name` is OpenSSL's: "SHA256", "MD5". False: no memory, or the library does not offer it (MD5
 * under FIPS rules); the struct is closed then. */
bool digest_open(struct digest *digest, const char *name);
void digest_close(struct digest *digest);

/* `out` has room for the algorithm's size. False: OpenSSL failed. */
bool digest_bytes(struct digest *digest, const void *data, size_t size, unsigned char *out);

/* RFC 2104, for an opened "SHA256". */
bool digest_hmac(struct digest *sha256, const void *key, size_t key_size, const void *data,
                 size_t size, unsigned char out[DIGEST_SHA256_SIZE]);

/* Writes 2 * size lower-case hexadecimal digits, without a NUL. */
void digest_hex(const unsigned char *bytes, size_t size, char *out);

#endif
