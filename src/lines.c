#define _GNU_SOURCE /* O_TMPFILE, mkostemp */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"

enum { KEPT_IN_MEMORY = 1 << 20, PIECE = 1 << 16 };

/* Members of ours that a line's own replace, in the order in which they are written. */
static const char *const members[] = {"v", "level", "name", "hostname", "pid", "time", "watchbot_sqs_message_id", NULL};
enum { V = 1, LEVEL = 2, NAME = 4, HOSTNAME = 8, PID = 16, TIME = 32, ID = 64 };

static char *copy(const char *text) {
    return text ? strdup(text) : NULL;
}

bool lines_open(struct lines *lines, enum lines_format format, const char *category, const char *id,
                struct lines_output *output) {
    *lines = (struct lines){.format = format, .level = LINES_INFO, .output = output, .second = -1, .spill = -1};
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
    buffer_free(&lines->line);
    buffer_free(&lines->partial);
    if (lines->spill >= 0) close(lines->spill);
    *lines = (struct lines){0};
}

static bool append_text(struct buffer *out, const char *text) {
    return buffer_append(out, text, strlen(text));
}

static bool append_string(struct buffer *out, const char *text) {
    return buffer_append(out, "\"", 1) && json_escape(out, text, strlen(text), false) >= 0 && buffer_append(out, "\"", 1);
}

/* the text format */

static bool make_text_head(struct lines *lines) {
    char date[CLOCK_HTTP_DATE_SIZE];
    struct buffer *head = &lines->head;
    clock_http_date(lines->second, date);
    buffer_clear(head);
    bool made = append_text(head, "[") && append_text(head, date) && append_text(head, "] [") &&
                append_text(head, lines->category) && append_text(head, "] ");
    if (made && lines->id) made = append_text(head, "[") && append_text(head, lines->id) && append_text(head, "] ");
    return made;
}

static bool write_head(struct lines *lines) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != lines->second) {
        lines->second = now.tv_sec;
        if (!make_text_head(lines)) return false;
    }
    return lines->output->write(lines->output, buffer_data(&lines->head), lines->head.size);
}

/* the JSON format */

static bool append_member(struct buffer *out, const char *name) {
    return (out->size == 1 || buffer_append(out, ",", 1)) && append_string(out, name) && buffer_append(out, ":", 1);
}

static bool append_integer(struct buffer *out, const char *name, long value) {
    char text[24];
    return append_member(out, name) && buffer_append(out, text, (size_t)snprintf(text, sizeof text, "%ld", value));
}

static bool append_pair(struct buffer *out, const char *name, const char *value) {
    return append_member(out, name) && append_string(out, value);
}

/* An opened object with our members, without those that `theirs` names. */
static bool make_json_head(struct lines *lines, struct buffer *out, unsigned theirs) {
    char date[CLOCK_ISO_DATE_SIZE], host[256] = "";
    clock_iso_date(clock_wall() / (CLOCK_SECOND / 1000), date);
    gethostname(host, sizeof host - 1);
    buffer_clear(out);
    return append_text(out, "{") && (theirs & V || append_integer(out, "v", 0)) &&
           (theirs & LEVEL || append_integer(out, "level", lines->level)) &&
           (theirs & NAME || append_pair(out, "name", lines->category)) &&
           (theirs & HOSTNAME || append_pair(out, "hostname", host)) &&
           (theirs & PID || append_integer(out, "pid", getpid())) && (theirs & TIME || append_pair(out, "time", date)) &&
           (theirs & ID || !lines->id || append_pair(out, "watchbot_sqs_message_id", lines->id));
}

static bool write_json(struct lines *lines, const char *data, size_t size) {
    struct buffer *out = &lines->line;
    const char *inside;
    size_t inside_size;
    unsigned theirs;
    bool made;
    if (json_object(data, size, members, &theirs, &inside, &inside_size)) {
        made = make_json_head(lines, out, theirs) && (inside_size == 0 || out->size == 1 || append_text(out, ",")) &&
               buffer_append(out, inside, inside_size);
    } else {
        made = make_json_head(lines, out, 0) && append_member(out, "msg") && append_text(out, "\"") &&
               json_escape(out, data, size, false) >= 0 && append_text(out, "\"");
    }
    return made && append_text(out, "}\n") && lines->output->write(lines->output, buffer_data(out), out->size);
}

/* a line that is complete and in memory */

static bool write_line(struct lines *lines, const char *data, size_t size) {
    if (lines->format == LINES_JSON) return write_json(lines, data, size);
    return write_head(lines) && lines->output->write(lines->output, data, size) &&
           lines->output->write(lines->output, "\n", 1);
}

/* The common case: the newline stands behind the text and goes out with it. */
static bool write_line_in_place(struct lines *lines, const char *data, size_t size) {
    if (lines->format == LINES_JSON) return write_json(lines, data, size);
    return write_head(lines) && lines->output->write(lines->output, data, size + 1);
}

/* lines that are too long for memory */

static int temporary_file(void) {
    const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    char path[4096];
    if (snprintf(path, sizeof path, "%s/watchbot-line-XXXXXX", folder) >= (int)sizeof path) return -1;
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

static bool flush_partial(struct lines *lines) {
    if (!write_all(lines->spill, buffer_data(&lines->partial), lines->partial.size)) {
        /* What a half-done write left behind the counted bytes is overwritten by the next. */
        if (lseek(lines->spill, lines->spilled, SEEK_SET) < 0) return false;
        return false;
    }
    lines->spilled += (off_t)lines->partial.size;
    buffer_clear(&lines->partial);
    return true;
}

/* Copies the spilled line, escaped, into a file of its own: its end is not in memory, so it cannot be merged. */
static bool escape_file(struct lines *lines, int in, int out, off_t *size) {
    struct buffer *line = &lines->line;
    char piece[PIECE];
    size_t kept = 0;
    *size = 0;
    bool good = make_json_head(lines, line, 0) && append_member(line, "msg") && append_text(line, "\"");
    for (off_t at = 0; good && at < lines->spilled;) {
        ssize_t got = pread(in, piece + kept, sizeof piece - kept, at);
        if (got <= 0) return false;
        at += got;
        ptrdiff_t taken = json_escape(line, piece, kept + (size_t)got, at < lines->spilled);
        if (taken < 0) return false;
        kept = kept + (size_t)got - (size_t)taken;
        memmove(piece, piece + taken, kept);
        if (at == lines->spilled) good = append_text(line, "\"}\n");
        good = good && write_all(out, buffer_data(line), line->size);
        *size += (off_t)line->size;
        buffer_clear(line);
    }
    return good;
}

static bool write_spilled_json(struct lines *lines, int fd) {
    off_t size;
    int escaped = temporary_file();
    bool good = escaped >= 0 && escape_file(lines, fd, escaped, &size);
    close(fd);
    if (good) return lines->output->write_file(lines->output, escaped, size);
    if (escaped >= 0) close(escaped);
    return false;
}

/* The line in the spill file is complete. */
static bool write_spilled(struct lines *lines) {
    int fd = lines->spill;
    off_t size = lines->spilled;
    lines->spill = -1;
    bool good = lines->format == LINES_JSON ? write_spilled_json(lines, fd)
                                            : write_head(lines) && lines->output->write_file(lines->output, fd, size) &&
                                                  lines->output->write(lines->output, "\n", 1);
    lines->spilled = 0;
    return good;
}

/* Where no file can take it (a full disk), the line goes out in pieces: split, but not lost. */
static bool write_pieces(struct lines *lines) {
    bool good = lines->spill < 0 || write_spilled(lines);
    good = write_line(lines, buffer_data(&lines->partial), lines->partial.size) && good;
    buffer_clear(&lines->partial);
    return good;
}

static bool hold(struct lines *lines, const char *data, size_t size) {
    if (!buffer_append(&lines->partial, data, size)) return false;
    if (lines->partial.size < KEPT_IN_MEMORY) return true;
    if (lines->spill < 0) lines->spill = temporary_file();
    return (lines->spill >= 0 && flush_partial(lines)) || write_pieces(lines);
}

static bool complete_held(struct lines *lines, const char *data, size_t size) {
    if (!buffer_append(&lines->partial, data, size)) return false;
    if (lines->spill >= 0) return flush_partial(lines) ? write_spilled(lines) : write_pieces(lines);
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
    bool good = true;
    while (data < end) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        if (!newline) return hold(lines, data, (size_t)(end - data)) && good;
        size_t length = (size_t)(newline - data);
        good = (is_held(lines) ? complete_held(lines, data, length) : write_line_in_place(lines, data, length)) && good;
        data = newline + 1;
    }
    return good;
}

bool lines_whole(struct lines *lines, const char *data, size_t size) {
    return write_line(lines, data, size);
}

bool lines_end(struct lines *lines) {
    return !is_held(lines) || complete_held(lines, "", 0);
}
