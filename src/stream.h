/* stream: one pipe of a child, read into a log line by line, or into memory. While the log is full
 * the pipe is not read: the task waits, but never the watcher.
 *
 * A pipe is not watched from the start: most tasks print little and end soon, and for them one read
 * at the end is enough. */
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

/* Takes over `fd`, nonblocking. The fields that the owner has set determine where the output goes;
 * the sink is used, and its lines are open, until the stream is closed. */
void stream_open(struct stream *stream, struct loop *loop, int fd);

/* Reads from now on. 0 or an errno; does nothing on a closed one. */
int stream_watch(struct stream *stream);

/* The child has exited: reads what is in the pipe now, however full the log is, and closes. A
 * process that still has the pipe's other end does not delay this. */
void stream_finish(struct stream *stream);

/* Reads what is in two pipes now, however full the log is; later output has this id (NULL: none),
 * see lines_relabel. Does nothing on a closed one, and without a log. False: no memory. */
bool stream_relabel(struct stream *stream, struct stream *other, const char *id);

/* Closes without reading; captured output is kept. May be called twice, and on a zeroed one whose
 * fd is -1.
 * -1. */
void stream_close(struct stream *stream);

#endif
