#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A connect that waits here is accepted in one of the next turns: aws-lambda-ric gives up after a
 * second. */
enum { BACKLOG = 1024 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int fail(struct listener *listener, int error) {
    if (listener->fd >= 0) close(listener->fd);
    listener->fd = -1;
    return error;
}

/* => the size of the address; 0: it is invalid */
static socklen_t parse(union address *parsed, const char *address, uint16_t port) {
    memset(parsed, 0, sizeof *parsed);
    if (inet_pton(AF_INET, address, &parsed->v4.sin_addr) == 1) {
        parsed->v4.sin_family = AF_INET;
        parsed->v4.sin_port = htons(port);
        return sizeof parsed->v4;
    }
    if (inet_pton(AF_INET6, address, &parsed->v6.sin6_addr) != 1) return 0;
    parsed->v6.sin6_family = AF_INET6;
    parsed->v6.sin6_port = htons(port);
    return sizeof parsed->v6;
}

static int read_port(struct listener *listener) {
    union address bound = {0};
    socklen_t size = sizeof bound;
    if (getsockname(listener->fd, &bound.any, &size) != 0) return errno;
    bool v4 = bound.any.sa_family == AF_INET;
    const void *bytes = v4 ? (const void *)&bound.v4.sin_addr : (const void *)&bound.v6.sin6_addr;
    if (!inet_ntop(bound.any.sa_family, bytes, listener->address, sizeof listener->address))
        return errno;
    listener->port = ntohs(v4 ? bound.v4.sin_port : bound.v6.sin6_port);
    return 0;
}

int listener_open_tcp(struct listener *listener, const char *address, uint16_t port) {
    union address parsed;
    int yes = 1;
    *listener = (struct listener){.fd = -1};
    socklen_t size = parse(&parsed, address, port);
    if (size == 0) return EINVAL;
    listener->fd = socket(parsed.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) return errno;
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        bind(listener->fd, &parsed.any, size) != 0 || listen(listener->fd, BACKLOG) != 0)
        return fail(listener, errno);
    int error = read_port(listener);
    return error ? fail(listener, error) : 0;
}

/* a path */

static socklen_t name(struct sockaddr_un *address, const char *path) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof address->sun_path) return 0;
    memcpy(address->sun_path, path, size);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
}

/* Whether a socket is left over: it exists, and no process listens on it. */
static bool is_stale(const struct sockaddr_un *address, socklen_t size) {
    struct stat file;
    if (lstat(address->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    bool refused =
        connect(fd, (const struct sockaddr *)address, size) != 0 && errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int bind_path(int fd, const struct sockaddr_un *address, socklen_t size) {
    if (bind(fd, (const struct sockaddr *)address, size) == 0) return 0;
    if (errno != EADDRINUSE || !is_stale(address, size)) return errno;
    if (unlink(address->sun_path) != 0) return errno;
    return bind(fd, (const struct sockaddr *)address, size) == 0 ? 0 : errno;
}

/* The socket gets its mode before it has a name: there is no moment in which others may connect. */
int listener_open_path(struct listener *listener, const char *path) {
    struct sockaddr_un address;
    struct stat file;
    *listener = (struct listener){.fd = -1, .is_path = true};
    socklen_t size = name(&address, path);
    if (size == 0) return ENAMETOOLONG;
    listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0) return errno;
    if (fchmod(listener->fd, S_IRUSR | S_IWUSR) != 0) return fail(listener, errno);
    int error = bind_path(listener->fd, &address, size);
    if (error) return fail(listener, error);
    if (listen(listener->fd, BACKLOG) != 0 || lstat(path, &file) != 0) return fail(listener, errno);
    memcpy(listener->path, address.sun_path, sizeof listener->path);
    listener->device = file.st_dev;
    listener->inode = file.st_ino;
    return 0;
}

void listener_close(struct listener *listener) {
    struct stat file;
    if (listener->fd < 0) return;
    if (listener->is_path && lstat(listener->path, &file) == 0 && file.st_dev == listener->device &&
        file.st_ino == listener->inode)
        unlink(listener->path);
    close(listener->fd);
    listener->fd = -1;
}
