/* listener: sockets that are listened on: TCP, or a path in the file system (unix(7)). Functions
 * that can fail return 0 or an errno. */
#ifndef WATCHBOT_LISTENER_H
#define WATCHBOT_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct listener {
    int fd; /* nonblocking; -1: closed */
    bool is_path;
    char address[64]; /* numeric, "127.0.0.1" or "::1"; "" for a path */
    uint16_t port;    /* 0 for a path */
    char path[108];   /* as sun_path; unlinked when it is closed, unless it was replaced */
    dev_t device;
    ino_t inode;
};

/* `address` is numeric; port 0: chosen by the system, and stored in `port`. EINVAL: not an
 * address. */
int listener_open_tcp(struct listener *listener, const char *address, uint16_t port);

/* Only this user may connect (mode 0600). A leftover socket is replaced. EADDRINUSE: a process
 * listens on it, or the path is not a socket. ENAMETOOLONG: more than 107 bytes. */
int listener_open_path(struct listener *listener, const char *path);

void listener_close(struct listener *listener);

#endif
