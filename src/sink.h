/* sink: an output file descriptor that the loop never waits for. What cannot be written at once is
 * kept in a bounded queue and written when the reader takes it; who produces much asks sink_full
 * first and stops reading until the sink has drained.
 *
 * O_NONBLOCK on a shared stdout would hit the other processes that have it: pipes and terminals are
 * opened again through /proc/self/fd, regular files are written plainly (epoll refuses them).
 * SIGPIPE and SIGXFSZ never reach the host. A full disk and a reader that is stuck are waited for
 * without holding up the tasks: what does not fit the queue meanwhile is dropped by whole lines,
 * and counted. */
#ifndef WATCHBOT_SINK_H
#define WATCHBOT_SINK_H

#include "lines.h"
#include "loop.h"

struct sink;

/* Somebody who waits until the sink has drained. Embedded in its owner; zeroed: not waiting. */
struct sink_waiter {
    void (*drained)(
        struct sink_waiter *waiter); /* called once, from the loop; also when the sink has failed */
    struct sink_waiter *next, *previous;
    bool waiting;
};

/* A sink on `fd`, which stays the caller's. NULL with errno set. */
struct sink *sink_open(struct loop *loop, int fd);

/* Writes what can be written without waiting and drops the rest; see sink_wait to wait for it
 * first. NULL is fine. In a process that the host has forked nothing is written: the queue is the
 * parent's, who writes it. Its waiters are called. Whoever still uses it has a sink that has
 * failed. */
void sink_close(struct sink *sink);

/* Keeps the memory of a sink, which another owner may close, until it is released as often. */
void sink_use(struct sink *sink);
void sink_release(struct sink *sink);

/* Lines of a struct lines go here. Takes everything, also when it is full; a sink that has failed
 * takes it and drops it. */
struct lines_output *sink_output(struct sink *sink);

/* More is queued than a producer should add to. Never while the disk is full or when the sink has
 * failed. */
bool sink_full(const struct sink *sink);

/* Bytes that are queued. */
size_t sink_pending(const struct sink *sink);

/* 0, or the errno that ended the output (EPIPE, EIO...). */
int sink_error(const struct sink *sink);

/* Takes the number of lines that were dropped since the last call; 0 while there is no room for a
 * line that says so. */
size_t sink_take_dropped(struct sink *sink);

/* The number of all lines that were dropped, those of a sink that has failed included. */
size_t sink_dropped(const struct sink *sink);

/* Bytes and lines that were taken and not dropped. */
uint64_t sink_bytes(const struct sink *sink);
uint64_t sink_lines(const struct sink *sink);

/* Calls `drained` when at most `level` bytes are queued: SINK_HALF to go on producing, SINK_EMPTY
 * for the end. */
enum sink_level { SINK_HALF, SINK_EMPTY };
void sink_wait(struct sink *sink, struct sink_waiter *waiter, enum sink_level level);
void sink_unwait(struct sink *sink, struct sink_waiter *waiter);

#endif
