/* tasks: what all tasks of a Lua state share: its loop, and the task that runs. */
#include <stdatomic.h>
#include <string.h>

#include "lerror.h"
#include "task_state.h"

static const char tasks_key; /* its address in the registry */

/* States whose tasks are gone: their registry's address may be that of another state's by now. */
static atomic_ulong states_closed;

/* What this thread has asked last: each wait and each look at a clock asks. */
static _Thread_local struct {
    const void *registry;
    struct tasks *tasks;
    unsigned long states_closed;
} last;

static struct tasks *find_tasks(lua_State *L, const void *registry) {
    unsigned long closed = atomic_load(&states_closed);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key);
    struct tasks *tasks = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!tasks) luaL_error(L, "watchbot's loop is not open in this Lua state");
    if (!tasks->open) return tasks; /* the finalizers of a state that is being closed */
    last.registry = registry;
    last.tasks = tasks;
    last.states_closed = closed;
    return tasks;
}

struct tasks *tasks_of(lua_State *L) {
    const void *registry = lua_topointer(L, LUA_REGISTRYINDEX);
    if (registry == last.registry && last.states_closed == atomic_load(&states_closed))
        return last.tasks;
    return find_tasks(L, registry);
}

struct loop *task_loop(lua_State *L) {
    struct tasks *tasks = tasks_of(L);
    if (!tasks->open)
        luaL_error(L, "watchbot's loop is closed, because the Lua state is being closed");
    return &tasks->loop;
}

const struct loop *task_clocks(lua_State *L) {
    return &tasks_of(L)->loop;
}

struct task *task_running(lua_State *L) {
    return tasks_of(L)->running;
}

static int tasks_gc(lua_State *L) {
    struct tasks *tasks = lua_touserdata(L, 1);
    if (tasks->open) loop_close(&tasks->loop);
    tasks->open = false;
    atomic_fetch_add(&states_closed, 1);
    return 0;
}

void task_open(lua_State *L) {
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key) != LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    struct tasks *tasks = lua_newuserdatauv(L, sizeof *tasks, 0);
    memset(tasks, 0, sizeof *tasks);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, tasks_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    int error = loop_open(&tasks->loop);
    if (error) luaL_error(L, "cannot open an event loop: %s", lerror_describe(L, error));
    tasks->open = true;
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
    lua_pop(L, 1);
    limit_open(L);
    task_type(L);
}
