#include "trust.h"

#include <stdlib.h>
#include <unistd.h>

#include "compat.h"

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

/* A CA file that is given replaces the system's. */
static bool trust_file(CURL *easy, const char *file) {
    return libcurl.easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_CAINFO, file) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_PROXY_CAINFO, file) == CURLE_OK;
}

#ifdef WATCHBOT_STATIC

extern const char trust_roots[]; /* PEM, of .package/roots.pem */
extern const unsigned long trust_roots_size;

/* The order is that of Go's crypto/x509. */
static const char *system_bundle(void) {
    static const char *const files[] = {
        "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",                  /* Fedora, Amazon Linux */
        "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
        "/etc/pki/tls/cacert.pem",                           /* OpenELEC */
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* CentOS, RHEL */
        "/etc/ssl/cert.pem",                                 /* Alpine */
    };
    for (size_t i = 0; i < countof(files); i++) {
        if (access(files[i], R_OK) == 0) return files[i];
    }
    return NULL;
}

static bool trust_system(CURL *easy) {
    struct curl_blob blob = {(void *)(size_t)trust_roots, trust_roots_size, CURL_BLOB_NOCOPY};
    const char *file = system_bundle();
    if (file) return trust_file(easy, file);
    return libcurl.easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_PROXY_CAINFO_BLOB, &blob) == CURLE_OK;
}

#else

static bool trust_system(CURL *easy) {
    (void)easy;
    return true;
}

#endif

bool trust_set(CURL *easy, const char *file) {
    if (!file) file = environment("AWS_CA_BUNDLE");
    if (!file) file = environment("SSL_CERT_FILE");
    libcurl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    libcurl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    libcurl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return file ? trust_file(easy, file) : trust_system(easy);
}

bool trust_identify(CURL *easy, const char *cert_file, const char *key_file) {
    if (!cert_file) return true;
    return libcurl.easy_setopt(easy, CURLOPT_SSLCERT, cert_file) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_SSLKEY, key_file ? key_file : cert_file) == CURLE_OK;
}
