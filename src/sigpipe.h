/* sigpipe: writing to a pipe whose reader is gone, without the signal and without changing what the host does with it.
 * The signal is blocked in this thread around the write, and one that the write caused is taken away before it is unblocked. */
#ifndef WATCHBOT_SIGPIPE_H
#define WATCHBOT_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
    sigset_t before;
    bool pending; /* one was pending already, and is the host's */
};

void sigpipe_block(struct sigpipe *sigpipe);

/* Keeps errno. */
void sigpipe_unblock(struct sigpipe *sigpipe);

#endif
