/* init: what a program has to do that is process 1 of a container: reap what others leave behind,
 * and pass signals on.
 *
 * Orphans become children of process 1. The watcher waits for its own children by their pid and
 * would leave all others as zombies, for ever; so in its place as process 1 stands this, and the
 * watcher is its child. */
#ifndef WATCHBOT_INIT_H
#define WATCHBOT_INIT_H

#include <stdbool.h>

/* In process 1: forks, and in the parent passes signals on and reaps until the child has ended;
 * then returns true and the exit status for the program to end with. In the child, and in any other
 * process: returns false at once. To be called before anything else is open or started. */
bool init_stand_in(int *status);

#endif
