/* json.c: text that was escaped is a valid string whatever its bytes, however it was cut; and an
 * object's inside is inside. */
#include "json.h"

#include <string.h>

#include "fuzz.h"

static const struct json_names names = {
    JSON_FIRST('v') | JSON_FIRST('l') | JSON_FIRST('t'),
    {JSON_NAME("v"), JSON_NAME("level"), JSON_NAME("time")}
};

static void escape_in_pieces(struct buffer *out, const char *data, size_t size, size_t piece) {
    size_t at = 0;
    for (size_t end = 0; end < size;) {
        end = size - end > piece ? end + piece : size;
        ptrdiff_t taken = json_escape(out, data + at, end - at, end < size);
        HOLDS(taken >= 0 && (size_t)taken <= end - at);
        at += (size_t)taken;
    }
    HOLDS(at == size);
}

static void check_escaped(const char *data, size_t size, size_t piece) {
    struct buffer object = {0}, pieces = {0};
    unsigned found;
    const char *inside;
    size_t inside_size;
    buffer_append(&object, "{\"v\":\"", 6);
    HOLDS(json_escape(&object, data, size, false) == (ptrdiff_t)size);
    escape_in_pieces(&pieces, data, size, piece);
    HOLDS(pieces.size == object.size - 6);
    HOLDS(pieces.size == 0 ||
          memcmp(buffer_data(&pieces), buffer_data(&object) + 6, pieces.size) == 0);
    buffer_append(&object, "\"}", 2);
    HOLDS(json_object(buffer_data(&object), object.size, &names, &found, &inside, &inside_size) &&
          found == 1);
    buffer_free(&object);
    buffer_free(&pieces);
}

static void check_object(const char *data, size_t size) {
    unsigned found;
    const char *inside;
    size_t inside_size;
    if (!json_object(data, size, &names, &found, &inside, &inside_size)) return;
    bool broken = memchr(inside, '\r', inside_size) || memchr(inside, '\n', inside_size);
    HOLDS(!broken || found & JSON_BROKEN);
    found &= ~JSON_BROKEN;
    HOLDS(found < 8);
    HOLDS(inside > data && inside + inside_size < data + size);
    HOLDS(inside_size > 0 || found == 0);
    if (inside_size == 0) return;
    struct buffer renamed = {0};
    buffer_append(&renamed, "{", 1);
    HOLDS(json_rename(&renamed, inside, inside_size, &names, 7, "x_") &&
          buffer_append(&renamed, "}", 1));
    HOLDS(json_object(buffer_data(&renamed), renamed.size, &names, &found, &inside, &inside_size) &&
          (found & ~JSON_BROKEN) == 0);
    buffer_free(&renamed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *text = (const char *)data + 1;
    if (size == 0) return 0;
    check_escaped(text, size - 1, data[0] % 9 + 1u);
    check_object(text, size - 1);
    return 0;
}
