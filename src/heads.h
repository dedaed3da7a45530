/* heads: what stands before a log line, made once for all lines of a moment. Sits on the fields of
 * struct lines that say so. */
#ifndef WATCHBOT_HEADS_H
#define WATCHBOT_HEADS_H

#include "lines.h"

enum { HEADS_NO_MOMENT = -1 };

/* Members of ours, in the order in which they are written. A line's own level and time replace
 * ours. Those that say whose line it is are ours alone: what alarms count must not be forged by a
 * task. */
extern const char *const heads_members[];
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

/* Makes the head again when what it says of the time has passed. False: no memory. */
bool heads_renew(struct lines *lines);

/* Puts the id of `lines` in the place of the one before. */
bool heads_relabel(struct lines *lines);

/* Makes `lines->merged`, the head of a line that is an object with the members `theirs`. */
bool heads_merge(struct lines *lines, unsigned theirs);

#endif
