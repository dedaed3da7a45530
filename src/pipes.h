/* pipes: descriptors that a child reads and writes instead of files. Functions return 0 or an
 * errno; the caller closes what they have opened by then. */
#ifndef WATCHBOT_PIPES_H
#define WATCHBOT_PIPES_H

#include <stddef.h>

/* A file in memory with these bytes, to be read from its start: it can have any size at once, and
 * does not depend on whether the child reads it. */
int pipes_input(const char *data, size_t size, int *fd);

/* A pipe; the local end is nonblocking. */
int pipes_output(int *ours, int *theirs);

#endif
