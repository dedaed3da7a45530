/* server: HTTP/1.1 (RFC 9112) for programs of this machine and for people: on the loop, without
 * Lua. A request is passed on when it is complete; its owner responds at once or hours later. Only
 * one request of a connection is passed on at a time: further requests of the client wait.
 *
 * Connections belong to the server, an exchange to the code that takes it. Callbacks are called
 * from a turn of the loop, never from within a call. */
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

/* Times in nanoseconds; 0: no limit. */
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

/* A request and its response. */
struct exchange {
    struct connection *connection; /* NULL: answered, or broken */
    struct request request;        /* the taker's, until exchange_free */
    bool gone; /* the client has closed its side or the connection is broken; what is only half
                  closed can be answered still */
    void (*left)(struct exchange *exchange);    /* the taker's: `gone` has become true */
    void (*drained)(struct exchange *exchange); /* the taker's: nothing of a stream is pending */
};

/* Listens from now on; `server->listener` is open, and belongs to the server from now on. 0 or an
 * errno. */
int server_open(struct server *server, struct loop *loop, const struct server_options *options);

/* The next complete request, into a zeroed exchange whose callbacks are set; false without one. */
bool server_take(struct server *server, struct exchange *exchange);

/* No new connections; those without a request are closed, the others after their response. */
void server_quiesce(struct server *server);

/* Breaks all connections. May be called twice, and on a zeroed one that was never opened. */
void server_close(struct server *server);

/* Responds. `fields` are whole lines ("Content-Type: text/plain\r\n"), checked by the caller; the
 * server writes Date, Content-Length, Transfer-Encoding and Connection. On a broken connection it
 * does nothing. False: no memory, and the connection is broken. */
bool exchange_answer(struct exchange *exchange, int status, const char *fields, const char *body,
                     size_t size);

/* A response in pieces, of unknown length. */
bool exchange_begin(struct exchange *exchange, int status, const char *fields);
bool exchange_send(struct exchange *exchange, const char *data, size_t size);
void exchange_finish(struct exchange *exchange);

/* Bytes of the response that the client has not read. */
size_t exchange_pending(const struct exchange *exchange);

/* Frees its memory; an exchange without a complete response is broken off. */
void exchange_free(struct exchange *exchange);

#endif
