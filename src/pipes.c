#define _GNU_SOURCE /* memfd_create, pipe2 */
#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

int pipes_input(const char *data, size_t size, int *fd) {
    *fd = memfd_create("watchbot-stdin", MFD_CLOEXEC);
    if (*fd < 0) return errno;
    for (size_t at = 0; at < size;) {
        ssize_t written = pwrite(*fd, data + at, size - at, (off_t)at);
        if (written < 0 && errno != EINTR) return errno;
        if (written > 0) at += (size_t)written;
    }
    return 0;
}

int pipes_output(int *ours, int *theirs) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    *ours = ends[0];
    *theirs = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}
