/* lhistogram: watchbot.core.histogram, which counts durations by their bounds. In C because it runs
 * several times in the life of each job. lua/watchbot/metrics/histogram.lua documents it. */
#include "clock.h"
#include "core.h"
#include "lhandle.h"
#include "loop.h"
#include "task.h"

#define HISTOGRAM_TYPE "watchbot.histogram"

enum { MOST = 32 };

struct histogram {
    int size; /* of the bounds; behind the last of them there is one more count */
    lua_Number sum;
    lua_Number bounds[MOST];
    lua_Integer counts[MOST + 1];
};

static void observe(struct histogram *histogram, lua_Number value) {
    int i = 0;
    while (i < histogram->size && !(value <= histogram->bounds[i])) i++;
    histogram->counts[i]++;
    histogram->sum += value;
}

/* -- histogram value */
static int histogram_observe(lua_State *L) {
    struct histogram *histogram = luaL_checkudata(L, 1, HISTOGRAM_TYPE);
    observe(histogram, luaL_checknumber(L, 2));
    return 0;
}

/* -- histogram => sum count... */
static int histogram_read(lua_State *L) {
    const struct histogram *histogram = luaL_checkudata(L, 1, HISTOGRAM_TYPE);
    luaL_checkstack(L, MOST + 2, "read");
    lua_pushnumber(L, histogram->sum);
    for (int i = 0; i <= histogram->size; i++) lua_pushinteger(L, histogram->counts[i]);
    return histogram->size + 2;
}

static lua_Number now(const struct loop *loop) {
    return (lua_Number)loop_boottime(loop) / (lua_Number)CLOCK_SECOND;
}

/* What `spans` returns has this as its first upvalue, and the histograms behind it. */
struct spans {
    const struct loop *loop;
    int count;
    struct histogram *histograms[MOST];
};

/* -- at... : one of boottime for each histogram, which gets the seconds until the next, or now */
static int observe_spans(lua_State *L) {
    const struct spans *spans = lua_touserdata(L, lua_upvalueindex(1));
    int begins, ends = 0;
    lua_Number from = lua_tonumberx(L, 1, &begins);
    for (int i = 0; i < spans->count; i++) {
        bool last = i + 1 == spans->count;
        lua_Number to = last ? now(spans->loop) : lua_tonumberx(L, i + 2, &ends);
        if (begins && (last || ends) && to >= from) observe(spans->histograms[i], to - from);
        from = to;
        begins = ends;
    }
    return 0;
}

/* -- histogram... => function */
static int l_spans(lua_State *L) {
    int count = lua_gettop(L);
    luaL_argcheck(L, count < MOST, count, "too many histograms");
    struct spans *spans = lua_newuserdatauv(L, sizeof *spans, 0);
    spans->loop = task_clocks(L);
    spans->count = count;
    for (int i = 0; i < count; i++)
        spans->histograms[i] = luaL_checkudata(L, i + 1, HISTOGRAM_TYPE);
    lua_insert(L, 1);
    lua_pushcclosure(L, observe_spans, count + 1);
    return 1;
}

/* What `stamp` returns has this as its first upvalue, and the name of the field behind it. */
struct stamp {
    const struct loop *loop;
    lua_Integer calls;
};

/* -- table : notes the time in it */
static int stamp(lua_State *L) {
    struct stamp *stamp = lua_touserdata(L, lua_upvalueindex(1));
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_pushnumber(L, now(stamp->loop));
    lua_rawset(L, 1);
    stamp->calls++;
    return 0;
}

/* -- => calls */
static int stamp_calls(lua_State *L) {
    const struct stamp *stamp = lua_touserdata(L, lua_upvalueindex(1));
    lua_pushinteger(L, stamp->calls);
    return 1;
}

/* -- name => function calls : one that notes the time of its call in the field `name` of a table,
 * and one for how often that was */
static int l_stamp(lua_State *L) {
    luaL_checkstring(L, 1);
    lua_settop(L, 1);
    struct stamp *made = lua_newuserdatauv(L, sizeof *made, 0);
    made->loop = task_clocks(L);
    made->calls = 0;
    lua_pushvalue(L, -1);
    lua_pushvalue(L, 1);
    lua_pushcclosure(L, stamp, 2);
    lua_insert(L, 2); /* -- name stamp made */
    lua_pushcclosure(L, stamp_calls, 1);
    return 2;
}

/* -- bounds => histogram */
static int l_new(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Unsigned size = lua_rawlen(L, 1);
    luaL_argcheck(L, size > 0 && size <= MOST, 1, "between 1 and 32 bounds");
    struct histogram *histogram = lhandle_new(L, HISTOGRAM_TYPE, sizeof *histogram, 0);
    for (int i = 0; i < (int)size; i++) {
        lua_rawgeti(L, 1, i + 1);
        histogram->bounds[i] = luaL_checknumber(L, -1);
        luaL_argcheck(L, i == 0 || histogram->bounds[i] > histogram->bounds[i - 1], 1,
                      "the bounds must rise");
        lua_pop(L, 1);
    }
    histogram->size = (int)size;
    return 1;
}

/* -- => seconds : of the clocks that the loop of this Lua state has */
static int l_clock(lua_State *L) {
    lua_pushnumber(L, now(lua_touserdata(L, lua_upvalueindex(1))));
    return 1;
}

static const luaL_Reg methods[] = {
    {"observe", histogram_observe},
    {"read",    histogram_read   },
    {NULL,      NULL             },
};

static const luaL_Reg functions[] = {
    {"new",   l_new  },
    {"spans", l_spans},
    {"stamp", l_stamp},
    {NULL,    NULL   },
};

int luaopen_watchbot_histogram(lua_State *L) {
    lhandle_type(L, HISTOGRAM_TYPE, NULL, methods);
    luaL_newlib(L, functions);
    lua_pushlightuserdata(L, (void *)task_clocks(L));
    lua_pushcclosure(L, l_clock, 1);
    lua_setfield(L, -2, "clock");
    return 1;
}
