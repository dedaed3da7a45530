/* json: the little that log lines need of JSON: text made fit for a string, and whether a line is
 * an object already. Reading and writing values is ljson.c's. */
#ifndef WATCHBOT_JSON_H
#define WATCHBOT_JSON_H

#include "buffer.h"

/* Appends `data` escaped for a JSON string (RFC 8259, 7), without the quotes. A byte that does not
 * belong to valid UTF-8 becomes U+FFFD. What could drive the terminal of a reader (C1,
 * bidirectional controls, U+2028) is escaped, too: the value is the same. With `more`, an
 * incomplete character at the end is left for the next call. Returns how many bytes were taken, or
 * -1 (no memory). */
ptrdiff_t json_escape(struct buffer *out, const char *data, size_t size, bool more);

/* The same, but bytes that are not UTF-8 stay as they are. Returns false when there is
 * no memory. */
bool json_escape_bytes(struct buffer *out, const char *data, size_t size);

/* Whether it stands in a JSON string as it is: printable ASCII without quotes and backslashes. */
bool json_is_plain(const char *data, size_t size);

/* Whether `data` is exactly one valid JSON object, blanks around it allowed. Bit i of `found` tells
 * whether names[i] is one of its keys at the top (names ends with NULL; at most 32). `inside` and
 * `inside_size` get what stands between the braces, trimmed. Nesting is bounded (64); what is
 * deeper is no object to us. */
bool json_object(const char *data, size_t size, const char *const *names, unsigned *found,
                 const char **inside, size_t *inside_size);

/* Appends the inside of an object (see json_object; not empty), in which the keys at the top that
 * `which` selects of `names` have `prefix` before them, each time that they are there. False: no
 * memory. */
bool json_rename(struct buffer *out, const char *inside, size_t size, const char *const *names,
                 unsigned which, const char *prefix);

/* Length of the valid UTF-8 character at the start of `data` (1 to 4), 0 if there is none, -1 if it
 * is cut off by the end. */
int json_character(const unsigned char *data, size_t size);

#endif
