/* llog: watchbot.core.log. A sink as a Lua handle, and single lines without one.
 * lua/watchbot/log.lua documents it for users. */
#include "llog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"
#include "ljson.h"
#include "task.h"

#define LOG_TYPE "watchbot.log"

struct llog {
    struct sink *sink; /* NULL: closed */
    enum lines_format format;
    struct lines lines; /* its own lines, of one category after the other */
    struct buffer text; /* of a line that is made here */
    struct sink_waiter empty;
    struct task_queue drainers;
};

static const char *const formats[] = {"text", "json", NULL};

struct sink *llog_sink(struct llog *log) {
    return log->sink;
}

enum lines_format llog_format(const struct llog *log) {
    return log->format;
}

struct llog *llog_check(lua_State *L, int index) {
    struct llog *log = lhandle_check(L, index, LOG_TYPE);
    if (!log->sink) luaL_argerror(L, index, "the log is closed");
    return log;
}

static void emptied(struct sink_waiter *waiter) {
    task_wake(&container_of(waiter, struct llog, empty)->drainers);
}

/* -- fd [format] => log | nil err code */
static int l_open(lua_State *L) {
    lua_Integer number = luaL_checkinteger(L, 1);
    int fd = number >= 0 && number <= INT_MAX ? (int)number : -1;
    enum lines_format format = (enum lines_format)luaL_checkoption(L, 2, "text", formats);
    struct llog *log = lhandle_new(L, LOG_TYPE, sizeof *log, 0);
    log->format = format;
    log->empty.drained = emptied;
    log->sink = sink_open(task_loop(L), fd);
    return log->sink ? 1
                     : lerror_errno(L, errno, "could not write the log to file descriptor %d", fd);
}

static enum lines_level check_level(lua_State *L, int index) {
    return (enum lines_level)luaL_optinteger(L, index, LINES_INFO);
}

/* Bytes of a scratch buffer that are kept for the next line. */
enum { KEPT = 1 << 16 };

static bool begin_line(struct llog *log, const char *category, const char *id,
                       enum lines_level level) {
    struct lines *lines = &log->lines;
    if (!lines->output || strcmp(lines->category, category) != 0) {
        lines_close(lines);
        if (!lines_open(lines, log->format, category, NULL, sink_output(log->sink))) return false;
    }
    return lines_label(lines, id, level);
}

static bool write_line(struct llog *log, enum lines_level level, const char *category,
                       const char *id, const char *text, size_t size) {
    bool good = begin_line(log, category, id, level) && lines_whole(&log->lines, text, size);
    if (log->lines.line.capacity > KEPT) buffer_free(&log->lines.line);
    return good;
}

static void report_dropped(struct llog *log) {
    char text[80];
    size_t dropped = sink_take_dropped(log->sink);
    if (dropped == 0) return;
    int size =
        snprintf(text, sizeof text, "{\"event\":\"log lines dropped\",\"lines\":%zu}", dropped);
    write_line(log, LINES_WARNING, "watcher", NULL, text, (size_t)size);
}

/* -- log category id text [level] */
static int log_write(lua_State *L) {
    struct llog *log = llog_check(L, 1);
    size_t size;
    const char *category = luaL_checkstring(L, 2);
    const char *id = luaL_optstring(L, 3, NULL);
    const char *text = luaL_checklstring(L, 4, &size);
    enum lines_level level = check_level(L, 5);
    report_dropped(log);
    if (!write_line(log, level, category, id, text, size))
        return luaL_error(L, "write: not enough memory");
    return 0;
}

/* -- log text : a line as it is */
static int log_raw(lua_State *L) {
    struct llog *log = llog_check(L, 1);
    size_t size;
    const char *text = luaL_checklstring(L, 2, &size);
    report_dropped(log);
    buffer_clear(&log->text);
    bool good = buffer_append(&log->text, text, size) && buffer_append(&log->text, "\n", 1);
    struct lines_output *output = sink_output(log->sink);
    good = good && output->write(output, buffer_data(&log->text), log->text.size);
    if (log->text.capacity > KEPT) buffer_free(&log->text);
    return good ? 0 : luaL_error(L, "raw: not enough memory");
}

/* -- log category id level name value name value... */
static int log_say(lua_State *L) {
    struct llog *log = llog_check(L, 1);
    const char *category = luaL_checkstring(L, 2);
    const char *id = luaL_optstring(L, 3, NULL);
    enum lines_level level = check_level(L, 4);
    report_dropped(log);
    ljson_members(L, 5, &log->text);
    bool good = write_line(log, level, category, id, buffer_data(&log->text), log->text.size);
    if (log->text.capacity > KEPT) buffer_free(&log->text);
    return good ? 0 : luaL_error(L, "say: not enough memory");
}

/* -- log [seconds] => true | nil err code */
static int drained(lua_State *L, int status, lua_KContext context) {
    struct llog *log = luaL_checkudata(L, 1, LOG_TYPE);
    (void)context;
    if (!log->sink) return lerror_push(L, "Closed", "drain: the log was closed");
    if (sink_error(log->sink))
        return lerror_errno(L, sink_error(log->sink), "could not write the log");
    if (status == TASK_TIMED_OUT && sink_pending(log->sink) > 0) {
        return lerror_push(L, "Timeout", "drain: %d bytes of the log were not taken within %f s",
                           (int)sink_pending(log->sink), lua_tonumber(L, 2));
    }
    lua_pushboolean(L, true);
    return 1;
}

static int log_drain(lua_State *L) {
    struct llog *log = llog_check(L, 1);
    int64_t nanoseconds = task_opt_seconds(L, 2);
    if (sink_pending(log->sink) == 0 || sink_error(log->sink)) return drained(L, TASK_WOKEN, 0);
    sink_wait(log->sink, &log->empty, SINK_EMPTY);
    return task_wait(L, "drain", &log->drainers, nanoseconds, drained, 0);
}

static int log_pending(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sink_pending(llog_check(L, 1)->sink));
    return 1;
}

static int log_full(lua_State *L) {
    lua_pushboolean(L, sink_full(llog_check(L, 1)->sink));
    return 1;
}

static int log_format(lua_State *L) {
    lua_pushstring(L, formats[llog_check(L, 1)->format]);
    return 1;
}

/* -- log => nothing while it works | err code */
static int log_error(lua_State *L) {
    int error = sink_error(llog_check(L, 1)->sink);
    if (!error) return 0;
    lerror_errno(L, error, "could not write the log");
    return 2;
}

/* -- log => lines that were dropped since it was opened */
static int log_dropped(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)sink_dropped(llog_check(L, 1)->sink));
    return 1;
}

/* -- log => lines bytes : that it has taken */
static int log_taken(lua_State *L) {
    const struct sink *sink = llog_check(L, 1)->sink;
    lua_pushinteger(L, (lua_Integer)sink_lines(sink));
    lua_pushinteger(L, (lua_Integer)sink_bytes(sink));
    return 2;
}

static int log_close(lua_State *L) {
    struct llog *log = luaL_checkudata(L, 1, LOG_TYPE);
    if (log->sink) report_dropped(log);
    if (log->sink) sink_unwait(log->sink, &log->empty);
    lines_close(&log->lines);
    buffer_free(&log->text);
    sink_close(log->sink);
    log->sink = NULL;
    task_wake(&log->drainers);
    return 0;
}

/* Collects a line as a Lua string; luaL_Buffer may throw, so plain bytes are gathered first. */
struct collected {
    struct lines_output output;
    struct buffer bytes;
};

static bool collect(struct lines_output *output, const void *data, size_t size) {
    struct collected *collected = container_of(output, struct collected, output);
    return buffer_append(&collected->bytes, data, size);
}

static int collected_gc(lua_State *L) {
    buffer_free(&((struct collected *)lua_touserdata(L, 1))->bytes);
    return 0;
}

/* Nothing in here throws: the lines are freed before an error is raised. */
static bool collect_lines(enum lines_format format, const char *category, const char *id,
                          const char *text, size_t size, struct lines_output *output) {
    struct lines lines;
    if (!lines_open(&lines, format, category, id, output)) return false;
    bool good = lines_whole(&lines, text, size);
    lines_close(&lines);
    return good;
}

/* -- format category id text => bytes : for a line that is to be written at once */
static int l_line(lua_State *L) {
    size_t size;
    enum lines_format format = (enum lines_format)luaL_checkoption(L, 1, NULL, formats);
    const char *category = luaL_checkstring(L, 2);
    const char *id = luaL_optstring(L, 3, NULL);
    const char *text = luaL_checklstring(L, 4, &size);
    struct collected *collected = lhandle_new(L, "watchbot.log.line", sizeof *collected, 0);
    collected->output.write = collect;
    if (!collect_lines(format, category, id, text, size, &collected->output))
        return luaL_error(L, "line: not enough memory");
    lua_pushlstring(L, collected->bytes.memory ? buffer_data(&collected->bytes) : "",
                    collected->bytes.size);
    return 1;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    log_close},
    {"__close", log_close},
    {NULL,      NULL     },
};

static const luaL_Reg methods[] = {
    {"write",   log_write  },
    {"say",     log_say    },
    {"raw",     log_raw    },
    {"drain",   log_drain  },
    {"dropped", log_dropped},
    {"taken",   log_taken  },
    {"pending", log_pending},
    {"full",    log_full   },
    {"format",  log_format },
    {"error",   log_error  },
    {"close",   log_close  },
    {NULL,      NULL       },
};

static const luaL_Reg line_metamethods[] = {
    {"__gc", collected_gc},
    {NULL,   NULL        },
};

static const luaL_Reg functions[] = {
    {"open", l_open},
    {"line", l_line},
    {NULL,   NULL  },
};

int luaopen_watchbot_log(lua_State *L) {
    lhandle_type(L, LOG_TYPE, metamethods, methods);
    lhandle_type(L, "watchbot.log.line", line_metamethods, NULL);
    luaL_newlib(L, functions);
    return 1;
}
