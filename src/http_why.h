/* http_why: the meaning of a failed transfer for the caller, as a code and a text. libcurl's result
 * codes and numbers decide, never its English messages, which change between releases and may quote
 * secrets. */
#ifndef WATCHBOT_HTTP_WHY_H
#define WATCHBOT_HTTP_WHY_H

#include "http.h"

/* Whether the request had been sent counts, too: a connection error can come after data was
 * sent. */
enum http_failure http_classify(const struct http_call *call, CURLcode result);

/* Fills `why` from `failure`, `origin` and its own text. */
void http_explain(struct http_call *call, const char *words);

/* The same for a transfer that has ended; libcurl's `words` are only used for certificates. */
void http_explain_result(struct http_call *call, CURLcode result, const char *words);

#endif
