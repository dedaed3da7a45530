#include "stream.h"

#include <errno.h>
#include <unistd.h>

#include "compat.h"

enum { PIECE = 1 << 16, MOST_AT_THE_END = 1 << 20 };

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

static void capture(struct stream *stream, const char *data, size_t size) {
    if (!stream->captured) return;
    size_t room = stream->limit - stream->captured->size;
    if (size > room || !buffer_append(stream->captured, data, size)) {
        buffer_append(stream->captured, data, room < size ? room : 0);
        stream->truncated = true;
    }
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
    if (loop_watch(stream->loop, &stream->watch, stream->fd, POLLER_READ) != 0) stream_close(stream);
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

int stream_open(struct stream *stream, struct loop *loop, int fd) {
    stream->loop = loop;
    stream->fd = fd;
    stream->watch.ready = read_some;
    stream->room.drained = go_on;
    return loop_watch(loop, &stream->watch, fd, POLLER_READ);
}

void stream_finish(struct stream *stream) {
    char piece[PIECE];
    ssize_t size = stream->fd >= 0 ? 1 : 0;
    for (size_t total = 0; size > 0 && total < MOST_AT_THE_END; total += (size_t)size) {
        size = read(stream->fd, piece, sizeof piece);
        if (size < 0 && errno == EINTR) {
            size = 1;
        } else if (size > 0) {
            deliver(stream, piece, (size_t)size);
        } else {
            break;
        }
    }
    stream_close(stream);
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
}
