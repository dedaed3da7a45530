/* heads: the prefix of a log line, built once for all lines of the same time. Sits on some fields
 * of struct lines. */
#ifndef WATCHBOT_HEADS_H
#define WATCHBOT_HEADS_H

#include "json.h"
#include "lines.h"

enum { HEADS_NO_MOMENT = -1 };

/* The watcher's members, in the order in which they are written. A line's own level and time
 * replace them. Those that identify the writer of the line are only the watcher's: a task must not
 * be able to forge what alarms count. */
extern const struct json_names heads_members;
enum {
    HEADS_V = 1,
    HEADS_LEVEL = 2,
    HEADS_NAME = 4,
    HEADS_HOSTNAME = 8,
    HEADS_PID = 16,
    HEADS_TIME = 32,
    HEADS_ID = 64,
    HEADS_OURS = HEADS_NAME | HEADS_HOSTNAME | HEADS_PID | HEADS_ID
};

/* Rebuilds the prefix if its time has passed. False: no memory. */
bool heads_renew(struct lines *lines);

/* Replaces the id by that of `lines`. */
bool heads_relabel(struct lines *lines);

/* Makes `lines->merged`, the head of a line that is an object with the members `theirs`, and the
 * comma before its first member. */
bool heads_merge(struct lines *lines, unsigned theirs);

#endif
