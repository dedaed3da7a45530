#include "lguest.h"

#include "clock.h"
#include "lerror.h"
#include "lhandle.h"
#include "task_state.h"

#define TYPE "watchbot.task.guest"

struct guest {
    struct task *task; /* user value 1 keeps it */
    uint64_t stay;
};

/* Its task, or NULL if the stay is over. */
static struct task *task_of(const struct guest *guest) {
    return task_stays(guest->task, guest->stay) ? guest->task : NULL;
}

static struct task *check_guest(lua_State *L) {
    return task_of(lhandle_check(L, 1, TYPE));
}

int lguest_push(lua_State *L) {
    struct task *task = task_running(L);
    lua_rawgetp(L, LUA_REGISTRYINDEX, task); /* -- task */
    lua_getiuservalue(L, -1, GUEST);
    struct guest *guest = lua_touserdata(L, -1);
    if (guest && task_of(guest)) return 1;
    lua_pop(L, 1);
    guest = lua_newuserdatauv(L, sizeof *guest, 1); /* -- task guest */
    guest->task = task;
    guest->stay = task_stay(task);
    luaL_setmetatable(L, TYPE);
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, 1);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, -3, GUEST);
    return 1;
}

/* -- guest [seconds] => true results... | false error | nil message "Timeout" */
static int joined(lua_State *L, int status, lua_KContext context) {
    struct task *task = check_guest(L);
    (void)status, (void)context;
    if (!task) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (!task_ended(task))
        return lerror_push(L, "Timeout", "join: timed out after %f s", lua_tonumber(L, 2));
    lua_pushboolean(L, !task_failed(task));
    return task_results(L, task) + 1;
}

static int guest_join(lua_State *L) {
    struct task *task = check_guest(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (!task || task_ended(task)) return joined(L, TASK_WOKEN, 0);
    luaL_argcheck(L, task != task_running(L), 1, "a task cannot join itself");
    return task_wait(L, "join", task_leavers(task), nanoseconds, joined, 0);
}

/* -- guest [reason] => guest reason */
static void push_reason(lua_State *L, const char *usual) {
    if (lua_isnoneornil(L, 2)) {
        lua_settop(L, 1);
        lua_pushstring(L, usual);
    }
    lua_settop(L, 2);
}

static int guest_cancel(lua_State *L) {
    struct task *task = check_guest(L);
    push_reason(L, "task cancelled");
    lua_pushboolean(L, task && task_cancel(L, task, true));
    return 1;
}

static int guest_abort(lua_State *L) {
    struct task *task = check_guest(L);
    push_reason(L, "task aborted");
    lua_pushboolean(L, task && task_expire(L, task));
    return 1;
}

static int guest_expire(lua_State *L) {
    luaL_argcheck(L, !lua_isnoneornil(L, 2), 2, "expected the reason that is raised");
    return guest_abort(L);
}

static int guest_ended(lua_State *L) {
    struct task *task = check_guest(L);
    lua_pushboolean(L, !task || task_ended(task));
    return 1;
}

static int guest_longest_turn(lua_State *L) {
    struct task *task = check_guest(L);
    int64_t longest = task ? task_longest_turn(task) : 0;
    lua_pushnumber(L, (lua_Number)longest / (lua_Number)CLOCK_SECOND);
    return 1;
}

static int guest_tostring(lua_State *L) {
    struct task *task = check_guest(L);
    bool over = !task || task_ended(task);
    const char *state = !over ? "alive" : task && task_failed(task) ? "failed" : "done";
    lua_pushfstring(L, "watchbot.task (%s): %p", state, lua_topointer(L, 1));
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__tostring", guest_tostring},
    {NULL,         NULL          },
};

static const luaL_Reg methods[] = {
    {"join",         guest_join        },
    {"cancel",       guest_cancel      },
    {"abort",        guest_abort       },
    {"expire",       guest_expire      },
    {"ended",        guest_ended       },
    {"longest_turn", guest_longest_turn},
    {NULL,           NULL              },
};

void lguest_open(lua_State *L) {
    lhandle_type(L, TYPE, metamethods, methods);
}
