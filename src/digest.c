#include "digest.h"

#include <string.h>

#include <openssl/crypto.h>

enum { BLOCK_SIZE = 64 };

bool digest_open(struct digest *digest, const char *name) {
    digest->algorithm = EVP_MD_fetch(NULL, name, NULL);
    digest->context = EVP_MD_CTX_new();
    if (digest->algorithm && digest->context) return true;
    digest_close(digest);
    return false;
}

void digest_close(struct digest *digest) {
    EVP_MD_CTX_free(digest->context);
    EVP_MD_free(digest->algorithm);
    *digest = (struct digest){0};
}

static bool start(struct digest *digest, const void *data, size_t size) {
    return EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL) &&
           EVP_DigestUpdate(digest->context, data, size);
}

static bool finish(struct digest *digest, const void *data, size_t size, unsigned char *out) {
    return EVP_DigestUpdate(digest->context, data, size) &&
           EVP_DigestFinal_ex(digest->context, out, NULL);
}

bool digest_bytes(struct digest *digest, const void *data, size_t size, unsigned char *out) {
    return start(digest, data, size) && EVP_DigestFinal_ex(digest->context, out, NULL);
}

static void pad(unsigned char block[BLOCK_SIZE], unsigned char with) {
    for (int i = 0; i < BLOCK_SIZE; i++) block[i] ^= with;
}

/* EVP_MAC would allocate and look up at each call; this is all that it adds. */
bool digest_hmac(struct digest *sha256, const void *key, size_t key_size, const void *data,
                 size_t size, unsigned char out[DIGEST_SHA256_SIZE]) {
    unsigned char block[BLOCK_SIZE] = {0};
    unsigned char inner[DIGEST_SHA256_SIZE];
    bool good = true;
    if (key_size > BLOCK_SIZE) {
        good = digest_bytes(sha256, key, key_size, block);
    } else if (key_size > 0) {
        memcpy(block, key, key_size);
    }
    pad(block, 0x36);
    good = good && start(sha256, block, sizeof block) && finish(sha256, data, size, inner);
    pad(block, 0x36 ^ 0x5c);
    good = good && start(sha256, block, sizeof block) && finish(sha256, inner, sizeof inner, out);
    OPENSSL_cleanse(block, sizeof block);
    return good;
}

void digest_hex(const unsigned char *bytes, size_t size, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}
