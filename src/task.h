/* task: Lua coroutines that wait for events of the loop. Has the only lua_resume and the only
 * lua_yieldk.
 *
 * An object that tasks can wait for embeds a struct task_queue; a C function waits with `return
 * task_wait(...)` and reads its result from the object itself in the continuation, since its stack
 * (the object at index 1) is unchanged. The object cannot be collected while a task waits: the
 * waiting coroutine references it, and the registry references every live task.
 *
 * Each Lua state has one struct tasks (owned by its registry), so several states in one process are
 * independent. */
#ifndef WATCHBOT_TASK_H
#define WATCHBOT_TASK_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "compat.h"
#include "list.h"
#include "loop.h"

#define TASK_TYPE "watchbot.task"

enum task_woke { TASK_WOKEN, TASK_TIMED_OUT };

#define TASK_FOR_EVER INT64_C(-1)

struct task;

/* The tasks that wait for one thing, longest first. Zeroed: empty. */
struct task_queue {
    struct list waiting;
};

static inline bool task_queue_is_empty(const struct task_queue *queue) {
    return list_is_empty(&queue->waiting);
}

/* Creates the state's loop and its task table; does nothing if they exist. Call it before any other
 * function, from a luaopen_. Raises an error if the loop cannot be opened. */
void task_open(lua_State *L);

/* The loop of this Lua state. Raises an error in a finalizer that runs while the state is being
 * closed, after the loop was closed. */
struct loop *task_loop(lua_State *L);

/* The same to read its clocks, which a finalizer may do, too. */
const struct loop *task_clocks(lua_State *L);

/* -- function argument1 ... argumentN  =>  task : a coroutine that starts in the next turn of the
 * loop. */
struct task *task_spawn(lua_State *L, int arguments);

/* Suspends the running task until task_wake, or for `nanoseconds` (TASK_FOR_EVER: no limit); then
 * calls k(L, TASK_WOKEN or TASK_TIMED_OUT, context). `queue` may be NULL: then only time ends the
 * wait. Raises an error outside a task, where Lua cannot suspend (in table.sort, gsub, require),
 * and if the task is cancelled: `what` starts the message. */
int task_wait(lua_State *L, const char *what, struct task_queue *queue, int64_t nanoseconds,
              lua_KFunction k, lua_KContext context);

/* Makes the waiting tasks ready; they run in a later turn, never from within this call. Needs no
 * lua_State. */
void task_wake(struct task_queue *queue);
void task_wake_one(struct task_queue *queue);

/* -- reason : the task's wait (this one, or its next) raises the reason; true unless the task has
 * ended. From a guest (lguest.h) it ends with the task's outermost limit. */
bool task_cancel(lua_State *L, struct task *task, bool by_guest);

/* A lua_CFunction: -- seconds reason function arguments... => the function's results; its error is
 * raised here. When the seconds have passed, `reason` is raised in the function: at each wait, and
 * at each instruction of it and of its coroutines, until it has ended, however often it is caught.
 * Of two limits the one that ends first counts. With math.huge it is only a limit that
 * task_interrupt can end. */
int task_limit(lua_State *L);

/* The same for the seconds that the function may run without waiting, by the machine's clock; it
 * may wait for any time. */
int task_limit_turn(lua_State *L);

/* -- reason : like a limit that is over, until the task has ended. True unless it has already
 * ended. */
bool task_abort(lua_State *L, struct task *task);

/* -- reason : as if the limits of the task were over; it continues after the outermost. False if it
 * has none. */
bool task_expire(lua_State *L, struct task *task);

#define TASK_INTERRUPTED "interrupted"

/* A flag that a signal handler may set: while it is set, TASK_INTERRUPTED is raised in code that
 * runs under a limit, until that limit is left. Its owner clears it when the loop runs again. */
volatile sig_atomic_t *task_interrupt(lua_State *L);

/* Returns the task that runs now on this state, or NULL. */
struct task *task_running(lua_State *L);

/* Whether code runs that a limit watches: a policy's. What it does to a task that is in a limit,
 * its own for one, is over when the outermost limit is left: that task may own a job. */
bool task_is_limited(lua_State *L);

/* A stay lasts from entering the outermost limit until it is left: the number of the current one,
 * whether it lasts, and the tasks that wait for its end. */
uint64_t task_stay(const struct task *task);
bool task_stays(const struct task *task, uint64_t stay);
struct task_queue *task_leavers(struct task *task);

bool task_ended(const struct task *task);
bool task_failed(const struct task *task);

/* The longest time that the task has run without waiting, in nanoseconds; nothing else ran
 * meanwhile. */
int64_t task_longest_turn(const struct task *task);

struct task_queue *task_joiners(struct task *task);

/* The task's result will be taken without waiting in task_joiners: its failure needs no report. */
void task_heard(struct task *task);

/* Pushes copies of what the ended task returned, or of its error (with a traceback if it was text),
 * and their number. */
int task_results(lua_State *L, struct task *task);

/* Runs one turn of the loop, on behalf of `L`; waits at most `nanoseconds`. Raises an error from
 * within a task. */
void task_turn(lua_State *L, int64_t nanoseconds);

/* Suspends the running task until every other one waits for time or external events. */
int task_wait_quiet(lua_State *L, lua_KFunction k);

/* Whether no turn can change anything any more. */
bool task_stuck(lua_State *L);

/* Tasks that have not ended. */
size_t task_alive(lua_State *L);

/* -- function : called, as its own task, with the error of each failed task that no task joins.
 * Without one, or with nil, the error goes to stderr. */
void task_on_failure(lua_State *L);

/* A duration in seconds from the argument `index`, in nanoseconds; raises an error for NaN and
 * negative values. */
int64_t task_check_seconds(lua_State *L, int index);

/* The same, TASK_FOR_EVER where the argument is nil or absent. */
int64_t task_opt_seconds(lua_State *L, int index);

#endif
