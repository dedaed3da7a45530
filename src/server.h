/* server: HTTP/1.1 (RFC 9112) for programs of this machine and for people: on the loop, without
 * Lua. A request is handed out when it is complete; its taker answers at once or hours
 * later. One request of a connection is out at a time: what a client sends ahead
 * waits.
 *
 * Connections belong to the server, an exchange to its taker. Callbacks come from a turn of
 * the loop, never from within a call. */
#ifndef WATCHBOT_SERVER_H
#define WATCHBOT_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "list.h"
#include "listener.h"
#include "loop.h"
#include "request.h"

struct connection;

/* Times in nanoseconds; 0: for ever. */
struct server_options {
    size_t head, body;  /* bytes of a request; over `body`: see request.h */
    int64_t head_time;  /* from its first byte to the end of the head; then 408 */
    int64_t body_time;  /* from there to its last byte; then 408 */
    int64_t idle_time;  /* of a connection without a request */
    int64_t write_time; /* in which a client takes nothing of its answer */
    unsigned connections;
    bool check_user; /* refuse connections of other users than `user` and root */
    uid_t user;
};

struct server {
    struct loop *loop;
    struct listener listener;
    struct server_options options;
    void (*arrived)(struct server *server); /* the owner's: server_take has something */
    struct loop_fd watch;
    struct loop_timer pause; /* no descriptors left: accept again later */
    struct loop_work announce;
    struct list connections, complete;
    struct list fresh, idle; /* without a request: never had one; had some */
    unsigned count;
    bool quiet;
    bool unchecked; /* the kernel could not say whose a connection is; it was accepted */
    size_t refused; /* connections of other users */
    time_t dated;   /* the second of `date`, as its header has it */
    char date[CLOCK_HTTP_DATE_SIZE];
};

/* A request and its answer. */
struct exchange {
    struct connection *connection; /* NULL: answered, or broken */
    struct request request;        /* the taker's, until exchange_free */
    bool gone; /* the client has closed its side or the connection is broken; what is only half
                  closed can be answered still */
    void (*left)(struct exchange *exchange);    /* the taker's: `gone` has become true */
    void (*drained)(struct exchange *exchange); /* the taker's: nothing of a stream is pending */
};

/* Listens from now on; `server->listener` is open, and the server's from here on. 0 or an errno. */
int server_open(struct server *server, struct loop *loop, const struct server_options *options);

/* The next complete request, into a zeroed exchange whose callbacks are set; false without one. */
bool server_take(struct server *server, struct exchange *exchange);

/* No new connections; those without a request are closed, the others when they are answered. */
void server_quiesce(struct server *server);

/* Breaks all connections. Harmless twice, and on a zeroed one that was never opened. */
void server_close(struct server *server);

/* Answers. `fields` are whole lines ("Content-Type: text/plain\r\n"), checked by the caller; Date,
 * Content-Length, Transfer-Encoding and Connection are the server's. A broken connection swallows
 * it. False: no memory, and the connection is broken. */
bool exchange_answer(struct exchange *exchange, int status, const char *fields, const char *body,
                     size_t size);

/* An answer in pieces, of unknown length. */
bool exchange_begin(struct exchange *exchange, int status, const char *fields);
bool exchange_send(struct exchange *exchange, const char *data, size_t size);
void exchange_finish(struct exchange *exchange);

/* Bytes of the answer that the client has not taken. */
size_t exchange_pending(const struct exchange *exchange);

/* Gives back what it holds; what is not answered, or not finished, is broken off. */
void exchange_free(struct exchange *exchange);

#endif
