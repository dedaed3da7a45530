#include "clock.h"

#include <string.h>

_Static_assert(sizeof(time_t) >= 8,
               "where time_t has 32 bits, compile with -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64");

static const time_t FIRST_SECOND = -62167219200; /* 0000-01-01T00:00:00Z */
static const time_t LAST_SECOND = 253402300799;  /* 9999-12-31T23:59:59Z */

static int64_t read_clock(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return now.tv_sec * CLOCK_SECOND + now.tv_nsec;
}

int64_t clock_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boottime(void) {
    return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_wall(void) {
    return read_clock(CLOCK_REALTIME);
}

static struct tm utc(time_t seconds) {
    struct tm parts;
    if (seconds < FIRST_SECOND) seconds = FIRST_SECOND;
    if (seconds > LAST_SECOND) seconds = LAST_SECOND;
    gmtime_r(&seconds, &parts);
    return parts;
}

/* Every log line has a date, and snprintf would be most of its cost. */
static char *put_number(char *out, int value, int width) {
    for (int i = width; i-- > 0; value /= 10) out[i] = (char)('0' + value % 10);
    return out + width;
}

static char *put_text(char *out, const char *text) {
    size_t size = strlen(text);
    memcpy(out, text, size);
    return out + size;
}

static char *put_time(char *out, const struct tm *t) {
    out = put_text(put_number(out, t->tm_hour, 2), ":");
    out = put_text(put_number(out, t->tm_min, 2), ":");
    return put_number(out, t->tm_sec, 2);
}

void clock_http_date(time_t seconds, char out[CLOCK_HTTP_DATE_SIZE]) {
    static const char days[7][6] = {"Sun, ", "Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, "};
    static const char months[12][6] = {" Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ",
                                       " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec "};
    struct tm t = utc(seconds);
    out = put_number(put_text(out, days[t.tm_wday]), t.tm_mday, 2);
    out = put_number(put_text(out, months[t.tm_mon]), t.tm_year + 1900, 4);
    memcpy(put_time(put_text(out, " "), &t), " GMT", sizeof " GMT");
}

void clock_iso_date(int64_t milliseconds, char out[CLOCK_ISO_DATE_SIZE]) {
    int64_t seconds = milliseconds / 1000, rest = milliseconds % 1000;
    if (rest < 0) {
        seconds--;
        rest += 1000;
    }
    struct tm t = utc((time_t)seconds);
    out = put_text(put_number(out, t.tm_year + 1900, 4), "-");
    out = put_text(put_number(out, t.tm_mon + 1, 2), "-");
    out = put_time(put_text(put_number(out, t.tm_mday, 2), "T"), &t);
    memcpy(put_number(put_text(out, "."), (int)rest, 3), "Z", sizeof "Z");
}
