#define _GNU_SOURCE /* O_TMPFILE, mkostemp */
#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"
#include "sigpipe.h"

enum { NO_MOMENT = -1 };

#define END_OF_MESSAGE "\"}\n"

/* Members of ours, in the order in which they are written. A line's own level and time replace
 * ours. Those that say whose line it is are ours alone: what alarms count must not be forged by a
 * task. A line's own get a prefix. */
static const char *const members[] = {
    "v", "level", "name", "hostname", "pid", "time", "watchbot_sqs_message_id", NULL};
enum {
    V = 1,
    LEVEL = 2,
    NAME = 4,
    HOSTNAME = 8,
    PID = 16,
    TIME = 32,
    ID = 64,
    OURS = NAME | HOSTNAME | PID | ID
};

#define PREFIX "task_"

static char *copy(const char *text) {
    return text ? strdup(text) : NULL;
}

bool lines_open(struct lines *lines, enum lines_format format, const char *category, const char *id,
                struct lines_output *output) {
    *lines = (struct lines){
        .format = format, .level = LINES_INFO, .output = output, .moment = NO_MOMENT, .spill = -1};
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
    return buffer_append(out, "\"", 1) && json_escape(out, text, strlen(text), false) >= 0 &&
           buffer_append(out, "\"", 1);
}

/* what stands before a line */

static bool make_text_head(struct lines *lines) {
    char date[CLOCK_HTTP_DATE_SIZE];
    struct buffer *head = &lines->head;
    clock_http_date((time_t)lines->moment, date);
    buffer_clear(head);
    bool made = append_text(head, "[") && append_text(head, date) && append_text(head, "] [") &&
                append_text(head, lines->category) && append_text(head, "] ");
    if (made && lines->id)
        made = append_text(head, "[") && append_text(head, lines->id) && append_text(head, "] ");
    return made;
}

static bool append_member(struct buffer *out, const char *name) {
    return (out->size == 1 || buffer_append(out, ",", 1)) && append_string(out, name) &&
           buffer_append(out, ":", 1);
}

static bool append_integer(struct buffer *out, const char *name, long value) {
    char text[24];
    return append_member(out, name) &&
           buffer_append(out, text, (size_t)snprintf(text, sizeof text, "%ld", value));
}

static bool append_pair(struct buffer *out, const char *name, const char *value) {
    return append_member(out, name) && append_string(out, value);
}

static bool append_hostname(struct buffer *out) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    return append_pair(out, "hostname", host);
}

static bool append_time(struct buffer *out, int64_t milliseconds) {
    char date[CLOCK_ISO_DATE_SIZE];
    clock_iso_date(milliseconds, date);
    return append_pair(out, "time", date);
}

/* An opened object with our members, without those that `theirs` names. */
static bool make_json_head(const struct lines *lines, struct buffer *out, unsigned theirs) {
    buffer_clear(out);
    return append_text(out, "{") && (theirs & V || append_integer(out, "v", 0)) &&
           (theirs & LEVEL || append_integer(out, "level", lines->level)) &&
           append_pair(out, "name", lines->category) && append_hostname(out) &&
           append_integer(out, "pid", getpid()) &&
           (theirs & TIME || append_time(out, lines->moment)) &&
           (!lines->id || append_pair(out, "watchbot_sqs_message_id", lines->id));
}

/* Text tells seconds, for which the clock that is a tick behind will do; JSON
 * tells milliseconds. */
static int64_t moment(enum lines_format format) {
    struct timespec now;
    if (format == LINES_JSON) return clock_wall() / (CLOCK_SECOND / 1000);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

/* Makes the head anew when what it tells of the time has passed. */
static bool renew_head(struct lines *lines) {
    int64_t now = moment(lines->format);
    if (now == lines->moment) return true;
    lines->moment = now;
    if (lines->format == LINES_JSON ? make_json_head(lines, &lines->head, 0)
                                    : make_text_head(lines))
        return true;
    lines->moment = NO_MOMENT;
    return false;
}

static bool write_head(struct lines *lines) {
    return renew_head(lines) &&
           lines->output->write(lines->output, buffer_data(&lines->head), lines->head.size);
}

/* a line that is complete and in memory */

static bool begin_message(struct lines *lines, struct buffer *out) {
    buffer_clear(out);
    return renew_head(lines) && buffer_append(out, buffer_data(&lines->head), lines->head.size) &&
           append_member(out, "msg") && append_text(out, "\"");
}

/* Members without their braces. Newlines can only stand between them, where a blank means
 * the same. */
static bool append_inside(struct buffer *out, const char *inside, size_t size, unsigned theirs) {
    if (size == 0) return true;
    if (!append_text(out, ",")) return false;
    size_t before = out->size;
    bool good = theirs & OURS ? json_rename(out, inside, size, members, OURS, PREFIX)
                              : buffer_append(out, inside, size);
    if (!good) return false;
    char *copied = buffer_data(out) + before;
    size = out->size - before;
    for (size_t i = 0; i < size; i++) {
        if (copied[i] == '\n' || copied[i] == '\r') copied[i] = ' ';
    }
    return true;
}

static bool write_json(struct lines *lines, const char *data, size_t size) {
    struct buffer *out = &lines->line;
    const char *inside;
    size_t inside_size;
    unsigned theirs;
    bool made;
    if (json_object(data, size, members, &theirs, &inside, &inside_size)) {
        made = renew_head(lines) && make_json_head(lines, out, theirs) &&
               append_inside(out, inside, inside_size, theirs) && append_text(out, "}\n");
    } else {
        made = begin_message(lines, out) && json_escape(out, data, size, false) >= 0 &&
               append_text(out, END_OF_MESSAGE);
    }
    return made && lines->output->write(lines->output, buffer_data(out), out->size);
}

static bool write_text(struct lines *lines, const char *data, size_t size) {
    return write_head(lines) && lines->output->write(lines->output, data, size) &&
           lines->output->write(lines->output, "\n", 1);
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
    if (lines->format == LINES_JSON) return write_json(lines, data, size);
    return lines->records ? write_records(lines, data, size) : write_text(lines, data, size);
}

/* The common case: the newline stands behind the text and goes out with it. */
static bool write_line_in_place(struct lines *lines, const char *data, size_t size) {
    if (lines->format == LINES_JSON || lines->records) return write_line(lines, data, size);
    return write_head(lines) && lines->output->write(lines->output, data, size + 1);
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

/* What a failed write left behind the counted bytes is not read. */
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
    bool text = lines->format == LINES_TEXT;
    if (text ? renew_head(lines) && spill(lines, &lines->head)
             : begin_message(lines, &lines->line) && spill(lines, &lines->line)) {
        return true;
    }
    close(lines->spill);
    lines->spill = -1;
    return false;
}

/* With `more`, a character that is cut off at the end stays in memory for the next time. */
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

/* Where no file can take it (a full disk), the line goes out in pieces: split, but not lost. */
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
    bool good = true;
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
    if (lines->format == LINES_JSON) return write_json(lines, data, size);
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

bool lines_relabel(struct lines *lines, const char *id) {
    bool good = lines_end(lines);
    free(lines->id);
    lines->id = copy(id);
    lines->moment = NO_MOMENT;
    return good && (lines->id || !id);
}

bool lines_end(struct lines *lines) {
    return !is_held(lines) || complete_held(lines, "", 0);
}
