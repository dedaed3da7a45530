/* orphans: processes that a task has started and that have lost their parent: adopted by the
 * program, found and killed when the task ends.
 *
 * Processes leave their task's group in many ways (timeout(1), parallel, bash -m, setsid). The
 * program is a subreaper: a process that loses its parent becomes a child of its first thread,
 * which has no other children, because the second thread starts the tasks. So checking the list of
 * that thread's children is cheap while there is no orphan, however many tasks run.
 *
 * An orphan belongs to the task (1) whose session it is in; (2) of another orphan whose session it
 * is in; (3) whose mark, a NAME=VALUE, is in the environment that it was started with. If none
 * matches, it is killed when all tasks that ran when it was first seen have ended, because its own
 * task is one of them. */
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

/* Makes this process adopt orphans. Only for a program whose first thread has no other children.
 * After an errno nothing has changed, and nothing is adopted. */
int orphans_open(struct orphans *orphans, const struct list *tasks, struct guardian *guardian);

void orphans_close(struct orphans *orphans);

/* Finds new orphans, and reaps ended ones. */
void orphans_look(struct orphans *orphans);

/* Finds new orphans, and kills those of a task whose leader has ended. True: some are left; call it
 * again soon. */
bool orphans_kill(struct orphans *orphans, const struct child *task);

/* Kills all. True: some are left. */
bool orphans_kill_all(struct orphans *orphans);

/* Appends "PID (NAME): why it still runs", one a line, for those of a task. */
void orphans_describe(const struct orphans *orphans, const struct child *task, struct buffer *text);

/* The task has moved in memory, or (NULL) is gone. */
void orphans_move(struct orphans *orphans, const struct child *from, const struct child *to);

#endif
