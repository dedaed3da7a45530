#define _GNU_SOURCE /* POLLRDHUP */
#include "multi.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "sigpipe.h"

enum { ASKED_AT_ONCE = 32 };

struct multi_socket {
    struct loop_fd watch;
    struct multi *home;
    struct multi_socket *next, *previous;
    int fd;
    bool connection; /* opened here; else libcurl's own, for the thread that resolves names */
    bool kept;       /* no transfer uses it */
};

/* sockets */

static struct multi_socket *find_socket(const struct multi *multi, int fd) {
    struct multi_socket *found = multi->sockets;
    while (found && found->fd != fd) found = found->next;
    return found;
}

static void free_socket(struct multi_socket *one) {
    loop_unwatch(one->home->loop, &one->watch);
    if (one->next) one->next->previous = one->previous;
    if (one->previous) {
        one->previous->next = one->next;
    } else {
        one->home->sockets = one->next;
    }
    free(one);
}

static void turn(struct multi *multi, curl_socket_t fd, int events);

static void socket_ready(struct loop_fd *watch, unsigned ready) {
    struct multi_socket *one = container_of(watch, struct multi_socket, watch);
    int events =
        (ready & POLLER_READ ? CURL_CSELECT_IN : 0) | (ready & POLLER_WRITE ? CURL_CSELECT_OUT : 0);
    turn(one->home, one->fd, events);
}

static struct multi_socket *new_socket(struct multi *multi, int fd) {
    struct multi_socket *one = calloc(1, sizeof *one);
    if (!one) return NULL;
    one->home = multi;
    one->fd = fd;
    one->watch.ready = socket_ready;
    one->next = multi->sockets;
    if (one->next) one->next->previous = one;
    multi->sockets = one;
    return one;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    struct multi *multi = user;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    multi->open_error = fd < 0 ? errno : 0;
    struct multi_socket *one = fd >= 0 ? new_socket(multi, fd) : NULL;
    if (one) {
        one->connection = true;
        return fd;
    }
    if (fd >= 0) close(fd);
    return CURL_SOCKET_BAD;
}

static int close_socket(void *user, curl_socket_t fd) {
    struct multi_socket *one = find_socket(user, fd);
    if (one) free_socket(one);
    return close(fd);
}

/* libcurl's request to watch a socket. If it cannot be watched (no memory), the timeout of its
 * transfer ends it. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *unused) {
    struct multi *multi = user;
    struct multi_socket *one = find_socket(multi, fd);
    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (one && !one->connection) {
            free_socket(one);
            return 0;
        }
        if (one) loop_unwatch(multi->loop, &one->watch);
        if (one) one->kept = true;
        return 0;
    }
    if (!one) one = new_socket(multi, fd);
    if (!one) return 0;
    one->kept = false;
    unsigned interest =
        (what & CURL_POLL_IN ? POLLER_READ : 0) | (what & CURL_POLL_OUT ? POLLER_WRITE : 0);
    loop_watch(multi->loop, &one->watch, fd, interest);
    return 0;
}

static void give_up(int fd) {
    char waste[4096];
    shutdown(fd, SHUT_RDWR);
    while (recv(fd, waste, sizeof waste, MSG_DONTWAIT) > 0) continue;
}

static void give_up_unread(struct pollfd *sockets, nfds_t count) {
    if (count == 0 || poll(sockets, count, 0) <= 0) return;
    for (nfds_t i = 0; i < count; i++) {
        if (sockets[i].revents) give_up(sockets[i].fd);
    }
}

/* libcurl calls recv(MSG_PEEK) to find out whether a kept connection is alive: an end without data
 * before it shows that it is not, and libcurl connects again. */
static void give_up_stale(const struct multi *multi) {
    struct pollfd sockets[ASKED_AT_ONCE];
    nfds_t count = 0;
    for (const struct multi_socket *one = multi->sockets; one; one = one->next) {
        if (!one->kept) continue;
        sockets[count++] = (struct pollfd){.fd = one->fd, .events = POLLIN | POLLRDHUP};
        if (count < ASKED_AT_ONCE) continue;
        give_up_unread(sockets, count);
        count = 0;
    }
    give_up_unread(sockets, count);
}

/* transfers */

static void tell_finished(struct multi *multi) {
    const CURLMsg *message;
    int left;
    while (multi->handle && (message = libcurl.multi_info_read(multi->handle, &left))) {
        if (message->msg == CURLMSG_DONE)
            multi->finished(multi, message->easy_handle, message->data.result);
    }
}

/* SIGPIPE is suppressed: OpenSSL's writes to a closed connection must not end the host. */
static void turn(struct multi *multi, curl_socket_t fd, int events) {
    struct sigpipe sigpipe;
    int running;
    if (multi->added) give_up_stale(multi);
    multi->added = false;
    sigpipe_block(&sigpipe);
    CURLMcode code = libcurl.multi_socket_action(multi->handle, fd, events, &running);
    sigpipe_unblock(&sigpipe);
    if (code == CURLM_OK) {
        tell_finished(multi);
    } else {
        multi->broken(multi);
    }
}

static void timer_fired(struct loop_timer *timer) {
    turn(container_of(timer, struct multi, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *handle, long milliseconds, void *user) {
    struct multi *multi = user;
    (void)handle;
    if (milliseconds < 0) {
        loop_stop_timer(multi->loop, &multi->timer);
        return 0;
    }
    return loop_start_timer(multi->loop, &multi->timer, milliseconds * (CLOCK_SECOND / 1000)) == 0
               ? 0
               : -1;
}

bool multi_add(struct multi *multi, CURL *easy) {
    libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    libcurl.easy_setopt(easy, CURLOPT_OPENSOCKETDATA, multi);
    libcurl.easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    libcurl.easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
    multi->added = true;
    return libcurl.multi_add_handle(multi->handle, easy) == CURLM_OK;
}

/* Closing a connection here may send a TLS goodbye to a peer that is gone. */
void multi_remove(struct multi *multi, CURL *easy) {
    struct sigpipe sigpipe;
    sigpipe_block(&sigpipe);
    libcurl.multi_remove_handle(multi->handle, easy);
    sigpipe_unblock(&sigpipe);
}

bool multi_open(struct multi *multi, struct loop *loop, long kept) {
    if (multi->handle) return true;
    multi->loop = loop;
    multi->timer.fire = timer_fired;
    multi->handle = libcurl.multi_init();
    if (!multi->handle) return false;
    libcurl.multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    libcurl.multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    libcurl.multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, timer_wanted);
    libcurl.multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
    libcurl.multi_setopt(multi->handle, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    libcurl.multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, kept);
    return true;
}

void multi_close(struct multi *multi) {
    struct sigpipe sigpipe;
    if (!multi->handle) return;
    sigpipe_block(&sigpipe);
    libcurl.multi_cleanup(multi->handle);
    sigpipe_unblock(&sigpipe);
    loop_stop_timer(multi->loop, &multi->timer);
    while (multi->sockets) free_socket(multi->sockets);
    multi->handle = NULL;
}
