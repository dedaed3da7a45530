/* sigpipe: writing to a pipe whose reader is gone, or past the limit on the size of files
 * (SIGXFSZ), without the signal and without changing what the host does with it. The signals are
 * blocked in this thread around the write, and one that the write caused is taken away before they
 * are unblocked: write(2) fails with EPIPE or EFBIG, and that is all. */
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

#endif
