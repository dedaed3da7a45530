/* multi: libcurl's transfers on the loop: its sockets and its timer become handles of ours
 * (multi_socket_action). Knows libcurl, but not HTTP.
 *
 * The sockets are opened here, close-on-exec. A connection that is kept for reuse is not watched,
 * so that the loop is idle when no transfer is under way. Before a transfer starts, kept
 * connections on which anything has come in are given up: the peer has closed them, or is about to.
 * libcurl would take one with unread bytes (a TLS close_notify, a "408") for alive. */
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

/* `finished` and `broken` are set by the owner before. `kept`: how many connections are kept for
 * reuse. Harmless when open. False: no memory. */
bool multi_open(struct multi *multi, struct loop *loop, long kept);

/* Every transfer must have been removed. Harmless when closed. */
void multi_close(struct multi *multi);

/* The transfer starts in the next turn of the loop. False: no memory. */
bool multi_add(struct multi *multi, CURL *easy);

/* Ends it at once where it is under way. */
void multi_remove(struct multi *multi, CURL *easy);

#endif
