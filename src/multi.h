/* multi: runs libcurl's transfers on the loop: its sockets and its timer become handles of the loop
 * (multi_socket_action). Knows libcurl, but not HTTP.
 *
 * The sockets are opened here, close-on-exec. A connection that is kept for reuse is not watched,
 * so that the loop is idle when no transfer runs. Before a transfer starts, kept connections with
 * unread data are dropped: the peer has closed them, or is about to. libcurl would consider one
 * with unread bytes (a TLS close_notify, a "408") alive. */
#ifndef WATCHBOT_MULTI_H
#define WATCHBOT_MULTI_H

#include <stdbool.h>

#include "libcurl.h"
#include "loop.h"

struct multi_socket;

struct multi {
    void (*finished)(struct multi *multi, CURL *easy,
                     CURLcode result); /* still added: remove it, then free it */
    void (*broken)(
        struct multi *multi); /* libcurl cannot go on (no memory): drop all transfers, and close */

    struct loop *loop;
    CURLM *handle; /* NULL: closed */
    struct loop_timer timer;
    struct multi_socket *sockets;
    int open_error; /* errno of the newest socket that could not be opened: libcurl hides it */
    bool added;     /* a transfer has been added and not been started yet */
};

/* The owner must have set `finished` and `broken`. `kept`: how many connections are kept for reuse.
 * Does nothing if it is open. False: no memory. */
bool multi_open(struct multi *multi, struct loop *loop, long kept);

/* Every transfer must have been removed. Does nothing if it is closed. */
void multi_close(struct multi *multi);

/* The transfer starts in the next turn of the loop. False: no memory. */
bool multi_add(struct multi *multi, CURL *easy);

/* Ends it at once if it is running. */
void multi_remove(struct multi *multi, CURL *easy);

#endif
