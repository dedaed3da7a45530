#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 256 };

static bool grow(struct buffer *buffer, size_t wanted) {
    size_t capacity = buffer->capacity ? buffer->capacity : FIRST_CAPACITY;
    while (capacity < wanted) {
        if (capacity > SIZE_MAX / 2) return false;
        capacity *= 2;
    }
    char *memory = realloc(buffer->memory, capacity);
    if (!memory) return false;
    buffer->memory = memory;
    buffer->capacity = capacity;
    return true;
}

/* Content moves to the front only when that frees at least half: each byte is moved a bounded
 * number of times. */
char *buffer_reserve(struct buffer *buffer, size_t extra) {
    size_t used = buffer->start + buffer->size;
    if (extra > SIZE_MAX - used) return NULL;
    if (used + extra > buffer->capacity && buffer->start >= buffer->capacity / 2 &&
        buffer->start > 0) {
        memmove(buffer->memory, buffer_data(buffer), buffer->size);
        buffer->start = 0;
        used = buffer->size;
    }
    if (used + extra > buffer->capacity && !grow(buffer, used + extra)) return NULL;
    return buffer->memory + used;
}

void buffer_commit(struct buffer *buffer, size_t size) {
    buffer->size += size;
}

bool buffer_append_more(struct buffer *buffer, const void *data, size_t size) {
    char *room = buffer_reserve(buffer, size);
    if (!room) return false;
    memcpy(room, data, size);
    buffer_commit(buffer, size);
    return true;
}

void buffer_consume(struct buffer *buffer, size_t size) {
    if (size >= buffer->size) {
        buffer_clear(buffer);
    } else {
        buffer->start += size;
        buffer->size -= size;
    }
}

void buffer_clear(struct buffer *buffer) {
    buffer->start = 0;
    buffer->size = 0;
}

void buffer_free(struct buffer *buffer) {
    free(buffer->memory);
    *buffer = (struct buffer){0};
}
