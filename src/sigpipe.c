#include "sigpipe.h"

#include <errno.h>
#include <time.h>

static sigset_t only_sigpipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

static bool is_pending(void) {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void sigpipe_block(struct sigpipe *sigpipe) {
    sigset_t set = only_sigpipe();
    sigpipe->pending = is_pending();
    pthread_sigmask(SIG_BLOCK, &set, &sigpipe->before);
}

void sigpipe_unblock(struct sigpipe *sigpipe) {
    int error = errno;
    if (!sigpipe->pending && is_pending()) {
        sigset_t set = only_sigpipe();
        struct timespec now = {0};
        while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR) continue;
    }
    pthread_sigmask(SIG_SETMASK, &sigpipe->before, NULL);
    errno = error;
}
