/* buffer: growable bytes that are appended at the end and taken from the front. A zeroed struct is
 * an empty buffer. A failed allocation is reported (false), and the buffer is unchanged. */
#ifndef WATCHBOT_BUFFER_H
#define WATCHBOT_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buffer {
    char *memory;    /* the allocation */
    size_t start;    /* offset of the first byte that is still to be taken */
    size_t size;     /* bytes from start on */
    size_t capacity; /* bytes allocated */
};

/* NULL where nothing was ever appended. */
static inline char *buffer_data(const struct buffer *buffer) {
    return buffer->memory ? buffer->memory + buffer->start : NULL;
}

/* Makes room for `extra` bytes after the content and returns their address, or NULL (no memory). */
char *buffer_reserve(struct buffer *buffer, size_t extra);

/* Counts `size` bytes, written at the address from buffer_reserve, as content. */
void buffer_commit(struct buffer *buffer, size_t size);

bool buffer_append_more(struct buffer *buffer, const void *data, size_t size);

/* In the header, since most of what is appended is a few bytes, for which there is room. */
static inline bool buffer_append(struct buffer *buffer, const void *data, size_t size) {
    size_t used = buffer->start + buffer->size;
    if (size == 0) return true;
    if (size > buffer->capacity - used) return buffer_append_more(buffer, data, size);
    memcpy(buffer->memory + used, data, size);
    buffer->size += size;
    return true;
}

static inline bool buffer_append_byte(struct buffer *buffer, char byte) {
    size_t used = buffer->start + buffer->size;
    if (used == buffer->capacity) return buffer_append_more(buffer, &byte, 1);
    buffer->memory[used] = byte;
    buffer->size++;
    return true;
}

/* Takes `size` bytes (at most all of them) from the front. */
void buffer_consume(struct buffer *buffer, size_t size);

/* Empties the buffer; its memory is kept for the next use. */
void buffer_clear(struct buffer *buffer);

/* Frees the memory; the buffer is empty and usable. */
void buffer_free(struct buffer *buffer);

#endif
