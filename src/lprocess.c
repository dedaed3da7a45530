/* lprocess: watchbot.core.process. A child and its two streams as a Lua handle.
 * lua/watchbot/process.lua documents it for its users. What a start needs is read from its options first, which may raise;
 * then it is opened, which may only fail. The guardian, /dev/null and the children that were abandoned belong to the Lua state. */
#define _GNU_SOURCE /* memfd_create, pipe2 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "clock.h"
#include "core.h"
#include "guardian.h"
#include "lerror.h"
#include "lhandle.h"
#include "llog.h"
#include "stream.h"
#include "task.h"

#define PROCESS_TYPE "watchbot.process"
#define STATE_TYPE "watchbot.processes"

extern char **environ;

enum { STATE = 1, LOG = 2 }; /* user values of a process */

/* A task that has not ended by then gets its pipes watched. */
static const int64_t LINGER = CLOCK_SECOND / 50;
static const lua_Integer DEFAULT_LIMIT = 16 << 20;

struct state {
    struct loop *loop; /* NULL: closed */
    pid_t owner;       /* a child that the host forks has a copy of all this, and no right to it */
    struct guardian guardian;
    struct child_orphans orphans;
    int null; /* -1: not opened yet */
    rlim_t nofile;
};

struct process {
    struct state *state; /* NULL: closed */
    struct child child;
    struct stream out, err;
    struct loop_timer linger;
    struct buffer texts, pointers; /* argv and envp, until it is started */
    struct buffer tail;
    struct task_queue waiters;
    bool ended;
};

static const char state_key; /* its address in the registry */

static bool is_owner(const struct state *state) {
    return state->owner == getpid();
}

static struct state *state_of(lua_State *L) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
    struct state *state = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!state->loop) luaL_error(L, "start: the Lua state is being closed");
    if (!is_owner(state)) luaL_error(L, "start: this process was forked from the one that has loaded watchbot");
    return state;
}

static int state_gc(lua_State *L) {
    struct state *state = lua_touserdata(L, 1);
    if (!state->loop) return 0;
    if (is_owner(state)) {
        child_reap_orphans(&state->orphans);
        guardian_stop(&state->guardian);
    }
    if (state->null >= 0) close(state->null);
    state->loop = NULL;
    return 0;
}

/* the options of a start */

struct request {
    const char *name; /* as the caller calls the program */
    struct child_options child;
    const char *stdin_text; /* NULL: none */
    size_t stdin_size;
    enum { DISCARD, TO_LOG, CAPTURE, INHERIT } output;
    struct llog *log;
    const char *id, *category;
    size_t tail, limit;
};

static const char *const option_names[] = {"argv", "command",  "cwd",  "env",   "stdin", "output",
                                           "id",   "category", "tail", "limit", NULL};

static bool is_option(const char *name) {
    const char *const *known = option_names;
    while (*known && strcmp(*known, name) != 0) known++;
    return *known != NULL;
}

static void check_names(lua_State *L) {
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING || !is_option(lua_tostring(L, -1))) {
            luaL_error(L, "start: unknown option '%s'", luaL_tolstring(L, -1, NULL));
        }
    }
}

static void check_type(lua_State *L, const char *what, bool good, const char *wanted) {
    if (!good) luaL_error(L, "start: %s must be %s, not a %s", what, wanted, luaL_typename(L, -1));
}

/* -- => value : its type */
static int push_option(lua_State *L, const char *name) {
    lua_pushstring(L, name);
    return lua_rawget(L, 1);
}

/* -- => text : which keeps it alive */
static const char *bytes_option(lua_State *L, const char *name, size_t *size) {
    if (push_option(L, name) == LUA_TNIL) return NULL;
    check_type(L, name, lua_type(L, -1) == LUA_TSTRING, "a string");
    return lua_tolstring(L, -1, size);
}

static const char *text_option(lua_State *L, const char *name) {
    size_t size;
    const char *text = bytes_option(L, name, &size);
    if (text && strlen(text) != size) luaL_error(L, "start: %s has a NUL byte in it", name);
    return text;
}

static size_t size_option(lua_State *L, const char *name, lua_Integer otherwise) {
    int good = 1;
    push_option(L, name);
    lua_Integer size = lua_isnil(L, -1) ? otherwise : lua_tointegerx(L, -1, &good);
    check_type(L, name, good, "an integer");
    if (size < 0) luaL_error(L, "start: %s must not be negative", name);
    lua_pop(L, 1);
    return (size_t)size;
}

static void append(lua_State *L, struct buffer *buffer, const void *data, size_t size) {
    if (!buffer_append(buffer, data, size)) luaL_error(L, "start: not enough memory");
}

/* The string (or number) on the top of the stack, behind what is there, without or with its NUL. */
static void append_text(lua_State *L, struct buffer *texts, const char *what, size_t nul) {
    size_t size;
    check_type(L, what, lua_isstring(L, -1), "a string");
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size) luaL_error(L, "start: %s has a NUL byte in it", what);
    append(L, texts, text, size + nul);
}

static size_t append_argv(lua_State *L, struct buffer *texts) {
    size_t count = (size_t)lua_rawlen(L, -1);
    if (count == 0) luaL_error(L, "start: argv is empty; its first element is the program");
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        append_text(L, texts, "an element of argv", 1);
        lua_pop(L, 1);
    }
    return count;
}

static size_t append_shell(lua_State *L, struct buffer *texts) {
    append(L, texts, "/bin/sh\0-c", sizeof "/bin/sh\0-c");
    append_text(L, texts, "command", 1);
    return 3;
}

static size_t read_argv(lua_State *L, struct buffer *texts) {
    size_t count;
    int argv = push_option(L, "argv"), command = push_option(L, "command");
    if ((argv == LUA_TNIL) == (command == LUA_TNIL)) luaL_error(L, "start: either argv or command must be given");
    if (command != LUA_TNIL) {
        count = append_shell(L, texts);
    } else {
        lua_pop(L, 1);
        check_type(L, "argv", argv == LUA_TTABLE, "a list of strings");
        count = append_argv(L, texts);
        lua_pushnil(L);
    }
    lua_pop(L, 2);
    return count;
}

/* -- env name value */
static void append_variable(lua_State *L, struct buffer *texts) {
    check_type(L, "the value of a variable in env", lua_isstring(L, -1), "a string");
    lua_pushvalue(L, -2);
    check_type(L, "a name in env", lua_type(L, -1) == LUA_TSTRING, "a string");
    const char *name = lua_tostring(L, -1);
    if (*name == '\0' || strchr(name, '=')) luaL_error(L, "start: '%s' cannot be the name of a variable", name);
    append_text(L, texts, "a name in env", 0);
    append(L, texts, "=", 1);
    lua_pop(L, 1);
    append_text(L, texts, "the value of a variable in env", 1);
}

/* The number of variables, or -1: the host's environment. */
static ptrdiff_t read_env(lua_State *L, struct buffer *texts) {
    ptrdiff_t count = 0;
    int type = push_option(L, "env");
    check_type(L, "env", type == LUA_TTABLE || type == LUA_TNIL, "a table of names and values");
    if (type == LUA_TNIL) return lua_pop(L, 1), -1;
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        append_variable(L, texts);
        count++;
    }
    lua_pop(L, 1);
    return count;
}

/* `count` pointers to the texts from `text` on, and a NULL; returns what comes behind the texts. */
static char *append_pointers(lua_State *L, struct buffer *pointers, char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        append(L, pointers, &text, sizeof text);
        text += strlen(text) + 1;
    }
    append(L, pointers, &(char *){NULL}, sizeof(char *));
    return text;
}

static void read_strings(lua_State *L, struct process *process, struct request *request) {
    size_t arguments = read_argv(L, &process->texts);
    ptrdiff_t variables = read_env(L, &process->texts);
    request->name = buffer_data(&process->texts);
    char *text = append_pointers(L, &process->pointers, buffer_data(&process->texts), arguments);
    if (variables >= 0) append_pointers(L, &process->pointers, text, (size_t)variables);
    char **pointers = (char **)(void *)buffer_data(&process->pointers);
    request->child.argv = pointers;
    request->child.envp = variables >= 0 ? pointers + arguments + 1 : environ;
}

static void read_output(lua_State *L, struct request *request) {
    int type = push_option(L, "output");
    if (type == LUA_TNIL) {
        request->output = DISCARD;
    } else if (type == LUA_TSTRING) {
        const char *word = lua_tostring(L, -1);
        bool capture = strcmp(word, "capture") == 0;
        if (!capture && strcmp(word, "inherit") != 0) {
            luaL_error(L, "start: output must be a log, 'capture', 'inherit' or nil, not '%s'", word);
        }
        request->output = capture ? CAPTURE : INHERIT;
    } else {
        request->output = TO_LOG;
        request->log = llog_check(L, lua_gettop(L));
    }
}

/* -- options => options texts... output : what is read stays alive on the stack */
static void read_request(lua_State *L, struct state *state, struct request *request) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    check_names(L);
    request->child.cwd = text_option(L, "cwd");
    request->child.nofile = state->nofile;
    request->child.guardian = &state->guardian;
    request->stdin_text = bytes_option(L, "stdin", &request->stdin_size);
    request->id = text_option(L, "id");
    request->category = text_option(L, "category");
    if (!request->category) request->category = "worker";
    request->tail = size_option(L, "tail", 0);
    request->limit = size_option(L, "limit", DEFAULT_LIMIT);
    read_output(L, request);
}

/* opening */

static int open_null(struct state *state) {
    if (state->null < 0) state->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    return state->null >= 0 ? 0 : errno;
}

/* A file in memory: it takes any size at once, and whether the task reads it is the task's affair. */
static int make_input(const struct request *request, int *fd) {
    *fd = memfd_create("watchbot-stdin", MFD_CLOEXEC);
    if (*fd < 0) return errno;
    for (size_t at = 0; at < request->stdin_size;) {
        ssize_t written = pwrite(*fd, request->stdin_text + at, request->stdin_size - at, (off_t)at);
        if (written < 0 && errno != EINTR) return errno;
        if (written > 0) at += (size_t)written;
    }
    return 0;
}

static int make_pipe(int *ours, int *theirs) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    *ours = ends[0];
    *theirs = ends[1];
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

static bool attach_log(struct stream *stream, const struct request *request) {
    struct sink *sink = llog_sink(request->log);
    if (!lines_open(&stream->lines, llog_format(request->log), request->category, request->id, sink_output(sink))) return false;
    sink_use(sink);
    stream->sink = sink;
    return true;
}

static int open_stream(struct process *process, struct stream *stream, const struct request *request, int *theirs) {
    int ours = -1;
    int error = make_pipe(&ours, theirs);
    if (ours >= 0) stream_open(stream, process->state->loop, ours);
    if (error) return error;
    if (request->output == CAPTURE) stream->limit = request->limit;
    if (request->tail > 0) stream->tail = &process->tail;
    stream->tail_limit = request->tail;
    return request->output == TO_LOG && !attach_log(stream, request) ? ENOMEM : 0;
}

/* A host that has closed its own gives nothing to inherit. */
static int inherited(int fd, int null) {
    return fcntl(fd, F_GETFD) >= 0 ? fd : null;
}

/* What becomes 0, 1 and 2 of the child. What is only for it goes to `theirs` as well, to be closed here afterwards. */
static int open_descriptors(struct process *process, struct request *request, int theirs[3]) {
    struct child_options *child = &request->child;
    int error = open_null(process->state);
    child->in = child->out = child->err = process->state->null;
    if (!error && request->stdin_text) {
        error = make_input(request, &theirs[0]);
        child->in = theirs[0];
    }
    if (request->output == INHERIT) {
        child->out = inherited(STDOUT_FILENO, child->out);
        child->err = inherited(STDERR_FILENO, child->err);
    } else if (request->output != DISCARD) {
        if (!error) error = open_stream(process, &process->out, request, &theirs[1]);
        if (!error) error = open_stream(process, &process->err, request, &theirs[2]);
        child->out = theirs[1];
        child->err = theirs[2];
    }
    return error;
}

static int launch(struct process *process, struct request *request) {
    struct state *state = process->state;
    int theirs[3] = {-1, -1, -1};
    int error = guardian_ensure(&state->guardian);
    if (!error) error = open_descriptors(process, request, theirs);
    if (!error) error = child_start(&process->child, state->loop, &request->child);
    for (int i = 0; i < 3; i++) {
        if (theirs[i] >= 0) close(theirs[i]);
    }
    return error;
}

/* the life of a process */

static void on_linger_over(struct loop_timer *timer) {
    struct process *process = container_of(timer, struct process, linger);
    if (stream_watch(&process->out) == 0 && stream_watch(&process->err) == 0) return;
    loop_start_timer(process->state->loop, timer, LINGER); /* no memory to watch; perhaps then */
}

static void on_exited(struct child *child) {
    struct process *process = container_of(child, struct process, child);
    loop_stop_timer(process->state->loop, &process->linger);
    stream_finish(&process->out);
    stream_finish(&process->err);
}

static void on_reaped(struct child *child) {
    struct process *process = container_of(child, struct process, child);
    process->ended = true;
    task_wake(&process->waiters);
}

static struct process *new_process(lua_State *L, struct state *state, const struct request *request) {
    struct process *process = lhandle_new(L, PROCESS_TYPE, sizeof *process, 2);
    process->out.fd = process->err.fd = -1;
    process->linger.fire = on_linger_over;
    process->child.exited = on_exited;
    process->child.reaped = on_reaped;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
    lua_setiuservalue(L, -2, STATE);
    if (request->output == TO_LOG) {
        lua_pushvalue(L, -2); /* -- ... output process output */
        lua_setiuservalue(L, -2, LOG);
    }
    process->state = state;
    return process;
}

static void forget_strings(struct process *process) {
    buffer_free(&process->texts);
    buffer_free(&process->pointers);
}

/* Gives everything back. A handle that a forked child of the host has copied is left to its exit. */
static void release(struct process *process) {
    struct state *state = process->state;
    if (!state) return;
    process->state = NULL;
    if (!is_owner(state)) return;
    child_abandon(&process->child, &state->orphans);
    loop_stop_timer(state->loop, &process->linger);
    stream_close(&process->out);
    stream_close(&process->err);
    buffer_free(&process->out.captured);
    buffer_free(&process->err.captured);
    buffer_free(&process->tail);
    forget_strings(process);
    task_wake(&process->waiters);
}

static int push_failure(lua_State *L, const struct request *request, const struct child *child, int error) {
    if (child->no_folder) return lerror_errno(L, error, "could not enter the folder '%s'", request->child.cwd);
    return lerror_errno(L, error, "could not start '%s'", request->name);
}

/* -- options => process | nil message code */
static int l_start(lua_State *L) {
    struct request request = {0};
    struct state *state = state_of(L);
    read_request(L, state, &request);
    struct process *process = new_process(L, state, &request);
    read_strings(L, process, &request);
    int error = launch(process, &request);
    if (error) {
        int results = push_failure(L, &request, &process->child, error);
        release(process);
        return results;
    }
    forget_strings(process);
    if (process->out.fd >= 0 && loop_start_timer(state->loop, &process->linger, LINGER) != 0) on_linger_over(&process->linger);
    return 1;
}

/* methods */

static struct process *check_process(lua_State *L) {
    return luaL_checkudata(L, 1, PROCESS_TYPE);
}

static struct process *check_open(lua_State *L, const char *what) {
    struct process *process = check_process(L);
    if (!process->state) luaL_error(L, "%s: the process is closed", what);
    return process;
}

static void push_signal(lua_State *L, int signal) {
    const char *name = child_signal_name(signal);
    if (name) {
        lua_pushstring(L, name);
    } else {
        lua_pushfstring(L, "%d", signal);
    }
}

static int push_exit(lua_State *L, const struct child *child) {
    lua_createtable(L, 0, 3);
    if (child->signal) {
        push_signal(L, child->signal);
        lua_pushfstring(L, "killed by signal %s", lua_tostring(L, -1));
        lua_setfield(L, -3, "reason");
        lua_setfield(L, -2, "signal");
    } else {
        lua_pushinteger(L, child->code);
        lua_setfield(L, -2, "code");
    }
    if (child->code < 0 && !child->signal) {
        lua_pushliteral(L, "somebody else in the host has taken its exit code");
        lua_setfield(L, -2, "reason");
    }
    lua_pushnumber(L, (lua_Number)(child->ended - child->started) / (lua_Number)CLOCK_SECOND);
    lua_setfield(L, -2, "duration");
    return 1;
}

/* -- process [seconds] => exit | nil message code */
static int waited(lua_State *L, int status, lua_KContext context) {
    struct process *process = check_process(L);
    (void)status, (void)context;
    if (process->ended) return push_exit(L, &process->child);
    if (!process->state) return lerror_push(L, "Closed", "wait: the process was closed");
    return lerror_push(L, "Timeout", "wait: the process has not ended within %f s", lua_tonumber(L, 2));
}

static int process_wait(lua_State *L) {
    struct process *process = check_process(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (process->ended || !process->state) return waited(L, TASK_WOKEN, 0);
    return task_wait(L, "wait", &process->waiters, nanoseconds, waited, 0);
}

static int push_buffer(lua_State *L, const struct buffer *buffer) {
    lua_pushlstring(L, buffer->size > 0 ? buffer_data(buffer) : "", buffer->size);
    return 1;
}

/* -- process => stdout stderr */
static int process_output(lua_State *L) {
    struct process *process = check_open(L, "output");
    return push_buffer(L, &process->out.captured) + push_buffer(L, &process->err.captured);
}

static int process_truncated(lua_State *L) {
    struct process *process = check_open(L, "truncated");
    lua_pushboolean(L, process->out.truncated || process->err.truncated);
    return 1;
}

static int process_tail(lua_State *L) {
    return push_buffer(L, &check_open(L, "tail")->tail);
}

static int process_pid(lua_State *L) {
    lua_pushinteger(L, check_process(L)->child.pid);
    return 1;
}

/* -- process grace */
static int process_stop(lua_State *L) {
    struct process *process = check_process(L);
    child_stop(&process->child, task_check_seconds(L, 2));
    return 0;
}

/* -- process name => whether it was running */
static int process_kill(lua_State *L) {
    struct process *process = check_process(L);
    int signal = child_signal_number(luaL_checkstring(L, 2));
    luaL_argcheck(L, signal > 0, 2, "unknown signal; 'TERM' or 'SIGTERM', for instance");
    lua_pushboolean(L, process->child.running);
    child_signal(&process->child, signal);
    return 1;
}

static int process_close(lua_State *L) {
    release(check_process(L));
    return 0;
}

static int process_tostring(lua_State *L) {
    struct process *process = check_process(L);
    const char *state = process->ended ? "ended" : process->state ? "running" : "closed";
    lua_pushfstring(L, "watchbot.process (%s, pid %d): %p", state, (int)process->child.pid, (void *)process);
    return 1;
}

/* functions */

/* -- => the host's environment, by name; of two with one name the first, as getenv has it */
static int l_environment(lua_State *L) {
    lua_newtable(L);
    for (char **variable = environ; variable && *variable; variable++) {
        const char *value = strchr(*variable, '=');
        if (!value || value == *variable) continue;
        lua_pushlstring(L, *variable, (size_t)(value - *variable));
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushstring(L, value + 1);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 2);
        }
    }
    return 1;
}

/* -- limit */
static int l_nofile(lua_State *L) {
    lua_Integer limit = luaL_checkinteger(L, 1);
    luaL_argcheck(L, limit > 0, 1, "a limit of open files must be above 0");
    state_of(L)->nofile = (rlim_t)limit;
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc",       process_close   },
    {"__close",    process_close   },
    {"__tostring", process_tostring},
    {NULL,         NULL            },
};

static const luaL_Reg methods[] = {
    {"wait",      process_wait     },
    {"output",    process_output   },
    {"truncated", process_truncated},
    {"tail",      process_tail     },
    {"stop",      process_stop     },
    {"kill",      process_kill     },
    {"pid",       process_pid      },
    {"close",     process_close    },
    {NULL,        NULL             },
};

static const luaL_Reg state_metamethods[] = {
    {"__gc", state_gc},
    {NULL,   NULL    },
};

static const luaL_Reg no_methods[] = {
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"start",       l_start      },
    {"environment", l_environment},
    {"nofile",      l_nofile     },
    {NULL,          NULL         },
};

int luaopen_watchbot_process(lua_State *L) {
    lhandle_type(L, PROCESS_TYPE, metamethods, methods);
    lhandle_type(L, STATE_TYPE, state_metamethods, no_methods);
    struct state *state = lhandle_new(L, STATE_TYPE, sizeof *state, 0);
    state->owner = getpid();
    state->null = -1;
    state->loop = task_loop(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
    luaL_newlib(L, functions);
    return 1;
}
