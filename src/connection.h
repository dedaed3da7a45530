/* connection: one client of a server. Internal to the server; others use server.h. */
#ifndef WATCHBOT_CONNECTION_H
#define WATCHBOT_CONNECTION_H

#include "server.h"

enum connection_state {
    CONNECTION_READING,  /* a request, or the wait for one */
    CONNECTION_COMPLETE, /* the request is in the server's list */
    CONNECTION_TAKEN,    /* an exchange has it */
    CONNECTION_STREAMING,
    CONNECTION_FLUSHING, /* the answer is written as the client takes it */
    CONNECTION_LINGERING /* closed on our side; what the client still sends is thrown away, so that
                            it reads the answer before a reset: RFC 9112, 9.6 */
};

struct connection {
    struct server *server;
    struct list_node node, complete; /* in the server's lists */
    struct list_node idle;           /* in `fresh` or `idle` */
    struct loop_fd watch;
    struct loop_timer timer;
    int fd;
    enum connection_state state;
    struct request request;
    struct buffer in; /* read, and not of this request */
    struct buffer out;
    struct exchange *exchange;
    bool ended;     /* the client has closed its side */
    bool ahead;     /* the client has sent more than the request: it stays in the socket */
    bool used;      /* it has had a request */
    bool continued; /* 100 (Continue) was sent */
    bool keep;      /* the connection is used again after the answer */
    bool headless;  /* the answer has no body: to HEAD, or 204 and 304 */
    bool chunked;   /* the stream is sent in chunks, not until the close */
};

/* Takes over a nonblocking `fd`. ENOMEM, with the fd closed. */
int connection_open(struct server *server, int fd);

/* Closes and frees it; its exchange is notified that the client is gone. */
void connection_break(struct connection *connection);

/* Something has been appended to `out`: writes as much as the client accepts. False: the response
 * has ended with it, or the connection is broken; it may be freed. */
bool connection_flush(struct connection *connection);

/* Appends the status line and the fields; false: no memory. */
bool connection_write_head(struct connection *connection, int status, const char *fields,
                           const char *framing);

/* The server's timers for each state. */
void connection_time(struct connection *connection);

#endif
