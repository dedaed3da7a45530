/* loop: timers, file descriptors and deferred work on one poller. No Lua, no curl.
 *
 * A handle (struct loop_timer, loop_fd, loop_work) is embedded in the struct of its owner, who gets
 * from the handle to that struct with container_of. The loop allocates nothing for a handle, and
 * after the stopping call none of its callbacks is called any more, even if its event was already
 * fetched. So an owner stops its handles, then frees them.
 *
 * A zeroed handle is stopped, and stopping it twice does nothing. Callbacks run from loop_turn,
 * never from within a call that starts something. Functions that can fail return 0 or an errno. */
#ifndef WATCHBOT_LOOP_H
#define WATCHBOT_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "list.h"
#include "poller.h"

struct loop_timer {
    void (*fire)(struct loop_timer *timer);
    int64_t due;  /* loop_monotonic nanoseconds */
    size_t place; /* index in the heap plus one; 0: stopped */
};

struct loop_fd {
    void (*ready)(struct loop_fd *watch, unsigned ready); /* POLLER_READ and POLLER_WRITE */
    int fd;
    unsigned interest; /* 0: not watched */
};

/* Something to do soon: in the next turn, in the order in which it was deferred. */
struct loop_work {
    void (*run)(struct loop_work *work);
    struct list_node node;
};

/* The clocks of a test, in nanoseconds: they stand still, and jump to the next timer that the loop
 * would wait for. */
struct loop_clocks {
    bool leap; /* else the machine's count */
    int64_t monotonic, boottime, wall;
};

struct loop {
    struct poller poller;
    pid_t owner; /* see loop_is_ours */
    struct loop_clocks clocks;
    int64_t now; /* loop_monotonic, read once a turn */
    struct loop_timer **heap;
    size_t timers, heap_room;
    struct list work;
    size_t watches;               /* fds watched */
    struct poller_event *fetched; /* events of this turn that were not dispatched yet */
    int fetched_count;
};

int loop_open(struct loop *loop);

/* Whether this process opened it. A child that the host has forked has a copy, whose poller still
 * belongs to the parent: the copy's handles can be stopped, which does not affect the parent's, and
 * no file can be watched. */
bool loop_is_ours(const struct loop *loop);

/* Drops handles that are still started, without touching them. */
void loop_close(struct loop *loop);

/* One turn: due timers, ready fds and deferred work; waits at most `longest` nanoseconds (-1:
 * without limit) if there is nothing to do. A signal ends the wait. */
void loop_turn(struct loop *loop, int64_t longest);

/* Nanoseconds until a turn would have something to do by itself: 0 now, -1 never (only an fd can
 * wake it). */
int64_t loop_timeout(const struct loop *loop);

/* Nothing is started: a turn that waits would wait forever. */
bool loop_idle(const struct loop *loop);

/* The clocks of clock.h, or the clocks of a test. */
int64_t loop_monotonic(const struct loop *loop);
int64_t loop_boottime(const struct loop *loop);
int64_t loop_wall(const struct loop *loop);

/* Whether to jump instead of waiting. The clocks of a test start at the machine's, and continue
 * where they stood when they were left; a timer stays due at its number of nanoseconds, whichever
 * clock counts. */
void loop_leap(struct loop *loop, bool leap);

/* Moves the clocks of a test at once: timers that are due by then fire once, in the next turn. */
void loop_skip(struct loop *loop, int64_t nanoseconds);

/* A timer fires once, `delay` nanoseconds from now; starting a started timer moves it. ENOMEM. */
int loop_start_timer(struct loop *loop, struct loop_timer *timer, int64_t delay);
void loop_stop_timer(struct loop *loop, struct loop_timer *timer);

/* Level-triggered. Watching a watched fd changes the interest; interest 0 stops. EPERM for a
 * regular file, EBADF in a process that was forked. */
int loop_watch(struct loop *loop, struct loop_fd *watch, int fd, unsigned interest);
void loop_unwatch(struct loop *loop, struct loop_fd *watch);

/* Deferring work that is queued does nothing. */
void loop_defer(struct loop *loop, struct loop_work *work);
void loop_undefer(struct loop *loop, struct loop_work *work);

#endif
