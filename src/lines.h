/* lines: bytes in, whole prefixed lines out, as text or as JSON. watchbot-log and the output of
 * tasks share it.
 *
 * A line is written only when it is complete, so two streams on one output never mix within a line;
 * it is never split, merged or lost, whatever its length or bytes. An incomplete line is kept in
 * memory up to a limit, then in an unlinked temporary file. Needs neither Lua nor the loop.
 *
 * Text: "[Thu, 28 Jul 2016 00:12:37 GMT] [worker] [ID] text". JSON: an object like bunyan's; a line
 * that is an object itself is merged into it. Its own level and time replace the prefix's; the
 * members that identify the writer of the line (name, hostname, pid, watchbot_sqs_message_id) are
 * the watcher's, and the line's own get the prefix `task_`. Only lines that fit in memory (1 MiB)
 * are merged; a longer line is text, whatever its content. */
#ifndef WATCHBOT_LINES_H
#define WATCHBOT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "buffer.h"

/* Bytes of a line that are kept in memory; the fuzzer uses fewer. */
#ifndef LINES_KEPT
#define LINES_KEPT (1 << 20)
#endif

enum lines_format { LINES_TEXT, LINES_JSON };

enum lines_level { LINES_INFO = 30, LINES_WARNING = 40, LINES_ERROR = 50 };

/* The destination of lines. Both functions are called in the order of the output and must accept
 * everything; false: they could not (no memory). */
struct lines_output {
    bool (*write)(struct lines_output *output, const void *data, size_t size);
    /* `size` bytes of a file, from its start; there may be more in it. The output owns the
     * descriptor from here on, also when it returns false. */
    bool (*write_file)(struct lines_output *output, int fd, off_t size);
};

struct lines {
    enum lines_format format;
    enum lines_level level;
    struct lines_output *output;
    char *category, *id;
    bool records;         /* text: a CR within a line ends a line, too (lines_relabel) */
    int64_t moment;       /* that the head was made for: seconds in text, milliseconds in JSON */
    struct buffer head;   /* what stands before each line at this moment */
    size_t dated;         /* bytes of the head before the id */
    struct buffer merged; /* JSON: the head of lines that are objects with the members `theirs` */
    unsigned theirs;
    int64_t merged_at;     /* the moment that it was made for */
    struct buffer line;    /* scratch for JSON */
    struct buffer partial; /* of a line that is not complete */
    int spill;             /* the file that holds what came before `partial`, or -1 */
    off_t spilled;
};

/* `category` ("worker") and `id` (NULL: none) are copied. False: no memory, and nothing is to be
 * closed. */
bool lines_open(struct lines *lines, enum lines_format format, const char *category, const char *id,
                struct lines_output *output);

/* Takes `size` bytes; complete lines go to the output. False if the output or memory failed. */
bool lines_feed(struct lines *lines, const char *data, size_t size);

/* `size` bytes that are complete, with or without a newline at their end: in JSON one line, even
 * with newlines in it, in text each of their lines. No bytes are an empty line. */
bool lines_whole(struct lines *lines, const char *data, size_t size);

/* The lines of `lines_whole` have another id and level from now on. False: no memory. */
bool lines_label(struct lines *lines, const char *id, enum lines_level level);

/* Lines have another id (NULL: none, copied) from now on; an incomplete line is completed first.
 * The process at the end of the stream works on one message after another: runtimes of Lambda
 * functions join the lines of a record with CR, hence `records`. False: no memory or no output; the
 * id is the new one nevertheless, or none. */
bool lines_relabel(struct lines *lines, const char *id);

/* The end of the stream: a last line without a newline gets one. */
bool lines_end(struct lines *lines);

/* Frees everything, including an incomplete line. A zeroed one is allowed. */
void lines_close(struct lines *lines);

#endif
