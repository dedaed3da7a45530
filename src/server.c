#define _GNU_SOURCE /* accept4 */
#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "connection.h"
#include "peer.h"

enum { ACCEPTS_A_TURN = 64 };

/* Seconds until descriptors may be available again. */
static const int64_t PAUSE = CLOCK_SECOND / 4;

static struct connection *idle_of(struct list_node *node) {
    return container_of(node, struct connection, idle);
}

/* accepting */

static bool may_connect(struct server *server, int fd) {
    uid_t user;
    if (!server->options.check_user) return true;
    switch (peer_user(fd, &user)) {
    case PEER_UNKNOWN: server->unchecked = true; return true;
    case PEER_KNOWN:
        if (user == server->options.user || user == 0) return true;
        server->refused++;
        return false;
    default: return false;
    }
}

/* The connection that a new one replaces when there are too many: the one without any request for
 * the longest time, otherwise the one idle longest; but not if idle connections are kept without
 * limit, because their clients rely on it. */
static struct list_node *displaced(const struct server *server) {
    if (!list_is_empty(&server->fresh)) return server->fresh.first;
    return server->options.idle_time > 0 ? server->idle.first : NULL;
}

/* Whether one more connection can be accepted, perhaps by closing another. */
static bool has_room(const struct server *server) {
    return server->count < server->options.connections || displaced(server);
}

static int let_in(struct server *server, int fd) {
    if (server->count >= server->options.connections) connection_break(idle_of(displaced(server)));
    return connection_open(server, fd);
}

static void accept_later(struct server *server) {
    loop_unwatch(server->loop, &server->watch);
    loop_start_timer(server->loop, &server->pause, PAUSE);
}

/* False: there is none, or no room for it. */
static bool accept_one(struct server *server) {
    if (!has_room(server)) {
        accept_later(server);
        return false;
    }
    int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            accept_later(server);
        return errno == ECONNABORTED || errno == EINTR;
    }
    if (may_connect(server, fd)) return let_in(server, fd) == 0;
    close(fd);
    return true;
}

static void on_acceptable(struct loop_fd *watch, unsigned ready) {
    struct server *server = container_of(watch, struct server, watch);
    (void)ready;
    for (int i = 0; i < ACCEPTS_A_TURN && accept_one(server); i++) {
    }
}

static int accept_on(struct server *server) {
    return loop_watch(server->loop, &server->watch, server->listener.fd, POLLER_READ);
}

static void on_pause_over(struct loop_timer *timer) {
    struct server *server = container_of(timer, struct server, pause);
    if (accept_on(server) != 0) loop_start_timer(server->loop, timer, PAUSE);
}

static void on_announce(struct loop_work *work) {
    struct server *server = container_of(work, struct server, announce);
    server->arrived(server);
}

int server_open(struct server *server, struct loop *loop, const struct server_options *options) {
    server->loop = loop;
    server->options = *options;
    server->watch.ready = on_acceptable;
    server->pause.fire = on_pause_over;
    server->announce.run = on_announce;
    return accept_on(server);
}

static void stop_accepting(struct server *server) {
    loop_unwatch(server->loop, &server->watch);
    loop_stop_timer(server->loop, &server->pause);
    listener_close(&server->listener);
}

void server_quiesce(struct server *server) {
    if (!server->loop) return;
    stop_accepting(server);
    server->quiet = true;
    while (!list_is_empty(&server->fresh)) connection_break(idle_of(server->fresh.first));
    while (!list_is_empty(&server->idle)) connection_break(idle_of(server->idle.first));
}

void server_close(struct server *server) {
    if (!server->loop) return;
    stop_accepting(server);
    while (!list_is_empty(&server->connections)) {
        connection_break(container_of(server->connections.first, struct connection, node));
    }
    loop_undefer(server->loop, &server->announce);
    server->loop = NULL;
}

/* exchanges */

bool server_take(struct server *server, struct exchange *exchange) {
    if (list_is_empty(&server->complete)) return false;
    struct connection *connection =
        container_of(server->complete.first, struct connection, complete);
    list_remove(&connection->complete);
    connection->state = CONNECTION_TAKEN;
    connection->exchange = exchange;
    exchange->connection = connection;
    exchange->gone = connection->ended;
    exchange->request = connection->request;
    connection->request = (struct request){.head_limit = exchange->request.head_limit,
                                           .body_limit = exchange->request.body_limit};
    return true;
}

/* The owner is done with the exchange; the connection ends it. */
static struct connection *detach(struct exchange *exchange) {
    struct connection *connection = exchange->connection;
    exchange->connection = NULL;
    connection->exchange = NULL;
    connection->state = CONNECTION_FLUSHING;
    return connection;
}

static void settle_form(struct connection *connection, const struct request *request, int status) {
    connection->keep = request->keep_alive && !connection->ended && !connection->server->quiet;
    connection->headless =
        status == 204 || status == 304 || strcmp(request_method(request), "HEAD") == 0;
    connection->chunked = request->minor > 0;
}

/* printf takes ten times as long. */
static void write_length(char *out, size_t size) {
    static const char name[] = "Content-Length: ";
    char digits[32], *first = digits + sizeof digits;
    memcpy(first -= 3, "\r\n", 3);
    do *--first = (char)('0' + size % 10);
    while (size /= 10);
    memcpy(out, name, sizeof name - 1);
    memcpy(out + sizeof name - 1, first, (size_t)(digits + sizeof digits - first));
}

bool exchange_answer(struct exchange *exchange, int status, const char *fields, const char *body,
                     size_t size) {
    char framing[64] = "";
    if (!exchange->connection) return true;
    struct connection *connection = detach(exchange);
    settle_form(connection, &exchange->request, status);
    if (status != 204 && status != 304) write_length(framing, size);
    bool good = connection_write_head(connection, status, fields, framing) &&
                (connection->headless || buffer_append(&connection->out, body, size));
    if (!good) {
        connection_break(connection);
    } else {
        connection_flush(connection);
    }
    return good;
}

bool exchange_begin(struct exchange *exchange, int status, const char *fields) {
    struct connection *connection = exchange->connection;
    if (!connection) return true;
    settle_form(connection, &exchange->request, status);
    if (!connection->chunked) connection->keep = false;
    connection->state = CONNECTION_STREAMING;
    bool framed = connection->chunked && !connection->headless;
    bool good = connection_write_head(connection, status, fields,
                                      framed ? "Transfer-Encoding: chunked\r\n" : "");
    if (!good) {
        connection_break(connection);
    } else {
        connection_flush(connection);
    }
    return good;
}

static bool append_chunk(struct connection *connection, const char *data, size_t size) {
    char head[32];
    if (!connection->chunked) return buffer_append(&connection->out, data, size);
    int length = snprintf(head, sizeof head, "%zx\r\n", size);
    return buffer_append(&connection->out, head, (size_t)length) &&
           buffer_append(&connection->out, data, size) &&
           buffer_append(&connection->out, "\r\n", 2);
}

bool exchange_send(struct exchange *exchange, const char *data, size_t size) {
    struct connection *connection = exchange->connection;
    if (!connection || connection->headless || size == 0) return true;
    bool good = append_chunk(connection, data, size);
    if (!good) {
        connection_break(connection);
    } else {
        connection_flush(connection);
    }
    return good;
}

void exchange_finish(struct exchange *exchange) {
    if (!exchange->connection) return;
    struct connection *connection = detach(exchange);
    bool last = connection->chunked && !connection->headless;
    if (last && !buffer_append(&connection->out, "0\r\n\r\n", 5)) {
        connection_break(connection);
    } else {
        connection_flush(connection);
    }
}

size_t exchange_pending(const struct exchange *exchange) {
    return exchange->connection ? exchange->connection->out.size : 0;
}

/* If the owner loses its request, the client must not wait forever. */
void exchange_free(struct exchange *exchange) {
    if (exchange->connection) {
        exchange->connection->exchange = NULL;
        connection_break(exchange->connection);
        exchange->connection = NULL;
    }
    request_reset(&exchange->request);
}
