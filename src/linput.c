/* linput: watchbot.core.input. Reads the available bytes of a file descriptor, without blocking the
 * loop. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "task.h"

#define INPUT_TYPE "watchbot.input"

enum { CHUNK = 65536 };

struct input {
    struct loop *loop;
    struct loop_fd watch;
    struct task_queue readers;
    int fd;
    bool plain; /* a regular file: always ready, cannot be polled */
};

static struct input *check_input(lua_State *L) {
    return luaL_checkudata(L, 1, INPUT_TYPE);
}

/* One task at a time: it takes all available bytes, and another one would block the loop in
 * read(2). */
static void ready(struct loop_fd *watch, unsigned events) {
    struct input *input = container_of(watch, struct input, watch);
    (void)events;
    task_wake_one(&input->readers);
    if (task_queue_is_empty(&input->readers)) loop_unwatch(input->loop, watch);
}

/* -- fd => input : the caller still owns the descriptor */
static int l_open(lua_State *L) {
    lua_Integer number = luaL_checkinteger(L, 1);
    int fd = number >= 0 && number <= INT_MAX ? (int)number : -1;
    struct input *input = lhandle_new(L, INPUT_TYPE, sizeof *input, 0);
    input->loop = task_loop(L);
    input->watch.ready = ready;
    input->fd = fd;
    return 1;
}

static int input_read(lua_State *L);

/* -- input => bytes | nil at the end | nil err code */
static int read_now(lua_State *L, int status, lua_KContext context) {
    struct input *input = check_input(L);
    char chunk[CHUNK];
    (void)status, (void)context;
    ssize_t size = read(input->fd, chunk, sizeof chunk);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return input_read(L); /* another process was faster */
    if (size < 0) return lerror_errno(L, errno, "could not read the input");
    if (size == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushlstring(L, chunk, (size_t)size);
    return 1;
}

static int input_read(lua_State *L) {
    struct input *input = check_input(L);
    if (!input->plain) {
        int error = loop_watch(input->loop, &input->watch, input->fd, POLLER_READ);
        if (error && error != EPERM) return lerror_errno(L, error, "could not read the input");
        input->plain = error == EPERM;
    }
    if (input->plain) return read_now(L, TASK_WOKEN, 0);
    return task_wait(L, "read", &input->readers, TASK_FOR_EVER, read_now, 0);
}

static int input_close(lua_State *L) {
    struct input *input = check_input(L);
    if (input->loop) loop_unwatch(input->loop, &input->watch);
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    input_close},
    {"__close", input_close},
    {NULL,      NULL       },
};

static const luaL_Reg methods[] = {
    {"read",  input_read },
    {"close", input_close},
    {NULL,    NULL       },
};

static const luaL_Reg functions[] = {
    {"open", l_open},
    {NULL,   NULL  },
};

int luaopen_watchbot_input(lua_State *L) {
    lhandle_type(L, INPUT_TYPE, metamethods, methods);
    luaL_newlib(L, functions);
    return 1;
}
