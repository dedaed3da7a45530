/* launch: starts a child from the description of a program, or returns the errno of the failure.
 *
 * Uses clone with CLONE_VM and CLONE_VFORK, like posix_spawn, but with a pidfd that comes with the
 * child: a host that ignores SIGCHLD may have the child reaped before its id could be looked up. If
 * that is refused (qemu's user emulation), plain fork and a pipe are used. The child is the leader
 * of a session, without a controlling terminal, and registers with the guardian before it executes
 * anything. */
#ifndef WATCHBOT_LAUNCH_H
#define WATCHBOT_LAUNCH_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "guardian.h"

/* Limits of a child. Zeroed, with -1 for `cgroup`: the same as the host's. */
struct launch_limits {
    rlim_t nofile;   /* soft limit of open files; 0: the host's */
    rlim_t files;    /* soft and hard limit of open files; 0: see nofile */
    rlim_t data;     /* bytes of RLIMIT_DATA; 0: the host's */
    rlim_t cpu;      /* seconds of CPU until SIGXCPU; 0: the host's */
    int nice;        /* added to the host's */
    int umask;       /* 0: the host's; else the mask plus one */
    int cgroup;      /* a cgroup.procs that is open for writing; -1: the host's */
    bool other_user; /* uid, gid and groups count */
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    size_t group_count;
};

/* The part that failed; the program itself if none is named. */
enum launch_step { LAUNCH_PROGRAM, LAUNCH_FOLDER, LAUNCH_LIMITS, LAUNCH_USER, LAUNCH_NULL };

struct launch {
    char *const
        *argv; /* argv[0] is looked up in the PATH of envp, or of the host, unless it has a slash */
    char *const *envp;
    const char *cwd;           /* NULL: the host's */
    int in, out, err;          /* become 0, 1 and 2; stay the caller's */
    int channel;               /* becomes 3; -1: the child has none */
    struct guardian *guardian; /* alive */
    struct launch_limits limits;

    pid_t pid; /* made by launch_child */
    int pidfd;
    enum launch_step failed;
};

/* 0, or the errno of the failure: ENOENT, EACCES, ENOEXEC, E2BIG, EAGAIN, ENOMEM... With an error
 * and a pid above 0 there is a child that ends at once and must be reaped. */
int launch_child(struct launch *launch);

#endif
