/* json: the JSON functions that log lines need: text escaped for a string, and whether a line is
 * already an object. Reading and writing values is in ljson.c. */
#ifndef WATCHBOT_JSON_H
#define WATCHBOT_JSON_H

#include <stdint.h>

#include "buffer.h"

/* Appends `data` escaped for a JSON string (RFC 8259, 7), without the quotes. Each byte of invalid
 * UTF-8 becomes U+FFFD. Characters that could control a reader's terminal (C1, bidirectional
 * controls, U+2028) are escaped, too: the value is the same. With `more`, an incomplete character
 * at the end is left for the next call. Returns the number of bytes read, or -1 (no memory). */
ptrdiff_t json_escape(struct buffer *out, const char *data, size_t size, bool more);

/* The same, but bytes that are not UTF-8 are kept. Returns false without memory. */
bool json_escape_bytes(struct buffer *out, const char *data, size_t size);

/* Whether a byte needs no escape in a JSON string: printable ASCII without quotes and
 * backslashes. */
bool json_is_plain(const char *data, size_t size);

/* Keys to look for. `firsts` has a bit JSON_FIRST for the first letter of each: most keys begin
 * with another one. */
struct json_names {
    uint64_t firsts;
    struct json_name {
        const char *text; /* ASCII; NULL ends the list */
        size_t size;
    } list[8];
};
#define JSON_FIRST(letter) (UINT64_C(1) << ((letter)&63))
#define JSON_NAME(text) \
    { (text), sizeof(text) - 1 }

/* Of `found` below: a CR or LF stands in the object, which can only be between its values. */
#define JSON_BROKEN (1u << 31)

/* Whether `data` is exactly one valid JSON object, with spaces allowed around it. Bit i of `found`
 * is set if name i is one of its keys at the top level. `inside` and `inside_size` are the text
 * between the braces, trimmed. Nesting is limited to 64; a deeper object is refused. */
bool json_object(const char *data, size_t size, const struct json_names *names, unsigned *found,
                 const char **inside, size_t *inside_size);

/* Appends the inside of an object (see json_object; not empty), with `prefix` before each key at
 * the top level that `which` selects of `names`. False: no memory. */
bool json_rename(struct buffer *out, const char *inside, size_t size,
                 const struct json_names *names, unsigned which, const char *prefix);

/* Length of the valid UTF-8 character at the start of `data` (1 to 4), 0 if there is none, -1 if it
 * is cut off by the end. */
int json_character(const unsigned char *data, size_t size);

#endif
