/* guardian: a small process that KILLs every process group that is left when the watcher is gone, even after kill -9, so that
 * no orphan keeps working on a message that somebody else gets.
 *
 * It is forked, not executed, so that it works in any host; it lives on async-signal-safe calls alone, holds none of the
 * host's descriptors, and sees the host's end twice: by the end of its socket, and by a pidfd of the host (whose own forked
 * children may hold the socket). A task that calls setsid leaves its group and escapes. */
#ifndef WATCHBOT_GUARDIAN_H
#define WATCHBOT_GUARDIAN_H

#include <stdbool.h>
#include <sys/types.h>

struct guardian {
    int socket; /* -1: not started */
    pid_t pid;
};

/* 0 or an errno. */
int guardian_start(struct guardian *guardian);

/* Tells it of a group; async-signal-safe, so that a child can tell of itself before it executes its program: from then on
 * there is no moment in which nobody knows of it. False: the guardian is gone. */
bool guardian_add(int socket, pid_t group);

/* The group is gone; to be told before its leader is reaped, while the id cannot be anybody else's. */
bool guardian_remove(int socket, pid_t group);

/* Lets it go, and waits for it: it has nothing to do if all groups were removed. */
void guardian_stop(struct guardian *guardian);

#endif
