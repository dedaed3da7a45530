/* child: a program started in its own session, and its end.
 *
 * The leader's exit is the end: the rest of its group is KILLed before the leader is reaped, while
 * its id cannot be reused, and so are its descendants elsewhere, if the program adopts orphans
 * (orphans.h). Every wait has a time limit: a process that does not end is given up, and
 * reported. */
#ifndef WATCHBOT_CHILD_H
#define WATCHBOT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"
#include "guardian.h"
#include "launch.h"
#include "list.h"
#include "loop.h"
#include "orphans.h"

/* The children of one owner. Zeroed but for `loop`: none. */
struct children {
    struct loop *loop;
    struct guardian guardian;
    struct list running; /* struct child, the oldest first; also those that were abandoned */
    struct orphans orphans;
    uint64_t started;
    bool may_adopt; /* to be tried at the first start */
    bool adopts;
    struct loop_timer look; /* now and then, while children run and orphans are adopted */
};

struct child {
    struct children *home;
    struct list_node place;
    uint64_t serial; /* the newest has the highest */
    pid_t pid;
    int pidfd;
    char mark[128]; /* NAME=VALUE of its environment, by which what it starts is known; "": none */
    bool running;
    bool clearing;           /* the leader has exited, what it has started is being killed */
    bool taken;              /* something else in the host has reaped it */
    bool lost;               /* it could not be killed; `survivors` has it */
    int code;                /* exit code, -1: ended by a signal, taken or lost */
    int signal;              /* 0: none */
    int64_t started, ended;  /* clock_monotonic */
    int64_t cpu;             /* nanoseconds, of it and of what it has waited for */
    int64_t cpu_limit;       /* seconds, the hard limit of CPU that it has reached; 0: it has not */
    int64_t max_rss;         /* bytes, of the largest of these; 0: no more than the host's own */
    int64_t host_rss;        /* of the host at the start: what a child's begins with */
    struct buffer survivors; /* "PID (NAME): why" of what is left, a line each */
    struct loop_fd watch;    /* of the pidfd */
    struct loop_timer kill;  /* after a grace, or to look again */
    int64_t pause, give_up;  /* while clearing: until the next look, and when no other follows */
    void (*exited)(
        struct child *child); /* the leader has exited and is about to be reaped: read its output */
    void (*reaped)(struct child *child);
};

/* Starts a zeroed child. 0, or the errno of the failure, see launch.h. The owner must have set
 * `exited` and `reaped`. */
int child_start(struct child *child, struct children *home, struct launch *launch);

/* Sends a signal to the whole group. 0 or an errno: EPERM. */
int child_signal(struct child *child, int signal);

/* TERM (and CONT, in case it is stopped) to the group now, KILL after `grace` nanoseconds; a later
 * call can only shorten the time. */
void child_stop(struct child *child, int64_t grace);

/* Whether a signal has stopped it until CONT. */
bool child_is_stopped(const struct child *child);

/* The owner goes away: the child is killed, and reaped by its home from now on. No more
 * callbacks. */
void child_abandon(struct child *child);

/* Appends "PID (NAME): the text of the errno", or that it has not ended in time. */
void child_describe(pid_t pid, int refused, struct buffer *text);

/* KILLs all running and adopted processes, and waits for them for a limited time. */
void children_close(struct children *children);

/* "KILL" for SIGKILL; NULL for a signal without a name. And the reverse; 0 for an unknown name. */
const char *child_signal_name(int signal);
int child_signal_number(const char *name);

#endif
