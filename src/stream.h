/* stream: one pipe of a child, read into a log line by line, or into memory. While the log is full
 * the pipe is not read: the task waits, never the watcher.
 *
 * A pipe is not watched from the start: most tasks say little and end soon, and for them one look
 * at the end is all it takes. */
#ifndef WATCHBOT_STREAM_H
#define WATCHBOT_STREAM_H

#include "lines.h"
#include "loop.h"
#include "sink.h"

struct stream {
    struct loop *loop;
    struct loop_fd watch;
    int fd;            /* -1: closed */
    struct sink *sink; /* NULL: no log */
    struct sink_waiter room;
    struct lines lines;
    struct buffer captured;
    size_t limit;        /* bytes captured at most; 0: none */
    bool truncated;      /* there were more */
    struct buffer *tail; /* the newest output, shared with the other stream; NULL: not kept */
    size_t tail_limit;
};

/* Takes over `fd`, nonblocking. What is read goes where the fields that the owner has set before
 * say; a sink is in use, and its lines open, until the stream is closed. */
void stream_open(struct stream *stream, struct loop *loop, int fd);

/* Reads from here on. 0 or an errno; harmless on a closed one. */
int stream_watch(struct stream *stream);

/* The child has exited: takes what is in the pipe now, however full the log is, and closes. A
 * process that still has the pipe's other end cannot keep us. */
void stream_finish(struct stream *stream);

/* Takes what is in the pipe now, however full the log is; what comes later bears this id (NULL:
 * none), as lines_relabel says. Harmless on a closed one, and without a log. False: no memory. */
bool stream_relabel(struct stream *stream, const char *id);

/* Closes without reading; what was captured stays. Harmless twice, and on a zeroed one whose fd is
 * -1. */
void stream_close(struct stream *stream);

#endif
