#include "clock.h"

#include <stdio.h>

_Static_assert(sizeof(time_t) >= 8, "where time_t has 32 bits, compile with -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64");

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

/* The remainders tell the compiler how long each field can get. */
void clock_http_date(time_t seconds, char out[CLOCK_HTTP_DATE_SIZE]) {
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm t = utc(seconds);
    snprintf(out, CLOCK_HTTP_DATE_SIZE, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days[t.tm_wday], (unsigned)t.tm_mday % 100,
             months[t.tm_mon], (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
             (unsigned)t.tm_sec % 100);
}

void clock_iso_date(int64_t milliseconds, char out[CLOCK_ISO_DATE_SIZE]) {
    int64_t seconds = milliseconds / 1000, rest = milliseconds % 1000;
    if (rest < 0) {
        seconds--;
        rest += 1000;
    }
    struct tm t = utc((time_t)seconds);
    snprintf(out, CLOCK_ISO_DATE_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(t.tm_year + 1900) % 10000,
             (unsigned)(t.tm_mon + 1) % 100, (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
             (unsigned)t.tm_sec % 100, (unsigned)rest % 1000);
}
