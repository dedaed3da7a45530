/* A host for spec/embed_spec.lua that uses each function of watchbot.h: embedded WHAT POLICY...
 * prints what it saw, a line each. doc/examples/host is the one to learn from. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "watchbot.h"

static lua_Integer global(lua_State *L, const char *name) {
    lua_getglobal(L, name);
    lua_Integer value = lua_tointeger(L, -1);
    lua_pop(L, 1);
    return value;
}

static int turn(struct watchbot *watchbot) {
    struct pollfd fd = {.fd = watchbot_pollfd(watchbot), .events = POLLIN};
    poll(&fd, 1, watchbot_timeout(watchbot));
    return watchbot_step(watchbot, 0);
}

/* Turns until the policy's Lua has counted `name` up to `wanted`. */
static int until(lua_State *L, struct watchbot *watchbot, const char *name, lua_Integer wanted) {
    int state = watchbot_step(watchbot, 0);
    while (state > 0 && global(L, name) < wanted) state = turn(watchbot);
    return state;
}

/* C evaluates arguments in any order: the result comes first. */
static void report(const char *what, int result, struct watchbot *watchbot) {
    printf("%s: %d %s\n", what, result, watchbot_error(watchbot));
}

static void errors(struct watchbot *watchbot, int argc, char **argv) {
    printf("fresh: '%s'\n", watchbot_error(watchbot));
    report("step", watchbot_step(watchbot, 0), watchbot);
    report("run", watchbot_run(watchbot), watchbot);
    for (int i = 2; i < argc; i++) report("load", watchbot_load(watchbot, argv[i]), watchbot);
}

static void ends(struct watchbot *watchbot, char **argv) {
    report("load", watchbot_load(watchbot, argv[2]), watchbot);
    report("run", watchbot_run(watchbot), watchbot);
}

static void stops(lua_State *L, struct watchbot *watchbot, char **argv) {
    watchbot_load(watchbot, argv[2]);
    int state = until(L, watchbot, "handled", 3);
    report("running", state, watchbot);
    if (state <= 0) return;
    report("load", watchbot_load(watchbot, argv[2]), watchbot);
    watchbot_stop(watchbot);
    do state = turn(watchbot);
    while (state > 0);
    report("stopped", state, watchbot);
}

/* Ends in the middle, once by its close and once by the close of the state, and begins again
 * between. */
static struct watchbot *closes(lua_State *L, struct watchbot *watchbot, char **argv) {
    watchbot_load(watchbot, argv[2]);
    report("started", until(L, watchbot, "started", 1), watchbot);
    watchbot_close(watchbot);
    lua_gc(L, LUA_GCCOLLECT);
    struct watchbot *again = watchbot_open(L);
    report("fresh", watchbot_step(again, 0), again);
    watchbot_load(again, argv[2]);
    report("started", until(L, again, "started", 2), again);
    return again;
}

static struct watchbot *looping;
static volatile sig_atomic_t rings;

static void on_alarm(int number) {
    (void)number;
    rings++;
    /* It is made for signal handlers. NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
    watchbot_interrupt(looping);
    alarm(1);
}

/* Whatever the policy's Lua does, this loop gets its turn. */
static void interrupts(lua_State *L, struct watchbot *watchbot, char **argv) {
    looping = watchbot;
    watchbot_interrupt(watchbot); /* nothing runs: it does nothing */
    signal(SIGALRM, on_alarm);
    alarm(1);
    report("load", watchbot_load(watchbot, argv[2]), watchbot);
    int state = until(L, watchbot, "finished", 1);
    report("finished", state, watchbot);
    watchbot_stop(watchbot);
    while (state > 0) state = turn(watchbot);
    report("stopped", state, watchbot);
    alarm(0);
    printf("interrupted: %s\n", rings > 0 ? "yes" : "no");
}

int main(int argc, char **argv) {
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_pushliteral(L, "the host's");

    struct watchbot *watchbot = watchbot_open(L);
    printf("one: %s\n", watchbot_open(L) == watchbot ? "yes" : "no");
    if (strcmp(argv[1], "errors") == 0) errors(watchbot, argc, argv);
    if (strcmp(argv[1], "ends") == 0) ends(watchbot, argv);
    if (strcmp(argv[1], "stops") == 0) stops(L, watchbot, argv);
    if (strcmp(argv[1], "interrupts") == 0) interrupts(L, watchbot, argv);
    if (strcmp(argv[1], "closes") == 0) watchbot = closes(L, watchbot, argv);
    if (argc <= 3 || strcmp(argv[argc - 1], "leave") != 0) watchbot_close(watchbot);
    watchbot_close(NULL);

    struct sigaction sigpipe;
    sigaction(SIGPIPE, NULL, &sigpipe);
    printf("stack: %d %s, SIGPIPE: %s\n", lua_gettop(L), lua_tostring(L, -1),
           sigpipe.sa_handler == SIG_DFL ? "default" : "?");
    lua_close(L);
    puts("closed");
    return 0;
}
