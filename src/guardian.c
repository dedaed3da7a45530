#define _GNU_SOURCE
#include "guardian.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    MOST_PIDS = 1 << 22, /* PID_MAX_LIMIT of Linux */
    SOCKET = 0,          /* the guardian's own descriptors */
    PARENT = 1,
    RECORDS = 1024,
    NAP = 10, /* milliseconds: what comes meanwhile is read at once, so that a busy watcher costs few switches */
};

/* A record is a group's id, negative when it is gone. One bit a possible pid; untouched pages cost nothing. */
static uint8_t *map_groups(void) {
    void *groups = mmap(NULL, MOST_PIDS / 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return groups == MAP_FAILED ? NULL : groups;
}

static void note(uint8_t *groups, int32_t record) {
    int32_t group = record < 0 ? -record : record;
    if (group < 2 || group >= MOST_PIDS) return;
    if (record > 0) {
        groups[group / 8] |= (uint8_t)(1 << group % 8);
    } else {
        groups[group / 8] &= (uint8_t)~(1 << group % 8);
    }
}

static bool kill_groups(const uint8_t *groups) {
    bool found = false;
    for (int32_t group = 0; group < MOST_PIDS; group++) {
        if (groups[group / 8] == 0) {
            group |= 7;
        } else if (groups[group / 8] & 1 << group % 8) {
            found |= kill(-group, SIGKILL) == 0;
        }
    }
    return found;
}

static void nap(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Reads what there is; false at the end. */
static bool read_records(uint8_t *groups) {
    int32_t records[RECORDS];
    ssize_t size = read(SOCKET, records, sizeof records);
    if (size < 0) return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < size / (ssize_t)sizeof *records; i++) note(groups, records[i]);
    return size > 0;
}

/* What the parent, which is dead, had still written is read as well. */
static void watch_parent(uint8_t *groups) {
    struct pollfd fds[] = {{.fd = SOCKET, .events = POLLIN}, {.fd = PARENT, .events = POLLIN}};
    for (;;) {
        poll(fds, 2, -1);
        if (fds[0].revents && !read_records(groups)) return;
        if (fds[1].revents && !fds[0].revents) return;
        nap(NAP);
    }
}

static void live(int socket, int parent, uint8_t *groups) {
    setsid();
    prctl(PR_SET_NAME, "watchbot-guard");
    if (chdir("/") != 0) _exit(1);
    /* Above everything that is in use, then down to 0 and 1: neither may be in the other's way. */
    if (dup2(socket, 1000) < 0 || dup2(parent, 1001) < 0) _exit(1);
    if (dup2(1000, SOCKET) < 0 || dup2(1001, PARENT) < 0) _exit(1);
    syscall(SYS_close_range, 2, ~0U, 0);
    watch_parent(groups);
    /* A group that forked while it was killed is caught by the second round. */
    if (kill_groups(groups)) {
        nap(50);
        kill_groups(groups);
    }
    _exit(0);
}

/* All signals stay blocked in the guardian: only SIGKILL ends it. */
int guardian_start(struct guardian *guardian) {
    int sockets[2];
    guardian->socket = -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0) return errno;
    int parent = (int)syscall(SYS_pidfd_open, getpid(), 0);
    uint8_t *groups = map_groups();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = parent >= 0 && groups ? fork() : -1;
    int error = errno;
    if (pid == 0) live(sockets[1], parent, groups);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (groups) munmap(groups, MOST_PIDS / 8);
    if (parent >= 0) close(parent);
    close(sockets[1]);
    if (pid < 0) {
        close(sockets[0]);
        return error;
    }
    guardian->socket = sockets[0];
    guardian->pid = pid;
    return 0;
}

static bool send_record(int socket, int32_t record) {
    ssize_t sent;
    do {
        sent = send(socket, &record, sizeof record, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == sizeof record;
}

bool guardian_add(int socket, pid_t group) {
    return send_record(socket, (int32_t)group);
}

bool guardian_remove(int socket, pid_t group) {
    return send_record(socket, -(int32_t)group);
}

void guardian_stop(struct guardian *guardian) {
    if (guardian->socket < 0) return;
    shutdown(guardian->socket, SHUT_RDWR); /* also where a forked child of the host holds a copy */
    close(guardian->socket);
    guardian->socket = -1;
    siginfo_t ignored;
    while (waitid(P_PID, (id_t)guardian->pid, &ignored, WEXITED) != 0 && errno == EINTR) continue;
}
