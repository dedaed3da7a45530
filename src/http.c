#define _GNU_SOURCE /* asprintf */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "compat.h"
#include "http_why.h"
#include "proxy.h"
#include "trust.h"

enum {
    KEPT_CONNECTIONS = 64, /* 32 long polls, and as many other calls */
    HEADERS_LIMIT = 256 * 1024,
};

/* the response */

static bool starts_response(const char *line, size_t size) {
    return size >= 5 && memcmp(line, "HTTP/", 5) == 0;
}

static size_t refuse(struct http_call *call, const char *what, size_t limit) {
    call->exceeded = what;
    call->limit = limit;
    return 0;
}

/* Gets each line of each response: a "100 Continue" comes before the final one, trailers come
 * after. */
static size_t take_header(char *line, size_t one, size_t size, void *user) {
    struct http_call *call = user;
    (void)one;
    if (starts_response(line, size)) {
        buffer_clear(&call->headers);
        call->ended_headers = false;
    } else if (size <= 2) {
        call->ended_headers = true;
    } else if (!call->ended_headers) {
        if (size > HEADERS_LIMIT - call->headers.size)
            return refuse(call, "headers", HEADERS_LIMIT);
        return buffer_append(&call->headers, line, size) ? size : 0;
    }
    return size;
}

static size_t take_body(char *data, size_t one, size_t size, void *user) {
    struct http_call *call = user;
    (void)one;
    if (size > call->limit - call->body.size) return refuse(call, "body", call->limit);
    return buffer_append(&call->body, data, size) ? size : 0;
}

/* the request */

bool http_add_header(struct http_call *call, const char *name, const char *value) {
    bool blank = value[strspn(value, " \t")] ==
                 '\0'; /* "Name:" would take a header away; "Name;" sends an empty one */
    char *line = NULL;
    int size = blank ? asprintf(&line, "%s;", name) : asprintf(&line, "%s: %s", name, value);
    if (size < 0) return false;
    struct curl_slist *list = libcurl.slist_append(call->sent_headers, line);
    free(line);
    if (list) call->sent_headers = list;
    return list != NULL;
}

/* What libcurl would add on its own account; a header of the same name that was given is sent all
 * the same. */
static bool suppress_defaults(struct http_call *call) {
    static const char *const lines[] = {"Accept:", "Content-Type:", "Expect:", "Proxy-Connection:"};
    for (size_t i = 0; i < countof(lines); i++) {
        struct curl_slist *list = libcurl.slist_append(call->sent_headers, lines[i]);
        if (!list) return false;
        call->sent_headers = list;
    }
    return true;
}

/* Called when there is a connection and the request is about to be sent on it; the second time,
 * because the first connection died before an answer. */
static int before_sending(void *user, char *to, char *from, int to_port, int from_port) {
    struct http_call *call = user;
    (void)to, (void)from, (void)to_port, (void)from_port;
    if (call->sent && !call->idempotent) return CURL_PREREQFUNC_ABORT;
    call->sent = true;
    return CURL_PREREQFUNC_OK;
}

static bool expects_content(const char *method) {
    return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 ||
           strcmp(method, "PATCH") == 0;
}

static bool set_request(CURL *easy, const struct http_request *request) {
    bool content = request->body || expects_content(request->method);
    if (content) {
        libcurl.easy_setopt(easy, CURLOPT_POST, 1L);
        libcurl.easy_setopt(easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
        libcurl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    } else if (strcmp(request->method, "HEAD") == 0) {
        libcurl.easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    libcurl.easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    libcurl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return libcurl.easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           libcurl.easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           (!request->direct || libcurl.easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK);
}

static bool fail(struct http_call *call, enum http_failure failure, const char *words) {
    call->failure = failure;
    http_explain(call, words);
    return false;
}

static long milliseconds(int64_t nanoseconds) {
    int64_t one = CLOCK_SECOND / 1000, most = INT32_MAX;
    int64_t rounded = nanoseconds / one + (nanoseconds % one != 0);
    return (long)(rounded < 1 ? 1 : rounded < most ? rounded : most); /* 0 would be no limit */
}

static void set_waits(CURL *easy, const struct http_request *request) {
    libcurl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(request->connect_timeout));
    libcurl.easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(request->timeout));
    libcurl.easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    libcurl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    libcurl.easy_setopt(easy, CURLOPT_QUICK_EXIT,
                        1L); /* else removing it would wait for a resolver that hangs */
}

static void set_callbacks(struct http_call *call) {
    CURL *easy = call->easy;
    libcurl.easy_setopt(easy, CURLOPT_PRIVATE, call);
    libcurl.easy_setopt(easy, CURLOPT_ERRORBUFFER, call->why);
    libcurl.easy_setopt(easy, CURLOPT_HTTPHEADER, call->sent_headers);
    libcurl.easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
    libcurl.easy_setopt(easy, CURLOPT_PREREQDATA, call);
    libcurl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    libcurl.easy_setopt(easy, CURLOPT_HEADERDATA, call);
    libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    libcurl.easy_setopt(easy, CURLOPT_WRITEDATA, call);
    libcurl.easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

/* what is asked, as far as it may be shown */

static bool is_http(const char *scheme) {
    return strcasecmp(scheme, "http") == 0 || strcasecmp(scheme, "https") == 0;
}

static CURLUcode take_origin(struct http_call *call, CURLU *url) {
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLUcode code = libcurl.url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (!code) code = libcurl.url_get(url, CURLUPART_HOST, &host, 0);
    if (!code && !is_http(scheme)) code = CURLUE_UNSUPPORTED_SCHEME;
    if (!code) {
        libcurl.url_get(url, CURLUPART_PORT, &port, 0); /* may be absent */
        snprintf(call->origin, sizeof call->origin, "%s://%s%s%s", scheme, host, port ? ":" : "",
                 port ? port : "");
        call->proxy = proxy_variable(scheme, host);
    }
    libcurl.free(scheme);
    libcurl.free(host);
    libcurl.free(port);
    return code;
}

static bool check_url(struct http_call *call, const char *text) {
    CURLU *url = libcurl.url();
    snprintf(call->origin, sizeof call->origin, "the URL of the request");
    if (!url) return fail(call, HTTP_NO_MEMORY, "not enough memory");
    CURLUcode code = libcurl.url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER);
    if (!code) code = take_origin(call, url);
    libcurl.url_cleanup(url);
    if (code == CURLUE_USER_NOT_ALLOWED)
        return fail(call, HTTP_BAD_URL, "it has a user name in it; send a header instead");
    return code ? fail(call, HTTP_BAD_URL, libcurl.url_strerror(code)) : true;
}

/* the life of a call */

static void attach(struct http_client *client, struct http_call *call) {
    call->client = client;
    call->previous = NULL;
    call->next = client->first;
    if (call->next) call->next->previous = call;
    client->first = call;
}

static void detach(struct http_call *call) {
    if (!call->client) return;
    multi_remove(&call->client->multi, call->easy);
    if (call->next) call->next->previous = call->previous;
    if (call->previous) {
        call->previous->next = call->next;
    } else {
        call->client->first = call->next;
    }
    call->client = NULL;
}

/* The request is freed, the response kept. */
static void drop_transfer(struct http_call *call) {
    if (call->client && !loop_is_ours(call->client->loop)) return;
    detach(call);
    if (call->easy) libcurl.easy_cleanup(call->easy);
    libcurl.slist_free_all(call->sent_headers);
    call->easy = NULL;
    call->sent_headers = NULL;
}

static void finish(struct http_call *call, CURLcode result) {
    char words[CURL_ERROR_SIZE];
    snprintf(words, sizeof words, "%.*s", (int)sizeof words - 1, call->why);
    call->why[0] = '\0';
    libcurl.easy_setopt(call->easy, CURLOPT_ERRORBUFFER, NULL);
    libcurl.easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &call->status);
    call->failure = http_classify(call, result);
    if (call->failure != HTTP_OK) http_explain_result(call, result, words);
    drop_transfer(call);
    if (call->failure != HTTP_OK) buffer_free(&call->body);
    call->done(call);
}

static void finished(struct multi *multi, CURL *easy, CURLcode result) {
    char *call = NULL;
    (void)multi;
    libcurl.easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    finish((struct http_call *)(void *)call, result);
}

/* The next call starts afresh. */
static void broken(struct multi *multi) {
    struct http_client *client = container_of(multi, struct http_client, multi);
    while (client->first) {
        struct http_call *call = client->first;
        call->why[0] = '\0';
        finish(call, CURLE_OUT_OF_MEMORY);
    }
    multi_close(multi);
}

bool http_start(struct http_client *client, struct http_call *call,
                const struct http_request *request) {
    if (!check_url(call, request->url)) return false;
    if (request->direct) call->proxy = NULL;
    if (!multi_open(&client->multi, client->loop, KEPT_CONNECTIONS))
        return fail(call, HTTP_NO_MEMORY, "not enough memory");
    call->limit = request->limit;
    call->idempotent = request->idempotent;
    call->connect_timeout = request->connect_timeout;
    call->timeout = request->timeout;
    call->easy = libcurl.easy_init();
    if (!call->easy || !suppress_defaults(call) || !set_request(call->easy, request) ||
        !trust_set(call->easy, request->ca_file) ||
        !trust_identify(call->easy, request->cert_file, request->key_file)) {
        return fail(call, HTTP_NO_MEMORY, "not enough memory");
    }
    set_waits(call->easy, request);
    set_callbacks(call);
    attach(client, call);
    if (multi_add(&client->multi, call->easy)) return true;
    detach(call);
    return fail(call, HTTP_NO_MEMORY, "not enough memory");
}

void http_end(struct http_call *call) {
    drop_transfer(call);
    buffer_free(&call->headers);
    buffer_free(&call->body);
}

/* libcurl counts how often it was initialised, so that a host that uses it too is not disturbed; up
 * to 7.83 the first such call must not meet another thread's. */
const char *http_open(struct http_client *client, struct loop *loop) {
    if (client->loop) return NULL;
    const char *why = libcurl_load();
    if (why) return why;
    if (libcurl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return "not enough memory";
    client->loop = loop;
    client->multi.finished = finished;
    client->multi.broken = broken;
    return NULL;
}

void http_close(struct http_client *client) {
    if (!client->loop || !loop_is_ours(client->loop)) return;
    while (client->first) drop_transfer(client->first);
    multi_close(&client->multi);
    libcurl.global_cleanup();
    client->loop = NULL;
}
