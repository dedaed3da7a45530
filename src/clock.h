/* clock: monotonic and wall time, and the two date formats. Timers use the monotonic clock, people
 * and queues the wall clock; nothing converts between them. */
#ifndef WATCHBOT_CLOCK_H
#define WATCHBOT_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND INT64_C(1000000000) /* in nanoseconds */

/* Nanoseconds of CLOCK_MONOTONIC (stops while the machine sleeps). */
int64_t clock_monotonic(void);

/* Nanoseconds of CLOCK_BOOTTIME (continues while the machine sleeps). */
int64_t clock_boottime(void);

/* Nanoseconds since the epoch, CLOCK_REALTIME. */
int64_t clock_wall(void);

enum { CLOCK_HTTP_DATE_SIZE = 30, CLOCK_ISO_DATE_SIZE = 25 };

/* "Thu, 28 Jul 2016 00:12:37 GMT": the IMF-fixdate of RFC 9110, 5.6.7, which is also what
 * JavaScript's toUTCString writes. English whatever the locale. Years 0 to 9999; others are
 * clamped. */
void clock_http_date(time_t seconds, char out[CLOCK_HTTP_DATE_SIZE]);

/* "2016-07-28T00:12:37.000Z": ISO 8601 with milliseconds since the epoch. Years 0 to 9999; others
 * are clamped. */
void clock_iso_date(int64_t milliseconds, char out[CLOCK_ISO_DATE_SIZE]);

#endif
