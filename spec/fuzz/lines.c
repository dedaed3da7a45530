/* lines.c: what comes in pieces goes out as what comes at once, also where a line passes what is
 * kept in memory (here 256 bytes). The first byte chooses the format and the pieces. The clock
 * stands still (see the Makefile: --wrap). */
#include "lines.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

int __wrap_clock_gettime(clockid_t id, struct timespec *now);

int __wrap_clock_gettime(clockid_t id, struct timespec *now) {
    (void)id;
    *now = (struct timespec){.tv_sec = 1469664757};
    return 0;
}

struct collected {
    struct lines_output output;
    struct buffer bytes;
};

static bool collect(struct lines_output *output, const void *data, size_t size) {
    return buffer_append(&((struct collected *)output)->bytes, data, size);
}

static bool collect_file(struct lines_output *output, int fd, off_t size) {
    struct buffer *bytes = &((struct collected *)output)->bytes;
    char *room = buffer_reserve(bytes, (size_t)size);
    HOLDS(room && pread(fd, room, (size_t)size, 0) == size);
    buffer_commit(bytes, (size_t)size);
    close(fd);
    return true;
}

static void write_in_pieces(struct collected *out, enum lines_format format, const char *data,
                            size_t size, size_t piece) {
    struct lines lines;
    out->output = (struct lines_output){collect, collect_file};
    HOLDS(lines_open(&lines, format, "worker", "an \"id\"", &out->output));
    for (size_t at = 0; at < size; at += piece)
        HOLDS(lines_feed(&lines, data + at, size - at < piece ? size - at : piece));
    HOLDS(lines_end(&lines));
    lines_close(&lines);
}

static void compare(enum lines_format format, const char *data, size_t size, size_t piece) {
    struct collected whole = {0}, pieces = {0};
    write_in_pieces(&whole, format, data, size, size + 1);
    write_in_pieces(&pieces, format, data, size, piece);
    HOLDS(whole.bytes.size == pieces.bytes.size);
    HOLDS(whole.bytes.size == 0 ||
          memcmp(buffer_data(&whole.bytes), buffer_data(&pieces.bytes), whole.bytes.size) == 0);
    buffer_free(&whole.bytes);
    buffer_free(&pieces.bytes);
}

/* An object that is too large for memory is merged only where it comes at once. */
static bool may_differ(enum lines_format format, const char *data, size_t size) {
    return format == LINES_JSON && size > LINES_KEPT && memchr(data, '{', size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const char *text = (const char *)data + 1;
    enum lines_format format = data[0] & 1 ? LINES_JSON : LINES_TEXT;
    size_t piece = data[0] / 2 + 1u;
    if (!may_differ(format, text, size - 1)) compare(format, text, size - 1, piece);
    return 0;
}
