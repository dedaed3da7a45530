/* procfs: information about a process in /proc, by system calls only, so that it works in a forked
 * child of any host. */
#ifndef WATCHBOT_PROCFS_H
#define WATCHBOT_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct procfs_stat {
    char name[16];
    char state; /* 'Z': it has ended and waits to be reaped */
    pid_t parent, group, session;
};

/* Reads the stat file `fd`, which stays open, from its begin. */
bool procfs_read_stat(int fd, struct procfs_stat *stat);

/* The same of a process, if there is one. */
bool procfs_stat(pid_t pid, struct procfs_stat *stat);

/* Opens "/proc/PID/NAME" for reading. */
int procfs_open(pid_t pid, const char *name);

/* The number at the start of a text, 0 without one; `end` is moved after it. */
pid_t procfs_number(const char **end);

#endif
