/* sigpipe: writes to a closed pipe, or past the limit on the size of files (SIGXFSZ), without the
 * signal and without changing the host's handling of it. The signals are blocked in this thread
 * around the write, and one that the write caused is removed before they are unblocked: write(2)
 * just fails with EPIPE or EFBIG. */
#ifndef WATCHBOT_SIGPIPE_H
#define WATCHBOT_SIGPIPE_H

#include <signal.h>

struct sigpipe {
    sigset_t before;
    sigset_t pending; /* was pending already, and is the host's */
};

void sigpipe_block(struct sigpipe *sigpipe);

/* Keeps errno. */
void sigpipe_unblock(struct sigpipe *sigpipe);

/* The same if the errno of each write that failed is known: the last one, or 0. */
void sigpipe_unblock_after(struct sigpipe *sigpipe, int error);

#endif
