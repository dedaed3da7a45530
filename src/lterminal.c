/* lterminal: watchbot.core.terminal. Whether a descriptor is a terminal, its size, single keys
 * from it, and output that is written completely or fails. Raw mode is a handle: closing or
 * dropping it, even because of an error, restores the terminal. watchbot.core.input reads the keys.
 * Ctrl-C remains a signal, which its owner turns into a close; keys that would end the program
 * without one, or stop it in raw mode (Ctrl-\ and Ctrl-Z), are ignored meanwhile. */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"

#define RAW_TYPE "watchbot.terminal.raw"

/* The bytes that a pipe with space accepts without waiting (PIPE_BUF): signals are checked between
 * two writes. */
enum { PIECE = 4096 };

struct raw {
    struct termios before;
    int fd;
    bool open;
};

/* -- fd => whether it is a terminal */
static int l_is_terminal(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

static void push_count(lua_State *L, unsigned short count) {
    if (count > 0) {
        lua_pushinteger(L, count);
    } else {
        lua_pushnil(L);
    }
}

/* -- fd => columns, rows | nil, nil where it has none */
static int l_size(lua_State *L) {
    struct winsize size = {0};
    int failed = ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size);
    push_count(L, failed ? 0 : size.ws_col);
    push_count(L, failed ? 0 : size.ws_row);
    return 2;
}

/* Waits for room, then writes. The descriptor may be nonblocking: other processes have the same
 * open file. */
static ssize_t write_piece(int fd, const char *data, size_t size) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (poll(&room, 1, -1) < 0) return -1;
    return write(fd, data, size < PIECE ? size : PIECE);
}

/* -- fd bytes first => next : the first byte that is not written yet, where a signal has come; nil
 * err code */
static int l_write(lua_State *L) {
    size_t size;
    int fd = (int)luaL_checkinteger(L, 1);
    const char *data = luaL_checklstring(L, 2, &size);
    size_t at = (size_t)luaL_checkinteger(L, 3) - 1;
    while (at < size) {
        ssize_t written = write_piece(fd, data + at, size - at);
        if (written < 0 && errno == EINTR) break;
        if (written < 0 && errno != EAGAIN)
            return lerror_errno(L, errno, "could not write to standard output");
        if (written > 0) at += (size_t)written;
    }
    lua_pushinteger(L, (lua_Integer)at + 1);
    return 1;
}

/* -- fd : discards input that was typed, or sent by the terminal, and not read yet */
static int l_discard(lua_State *L) {
    tcflush((int)luaL_checkinteger(L, 1), TCIFLUSH);
    return 0;
}

static struct termios keys_of(struct termios mode) {
    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    mode.c_cc[VQUIT] = mode.c_cc[VSUSP] = _POSIX_VDISABLE;
    return mode;
}

/* -- fd => raw | nil err code */
static int l_raw(lua_State *L) {
    int fd = (int)luaL_checkinteger(L, 1);
    struct raw *raw = lhandle_new(L, RAW_TYPE, sizeof *raw, 0);
    raw->fd = fd;
    if (tcgetattr(fd, &raw->before) != 0)
        return lerror_errno(L, errno, "could not read the terminal's mode");
    struct termios mode = keys_of(raw->before);
    if (tcsetattr(fd, TCSAFLUSH, &mode) != 0)
        return lerror_errno(L, errno, "could not set the terminal's mode");
    raw->open = true;
    return 1;
}

static int raw_close(lua_State *L) {
    struct raw *raw = luaL_checkudata(L, 1, RAW_TYPE);
    if (raw->open) tcsetattr(raw->fd, TCSAFLUSH, &raw->before);
    raw->open = false;
    return 0;
}

static const luaL_Reg metamethods[] = {
    {"__gc",    raw_close},
    {"__close", raw_close},
    {NULL,      NULL     },
};

static const luaL_Reg methods[] = {
    {"close", raw_close},
    {NULL,    NULL     },
};

static const luaL_Reg functions[] = {
    {"is_terminal", l_is_terminal},
    {"discard",     l_discard    },
    {"raw",         l_raw        },
    {"size",        l_size       },
    {"write",       l_write      },
    {NULL,          NULL         },
};

int luaopen_watchbot_terminal(lua_State *L) {
    lhandle_type(L, RAW_TYPE, metamethods, methods);
    luaL_newlib(L, functions);
    return 1;
}
