/* lfile: watchbot.core.file. Files in folders that others may write: only opens regular files of
 * this user, and no links; and file status for `watchbot check`. */
#define _GNU_SOURCE /* statx */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core.h"
#include "lerror.h"

enum { SAFELY = O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, PRIVATE = 0600 };

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

/* Why an existing file must not be written, or NULL. */
static const char *objection(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) return "it is no regular file";
    if (status.st_uid != geteuid()) return "it belongs to another user";
    if (status.st_nlink > 1) return "it has another name (a hard link)";
    return NULL;
}

/* Whether the file is empty or starts like `text`: other files are not overwritten. */
static bool is_like(int fd, const char *text, size_t size) {
    char begin[16];
    ssize_t got = pread(fd, begin, size < sizeof begin ? size : sizeof begin, 0);
    /* "2026-11-28T" and the like: digits may differ, the rest not. */
    for (ssize_t i = 0; i < got && i < 11; i++) {
        bool digit = text[i] >= '0' && text[i] <= '9';
        if (digit ? begin[i] < '0' || begin[i] > '9' : begin[i] != text[i]) return false;
    }
    return got >= 0;
}

static int refresh_open(lua_State *L, int fd, const char *path, const char *text, size_t size) {
    const char *reason = objection(fd);
    if (!reason && !is_like(fd, text, size)) reason = "it is there and no health file";
    if (reason) return lerror_push(L, "Refused", "'%s' is not written: %s", path, reason);
    int error = fchmod(fd, PRIVATE) == 0 ? write_all(fd, text, size) : errno;
    if (!error && ftruncate(fd, (off_t)size) != 0) error = errno;
    if (error) return lerror_errno(L, error, "could not write '%s'", path);
    lua_pushboolean(L, true);
    return 1;
}

/* -- path text => true | nil err code : text starts with a date, and so does the file if it exists.
 * It is never empty meanwhile. */
static int l_refresh(lua_State *L) {
    size_t size;
    const char *path = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &size);
    int fd = open(path, O_RDWR | O_CREAT | SAFELY, PRIVATE);
    if (fd < 0 && errno == ELOOP) {
        return lerror_push(L, "Refused", "'%s' is not written: it is a symbolic link", path);
    }
    if (fd < 0) return lerror_errno(L, errno, "could not write '%s'", path);
    int results = refresh_open(L, fd, path, text, size);
    close(fd);
    return results;
}

/* -- path text executable_or_mode => true | nil err code : a new file, never an existing one, nor
 * the target of a dangling link */
static int l_create(lua_State *L) {
    size_t size;
    const char *path = luaL_checkstring(L, 1);
    const char *text = luaL_checklstring(L, 2, &size);
    mode_t mode = lua_toboolean(L, 3) ? 0777 : 0666;
    if (lua_isinteger(L, 3)) mode = (mode_t)(lua_tointeger(L, 3) & 0777);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | SAFELY, mode);
    if (fd < 0) return lerror_errno(L, errno, "could not write '%s'", path);
    int error = write_all(fd, text, size);
    if (close(fd) != 0 && !error) error = errno;
    if (error) {
        unlink(path);
        return lerror_errno(L, error, "could not write '%s'", path);
    }
    lua_pushboolean(L, true);
    return 1;
}

static void set_integer(lua_State *L, const char *name, lua_Integer value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_boolean(lua_State *L, const char *name, bool value) {
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

/* -- path => status | nil err code : the last link of the path is not followed */
static int l_status(lua_State *L) {
    struct statx status;
    struct statfs system;
    const char *path = luaL_checkstring(L, 1);
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status) != 0) {
        return lerror_errno(L, errno, "could not look at '%s'", path);
    }
    lua_newtable(L);
    set_integer(L, "device", (lua_Integer)status.stx_dev_major << 32 | status.stx_dev_minor);
    set_integer(L, "inode", (lua_Integer)status.stx_ino);
    set_integer(L, "links", status.stx_nlink);
    set_integer(L, "owner", status.stx_uid);
    set_integer(L, "mode", status.stx_mode & 07777);
    set_integer(L, "size", (lua_Integer)status.stx_size);
    set_integer(L, "modified", status.stx_mtime.tv_sec);
    set_boolean(L, "owned", status.stx_uid == geteuid());
    set_boolean(L, "regular", S_ISREG(status.stx_mode));
    set_boolean(L, "folder", S_ISDIR(status.stx_mode));
    set_boolean(L, "link", S_ISLNK(status.stx_mode));
    set_boolean(L, "writable", faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0);
#ifdef STATX_ATTR_MOUNT_ROOT
    set_boolean(L, "mounted", status.stx_attributes & STATX_ATTR_MOUNT_ROOT);
#endif
    if (statfs(path, &system) == 0) {
        set_integer(L, "system", (lua_Integer)system.f_type & 0xFFFFFFFF);
        set_integer(L, "free", (lua_Integer)system.f_bavail * (lua_Integer)system.f_bsize);
    }
    return 1;
}

/* -- => the user's number */
static int l_user(lua_State *L) {
    lua_pushinteger(L, geteuid());
    return 1;
}

static const luaL_Reg functions[] = {
    {"create",  l_create },
    {"refresh", l_refresh},
    {"status",  l_status },
    {"user",    l_user   },
    {NULL,      NULL     },
};

int luaopen_watchbot_file(lua_State *L) {
    luaL_newlib(L, functions);
    return 1;
}
