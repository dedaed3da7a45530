/* orphans: what a task has started and what has lost its parent, adopted by the program, found and
 * killed when the task ends.
 *
 * Processes leave their task's group in many ways (timeout(1), parallel, bash -m, setsid). The
 * program is a subreaper: whatever loses its parent becomes a child of its first thread, which has
 * no other children, since tasks are started by its second one. So a look at the list of that
 * thread's children costs nothing while there is no orphan, however many tasks run.
 *
 * An orphan belongs to the task (1) whose session it is in; (2) whose orphan's session it
 * is in; (3) whose mark, a NAME=VALUE, is in the environment that it was started with.
 * What fits none is killed when all tasks have ended that ran when it was first seen: by
 * then its own is among them. */
#ifndef WATCHBOT_ORPHANS_H
#define WATCHBOT_ORPHANS_H

#include <stdbool.h>
#include <stdint.h>

#include "buffer.h"
#include "guardian.h"
#include "list.h"

struct child;

struct orphans {
    int children; /* the first thread's list of them in /proc; 0: nothing is adopted */
    struct list adopted;
    const struct list *tasks; /* struct child: those that run, the oldest first */
    struct guardian *guardian;
};

/* Makes this process adopt. Only for a program whose first thread has no children but these. An
 * errno leaves everything as it was: then nothing is adopted. */
int orphans_open(struct orphans *orphans, const struct list *tasks, struct guardian *guardian);

void orphans_close(struct orphans *orphans);

/* Looks who has arrived, and reaps who has ended. */
void orphans_look(struct orphans *orphans);

/* Looks, and kills those of a task whose leader has ended. True: some are left; look again soon. */
bool orphans_kill(struct orphans *orphans, const struct child *task);

/* Kills all. True: some are left. */
bool orphans_kill_all(struct orphans *orphans);

/* Appends "PID (NAME): why it is there still", a line each, for those of a task. */
void orphans_describe(const struct orphans *orphans, const struct child *task, struct buffer *text);

/* The task is somewhere else in memory from here on, or (NULL) nowhere. */
void orphans_move(struct orphans *orphans, const struct child *from, const struct child *to);

#endif
