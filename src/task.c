#include "task_state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "lerror.h"

static const char failure_key; /* its address in the registry */

size_t task_alive(lua_State *L) {
    return tasks_of(L)->alive;
}

bool task_ended(const struct task *task) {
    return task->state == ENDED;
}

bool task_failed(const struct task *task) {
    return task->failed;
}

int64_t task_longest_turn(const struct task *task) {
    if (task->home->running != task) return task->longest_turn;
    int64_t turn = clock_monotonic() - task->home->turn_began;
    return turn > task->longest_turn ? turn : task->longest_turn;
}

struct task_queue *task_joiners(struct task *task) {
    return &task->joiners;
}

void task_heard(struct task *task) {
    task->heard = true;
}

/* queues */

void task_make_ready(struct task *task, enum task_woke woke) {
    list_remove(&task->place);
    loop_stop_timer(&task->home->loop, &task->timer);
    task->state = READY;
    task->woke = woke;
    loop_defer(&task->home->loop, &task->ready);
}

void task_wake_one(struct task_queue *queue) {
    if (!task_queue_is_empty(queue))
        task_make_ready(container_of(queue->waiting.first, struct task, place), TASK_WOKEN);
}

void task_wake(struct task_queue *queue) {
    while (!task_queue_is_empty(queue)) task_wake_one(queue);
}

static void time_out(struct loop_timer *timer) {
    task_make_ready(container_of(timer, struct task, timer), TASK_TIMED_OUT);
}

/* waiting */

int task_raise(lua_State *L, struct task *task, int which) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_getiuservalue(L, -1, which);
    return lua_error(L);
}

static int raise_cancel(lua_State *L, struct task *task) {
    task->cancelled = false;
    return task_raise(L, task, REASON);
}

static int go_on(lua_State *L, int status, lua_KContext context) {
    struct task *task = (struct task *)context;
    (void)status;
    limit_check_wait(L, task, 0);
    if (task->cancelled) return raise_cancel(L, task);
    return task->k(L, (int)task->woke, task->context);
}

static struct task *check_waitable(lua_State *L, const char *what) {
    struct task *task = task_running(L);
    if (!task) {
        luaL_error(L,
                   "%s: waiting works only inside a task; wrap the code in "
                   "scheduler.run(function() ... end)",
                   what);
    } else if (task->thread != L) {
        luaL_error(L,
                   "%s: cannot wait inside a coroutine of your own; use scheduler.spawn instead of "
                   "coroutine.wrap",
                   what);
    } else if (!lua_isyieldable(L)) {
        luaL_error(L,
                   "%s: cannot wait here: a function that Lua cannot suspend (sort, gsub, require, "
                   "load) is "
                   "on the way",
                   what);
    }
    return task;
}

int task_wait(lua_State *L, const char *what, struct task_queue *queue, int64_t nanoseconds,
              lua_KFunction k, lua_KContext context) {
    struct task *task = check_waitable(L, what);
    nanoseconds = limit_check_wait(L, task, nanoseconds);
    if (task->cancelled) return raise_cancel(L, task);
    task->k = k;
    task->context = context;
    if (nanoseconds > 0 && loop_start_timer(&task->home->loop, &task->timer, nanoseconds) != 0) {
        return luaL_error(L, "%s: not enough memory for a timer", what);
    }
    task->state = WAITING;
    if (nanoseconds == 0) {
        task_make_ready(task, TASK_TIMED_OUT);
    } else if (queue) {
        list_push(&queue->waiting, &task->place);
    }
    return lua_yieldk(L, 0, (lua_KContext)task, go_on);
}

bool task_cancel(lua_State *L, struct task *task, bool by_guest) {
    if (task_ended(task)) {
        lua_pop(L, 1);
        return false;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, REASON);
    lua_pop(L, 1);
    bool within = (by_guest || task_is_limited(L)) && task->limit.guards > 0;
    task->limit.cancelled_within = within && (!task->cancelled || task->limit.cancelled_within);
    task->cancelled = true;
    if (task->state == WAITING) task_make_ready(task, TASK_WOKEN);
    return true;
}

/* the body of a task: a protected call inside the coroutine, so that a `__close` may wait there
 * even after an error */

/* -- error : the reason of a cancel is not changed; any other text gets a traceback */
static int on_error(lua_State *L) {
    struct task *task = task_running(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_getiuservalue(L, -1, REASON);
    lua_getiuservalue(L, -2, LIMIT_REASON);
    bool cancelled = !lua_isnil(L, 1) && (lua_rawequal(L, -1, 1) || lua_rawequal(L, -2, 1));
    lua_settop(L, 1);
    if (!cancelled && lua_type(L, 1) == LUA_TSTRING) luaL_traceback(L, L, lua_tostring(L, 1), 1);
    task->heard |= cancelled;
    return 1;
}

/* -- on_error results... */
static int body_ended(lua_State *L, int status, lua_KContext context) {
    struct task *task = (struct task *)context;
    task->failed = status != LUA_OK && status != LUA_YIELD;
    return lua_gettop(L) - 1;
}

/* -- function arguments... */
static int body(lua_State *L) {
    lua_KContext context = (lua_KContext)task_running(L);
    lua_pushcfunction(L, on_error);
    lua_insert(L, 1);
    return body_ended(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, context, body_ended),
                      context);
}

/* the end of a task */

static int report(lua_State *L) {
    struct task *task = lua_touserdata(L, 1);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &failure_key) == LUA_TFUNCTION) {
        task_results(L, task);
        task_spawn(L, 1);
    } else {
        task_results(L, task);
        fprintf(stderr, "watchbot: a task failed: %s\n", luaL_tolstring(L, -1, NULL));
    }
    return 0;
}

/* Lua may run out of memory in a report; that error must not leave the loop. */
static void report_failure(lua_State *L, struct task *task) {
    lua_pushcfunction(L, report);
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "watchbot: the failure of a task could not be reported: %s\n",
                lua_tostring(L, -1));
        lua_pop(L, 1);
    }
}

/* -- text as a light userdata => text */
static int push_text(lua_State *L) {
    lua_pushstring(L, lua_touserdata(L, 1));
    return 1;
}

/* Leaves the thread with one value, the error. Protected: if memory ran out, a text may fail, too,
 * and an error would leave the loop. */
static void abandon(lua_State *L, struct task *task, const char *why) {
    compat_closethread(task->thread, L);
    lua_settop(task->thread, 0);
    lua_pushcfunction(task->thread, push_text);
    lua_pushlightuserdata(task->thread, (void *)(uintptr_t)why);
    lua_pcall(task->thread, 1, 1, 0);
    task->failed = true;
}

static void end(lua_State *L, struct task *task) {
    bool joined =
        !task_queue_is_empty(&task->joiners) || !task_queue_is_empty(&task->limit.leavers);
    bool unheard = task->failed && !task->heard && !joined;
    task->state = ENDED;
    if (unheard) report_failure(L, task);
    task->home->alive--;
    task_wake(&task->joiners);
    task_wake(&task->limit.leavers);
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
}

/* Runs from the loop: the only place that resumes. A spawned task starts here, a waiting one
 * continues. */
static void task_resume(struct loop_work *ready) {
    struct task *task = container_of(ready, struct task, ready);
    struct tasks *home = task->home;
    int results, arguments = task->arguments;
    task->arguments = 0;
    task->state = RUNNING;
    home->running = task;
    home->turn_began = clock_monotonic();
    int status = lua_resume(task->thread, home->driver, arguments, &results);
    int64_t turn = clock_monotonic() - home->turn_began;
    home->running = NULL;
    if (turn > task->longest_turn) task->longest_turn = turn;
    if (status == LUA_YIELD && task->state != RUNNING) return;
    if (status == LUA_YIELD) {
        abandon(home->driver, task,
                "a task called coroutine.yield; only watchbot's own functions can suspend it");
    } else if (status != LUA_OK) {
        abandon(home->driver, task, "a task ran out of memory");
    }
    end(home->driver, task);
}

int task_results(lua_State *L, struct task *task) {
    int count = lua_gettop(task->thread);
    luaL_checkstack(L, count + 1, "too many results of a task");
    if (!lua_checkstack(task->thread, count)) luaL_error(L, "too many results of a task");
    for (int i = 1; i <= count; i++) lua_pushvalue(task->thread, i);
    lua_xmove(task->thread, L, count);
    return count;
}

/* the beginning */

static int task_gc(lua_State *L) {
    struct task *task = lua_touserdata(L, 1);
    if (!task->home->open) return 0;
    list_remove(&task->place);
    loop_stop_timer(&task->home->loop, &task->timer);
    loop_undefer(&task->home->loop, &task->ready);
    return 0;
}

struct task *task_spawn(lua_State *L, int arguments) {
    struct tasks *home = tasks_of(L);
    struct task *task = lua_newuserdatauv(L, sizeof *task, USER_VALUES); /* -- fn args task */
    memset(task, 0, sizeof *task);
    task->home = home;
    task->timer.fire = time_out;
    task->ready.run = task_resume;
    luaL_setmetatable(L, TASK_TYPE);
    task->thread = lua_newthread(L);
    lua_setiuservalue(L, -2, THREAD);
    limit_inherit(task, home->running);
    lua_insert(L, -(arguments + 2)); /* -- task fn args */
    if (!lua_checkstack(task->thread, arguments + 2)) luaL_error(L, "too many arguments of a task");
    lua_pushcfunction(task->thread, body);
    lua_xmove(L, task->thread, arguments + 1);
    task->arguments = arguments + 1;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, task);
    home->alive++;
    loop_defer(&home->loop, &task->ready);
    return task;
}

void task_turn(lua_State *L, int64_t nanoseconds) {
    struct tasks *tasks = tasks_of(L);
    if (tasks->running) luaL_error(L, "the loop cannot be run from within a task; it runs already");
    if (!loop_is_ours(task_loop(L)))
        luaL_error(L, "this process was forked from the one that has loaded watchbot");
    if (!task_queue_is_empty(&tasks->quiet) && loop_timeout(&tasks->loop) != 0)
        task_wake(&tasks->quiet);
    lua_State *driver = tasks->driver;
    luaL_checkstack(L, LUA_MINSTACK, "no room to run tasks");
    tasks->driver = L;
    loop_turn(&tasks->loop, nanoseconds);
    tasks->driver = driver;
}

volatile sig_atomic_t *task_interrupt(lua_State *L) {
    return &tasks_of(L)->interrupted;
}

int task_wait_quiet(lua_State *L, lua_KFunction k) {
    return task_wait(L, "quiet", &tasks_of(L)->quiet, TASK_FOR_EVER, k, 0);
}

bool task_stuck(lua_State *L) {
    return loop_idle(task_loop(L)) && task_queue_is_empty(&tasks_of(L)->quiet);
}

void task_on_failure(lua_State *L) {
    lua_rawsetp(L, LUA_REGISTRYINDEX, &failure_key);
}

int64_t task_check_seconds(lua_State *L, int index) {
    lua_Number seconds = luaL_checknumber(L, index);
    luaL_argcheck(L, seconds >= 0, index, "a duration in seconds cannot be negative");
    lua_Number nanoseconds = seconds * (lua_Number)CLOCK_SECOND;
    return nanoseconds < (lua_Number)(INT64_MAX / 2) ? (int64_t)ceil(nanoseconds) : INT64_MAX / 2;
}

int64_t task_opt_seconds(lua_State *L, int index) {
    return lua_isnoneornil(L, index) ? TASK_FOR_EVER : task_check_seconds(L, index);
}

void task_type(lua_State *L) {
    luaL_newmetatable(L, TASK_TYPE);
    lua_pushcfunction(L, task_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}
