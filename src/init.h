/* init: the duties of process 1 in a container: reap the processes that others leave behind, and
 * pass signals on.
 *
 * Orphans become children of process 1. The watcher only waits for its own children by their pid,
 * and would leave all others as zombies; so this process is process 1, and the watcher is its
 * child. */
#ifndef WATCHBOT_INIT_H
#define WATCHBOT_INIT_H

#include <stdbool.h>

/* In process 1: forks, and in the parent passes signals on and reaps until the child has ended;
 * then returns true and the exit status for the program. In the child, and in every other process:
 * returns false at once. Must be called before anything else is opened or started. */
bool init_stand_in(int *status);

#endif
