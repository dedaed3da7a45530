/* lscheduler: watchbot.core.scheduler. Tasks, events and the clock for Lua; task.c does the
 * waiting. lua/watchbot/scheduler.lua documents it for users and adds functions written in Lua. */
#include "clock.h"
#include "core.h"
#include "lerror.h"
#include "lguest.h"
#include "lhandle.h"
#include "task.h"

#define EVENT_TYPE "watchbot.event"

/* tasks */

static struct task *check_task(lua_State *L) {
    return lhandle_check(L, 1, TASK_TYPE);
}

static int l_spawn(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    task_spawn(L, lua_gettop(L) - 1);
    return 1;
}

/* -- => task | nil : for the task's owner, whatever limits it is in */
static int l_current(lua_State *L) {
    struct task *task = task_running(L);
    if (!task) return 0;
    lua_rawgetp(L, LUA_REGISTRYINDEX, task);
    return 1;
}

/* -- => task | guest | nil */
static int l_running(lua_State *L) {
    return task_is_limited(L) ? lguest_push(L) : l_current(L);
}

static int slept(lua_State *L, int status, lua_KContext context) {
    (void)L, (void)status, (void)context;
    return 0;
}

static int l_sleep(lua_State *L) {
    return task_wait(L, "sleep", NULL, task_check_seconds(L, 1), slept, 0);
}

/* -- task [seconds] => true results... | false error | nil message "Timeout" */
static int joined(lua_State *L, int status, lua_KContext context) {
    struct task *task = lua_touserdata(L, 1);
    (void)status, (void)context;
    if (!task_ended(task))
        return lerror_push(L, "Timeout", "join: timed out after %f s", lua_tonumber(L, 2));
    lua_pushboolean(L, !task_failed(task));
    return task_results(L, task) + 1;
}

static int task_join(lua_State *L) {
    struct task *task = check_task(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (task_ended(task)) return joined(L, TASK_WOKEN, 0);
    luaL_argcheck(L, task != task_running(L), 1, "a task cannot join itself");
    return task_wait(L, "join", task_joiners(task), nanoseconds, joined, 0);
}

/* -- task [reason] => whether it was still alive */
static int l_cancel(lua_State *L) {
    struct task *task = check_task(L);
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_pushliteral(L, "task cancelled");
    }
    lua_settop(L, 2);
    lua_pushboolean(L, task_cancel(L, task, false));
    return 1;
}

/* -- task [reason] => whether it was still alive */
static int l_abort(lua_State *L) {
    struct task *task = check_task(L);
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_pushliteral(L, "task aborted");
    }
    lua_settop(L, 2);
    lua_pushboolean(L, task_abort(L, task));
    return 1;
}

/* -- task reason => whether it was in a limit */
static int l_expire(lua_State *L) {
    struct task *task = check_task(L);
    luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "expected the reason that is raised");
    lua_settop(L, 2);
    lua_pushboolean(L, task_expire(L, task));
    return 1;
}

static int l_ended(lua_State *L) {
    lua_pushboolean(L, task_ended(check_task(L)));
    return 1;
}

static int l_longest_turn(lua_State *L) {
    lua_pushnumber(L, (lua_Number)task_longest_turn(check_task(L)) / (lua_Number)CLOCK_SECOND);
    return 1;
}

static int task_tostring(lua_State *L) {
    struct task *task = check_task(L);
    const char *state = !task_ended(task) ? "alive" : task_failed(task) ? "failed" : "done";
    lua_pushfstring(L, "watchbot.task (%s): %p", state, (void *)task);
    return 1;
}

static int l_on_failure(lua_State *L) {
    if (!lua_isnoneornil(L, 1)) luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    task_on_failure(L);
    return 0;
}

/* the loop */

/* -- function arguments... => its results; its error is raised here */
static int l_run(lua_State *L) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    struct task *task = task_spawn(L, lua_gettop(L) - 1);
    task_heard(task);
    while (!task_ended(task)) {
        if (task_stuck(L))
            return luaL_error(L, "run: every task waits for what no task is left to do");
        task_turn(L, TASK_FOR_EVER);
    }
    int results = task_results(L, task);
    return task_failed(task) ? lua_error(L) : results;
}

static int l_now(lua_State *L) {
    lua_pushnumber(L, (lua_Number)loop_monotonic(task_clocks(L)) / (lua_Number)CLOCK_SECOND);
    return 1;
}

static int l_time(lua_State *L) {
    lua_pushinteger(L, loop_wall(task_clocks(L)) / (CLOCK_SECOND / 1000));
    return 1;
}

static int l_boottime(lua_State *L) {
    lua_pushnumber(L, (lua_Number)loop_boottime(task_clocks(L)) / (lua_Number)CLOCK_SECOND);
    return 1;
}

static int l_quiet(lua_State *L) {
    return task_wait_quiet(L, slept);
}

/* -- whether, or the seconds to skip */
static int l_leap(lua_State *L) {
    bool skips = lua_type(L, 1) == LUA_TNUMBER;
    if (!skips) luaL_checktype(L, 1, LUA_TBOOLEAN);
    if (task_is_limited(L))
        return luaL_error(L, "leap: a handler or a hook cannot set the clocks of its watcher");
    if (skips)
        loop_skip(task_loop(L), (int64_t)(lua_tonumber(L, 1) * (lua_Number)CLOCK_SECOND));
    else
        loop_leap(task_loop(L), lua_toboolean(L, 1));
    return 0;
}

static int l_alive(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)task_alive(L));
    return 1;
}

static int l_iso_date(lua_State *L) {
    char date[CLOCK_ISO_DATE_SIZE];
    clock_iso_date(luaL_checkinteger(L, 1), date);
    lua_pushstring(L, date);
    return 1;
}

static int l_http_date(lua_State *L) {
    char date[CLOCK_HTTP_DATE_SIZE];
    clock_http_date((time_t)luaL_checkinteger(L, 1), date);
    lua_pushstring(L, date);
    return 1;
}

/* events */

struct event {
    struct task_queue waiters;
    bool set;
};

static struct event *check_event(lua_State *L) {
    return lhandle_check(L, 1, EVENT_TYPE);
}

static int l_event(lua_State *L) {
    lhandle_new(L, EVENT_TYPE, sizeof(struct event), 0);
    return 1;
}

static int event_set(lua_State *L) {
    struct event *event = check_event(L);
    event->set = true;
    task_wake(&event->waiters);
    return 0;
}

static int event_clear(lua_State *L) {
    check_event(L)->set = false;
    return 0;
}

static int event_is_set(lua_State *L) {
    lua_pushboolean(L, check_event(L)->set);
    return 1;
}

/* -- event [seconds] => true | nil message "Timeout" */
static int event_came(lua_State *L, int status, lua_KContext context) {
    (void)context;
    if (status == TASK_TIMED_OUT) {
        return lerror_push(L, "Timeout", "event: timed out after %f s", lua_tonumber(L, 2));
    }
    lua_pushboolean(L, true);
    return 1;
}

static int event_wait(lua_State *L) {
    struct event *event = check_event(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (event->set) return event_came(L, TASK_WOKEN, 0);
    return task_wait(L, "event", &event->waiters, nanoseconds, event_came, 0);
}

static const luaL_Reg task_metamethods[] = {
    {"__tostring", task_tostring},
    {NULL,         NULL         },
};

static const luaL_Reg task_methods[] = {
    {"join",         task_join     },
    {"cancel",       l_cancel      },
    {"abort",        l_abort       },
    {"expire",       l_expire      },
    {"ended",        l_ended       },
    {"longest_turn", l_longest_turn},
    {NULL,           NULL          },
};

static const luaL_Reg event_methods[] = {
    {"set",    event_set   },
    {"clear",  event_clear },
    {"is_set", event_is_set},
    {"wait",   event_wait  },
    {NULL,     NULL        },
};

static const luaL_Reg functions[] = {
    {"spawn",      l_spawn        },
    {"running",    l_running      },
    {"current",    l_current      },
    {"sleep",      l_sleep        },
    {"event",      l_event        },
    {"run",        l_run          },
    {"limit",      task_limit     },
    {"limit_turn", task_limit_turn},
    {"now",        l_now          },
    {"time",       l_time         },
    {"boottime",   l_boottime     },
    {"quiet",      l_quiet        },
    {"leap",       l_leap         },
    {"alive",      l_alive        },
    {"iso_date",   l_iso_date     },
    {"http_date",  l_http_date    },
    {"on_failure", l_on_failure   },
    {NULL,         NULL           },
};

int luaopen_watchbot_scheduler(lua_State *L) {
    lhandle_type(L, TASK_TYPE, task_metamethods, task_methods);
    lguest_open(L);
    lhandle_type(L, EVENT_TYPE, NULL, event_methods);
    luaL_newlib(L, functions);
    return 1;
}
