#define _GNU_SOURCE /* O_TMPFILE, mkostemp */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heads.h"
#include "json.h"
#include "sigpipe.h"

#define END_OF_MESSAGE "\"}\n"
#define PREFIX "task_"

static char *copy(const char *text) {
    return text ? strdup(text) : NULL;
}

bool lines_open(struct lines *lines, enum lines_format format, const char *category, const char *id,
                struct lines_output *output) {
    *lines = (struct lines){.format = format,
                            .level = LINES_INFO,
                            .output = output,
                            .moment = HEADS_NO_MOMENT,
                            .merged_at = HEADS_NO_MOMENT,
                            .spill = -1};
    lines->category = copy(category);
    lines->id = copy(id);
    if (lines->category && (lines->id || !id)) return true;
    lines_close(lines);
    return false;
}

void lines_close(struct lines *lines) {
    if (!lines->output) return;
    free(lines->category);
    free(lines->id);
    buffer_free(&lines->head);
    buffer_free(&lines->merged);
    buffer_free(&lines->line);
    buffer_free(&lines->partial);
    if (lines->spill >= 0) close(lines->spill);
    *lines = (struct lines){0};
}

static bool put(struct lines *lines, const void *data, size_t size) {
    return lines->output->write(lines->output, data, size);
}

static bool write_head(struct lines *lines) {
    return put(lines, buffer_data(&lines->head), lines->head.size);
}

/* a line that is complete and in memory, when the head is that of the moment */

static void replace_all(char *data, size_t size, char byte, char with) {
    for (char *found, *end = data + size; (found = memchr(data, byte, (size_t)(end - data)));)
        *found = with;
}

/* Members without their braces. Newlines can only stand between them, where a blank means
 * the same. */
static bool append_inside(struct buffer *out, const char *inside, size_t size, unsigned theirs) {
    if (size == 0) return true;
    if (!buffer_append(out, ",", 1)) return false;
    size_t before = out->size;
    bool good = theirs & HEADS_OURS
                    ? json_rename(out, inside, size, &heads_members, HEADS_OURS, PREFIX)
                    : buffer_append(out, inside, size);
    if (!good) return false;
    replace_all(buffer_data(out) + before, out->size - before, '\n', ' ');
    replace_all(buffer_data(out) + before, out->size - before, '\r', ' ');
    return true;
}

/* A line that is an object itself, of which `inside` is between the braces. `end`: where its
 * newline is in memory, behind the brace; NULL elsewhere. */
static bool write_object(struct lines *lines, const char *inside, size_t size, unsigned theirs,
                         const char *end) {
    struct buffer *out = &lines->line;
    if (!heads_merge(lines, theirs)) return false;
    if (size > 0 && !(theirs & (HEADS_OURS | JSON_BROKEN))) {
        if (!put(lines, buffer_data(&lines->merged), lines->merged.size)) return false;
        if (inside + size + 1 == end) return put(lines, inside, size + 2);
        return put(lines, inside, size) && put(lines, "}\n", 2);
    }
    buffer_clear(out);
    return put(lines, buffer_data(&lines->merged), lines->merged.size - 1) &&
           append_inside(out, inside, size, theirs) && buffer_append(out, "}\n", 2) &&
           put(lines, buffer_data(out), out->size);
}

static bool write_escaped(struct lines *lines, const char *data, size_t size) {
    buffer_clear(&lines->line);
    return json_escape(&lines->line, data, size, false) >= 0 &&
           put(lines, buffer_data(&lines->line), lines->line.size);
}

/* With `whole`, the newline stands behind the text. */
static bool write_json(struct lines *lines, const char *data, size_t size, bool whole) {
    const char *inside;
    size_t inside_size;
    unsigned theirs;
    if (json_object(data, size, &heads_members, &theirs, &inside, &inside_size))
        return write_object(lines, inside, inside_size, theirs, whole ? data + size : NULL);
    bool plain = json_is_plain(data, size);
    return write_head(lines) &&
           (plain ? put(lines, data, size) : write_escaped(lines, data, size)) &&
           put(lines, END_OF_MESSAGE, strlen(END_OF_MESSAGE));
}

static bool write_text(struct lines *lines, const char *data, size_t size) {
    return write_head(lines) && put(lines, data, size) && put(lines, "\n", 1);
}

/* A CR joins the lines of one record; the one before LF belongs to the line's end. */
static size_t record_size(const char *data, size_t size) {
    const char *cr = memchr(data, '\r', size);
    size_t before = cr ? (size_t)(cr - data) : size;
    return before + 1 < size ? before : size;
}

static bool write_records(struct lines *lines, const char *data, size_t size) {
    bool good = true;
    for (;;) {
        size_t part = record_size(data, size);
        good = write_text(lines, data, part) && good;
        if (part == size) return good;
        data += part + 1;
        size -= part + 1;
    }
}

static bool write_line(struct lines *lines, const char *data, size_t size) {
    if (lines->format == LINES_JSON) return write_json(lines, data, size, false);
    return lines->records ? write_records(lines, data, size) : write_text(lines, data, size);
}

/* The common case: the newline stands behind the text and goes out with it. */
static bool write_line_in_place(struct lines *lines, const char *data, size_t size) {
    if (lines->format == LINES_JSON) return write_json(lines, data, size, true);
    if (lines->records) return write_records(lines, data, size);
    return write_head(lines) && put(lines, data, size + 1);
}

/* lines that are too long for memory: the file begins with the head and is escaped on the way in,
 * so that only the end of the line is still to come when it is handed over */

static int temporary_file(void) {
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/watchbot-line-XXXXXX", folder) >= (int)sizeof path)
        return -1;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
    return fd;
}

static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* Bytes that a failed write left after the counted ones are not read. */
static bool spill(struct lines *lines, const struct buffer *bytes) {
    struct sigpipe sigpipe;
    sigpipe_block(&sigpipe);
    bool good = write_all(lines->spill, buffer_data(bytes), bytes->size);
    sigpipe_unblock(&sigpipe);
    if (good) lines->spilled += (off_t)bytes->size;
    return good;
}

static bool begin_spill(struct lines *lines) {
    lines->spilled = 0;
    lines->spill = temporary_file();
    if (lines->spill < 0) return false;
    if (spill(lines, &lines->head)) return true;
    close(lines->spill);
    lines->spill = -1;
    return false;
}

/* With `more`, a truncated character at the end stays in memory for the next time. */
static bool spill_partial(struct lines *lines, bool more) {
    struct buffer *partial = &lines->partial, *escaped = &lines->line;
    size_t taken = partial->size;
    if (lines->format == LINES_JSON) {
        buffer_clear(escaped);
        ptrdiff_t size = json_escape(escaped, buffer_data(partial), partial->size, more);
        if (size < 0) return false;
        taken = (size_t)size;
    }
    if (!spill(lines, lines->format == LINES_JSON ? escaped : partial)) return false;
    buffer_consume(partial, taken);
    return true;
}

/* The line in the spill file is complete. */
static bool write_spilled(struct lines *lines) {
    const char *end = lines->format == LINES_JSON ? END_OF_MESSAGE : "\n";
    int fd = lines->spill;
    lines->spill = -1;
    return lines->output->write_file(lines->output, fd, lines->spilled) &&
           lines->output->write(lines->output, end, strlen(end));
}

/* If no file can take it (a full disk), the line is written in pieces: split, but not lost. */
static bool write_pieces(struct lines *lines) {
    bool good = lines->spill < 0 || write_spilled(lines);
    good = write_line(lines, buffer_data(&lines->partial), lines->partial.size) && good;
    buffer_clear(&lines->partial);
    return good;
}

static bool hold(struct lines *lines, const char *data, size_t size) {
    if (!buffer_append(&lines->partial, data, size)) return false;
    if (lines->partial.size < LINES_KEPT) return true;
    if (lines->spill < 0 && !begin_spill(lines)) return write_pieces(lines);
    return spill_partial(lines, true) || write_pieces(lines);
}

static bool complete_held(struct lines *lines, const char *data, size_t size) {
    if (!buffer_append(&lines->partial, data, size)) return false;
    if (lines->spill >= 0)
        return spill_partial(lines, false) ? write_spilled(lines) : write_pieces(lines);
    bool good = write_line(lines, buffer_data(&lines->partial), lines->partial.size);
    buffer_clear(&lines->partial);
    return good;
}

/* the stream */

static bool is_held(const struct lines *lines) {
    return lines->partial.size > 0 || lines->spill >= 0;
}

bool lines_feed(struct lines *lines, const char *data, size_t size) {
    const char *end = data + size;
    bool good = heads_renew(lines);
    if (!good) return false;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        if (!newline) return hold(lines, data, (size_t)(end - data)) && good;
        size_t length = (size_t)(newline - data);
        good = (is_held(lines) ? complete_held(lines, data, length)
                               : write_line_in_place(lines, data, length)) &&
               good;
        data = newline + 1;
    }
    return good;
}

bool lines_whole(struct lines *lines, const char *data, size_t size) {
    if (!heads_renew(lines)) return false;
    if (lines->format == LINES_JSON) return write_json(lines, data, size, false);
    const char *end = data + size;
    bool good = true;
    do {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *stop = newline ? newline : end;
        good = write_line(lines, data, (size_t)(stop - data)) && good;
        data = stop + 1;
    } while (data < end);
    return good;
}

static bool set_id(struct lines *lines, const char *id) {
    char *copied = copy(id);
    free(lines->id);
    lines->id = copied;
    return heads_relabel(lines) && (copied || !id);
}

bool lines_label(struct lines *lines, const char *id, enum lines_level level) {
    if (level != lines->level) lines->moment = lines->merged_at = HEADS_NO_MOMENT;
    lines->level = level;
    bool same = id && lines->id ? strcmp(id, lines->id) == 0 : !id && !lines->id;
    return same || set_id(lines, id);
}

bool lines_relabel(struct lines *lines, const char *id) {
    bool good = lines_end(lines);
    return set_id(lines, id) && good;
}

bool lines_end(struct lines *lines) {
    return !is_held(lines) || (heads_renew(lines) && complete_held(lines, "", 0));
}
