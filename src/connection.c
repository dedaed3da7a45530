#include "connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"

enum { PIECE = 1 << 16 };

/* What is thrown away after the answer: long enough for the client to read it. */
static const int64_t LINGER_TIME = 2 * CLOCK_SECOND;

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {100, "Continue"                       },
    {200, "OK"                             },
    {202, "Accepted"                       },
    {204, "No Content"                     },
    {302, "Found"                          },
    {303, "See Other"                      },
    {304, "Not Modified"                   },
    {400, "Bad Request"                    },
    {401, "Unauthorized"                   },
    {403, "Forbidden"                      },
    {404, "Not Found"                      },
    {405, "Method Not Allowed"             },
    {408, "Request Timeout"                },
    {410, "Gone"                           },
    {413, "Content Too Large"              },
    {414, "URI Too Long"                   },
    {417, "Expectation Failed"             },
    {421, "Misdirected Request"            },
    {429, "Too Many Requests"              },
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"          },
    {501, "Not Implemented"                },
    {503, "Service Unavailable"            },
    {505, "HTTP Version Not Supported"     },
};

static const char *phrase_of(int status) {
    for (size_t i = 0; i < countof(phrases); i++) {
        if (phrases[i].status == status) return phrases[i].phrase;
    }
    return "";
}

static struct loop *loop_of(const struct connection *connection) {
    return connection->server->loop;
}

/* the end */

static void tell_gone(struct connection *connection) {
    struct exchange *exchange = connection->exchange;
    if (!exchange || exchange->gone) return;
    exchange->gone = true;
    exchange->left(exchange);
}

void connection_break(struct connection *connection) {
    struct server *server = connection->server;
    if (connection->exchange) {
        tell_gone(connection);
        connection->exchange->connection = NULL;
    }
    loop_stop_timer(server->loop, &connection->timer);
    loop_unwatch(server->loop, &connection->watch);
    list_remove(&connection->node);
    list_remove(&connection->idle);
    list_remove(&connection->complete);
    server->count--;
    close(connection->fd);
    request_reset(&connection->request);
    buffer_free(&connection->in);
    buffer_free(&connection->out);
    free(connection);
}

static void linger(struct connection *connection) {
    connection->state = CONNECTION_LINGERING;
    shutdown(connection->fd, SHUT_WR);
    connection_time(connection);
    if (loop_watch(loop_of(connection), &connection->watch, connection->fd, POLLER_READ) != 0)
        connection_break(connection);
}

/* times */

/* => nanoseconds; 0: no limit */
static int64_t time_of(const struct connection *connection) {
    const struct server_options *options = &connection->server->options;
    switch (connection->state) {
    case CONNECTION_READING:
        if (connection->request.state == REQUEST_EMPTY) return options->idle_time;
        return connection->request.state == REQUEST_HEAD ? options->head_time : options->body_time;
    case CONNECTION_LINGERING: return LINGER_TIME;
    case CONNECTION_STREAMING:
    case CONNECTION_FLUSHING: return connection->out.size > 0 ? options->write_time : 0;
    default: return 0;
    }
}

void connection_time(struct connection *connection) {
    int64_t time = time_of(connection);
    bool idle =
        connection->state == CONNECTION_READING && connection->request.state == REQUEST_EMPTY;
    loop_stop_timer(loop_of(connection), &connection->timer);
    if (time > 0) loop_start_timer(loop_of(connection), &connection->timer, time);
    if (!idle) {
        list_remove(&connection->idle);
    } else if (!connection->idle.list) {
        struct server *server = connection->server;
        list_push(connection->used ? &server->idle : &server->fresh, &connection->idle);
    }
}

/* writing */

/* Once a second. */
static const char *date_of(struct server *server) {
    time_t now = (time_t)(clock_wall() / CLOCK_SECOND);
    if (now != server->dated || server->date[0] == '\0') {
        server->dated = now;
        clock_http_date(now, server->date);
    }
    return server->date;
}

static bool put(struct connection *connection, const char *text) {
    return buffer_append(&connection->out, text, strlen(text));
}

bool connection_write_head(struct connection *connection, int status, const char *fields,
                           const char *framing) {
    char number[] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                     (char)('0' + status % 10), ' ', '\0'};
    return put(connection, "HTTP/1.1 ") && put(connection, number) &&
           put(connection, phrase_of(status)) && put(connection, "\r\nDate: ") &&
           put(connection, date_of(connection->server)) && put(connection, "\r\n") &&
           put(connection, fields) && put(connection, framing) &&
           put(connection, connection->keep ? "\r\n" : "Connection: close\r\n\r\n");
}

/* Answers by itself what no taker will see, and closes. */
static void refuse(struct connection *connection, int status, const char *why) {
    char framing[64];
    snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", strlen(why) + 1);
    connection->keep = false;
    connection->state = CONNECTION_FLUSHING;
    if (connection_write_head(connection, status, "Content-Type: text/plain\r\n", framing) &&
        buffer_append(&connection->out, why, strlen(why)) &&
        buffer_append(&connection->out, "\n", 1)) {
        connection_flush(connection);
    } else {
        connection_break(connection);
    }
}

/* reading */

static unsigned interest_of(const struct connection *connection) {
    unsigned write = connection->out.size > 0 ? POLLER_WRITE : 0;
    bool deaf = connection->ended || connection->ahead;
    return (deaf ? 0 : POLLER_READ) | write;
}

static bool watch(struct connection *connection) {
    int error = loop_watch(loop_of(connection), &connection->watch, connection->fd,
                           interest_of(connection));
    if (error) connection_break(connection);
    return !error;
}

/* The client waits to be told that its body is wanted: RFC 9110, 10.1.1. */
static bool ask_for_body(struct connection *connection) {
    if (!connection->request.expects || connection->continued) return true;
    connection->continued = true;
    if (!buffer_append(&connection->out, "HTTP/1.1 100 Continue\r\n\r\n", 25)) {
        connection_break(connection);
        return false;
    }
    return connection_flush(connection);
}

static void complete(struct connection *connection) {
    struct server *server = connection->server;
    connection->state = CONNECTION_COMPLETE;
    connection->used = true;
    connection_time(connection);
    list_push(&server->complete, &connection->complete);
    loop_defer(server->loop, &server->announce);
}

/* Feeds the request; what is behind it is kept for the next one. */
static void feed(struct connection *connection, const char *data, size_t size) {
    struct request *request = &connection->request;
    enum request_state before = request->state;
    size_t taken = request_feed(request, data, size);
    if (taken < size && request->state == REQUEST_COMPLETE &&
        !buffer_append(&connection->in, data + taken, size - taken))
        return connection_break(connection);
    if (request->state == REQUEST_BAD) return refuse(connection, request->status, request->why);
    if (request->state != before) connection_time(connection);
    if (request->state == REQUEST_BODY && !ask_for_body(connection)) return;
    if (request->state == REQUEST_COMPLETE) complete(connection);
}

static void feed_kept(struct connection *connection) {
    struct buffer kept = connection->in;
    if (kept.size == 0) return;
    connection->in = (struct buffer){0};
    feed(connection, buffer_data(&kept), kept.size);
    buffer_free(&kept);
}

static void read_request(struct connection *connection) {
    char piece[PIECE];
    ssize_t size = recv(connection->fd, piece, sizeof piece, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return connection_break(connection);
    feed(connection, piece, (size_t)size);
}

/* While a request is out nothing is read: this only notices the end. */
static void look_ahead(struct connection *connection) {
    char byte;
    ssize_t size = recv(connection->fd, &byte, 1, MSG_PEEK);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return connection_break(connection);
    connection->ahead = size > 0;
    connection->ended = size == 0;
    if (watch(connection) && connection->ended) tell_gone(connection);
}

static void throw_away(struct connection *connection) {
    char piece[PIECE];
    ssize_t size = recv(connection->fd, piece, sizeof piece, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) connection_break(connection);
}

/* turns */

/* The answer is written: the connection ends, or waits for the next request, which a client that
 * has closed its side during a stream will not send. */
static void end_answer(struct connection *connection) {
    if (!connection->keep || connection->ended) return linger(connection);
    request_reset(&connection->request);
    connection->state = CONNECTION_READING;
    connection->continued = connection->ahead = false;
    connection_time(connection);
    if (watch(connection)) feed_kept(connection);
}

bool connection_flush(struct connection *connection) {
    struct buffer *out = &connection->out;
    while (out->size > 0) {
        ssize_t size = send(connection->fd, buffer_data(out), out->size, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == EAGAIN) break;
        if (size < 0) {
            connection_break(connection);
            return false;
        }
        buffer_consume(out, (size_t)size);
        if (connection->state != CONNECTION_READING) connection_time(connection);
    }
    if (out->size == 0 && connection->state == CONNECTION_FLUSHING) {
        end_answer(connection);
        return false;
    }
    return watch(connection);
}

static void write_more(struct connection *connection) {
    if (!connection_flush(connection) || connection->out.size > 0) return;
    if (connection->state == CONNECTION_STREAMING)
        connection->exchange->drained(connection->exchange);
}

static void on_ready(struct loop_fd *watched, unsigned ready) {
    struct connection *connection = container_of(watched, struct connection, watch);
    if ((ready & POLLER_WRITE) && connection->out.size > 0) {
        write_more(connection);
    } else if (connection->state == CONNECTION_READING) {
        read_request(connection);
    } else if (connection->state == CONNECTION_LINGERING) {
        throw_away(connection);
    } else {
        look_ahead(connection);
    }
}

static void on_time_over(struct loop_timer *timer) {
    struct connection *connection = container_of(timer, struct connection, timer);
    bool reading =
        connection->state == CONNECTION_READING && connection->request.state != REQUEST_EMPTY;
    if (reading) return refuse(connection, 408, "the request did not come in time");
    connection_break(connection);
}

int connection_open(struct server *server, int fd) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (!connection) {
        close(fd);
        return ENOMEM;
    }
    *connection = (struct connection){
        .server = server,
        .fd = fd,
        .watch.ready = on_ready,
        .timer.fire = on_time_over,
        .request = {.head_limit = server->options.head, .body_limit = server->options.body},
    };
    list_push(&server->connections, &connection->node);
    server->count++;
    connection_time(connection);
    return watch(connection) ? 0 : ENOMEM;
}
