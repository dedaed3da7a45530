#define _GNU_SOURCE /* struct ucred */
#include "peer.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

/* Aligned for the messages in it. */
union answer {
    struct nlmsghdr header;
    char bytes[4096];
};

static void put(const union address *address, __be16 *port, __be32 words[4]) {
    if (address->any.sa_family == AF_INET) {
        *port = address->v4.sin_port;
        words[0] = address->v4.sin_addr.s_addr;
    } else {
        *port = address->v6.sin6_port;
        memcpy(words, &address->v6.sin6_addr, sizeof address->v6.sin6_addr);
    }
}

/* Seen from the other end: what is remote here is its source. */
static bool make_question(int fd, struct question *question) {
    union address here = {0}, there = {0};
    socklen_t size = sizeof here;
    memset(question, 0, sizeof *question);
    if (getsockname(fd, &here.any, &size) != 0) return false;
    size = sizeof there;
    if (getpeername(fd, &there.any, &size) != 0) return false;
    question->header.nlmsg_len = sizeof *question;
    question->header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    question->header.nlmsg_flags = NLM_F_REQUEST;
    question->body.sdiag_family = (__u8)here.any.sa_family;
    question->body.sdiag_protocol = IPPROTO_TCP;
    question->body.idiag_states = ~0U;
    question->body.id.idiag_cookie[0] = question->body.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
    put(&there, &question->body.id.idiag_sport, question->body.id.idiag_src);
    put(&here, &question->body.id.idiag_dport, question->body.id.idiag_dst);
    return true;
}

static enum peer_answer read_answer(const union answer *answer, size_t size, uid_t *user) {
    const struct nlmsghdr *header = &answer->header;
    if (!NLMSG_OK(header, size)) return PEER_UNKNOWN;
    if (header->nlmsg_type == NLMSG_ERROR) {
        if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr))) return PEER_UNKNOWN;
        const struct nlmsgerr *error = NLMSG_DATA(header);
        return error->error == -ENOENT ? PEER_GONE : PEER_UNKNOWN;
    }
    if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
        return PEER_UNKNOWN;
    const struct inet_diag_msg *message = NLMSG_DATA(header);
    *user = message->idiag_uid;
    /* A socket whose process has closed it has no owner, which reads as root. */
    return message->idiag_inode ? PEER_KNOWN : PEER_GONE;
}

static enum peer_answer ask_kernel(int fd, uid_t *user) {
    struct question question;
    union answer answer = {0};
    if (!make_question(fd, &question)) return PEER_GONE;
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return PEER_UNKNOWN;
    ssize_t size = send(netlink, &question, sizeof question, 0);
    if (size >= 0) size = recv(netlink, &answer, sizeof answer, 0);
    close(netlink);
    return size < 0 ? PEER_UNKNOWN : read_answer(&answer, (size_t)size, user);
}

enum peer_answer peer_user(int fd, uid_t *user) {
    union address here = {0};
    socklen_t size = sizeof here;
    struct ucred credentials;
    socklen_t wanted = sizeof credentials;
    if (getsockname(fd, &here.any, &size) != 0) return PEER_GONE;
    if (here.any.sa_family == AF_INET || here.any.sa_family == AF_INET6)
        return ask_kernel(fd, user);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &wanted) != 0) return PEER_UNKNOWN;
    *user = credentials.uid;
    return PEER_KNOWN;
}
