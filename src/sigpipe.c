#include "sigpipe.h"

#include <errno.h>
#include <stdbool.h>
#include <time.h>

static const int of_writes[] = {SIGPIPE, SIGXFSZ};

enum { OF_WRITES = sizeof of_writes / sizeof of_writes[0] };

/* Only what was blocked before can have been pending before. */
void sigpipe_block(struct sigpipe *sigpipe) {
    sigset_t set;
    bool blocked = false;
    sigemptyset(&set);
    for (int i = 0; i < OF_WRITES; i++) sigaddset(&set, of_writes[i]);
    sigemptyset(&sigpipe->pending);
    pthread_sigmask(SIG_BLOCK, &set, &sigpipe->before);
    for (int i = 0; i < OF_WRITES; i++) blocked |= sigismember(&sigpipe->before, of_writes[i]) == 1;
    if (blocked) sigpending(&sigpipe->pending);
}

/* The signals that are pending now and were not before. */
static sigset_t caused(const struct sigpipe *sigpipe) {
    sigset_t set, now;
    sigemptyset(&set);
    if (sigpending(&now) != 0) return set;
    for (int i = 0; i < OF_WRITES; i++) {
        if (sigismember(&now, of_writes[i]) && !sigismember(&sigpipe->pending, of_writes[i]))
            sigaddset(&set, of_writes[i]);
    }
    return set;
}

void sigpipe_unblock(struct sigpipe *sigpipe) {
    int error = errno;
    sigset_t set = caused(sigpipe);
    struct timespec now = {0};
    while (sigismember(&set, SIGPIPE) || sigismember(&set, SIGXFSZ)) {
        int taken = sigtimedwait(&set, NULL, &now);
        if (taken > 0) sigdelset(&set, taken);
        if (taken < 0 && errno != EINTR) break;
    }
    pthread_sigmask(SIG_SETMASK, &sigpipe->before, NULL);
    errno = error;
}

/* A write that causes one of the signals has failed with one of these. */
void sigpipe_unblock_after(struct sigpipe *sigpipe, int error) {
    if (error == EPIPE || error == EFBIG) {
        sigpipe_unblock(sigpipe);
    } else {
        pthread_sigmask(SIG_SETMASK, &sigpipe->before, NULL);
    }
}
