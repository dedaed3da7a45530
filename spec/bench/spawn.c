/* The limit of what a watcher can do: a C loop that only spawns. posix_spawn of /bin/true, two
 * pipes, a pidfd, epoll, sixteen at once, as a watcher must have them; no queue, no log. spawn JOBS
 * [WIDTH [PROGRAM ARGUMENT...]] */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    pid_t pid;
    int pidfd, out, err;
};

static int poller;
static char **command = (char *[]){"/bin/true", NULL};

static void watch(int fd, struct job *job) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = job};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) perror("epoll_ctl"), exit(1);
}

static void start(struct job *job) {
    int out[2], err[2];
    char *envp[] = {NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0) perror("pipe2"), exit(1);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    posix_spawn_file_actions_adddup2(&actions, err[1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (posix_spawnp(&job->pid, command[0], &actions, &attributes, command, envp) != 0)
        perror("posix_spawn"), exit(1);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);
    close(err[1]);
    job->out = out[0];
    job->err = err[0];
    job->pidfd = (int)syscall(SYS_pidfd_open, job->pid, 0);
    watch(job->pidfd, job);
}

static void end(struct job *job) {
    char bytes[4096];
    while (read(job->out, bytes, sizeof bytes) > 0) continue;
    while (read(job->err, bytes, sizeof bytes) > 0) continue;
    waitpid(job->pid, NULL, 0);
    close(job->pidfd);
    close(job->out);
    close(job->err);
}

int main(int argc, char **argv) {
    long left = argc > 1 ? atol(argv[1]) : 1000, running = 0;
    long width = argc > 2 ? atol(argv[2]) : 16;
    if (argc > 3) command = argv + 3;
    struct job *jobs = calloc((size_t)width, sizeof *jobs);
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (; running < width && left > 0; left--) start(&jobs[running++]);
    while (running > 0) {
        struct epoll_event events[64];
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct job *job = events[i].data.ptr;
            end(job);
            running--;
            if (left > 0) left--, running++, start(job);
        }
    }
    free(jobs);
    return 0;
}
