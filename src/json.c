#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64 };

static bool continues(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. The range of the second byte
 * distinguishes them. */
int json_character(const unsigned char *data, size_t size) {
    unsigned char first = data[0];
    unsigned char lowest = 0x80, highest = 0xBF;
    int length;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        if (first == 0xE0) lowest = 0xA0;
        if (first == 0xED) highest = 0x9F;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        if (first == 0xF0) lowest = 0x90;
        if (first == 0xF4) highest = 0x8F;
    } else {
        return 0;
    }
    for (int i = 1; i < length; i++) {
        if ((size_t)i == size) return -1;
        if (i == 1 ? data[i] < lowest || data[i] > highest : !continues(data[i])) return 0;
    }
    return length;
}

/* The code point of a valid character of `length` bytes. */
static unsigned code_point(const unsigned char *data, int length) {
    unsigned code = length == 1 ? data[0] : data[0] & (0x7Fu >> length);
    for (int i = 1; i < length; i++) code = code << 6 | (data[i] & 0x3Fu);
    return code;
}

/* Characters that control a terminal, change the direction of text, end a line invisibly, or are
 * invisible: lua/watchbot/lib/text.lua has the same list. Sorted. */
static bool is_unsafe(unsigned code) {
    static const struct {
        unsigned first, last;
    } unsafe[] = {
        {0x80,    0x9F   },
        {0xAD,    0xAD   },
        {0x61C,   0x61C  },
        {0x115F,  0x1160 },
        {0x17B4,  0x17B5 },
        {0x180E,  0x180E },
        {0x200B,  0x200B },
        {0x200E,  0x200F },
        {0x2028,  0x202E },
        {0x2060,  0x206F },
        {0x3164,  0x3164 },
        {0xFEFF,  0xFEFF },
        {0xFFA0,  0xFFA0 },
        {0xFFF0,  0xFFFB },
        {0x1BCA0, 0x1BCA3},
        {0x1D173, 0x1D17A},
        {0xE0000, 0xE007F},
    };
    for (size_t i = 0; i < sizeof unsafe / sizeof unsafe[0] && code >= unsafe[i].first; i++) {
        if (code <= unsafe[i].last) return true;
    }
    return false;
}

static bool append_escape(struct buffer *out, unsigned code) {
    char escaped[16];
    int size = code < 0x10000 ? snprintf(escaped, sizeof escaped, "\\u%04x", code)
                              : snprintf(escaped, sizeof escaped, "\\u%04x\\u%04x",
                                         0xD7C0 + (code >> 10), 0xDC00 + (code & 0x3FF));
    return buffer_append(out, escaped, (size_t)size);
}

/* A character of several bytes: most are written unchanged. */
static bool append_character(struct buffer *out, const unsigned char *data, int length) {
    unsigned code = code_point(data, length);
    if (is_unsafe(code)) return append_escape(out, code);
    return buffer_append(out, data, (size_t)length);
}

static bool escape_byte(struct buffer *out, unsigned char byte) {
    switch (byte) {
    case '"': return buffer_append(out, "\\\"", 2);
    case '\\': return buffer_append(out, "\\\\", 2);
    case '\n': return buffer_append(out, "\\n", 2);
    case '\r': return buffer_append(out, "\\r", 2);
    case '\t': return buffer_append(out, "\\t", 2);
    default: return append_escape(out, byte);
    }
}

static bool is_plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

/* Eight bytes at once: the high bits of those that need work. A borrow may also set those after the
 * first one, but none before it. */
static uint64_t other_bytes(uint64_t word) {
    const uint64_t ones = UINT64_MAX / 0xFF, high = ones * 0x80;
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\', last = word ^ ones * 0x7F;
    return ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | (last - ones) | word) &
           high;
}

/* How many bytes from the start are plain. */
static inline size_t plain_size(const unsigned char *bytes, size_t size) {
    size_t at = 0;
    for (uint64_t word; size - at >= sizeof word; at += sizeof word) {
        memcpy(&word, bytes + at, sizeof word);
        uint64_t other = other_bytes(word);
        if (!other) continue;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        return at + (size_t)__builtin_ctzll(other) / 8;
#else
        break;
#endif
    }
    while (at < size && is_plain(bytes[at])) at++;
    return at;
}

bool json_is_plain(const char *data, size_t size) {
    return plain_size((const unsigned char *)data, size) == size;
}

ptrdiff_t json_escape(struct buffer *out, const char *data, size_t size, bool more) {
    const unsigned char *bytes = (const unsigned char *)data;
    size_t at = 0;
    while (at < size) {
        size_t run = plain_size(bytes + at, size - at);
        if (!buffer_append(out, data + at, run)) return -1;
        at += run;
        if (at == size) break;
        int length = json_character(bytes + at, size - at);
        if (length < 0 && more) break;
        bool appended = length <= 0   ? buffer_append(out, "\\ufffd", 6)
                        : length == 1 ? escape_byte(out, bytes[at])
                                      : append_character(out, bytes + at, length);
        if (!appended) return -1;
        at += length > 0 ? (size_t)length : 1;
    }
    return (ptrdiff_t)at;
}

/* A scanner that only validates; containers are counted on a small stack instead of by
 * recursion. */
struct scanner {
    const unsigned char *at, *end;
    struct renaming *renaming; /* NULL: keys are only looked at */
    bool escaped;              /* the last key contains a backslash */
    bool broken;               /* a CR or LF stands between values */
};

/* A copy of an object's text, in which some keys at the top get a prefix. */
struct renaming {
    struct buffer *out;
    const char *prefix;
    unsigned which;
    const unsigned char *copied; /* up to here */
    bool failed;                 /* no memory */
};

static void rename_key(struct renaming *renaming, const unsigned char *key) {
    const unsigned char *from = renaming->copied;
    renaming->copied = key;
    renaming->failed |= !buffer_append(renaming->out, from, (size_t)(key - from)) ||
                        !buffer_append(renaming->out, renaming->prefix, strlen(renaming->prefix));
}

static bool is_blank(unsigned char byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static void skip_some_blanks(struct scanner *scanner) {
    for (; scanner->at < scanner->end && is_blank(*scanner->at); scanner->at++)
        scanner->broken |= *scanner->at == '\r' || *scanner->at == '\n';
}

static inline void skip_blanks(struct scanner *scanner) {
    if (scanner->at < scanner->end && *scanner->at <= ' ') skip_some_blanks(scanner);
}

static inline bool take(struct scanner *scanner, char wanted) {
    if (scanner->at == scanner->end || *scanner->at != (unsigned char)wanted) return false;
    scanner->at++;
    return true;
}

static bool skip_escape(struct scanner *scanner) {
    if (scanner->at == scanner->end) return false;
    unsigned char kind = *scanner->at++;
    if (kind != 'u') return memchr("\"\\/bfnrt", kind, 8) != NULL;
    for (int i = 0; i < 4; i++, scanner->at++) {
        if (scanner->at == scanner->end || !isxdigit(*scanner->at)) return false;
    }
    return true;
}

/* What follows the plain bytes at the start of a string. */
static bool skip_characters(struct scanner *scanner) {
    for (;;) {
        if (scanner->at == scanner->end) return false;
        unsigned char byte = *scanner->at;
        if (byte == '"') return take(scanner, '"');
        if (byte < 0x20) return false;
        if (byte == '\\') {
            scanner->at++;
            scanner->escaped = true;
            if (!skip_escape(scanner)) return false;
        } else {
            int length = json_character(scanner->at, (size_t)(scanner->end - scanner->at));
            if (length <= 0) return false;
            scanner->at += length;
        }
        scanner->at += plain_size(scanner->at, (size_t)(scanner->end - scanner->at));
    }
}

static inline bool skip_string(struct scanner *scanner) {
    if (!take(scanner, '"')) return false;
    scanner->at += plain_size(scanner->at, (size_t)(scanner->end - scanner->at));
    return take(scanner, '"') || skip_characters(scanner);
}

static bool skip_digits(struct scanner *scanner) {
    const unsigned char *start = scanner->at, *at = start, *end = scanner->end;
    while (at < end && *at >= '0' && *at <= '9') at++;
    scanner->at = at;
    return at > start;
}

static bool skip_number(struct scanner *scanner) {
    take(scanner, '-');
    if (!take(scanner, '0') && !skip_digits(scanner)) return false;
    if (take(scanner, '.') && !skip_digits(scanner)) return false;
    if (take(scanner, 'e') || take(scanner, 'E')) {
        if (!take(scanner, '+')) take(scanner, '-');
        return skip_digits(scanner);
    }
    return true;
}

static bool skip_word(struct scanner *scanner, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(scanner->end - scanner->at) < size || memcmp(scanner->at, word, size) != 0)
        return false;
    scanner->at += size;
    return true;
}

static bool skip_scalar(struct scanner *scanner) {
    switch (*scanner->at) {
    case '"': return skip_string(scanner);
    case 't': return skip_word(scanner, "true");
    case 'f': return skip_word(scanner, "false");
    case 'n': return skip_word(scanner, "null");
    default: return skip_number(scanner);
    }
}

/* The next character of a valid key: 0 if it is not ASCII, which none of the names contains. */
static unsigned char key_character(const unsigned char **at) {
    const unsigned char *key = *at;
    if (*key != '\\') return (*at)++, *key;
    *at += key[1] == 'u' ? 6 : 2;
    if (key[1] != 'u') return 0;
    char digits[5] = {(char)key[2], (char)key[3], (char)key[4], (char)key[5], 0};
    unsigned long code = strtoul(digits, NULL, 16);
    return code < 0x80 ? (unsigned char)code : 0;
}

/* A key may contain escapes: "n\u0061me" is read as "name". */
static bool is_name(const unsigned char *key, size_t size, const char *name) {
    const unsigned char *end = key + size;
    while (key < end && *name) {
        if (key_character(&key) != (unsigned char)*name++) return false;
    }
    return key == end && !*name;
}

/* Which of the names the key is that the scanner has just passed. */
static unsigned which(const struct scanner *scanner, const unsigned char *key,
                      const struct json_names *names) {
    size_t size = (size_t)(scanner->at - key) - 1;
    if (!scanner->escaped && !(names->firsts & JSON_FIRST(*key))) return 0;
    for (const struct json_name *name = names->list; name->text; name++) {
        if (scanner->escaped ? is_name(key, size, name->text)
                             : size == name->size && memcmp(key, name->text, size) == 0)
            return 1u << (name - names->list);
    }
    return 0;
}

/* A key and its colon; a key at the top is looked up. */
static bool skip_key(struct scanner *scanner, bool top, const struct json_names *names,
                     unsigned *found) {
    skip_blanks(scanner);
    const unsigned char *key = scanner->at + 1;
    scanner->escaped = false;
    if (!skip_string(scanner)) return false;
    unsigned bit = top ? which(scanner, key, names) : 0;
    *found |= bit;
    if (scanner->renaming && bit & scanner->renaming->which) rename_key(scanner->renaming, key);
    skip_blanks(scanner);
    return take(scanner, ':');
}

/* One value with everything in it. stack holds the closing brackets that are still awaited. */
static bool skip_value(struct scanner *scanner, const struct json_names *names, unsigned *found) {
    char stack[DEEPEST];
    int depth = 0;
    for (;;) {
        skip_blanks(scanner);
        if (scanner->at == scanner->end) return false;
        bool object = *scanner->at == '{';
        if (object || *scanner->at == '[') {
            scanner->at++;
            if (depth == DEEPEST) return false;
            stack[depth++] = object ? '}' : ']';
            skip_blanks(scanner);
            if (scanner->at < scanner->end && *scanner->at != (unsigned char)stack[depth - 1]) {
                if (object && !skip_key(scanner, depth == 1, names, found)) return false;
                continue;
            }
        } else if (!skip_scalar(scanner)) {
            return false;
        }
        for (;;) {
            if (depth == 0) return true;
            skip_blanks(scanner);
            if (take(scanner, stack[depth - 1])) {
                depth--;
                continue;
            }
            if (!take(scanner, ',')) return false;
            if (stack[depth - 1] == '}' && !skip_key(scanner, depth == 1, names, found))
                return false;
            break;
        }
    }
}

bool json_escape_bytes(struct buffer *out, const char *data, size_t size) {
    size_t done = 0;
    for (size_t at = 0; at < size; at++) {
        unsigned char byte = (unsigned char)data[at];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        if (!buffer_append(out, data + done, at - done) || !escape_byte(out, byte)) return false;
        done = at + 1;
    }
    return buffer_append(out, data + done, size - done);
}

bool json_object(const char *data, size_t size, const struct json_names *names, unsigned *found,
                 const char **inside, size_t *inside_size) {
    const unsigned char *start = (const unsigned char *)data;
    struct scanner scanner = {start, start + size, NULL, false, false};
    *found = 0;
    skip_blanks(&scanner);
    if (scanner.at == scanner.end || *scanner.at != '{') return false;
    const unsigned char *from = scanner.at + 1;
    if (!skip_value(&scanner, names, found)) return false;
    const unsigned char *to = scanner.at - 1; /* the closing brace */
    *found |= scanner.broken ? JSON_BROKEN : 0;
    skip_blanks(&scanner);
    if (scanner.at != scanner.end) return false;
    while (from < to && is_blank(*from)) from++;
    while (to > from && is_blank(to[-1])) to--;
    *inside = (const char *)from;
    *inside_size = (size_t)(to - from);
    return true;
}

bool json_rename(struct buffer *out, const char *inside, size_t size,
                 const struct json_names *names, unsigned which, const char *prefix) {
    const unsigned char *data = (const unsigned char *)inside, *end = data + size;
    struct renaming renaming = {out, prefix, which, data, false};
    struct scanner scanner = {data, end, &renaming, false, false};
    unsigned found = 0;
    do {
        if (!skip_key(&scanner, true, names, &found)) return false;
        scanner.renaming = NULL;
        if (!skip_value(&scanner, names, &found)) return false;
        scanner.renaming = &renaming;
        skip_blanks(&scanner);
    } while (take(&scanner, ','));
    return !renaming.failed && buffer_append(out, renaming.copied, (size_t)(end - renaming.copied));
}
