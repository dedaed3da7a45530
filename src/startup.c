#define _GNU_SOURCE
#include "startup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}

/* Standard output cannot be written then: who asked for a result must not be told that it was
 * printed. The number is the lowest that is free, so it is the one that is missing. */
static bool fill(int missing) {
    static const char *const names[] = {"input", "output", "error"};
    if (open("/dev/null", missing == STDOUT_FILENO ? O_RDONLY : O_RDWR) == missing) return true;
    fprintf(stderr,
            "watchbot: could not open /dev/null in place of standard %s, which is closed: %s\n",
            names[missing], strerror(errno));
    return false;
}

/* A program that was started with one of its standard descriptors closed would get the loop's epoll
 * for it, and write its log there. A root without /dev/null is no reason to end where all three are
 * open. */
bool startup_fill_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (!is_open(fd) && !fill(fd)) return false;
    }
    return true;
}

static bool lacks(const char *call, const char *since) {
    fprintf(stderr,
            "watchbot: this kernel, or what filters its system calls, does not provide %s (%s): "
            "%s; watchbot needs Linux 5.9 or newer\n",
            call, since, strerror(errno));
    return false;
}

/* Descriptors that are above all others: nothing is closed. An old seccomp filter answers EPERM
 * where the kernel would answer. valgrind knows no pidfd_open, but has close_range, which is newer:
 * there the guardian makes do with its pipe. */
bool startup_check_kernel(void) {
    if (syscall(SYS_close_range, ~0U, ~0U, 0) != 0) return lacks("close_range", "Linux 5.9");
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0 && errno != ENOSYS) return lacks("pidfd_open", "Linux 5.3");
    if (self >= 0) close(self);
    return true;
}
