#include "loop.h"
#include "self.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "compat.h"

enum { EVENTS_A_TURN = 128, FIRST_HEAP_ROOM = 64 };

int loop_open(struct loop *loop) {
    memset(loop, 0, sizeof *loop);
    loop->now = clock_monotonic();
    loop->owner = self_pid();
    return poller_open(&loop->poller);
}

bool loop_is_ours(const struct loop *loop) {
    return loop->owner == self_pid();
}

void loop_close(struct loop *loop) {
    poller_close(&loop->poller);
    free(loop->heap);
    loop->heap = NULL;
    loop->timers = loop->heap_room = 0;
}

/* clocks */

int64_t loop_monotonic(const struct loop *loop) {
    return loop->clocks.leap ? loop->clocks.monotonic : clock_monotonic();
}

int64_t loop_boottime(const struct loop *loop) {
    return loop->clocks.leap ? loop->clocks.boottime : clock_boottime();
}

int64_t loop_wall(const struct loop *loop) {
    return loop->clocks.leap ? loop->clocks.wall : clock_wall();
}

void loop_leap(struct loop *loop, bool leap) {
    if (leap && loop->clocks.monotonic == 0) {
        loop->clocks = (struct loop_clocks){
            .monotonic = clock_monotonic(), .boottime = clock_boottime(), .wall = clock_wall()};
    }
    loop->clocks.leap = leap;
}

static void move_clocks(struct loop_clocks *clocks, int64_t nanoseconds) {
    clocks->monotonic += nanoseconds;
    clocks->boottime += nanoseconds;
    clocks->wall += nanoseconds;
}

void loop_skip(struct loop *loop, int64_t nanoseconds) {
    if (!loop->clocks.leap) return;
    move_clocks(&loop->clocks, nanoseconds);
    loop->now = loop_monotonic(loop);
}

/* timers: a binary heap, the earliest at the root; each timer knows its place */

static void place_timer(struct loop *loop, size_t index, struct loop_timer *timer) {
    loop->heap[index] = timer;
    timer->place = index + 1;
}

static void sift_up(struct loop *loop, size_t index, struct loop_timer *timer) {
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (loop->heap[parent]->due <= timer->due) break;
        place_timer(loop, index, loop->heap[parent]);
        index = parent;
    }
    place_timer(loop, index, timer);
}

static void sift_down(struct loop *loop, size_t index, struct loop_timer *timer) {
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->timers) break;
        if (child + 1 < loop->timers && loop->heap[child + 1]->due < loop->heap[child]->due)
            child++;
        if (timer->due <= loop->heap[child]->due) break;
        place_timer(loop, index, loop->heap[child]);
        index = child;
    }
    place_timer(loop, index, timer);
}

static bool make_room(struct loop *loop) {
    if (loop->timers < loop->heap_room) return true;
    size_t room = loop->heap_room ? loop->heap_room * 2 : FIRST_HEAP_ROOM;
    struct loop_timer **heap = realloc(loop->heap, room * sizeof(struct loop_timer *));
    if (!heap) return false;
    loop->heap = heap;
    loop->heap_room = room;
    return true;
}

int loop_start_timer(struct loop *loop, struct loop_timer *timer, int64_t delay) {
    int64_t now = loop_monotonic(loop);
    loop_stop_timer(loop, timer);
    if (!make_room(loop)) return ENOMEM;
    if (delay < 0) delay = 0;
    timer->due = delay < INT64_MAX - now ? now + delay : INT64_MAX;
    sift_up(loop, loop->timers++, timer);
    return 0;
}

void loop_stop_timer(struct loop *loop, struct loop_timer *timer) {
    if (timer->place == 0) return;
    size_t hole = timer->place - 1;
    timer->place = 0;
    struct loop_timer *last = loop->heap[--loop->timers];
    if (last == timer) return;
    if (hole > 0 && loop->heap[(hole - 1) / 2]->due > last->due) {
        sift_up(loop, hole, last);
    } else {
        sift_down(loop, hole, last);
    }
}

/* Only timers that are due when the turn starts: a callback that starts a timer of 0 must not
 * prevent fds from being handled. */
static void fire_timers(struct loop *loop) {
    while (loop->timers > 0 && loop->heap[0]->due <= loop->now) {
        struct loop_timer *timer = loop->heap[0];
        loop_stop_timer(loop, timer);
        timer->fire(timer);
    }
}

/* file descriptors */

static void forget_fetched(struct loop *loop, const struct loop_fd *watch) {
    for (int i = 0; i < loop->fetched_count; i++) {
        if (loop->fetched[i].data == watch) loop->fetched[i].data = NULL;
    }
}

int loop_watch(struct loop *loop, struct loop_fd *watch, int fd, unsigned interest) {
    if (watch->interest && (interest == 0 || watch->fd != fd)) loop_unwatch(loop, watch);
    if (interest == 0 || (watch->interest == interest)) return 0;
    if (!loop_is_ours(loop)) return EBADF;
    int error = watch->interest ? poller_change(&loop->poller, fd, interest, watch)
                                : poller_add(&loop->poller, fd, interest, watch);
    if (error) return error;
    if (!watch->interest) loop->watches++;
    watch->fd = fd;
    watch->interest = interest;
    return 0;
}

void loop_unwatch(struct loop *loop, struct loop_fd *watch) {
    if (!watch->interest) return;
    if (loop_is_ours(loop)) poller_remove(&loop->poller, watch->fd);
    forget_fetched(loop, watch);
    watch->interest = 0;
    loop->watches--;
}

static void dispatch(struct loop *loop, struct poller_event *events, int count) {
    loop->fetched = events;
    loop->fetched_count = count;
    for (int i = 0; i < count; i++) {
        struct loop_fd *watch = events[i].data;
        unsigned ready = watch ? events[i].ready & watch->interest : 0;
        if (ready) watch->ready(watch, ready);
    }
    loop->fetched = NULL;
    loop->fetched_count = 0;
}

/* deferred work */

void loop_defer(struct loop *loop, struct loop_work *work) {
    if (!work->node.list) list_push(&loop->work, &work->node);
}

void loop_undefer(struct loop *loop, struct loop_work *work) {
    (void)loop;
    list_remove(&work->node);
}

/* A marker ends the round: work that is deferred meanwhile waits for the next turn, so that fds are
 * not starved. */
static void run_work(struct loop *loop) {
    struct list_node marker = {0};
    if (list_is_empty(&loop->work)) return;
    list_push(&loop->work, &marker);
    while (loop->work.first != &marker) {
        struct loop_work *work = container_of(loop->work.first, struct loop_work, node);
        list_remove(&work->node);
        work->run(work);
    }
    list_remove(&marker);
}

/* turns */

int64_t loop_timeout(const struct loop *loop) {
    if (!list_is_empty(&loop->work)) return 0;
    if (loop->timers == 0) return -1;
    int64_t left = loop->heap[0]->due - loop_monotonic(loop);
    return left > 0 ? left : 0;
}

bool loop_idle(const struct loop *loop) {
    return list_is_empty(&loop->work) && loop->timers == 0 && loop->watches == 0;
}

/* Rounded up: a turn that ends a little early would spin until the timer is due. */
static int milliseconds(int64_t nanoseconds) {
    if (nanoseconds < 0) return -1;
    int64_t rounded = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
    return rounded < INT_MAX ? (int)rounded : INT_MAX;
}

void loop_turn(struct loop *loop, int64_t longest) {
    struct poller_event events[EVENTS_A_TURN];
    int64_t timeout = loop_timeout(loop);
    if (timeout < 0 || (longest >= 0 && longest < timeout)) timeout = longest;
    bool leap = loop->clocks.leap && timeout > 0;
    int count = poller_wait(&loop->poller, events, EVENTS_A_TURN, leap ? 0 : milliseconds(timeout));
    if (leap && count == 0) move_clocks(&loop->clocks, timeout);
    loop->now = loop_monotonic(loop);
    dispatch(loop, events, count);
    fire_timers(loop);
    run_work(loop);
}
