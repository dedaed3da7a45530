/* child: a program started in a process group of its own, and its end.
 *
 * vfork, setpgid, default signal handlers, an empty mask, exec: as fast as posix_spawn, but it can also set a parent-death
 * signal (which fires when the thread that started the child ends), restore limits and tell the guardian. The leader's exit
 * is the end: what is left of its group is KILLed before the leader is reaped, while its group id cannot be reused. */
#ifndef WATCHBOT_CHILD_H
#define WATCHBOT_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "guardian.h"
#include "loop.h"

struct child_options {
    char *const *argv; /* argv[0] is looked up in the PATH of envp, or of the host, unless it has a slash */
    char *const *envp;
    const char *cwd;           /* NULL: the host's */
    int in, out, err;          /* become 0, 1 and 2; stay the caller's */
    struct guardian *guardian; /* alive */
    rlim_t nofile;             /* soft limit of open files, 0: as the host has it */
};

struct child {
    struct loop *loop;
    pid_t pid;
    bool running;
    bool no_folder;         /* could not be started because of its cwd */
    int code;               /* exit code, -1: ended by a signal, or somebody else in the host has reaped it */
    int signal;             /* 0: none */
    int64_t started, ended; /* clock_monotonic */
    struct guardian *guardian;
    struct loop_pid watch;
    struct loop_timer kill;
    void (*exited)(struct child *child); /* the leader has exited and is about to be reaped: read what it wrote */
    void (*reaped)(struct child *child);
};

/* Starts a zeroed child. 0, or the errno of what failed: ENOENT, EACCES, ENOEXEC, E2BIG, EAGAIN, ENOMEM... `exited` and
 * `reaped` are set by the owner before. */
int child_start(struct child *child, struct loop *loop, const struct child_options *options);

/* Sends a signal to the whole group. */
void child_signal(struct child *child, int signal);

/* TERM (and CONT, in case it is stopped) to the group now, KILL after `grace` nanoseconds; a later call can only shorten. */
void child_stop(struct child *child, int64_t grace);

/* The owner goes away: the group is killed, and the leader is reaped when it has ended, by `orphans` from here on. No callback
 * comes any more. */
struct child_orphans {
    struct child_orphan *first;
};
void child_abandon(struct child *child, struct child_orphans *orphans);

/* Waits for all that were abandoned; they have been killed, so that is soon. */
void child_reap_orphans(struct child_orphans *orphans);

/* "KILL" for SIGKILL; NULL for what has no name. And back; 0 for an unknown name. */
const char *child_signal_name(int signal);
int child_signal_number(const char *name);

#endif
