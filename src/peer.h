/* peer: the user at the other end of a connection on this machine. */
#ifndef WATCHBOT_PEER_H
#define WATCHBOT_PEER_H

#include <stdbool.h>
#include <sys/types.h>

enum peer_answer {
    PEER_KNOWN,   /* *user is the owner of the other socket */
    PEER_GONE,    /* there is no such socket any more, or it is on another machine */
    PEER_UNKNOWN, /* the kernel cannot say: no permission, or built without sock_diag(7) */
};

/* For TCP, the kernel finds the socket of the other end by its two addresses: sock_diag(7). For
 * unix(7), SO_PEERCRED. */
enum peer_answer peer_user(int fd, uid_t *user);

#endif
