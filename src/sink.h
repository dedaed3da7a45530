/* sink: an output file descriptor that the loop never waits for. Output that cannot be written at
 * once is kept in a bounded queue and written when the reader is ready; callers that produce much
 * output check sink_full first and stop reading until the sink has drained.
 *
 * O_NONBLOCK on a shared stdout would affect the other processes that have it: pipes and terminals
 * are opened again through /proc/self/fd, regular files are written directly (epoll refuses them).
 * SIGPIPE and SIGXFSZ never reach the host. A full disk and a stuck reader do not block the tasks:
 * output that does not fit into the queue meanwhile is dropped by whole lines, and counted. */
#ifndef WATCHBOT_SINK_H
#define WATCHBOT_SINK_H

#include "lines.h"
#include "loop.h"

struct sink;

/* A caller that waits until the sink has drained. Embedded in its owner; zeroed: not waiting. */
struct sink_waiter {
    void (*drained)(
        struct sink_waiter *waiter); /* called once, from the loop; also when the sink has failed */
    struct sink_waiter *next, *previous;
    bool waiting;
};

/* A sink on `fd`, which the caller still owns. NULL with errno set. */
struct sink *sink_open(struct loop *loop, int fd);

/* Writes as much as possible without waiting and drops the rest; see sink_wait to wait for it
 * first. NULL is allowed. In a process that the host has forked nothing is written: the queue
 * belongs to the parent, which writes it. Calls its waiters. For other users of it, the sink has
 * failed. */
void sink_close(struct sink *sink);

/* Keeps the memory of a sink, which another owner may close, until it is released as often. */
void sink_use(struct sink *sink);
void sink_release(struct sink *sink);

/* The destination for lines of a struct lines. Accepts everything, even when it is full; a sink
 * that has failed drops it. */
struct lines_output *sink_output(struct sink *sink);

/* More output is queued than a producer should add to. Never while the disk is full or when the
 * sink has failed. */
bool sink_full(const struct sink *sink);

/* Bytes that are queued. */
size_t sink_pending(const struct sink *sink);

/* 0, or the errno that ended the output (EPIPE, EIO...). */
int sink_error(const struct sink *sink);

/* Returns the number of lines dropped since the last call; 0 while there is no space for a line
 * that reports it. */
size_t sink_take_dropped(struct sink *sink);

/* The number of all lines that were dropped, those of a sink that has failed included. */
size_t sink_dropped(const struct sink *sink);

/* Bytes and lines that were taken and not dropped. */
uint64_t sink_bytes(const struct sink *sink);
uint64_t sink_lines(const struct sink *sink);

/* Calls `drained` when at most `level` bytes are queued: SINK_HALF to continue producing,
 * SINK_EMPTY for the end. */
enum sink_level { SINK_HALF, SINK_EMPTY };
void sink_wait(struct sink *sink, struct sink_waiter *waiter, enum sink_level level);
void sink_unwait(struct sink *sink, struct sink_waiter *waiter);

#endif
