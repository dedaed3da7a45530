#include "poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MOST_EVENTS = 256 };

static int control(struct poller *poller, int operation, int fd, unsigned interest, void *data) {
    struct epoll_event event = {.data.ptr = data};
    if (interest & POLLER_READ) event.events |= EPOLLIN | EPOLLRDHUP;
    if (interest & POLLER_WRITE) event.events |= EPOLLOUT;
    return epoll_ctl(poller->fd, operation, fd, &event) == 0 ? 0 : errno;
}

int poller_open(struct poller *poller) {
    poller->fd = epoll_create1(EPOLL_CLOEXEC);
    return poller->fd >= 0 ? 0 : errno;
}

void poller_close(struct poller *poller) {
    if (poller->fd >= 0) close(poller->fd);
    poller->fd = -1;
}

int poller_add(struct poller *poller, int fd, unsigned interest, void *data) {
    return control(poller, EPOLL_CTL_ADD, fd, interest, data);
}

int poller_change(struct poller *poller, int fd, unsigned interest, void *data) {
    return control(poller, EPOLL_CTL_MOD, fd, interest, data);
}

void poller_remove(struct poller *poller, int fd) {
    control(poller, EPOLL_CTL_DEL, fd, 0, NULL);
}

static unsigned readiness(unsigned events) {
    unsigned ready = 0;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ready |= POLLER_READ;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) ready |= POLLER_WRITE;
    return ready;
}

int poller_wait(struct poller *poller, struct poller_event *events, int room, int milliseconds) {
    struct epoll_event found[MOST_EVENTS];
    int count =
        epoll_wait(poller->fd, found, room < MOST_EVENTS ? room : MOST_EVENTS, milliseconds);
    for (int i = 0; i < count; i++) {
        events[i].data = found[i].data.ptr;
        events[i].ready = readiness(found[i].events);
    }
    return count > 0 ? count : 0;
}
