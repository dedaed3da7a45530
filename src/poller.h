/* poller: reports which file descriptors are ready. A thin layer over epoll(7), so that the loop is
 * independent of the system call. Functions that can fail return 0 or an errno. */
#ifndef WATCHBOT_POLLER_H
#define WATCHBOT_POLLER_H

enum { POLLER_READ = 1, POLLER_WRITE = 2 };

struct poller {
    int fd; /* itself readable when something is ready, so that a host can poll it */
};

struct poller_event {
    void *data;
    unsigned ready; /* POLLER_READ, POLLER_WRITE; a hang-up or an error makes both ready */
};

int poller_open(struct poller *poller);
void poller_close(struct poller *poller);

/* EPERM: a regular file, which is always ready and cannot be polled. */
int poller_add(struct poller *poller, int fd, unsigned interest, void *data);
int poller_change(struct poller *poller, int fd, unsigned interest, void *data);
void poller_remove(struct poller *poller, int fd);

/* Waits at most `milliseconds` (-1: without limit). Returns the number of stored events; 0 also
 * after a signal. */
int poller_wait(struct poller *poller, struct poller_event *events, int room, int milliseconds);

#endif
