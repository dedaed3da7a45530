/* lterminal: watchbot.core.terminal. Whether a descriptor is a terminal, how wide it is, and single keys from it.
 * Raw mode is a handle: whoever closes or drops it, an error on its way out too, has the terminal as it was. Keys are read by
 * watchbot.core.input. Ctrl-C stays a signal, which its owner turns into a close; those that would leave the program without
 * one, or stop it in raw mode (Ctrl-\ and Ctrl-Z), are no keys meanwhile. */
#include <errno.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core.h"
#include "lerror.h"
#include "lhandle.h"

#define RAW_TYPE "watchbot.terminal.raw"

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

/* -- fd => columns | nil where it has none */
static int l_columns(lua_State *L) {
    struct winsize size;
    if (ioctl((int)luaL_checkinteger(L, 1), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return lua_pushnil(L), 1;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

static struct termios keys_of(struct termios mode) {
    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 1;
    mode.c_cc[VTIME] = 0;
    mode.c_cc[VQUIT] = mode.c_cc[VSUSP] = _POSIX_VDISABLE;
    return mode;
}

/* -- fd => raw | nil message code */
static int l_raw(lua_State *L) {
    int fd = (int)luaL_checkinteger(L, 1);
    struct raw *raw = lhandle_new(L, RAW_TYPE, sizeof *raw, 0);
    raw->fd = fd;
    if (tcgetattr(fd, &raw->before) != 0) return lerror_errno(L, errno, "could not read the terminal's mode");
    struct termios mode = keys_of(raw->before);
    if (tcsetattr(fd, TCSADRAIN, &mode) != 0) return lerror_errno(L, errno, "could not set the terminal's mode");
    raw->open = true;
    return 1;
}

static int raw_close(lua_State *L) {
    struct raw *raw = luaL_checkudata(L, 1, RAW_TYPE);
    if (raw->open) tcsetattr(raw->fd, TCSADRAIN, &raw->before);
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
    {"columns",     l_columns    },
    {"raw",         l_raw        },
    {NULL,          NULL         },
};

int luaopen_watchbot_terminal(lua_State *L) {
    lhandle_type(L, RAW_TYPE, metamethods, methods);
    luaL_newlib(L, functions);
    return 1;
}
