/* lchannel: watchbot.core.channel. Lines to and from a resident program, over a socket pair that
 * it has as descriptor 3. lua/watchbot/process.lua documents it for its users. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "lchannel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buffer.h"
#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "task.h"

#define CHANNEL_TYPE "watchbot.channel"

enum { PIECE = 1 << 16 };

struct channel {
    struct loop *loop; /* NULL: closed */
    struct loop_fd watch;
    int ours, theirs; /* -1: closed, or given away */
    struct buffer in, out;
    size_t seen;  /* bytes of `in` that hold no newline */
    size_t limit; /* bytes of a line */
    bool ended;   /* the program has closed its end */
    struct task_queue waiters;
};

static struct channel *check_channel(lua_State *L, int index) {
    return luaL_checkudata(L, index, CHANNEL_TYPE);
}

int lchannel_theirs(lua_State *L, int index) {
    return check_channel(L, index)->theirs;
}

void lchannel_given(lua_State *L, int index) {
    struct channel *channel = check_channel(L, index);
    if (channel->theirs >= 0) close(channel->theirs);
    channel->theirs = -1;
}

/* the socket */

static void end(struct channel *channel) {
    channel->ended = true;
    loop_unwatch(channel->loop, &channel->watch);
    task_wake(&channel->waiters);
}

static bool is_too_long(const struct channel *channel) {
    return channel->seen > channel->limit;
}

/* Reads no further than a line that is taken: what else comes waits in the socket. */
static void watch(struct channel *channel) {
    bool full = channel->in.size > channel->limit;
    unsigned interest = (full ? 0 : POLLER_READ) | (channel->out.size > 0 ? POLLER_WRITE : 0);
    if (channel->ended) return;
    if (loop_watch(channel->loop, &channel->watch, channel->ours, interest) != 0) end(channel);
}

static void read_some(struct channel *channel) {
    char *room = buffer_reserve(&channel->in, PIECE);
    if (!room) return end(channel);
    ssize_t size = recv(channel->ours, room, PIECE, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return end(channel);
    buffer_commit(&channel->in, (size_t)size);
    task_wake(&channel->waiters);
}

static void write_some(struct channel *channel) {
    while (channel->out.size > 0) {
        ssize_t size = send(channel->ours, buffer_data(&channel->out), channel->out.size,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) break;
        if (size < 0) return end(channel);
        buffer_consume(&channel->out, (size_t)size);
    }
    if (channel->out.size == 0) task_wake(&channel->waiters);
}

static void on_ready(struct loop_fd *watched, unsigned ready) {
    struct channel *channel = container_of(watched, struct channel, watch);
    if (ready & POLLER_WRITE) write_some(channel);
    if (ready & POLLER_READ && !channel->ended) read_some(channel);
    watch(channel);
}

/* -- limit => channel | nil message code */
static int l_open(lua_State *L) {
    lua_Integer limit = luaL_checkinteger(L, 1);
    int ends[2];
    luaL_argcheck(L, limit > 0, 1, "bytes of a line, above 0");
    struct channel *channel = lhandle_new(L, CHANNEL_TYPE, sizeof *channel, 0);
    channel->ours = channel->theirs = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return lerror_errno(L, errno, "could not make a channel");
    channel->ours = ends[0];
    channel->theirs = ends[1];
    channel->loop = task_loop(L);
    channel->limit = (size_t)limit;
    channel->watch.ready = on_ready;
    watch(channel);
    return 1;
}

/* methods */

/* -- channel => line : without its newline; nothing where none is complete */
static int take_line(lua_State *L, struct channel *channel) {
    const char *data = buffer_data(&channel->in);
    size_t left = channel->in.size - channel->seen;
    const char *newline = left > 0 ? memchr(data + channel->seen, '\n', left) : NULL;
    if (!newline) {
        channel->seen = channel->in.size;
        return 0;
    }
    size_t size = (size_t)(newline - data);
    channel->seen = 0;
    if (size > channel->limit) {
        channel->seen = size;
        return 0;
    }
    lua_pushlstring(L, data, size);
    buffer_consume(&channel->in, size + 1);
    if (channel->loop) watch(channel);
    return 1;
}

/* -- channel => line | nil message code */
static int got_line(lua_State *L, int status, lua_KContext context) {
    struct channel *channel = check_channel(L, 1);
    (void)status, (void)context;
    if (take_line(L, channel)) return 1;
    if (is_too_long(channel))
        return lerror_push(L, "TooLong", "a line of more than %d bytes", (int)channel->limit);
    if (!channel->loop || channel->ended)
        return lerror_push(L, "Closed", "the program has closed its end");
    return task_wait(L, "line", &channel->waiters, TASK_FOR_EVER, got_line, 0);
}

static int channel_line(lua_State *L) {
    check_channel(L, 1);
    lua_settop(L, 1);
    return got_line(L, TASK_WOKEN, 0);
}

/* -- channel bytes => true | nil message code : waits until the program has taken them */
static int sent(lua_State *L, int status, lua_KContext context) {
    struct channel *channel = check_channel(L, 1);
    (void)status, (void)context;
    if (!channel->loop || channel->ended)
        return lerror_push(L, "Closed", "the program has closed its end");
    if (channel->out.size > 0)
        return task_wait(L, "send", &channel->waiters, TASK_FOR_EVER, sent, 0);
    lua_pushboolean(L, true);
    return 1;
}

static int channel_send(lua_State *L) {
    size_t size;
    struct channel *channel = check_channel(L, 1);
    const char *data = luaL_checklstring(L, 2, &size);
    if (!channel->loop || channel->ended) return sent(L, TASK_WOKEN, 0);
    if (!buffer_append(&channel->out, data, size)) return luaL_error(L, "send: not enough memory");
    write_some(channel);
    watch(channel);
    return sent(L, TASK_WOKEN, 0);
}

static int channel_ended(lua_State *L) {
    const struct channel *channel = check_channel(L, 1);
    lua_pushboolean(L, !channel->loop || channel->ended);
    return 1;
}

static int channel_close(lua_State *L) {
    struct channel *channel = check_channel(L, 1);
    if (channel->loop) loop_unwatch(channel->loop, &channel->watch);
    channel->loop = NULL;
    if (channel->ours >= 0) close(channel->ours);
    channel->ours = -1;
    lchannel_given(L, 1);
    buffer_free(&channel->in);
    buffer_free(&channel->out);
    channel->seen = 0;
    task_wake(&channel->waiters);
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    channel_close},
    {"__close", channel_close},
    {NULL,      NULL         },
};

static const luaL_Reg methods[] = {
    {"line",  channel_line },
    {"send",  channel_send },
    {"ended", channel_ended},
    {"close", channel_close},
    {NULL,    NULL         },
};

static const luaL_Reg functions[] = {
    {"open", l_open},
    {NULL,   NULL  },
};

int luaopen_watchbot_channel(lua_State *L) {
    lhandle_type(L, CHANNEL_TYPE, metamethods, methods);
    luaL_newlib(L, functions);
    return 1;
}
