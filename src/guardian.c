#define _GNU_SOURCE /* pipe2, __WALL */
#include "guardian.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procfs.h"

/* One bit a possible pid; untouched pages cost nothing. */
enum { MOST_PIDS = 1 << 22 /* PID_MAX_LIMIT of Linux */, MAP_SIZE = MOST_PIDS / 8, ROUNDS = 8 };

static bool is_group(pid_t group) {
    return group > 1 && group < MOST_PIDS;
}

static bool is_noted(const uint8_t *groups, pid_t pid) {
    return is_group(pid) && groups[pid / 8] & 1 << pid % 8;
}

void guardian_add(struct guardian *guardian, pid_t group) {
    if (is_group(group))
        __atomic_fetch_or(&guardian->groups[group / 8], (uint8_t)(1 << group % 8),
                          __ATOMIC_RELAXED);
}

void guardian_remove(struct guardian *guardian, pid_t group) {
    if (!guardian->groups || !is_group(group)) return;
    __atomic_fetch_and(&guardian->groups[group / 8], (uint8_t) ~(1 << group % 8), __ATOMIC_RELAXED);
}

/* Once is enough for a group: a process with a pending KILL cannot fork any more. */
static void kill_noted(const uint8_t *groups) {
    for (int32_t pid = 0; pid < MOST_PIDS; pid++) {
        if (groups[pid / 8] == 0) {
            pid |= 7;
        } else if (is_noted(groups, pid) && kill(-pid, SIGKILL) != 0) {
            kill(pid, SIGKILL);
        }
    }
}

/* In the guardian. */

static void close_all_but(unsigned low, unsigned high) {
    if (low > high) return close_all_but(high, low);
    if (low > 0) syscall(SYS_close_range, 0, low - 1, 0);
    if (low + 1 < high) syscall(SYS_close_range, low + 1, high - 1, 0);
    syscall(SYS_close_range, high + 1, ~0U, 0);
}

/* What getdents64(2) fills in; the C library's readdir allocates. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Marks a process that a marked one has started, or that is in its group or session. */
static bool note_descendant(struct guardian *guardian, pid_t pid) {
    struct procfs_stat stat;
    const uint8_t *groups = guardian->groups;
    if (!is_group(pid) || is_noted(groups, pid) || !procfs_stat(pid, &stat) || stat.state == 'Z')
        return false;
    if (!is_noted(groups, stat.parent) && !is_noted(groups, stat.group) &&
        !is_noted(groups, stat.session))
        return false;
    guardian_add(guardian, pid);
    return true;
}

/* True if there were new ones. */
static bool note_descendants(struct guardian *guardian, int proc) {
    char piece[8192] __attribute__((aligned(8)));
    bool found = false;
    long size;
    lseek(proc, 0, SEEK_SET);
    while ((size = syscall(SYS_getdents64, proc, piece, sizeof piece)) > 0) {
        for (long at = 0; at < size; at += ((struct entry *)(void *)(piece + at))->size) {
            const char *end = ((struct entry *)(void *)(piece + at))->name;
            found |= note_descendant(guardian, procfs_number(&end));
        }
    }
    return found;
}

/* The /proc of another pid namespace has other processes under these numbers. */
static int open_proc(void) {
    char self[16] = "";
    const char *end = self;
    ssize_t size = readlink("/proc/self", self, sizeof self - 1);
    return size > 0 && procfs_number(&end) == getpid() ? open("/proc", O_RDONLY | O_DIRECTORY) : -1;
}

/* A descendant of a task is found through its parent while that lives: so all are found first, then
 * killed, then searched for once more, because they may have forked meanwhile. */
static void kill_all(struct guardian *guardian) {
    int proc = open_proc();
    for (int round = 0; round < ROUNDS; round++) {
        bool found = false;
        for (int look = 0; look < ROUNDS && proc >= 0 && note_descendants(guardian, proc); look++)
            found = true;
        if (round > 0 && !found) return;
        kill_noted(guardian->groups);
    }
}

/* All signals stay blocked: only SIGKILL can end it before its host. */
static void live(int host, int pipe, struct guardian *guardian) {
    struct pollfd ends[] = {
        {.fd = host, .events = POLLIN},
        {.fd = pipe, .events = POLLIN}
    };
    setsid();
    prctl(PR_SET_NAME, "watchbot-guard");
    close_all_but((unsigned)(host >= 0 ? host : pipe), (unsigned)pipe);
    if (chdir("/") != 0) _exit(1);
    while (poll(ends, 2, -1) <= 0) continue;
    kill_all(guardian);
    _exit(0);
}

/* In the host. */

static bool is_alive(const struct guardian *guardian) {
    siginfo_t info = {0};
    return guardian->pid > 0 &&
           waitid(P_PID, (id_t)guardian->pid, &info, WEXITED | WNOHANG | __WALL) == 0 &&
           info.si_pid == 0;
}

static int map_groups(struct guardian *guardian) {
    if (guardian->groups) return 0;
    void *groups = mmap(NULL, MAP_SIZE, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (groups == MAP_FAILED) return errno;
    guardian->groups = groups;
    return 0;
}

/* fork(2) by its own name, without the host's handlers. */
static pid_t clone_self(unsigned long exit_signal) {
    return (pid_t)syscall(SYS_clone, exit_signal, NULL, NULL, NULL, NULL);
}

/* Without a SIGCHLD at its end, and invisible to the host's waitpid(-1). An emulator of system
 * calls (qemu-user) does not support a child without a signal: there it gets one. */
static pid_t fork_quietly(int host, int pipe, struct guardian *guardian) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone_self(0);
    if (pid < 0 && errno == EINVAL) pid = clone_self(SIGCHLD);
    int error = errno;
    if (pid == 0) live(host, pipe, guardian);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static int start(struct guardian *guardian) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
    int host = (int)syscall(SYS_pidfd_open, getpid(), 0);
    /* valgrind knows no pidfd_open; then the pipe has to do: its end is seen unless a child of the
     * host's has a copy. */
    bool watched = host >= 0 || errno == ENOSYS;
    pid_t pid = watched ? fork_quietly(host, pipes[0], guardian) : -1;
    int error = errno;
    if (host >= 0) close(host);
    close(pipes[0]);
    if (pid < 0) {
        close(pipes[1]);
        return error;
    }
    guardian->pid = pid;
    guardian->pipe = pipes[1];
    return 0;
}

int guardian_ensure(struct guardian *guardian) {
    if (is_alive(guardian)) return 0;
    if (guardian->pid > 0) close(guardian->pipe);
    guardian->pid = 0;
    int error = map_groups(guardian);
    return error ? error : start(guardian);
}

void guardian_forget(struct guardian *guardian) {
    if (guardian->pid > 0) close(guardian->pipe);
    if (guardian->groups) munmap(guardian->groups, MAP_SIZE);
    *guardian = (struct guardian){0};
}

void guardian_stop(struct guardian *guardian) {
    siginfo_t ignored;
    if (guardian->groups) kill_noted(guardian->groups);
    if (is_alive(guardian)) {
        kill(guardian->pid, SIGKILL);
        while (waitid(P_PID, (id_t)guardian->pid, &ignored, WEXITED | __WALL) != 0 &&
               errno == EINTR)
            continue;
    }
    guardian_forget(guardian);
}
