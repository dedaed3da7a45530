/* An interpreter for the specs that can do two things which Lua cannot: fork, and run a text in
 * another Lua state, on another thread or on its own. states FILE: the text sees fork, wait, thread
 * and state. */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#define THREAD_TYPE "states.thread"

/* => pid, 0 in the child */
static int l_fork(lua_State *L) {
    fflush(NULL);
    lua_pushinteger(L, fork());
    return 1;
}

/* -- pid => exit code, or a signal below 0 */
static int l_wait(lua_State *L) {
    int status;
    if (waitpid((pid_t)luaL_checkinteger(L, 1), &status, 0) < 0)
        return luaL_error(L, "there is no such child");
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 1;
}

struct thread {
    pthread_t id;
    char *text, *error;
};

static void *run_thread(void *argument) {
    struct thread *thread = argument;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dostring(L, thread->text) != LUA_OK)
        thread->error = strdup(luaL_tolstring(L, -1, NULL));
    lua_close(L);
    return NULL;
}

/* -- text => thread */
static int l_thread(lua_State *L) {
    struct thread *thread = lua_newuserdatauv(L, sizeof *thread, 0);
    *thread = (struct thread){.text = strdup(luaL_checkstring(L, 1))};
    luaL_setmetatable(L, THREAD_TYPE);
    if (pthread_create(&thread->id, NULL, run_thread, thread) != 0)
        return luaL_error(L, "no thread could be started");
    return 1;
}

/* -- thread => its error | nil */
static int thread_join(lua_State *L) {
    struct thread *thread = luaL_checkudata(L, 1, THREAD_TYPE);
    pthread_join(thread->id, NULL);
    lua_pushstring(L, thread->error);
    free(thread->error);
    free(thread->text);
    return 1;
}

static char arena[16 << 20];

/* Each state gets the addresses that the one before had; nothing is freed. */
static void *place(void *taken, void *memory, size_t before, size_t size) {
    size_t *used = taken;
    if (size == 0) return NULL;
    if (memory && size <= before) return memory;
    if (*used + size > sizeof arena) return NULL;
    void *placed = arena + *used;
    *used += (size + 15) / 16 * 16;
    if (memory) memcpy(placed, memory, before);
    return placed;
}

/* -- text => its error | nil : in another Lua state, on this thread, which is closed afterwards */
static int l_state(lua_State *L) {
    size_t used = 0;
    memset(arena, 0xa5, sizeof arena);
    lua_State *other = lua_newstate(place, &used);
    luaL_openlibs(other);
    bool good = luaL_dostring(other, luaL_checkstring(L, 1)) == LUA_OK;
    lua_pushstring(L, good ? NULL : luaL_tolstring(other, -1, NULL));
    lua_close(other);
    return 1;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: states FILE\n"), 2;
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    luaL_newmetatable(L, THREAD_TYPE);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, thread_join);
    lua_setfield(L, -2, "join");
    lua_register(L, "fork", l_fork);
    lua_register(L, "wait", l_wait);
    lua_register(L, "thread", l_thread);
    lua_register(L, "state", l_state);
    int status = luaL_dofile(L, argv[1]);
    if (status != LUA_OK) fprintf(stderr, "states: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return status == LUA_OK ? 0 : 1;
}
