#define _GNU_SOURCE
#include "outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int duplicate(int fd) {
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static int reopen(int fd) {
    char path[32];
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | (flags & O_APPEND));
}

int outlet_open(struct outlet *outlet, int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0) return errno;
    outlet->kind = S_ISFIFO(status.st_mode) || isatty(fd) ? OUTLET_REOPENED
                   : S_ISSOCK(status.st_mode)             ? OUTLET_SOCKET
                                                          : OUTLET_PLAIN;
    if (outlet->kind == OUTLET_REOPENED) {
        outlet->fd = reopen(fd);
        if (outlet->fd >= 0) return 0;
        bool gone = errno == ENXIO;
        if (!gone) outlet->kind = OUTLET_SHARED;
        outlet->fd = duplicate(fd);
        return outlet->fd < 0 ? errno : gone ? EPIPE : 0;
    }
    outlet->fd = duplicate(fd);
    outlet->rewinds = S_ISREG(status.st_mode) && !(fcntl(fd, F_GETFL) & O_APPEND);
    return outlet->fd >= 0 ? 0 : errno;
}

/* A reader that takes a little gets a little: PIPE_BUF fits when poll says that there is room. */
static ssize_t write_shared(int fd, const char *data, size_t size) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (poll(&room, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(fd, data, size < 4096 ? size : 4096);
}

ssize_t outlet_write(const struct outlet *outlet, const char *data, size_t size) {
    switch (outlet->kind) {
    case OUTLET_SOCKET: return send(outlet->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    case OUTLET_SHARED: return write_shared(outlet->fd, data, size);
    default: return write(outlet->fd, data, size);
    }
}

void outlet_follow(const struct outlet *outlet) {
    struct stat status;
    off_t at = outlet->rewinds ? lseek(outlet->fd, 0, SEEK_CUR) : 0;
    if (at > 0 && fstat(outlet->fd, &status) == 0 && status.st_size < at)
        lseek(outlet->fd, 0, SEEK_END);
}
