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

/* Then standard output cannot be written: a result must not be reported as printed. The lowest free
 * number is used, which is the missing one. */
static bool fill(int missing) {
    static const char *const names[] = {"input", "output", "error"};
    if (open("/dev/null", missing == STDOUT_FILENO ? O_RDONLY : O_RDWR) == missing) return true;
    fprintf(stderr,
            "watchbot: could not open /dev/null in place of standard %s, which is closed: %s\n",
            names[missing], strerror(errno));
    return false;
}

/* If the program was started with a standard descriptor closed, the loop's epoll would get its
 * number, and the log would be written there. A root without /dev/null is acceptable if all three
 * are open. */
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

/* Descriptors above all others: nothing is closed. An old seccomp filter returns EPERM for unknown
 * system calls. valgrind does not support pidfd_open, but close_range, which is newer: there the
 * guardian uses its pipe. */
bool startup_check_kernel(void) {
    if (syscall(SYS_close_range, ~0U, ~0U, 0) != 0) return lacks("close_range", "Linux 5.9");
    int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0 && errno != ENOSYS) return lacks("pidfd_open", "Linux 5.3");
    if (self >= 0) close(self);
    return true;
}
