#include "stream.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"

enum { PIECE = 1 << 16 };

static void keep_tail(struct stream *stream, const char *data, size_t size) {
    struct buffer *tail = stream->tail;
    if (!tail) return;
    if (size > stream->tail_limit) {
        data += size - stream->tail_limit;
        size = stream->tail_limit;
    }
    buffer_append(tail, data, size);
    if (tail->size > stream->tail_limit) buffer_consume(tail, tail->size - stream->tail_limit);
}

/* Once something is missing nothing more is added, so the captured output has no gaps. */
static void capture(struct stream *stream, const char *data, size_t size) {
    if (stream->limit == 0 || stream->truncated) return;
    size_t room = stream->limit - stream->captured.size;
    stream->truncated = size > room;
    if (!buffer_append(&stream->captured, data, size < room ? size : room))
        stream->truncated = true;
}

static void deliver(struct stream *stream, const char *data, size_t size) {
    keep_tail(stream, data, size);
    capture(stream, data, size);
    if (stream->sink) lines_feed(&stream->lines, data, size);
}

static void pause_reading(struct stream *stream) {
    loop_unwatch(stream->loop, &stream->watch);
    sink_wait(stream->sink, &stream->room, SINK_HALF);
}

static void go_on(struct sink_waiter *room) {
    struct stream *stream = container_of(room, struct stream, room);
    if (stream_watch(stream) != 0) stream_close(stream);
}

static void read_some(struct loop_fd *watch, unsigned ready) {
    struct stream *stream = container_of(watch, struct stream, watch);
    char piece[PIECE];
    (void)ready;
    ssize_t size = read(stream->fd, piece, sizeof piece);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return stream_close(stream);
    deliver(stream, piece, (size_t)size);
    if (stream->sink && sink_full(stream->sink)) pause_reading(stream);
}

void stream_open(struct stream *stream, struct loop *loop, int fd) {
    stream->loop = loop;
    stream->fd = fd;
    stream->watch.ready = read_some;
    stream->room.drained = go_on;
}

int stream_watch(struct stream *stream) {
    return stream->fd < 0 ? 0 : loop_watch(stream->loop, &stream->watch, stream->fd, POLLER_READ);
}

/* Never more than was available at first: a task that keeps writing must not block the watcher. */
static void take_waiting(struct stream *stream) {
    char piece[PIECE];
    int left = 0;
    if (ioctl(stream->fd, FIONREAD, &left) != 0) left = 0;
    while (left > 0) {
        ssize_t size = read(stream->fd, piece, left < PIECE ? (size_t)left : sizeof piece);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        deliver(stream, piece, (size_t)size);
        left -= (int)size;
    }
}

void stream_finish(struct stream *stream) {
    if (stream->fd < 0) return;
    take_waiting(stream);
    stream_close(stream);
}

static bool relabel(struct stream *stream, const char *id, bool waits) {
    if (stream->fd < 0 || !stream->sink) return true;
    if (waits) take_waiting(stream);
    return lines_relabel(&stream->lines, id);
}

bool stream_relabel(struct stream *stream, struct stream *other, const char *id) {
    struct pollfd both[] = {
        {.fd = stream->fd, .events = POLLIN},
        {.fd = other->fd,  .events = POLLIN}
    };
    bool known = poll(both, 2, 0) >= 0;
    bool good = relabel(stream, id, !known || both[0].revents);
    return relabel(other, id, !known || both[1].revents) && good;
}

void stream_close(struct stream *stream) {
    if (stream->fd < 0) return;
    loop_unwatch(stream->loop, &stream->watch);
    close(stream->fd);
    stream->fd = -1;
    if (!stream->sink) return;
    sink_unwait(stream->sink, &stream->room);
    lines_end(&stream->lines);
    lines_close(&stream->lines);
    sink_release(stream->sink);
    stream->sink = NULL;
}
