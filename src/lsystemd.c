/* lsystemd: watchbot.core.systemd. Implements sd_notify(3) without libsystemd: one datagram to the
 * socket of the service manager. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <lauxlib.h>

#include "core.h"
#include "lerror.h"

/* A name that begins with @ is of the abstract namespace, where a zero byte stands for it. */
static socklen_t set_address(struct sockaddr_un *address, const char *name, size_t size) {
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, size);
    if (name[0] == '@') address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
}

/* Never waits: a manager that does not read must not block the loop. */
static int send_text(const struct sockaddr_un *address, socklen_t length, const char *text,
                     size_t size) {
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    ssize_t sent = sendto(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)address, length);
    int error = sent < 0 ? errno : 0;
    close(fd);
    return error;
}

/* -- socket text => true | nil message code */
static int systemd_notify(lua_State *L) {
    struct sockaddr_un address = {0};
    size_t name_size, size;
    const char *name = luaL_checklstring(L, 1, &name_size);
    const char *text = luaL_checklstring(L, 2, &size);
    int error = EINVAL;
    if ((name[0] == '/' || name[0] == '@') && name_size < sizeof address.sun_path)
        error = send_text(&address, set_address(&address, name, name_size), text, size);
    if (error) return lerror_errno(L, error, "could not notify the service manager at '%s'", name);
    lua_pushboolean(L, 1);
    return 1;
}

/* => integer : of this process, which the manager may name */
static int systemd_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

static const luaL_Reg functions[] = {
    {"notify", systemd_notify},
    {"pid",    systemd_pid   },
    {NULL,     NULL          },
};

int luaopen_watchbot_systemd(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
