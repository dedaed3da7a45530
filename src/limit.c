/* limit: ends user code that computes or waits for too long. See task_limit, task_abort and
 * task_interrupt in task.h.
 *
 * A count hook watches the code; a coroutine inherits it from the thread that creates it, or gets
 * it when it is resumed. Once a limit is over, the hook runs at each instruction and raises an
 * error each time, so that no pcall in a loop can continue. It does not run in C functions that
 * compute (a pattern with backtracking), and in finalizers and message handlers, where Lua calls no
 * hook. */
#include <lualib.h>

#include "clock.h"
#include "task_state.h"

/* Instructions between two checks of the clock: about a millisecond. */
enum { RARELY = 100000, ALWAYS = 1 };

static void on_count(lua_State *L, lua_Debug *ar);

static void watch(lua_State *L, int count) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, count);
}

static bool is_watched(lua_State *L) {
    return lua_gethook(L) == on_count;
}

static void unwatch(lua_State *L) {
    if (is_watched(L)) lua_sethook(L, NULL, 0, 0);
}

static bool is_over(const struct task *task) {
    const struct limit *limit = &task->limit;
    if (limit->raising || limit->expired) return true;
    if (limit->deadline && loop_monotonic(&task->home->loop) >= limit->deadline) return true;
    /* While a test stops the clocks. */
    return limit->longest && clock_monotonic() - task->home->turn_began > limit->longest;
}

static void set_reason(lua_State *L, struct task *task) { /* -- reason => */
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_insert(L, -2);
    lua_setiuservalue(L, -2, LIMIT_REASON);
    lua_pop(L, 1);
}

static void push_reason(lua_State *L, struct task *task) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    lua_getiuservalue(L, -1, LIMIT_REASON);
    lua_remove(L, -2);
}

static int raise_limit(lua_State *L, struct task *task) {
    task->limit.raising = true;
    return task_raise(L, task, LIMIT_REASON);
}

/* Until the limit is left: later code in the same task, such as returning the message, may wait. */
static void take_interrupt(lua_State *L, struct task *task) {
    if (!task->home->interrupted || task->limit.raising) return;
    lua_pushliteral(L, TASK_INTERRUPTED);
    set_reason(L, task);
    task->limit.raising = true;
}

static void on_count(lua_State *L, lua_Debug *ar) {
    struct task *task = task_running(L);
    (void)ar;
    if (!task || (task->limit.guards == 0 && !task->limit.aborted)) return unwatch(L);
    take_interrupt(L, task);
    bool over = is_over(task);
    int count = over ? ALWAYS : RARELY;
    if (lua_gethookcount(L) != count) watch(L, count);
    if (over) raise_limit(L, task);
}

int64_t limit_check_wait(lua_State *L, struct task *task, int64_t nanoseconds) {
    if (task->limit.raising || task->limit.expired) raise_limit(L, task);
    if (!task->limit.deadline) return nanoseconds;
    int64_t left = task->limit.deadline - loop_monotonic(&task->home->loop);
    if (left <= 0) raise_limit(L, task);
    return nanoseconds < 0 || left < nanoseconds ? left : nanoseconds;
}

void limit_inherit(struct task *task, const struct task *parent) {
    if (parent && parent->limit.guards > 0) {
        task->limit.guards = 1;
        task->limit.longest = parent->limit.longest;
    } else {
        unwatch(task->thread);
    }
}

/* task_limit: the outer limit's deadline, longest and reason lie at 1, 2 and 3 of the stack
 * meanwhile */

enum { DEADLINE = 1, LONGEST, OUTER_REASON, BODY };

/* Whether a limit of `nanoseconds` would end before the current ones of the task. */
static bool is_nearer(const struct task *task, int64_t nanoseconds, bool turn) {
    const struct limit *limit = &task->limit;
    if (limit->aborted || limit->expired || nanoseconds >= INT64_MAX / 2) return false;
    if (turn) return !limit->longest || nanoseconds < limit->longest;
    return !limit->deadline || loop_monotonic(&task->home->loop) + nanoseconds < limit->deadline;
}

static void enter(lua_State *L, struct task *task, int64_t nanoseconds,
                  bool turn) { /* -- reason => */
    struct limit *limit = &task->limit;
    bool nearer = is_nearer(task, nanoseconds, turn);
    if (limit->guards++ == 0) limit->stay++;
    if (!is_watched(L)) watch(L, RARELY);
    if (!nearer) {
        lua_pop(L, 1);
        return;
    }
    if (!turn) limit->deadline = loop_monotonic(&task->home->loop) + nanoseconds;
    limit->longest = clock_monotonic() - task->home->turn_began + nanoseconds;
    set_reason(L, task);
}

static void leave(lua_State *L, struct task *task) {
    struct limit *limit = &task->limit;
    limit->guards--;
    if (limit->guards == 0) {
        limit->expired = false;
        task_wake(&limit->leavers);
        if (limit->cancelled_within) task->cancelled = limit->cancelled_within = false;
    }
    if (!limit->aborted && !limit->expired) {
        int64_t deadline = lua_tointeger(L, DEADLINE), longest = lua_tointeger(L, LONGEST);
        /* Most handlers have no limit, and have raised none. */
        if (limit->raising || limit->deadline != deadline || limit->longest != longest) {
            limit->raising = false;
            limit->deadline = deadline;
            limit->longest = longest;
            lua_pushvalue(L, OUTER_REASON);
            set_reason(L, task);
        }
        if (limit->guards == 0) unwatch(L);
    }
}

/* -- deadline longest reason results... */
static int left(lua_State *L, int status, lua_KContext context) {
    leave(L, (struct task *)context);
    return status == LUA_OK || status == LUA_YIELD ? lua_gettop(L) - BODY + 1 : lua_error(L);
}

static int limited(lua_State *L, bool turn) {
    int64_t nanoseconds = task_check_seconds(L, 1);
    luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "expected the reason that is raised");
    luaL_checktype(L, 3, LUA_TFUNCTION);
    struct task *task = task_running(L);
    if (!task)
        return luaL_error(L, "limit: works only inside a task; wrap the code in scheduler.run");
    lua_pushinteger(L, task->limit.deadline);
    lua_replace(L, DEADLINE);
    lua_pushinteger(L, task->limit.longest);
    lua_insert(L, LONGEST);
    if (task->limit.guards > 0)
        push_reason(L, task);
    else
        lua_pushnil(L);
    lua_insert(L, OUTER_REASON); /* -- deadline longest outer reason fn args */
    lua_pushvalue(L, BODY);
    lua_remove(L, BODY);
    enter(L, task, nanoseconds, turn);
    int arguments = lua_gettop(L) - BODY;
    return left(L, lua_pcallk(L, arguments, LUA_MULTRET, 0, (lua_KContext)task, left),
                (lua_KContext)task);
}

int task_limit(lua_State *L) {
    return limited(L, false);
}

int task_limit_turn(lua_State *L) {
    return limited(L, true);
}

bool task_is_limited(lua_State *L) {
    const struct task *task = task_running(L);
    return task && task->limit.guards > 0;
}

uint64_t task_stay(const struct task *task) {
    return task->limit.stay;
}

bool task_stays(const struct task *task, uint64_t stay) {
    return task->limit.guards > 0 && task->limit.stay == stay;
}

struct task_queue *task_leavers(struct task *task) {
    return &task->limit.leavers;
}

bool task_abort(lua_State *L, struct task *task) { /* -- reason => */
    if (task->limit.guards > 0 && task_is_limited(L)) return task_expire(L, task);
    if (task_ended(task)) {
        lua_pop(L, 1);
        return false;
    }
    if (task->limit.aborted) {
        lua_pop(L, 1);
        return true;
    }
    set_reason(L, task);
    task->limit.aborted = task->limit.raising = true;
    watch(task->thread, ALWAYS);
    if (task->state == WAITING) task_make_ready(task, TASK_WOKEN);
    return true;
}

bool task_expire(lua_State *L, struct task *task) { /* -- reason => */
    struct limit *limit = &task->limit;
    if (task_ended(task) || limit->guards == 0) {
        lua_pop(L, 1);
        return false;
    }
    if (limit->expired || limit->aborted) {
        lua_pop(L, 1);
        return true;
    }
    set_reason(L, task);
    limit->expired = true;
    watch(task->thread, ALWAYS);
    if (task->state == WAITING) task_make_ready(task, TASK_WOKEN);
    return true;
}

/* coroutines that were made before their thread was watched, and code that would take the
 * hook away */

/* -- args... : calls upvalue 1 with them, after the coroutine `thread` is watched as this one is */
static int watched_call(lua_State *L, lua_State *thread) {
    if (thread && thread != L && is_watched(L) && (!lua_gethook(thread) || is_watched(thread))) {
        watch(thread, lua_gethookcount(L));
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    return lua_gettop(L);
}

static int l_resume(lua_State *L) {
    return watched_call(L, lua_tothread(L, 1));
}

static int wrapped(lua_State *L) {
    return watched_call(L, lua_tothread(L, lua_upvalueindex(2)));
}

/* The thread is the first upvalue of a function from coroutine.wrap. */
static int l_wrap(lua_State *L) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    if (!lua_getupvalue(L, -1, 1)) return 1;
    lua_pushcclosure(L, wrapped, 2);
    return 1;
}

/* -- [thread] ... */
static int l_sethook(lua_State *L) {
    lua_State *thread = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
    if (is_watched(thread))
        return luaL_error(L,
                          "sethook: a handler or a hook of a policy is watched by a hook already");
    return watched_call(L, NULL);
}

/* -- ... : os.exit would end the program silently, with its jobs. */
static int l_exit(lua_State *L) {
    const struct task *task = task_running(L);
    if (task && task->limit.guards > 0) {
        return luaL_error(
            L, "os.exit: a handler or a hook cannot end the program; return an outcome instead");
    }
    return watched_call(L, NULL);
}

/* -- ... : the task itself cannot be suspended in this way: nothing would resume it, and the job
 * that it owns would be lost. A coroutine that the policy has created may yield. */
static int l_yield(lua_State *L) {
    const struct task *task = task_running(L);
    if (task && task->limit.guards > 0 && L == task->thread) {
        return luaL_error(
            L, "coroutine.yield: only watchbot's own functions can suspend a handler or a hook");
    }
    return lua_yield(L, lua_gettop(L));
}

/* -- library => library */
static void replace(lua_State *L, const char *name, lua_CFunction function) {
    if (lua_getfield(L, -1, name) == LUA_TFUNCTION) {
        lua_pushcclosure(L, function, 1);
        lua_setfield(L, -2, name);
    } else {
        lua_pop(L, 1);
    }
}

void limit_open(lua_State *L) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    if (lua_getfield(L, -1, LUA_COLIBNAME) == LUA_TTABLE) {
        replace(L, "resume", l_resume);
        replace(L, "wrap", l_wrap);
        replace(L, "yield", l_yield);
    }
    if (lua_getfield(L, -2, LUA_DBLIBNAME) == LUA_TTABLE) replace(L, "sethook", l_sethook);
    if (lua_getfield(L, -3, LUA_OSLIBNAME) == LUA_TTABLE) replace(L, "exit", l_exit);
    lua_pop(L, 4);
}
