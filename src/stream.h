/* stream: one pipe of a child, read into a log line by line, or into memory. While the log is full the pipe is not read: the
 * task waits, never the watcher. */
#ifndef WATCHBOT_STREAM_H
#define WATCHBOT_STREAM_H

#include "lines.h"
#include "loop.h"
#include "sink.h"

struct stream {
    struct loop *loop;
    struct loop_fd watch;
    int fd; /* -1: closed */
    struct sink *sink; /* NULL: no log */
    struct sink_waiter room;
    struct lines lines;
    struct buffer *captured; /* NULL: not captured */
    size_t limit;            /* bytes captured at the most */
    bool truncated;          /* there were more */
    struct buffer *tail;     /* the newest output, shared with the other stream; NULL: not kept */
    size_t tail_limit;
};

/* Starts reading `fd`, nonblocking, and owns it from here on. What is read goes where the fields that the owner has set
 * before say. 0 or an errno. */
int stream_open(struct stream *stream, struct loop *loop, int fd);

/* The child has exited: takes what is in the pipe now, however full the log is, and closes. A process that still has the
 * pipe's other end cannot keep us: no more is read than a pipe holds. */
void stream_finish(struct stream *stream);

/* Closes without reading. Harmless twice, and on a zeroed one whose fd is -1. */
void stream_close(struct stream *stream);

#endif
