/* lrequest: a request that a server has received, as a Lua handle; lua/watchbot/server.lua
 * documents it for users. */
#include "lrequest.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lerror.h"
#include "lhandle.h"
#include "task.h"

#define REQUEST_TYPE "watchbot.server.request"

enum { STATUS_AT_LEAST = 200, STATUS_AT_MOST = 599 };

/* Bytes of a stream that wait for the client; a task that sends more waits, too. */
enum { STREAM_AHEAD = 1 << 16 };

/* Bytes of the fields that most answers have. */
enum { USUAL_FIELDS = 512 };

struct lrequest {
    struct exchange exchange;
    struct task_queue waiters; /* for its end, or for room */
    struct buffer lines;       /* the fields of its answer */
    bool begun, answered;
};

static void on_left(struct exchange *exchange) {
    task_wake(&container_of(exchange, struct lrequest, exchange)->waiters);
}

bool lrequest_push(lua_State *L, struct server *server) {
    struct lrequest *request = lhandle_new(L, REQUEST_TYPE, sizeof *request, 0);
    request->exchange.left = request->exchange.drained = on_left;
    return server_take(server, &request->exchange);
}

static struct lrequest *check_request(lua_State *L) {
    return lhandle_check(L, 1, REQUEST_TYPE);
}

static int request_gc(lua_State *L) {
    struct lrequest *request = check_request(L);
    buffer_free(&request->lines);
    exchange_free(&request->exchange);
    return 0;
}

static int l_method(lua_State *L) {
    lua_pushstring(L, request_method(&check_request(L)->exchange.request));
    return 1;
}

static int l_target(lua_State *L) {
    lua_pushstring(L, request_target(&check_request(L)->exchange.request));
    return 1;
}

static int l_header(lua_State *L) {
    lua_pushstring(L, request_header(&check_request(L)->exchange.request, luaL_checkstring(L, 2)));
    return 1;
}

static int push_fields(lua_State *L, const struct request *request, size_t first, size_t count) {
    const char *head = buffer_data(&request->head);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const struct request_field *field = &request->fields[first + i];
        lua_createtable(L, 2, 0);
        lua_pushstring(L, head + field->name);
        lua_rawseti(L, -2, 1);
        lua_pushstring(L, head + field->value);
        lua_rawseti(L, -2, 2);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* -- request => { { name, value } ... } */
static int l_headers(lua_State *L) {
    const struct request *request = &check_request(L)->exchange.request;
    return push_fields(L, request, 0, request->headers);
}

static int l_trailers(lua_State *L) {
    const struct request *request = &check_request(L)->exchange.request;
    return push_fields(L, request, request->headers, request->trailers);
}

/* -- request => bytes; until it is answered */
static int l_body(lua_State *L) {
    const struct lrequest *request = check_request(L);
    const struct buffer *body = &request->exchange.request.body;
    if (request->answered) return luaL_error(L, "body: the request is answered already");
    lua_pushlstring(L, body->size > 0 ? buffer_data(body) : "", body->size);
    return 1;
}

static int l_over(lua_State *L) {
    lua_pushboolean(L, check_request(L)->exchange.request.over);
    return 1;
}

static int l_gone(lua_State *L) {
    lua_pushboolean(L, check_request(L)->exchange.gone);
    return 1;
}

/* answers */

/* The characters of a token (RFC 9110, 5.6.2): a bit for each byte. */
static bool is_of_token(unsigned char byte) {
    static const uint64_t token[4] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe};
    return token[byte / 64] >> byte % 64 & 1;
}

static bool is_name(lua_State *L, int index) {
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING) return false;
    const char *text = lua_tolstring(L, index, &size);
    for (size_t i = 0; i < size; i++) {
        if (!is_of_token((unsigned char)text[i])) return false;
    }
    return size > 0;
}

static bool is_value(lua_State *L, int index) {
    size_t size;
    if (lua_type(L, index) != LUA_TSTRING) return false;
    const char *text = lua_tolstring(L, index, &size);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
    }
    return true;
}

/* The server writes these itself. */
static bool is_reserved(const char *name) {
    static const char *const names[] = {"Content-Length", "Transfer-Encoding", "Connection",
                                        "Date"};
    char first = name[0] | 0x20;
    if (first != 'c' && first != 't' && first != 'd') return false;
    for (size_t i = 0; i < countof(names); i++) {
        if (strcasecmp(name, names[i]) == 0) return true;
    }
    return false;
}

/* Values from outside (a trace header) must not add lines. */
static void check_field(lua_State *L, int name, int value) {
    if (!is_name(L, name))
        luaL_error(L, "answer: the name of a header must be a token (RFC 9110, 5.6.2)");
    if (is_reserved(lua_tostring(L, name)))
        luaL_error(L, "answer: the header '%s' is written by the server", lua_tostring(L, name));
    if (!is_value(L, value))
        luaL_error(L, "answer: the header '%s' must be a string without control characters",
                   lua_tostring(L, name));
}

static bool put(struct buffer *lines, lua_State *L, int index) {
    size_t size;
    const char *text = lua_tolstring(L, index, &size);
    return buffer_append(lines, text, size);
}

/* -- ... name value => ... name value */
static bool put_field(struct buffer *lines, lua_State *L) {
    return put(lines, L, -2) && buffer_append(lines, ": ", 2) && put(lines, L, -1) &&
           buffer_append(lines, "\r\n", 2);
}

/* The fields of the table at `index`, which may be nil. */
static const char *lines_of(lua_State *L, struct lrequest *request, int index) {
    struct buffer *lines = &request->lines;
    buffer_clear(lines);
    if (!buffer_reserve(lines, USUAL_FIELDS)) luaL_error(L, "answer: not enough memory");
    if (!lua_isnoneornil(L, index)) {
        luaL_checktype(L, index, LUA_TTABLE);
        int name = lua_gettop(L) + 1;
        lua_pushnil(L);
        while (lua_next(L, index) != 0) {
            check_field(L, name, name + 1);
            if (!put_field(lines, L)) luaL_error(L, "answer: not enough memory");
            lua_pop(L, 1);
        }
    }
    if (!buffer_append(lines, "", 1)) luaL_error(L, "answer: not enough memory");
    return buffer_data(lines);
}

static struct lrequest *check_unanswered(lua_State *L, const char *what) {
    struct lrequest *request = check_request(L);
    if (request->answered) luaL_error(L, "%s: the request is answered already", what);
    return request;
}

static int check_status(lua_State *L) {
    lua_Integer status = luaL_checkinteger(L, 2);
    luaL_argcheck(L, status >= STATUS_AT_LEAST && status <= STATUS_AT_MOST, 2,
                  "a status from 200 to 599");
    return (int)status;
}

/* The request was read: the collector does not know how much memory it uses. */
static void forget_body(struct lrequest *request) {
    request->answered = true;
    buffer_free(&request->lines);
    buffer_free(&request->exchange.request.body);
}

/* -- request status [headers] [body] */
static int l_answer(lua_State *L) {
    size_t size;
    struct lrequest *request = check_unanswered(L, "answer");
    int status = check_status(L);
    lua_settop(L, 4);
    const char *body = luaL_optlstring(L, 4, "", &size);
    const char *lines = lines_of(L, request, 3);
    if (request->begun) return luaL_error(L, "answer: an answer was begun already");
    bool good = exchange_answer(&request->exchange, status, lines, body, size);
    forget_body(request);
    return good ? 0 : luaL_error(L, "answer: not enough memory");
}

/* -- request status [headers] */
static int l_begin(lua_State *L) {
    struct lrequest *request = check_unanswered(L, "begin");
    int status = check_status(L);
    lua_settop(L, 3);
    const char *lines = lines_of(L, request, 3);
    if (request->begun) return luaL_error(L, "begin: an answer was begun already");
    request->begun = true;
    return exchange_begin(&request->exchange, status, lines)
               ? 0
               : luaL_error(L, "begin: not enough memory");
}

/* -- request bytes => true | nil message code */
static int sent(lua_State *L, int status, lua_KContext context) {
    struct lrequest *request = check_request(L);
    (void)status, (void)context;
    if (request->exchange.gone) return lerror_push(L, "Gone", "send: the client has gone");
    if (exchange_pending(&request->exchange) > STREAM_AHEAD)
        return task_wait(L, "send", &request->waiters, TASK_FOR_EVER, sent, 0);
    lua_pushboolean(L, true);
    return 1;
}

static int l_send(lua_State *L) {
    size_t size;
    struct lrequest *request = check_unanswered(L, "send");
    const char *data = luaL_checklstring(L, 2, &size);
    if (!request->begun) return luaL_error(L, "send: no answer was begun");
    if (!exchange_send(&request->exchange, data, size))
        return luaL_error(L, "send: not enough memory");
    return sent(L, TASK_WOKEN, 0);
}

static int l_finish(lua_State *L) {
    struct lrequest *request = check_unanswered(L, "finish");
    if (!request->begun) return luaL_error(L, "finish: no answer was begun");
    exchange_finish(&request->exchange);
    forget_body(request);
    return 0;
}

/* -- request [seconds] => whether the client has gone */
static int waited_gone(lua_State *L, int status, lua_KContext context) {
    struct lrequest *request = check_request(L);
    (void)context;
    bool again = !request->exchange.gone && status == TASK_WOKEN && !request->answered;
    if (again) return task_wait(L, "wait_gone", &request->waiters, TASK_FOR_EVER, waited_gone, 0);
    lua_pushboolean(L, request->exchange.gone);
    return 1;
}

static int l_wait_gone(lua_State *L) {
    struct lrequest *request = check_request(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (request->exchange.gone || request->answered) return waited_gone(L, TASK_TIMED_OUT, 0);
    return task_wait(L, "wait_gone", &request->waiters, nanoseconds, waited_gone, 0);
}

static const luaL_Reg request_metamethods[] = {
    {"__gc",    request_gc},
    {"__close", request_gc},
    {NULL,      NULL      },
};

static const luaL_Reg request_methods[] = {
    {"method",    l_method   },
    {"target",    l_target   },
    {"header",    l_header   },
    {"headers",   l_headers  },
    {"trailers",  l_trailers },
    {"body",      l_body     },
    {"over",      l_over     },
    {"gone",      l_gone     },
    {"wait_gone", l_wait_gone},
    {"answer",    l_answer   },
    {"begin",     l_begin    },
    {"send",      l_send     },
    {"finish",    l_finish   },
    {NULL,        NULL       },
};

void lrequest_open(lua_State *L) {
    lhandle_type(L, REQUEST_TYPE, request_metamethods, request_methods);
}
