/* main: the program watchbot. Arguments, signals and limits are its own; everything else is
 * lua/watchbot/cli. The only file that installs signal handlers or has globals. */
#define _GNU_SOURCE /* pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>
#include <openssl/crypto.h>
#include <sqlite3.h>

#include "init.h"
#include "lchildren.h"
#include "lerror.h"
#include "lhandle.h"
#include "preload.h"
#include "startup.h"
#include "state.h"
#include "task.h"

/* Their headers have other names on other distributions. */
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);
int luaopen_lxp(lua_State *L);

#ifdef WATCHBOT_STATIC
enum { IS_STATIC = true };
#else
enum { IS_STATIC = false };
#endif

static int signal_pipe[2] = {-1, -1};

static const struct {
    int number;
    const char *name;
} watched[] = {
    {SIGTERM, "TERM"},
    {SIGINT,  "INT" },
    {SIGHUP,  "HUP" },
    {SIGPIPE, "PIPE"}, /* last: only for those who ask for it */
};

/* A second request to end while Lua does not let the loop run: raises an error in code that can be
 * interrupted, and after `patience` seconds ends the program, since its code will not. */
static struct {
    volatile sig_atomic_t *interrupt;
    volatile sig_atomic_t patience;
    volatile sig_atomic_t requests; /* seen by the handler */
    volatile sig_atomic_t unread;   /* of these, not taken by Lua yet */
    volatile sig_atomic_t last;     /* the newest one's number */
} ending = {.patience = 25};

static bool is_request(int number) {
    return number == SIGTERM || number == SIGINT;
}

static void write_signal(int number) {
    unsigned char byte = (unsigned char)number;
    ssize_t ignored = write(signal_pipe[1], &byte, 1);
    (void)ignored;
}

/* A full pipe has more signals than needed. */
static void on_signal(int number) {
    int error = errno;
    if (is_request(number)) {
        ending.last = number;
        ending.unread++;
        if (++ending.requests > 1) {
            if (ending.interrupt) *ending.interrupt = 1;
            alarm((unsigned)ending.patience);
        }
    }
    write_signal(number);
    errno = error;
}

/* The second request has not been read: Lua has not returned. */
static void on_patience_over(int number) {
    static const char words[] =
        "watchbot: a handler or a hook does not return after the second signal, ending without it; "
        "messages come back by their visibility timeout\n";
    (void)number;
    if (ending.unread == 0) return;
    ssize_t ignored = write(STDERR_FILENO, words, sizeof words - 1);
    (void)ignored;
    _exit(128 + ending.last);
}

/* Whether the terminal that the program was started from has been closed. */
static bool has_terminal(void) {
    int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static bool had_terminal, hung_up;

/* SIGHUP of a closed terminal ends the program like SIGTERM does, once: the shell sends another
 * one. */
static const char *name_hangup(void) {
    if (!had_terminal || has_terminal()) return "HUP";
    if (hung_up) return NULL;
    hung_up = true;
    return "TERM";
}

/* watchbot.signals: what on_signal has seen, for a task to wait for. */

#define SIGNALS_TYPE "watchbot.signals"

struct signals {
    struct loop *loop;
    struct loop_fd watch;
    struct task_queue waiters;
};

static void signal_came(struct loop_fd *watch, unsigned ready) {
    struct signals *signals = container_of(watch, struct signals, watch);
    (void)ready;
    loop_unwatch(signals->loop, watch);
    task_wake(&signals->waiters);
}

static void request_taken(int number) {
    if (!is_request(number)) return;
    ending.unread--;
    if (ending.unread > 0) return;
    *ending.interrupt = 0;
    alarm(0);
}

static const char *name_of(int number) {
    if (number == SIGHUP) return name_hangup();
    for (size_t i = 0; i < countof(watched); i++) {
        if (watched[i].number == number) return watched[i].name;
    }
    return NULL;
}

static int signals_wait(lua_State *L);

/* -- signals => "TERM" */
static int take_signal(lua_State *L, int status, lua_KContext context) {
    unsigned char number = 0;
    (void)status, (void)context;
    if (read(signal_pipe[0], &number, 1) != 1)
        return luaL_error(L, "a signal was lost: %s", strerror(errno));
    request_taken(number);
    const char *name = name_of(number);
    if (!name) return signals_wait(L);
    lua_pushstring(L, name);
    return 1;
}

static int signals_wait(lua_State *L) {
    struct signals *signals = luaL_checkudata(L, 1, SIGNALS_TYPE);
    lua_settop(L, 1);
    int error = loop_watch(signals->loop, &signals->watch, signal_pipe[0], POLLER_READ);
    if (error) return luaL_error(L, "cannot wait for signals: %s", lerror_describe(L, error));
    return task_wait(L, "signals", &signals->waiters, TASK_FOR_EVER, take_signal, 0);
}

/* -- signals seconds : how long Lua may keep the loop from turning after a second request to end */
static int signals_patience(lua_State *L) {
    luaL_checkudata(L, 1, SIGNALS_TYPE);
    lua_Number seconds = luaL_checknumber(L, 2);
    ending.patience = seconds < 1 ? 1 : seconds < 86400 ? (int)seconds : 86400;
    return 0;
}

static void catch_signal(int number) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(number, &action, NULL);
}

/* For a command that must clean up when its output is closed (`| head`). If the signal is ignored,
 * write(2) returns errors instead. */
static int signals_catch_pipe(lua_State *L) {
    struct sigaction before;
    luaL_checkudata(L, 1, SIGNALS_TYPE);
    if (sigaction(SIGPIPE, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        catch_signal(SIGPIPE);
    return 0;
}

static int signals_close(lua_State *L) {
    struct signals *signals = luaL_checkudata(L, 1, SIGNALS_TYPE);
    if (signals->loop) loop_unwatch(signals->loop, &signals->watch);
    return 0;
}

static const luaL_Reg signals_metamethods[] = {
    {"__gc", signals_close},
    {NULL,   NULL         },
};

static const luaL_Reg signals_methods[] = {
    {"wait",       signals_wait      },
    {"catch_pipe", signals_catch_pipe},
    {"patience",   signals_patience  },
    {"close",      signals_close     },
    {NULL,         NULL              },
};

/* `require "watchbot.signals"` is a handle; requiring it makes the program catch the signals. */
static int luaopen_watchbot_signals(lua_State *L) {
    lhandle_type(L, SIGNALS_TYPE, signals_metamethods, signals_methods);
    task_open(L);
    struct signals *signals = lhandle_new(L, SIGNALS_TYPE, sizeof *signals, 0);
    signals->loop = task_loop(L);
    signals->watch.ready = signal_came;
    if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        return luaL_error(L, "cannot watch for signals: %s", lerror_describe(L, errno));
    }
    ending.interrupt = task_interrupt(L);
    had_terminal = has_terminal();
    for (size_t i = 0; i + 1 < countof(watched); i++) catch_signal(watched[i].number);
    signal(SIGALRM, on_patience_over);
    return 1;
}

/* Each task needs three descriptors; the soft limit of 1024 is for programs that use select. */
static rlim_t raise_nofile(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? soft : 0;
}

/* A write to a file at its size limit (RLIMIT_FSIZE) fails, in SQLite too, instead of ending the
 * program. */
static void ignore_sigxfsz(void) {
    signal(SIGXFSZ, SIG_IGN);
}

static void preload(lua_State *L, const char *name, lua_CFunction open) {
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, open);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

static int traceback(lua_State *L) {
    luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
    return 1;
}

/* The last searcher of a static program: its text ends the list of places that require has
 * searched. */
static int explain_libraries(lua_State *L) {
    lua_pushliteral(L, "the static watchbot loads no modules that are written in C");
    return 1;
}

/* A library that is loaded into a static program brings a second C library with it, and crashes. */
static void refuse_libraries(lua_State *L) {
    lua_getglobal(L, "package");
    lua_pushnil(L);
    lua_setfield(L, -2, "loadlib");
    lua_pushliteral(L, "");
    lua_setfield(L, -2, "cpath");
    lua_getfield(L, -1, "searchers"); /* -- package searchers: of preload, Lua, C, C again */
    lua_pushcfunction(L, explain_libraries);
    lua_seti(L, -2, 3);
    lua_pushnil(L);
    lua_seti(L, -2, 4);
    lua_pop(L, 2);
}

/* -- argc argv => status */
static int run(lua_State *L) {
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    luaL_openlibs(L);
    if (IS_STATIC) refuse_libraries(L);
    preload_install(L);
    /* for policies: no module of watchbot uses it */
    preload(L, "cjson", luaopen_cjson);
    preload(L, "cjson.safe", luaopen_cjson_safe);
    preload(L, "lxp", luaopen_lxp);
    preload(L, "watchbot.signals", luaopen_watchbot_signals);

    lua_getglobal(L, "require");
    lua_pushliteral(L, "watchbot.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main"); /* -- cli main */
    lua_createtable(L, argc, 0);
    for (int i = 1; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, (lua_Integer)raise_nofile());
    lua_call(L, 2, 1);
    return 1;
}

/* Tasks of the same user may not read this program's environment, which has its keys, or its
 * memory. Tasks themselves are readable as usual: executing a program resets this. */
static void hide_memory(void) {
#ifndef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 0);
#endif
}

/* The parent of this program may ignore SIGCHLD, which exec keeps: then the kernel would discard
 * the exit codes of tasks. */
static void keep_exit_codes(void) {
    signal(SIGCHLD, SIG_DFL);
}

struct program {
    int argc;
    char **argv;
    bool adopts; /* runs in a thread that is not the first */
    int status;
};

static void run_lua(struct program *program) {
    lua_State *L = state_open();
    if (!L) {
        fputs("watchbot: not enough memory\n", stderr);
        return;
    }
    lua_pushboolean(L, program->adopts);
    lua_setfield(L, LUA_REGISTRYINDEX, LCHILDREN_ADOPT);
    lua_pushcfunction(L, traceback);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, program->argc);
    lua_pushlightuserdata(L, program->argv);
    if (lua_pcall(L, 2, 1, 1) == LUA_OK) {
        program->status = (int)lua_tointeger(L, -1);
    } else {
        fprintf(stderr, "watchbot: %s\n", lua_tostring(L, -1));
    }
    state_close(L);
}

static void *second_thread(void *program) {
    run_lua(program);
    return NULL;
}

/* The first thread only waits: orphans of tasks become its children, which distinguishes them from
 * the tasks (orphans.h). */
static void run_in_second_thread(struct program *program) {
    pthread_t thread;
    program->adopts = true;
    if (pthread_create(&thread, NULL, second_thread, program) == 0) {
        pthread_join(thread, NULL);
        return;
    }
    program->adopts = false;
    run_lua(program);
}

/* The host's openssl.cnf may name modules, which crash a static program. The first use of OpenSSL
 * would read it. */
static void ignore_openssl_config(void) {
    if (IS_STATIC) OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
}

/* Only the thread of Lua uses SQLite. Its locks and memory statistics would take a tenth of its
 * time. */
static void configure_sqlite(void) {
    sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int main(int argc, char **argv) {
    struct program program = {.argc = argc, .argv = argv, .status = 1};
    ignore_openssl_config();
    hide_memory();
    keep_exit_codes();
    if (init_stand_in(&program.status)) return program.status;
    if (!startup_fill_descriptors() || !startup_check_kernel()) return 1;
    ignore_sigxfsz();
    configure_sqlite();
    run_in_second_thread(&program);
    return program.status;
}
