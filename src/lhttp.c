/* lhttp: watchbot.core.http. A request as a Lua table, its response as another; the task waits in
 * between. lua/watchbot/http.lua documents it for users. The first request loads libcurl. */
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "core.h"
#include "http.h"
#include "lerror.h"
#include "lhandle.h"
#include "loptions.h"
#include "task.h"

#define CLIENT_TYPE "watchbot.http.client"
#define CALL_TYPE "watchbot.http.call"

enum { BODY = 1 };              /* user value of a call */
enum { REQUEST = 1, CALL = 2 }; /* places on the stack of a request */
enum { DEFAULT_CONNECT_TIMEOUT = 5, DEFAULT_TIMEOUT = 60, DEFAULT_LIMIT = 16 * 1024 * 1024 };

static const char client_key; /* its address in the registry: the client of this state */

struct call {
    struct http_call http;
    struct task_queue waiters;
};

static int client_gc(lua_State *L) {
    http_close(luaL_checkudata(L, 1, CLIENT_TYPE));
    return 0;
}

static struct http_client *client_of(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &client_key) == LUA_TNIL) {
        lhandle_new(L, CLIENT_TYPE, sizeof(struct http_client), 0);
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &client_key);
        lua_replace(L, -2);
    }
    struct http_client *client = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return client;
}

/* Inside libcurl's turn this only wakes the task: no Lua code runs there, and nothing is thrown. */
static void done(struct http_call *http) {
    task_wake(&container_of(http, struct call, http)->waiters);
}

/* Runs at the end of a request however it ends: with a response, failed or cancelled. */
static int call_close(lua_State *L) {
    http_end(&((struct call *)luaL_checkudata(L, 1, CALL_TYPE))->http);
    return 0;
}

/* the fields of a request: each leaves its value on the stack, which keeps it alive */

static struct loptions options_of(lua_State *L) {
    return (struct loptions){L, REQUEST, "request"};
}

static int64_t seconds_field(lua_State *L, const char *name, int otherwise) {
    int type = loptions_push(options_of(L), name);
    if (type == LUA_TNIL) return otherwise * CLOCK_SECOND;
    loptions_expect(options_of(L), name, type == LUA_TNUMBER, "a number of seconds");
    lua_Number seconds = lua_tonumber(L, -1);
    if (!(seconds > 0))
        luaL_error(L, "request: '%s' must be a number of seconds above 0, not %f", name, seconds);
    return task_check_seconds(L, lua_gettop(L));
}

/* "GET"; libcurl sends it unchanged, so it must not contain a character that ends the line. RFC
 * 9110, 9.1. */
static const char *method_field(lua_State *L) {
    const char *method = loptions_text(options_of(L), "method");
    if (!method) method = "GET";
    if (!*method || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-")]) {
        luaL_error(L, "request: 'method' must be capital letters, not '%s'", method);
    }
    return method;
}

/* RFC 9110, 9.2.2. */
static bool is_idempotent(const char *method) {
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

static void body_field(lua_State *L, struct http_request *request) {
    request->body = loptions_bytes(options_of(L), "body", &request->body_size);
    if (!request->body) return;
    if (strcmp(request->method, "HEAD") == 0) luaL_error(L, "request: HEAD cannot have a body");
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, CALL, BODY);
}

/* headers */

/* A token: RFC 9110, 5.6.2. */
static const char *check_name(lua_State *L, int index) {
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    if (lua_type(L, index) != LUA_TSTRING)
        luaL_error(L, "request: the name of a header must be a string");
    const char *name = lua_tostring(L, index);
    if (!*name || strspn(name, token) != lua_rawlen(L, index))
        luaL_error(L, "request: '%s' cannot name a header", name);
    if (strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0) {
        luaL_error(L, "request: the header '%s' is made from the body, leave it out", name);
    }
    return name;
}

/* The value may be a secret, and is not quoted. */
static const char *check_value(lua_State *L, int index, const char *name) {
    if (lua_type(L, index) != LUA_TSTRING) {
        luaL_error(L, "request: the header '%s' must be a string or a list of strings, not a %s",
                   name, luaL_typename(L, index));
    }
    const char *value = lua_tostring(L, index);
    if (strcspn(value, "\r\n") != lua_rawlen(L, index)) {
        luaL_error(L, "request: the header '%s' has a line break or a NUL in it", name);
    }
    return value;
}

static void add_header(lua_State *L, struct call *call, const char *name, int index) {
    if (!http_add_header(&call->http, name, check_value(L, index, name)))
        luaL_error(L, "request: not enough memory");
}

/* -- ... name value */
static void add_values(lua_State *L, struct call *call) {
    const char *name = check_name(L, -2);
    if (lua_type(L, -1) != LUA_TTABLE) return add_header(L, call, name, -1);
    lua_Integer count = luaL_len(L, -1);
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, -1, i);
        add_header(L, call, name, -1);
        lua_pop(L, 1);
    }
}

static void headers_field(lua_State *L, struct call *call) {
    int type = loptions_push(options_of(L), "headers");
    if (type == LUA_TNIL) return;
    loptions_expect(options_of(L), "headers", type == LUA_TTABLE, "a table");
    int headers = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1)) add_values(L, call);
}

/* the response */

/* -- headers name value => headers : a name that came before gets ", value" appended (RFC 9110,
 * 5.3) */
static void add_response_header(lua_State *L) {
    lua_pushvalue(L, -2);
    if (lua_rawget(L, -4) == LUA_TNIL) {
        lua_pop(L, 1);
    } else {
        lua_insert(L, -2);
        lua_pushliteral(L, ", ");
        lua_insert(L, -2);
        lua_concat(L, 3);
    }
    lua_rawset(L, -3);
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void push_trimmed(lua_State *L, const char *start, const char *end) {
    while (start < end && is_blank(*start)) start++;
    while (end > start && is_blank(end[-1])) end--;
    lua_pushlstring(L, start, (size_t)(end - start));
}

static void push_lower(lua_State *L, const char *start, size_t size) {
    luaL_Buffer name;
    char *out = luaL_buffinitsize(L, &name, size);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(start[i] >= 'A' && start[i] <= 'Z' ? start[i] + 32 : start[i]);
    luaL_pushresultsize(&name, size);
}

static void push_headers(lua_State *L, const struct buffer *lines) {
    const char *line = lines->size ? buffer_data(lines) : "";
    const char *end = line + lines->size;
    lua_newtable(L);
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next + 1 : end;
        const char *colon = memchr(line, ':', (size_t)(next - line));
        if (colon) {
            push_lower(L, line, (size_t)(colon - line));
            push_trimmed(L, colon + 1, next);
            add_response_header(L);
        }
        line = next;
    }
}

static void push_body(lua_State *L, const struct buffer *body) {
    lua_pushlstring(L, body->size ? buffer_data(body) : "", body->size);
}

/* -- request call ... => response | nil err code */
static int answered(lua_State *L, int status, lua_KContext context) {
    struct http_call *http = &((struct call *)lua_touserdata(L, CALL))->http;
    (void)status, (void)context;
    lua_settop(L, CALL);
    if (http->failure) return lerror_push(L, http_failure_name(http->failure), "%s", http->why);
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, http->status);
    lua_setfield(L, -2, "status");
    push_headers(L, &http->headers);
    lua_setfield(L, -2, "headers");
    push_body(L, &http->body);
    lua_setfield(L, -2, "body");
    return 1;
}

static void read_request(lua_State *L, struct call *call, struct http_request *request) {
    struct loptions options = options_of(L);
    request->url = loptions_text(options, "url");
    if (!request->url) luaL_error(L, "request: 'url' is missing");
    request->method = method_field(L);
    request->ca_file = loptions_text(options, "ca_file");
    request->cert_file = loptions_text(options, "cert_file");
    request->key_file = loptions_text(options, "key_file");
    if (request->key_file && !request->cert_file)
        luaL_error(L, "request: 'key_file' needs a 'cert_file'");
    request->connect_timeout = seconds_field(L, "connect_timeout", DEFAULT_CONNECT_TIMEOUT);
    request->timeout = seconds_field(L, "timeout", DEFAULT_TIMEOUT);
    request->limit = (size_t)loptions_integer(options, "limit", DEFAULT_LIMIT, 0, INT64_MAX);
    request->direct = loptions_flag(options, "direct", false);
    request->idempotent = loptions_flag(options, "idempotent", is_idempotent(request->method));
    body_field(L, request);
    headers_field(L, call);
}

static int l_request(lua_State *L) {
    struct http_request request = {0};
    luaL_checktype(L, REQUEST, LUA_TTABLE);
    lua_settop(L, REQUEST);
    struct http_client *client = client_of(L);
    const char *why = http_open(client, task_loop(L));
    if (why) return lerror_push(L, "NoLibcurl", "request: libcurl cannot be used: %s", why);
    struct call *call = lhandle_new(L, CALL_TYPE, sizeof *call, 1);
    lua_toclose(L, CALL);
    call->http.done = done;
    read_request(L, call, &request);
    if (!http_start(client, &call->http, &request)) return answered(L, TASK_WOKEN, 0);
    return task_wait(L, "request", &call->waiters, TASK_FOR_EVER, answered, 0);
}

static const luaL_Reg client_metamethods[] = {
    {"__gc", client_gc},
    {NULL,   NULL     },
};

static const luaL_Reg call_metamethods[] = {
    {"__gc",    call_close},
    {"__close", call_close},
    {NULL,      NULL      },
};

static const luaL_Reg no_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"request", l_request},
    {NULL,      NULL     },
};

/* -- http => http, with the table `unsent`: true for each code that says that the request has not
 * left */
static void set_unsent(lua_State *L) {
    lua_newtable(L);
    for (enum http_failure failure = HTTP_OK; failure < HTTP_FAILURES; failure++) {
        if (!http_failure_unsent(failure)) continue;
        lua_pushboolean(L, true);
        lua_setfield(L, -2, http_failure_name(failure));
    }
    lua_setfield(L, -2, "unsent");
}

int luaopen_watchbot_http(lua_State *L) {
    lhandle_type(L, CLIENT_TYPE, client_metamethods, no_methods);
    lhandle_type(L, CALL_TYPE, call_metamethods, no_methods);
    luaL_newlib(L, functions);
    set_unsent(L);
    return 1;
}
