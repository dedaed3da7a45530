/* coverage: notes which lines of watchbot's Lua run, for `make coverage`. Linked into the program
 * and the interpreter of the specs with --wrap, so that each Lua state has its hook from the start:
 * the program opens its own by lua_newstate, the interpreter by luaL_newstate; coroutines inherit
 * it. At the end the lines are written to $COVERAGE_DIR/PID, one "FILE LINE" each. Where
 * scheduler.limit puts its own hook into a coroutine, lines go unnoticed.
 * */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lauxlib.h>

enum { FILES = 1024, LINES = 2048 };

lua_State *__real_luaL_newstate(void);
lua_State *__wrap_luaL_newstate(void);
lua_State *__real_lua_newstate(lua_Alloc allocate, void *data);
lua_State *__wrap_lua_newstate(lua_Alloc allocate, void *data);

static struct file {
    char *name;
    unsigned char lines[LINES];
} files[FILES];

/* "watchbot/a/b.lua" of a chunk's name, or NULL for a chunk of another program. The name is
 * "@watchbot/..." in the program, "@.../lua/watchbot/..." in a checkout. */
static const char *name_of(const char *source) {
    if (strstr(source, "/meta/")) return NULL;
    if (strncmp(source, "@watchbot/", 10) == 0) return source + 1;
    const char *name = NULL;
    for (const char *at = source; (at = strstr(at, "lua/watchbot/")); at++) name = at + 4;
    return *source == '@' ? name : NULL;
}

static struct file *file_of(const char *source) {
    const char *name = name_of(source);
    if (!name) return NULL;
    size_t at = 0;
    for (const char *letter = name; *letter; letter++) at = at * 31 + (unsigned char)*letter;
    for (size_t tries = 0; tries < FILES; tries++) {
        struct file *file = &files[(at + tries) % FILES];
        if (!file->name) file->name = strdup(name);
        if (file->name && strcmp(file->name, name) == 0) return file;
    }
    return NULL;
}

static void on_line(lua_State *L, lua_Debug *ar) {
    static const char *last_source;
    static struct file *last;
    lua_getinfo(L, "S", ar);
    if (ar->source != last_source) {
        last = file_of(ar->source);
        last_source = last ? ar->source : NULL;
    }
    if (last && ar->currentline > 0 && ar->currentline < LINES) last->lines[ar->currentline] = 1;
}

static void write_lines(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%ld", getenv("COVERAGE_DIR"), (long)getpid());
    FILE *out = fopen(path, "ae");
    for (struct file *file = files; out && file < files + FILES; file++) {
        for (int line = 1; line < LINES; line++) {
            if (file->lines[line]) fprintf(out, "%s %d\n", file->name, line);
        }
    }
    if (out) fclose(out);
}

static lua_State *hooked(lua_State *L) {
    static int registered;
    if (!L || !getenv("COVERAGE_DIR")) return L;
    if (!registered++) atexit(write_lines);
    lua_sethook(L, on_line, LUA_MASKLINE, 0);
    return L;
}

lua_State *__wrap_luaL_newstate(void) {
    return hooked(__real_luaL_newstate());
}

lua_State *__wrap_lua_newstate(lua_Alloc allocate, void *data) {
    return hooked(__real_lua_newstate(allocate, data));
}
