/* task_state: the fields of a task, only for task.c, tasks.c and limit.c. */
#ifndef WATCHBOT_TASK_STATE_H
#define WATCHBOT_TASK_STATE_H

#include <signal.h>

#include "task.h"

/* user values of a task */
enum { THREAD = 1, REASON = 2, LIMIT_REASON = 3, GUEST = 4, USER_VALUES = 4 };

enum task_state { READY, RUNNING, WAITING, ENDED };

struct tasks {
    struct loop loop;
    struct task *running;
    lua_State *driver; /* the state that turns the loop: tasks are resumed from it */
    size_t alive;
    struct task_queue quiet;           /* woken when nothing else can go on */
    int64_t turn_began;                /* of the task that runs, clock_monotonic */
    volatile sig_atomic_t interrupted; /* see task_interrupt */
    bool open;
};

/* What limits a task: see task_limit. */
struct limit {
    int guards;       /* limits that it is in; above 0 its code is watched by a count hook */
    int64_t deadline; /* loop_monotonic; 0: none */
    int64_t
        longest;  /* nanoseconds that it may run without a wait, by the machine's clock; 0: any */
    bool raising; /* each wait and each instruction raises LIMIT_REASON */
    bool expired; /* until the outermost limit is left, see task_expire */
    bool aborted; /* until the task has ended */
    bool cancelled_within; /* a cancel came from code in a limit: it ends with the outermost one */
    uint64_t stay;         /* counts the outermost limits that it has entered */
    struct task_queue leavers; /* wait for the end of the stay */
};

struct task {
    struct tasks *home;
    lua_State *thread;
    enum task_state state;
    int arguments; /* on the thread's stack, for its first resume */
    enum task_woke woke;
    bool cancelled; /* the next wait raises the reason */
    bool failed;
    bool heard; /* a failure is no news: its result is taken, or a cancel was its reason */
    struct limit limit;
    lua_KFunction k;
    lua_KContext context;
    struct loop_timer timer;
    struct loop_work ready;
    struct list_node place; /* in the queue that it waits in */
    struct task_queue joiners;
    int64_t longest_turn;
};

/* Raises an error where task_open was not called. */
struct tasks *tasks_of(lua_State *L);

/* Completes the metatable of a task. */
void task_type(lua_State *L);

/* Raises the user value `which` of the task. */
int task_raise(lua_State *L, struct task *task, int which);

/* Continues a waiting task. */
void task_make_ready(struct task *task, enum task_woke woke);

/* Raises an error if a limit of the task is over; otherwise returns how long a wait of
 * `nanoseconds` may last. */
int64_t limit_check_wait(lua_State *L, struct task *task, int64_t nanoseconds);

/* A task that is started by a watched one is watched, too. */
void limit_inherit(struct task *task, const struct task *parent);

/* Prevents `coroutine` and `debug` of this Lua state from removing the watching of code. */
void limit_open(lua_State *L);

#endif
