#include "state.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks are multiples of GRAIN, up to LARGEST; CHUNK bytes of them come from malloc at a time. */
enum { GRAIN = 16, LARGEST = 512, CLASSES = LARGEST / GRAIN + 1, CHUNK = 1 << 15 };

union block {
    union block *next;
    char bytes[GRAIN];
};

struct chunk {
    struct chunk *next;
    union block blocks[CHUNK / GRAIN];
};

struct pool {
    union block *free[CLASSES];
    union block *at; /* what is left of the newest chunk */
    size_t left;     /* in blocks of GRAIN */
    struct chunk *chunks;
};

static bool is_small(size_t size) {
#ifdef __SANITIZE_ADDRESS__
    (void)size;
    return false; /* each value is to be watched */
#else
    return size <= LARGEST;
#endif
}

static size_t class_of(size_t size) {
    return (size + GRAIN - 1) / GRAIN;
}

static void give(struct pool *pool, void *memory, size_t class) {
    union block *block = memory;
    block->next = pool->free[class];
    pool->free[class] = block;
}

/* The rest of a chunk becomes a block of that size. */
static bool add_chunk(struct pool *pool) {
    struct chunk *chunk = malloc(sizeof *chunk);
    if (!chunk) return false;
    if (pool->left > 0) give(pool, pool->at, pool->left);
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->at = chunk->blocks;
    pool->left = CHUNK / GRAIN;
    return true;
}

static void *take(struct pool *pool, size_t class) {
    union block *block = pool->free[class];
    if (block) {
        pool->free[class] = block->next;
        return block;
    }
    if (pool->left < class && !add_chunk(pool)) return NULL;
    block = pool->at;
    pool->at += class;
    pool->left -= class;
    return block;
}

static void release(struct pool *pool, void *memory, size_t size) {
    if (!memory) return;
    if (is_small(size)) {
        give(pool, memory, class_of(size));
    } else {
        free(memory);
    }
}

/* Lua requires that a block can always be made smaller: it may stay in place, because a block
 * larger than its list's size does no harm there. */
static void *resize(struct pool *pool, void *memory, size_t before, size_t size) {
    if (is_small(before) && is_small(size) && class_of(before) == class_of(size)) return memory;
    if (!is_small(before) && !is_small(size)) return realloc(memory, size);
    void *moved = is_small(size) ? take(pool, class_of(size)) : malloc(size);
    if (!moved) return size < before ? memory : NULL;
    memcpy(moved, memory, before < size ? before : size);
    release(pool, memory, before);
    return moved;
}

/* Without `memory`, `before` is the kind of value that is made. */
static void *allocate(void *pool, void *memory, size_t before, size_t size) {
    if (size == 0) {
        release(pool, memory, before);
        return NULL;
    }
    if (memory) return resize(pool, memory, before, size);
    return is_small(size) ? take(pool, class_of(size)) : malloc(size);
}

static void close_pool(struct pool *pool) {
    for (struct chunk *next, *chunk = pool->chunks; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    free(pool);
}

static int panic(lua_State *L) {
    const char *text = lua_tostring(L, -1);
    fprintf(stderr, "watchbot: unprotected error in Lua: %s\n", text ? text : "not a text");
    return 0;
}

/* The function `warn` of Lua, which "@on" and "@off" switch. */
struct warnings {
    bool on, within;
};

static void warn(void *data, const char *text, int continues) {
    struct warnings *warnings = data;
    if (!warnings->within && !continues && *text == '@') {
        if (strcmp(text, "@on") == 0) warnings->on = true;
        if (strcmp(text, "@off") == 0) warnings->on = false;
        return;
    }
    if (warnings->on)
        fprintf(stderr, "%s%s%s", warnings->within ? "" : "Lua warning: ", text,
                continues ? "" : "\n");
    warnings->within = continues;
}

/* os.exit closes the state and leaves the pool to the system: LeakSanitizer has to find it here. */
static struct pool *volatile opened;

lua_State *state_open(void) {
    static struct warnings warnings;
    struct pool *pool = calloc(1, sizeof *pool);
    lua_State *L = pool ? lua_newstate(allocate, pool) : NULL;
    opened = pool;
    if (L) {
        lua_atpanic(L, panic);
        lua_setwarnf(L, warn, &warnings);
    } else if (pool) {
        close_pool(pool);
    }
    return L;
}

void state_close(lua_State *L) {
    void *pool;
    lua_getallocf(L, &pool);
    lua_close(L);
    close_pool(pool);
}
