/* lprocess: watchbot.core.process. A child and its two streams as a Lua handle.
 * lua/watchbot/process.lua documents it for users. First all options are read, which may raise
 * errors (lstart.c, lvectors.c); then the process is opened, which may only fail. lchildren.c has
 * the state that children share. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "core.h"
#include "lchannel.h"
#include "lchildren.h"
#include "lerror.h"
#include "lexit.h"
#include "lhandle.h"
#include "llimits.h"
#include "lstart.h"
#include "lvectors.h"
#include "pipes.h"
#include "stream.h"
#include "task.h"

#define PROCESS_TYPE "watchbot.process"

enum { CHILDREN = 1, LOG = 2 }; /* user values of a process */

/* A task that has not ended by then gets its pipes watched. */
static const int64_t LINGER = CLOCK_SECOND / 50;

struct process {
    struct lchildren *children; /* NULL: closed */
    struct child child;
    struct stream out, err;
    struct loop_timer linger;
    struct lvectors vectors; /* until it is started */
    struct buffer tail;
    struct task_queue waiters;
    bool ended;
};

/* opening */

static bool attach_log(struct stream *stream, const struct lstart *start) {
    struct sink *sink = llog_sink(start->log);
    if (!lines_open(&stream->lines, llog_format(start->log), start->category, start->id,
                    sink_output(sink)))
        return false;
    stream->lines.records = start->records;
    sink_use(sink);
    stream->sink = sink;
    return true;
}

static int open_stream(struct process *process, struct stream *stream, const struct lstart *start,
                       int *theirs) {
    int ours = -1;
    int error = pipes_output(&ours, theirs);
    if (ours >= 0) stream_open(stream, process->children->all.loop, ours);
    if (error) return error;
    if (start->output == LSTART_CAPTURE) stream->limit = start->limit;
    if (start->tail > 0) stream->tail = &process->tail;
    stream->tail_limit = start->tail;
    return start->output == LSTART_LOG && !attach_log(stream, start) ? ENOMEM : 0;
}

/* A host that has closed its own gives nothing to inherit. */
static int inherited(int fd, int null) {
    return fcntl(fd, F_GETFD) >= 0 ? fd : null;
}

/* The descriptors that become 0, 1 and 2 of the child. Those that only the child needs are also
 * added to `theirs`, and closed here afterwards. */
static int open_descriptors(struct process *process, const struct lstart *start,
                            struct launch *launch, int theirs[3]) {
    int error = lchildren_open_null(process->children);
    if (error) launch->failed = LAUNCH_NULL;
    launch->in = launch->out = launch->err = process->children->null;
    if (!error && start->in) {
        error = pipes_input(start->in, start->in_size, &theirs[0]);
        launch->in = theirs[0];
    }
    if (start->output == LSTART_INHERIT) {
        launch->out = inherited(STDOUT_FILENO, launch->out);
        launch->err = inherited(STDERR_FILENO, launch->err);
    } else if (start->output != LSTART_DISCARD) {
        if (!error) error = open_stream(process, &process->out, start, &theirs[1]);
        if (!error) error = open_stream(process, &process->err, start, &theirs[2]);
        launch->out = theirs[1];
        launch->err = theirs[2];
    }
    return error;
}

static int open_cgroup(const struct lstart *start, struct launch *launch) {
    if (!start->cgroup) return 0;
    launch->limits.cgroup = open(start->cgroup, O_WRONLY | O_CLOEXEC);
    launch->failed = LAUNCH_LIMITS;
    if (launch->limits.cgroup < 0) return errno;
    launch->failed = LAUNCH_PROGRAM;
    return 0;
}

static int launch(struct process *process, const struct lstart *start, int channel,
                  enum launch_step *failed) {
    struct lchildren *children = process->children;
    struct launch launch = {
        .argv = process->vectors.argv,
        .envp = process->vectors.envp,
        .cwd = start->cwd,
        .limits = start->limits,
    };
    int theirs[3] = {-1, -1, -1};
    launch.limits.nofile = children->nofile;
    launch.channel = channel;
    int error = guardian_ensure(&children->all.guardian);
    if (!error) error = open_cgroup(start, &launch);
    if (!error) error = open_descriptors(process, start, &launch, theirs);
    if (!error) error = child_start(&process->child, &children->all, &launch);
    for (int i = 0; i < 3; i++) {
        if (theirs[i] >= 0) close(theirs[i]);
    }
    if (launch.limits.cgroup >= 0) close(launch.limits.cgroup);
    *failed = launch.failed;
    return error;
}

/* the life of a process */

static void on_linger_over(struct loop_timer *timer) {
    struct process *process = container_of(timer, struct process, linger);
    if (stream_watch(&process->out) == 0 && stream_watch(&process->err) == 0) return;
    loop_start_timer(process->children->all.loop, timer,
                     LINGER); /* no memory to watch; perhaps then */
}

static void on_exited(struct child *child) {
    struct process *process = container_of(child, struct process, child);
    loop_stop_timer(process->children->all.loop, &process->linger);
    stream_finish(&process->out);
    stream_finish(&process->err);
}

static void on_reaped(struct child *child) {
    struct process *process = container_of(child, struct process, child);
    process->ended = true;
    task_wake(&process->waiters);
}

/* -- ... output => ... output children process */
static struct process *new_process(lua_State *L, const struct lstart *start) {
    struct lchildren *children = lchildren_push(L);
    struct process *process = lhandle_new(L, PROCESS_TYPE, sizeof *process, 2);
    process->out.fd = process->err.fd = -1;
    process->linger.fire = on_linger_over;
    process->child.exited = on_exited;
    process->child.reaped = on_reaped;
    lua_pushvalue(L, -2);
    lua_setiuservalue(L, -2, CHILDREN);
    if (start->output == LSTART_LOG) {
        lua_pushvalue(L, -3);
        lua_setiuservalue(L, -2, LOG);
    }
    process->children = children;
    return process;
}

/* Frees everything. A handle that a forked child of the host has copied is left to its exit. */
static void release(struct process *process) {
    struct lchildren *children = process->children;
    if (!children) return;
    process->children = NULL;
    if (!lchildren_are_ours(children)) return;
    child_abandon(&process->child);
    loop_stop_timer(children->all.loop, &process->linger);
    stream_close(&process->out);
    stream_close(&process->err);
    buffer_free(&process->out.captured);
    buffer_free(&process->err.captured);
    buffer_free(&process->tail);
    buffer_free(&process->child.survivors);
    lvectors_free(&process->vectors);
    task_wake(&process->waiters);
}

static int push_failure(lua_State *L, const struct process *process, const struct lstart *start,
                        int error, enum launch_step failed) {
    if (failed == LAUNCH_FOLDER)
        return lerror_errno(L, error, "could not enter the folder '%s'", start->cwd);
    const char *program = process->vectors.argv[0];
    if (failed == LAUNCH_NULL)
        return lerror_errno(L, error, "could not start '%s': could not open /dev/null", program);
    if (failed == LAUNCH_LIMITS)
        return lerror_errno(L, error, "could not set the limits of '%s'", program);
    if (failed == LAUNCH_USER)
        return lerror_errno(L, error, "could not run '%s' as another user", program);
    return lerror_errno(L, error, "could not start '%s'", program);
}

/* -- options => process | nil err code */
static int l_start(lua_State *L) {
    struct lstart start = {0};
    enum launch_step failed = LAUNCH_PROGRAM;
    lstart_read(L, &start);
    struct process *process = new_process(L, &start);
    lvectors_read(L, &process->vectors);
    int channel = start.channel ? lchannel_theirs(L, start.channel) : -1;
    int error = launch(process, &start, channel, &failed);
    if (start.channel) lchannel_given(L, start.channel);
    if (error) {
        int results = push_failure(L, process, &start, error, failed);
        release(process);
        return results;
    }
    if (start.mark) snprintf(process->child.mark, sizeof process->child.mark, "%s", start.mark);
    lvectors_free(&process->vectors);
    if (process->out.fd < 0) return 1;
    if (loop_start_timer(process->children->all.loop, &process->linger, LINGER) != 0)
        on_linger_over(&process->linger);
    return 1;
}

/* methods */

static struct process *check_process(lua_State *L) {
    return luaL_checkudata(L, 1, PROCESS_TYPE);
}

/* False also in a child that the host has forked, which must not end the tasks of its parent. */
static bool is_ours(const struct process *process) {
    return process->children && lchildren_are_ours(process->children);
}

static struct process *check_open(lua_State *L, const char *what) {
    struct process *process = check_process(L);
    if (!process->children) luaL_error(L, "%s: the process is closed", what);
    return process;
}

/* -- process [seconds] => exit | nil err code */
static int waited(lua_State *L, int status, lua_KContext context) {
    struct process *process = check_process(L);
    (void)status, (void)context;
    if (process->ended) return lexit_push(L, &process->child);
    if (!process->children) return lerror_push(L, "Closed", "wait: the process was closed");
    return lerror_push(L, "Timeout", "wait: the process has not ended within %f s",
                       lua_tonumber(L, 2));
}

static int process_wait(lua_State *L) {
    struct process *process = check_process(L);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (process->ended || !process->children) return waited(L, TASK_WOKEN, 0);
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

/* -- process id|nil => the newest output of what ran under the id before */
static int process_label(lua_State *L) {
    struct process *process = check_open(L, "label");
    const char *id = luaL_optstring(L, 2, NULL);
    bool good = stream_relabel(&process->out, &process->err, id);
    push_buffer(L, &process->tail);
    buffer_clear(&process->tail);
    return good ? 1 : luaL_error(L, "label: not enough memory");
}

static int process_stopped(lua_State *L) {
    lua_pushboolean(L, child_is_stopped(&check_process(L)->child));
    return 1;
}

static int process_pid(lua_State *L) {
    lua_pushinteger(L, check_process(L)->child.pid);
    return 1;
}

/* -- process grace */
static int process_stop(lua_State *L) {
    struct process *process = check_process(L);
    int64_t grace = task_check_seconds(L, 2);
    if (is_ours(process)) child_stop(&process->child, grace);
    return 0;
}

/* -- process name => whether it was running */
static int process_kill(lua_State *L) {
    struct process *process = check_process(L);
    int signal = child_signal_number(luaL_checkstring(L, 2));
    luaL_argcheck(L, signal > 0, 2, "unknown signal; 'TERM' or 'SIGTERM', for instance");
    bool running = is_ours(process) && process->child.running;
    if (running) child_signal(&process->child, signal);
    lua_pushboolean(L, running);
    return 1;
}

static int process_close(lua_State *L) {
    release(check_process(L));
    return 0;
}

static int process_tostring(lua_State *L) {
    struct process *process = check_process(L);
    const char *state = process->ended ? "ended" : process->children ? "running" : "closed";
    lua_pushfstring(L, "watchbot.process (%s, pid %d): %p", state, (int)process->child.pid,
                    (void *)process);
    return 1;
}

/* functions */

/* -- limit */
static int l_nofile(lua_State *L) {
    lua_Integer limit = luaL_checkinteger(L, 1);
    luaL_argcheck(L, limit > 0, 1, "a limit of open files must be above 0");
    lchildren_push(L)->nofile = (rlim_t)limit;
    return 0;
}

/* -- number => name | nil */
static int l_signal_name(lua_State *L) {
    lua_pushstring(L, child_signal_name((int)luaL_checkinteger(L, 1)));
    return 1;
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
    {"label",     process_label    },
    {"stopped",   process_stopped  },
    {"pid",       process_pid      },
    {"close",     process_close    },
    {NULL,        NULL             },
};

static const luaL_Reg functions[] = {
    {"start",       l_start             },
    {"environment", lvectors_environment},
    {"nofile",      l_nofile            },
    {"user",        llimits_user        },
    {"signal_name", l_signal_name       },
    {NULL,          NULL                },
};

int luaopen_watchbot_process(lua_State *L) {
    lhandle_type(L, PROCESS_TYPE, metamethods, methods);
    lchildren_open(L);
    luaL_newlib(L, functions);
    return 1;
}
