/* http_why: what a failed transfer means for the caller, in a code and in words. libcurl's results
 * and numbers decide, never its English, which changes from release to release and quotes what may
 * be a secret. */
#ifndef WATCHBOT_HTTP_WHY_H
#define WATCHBOT_HTTP_WHY_H

#include "http.h"

/* Whether the request had left counts, too: a result of connecting can come after a sending. */
enum http_failure http_classify(const struct http_call *call, CURLcode result);

/* Fills `why` from `failure`, `origin` and words of ours. */
void http_explain(struct http_call *call, const char *words);

/* The same for a transfer that has ended; `words` are libcurl's, used for certificates alone. */
void http_explain_result(struct http_call *call, CURLcode result, const char *words);

#endif
