#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "outlet.h"
#include "sigpipe.h"

enum { HIGH_WATER = 1 << 20, MOST_MEMORY = 16 << 20, PIECE = 1 << 16, MOST_A_TURN = 1 << 20 };

/* Queued output: bytes in memory, or a file that is read when its turn comes. */
struct segment {
    struct segment *next;
    struct buffer memory;
    int file; /* -1: memory */
    off_t at, size;
};

struct waiters {
    struct sink_waiter *first, *last;
};

struct sink {
    struct lines_output output;
    struct loop *loop;
    struct loop_fd writable;
    struct loop_work flush;
    struct loop_timer retry;
    struct outlet outlet;
    int error;
    unsigned users; /* the one who has opened it counts */
    struct segment *first, *last;
    size_t pending, memory;    /* bytes that are queued, and those of them in memory */
    struct waiters waiters[2]; /* by enum sink_level */
    bool stalled;              /* the disk is full */
    bool dropping;             /* the rest of a line whose begin was dropped */
    bool in_line;              /* the last byte taken was no newline */
    size_t dropped, dropped_all;
    uint64_t bytes, lines; /* taken, those of dropped lines left out */
};

/* the queue */

static void drop_first(struct sink *sink) {
    struct segment *segment = sink->first;
    sink->first = segment->next;
    if (!sink->first) sink->last = NULL;
    if (segment->file >= 0) close(segment->file);
    buffer_free(&segment->memory);
    free(segment);
}

static void drop_all(struct sink *sink) {
    while (sink->first) drop_first(sink);
    sink->pending = sink->memory = 0;
}

static struct segment *add_segment(struct sink *sink, int file, off_t size) {
    struct segment *segment = calloc(1, sizeof *segment);
    if (!segment) return NULL;
    segment->file = file;
    segment->size = size;
    if (sink->last) {
        sink->last->next = segment;
    } else {
        sink->first = segment;
    }
    sink->last = segment;
    return segment;
}

/* waiters */

static size_t count_waiters(const struct waiters *waiters) {
    size_t count = 0;
    for (const struct sink_waiter *waiter = waiters->first; waiter; waiter = waiter->next) count++;
    return count;
}

/* Each call may end the wait of others, or start one: the list is checked each time, and only as
 * often as it was long. */
static void call_waiters(struct sink *sink, enum sink_level level) {
    struct waiters *waiters = &sink->waiters[level];
    for (size_t left = count_waiters(waiters); left > 0 && waiters->first; left--) {
        struct sink_waiter *waiter = waiters->first;
        sink_unwait(sink, waiter);
        waiter->drained(waiter);
    }
}

static void tell_waiters(struct sink *sink) {
    if (sink->pending <= HIGH_WATER / 2 || sink->error || sink->stalled)
        call_waiters(sink, SINK_HALF);
    if (sink->pending == 0 || sink->error) call_waiters(sink, SINK_EMPTY);
}

void sink_wait(struct sink *sink, struct sink_waiter *waiter, enum sink_level level) {
    struct waiters *waiters = &sink->waiters[level];
    if (waiter->waiting) return;
    waiter->waiting = true;
    waiter->next = NULL;
    waiter->previous = waiters->last;
    if (waiters->last) {
        waiters->last->next = waiter;
    } else {
        waiters->first = waiter;
    }
    waiters->last = waiter;
    loop_defer(sink->loop, &sink->flush);
}

void sink_unwait(struct sink *sink, struct sink_waiter *waiter) {
    if (!waiter->waiting) return;
    waiter->waiting = false;
    for (int level = SINK_HALF; level <= SINK_EMPTY; level++) {
        if (sink->waiters[level].first == waiter) sink->waiters[level].first = waiter->next;
        if (sink->waiters[level].last == waiter) sink->waiters[level].last = waiter->previous;
    }
    if (waiter->previous) waiter->previous->next = waiter->next;
    if (waiter->next) waiter->next->previous = waiter->previous;
}

/* writing */

static ssize_t write_segment(struct sink *sink, struct segment *segment) {
    if (segment->file < 0)
        return outlet_write(&sink->outlet, buffer_data(&segment->memory), segment->memory.size);
    char piece[PIECE];
    off_t left = segment->size - segment->at;
    ssize_t got = pread(segment->file, piece, left < PIECE ? (size_t)left : PIECE, segment->at);
    if (got > 0) return outlet_write(&sink->outlet, piece, (size_t)got);
    /* The file cannot be read back: its rest counts as written. */
    return (ssize_t)left;
}

static bool segment_done(const struct segment *segment) {
    return segment->file < 0 ? segment->memory.size == 0 : segment->at >= segment->size;
}

static void take(struct sink *sink, struct segment *segment, size_t written) {
    if (segment->file < 0) {
        buffer_consume(&segment->memory, written);
        sink->memory -= written;
    } else {
        segment->at += (off_t)written;
    }
    sink->pending -= written;
}

/* Writes until everything is written, the reader is slow or `most` bytes are written; returns the
 * errno that stopped it, or 0. */
static int write_queue(struct sink *sink, size_t most) {
    size_t before = sink->pending;
    if (sink->first) outlet_follow(&sink->outlet);
    while (sink->first && before - sink->pending < most) {
        struct segment *segment = sink->first;
        ssize_t written = segment_done(segment) ? 0 : write_segment(sink, segment);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        take(sink, segment, (size_t)written);
        if (!segment_done(segment)) continue;
        /* The last segment in memory is kept for later output, with its allocation. */
        if (segment == sink->last && segment->file < 0) break;
        drop_first(sink);
    }
    return 0;
}

static void fail(struct sink *sink, int error) {
    sink->error = error;
    sink->stalled = false;
    drop_all(sink);
    loop_unwatch(sink->loop, &sink->writable);
    loop_stop_timer(sink->loop, &sink->retry);
}

/* A limit on the size of files is like a full disk: rotating the log makes room. */
static bool means_full(int error) {
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static void settle(struct sink *sink, int error) {
    bool waits = error == EAGAIN || error == EWOULDBLOCK;
    bool full = means_full(error);
    sink->stalled = full;
    if (waits) {
        error = loop_watch(sink->loop, &sink->writable, sink->outlet.fd, POLLER_WRITE);
        if (error) fail(sink, error);
    } else {
        loop_unwatch(sink->loop, &sink->writable);
        if (full) {
            loop_start_timer(sink->loop, &sink->retry, CLOCK_SECOND);
        } else if (error) {
            fail(sink, error);
        } else if (sink->pending > 0) {
            loop_defer(sink->loop, &sink->flush); /* a gigabyte of a file: others have their turn */
        }
    }
}

static void flush(struct sink *sink) {
    struct sigpipe sigpipe;
    if (sink->error) return tell_waiters(sink);
    sigpipe_block(&sigpipe);
    int error = write_queue(sink, MOST_A_TURN);
    sigpipe_unblock_after(&sigpipe, error);
    settle(sink, error);
    tell_waiters(sink);
}

static void flush_later(struct loop_work *work) {
    flush(container_of(work, struct sink, flush));
}

static void flush_again(struct loop_timer *timer) {
    flush(container_of(timer, struct sink, retry));
}

static void flush_now(struct loop_fd *watch, unsigned ready) {
    (void)ready;
    flush(container_of(watch, struct sink, writable));
}

/* taking output */

/* A stuck reader is like a full disk, only later: callers of sink_full have stopped long before,
 * and what still arrives is the watcher's own lines and those of handlers. */
static bool has_no_room(const struct sink *sink) {
    return sink->memory >= (sink->stalled ? HIGH_WATER : MOST_MEMORY);
}

/* Whether to drop these bytes: only whole lines, from the first byte of one to its newline. */
static bool drops(struct sink *sink, bool ends_line) {
    if (!sink->in_line) sink->dropping = has_no_room(sink);
    sink->in_line = !ends_line;
    if (sink->dropping && ends_line) sink->dropped++;
    if ((sink->dropping || sink->error) && ends_line) sink->dropped_all++;
    return sink->dropping || sink->error;
}

static void count(struct sink *sink, size_t size, bool ends_line) {
    sink->bytes += size;
    sink->lines += ends_line;
}

static bool output_write(struct lines_output *output, const void *data, size_t size) {
    struct sink *sink = container_of(output, struct sink, output);
    if (size == 0) return true;
    bool ends_line = ((const char *)data)[size - 1] == '\n';
    if (drops(sink, ends_line)) return true;
    struct segment *segment = sink->last;
    if (!segment || segment->file >= 0) segment = add_segment(sink, -1, 0);
    if (!segment || !buffer_append(&segment->memory, data, size)) return false;
    sink->pending += size;
    sink->memory += size;
    count(sink, size, ends_line);
    loop_defer(sink->loop, &sink->flush);
    return true;
}

static bool output_write_file(struct lines_output *output, int fd, off_t size) {
    struct sink *sink = container_of(output, struct sink, output);
    char last = 0;
    bool known = size > 0 && pread(fd, &last, 1, size - 1) == 1;
    bool dropped = drops(sink, known && last == '\n');
    if (!dropped && size > 0 && add_segment(sink, fd, size)) {
        sink->pending += (size_t)size;
        count(sink, (size_t)size, last == '\n');
        loop_defer(sink->loop, &sink->flush);
        return true;
    }
    close(fd);
    return dropped || size == 0;
}

/* opening and closing */

struct sink *sink_open(struct loop *loop, int fd) {
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink) return NULL;
    sink->output = (struct lines_output){output_write, output_write_file};
    sink->loop = loop;
    sink->users = 1;
    sink->writable.ready = flush_now;
    sink->flush.run = flush_later;
    sink->retry.fire = flush_again;
    int error = outlet_open(&sink->outlet, fd);
    if (error == EPIPE) sink->error = EPIPE;
    if (!error || error == EPIPE) return sink;
    free(sink);
    errno = error;
    return NULL;
}

void sink_close(struct sink *sink) {
    if (!sink) return;
    struct sigpipe sigpipe;
    sigpipe_block(&sigpipe);
    if (!sink->error && loop_is_ours(sink->loop)) write_queue(sink, SIZE_MAX);
    sigpipe_unblock(&sigpipe);
    fail(sink, sink->error ? sink->error : EBADF);
    tell_waiters(sink);
    close(sink->outlet.fd);
    sink->outlet.fd = -1;
    sink_release(sink);
}

void sink_use(struct sink *sink) {
    sink->users++;
}

void sink_release(struct sink *sink) {
    if (--sink->users > 0) return;
    loop_undefer(sink->loop, &sink->flush);
    free(sink);
}

struct lines_output *sink_output(struct sink *sink) {
    return &sink->output;
}

bool sink_full(const struct sink *sink) {
    return sink->pending > HIGH_WATER && !sink->stalled && !sink->error;
}

size_t sink_pending(const struct sink *sink) {
    return sink->pending;
}

int sink_error(const struct sink *sink) {
    return sink->error;
}

size_t sink_take_dropped(struct sink *sink) {
    if (sink->stalled || sink->memory >= HIGH_WATER) return 0;
    size_t dropped = sink->dropped;
    sink->dropped = 0;
    return dropped;
}

size_t sink_dropped(const struct sink *sink) {
    return sink->dropped_all;
}

uint64_t sink_bytes(const struct sink *sink) {
    return sink->bytes;
}

uint64_t sink_lines(const struct sink *sink) {
    return sink->lines;
}
