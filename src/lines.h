/* lines: bytes in, whole prefixed lines out, as text or as JSON. watchbot-log and the output of tasks share
 * it.
 *
 * A line leaves only when it is complete, so two streams on one output never mix within a line; it is never
 * split, merged or lost, whatever its length or bytes. What a long line has so far is kept in memory up to a
 * bound, then in an unlinked temporary file. Needs neither Lua nor the loop. */
#ifndef WATCHBOT_LINES_H
#define WATCHBOT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "buffer.h"

enum lines_format { LINES_TEXT, LINES_JSON };

/* Where lines go. Both are told in the order of the output and must take everything; false: it could not (no
 * memory). */
struct lines_output {
    bool (*write)(struct lines_output *output, const void *data, size_t size);
    /* `size` bytes of a file, from its start. The output owns the descriptor from here on, also when it
     * returns false. */
    bool (*write_file)(struct lines_output *output, int fd, off_t size);
};

struct lines;

/* `category` ("worker") and `id` (NULL: none) are copied. NULL: no memory. */
struct lines *lines_open(enum lines_format format, const char *category, const char *id, struct lines_output *output);

/* Takes `size` bytes; what becomes complete lines goes to the output. False when the output or memory failed.
 */
bool lines_feed(struct lines *lines, const char *data, size_t size);

/* The end of the stream: a last line without a newline is completed with one. */
bool lines_end(struct lines *lines);

/* Frees it, and what was left incomplete. NULL is fine. */
void lines_close(struct lines *lines);

#endif
