/* outlet: a descriptor that a sink writes to without ever waiting. Other processes may share the
 * caller's descriptor, so no flag of its open file is changed. */
#ifndef WATCHBOT_OUTLET_H
#define WATCHBOT_OUTLET_H

#include <stdbool.h>
#include <sys/types.h>

/* How to write to a descriptor without waiting. */
enum outlet_kind {
    OUTLET_PLAIN,    /* a regular file or a device: writes do not wait for a reader */
    OUTLET_REOPENED, /* a pipe or terminal with an open file of our own, nonblocking */
    OUTLET_SOCKET,   /* send(2) can be told not to wait */
    OUTLET_SHARED,   /* a pipe that could not be opened again: polled before each small write */
};

struct outlet {
    enum outlet_kind kind;
    int fd;
    bool rewinds; /* a file without O_APPEND, see outlet_follow */
};

/* 0, or an errno; with EPIPE it is open, and its reader is gone. */
int outlet_open(struct outlet *outlet, int fd);

/* As write(2). */
ssize_t outlet_write(const struct outlet *outlet, const char *data, size_t size);

/* Moves to the end of a file that was truncated meanwhile (logrotate's copytruncate): without
 * O_APPEND, the next write would leave a hole of the old size. */
void outlet_follow(const struct outlet *outlet);

#endif
