/* trust: which certificate authorities a connection is checked against. A file that is given comes
 * first, then $AWS_CA_BUNDLE and $SSL_CERT_FILE; else what libcurl was built for. The static
 * program was built for no place: it looks where distributions keep their bundle, and where there
 * is none, trusts the five roots of AWS that it carries. There is no way to go without. */
#ifndef WATCHBOT_TRUST_H
#define WATCHBOT_TRUST_H

#include <stdbool.h>

#include "libcurl.h"

/* False: not enough memory. `file` may be NULL. */
bool trust_set(CURL *easy, const char *file);

#endif
