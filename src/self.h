/* self: this process's id, without a call of the kernel each time. What belongs to a process (a
 * poller, a database) is asked for its owner many times a job. */
#ifndef WATCHBOT_SELF_H
#define WATCHBOT_SELF_H

#include <sys/types.h>

/* What getpid returns; also in a child that the host has forked, by whatever means, unless it
 * shares its memory. */
pid_t self_pid(void);

#endif
