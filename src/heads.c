#include "heads.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "json.h"

const struct json_names heads_members = {
    JSON_FIRST('v') | JSON_FIRST('l') | JSON_FIRST('n') | JSON_FIRST('h') | JSON_FIRST('p') |
        JSON_FIRST('t') | JSON_FIRST('w'),
    {JSON_NAME("v"), JSON_NAME("level"), JSON_NAME("name"), JSON_NAME("hostname"), JSON_NAME("pid"),
                             JSON_NAME("time"), JSON_NAME("watchbot_sqs_message_id")}
};

static bool append_text(struct buffer *out, const char *text) {
    return buffer_append(out, text, strlen(text));
}

static bool append_string(struct buffer *out, const char *text) {
    return buffer_append(out, "\"", 1) && json_escape(out, text, strlen(text), false) >= 0 &&
           buffer_append(out, "\"", 1);
}

/* An id of SQS is a UUID. That of a row which another program has written, or of an endpoint that
 * is not AWS, must not end the label or the line. */
static bool append_label(struct buffer *head, const char *id) {
    if (!id) return true;
    if (!append_text(head, "[")) return false;
    for (;;) {
        size_t length = strcspn(id, "]");
        if (json_escape(head, id, length, false) < 0) return false;
        if (id[length] == '\0') break;
        if (!append_text(head, "\\u005d")) return false;
        id += length + 1;
    }
    return append_text(head, "] ");
}

static bool make_text_head(struct lines *lines) {
    char date[CLOCK_HTTP_DATE_SIZE];
    struct buffer *head = &lines->head;
    clock_http_date((time_t)lines->moment, date);
    buffer_clear(head);
    bool made = append_text(head, "[") && append_text(head, date) && append_text(head, "] [") &&
                append_text(head, lines->category) && append_text(head, "] ");
    lines->dated = head->size;
    return made && append_label(head, lines->id);
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

static bool append_id(struct buffer *out, const char *id) {
    return !id || append_pair(out, "watchbot_sqs_message_id", id);
}

/* An opened object with our members but for the id, without those that `theirs` names. */
static bool open_object(const struct lines *lines, struct buffer *out, unsigned theirs) {
    buffer_clear(out);
    return append_text(out, "{") && (theirs & HEADS_V || append_integer(out, "v", 0)) &&
           (theirs & HEADS_LEVEL || append_integer(out, "level", lines->level)) &&
           append_pair(out, "name", lines->category) && append_hostname(out) &&
           append_integer(out, "pid", getpid()) &&
           (theirs & HEADS_TIME || append_time(out, lines->moment));
}

#define MESSAGE ",\"msg\":\""

/* The head of a line that is text: up to the text itself. */
static bool make_json_head(struct lines *lines) {
    bool made = open_object(lines, &lines->head, 0);
    lines->dated = lines->head.size;
    return made && append_id(&lines->head, lines->id) && append_text(&lines->head, MESSAGE);
}

/* Text has seconds, for which the clock that may be a tick late is enough; JSON
 * has milliseconds. Lines that arrive together have one time. */
static int64_t moment(enum lines_format format) {
    struct timespec now;
    if (format == LINES_JSON) return clock_wall() / (CLOCK_SECOND / 1000);
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return now.tv_sec;
}

bool heads_renew(struct lines *lines) {
    int64_t now = moment(lines->format);
    if (now == lines->moment) return true;
    lines->moment = now;
    if (lines->format == LINES_JSON ? make_json_head(lines) : make_text_head(lines)) return true;
    lines->moment = HEADS_NO_MOMENT;
    return false;
}

bool heads_relabel(struct lines *lines) {
    struct buffer *head = &lines->head;
    lines->merged_at = HEADS_NO_MOMENT;
    if (lines->moment == HEADS_NO_MOMENT) return true;
    head->size = lines->dated;
    bool made = lines->format == LINES_JSON
                    ? append_id(head, lines->id) && append_text(head, MESSAGE)
                    : append_label(head, lines->id);
    if (!made) lines->moment = HEADS_NO_MOMENT;
    return made;
}

bool heads_merge(struct lines *lines, unsigned theirs) {
    theirs &= HEADS_V | HEADS_LEVEL | HEADS_TIME;
    if (lines->merged_at == lines->moment && lines->theirs == theirs) return true;
    lines->merged_at = HEADS_NO_MOMENT;
    struct buffer *merged = &lines->merged;
    if (!open_object(lines, merged, theirs) || !append_id(merged, lines->id) ||
        !append_text(merged, ","))
        return false;
    lines->merged_at = lines->moment;
    lines->theirs = theirs;
    return true;
}
