#include "lvectors.h"

#include <string.h>
#include <unistd.h>

#include "lstart.h"

extern char **environ;

static void append(lua_State *L, struct buffer *buffer, const void *data, size_t size) {
    if (!buffer_append(buffer, data, size)) luaL_error(L, "start: not enough memory");
}

/* The string (or number) on the top of the stack, behind what is there, without or with its NUL. */
static void append_text(lua_State *L, struct buffer *texts, const char *what, size_t nul) {
    size_t size;
    loptions_expect(lstart_options(L), what, lua_isstring(L, -1), "a string");
    const char *text = lua_tolstring(L, -1, &size);
    if (strlen(text) != size) luaL_error(L, "start: '%s' has a NUL in it", what);
    append(L, texts, text, size + nul);
}

static size_t append_argv(lua_State *L, struct buffer *texts) {
    size_t count = (size_t)lua_rawlen(L, -1);
    if (count == 0) luaL_error(L, "start: argv is empty; its first element is the program");
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        append_text(L, texts, "argv[]", 1);
        lua_pop(L, 1);
    }
    return count;
}

static size_t append_shell(lua_State *L, struct buffer *texts) {
    append(L, texts, "/bin/sh\0-c", sizeof "/bin/sh\0-c");
    append_text(L, texts, "command", 1);
    return 3;
}

static size_t read_argv(lua_State *L, struct buffer *texts) {
    size_t count;
    int argv = loptions_push(lstart_options(L), "argv"),
        command = loptions_push(lstart_options(L), "command");
    if ((argv == LUA_TNIL) == (command == LUA_TNIL))
        luaL_error(L, "start: either argv or command must be given");
    if (command != LUA_TNIL) {
        count = append_shell(L, texts);
    } else {
        lua_pop(L, 1);
        loptions_expect(lstart_options(L), "argv", argv == LUA_TTABLE, "a list of strings");
        count = append_argv(L, texts);
        lua_pushnil(L);
    }
    lua_pop(L, 2);
    return count;
}

/* -- env name value */
static void append_variable(lua_State *L, struct buffer *texts) {
    loptions_expect(lstart_options(L), "env[]", lua_isstring(L, -1), "a string");
    lua_pushvalue(L, -2);
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "start: the names in 'env' must be strings, not a %s", luaL_typename(L, -1));
    const char *name = lua_tostring(L, -1);
    if (*name == '\0' || strchr(name, '='))
        luaL_error(L, "start: '%s' cannot be the name of a variable", name);
    append_text(L, texts, "env", 0);
    append(L, texts, "=", 1);
    lua_pop(L, 1);
    append_text(L, texts, "env[]", 1);
}

/* The number of variables, or -1: the host's environment. */
static ptrdiff_t read_env(lua_State *L, struct buffer *texts) {
    ptrdiff_t count = 0;
    int type = loptions_push(lstart_options(L), "env");
    loptions_expect(lstart_options(L), "env", type == LUA_TTABLE || type == LUA_TNIL,
                    "a table of names and values");
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return -1;
    }
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        append_variable(L, texts);
        count++;
    }
    lua_pop(L, 1);
    return count;
}

/* `count` pointers to the texts from `text` on, and a NULL; returns what comes behind the texts. */
static char *append_pointers(lua_State *L, struct buffer *pointers, char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        append(L, pointers, &text, sizeof text);
        text += strlen(text) + 1;
    }
    append(L, pointers, &(char *){NULL}, sizeof(char *));
    return text;
}

void lvectors_read(lua_State *L, struct lvectors *vectors) {
    struct buffer *texts = &vectors->texts, *pointers = &vectors->pointers;
    size_t arguments = read_argv(L, texts);
    ptrdiff_t variables = read_env(L, texts);
    char *rest = append_pointers(L, pointers, buffer_data(texts), arguments);
    if (variables >= 0) append_pointers(L, pointers, rest, (size_t)variables);
    char **first = (char **)(void *)buffer_data(pointers);
    vectors->argv = first;
    vectors->envp = variables >= 0 ? first + arguments + 1 : environ;
}

void lvectors_free(struct lvectors *vectors) {
    buffer_free(&vectors->texts);
    buffer_free(&vectors->pointers);
    vectors->argv = vectors->envp = NULL;
}

int lvectors_environment(lua_State *L) {
    lua_newtable(L);
    for (char **variable = environ; variable && *variable; variable++) {
        const char *value = strchr(*variable, '=');
        if (!value || value == *variable) continue;
        lua_pushlstring(L, *variable, (size_t)(value - *variable));
        lua_pushvalue(L, -1);
        if (lua_rawget(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushstring(L, value + 1);
            lua_rawset(L, -3);
        } else {
            lua_pop(L, 2);
        }
    }
    return 1;
}
