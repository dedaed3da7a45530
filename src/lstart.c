#include "lstart.h"

#include <stdint.h>
#include <string.h>

#include "llimits.h"
#include "loptions.h"

static const lua_Integer DEFAULT_LIMIT = 16 << 20;

static const char *const option_names[] = {"argv",   "command", "cwd",      "env",     "stdin",
                                           "output", "id",      "category", "tail",    "limit",
                                           "mark",   "limits",  "records",  "channel", NULL};

struct loptions lstart_options(lua_State *L) {
    return (struct loptions){L, 1, "start"};
}

static void read_output(struct loptions options, struct lstart *start) {
    lua_State *L = options.L;
    int type = loptions_push(options, "output");
    if (type == LUA_TNIL) {
        start->output = LSTART_DISCARD;
    } else if (type == LUA_TSTRING) {
        const char *word = lua_tostring(L, -1);
        bool capture = strcmp(word, "capture") == 0;
        if (!capture && strcmp(word, "inherit") != 0) {
            luaL_error(L, "start: 'output' must be a log, 'capture', 'inherit' or nil, not '%s'",
                       word);
        }
        start->output = capture ? LSTART_CAPTURE : LSTART_INHERIT;
    } else {
        start->output = LSTART_LOG;
        start->log = llog_check(L, lua_gettop(L));
    }
}

void lstart_read(lua_State *L, struct lstart *start) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct loptions options = lstart_options(L);
    loptions_known(options, option_names);
    start->cwd = loptions_text(options, "cwd");
    start->in = loptions_bytes(options, "stdin", &start->in_size);
    start->id = loptions_text(options, "id");
    start->mark = loptions_text(options, "mark");
    start->category = loptions_text(options, "category");
    if (!start->category) start->category = "worker";
    start->records = loptions_flag(options, "records", false);
    if (loptions_push(options, "channel") != LUA_TNIL) start->channel = lua_gettop(L);
    start->tail = (size_t)loptions_integer(options, "tail", 0, 0, INT64_MAX);
    start->limit = (size_t)loptions_integer(options, "limit", DEFAULT_LIMIT, 0, INT64_MAX);
    loptions_push(options, "limits");
    llimits_read(L, &start->limits, &start->cgroup);
    read_output(options, start);
}
