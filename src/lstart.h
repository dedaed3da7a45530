/* lstart: reads and checks the options of process.start, a table at index 1. Wrong options are a
 * mistake of the caller and raise an error; nothing is opened yet. */
#ifndef WATCHBOT_LSTART_H
#define WATCHBOT_LSTART_H

#include <stdbool.h>

#include "compat.h"
#include "launch.h"
#include "llog.h"
#include "loptions.h"

enum lstart_output { LSTART_DISCARD, LSTART_LOG, LSTART_CAPTURE, LSTART_INHERIT };

/* The texts belong to Lua: they live as long as the options and the values that lstart_read leaves
 * on the stack. */
struct lstart {
    const char *cwd; /* NULL: the host's */
    const char *in;  /* what the task reads; NULL: nothing */
    size_t in_size;
    enum lstart_output output;
    struct llog *log;
    const char *id, *category; /* of its lines in the log; id may be NULL */
    int channel;      /* place on the stack of the channel that it has as descriptor 3; 0: none */
    bool records;     /* a CR within a line of text ends a line of the log, too */
    const char *mark; /* NAME=VALUE of its environment; NULL: none */
    struct launch_limits limits;
    const char *cgroup; /* the cgroup.procs that it is to be in; NULL: the host's */
    size_t tail;        /* bytes of its newest output that are kept */
    size_t limit;       /* most bytes captured of each stream */
};

/* -- options => options texts... output */
void lstart_read(lua_State *L, struct lstart *start);

/* The options at index 1, for loptions.h. */
struct loptions lstart_options(lua_State *L);

#endif
