/* trust: which certificate authorities a connection is checked against. A given file comes first,
 * then $AWS_CA_BUNDLE and $SSL_CERT_FILE; otherwise libcurl's default. The static program has no
 * default path: it looks where distributions keep their bundle, and without one trusts AWS's five
 * roots, which it contains. Verification cannot be turned off. */
#ifndef WATCHBOT_TRUST_H
#define WATCHBOT_TRUST_H

#include <stdbool.h>

#include "libcurl.h"

/* False: not enough memory. `file` may be NULL. */
bool trust_set(CURL *easy, const char *file);

/* The certificate that this client shows to a server that asks for one. NULL: none; without a key
 * file the key is in the certificate's. */
bool trust_identify(CURL *easy, const char *cert_file, const char *key_file);

#endif
