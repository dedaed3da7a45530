/* guardian: a small process that KILLs the remaining tasks when the watcher has ended, even after
 * kill -9, so that no orphan works on a message that another watcher receives: a task's group, its
 * session, and every process that descends from it.
 *
 * The groups are one bit each in memory that both share, so telling of one is no system call,
 * cannot block, and a guardian that was killed finds all of them when it is started again. It is
 * forked, not executed, so that it works in any host; with an exit signal of none, so that no
 * wait() of the host's ever sees it. It lives on async-signal-safe calls alone, holds none of the
 * host's descriptors, and sees the host's end twice: by a pidfd of the host, and, where the host
 * executes another program, by the end of a pipe. */
#ifndef WATCHBOT_GUARDIAN_H
#define WATCHBOT_GUARDIAN_H

#include <stdint.h>
#include <sys/types.h>

/* Zeroed: not started. */
struct guardian {
    uint8_t *groups; /* shared with the process; NULL: not started */
    pid_t pid;       /* 0: none */
    int pipe;        /* its end is the host's */
};

/* Starts it unless it is alive. 0 or an errno. */
int guardian_ensure(struct guardian *guardian);

/* Registers a group. Only touches memory, so that a child can register itself before it executes
 * its program, and is never unknown. */
void guardian_add(struct guardian *guardian, pid_t group);

/* The group has ended; must be called before its leader is reaped, while the id cannot belong to
 * another process. */
void guardian_remove(struct guardian *guardian, pid_t group);

/* Ends it, and the groups that were not removed. */
void guardian_stop(struct guardian *guardian);

/* In a child that the host has forked: drops what belongs to the parent. */
void guardian_forget(struct guardian *guardian);

#endif
