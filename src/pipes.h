/* pipes: what a child reads and writes in place of files. Functions return 0 or an errno; what they
 * have opened by then is the caller's to close. */
#ifndef WATCHBOT_PIPES_H
#define WATCHBOT_PIPES_H

#include <stddef.h>

/* A file in memory with these bytes, to be read from its start: it takes any size at once, and
 * whether the child reads it makes no difference to us. */
int pipes_input(const char *data, size_t size, int *fd);

/* A pipe; our end is nonblocking. */
int pipes_output(int *ours, int *theirs);

#endif
